//! Whatever is changed behind the ledger's back, a verification says where.

use ledger::{Finding, Issued, Ledger, Problem, Report};
use rusqlite::{Connection, types::Value};

use crate::common::{
    Bench, again, begin_one, certificate, digest, granted, intent, issue, reissue,
};

/// One of everything: live, superseded, open, aborted, abandoned, an open reissue, two scopes.
fn sample() -> Bench {
    let bench = Bench::new();
    let mut ledger = bench.open();
    begin_one(&mut ledger, &intent("dead"));
    drop(ledger);
    let mut ledger = bench.open();
    issue(&mut ledger, &intent("a"));
    issue(&mut ledger, &reissue(&intent("a"), "board"));
    let aborted = granted(&begin_one(&mut ledger, &intent("b")));
    ledger.abort(&[aborted], "no").unwrap();
    issue(&mut ledger, &ledger::Intent { device_type: None, issuer: digest("x"), ..intent("c") });
    begin_one(&mut ledger, &intent("open"));
    begin_one(&mut ledger, &reissue(&intent("a"), "once more"));
    drop(ledger);
    let raw = bench.raw();
    raw.execute_batch(
        "DROP TRIGGER entry_is_never_changed; DROP TRIGGER entry_is_never_removed;
         PRAGMA journal_mode = delete; PRAGMA synchronous = off;",
    )
    .unwrap();
    drop(raw);
    let only_guards = verify(&bench).findings;
    assert!(
        only_guards.len() == 2
            && only_guards.iter().all(|finding| matches!(finding.problem, Problem::Schema(_))),
        "{only_guards:#?}"
    );
    bench
}

fn verify(bench: &Bench) -> Report {
    Ledger::open_read_only(&bench.location()).unwrap().verify().unwrap()
}

/// What is found beside the triggers that the sample lacks.
fn findings(bench: &Bench) -> Vec<Finding> {
    let mut findings = verify(bench).findings;
    findings.retain(|finding| {
        !matches!(&finding.problem, Problem::Schema(name) if name.starts_with("entry_is"))
    });
    findings
}

fn change(raw: &Connection, table: &str, column: &str, key: i64, value: &Value) {
    let sql = format!("UPDATE {table} SET {column} = ?1 WHERE rowid = ?2");
    assert_eq!(raw.execute(&sql, (value, key)).unwrap(), 1);
}

#[test]
fn entries_cannot_be_changed_or_removed_by_accident() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    issue(&mut ledger, &intent("a"));
    for sql in ["UPDATE entry SET body = ''", "DELETE FROM entry"] {
        let error = bench.raw().execute_batch(sql).unwrap_err().to_string();
        assert!(error.contains("entries are never"), "{error}");
    }
}

#[test]
fn any_changed_byte_of_any_body_hash_or_certificate_is_found_in_its_entry() {
    let bench = sample();
    let raw = bench.raw();
    for column in ["body", "hash", "certificate"] {
        let rows: Vec<(i64, Value)> = raw
            .prepare(&format!("SELECT sequence, {column} FROM entry WHERE {column} IS NOT NULL"))
            .unwrap()
            .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(!rows.is_empty());
        for (entry, old) in rows {
            let length = match &old {
                Value::Text(text) => text.len(),
                Value::Blob(blob) => blob.len(),
                other => panic!("{other:?}"),
            };
            // Every thirteenth byte, from another start in every row.
            for at in (usize::try_from(entry).unwrap() % 13..length).step_by(13) {
                let new = match old.clone() {
                    Value::Text(text) => {
                        let mut bytes = text.into_bytes();
                        bytes[at] ^= 1;
                        Value::Text(String::from_utf8(bytes).unwrap())
                    }
                    Value::Blob(mut blob) => {
                        blob[at] ^= 1;
                        Value::Blob(blob)
                    }
                    other => other,
                };
                change(&raw, "entry", column, entry, &new);
                let found = findings(&bench);
                assert!(
                    found.first().is_some_and(|found| found.entry == Some(entry.cast_unsigned())),
                    "{column} of entry {entry}, byte {at}: {found:#?}"
                );
            }
            change(&raw, "entry", column, entry, &old);
        }
    }
    assert_eq!(findings(&bench), []);
}

