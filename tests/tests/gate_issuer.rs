//! The policy gate against issuers and clocks: what it refuses before it looks at any request.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops where it fails")]

use std::time::{Duration, SystemTime};

use issuer::gate::{Rule, build_date};
use issuer::issue::{IssueError, Terms, issue};
use issuer::profile::{NotAfter, Profile};
use ledger::{Event, OpenOptions};
use signer_core::{Clock, FixedClock};
use touchmark_tests::judgement::refused;
use touchmark_tests::line::{DAK_EXTENSIONS, Line, Setup, count, entries, request};

const DAY: Duration = Duration::from_secs(86_400);

fn refused_here(line: &Line, rule: Rule) -> String {
    let csr = line.csr("device");
    refused(line, &line.terms(), &mut line.ledger(), csr.der(), rule)
}

#[test]
fn issuers_that_are_no_ca_are_refused() {
    for (extensions, shown) in [
        (
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyCertSign\n",
            "CA:FALSE",
        ),
        ("keyUsage=critical,digitalSignature,keyCertSign\n", "basicConstraints"),
        (
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature,cRLSign\n",
            "keyCertSign",
        ),
        ("basicConstraints=critical,CA:TRUE\n", "keyUsage"),
        (
            "basicConstraints=critical,DER:30030101\nkeyUsage=critical,keyCertSign\n",
            "basicConstraints",
        ),
    ] {
        let line = Line::with(&Setup { extensions: extensions.into(), ..Setup::default() });
        let reason = refused_here(&line, Rule::IssuerNotCa);
        assert!(reason.contains(shown), "{extensions}: {reason}");
    }
}

#[test]
fn an_issuer_certificate_for_another_key_is_refused() {
    let (line, other) = (Line::new(), Line::new());
    let issuer = line.issuer_of(&other.read("dak.pem"));
    let terms = Terms { issuer: &issuer, ..line.terms() };
    let csr = line.csr("device");
    let _ = refused(&line, &terms, &mut line.ledger(), csr.der(), Rule::IssuerMismatch);
}

#[test]
fn chain_files_whose_links_do_not_hold_are_refused() {
    let line = Line::with(&Setup { chain: true, ..Setup::default() });
    let stranger = Line::with(&Setup { chain: true, ..Setup::default() });
    let read = |name: &str| line.read(name);
    let (own, product, root) = (read("own.pem"), read("product.pem"), read("root.pem"));
    let manufacturer = read("manufacturer.pem");
    let csr = line.csr("device");
    for (name, file) in [
        ("a link is missing", [&own, &manufacturer, &root].map(String::as_str).concat()),
        (
            "two links are swapped",
            [&own, &manufacturer, &product, &root].map(String::as_str).concat(),
        ),
        ("the same names, another maker", own.clone() + &stranger.read("product.pem")),
        ("the same one twice", own.clone() + &own),
        (
            "a stranger's root",
            [&own, &product, &manufacturer].map(String::as_str).concat()
                + &stranger.read("root.pem"),
        ),
        ("something after the root", read("dak.pem") + &product),
    ] {
        let issuer = line.issuer_of(&file);
        let terms = Terms { issuer: &issuer, ..line.terms() };
        let reason = refused(&line, &terms, &mut line.ledger(), csr.der(), Rule::Chain);
        assert!(reason.contains("issuer's file"), "{name}: {reason}");
    }
    // One bit of the signature over the product's certificate.
    let blocks = issuer::pem::read_all(product.as_bytes(), issuer::pem::Kind::Certificate, 1 << 20);
    let mut der = blocks.unwrap().remove(0).der;
    *der.last_mut().unwrap() ^= 1;
    let broken = issuer::pem::encode(issuer::pem::Kind::Certificate, &der);
    let issuer = line.issuer_of(&[own, broken, manufacturer, root].concat());
    let terms = Terms { issuer: &issuer, ..line.terms() };
    let _ = refused(&line, &terms, &mut line.ledger(), csr.der(), Rule::Chain);
}

