//! The table of which client passed which step at which model: a part of the virtual YubiKey's
//! README, which each run compares itself with, and writes with `TOUCHMARK_BLESS=1`.

use std::{
    env,
    fmt::Write as _,
    fs::{self, File},
};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../virtual-yubikey/README.md");
const BEGIN: &str = "<!-- clients: begin -->\n";
const END: &str = "<!-- clients: end -->\n";

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The client did it, and the judge agreed.
    Passed,
    /// The firmware does not have it, and the client said so.
    Lacking,
    /// The client does not offer it for this model.
    NotOffered,
    /// The client does it wrongly, in a way that is known.
    Fault(Fault),
}

/// Known faults of clients. The table has their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    TripleDesOnly = 1,
    NoSigningWithOpenSsl3 = 2,
    KeyManagementOnlyAgrees = 3,
    NoP384PublicKey = 4,
    Ed25519OverHash = 5,
}

impl Fault {
    const ALL: [Self; 5] = [
        Self::TripleDesOnly,
        Self::NoSigningWithOpenSsl3,
        Self::KeyManagementOnlyAgrees,
        Self::NoP384PublicKey,
        Self::Ed25519OverHash,
    ];

    fn text(self) -> &'static str {
        match self {
            Self::TripleDesOnly => {
                "knows 3DES management keys only, and from 5.7 on the factory sets an AES key"
            }
            Self::NoSigningWithOpenSsl3 => "fails with OpenSSL 3, before it asks the card",
            Self::KeyManagementOnlyAgrees => {
                "lets an elliptic key in 9D agree on secrets, never sign"
            }
            Self::NoP384PublicKey => {
                "`pkcs11-tool` 0.23 makes no P-384 public key of what it reads"
            }
            Self::Ed25519OverHash => "signs the SHA-512 digest of a certificate with Ed25519",
        }
    }
}

impl Outcome {
    fn cell(&self) -> String {
        match self {
            Self::Passed => "✓".to_owned(),
            Self::Lacking => "–".to_owned(),
            Self::NotOffered => "·".to_owned(),
            Self::Fault(fault) => format!("fault {}", *fault as u8),
        }
    }
}

/// One client's part: a line for each step, a column for each model.
#[derive(Debug, Default)]
struct Part {
    models: Vec<String>,
    lines: Vec<(String, Vec<String>)>,
}

/// Compares the column of a session with the README, or writes it there.
pub(crate) fn record(client: &str, model: &str, steps: &[(String, Outcome)]) {
    let bless = env::var_os("TOUCHMARK_BLESS").is_some();
    // Each session is a process of its own, and all of them write the same file.
    let lock = File::open(env!("CARGO_MANIFEST_DIR")).unwrap();
    lock.lock().unwrap();
    let readme = fs::read_to_string(README).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("a marker in the README");
    let (table, after) = rest.split_once(END).expect("a second marker in the README");
    let mut parts = read(table);

    let column: Vec<(String, String)> =
        steps.iter().map(|(step, outcome)| (step.clone(), outcome.cell())).collect();
    if bless {
        set_column(part(&mut parts, client), model, &column);
        let written = format!("{before}{BEGIN}{}{END}{after}", write(&parts));
        if written != readme {
            fs::write(README, written).unwrap();
        }
        return;
    }
    let found = column_of(part(&mut parts, client), model);
    assert_eq!(
        found, column,
        "{client} at {model}: the README (left) says otherwise; TOUCHMARK_BLESS=1 writes it anew"
    );
}

fn part<'a>(parts: &'a mut Vec<(String, Part)>, client: &str) -> &'a mut Part {
    if let Some(at) = parts.iter().position(|(name, _)| name == client) {
        return &mut parts[at].1;
    }
    parts.push((client.to_owned(), Part::default()));
    parts.sort_by(|(one, _), (other, _)| one.cmp(other));
    part(parts, client)
}

