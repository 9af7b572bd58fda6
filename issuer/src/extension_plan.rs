//! Which extensions certificates get: from the operator's configuration, and from the request where
//! the profile lets it ask.

use x509_cert::ext::Extension;
use x509_cert::name::Name;

use crate::conf::{self, Config, ExtensionContext, IssuerContext, OpenSslCompat};
use crate::csr::Csr;
use crate::issuer::Issuer;
use crate::profile::{Attribute, Profile};

/// A section of an OpenSSL config, as `-extfile FILE -extensions SECTION` names it.
#[derive(Clone, Debug)]
pub struct ExtensionPlan {
    config: Config,
    section: String,
    compat: OpenSslCompat,
}

/// The extensions of one certificate, and its subject.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub(crate) extensions: Vec<Extension>,
    /// The request's subject, but for e-mail addresses that `email:move` has taken out of it.
    pub(crate) subject: Name,
}

impl ExtensionPlan {
    /// Takes the extensions from a section of a config. Whether the section is good shows when the
    /// first certificate is made: some values depend on it.
    #[must_use]
    pub fn new(config: Config, section: String, compat: OpenSslCompat) -> Self {
        Self { config, section, compat }
    }

    /// The extensions for one request. `requested` are those that it asks for; the profile's
    /// accepted ones follow the configuration's, and never replace one of them.
    pub(crate) fn resolve(
        &self,
        csr: &Csr,
        requested: Vec<Extension>,
        issuer: &Issuer,
        profile: &Profile,
    ) -> Result<Resolved, conf::Error> {
        let context = ExtensionContext {
            subject: csr.subject(),
            subject_key: csr.public_key(),
            issuer: IssuerContext::of_certificate(issuer.certificate().x509()),
        };
        let made = self.config.extensions(&self.section, &context, self.compat)?;
        let mut extensions = made.list;
        for one in requested {
            let accepted = profile.accept_requested_extensions.contains(&Attribute(one.extn_id));
            if accepted && !extensions.iter().any(|other| other.extn_id == one.extn_id) {
                extensions.push(one);
            }
        }
        let subject = made.moved_subject.unwrap_or_else(|| csr.subject().clone());
        Ok(Resolved { extensions, subject })
    }
}
