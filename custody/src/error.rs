//! What can go wrong with a token's secrets.

use signer_core::SecretKind;

/// The result of every act.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. No variant ever carries a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The token, or the source of a secret.
    #[error(transparent)]
    Signer(#[from] signer_core::Error),
    /// The ledger, before anything was done.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// Something was done and could not be written into the ledger.
    #[error("{done}, but the ledger does not say so")]
    Unrecorded {
        /// What was done.
        done: String,
        /// Why.
        source: Box<ledger::Error>,
    },
    /// An act that has to be resumable needs a ledger to be resumed from.
    #[error("{act} can be cut short, and without a ledger nothing would say so")]
    NoLedger {
        /// The act.
        act: &'static str,
    },
    /// A secret that nobody chose has to be kept somewhere before the token is told.
    #[error("a random {kind} would be kept nowhere, and the token be lost")]
    NoEscrow {
        /// Which secret.
        kind: SecretKind,
    },
    /// A secret could not be put into escrow. The token was not told.
    #[error("the {kind} could not be put into escrow, and the token was not changed")]
    Escrow {
        /// Which secret.
        kind: SecretKind,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The token that would be reset is not the one whose serial number was typed.
    #[error("the serial number of {token} is not the one that was typed")]
    NotConfirmed {
        /// The token.
        token: String,
    },
    /// A retry limit that the token cannot keep.
    #[error("a retry limit is 1 to 255, and never 0")]
    NoTries,
}

impl Error {
    /// Whether the token was certainly not changed: it was not asked, or it refused the secret that
    /// it was shown. What can also come up afterwards, when a fault is forgotten, is not among these.
    pub(crate) fn left_the_token_alone(&self) -> bool {
        use signer_core::Error as Signer;
        match self {
            Self::Signer(error) => matches!(
                error,
                Signer::WrongSecret { .. }
                    | Signer::Blocked { .. }
                    | Signer::LastTryRefused { .. }
                    | Signer::FailedBefore { .. }
                    | Signer::SecretUnusable { .. }
                    | Signer::SecretSource { .. }
                    | Signer::NobodyToAsk { .. }
                    | Signer::Unsupported { .. }
            ),
            Self::Unrecorded { .. } => false,
            _ => true,
        }
    }
}
