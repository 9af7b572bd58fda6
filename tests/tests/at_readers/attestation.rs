//! Attestations: the same from every client, believed by OpenSSL and by us.

use backend_yubikey::attestation::{Attestation, TrustAnchors};
use der::{Decode, Encode};
use issuer::pem::{Kind, read_all};
use signer_core::{PinPolicy, TouchPolicy};
use x509_cert::Certificate;

use crate::desk::{Desk, SERIAL};

/// Of a key with policies of its own, where the firmware has those.
pub(crate) fn attestations_are_the_same_from_all(model: &str) {
    let desk = Desk::new(model);
    desk.touchmark("9a", "key generate --pin-policy always --touch-policy cached").done();
    desk.public_key("9a", "9a.pem");
    desk.write("root.pem", virtual_yubikey::ROOT_CERTIFICATE_PEM);
    desk.touchmark("9a", "key attest --trust root.pem --out touchmark.pem").done();
    desk.ykman("keys attest 9a ykman.pem").done();
    desk.ykman("certificates export f9 f9.crt").done();
    desk.piv_tool("-a attest -s 9a -o piv-tool.pem").done();

    let chain = certificates(&desk, "touchmark.pem");
    let [ours, card] = chain.as_slice() else { panic!("{} certificates", chain.len()) };
    assert_eq!(certificates(&desk, "f9.crt"), [card.as_slice()]);
    for file in ["ykman.pem", "piv-tool.pem"] {
        let [theirs] = &certificates(&desk, file)[..] else { panic!("more than one in {file}") };
        assert_eq!(without_serial(theirs), without_serial(ours), "{file}");
    }

    for file in ["touchmark.pem", "ykman.pem"] {
        desk.openssl(&format!("verify -CAfile root.pem -untrusted f9.crt {file}"));
    }
    let certified = desk.openssl("x509 -in touchmark.pem -noout -pubkey");
    assert_eq!(certified.as_bytes(), desk.read("9a.pem"));

    let root = certificates(&desk, "root.pem").remove(0);
    let anchors = TrustAnchors::none().with_root(&root).unwrap();
    for file in ["touchmark.pem", "ykman.pem", "piv-tool.pem"] {
        let leaf = certificates(&desk, file).remove(0);
        let told = Attestation::verify(&leaf, card, &anchors).unwrap();
        assert_eq!(told.serial, Some(SERIAL));
        assert_eq!(told.slot.to_string(), "slot 9a");
        assert_eq!(told.version.to_string(), model);
        assert_eq!(told.pin, PinPolicy::Always);
        assert_eq!(told.touch, TouchPolicy::Cached);
        // Yubico's own roots know nothing of this card.
        assert!(Attestation::verify(&leaf, card, &TrustAnchors::yubico()).is_err());
    }
}

fn certificates(desk: &Desk, file: &str) -> Vec<Vec<u8>> {
    let blocks = read_all(&desk.read(file), Kind::Certificate, 1 << 20).unwrap();
    blocks.into_iter().map(|block| block.der).collect()
}

/// What is signed, but for the serial number, which is made anew each time.
fn without_serial(der: &[u8]) -> Vec<u8> {
    let certificate = Certificate::from_der(der).unwrap();
    let tbs = certificate.tbs_certificate();
    [
        tbs.version().to_der(),
        tbs.signature().to_der(),
        tbs.issuer().to_der(),
        tbs.validity().to_der(),
        tbs.subject().to_der(),
        tbs.subject_public_key_info().to_der(),
        tbs.extensions().unwrap().to_der(),
    ]
    .map(Result::unwrap)
    .concat()
}
