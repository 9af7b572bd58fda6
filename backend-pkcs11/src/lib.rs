//! Keys behind any PKCS#11 module: HSMs, smart cards, SoftHSM2, Kryoptic, p11-kit's proxy.
//!
//! Locators are PKCS#11 URIs (RFC 7512). The module stands in the query as `module-path`, or as
//! `module-name` where p11-kit knows it.
//!
//! - A token or a key that is not exactly one is an error that lists what there is. Slot numbers
//!   select nothing.
//! - A module is loaded once in a process, and finalised when its last token is dropped. Its
//!   sessions are pooled; each lives on a thread of its own, so that a module which hangs is given
//!   up after the time of [`Bounds`].
//! - A secret goes to a token through one gate. The last try is not spent, and what was refused is
//!   not presented again.
//!
//! # Example
//!
//! ```
//! use backend_pkcs11::Pkcs11Backend;
//! use signer_core::{Backend, KeyRef, Locator};
//!
//! let at: Locator = "pkcs11:token=factory;object=dak?module-name=softhsm2".parse()?;
//! let key = Pkcs11Backend::new().key(&at)?;
//! assert_eq!(key, KeyRef::Object { label: Some("dak".into()), id: None });
//! # Ok::<(), signer_core::Error>(())
//! ```

mod backend;
mod bounds;
mod certificates;
mod fault;
mod fingerprint;
mod gate;
mod initialize;
mod isolation;
mod key_manager;
mod key_object;
mod lane;
mod method;
mod module;
mod module_file;
mod open_token;
mod p11_kit;
mod pins;
mod pool;
mod public_key;
#[expect(unsafe_code, reason = "the binding lacks two ways to call a module")]
mod raw;
mod selection;
mod signer;
mod signing;
mod slots;
mod template;
mod token;

pub use backend::Pkcs11Backend;
pub use bounds::Bounds;
pub use isolation::{SERVER_ADDRESS, server_address};
