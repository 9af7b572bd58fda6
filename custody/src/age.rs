//! Encrypting to age recipients: <https://age-encryption.org/v1>, as far as escrow needs it.
//!
//! A file is made for X25519 recipients (`age1…`), small enough for one chunk, in armour. Whoever
//! holds the identity of one of them reads it with the plain `age -d`. Nothing is decrypted here but
//! what this very process encrypted, to see that the file is whole.

mod bech32;
mod recipient;

use std::fmt;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::{hkdf, hmac};
use base64ct::{Base64Unpadded, Encoding};
use pem_rfc7468::LineEnding;
use zeroize::Zeroizing;

pub use recipient::{Recipient, RecipientError};

const LABEL: &str = "AGE ENCRYPTED FILE";

/// The payload is one chunk of STREAM: chunk number 0, and the last.
const ONLY_CHUNK: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// The most that fits into one chunk.
const CHUNK: usize = 64 * 1024;

/// Why nothing was encrypted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// There is nobody to encrypt to.
    #[error("no recipient is named")]
    NoRecipient,
    /// More than one chunk.
    #[error("{length} octets are more than {CHUNK}")]
    TooLong {
        /// How much it is.
        length: usize,
    },
    /// A recipient that cannot be one: a point of small order.
    #[error("{recipient} is no key that anybody can hold")]
    Recipient {
        /// The recipient.
        recipient: String,
    },
    /// The system or its cryptography gave nothing.
    #[error("the system failed at {0}")]
    System(&'static str),
}

/// An encrypted file and the key to check that it is whole.
pub(crate) struct Sealed {
    file: String,
    file_key: Zeroizing<[u8; 16]>,
}

/// Encrypts `plaintext` to each of the recipients.
///
/// # Errors
/// [`SealError`].
pub(crate) fn seal(plaintext: &[u8], recipients: &[Recipient]) -> Result<Sealed, SealError> {
    if recipients.is_empty() {
        return Err(SealError::NoRecipient);
    }
    if plaintext.len() > CHUNK {
        return Err(SealError::TooLong { length: plaintext.len() });
    }
    let mut file_key = Zeroizing::new([0; 16]);
    random(file_key.as_mut())?;
    let mut header = String::from("age-encryption.org/v1\n");
    for recipient in recipients {
        header.push_str(&stanza(&file_key, recipient)?);
    }
    header.push_str("---");
    let mac = header_mac(&file_key, header.as_bytes())?;
    header.push_str(&format!(" {}\n", Base64Unpadded::encode_string(mac.as_ref())));

    let mut nonce = [0; 16];
    random(&mut nonce)?;
    let mut chunk =
        Zeroizing::new(Vec::with_capacity(plaintext.len() + CHACHA20_POLY1305.tag_len()));
    chunk.extend_from_slice(plaintext);
    payload_key(&file_key, &nonce)?
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(ONLY_CHUNK),
            Aad::empty(),
            &mut *chunk,
        )
        .map_err(|_| SealError::System("encrypting"))?;
    let binary = [header.as_bytes(), &nonce, &chunk].concat();
    let file = pem_rfc7468::encode_string(LABEL, LineEnding::LF, &binary)
        .map_err(|_| SealError::System("armouring"))?;
    Ok(Sealed { file, file_key })
}

impl Sealed {
    /// The file, in armour.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Whether these octets, as they were read back, are a whole file with this plaintext.
    pub(crate) fn holds(&self, octets: &[u8], plaintext: &[u8]) -> bool {
        octets == self.file.as_bytes()
            && self.open(octets).is_some_and(|found| found.as_slice() == plaintext)
    }

