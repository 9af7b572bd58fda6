//! Entry points for fuzzing: each takes any bytes, and panics only when the product breaks a promise.

mod answers;
mod card;
mod conf;
mod csr;
mod hostile_card;
mod locator;

use std::time::{Duration, UNIX_EPOCH};

use issuer::certificate::ParsedCertificate;
use issuer::describe::Description;
use issuer::path::{TrustAnchors, validate};
use issuer::pem::{self, Kind};
use issuer::public_key_text::{PublicKeyForm, public_key_text};

pub use answers::{attestation, certificate_object, device_info, metadata, tlv};
pub use card::card;
pub use conf::conf;
pub use csr::csr;
pub use hostile_card::hostile_card;
pub use locator::locator;

/// A target: takes any bytes.
pub type Target = fn(&[u8]);

/// Every target by the name of its corpus.
pub const TARGETS: [(&str, Target); 12] = [
    ("attestation", attestation),
    ("card", card),
    ("certificate", certificate),
    ("certificate_object", certificate_object),
    ("conf", conf),
    ("csr", csr),
    ("device_info", device_info),
    ("hostile_card", hostile_card),
    ("locator", locator),
    ("metadata", metadata),
    ("pem", pem),
    ("tlv", tlv),
];

const LIMIT: usize = 1 << 20;
/// 2026-01-01T00:00:00Z.
const MOMENT: Duration = Duration::from_secs(1_767_225_600);

/// PEM and DER intake: what was read is written and read back the same.
pub fn pem(data: &[u8]) {
    for kind in [Kind::Certificate, Kind::CertificateRequest] {
        let Ok(blocks) = pem::read_all(data, kind, LIMIT) else { continue };
        assert!(!blocks.is_empty(), "no block and no error");
        for block in blocks {
            assert!(block.offset < data.len().max(1), "block outside its input");
            let again = pem::read_one(pem::encode(kind, &block.der).as_bytes(), kind, LIMIT);
            assert_eq!(again.map(|block| block.der), Ok(block.der), "not read back as written");
        }
    }
}

/// Certificates: whatever parses is described, validated and its key written, and no text is unsafe to print.
pub fn certificate(data: &[u8]) {
    let chain: Vec<ParsedCertificate> = match pem::read_all(data, Kind::Certificate, LIMIT) {
        Ok(blocks) => {
            let certificates =
                blocks.iter().filter_map(|block| ParsedCertificate::from_der(&block.der).ok());
            certificates.collect()
        }
        Err(_) => ParsedCertificate::from_der(data).into_iter().collect(),
    };
    for one in &chain {
        assert!(!one.tbs_der().is_empty(), "a parsed certificate has a signed part");
        let description = Description::of(one);
        printable(&description.to_text());
        for form in [PublicKeyForm::Uncompressed, PublicKeyForm::Compressed] {
            if let Ok(text) = public_key_text(one.spki(), form) {
                printable(&text);
            }
        }
        // Each alone, as its own root: no link hides the checks of the certificate itself.
        outcome(std::slice::from_ref(one));
    }
    outcome(&chain);
    // Name constraints and path lengths act on what stands below.
    let twice: Vec<_> = chain.iter().chain(&chain).cloned().collect();
    outcome(&twice);
}

fn outcome(chain: &[ParsedCertificate]) {
    match validate(chain, &TrustAnchors::vendor(), UNIX_EPOCH + MOMENT) {
        Ok(path) => {
            assert!(path.links.len() == chain.len(), "a certificate was not looked at");
            path.links.iter().for_each(|link| printable(&link.subject));
        }
        Err(error) => printable(&error.to_string()),
    }
}

fn printable(text: &str) {
    let unsafe_character = text.chars().find(|character| {
        let direction = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        character.is_control() && *character != '\n' || direction
    });
    assert_eq!(unsafe_character, None, "unsafe to print: {text:?}");
}
