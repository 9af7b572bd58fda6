//! The attributes of key objects that are made here: they sign, and never leave the token.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RsaKeyPair,
};
use const_oid::db::{rfc5912, rfc8410};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType, ObjectClass};
use cryptoki::types::Ulong;
use der::asn1::{OctetStringRef, UintRef};
use der::{Decode, Reader, Sequence, SliceReader};
use pkcs8::PrivateKeyInfoRef;
use signer_core::{Error, KeySpec, Result, Secret, SubjectPublicKeyInfoOwned};
use zeroize::Zeroize;

use crate::public_key::{ec_params, ed25519_by_name};

/// What names a key and its public half.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) label: Option<String>,
    pub(crate) id: Vec<u8>,
}

impl Names {
    fn attributes(&self) -> Vec<Attribute> {
        let mut attributes = vec![Attribute::Token(true), Attribute::Id(self.id.clone())];
        attributes
            .extend(self.label.as_ref().map(|label| Attribute::Label(label.clone().into_bytes())));
        attributes
    }
}

/// What every private key is made with. Nothing is left to the module's own default: SoftHSM2 lets
/// keys decrypt and unwrap unless told otherwise.
pub(crate) fn private(names: &Names, always_authenticate: bool) -> Vec<Attribute> {
    let mut attributes = names.attributes();
    attributes.extend([
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
    ]);
    if always_authenticate {
        attributes.push(Attribute::AlwaysAuthenticate(true));
    }
    attributes
}

/// What every public key is made with. What it is for is set afterwards: a TPM has one bit for "verify"
/// and "decrypt" and one for "encrypt" and "sign", so tpm2-pkcs11 makes no key that only signs where its
/// public half is described. What it refused stays in the TPM, so a second attempt may find no room.
pub(crate) fn public(names: &Names) -> Vec<Attribute> {
    let mut attributes = names.attributes();
    attributes.extend([Attribute::Private(false), Attribute::Wrap(false)]);
    attributes
}

/// What a public key is for.
pub(crate) fn public_use() -> [Attribute; 2] {
    [Attribute::Verify(true), Attribute::Encrypt(false)]
}

/// A mechanism that makes key pairs. Made where it is used: it may not change threads.
pub(crate) type Generation = fn() -> Mechanism<'static>;

/// The mechanism that makes a key pair, and what the public half's template says of its kind, in two
/// ways for modules to choose from.
pub(crate) fn generation(spec: KeySpec) -> Result<(Generation, [Vec<Attribute>; 2])> {
    let curve = |params| vec![Attribute::EcParams(params)];
    match (spec, ec_params(spec).map(curve)) {
        (KeySpec::P256 | KeySpec::P384, Some(oid)) => {
            Ok((|| Mechanism::EccKeyPairGen, [oid.clone(), oid]))
        }
        (KeySpec::Ed25519, Some(oid)) => {
            let name = ed25519_by_name().map_or_else(|| oid.clone(), curve);
            Ok((|| Mechanism::EccEdwardsKeyPairGen, [oid, name]))
        }
        (KeySpec::Rsa(bits), _) => {
            let size = vec![
                Attribute::ModulusBits(Ulong::new(bits.into())),
                Attribute::PublicExponent(vec![1, 0, 1]),
            ];
            Ok((|| Mechanism::RsaPkcsKeyPairGen, [size.clone(), size]))
        }
        (other, _) => Err(Error::Unsupported {
            operation: format!("generating a {other} key"),
            needs: "one of p256, p384, ed25519, rsa2048, rsa3072, rsa4096".into(),
        }),
    }
}

/// Attributes with secrets in them, wiped when they go.
pub(crate) struct SecretAttributes(pub(crate) Vec<Attribute>);

impl std::fmt::Debug for SecretAttributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretAttributes(..)")
    }
}

impl Drop for SecretAttributes {
    fn drop(&mut self) {
        for attribute in &mut self.0 {
            match attribute {
                Attribute::Value(octets)
                | Attribute::PrivateExponent(octets)
                | Attribute::Prime1(octets)
                | Attribute::Prime2(octets)
                | Attribute::Exponent1(octets)
                | Attribute::Exponent2(octets)
                | Attribute::Coefficient(octets) => octets.zeroize(),
                _ => (),
            }
        }
    }
}

/// A private key that is to be imported.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) public_key: SubjectPublicKeyInfoOwned,
    pub(crate) spec: KeySpec,
    pub(crate) attributes: SecretAttributes,
}

impl Import {
    /// Reads PKCS#8 PrivateKeyInfo (RFC 5958). That the key is whole is checked by aws-lc, which
    /// also computes the public half.
    pub(crate) fn of(private_key_info: &Secret) -> Result<Self> {
        Self::read(private_key_info.expose()).map_err(|reason| Error::MalformedKey {
            origin: "the private key that is to be imported".into(),
            reason,
        })
    }

