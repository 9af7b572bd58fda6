//! A value as written, made into the value that is meant: quotes, escapes and variables.

use super::{
    chars::{is_quote, is_word},
    error::Reason,
};

/// OpenSSL's bound on a value that holds variables (`MAX_CONF_VALUE_LENGTH`). It stops values that
/// double with each line.
const LONGEST: usize = 65_536;

/// Looks a variable up: section (where one is named or implied) and name.
pub(super) type Lookup<'a> = dyn Fn(Option<&[u8]>, &[u8]) -> Result<Option<Vec<u8>>, Reason> + 'a;

/// Expands one value of `section`. With `dollar_in_names` (`.pragma dollarid:on`) only `${…}` and
/// `$(…)` are variables.
pub(super) fn expand(
    text: &[u8],
    section: Option<&[u8]>,
    dollar_in_names: bool,
    lookup: &Lookup<'_>,
) -> Result<Vec<u8>, Reason> {
    let mut out = Vec::with_capacity(text.len());
    // OpenSSL bounds its buffer, not the value: the buffer keeps room for the text as written.
    let mut room = text.len() + 1;
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = match *byte {
            quote if is_quote(quote) => quoted(after, quote, &mut out),
            b'\\' => escaped(after, &mut out),
            b'$' if !dollar_in_names || matches!(after.first(), Some(b'{' | b'(')) => {
                let (variable, behind) = Variable::split(after, dollar_in_names)?;
                let value = lookup(variable.section.or(section), variable.name)?;
                let value = value.ok_or_else(|| variable.unknown())?;
                room = room + value.len() - (rest.len() - behind.len());
                if room > LONGEST {
                    return Err(Reason::ExpansionTooLong { limit: LONGEST });
                }
                out.extend_from_slice(&value);
                behind
            }
            other => {
                out.push(other);
                after
            }
        };
    }
    Ok(out)
}

/// Copies up to the closing quote; a missing one is forgiven. Escapes stand for themselves here:
/// `"\n"` is the letter n.
fn quoted<'a>(text: &'a [u8], quote: u8, out: &mut Vec<u8>) -> &'a [u8] {
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        if *byte == quote {
            return after;
        }
        rest = after;
        let mut literal = *byte;
        if literal == b'\\' {
            let Some((escaped, after)) = rest.split_first() else { break };
            literal = *escaped;
            rest = after;
        }
        out.push(literal);
    }
    &[]
}

fn escaped<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some((byte, after)) = text.split_first() else { return &[] };
    out.push(match byte {
        b'r' => b'\r',
        b'n' => b'\n',
        b'b' => 0x08,
        b't' => b'\t',
        other => *other,
    });
    after
}

struct Variable<'a> {
    section: Option<&'a [u8]>,
    name: &'a [u8],
}

impl<'a> Variable<'a> {
    /// Splits `name`, `section::name` or either of them in brackets off the text behind a `$`.
    fn split(text: &'a [u8], dollar_in_names: bool) -> Result<(Self, &'a [u8]), Reason> {
        let (close, inner) = match text.split_first() {
            Some((b'{', inner)) => (Some(b'}'), inner),
            Some((b'(', inner)) => (Some(b')'), inner),
            _ => (None, text),
        };
        let word = |text: &'a [u8]| {
            let more = |byte: &u8| is_word(*byte) || (dollar_in_names && *byte == b'$');
            let end = text.iter().position(|byte| !more(byte)).unwrap_or(text.len());
            text.split_at_checked(end).unwrap_or((text, &[]))
        };
        let (first, rest) = word(inner);
        let (variable, rest) = match rest.strip_prefix(b"::") {
            Some(rest) => {
                let (name, rest) = word(rest);
                (Self { section: Some(first), name }, rest)
            }
            None => (Self { section: None, name: first }, rest),
        };
        match (close, rest.split_first()) {
            (None, _) => Ok((variable, rest)),
            (Some(close), Some((found, rest))) if *found == close => Ok((variable, rest)),
            (Some(close), _) => Err(Reason::MissingCloseBrace { brace: char::from(close) }),
        }
    }

    fn unknown(&self) -> Reason {
        let section = self.section.map(|name| String::from_utf8_lossy(name).into_owned());
        let name = String::from_utf8_lossy(self.name).into_owned();
        Reason::UnknownVariable { name: section.map_or(name.clone(), |it| format!("{it}::{name}")) }
    }
}
