//! Unique, the same again, and anew: what the ledger remembers about a device.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use issuer::batch::{DeviceIds, Inputs, issue_batch};
use issuer::csr::Csr;
use issuer::gate::Rule;
use issuer::issue::{IssueError, Origin, Request, Terms, issue};
use issuer::pem::{Kind, encode};
use issuer::profile::{Attribute, Profile};
use ledger::{CertificateFilter, Event, Ledger, Life};
use touchmark_tests::forge::{Forge, oid, tag};
use touchmark_tests::judgement::refused;
use touchmark_tests::line::{DEVICE_TYPE, Line, entries, request};

const KIND: (&[u8], u8, &[u8]) = (oid::DEVICE_TYPE_ID, tag::UTF8, DEVICE_TYPE.as_bytes());

fn csr(forged: &Forge) -> Csr {
    Csr::read(&forged.der()).unwrap()
}

fn with_dsn(dsn: &str) -> Forge {
    Forge::new(DEVICE_TYPE).subject(&[(oid::DSN, tag::UTF8, dsn.as_bytes()), KIND])
}

fn alive(ledger: &Ledger, life: Life) -> usize {
    ledger.certificates(CertificateFilter { life, ..CertificateFilter::default() }).count()
}

#[test]
fn the_same_request_again_is_the_same_certificate_without_a_signature() {
    let line = Line::new();
    let csr = line.csr("device");
    let first = line.issue(&csr, &mut line.ledger());
    let (signatures, before) = (line.signer.count(), entries(&line.ledger()).len());
    for _ in 0..3 {
        // Each time as another process would: the ledger is opened anew.
        let again = line.issue(&csr, &mut line.ledger());
        assert_eq!(again.origin, Origin::Ledger);
        assert_eq!(
            (again.certificate, again.serial, again.entry),
            (first.certificate.clone(), first.serial.clone(), first.entry)
        );
    }
    assert_eq!(line.signer.count(), signatures);
    assert_eq!(entries(&line.ledger()).len(), before, "asking again leaves no trace");
}

#[test]
fn another_answer_to_the_same_key_is_a_conflict_that_names_the_entry() {
    let line = Line::new();
    let forged = with_dsn("G3A0");
    let request = csr(&forged);
    let mut ledger = line.ledger();
    let entry = line.issue(&request, &mut ledger).entry;
    let profile = Profile { max_days: Some(7000), ..line.profile.clone() };
    let extensions = line.extensions_of("[ext]\nkeyUsage=digitalSignature\n");
    for terms in [
        Terms { days: 1824, ..line.terms() },
        Terms { profile: &profile, ..line.terms() },
        Terms { extensions: &extensions, ..line.terms() },
        Terms { outlive_issuer: Some("why"), ..line.terms() },
    ] {
        let reason = refused(&line, &terms, &mut ledger, request.der(), Rule::SubjectKey);
        assert!(reason.contains(&format!("entry {entry} ")), "{reason}");
    }
    // The same key with another subject, and the same request for another device id.
    let other = forged.subject(&[(oid::DSN, tag::UTF8, b"G3A1"), KIND]);
    let _ = refused(&line, &line.terms(), &mut ledger, &other.der(), Rule::SubjectKey);
    let asked =
        Request { device_id: Some("G3A2".into()), ..touchmark_tests::line::request(&request) };
    let Err(IssueError::Refused(refusal)) = issue(&line.terms(), asked, &mut ledger) else {
        panic!("another device id for the same request");
    };
    assert_eq!(refusal.rule, Rule::SubjectKey);
}

#[test]
fn a_reissue_mints_anew_and_supersedes_what_it_replaces() {
    let line = Line::new();
    let mut ledger = line.ledger();
    let reissue = Terms { reissue: Some("board replaced"), ..line.terms() };
    // Also when nothing is there yet.
    let old = csr(&with_dsn("G3A0"));
    let first = issue(&reissue, request(&old), &mut ledger).unwrap();
    assert_eq!((first.origin, alive(&ledger, Life::Live)), (Origin::Signed, 1));
    // Always anew, also for the same request.
    let second = issue(&reissue, request(&old), &mut ledger).unwrap();
    assert_eq!(second.origin, Origin::Signed);
    assert_ne!(second.serial, first.serial);
    // A new board: another key, the same device id.
    let new = csr(&with_dsn("G3A0"));
    let _ = refused(&line, &line.terms(), &mut ledger, new.der(), Rule::DeviceId);
    let third = issue(&reissue, request(&new), &mut ledger).unwrap();
    assert_eq!((alive(&ledger, Life::Live), alive(&ledger, Life::Superseded)), (1, 2));
    let completed =
        entries(&ledger).into_iter().find(|entry| entry.sequence == third.entry).unwrap();
    assert!(matches!(completed.event, Event::Issued(done) if done.supersedes == [second.entry]));
    // The old board's request is not answered with the superseded certificate.
    let _ = refused(&line, &line.terms(), &mut ledger, old.der(), Rule::DeviceId);
    // One that stands in the way under both rules, and two that do under one each.
    let elsewhere = csr(&with_dsn("G3A9"));
    let fourth = line.issue(&elsewhere, &mut ledger);
    let asked = Request { device_id: Some("G3A0".into()), ..request(&elsewhere) };
    let fifth = issue(&reissue, asked, &mut ledger).unwrap();
    let completed =
        entries(&ledger).into_iter().find(|entry| entry.sequence == fifth.entry).unwrap();
    let Event::Issued(done) = completed.event else { panic!("no certificate") };
    assert_eq!(done.supersedes, [third.entry, fourth.entry]);
    assert!(ledger.verify().unwrap().is_sound());
    // With nothing in the way any more, both names are free for their new owners only.
    assert_eq!(line.issue(&csr(&with_dsn("G3A9")), &mut ledger).origin, Origin::Signed);
}

