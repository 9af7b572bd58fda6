//! What leads other programs astray: no match, two matches, and files that are no modules.

use std::fs;
use std::sync::{Arc, Mutex};

use crate::common::{Home, Kind, PIN, SO_PIN, generate, isolated, named, told, with_id};
use backend_pkcs11::Pkcs11Backend;
use signer_core::{
    Backend, Error, Event, Interaction, KeyRef, KeySpec, OpenContext, Signer, VerifyingKey,
    WhenKeysDiffer,
};

fn signs(signer: &dyn Signer) {
    let signature = signer.sign(b"message").unwrap();
    let key = VerifyingKey::new(signer.public_key()).unwrap();
    key.verify(&signer.algorithm().identifier(), b"message", signature.as_bytes()).unwrap();
}

fn make_with_pkcs11_tool(home: &Home, label: &str, id: &str) {
    home.pkcs11_tool(
        "factory",
        &["--keypairgen", "--key-type", "EC:prime256v1", "--label", label, "--id", id],
    );
}

#[test]
fn a_label_that_does_not_exist_is_no_other_key() {
    isolated("traps::a_label_that_does_not_exist_is_no_other_key", Kind::SoftHsm, |home| {
        let mut token = home.token_with_key("factory");
        for key in [
            named("dax"),
            named("da"),
            named("DAK"),
            named(""),
            with_id(b"\x01"),
            with_id(b""),
            KeyRef::Slot("9c".into()),
            KeyRef::Object { label: Some("dak".into()), id: Some(vec![1]) },
        ] {
            let error = token.signer(&key, None).unwrap_err();
            assert!(matches!(error, Error::NotFound { .. }), "{key}: {error}");
            assert!(error.to_string().contains("factory"), "{error}");
            let deleted = token.key_manager().unwrap().delete(&key);
            assert!(matches!(deleted, Err(Error::NotFound { .. })), "{key}");
        }
        // As other tools print an id, and not as a locator has it.
        let error = token.signer(&with_id(b"07fE"), None).unwrap_err();
        assert!(error.to_string().contains("id=%07%fE"), "{error}");
        signs(&*token.signer(&KeyRef::Sole, None).unwrap());
    });
}

#[test]
fn two_keys_with_one_id_are_told_apart_by_label_and_never_mixed_up() {
    let name = "traps::two_keys_with_one_id_are_told_apart_by_label_and_never_mixed_up";
    isolated(name, Kind::SoftHsm, |home| {
        home.token("factory");
        for label in ["one", "two"] {
            make_with_pkcs11_tool(home, label, "01");
        }
        let mut token = home.open("token=factory");
        for key in [with_id(&[1]), KeyRef::Sole] {
            let error = token.signer(&key, None).unwrap_err();
            let Error::Ambiguous { candidates, .. } = &error else { panic!("{error}") };
            assert_eq!(candidates.len(), 2, "{error}");
            for label in ["\"one\"", "\"two\""] {
                assert!(candidates.iter().any(|it| it.contains(label)), "{error}");
            }
        }
        let one = token.signer(&named("one"), None).unwrap();
        let two = token.signer(&named("two"), None).unwrap();
        assert_ne!(one.public_key(), two.public_key());
        signs(&*one);
        signs(&*two);
        // Deleting one leaves the other whole, though they share the id.
        token.key_manager().unwrap().delete(&named("one")).unwrap();
        signs(&*token.signer(&with_id(&[1]), None).unwrap());
        assert_eq!(token.keys().unwrap().len(), 1);
    });
}

#[test]
fn two_keys_with_one_name_are_listed_with_their_fingerprints() {
    let name = "traps::two_keys_with_one_name_are_listed_with_their_fingerprints";
    isolated(name, Kind::SoftHsm, |home| {
        home.token("factory");
        for _ in 0..2 {
            make_with_pkcs11_tool(home, "dak", "01");
        }
        let mut token = home.open("token=factory");
        let key = KeyRef::Object { label: Some("dak".into()), id: Some(vec![1]) };
        let error = token.signer(&key, None).unwrap_err();
        assert!(matches!(error, Error::Ambiguous { .. }), "{error}");
    });
}