    /// Reads it as whoever holds the file key does.
    fn open(&self, armoured: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (label, binary) = pem_rfc7468::decode_vec(armoured).ok()?;
        let end = binary.windows(4).position(|four| four == b"\n---")? + 4;
        let (header, rest) = binary.split_at_checked(end)?;
        let line = rest.iter().position(|octet| *octet == b'\n')?;
        let (mac, rest) = rest.split_at_checked(line)?;
        let expected = header_mac(&self.file_key, header).ok()?;
        let expected = format!(" {}", Base64Unpadded::encode_string(expected.as_ref()));
        let (nonce, chunk) = rest.get(1..)?.split_at_checked(16)?;
        let mut chunk = Zeroizing::new(chunk.to_vec());
        let key = payload_key(&self.file_key, nonce).ok()?;
        let length = key
            .open_in_place(Nonce::assume_unique_for_key(ONLY_CHUNK), Aad::empty(), &mut chunk)
            .ok()?
            .len();
        chunk.truncate(length);
        (label == LABEL && mac == expected.as_bytes()).then_some(chunk)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

/// The file key, wrapped for one recipient.
fn stanza(file_key: &[u8; 16], recipient: &Recipient) -> Result<String, SealError> {
    let system = |doing| move |_| SealError::System(doing);
    let ephemeral = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new())
        .map_err(system("making a key"))?;
    let share = ephemeral.compute_public_key().map_err(system("making a key"))?;
    let salt = [share.as_ref(), recipient.octets()].concat();
    let nobody = SealError::Recipient { recipient: recipient.to_string() };
    let peer = UnparsedPublicKey::new(&X25519, recipient.octets());
    // Agreement fails for the points of small order, as the format asks for.
    let key = agree_ephemeral(ephemeral, peer, nobody, |shared| {
        derive(shared, &salt, b"age-encryption.org/v1/X25519")
    })?;
    let mut body = Zeroizing::new(Vec::with_capacity(32));
    body.extend_from_slice(file_key);
    // The wrapping key is used this once.
    aead(&key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key([0; 12]), Aad::empty(), &mut *body)
        .map_err(system("encrypting"))?;
    let encode = Base64Unpadded::encode_string;
    Ok(format!("-> X25519 {}\n{}\n", encode(share.as_ref()), encode(&body)))
}

fn header_mac(file_key: &[u8; 16], header: &[u8]) -> Result<hmac::Tag, SealError> {
    let key = derive(file_key, b"", b"header")?;
    Ok(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()), header))
}

fn payload_key(file_key: &[u8; 16], nonce: &[u8]) -> Result<LessSafeKey, SealError> {
    aead(&*derive(file_key, nonce, b"payload")?)
}

fn aead(key: &[u8; 32]) -> Result<LessSafeKey, SealError> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, key);
    key.map(LessSafeKey::new).map_err(|_| SealError::System("encrypting"))
}

/// HKDF-SHA-256 (RFC 5869), 32 octets.
fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError> {
    let mut key = Zeroizing::new([0; 32]);
    let info = [info];
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(&info, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(key.as_mut()))
        .map_err(|_| SealError::System("deriving a key"))?;
    Ok(key)
}

fn random(octets: &mut [u8]) -> Result<(), SealError> {
    SystemRandom::new().fill(octets).map_err(|_| SealError::System("drawing randomness"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    #[test]
    fn a_file_holds_what_was_put_in_and_nothing_else() {
        let sealed = seal(b"12345678", &[RECIPIENT.parse().unwrap()]).unwrap();
        let file = sealed.file().as_bytes().to_vec();
        assert!(sealed.holds(&file, b"12345678"));
        assert!(!sealed.holds(&file, b"12345679"));
        assert!(!sealed.holds(&file[..file.len() - 1], b"12345678"));
        assert!(!sealed.holds(b"", b""));
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(!sealed.holds(&changed, b"12345678"), "octet {at}");
        }
        let other = seal(b"12345678", &[RECIPIENT.parse().unwrap()]).unwrap();
        assert_ne!(other.file(), sealed.file());
        assert!(!other.holds(&file, b"12345678"));
    }

    #[test]
    fn a_key_that_nobody_can_hold_is_refused() {
        let mut low_order = [[0; 32]; 2];
        low_order[1][0] = 1;
        for octets in low_order {
            let error = seal(b"x", &[Recipient::from_octets(octets)]).unwrap_err();
            assert!(matches!(error, SealError::Recipient { .. }), "{error}");
        }
    }

    #[test]
    fn nobody_and_too_much_are_refused() {
        assert!(matches!(seal(b"x", &[]), Err(SealError::NoRecipient)));
        let recipient = [RECIPIENT.parse().unwrap()];
        assert!(seal(&vec![0; CHUNK], &recipient).is_ok());
        let error = seal(&vec![0; CHUNK + 1], &recipient);
        assert!(matches!(error, Err(SealError::TooLong { length }) if length == CHUNK + 1));
    }
}
