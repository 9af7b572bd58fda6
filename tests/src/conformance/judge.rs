//! Who judges what a token made: OpenSSL, and Touchmark's own verifier.

use std::path::{Path, PathBuf};
use std::process::Command;

use der::EncodePem;
use signer_core::{
    KeySpec, Signature, SignatureAlgorithm, Signer, SubjectPublicKeyInfoOwned, VerifyingKey,
};
use spki::der::pem::LineEnding;

/// Demands that a signature verifies, and that it does not for another message.
pub(super) fn verifies(signer: &dyn Signer, message: &[u8], signature: &Signature) {
    let key = VerifyingKey::new(signer.public_key()).expect("the public key is one");
    let identifier = signer.algorithm().identifier();
    let octets = signature.as_bytes();
    key.verify(&identifier, message, octets).expect("the signature verifies");
    let other = [message, b"!"].concat();
    assert!(key.verify(&identifier, &other, octets).is_err(), "any message would do");
}

/// Demands that OpenSSL takes a signature for good.
pub(super) fn openssl_verifies(
    folder: &Path,
    signer: &dyn Signer,
    message: &[u8],
    signature: &Signature,
) {
    let key = public_key(folder, signer.public_key());
    let file = |name: &str, contents: &[u8]| -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, contents).expect("a file can be written");
        path
    };
    let (message, signature) = (file("message", message), file("signature", signature.as_bytes()));
    let mut command = Command::new("openssl");
    match signer.algorithm() {
        // Signs the message itself, which `dgst` does not know.
        SignatureAlgorithm::Ed25519 => {
            command.args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"]).arg(key);
            command.arg("-sigfile").arg(signature).arg("-in").arg(message);
        }
        algorithm => {
            let hash = match algorithm {
                SignatureAlgorithm::EcdsaP384Sha384 => "-sha384",
                _ => "-sha256",
            };
            command.args(["dgst", hash]);
            if algorithm == SignatureAlgorithm::RsaPssSha256 {
                command.args(["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]);
            }
            command.arg("-verify").arg(key).arg("-signature").arg(signature).arg(message);
        }
    }
    run(&mut command);
}

/// A certificate (DER) for a public key, by an authority of no importance.
pub(super) fn certificate(folder: &Path, public_key_info: &SubjectPublicKeyInfoOwned) -> Vec<u8> {
    let authority = folder.join("authority.pem");
    if !authority.exists() {
        let kind = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"];
        run(Command::new("openssl").args(kind).arg(&authority));
    }
    let (key, out) = (public_key(folder, public_key_info), folder.join("certificate.der"));
    let mut command = Command::new("openssl");
    command.args(["x509", "-new", "-subj", "/CN=conformance", "-days", "30", "-outform", "DER"]);
    command.arg("-force_pubkey").arg(key).arg("-key").arg(authority).arg("-out").arg(&out);
    run(&mut command);
    std::fs::read(out).expect("openssl made it")
}

/// Each algorithm that a key of this kind signs by.
pub(super) fn algorithms(spec: KeySpec) -> Vec<SignatureAlgorithm> {
    use SignatureAlgorithm::{
        EcdsaP256Sha256, EcdsaP384Sha384, Ed25519, RsaPkcs1Sha256, RsaPssSha256,
    };
    let all = [EcdsaP256Sha256, EcdsaP384Sha384, Ed25519, RsaPkcs1Sha256, RsaPssSha256];
    all.into_iter().filter(|algorithm| algorithm.fits(spec)).collect()
}

fn public_key(folder: &Path, key: &SubjectPublicKeyInfoOwned) -> PathBuf {
    let path = folder.join("public.pem");
    let pem = key.to_pem(LineEnding::LF).expect("a public key can be encoded");
    std::fs::write(&path, pem).expect("a file can be written");
    path
}

fn run(command: &mut Command) {
    let output = command.output().expect("openssl runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
