//! `touchmark management-key change`

use clap::Args;
use custody::ManagementKeyWish;
use signer_core::{
    ManagementKeyAlgorithm, ManagementKeyProtection, SecretKind, SecretSpec, TouchPolicy,
};

use crate::command::Run;
use crate::context::Context;
use crate::custodian::act;
use crate::error::Result;
use crate::exit::Exit;
use crate::signers::Asking;

/// Set a new management key
///
/// A new one is random unless --new-management-key says otherwise, and is put into escrow before
/// the token is told.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// Where the management key comes from, in hexadecimal; else the settings', else it is asked for
    #[arg(long, value_name = "SOURCE")]
    management_key: Option<SecretSpec>,

    /// Where the new one comes from, in hexadecimal
    #[arg(long, value_name = "SOURCE", default_value = "random")]
    new_management_key: SecretSpec,

    /// Its cipher: 3des, aes128, aes192 or aes256; else the best that the firmware has
    #[arg(short, long, value_name = "CIPHER")]
    algorithm: Option<ManagementKeyAlgorithm>,

    /// When it wants a touch: never, always or cached
    #[arg(long, value_name = "WHEN", default_value = "never")]
    touch: TouchPolicy,

    /// Have the token keep it, readable with the PIN
    #[arg(long)]
    protect: bool,
}

impl Run for Change {
    fn purpose(&self) -> String {
        "change the management key".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let asking = Asking::default()
            .with(SecretKind::ManagementKey, self.management_key.as_ref())
            .with(SecretKind::NewManagementKey, Some(&self.new_management_key));
        let wish = ManagementKeyWish {
            algorithm: self.algorithm,
            touch: self.touch,
            protection: match self.protect {
                true => ManagementKeyProtection::Pin,
                false => ManagementKeyProtection::None,
            },
        };
        act(context, asking, |custodian| custodian.change_management_key(wish))?;
        context.output.note("the management key was changed");
        Ok(Exit::Ok)
    }
}
