//! `touchmark cert verify`

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use issuer::path::{self, AnchorSource, Root, TrustAnchors, ValidatedPath};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::command::Run;
use crate::context::Context;
use crate::error::{Error, Result, chain};
use crate::exit::Exit;
use crate::input::{self, MOST_CERTIFICATES};
use crate::signers::{Asking, Chosen};

/// Verify a chain of certificates, link by link (RFC 5280 section 6.1)
///
/// The device vendor's root is known by its published fingerprint, others are named by --trust. A
/// chain that does not hold, that misses its root, or that leads to none of the roots of --trust,
/// ends with exit code 7. With --json, one object: links and root.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A PEM or DER file, device certificate first; else the certificate file of the signer
    file: Option<PathBuf>,

    /// The moment to verify for, such as 2030-01-01T00:00:00Z; else now
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<SystemTime>,

    /// Trust the certificates of this file; may be given several times
    #[arg(long, value_name = "FILE")]
    trust: Vec<PathBuf>,
}

impl Run for Verify {
    fn purpose(&self) -> String {
        match &self.file {
            Some(file) => format!("verify {}", file.display()),
            None => "verify the signer's certificate".into(),
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let certificates = match &self.file {
            Some(file) => input::certificates(file)?,
            None => Chosen::new(context, Asking::default())?.certificates()?,
        };
        let anchors = self.anchors()?;
        let at = self.at.unwrap_or_else(SystemTime::now);
        let path = path::validate(&certificates, &anchors, at).map_err(|error| Error::Refused {
            what: chain(&error),
            hint: "look at the certificates with `touchmark cert show`".into(),
        })?;
        if context.output.is_json() {
            context.output.object(&path)?;
        } else {
            context.output.text(&text(&path))?;
        }
        self.judge(&path, context)
    }
}

impl Verify {
    fn anchors(&self) -> Result<TrustAnchors> {
        let mut anchors = TrustAnchors::vendor();
        for file in &self.trust {
            let octets = input::small(file, MOST_CERTIFICATES)?;
            anchors
                .add(&file.display().to_string(), &octets, MOST_CERTIFICATES)
                .map_err(|error| Error::Content { path: file.clone(), reason: chain(&error) })?;
        }
        Ok(anchors)
    }

    /// Every link holds; what remains is whether the last one vouches for anything.
    fn judge(&self, path: &ValidatedPath, context: &Context<'_>) -> Result<Exit> {
        let refused = |what: &str| Error::Refused {
            what: what.to_owned(),
            hint: "name a root that you trust: `touchmark cert verify FILE --trust ROOT`".into(),
        };
        match &path.root {
            Root::Trusted { .. } => Ok(Exit::Ok),
            Root::Missing { issuer } => Err(refused(&format!(
                "the chain is not complete: the certificate of {issuer} is missing"
            ))),
            Root::SelfSigned { .. } if !self.trust.is_empty() => {
                Err(refused("the chain leads to none of the roots that are trusted"))
            }
            Root::SelfSigned { .. } => {
                context.output.warn("nobody but the file itself vouches for this root");
                Ok(Exit::Ok)
            }
        }
    }
}

fn text(path: &ValidatedPath) -> String {
    let mut lines = String::new();
    for link in &path.links {
        lines.push_str(&format!("{}  {}\n", link.position, link.subject));
    }
    let root = match &path.root {
        Root::Trusted { source: AnchorSource::Vendor, sha256, .. } => {
            format!("trusted: the device vendor's root (SHA-256 {sha256})")
        }
        Root::Trusted { source: AnchorSource::File { name }, sha256, .. } => {
            format!("trusted: {name} (SHA-256 {sha256})")
        }
        Root::SelfSigned { sha256, .. } => {
            format!("not among the trusted roots: self-signed (SHA-256 {sha256})")
        }
        Root::Missing { issuer } => format!("missing: {issuer}"),
    };
    lines.push_str(&format!("every link holds; root {root}\n"));
    lines
}

fn moment(text: &str) -> Result<SystemTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map(SystemTime::from)
        .map_err(|_| "it is no time of the form 2030-01-01T00:00:00Z".into())
}
