//! Commands as they come over the wire (ISO 7816-3, 12.1): short and extended, cases 1 to 4.

/// One command APDU, or the whole of a chain of them.
///
/// Le is not kept: a YubiKey answers with all it has whatever the length asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) cla: u8,
    pub(crate) ins: u8,
    pub(crate) p1: u8,
    pub(crate) p2: u8,
    pub(crate) data: Vec<u8>,
    /// With three octets of length; then the answer comes whole.
    pub(crate) extended: bool,
}

impl Command {
    /// Reads a command; none when its lengths do not add up.
    pub(crate) fn parse(apdu: &[u8]) -> Option<Self> {
        let (&[cla, ins, p1, p2], body) = apdu.split_first_chunk()?;
        let (data, extended) = body_of(body)?;
        Some(Self { cla, ins, p1, p2, data: data.to_vec(), extended })
    }

    /// What the links of one chain have in common.
    pub(crate) fn header(&self) -> [u8; 3] {
        [self.ins, self.p1, self.p2]
    }
}

/// The data of what follows the header, and whether its lengths are extended.
fn body_of(body: &[u8]) -> Option<(&[u8], bool)> {
    match body {
        // Case 1, and case 2 with Le alone: `00 20 00 80 00` is an empty VERIFY.
        [] | [_] => Some((&[], false)),
        [0, _, _] => Some((&[], true)),
        [0, high, low, rest @ ..] => {
            Some((lc_and_le(u16::from_be_bytes([*high, *low]).into(), rest, 2)?, true))
        }
        [lc, rest @ ..] => Some((lc_and_le(usize::from(*lc), rest, 1)?, false)),
    }
}

/// `lc` octets of data, then nothing or Le.
fn lc_and_le(lc: usize, rest: &[u8], le: usize) -> Option<&[u8]> {
    let (data, after) = rest.split_at_checked(lc)?;
    (lc > 0 && (after.is_empty() || after.len() == le)).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(apdu: &[u8]) -> Option<(Vec<u8>, bool)> {
        Command::parse(apdu).map(|command| (command.data, command.extended))
    }

    #[test]
    fn every_case_is_read_and_lengths_that_do_not_add_up_are_refused() {
        for (apdu, expected) in [
            (&b"\x00\xF7\x00\x9B"[..], Some((&b""[..], false))),
            (b"\x00\x20\x00\x80\x00", Some((b"", false))),
            (b"\x00\xFD\x00\x00\x03", Some((b"", false))),
            (b"\x00\xA4\x04\x00\x02\xAB\xCD", Some((b"\xAB\xCD", false))),
            (b"\x00\xA4\x04\x00\x02\xAB\xCD\x00", Some((b"\xAB\xCD", false))),
            (b"\x00\x1D\x00\x00\x00\x00\x00", Some((b"", true))),
            (b"\x00\xCB\x3F\xFF\x00\x00\x02\xAB\xCD", Some((b"\xAB\xCD", true))),
            (b"\x00\xCB\x3F\xFF\x00\x00\x02\xAB\xCD\x00\x00", Some((b"\xAB\xCD", true))),
            (b"", None),
            (b"\x00\xF7\x00", None),
            (b"\x00\xA4\x04\x00\x02\xAB", None),
            (b"\x00\xA4\x04\x00\x02\xAB\xCD\x00\x00", None),
            (b"\x00\xA4\x04\x00\x00\x00", None),
            (b"\x00\xCB\x3F\xFF\x00\x00\x02\xAB", None),
            (b"\x00\xCB\x3F\xFF\x00\x00\x02\xAB\xCD\x00", None),
            (b"\x00\xCB\x3F\xFF\x00\x00\x00\x00", None),
        ] {
            let expected = expected.map(|(data, extended)| (data.to_vec(), extended));
            assert_eq!(body(apdu), expected, "{apdu:02x?}");
        }
    }
}
