//! Requests with anything in them, rightly signed: written octet by octet, so that no library of the
//! product stands between a test and what a hostile device could send.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair,
};

/// ASN.1 tags.
pub mod tag {
    /// BOOLEAN.
    pub const BOOLEAN: u8 = 0x01;
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// BIT STRING.
    pub const BIT_STRING: u8 = 0x03;
    /// OCTET STRING.
    pub const OCTET_STRING: u8 = 0x04;
    /// NULL.
    pub const NULL: u8 = 0x05;
    /// OBJECT IDENTIFIER.
    pub const OID: u8 = 0x06;
    /// UTF8String.
    pub const UTF8: u8 = 0x0c;
    /// PrintableString.
    pub const PRINTABLE: u8 = 0x13;
    /// T61String.
    pub const TELETEX: u8 = 0x14;
    /// IA5String.
    pub const IA5: u8 = 0x16;
    /// BMPString.
    pub const BMP: u8 = 0x1e;
    /// SEQUENCE.
    pub const SEQUENCE: u8 = 0x30;
    /// SET.
    pub const SET: u8 = 0x31;
    /// `[0]`, constructed.
    pub const CONTEXT_0: u8 = 0xa0;
}

/// The contents of object identifiers.
pub mod oid {
    /// DSN.
    pub const DSN: &[u8] = b"\x2b\x06\x01\x04\x01\xa5\x6b\x01\x01";
    /// DeviceId.
    pub const DEVICE_ID: &[u8] = b"\x2b\x06\x01\x04\x01\xa5\x6b\x01\x02";
    /// DeviceTypeId.
    pub const DEVICE_TYPE_ID: &[u8] = b"\x2b\x06\x01\x04\x01\xa5\x6b\x01\x03";
    /// commonName.
    pub const COMMON_NAME: &[u8] = b"\x55\x04\x03";
    /// emailAddress.
    pub const EMAIL: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01";
    /// extensionRequest of PKCS#9.
    pub const EXTENSION_REQUEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e";
    /// The older twin of extensionRequest.
    pub const MICROSOFT_EXTENSIONS: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0e";
    /// challengePassword.
    pub const CHALLENGE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07";
    /// basicConstraints.
    pub const BASIC_CONSTRAINTS: &[u8] = b"\x55\x1d\x13";
    /// keyUsage.
    pub const KEY_USAGE: &[u8] = b"\x55\x1d\x0f";
    /// subjectAltName.
    pub const SUBJECT_ALT_NAME: &[u8] = b"\x55\x1d\x11";
    /// ecdsa-with-SHA256.
    pub const ECDSA_SHA256: &[u8] = b"\x2a\x86\x48\xce\x3d\x04\x03\x02";
    /// ecdsa-with-SHA1.
    pub const ECDSA_SHA1: &[u8] = b"\x2a\x86\x48\xce\x3d\x04\x01";
}

/// A request in the making. Every part may be replaced; the signature fits what is there then.
#[derive(Debug)]
pub struct Forge {
    pair: EcdsaKeyPair,
    /// The version; 0 is the only right one.
    pub version: u8,
    /// A Name.
    pub subject: Vec<u8>,
    /// A SubjectPublicKeyInfo.
    pub key: Vec<u8>,
    /// What stands in the attributes; `None` leaves even their empty set out.
    pub attributes: Option<Vec<u8>>,
    /// The signature's AlgorithmIdentifier.
    pub algorithm: Vec<u8>,
}

impl Forge {
    /// A request with a new P-256 key and no fault: its subject is a DeviceTypeId.
    ///
    /// # Panics
    /// When the cryptographic library fails, as everything here.
    #[must_use]
    pub fn new(device_type: &str) -> Self {
        Self::on(&ECDSA_P256_SHA256_ASN1_SIGNING, device_type)
    }

    /// The same with a key on another curve. The algorithm still says SHA-256.
    #[must_use]
    pub fn on(curve: &'static EcdsaSigningAlgorithm, device_type: &str) -> Self {
        Self::by(EcdsaKeyPair::generate(curve).unwrap(), device_type)
    }

