//! The one error of signers, tokens, locators and secrets.

use std::path::PathBuf;

use crate::pin_guard::Fault;
use crate::{SecretKind, Tries};

/// The result of everything in this crate and in every backend.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A foreign cause, kept as `source()`.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong, with what is known about it. No variant ever carries a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A locator that cannot be understood.
    #[error("locator {text:?} is not usable: {reason}")]
    Locator {
        /// The locator as given; secrets in it are left out.
        text: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A locator whose backend was left out when this program was built.
    #[error("compiled without {feature}, which scheme {scheme:?} needs")]
    CompiledWithout {
        /// The locator's scheme.
        scheme: String,
        /// The cargo feature that would bring it.
        feature: &'static str,
    },

    /// Nothing is there.
    #[error("{what} not found")]
    NotFound {
        /// What was looked for, and where.
        what: String,
    },

    /// More than one thing is there, and nothing says which is meant.
    #[error("{what} is ambiguous: {}", candidates.join("; "))]
    Ambiguous {
        /// What was looked for.
        what: String,
        /// Each match, with what tells it from the others.
        candidates: Vec<String>,
    },

    /// Something is there that must not be overwritten.
    #[error("{what} already exists")]
    AlreadyExists {
        /// What is there, and where.
        what: String,
    },

    /// The token took the secret for wrong.
    #[error("wrong {kind} for {token} ({tries})")]
    WrongSecret {
        /// Which secret.
        kind: SecretKind,
        /// Which token or key file.
        token: String,
        /// What the token says is left.
        tries: Tries,
    },

    /// The token takes no more tries.
    #[error("the {kind} of {token} is blocked")]
    Blocked {
        /// Which secret.
        kind: SecretKind,
        /// Which token.
        token: String,
    },

    /// The next wrong try would block the token, so none was made.
    #[error("the last try for the {kind} of {token} was not spent")]
    LastTryRefused {
        /// Which secret.
        kind: SecretKind,
        /// Which token.
        token: String,
    },

    /// This very secret failed before, or one in 256 others, so it was not sent again.
    #[error("the {kind} for {token} {fault}, so it was not sent again")]
    FailedBefore {
        /// Which secret.
        kind: SecretKind,
        /// Which token.
        token: String,
        /// How it failed.
        fault: Fault,
    },

    /// What failed cannot be remembered, so nothing was sent.
    #[error("cannot keep in mind which secrets failed, in {}", path.display())]
    FailureMemory {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },

    /// Somebody else is presenting a secret to the token and does not finish.
    #[error("another process is presenting a secret to {token}")]
    TokenBusy {
        /// Which token.
        token: String,
    },

    /// A token that was being initialised has an SO PIN and no PIN yet.
    #[error("{token} was initialised, and has no PIN yet")]
    WithoutPin {
        /// Which token.
        token: String,
        /// What kept it from getting one, where that was now.
        #[source]
        source: Option<Cause>,
    },

    /// A secret that cannot be right, seen before it was used for anything.
    #[error("the {kind} from {origin} cannot be used: {reason}")]
    SecretUnusable {
        /// Which secret.
        kind: SecretKind,
        /// The source it came from, as configured.
        origin: String,
        /// What is wrong, by offset and never by value.
        reason: String,
    },

    /// A secret source that gave nothing.
    #[error("cannot read the {kind} from {origin}")]
    SecretSource {
        /// Which secret.
        kind: SecretKind,
        /// The source, as configured.
        origin: String,
        /// Why.
        #[source]
        source: Cause,
    },

    /// A secret is needed, and nobody was named who could give it.
    #[error("the {kind} of {token} is needed, and no source was given for it")]
    NobodyToAsk {
        /// Which secret.
        kind: SecretKind,
        /// Which token or key file.
        token: String,
    },

    /// A thing that this token, firmware or build cannot do.
    #[error("{operation} is not supported; it needs {needs}")]
    Unsupported {
        /// What was asked for.
        operation: String,
        /// What would be needed.
        needs: String,
    },

    /// A private key that others can read.
    #[error("{} can be read by others than its owner (mode {mode:04o})", path.display())]
    LoosePermissions {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },

    /// A program file that others than its user could have changed.
    #[error("{} is not to be trusted: {reason}", path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// Who could have changed it.
        reason: String,
    },

    /// A key that cannot be read as one.
    #[error("{origin} holds no usable private key: {reason}")]
    MalformedKey {
        /// The file or slot.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The key that was found is not the key that was promised.
    #[error("the key of {origin} is another one: expected SHA-256 {expected}, found {found}")]
    AnotherKey {
        /// The file, slot or object.
        origin: String,
        /// The pinned fingerprint of the SubjectPublicKeyInfo, lower-case hex.
        expected: String,
        /// The fingerprint that was found, lower-case hex.
        found: String,
    },

    /// There is a key, or may be one, and the token does not tell its public half, which everything
    /// that is done with a key is checked by.
    #[error("nothing tells the public half of the key in {place}: {reason}")]
    PublicKeyUntold {
        /// Where the key is.
        place: String,
        /// Why it is not told.
        reason: String,
    },

    /// The device, module or key file failed.
    #[error("{doing} failed")]
    Device {
        /// What was being done, and with what.
        doing: String,
        /// Why.
        #[source]
        source: Cause,
    },

    /// Something could not be stored.
    #[error("cannot write {}", path.display())]
    Storage {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