#[test]
fn the_device_id_is_the_operators_else_the_dsn_else_the_device_id_and_never_the_type() {
    let line = Line::new();
    let mut ledger = line.ledger();
    let dsn = (oid::DSN, tag::PRINTABLE, b"the-dsn".as_slice());
    let id = (oid::DEVICE_ID, tag::UTF8, b"the-id".as_slice());
    let mut check = |subject: &[(&[u8], u8, &[u8])], flag: Option<&str>, wanted: Option<&str>| {
        let csr = csr(&Forge::new(DEVICE_TYPE).subject(subject));
        let asked = Request { device_id: flag.map(str::to_owned), ..request(&csr) };
        let release = issue(&line.terms(), asked, &mut ledger).unwrap();
        assert_eq!(release.device_id.as_deref(), wanted);
    };
    check(&[dsn, id, KIND], Some("the-flag"), Some("the-flag"));
    check(&[id, dsn, KIND], None, Some("the-dsn"));
    check(&[id, KIND], None, Some("the-id"));
    check(&[KIND], None, None);
    // With none, only the key must be unique: the documented subject is every device's.
    check(&[KIND], None, None);
    // A profile may name another attribute.
    let named = Profile {
        device_id: Some(Attribute::try_from("DeviceId".to_owned()).unwrap()),
        ..line.profile.clone()
    };
    let terms = Terms { profile: &named, ..line.terms() };
    let both = csr(&Forge::new(DEVICE_TYPE).subject(&[
        (oid::DSN, tag::UTF8, b"other"),
        (oid::DEVICE_ID, tag::UTF8, b"chosen"),
        KIND,
    ]));
    let release = issue(&terms, request(&both), &mut ledger).unwrap();
    assert_eq!(release.device_id.as_deref(), Some("chosen"));
}

#[test]
fn a_batch_takes_device_ids_from_its_map_first() {
    let line = Line::new();
    std::fs::create_dir(line.path("csrs")).unwrap();
    for (name, dsn) in [("a", "A-dsn"), ("b", "B-dsn"), ("c", "C-dsn")] {
        let pem = encode(Kind::CertificateRequest, &with_dsn(dsn).der());
        line.write(&format!("csrs/{name}.csr"), pem);
    }
    line.write("map.csv", "file,id\na.csr,mapped\n\"b.csr\",\"B, second\"\n");
    let ids = DeviceIds::read(&line.path("map.csv")).unwrap();
    let inputs = Inputs::read(&line.path("csrs"), ids).unwrap();
    let mut ledger = line.ledger();
    issue_batch(&line.terms(), &inputs, None, &mut ledger, &mut |_| {}).unwrap();
    let all = ledger.certificates(CertificateFilter::default());
    let ids: Vec<_> = all.map(|one| one.unwrap().device_id.unwrap()).collect();
    assert_eq!(ids, ["mapped", "B, second", "C-dsn"]);
}

