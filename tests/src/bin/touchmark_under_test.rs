//! The `touchmark` program as the tests run it: the same `run()`, with keys out of a drawer instead
//! of those in this machine's readers, or with those and less patience.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use backend_pkcs11::Pkcs11Backend;
use backend_soft::SoftBackend;
use backend_yubikey::YubiKeyBackend;
use backend_yubikey::transport::Bounds;
use backend_yubikey::transport::pcsc::PcscReaders;
use signer_core::Registry;
use touchmark_tests::drawer::{self, Drawer};
use touchmark_tests::modules;

fn main() -> ExitCode {
    cli::run(std::env::args_os(), &registry())
}

fn registry() -> Registry {
    let registry = Registry::new().with(Box::new(SoftBackend));
    let patience = std::env::var(drawer::PATIENCE).ok().and_then(|text| text.parse().ok());
    let registry = match (std::env::var_os(drawer::FOLDER), patience.map(Duration::from_millis)) {
        (Some(folder), _) => {
            registry.with(Box::new(YubiKeyBackend::new(Arc::new(Drawer::new(folder)))))
        }
        (None, Some(command)) => {
            let readers = PcscReaders::new(Bounds { command, ..Bounds::default() });
            registry.with(Box::new(YubiKeyBackend::new(Arc::new(readers))))
        }
        (None, None) => registry.without("yubikey", "yubikey"),
    };
    let patience = std::env::var(modules::PATIENCE).ok().and_then(|text| text.parse().ok());
    let bounds = match patience.map(Duration::from_millis) {
        Some(all) => {
            backend_pkcs11::Bounds { call: all, generation: all, pin_pad: all, session: all }
        }
        None => backend_pkcs11::Bounds::default(),
    };
    registry.with(Box::new(Pkcs11Backend::new().with_bounds(bounds)))
}