#[test]
fn any_changed_value_of_any_row_made_from_entries_is_found() {
    let bench = sample();
    let raw = bench.raw();
    // Without the indexes, which would refuse some of the changes.
    let indexes: Vec<String> = raw
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
        .unwrap()
        .query_map((), |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for index in &indexes {
        raw.execute_batch(&format!("DROP INDEX {index}")).unwrap();
    }
    for index in &indexes {
        let missing = Problem::Schema(index.clone());
        assert!(findings(&bench).iter().any(|found| found.problem == missing), "{index}");
    }
    let mut checked = 0;
    for table in ["claim", "scope", "issuer", "head"] {
        let mut query = raw.prepare(&format!("SELECT rowid, * FROM {table}")).unwrap();
        let columns: Vec<String> = query.column_names().skip(1).map(str::to_owned).collect();
        let rows: Vec<Vec<Value>> = query
            .query_map((), |row| (0..=columns.len()).map(|column| row.get(column)).collect())
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        drop(query);
        for row in rows {
            let Value::Integer(key) = row[0] else { panic!() };
            for (column, old) in columns.iter().zip(&row[1..]).skip(1) {
                let new = match old {
                    Value::Null if column == "device_id" => Value::Text("x".to_owned()),
                    Value::Null => Value::Integer(3),
                    Value::Integer(old) => Value::Integer(old + 1),
                    Value::Text(old) => Value::Text(format!("{old}x")),
                    Value::Blob(old) => Value::Blob(old.iter().map(|byte| byte ^ 1).collect()),
                    Value::Real(_) => panic!(),
                };
                change(&raw, table, column, key, &new);
                let found = findings(&bench);
                let named = found.iter().any(|found| match (&found.problem, table) {
                    (Problem::Head, "head") => true,
                    (Problem::Row { table: named, .. }, "claim") => {
                        *named == table && found.entry == Some(key.cast_unsigned())
                    }
                    (Problem::Row { table: named, .. }, _) => *named == table,
                    _ => false,
                });
                assert!(named, "{table}.{column} of row {key}: {found:#?}");
                change(&raw, table, column, key, old);
                checked += 1;
            }
        }
    }
    assert!(checked > 60, "{checked}");
}

#[test]
fn rows_that_were_removed_or_added_are_found() {
    for (sql, table) in [
        ("DELETE FROM claim WHERE intent = 4", "claim"),
        ("DELETE FROM scope WHERE id = 2", "scope"),
        ("DELETE FROM issuer WHERE id = 2", "issuer"),
        ("INSERT INTO issuer VALUES (9, x'00')", "issuer"),
        ("INSERT INTO scope VALUES (9, 1, 'x')", "scope"),
        (
            "INSERT INTO claim VALUES (99, 1, 1, x'01', 'z', zeroblob(32), zeroblob(32), 'o', 0, 1, 1)",
            "claim",
        ),
    ] {
        let bench = sample();
        bench.raw().execute_batch(sql).unwrap();
        let found = findings(&bench);
        assert!(
            found.iter().any(
                |found| matches!(found.problem, Problem::Row { table: named, .. } if named == table)
            ),
            "{sql}: {found:#?}"
        );
    }
    let bench = sample();
    bench.raw().execute_batch("DELETE FROM head").unwrap();
    assert!(findings(&bench).iter().any(|found| found.problem == Problem::Head));
}

#[test]
fn a_removed_entry_is_found_wherever_it_was() {
    let last = i64::try_from(verify(&sample()).entries).unwrap();
    for entry in 1..=last {
        let bench = sample();
        bench.raw().execute("DELETE FROM entry WHERE sequence = ?1", [entry]).unwrap();
        let found = findings(&bench);
        let problem = |at: i64| {
            found
                .iter()
                .find(|found| found.entry == Some(at.cast_unsigned()))
                .map(|found| found.problem.clone())
        };
        if entry < last {
            assert!(matches!(problem(entry + 1), Some(Problem::Gap { .. })), "{found:#?}");
        } else {
            assert_eq!(problem(last - 1), Some(Problem::Head), "{found:#?}");
        }
    }
}

#[test]
fn an_entry_that_moved_is_found() {
    let bench = sample();
    let raw = bench.raw();
    raw.execute_batch("UPDATE entry SET sequence = 100 WHERE sequence = 5").unwrap();
    let found = findings(&bench);
    assert!(found.iter().any(|found| found.entry == Some(6)), "{found:#?}");
    assert!(found.iter().any(|found| found.entry == Some(100)), "{found:#?}");
}

/// Someone who can hash can forge the chain from any entry on; then the rules still hold.
#[test]
fn a_forged_chain_is_held_against_the_rules() {
    type Edit = fn(&mut serde_json::Value);
    type Expect = fn(&Problem) -> bool;
    let cases: [(&str, u64, Edit, Expect); 5] = [
        (
            "another time",
            4,
            |body| body["time"] = "2020-01-01T00:00:00.000Z".into(),
            |problem| matches!(problem, Problem::Time { .. }),
        ),
        (
            "another certificate",
            5,
            |body| body["data"]["certificate"] = "00".repeat(32).into(),
            |problem| *problem == Problem::Certificate,
        ),
        (
            "an intent that is not open",
            5,
            |body| body["data"]["intent"] = 2.into(),
            |problem| matches!(problem, Problem::NotOpen { intent: 2 }),
        ),
        (
            "nothing superseded",
            7,
            |body| body["data"]["supersedes"] = serde_json::json!([]),
            |problem| matches!(problem, Problem::Supersedes { .. }),
        ),
        (
            "a serial that is taken",
            10,
            |body| {
                body["data"]["issuer"] = digest("issuer").to_string().into();
                body["data"]["serial"] = intent("a").serial.to_string().into();
            },
            |problem| *problem == Problem::Duplicate,
        ),
    ];
    for (what, entry, edit, expected) in cases {
        let bench = sample();
        let raw = bench.raw();
        forge(&raw, entry, edit);
        let found = findings(&bench);
        assert!(
            found.iter().any(|found| found.entry == Some(entry) && expected(&found.problem)),
            "{what}: {found:#?}"
        );
        assert!(!found.iter().any(|found| found.problem == Problem::Hash), "{what}: {found:#?}");
    }
}

/// Changes a body and makes every hash from there on fit again.
fn forge(raw: &Connection, entry: u64, edit: fn(&mut serde_json::Value)) {
    use sha2::Digest as _;

    let rows: Vec<(i64, String)> = raw
        .prepare("SELECT sequence, body FROM entry ORDER BY sequence")
        .unwrap()
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut previous = [0_u8; 32];
    for (sequence, mut body) in rows {
        if sequence.cast_unsigned() == entry {
            let mut value = serde_json::from_str(&body).unwrap();
            edit(&mut value);
            body = value.to_string();
        }
        let mut hash = sha2::Sha256::new();
        hash.update(b"touchmark ledger entry v1\n");
        hash.update(previous);
        hash.update(&body);
        previous = hash.finalize().into();
        let sql = "UPDATE entry SET body = ?1, hash = ?2 WHERE sequence = ?3";
        raw.execute(sql, (body, previous, sequence)).unwrap();
    }
    raw.execute("UPDATE head SET hash = ?1", [previous]).unwrap();
}

#[test]
fn a_flipped_bit_in_the_file_is_never_taken_for_sound_content() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    for name in ["a", "b", "c"] {
        issue(&mut ledger, &intent(name));
    }
    drop(ledger);
    let good = std::fs::read(bench.path()).unwrap();
    let entries = |bench: &Bench| -> Option<Vec<ledger::Entry>> {
        let ledger = Ledger::open_read_only(&bench.location()).ok()?;
        let report = ledger.verify().ok()?;
        report
            .is_sound()
            .then(|| ledger.entries(Default::default()).collect::<Result<_, _>>())?
            .ok()
    };
    let expected = entries(&bench).unwrap();
    let mut unnoticed = 0;
    for at in (0..good.len()).step_by(211) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        std::fs::write(bench.path(), bad).unwrap();
        // In unused space a bit says nothing; anywhere else it must be noticed.
        if let Some(found) = entries(&bench) {
            assert_eq!(found, expected, "byte {at}");
            unnoticed += 1;
        }
    }
    assert!(unnoticed < good.len() / 211, "not a single flip was noticed");
}

#[test]
fn a_damaged_certificate_is_not_given_out_as_existing() {
    let bench = Bench::new();
    let mut ledger = bench.open();
    let entry = issue(&mut ledger, &intent("a"));
    let raw = bench.raw();
    raw.execute_batch("DROP TRIGGER entry_is_never_changed").unwrap();
    raw.execute("UPDATE entry SET certificate = x'00' WHERE sequence = ?1", [entry.cast_signed()])
        .unwrap();
    let error = ledger.begin(&[again(&intent("a"), "2")]).unwrap_err();
    assert!(
        matches!(&error, ledger::Error::Damaged { entry: named, .. } if *named == entry),
        "{error}"
    );
    let found: Result<Vec<_>, _> = ledger.certificates(Default::default()).collect();
    assert!(matches!(found, Err(ledger::Error::Damaged { .. })));
    // The rest of the ledger can still be used.
    let entry = granted(&begin_one(&mut ledger, &intent("b")));
    ledger.commit(&[Issued::new(entry, certificate(entry))]).unwrap();
}
