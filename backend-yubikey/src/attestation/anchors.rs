//! The roots that attestations are believed by.

use der::Decode;
use pem_rfc7468::decode_vec;
use x509_cert::Certificate;

use super::{AttestationError, certificate, is_signed_by};

/// Roots, and the intermediates between them and the cards.
#[derive(Clone, Debug, Default)]
pub struct TrustAnchors {
    roots: Vec<Certificate>,
    intermediates: Vec<(Vec<u8>, Certificate)>,
}

impl TrustAnchors {
    /// None: nothing is believed.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Yubico's, as published at <https://developers.yubico.com/PKI/>: the PIV root (to firmware
    /// 5.7.3), the U2F root that some YubiKey 4 hang from, and Attestation Root 1 with its PIV
    /// intermediates (from 5.7.4 on).
    #[must_use]
    pub fn yubico() -> Self {
        let roots = [
            include_str!("anchors/yubico-piv-ca-1.pem"),
            include_str!("anchors/yubico-fido-ca-1.pem"),
            include_str!("anchors/yubico-ca-1.pem"),
        ];
        // Constants; a test holds them to their published fingerprints.
        let read = |pem: &str| {
            let (_, der) = decode_vec(pem.as_bytes()).ok()?;
            let certificate = Certificate::from_der(&der).ok()?;
            Some((der, certificate))
        };
        let roots = roots.into_iter().filter_map(read).map(|(_, root)| root).collect();
        let intermediates = include_str!("anchors/intermediates.pem");
        let intermediates =
            intermediates.split_inclusive("-----END CERTIFICATE-----\n").filter_map(read).collect();
        Self { roots, intermediates }
    }

    /// With one more root (DER): a company's own, for tokens whose F9 it replaced.
    ///
    /// # Errors
    /// [`AttestationError::Malformed`].
    pub fn with_root(mut self, der: &[u8]) -> Result<Self, AttestationError> {
        self.roots.push(certificate("root", der)?);
        Ok(self)
    }

    /// With one more intermediate (DER). It is believed only when a root vouches for it.
    ///
    /// # Errors
    /// [`AttestationError::Malformed`].
    pub fn with_intermediate(mut self, der: &[u8]) -> Result<Self, AttestationError> {
        self.intermediates.push((der.to_vec(), certificate("intermediate", der)?));
        Ok(self)
    }

    /// Whether a root signed this certificate, or an intermediate that a root vouches for.
    pub(super) fn vouch_for(&self, der: &[u8], found: &Certificate) -> bool {
        let mut here = (der, found);
        for _ in 0..=self.intermediates.len() {
            if self.roots.iter().any(|root| is_signed_by(here.0, here.1, root)) {
                return true;
            }
            let above = self.intermediates.iter().find(|(_, i)| is_signed_by(here.0, here.1, i));
            match above {
                Some((der, above)) => here = (der, above),
                None => return false,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};
    use der::Encode;

    use super::*;

    /// The fingerprints that are in circulation for these certificates; they were compared with two
    /// independent lists when the files were made.
    #[test]
    fn the_anchors_are_yubicos() {
        let TrustAnchors { roots, intermediates } = TrustAnchors::yubico();
        let all = roots.iter().chain(intermediates.iter().map(|(_, certificate)| certificate));
        let found: Vec<String> = all
            .map(|certificate| {
                let digest = digest(&SHA256, &certificate.to_der().unwrap());
                digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
            })
            .collect();
        assert_eq!(
            found,
            [
                "63ece914e54dd87915f34033c85af4c0696ba1512f8add66ced738331207b546",
                "0fa1386f80eb8713263ae5c1d84deb455bdf08aea50ab05503cefee82b092d42",
                "62760c6a6ef91679f454c8902b80fd009825b3f25da90f1fbace2ec6586cd5a8",
                "6de693f05376f5d8ca29069261e1c8626c75d503bd2edbfd75354cad1f722870",
                "4698a1d3389c3ec60016c216250f1d0439922832d65142327436376dc2942b55",
                "2d55b7998f4e42569d6d8fa382b6dc77d1dacf07358b19701163892922b17052",
                "d4cc3f456fdaf4e7812a21aab1dfe9d8e27d24e2fd2d6f21c9940109f0daa754",
            ]
        );
    }

    #[test]
    fn each_intermediate_leads_to_a_root() {
        let anchors = TrustAnchors::yubico();
        for (der, certificate) in &anchors.intermediates {
            assert!(anchors.vouch_for(der, certificate));
        }
        let rootless = TrustAnchors { roots: Vec::new(), ..anchors };
        for (der, certificate) in &rootless.intermediates {
            assert!(!rootless.vouch_for(der, certificate));
        }
    }
}
