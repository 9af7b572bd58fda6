//! From a message to what the card signs: a digest, a padded block, or the message itself.

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, digest};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use signer_core::{Error, Result, SignatureAlgorithm};

use crate::algorithm::KeyAlgorithm;

/// What is handed to the card to be signed. Its length is always the one that the key wants: a card
/// pads or cuts others in silence.
///
/// # Errors
/// [`Error::Unsupported`] for a message that Ed25519 on the card cannot take, and for an algorithm
/// that is not one of the key.
pub(crate) fn prepare(
    message: &[u8],
    algorithm: SignatureAlgorithm,
    key: KeyAlgorithm,
) -> Result<Vec<u8>> {
    let hash = |algorithm: &'static Algorithm| digest(algorithm, message).as_ref().to_vec();
    match (algorithm, key, key.modulus_length()) {
        (SignatureAlgorithm::EcdsaP256Sha256, KeyAlgorithm::P256, _) => Ok(hash(&SHA256)),
        (SignatureAlgorithm::EcdsaP384Sha384, KeyAlgorithm::P384, _) => Ok(hash(&SHA384)),
        (SignatureAlgorithm::Ed25519, KeyAlgorithm::Ed25519, _) => whole(message),
        (SignatureAlgorithm::RsaPkcs1Sha256, _, Some(length)) => pkcs1(&hash(&SHA256), length),
        (SignatureAlgorithm::RsaPssSha256, _, Some(length)) => {
            let mut salt = [0; SHA256_LENGTH];
            SystemRandom::new().fill(&mut salt).map_err(|unspecified| Error::Device {
                doing: "making a salt".into(),
                source: Box::new(unspecified),
            })?;
            pss(&hash(&SHA256), &salt, length)
        }
        _ => Err(impossible(algorithm, key)),
    }
}

/// The card hashes for Ed25519 itself, so all of the message has to fit into one command.
const LONGEST_WHOLE: usize = 3000;
const SHA256_LENGTH: usize = 32;

/// DigestInfo of RFC 8017 section 9.2, note 1, up to the SHA-256 digest.
const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

fn whole(message: &[u8]) -> Result<Vec<u8>> {
    if message.len() <= LONGEST_WHOLE {
        return Ok(message.to_vec());
    }
    Err(Error::Unsupported {
        operation: format!("signing {} octets by Ed25519 on a YubiKey", message.len()),
        needs: format!("a message of at most {LONGEST_WHOLE} octets, or another kind of key"),
    })
}

/// EMSA-PKCS1-v1_5 (RFC 8017 section 9.2).
fn pkcs1(digest: &[u8], length: usize) -> Result<Vec<u8>> {
    let tail = DIGEST_INFO.len() + digest.len() + 1;
    let padding = length.checked_sub(tail + 2).filter(|padding| *padding >= 8);
    let padding = padding.ok_or_else(|| too_short(length))?;
    Ok([&[0x00, 0x01][..], &vec![0xff; padding], &[0x00], &DIGEST_INFO, digest].concat())
}

/// EMSA-PSS with SHA-256 throughout (RFC 8017 section 9.1.1). A modulus of the card's kinds has a
/// multiple of eight bits, so one bit of the block is zero.
fn pss(digest: &[u8], salt: &[u8], length: usize) -> Result<Vec<u8>> {
    let hash = aws_lc_rs::digest::digest(&SHA256, &[&[0; 8][..], digest, salt].concat());
    let zeros = length.checked_sub(SHA256_LENGTH + salt.len() + 2);
    let zeros = zeros.ok_or_else(|| too_short(length))?;
    let mut block = [&vec![0; zeros][..], &[0x01], salt].concat();
    let mask = mgf1(hash.as_ref(), block.len());
    block.iter_mut().zip(mask).for_each(|(octet, mask)| *octet ^= mask);
    if let Some(first) = block.first_mut() {
        *first &= 0x7f;
    }
    block.extend_from_slice(hash.as_ref());
    block.push(0xbc);
    Ok(block)
}

/// MGF1 with SHA-256 (RFC 8017 appendix B.2.1).
fn mgf1(seed: &[u8], length: usize) -> Vec<u8> {
    let mut mask = Vec::with_capacity(length + SHA256_LENGTH);
    for counter in 0_u32.. {
        if mask.len() >= length {
            break;
        }
        let input = [seed, &counter.to_be_bytes()].concat();
        mask.extend_from_slice(digest(&SHA256, &input).as_ref());
    }
    mask.truncate(length);
    mask
}

fn too_short(length: usize) -> Error {
    Error::Unsupported {
        operation: format!("signing with a modulus of {length} octets"),
        needs: "RSA of 2048 bits or more".into(),
    }
}

