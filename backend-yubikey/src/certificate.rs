//! Certificate objects: a certificate in its wrapping, compressed or not.

use std::io::{Read, Write};

use der::Decode;
use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;
use x509_cert::Certificate;

use crate::tlv::{Elements, TlvError, elements};
use crate::version::Version;

/// A certificate object that holds no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The wrapping is damaged.
    #[error("the certificate object is damaged")]
    Wrapping(#[from] TlvError),
    /// It claims a compression that is not known.
    #[error("the certificate object has unknown compression {0:02X}")]
    Compression(u8),
    /// What is compressed cannot be decompressed.
    #[error("the certificate object cannot be decompressed")]
    Compressed(#[source] std::io::Error),
    /// It would become larger than any certificate is.
    #[error("the certificate object becomes larger than {LARGEST} octets when decompressed")]
    Bomb,
    /// What is inside is no certificate.
    #[error("the certificate object holds no X.509 certificate")]
    NoCertificate(#[source] der::Error),
    /// It does not fit on the card, even compressed.
    #[error("the certificate has {length} octets compressed, and {most} fit on this YubiKey")]
    TooLarge {
        /// Its length.
        length: usize,
        /// What fits.
        most: usize,
    },
}

/// The DER of the certificate in an object, which is given without its outer `53`.
///
/// # Errors
/// [`CertificateError`].
pub fn decode(object: &[u8]) -> Result<Vec<u8>, CertificateError> {
    let parts = Elements::of(object);
    let body = parts.value(CERTIFICATE)?;
    // Some programs write neither 71 nor FE.
    let der = match parts.find(INFO)? {
        None | Some([] | [0]) => body.to_vec(),
        Some([1]) => decompress(body)?,
        Some([other, ..]) => return Err(CertificateError::Compression(*other)),
    };
    Certificate::from_der(&der).map_err(CertificateError::NoCertificate)?;
    Ok(der)
}

/// The object of a certificate, without its outer `53`. It is compressed only where it would not fit:
/// not every program reads compressed ones.
///
/// # Errors
/// [`CertificateError::TooLarge`], and [`CertificateError::NoCertificate`].
pub fn encode(der: &[u8], version: Version) -> Result<Vec<u8>, CertificateError> {
    Certificate::from_der(der).map_err(CertificateError::NoCertificate)?;
    let most = if version.is_at_least(4, 0, 0) { 3052 } else { 2025 };
    if der.len() <= most {
        return Ok(wrap(der, PLAIN));
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let gzip = encoder.write_all(der).and_then(|()| encoder.finish());
    let gzip = gzip.map_err(CertificateError::Compressed)?;
    if gzip.len() > most || der.len() > LARGEST {
        return Err(CertificateError::TooLarge { length: gzip.len(), most });
    }
    Ok(wrap(&gzip, GZIP))
}

/// No certificate is longer; a card that decompresses to more is up to something.
pub const LARGEST: usize = 16 * 1024;

const CERTIFICATE: u32 = 0x70;
const INFO: u32 = 0x71;
const ERROR_DETECTION: u32 = 0xfe;
const PLAIN: u8 = 0;
const GZIP: u8 = 1;

fn wrap(body: &[u8], info: u8) -> Vec<u8> {
    elements(&[(CERTIFICATE, body), (INFO, &[info]), (ERROR_DETECTION, &[])]).to_vec()
}

fn decompress(body: &[u8]) -> Result<Vec<u8>, CertificateError> {
    match body {
        // Net iD: 01 00, the length in two octets, zlib.
        [0x01, 0x00, _, _, zlib @ ..] => bounded(ZlibDecoder::new(zlib)),
        gzip => bounded(GzDecoder::new(gzip)),
    }
}

fn bounded(decoder: impl Read) -> Result<Vec<u8>, CertificateError> {
    let mut der = Vec::new();
    let limit = LARGEST as u64 + 1;
    decoder.take(limit).read_to_end(&mut der).map_err(CertificateError::Compressed)?;
    if der.len() > LARGEST {
        return Err(CertificateError::Bomb);
    }
    Ok(der)
}

#[cfg(test)]
mod tests {
    use flate2::write::ZlibEncoder;
    use pem_rfc7468::decode_vec;

    use super::*;
    use crate::tlv::element;

    const NEWEST: Version = Version::new(5, 7, 1);

    fn certificate() -> Vec<u8> {
        decode_vec(include_bytes!("attestation/anchors/yubico-ca-1.pem")).unwrap().1
    }

    fn gzip(octets: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(octets).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_plain_object_is_what_other_tools_write() {
        let der = certificate();
        let object = encode(&der, NEWEST).unwrap();
        assert_eq!(object[..4], [0x70, 0x82, 0x03, 0x42]);
        assert_eq!(object[object.len() - 5..], [0x71, 0x01, 0x00, 0xfe, 0x00]);
        assert_eq!(decode(&object).unwrap(), der);
    }

    #[test]
    fn every_wrapping_that_is_about_is_read() {
        let der = certificate();
        let mut zlib = ZlibEncoder::new(vec![0x01, 0x00, 0x42, 0x03], Compression::best());
        zlib.write_all(&der).unwrap();
        for object in [
            element(CERTIFICATE, &der).to_vec(),
            elements(&[(CERTIFICATE, &der), (INFO, &[])]).to_vec(),
            wrap(&gzip(&der), GZIP),
            wrap(&zlib.finish().unwrap(), GZIP),
        ] {
            assert_eq!(decode(&object).unwrap(), der);
        }
    }

    #[test]
    fn bombs_and_rubbish_are_refused() {
        let bomb = wrap(&gzip(&vec![0; 10_000_000]), GZIP);
        assert!(matches!(decode(&bomb), Err(CertificateError::Bomb)));
        assert!(matches!(decode(&wrap(b"x", GZIP)), Err(CertificateError::Compressed(_))));
        assert!(matches!(decode(&wrap(b"x", 7)), Err(CertificateError::Compression(7))));
        assert!(matches!(decode(&wrap(b"x", PLAIN)), Err(CertificateError::NoCertificate(_))));
        assert!(matches!(decode(&[]), Err(CertificateError::Wrapping(_))));
    }

    #[test]
    fn what_does_not_fit_is_refused_by_length() {
        // A certificate with an extension that no compression makes small.
        let rubbish: Vec<u8> = (0..8000_u32)
            .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[n as usize % 3])
            .collect();
        let der = with_extension(&rubbish);
        assert!(matches!(encode(&der, NEWEST), Err(CertificateError::TooLarge { most: 3052, .. })));
        let der = with_extension(&[0; 4000]);
        let object = encode(&der, NEWEST).unwrap();
        assert!(object.len() < 2000);
        assert_eq!(decode(&object).unwrap(), der);
    }

    fn with_extension(value: &[u8]) -> Vec<u8> {
        use der::Encode;
        use der::asn1::OctetString;
        use x509_cert::ext::Extension;
        // The parsed form is only read from, so the certificate is put together from its parts.
        let certificate = Certificate::from_der(&certificate()).unwrap();
        let extension = Extension {
            extn_id: const_oid::ObjectIdentifier::new_unwrap("1.2.3.4"),
            critical: false,
            extn_value: OctetString::new(value).unwrap(),
        };
        let tbs = certificate.tbs_certificate();
        let part = |octets: Vec<u8>| octets;
        let body = [
            vec![0xa0, 0x03, 0x02, 0x01, 0x02],
            part(tbs.serial_number().to_der().unwrap()),
            part(tbs.signature().to_der().unwrap()),
            part(tbs.issuer().to_der().unwrap()),
            part(tbs.validity().to_der().unwrap()),
            part(tbs.subject().to_der().unwrap()),
            part(tbs.subject_public_key_info().to_der().unwrap()),
            element(0xa3, &element(0x30, &extension.to_der().unwrap())).to_vec(),
        ]
        .concat();
        let outer = [
            element(0x30, &body).to_vec(),
            certificate.signature_algorithm().to_der().unwrap(),
            certificate.signature().to_der().unwrap(),
        ]
        .concat();
        element(0x30, &outer).to_vec()
    }
}
