//! What is put into escrow can be found and read a year later, with the plain `age` alone.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use custody::age::Recipient;
use custody::{Deposit, Escrow, EscrowFolder, Fate, Receipt};
use signer_core::{FixedClock, Secret, SecretKind};

/// 2026-11-22T10:45:00Z.
const NOW: Duration = Duration::from_secs(1_795_344_300);

/// Somebody of the security team: a file with an identity, and its recipient.
struct Member {
    identity: PathBuf,
    recipient: Recipient,
}

impl Member {
    fn new(folder: &Path, name: &str) -> Self {
        let identity = folder.join(name);
        run(Command::new("age-keygen").arg("-o").arg(&identity));
        let recipient = run(Command::new("age-keygen").arg("-y").arg(&identity));
        Self { identity, recipient: recipient.trim().parse().unwrap() }
    }

    /// What `age -d` says to a file.
    fn read(&self, file: &Path) -> Result<String, String> {
        let output = Command::new("age")
            .args(["-d", "-i"])
            .arg(&self.identity)
            .arg(file)
            .stdin(Stdio::null())
            .output()
            .expect("the program age is needed: apt-get install age");
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).unwrap()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the program age is needed: apt-get install age");
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn deposit<'a>(kind: SecretKind, secret: &'a Secret) -> Deposit<'a> {
    Deposit { token: "YubiKey 5 NFC 16021234", serial: Some("16021234"), kind, secret }
}

fn puk(escrow: &EscrowFolder, text: &str) -> Receipt {
    let secret = Secret::new(text.as_bytes().to_vec());
    escrow.deposit(&deposit(SecretKind::NewPuk, &secret)).unwrap()
}

fn at_noon(escrow: EscrowFolder) -> EscrowFolder {
    escrow.with_clock(Arc::new(FixedClock(UNIX_EPOCH + NOW))).by("maria", "line-3")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_recipient_reads_a_deposit_with_plain_age_and_nobody_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second, stranger] = ["a", "b", "c"].map(|name| Member::new(folder.path(), name));
    let recipients = vec![first.recipient, second.recipient];
    let escrow = at_noon(EscrowFolder::new(folder.path().join("escrow"), recipients));
    assert!(escrow.is_encrypted());
    let Receipt(place) = puk(&escrow, "93715024");
    let file = PathBuf::from(place);
    for member in [&first, &second] {
        assert_eq!(
            member.read(&file).unwrap(),
            "# A secret of a token, kept by touchmark before the token was given it.\n\
             format = \"touchmark escrow 1\"\n\
             token = \"YubiKey 5 NFC 16021234\"\n\
             serial = \"16021234\"\n\
             time = \"2026-11-22T10:45:00Z\"\n\
             operator = \"maria\"\n\
             station = \"line-3\"\n\
             secret = \"puk\"\n\
             value = \"93715024\"\n"
        );
    }
    assert!(stranger.read(&file).unwrap_err().contains("no identity matched"));
    let kept = fs::read_to_string(&file).unwrap();
    assert!(kept.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"), "{kept}");
    assert!(!kept.contains("93715024"));
}

#[test]
fn age_reads_secrets_of_every_length_for_many_recipients() {
    let folder = tempfile::tempdir().unwrap();
    let member = Member::new(folder.path(), "a");
    let other: Recipient =
        "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".parse().unwrap();
    for (length, others) in [(1, 0), (8, 1), (63, 2), (64, 3), (1024, 20), (20_000, 1)] {
        let mut recipients = vec![other; others];
        recipients.push(member.recipient);
        let escrow = at_noon(EscrowFolder::new(folder.path().join("escrow"), recipients));
        let secret = Secret::new(vec![b'7'; length]);
        let kind = SecretKind::NewManagementKey;
        let Receipt(place) = escrow.deposit(&deposit(kind, &secret)).unwrap();
        let text = member.read(Path::new(&place)).unwrap();
        let value = text.lines().last().unwrap();
        assert_eq!(value, format!("value = \"{}\"", "7".repeat(length)), "{length} octets");
    }
}

