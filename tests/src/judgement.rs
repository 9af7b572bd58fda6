//! What a refusal must be: named, on record once, without a signature and without a file.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use issuer::csr::Csr;
use issuer::gate::{Refusal, Rule};
use issuer::issue::{IssueError, Terms, issue};
use ledger::{Event, Ledger};

use crate::line::{Line, entries, request};

/// Asks for one request, singly and as a batch of one, and demands a refusal by `rule` from both.
/// Returns the reason of the single one.
///
/// # Panics
/// When anything is not as it must be.
pub fn refused(
    line: &Line,
    terms: &Terms<'_>,
    ledger: &mut Ledger,
    csr: &[u8],
    rule: Rule,
) -> String {
    let parsed = Csr::read(csr).unwrap_or_else(|error| panic!("no request: {error}"));
    let single =
        watched(line, ledger, rule, |ledger| match issue(terms, request(&parsed), ledger) {
            Err(IssueError::Refused(refusal)) => refusal,
            other => panic!("expected a refusal by {rule}, got {other:?}"),
        });
    let folder = line.path("csrs");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("one.csr");
    std::fs::write(&file, csr).unwrap();
    watched(line, ledger, rule, |ledger| {
        let mut issued = Vec::new();
        let mut reasons = Vec::new();
        let outcome = line.batch_with(terms, ledger, &mut issued, &mut reasons);
        assert!(issued.is_empty(), "issued for {issued:?}");
        match (outcome, reasons.pop()) {
            // What is wrong with the run stops it; what is wrong with a request does not.
            (Err(IssueError::Refused(refusal)), None) => refusal,
            (Ok(summary), Some(refusal)) => {
                assert_eq!((summary.refused, summary.signed, summary.existing), (1, 0, 0));
                refusal
            }
            other => panic!("expected a refusal by {rule} from the batch, got {other:?}"),
        }
    });
    std::fs::remove_file(&file).unwrap();
    let left: Vec<_> = std::fs::read_dir(line.path("out")).unwrap().collect();
    assert!(left.is_empty(), "files in spite of a refusal: {left:?}");
    single.reason
}

fn watched(
    line: &Line,
    ledger: &mut Ledger,
    rule: Rule,
    ask: impl FnOnce(&mut Ledger) -> Refusal,
) -> Refusal {
    let (before, signatures) = (entries(ledger).len(), line.signer.count());
    let refusal = ask(ledger);
    assert_eq!(refusal.rule, rule, "{refusal}");
    assert!(refusal.to_string().starts_with(&format!("refused by rule {rule}: ")), "{refusal}");
    assert!(!refusal.reason.chars().any(char::is_control), "unsafe to print: {refusal:?}");
    assert_eq!(line.signer.count(), signatures, "a signature was made");
    let all = entries(ledger);
    let new: Vec<_> = all.iter().skip(before).map(|entry| (&*entry.kind, &entry.event)).collect();
    match new.as_slice() {
        [("refused", Event::Refused(entry))] => {
            assert_eq!(entry.rule, rule.to_string());
            assert_eq!(entry.reason, refusal.reason);
        }
        other => panic!("expected one refused entry, got {other:?}"),
    }
    let report = ledger.verify().unwrap();
    assert!(report.is_sound(), "{report:?}");
    refusal
}
