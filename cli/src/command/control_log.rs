//! `touchmark control-log`

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use issuer::control_log::{DEFAULT_TEMPLATE, Template};
use issuer::public_key_text::PublicKeyForm;
use ledger::{Certificate, CertificateFilter, Ledger, Life, Serial};

use super::Run;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::{atomic, input, journal};

/// The largest template that is read.
const MOST_OCTETS: usize = 1024 * 1024;

/// Write the control log of the certificates in the ledger
///
/// Only certificates that nothing replaced are in it, and each must have a device id. In the strings
/// of a template {device-id}, {public-key}, {serial}, {device-type-id}, {dsn}, {certificate} and
/// {issued} stand for what the ledger knows; other names are given by --set.
#[derive(Debug, Args)]
pub(crate) struct ControlLog {
    /// The JSON document to fill; else one of the vendor's published outer fields
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,

    /// A value of the template's own, such as product-id=ebK3; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,

    /// How {public-key} is written: uncompressed or compressed
    #[arg(long, value_name = "FORM", default_value_t)]
    public_key_form: PublicKeyForm,

    /// Where it goes; - for standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    out: PathBuf,

    /// Only the certificate of this device
    #[arg(long, value_name = "ID")]
    device_id: Option<String>,

    /// Only the certificate with this serial number (hex)
    #[arg(long, value_name = "SERIAL")]
    serial: Option<Serial>,

    /// Only certificates from this ledger entry on
    #[arg(long, value_name = "NUMBER")]
    from: Option<u64>,

    /// Only certificates up to this ledger entry
    #[arg(long, value_name = "NUMBER")]
    to: Option<u64>,
}

impl Run for ControlLog {
    fn purpose(&self) -> String {
        "write the control log".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        context.spare(&self.out)?;
        let template = self.template()?;
        let ledger = journal::read(context)?;
        let write = |out: &mut dyn std::io::Write| {
            template
                .write(self.certificates(&ledger), self.public_key_form, out)
                .map_err(|error| Error::ControlLog(Box::new(error)))
        };
        let count = if input::is_standard(&self.out) {
            // Whole before any of it is printed: half a log on a pipe may be taken for all of it.
            let mut log = Vec::new();
            let count = write(&mut log)?;
            context.output.bytes(&log)?;
            count
        } else {
            atomic::write_with(&self.out, write)?
        };
        if count == 0 {
            context.output.warn("no certificate of the ledger is in it");
        } else {
            context.output.note(&format!("{count} devices"));
        }
        Ok(Exit::Ok)
    }
}

impl ControlLog {
    fn template(&self) -> Result<Template> {
        let mut values = BTreeMap::new();
        for (name, value) in &self.set {
            if values.insert(name.clone(), value.clone()).is_some() {
                return Err(Error::usage(format!("{name:?} is set twice")));
            }
        }
        let text = match &self.template {
            None => DEFAULT_TEMPLATE.to_owned(),
            Some(path) => {
                let octets = input::small(path, MOST_OCTETS)?;
                String::from_utf8(octets).map_err(|_| Error::Content {
                    path: path.clone(),
                    reason: "it is not UTF-8 text".into(),
                })?
            }
        };
        Template::parse(&text, values).map_err(|error| Error::ControlLog(Box::new(error)))
    }

    fn certificates<'a>(
        &'a self,
        ledger: &'a Ledger,
    ) -> impl Iterator<Item = ledger::Result<Certificate>> + 'a {
        let filter = CertificateFilter {
            device_id: self.device_id.clone(),
            serial: self.serial.clone(),
            life: Life::Live,
            ..CertificateFilter::default()
        };
        ledger.certificates(filter).filter(|certificate| match certificate {
            Ok(one) => {
                self.from.is_none_or(|from| one.entry >= from)
                    && self.to.is_none_or(|to| one.entry <= to)
            }
            Err(_) => true,
        })
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is not of the form NAME=VALUE".into()),
    }
}
