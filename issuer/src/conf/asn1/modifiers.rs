//! Types and modifiers of the mini-language, and what the modifiers do to an element.

use super::{Format, is_constructed};
use crate::conf::{
    encode::{
        BIT_STRING, BMP_STRING, BOOLEAN, CONSTRUCTED, CONTEXT, ENUMERATED, GENERAL_STRING,
        GENERALIZED_TIME, IA5_STRING, INTEGER, NULL, NUMERIC_STRING, OBJECT_IDENTIFIER,
        OCTET_STRING, PRINTABLE_STRING, SEQUENCE, SET, T61_STRING, UNIVERSAL_STRING, UTC_TIME,
        UTF8_STRING, VISIBLE_STRING, content, tagged,
    },
    error::{Reason, shown},
};

/// OpenSSL's bound on explicit tags and wraps.
const MOST_WRAPS: usize = 20;

/// A word in front of a colon.
pub(super) enum Word {
    Type(u8),
    Modifier(Modifier),
}

#[derive(Clone, Copy)]
pub(super) enum Modifier {
    Implicit,
    Explicit,
    Wrap(u8),
    Format,
}

impl Word {
    pub(super) fn parse(word: &[u8]) -> Result<Self, Reason> {
        Ok(match word {
            b"BOOL" | b"BOOLEAN" => Self::Type(BOOLEAN),
            b"NULL" => Self::Type(NULL),
            b"INT" | b"INTEGER" => Self::Type(INTEGER),
            b"ENUM" | b"ENUMERATED" => Self::Type(ENUMERATED),
            b"OID" | b"OBJECT" => Self::Type(OBJECT_IDENTIFIER),
            b"UTC" | b"UTCTIME" => Self::Type(UTC_TIME),
            b"GENTIME" | b"GENERALIZEDTIME" => Self::Type(GENERALIZED_TIME),
            b"OCT" | b"OCTETSTRING" => Self::Type(OCTET_STRING),
            b"BITSTR" | b"BITSTRING" => Self::Type(BIT_STRING),
            b"UNIV" | b"UNIVERSALSTRING" => Self::Type(UNIVERSAL_STRING),
            b"IA5" | b"IA5STRING" => Self::Type(IA5_STRING),
            b"UTF8" | b"UTF8String" => Self::Type(UTF8_STRING),
            b"BMP" | b"BMPSTRING" => Self::Type(BMP_STRING),
            b"VISIBLE" | b"VISIBLESTRING" => Self::Type(VISIBLE_STRING),
            b"PRINTABLE" | b"PRINTABLESTRING" => Self::Type(PRINTABLE_STRING),
            b"T61" | b"T61STRING" | b"TELETEXSTRING" => Self::Type(T61_STRING),
            b"GENSTR" | b"GeneralString" => Self::Type(GENERAL_STRING),
            b"NUMERIC" | b"NUMERICSTRING" => Self::Type(NUMERIC_STRING),
            b"SEQ" | b"SEQUENCE" => Self::Type(SEQUENCE),
            b"SET" => Self::Type(SET),
            b"IMP" | b"IMPLICIT" => Self::Modifier(Modifier::Implicit),
            b"EXP" | b"EXPLICIT" => Self::Modifier(Modifier::Explicit),
            b"OCTWRAP" => Self::Modifier(Modifier::Wrap(OCTET_STRING)),
            b"BITWRAP" => Self::Modifier(Modifier::Wrap(BIT_STRING)),
            b"SEQWRAP" => Self::Modifier(Modifier::Wrap(SEQUENCE)),
            b"SETWRAP" => Self::Modifier(Modifier::Wrap(SET)),
            b"FORM" | b"FORMAT" => Self::Modifier(Modifier::Format),
            _ => return Err(Reason::invalid("ASN.1 type", word)),
        })
    }
}

/// Class bits and number.
#[derive(Clone, Copy, Debug)]
struct Tag {
    class: u8,
    number: u32,
}

impl Tag {
    /// A number, perhaps with `U`, `A`, `P` or `C` behind it: universal, application, private, or
    /// context, which is meant without a letter. What follows the letter is passed over.
    fn parse(text: &[u8]) -> Result<Self, Reason> {
        let invalid = || Reason::invalid("tag", text);
        let text = text.trim_ascii_start();
        let text = text.strip_prefix(b"+").unwrap_or(text);
        let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
        let (digits, letter) = text.split_at_checked(end).ok_or_else(invalid)?;
        let digits = std::str::from_utf8(digits).map_err(|_| invalid())?;
        let number = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| invalid())? };
        let class = match letter.first() {
            None | Some(b'C') => CONTEXT,
            Some(b'U') => 0,
            Some(b'A') => 0x40,
            Some(b'P') => 0xC0,
            Some(_) => return Err(invalid()),
        };
        // OpenSSL keeps tag numbers in an int and reads none above it back.
        if i32::try_from(number).is_err() {
            return Err(invalid());
        }
        Ok(Self { class, number })
    }
}

#[derive(Clone, Copy, Debug)]
struct Wrap {
    tag: Tag,
    form: u8,
    /// A BIT STRING has the number of unused bits before its content.
    padded: bool,
}

/// The modifiers in front of a type.
#[derive(Clone, Debug)]
pub(super) struct Modifiers {
    pub(super) format: Format,
    implicit: Option<Tag>,
    wraps: Vec<Wrap>,
}

