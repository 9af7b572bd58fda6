//! Many processes, one ledger, one folder: all is issued, once, and nothing fails.
//!
//! The documented `openssl x509 -req -CAcreateserial` fails in every tenth case under this load, and
//! gives serial numbers out twice. 1,000 certificates by default; `TOUCHMARK_SOAK=4` makes it 4,000.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::process::{Output, Stdio};

use touchmark_tests::line::{Line, count};
use touchmark_tests::program::{Program, ended, inspect, write_requests};
use touchmark_tests::soak_up_to;

const PROCESSES: usize = 8;

/// Starts one process per command, all at once, and waits for all of them.
fn all_at_once(program: &Program<'_>, commands: &[String]) -> Vec<Output> {
    let children: Vec<_> = commands
        .iter()
        .map(|command| {
            let mut command = program.command(command);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

#[test]
fn eight_processes_with_folders_of_their_own_share_a_ledger_and_an_output_folder() {
    let each = 125 * soak_up_to(4);
    let line = Line::new();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    let mut commands = Vec::new();
    for station in 0..PROCESSES {
        let folder = format!("csrs-{station}");
        write_requests(&line, &folder, &format!("S{station}-"), each);
        // The outputs share a folder, so every station's need names of their own.
        for n in 0..each {
            let from = line.path(&format!("{folder}/{n:04}.csr"));
            std::fs::rename(from, line.path(&format!("{folder}/{station}-{n:04}.csr"))).unwrap();
        }
        commands.push(format!("issue --batch {folder} --out-dir out"));
    }
    for output in all_at_once(&program, &commands) {
        let said = ended(0, &output, "a station");
        assert!(said.contains(&format!("{each} signed, 0 from the ledger")), "{said}");
    }
    let found = inspect(&line, "out");
    found.is_finished(&line, "out", PROCESSES * each);
    assert_eq!(found.serials, PROCESSES * each);
    assert_eq!(count(&line.ledger(), "refused") + count(&line.ledger(), "abandoned"), 0);
    program.expect(0, "ledger verify");
}

#[test]
fn eight_processes_with_the_same_folder_issue_each_certificate_once() {
    let devices = 300 * soak_up_to(4);
    let line = Line::new();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    write_requests(&line, "csrs", "G3A0", devices);
    let commands = vec!["issue --batch csrs --out-dir out".to_owned(); PROCESSES];
    let mut signed = 0;
    for output in all_at_once(&program, &commands) {
        let said = ended(0, &output, "a station");
        let number: usize = said.split(' ').next().unwrap().parse().unwrap();
        signed += number;
        assert!(said.contains(&format!("{} from the ledger", devices - number)), "{said}");
    }
    assert_eq!(signed, devices);
    let found = inspect(&line, "out");
    found.is_finished(&line, "out", devices);
    assert_eq!(count(&line.ledger(), "issued"), devices);
}

#[test]
fn single_requests_from_eight_processes_at_a_time_all_succeed() {
    let line = Line::new();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    let rounds = 4 * soak_up_to(4);
    write_requests(&line, "csrs", "G3A0", PROCESSES * rounds / 2);
    std::fs::create_dir(line.path("out")).unwrap();
    for round in 0..rounds {
        // Two processes for each request, into the same files.
        let command = |process: usize| {
            let n = round * PROCESSES / 2 + process / 2;
            format!(
                "issue --csr csrs/{n:04}.csr --out out/{n:04}.pem --chain-out out/{n:04}.chain.pem \
                 --public-key-out out/{n:04}.pub.txt"
            )
        };
        let commands: Vec<_> = (0..PROCESSES).map(command).collect();
        for (output, command) in all_at_once(&program, &commands).iter().zip(&commands) {
            ended(0, output, command);
        }
    }
    let devices = PROCESSES * rounds / 2;
    inspect(&line, "out").is_finished(&line, "out", devices);
    assert_eq!(count(&line.ledger(), "issued"), devices);
}

#[test]
fn one_device_id_wanted_by_eight_processes_goes_to_one() {
    let line = Line::new();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    for n in 0..PROCESSES {
        write_requests(&line, &format!("csrs-{n}"), "SAME-", 1);
    }
    let commands: Vec<_> =
        (0..PROCESSES).map(|n| format!("issue --csr csrs-{n}/0000.csr --out {n}.pem")).collect();
    let outputs = all_at_once(&program, &commands);
    let won = outputs.iter().filter(|output| output.status.code() == Some(0)).count();
    for output in outputs.iter().filter(|output| output.status.code() != Some(0)) {
        assert!(ended(7, output, "a loser").contains("device-id"));
    }
    assert_eq!(won, 1);
    assert_eq!((0..PROCESSES).filter(|n| line.path(&format!("{n}.pem")).exists()).count(), 1);
    assert_eq!(inspect(&line, "out").certificates.len(), 1);
    assert_eq!(count(&line.ledger(), "refused"), PROCESSES - 1);
}
