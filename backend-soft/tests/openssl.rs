//! OpenSSL judges the key files: what it writes is read, what is written it reads, and it checks
//! the signatures.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it fails")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use backend_soft::SoftBackend;
use signer_core::{
    Backend, Error, KeyPolicy, KeyRef, KeySpec, Locator, OpenContext, Permissions, Result,
    SecretKind, SecretSpec, SignatureAlgorithm, Signer, Token,
};
use tempfile::TempDir;

#[test]
fn every_kind_of_key_file_that_openssl_writes_signs() {
    let dir = TempDir::new().unwrap();
    let cases: [(&str, &str, SignatureAlgorithm); 12] = [
        ("sec1", "ecparam -name prime256v1 -genkey -noout -out KEY", P256),
        ("sec1 behind EC PARAMETERS", "ecparam -name prime256v1 -genkey -out KEY", P256),
        ("sec1 p384", "ecparam -name secp384r1 -genkey -noout -out KEY", P384),
        ("pkcs8", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out KEY", P256),
        ("pkcs8 p384", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out KEY", P384),
        ("pkcs8 ed25519", "genpkey -algorithm ED25519 -out KEY", SignatureAlgorithm::Ed25519),
        ("pkcs8 rsa", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out KEY", PKCS1),
        (
            "pkcs8 rsa with pss",
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out KEY",
            PSS,
        ),
        ("pkcs8 rsa 4096", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out KEY", PKCS1),
        ("pkcs1", "genrsa -traditional -out KEY 3072", PKCS1),
        (
            "encrypted pkcs8",
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes-256-cbc -pass pass:s3cret \
             -out KEY",
            P256,
        ),
        (
            "encrypted pkcs8 with 3DES",
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -des3 -pass pass:s3cret -out KEY",
            P256,
        ),
    ];
    for (name, command, algorithm) in cases {
        let key = dir.path().join("key.pem");
        let _ = std::fs::remove_file(&key);
        openssl(command, &key);
        owner_only(&key);
        let signer = signer(&key, &dir, algorithm).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(signer.algorithm(), algorithm, "{name}");
        assert!(openssl_verifies(&*signer, &key, &dir), "{name}");
    }
}

#[test]
fn openssl_reads_and_matches_every_key_that_is_generated() {
    let dir = TempDir::new().unwrap();
    for encrypted in [false, true] {
        for spec in [KeySpec::P256, KeySpec::P384, KeySpec::Ed25519, KeySpec::Rsa(2048)] {
            let key = dir.path().join(format!("{spec}-{encrypted}.pem"));
            let mut token = open(&key, &dir, encrypted);
            let info = token
                .key_manager()
                .unwrap()
                .generate(&KeyRef::Sole, spec, KeyPolicy::default())
                .unwrap();
            assert_eq!(info.spec, spec);
            let pem = std::fs::read_to_string(&key).unwrap();
            assert_eq!(pem.contains("ENCRYPTED"), encrypted);
            let signer = token.signer(&KeyRef::Sole, None).unwrap();
            assert_eq!(signer.public_key(), &info.public_key);
            assert!(openssl_verifies(&*signer, &key, &dir), "{spec}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_generated_file_is_the_owners_alone_and_overwrites_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let key = dir.path().join("key.pem");
    let mut token = open(&key, &dir, false);
    token
        .key_manager()
        .unwrap()
        .generate(&KeyRef::Sole, KeySpec::P256, KeyPolicy::default())
        .unwrap();
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o7777, 0o600);

    let before = std::fs::read(&key).unwrap();
    let error = token
        .key_manager()
        .unwrap()
        .generate(&KeyRef::Sole, KeySpec::P256, KeyPolicy::default())
        .unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
    assert_eq!(std::fs::read(&key).unwrap(), before);

    // Neither over a dangling link, which a look beforehand does not see.
    let link = dir.path().join("link.pem");
    std::os::unix::fs::symlink(dir.path().join("elsewhere.pem"), &link).unwrap();
    let error = open(&link, &dir, false)
        .key_manager()
        .unwrap()
        .generate(&KeyRef::Sole, KeySpec::P256, KeyPolicy::default())
        .unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
    assert!(!dir.path().join("elsewhere.pem").exists());
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_refused_unless_told() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let key = dir.path().join("key.pem");
    openssl("ecparam -name prime256v1 -genkey -noout -out KEY", &key);
    for mode in [0o640, 0o604, 0o660, 0o610] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = signer(&key, &dir, P256).unwrap_err();
        assert!(matches!(error, Error::LoosePermissions { mode: m, .. } if m == mode), "{error}");
    }
    let context = OpenContext { permissions: Permissions::Loose, ..OpenContext::default() };
    let locator = Locator::of_file("soft", &key);
    SoftBackend.open(&locator, &context).unwrap().signer(&KeyRef::Sole, None).unwrap();
}

#[test]
fn what_cannot_be_read_says_why() {
    let dir = TempDir::new().unwrap();
    let legacy = "ec -in PLAIN -aes128 -passout pass:s3cret -out KEY";
    let cases: [(&str, &[&str], &str); 8] = [
        ("legacy encryption", &[legacy], "openssl pkcs8 -topk8"),
        ("P-521", &["ecparam -name secp521r1 -genkey -noout -out KEY"], "P-256 or P-384"),
        (
            "P-521 in PKCS#8",
            &["genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out KEY"],
            "1.3.132.0.35",
        ),
        (
            "RSA-1024",
            &["genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out KEY"],
            "no usable private key",
        ),
        ("X25519", &["genpkey -algorithm X25519 -out KEY"], "1.3.101.110"),
        ("a public key", &["ec -in PLAIN -pubout -out KEY"], "no PEM block of a private key"),
        (
            "PBES1",
            &["pkcs8 -topk8 -in PLAIN -v1 PBE-SHA1-3DES -passout pass:s3cret -out KEY"],
            "needs PBES2",
        ),
        ("DER", &["ec -in PLAIN -outform DER -out KEY"], "not PEM text"),
    ];
    for (name, commands, reason) in cases {
        let plain = dir.path().join("plain.pem");
        let key = dir.path().join("key.pem");
        let _ = std::fs::remove_file(&key);
        openssl("ecparam -name prime256v1 -genkey -noout -out KEY", &plain);
        for command in commands {
            openssl(&command.replace("PLAIN", plain.to_str().unwrap()), &key);
        }
        owner_only(&key);
        let error = signer(&key, &dir, P256).unwrap_err().to_string();
        assert!(error.contains(reason), "{name}: {error}");
        assert!(!error.contains("s3cret"), "{name}: {error}");
    }
}

#[test]
fn damaged_files_are_errors_and_never_keys() {
    let dir = TempDir::new().unwrap();
    let key = dir.path().join("key.pem");
    openssl("ecparam -name prime256v1 -genkey -noout -out KEY", &key);
    owner_only(&key);
    let whole = std::fs::read_to_string(&key).unwrap();
    let body = whole.trim_end().len();
    for end in 0..body {
        std::fs::write(&key, &whole[..end]).unwrap();
        let error = signer(&key, &dir, P256).unwrap_err();
        assert!(matches!(error, Error::MalformedKey { .. }), "{end}: {error}");
    }
    std::fs::write(&key, format!("{whole}{whole}")).unwrap();
    let error = signer(&key, &dir, P256).unwrap_err();
    assert!(
        matches!(&error, Error::Ambiguous { candidates, .. } if candidates.len() == 2),
        "{error}"
    );
    std::fs::write(&key, "x".repeat(100_000)).unwrap();
    assert!(signer(&key, &dir, P256).is_err());
    std::fs::remove_file(&key).unwrap();
    let error = signer(&key, &dir, P256).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert!(
        SoftBackend.open(&Locator::of_file("soft", dir.path()), &OpenContext::default()).is_err()
    );
}

#[test]
fn a_wrong_passphrase_is_told_apart() {
    let dir = TempDir::new().unwrap();
    let key = dir.path().join("key.pem");
    openssl(
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes-256-cbc -pass pass:other -out KEY",
        &key,
    );
    owner_only(&key);
    let error = signer(&key, &dir, P256).unwrap_err();
    assert!(matches!(error, Error::WrongSecret { kind: SecretKind::Passphrase, .. }), "{error}");
    let nobody = SoftBackend
        .open(&Locator::of_file("soft", &key), &OpenContext::default())
        .unwrap()
        .signer(&KeyRef::Sole, None)
        .unwrap_err();
    assert!(matches!(nobody, Error::NobodyToAsk { .. }), "{nobody}");
}

#[test]
fn a_key_file_offers_no_pin_counters_and_no_certificates() {
    let dir = TempDir::new().unwrap();
    let mut token = open(&dir.path().join("key.pem"), &dir, false);
    assert!(!token.info().counts_tries);
    assert!(token.pin_manager().is_none());
    assert!(token.cert_store().is_none());
    let keys = token.key_manager().unwrap();
    assert!(matches!(keys.delete(&KeyRef::Sole), Err(Error::Unsupported { .. })));
    assert!(matches!(keys.attest(&KeyRef::Sole), Err(Error::Unsupported { .. })));
}

const P256: SignatureAlgorithm = SignatureAlgorithm::EcdsaP256Sha256;
const P384: SignatureAlgorithm = SignatureAlgorithm::EcdsaP384Sha384;
const PKCS1: SignatureAlgorithm = SignatureAlgorithm::RsaPkcs1Sha256;
const PSS: SignatureAlgorithm = SignatureAlgorithm::RsaPssSha256;

/// Opens `key` with the passphrase `s3cret` named for reading and, if `encrypt`, for writing.
fn open(key: &Path, dir: &TempDir, encrypt: bool) -> Box<dyn Token> {
    let passphrase = dir.path().join("passphrase.txt");
    std::fs::write(&passphrase, "s3cret\n").unwrap();
    let source = SecretSpec::File(passphrase.to_str().unwrap().to_owned());
    let mut context = OpenContext::default();
    context.secrets = context.secrets.with(SecretKind::Passphrase, source.clone());
    if encrypt {
        context.secrets = context.secrets.with(SecretKind::NewPassphrase, source);
    }
    SoftBackend.open(&Locator::of_file("soft", key), &context).unwrap()
}

fn signer(key: &Path, dir: &TempDir, algorithm: SignatureAlgorithm) -> Result<Arc<dyn Signer>> {
    open(key, dir, false).signer(&KeyRef::Sole, Some(algorithm))
}

fn openssl_verifies(signer: &dyn Signer, key: &Path, dir: &TempDir) -> bool {
    let file = |name: &str, contents: &[u8]| -> PathBuf {
        let path = dir.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path
    };
    let message = file("message", b"what is signed");
    let signature = signer.session().unwrap().sign(b"what is signed").unwrap();
    let signature = file("signature", signature.as_bytes());
    let options = match signer.algorithm() {
        SignatureAlgorithm::Ed25519 => "",
        SignatureAlgorithm::EcdsaP384Sha384 => "-digest sha384",
        PSS => "-digest sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:32",
        _ => "-digest sha256",
    };
    let verify = run(
        &format!(
            "pkeyutl -verify -rawin -in {} -sigfile {} -inkey KEY -passin pass:s3cret {options}",
            message.display(),
            signature.display()
        ),
        key,
    );
    verify.status.success()
}

fn openssl(command: &str, key: &Path) {
    let output = run(command, key);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {command}: {errors}");
}

fn run(command: &str, key: &Path) -> Output {
    let arguments = command.split_whitespace().map(|word| match word {
        "KEY" => key.to_str().unwrap(),
        word => word,
    });
    Command::new("openssl").args(arguments).output().expect("openssl is needed for these tests")
}

#[cfg(unix)]
fn owner_only(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn owner_only(_path: &Path) {}