#[test]
fn a_certificate_of_a_ca_below_path_length_0_is_refused() {
    let line = Line::new();
    let extensions = line.extensions_of("[ext]\nbasicConstraints=critical,CA:TRUE\n");
    let terms = Terms { extensions: &extensions, ..line.terms() };
    let csr = line.csr("device");
    let _ = refused(&line, &terms, &mut line.ledger(), csr.der(), Rule::PathLength);
    // Where the issuer may have a CA below it, the operator's file is obeyed.
    let free = Setup { extensions: DAK_EXTENSIONS.replace(",pathlen:0", ""), ..Setup::default() };
    let line = Line::with(&free);
    let ca = "[ext]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
    let extensions = line.extensions_of(ca);
    let terms = Terms { extensions: &extensions, ..line.terms() };
    let release = issue(&terms, request(&line.csr("ca")), &mut line.ledger()).unwrap();
    line.judge("ca", &release.certificate);
}

#[test]
fn more_days_than_the_profile_allows_are_refused() {
    let line = Line::new();
    let csr = line.csr("device");
    for days in [7306, u32::MAX] {
        let terms = Terms { days, outlive_issuer: Some("any"), ..line.terms() };
        let reason = refused(&line, &terms, &mut line.ledger(), csr.der(), Rule::Days);
        assert!(reason.contains("7305"), "{reason}");
    }
}

#[test]
fn days_that_no_certificate_can_say_are_refused_under_any_profile() {
    let line = Line::new();
    let csr = line.csr("device");
    let profile = Profile { max_days: None, ..line.profile.clone() };
    for days in [0, 3_000_000, u32::MAX] {
        let terms = Terms { days, profile: &profile, outlive_issuer: Some("any"), ..line.terms() };
        let _ = refused(&line, &terms, &mut line.ledger(), csr.der(), Rule::Days);
    }
}

#[test]
fn a_certificate_that_would_outlive_its_issuer_is_refused_clamped_or_said_aloud() {
    let line = Line::with(&Setup { days: 30, ..Setup::default() });
    let csr = line.csr("device");
    let mut ledger = line.ledger();
    let reason = refused(&line, &line.terms(), &mut ledger, csr.der(), Rule::NotAfter);
    assert!(reason.contains("its issuer until"), "{reason}");

    let profile = Profile { not_after: NotAfter::Clamp, ..line.profile.clone() };
    let clamped = Terms { profile: &profile, ..line.terms() };
    let release = issue(&clamped, request(&csr), &mut ledger).unwrap();
    line.judge("clamped", &release.certificate);
    let own = line.issuer.certificate().x509().tbs_certificate().validity().not_after;
    assert_eq!(not_after(&release.certificate), own.to_system_time());

    let aloud = Terms {
        outlive_issuer: Some("aged DAK"),
        reissue: Some("as the vendor does"),
        ..line.terms()
    };
    let release = issue(&aloud, request(&csr), &mut ledger).unwrap();
    assert!(not_after(&release.certificate) > own.to_system_time() + 1000 * DAY);
    let noted = entries(&ledger).iter().any(|entry| {
        matches!(&entry.event, Event::Intent(open) if open.intent.details["outlive-issuer"] == "aged DAK")
    });
    assert!(noted, "the reason is in the ledger");
}

#[test]
fn a_clock_before_the_build_is_refused_unless_accepted() {
    let line = Line::new();
    clock_case(&line, build_date() - Duration::from_secs(1), "built");
}

#[test]
fn a_clock_after_the_issuers_end_is_refused_and_accepting_it_makes_no_backward_validity() {
    let line = Line::with(&Setup { days: 30, ..Setup::default() });
    let late = SystemTime::now() + 31 * DAY;
    let csr = line.csr("device");
    let clock = FixedClock(late);
    let terms = Terms { clock: &clock, ..line.terms() };
    let mut ledger = line.ledger_at(late);
    let reason = refused(&line, &terms, &mut ledger, csr.der(), Rule::Clock);
    assert!(reason.contains("expired"), "{reason}");
    let profile = Profile { not_after: NotAfter::Clamp, ..line.profile.clone() };
    for profile in [&line.profile, &profile] {
        let accepted = Terms { accept_clock: Some("dead battery"), profile, ..terms.clone() };
        let _ = refused(&line, &accepted, &mut ledger, csr.der(), Rule::NotAfter);
    }
}

