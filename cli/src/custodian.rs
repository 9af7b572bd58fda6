//! From a command about a token's secrets to the custodian who does it.

use custody::{Custodian, Escrow, EscrowFolder, Receipt};
use ledger::Ledger;
use signer_core::OpenContext;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity;
use crate::journal::Journal;
use crate::signers::{Asking, Chosen};

/// Opens the token of the signer and does something to it, with the ledger at hand. Where secrets
/// were put away is told even when the act failed: the token may have them.
///
/// # Errors
/// Those of the signer, of the ledger and of the act.
pub(crate) fn act<T>(
    context: &Context<'_>,
    asking: Asking,
    what: impl FnOnce(&mut Custodian<'_>) -> custody::Result<T>,
) -> Result<T> {
    act_on(context, &Chosen::new(context, asking)?, what)
}

/// The same for what needs to know of the token who it is and no more.
///
/// # Errors
/// As [`act`].
pub(crate) fn act_on_pin<T>(
    context: &Context<'_>,
    asking: Asking,
    what: impl FnOnce(&mut Custodian<'_>) -> custody::Result<T>,
) -> Result<T> {
    act_on(context, &Chosen::new(context, asking)?.introduced_briefly(), what)
}

fn act_on<T>(
    context: &Context<'_>,
    chosen: &Chosen<'_>,
    what: impl FnOnce(&mut Custodian<'_>) -> custody::Result<T>,
) -> Result<T> {
    act_as(
        context,
        chosen,
        |with, ledger, escrow| Ok(Custodian::new(chosen.token()?, with, ledger, escrow)),
        what,
    )
}

/// The same for a signer that was chosen already, with a custodian that `made` makes.
///
/// # Errors
/// As [`act`].
pub(crate) fn act_as<T>(
    context: &Context<'_>,
    chosen: &Chosen<'_>,
    made: impl for<'j> FnOnce(
        &'j OpenContext,
        Option<&'j mut Ledger>,
        Option<&'j dyn Escrow>,
    ) -> Result<Custodian<'j>>,
    what: impl FnOnce(&mut Custodian<'_>) -> custody::Result<T>,
) -> Result<T> {
    let mut journal = Journal::open(context)?;
    let escrow = escrow(context)?;
    let kept_by = escrow.as_ref().map(|escrow| escrow as &dyn Escrow);
    let mut custodian = made(chosen.opened_with(), journal.ledger(), kept_by)?;
    let outcome = what(&mut custodian);
    for Receipt(place) in custodian.receipts() {
        context.output.note(&format!("kept in {place}"));
        if escrow.as_ref().is_some_and(|escrow| !escrow.is_encrypted()) {
            context.output.warn(
                "that file is not encrypted: move it to a safe place, and name somebody who can \
                 decrypt the next one with --escrow-to",
            );
        }
    }
    if outcome.is_err() && custodian.is_in_doubt() {
        context.output.warn(
            "the token may have it or not: try it before the old one, and keep both until one is right",
        );
    }
    Ok(outcome?)
}

/// Where new secrets are kept: the folder and recipients of the flags, else of the settings.
fn escrow(context: &Context<'_>) -> Result<Option<EscrowFolder>> {
    let settings = context.settings()?;
    let flags = &context.global;
    let Some(folder) = flags.escrow.as_ref().or(settings.escrow.folder.as_ref()) else {
        return match flags.escrow_to.as_slice() {
            [] => Ok(None),
            _ => Err(Error::usage("--escrow-to says for whom, and --escrow where is missing")),
        };
    };
    let recipients = match flags.escrow_to.as_slice() {
        [] => settings.escrow.recipients.clone(),
        named => named.to_vec(),
    };
    let escrow = EscrowFolder::new(folder, recipients).by(
        identity::operator(flags.operator.as_deref()),
        identity::station(flags.station.as_deref(), settings.station.as_deref()),
    );
    Ok(Some(escrow))
}
