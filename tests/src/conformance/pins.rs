//! PIN and PUK: shown, counted, remembered, changed, unblocked.

use signer_core::{Error, PinManager, PinStatus, SecretKind, Token, Tries};

use super::desk::secret;
use super::{Behaviour, Counter, Desk, named};

pub(super) const LIST: &[Behaviour] = named![
    a_fresh_token_tells_its_tries,
    reading_the_status_spends_nothing,
    what_is_against_the_rules_is_never_shown,
    a_wrong_pin_costs_one_try_and_is_never_shown_again,
    the_right_pin_restores_the_tries,
    tries_are_told_as_they_go,
    the_last_try_is_kept_unless_it_is_meant,
    a_pin_is_changed_and_the_old_one_is_wrong,
    a_change_by_a_wrong_pin_changes_nothing,
    a_blocked_pin_is_unblocked_by_the_puk,
    a_wrong_puk_is_counted_and_never_shown_again,
    a_puk_is_changed_and_the_old_one_is_wrong,
];

fn pins(token: &mut dyn Token) -> &mut dyn PinManager {
    token.pin_manager().expect("it has a PIN")
}

fn status(token: &mut dyn Token) -> PinStatus {
    pins(token).pin_status().expect("a status can be read")
}

fn a_fresh_token_tells_its_tries(desk: &Desk<'_>) {
    let Some(claims) = desk.pins() else { return };
    let mut token = desk.open_as(&desk.context_with(&[]));
    let total = match claims.counter {
        Counter::Number(tries) if claims.described => Some(tries),
        _ => None,
    };
    let told = PinStatus {
        tries: claims.counter.after(0),
        total,
        is_default: claims.described.then_some(true),
    };
    assert_eq!(status(&mut *token), told);
    let puk = pins(&mut *token).puk_status().unwrap();
    assert_eq!(puk, claims.tells_puk.then_some(told));
}

fn reading_the_status_spends_nothing(desk: &Desk<'_>) {
    let Some(_) = desk.pins() else { return };
    let mut token = desk.open();
    let _ = desk.show_wrong(&mut *token, 0);
    let told = status(&mut *token);
    for verified in [false, true] {
        if verified {
            pins(&mut *token).verify(&secret(desk.has().pin)).unwrap();
        }
        let told = if verified { status(&mut *token) } else { told };
        for _ in 0..5 {
            desk.spending(0, || {
                assert_eq!(status(&mut *token), told);
                let _ = pins(&mut *token).puk_status().unwrap();
                assert_eq!(status(&mut *desk.open_as(&desk.context_with(&[]))), told);
            });
            desk.bench().power_cycle();
        }
    }
}

fn what_is_against_the_rules_is_never_shown(desk: &Desk<'_>) {
    let Some(_) = desk.pins() else { return };
    let mut token = desk.open();
    let rules = pins(&mut *token).rules();
    let has = desk.has();
    let before = status(&mut *token);
    for unusable in [0, rules.min_length - 1, rules.max_length + 1] {
        let unusable = secret(&"7".repeat(unusable));
        desk.spending(0, || {
            let (pin, puk) = (secret(has.pin), secret(has.puk));
            let new_pin = secret(has.new_pin);
            for refused in [
                pins(&mut *token).verify(&unusable),
                pins(&mut *token).change(&unusable, &new_pin),
                pins(&mut *token).change(&pin, &unusable),
                pins(&mut *token).unblock(&unusable, &new_pin),
                pins(&mut *token).unblock(&puk, &unusable),
            ] {
                assert!(matches!(refused, Err(Error::SecretUnusable { .. })), "{refused:?}");
            }
        });
    }
    assert_eq!(status(&mut *token), before);
    pins(&mut *token).verify(&secret(has.pin)).unwrap();
}