#[test]
fn a_clock_before_the_issuers_start_is_refused_unless_accepted() {
    // The DAK was made after this program was built, so there is a time between the two.
    let line = Line::new();
    let start = line.issuer.youngest();
    let early = start - Duration::from_secs(1);
    assert!(early >= build_date(), "the program was built after its test started");
    clock_case(&line, early, "valid from");
}

#[test]
fn a_clock_behind_the_ledger_is_refused_unless_accepted() {
    let line = Line::new();
    let csr = line.csr("device");
    let now = SystemTime::now();
    let future = now + 10 * DAY;
    let first = issue(
        &Terms { clock: &FixedClock(future), ..line.terms() },
        request(&line.csr("first")),
        &mut line.ledger_at(future),
    );
    first.unwrap();
    let behind = future - Duration::from_secs(6 * 60);
    let clock = FixedClock(behind);
    let terms = Terms { clock: &clock, ..line.terms() };
    let mut ledger = line.ledger_at(behind);
    let reason = refused(&line, &terms, &mut ledger, csr.der(), Rule::Clock);
    assert!(reason.contains("behind"), "{reason}");
    drop(ledger);

    let mut options = OpenOptions::new("operator", "bench");
    options.clock = std::sync::Arc::new(move || behind);
    options.accept_clock = Some("dead battery".into());
    let mut ledger = line.ledger_with(options);
    let accepted = Terms { accept_clock: Some("dead battery"), ..terms };
    issue(&accepted, request(&csr), &mut ledger).unwrap();
    let noted = entries(&ledger).into_iter().filter_map(|entry| entry.clock?.accepted).count();
    assert_eq!(noted, 1, "the first entry by the new clock says that it was accepted");
    assert!(ledger.verify().unwrap().is_sound());

    // Four minutes are nothing.
    let line = Line::new();
    issue(
        &Terms { clock: &FixedClock(future), ..line.terms() },
        request(&line.csr("first")),
        &mut line.ledger_at(future),
    )
    .unwrap();
    let near = FixedClock(future - Duration::from_secs(4 * 60));
    let terms = Terms { clock: &near, ..line.terms() };
    issue(&terms, request(&line.csr("next")), &mut line.ledger_at(near.now())).unwrap();
}

/// Refused at a moment, with a word in the reason; issued and noted when accepted.
fn clock_case(line: &Line, moment: SystemTime, shown: &str) {
    let csr = line.csr("device");
    let clock = FixedClock(moment);
    let terms = Terms { clock: &clock, ..line.terms() };
    let mut ledger = line.ledger_at(moment);
    let reason = refused(line, &terms, &mut ledger, csr.der(), Rule::Clock);
    assert!(reason.contains(shown), "{reason}");
    let accepted = Terms { accept_clock: Some("dead battery"), ..terms };
    let outcome = issue(&accepted, request(&csr), &mut ledger);
    assert!(!matches!(outcome, Err(IssueError::Refused(_))), "{outcome:?}");
    outcome.unwrap();
    assert_eq!(count(&ledger, "issued"), 1);
    let noted = entries(&ledger).iter().any(|entry| {
        matches!(&entry.event, Event::Intent(open) if open.intent.details["accept-clock"] == "dead battery")
    });
    assert!(noted, "the reason is in the ledger");
}

fn not_after(certificate: &[u8]) -> SystemTime {
    let parsed = issuer::certificate::ParsedCertificate::from_der(certificate).unwrap();
    parsed.x509().tbs_certificate().validity().not_after.to_system_time()
}
