//! The `touchmark` program as the tests run it: the same `run()`, with keys out of a drawer instead
//! of those in this machine's readers.

use std::process::ExitCode;
use std::sync::Arc;

use backend_pkcs11::Pkcs11Backend;
use backend_soft::SoftBackend;
use backend_yubikey::YubiKeyBackend;
use signer_core::Registry;
use touchmark_tests::drawer::{self, Drawer};

fn main() -> ExitCode {
    cli::run(std::env::args_os(), &registry())
}

fn registry() -> Registry {
    let registry = Registry::new().with(Box::new(SoftBackend));
    let registry = match std::env::var_os(drawer::FOLDER) {
        Some(folder) => registry.with(Box::new(YubiKeyBackend::new(Arc::new(Drawer::new(folder))))),
        None => registry.without("yubikey", "yubikey"),
    };
    registry.with(Box::new(Pkcs11Backend::new()))
}
