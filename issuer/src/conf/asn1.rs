//! The `ASN1:` mini-language: `type:value`, with modifiers in front, such as
//! `IMPLICIT:0,OCTETSTRING:text` or `SEQUENCE:section`.

use self::modifiers::{Modifiers, Word};
use super::{
    encode::{
        BIT_STRING, BMP_STRING, BOOLEAN, CONSTRUCTED, ENUMERATED, GENERAL_STRING, GENERALIZED_TIME,
        IA5_STRING, INTEGER, NULL, NUMERIC_STRING, OBJECT_IDENTIFIER, OCTET_STRING,
        PRINTABLE_STRING, SEQUENCE, SET, T61_STRING, UNIVERSAL_STRING, UTC_TIME, VISIBLE_STRING,
        content, element, named_bits, sequence, set_of,
    },
    error::{Error, Place, Reason, shown},
    extension::Maker,
    list::{c_trim, hex, integer_content, named_section, switch},
    strings::{Form, Types, string},
};

mod modifiers;
mod time;

/// OpenSSL's bound on sections within sections.
const DEEPEST: usize = 50;

/// OpenSSL has no bound: the number of one bit decides how much memory is taken.
const HIGHEST_BIT: usize = 65_535;

/// How the value of a string type is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Ascii,
    Utf8,
    Hex,
    BitList,
}

/// The element that a text describes.
pub(super) fn generate(
    maker: &mut Maker<'_>,
    text: &[u8],
    place: &Place,
) -> Result<Vec<u8>, Error> {
    nested(maker, text, place, 0)
}

fn nested(
    maker: &mut Maker<'_>,
    text: &[u8],
    place: &Place,
    depth: usize,
) -> Result<Vec<u8>, Error> {
    maker.spend(text.len(), place)?;
    let (modifiers, kind, value) = parse(text).map_err(|reason| place.error(reason))?;
    let inner = match kind {
        SEQUENCE | SET => {
            let members = members(maker, value, place, depth)?;
            if kind == SET { set_of(members) } else { sequence(&members.concat()) }
        }
        _ => {
            let value = value.unwrap_or_default();
            primitive(maker, kind, modifiers.format, value).map_err(|reason| place.error(reason))?
        }
    };
    let out = modifiers.apply(&inner).map_err(|reason| place.error(reason))?;
    maker.spend(out.len(), place)?;
    Ok(out)
}

