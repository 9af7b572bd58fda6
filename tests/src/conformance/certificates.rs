//! Certificates that a token stores.

use signer_core::{CertStore, Error, KeySpec, Token, WhenKeysDiffer};

use super::desk::private_key;
use super::{Behaviour, Desk, Shelf, judge, named, soft};

pub(super) const LIST: &[Behaviour] = named![
    a_certificate_is_kept_with_its_key_and_removed_again,
    a_certificate_that_its_own_key_signs_is_stored_in_one_go,
    a_certificate_of_another_key_is_refused_unless_it_is_meant,
    a_certificate_without_a_key_is_refused_unless_it_is_meant,
    what_is_no_certificate_is_not_stored,
];

fn store(token: &mut dyn Token) -> &mut dyn CertStore {
    token.cert_store().expect("certificates are stored")
}

fn a_certificate_is_kept_with_its_key_and_removed_again(desk: &Desk<'_>) {
    if desk.claims.certificates.is_none() {
        return;
    }
    let (mut token, key) = (desk.open(), desk.key(0));
    let made = desk.make(&mut *token, 0);
    let first = judge::certificate(desk.folder(), &made.public_key);
    let second = judge::certificate(desk.folder(), &made.public_key);
    for der in [first, second] {
        store(&mut *token).write(&key, &der, WhenKeysDiffer::Refuse).unwrap();
        // Nobody needs a secret to read it.
        desk.bench().power_cycle();
        let mut other = desk.open_as(&desk.context_with(&[]));
        assert_eq!(store(&mut *other).read(&key).unwrap(), der);
    }
    if desk.has_room() {
        let read = store(&mut *token).read(&desk.key(1));
        assert!(matches!(read, Err(Error::NotFound { .. })), "{read:?}");
    }
    store(&mut *token).remove(&key).unwrap();
    let read = store(&mut *token).read(&key);
    assert!(matches!(read, Err(Error::NotFound { .. })), "{read:?}");
    let removed = store(&mut *token).remove(&key);
    assert!(matches!(removed, Err(Error::NotFound { .. })), "{removed:?}");
}

fn a_certificate_that_its_own_key_signs_is_stored_in_one_go(desk: &Desk<'_>) {
    if desk.claims.certificates.is_none() {
        return;
    }
    let (mut token, key) = (desk.open(), desk.key(0));
    let made = desk.make(&mut *token, 0);
    let own = judge::certificate(desk.folder(), &made.public_key);
    let stranger = soft::public_key(&private_key(KeySpec::P256));
    let foreign = judge::certificate(desk.folder(), &stranger);
    let signer = token.signer(&key, None).unwrap();
    // Where the token tells of no other keys, they come with one.
    let before = store(&mut *token).read(&key).ok();
    let mut write = |der: Option<&Vec<u8>>| {
        store(&mut *token).write_made(&key, &*signer, &mut |session| {
            let signature = session.sign(b"what is stored").unwrap();
            judge::verifies(&*signer, b"what is stored", &signature);
            der.cloned()
        })
    };
    write(None).unwrap();
    let written = write(Some(&foreign));
    assert!(matches!(written, Err(Error::AnotherKey { .. })), "{written:?}");
    let after = store(&mut *desk.open_as(&desk.context_with(&[]))).read(&key).ok();
    assert_eq!(after, before);
    write(Some(&own)).unwrap();
    assert_eq!(store(&mut *token).read(&key).unwrap(), own);
}

fn a_certificate_of_another_key_is_refused_unless_it_is_meant(desk: &Desk<'_>) {
    let Some(shelf) = desk.claims.certificates else { return };
    let (mut token, key) = (desk.open(), desk.key(0));
    let made = desk.make(&mut *token, 0);
    let own = judge::certificate(desk.folder(), &made.public_key);
    store(&mut *token).write(&key, &own, WhenKeysDiffer::Refuse).unwrap();
    let stranger = soft::public_key(&private_key(KeySpec::P256));
    let foreign = judge::certificate(desk.folder(), &stranger);
    let written = store(&mut *token).write(&key, &foreign, WhenKeysDiffer::Refuse);
    assert!(matches!(written, Err(Error::AnotherKey { .. })), "{written:?}");
    assert_eq!(store(&mut *token).read(&key).unwrap(), own);
    store(&mut *token).write(&key, &foreign, WhenKeysDiffer::Store).unwrap();
    let read = store(&mut *token).read(&key).unwrap();
    match shelf {
        Shelf::OnePerPlace => assert_eq!(read, foreign),
        Shelf::BesideKeys => {
            assert_eq!(read, own);
            store(&mut *token).remove(&key).unwrap();
            let read = store(&mut *token).read(&key);
            assert!(matches!(read, Err(Error::AnotherKey { .. })), "{read:?}");
        }
    }
}

fn a_certificate_without_a_key_is_refused_unless_it_is_meant(desk: &Desk<'_>) {
    let Some(shelf) = desk.claims.certificates else { return };
    let (mut token, key) = (desk.open(), desk.key(0));
    let stranger = soft::public_key(&private_key(KeySpec::P256));
    let foreign = judge::certificate(desk.folder(), &stranger);
    let written = store(&mut *token).write(&key, &foreign, WhenKeysDiffer::Refuse);
    assert!(matches!(written, Err(Error::NotFound { .. })), "{written:?}");
    let read = store(&mut *token).read(&key);
    assert!(matches!(read, Err(Error::NotFound { .. })), "{read:?}");
    let written = store(&mut *token).write(&key, &foreign, WhenKeysDiffer::Store);
    match shelf {
        Shelf::OnePerPlace => assert_eq!(store(&mut *token).read(&key).unwrap(), foreign),
        // Beside what?
        Shelf::BesideKeys => assert!(matches!(written, Err(Error::NotFound { .. })), "{written:?}"),
    }
}

fn what_is_no_certificate_is_not_stored(desk: &Desk<'_>) {
    if desk.claims.certificates.is_none() {
        return;
    }
    let (mut token, key) = (desk.open(), desk.key(0));
    desk.make(&mut *token, 0);
    let before = store(&mut *token).read(&key).ok();
    for rubbish in [&b""[..], b"\x30\x00", b"-----BEGIN CERTIFICATE-----"] {
        assert!(store(&mut *token).write(&key, rubbish, WhenKeysDiffer::Store).is_err());
    }
    assert_eq!(store(&mut *token).read(&key).ok(), before);
}
