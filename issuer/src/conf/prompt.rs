//! Configs that ask questions (`prompt` absent or `yes`), answered as `openssl req -batch` does.

use super::{
    Config, Section,
    error::{Error, Place, Reason, shown},
    name::{Subject, Texts, attribute_type},
    objects::Objects,
    request::Unanswered,
};

/// OpenSSL's buffers: for keys with a suffix, and for answers with a line end.
const LONGEST_KEY: usize = 99;
const LONGEST_ANSWER: usize = 1_022;

/// The subject. A key that is no known object is passed over, also where it is an OID that has no name.
pub(super) fn subject(
    config: &Config,
    section: &Section,
    named: &Place,
    objects: &Objects,
    texts: Texts,
    unanswered: &mut Vec<Unanswered>,
) -> Result<Subject, Error> {
    let mut subject = Subject::default();
    let mut any = false;
    for value in section.values() {
        any = true;
        let key = value.name();
        let suffixes: [&[u8]; 4] = [b"_min", b"_max", b"_default", b"_value"];
        if suffixes.iter().any(|suffix| key.ends_with(suffix)) {
            continue;
        }
        let (name, joined) = attribute_type(key);
        if !objects.resolve(name).is_ok_and(|oid| objects.is_known(&oid)) {
            continue;
        }
        match answer(config, section, key, value.place())? {
            Some((text, place)) => subject
                .push(name, &text, joined, objects, texts)
                .map_err(|reason| place.error(reason))?,
            None => unanswered.push(Unanswered {
                name: shown(key),
                question: shown(value.bytes()),
                place: value.place().clone(),
            }),
        }
    }
    if !any {
        return Err(named.error(Reason::EmptySubject { section: shown(section.name()) }));
    }
    Ok(subject)
}

/// An attribute of the request, with its text and where that stands.
pub(super) struct Answer {
    pub(super) name: Vec<u8>,
    pub(super) text: Vec<u8>,
    pub(super) place: Place,
}

/// The attributes that have an answer.
pub(super) fn attributes(
    config: &Config,
    section: &Section,
    objects: &Objects,
) -> Result<Vec<Answer>, Error> {
    let mut found = Vec::new();
    for value in section.values() {
        let name = value.name();
        if !objects.resolve(name).is_ok_and(|oid| objects.is_known(&oid)) {
            continue;
        }
        if let Some((text, place)) = answer(config, section, name, value.place())? {
            found.push(Answer { name: name.to_vec(), text, place });
        }
    }
    Ok(found)
}

/// The `_value` of a key, or else its `_default`; nothing where both are absent or empty, or where
/// the answer is a lone dot. Its length in bytes must keep to `_min` and `_max`.
fn answer(
    config: &Config,
    section: &Section,
    key: &[u8],
    place: &Place,
) -> Result<Option<(Vec<u8>, Place)>, Error> {
    if key.len() + "_default".len() > LONGEST_KEY {
        let (length, limit) = (key.len(), LONGEST_KEY - "_default".len());
        return Err(place.error(Reason::StringTooLong { length, limit }));
    }
    let with = |suffix: &str| config.value(section.name(), &[key, suffix.as_bytes()].concat());
    let Some(answer) = with("_value").or_else(|| with("_default")) else { return Ok(None) };
    let text = answer.bytes();
    let fixed = with("_value").is_some();
    if text.len() > LONGEST_ANSWER {
        let (length, limit) = (text.len(), LONGEST_ANSWER);
        return Err(answer.place().error(Reason::StringTooLong { length, limit }));
    }
    // A `_value` is read like a line typed in: an empty one means the default, a dot means nothing.
    let line = fixed.then(|| text.split(|byte| *byte == b'\n').next().unwrap_or_default());
    let text = if line == Some(b"") { default_of(config, section, key) } else { text };
    if text.is_empty() || line == Some(b".") {
        return Ok(None);
    }
    let bound = |suffix| with(suffix).map(|value| number(value.bytes()));
    if let Some(limit) = bound("_min")
        && limit > 0
        && text.len() < limit
    {
        return Err(answer.place().error(Reason::StringTooShort { length: text.len(), limit }));
    }
    if let Some(limit) = bound("_max")
        && text.len() > limit
    {
        return Err(answer.place().error(Reason::StringTooLong { length: text.len(), limit }));
    }
    Ok(Some((text.to_vec(), answer.place().clone())))
}

fn default_of<'a>(config: &'a Config, section: &Section, key: &[u8]) -> &'a [u8] {
    let name = [key, b"_default"].concat();
    config.value(section.name(), &name).map(super::Value::bytes).unwrap_or_default()
}

/// The digits that a value begins with; none are 0.
fn number(text: &[u8]) -> usize {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number: usize, digit| {
        number.saturating_mul(10).saturating_add(usize::from(digit - b'0'))
    })
}
