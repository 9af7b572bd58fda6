//! Certificates beside their keys, chains, and what other programs read of them.

use std::fs;

use crate::common::{Home, Kind, PIN, isolated, named};
use signer_core::{Error, Signer, Token, WhenKeysDiffer};

fn openssl(home: &Home, line: &str) {
    home.run("openssl", &line.split(' ').collect::<Vec<_>>());
}

/// Root, intermediate and leaf, where the leaf is for this signer's key.
fn chain_for(home: &Home, signer: &dyn Signer) -> [Vec<u8>; 3] {
    let der = der::Encode::to_der(signer.public_key()).unwrap();
    fs::write(home.file("key.der"), der).unwrap();
    openssl(home, "pkey -pubin -inform DER -in key.der -pubout -out key.pem");
    openssl(
        home,
        "req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -subj /CN=Root -days 2",
    );
    openssl(home, "req -new -newkey rsa:2048 -nodes -keyout mid.key -out mid.csr -subj /CN=Mid");
    openssl(home, "x509 -req -in mid.csr -CA root.pem -CAkey root.key -set_serial 2 -out mid.pem");
    openssl(home, "req -new -key mid.key -out leaf.csr -subj /CN=Leaf");
    openssl(
        home,
        "x509 -req -in leaf.csr -force_pubkey key.pem -CA mid.pem -CAkey mid.key -set_serial 3 \
         -out leaf.pem",
    );
    ["leaf", "mid", "root"].map(|name| {
        openssl(home, &format!("x509 -in {name}.pem -outform DER -out {name}.der"));
        fs::read(home.file(&format!("{name}.der"))).unwrap()
    })
}

fn certificates_are_kept_beside_their_key(home: &Home) {
    let mut token: Box<dyn Token> = home.token_with_key("factory");
    let dak = named("dak");
    let [leaf, middle, root] = {
        let signer = token.signer(&dak, None).unwrap();
        chain_for(home, &*signer)
    };
    let store = token.cert_store().unwrap();
    assert!(matches!(store.read(&dak), Err(Error::NotFound { .. })));
    let early = store.write_chain(&dak, &[middle.clone(), root.clone()]);
    assert!(matches!(early, Err(Error::NotFound { .. })), "{early:?}");
    // Twice is once.
    for _ in 0..2 {
        store.write(&dak, &leaf, WhenKeysDiffer::Refuse).unwrap();
        assert_eq!(store.read(&dak).unwrap(), leaf);
    }
    assert!(store.read_chain(&dak).unwrap().is_empty());
    let disordered = store.write_chain(&dak, &[root.clone(), middle.clone()]);
    assert!(matches!(disordered, Err(Error::Unsupported { .. })), "{disordered:?}");
    for _ in 0..2 {
        store.write_chain(&dak, &[middle.clone(), root.clone()]).unwrap();
        assert_eq!(store.read_chain(&dak).unwrap(), [middle.clone(), root.clone()]);
    }
    // Other people's programs find it by the key's own id.
    let id = token.keys().unwrap().into_iter().find_map(|key| match key.key {
        signer_core::KeyRef::Object { id, .. } => id,
        _ => None,
    });
    let id: String = id.unwrap().iter().map(|octet| format!("{octet:02x}")).collect();
    home.pkcs11_tool(
        "factory",
        &["--read-object", "--type", "cert", "--id", &id, "--output-file", "read.der"],
    );
    assert_eq!(fs::read(home.file("read.der")).unwrap(), leaf);
    // A renewed one takes the place of the old.
    openssl(
        home,
        "x509 -req -in leaf.csr -force_pubkey key.pem -CA mid.pem -CAkey mid.key -set_serial 4 \
         -outform DER -out new.der",
    );
    let renewed = fs::read(home.file("new.der")).unwrap();
    let store = token.cert_store().unwrap();
    store.write(&dak, &renewed, WhenKeysDiffer::Refuse).unwrap();
    assert_eq!(store.read(&dak).unwrap(), renewed);
    assert_eq!(store.read_chain(&dak).unwrap(), [middle, root]);
    store.remove(&dak).unwrap();
    assert!(matches!(store.read(&dak), Err(Error::NotFound { .. })));
    assert!(matches!(store.remove(&dak), Err(Error::NotFound { .. })));
}

#[test]
fn softhsm_keeps_certificates_beside_their_key() {
    isolated(
        "certificates::softhsm_keeps_certificates_beside_their_key",
        Kind::SoftHsm,
        certificates_are_kept_beside_their_key,
    );
}

#[test]
fn kryoptic_keeps_certificates_beside_their_key() {
    isolated(
        "certificates::kryoptic_keeps_certificates_beside_their_key",
        Kind::Kryoptic,
        certificates_are_kept_beside_their_key,
    );
}

#[test]
fn gnutls_lists_what_was_written_and_openssl_checks_what_opensc_signed() {
    let name = "certificates::gnutls_lists_what_was_written_and_openssl_checks_what_opensc_signed";
    isolated(name, Kind::SoftHsm, |home| {
        let mut token = home.token_with_key("factory");
        let dak = named("dak");
        let signer = token.signer(&dak, None).unwrap();
        let [leaf, ..] = chain_for(home, &*signer);
        token.cert_store().unwrap().write(&dak, &leaf, WhenKeysDiffer::Refuse).unwrap();
        let listed = home.run(
            "p11tool",
            &[
                "--provider",
                &home.module().display().to_string(),
                "--login",
                "--set-pin",
                PIN,
                "--list-all",
                "pkcs11:token=factory",
            ],
        );
        for kind in ["Private key", "Public key", "X.509 Certificate"] {
            assert!(listed.contains(kind), "{kind}:\n{listed}");
        }
        assert!(listed.contains("object=dak"), "{listed}");
        // Not one flag more than a signing key has.
        assert!(listed.contains("CKA_NEVER_EXTRACTABLE"), "{listed}");
        assert!(!listed.contains("CKA_WRAP/UNWRAP"), "{listed}");

        fs::write(home.file("message"), "message").unwrap();
        openssl(home, "dgst -sha256 -binary -out digest message");
        home.pkcs11_tool(
            "factory",
            &[
                "--sign",
                "--mechanism",
                "ECDSA",
                "--label",
                "dak",
                "--signature-format",
                "openssl",
                "--input-file",
                "digest",
                "--output-file",
                "theirs",
            ],
        );
        fs::write(home.file("ours"), signer.sign(b"message").unwrap().as_bytes()).unwrap();
        for signature in ["theirs", "ours"] {
            openssl(home, &format!("dgst -sha256 -verify key.pem -signature {signature} message"));
        }
    });
}
