//! What is known to be wrong with some firmware.

use std::fmt;

use signer_core::{Error, KeyOrigin, KeySpec, Result};

use crate::version::Version;

/// A published weakness that leaves a key usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Advice {
    /// ECDSA on firmware before 5.7 leaks the key to who measures the opened token (YSA-2024-03).
    Eucleak {
        /// The firmware.
        version: Version,
    },
    /// RSA keys that firmware 4.2.0 to 4.3.4 made can be factored (YSA-2017-01).
    Roca {
        /// The firmware.
        version: Version,
    },
}

impl Advice {
    /// What a person should know before a key of this kind is used on this firmware. Where nobody
    /// knows how the key got there, the worse is assumed.
    #[must_use]
    pub fn on_key(spec: KeySpec, origin: Option<KeyOrigin>, version: Version) -> Option<Self> {
        match spec {
            KeySpec::P256 | KeySpec::P384 if !version.is_at_least(5, 7, 0) => {
                Some(Self::Eucleak { version })
            }
            KeySpec::Rsa(_) if has_roca(version) && origin != Some(KeyOrigin::Imported) => {
                Some(Self::Roca { version })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eucleak { version } => write!(
                f,
                "firmware {version} is open to EUCLEAK (YSA-2024-03): who has the token in his \
                 hands and opens it can copy its elliptic-curve keys; 5.7.0 is not"
            ),
            Self::Roca { version } => write!(
                f,
                "RSA keys that firmware {version} made itself can be factored (ROCA, \
                 YSA-2017-01); replace this key unless it was imported"
            ),
        }
    }
}

/// Refuses to have a key made by firmware that makes weak ones.
///
/// # Errors
/// [`Error::Unsupported`], naming the weakness.
pub fn check_generation(spec: KeySpec, version: Version) -> Result<()> {
    let refuse = |operation: String, needs: &str| {
        Err(Error::Unsupported { operation, needs: needs.to_owned() })
    };
    if has_roca(version) && matches!(spec, KeySpec::Rsa(_)) {
        return refuse(
            format!(
                "making an RSA key on firmware {version}, whose RSA keys can be factored (ROCA)"
            ),
            "firmware 4.3.5, an elliptic-curve key, or importing the key",
        );
    }
    if [Version::new(4, 4, 2), Version::new(4, 4, 4)].contains(&version) {
        return refuse(
            format!("making a key on firmware {version}, whose randomness is weak (YSA-2019-02)"),
            "firmware 4.4.5, or importing the key",
        );
    }
    Ok(())
}

/// The advisory says 4.2.6; Yubico's tools refuse all of 4.2.
fn has_roca(version: Version) -> bool {
    version.is_within(Version::new(4, 2, 0), Version::new(4, 3, 5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firmware_that_makes_weak_keys_makes_none() {
        for (version, rsa, p256) in [
            ("4.1.9", true, true),
            ("4.2.0", false, true),
            ("4.3.4", false, true),
            ("4.3.5", true, true),
            ("4.4.2", false, false),
            ("4.4.4", false, false),
            ("4.4.5", true, true),
            ("5.7.1", true, true),
        ] {
            let parsed = version.parse().unwrap();
            assert_eq!(check_generation(KeySpec::Rsa(2048), parsed).is_ok(), rsa, "{version}");
            assert_eq!(check_generation(KeySpec::P256, parsed).is_ok(), p256, "{version}");
        }
    }

    #[test]
    fn each_weakness_is_told_of_the_keys_that_have_it() {
        let told = |spec, origin, version: [u8; 3]| {
            Advice::on_key(spec, origin, Version::from(version)).map(|advice| advice.to_string())
        };
        let eucleak = told(KeySpec::P256, None, [5, 4, 3]).unwrap();
        assert!(eucleak.contains("firmware 5.4.3") && eucleak.contains("EUCLEAK"), "{eucleak}");
        assert!(told(KeySpec::P384, Some(KeyOrigin::Imported), [5, 6, 0]).is_some());
        assert_eq!(told(KeySpec::P256, None, [5, 7, 0]), None);
        assert_eq!(told(KeySpec::Rsa(2048), None, [5, 4, 3]), None);
        let roca = told(KeySpec::Rsa(2048), None, [4, 2, 6]).unwrap();
        assert!(roca.contains("ROCA"), "{roca}");
        assert_eq!(told(KeySpec::Rsa(2048), Some(KeyOrigin::Imported), [4, 3, 4]), None);
        assert_eq!(told(KeySpec::Rsa(2048), None, [4, 3, 5]), None);
    }
}