/// Splits modifiers off, up to the first type. Its value is all that follows, commas included.
fn parse(text: &[u8]) -> Result<(Modifiers, u8, Option<&[u8]>), Reason> {
    let mut modifiers = Modifiers::default();
    let mut rest = text;
    loop {
        let start = rest.len() - c_trim_start(rest).len();
        rest = rest.get(start..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
        let (part, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        let part = c_trim(part);
        let colon = part.iter().position(|byte| *byte == b':');
        let (word, value) = match colon.and_then(|at| part.split_at_checked(at)) {
            Some((word, value)) => (word, Some(value.strip_prefix(b":").unwrap_or(value))),
            None => (part, None),
        };
        match Word::parse(word)? {
            Word::Type(kind) => {
                if value.is_none() && rest.len() > part.len() {
                    return Err(Reason::Invalid {
                        what: "type without a value",
                        value: shown(rest),
                    });
                }
                let whole = value.and_then(|_| rest.get(word.len() + 1..));
                return Ok((modifiers, kind, whole));
            }
            Word::Modifier(modifier) => modifiers.add(modifier, value)?,
        }
        match behind.split_first() {
            Some((_, next)) => rest = next,
            None => return Err(Reason::Invalid { what: "type", value: shown(text) }),
        }
    }
}

fn c_trim_start(text: &[u8]) -> &[u8] {
    let trimmed = c_trim(text);
    let end = text.iter().rposition(|byte| !matches!(byte, b' ' | 9..=13)).map_or(0, |at| at + 1);
    text.get(end - trimmed.len()..).unwrap_or_default()
}

/// The members that a section lists by its values; its keys only order them. No section: none.
fn members(
    maker: &mut Maker<'_>,
    section: Option<&[u8]>,
    place: &Place,
    depth: usize,
) -> Result<Vec<Vec<u8>>, Error> {
    if depth >= DEEPEST {
        return Err(place.error(Reason::Invalid {
            what: "nesting",
            value: format!("more than {DEEPEST} sections deep"),
        }));
    }
    let Some(name) = section else { return Ok(Vec::new()) };
    let section = named_section(maker.config(), name, place)?;
    section.values().map(|value| nested(maker, value.bytes(), value.place(), depth + 1)).collect()
}

fn primitive(maker: &Maker<'_>, kind: u8, format: Format, text: &[u8]) -> Result<Vec<u8>, Reason> {
    let plain =
        |what| if format == Format::Ascii { Ok(()) } else { Err(Reason::invalid(what, text)) };
    Ok(match kind {
        NULL if text.is_empty() => element(NULL, &[]),
        NULL => return Err(Reason::invalid("NULL", text)),
        BOOLEAN => {
            plain("format of a boolean")?;
            element(BOOLEAN, if switch(text)? { &[0xFF] } else { &[0] })
        }
        INTEGER | ENUMERATED => {
            plain("format of a number")?;
            element(kind, &integer_content(text)?)
        }
        OBJECT_IDENTIFIER => {
            plain("format of an object")?;
            maker.objects().resolve(text)?.encode()
        }
        UTC_TIME | GENERALIZED_TIME => {
            plain("format of a time")?;
            if !time::is_valid(kind, text) {
                return Err(Reason::invalid("time", text));
            }
            element(kind, text)
        }
        BIT_STRING | OCTET_STRING => octets(kind, format, text)?,
        _ => {
            let form = match format {
                Format::Ascii => Form::Latin1,
                Format::Utf8 => Form::Utf8,
                Format::Hex | Format::BitList => {
                    return Err(Reason::invalid("format of a text", text));
                }
            };
            let made = string(text, form, types(kind), 0, usize::MAX)?;
            element(kind, content(&made))
        }
    })
}

/// OpenSSL's chooser of string types does not know VisibleString and GeneralString: they keep their tag
/// and hold UTF-8 (3.0.19).
fn types(kind: u8) -> Types {
    match kind {
        NUMERIC_STRING => Types::NUMERIC,
        PRINTABLE_STRING => Types::PRINTABLE,
        T61_STRING => Types::T61,
        IA5_STRING => Types::IA5,
        BMP_STRING => Types::BMP,
        UNIVERSAL_STRING => Types::UNIVERSAL,
        VISIBLE_STRING | GENERAL_STRING => Types::OTHER,
        _ => Types::UTF8,
    }
}

fn octets(kind: u8, format: Format, text: &[u8]) -> Result<Vec<u8>, Reason> {
    let content = match format {
        Format::Hex => hex(text)?,
        Format::Ascii => text.to_vec(),
        Format::BitList if kind == BIT_STRING => return bit_list(text),
        _ => return Err(Reason::invalid("format of a bit or octet string", text)),
    };
    if kind == BIT_STRING {
        return Ok(element(BIT_STRING, &[&[0], content.as_slice()].concat()));
    }
    Ok(element(OCTET_STRING, &content))
}

fn bit_list(text: &[u8]) -> Result<Vec<u8>, Reason> {
    let mut bits = Vec::new();
    for part in text.split(|byte| *byte == b',') {
        let invalid = || Reason::invalid("bit number", part);
        let number = std::str::from_utf8(c_trim(part))
            .ok()
            .and_then(|number| number.parse::<i64>().ok())
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(invalid)?;
        if number > HIGHEST_BIT {
            return Err(invalid());
        }
        bits.push(number);
    }
    Ok(element(BIT_STRING, &named_bits(&bits)))
}

/// Whether an identifier octet says that the content is made of elements.
fn is_constructed(identifier: u8) -> bool {
    identifier & CONSTRUCTED != 0
}
