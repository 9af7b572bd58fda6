//! Where the secrets of one command come from, and who may be asked for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use signer_core::{SecretKind, SecretSpec, Secrets};

use crate::args::Global;
use crate::error::Result;
use crate::prompt::{self, Prompt};
use crate::settings::SignerSettings;

/// Where a command's own flags say that secrets come from, and who may be asked for the others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asking {
    given: BTreeMap<SecretKind, SecretSpec>,
    withheld: Option<SecretKind>,
    people: People,
}

impl Asking {
    /// A secret comes from there, if the flag was given.
    pub(crate) fn with(mut self, kind: SecretKind, source: Option<&SecretSpec>) -> Self {
        self.given.extend(source.map(|source| (kind, source.clone())));
        self
    }

    /// Who may be asked.
    pub(crate) fn of(people: People) -> Self {
        Self { people, ..Self::default() }
    }

    /// This secret is not presented, whatever source it has.
    pub(crate) fn withholding(mut self, kind: SecretKind) -> Self {
        self.withheld = Some(kind);
        self
    }

    fn source(&self, kind: SecretKind) -> Option<SecretSpec> {
        self.given.get(&kind).cloned()
    }
}

/// Whether a person may be asked for a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum People {
    /// On the terminal, if there is one and `--no-input` does not forbid it.
    #[default]
    Asked,
    /// Never: only sources that need nobody count.
    LeftAlone,
}

/// Sources by kind: the flag, else the locator's, else the settings', else a person.
pub(super) fn secrets(
    global: &Global,
    configured: &SignerSettings,
    asking: Asking,
) -> Result<Secrets> {
    let in_locator = configured.locator.pin_source()?;
    let first = |sources: &[&Option<SecretSpec>]| sources.iter().find_map(|it| (*it).clone());
    let source = |kind| match kind {
        SecretKind::Pin => first(&[&global.pin, &in_locator, &configured.pin]),
        // A key that was just made has the passphrase that it was made with.
        SecretKind::Passphrase => asking.source(SecretKind::NewPassphrase).or_else(|| {
            first(&[&global.passphrase, &global.pin, &in_locator, &configured.passphrase])
        }),
        SecretKind::Puk => configured.puk.clone(),
        SecretKind::SoPin => configured.so_pin.clone(),
        SecretKind::ManagementKey => configured.management_key.clone(),
        _ => None,
    };
    let mut secrets = Secrets::new();
    for kind in SecretKind::ALL {
        if let Some(source) = asking.source(kind).or_else(|| source(kind)) {
            secrets = secrets.with(kind, source);
        }
    }
    if let Some(kind) = asking.withheld {
        secrets = secrets.withholding(kind);
    }
    if asking.people == People::Asked && !global.no_input && prompt::is_possible() {
        secrets = secrets.with_prompt(Arc::new(Prompt));
    }
    Ok(secrets)
}
