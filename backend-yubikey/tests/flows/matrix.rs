//! Every command of every act, with the link cut before it, cut after it, and answered by nothing.

use std::collections::BTreeSet;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use backend_yubikey::{YubiKeyBackend, YubiKeyToken};
use signer_core::{
    Administration, CertStore, Error, KeyManager, KeyPolicy, KeyRef, KeySpec,
    ManagementKeyAlgorithm, ManagementKeyProtection, NewManagementKey, PinManager, Result, Retries,
    Secret, Token, TouchPolicy, WhenKeysDiffer,
};

use super::Rig;
use super::script::{Cut, MANAGEMENT_KEY};

type Act = fn(&mut YubiKeyToken) -> Result<()>;

const ACTS: [(&str, Act); 14] = [
    ("sign", |token| token.signer(&slot("9c"), None)?.sign(b"message").map(drop)),
    ("list keys", |token| token.keys().map(drop)),
    ("pin status", |token| token.pin_status().map(drop)),
    ("pin verify", |token| token.verify(&secret("123456"))),
    ("pin change", |token| token.change(&secret("123456"), &secret("867530"))),
    ("pin unblock", |token| token.unblock(&secret("12345678"), &secret("867530"))),
    ("puk change", |token| token.change_puk(&secret("12345678"), &secret("31415926"))),
    ("set retries", |token| token.set_retries(Retries { pin: 5, puk: 5 })),
    ("generate", |token| {
        token.generate(&slot("82"), KeySpec::P256, KeyPolicy::default()).map(drop)
    }),
    ("import", |token| {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let pkcs8 = Secret::new(pair.to_pkcs8v1().unwrap().as_ref().to_vec());
        token.import(&slot("82"), &pkcs8, KeyPolicy::default()).map(drop)
    }),
    ("move", |token| token.relocate(&slot("9c"), &slot("82"))),
    ("store certificate", |token| {
        let der = include_bytes!("../attestations/factory-5.4.3-9a.pem");
        let (_, der) = pem_rfc7468::decode_vec(der).unwrap();
        token.write(&slot("9c"), &der, WhenKeysDiffer::Store)
    }),
    ("management key change", |token| {
        let key = secret(MANAGEMENT_KEY);
        token.set_management_key(&NewManagementKey {
            key: &key,
            algorithm: ManagementKeyAlgorithm::Aes192,
            touch: TouchPolicy::Never,
            protection: ManagementKeyProtection::Pin,
        })
    }),
    ("reset", Administration::reset),
];

/// What presents a secret that somebody gave, and so may cost a try.
const PRESENTING: [&str; 4] = ["verify", "change-80", "change-81", "unblock"];

fn slot(name: &str) -> KeyRef {
    KeyRef::Slot(name.into())
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn run(rig: &Rig, act: Act) -> Result<()> {
    let backend = YubiKeyBackend::new(std::sync::Arc::new(rig.readers.clone()));
    act(&mut backend.open_token(&"yubikey:serial=16021234".parse()?, &rig.context)?)
}

#[test]
fn no_cut_costs_more_than_one_try_or_leaves_anything_verified_behind_a_transaction_that_ended() {
    for (name, act) in ACTS {
        let whole = Rig::new([5, 7, 1]);
        run(&whole, act).unwrap();
        let commands = whole.card.state().commands.len();
        for at in 0..commands {
            for cut in [Cut::Before, Cut::After, Cut::NoOctets] {
                let rig = Rig::new([5, 7, 1]);
                rig.card.state().cuts.insert(at, cut);
                let outcome = run(&rig, act);
                let where_ = format!("{name}, command {at} {cut:?}: {outcome:?}");
                if let Err(error) = &outcome {
                    // A cut is never taken for a wrong secret, nor for a token that cannot do it.
                    assert!(
                        matches!(error, Error::Device { .. } | Error::NotFound { .. }),
                        "{where_}"
                    );
                }
                if name != "reset" {
                    for word in PRESENTING {
                        assert!(rig.card.count(word) <= 1, "{word} twice: {where_}");
                    }
                }
                let log = rig.card.state().log.clone();
                // One that was lost with its connection cannot be ended.
                let lost = log.iter().filter(|word| *word == "reconnect").count();
                let begun = log.iter().filter(|word| *word == "(").count();
                let ended = log.iter().filter(|word| word.ends_with(')')).count();
                assert!(begun - lost <= ended && ended <= begun, "{where_}: {log:?}");
                let last = log.iter().rposition(|word| word == "verify" || word == "prove");
                if let Some(last) = last
                    && name != "reset"
                {
                    let after: BTreeSet<&str> = log[last..].iter().map(String::as_str).collect();
                    let clean = ["other", "otp", "reset)"].iter().any(|word| after.contains(word));
                    assert!(clean, "nothing was done to leave it clean: {where_}");
                }
            }
        }
    }
}

#[test]
fn another_card_after_a_cut_gets_no_secret() {
    for (name, act) in ACTS {
        let rig = Rig::new([5, 7, 1]);
        let mut token = rig.opened();
        rig.card.state().serial = 7;
        rig.card.state().begins.push_back(backend_yubikey::transport::TransportError::Removed);
        let error = act(&mut token).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{name}: {error}");
        for word in PRESENTING.iter().chain(&["prove"]) {
            assert_eq!(rig.card.count(word), 0, "{name}: {word}");
        }
    }
}