impl Default for Modifiers {
    fn default() -> Self {
        Self { format: Format::Ascii, implicit: None, wraps: Vec::new() }
    }
}

impl Modifiers {
    pub(super) fn add(&mut self, modifier: Modifier, value: Option<&[u8]>) -> Result<(), Reason> {
        let missing = || Reason::Missing { what: "value of a modifier" };
        match modifier {
            Modifier::Implicit => {
                if self.implicit.is_some() {
                    return Err(Reason::Twice { name: "IMPLICIT".into() });
                }
                self.implicit = Some(Tag::parse(value.ok_or_else(missing)?)?);
                Ok(())
            }
            Modifier::Explicit => {
                if self.implicit.is_some() {
                    return Err(Reason::invalid("EXPLICIT behind IMPLICIT", value.unwrap_or(b"")));
                }
                let tag = Tag::parse(value.ok_or_else(missing)?)?;
                self.wrap(Wrap { tag, form: CONSTRUCTED, padded: false })
            }
            Modifier::Wrap(kind) => {
                let made = kind == SEQUENCE || kind == SET;
                let tag = self.implicit.take();
                self.wrap(Wrap {
                    tag: tag.unwrap_or(Tag { class: 0, number: u32::from(kind) }),
                    form: if made { CONSTRUCTED } else { 0 },
                    padded: kind == BIT_STRING,
                })
            }
            Modifier::Format => {
                let text = value.ok_or_else(missing)?;
                let formats: [(&[u8], Format); 4] = [
                    (b"ASCII", Format::Ascii),
                    (b"UTF8", Format::Utf8),
                    (b"HEX", Format::Hex),
                    (b"BITLIST", Format::BitList),
                ];
                let found = formats.iter().find(|(word, _)| text.starts_with(word));
                let (_, format) = found.ok_or_else(|| Reason::invalid("format", text))?;
                self.format = *format;
                Ok(())
            }
        }
    }

    fn wrap(&mut self, wrap: Wrap) -> Result<(), Reason> {
        if self.wraps.len() == MOST_WRAPS {
            let value = format!("more than {MOST_WRAPS} tags");
            return Err(Reason::Invalid { what: "nesting", value });
        }
        self.wraps.push(wrap);
        Ok(())
    }

    /// Puts the tags around an element: the first written is the outermost.
    pub(super) fn apply(&self, inner: &[u8]) -> Result<Vec<u8>, Reason> {
        let mut out = match self.implicit {
            None => inner.to_vec(),
            Some(tag) => {
                let identifier = inner.first().copied().unwrap_or_default();
                let list = tag.class == 0 && [SEQUENCE, SET].map(u32::from).contains(&tag.number);
                let made = is_constructed(identifier) || list;
                let form = if made { CONSTRUCTED } else { 0 };
                tagged(tag.class | form, tag.number, content(inner))
            }
        };
        for wrap in self.wraps.iter().rev() {
            if wrap.padded {
                out.insert(0, 0);
            }
            out = tagged(wrap.tag.class | wrap.form, wrap.tag.number, &out);
        }
        if self.implicit.is_some() || !self.wraps.is_empty() {
            readable(&out)?;
        }
        Ok(out)
    }
}

/// OpenSSL reads a retagged element back and refuses what a universal tag does not allow. Where it
/// would *change* the octets (constructed strings), we refuse as well.
fn readable(element: &[u8]) -> Result<(), Reason> {
    let invalid = || Reason::Invalid { what: "content for its tag", value: shown(element) };
    let identifier = *element.first().ok_or_else(invalid)?;
    if identifier & 0xC0 != 0 {
        return Ok(());
    }
    let kind = identifier & 0x1F;
    let list = kind == SEQUENCE || kind == SET;
    if list != is_constructed(identifier) {
        return Err(invalid());
    }
    let content = content(element);
    let good = match kind {
        BOOLEAN => matches!(content, [0xFF] | [0]),
        INTEGER | ENUMERATED => match content {
            [] => false,
            [first, second, ..] => !matches!((first, second & 0x80), (0, 0) | (0xFF, 0x80)),
            _ => true,
        },
        NULL => content.is_empty(),
        OBJECT_IDENTIFIER => {
            content.last().is_some_and(|last| last & 0x80 == 0)
                && !content
                    .split_inclusive(|byte| byte & 0x80 == 0)
                    .any(|part| part.starts_with(&[0x80]))
        }
        BIT_STRING => match content {
            [unused, rest @ ..] => {
                *unused == 0
                    || (rest.last().is_some_and(|last| {
                        *unused < 8 && last.trailing_zeros() >= u32::from(*unused)
                    }))
            }
            [] => false,
        },
        BMP_STRING => content.len().is_multiple_of(2),
        UNIVERSAL_STRING => content.len().is_multiple_of(4),
        // What lies outside the known types never comes back the same, or not at all.
        _ => {
            list || matches!(
                kind,
                OCTET_STRING
                    | UTF8_STRING
                    | NUMERIC_STRING
                    | PRINTABLE_STRING
                    | T61_STRING
                    | IA5_STRING
                    | UTC_TIME
                    | GENERALIZED_TIME
                    | VISIBLE_STRING
                    | GENERAL_STRING
            )
        }
    };
    if good { Ok(()) } else { Err(invalid()) }
}