#[test]
fn a_changed_file_is_seen_by_age() {
    let folder = tempfile::tempdir().unwrap();
    let member = Member::new(folder.path(), "a");
    let escrow = at_noon(EscrowFolder::new(folder.path().join("escrow"), vec![member.recipient]));
    let Receipt(place) = puk(&escrow, "93715024");
    let whole = fs::read_to_string(&place).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    for cut in 1..lines.len() - 1 {
        let mut damaged = lines.clone();
        damaged.remove(cut);
        fs::write(&place, damaged.join("\n")).unwrap();
        assert!(member.read(Path::new(&place)).is_err(), "without line {cut}");
    }
}

#[test]
fn names_sort_by_token_then_secret_then_time_and_tell_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let member = Member::new(folder.path(), "a");
    let path = folder.path().join("escrow");
    let escrow = at_noon(EscrowFolder::new(&path, vec![member.recipient]));
    let first = puk(&escrow, "11111111");
    assert_eq!(names(&path), ["16021234.puk.20261122T104500Z.pending.toml.age"]);
    // In the same second: nothing is overwritten.
    let second = puk(&escrow, "22222222");
    let third = puk(&escrow, "33333333");
    let first = escrow.settle(&first, Fate::Taken).unwrap();
    let second = escrow.settle(&second, Fate::Refused).unwrap();
    assert_eq!(
        names(&path),
        [
            "16021234.puk.20261122T104500Z-2.unused.toml.age",
            "16021234.puk.20261122T104500Z.pending-3.toml.age",
            "16021234.puk.20261122T104500Z.toml.age",
        ]
    );
    for (receipt, value) in [(&first, "11111111"), (&second, "22222222"), (&third, "33333333")] {
        let text = member.read(Path::new(&receipt.0)).unwrap();
        assert!(text.ends_with(&format!("value = \"{value}\"\n")), "{text}");
    }
    assert!(escrow.settle(&first, Fate::Taken).is_err(), "it is settled already");
}

#[test]
fn a_token_cannot_choose_a_path_with_its_serial_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("escrow");
    let escrow = at_noon(EscrowFolder::new(&path, Vec::new()));
    let secret = Secret::new(b"12345678".to_vec());
    for serial in [Some("../../etc/x"), Some(""), None] {
        let kind = SecretKind::NewPin;
        escrow.deposit(&Deposit { token: "a/../b", serial, kind, secret: &secret }).unwrap();
    }
    assert_eq!(
        names(&path),
        [
            "______etc_x.pin.20261122T104500Z.pending.toml",
            "a____b.pin.20261122T104500Z.pending.toml",
            "unnamed.pin.20261122T104500Z.pending.toml",
        ]
    );
    assert_eq!(names(folder.path()), ["escrow"]);
}

#[cfg(unix)]
#[test]
fn without_recipients_the_file_is_plain_and_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("escrow");
    let escrow = at_noon(EscrowFolder::new(&path, Vec::new()));
    assert!(!escrow.is_encrypted());
    let Receipt(place) = puk(&escrow, "93715024");
    assert!(fs::read_to_string(&place).unwrap().ends_with("value = \"93715024\"\n"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(Path::new(&place))), (0o700, 0o600));
    // A folder in which others can put another file in its place is not for plain ones.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o770)).unwrap();
    let secret = Secret::new(b"12345678".to_vec());
    let error = escrow.deposit(&deposit(SecretKind::NewPuk, &secret)).unwrap_err();
    assert!(error.to_string().contains("can be written by others"), "{error}");
}

#[test]
fn what_cannot_be_kept_is_an_error_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("escrow");
    fs::write(&blocked, b"").unwrap();
    let secret = Secret::new(b"12345678".to_vec());
    let deposit = deposit(SecretKind::NewPuk, &secret);
    assert!(EscrowFolder::new(&blocked, Vec::new()).deposit(&deposit).is_err());

    let path = folder.path().join("other");
    let not_text = Secret::new(vec![0xff; 8]);
    let deposit = Deposit { secret: &not_text, ..deposit };
    assert!(EscrowFolder::new(&path, Vec::new()).deposit(&deposit).is_err());
    assert_eq!(names(&path), [""; 0]);
}
