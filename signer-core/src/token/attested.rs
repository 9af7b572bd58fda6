//! What a token says of a key that it made itself, and why that may not be believed.

use spki::SubjectPublicKeyInfoOwned;

use super::{KeyPolicy, KeyRef};
use crate::error::Cause;

/// What a token says of a key that it made itself.
#[derive(Debug)]
pub struct Attested {
    /// The certificates (DER, leaf first) in which it says so.
    pub certificates: Vec<Vec<u8>>,
    /// Which key.
    pub key: KeyRef,
    /// Its public half.
    pub public_key: SubjectPublicKeyInfoOwned,
    /// What it asks for before each use.
    pub policy: KeyPolicy,
    /// The token's serial number, unless it hides it.
    pub serial: Option<String>,
    /// The token's firmware when the key was made.
    pub version: String,
    /// The token's shape, where the firmware tells.
    pub form_factor: Option<String>,
    /// Whether the token is one of the FIPS series.
    pub is_fips: bool,
    /// Why it proves nothing; none when it leads to a trusted root and is about this token, this
    /// place and the key that is there now.
    pub doubt: Option<Cause>,
}
