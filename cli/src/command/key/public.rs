//! `touchmark key public`

use clap::{Args, ValueEnum};
use der::{Encode, EncodePem, pem::LineEnding};
use issuer::public_key_text::{PublicKeyForm, public_key_text};
use serde_json::json;
use signer_core::SubjectPublicKeyInfoOwned;

use crate::command::Run;
use crate::context::Context;
use crate::error::{Result, chain};
use crate::exit::Exit;
use crate::signers::{Asking, Chosen, fingerprint};

/// Print the public half of a key
///
/// With --json, one object: signer, spki_sha256 and public_key, which holds the text of the form
/// (pem for der, which is no text).
#[derive(Debug, Args)]
pub(crate) struct Public {
    /// How to write it
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    form: Form,
}

/// How a public key is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// SubjectPublicKeyInfo as PEM
    #[default]
    Pem,
    /// SubjectPublicKeyInfo as DER
    Der,
    /// Base64 in lines of 64 characters, the point uncompressed, as the documented command prints
    Uncompressed,
    /// Base64 on one line, the point compressed, as the vendor's console and barcodes want it
    Compressed,
}

impl Run for Public {
    fn purpose(&self) -> String {
        "print the public key".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let chosen = Chosen::new(context, Asking::default())?;
        let (place, public_key) = chosen.public_key()?;
        if context.output.is_json() {
            context.output.object(&json!({
                "signer": place,
                "spki_sha256": fingerprint(&public_key)?,
                "public_key": self.text(&public_key)?,
            }))?;
        } else if self.form == Form::Der {
            let der = public_key.to_der().map_err(|error| unprintable(&error))?;
            context.output.bytes(&der)?;
        } else {
            context.output.text(&self.text(&public_key)?)?;
        }
        Ok(Exit::Ok)
    }
}

impl Public {
    fn text(&self, public_key: &SubjectPublicKeyInfoOwned) -> Result<String> {
        let form = match self.form {
            Form::Pem | Form::Der => return pem(public_key),
            Form::Uncompressed => PublicKeyForm::Uncompressed,
            Form::Compressed => PublicKeyForm::Compressed,
        };
        Ok(public_key_text(public_key, form).map_err(|error| unprintable(&error))?)
    }
}

/// SubjectPublicKeyInfo as PEM.
///
/// # Errors
/// [`signer_core::Error::Unsupported`] for what cannot be encoded.
pub(super) fn pem(public_key: &SubjectPublicKeyInfoOwned) -> Result<String> {
    Ok(public_key.to_pem(LineEnding::LF).map_err(|error| unprintable(&error))?)
}

fn unprintable(error: &dyn std::error::Error) -> signer_core::Error {
    signer_core::Error::Unsupported {
        operation: format!("this form ({})", chain(error)),
        needs: "another form, or an elliptic-curve key".into(),
    }
}
