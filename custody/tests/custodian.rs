//! A new PUK on its way: kept first, then told to the token, then noted, whatever the token says.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use custody::{Custodian, Error, EscrowFolder};
use ledger::{EntryFilter, Event, Ledger, Location, OpenOptions};
use signer_core::{
    Administration, Contents, Error as SignerError, KeyInfo, KeyRef, Locator,
    ManagementKeyAlgorithm, ManagementKeyInfo, NewManagementKey, OpenContext, PinGuard, PinManager,
    PinStatus, Result, Retries, Secret, SecretKind, SecretRules, SecretSpec, Secrets,
    SignatureAlgorithm, Signer, Token, TokenInfo, TouchPolicy, Tries,
};

const RULES: SecretRules =
    SecretRules { min_length: 8, max_length: 8, alphabet: SecretRules::DIGITS };

/// What the token says to a new PUK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Takes,
    WrongPuk,
    LinkLost,
}

/// The new PUKs that the token was told, each with the files that held it at that moment.
type Told = Vec<(String, Vec<String>)>;

/// A token of which only the PUK works, and what it saw when it was told a new one.
#[derive(Debug)]
struct Card {
    info: TokenInfo,
    answer: Answer,
    escrow: PathBuf,
    saw: Arc<Mutex<Told>>,
}

impl Token for Card {
    fn info(&self) -> &TokenInfo {
        &self.info
    }

    fn keys(&mut self) -> Result<Vec<KeyInfo>> {
        Ok(Vec::new())
    }

    fn signer(
        &mut self,
        key: &KeyRef,
        _algorithm: Option<SignatureAlgorithm>,
    ) -> Result<Arc<dyn Signer>> {
        Err(SignerError::NotFound { what: key.to_string() })
    }

    fn pin_manager(&mut self) -> Option<&mut dyn PinManager> {
        Some(self)
    }

    fn administration(&mut self) -> Option<&mut dyn Administration> {
        Some(self)
    }
}

impl PinManager for Card {
    fn rules(&self) -> SecretRules {
        RULES
    }

    fn pin_status(&mut self) -> Result<PinStatus> {
        Ok(PinStatus { tries: Tries::Left(3), total: Some(3), is_default: Some(false) })
    }

    fn puk_status(&mut self) -> Result<Option<PinStatus>> {
        self.pin_status().map(Some)
    }

    fn verify(&mut self, _pin: &Secret) -> Result<()> {
        Err(unsupported())
    }

    fn change(&mut self, _pin: &Secret, _new_pin: &Secret) -> Result<()> {
        Err(unsupported())
    }

    fn unblock(&mut self, _puk: &Secret, _new_pin: &Secret) -> Result<()> {
        Err(unsupported())
    }
}

impl Administration for Card {
    fn puk_rules(&self) -> SecretRules {
        RULES
    }

    fn change_puk(&mut self, _puk: &Secret, new_puk: &Secret) -> Result<()> {
        let new_puk = String::from_utf8(new_puk.expose().to_vec()).unwrap();
        let kept = names(&self.escrow)
            .into_iter()
            .filter(|name| {
                let text = fs::read_to_string(self.escrow.join(name)).unwrap();
                text.contains(&format!("value = \"{new_puk}\""))
            })
            .collect();
        self.saw.lock().unwrap().push((new_puk, kept));
        match self.answer {
            Answer::Takes => Ok(()),
            Answer::WrongPuk => Err(SignerError::WrongSecret {
                kind: SecretKind::Puk,
                token: self.info.name.clone(),
                tries: Tries::Left(2),
            }),
            Answer::LinkLost => Err(SignerError::Device {
                doing: "CHANGE REFERENCE DATA".into(),
                source: "the link is lost".into(),
            }),
        }
    }

    fn verify_for_retries(&mut self) -> Result<()> {
        Err(unsupported())
    }

    fn set_retries(&mut self, _retries: Retries) -> Result<()> {
        Err(unsupported())
    }

    fn replace_factory_secrets(&mut self, _new_pin: &Secret, _new_puk: &Secret) -> Result<()> {
        Err(unsupported())
    }

    fn management_key(&mut self) -> Result<ManagementKeyInfo> {
        Err(unsupported())
    }

    fn check_management_key(
        &self,
        _algorithm: ManagementKeyAlgorithm,
        _touch: TouchPolicy,
    ) -> Result<()> {
        Err(unsupported())
    }

    fn verify_management_key(&mut self) -> Result<()> {
        Err(unsupported())
    }

    fn set_management_key(&mut self, _new: &NewManagementKey<'_>) -> Result<()> {
        Err(unsupported())
    }

    fn contents(&mut self, _what: Contents) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn check_reset(&self) -> Result<()> {
        Err(unsupported())
    }

    fn reset(&mut self) -> Result<()> {
        Err(unsupported())
    }
}

