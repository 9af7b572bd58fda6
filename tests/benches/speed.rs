//! How fast the line is, always side by side with what it is compared to, in one run.
//!
//! The program under test is a whole process each time, ledger and files included. Figures are
//! medians of interleaved rounds; what counts are the ratios.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and stops where it fails"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use backend_soft::SoftBackend;
use issuer::csr::Csr;
use signer_core::{Backend, KeyRef, Locator, OpenContext, Signer, VerifyingKey};
use tempfile::TempDir;
use touchmark_tests::fleet;

const PROGRAM: &str = env!("CARGO_BIN_EXE_touchmark-under-test");
const BATCH: usize = 5_000;
const ROUNDS: usize = 3;

fn main() {
    let bench = Bench::new();
    fleet::write_csrs(&bench.path("device.conf"), &bench.path("csrs"), BATCH);
    single_process(&bench);
    batch(&bench);
    memory(&bench);
}

/// One `touchmark issue` against one `openssl x509 -req`.
fn single_process(bench: &Bench) {
    const RUNS: usize = 60;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for n in 0..RUNS {
        ours.push(timed(|| {
            let csr = format!("csrs/{n:07}.csr");
            bench.touchmark(
                &["--csr", &csr, "--out", "one.pem", "--chain-out", "one.chain.pem"],
                "one",
            );
        }));
        theirs.push(timed(|| {
            bench.shell(&format!("{OPENSSL_SIGN} -in csrs/{n:07}.csr -out theirs.pem"));
        }));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("one certificate, a process each (medians of {RUNS} interleaved runs)");
    println!("  openssl x509 -req                    {:8.2} ms", millis(theirs));
    println!("  touchmark issue, ledger and chain    {:8.2} ms", millis(ours));
    println!(
        "  ratio                                {:8.2}   (wanted: at most 0.50)",
        ratio(ours, theirs)
    );
}

/// A batch against the documented commands, and against its bare cryptography.
fn batch(bench: &Bench) {
    const DEVICES: usize = 40;
    let csrs: Vec<Csr> = (0..BATCH)
        .map(|n| Csr::read(&fs::read(bench.path(&format!("csrs/{n:07}.csr"))).unwrap()).unwrap())
        .collect();
    let signer = bench.signer();
    let (mut shell, mut limit, mut bare, mut full) = (vec![], vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        limit.push(each(BATCH, || bare_cryptography(&csrs, &*signer)));
        let ledger = format!("bare{round}");
        bare.push(each(BATCH, || bench.touchmark(&["--batch", "csrs", "--no-files"], &ledger)));
        let out = format!("out{round}");
        let ledger = format!("full{round}");
        full.push(each(BATCH, || {
            bench.touchmark(&["--batch", "csrs", "--out-dir", &out], &ledger)
        }));
        shell.push(each(DEVICES, || documented_commands(bench, round * DEVICES, DEVICES)));
    }
    let (shell, limit, bare, full) = (median(shell), median(limit), median(bare), median(full));
    let cores = available_parallelism().unwrap();
    println!("a batch of {BATCH} (medians of {ROUNDS} interleaved rounds, {cores} cores)");
    println!("  documented shell commands            {:8.3} ms a device", millis(shell));
    println!("  touchmark, ledger and three files    {:8.3} ms a device", millis(full));
    println!(
        "  times faster                         {:8.0}   (wanted: at least 200)",
        ratio(shell, full)
    );
    println!("  bare verify + sign + verify          {:8.3} ms a device", millis(limit));
    println!("  touchmark --no-files, ledger on      {:8.3} ms a device", millis(bare));
    println!(
        "  of that limit                        {:8.2}   (wanted: at least 0.50)",
        ratio(limit, bare)
    );
    println!(
        "  cost of files and their durability   {:8.3} ms a device",
        millis(full.saturating_sub(bare))
    );
    println!(
        "  cost of the ledger, gate and parsing {:8.3} ms a device",
        millis(bare.saturating_sub(limit))
    );
}

/// Peak memory of a small and of a large batch.
fn memory(bench: &Bench) {
    const SIZES: [usize; 2] = [1_000, 100_000];
    println!("peak memory of a batch with ledger and files");
    for count in SIZES {
        let folder = format!("many{count}");
        fleet::write_csrs(&bench.path("device.conf"), &bench.path(&folder), count);
        let out = format!("many{count}.out");
        let child = bench.spawn(&["--batch", &folder, "--out-dir", &out], &folder);
        println!("  {count:>7} requests                     {:8.1} MiB", peak_mebibytes(child));
    }
}

const OPENSSL_SIGN: &str = "openssl x509 -req -extfile device.conf -extensions req_ext \
     -CA dak-certificate.pem -CAkey dak_private_key.pem -days 1825 -outform PEM -CAcreateserial \
     -sha256";

/// The documented commands from request to control-log key, device by device.
fn documented_commands(bench: &Bench, first: usize, count: usize) {
    for n in first..first + count {
        bench.shell(&format!(
            "{OPENSSL_SIGN} -in csrs/{n:07}.csr -out d{n}.pem && \
             cat d{n}.pem dak-certificate.pem > d{n}.chain.pem && \
             openssl x509 -in d{n}.pem -pubkey -noout | grep -v '^-' | openssl enc -base64 -d | \
             openssl enc -base64 > d{n}.pub.txt"
        ));
    }
}

/// What no program can go below: each request's signature checked, one signature made and checked.
fn bare_cryptography(csrs: &[Csr], signer: &dyn Signer) {
    let next = AtomicUsize::new(0);
    let issuer = VerifyingKey::new(signer.public_key()).unwrap();
    let algorithm = signer.algorithm().identifier();
    thread::scope(|scope| {
        for _ in 0..available_parallelism().unwrap().get() {
            scope.spawn(|| {
                let mut session = signer.session().unwrap();
                while let Some(csr) = csrs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    csr.verify().unwrap();
                    let signature = session.sign(csr.der()).unwrap();
                    issuer.verify(&algorithm, csr.der(), signature.as_bytes()).unwrap();
                }
            });
        }
    });
}