fn a_wrong_pin_costs_one_try_and_is_never_shown_again(desk: &Desk<'_>) {
    let Some(claims) = desk.pins() else { return };
    let mut token = desk.open();
    let wrong = secret("40000001");
    let left = claims.counter.after(1);
    let error = desk.spending(1, || pins(&mut *token).verify(&wrong).unwrap_err());
    assert!(
        matches!(&error, Error::WrongSecret { kind: SecretKind::Pin, tries, .. } if *tries == left),
        "{error:?}"
    );
    assert_eq!(status(&mut *token).tries, left);
    desk.spending(0, || {
        let error = pins(&mut *token).verify(&wrong).unwrap_err();
        assert!(matches!(error, Error::FailedBefore { .. }), "{error:?}");
        // Another process, which knows of it from the folder alone.
        let error = pins(&mut *desk.open()).verify(&wrong).unwrap_err();
        assert!(matches!(error, Error::FailedBefore { .. }), "{error:?}");
        let error = pins(&mut *desk.open()).change(&wrong, &secret(desk.has().new_pin));
        assert!(matches!(error, Err(Error::FailedBefore { .. })), "{error:?}");
    });
    assert_eq!(status(&mut *token).tries, left);
}

fn the_right_pin_restores_the_tries(desk: &Desk<'_>) {
    let Some(claims) = desk.pins() else { return };
    let mut token = desk.open();
    let _ = desk.show_wrong(&mut *token, 0);
    assert_eq!(status(&mut *token).tries, claims.counter.after(1));
    desk.spending(1, || pins(&mut *token).verify(&secret(desk.has().pin)).unwrap());
    assert_eq!(status(&mut *token).tries, claims.counter.after(0));
}

fn tries_are_told_as_they_go(desk: &Desk<'_>) {
    let Some(claims) = desk.pins() else { return };
    let mut token = desk.open();
    // Where no number of them blocks it, it is tried well beyond what blocks others.
    for wrong in 1..=if claims.counter.blocks() { u8::MAX } else { 16 } {
        let error = desk.show_wrong(&mut *token, u32::from(wrong));
        let left = claims.counter.after(wrong);
        assert!(
            matches!(error, Error::WrongSecret { tries, .. } if tries == left),
            "{wrong}: {error:?}"
        );
        assert_eq!(status(&mut *desk.open()).tries, left, "after {wrong}");
        if left == Tries::Last {
            break;
        }
    }
}

fn the_last_try_is_kept_unless_it_is_meant(desk: &Desk<'_>) {
    let Some(claims) = desk.pins() else { return };
    if !claims.counter.blocks() {
        return;
    }
    let mut token = desk.open();
    desk.wear_down(&mut *token, 1);
    let right = || secret(desk.has().pin);
    desk.spending(0, || {
        let error = pins(&mut *token).verify(&right()).unwrap_err();
        assert!(matches!(error, Error::LastTryRefused { .. }), "{error:?}");
    });
    assert_eq!(status(&mut *token).tries, Tries::Last);
    let mut bold = desk.open_to_the_last();
    pins(&mut *bold).verify(&right()).unwrap();
    desk.wear_down(&mut *token, 1);
    let error = desk.show_wrong(&mut *bold, 99);
    assert!(matches!(error, Error::WrongSecret { tries: Tries::Blocked, .. }), "{error:?}");
    assert_eq!(status(&mut *token).tries, Tries::Blocked);
    for token in [&mut token, &mut bold] {
        let error = desk.spending(0, || pins(&mut **token).verify(&right()).unwrap_err());
        assert!(matches!(error, Error::Blocked { kind: SecretKind::Pin, .. }), "{error:?}");
    }
}

