//! Comparing lines of output with what is expected of them.

/// Whether the text is as expected: `[..]` for anything in a line, `...` for any lines.
pub(crate) fn agree(expected: &str, found: &str) -> bool {
    let expected: Vec<&str> = expected.lines().collect();
    let found: Vec<&str> = found.lines().collect();
    all(&expected, &found)
}

fn all(expected: &[&str], found: &[&str]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((&"...", rest)) => (0..=found.len()).any(|skipped| all(rest, &found[skipped..])),
        Some((line, rest)) => match found.split_first() {
            Some((first, others)) => one(line, first) && all(rest, others),
            None => false,
        },
    }
}

fn one(expected: &str, found: &str) -> bool {
    match expected.split_once("[..]") {
        None => expected == found,
        Some((start, rest)) => found.strip_prefix(start).is_some_and(|found| {
            found
                .char_indices()
                .map(|(index, _)| index)
                .chain([found.len()])
                .any(|index| one(rest, &found[index..]))
        }),
    }
}

#[test]
fn wildcards_stand_for_what_they_should_and_nothing_else() {
    for (expected, found, agreed) in [
        ("a\nb\n", "a\nb\n", true),
        ("a\n", "a\nb\n", false),
        ("a\nb\n", "a\n", false),
        ("a[..]c\n", "abbc\n", true),
        ("a[..]c\n", "ac\n", true),
        ("a[..]c\n", "acd\n", false),
        ("...\nc\n", "a\nb\nc\n", true),
        ("...\nc\n", "a\nb\n", false),
        ("a\n...\n", "a\n", true),
        ("", "a\n", false),
    ] {
        assert_eq!(agree(expected, found), agreed, "{expected:?} {found:?}");
    }
}
