//! From a command about a token's secrets to the custodian who does it.

use custody::{Custodian, Receipt};

use crate::context::Context;
use crate::error::Result;
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
    let chosen = Chosen::new(context, asking)?;
    let mut journal = Journal::open(context)?;
    let mut custodian =
        Custodian::new(chosen.token()?, chosen.opened_with(), journal.ledger(), None);
    let outcome = what(&mut custodian);
    for Receipt(place) in custodian.receipts() {
        context.output.note(&format!("kept in {place}"));
    }
    Ok(outcome?)
}
