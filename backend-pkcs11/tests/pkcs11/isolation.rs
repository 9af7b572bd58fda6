//! A module in a process of its own, and p11-kit's proxy before one.

use std::fs;
use std::path::PathBuf;

use backend_pkcs11::{Pkcs11Backend, SERVER_ADDRESS, server_address};
use signer_core::{Backend, Error, Isolation, Locator, OpenContext, Result, Token, VerifyingKey};

use crate::common::{Home, Kind, PIN, isolated, isolated_with, named, told};

const ADDRESS: (&str, &str) = (SERVER_ADDRESS, "unix:path={folder}/pkcs11.socket");

fn open(home: &Home) -> Result<Box<dyn Token>> {
    let context = OpenContext { isolation: Isolation::Process, ..home.context(PIN) };
    Pkcs11Backend::new().open(&home.locator("token=factory"), &context)
}

fn sign(token: &mut dyn Token) -> Result<()> {
    let signer = token.signer(&named("dak"), None)?;
    let signature = signer.sign(b"message")?;
    let key = VerifyingKey::new(signer.public_key()).unwrap();
    key.verify(&signer.algorithm().identifier(), b"message", signature.as_bytes()).unwrap();
    Ok(())
}

#[test]
fn a_module_that_dies_is_an_error_when_it_has_a_process_of_its_own() {
    let name = "isolation::a_module_that_dies_is_an_error_when_it_has_a_process_of_its_own";
    isolated_with(name, Kind::Shim, &[ADDRESS], |home| {
        assert_eq!(
            server_address(&home.folder).to_str(),
            std::env::var(SERVER_ADDRESS).ok().as_deref()
        );
        drop(home.token_with_key("factory"));
        home.calls();
        let mut token = open(home).unwrap();
        sign(&mut *token).unwrap();
        assert!(!home.calls().is_empty(), "it went through the module");
        // Named by its own file, not by p11-kit's client.
        assert!(token.info().locator.to_string().contains("pkcs11_shim"));
        home.rules("C_Sign 1 die\n");
        let error = sign(&mut *token).unwrap_err();
        assert!(matches!(error, Error::Device { .. }), "{}", told(&error));
        // Opened anew, it works again.
        home.rules("");
        drop(token);
        sign(&mut *open(home).unwrap()).unwrap();
        assert!(!home.file("pkcs11.socket").exists(), "the server is gone");
    });
}

#[test]
fn isolation_without_an_address_says_what_it_needs() {
    isolated("isolation::isolation_without_an_address_says_what_it_needs", Kind::Shim, |home| {
        drop(home.token_with_key("factory"));
        let error = open(home).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains(SERVER_ADDRESS), "{error}");
    });
}

#[test]
fn p11_kits_proxy_is_a_module_like_others() {
    let name = "isolation::p11_kits_proxy_is_a_module_like_others";
    let configuration = ("XDG_CONFIG_HOME", "{folder}/config");
    isolated_with(name, Kind::SoftHsm, &[configuration, ("HOME", "{folder}")], |home| {
        drop(home.token_with_key("factory"));
        let proxy =
            ["/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"]
                .iter()
                .map(|folder| PathBuf::from(folder).join("p11-kit-proxy.so"))
                .find(|path| path.exists())
                .expect("p11-kit's proxy: run scripts/setup");
        for at in [
            format!("pkcs11:token=factory?module-path={}", proxy.display()),
            "pkcs11:token=factory?module-name=p11-kit-proxy".into(),
            "pkcs11:token=factory?module-name=softhsm2".into(),
        ] {
            let at: Locator = at.parse().unwrap();
            let mut token = Pkcs11Backend::new()
                .open(&at, &home.context(PIN))
                .unwrap_or_else(|error| panic!("{at}: {}", told(&error)));
            sign(&mut *token).unwrap();
        }
        assert!(fs::exists(home.file("tokens")).unwrap());
    });
}
