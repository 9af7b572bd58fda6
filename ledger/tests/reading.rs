//! Entries and certificates, filtered, over more than one page.

use ledger::{CertificateFilter, EntryFilter, Intent, Issued, Life};

use crate::common::{
    Bench, again, assert_sound, certificate, digest, granted, intent, issue, reissue, serial,
};

#[test]
fn entries_come_in_order_over_many_pages_and_within_bounds() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let intents: Vec<Intent> = (0..700).map(|n| intent(&n.to_string())).collect();
    let claims = ledger.begin(&intents).unwrap();
    let issued: Vec<Issued> = claims
        .iter()
        .map(|claim| Issued::new(granted(claim), certificate(granted(claim))))
        .collect();
    ledger.commit(&issued).unwrap();
    let numbers = |filter: EntryFilter| -> Vec<u64> {
        ledger.entries(filter).map(|entry| entry.unwrap().sequence).collect()
    };
    let all = EntryFilter::default;
    assert_eq!(numbers(all()), (1..=1401).collect::<Vec<_>>());
    assert_eq!(
        numbers(EntryFilter { from: Some(300), to: Some(900), ..all() }),
        (300..=900).collect::<Vec<_>>()
    );
    assert_eq!(
        numbers(EntryFilter { kind: Some("issued".to_owned()), ..all() }),
        (702..=1401).collect::<Vec<_>>()
    );
    assert_eq!(numbers(EntryFilter { from: Some(0), to: Some(2), ..all() }), [1, 2]);
    for (from, to) in
        [(Some(1402), None), (Some(u64::MAX), None), (None, Some(0)), (Some(5), Some(4))]
    {
        assert_eq!(numbers(EntryFilter { from, to, kind: None }), [0; 0], "{from:?} {to:?}");
    }
    assert_eq!(ledger.certificates(CertificateFilter::default()).count(), 700);
    let bounded = EntryFilter { to: Some(u64::MAX), ..all() };
    assert_eq!(numbers(bounded).len(), 1401);
    assert_eq!(ledger.entry(0).unwrap(), None);
    assert_eq!(ledger.entry(u64::MAX).unwrap(), None);
    assert_sound(&ledger);
}

#[test]
fn certificates_are_found_by_each_of_their_names() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let old = issue(&mut ledger, &intent("a"));
    issue(&mut ledger, &intent("b"));
    let new = issue(&mut ledger, &reissue(&intent("a"), "board"));
    let other = issue(&mut ledger, &Intent { issuer: digest("other"), ..again(&intent("a"), "3") });
    let typeless = issue(&mut ledger, &Intent { device_type: None, ..again(&intent("a"), "4") });
    granted(&ledger.begin(&[intent("open")]).unwrap()[0]);

    let find = |filter: CertificateFilter| -> Vec<u64> {
        ledger.certificates(filter).map(|found| found.unwrap().entry).collect()
    };
    let any = CertificateFilter::default;
    let id = || Some("a".to_owned());
    let cases = [
        (CertificateFilter { device_id: id(), ..any() }, vec![old, new, other, typeless]),
        (
            CertificateFilter { device_id: id(), life: Life::Live, ..any() },
            vec![new, other, typeless],
        ),
        (CertificateFilter { device_id: id(), life: Life::Superseded, ..any() }, vec![old]),
        (
            CertificateFilter { device_id: id(), issuer: Some(digest("other")), ..any() },
            vec![other],
        ),
        (CertificateFilter { issuer: Some(digest("other")), ..any() }, vec![other]),
        (CertificateFilter { serial: Some(serial("a")), ..any() }, vec![old]),
        (CertificateFilter { serial: Some(serial("a")), life: Life::Live, ..any() }, vec![]),
        (CertificateFilter { serial: Some(serial("open")), ..any() }, vec![]),
        (
            CertificateFilter { subject_key: Some(digest("key a")), ..any() },
            vec![old, new, other, typeless],
        ),
        (
            CertificateFilter {
                subject_key: Some(digest("key a")),
                device_id: Some("b".to_owned()),
                ..any()
            },
            vec![],
        ),
        (CertificateFilter { issuer: Some(digest("nobody")), ..any() }, vec![]),
        (CertificateFilter { life: Life::Superseded, ..any() }, vec![old]),
    ];
    for (filter, expected) in cases {
        assert_eq!(find(filter.clone()), expected, "{filter:?}");
    }
}
