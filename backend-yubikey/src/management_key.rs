//! The management key, and how it is proved without being shown.

use std::fmt;
use std::hint::black_box;

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use des::TdesEde3;
use signer_core::{Error, ManagementKeyAlgorithm, Result, Secret, SecretKind, SecretRules};
use zeroize::Zeroizing;

/// A management key and its cipher.
pub struct ManagementKey {
    algorithm: ManagementKeyAlgorithm,
    // Not on the heap: it is there for as long as the card takes for its answers.
    octets: Secret,
}

impl ManagementKey {
    /// A key of raw octets.
    ///
    /// # Errors
    /// [`Error::SecretUnusable`] when the cipher takes another length.
    pub fn new(
        algorithm: ManagementKeyAlgorithm,
        octets: Zeroizing<Vec<u8>>,
        kind: SecretKind,
    ) -> Result<Self> {
        Self::of(algorithm, Secret::from(octets), kind)
    }

    /// A key of hexadecimal digits, as people and files carry it.
    ///
    /// # Errors
    /// [`Error::SecretUnusable`] when it is not hexadecimal, or of another length.
    pub fn from_hex(
        algorithm: ManagementKeyAlgorithm,
        text: &Secret,
        kind: SecretKind,
    ) -> Result<Self> {
        let digits = text.expose();
        if let Some(reason) = not_hexadecimal(digits) {
            return Err(unusable(kind, reason));
        }
        let octets = Secret::filled(digits.len() / 2, |space| {
            for (pair, octet) in digits.chunks(2).zip(&mut *space) {
                *octet = pair_of_digits(pair).unwrap_or_default();
            }
            Ok::<_, Error>(space.len())
        })?;
        Self::of(algorithm, octets, kind)
    }

    fn of(algorithm: ManagementKeyAlgorithm, octets: Secret, kind: SecretKind) -> Result<Self> {
        let (found, wanted) = (octets.expose().len(), algorithm.key_length());
        if found == wanted {
            return Ok(Self { algorithm, octets });
        }
        Err(unusable(kind, format!("it has {found} octets, and {algorithm} takes {wanted}")))
    }

    /// Its cipher.
    #[must_use]
    pub fn algorithm(&self) -> ManagementKeyAlgorithm {
        self.algorithm
    }

    /// The raw octets, for the command that sets it.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.octets.expose()
    }

    /// Whether two of the three parts of a 3DES key are one, which makes it plain DES.
    #[must_use]
    pub fn is_degenerate(&self) -> bool {
        // Every eighth bit is parity and takes no part.
        let same = |(one, other): (&u8, &u8)| one & 0xfe == other & 0xfe;
        let octets = self.expose();
        self.algorithm == ManagementKeyAlgorithm::TripleDes
            && octets
                .chunks(8)
                .zip(octets.chunks(8).skip(1))
                .any(|(one, other)| one.len() == other.len() && one.iter().zip(other).all(same))
    }

    /// Encrypts one block; nothing where the length is not the cipher's.
    #[must_use]
    pub fn encrypt(&self, block: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.crypt(block, Direction::Encrypt)
    }

    /// Decrypts one block; nothing where the length is not the cipher's.
    #[must_use]
    pub fn decrypt(&self, block: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.crypt(block, Direction::Decrypt)
    }

    fn crypt(&self, block: &[u8], direction: Direction) -> Option<Zeroizing<Vec<u8>>> {
        let done = crypt(self.algorithm, self.expose(), block, direction);
        // The ciphers wipe their key schedules, and not what they leave on the stack and in the wide
        // registers; the same steps with another key write over both.
        let zeros = [0; 32];
        let key = zeros.get(..self.algorithm.key_length()).unwrap_or_default();
        black_box(crypt(self.algorithm, key, block, direction));
        done
    }

    /// Whether `answer` proves that the card has this key too. An echo of what was sent, or zeros,
    /// prove nothing whatever the key.
    #[must_use]
    pub fn is_proved_by(&self, challenge: &[u8], answer: &[u8]) -> bool {
        let Some(expected) = self.encrypt(challenge) else { return false };
        let echo = answer == challenge || answer.iter().all(|octet| *octet == 0);
        verify_slices_are_equal(&expected, answer).is_ok() && !echo
    }
}

impl fmt::Debug for ManagementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManagementKey({})", self.algorithm)
    }
}

#[inline(never)]
fn crypt(
    algorithm: ManagementKeyAlgorithm,
    key: &[u8],
    block: &[u8],
    direction: Direction,
) -> Option<Zeroizing<Vec<u8>>> {
    let mut block = Zeroizing::new(block.to_vec());
    macro_rules! with {
        ($cipher:ty) => {{
            let cipher = <$cipher>::new_from_slice(key).ok()?;
            let block = block.as_mut_slice().try_into().ok()?;
            match direction {
                Direction::Encrypt => cipher.encrypt_block(block),
                Direction::Decrypt => cipher.decrypt_block(block),
            }
        }};
    }
    match algorithm {
        ManagementKeyAlgorithm::TripleDes => with!(TdesEde3),
        ManagementKeyAlgorithm::Aes128 => with!(Aes128),
        ManagementKeyAlgorithm::Aes192 => with!(Aes192),
        ManagementKeyAlgorithm::Aes256 => with!(Aes256),
    }
    Some(block)
}

/// What a management key looks like where it is typed or stored: hexadecimal digits.
pub const RULES: SecretRules =
    SecretRules { min_length: 32, max_length: 64, alphabet: b"0123456789abcdef" };

