//! The whole journal as a text that others can check without this program.

use std::io::{BufRead, Read, Write};

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};

use crate::{
    Digest, EntryFilter, Error, Head, Ledger, Report, Result,
    body::{LARGEST_BODY, LARGEST_CERTIFICATE, Raw},
    fault::Fault,
    replay::Replay,
    report::Problem,
};

/// The longest line: both parts at their largest, the body with every byte escaped.
const LONGEST_LINE: u64 = (6 * LARGEST_BODY + 2 * LARGEST_CERTIFICATE) as u64;

/// A line of an export.
#[derive(Serialize, Deserialize)]
struct Line {
    body: String,
    hash: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

impl Ledger {
    /// Writes every entry as a line of JSON, in order, up to the end of the chain as it is at the
    /// start, also those that a verification would object to. The crate documentation has the form.
    /// Answers that end.
    ///
    /// # Errors
    /// [`Error::Stream`] when `out` fails; storage errors.
    pub fn export(&self, out: &mut dyn Write) -> Result<Head> {
        let write = |source| Error::Stream { doing: "write", source };
        let head = self.head()?;
        let filter = EntryFilter { to: Some(head.sequence), ..EntryFilter::default() };
        let mut entries = self.entries(filter);
        while let Some(entry) = entries.next_raw() {
            let entry = entry?;
            let line = Line {
                body: entry.body,
                hash: entry.hash,
                certificate: entry.certificate.as_deref().map(Base64::encode_string),
            };
            let mut text = serde_json::to_vec(&line).map_err(|source| Error::Json { source })?;
            text.push(b'\n');
            out.write_all(&text).map_err(write)?;
        }
        out.flush().map_err(write)?;
        Ok(head)
    }
}

/// Checks an export from beginning to end as [`Ledger::verify`] checks a ledger; only the file and
/// its tables are not there to be checked. Memory stays flat.
///
/// # Errors
/// [`Error::Stream`] when `export` cannot be read. What can be read and is wrong stands in the
/// report.
pub fn verify_export(mut export: impl BufRead) -> Result<Report> {
    check(&mut export).map_err(|fault| fault.during("verify an export", "".as_ref()))
}

fn check(export: &mut impl BufRead) -> Result<Report, Fault> {
    let mut replay = Replay::new()?;
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = |source| Error::Stream { doing: "read", source };
        export.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(read)?;
        if line.is_empty() {
            break;
        }
        if line.pop_if(|last| *last == b'\n').is_none() {
            replay.report.find(number, Problem::Unreadable("its line is cut off".to_owned()));
            break;
        }
        match parse(number, &line) {
            Ok(raw) => replay.step(raw)?,
            Err(what) => replay.report.find(number, Problem::Unreadable(what)),
        }
    }
    replay.finish()?;
    Ok(replay.report)
}

fn parse(number: u64, line: &[u8]) -> Result<Raw, String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| format!("its line: {error}"))?;
    let certificate = line.certificate.as_deref().map(Base64::decode_vec).transpose();
    Ok(Raw {
        sequence: number,
        body: line.body,
        hash: line.hash,
        certificate: certificate.map_err(|error| format!("its certificate: {error}"))?,
    })
}