fn unsupported() -> SignerError {
    SignerError::Unsupported { operation: "this".into(), needs: "another token".into() }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// One change to a random PUK.
struct Change {
    outcome: custody::Result<()>,
    saw: Told,
    /// The files of the escrow afterwards.
    files: Vec<String>,
    /// What the ledger says of it.
    details: serde_json::Value,
    ledger: Vec<u8>,
}

fn change_puk(answer: Answer) -> Change {
    let folder = tempfile::tempdir().unwrap();
    let escrow_folder = folder.path().join("escrow");
    let saw = Arc::default();
    let card = Card {
        info: TokenInfo {
            locator: "yubikey:serial=16021234".parse::<Locator>().unwrap(),
            name: "YubiKey 16021234".into(),
            model: "YubiKey 5 NFC".into(),
            serial: Some("16021234".into()),
            version: Some("5.7.1".into()),
            counts_tries: true,
        },
        answer,
        escrow: escrow_folder.clone(),
        saw: Arc::clone(&saw),
    };
    let old = folder.path().join("puk.txt");
    fs::write(&old, "12345678").unwrap();
    let secrets = Secrets::new()
        .with(SecretKind::Puk, SecretSpec::File(old.to_str().unwrap().into()))
        .with(SecretKind::NewPuk, SecretSpec::Random);
    let guard = PinGuard::new().in_folder(folder.path().join("pin-guard"));
    let with = OpenContext { secrets, guard, ..OpenContext::default() };
    let location: Location =
        format!("sqlite:{}", folder.path().join("ledger.db").display()).parse().unwrap();
    let mut ledger = Ledger::open(&location, OpenOptions::new("maria", "line-3")).unwrap();
    let escrow = EscrowFolder::new(&escrow_folder, Vec::new());

    let mut custodian = Custodian::new(Box::new(card), &with, Some(&mut ledger), Some(&escrow));
    let outcome = custodian.change_puk();

    let mut entries = ledger.entries(EntryFilter::default());
    let details = entries
        .find_map(|entry| match entry.unwrap().event {
            Event::Act(act) if act.name == "puk.change" => Some(act.details),
            _ => None,
        })
        .expect("the act is in the ledger");
    drop(entries);
    let mut export = Vec::new();
    ledger.export(&mut export).unwrap();
    let saw = saw.lock().unwrap().clone();
    Change { outcome, saw, files: names(&escrow_folder), details, ledger: export }
}

#[test]
fn a_random_puk_is_kept_before_the_token_is_told_and_never_in_the_ledger() {
    for answer in [Answer::Takes, Answer::WrongPuk, Answer::LinkLost] {
        let change = change_puk(answer);
        let [(puk, kept)] = change.saw.as_slice() else { unreachable!("told once") };
        assert_eq!(kept.len(), 1, "{answer:?}");
        assert!(kept.iter().all(|name| name.contains(".pending.")), "{kept:?}");
        let ledger = String::from_utf8(change.ledger).unwrap();
        for secret in [puk.as_str(), "12345678"] {
            assert!(!ledger.contains(secret), "{answer:?}");
        }
    }
}

#[test]
fn the_name_of_the_file_tells_whether_the_token_has_the_puk() {
    for (answer, ending) in [
        (Answer::Takes, "Z.toml"),
        (Answer::WrongPuk, "Z.unused.toml"),
        (Answer::LinkLost, "Z.pending.toml"),
    ] {
        let change = change_puk(answer);
        assert_eq!(change.outcome.is_ok(), answer == Answer::Takes);
        assert!(matches!(change.files.as_slice(), [name] if name.ends_with(ending)));
        let told = change.details.pointer("/escrow/0").unwrap().as_str().unwrap();
        assert!(told.ends_with(change.files.first().unwrap()), "{told}");
    }
}

#[test]
fn a_random_secret_without_an_escrow_is_refused_before_the_token_is_told() {
    let secrets = Secrets::new().with(SecretKind::NewPuk, SecretSpec::Random);
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("puk.txt");
    fs::write(&old, "12345678").unwrap();
    let secrets = secrets.with(SecretKind::Puk, SecretSpec::File(old.to_str().unwrap().into()));
    let with = OpenContext {
        secrets,
        guard: PinGuard::new().in_folder(folder.path().join("pin-guard")),
        ..OpenContext::default()
    };
    let saw = Arc::default();
    let card = Card {
        info: TokenInfo {
            locator: "yubikey:serial=1".parse().unwrap(),
            name: "YubiKey 1".into(),
            model: "YubiKey".into(),
            serial: Some("1".into()),
            version: None,
            counts_tries: true,
        },
        answer: Answer::Takes,
        escrow: folder.path().join("escrow"),
        saw: Arc::clone(&saw),
    };
    let outcome = Custodian::new(Box::new(card), &with, None, None).change_puk();
    assert!(matches!(outcome, Err(Error::NoEscrow { kind: SecretKind::NewPuk })));
    assert!(saw.lock().unwrap().is_empty());
}