#[test]
fn a_map_with_a_mistake_is_refused_by_its_row() {
    let line = Line::new();
    std::fs::create_dir(line.path("csrs")).unwrap();
    for name in ["a", "b"] {
        line.write(&format!("csrs/{name}.csr"), Forge::new(DEVICE_TYPE).der());
    }
    for (map, row) in [
        ("b.csr,x\na.csr,x\n", 2),
        ("a.csr,x\na.csr,y\n", 2),
        ("a.csr\n", 1),
        ("a.csr,\n", 1),
        ("a.csr,x,y\n", 1),
        ("a.csr,\"x\ny\"\n", 1),
        ("a.csr,G3\u{202e}\n", 1),
        // Sorted by name it would be the first row.
        ("file,id\nb.csr,1\n0-not-there.csr,2\n", 3),
    ] {
        line.write("map.csv", map);
        let error = DeviceIds::read(&line.path("map.csv"))
            .and_then(|ids| Inputs::read(&line.path("csrs"), ids))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(&format!("row {row} of ")), "{map:?}: {error}");
    }
    // What spreadsheets write: a mark at the start, and lines that end in CR LF.
    line.write("map.csv", "\u{feff}file,id\r\na.csr,1\r\nb.csr,2\r\n");
    let ids = DeviceIds::read(&line.path("map.csv")).unwrap();
    Inputs::read(&line.path("csrs"), ids).unwrap();
}

#[test]
fn configs_that_move_an_address_out_of_the_subject_or_copy_it_are_two_requests() {
    let line = Line::with(&touchmark_tests::line::Setup {
        subject: Some("[dn]\nCN=Plain CA\n"),
        ..touchmark_tests::line::Setup::default()
    });
    let profile = Profile::built_in("plain").unwrap();
    let forged =
        Forge::new(DEVICE_TYPE).subject(&[KIND, (oid::EMAIL, tag::IA5, b"line@example.com")]);
    let copy = line.extensions_of("[ext]\nsubjectAltName=email:copy\n");
    let moved = line.extensions_of("[ext]\nsubjectAltName=email:move\n");
    let mut ledger = line.ledger();
    let terms = Terms { profile: &profile, extensions: &copy, ..line.terms() };
    issue(&terms, request(&csr(&forged)), &mut ledger).unwrap();
    let terms = Terms { extensions: &moved, ..terms };
    let _ = refused(&line, &terms, &mut ledger, &forged.der(), Rule::SubjectKey);
}

#[test]
fn a_reissue_of_a_batch_mints_each_device_anew_once_and_no_twin_supersedes_the_other() {
    let line = Line::new();
    std::fs::create_dir(line.path("csrs")).unwrap();
    let write = |name: &str, forged: &Forge| line.write(&format!("csrs/{name}.csr"), forged.der());
    // More than one group.
    for n in 0..300 {
        write(&format!("{n:03}"), &with_dsn(&format!("G3A{n:03}")));
    }
    let mut ledger = line.ledger();
    let first = line.batch(&line.terms(), &mut ledger, &mut Vec::new()).unwrap();
    assert_eq!(first.signed, 300);
    for (name, of) in [("000-twin", "000"), ("zzz-twin", "001")] {
        std::fs::copy(line.path(&format!("csrs/{of}.csr")), line.path(&format!("csrs/{name}.csr")))
            .unwrap();
    }
    // Another key for a device that has just got its certificate.
    write("zzz-rival", &with_dsn("G3A002"));
    let terms = Terms { reissue: Some("new DAK certificate"), ..line.terms() };
    let mut refusals = Vec::new();
    let again = line.batch_with(&terms, &mut ledger, &mut Vec::new(), &mut refusals).unwrap();
    assert_eq!((again.signed, again.existing, again.refused), (300, 2, 1));
    assert_eq!(refusals.pop().unwrap().rule, Rule::DeviceId);
    assert_eq!((alive(&ledger, Life::Live), alive(&ledger, Life::Superseded)), (300, 300));
    for (name, of) in [("000-twin", "000"), ("zzz-twin", "001")] {
        let read = |stem: &str| line.read(&format!("out/{stem}.pem"));
        assert_eq!(read(name), read(of));
    }
    assert!(ledger.verify().unwrap().is_sound());
}

#[test]
fn a_key_without_a_compressed_form_does_not_stop_a_batch_that_writes_such_forms() {
    let line = Line::new();
    let profile = Profile::built_in("plain").unwrap();
    std::fs::create_dir(line.path("csrs")).unwrap();
    for (name, make) in [
        ("a", "genpkey -algorithm ed25519"),
        ("b", "genrsa"),
        ("c", "ecparam -name prime256v1 -genkey -noout"),
    ] {
        line.openssl(&format!("{make} -out {name}.key"));
        line.openssl(&format!("req -new -config device.conf -key {name}.key -out csrs/{name}.csr"));
    }
    let terms = Terms { profile: &profile, ..line.terms() };
    let mut ledger = line.ledger();
    let mut refusals = Vec::new();
    let summary = line.batch_with(&terms, &mut ledger, &mut Vec::new(), &mut refusals).unwrap();
    assert_eq!((summary.signed, summary.refused), (1, 2));
    assert!(refusals.iter().all(|refusal| refusal.rule == Rule::KeyType), "{refusals:?}");
    assert_eq!(line.signer.count(), 1);
}
