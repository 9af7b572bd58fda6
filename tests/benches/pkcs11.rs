//! A batch on SoftHSM2, side by side with what else issues or signs with a key behind PKCS#11: a
//! process of `openssl x509 -req` for each certificate, by way of the PKCS#11 engine, and one of
//! `pkcs11-tool --sign` for each signature alone. What counts are the ratios of each round.

#![cfg_attr(
    target_os = "linux",
    expect(
        clippy::unwrap_used,
        clippy::print_stdout,
        clippy::indexing_slicing,
        reason = "a bench prints, and stops where it fails"
    )
)]

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};
    use std::time::Instant;

    use tempfile::TempDir;
    use touchmark_tests::fleet;
    use touchmark_tests::modules::{Maker, Tokens};
    use touchmark_tests::program::owner_only;

    const PROGRAM: &str = env!("CARGO_BIN_EXE_touchmark-under-test");
    const PIN: &str = "24681357";
    const BATCH: usize = 2_000;
    /// Of the others: they take as long each, however many there are.
    const DEVICES: usize = 20;
    const ROUNDS: usize = 7;

    pub(super) fn main() {
        let bench = Bench::new();
        fleet::write_csrs(&bench.path("device.conf"), &bench.path("csrs"), BATCH);
        fs::write(bench.path("digest"), [7; 32]).unwrap();
        let rounds: Vec<[f64; 3]> = (0..ROUNDS)
            .map(|round| {
                let issue = format!(
                    "issue --quiet --batch csrs --out-dir out{round} --ledger sqlite:{round}.db"
                );
                let ours = timed(BATCH, || bench.touchmark(&issue));
                let engine = timed(DEVICES, || {
                    for n in 0..DEVICES {
                        bench.openssl_by_engine(n);
                    }
                });
                let tool = timed(DEVICES, || {
                    for _ in 0..DEVICES {
                        bench.pkcs11_tool_signs();
                    }
                });
                [ours, engine, tool]
            })
            .collect();
        let middle = |of: &dyn Fn(&[f64; 3]) -> f64| {
            let mut all: Vec<f64> = rounds.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all.get(ROUNDS / 2).copied().unwrap()
        };
        let [ours, engine, tool] = [0, 1, 2].map(|who| middle(&|round| round[who]));
        let [by_engine, by_tool] = [1, 2].map(|who| middle(&|round| round[who] / round[0]));
        println!("with a key in SoftHSM2 (medians of {ROUNDS} interleaved rounds)");
        println!("  touchmark, a batch of {BATCH}, ledger and files  {ours:8.3} ms a certificate");
        println!("  openssl x509 -req by the PKCS#11 engine      {engine:8.3} ms a certificate");
        println!(
            "  times faster                                 {by_engine:8.1}   (wanted: at least 20)"
        );
        println!("  pkcs11-tool --sign                           {tool:8.3} ms a signature");
        println!(
            "  times faster                                 {by_tool:8.1}   (wanted: at least 20)"
        );
    }

    /// A token with a DAK in it, and its certificate.
    struct Bench {
        folder: TempDir,
        tokens: Tokens,
    }

    impl Bench {
        fn new() -> Self {
            let folder = TempDir::new().unwrap();
            let tokens = Tokens::new(folder.path(), Maker::SoftHsm);
            let bench = Self { folder, tokens };
            let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
            for name in ["dak.conf", "device.conf"] {
                fs::copy(data.join(name), bench.path(name)).unwrap();
            }
            let settings = format!(
                "default-signer = \"hsm\"\n[signer.hsm]\n\
                 locator = \"pkcs11:token=factory;object=dak?module-path={}\"\n\
                 certificate = \"dak.pem\"\npin = \"file:pin\"\nso-pin = \"file:pin\"\n\
                 [issue]\nextfile = \"device.conf\"\nextensions = \"req_ext\"\ndays = 1825\n",
                bench.tokens.module().display()
            );
            let ca = "[ca]\nbasicConstraints=critical,CA:TRUE,pathlen:0\n\
                      keyUsage=critical,digitalSignature,keyCertSign\nsubjectKeyIdentifier=hash\n";
            for (name, text) in [("pin", PIN), ("touchmark.toml", &settings), ("ca.conf", ca)] {
                fs::write(bench.path(name), text).unwrap();
                owner_only(&bench.path(name));
            }
            bench.touchmark(
                "token init --label-confirm factory --new-pin file:pin --new-so-pin file:pin",
            );
            bench.touchmark("csr --generate --config dak.conf --out dak.csr");
            for line in [
                "ecparam -name prime256v1 -genkey -noout -out root.key",
                "req -x509 -new -subj /CN=Root -key root.key -days 7400 -out root.pem",
                "x509 -req -in dak.csr -CA root.pem -CAkey root.key -days 7305 -extfile ca.conf \
                 -extensions ca -out dak.pem",
            ] {
                bench.run(Command::new("openssl").args(line.split_whitespace()));
            }
            bench
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn touchmark(&self, words: &str) {
            self.run(Command::new(PROGRAM).args(words.split_whitespace()));
        }

        fn openssl_by_engine(&self, n: usize) {
            let key = format!("pkcs11:token=factory;object=dak;type=private;pin-value={PIN}");
            let words = format!(
                "x509 -req -in csrs/{n:07}.csr -extfile device.conf -extensions req_ext -CA dak.pem \
                 -engine pkcs11 -CAkeyform engine -CAkey {key} -days 1825 -sha256 -out theirs.pem"
            );
            let mut openssl = Command::new("openssl");
            openssl.args(words.split_whitespace()).env("PKCS11_MODULE_PATH", self.tokens.module());
            self.run(&mut openssl);
        }

        fn pkcs11_tool_signs(&self) {
            let mut tool = Command::new("pkcs11-tool");
            tool.arg("--module").arg(self.tokens.module());
            tool.args([
                "--token-label",
                "factory",
                "--login",
                "--pin",
                PIN,
                "--sign",
                "-m",
                "ECDSA",
            ]);
            tool.args(["--label", "dak", "-i", "digest", "-o", "theirs.sig"]);
            self.run(&mut tool);
        }

        fn run(&self, command: &mut Command) {
            self.tokens.show(command);
            let output = command
                .current_dir(self.folder.path())
                .env("HOME", self.folder.path())
                .env_remove("XDG_STATE_HOME")
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{command:?}: {said}");
        }
    }

    /// Milliseconds for each of the `count` things that are done.
    fn timed(count: usize, work: impl FnOnce()) -> f64 {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1_000.0 / count as f64
    }
}
