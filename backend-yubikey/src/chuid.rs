//! The card holder unique identifier (SP 800-73-5 part 1, section 3.1.2).

use crate::tlv::{Elements, elements};

/// The content of a CHUID with another GUID (34). What else an old one says is kept; a token fresh
/// from the factory has none and gets what Yubico's tools write.
#[must_use]
pub(crate) fn renewed(old: Option<&[u8]>, guid: [u8; 16]) -> Vec<u8> {
    let kept: Option<Vec<(u32, &[u8])>> =
        old.and_then(|old| Elements::of(old).collect::<Result<_, _>>().ok());
    let mut parts = match kept {
        Some(parts) if parts.iter().any(|(tag, _)| *tag == GUID) => parts,
        _ => vec![
            (FASC_N, &FASC_N_OF_NOBODY[..]),
            (GUID, &[]),
            (EXPIRY, b"20300101"),
            (0x3e, &[]),
            (0xfe, &[]),
        ],
    };
    for (tag, value) in &mut parts {
        if *tag == GUID {
            *value = &guid;
        }
    }
    elements(&parts).to_vec()
}

const FASC_N: u32 = 0x30;
const GUID: u32 = 0x34;
const EXPIRY: u32 = 0x35;

/// The number of no agency.
const FASC_N_OF_NOBODY: [u8; 25] = [
    0xd4, 0xe7, 0x39, 0xda, 0x73, 0x9c, 0xed, 0x39, 0xce, 0x73, 0x9d, 0x83, 0x68, 0x58, 0x21, 0x08,
    0x42, 0x10, 0x84, 0x21, 0xc8, 0x42, 0x10, 0xc3, 0xeb,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_one_is_what_yubicos_tools_write() {
        let object = renewed(None, [7; 16]);
        assert_eq!(object.len(), 0x3b);
        assert_eq!(object[..4], [0x30, 0x19, 0xd4, 0xe7]);
        assert_eq!(object[27..30], [0x34, 0x10, 0x07]);
        assert_eq!(object[45..], *b"\x35\x0820300101\x3e\x00\xfe\x00");
    }

    #[test]
    fn only_the_guid_of_an_old_one_changes() {
        let old = elements(&[(0x30, &[1; 25]), (0x34, &[2; 16]), (0x35, b"20991231"), (0xfe, &[])]);
        let new = renewed(Some(&old), [7; 16]);
        let changed: Vec<usize> = (0..old.len()).filter(|at| old[*at] != new[*at]).collect();
        assert_eq!(changed, (29..45).collect::<Vec<_>>());
        // One that cannot be read is replaced.
        assert_eq!(renewed(Some(&[0x34]), [7; 16]), renewed(None, [7; 16]));
    }
}
