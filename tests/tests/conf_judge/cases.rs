//! The kept cases.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::openssl::{Issuer, Lab};

#[test]
fn openssl_and_touchmark_make_the_same_of_every_case() {
    let cases = cases();
    assert!(cases.len() >= 60, "only {} cases found", cases.len());
    let lab = Lab::new();
    let failures: Vec<String> = cases.iter().flat_map(|case| case.judge(&lab)).collect();
    // The cases hold for OpenSSL 3.0; later ones differ in a few of them.
    let (failed, all, judge) = (failures.len(), cases.len(), lab.version());
    assert!(failures.is_empty(), "{failed} of {all} cases, by {judge}:\n{}", failures.join("\n"));
}

struct Case {
    path: PathBuf,
    jobs: Vec<Job>,
    expected: Expected,
    variables: Vec<(String, String)>,
}

enum Job {
    Request,
    Certificate { section: String, issuer: Issuer },
    SelfSigned,
}

#[derive(PartialEq, Eq)]
enum Expected {
    Same,
    BothRefuse(String),
    OnlyWeRefuse(String),
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf-cases");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() || path.extension().is_some_and(|end| end == "conf"))
        .collect();
    paths.sort();
    paths.into_iter().map(Case::read).collect()
}

impl Case {
    fn read(path: PathBuf) -> Self {
        let path = if path.is_dir() { path.join("main.conf") } else { path };
        let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut case =
            Self { path, jobs: Vec::new(), expected: Expected::Same, variables: Vec::new() };
        // A file that must stay as its maker wrote it has its orders beside it.
        let orders = fs::read_to_string(case.path.with_file_name("orders")).unwrap_or_default();
        for line in String::from_utf8_lossy(&bytes).lines().chain(orders.lines()) {
            let line = line.trim_start_matches('\u{FEFF}').trim_end();
            let Some(order) = line.strip_prefix("#: ") else { continue };
            let (word, rest) = order.split_once(' ').unwrap_or((order, ""));
            match word {
                "req" => case.jobs.push(Job::Request),
                "self-signed" => case.jobs.push(Job::SelfSigned),
                "x509" => {
                    let (section, issuer) = match rest.split_once(' ') {
                        Some((section, "bare")) => (section, Issuer::Bare),
                        _ => (rest, Issuer::Full),
                    };
                    case.jobs.push(Job::Certificate { section: section.into(), issuer });
                }
                "refused" => case.expected = Expected::BothRefuse(rest.into()),
                "stricter" => case.expected = Expected::OnlyWeRefuse(rest.into()),
                "env" => {
                    let (name, value) = rest.split_once('=').unwrap();
                    case.variables.push((name.into(), value.into()));
                }
                _ => panic!("{}: unknown order `{order}`", case.path.display()),
            }
        }
        assert!(!case.jobs.is_empty(), "{}: nothing to do", case.path.display());
        case
    }

    /// What is wrong with each job; nothing if all is well.
    fn judge(&self, lab: &Lab) -> Vec<String> {
        let verdicts = self.jobs.iter().filter_map(|job| match job {
            Job::Request => self.verdict(
                lab.their_request(&self.path, &self.variables),
                lab.our_request(&self.path, &self.variables),
            ),
            Job::Certificate { section, issuer } => self.verdict(
                lab.their_certificate(&self.path, section, *issuer, &self.variables),
                lab.our_certificate(&self.path, section, *issuer, &self.variables),
            ),
            Job::SelfSigned => self.verdict(
                lab.their_self_signed(&self.path, &self.variables),
                lab.our_self_signed(&self.path, &self.variables),
            ),
        });
        verdicts.map(|verdict| format!("{}: {verdict}", self.path.display())).collect()
    }

    fn verdict<T: PartialEq + std::fmt::Debug>(
        &self,
        theirs: Result<T, String>,
        ours: Result<T, issuer::conf::Error>,
    ) -> Option<String> {
        let ours = ours.map_err(|error| error.to_string());
        let expected = match (&self.expected, &theirs, &ours) {
            (Expected::Same, Ok(theirs), Ok(ours)) => theirs == ours,
            (Expected::BothRefuse(message), Err(_), Err(ours))
            | (Expected::OnlyWeRefuse(message), Ok(_), Err(ours)) => {
                !message.is_empty() && ours.starts_with(message)
            }
            _ => false,
        };
        (!expected)
            .then(|| format!("\n  OpenSSL   {}\n  Touchmark {}", shown(&theirs), shown(&ours)))
    }
}

fn shown<T: std::fmt::Debug>(result: &Result<T, String>) -> String {
    match result {
        Ok(value) => format!("{value:02x?}"),
        Err(message) => format!("refuses: {}", message.trim_end().replace('\n', "\n            ")),
    }
}