fn a_pin_is_changed_and_the_old_one_is_wrong(desk: &Desk<'_>) {
    let Some(claims) = desk.pins() else { return };
    let (old, new) = (desk.has().pin, desk.has().new_pin);
    let mut token = desk.open();
    desk.spending(1, || pins(&mut *token).change(&secret(old), &secret(new)).unwrap());
    let now = status(&mut *token);
    assert_eq!(now.is_default, claims.described.then_some(false));
    pins(&mut *desk.open()).verify(&secret(new)).unwrap();
    let error = pins(&mut *token).verify(&secret(old)).unwrap_err();
    assert!(matches!(error, Error::WrongSecret { .. }), "{error:?}");
    let same = pins(&mut *token).change(&secret(new), &secret(new));
    assert!(matches!(same, Err(Error::SecretUnusable { .. })), "{same:?}");
}

fn a_change_by_a_wrong_pin_changes_nothing(desk: &Desk<'_>) {
    let Some(claims) = desk.pins() else { return };
    let mut token = desk.open();
    let (wrong, new) = (secret("40000001"), secret(desk.has().new_pin));
    let error = desk.spending(1, || pins(&mut *token).change(&wrong, &new).unwrap_err());
    assert!(matches!(error, Error::WrongSecret { kind: SecretKind::Pin, .. }), "{error:?}");
    assert_eq!(status(&mut *token).tries, claims.counter.after(1));
    pins(&mut *token).verify(&secret(desk.has().pin)).unwrap();
}

fn a_blocked_pin_is_unblocked_by_the_puk(desk: &Desk<'_>) {
    let Some(claims) = desk.pins() else { return };
    if claims.counter.blocks() {
        desk.wear_down(&mut *desk.open_to_the_last(), 0);
    }
    let mut token = desk.open();
    let (puk, new) = (secret(desk.has().puk), secret(desk.has().new_pin));
    desk.spending(1, || pins(&mut *desk.open()).unblock(&puk, &new).unwrap());
    assert_eq!(status(&mut *token).tries, claims.counter.after(0));
    pins(&mut *desk.open()).verify(&new).unwrap();
}

fn a_wrong_puk_is_counted_and_never_shown_again(desk: &Desk<'_>) {
    let Some(claims) = desk.pins() else { return };
    let mut token = desk.open();
    let (wrong, new) = (secret("40000001"), secret(desk.has().new_pin));
    let unblocker = pins(&mut *token).unblocker();
    let error = desk.spending(1, || pins(&mut *token).unblock(&wrong, &new).unwrap_err());
    assert!(matches!(error, Error::WrongSecret { kind, .. } if kind == unblocker), "{error:?}");
    let error = desk.spending(0, || pins(&mut *desk.open()).unblock(&wrong, &new).unwrap_err());
    assert!(matches!(error, Error::FailedBefore { kind, .. } if kind == unblocker), "{error:?}");
    let told = pins(&mut *token).puk_status().unwrap();
    assert_eq!(told.map(|puk| puk.tries), claims.tells_puk.then(|| claims.counter.after(1)));
    // The PIN is none the worse for it, and what was wrong for a PUK may be right for a PIN.
    assert_eq!(status(&mut *token).tries, claims.counter.after(0));
    pins(&mut *token).verify(&secret(desk.has().pin)).unwrap();
}

fn a_puk_is_changed_and_the_old_one_is_wrong(desk: &Desk<'_>) {
    let (Some(_), Some(_)) = (desk.pins(), &desk.claims.administration) else { return };
    let mut token = desk.open();
    let has = desk.has();
    let unblocker = pins(&mut *token).unblocker();
    let administration = token.administration().unwrap();
    desk.spending(1, || {
        administration.change_puk(&secret(has.puk), &secret(has.new_puk)).unwrap();
    });
    let error = pins(&mut *token).unblock(&secret(has.puk), &secret(has.new_pin)).unwrap_err();
    assert!(matches!(error, Error::WrongSecret { kind, .. } if kind == unblocker), "{error:?}");
    pins(&mut *token).unblock(&secret(has.new_puk), &secret(has.new_pin)).unwrap();
    pins(&mut *token).verify(&secret(has.new_pin)).unwrap();
}