/// A folder with a DAK made by the documented commands.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: TempDir::new().unwrap() };
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
        for name in ["dak.conf", "device.conf"] {
            fs::copy(data.join(name), bench.path(name)).unwrap();
        }
        let ca = "[ca]\nbasicConstraints=critical,CA:TRUE,pathlen:0\n\
                  keyUsage=critical,digitalSignature,keyCertSign\nsubjectKeyIdentifier=hash\n";
        fs::write(bench.path("ca.conf"), ca).unwrap();
        bench.shell(
            "umask 077; openssl ecparam -name prime256v1 -genkey -noout -out dak_private_key.pem && \
             openssl req -new -config dak.conf -key dak_private_key.pem -out dak.csr && \
             openssl x509 -req -in dak.csr -signkey dak_private_key.pem -days 7305 \
             -extfile ca.conf -extensions ca -out dak-certificate.pem",
        );
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn signer(&self) -> std::sync::Arc<dyn Signer> {
        let locator = Locator::of_file("soft", &self.path("dak_private_key.pem"));
        let mut token = SoftBackend.open(&locator, &OpenContext::default()).unwrap();
        token.signer(&KeyRef::Sole, None).unwrap()
    }

    fn spawn(&self, arguments: &[&str], ledger: &str) -> Child {
        Command::new(PROGRAM)
            .current_dir(self.folder.path())
            .args(["issue", "--quiet", "--signer", "soft:dak_private_key.pem"])
            .args(["--issuer-certificate", "dak-certificate.pem", "--extfile", "device.conf"])
            .args(["--extensions", "req_ext", "--days", "1825"])
            .args(["--ledger", &format!("sqlite:{ledger}.db")])
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn touchmark(&self, arguments: &[&str], ledger: &str) {
        assert!(self.spawn(arguments, ledger).wait().unwrap().success());
    }

    fn shell(&self, line: &str) {
        let status = Command::new("sh")
            .args(["-c", line])
            .current_dir(self.folder.path())
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "{line}");
    }
}

/// The high-water mark of a child's resident memory, read until it ends.
fn peak_mebibytes(mut child: Child) -> f64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(kibibytes) = line.and_then(|line| line.trim().strip_suffix(" kB")) {
            peak = kibibytes.trim().parse::<f64>().unwrap() / 1024.0;
        }
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success());
            return peak;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The time for one of the `count` things that are done.
fn each(count: usize, work: impl FnOnce()) -> Duration {
    timed(work).div_f64(count as f64)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}
