//! IP addresses as OpenSSL reads them.

/// Four octets of a v4 address, or sixteen of a v6 address.
pub(super) fn address(text: &[u8]) -> Option<Vec<u8>> {
    if text.contains(&b':') { v6(text) } else { v4(text) }
}

/// Address and mask, or address and prefix as an address: `10.0.0.0/255.0.0.0`.
pub(super) fn network(text: &[u8]) -> Option<Vec<u8>> {
    let at = text.iter().position(|byte| *byte == b'/')?;
    let (base, mask) = text.split_at_checked(at)?;
    let mut out = address(base)?;
    let mask = address(mask.strip_prefix(b"/")?)?;
    (mask.len() == out.len()).then(|| {
        out.extend(mask);
        out
    })
}

/// Four numbers, read with C's `sscanf("%d.%d.%d.%d")`: white space and a sign may stand before each,
/// leading zeros do not mean octal, and behind white space anything may follow (OpenSSL 3.0.19).
fn v4(text: &[u8]) -> Option<Vec<u8>> {
    let mut rest = text;
    let mut octets = Vec::with_capacity(4);
    for position in 0..4 {
        if position > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        let start = rest.iter().position(|byte| !is_space(*byte))?;
        rest = rest.get(start..)?;
        let negative = rest.starts_with(b"-");
        rest = rest.strip_prefix(b"-").or(rest.strip_prefix(b"+")).unwrap_or(rest);
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, behind) = rest.split_at_checked(digits)?;
        let value = number
            .iter()
            .try_fold(0_u8, |value, digit| value.checked_mul(10)?.checked_add(digit - b'0'))?;
        if digits == 0 || (negative && value != 0) {
            return None;
        }
        octets.push(value);
        rest = behind;
    }
    rest.first().is_none_or(|byte| is_space(*byte)).then_some(octets)
}

/// C's `isspace`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | 9..=13)
}

/// Groups of one to four digits; `::` once; a v4 address may stand at the end.
fn v6(text: &[u8]) -> Option<Vec<u8>> {
    let mut octets: Vec<u8> = Vec::new();
    let mut gap = None;
    let mut empty_groups = 0;
    let groups: Vec<_> = text.split(|byte| *byte == b':').collect();
    for (position, group) in groups.iter().enumerate() {
        if octets.len() == 16 {
            return None;
        }
        if group.is_empty() {
            if *gap.get_or_insert(octets.len()) != octets.len() {
                return None;
            }
            empty_groups += 1;
        } else if group.len() > 4 {
            if octets.len() > 12 || position + 1 != groups.len() {
                return None;
            }
            octets.extend(v4(group)?);
        } else {
            if !group.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            let value = u16::from_str_radix(std::str::from_utf8(group).ok()?, 16).ok()?;
            octets.extend(value.to_be_bytes());
        }
    }
    let Some(gap) = gap else { return (octets.len() == 16).then_some(octets) };
    let at_an_end = gap == 0 || gap == octets.len();
    let well_formed = match empty_groups {
        1 => !at_an_end,
        2 => at_an_end,
        3 => octets.is_empty(),
        _ => false,
    };
    if octets.len() >= 16 || !well_formed {
        return None;
    }
    let zeros = vec![0; 16 - octets.len()];
    octets.splice(gap..gap, zeros);
    Some(octets)
}
