//! A module in a process of its own, and p11-kit's proxy before one.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use backend_pkcs11::{Bounds, Pkcs11Backend, SERVER_ADDRESS, server_address};
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
fn a_module_that_hangs_in_a_process_of_its_own_ends_with_its_last_user() {
    let name = "isolation::a_module_that_hangs_in_a_process_of_its_own_ends_with_its_last_user";
    isolated_with(name, Kind::Shim, &[ADDRESS], |home| {
        drop(home.token_with_key("factory"));
        let call = Duration::from_millis(1500);
        let backend = Pkcs11Backend::new().with_bounds(Bounds { call, ..Bounds::default() });
        let context = OpenContext { isolation: Isolation::Process, ..home.context(PIN) };
        let mut token = backend.open(&home.locator("token=factory"), &context).unwrap();
        let signer = token.signer(&named("dak"), None).unwrap();
        home.rules("C_Sign 1 hang\n");
        let error = signer.sign(b"message").unwrap_err();
        assert!(told(&error).contains("did not answer"), "{}", told(&error));
        assert!(module_processes(home) > 0);
        drop((signer, token));
        let started = Instant::now();
        while module_processes(home) > 0 {
            // It is logged in, and knows the PIN.
            assert!(started.elapsed() < Duration::from_secs(20), "it is still there");
            thread::sleep(Duration::from_millis(5));
        }
    });
}

/// How many of p11-kit's processes there are that the test's own started.
fn module_processes(home: &Home) -> usize {
    let own = home.folder.display().to_string();
    let processes = fs::read_dir("/proc").unwrap().filter_map(|it| Some(it.ok()?.path()));
    let text =
        |path: PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    processes
        .filter(|it| text(it.join("cmdline")).starts_with("p11-kit"))
        .filter(|it| text(it.join("environ")).contains(&own))
        .count()
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