fn column_of(part: &Part, model: &str) -> Vec<(String, String)> {
    let Some(at) = part.models.iter().position(|name| name == model) else { return Vec::new() };
    part.lines.iter().map(|(step, cells)| (step.clone(), cells[at].clone())).collect()
}

/// Puts a column in. The steps become those of this session: all sessions of a client have the same.
fn set_column(part: &mut Part, model: &str, column: &[(String, String)]) {
    let at = part.models.iter().position(|name| name == model).unwrap_or_else(|| {
        part.models.push(model.to_owned());
        part.models.len() - 1
    });
    let old = std::mem::take(&mut part.lines);
    part.lines = column
        .iter()
        .map(|(step, cell)| {
            let mut cells = old
                .iter()
                .find(|(name, _)| name == step)
                .map_or_else(Vec::new, |(_, cells)| cells.clone());
            cells.resize(part.models.len(), String::new());
            cells[at].clone_from(cell);
            (step.clone(), cells)
        })
        .collect();

    let mut order: Vec<usize> = (0..part.models.len()).collect();
    order.sort_by(|&one, &other| age(&part.models[one]).cmp(&age(&part.models[other])));
    part.models = order.iter().map(|&at| part.models[at].clone()).collect();
    for (_, cells) in &mut part.lines {
        *cells = order.iter().map(|&at| cells[at].clone()).collect();
    }
}

/// Sorts firmware by its numbers.
fn age(model: &str) -> (bool, Vec<u32>) {
    let (version, fips) = model.strip_suffix("-fips").map_or((model, false), |rest| (rest, true));
    (fips, version.split('.').map(|number| number.parse().unwrap_or(0)).collect())
}

fn read(table: &str) -> Vec<(String, Part)> {
    let mut parts: Vec<(String, Part)> = Vec::new();
    for line in table.lines() {
        if let Some(client) = line.strip_prefix("### ") {
            parts.push((client.to_owned(), Part::default()));
        } else if let (Some(line), Some((_, part))) = (line.strip_prefix('|'), parts.last_mut()) {
            let mut cells =
                line.trim_end_matches('|').split('|').map(|cell| cell.trim().to_owned());
            let first = cells.next().unwrap_or_default();
            if first == "step" {
                part.models = cells.collect();
            } else if !first.starts_with('-') {
                part.lines.push((first, cells.collect()));
            }
        }
    }
    parts
}

fn write(parts: &[(String, Part)]) -> String {
    let mut text = String::from(
        "\n✓ passed; – this firmware does not have it, and the client says so; · not offered by the \
         client\nfor this firmware; the known faults of clients, none of them the card's:\n\n",
    );
    for fault in Fault::ALL {
        writeln!(text, "- fault {}: {}", fault as u8, fault.text()).unwrap();
    }
    for (client, part) in parts {
        write!(text, "\n### {client}\n\n| step | {} |\n|---", part.models.join(" | ")).unwrap();
        writeln!(text, "{}|", "|:-:".repeat(part.models.len())).unwrap();
        for (step, cells) in &part.lines {
            writeln!(text, "| {step} | {} |", cells.join(" | ")).unwrap();
        }
    }
    text.push('\n');
    text
}

#[test]
fn a_table_that_is_written_reads_back() {
    let mut parts = Vec::new();
    for (client, model) in
        [("b", "5.7.1"), ("a", "4.4.2-fips"), ("b", "4.2.6"), ("b", "4.4.2-fips")]
    {
        let column = [("one".to_owned(), model.to_owned()), ("two".to_owned(), "✓".to_owned())];
        set_column(part(&mut parts, client), model, &column);
    }
    let text = write(&parts);
    assert!(
        text.contains("### b\n\n| step | 4.2.6 | 5.7.1 | 4.4.2-fips |\n|---|:-:|:-:|:-:|\n"),
        "{text}"
    );
    let read = read(&text);
    assert_eq!(write(&read), text);
    assert_eq!(column_of(&read[1].1, "5.7.1")[0], ("one".to_owned(), "5.7.1".to_owned()));
}