#[test]
fn two_tokens_with_one_label_are_told_apart_by_serial() {
    isolated("traps::two_tokens_with_one_label_are_told_apart_by_serial", Kind::SoftHsm, |home| {
        for _ in 0..2 {
            home.run(
                "softhsm2-util",
                &["--init-token", "--free", "--label", "factory", "--so-pin", SO_PIN, "--pin", PIN],
            );
        }
        let backend = Pkcs11Backend::new();
        let tokens = backend.tokens(&home.locator("token=factory")).unwrap();
        let serials: Vec<String> = tokens.iter().filter_map(|it| it.serial.clone()).collect();
        assert_eq!(serials.len(), 2);
        let error = backend.open(&home.locator("token=factory"), &home.context(PIN)).unwrap_err();
        let Error::Ambiguous { candidates, .. } = &error else { panic!("{error}") };
        for (token, serial) in tokens.iter().zip(&serials) {
            assert!(candidates.iter().any(|it| it.contains(serial)), "{error}");
            let opened = backend.open(&token.locator, &home.context(PIN)).unwrap();
            assert_eq!(opened.info().serial.as_ref(), Some(serial));
        }
        let none = backend.open(&home.locator("token=factory2"), &home.context(PIN)).unwrap_err();
        assert!(matches!(none, Error::NotFound { .. }), "{none}");
    });
}

/// A certificate for the public key in `public.pem`, made by a throw-away issuer.
fn certify(home: &Home, public: &str) -> Vec<u8> {
    let run = |line: &str| home.run("openssl", &line.split(' ').collect::<Vec<_>>());
    run("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=CA -days 2");
    run("req -new -key ca.key -out any.csr -subj /CN=leaf");
    run(&format!(
        "x509 -req -in any.csr -force_pubkey {public} -CA ca.pem -CAkey ca.key -set_serial 7 -days 1 \
         -outform DER -out leaf.der"
    ));
    fs::read(home.file("leaf.der")).unwrap()
}

fn public_pem(home: &Home, signer: &dyn Signer) -> &'static str {
    let der = der::Encode::to_der(signer.public_key()).unwrap();
    fs::write(home.file("public.der"), der).unwrap();
    home.run(
        "openssl",
        &["pkey", "-pubin", "-inform", "DER", "-in", "public.der", "-pubout", "-out", "public.pem"],
    );
    "public.pem"
}

#[test]
fn a_certificate_of_another_key_under_the_same_id_is_refused() {
    let name = "traps::a_certificate_of_another_key_under_the_same_id_is_refused";
    isolated(name, Kind::SoftHsm, |home| {
        let mut token = home.token_with_key("factory");
        generate(&mut *token, "other", KeySpec::P256);
        let (dak, other) = (named("dak"), named("other"));
        let foreign = {
            let signer = token.signer(&other, None).unwrap();
            certify(home, public_pem(home, &*signer))
        };
        let own = {
            let signer = token.signer(&dak, None).unwrap();
            certify(home, public_pem(home, &*signer))
        };
        let store = token.cert_store().unwrap();
        assert!(matches!(store.read(&dak), Err(Error::NotFound { .. })));
        let refused = store.write(&dak, &foreign, WhenKeysDiffer::Refuse);
        assert!(matches!(refused, Err(Error::AnotherKey { .. })), "{refused:?}");
        store.write(&dak, &foreign, WhenKeysDiffer::Store).unwrap();
        let read = store.read(&dak).unwrap_err();
        assert!(matches!(read, Error::AnotherKey { .. }), "{read}");
        // With the right one beside it, the right one is read, and removing takes that one alone.
        store.write(&dak, &own, WhenKeysDiffer::Refuse).unwrap();
        assert_eq!(store.read(&dak).unwrap(), own);
        store.remove(&dak).unwrap();
        assert!(matches!(store.read(&dak), Err(Error::AnotherKey { .. })));
        signs(&*token.signer(&dak, None).unwrap());

        // Without a public key object the foreign certificate is all there is to go by: the first
        // signature shows that it is not this key's, and is not handed out.
        home.pkcs11_tool("factory", &["--delete-object", "--type", "pubkey", "--label", "dak"]);
        let signer = token.signer(&dak, None).unwrap();
        let error = told(&signer.sign(b"message").unwrap_err());
        assert!(error.contains("does not verify"), "{error}");
        let error = told(&signer.session().unwrap().sign(b"message").unwrap_err());
        assert!(error.contains("does not verify"), "{error}");
    });
}

