//! The one list of backends. Nothing else in this program names one.

use std::path::Path;

use signer_core::{Locator, Registry};

/// The backends that this program was built with, and the names of those that it was not.
#[must_use]
pub fn registry() -> Registry {
    let registry = Registry::new();
    #[cfg(feature = "soft")]
    let registry = registry.with(Box::new(backend_soft::SoftBackend));
    #[cfg(not(feature = "soft"))]
    let registry = registry.without("soft", "soft");
    registry.without("yubikey", "yubikey").without("pkcs11", "pkcs11")
}

/// The locator of a key file.
pub(crate) fn key_file(path: &Path) -> Locator {
    Locator::of_file("soft", path)
}