    fn read(der: &[u8]) -> Result<Self, String> {
        let info = PrivateKeyInfoRef::from_der(der).map_err(|error| error.to_string())?;
        let inner = info.private_key.as_bytes();
        let (public_key, attributes) = match info.algorithm.oid {
            rfc5912::ID_EC_PUBLIC_KEY => {
                let algorithm = match info.algorithm.parameters_oid() {
                    Ok(rfc5912::SECP_256_R_1) => &ECDSA_P256_SHA256_ASN1_SIGNING,
                    Ok(rfc5912::SECP_384_R_1) => &ECDSA_P384_SHA384_ASN1_SIGNING,
                    Ok(other) => return Err(format!("curve {other} is neither P-256 nor P-384")),
                    Err(_) => return Err("its curve has no name".into()),
                };
                let pair = EcdsaKeyPair::from_private_key_der(algorithm, der)
                    .map_err(|error| error.to_string())?;
                (encoded(pair.public_key().as_der())?, vec![Attribute::Value(scalar(inner)?)])
            }
            rfc8410::ID_ED_25519 => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                    .map_err(|error| error.to_string())?;
                let seed = <&OctetStringRef>::from_der(inner).map_err(|error| error.to_string())?;
                (
                    encoded(pair.public_key().as_der())?,
                    vec![Attribute::Value(seed.as_bytes().to_vec())],
                )
            }
            rfc5912::RSA_ENCRYPTION => {
                let pair = RsaKeyPair::from_pkcs8(der).map_err(|error| error.to_string())?;
                (encoded(pair.public_key().as_der())?, rsa(inner)?)
            }
            other => return Err(format!("algorithm {other} is not one of EC, Ed25519 and RSA")),
        };
        let attributes = SecretAttributes(attributes);
        let spec = KeySpec::of(&public_key).map_err(|error| error.to_string())?;
        Ok(Self { public_key, spec, attributes })
    }

    /// The private key object, with what every private key is made with. What comes back is wiped
    /// by whoever drops it.
    pub(crate) fn object(&self, names: &Names, always_authenticate: bool) -> SecretAttributes {
        let (key_type, params) = match self.spec {
            KeySpec::Ed25519 => (KeyType::EC_EDWARDS, ec_params(self.spec)),
            KeySpec::Rsa(_) => (KeyType::RSA, None),
            _ => (KeyType::EC, ec_params(self.spec)),
        };
        let mut object = private(names, always_authenticate);
        object.extend([Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::KeyType(key_type)]);
        object.extend(params.map(Attribute::EcParams));
        object.extend(self.attributes.0.iter().cloned());
        SecretAttributes(object)
    }
}

fn encoded(
    der: Result<PublicKeyX509Der<'_>, Unspecified>,
) -> Result<SubjectPublicKeyInfoOwned, String> {
    let der = der.map_err(|_| "its public key cannot be encoded".to_owned())?;
    SubjectPublicKeyInfoOwned::from_der(der.as_ref()).map_err(|error| error.to_string())
}

/// The number in an ECPrivateKey (RFC 5915 section 3).
fn scalar(der: &[u8]) -> Result<Vec<u8>, String> {
    let read = |reader: &mut SliceReader<'_>| {
        reader.sequence(|fields: &mut SliceReader<'_>| {
            u8::decode(fields)?;
            let scalar = <&OctetStringRef>::decode(fields)?.as_bytes().to_vec();
            fields.read_slice(fields.remaining_len())?;
            Ok::<_, der::Error>(scalar)
        })
    };
    SliceReader::new(der).and_then(|mut reader| read(&mut reader)).map_err(|e| e.to_string())
}

/// RSAPrivateKey of RFC 8017 appendix A.1.2, with two primes.
#[derive(Sequence)]
struct RsaPrivateKey<'a> {
    version: u8,
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
    private_exponent: UintRef<'a>,
    prime1: UintRef<'a>,
    prime2: UintRef<'a>,
    exponent1: UintRef<'a>,
    exponent2: UintRef<'a>,
    coefficient: UintRef<'a>,
}

fn rsa(der: &[u8]) -> Result<Vec<Attribute>, String> {
    let key = RsaPrivateKey::from_der(der).map_err(|error| error.to_string())?;
    let octets = |number: UintRef<'_>| number.as_bytes().to_vec();
    Ok(vec![
        Attribute::Modulus(octets(key.modulus)),
        Attribute::PublicExponent(octets(key.public_exponent)),
        Attribute::PrivateExponent(octets(key.private_exponent)),
        Attribute::Prime1(octets(key.prime1)),
        Attribute::Prime2(octets(key.prime2)),
        Attribute::Exponent1(octets(key.exponent1)),
        Attribute::Exponent2(octets(key.exponent2)),
        Attribute::Coefficient(octets(key.coefficient)),
    ])
}
