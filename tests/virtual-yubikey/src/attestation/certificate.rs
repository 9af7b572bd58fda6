//! X.509 certificates (RFC 5280 section 4.1), written octet by octet.

use sha2::{Digest as _, Sha256};

use crate::{
    Algorithm, KeyError, PrivateKey,
    asn1::{self, SEQUENCE},
};

/// 1.2.840.113549.1.1.11 with its NULL.
const SHA256_WITH_RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00";
/// 1.2.840.10045.4.3.2
const ECDSA_WITH_SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
/// `DigestInfo` of SHA-256 up to the digest (RFC 8017 section 9.2, note 1).
const SHA256_INFO: &[u8] =
    b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";

/// What a certificate says, before it is signed. Names, validity and key are DER.
pub(super) struct Draft<'a> {
    pub(super) serial: &'a [u8],
    pub(super) issuer: &'a [u8],
    pub(super) validity: &'a [u8],
    pub(super) subject: &'a [u8],
    pub(super) key: &'a [u8],
    pub(super) extensions: &'a [Extension],
}

impl Draft<'_> {
    /// The certificate, signed over SHA-256.
    pub(super) fn sign(&self, signer: &PrivateKey) -> Result<Vec<u8>, KeyError> {
        let modulus_octets = match signer.algorithm() {
            Algorithm::Rsa1024 => Some(128),
            Algorithm::Rsa2048 => Some(256),
            Algorithm::Rsa3072 => Some(384),
            Algorithm::Rsa4096 => Some(512),
            Algorithm::P256 | Algorithm::P384 => None,
            other @ (Algorithm::Ed25519 | Algorithm::X25519) => {
                return Err(KeyError::CannotSign(other));
            }
        };
        let algorithm = if modulus_octets.is_some() { SHA256_WITH_RSA } else { ECDSA_WITH_SHA256 };
        let signed_part = self.signed_part(algorithm);
        let digest = Sha256::digest(&signed_part);
        let signature = match modulus_octets {
            Some(octets) => signer.sign(&padded(&digest, octets))?,
            None => signer.sign(&digest)?,
        };
        Ok(asn1::value(SEQUENCE, &[&signed_part, algorithm, &asn1::bit_string(&signature)]))
    }

    fn signed_part(&self, algorithm: &[u8]) -> Vec<u8> {
        let version_3 = asn1::value(0xA0, &[&asn1::integer(&[2])]);
        let extensions: Vec<u8> = self.extensions.iter().flat_map(Extension::encoded).collect();
        asn1::value(
            SEQUENCE,
            &[
                &version_3,
                &asn1::integer(self.serial),
                algorithm,
                self.issuer,
                self.validity,
                self.subject,
                self.key,
                &asn1::value(0xA3, &[&asn1::value(SEQUENCE, &[&extensions])]),
            ],
        )
    }
}

/// EMSA-PKCS1-v1_5 (RFC 8017 section 9.2).
fn padded(digest: &[u8], octets: usize) -> Vec<u8> {
    let tail = [&[0x00], SHA256_INFO, digest].concat();
    let mut block = vec![0x00, 0x01];
    block.resize(octets.saturating_sub(tail.len()), 0xFF);
    block.extend(tail);
    block
}

/// One extension.
pub(super) struct Extension {
    oid: Vec<u8>,
    critical: bool,
    octets: Vec<u8>,
}

impl Extension {
    /// One of Yubico's, 1.3.6.1.4.1.41482.3.`arc`, with these octets for a value.
    pub(super) fn raw(arc: u8, octets: &[u8]) -> Self {
        let oid = [b"\x2b\x06\x01\x04\x01\x82\xc4\x0a\x03", &[arc][..]].concat();
        Self { oid, critical: false, octets: octets.to_vec() }
    }

    /// Basic constraints of an authority (RFC 5280 section 4.2.1.9), critical.
    pub(super) fn authority(path_length: Option<u8>) -> Self {
        let limit = path_length.map(|length| asn1::integer(&[length])).unwrap_or_default();
        let octets = asn1::value(SEQUENCE, &[&asn1::value(asn1::BOOLEAN, &[&[0xFF]]), &limit]);
        Self { oid: b"\x55\x1d\x13".to_vec(), critical: true, octets }
    }

    fn encoded(&self) -> Vec<u8> {
        let critical = asn1::value(asn1::BOOLEAN, &[&[0xFF]]);
        asn1::value(
            SEQUENCE,
            &[
                &asn1::value(0x06, &[&self.oid]),
                if self.critical { &critical } else { &[] },
                &asn1::value(asn1::OCTET_STRING, &[&self.octets]),
            ],
        )
    }
}

/// Names of one common name.
pub(super) struct Name;

impl Name {
    /// `CN=text`, DER.
    pub(super) fn common(text: &str) -> Vec<u8> {
        let attribute = asn1::value(
            SEQUENCE,
            &[b"\x06\x03\x55\x04\x03", &asn1::value(asn1::UTF8_STRING, &[text.as_bytes()])],
        );
        asn1::value(SEQUENCE, &[&asn1::value(asn1::SET, &[&attribute])])
    }
}

/// What an attestation copies from the certificate of its signer, DER as it stands there.
pub(super) struct Parent<'a> {
    pub(super) subject: &'a [u8],
    pub(super) validity: &'a [u8],
}

impl<'a> Parent<'a> {
    /// Reads a certificate as far as the subject; none when it is not built like one.
    pub(super) fn read(certificate: &'a [u8]) -> Option<Self> {
        let mut certificate = Reader(Reader(certificate).content(SEQUENCE)?);
        let mut fields = Reader(certificate.content(SEQUENCE)?);
        if fields.0.first() == Some(&0xA0) {
            fields.whole(0xA0)?;
        }
        fields.whole(asn1::INTEGER)?;
        fields.whole(SEQUENCE)?;
        fields.whole(SEQUENCE)?;
        let validity = fields.whole(SEQUENCE)?;
        let subject = fields.whole(SEQUENCE)?;
        Some(Self { subject, validity })
    }
}

/// Takes values off the front of DER.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next value without tag and length.
    fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        let before = self.0;
        let header = before.len() - self.skip(tag)?;
        let whole = before.len() - self.0.len();
        before.get(header..whole)
    }

    /// The next value with tag and length.
    fn whole(&mut self, tag: u8) -> Option<&'a [u8]> {
        let before = self.0;
        self.skip(tag)?;
        before.get(..before.len() - self.0.len())
    }

    /// Moves behind the next value; gives what was left at the start of its content.
    fn skip(&mut self, tag: u8) -> Option<usize> {
        let (length, content) = match self.0 {
            [first, ..] if *first != tag => return None,
            [_, length @ ..=0x7F, content @ ..] => (usize::from(*length), content),
            [_, 0x81, length, content @ ..] => (usize::from(*length), content),
            [_, 0x82, high, low, content @ ..] => {
                (usize::from(u16::from_be_bytes([*high, *low])), content)
            }
            _ => return None,
        };
        self.0 = content.get(length..)?;
        Some(content.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Parent;

    #[test]
    fn a_certificate_cut_anywhere_before_its_key_is_refused() {
        assert!(Parent::read(&[]).is_none());
        assert!(Parent::read(b"\x30\x03\x30\x01\x00").is_none());
        assert!(Parent::read(b"\x30\x82\xff\xff\x30").is_none());
        assert!(Parent::read(b"\x31\x00").is_none());
    }
}
