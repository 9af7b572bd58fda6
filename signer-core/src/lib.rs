//! What a signer and a token are.
//!
//! This crate knows no backend, no terminal and no command line. It holds
//!
//! - the traits that every backend serves: [`Signer`], [`Token`], [`Backend`] and the optional
//!   capabilities [`KeyManager`], [`PinManager`], [`CertStore`];
//! - the values that they speak in: [`Locator`], [`KeyRef`], [`KeySpec`], [`SignatureAlgorithm`],
//!   [`Tries`], [`Secret`];
//! - one [`Error`] for all of them;
//! - [`PinGuard`], which every secret passes on its way to a token that counts tries;
//! - [`X509Signer`], which lets any [`Signer`] drive RustCrypto's X.509 builders;
//! - [`VerifyingKey`], which checks every signature that Touchmark makes or reads.
//!
//! # Example
//!
//! A locator names a key in words, and a registry finds the backend for it.
//!
//! ```
//! use signer_core::{Error, Locator, Registry};
//!
//! let locator: Locator = "pkcs11:token=factory;object=dak".parse()?;
//! assert_eq!(locator.scheme(), "pkcs11");
//!
//! let registry = Registry::new().without("pkcs11", "pkcs11");
//! let error = registry.backend(&locator).unwrap_err();
//! assert!(matches!(error, Error::CompiledWithout { .. }));
//! # Ok::<(), Error>(())
//! ```

mod algorithm;
mod backend;
mod bridge;
mod clock;
mod error;
pub mod files;
mod locator;
pub mod pin_guard;
mod secret;
mod secret_source;
mod signer;
mod token;
mod tries;
pub mod verify;

pub use algorithm::{KeySpec, SignatureAlgorithm};
pub use backend::{
    Backend, Event, Interaction, Introduction, Isolation, OpenContext, Permissions, Registry,
    Silent,
};
pub use bridge::{X509Signature, X509Signer};
pub use clock::{Clock, FixedClock, SystemClock};
pub use error::{Cause, Error, Result};
pub use locator::{Attributes, Locator};
pub use pin_guard::PinGuard;
pub use secret::{Secret, SecretKind, SecretRules, memory_was_not_locked};
pub use secret_source::{SecretRequest, SecretSource, SecretSpec, Secrets};
pub use signer::{Signature, Signer, SigningSession};
pub use token::{
    Administration, Attested, CertStore, Contents, EmptyToken, KeyInfo, KeyManager, KeyOrigin,
    KeyPolicy, KeyRef, KeyWeakness, ManagementKeyAlgorithm, ManagementKeyInfo,
    ManagementKeyProtection, NewManagementKey, NewToken, PinManager, PinPolicy, PinStatus, Retries,
    Seen, Token, TokenInfo, TouchPolicy, WhenKeysDiffer,
};
pub use tries::Tries;
pub use verify::{VerifyError, VerifyingKey};

pub use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