#[test]
fn a_key_without_a_public_object_goes_by_its_certificate() {
    let name = "traps::a_key_without_a_public_object_goes_by_its_certificate";
    isolated(name, Kind::SoftHsm, |home| {
        let mut token = home.token_with_key("factory");
        let dak = named("dak");
        let signer = token.signer(&dak, None).unwrap();
        let own = certify(home, public_pem(home, &*signer));
        token.cert_store().unwrap().write(&dak, &own, WhenKeysDiffer::Refuse).unwrap();
        home.pkcs11_tool("factory", &["--delete-object", "--type", "pubkey", "--label", "dak"]);
        let by_certificate = token.signer(&dak, None).unwrap();
        assert_eq!(by_certificate.public_key(), signer.public_key());
        signs(&*by_certificate);
        token.cert_store().unwrap().remove(&dak).unwrap();
    });
}

#[test]
fn files_that_are_no_modules_are_told_for_what_they_are() {
    isolated(
        "traps::files_that_are_no_modules_are_told_for_what_they_are",
        Kind::SoftHsm,
        |home| {
            let backend = Pkcs11Backend::new();
            fs::write(home.file("text.so"), "this is text, and long enough to be one\n").unwrap();
            // A shared library of this machine, and no module.
            let library = fs::read("/usr/lib/softhsm/libsofthsm2.so").unwrap();
            let mut foreign = library.clone();
            foreign[18] ^= 0xff;
            fs::write(home.file("foreign.so"), foreign).unwrap();
            fs::write(home.file("half.so"), &library[..4096]).unwrap();
            let plain = fs::read_dir("/usr/lib/x86_64-linux-gnu")
                .into_iter()
                .flatten()
                .flatten()
                .map(|it| it.path())
                .find(|it| it.file_name().is_some_and(|name| name == "libz.so.1"));
            let mut cases = vec![
                (home.folder.clone(), "it is a folder"),
                (home.file("text.so"), "it is no shared library"),
                (home.file("foreign.so"), "it is for "),
                (home.file("half.so"), "was cut off"),
                (home.file("none.so"), "not found"),
            ];
            cases.extend(plain.map(|path| (path, "C_GetFunctionList")));
            for (path, reason) in cases {
                let at = format!("pkcs11:token=a?module-path={}", path.display()).parse().unwrap();
                let error = told(&backend.open(&at, &OpenContext::default()).unwrap_err());
                assert!(error.contains(reason), "{}: {error}", path.display());
            }
        },
    );
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Interaction for Heard {
    fn event(&self, event: Event<'_>) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

#[test]
fn a_slot_number_filters_and_warns() {
    isolated("traps::a_slot_number_filters_and_warns", Kind::SoftHsm, |home| {
        let mut token = home.token_with_key("factory");
        signs(&*token.signer(&KeyRef::Sole, None).unwrap());
        let listed = home.run("softhsm2-util", &["--show-slots"]);
        let slot = listed.lines().find_map(|line| line.strip_prefix("Slot ")).unwrap();
        let heard = Arc::new(Heard::default());
        let context = OpenContext { interaction: heard.clone(), ..home.context(PIN) };
        let backend = Pkcs11Backend::new();
        let at = |path: &str| home.locator(path);
        backend.open(&at(&format!("slot-id={slot}")), &context).unwrap();
        assert_eq!(heard.0.lock().unwrap().len(), 1);
        assert!(heard.0.lock().unwrap()[0].contains("slot numbers change"));
        // It never selects against what the label says.
        let error =
            backend.open(&at(&format!("slot-id={slot};token=other")), &context).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
        assert!(backend.open(&at("token=factory"), &context).is_ok());
        assert_eq!(heard.0.lock().unwrap().len(), 2);
    });
}