/// The cipher with this number (SP 800-78-5 table 6-2).
pub(crate) fn numbered(number: u8) -> Option<ManagementKeyAlgorithm> {
    match number {
        0x00 | 0x03 => Some(ManagementKeyAlgorithm::TripleDes),
        0x08 => Some(ManagementKeyAlgorithm::Aes128),
        0x0a => Some(ManagementKeyAlgorithm::Aes192),
        0x0c => Some(ManagementKeyAlgorithm::Aes256),
        _ => None,
    }
}

/// The number of a cipher.
pub(crate) fn number(algorithm: ManagementKeyAlgorithm) -> u8 {
    match algorithm {
        ManagementKeyAlgorithm::TripleDes => 0x03,
        ManagementKeyAlgorithm::Aes128 => 0x08,
        ManagementKeyAlgorithm::Aes192 => 0x0a,
        ManagementKeyAlgorithm::Aes256 => 0x0c,
    }
}

/// Octets of one block.
pub(crate) fn block_length(algorithm: ManagementKeyAlgorithm) -> usize {
    match algorithm {
        ManagementKeyAlgorithm::TripleDes => 8,
        _ => 16,
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Encrypt,
    Decrypt,
}

/// Why these characters cannot be a management key of any cipher.
pub(crate) fn not_hexadecimal(text: &[u8]) -> Option<String> {
    let at = text.chunks(2).position(|pair| pair_of_digits(pair).is_none())? * 2;
    Some(format!("octet {at} is not one of two hexadecimal digits"))
}

fn pair_of_digits(pair: &[u8]) -> Option<u8> {
    let [high, low] = pair else { return None };
    digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low)
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn unusable(kind: SecretKind, reason: String) -> Error {
    Error::SecretUnusable { kind, origin: "its source".into(), reason }
}

#[cfg(test)]
mod tests {
    use ManagementKeyAlgorithm::{Aes128, Aes192, Aes256, TripleDes};

    use super::*;

    fn key(algorithm: ManagementKeyAlgorithm, hex: &str) -> Result<ManagementKey> {
        let text = Secret::new(hex.as_bytes().to_vec());
        ManagementKey::from_hex(algorithm, &text, SecretKind::ManagementKey)
    }

    #[test]
    fn published_vectors_come_out() {
        // FIPS 197 appendix C; SP 800-67 appendix B for 3DES.
        let plain: Vec<u8> = (0..16).map(|n| n * 0x11).collect();
        for (algorithm, hex, cipher) in [
            (Aes128, "000102030405060708090a0b0c0d0e0f", "69c4e0d86a7b0430d8cdb78070b4c55a"),
            (
                Aes192,
                "000102030405060708090a0b0c0d0e0f1011121314151617",
                "dda97ca4864cdfe06eaf70a0ec0d7191",
            ),
            (
                Aes256,
                "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                "8ea2b7ca516745bfeafc49904b496089",
            ),
        ] {
            let key = key(algorithm, hex).unwrap();
            let block = key.encrypt(&plain).unwrap();
            let shown: String = block.iter().map(|octet| format!("{octet:02x}")).collect();
            assert_eq!(shown, cipher, "{algorithm}");
            assert_eq!(*key.decrypt(&block).unwrap(), plain);
        }
        let key = key(TripleDes, "0123456789abcdef23456789abcdef01456789abcdef0123").unwrap();
        let block = key.encrypt(b"The qufc").unwrap();
        assert_eq!(*block, [0xa8, 0x26, 0xfd, 0x8c, 0xe5, 0x3b, 0x85, 0x5f]);
        assert_eq!(*key.decrypt(&block).unwrap(), b"The qufc");
    }

    #[test]
    fn lengths_and_digits_are_looked_at_and_not_shown() {
        for (algorithm, hex, reason) in [
            (Aes192, "00", "it has 1 octets, and aes192 takes 24"),
            (Aes128, "0g", "octet 0 is not"),
            (Aes128, "000", "octet 2 is not"),
        ] {
            let error = key(algorithm, hex).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!(key(Aes128, "00").unwrap_err().to_string().contains("aes128"));
        let shown = format!("{:?}", key(Aes128, "000102030405060708090a0b0c0d0e0f").unwrap());
        assert_eq!(shown, "ManagementKey(aes128)");
    }

    #[test]
    fn an_echo_or_zeros_prove_nothing() {
        let key = key(Aes128, "000102030405060708090a0b0c0d0e0f").unwrap();
        let challenge = [7; 16];
        assert!(key.is_proved_by(&challenge, &key.encrypt(&challenge).unwrap()));
        assert!(!key.is_proved_by(&challenge, &challenge));
        assert!(!key.is_proved_by(&challenge, &[0; 16]));
        assert!(!key.is_proved_by(&challenge, &[]));
        // A challenge that encrypts to zeros: even the right answer proves nothing then.
        let zeros = key.decrypt(&[0; 16]).unwrap();
        assert!(!key.is_proved_by(&zeros, &[0; 16]));
    }

    #[test]
    fn a_3des_key_of_equal_parts_is_degenerate() {
        assert!(key(TripleDes, &"0102030405060708".repeat(3)).unwrap().is_degenerate());
        // Parity aside.
        let parity = "0102030405060708000203040506070911223344556677ff";
        assert!(key(TripleDes, parity).unwrap().is_degenerate());
        assert!(!key(Aes192, &"0102030405060708".repeat(3)).unwrap().is_degenerate());
    }
}
