//! What is in escrow after a run, and whether that agrees with what the key has.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::State;

/// A secret in escrow.
#[derive(Clone, Debug)]
struct Kept {
    path: PathBuf,
    kind: String,
    value: String,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Pending,
    Unused,
    Final,
}

/// The files that are there.
pub(super) fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let Ok(listing) = std::fs::read_dir(folder) else { return BTreeSet::new() };
    listing.map(|entry| entry.unwrap().path()).collect()
}

/// What is wrong with the files in escrow, of which `earlier` were there before the run. `said` is
/// what the run printed, `known` what an operator has, and `now` what the key has.
pub(super) fn objections(
    folder: &Path,
    earlier: &BTreeSet<PathBuf>,
    said: &str,
    known: &[&str],
    now: &State,
) -> Vec<String> {
    let mut found = Vec::new();
    let kept: Vec<Kept> = files(folder).iter().map(|path| Kept::read(path)).collect();
    for kept in kept.iter().filter(|kept| !earlier.contains(&kept.path)) {
        let name = kept.path.file_name().unwrap().to_str().unwrap();
        if !said.contains(name) {
            found.push(format!("nobody was told of {name}"));
        }
        if kept.standing == Standing::Final && secret_of(now, &kept.kind) != kept.value {
            found.push(format!("the key does not have {name}"));
        }
    }
    for kind in ["pin", "puk", "management-key"] {
        let value = secret_of(now, kind);
        let known = known.contains(&value.as_str()) || FACTORY.contains(&value.as_str());
        let in_escrow = kept.iter().any(|kept| {
            kept.kind == kind && kept.value == value && kept.standing != Standing::Unused
        });
        // A key that holds its management key is no worse off than before.
        let holds = kind == "management-key" && now.holds_its_management_key();
        if !known && !in_escrow && !holds {
            found.push(format!("nobody has the {kind} of the key"));
        }
    }
    found
}

const FACTORY: [&str; 3] = ["123456", "12345678", super::bench::FACTORY_KEY];

/// Every secret that is there.
pub(super) fn secrets(folder: &Path) -> Vec<String> {
    files(folder).iter().map(|path| Kept::read(path).value).collect()
}

/// The newest secret that is there.
pub(super) fn newest(folder: &Path) -> String {
    let written = |path: &PathBuf| path.metadata().unwrap().modified().unwrap();
    let newest = files(folder).into_iter().max_by_key(written);
    newest.map(|path| Kept::read(&path).value).unwrap_or_default()
}

impl Kept {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let line = |name: &str| {
            let start = format!("{name} = \"");
            let line = text.lines().find_map(|line| line.strip_prefix(&start)).unwrap();
            line.trim_end_matches('"').to_owned()
        };
        let name = path.file_name().unwrap().to_str().unwrap();
        let standing = match (name.contains(".pending"), name.contains(".unused")) {
            (true, _) => Standing::Pending,
            (_, true) => Standing::Unused,
            _ => Standing::Final,
        };
        Self { path: path.to_owned(), kind: line("secret"), value: line("value"), standing }
    }
}

fn secret_of(state: &State, kind: &str) -> String {
    match kind {
        "management-key" => state.management_key().to_owned(),
        other => state.secret(other),
    }
}
