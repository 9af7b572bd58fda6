//! Public keys as modules describe them, put together as X.509 writes them.

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5912, rfc8410};
use cryptoki::object::{Attribute, KeyType};
use der::asn1::{BitString, BitStringRef, Null, OctetStringRef, PrintableStringRef, UintRef};
use der::{Any, Decode, Encode, Sequence};
use signer_core::{KeySpec, SubjectPublicKeyInfoOwned};
use spki::AlgorithmIdentifierOwned;

use crate::fault::Fault;

/// The attributes that a public key can be put together from. A private key object may have some of
/// them too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PublicParts {
    pub(crate) key_type: Option<KeyType>,
    ec_params: Option<Vec<u8>>,
    ec_point: Option<Vec<u8>>,
    modulus: Option<Vec<u8>>,
    exponent: Option<Vec<u8>>,
    whole: Option<Vec<u8>>,
}

impl PublicParts {
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let mut parts = Self::default();
        let filled = |octets: &Vec<u8>| Some(octets.clone()).filter(|it| !it.is_empty());
        for attribute in attributes {
            match attribute {
                Attribute::KeyType(key_type) => parts.key_type = Some(*key_type),
                Attribute::EcParams(octets) => parts.ec_params = filled(octets),
                Attribute::EcPoint(octets) => parts.ec_point = filled(octets),
                Attribute::Modulus(octets) => parts.modulus = filled(octets),
                Attribute::PublicExponent(octets) => parts.exponent = filled(octets),
                Attribute::PublicKeyInfo(octets) => parts.whole = filled(octets),
                _ => (),
            }
        }
        parts
    }

    /// The key, or nothing where parts of it are missing.
    pub(crate) fn public_key(&self) -> Result<Option<SubjectPublicKeyInfoOwned>, Fault> {
        match (self.key_type, &self.ec_params, &self.ec_point, &self.modulus, &self.exponent) {
            (Some(KeyType::EC | KeyType::EC_EDWARDS), Some(params), Some(point), _, _) => {
                on_curve(params, point).map(Some)
            }
            (Some(KeyType::RSA), _, _, Some(modulus), Some(exponent)) => {
                rsa(modulus, exponent).map(Some)
            }
            _ => match &self.whole {
                Some(whole) => {
                    SubjectPublicKeyInfoOwned::from_der(whole).map(Some).map_err(|error| {
                        Fault::Nonsense(format!("CKA_PUBLIC_KEY_INFO that is none: {error}"))
                    })
                }
                None => Ok(None),
            },
        }
    }
}

fn on_curve(params: &[u8], point: &[u8]) -> Result<SubjectPublicKeyInfoOwned, Fault> {
    let (algorithm, length) = if is_ed25519(params) {
        (AlgorithmIdentifierOwned { oid: rfc8410::ID_ED_25519, parameters: None }, 32)
    } else {
        let parameters = Any::from_der(params)
            .map_err(|error| Fault::Nonsense(format!("CKA_EC_PARAMS that are no DER: {error}")))?;
        let length = match parameters.decode_as::<ObjectIdentifier>() {
            Ok(rfc5912::SECP_256_R_1) => 65,
            Ok(rfc5912::SECP_384_R_1) => 97,
            // Some other curve: whoever reads the key refuses it by name.
            _ => unwrapped(point, None).unwrap_or(point).len(),
        };
        let oid = rfc5912::ID_EC_PUBLIC_KEY;
        (AlgorithmIdentifierOwned { oid, parameters: Some(parameters) }, length)
    };
    let point = unwrapped(point, Some(length)).ok_or_else(|| {
        Fault::Nonsense(format!(
            "CKA_EC_POINT of {} octets, where {length} were expected, uncompressed",
            point.len()
        ))
    })?;
    Ok(SubjectPublicKeyInfoOwned { algorithm, subject_public_key: bits(point)? })
}

/// The point itself. The standard wants it in an OCTET STRING; modules are seen to give it raw, and
/// in a BIT STRING.
fn unwrapped(point: &[u8], length: Option<usize>) -> Option<&[u8]> {
    let fits = |inner: &[u8]| length.is_none_or(|length| inner.len() == length);
    if length.is_some() && fits(point) {
        return Some(point);
    }
    let octets = <&OctetStringRef>::from_der(point).ok().map(OctetStringRef::as_bytes);
    let bits = || BitStringRef::from_der(point).ok().and_then(|bits| bits.as_bytes());
    octets.filter(|it| fits(it)).or_else(|| bits().filter(|it| fits(it)))
}

/// By its object identifier (RFC 8410), or by its name (PKCS#11 3.1 section 6.3.5).
fn is_ed25519(params: &[u8]) -> bool {
    ObjectIdentifier::from_der(params).is_ok_and(|oid| oid == rfc8410::ID_ED_25519)
        || PrintableStringRef::from_der(params).is_ok_and(|name| name.as_str() == "edwards25519")
}

/// RSAPublicKey of RFC 8017 appendix A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<SubjectPublicKeyInfoOwned, Fault> {
    let encoded = UintRef::new(modulus)
        .and_then(|modulus| Ok(RsaPublicKey { modulus, public_exponent: UintRef::new(exponent)? }))
        .and_then(|key| key.to_der())
        .map_err(|error| Fault::Nonsense(format!("an RSA key that cannot be encoded: {error}")))?;
    let parameters = Some(Any::from(Null));
    let algorithm = AlgorithmIdentifierOwned { oid: rfc5912::RSA_ENCRYPTION, parameters };
    Ok(SubjectPublicKeyInfoOwned { algorithm, subject_public_key: bits(&encoded)? })
}

