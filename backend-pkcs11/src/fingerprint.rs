//! What tells one public key from another.

use std::fmt::Write as _;

use aws_lc_rs::digest;
use der::Encode;
use signer_core::SubjectPublicKeyInfoOwned;

/// SHA-256 of the SubjectPublicKeyInfo, lower-case hex; empty for one that cannot be encoded.
pub(crate) fn fingerprint(key: &SubjectPublicKeyInfoOwned) -> String {
    let Ok(der) = key.to_der() else { return String::new() };
    digest::digest(&digest::SHA256, &der).as_ref().iter().fold(
        String::with_capacity(64),
        |mut text, octet| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{octet:02x}");
            text
        },
    )
}
