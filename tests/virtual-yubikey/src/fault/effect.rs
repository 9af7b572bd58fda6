//! What a fault does.

use std::time::Duration;

/// What happens to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The token is pulled, and put back later. The card never saw the command.
    DropBefore,
    /// The token is pulled, and put back later. The card executed the command.
    DropAfter,
    /// The card executes the command and answers nothing: no data, no status word.
    Empty,
    /// The command is lost, and the answer has no octets, as from a token that was just pulled.
    Lost,
    /// The card does not execute the command and answers this status word.
    Status(u16),
    /// The card executes the command and answers this status word without data.
    StatusAfter(u16),
    /// Of the answer's data only this many octets come; the status word stays.
    Truncate(usize),
    /// The answer's data are replaced by as many meaningless octets; the status word stays.
    Garbage,
    /// The answer's first element claims two gigabytes.
    EndlessLength,
    /// The answer's data are one tag that never ends.
    EndlessTag,
    /// There is always more: 256 octets and `6100`, to each GET RESPONSE that follows.
    EndlessMore,
    /// The length is always wrong: `6C10`, `6C20`, `6C10`..., however often the command is sent.
    EndlessWrongLength,
    /// The lowest bit of the last octet of data is the other one: a signature that does not verify.
    FlipBit,
    /// The token is pulled before the command; what is put back is a token with this serial number,
    /// of the same model and fresh from the factory. Its state is kept nowhere.
    OtherToken(u32),
    /// Another program selects this application before the command.
    OtherApplet(Vec<u8>),
    /// Another program resets the card before the command.
    Reset,
    /// The answer comes this much later.
    Slow(Duration),
    /// From here on there is no space for data objects.
    MemoryFull,
}

/// What octets of garbage look like: neither zeros nor a TLV.
const NOISE: &[u8] = b"\xE7\xFF\x3C\x80\xA5\x1F\xFE\x99\x42\xDB";

impl Effect {
    /// Its name in fault files and in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::DropBefore => "drop-before",
            Self::DropAfter => "drop-after",
            Self::Empty => "empty",
            Self::Lost => "lost",
            Self::Status(_) => "status",
            Self::StatusAfter(_) => "status-after",
            Self::Truncate(_) => "truncate",
            Self::Garbage => "garbage",
            Self::EndlessLength => "endless-length",
            Self::EndlessTag => "endless-tag",
            Self::EndlessMore => "endless-more",
            Self::EndlessWrongLength => "endless-wrong-length",
            Self::FlipBit => "flip-bit",
            Self::OtherToken(_) => "other-token",
            Self::OtherApplet(_) => "other-applet",
            Self::Reset => "reset",
            Self::Slow(_) => "slow",
            Self::MemoryFull => "memory-full",
        }
    }

    /// Whether the card never sees the command.
    pub(crate) fn prevents(&self) -> bool {
        matches!(
            self,
            Self::DropBefore
                | Self::OtherToken(_)
                | Self::Lost
                | Self::Status(_)
                | Self::EndlessMore
                | Self::EndlessWrongLength
        )
    }

    /// Whether the link is gone and no answer comes.
    pub(crate) fn drops(&self) -> bool {
        matches!(self, Self::DropBefore | Self::DropAfter | Self::OtherToken(_))
    }

    /// How much later the answer comes.
    pub(crate) fn delay(&self) -> Duration {
        if let Self::Slow(time) = self { *time } else { Duration::ZERO }
    }

    /// What becomes of the card's answer; without one, of none.
    pub(crate) fn spoil(&self, mut answer: Vec<u8>) -> Vec<u8> {
        let data = answer.len().saturating_sub(2);
        match self {
            Self::Empty | Self::Lost => Vec::new(),
            Self::Status(word) | Self::StatusAfter(word) => word.to_be_bytes().to_vec(),
            Self::Truncate(kept) => {
                answer.drain((*kept).min(data)..data);
                answer
            }
            Self::Garbage => replaced(&answer, NOISE.iter().copied().cycle().take(data)),
            Self::EndlessLength => {
                let tag: Vec<u8> = answer.iter().take(data).take(1).copied().collect();
                let length = *b"\x84\x7F\xFF\xFF\xFF";
                let rest: Vec<u8> = answer.iter().take(data).skip(1).copied().collect();
                replaced(&answer, tag.into_iter().chain(length).chain(rest))
            }
            Self::EndlessTag => replaced(&answer, std::iter::repeat_n(0xFF, data.max(64))),
            Self::FlipBit => {
                if let Some(last) = data.checked_sub(1).and_then(|last| answer.get_mut(last)) {
                    *last ^= 1;
                }
                answer
            }
            _ => answer,
        }
    }
}

/// Other data, with the status word of an answer.
fn replaced(answer: &[u8], data: impl Iterator<Item = u8>) -> Vec<u8> {
    let status = answer.last_chunk::<2>().copied().unwrap_or_default();
    data.chain(status).collect()
}

#[cfg(test)]
mod tests {
    use super::Effect;

    #[test]
    fn answers_are_spoiled_as_told_and_keep_their_status_word() {
        let answer = b"\x53\x03abc\x90\x00";
        for (effect, expected) in [
            (Effect::Empty, &b""[..]),
            (Effect::Lost, b""),
            (Effect::Status(0x6F00), b"\x6F\x00"),
            (Effect::StatusAfter(0x6581), b"\x65\x81"),
            (Effect::Truncate(0), b"\x90\x00"),
            (Effect::Truncate(4), b"\x53\x03ab\x90\x00"),
            (Effect::Truncate(99), answer),
            (Effect::Garbage, b"\xE7\xFF\x3C\x80\xA5\x90\x00"),
            (Effect::EndlessLength, b"\x53\x84\x7F\xFF\xFF\xFF\x03abc\x90\x00"),
            (Effect::FlipBit, b"\x53\x03abb\x90\x00"),
        ] {
            assert_eq!(effect.spoil(answer.to_vec()), expected, "{effect:?}");
        }
        let endless = Effect::EndlessTag.spoil(answer.to_vec());
        assert_eq!(endless, [&[0xFF; 64][..], b"\x90\x00"].concat());
    }

    #[test]
    fn an_answer_without_data_is_spoiled_without_a_fuss() {
        for effect in [
            Effect::Truncate(3),
            Effect::Garbage,
            Effect::EndlessLength,
            Effect::EndlessTag,
            Effect::FlipBit,
        ] {
            assert!(effect.spoil(vec![0x90, 0x00]).ends_with(&[0x90, 0x00]), "{effect:?}");
            effect.spoil(Vec::new());
        }
    }
}
