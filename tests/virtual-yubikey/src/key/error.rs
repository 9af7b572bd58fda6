//! Why a key refuses.

use thiserror::Error;

use crate::Algorithm;

/// What a key cannot do. The card answers 6A80 to all of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// A part of the key was not sent.
    #[error("the key has no part {tag:02x}")]
    MissingPart {
        /// Its tag.
        tag: u8,
    },
    /// A part stands twice, or is none of this algorithm's.
    #[error("part {tag:02x} does not belong here")]
    UnexpectedPart {
        /// Its tag.
        tag: u8,
    },
    /// A part has another length than the algorithm wants.
    #[error("part {tag:02x} has {actual} octets instead of {expected}")]
    PartLength {
        /// Its tag.
        tag: u8,
        /// Octets it should have.
        expected: usize,
        /// Octets it has.
        actual: usize,
    },
    /// A part is no number of that kind: a scalar outside the order, or RSA parts that do not
    /// belong together.
    #[error("part {tag:02x} is not the number it should be")]
    BadPart {
        /// Its tag.
        tag: u8,
    },
    /// The data is too long, too short or empty.
    #[error("the data has {actual} octets; at most {expected} are taken")]
    DataLength {
        /// Octets of the modulus (which the data must have) or the most for this curve.
        expected: usize,
        /// Octets it has.
        actual: usize,
    },
    /// An RSA block stands for a number that is not below the modulus.
    #[error("the block is not below the modulus")]
    BlockTooLarge,
    /// The peer's public key is no point of the curve, or of small order.
    #[error("the peer's public key is no point of the curve")]
    BadPeer,
    /// A key for agreement only.
    #[error("a key of {0:?} does not sign")]
    CannotSign(Algorithm),
    /// A key for signing only.
    #[error("a key of {0:?} makes no shared secret")]
    CannotAgree(Algorithm),
}