fn bits(octets: &[u8]) -> Result<BitString, Fault> {
    BitString::from_bytes(octets).map_err(|error| Fault::Nonsense(error.to_string()))
}

/// `CKA_EC_PARAMS` of the curves: the curve's object identifier in DER.
pub(crate) fn ec_params(spec: KeySpec) -> Option<Vec<u8>> {
    let oid = match spec {
        KeySpec::P256 => rfc5912::SECP_256_R_1,
        KeySpec::P384 => rfc5912::SECP_384_R_1,
        KeySpec::Ed25519 => rfc8410::ID_ED_25519,
        _ => return None,
    };
    oid.to_der().ok()
}

/// `CKA_EC_PARAMS` of Ed25519 by its name, which some modules take alone.
pub(crate) fn ed25519_by_name() -> Option<Vec<u8>> {
    PrintableStringRef::new("edwards25519").and_then(|name| name.to_der()).ok()
}

/// A key's public half as the attributes of a public key object that is to be made.
pub(crate) fn attributes(key: &SubjectPublicKeyInfoOwned) -> Result<Vec<Attribute>, Fault> {
    let failed = |error: der::Error| Fault::Nonsense(format!("the public key: {error}"));
    let octets = key.subject_public_key.as_bytes().unwrap_or_default();
    match key.algorithm.oid {
        rfc5912::RSA_ENCRYPTION => {
            let RsaPublicKey { modulus, public_exponent } =
                RsaPublicKey::from_der(octets).map_err(failed)?;
            Ok(vec![
                Attribute::KeyType(KeyType::RSA),
                Attribute::Modulus(modulus.as_bytes().to_vec()),
                Attribute::PublicExponent(public_exponent.as_bytes().to_vec()),
            ])
        }
        oid => {
            let point = OctetStringRef::new(octets).and_then(|it| it.to_der()).map_err(failed)?;
            let (key_type, params) = match &key.algorithm.parameters {
                Some(params) => (KeyType::EC, params.to_der().map_err(failed)?),
                None => (KeyType::EC_EDWARDS, oid.to_der().map_err(failed)?),
            };
            Ok(vec![
                Attribute::KeyType(key_type),
                Attribute::EcParams(params),
                Attribute::EcPoint(point),
            ])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(key_type: KeyType, params: &[u8], point: &[u8]) -> PublicParts {
        PublicParts::of(&[
            Attribute::KeyType(key_type),
            Attribute::EcParams(params.to_vec()),
            Attribute::EcPoint(point.to_vec()),
        ])
    }

    #[test]
    fn a_point_is_taken_raw_and_in_both_wrappings() {
        for (spec, key_type, length) in [
            (KeySpec::P256, KeyType::EC, 65_u8),
            (KeySpec::P384, KeyType::EC, 97),
            (KeySpec::Ed25519, KeyType::EC_EDWARDS, 32),
        ] {
            let mut raw = vec![7; usize::from(length)];
            if spec != KeySpec::Ed25519 {
                raw[0] = 4;
            }
            let octets = [&[4, length][..], &raw].concat();
            let bits = [&[3, length + 1, 0][..], &raw].concat();
            let params = ec_params(spec).unwrap();
            for point in [&raw, &octets, &bits] {
                let key = parts(key_type, &params, point).public_key().unwrap().unwrap();
                assert_eq!(key.subject_public_key.raw_bytes(), raw, "{spec} {}", point.len());
                assert_eq!(KeySpec::of(&key).unwrap(), spec);
            }
            for short in [&raw[1..], &octets[..octets.len() - 1], &[][..]] {
                let key = parts(key_type, &params, short).public_key();
                assert!(!matches!(key, Ok(Some(_))), "{spec} {}", short.len());
            }
        }
    }

    #[test]
    fn ed25519_goes_by_two_names() {
        let key = parts(KeyType::EC_EDWARDS, &ed25519_by_name().unwrap(), &[9; 32]);
        assert_eq!(KeySpec::of(&key.public_key().unwrap().unwrap()).unwrap(), KeySpec::Ed25519);
    }

    #[test]
    fn a_key_reads_back_from_the_attributes_it_is_written_as() {
        for (spec, key_type, point) in [
            (KeySpec::P256, KeyType::EC, [&[4][..], &[1; 64]].concat()),
            (KeySpec::Ed25519, KeyType::EC_EDWARDS, vec![5; 32]),
        ] {
            let key = parts(key_type, &ec_params(spec).unwrap(), &point).public_key().unwrap();
            let key = key.unwrap();
            let written = attributes(&key).unwrap();
            assert_eq!(PublicParts::of(&written).public_key().unwrap().unwrap(), key);
        }
        let key = rsa(&[0xc5; 256], &[1, 0, 1]).unwrap();
        let written = attributes(&key).unwrap();
        assert_eq!(PublicParts::of(&written).public_key().unwrap().unwrap(), key);
        assert_eq!(KeySpec::of(&key).unwrap(), KeySpec::Rsa(2048));
    }
}
