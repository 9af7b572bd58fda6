//! Another program that wants the card too: `card-holder exclusive|transaction|reset`.
//!
//! Says `ready` when it has the card, or has reset it, and holds it until its standard input ends.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test's helper")]

use std::io::{Read, stdin};
use std::thread::sleep;
use std::time::Duration;

use pcsc::{Card, Context, Disposition, Protocols, Scope, ShareMode};

fn main() {
    let how = std::env::args().nth(1).unwrap_or_default();
    let context = Context::establish(Scope::User).unwrap();
    match how.as_str() {
        "exclusive" => {
            let _card = connected(&context, ShareMode::Exclusive);
            until_told();
        }
        "transaction" => {
            let mut card = connected(&context, ShareMode::Shared);
            // As soon as nobody else has one.
            let _transaction = card.transaction().unwrap();
            until_told();
        }
        "reset" => {
            let mut card = connected(&context, ShareMode::Shared);
            // While somebody has a transaction, nobody else may reset the card.
            while let Err((refused, _)) = card.disconnect(Disposition::ResetCard) {
                card = refused;
                sleep(Duration::from_millis(2));
            }
            println!("ready");
        }
        other => panic!("{other:?} is none of exclusive, transaction and reset"),
    }
}

fn connected(context: &Context, share: ShareMode) -> Card {
    let names = context.list_readers_owned().unwrap();
    loop {
        match context.connect(names.first().unwrap(), share, Protocols::ANY) {
            Ok(card) => return card,
            Err(_) => sleep(Duration::from_millis(2)),
        }
    }
}

fn until_told() {
    println!("ready");
    stdin().read_to_end(&mut Vec::new()).unwrap();
}
