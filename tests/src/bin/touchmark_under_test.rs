//! The `touchmark` program as the tests run it: the same `run()`, with keys out of a drawer instead
//! of those in this machine's readers, or with those and less patience.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use backend_soft::SoftBackend;
use backend_yubikey::YubiKeyBackend;
use backend_yubikey::transport::Bounds;
use backend_yubikey::transport::pcsc::PcscReaders;
use signer_core::Registry;
use touchmark_tests::drawer::{self, Drawer};

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
    registry.without("pkcs11", "pkcs11")
}
