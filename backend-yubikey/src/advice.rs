//! What is known to be wrong with some firmware.

use std::fmt;

use signer_core::{Error, KeySpec, Result};

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
}

impl Advice {
    /// What a person should know of this firmware, once.
    #[must_use]
    pub fn on(version: Version) -> Vec<Self> {
        match version.is_at_least(5, 7, 0) {
            true => Vec::new(),
            false => vec![Self::Eucleak { version }],
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
    // The advisory says 4.2.6; Yubico's tools refuse all of 4.2.
    let roca = version.is_within(Version::new(4, 2, 0), Version::new(4, 3, 5));
    if roca && matches!(spec, KeySpec::Rsa(_)) {
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
    fn eucleak_is_told_below_5_7() {
        assert_eq!(Advice::on(Version::new(5, 7, 0)), []);
        let told = Advice::on(Version::new(5, 4, 3));
        assert!(told[0].to_string().contains("firmware 5.4.3"), "{told:?}");
    }
}