fn impossible(algorithm: SignatureAlgorithm, key: KeyAlgorithm) -> Error {
    Error::Unsupported {
        operation: format!("signing by {algorithm} with a key of the kind {key:?}"),
        needs: "another key".into(),
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair, RsaKeyPair};

    use super::*;

    #[test]
    fn digests_have_the_length_of_the_curve() {
        let prepared = |algorithm, key| prepare(b"message", algorithm, key);
        let p256 = prepared(SignatureAlgorithm::EcdsaP256Sha256, KeyAlgorithm::P256).unwrap();
        let p384 = prepared(SignatureAlgorithm::EcdsaP384Sha384, KeyAlgorithm::P384).unwrap();
        assert_eq!((p256.len(), p384.len()), (32, 48));
        assert!(prepared(SignatureAlgorithm::EcdsaP256Sha256, KeyAlgorithm::P384).is_err());
        assert!(prepared(SignatureAlgorithm::RsaPkcs1Sha256, KeyAlgorithm::P256).is_err());
        assert!(prepared(SignatureAlgorithm::Ed25519, KeyAlgorithm::X25519).is_err());
    }

    #[test]
    fn ed25519_takes_the_message_itself_up_to_what_fits() {
        let prepared =
            |length| prepare(&vec![7; length], SignatureAlgorithm::Ed25519, KeyAlgorithm::Ed25519);
        assert_eq!(prepared(3000).unwrap(), vec![7; 3000]);
        let error = prepared(3001).unwrap_err().to_string();
        assert!(error.contains("3001 octets"), "{error}");
    }

    #[test]
    fn blocks_have_the_length_of_the_modulus() {
        for (key, length) in [
            (KeyAlgorithm::Rsa2048, 256),
            (KeyAlgorithm::Rsa3072, 384),
            (KeyAlgorithm::Rsa4096, 512),
        ] {
            let block = prepare(b"m", SignatureAlgorithm::RsaPkcs1Sha256, key).unwrap();
            assert_eq!(block.len(), length);
            assert_eq!(block[..3], [0x00, 0x01, 0xff]);
            assert_eq!(block[length - 52..length - 32], [&[0][..], &DIGEST_INFO].concat());
            let block = prepare(b"m", SignatureAlgorithm::RsaPssSha256, key).unwrap();
            assert_eq!((block.len(), block[0] & 0x80, block[length - 1]), (length, 0, 0xbc));
        }
    }

    /// A raw RSA private operation is what the card does and what no library here offers, so the
    /// block is looked at from the other side: what a library signed is opened, and a block made
    /// from its salt has to be the same.
    #[test]
    fn the_pss_block_is_the_one_that_a_library_makes() {
        use aws_lc_rs::signature::RSA_PSS_SHA256;
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let mut signature = vec![0; 256];
        pair.sign(&RSA_PSS_SHA256, &SystemRandom::new(), b"message", &mut signature).unwrap();
        let key = crate::tlv::Elements::of(pair.public_key().as_ref()).value(0x30).unwrap();
        let numbers: Vec<&[u8]> = crate::tlv::Elements::of(key).map(|n| n.unwrap().1).collect();
        let (modulus, exponent) = (&numbers[0][1..], numbers[1]);
        let block = power(&signature, exponent, modulus);
        let (masked, rest) = block.split_at(256 - 33);
        let mask = mgf1(&rest[..32], masked.len());
        let salt: Vec<u8> = masked.iter().zip(&mask).map(|(a, b)| a ^ b).skip(256 - 65).collect();
        let digest = digest(&SHA256, b"message");
        assert_eq!(pss(digest.as_ref(), &salt, 256).unwrap(), block);
    }

    /// `base ^ exponent mod modulus`, slowly.
    fn power(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
        let exponent = exponent.iter().fold(0_u32, |sum, octet| sum << 8 | u32::from(*octet));
        let mut result = base.to_vec();
        for bit in (0..31 - exponent.leading_zeros()).rev() {
            result = times(&result, &result, modulus);
            if exponent >> bit & 1 == 1 {
                result = times(&result, base, modulus);
            }
        }
        result
    }

    fn times(a: &[u8], b: &[u8], modulus: &[u8]) -> Vec<u8> {
        let mut result = vec![0; modulus.len()];
        for bit in a.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1)) {
            result = plus(&result, &result, modulus);
            if bit == 1 {
                result = plus(&result, b, modulus);
            }
        }
        result
    }

    fn plus(a: &[u8], b: &[u8], modulus: &[u8]) -> Vec<u8> {
        let mut sum = vec![0; a.len()];
        let mut carry = 0;
        for index in (0..a.len()).rev() {
            let digit = u16::from(a[index]) + u16::from(b[index]) + carry;
            sum[index] = digit.to_le_bytes()[0];
            carry = digit >> 8;
        }
        if carry == 1 || sum.as_slice() >= modulus {
            let mut borrow = 0;
            for index in (0..sum.len()).rev() {
                let digit = 0x100 + u16::from(sum[index]) - u16::from(modulus[index]) - borrow;
                sum[index] = digit.to_le_bytes()[0];
                borrow = 1 - (digit >> 8);
            }
        }
        sum
    }
}
