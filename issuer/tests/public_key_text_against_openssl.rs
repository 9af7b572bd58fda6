//! The documented commands judge the text of public keys.
#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made fails the test")]

use std::path::Path;
use std::process::Command;

use der::Decode;
use issuer::certificate::ParsedCertificate;
use issuer::pem::{self, Kind};
use issuer::public_key_text::{PublicKeyForm, PublicKeyTextError, public_key_text};
use spki::SubjectPublicKeyInfoOwned;

const CHAIN: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/chains/tuya-2020-chain.pem");

/// What the shell prints; both programs of the documented pipeline must be there.
fn shell(command: &str, folder: &Path) -> Vec<u8> {
    let output = Command::new("sh")
        .args(["-c", &format!("set -e; {command}")])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!output.stdout.is_empty(), "{command} prints nothing");
    output.stdout
}

fn spki(file: &Path) -> SubjectPublicKeyInfoOwned {
    SubjectPublicKeyInfoOwned::from_der(&std::fs::read(file).unwrap()).unwrap()
}

#[test]
fn uncompressed_text_is_the_documented_commands_output() {
    let folder = tempfile::tempdir().unwrap();
    let expected = shell(
        &format!(
            "openssl x509 -in '{CHAIN}' -pubkey -noout | grep -v '^-' \
             | openssl enc -base64 -d | openssl enc -base64"
        ),
        folder.path(),
    );
    let input = std::fs::read(CHAIN).unwrap();
    let block = pem::read_all(&input, Kind::Certificate, 1 << 20).unwrap().remove(0);
    let leaf = ParsedCertificate::from_der(&block.der).unwrap();
    let text = public_key_text(leaf.spki(), PublicKeyForm::Uncompressed).unwrap();
    assert_eq!(text.as_bytes(), expected);
    let lengths: Vec<_> = text.lines().map(str::len).collect();
    assert_eq!(lengths, [64, 60]);
    assert!(text.ends_with('\n'));
}

#[test]
fn both_forms_are_openssls_whichever_form_the_key_came_in() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (curve, compressed_length) in [("P-256", 80), ("P-384", 96), ("P-521", 120)] {
        // Several keys, so that both parities of y are met.
        for number in 0..4 {
            shell(
                &format!(
                    "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{curve} -out k{number}.pem; \
                     openssl ec -in k{number}.pem -pubout -outform DER -out full.der 2>/dev/null; \
                     openssl ec -in k{number}.pem -pubout -conv_form compressed -outform DER -out short.der 2>/dev/null; \
                     echo made"
                ),
                at,
            );
            let full = shell("openssl enc -base64 -in full.der", at);
            let short = shell("openssl enc -base64 -A -in short.der; echo", at);
            for file in ["full.der", "short.der"] {
                let key = spki(&at.join(file));
                let text = public_key_text(&key, PublicKeyForm::Uncompressed).unwrap();
                assert_eq!(text.as_bytes(), full, "{curve} from {file}");
                let text = public_key_text(&key, PublicKeyForm::Compressed).unwrap();
                assert_eq!(text.as_bytes(), short, "{curve} from {file}");
                assert_eq!(text.trim_end().len(), compressed_length);
            }
        }
    }
}

#[test]
fn keys_without_points_have_no_compressed_form() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (arguments, name) in
        [("RSA -pkeyopt rsa_keygen_bits:2048", "RSA 2048"), ("ED25519", "Ed25519")]
    {
        shell(
            &format!(
                "openssl genpkey -algorithm {arguments} -out k.pem; \
                 openssl pkey -in k.pem -pubout -outform DER -out k.der; echo made"
            ),
            at,
        );
        let key = spki(&at.join("k.der"));
        assert_eq!(
            public_key_text(&key, PublicKeyForm::Compressed),
            Err(PublicKeyTextError::NotCompressible { key: name.into() })
        );
        let text = public_key_text(&key, PublicKeyForm::Uncompressed).unwrap();
        assert_eq!(text.as_bytes(), shell("openssl enc -base64 -in k.der", at));
    }
}

#[test]
fn other_curves_stay_as_they_are_and_are_not_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    shell(
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out k.pem; \
         openssl pkey -in k.pem -pubout -outform DER -out k.der; echo made",
        at,
    );
    let key = spki(&at.join("k.der"));
    let text = public_key_text(&key, PublicKeyForm::Uncompressed).unwrap();
    assert_eq!(text.as_bytes(), shell("openssl enc -base64 -in k.der", at));
    let error = public_key_text(&key, PublicKeyForm::Compressed).unwrap_err();
    assert!(matches!(error, PublicKeyTextError::UnsupportedCurve { .. }), "{error}");
}

#[test]
fn points_off_their_curve_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    shell(
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out k.pem; \
         openssl pkey -in k.pem -pubout -outform DER -out k.der; echo made",
        at,
    );
    let mut der = std::fs::read(at.join("k.der")).unwrap();
    *der.last_mut().unwrap() ^= 1;
    let key = SubjectPublicKeyInfoOwned::from_der(&der).unwrap();
    assert_eq!(
        public_key_text(&key, PublicKeyForm::Compressed),
        Err(PublicKeyTextError::BadPoint { key: "P-256".into() })
    );
}

#[test]
fn names_of_the_forms_round_trip() {
    for form in [PublicKeyForm::Uncompressed, PublicKeyForm::Compressed] {
        assert_eq!(form.to_string().parse(), Ok(form));
    }
    assert!("hybrid".parse::<PublicKeyForm>().is_err());
}
