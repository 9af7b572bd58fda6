//! `touchmark ledger verify`

use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;

use clap::Args;
use ledger::Report;
use serde_json::json;

use crate::command::Run;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::{input, journal};

/// Verify every entry, hash by hash
///
/// What is wrong is listed, and ends with exit code 9. With --json, one object: sound, entries,
/// certificates, live, open, head, findings.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Verify an exported file in place of the ledger; - for standard input
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
}

impl Run for Verify {
    fn purpose(&self) -> String {
        "verify the ledger".into()
    }

    fn run(&self, context: &Context<'_>) -> Result<Exit> {
        let report = self.verify(context)?;
        if context.output.is_json() {
            context.output.object(&object(&report))?;
        } else {
            context.output.text(&text(&report))?;
        }
        match report.findings.len() as u64 + report.more {
            0 => Ok(Exit::Ok),
            problems => Err(Error::Unsound { problems }),
        }
    }
}

impl Verify {
    fn verify(&self, context: &Context<'_>) -> Result<Report> {
        let Some(path) = &self.export else { return Ok(journal::read(context)?.verify()?) };
        if input::is_standard(path) {
            return Ok(ledger::verify_export(io::stdin().lock())?);
        }
        let file = File::open(path).map_err(|source| Error::Read { path: path.clone(), source })?;
        Ok(ledger::verify_export(BufReader::new(file))?)
    }
}

fn object(report: &Report) -> serde_json::Value {
    let findings = report
        .findings
        .iter()
        .map(|finding| json!({ "entry": finding.entry, "problem": finding.problem.to_string() }));
    json!({
        "sound": report.is_sound(),
        "entries": report.entries,
        "certificates": report.certificates,
        "live": report.live,
        "open": report.open,
        "head": report.head.map(|head| json!({ "sequence": head.sequence, "hash": head.hash })),
        "findings": findings.collect::<Vec<_>>(),
        "more": report.more,
    })
}

fn text(report: &Report) -> String {
    let mut lines: String = report.findings.iter().map(|finding| format!("{finding}\n")).collect();
    if report.more > 0 {
        lines.push_str(&format!("and {} more\n", report.more));
    }
    lines.push_str(&format!(
        "{} entries, {} certificates ({} live), {} open intents\n",
        report.entries, report.certificates, report.live, report.open
    ));
    if let Some(head) = &report.head {
        lines.push_str(&format!("head: entry {}, {}\n", head.sequence, head.hash));
    }
    lines.push_str(if report.is_sound() { "sound\n" } else { "NOT sound\n" });
    lines
}
