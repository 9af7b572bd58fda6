//! Keys on P-256 and P-384: the same code over two crates that share no usable trait.

use getrandom::{SysRng, rand_core::UnwrapErr};

use super::{KeyError, parts::fixed};

macro_rules! curve {
    ($name:ident, $curve:ident, $octets:literal) => {
        #[doc = concat!("A key whose numbers have ", stringify!($octets), " octets.")]
        pub(super) struct $name($curve::ecdsa::SigningKey);

        impl $name {
            pub(super) fn generate() -> Self {
                use $curve::elliptic_curve::Generate as _;
                Self($curve::ecdsa::SigningKey::generate_from_rng(&mut UnwrapErr(SysRng)))
            }

            /// From the scalar.
            pub(super) fn new(scalar: &[u8], tag: u8) -> Result<Self, KeyError> {
                let scalar = fixed::<$octets>(scalar, tag)?;
                $curve::ecdsa::SigningKey::from_slice(&scalar)
                    .map(Self)
                    .map_err(|_| KeyError::BadPart { tag })
            }

            pub(super) fn scalar(&self) -> Vec<u8> {
                self.0.to_bytes().to_vec()
            }

            /// The public key: 04, X, Y.
            pub(super) fn point(&self) -> Vec<u8> {
                self.0.verifying_key().to_sec1_point(false).as_bytes().to_vec()
            }

            pub(super) fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, KeyError> {
                use $curve::ecdsa::signature::hazmat::PrehashSigner as _;
                let wrong = KeyError::DataLength { expected: $octets, actual: digest.len() };
                if digest.is_empty() || digest.len() > $octets {
                    return Err(wrong);
                }
                let mut padded = vec![0; $octets - digest.len()];
                padded.extend_from_slice(digest);
                let signature: $curve::ecdsa::Signature =
                    self.0.sign_prehash(&padded).map_err(|_| wrong)?;
                Ok(signature.to_der().as_bytes().to_vec())
            }

            pub(super) fn agree(&self, peer: &[u8]) -> Result<Vec<u8>, KeyError> {
                // The card takes uncompressed points only; the parser would take others.
                if peer.len() != 1 + 2 * $octets {
                    return Err(KeyError::BadPeer);
                }
                let peer =
                    $curve::PublicKey::from_sec1_bytes(peer).map_err(|_| KeyError::BadPeer)?;
                let shared =
                    $curve::ecdh::diffie_hellman(self.0.as_nonzero_scalar(), peer.as_affine());
                Ok(shared.raw_secret_bytes().to_vec())
            }
        }
    };
}

curve!(P256, p256, 32);
curve!(P384, p384, 48);