    /// The same with a key that is there already.
    #[must_use]
    pub fn by(pair: EcdsaKeyPair, device_type: &str) -> Self {
        let key: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let key = key.as_ref().to_vec();
        Self {
            pair,
            version: 0,
            subject: name(&[(oid::DEVICE_TYPE_ID, tag::UTF8, device_type.as_bytes())]),
            key,
            attributes: Some(Vec::new()),
            algorithm: element(tag::SEQUENCE, &element(tag::OID, oid::ECDSA_SHA256)),
        }
    }

    /// With a subject of these attributes, one in each RDN: type, tag, value.
    #[must_use]
    pub fn subject(mut self, attributes: &[(&[u8], u8, &[u8])]) -> Self {
        self.subject = name(attributes);
        self
    }

    /// With an extensionRequest of these extensions: type, value.
    #[must_use]
    pub fn requesting(mut self, extensions: &[(&[u8], &[u8])]) -> Self {
        self.attributes = Some(extension_request(oid::EXTENSION_REQUEST, extensions));
        self
    }

    /// With the same public key, its point written in 33 octets instead of 65.
    #[must_use]
    pub fn with_compressed_point(mut self) -> Self {
        let point = self.pair.public_key().as_ref();
        let mut short = vec![0, 2 + (point[64] & 1)];
        short.extend_from_slice(&point[1..33]);
        // AlgorithmIdentifier of 21 octets behind a header of 2.
        let algorithm = self.key[2..23].to_vec();
        let bits = element(tag::BIT_STRING, &short);
        self.key = element(tag::SEQUENCE, &[algorithm, bits].concat());
        self
    }

    /// The CertificationRequestInfo.
    #[must_use]
    pub fn info(&self) -> Vec<u8> {
        let version = element(tag::INTEGER, &[self.version]);
        let attributes = self.attributes.as_ref();
        let attributes = attributes.map(|all| element(tag::CONTEXT_0, all)).unwrap_or_default();
        element(
            tag::SEQUENCE,
            &[version, self.subject.clone(), self.key.clone(), attributes].concat(),
        )
    }

    /// The whole request in DER.
    #[must_use]
    pub fn der(&self) -> Vec<u8> {
        self.signed(&self.info())
    }

    /// A request around any octets, rightly signed.
    #[must_use]
    pub fn signed(&self, info: &[u8]) -> Vec<u8> {
        let signature = self.pair.sign(&SystemRandom::new(), info).unwrap();
        let bits = element(tag::BIT_STRING, &[&[0], signature.as_ref()].concat());
        element(tag::SEQUENCE, &[info, self.algorithm.as_slice(), bits.as_slice()].concat())
    }
}

/// One element in DER.
#[must_use]
pub fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let octets = length.to_be_bytes();
    let mut out = vec![tag];
    if length < 0x80 {
        out.push(octets[7]);
    } else {
        let significant = &octets[octets.iter().position(|octet| *octet != 0).unwrap()..];
        out.push(0x80 | u8::try_from(significant.len()).unwrap());
        out.extend_from_slice(significant);
    }
    out.extend_from_slice(contents);
    out
}

/// A Name with one attribute in each RDN: type, tag, value.
#[must_use]
pub fn name(attributes: &[(&[u8], u8, &[u8])]) -> Vec<u8> {
    let rdns: Vec<u8> = attributes
        .iter()
        .flat_map(|(oid, tag, value)| element(tag::SET, &attribute(oid, *tag, value)))
        .collect();
    element(tag::SEQUENCE, &rdns)
}

/// One AttributeTypeAndValue.
#[must_use]
pub fn attribute(oid: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    element(tag::SEQUENCE, &[element(tag::OID, oid), element(tag, value)].concat())
}

/// An attribute that asks for extensions: type, value.
#[must_use]
pub fn extension_request(kind: &[u8], extensions: &[(&[u8], &[u8])]) -> Vec<u8> {
    let list: Vec<u8> = extensions
        .iter()
        .flat_map(|(oid, value)| attribute(oid, tag::OCTET_STRING, value))
        .collect();
    let set = element(tag::SET, &element(tag::SEQUENCE, &list));
    element(tag::SEQUENCE, &[element(tag::OID, kind), set].concat())
}
