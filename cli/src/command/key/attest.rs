//! `touchmark key attest`

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use issuer::pem::{self, Kind};
use ledger::Digest;
use serde::Serialize;
use signer_core::{Attested, Error as SignerError};

use crate::command::Run;
use crate::context::Context;
use crate::error::{Error, Result, chain};
use crate::exit::Exit;
use crate::render::plain;
use crate::signers::{Asking, Chosen, fingerprint};
use crate::{atomic, input};

/// Have the token vouch that it made the key itself
///
/// The attestation is believed when it leads to a root of the token's maker, or to one that the
/// settings or --trust name, and is about this token, this slot and the key that is in it now. Prints
/// what it says, and its certificates, leaf first, as PEM. With --json, one object: signer, serial,
/// firmware, key, pin_policy, touch_policy, form_factor, fips, spki_sha256, trusted, and out or
/// certificates.
#[derive(Debug, Args)]
pub(crate) struct Attest {
    /// The file that the certificates go to; else they follow what is printed
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Certificates to believe besides those of the token's maker and of the settings
    #[arg(long, value_name = "FILE")]
    trust: Vec<PathBuf>,

    /// Print what it says although it proves nothing
    #[arg(long)]
    unverified: bool,
}

/// What is printed.
#[derive(Serialize)]
struct Said {
    signer: String,
    serial: Option<String>,
    firmware: String,
    key: String,
    pin_policy: Option<String>,
    touch_policy: Option<String>,
    form_factor: Option<String>,
    fips: bool,
    spki_sha256: Digest,
    trusted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<String>,
}

impl Run for Attest {
    fn purpose(&self) -> String {
        "attest the key".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let chosen = Chosen::new(context, Asking::default())?;
        if let Some(out) = &self.out {
            chosen.spare(out, context)?;
        }
        let mut anchors = Vec::new();
        for file in context.settings()?.attestation_roots.iter().chain(&self.trust) {
            anchors.extend(input::certificates(file)?.iter().map(|anchor| anchor.der().to_vec()));
        }
        let mut token = chosen.token()?;
        let manager = token.key_manager().ok_or_else(|| SignerError::Unsupported {
            operation: format!("attesting the key of {}", chosen.name),
            needs: "a token that makes keys itself".into(),
        })?;
        let attested = manager.attestation(&chosen.key()?, &anchors)?;
        if let Some(doubt) = &attested.doubt {
            let doubt = chain(&**doubt);
            if !self.unverified {
                return Err(Error::Refused {
                    what: format!("the attestation proves nothing: {doubt}"),
                    hint:
                        "name the root that you trust, `touchmark key attest --trust FILE`, or see \
                           what it says with --unverified"
                            .into(),
                });
            }
            context.output.warn(&format!("this attestation proves nothing: {doubt}"));
        }
        let mut said = Said::new(chosen.place(&*token)?, &attested)?;
        if let Some(out) = self.out.as_ref().filter(|out| !input::is_standard(out)) {
            atomic::write(out, said.certificates.concat().as_bytes())?;
            said.out = Some(out.display().to_string());
            said.certificates.clear();
        }
        context.output.show(&said)?;
        Ok(Exit::Ok)
    }
}

impl Said {
    fn new(signer: String, attested: &Attested) -> Result<Self> {
        let pem = |der: &Vec<u8>| pem::encode(Kind::Certificate, der);
        Ok(Self {
            signer,
            serial: attested.serial.clone(),
            firmware: attested.version.clone(),
            key: attested.key.to_string(),
            pin_policy: attested.policy.pin.map(|policy| policy.to_string()),
            touch_policy: attested.policy.touch.map(|policy| policy.to_string()),
            form_factor: attested.form_factor.clone(),
            fips: attested.is_fips,
            spki_sha256: fingerprint(&attested.public_key)?,
            trusted: attested.doubt.is_none(),
            out: None,
            certificates: attested.certificates.iter().map(pem).collect(),
        })
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |text: &Option<String>| text.clone().unwrap_or_else(|| "not told".into());
        writeln!(f, "signer        {}", plain(&self.signer))?;
        writeln!(f, "serial        {}", plain(&told(&self.serial)))?;
        writeln!(f, "firmware      {}{}", self.firmware, if self.fips { " (FIPS)" } else { "" })?;
        writeln!(f, "form factor   {}", told(&self.form_factor))?;
        writeln!(f, "made in       {}", plain(&self.key))?;
        writeln!(f, "PIN policy    {}", told(&self.pin_policy))?;
        writeln!(f, "touch policy  {}", told(&self.touch_policy))?;
        writeln!(f, "SHA-256       {}", self.spki_sha256)?;
        writeln!(f, "trusted       {}", if self.trusted { "yes" } else { "no" })?;
        if let Some(out) = &self.out {
            writeln!(f, "written to    {}", plain(out))?;
        }
        self.certificates.iter().try_for_each(|pem| f.write_str(pem))
    }
}
