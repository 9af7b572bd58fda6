//! Object identifiers of any size, from text as OpenSSL reads it.

use der::asn1::ObjectIdentifier;

use super::{
    encode::{OBJECT_IDENTIFIER, base_128, element},
    error::{Reason, shown},
};

/// The content octets of an OBJECT IDENTIFIER. Parts of up to 128 bits fit, as UUIDs need them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Oid(Vec<u8>);

impl Oid {
    /// Reads a dotted OID. Blanks separate as well as dots, an empty part counts as 0 and a final dot
    /// is passed over (OpenSSL 3.0.19).
    pub(super) fn from_text(text: &[u8]) -> Result<Self, Reason> {
        let invalid = || Reason::InvalidOid { text: shown(text) };
        let too_large = || Reason::OidTooLarge { text: shown(text) };
        let separator = |byte: u8| byte == b'.' || byte == b' ';
        let (first, rest) = match text.split_first() {
            Some((digit @ b'0'..=b'2', rest)) => (u128::from(digit - b'0'), rest),
            _ => return Err(invalid()),
        };
        let rest = match rest.split_first() {
            Some((byte, rest)) if separator(*byte) && !rest.is_empty() => rest,
            _ => return Err(invalid()),
        };
        let rest = match rest.split_last() {
            Some((byte, front)) if separator(*byte) => front,
            _ => rest,
        };
        let mut content = Vec::new();
        for (position, part) in rest.split(|byte| separator(*byte)).enumerate() {
            let mut number = 0_u128;
            for byte in part {
                if !byte.is_ascii_digit() {
                    return Err(invalid());
                }
                number = number
                    .checked_mul(10)
                    .and_then(|number| number.checked_add(u128::from(byte - b'0')))
                    .ok_or_else(too_large)?;
            }
            if position == 0 {
                if first < 2 && number >= 40 {
                    return Err(invalid());
                }
                number = number.checked_add(first * 40).ok_or_else(too_large)?;
            }
            content.extend(base_128(number));
        }
        Ok(Self(content))
    }

    /// The type that `x509-cert` uses: parts of at most 32 bits, 39 octets.
    pub(super) fn identifier(&self) -> Result<ObjectIdentifier, Reason> {
        ObjectIdentifier::from_bytes(&self.0)
            .map_err(|_| Reason::OidTooLarge { text: format!("{:02x?}", self.0) })
    }

    /// The content octets.
    pub(super) fn content(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        element(OBJECT_IDENTIFIER, &self.0)
    }
}
