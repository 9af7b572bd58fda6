//! Keys in PEM files, signed with by aws-lc-rs.
//!
//! Locators are `soft:PATH`, with `pin-source` in the query for the passphrase of an encrypted
//! file. A key file counts no wrong passphrases, and says so: [`signer_core::TokenInfo::counts_tries`]
//! is false and it offers no [`signer_core::PinManager`].
//!
//! # Example
//!
//! ```
//! use backend_soft::SoftBackend;
//! use signer_core::{Backend, KeyPolicy, KeyRef, KeySpec, Locator, OpenContext};
//!
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("dak_private_key.pem");
//! let mut token = SoftBackend.open(&Locator::of_file("soft", &file), &OpenContext::default())?;
//!
//! token.key_manager().expect("key files can be made").generate(&KeyRef::Sole, KeySpec::P256, KeyPolicy::default())?;
//! let signature = token.signer(&KeyRef::Sole, None)?.sign(b"message")?;
//! assert_eq!(signature.as_bytes()[0], 0x30, "ECDSA signatures are a DER SEQUENCE");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backend;
mod key_file;
mod private_key;
mod signer;
mod token;

pub use backend::SoftBackend;
