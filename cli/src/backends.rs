//! The one list of backends. Nothing else in this program names one.

use std::path::Path;

use signer_core::{Locator, OpenContext, Registry, Secret};

/// The backends that this program was built with, and the names of those that it was not.
#[must_use]
pub fn registry() -> Registry {
    let registry = Registry::new();
    #[cfg(feature = "soft")]
    let registry = registry.with(Box::new(backend_soft::SoftBackend));
    #[cfg(not(feature = "soft"))]
    let registry = registry.without("soft", "soft");
    #[cfg(feature = "yubikey")]
    let registry = registry.with(Box::new(backend_yubikey::YubiKeyBackend::default()));
    #[cfg(not(feature = "yubikey"))]
    let registry = registry.without("yubikey", "yubikey");
    registry.without("pkcs11", "pkcs11")
}

/// The private key of a key file, as the DER of PKCS#8 PrivateKeyInfo.
///
/// # Errors
/// As [`signer_core::Backend::open`], and for a wrong passphrase.
#[cfg(feature = "soft")]
pub(crate) fn private_key(path: &Path, with: &OpenContext) -> signer_core::Result<Secret> {
    backend_soft::SoftBackend.private_key(&key_file(path), with)
}

/// The private key of a key file, which this program cannot read.
///
/// # Errors
/// [`signer_core::Error::CompiledWithout`].
#[cfg(not(feature = "soft"))]
pub(crate) fn private_key(_path: &Path, _with: &OpenContext) -> signer_core::Result<Secret> {
    Err(signer_core::Error::CompiledWithout { scheme: "soft".into(), feature: "soft" })
}

/// The locator of a key file.
pub(crate) fn key_file(path: &Path) -> Locator {
    Locator::of_file("soft", path)
}
