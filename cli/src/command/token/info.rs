//! `touchmark token info`

use std::fmt;

use clap::Args;
use serde::Serialize;
use signer_core::{Contents, Error};

use crate::command::Run;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::render::plain;
use crate::signers::{Asking, Chosen};

/// Show what is known of the signer's token without a secret
///
/// Its contents are its keys, and the certificates that are stored with them. A YubiKey with firmware
/// 5.3 or later is not asked for certificates in slots without a key; `token reset` lists these too.
/// With --json, one object: locator, model, serial, version, management_key, contents.
#[derive(Debug, Args)]
pub(crate) struct Info {}

#[derive(Serialize)]
struct Found {
    locator: String,
    model: String,
    serial: Option<String>,
    version: Option<String>,
    management_key: Option<ManagementKey>,
    contents: Vec<String>,
}

#[derive(Serialize)]
struct ManagementKey {
    algorithm: String,
    touch: Option<String>,
    factory: Option<bool>,
    protection: String,
}

impl Run for Info {
    fn purpose(&self) -> String {
        "read what the token is".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let mut token = Chosen::new(context, Asking::default())?.token()?;
        let info = token.info().clone();
        let (management_key, contents) = match token.administration() {
            Some(administration) => {
                let key = match administration.management_key() {
                    Ok(key) => Some(ManagementKey {
                        algorithm: key.algorithm.to_string(),
                        touch: key.touch.map(|touch| touch.to_string()),
                        factory: key.is_default,
                        protection: key.protection.to_string(),
                    }),
                    Err(Error::Unsupported { .. }) => None,
                    Err(error) => return Err(error.into()),
                };
                (key, administration.contents(Contents::Keys)?)
            }
            None => (None, Vec::new()),
        };
        context.output.show(&Found {
            locator: info.locator.to_string(),
            model: info.model,
            serial: info.serial,
            version: info.version,
            management_key,
            contents,
        })?;
        Ok(Exit::Ok)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "locator         {}", plain(&self.locator))?;
        writeln!(f, "model           {}", plain(&self.model))?;
        for (what, text) in [("serial", &self.serial), ("version", &self.version)] {
            if let Some(text) = text {
                writeln!(f, "{what:<15} {}", plain(text))?;
            }
        }
        if let Some(key) = &self.management_key {
            write!(f, "management key  {}", key.algorithm)?;
            match key.factory {
                Some(true) => write!(f, "; still the factory's")?,
                Some(false) => write!(f, "; not the factory's")?,
                None => {}
            }
            if let Some(touch) = key.touch.as_ref().filter(|touch| *touch != "never") {
                write!(f, "; wants a touch: {touch}")?;
            }
            if key.protection == "pin" {
                write!(f, "; kept on the token, behind the PIN")?;
            }
            writeln!(f)?;
        }
        for (index, line) in self.contents.iter().enumerate() {
            writeln!(f, "{:<15} {}", if index == 0 { "contents" } else { "" }, plain(line))?;
        }
        Ok(())
    }
}
