//! The one list of backends. Nothing else in this program names one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

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
    #[cfg(feature = "pkcs11")]
    let registry = registry.with(Box::new(backend_pkcs11::Pkcs11Backend::new()));
    #[cfg(not(feature = "pkcs11"))]
    let registry = registry.without("pkcs11", "pkcs11");
    registry
}

/// The variable that a module in a process of its own wants in the environment, and its value for a
/// private folder.
#[cfg(feature = "pkcs11")]
pub(crate) fn isolation_variable(folder: &Path) -> Option<(&'static str, OsString)> {
    Some((backend_pkcs11::SERVER_ADDRESS, backend_pkcs11::server_address(folder)))
}

/// The folder that the variable names now, if it is set.
#[cfg(feature = "pkcs11")]
pub(crate) fn isolation_folder() -> Option<PathBuf> {
    let address = std::env::var(backend_pkcs11::SERVER_ADDRESS).ok()?;
    let socket = PathBuf::from(address.split_once('=')?.1);
    Some(socket.parent()?.to_owned())
}

/// The folder that the variable names now: none, as there are no modules.
#[cfg(not(feature = "pkcs11"))]
pub(crate) fn isolation_folder() -> Option<PathBuf> {
    None
}

/// The variable that a module in a process of its own wants: none, as there are no modules.
#[cfg(not(feature = "pkcs11"))]
pub(crate) fn isolation_variable(_folder: &Path) -> Option<(&'static str, OsString)> {
    None
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
