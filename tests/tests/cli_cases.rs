//! Command-line sessions as files: `cases/*.toml`.
//!
//! A case is a folder's contents (`[files]`) and commands (`[[step]]`) that are run in it one after
//! another: words, standard input, and what has to come out. Output that is not mentioned has to be
//! empty. In an expected line `[..]` stands for anything; a line `...` stands for any lines. What
//! `secrets` lists must never be printed, whatever else is. `[yubikeys]` puts virtual YubiKeys into a
//! drawer, by serial number and model; `apdus` says how often commands have to reach them.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails, in its helpers too"
)]

#[path = "cli_cases/case.rs"]
mod case;
#[path = "cli_cases/keys.rs"]
mod keys;
#[path = "cli_cases/lines.rs"]
mod lines;

use std::path::{Path, PathBuf};

use case::Case;

#[test]
fn every_session_goes_as_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of cases is there")
        .map(|entry| entry.expect("its entries can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "there are no cases");
    // Each has a folder of its own, and most of their time is spent waiting for disks.
    let failures: Vec<String> = std::thread::scope(|scope| {
        let start = |file: &'_ PathBuf| {
            let case = Case::read(file);
            scope.spawn(move || case.play())
        };
        let playing: Vec<_> = files.iter().map(start).collect();
        let ends = playing.into_iter().map(|case| case.join().expect("a case does not panic"));
        ends.filter_map(Result::err).collect()
    });
    assert!(failures.is_empty(), "{}\n{} cases failed", failures.join("\n"), failures.len());
}
