//! What is known of a token before anything is done with it.

use signer_core::{Error, KeySpec, SecretKind};

use super::{Behaviour, Desk, named};

pub(super) const LIST: &[Behaviour] = named![
    a_token_that_is_there_is_listed_as_it_is_opened,
    a_token_tells_what_it_is_and_its_locator_finds_it_again,
    what_is_not_declared_is_absent,
    a_token_that_is_not_there_is_not_found_and_none_is_taken_for_it,
    what_cannot_be_understood_is_no_locator,
    a_secret_that_nobody_can_be_asked_for_is_named,
];

fn a_token_that_is_there_is_listed_as_it_is_opened(desk: &Desk<'_>) {
    let listed = desk.bench().backend().list(&desk.context()).unwrap();
    match desk.claims.listed {
        true => assert_eq!(listed, [desk.open().info().clone()]),
        false => assert_eq!(listed, []),
    }
}

fn a_token_tells_what_it_is_and_its_locator_finds_it_again(desk: &Desk<'_>) {
    let token = desk.open();
    let info = token.info();
    let backend = desk.bench().backend();
    assert_eq!(info.locator.scheme(), backend.scheme());
    assert_eq!(info.counts_tries, desk.claims.pins.is_some());
    assert_eq!(info.serial.is_some(), desk.claims.numbered);
    assert_eq!(info.version.is_some(), desk.claims.numbered);
    assert!(!info.model.is_empty() && !info.name.is_empty());
    let again = backend.open(&info.locator, &desk.context()).unwrap();
    assert_eq!(again.info(), info);
    assert_eq!(again.info().id(), info.id());
}

fn what_is_not_declared_is_absent(desk: &Desk<'_>) {
    let mut token = desk.open();
    assert_eq!(token.pin_manager().is_some(), desk.claims.pins.is_some());
    assert_eq!(token.cert_store().is_some(), desk.claims.certificates.is_some());
    assert_eq!(token.administration().is_some(), desk.claims.administration.is_some());
    let manages = !desk.claims.keys.makes.is_empty() || !desk.claims.keys.imports.is_empty();
    assert_eq!(token.key_manager().is_some(), manages);
}

fn a_token_that_is_not_there_is_not_found_and_none_is_taken_for_it(desk: &Desk<'_>) {
    let absent = desk.bench().absent();
    let opened = desk.bench().backend().open(&absent, &desk.context());
    // A key file may be about to be made; then it is its key that is not there.
    let found = opened.and_then(|mut token| token.keys());
    assert!(matches!(found, Err(Error::NotFound { .. })), "{found:?}");
}

fn what_cannot_be_understood_is_no_locator(desk: &Desk<'_>) {
    let unknown = match desk.bench().token().to_string() {
        text if text.contains('?') => format!("{text}&colour=red"),
        text => format!("{text}?colour=red"),
    };
    let opened = desk.bench().backend().open(&unknown.parse().unwrap(), &desk.context());
    assert!(matches!(opened, Err(Error::Locator { .. })), "{opened:?}");
}

fn a_secret_that_nobody_can_be_asked_for_is_named(desk: &Desk<'_>) {
    let alone = desk.context_with(&[]);
    if desk.pins().is_some() {
        let mut token = desk.open_as(&alone);
        let manager = token.key_manager().unwrap();
        let asked = desk.spending(0, || {
            let policy = signer_core::KeyPolicy::default();
            manager.import(&desk.key(0), &super::desk::private_key(KeySpec::P256), policy)
        });
        let Err(Error::NobodyToAsk { kind, .. }) = asked else { panic!("{asked:?}") };
        assert!(matches!(kind, SecretKind::Pin | SecretKind::ManagementKey), "{kind:?}");
    }
}
