//! How often the card is asked for one job, by Touchmark and by Yubico's tools, counted by the card;
//! and how fast a batch signs through pcscd. All in one run, on one virtual key after the other.
//!
//! Each tool does the job as its manual has it, a process each, on a key that is in the same state; but
//! yubico-piv-tool 2.2 knows no management keys but 3DES ones, and is given one. A job that a tool cannot
//! do, or that it fails at (with the reason), has no figure.

#![cfg_attr(
    target_os = "linux",
    expect(
        clippy::unwrap_used,
        clippy::panic,
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
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};
    use std::sync::Arc;
    use std::time::{Duration, Instant};
    use std::{env, fs};

    use backend_yubikey::YubiKeyBackend;
    use pcscd_lab::Lab;
    use signer_core::{
        Backend, KeyPolicy, KeySpec, Locator, OpenContext, PinGuard, PinPolicy, SecretKind,
        SecretSpec, Secrets,
    };
    use tempfile::TempDir;
    use touchmark_tests::drawer::Drawer;
    use touchmark_tests::fleet;
    use virtual_yubikey::{Card, Device};

    const PROGRAM: &str = env!("CARGO_BIN_EXE_touchmark-at-readers");
    const SERIAL: u32 = 16_021_234;
    const KEY: &str = "010203040506070801020304050607080102030405060708";
    const DES_KEY: &str = "4d616e6167656d656e744b6579466f7254657374735f3031";
    const BATCH: usize = 1_000;
    const SECONDS: Duration = Duration::from_secs(2);

    /// One job in the words of each tool.
    struct Job {
        name: &'static str,
        ours: &'static str,
        ykman: &'static str,
        piv_tool: &'static str,
    }

    const JOBS: [Job; 7] = [
        Job {
            name: "what the token holds",
            ours: "token info",
            ykman: "info",
            piv_tool: "-a status",
        },
        Job {
            name: "PIN change",
            ours: "pin change --pin file:pin --new-pin file:other-pin",
            ykman: "access change-pin --pin 123456 --new-pin 64209753",
            piv_tool: "-a change-pin -P 123456 -N 64209753",
        },
        Job {
            name: "CSR",
            ours: "csr --config dak.conf --out ours.csr",
            ykman: "certificates request 9a public.pem theirs.csr --subject CN=dak --pin 123456",
            piv_tool: "-a verify-pin -P 123456 -a request-certificate -s 9a -S /CN=dak/ \
                       -i public.pem -o theirs.csr",
        },
        Job {
            name: "self-signed certificate",
            ours: "cert self-sign --config dak.conf --days 365 --out ours.crt",
            ykman: "",
            piv_tool: "-a verify-pin -P 123456 -a selfsign-certificate -s 9a -S /CN=dak/ \
                       -i public.pem -o theirs.crt",
        },
        Job {
            name: "the same, stored",
            ours: "cert self-sign --config dak.conf --days 365 --store",
            ykman: "certificates generate 9a public.pem --subject CN=dak --pin 123456 \
                    --management-key KEY",
            piv_tool: "-a verify-pin -P 123456 -a selfsign-certificate -s 9a -S /CN=dak/ \
                       -i public.pem -o theirs.crt -a import-certificate -kKEY",
        },
        Job {
            name: "certificate import",
            ours: "cert import dak.crt",
            ykman: "certificates import 9a dak.crt --management-key KEY",
            piv_tool: "-a import-certificate -s 9a -i dak.crt -kKEY",
        },
        Job {
            name: "one signature",
            ours: "sign data --out ours.sig",
            ykman: "",
            piv_tool: "-a verify-pin -P 123456 --sign -s 9a -A ECCP256 -H SHA256 -i data \
                       -o theirs.sig",
        },
    ];

    /// A vendor's certificates for issuing keys have 700 to 900 octets, and so has this one.
    const CA_EXTENSIONS: &str = "basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,digitalSignature,keyCertSign
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid:always,issuer:always
crlDistributionPoints=URI:http://crl.pki.example.com/devices/manufacturer.crl
certificatePolicies=1.3.6.1.4.1.99999.1
";

    /// Set in the environment of the process that signs.
    const INSIDE: &str = "TOUCHMARK_BENCH_SIGNS";

    pub(super) fn main() {
        if env::var_os(INSIDE).is_some() {
            println!("  through pcscd           {:>7.0}", signatures(&YubiKeyBackend::default()));
            return;
        }
        for model in ["5.4.3", "5.7.1"] {
            round_trips(model);
        }
        println!("P-256 signatures a second in one session, each checked");
        let desk = Desk::new("5.7.1");
        let mut itself = desk.lab.command(env::current_exe().unwrap());
        let signs = itself.current_dir(desk.folder.path()).env(INSIDE, "1").status().unwrap();
        assert!(signs.success());
        in_process();
        batch();
    }

    /// The same key in this process, out of a drawer.
    fn in_process() {
        let folder = TempDir::new().unwrap();
        Drawer::add(folder.path(), "5.7.1".parse().unwrap(), SERIAL).unwrap();
        fs::write(folder.path().join("pin"), "123456").unwrap();
        fs::write(folder.path().join("key"), KEY).unwrap();
        env::set_current_dir(folder.path()).unwrap();
        let backend = YubiKeyBackend::new(Arc::new(Drawer::new(folder.path())));
        let mut token = backend.open(&locator(), &context()).unwrap();
        let policy = KeyPolicy { pin: Some(PinPolicy::Once), touch: None };
        let manager = token.key_manager().unwrap();
        manager.generate(&backend.key(&locator()).unwrap(), KeySpec::P256, policy).unwrap();
        drop(token);
        println!("  in this process         {:>7.0}", signatures(&backend));
    }

    /// Two seconds of signatures. The secrets are in files in the working folder.
    fn signatures(backend: &YubiKeyBackend) -> f64 {
        let mut token = backend.open(&locator(), &context()).unwrap();
        let signer = token.signer(&backend.key(&locator()).unwrap(), None).unwrap();
        let mut session = signer.session().unwrap();
        session.sign(b"what is signed").unwrap();
        let start = Instant::now();
        let mut count = 0_u32;
        while start.elapsed() < SECONDS {
            session.sign(b"what is signed").unwrap();
            count += 1;
        }
        f64::from(count) / start.elapsed().as_secs_f64()
    }

    fn locator() -> Locator {
        format!("yubikey:serial={SERIAL};slot=9a").parse().unwrap()
    }

    fn context() -> OpenContext {
        let file = |name: &str| SecretSpec::File(name.into());
        let secrets = Secrets::new()
            .with(SecretKind::Pin, file("pin"))
            .with(SecretKind::ManagementKey, file("key"));
        let guard = PinGuard::new().in_folder("guard");
        OpenContext { secrets, guard, ..OpenContext::default() }
    }

    fn round_trips(model: &str) {
        println!(
            "APDUs for one job, a process each, firmware {model}, a P-256 key of policy once in 9a"
        );
        println!("  {:<26} {:>9} {:>9} {:>16}", "", "touchmark", "ykman", "yubico-piv-tool");
        let mut why = Vec::new();
        for Job { name, ours, ykman, piv_tool } in JOBS {
            let ykman = match ykman {
                "" => String::new(),
                words => format!("--device {SERIAL} piv {words}"),
            };
            let mut count = |program: &Path, words: &str, key: Key| match words {
                "" => "-".to_owned(),
                words => {
                    let desk = Desk::new(model);
                    if key == Key::Des {
                        desk.take_des();
                    }
                    match desk.counted(program, &words.replace("KEY", key.text())) {
                        Ok(apdus) => apdus.to_string(),
                        Err(said) => {
                            let said = said.lines().last().unwrap_or_default().to_owned();
                            why.push(format!("{name}, {}: {said}", program.display()));
                            "fails".to_owned()
                        }
                    }
                }
            };
            let ours = count(Path::new(PROGRAM), ours, Key::Factory);
            let ykman = count(&self::ykman(), &ykman, Key::Factory);
            let piv_tool = count(Path::new("yubico-piv-tool"), piv_tool, Key::Des);
            println!("  {name:<26} {ours:>9} {ykman:>9} {piv_tool:>16}");
        }
        println!(
            "  (touchmark's include the serial number, the counter before a PIN, the key's own public \
             half, and leaving nothing verified; yubico-piv-tool resets the card instead, which no APDU \
             tells of)"
        );
        for why in why {
            println!("  {why}");
        }
    }

    /// The management key that a tool is given.
    #[derive(Clone, Copy, PartialEq)]
    enum Key {
        Factory,
        Des,
    }

    impl Key {
        fn text(self) -> &'static str {
            match self {
                Self::Factory => KEY,
                Self::Des => DES_KEY,
            }
        }
    }

    /// A batch of certificates through pcscd.
    fn batch() {
        println!(
            "a batch of {BATCH} certificates through pcscd, ledger and files included (yubico-piv-tool \
             knows no batch: each of its signatures costs what one costs above)"
        );
        for (policy, wanted) in [("never", 1.0), ("once", 1.0), ("always", 2.0)] {
            let desk = Desk::with_policy("5.7.1", policy);
            fleet::write_csrs(&desk.path("device.conf"), &desk.path("csrs"), BATCH);
            let total = desk.total();
            let start = Instant::now();
            desk.ours("issue --batch csrs --out-dir out --quiet");
            let took = start.elapsed();
            let signed = desk.lab.keys()[0].device().log().count("GENERAL AUTHENTICATE sign");
            assert!(signed >= BATCH as u64, "{signed} signatures");
            let each = (desk.total() - total) as f64 / BATCH as f64;
            println!(
                "  policy {policy:<8} {:>6.0} certificates a second, {each:.3} APDUs each (wanted: \
                 {wanted} and what a turn costs)",
                rate(took)
            );
        }
    }

    fn rate(took: Duration) -> f64 {
        BATCH as f64 / took.as_secs_f64()
    }

    fn ykman() -> PathBuf {
        pcscd_lab::tool("ykman/bin/ykman").unwrap()
    }

    /// A key with a P-256 key and its certificate in 9a, and a folder for the tools.
    struct Desk {
        lab: Lab,
        folder: TempDir,
    }

    impl Desk {
        fn new(model: &str) -> Self {
            Self::with_policy(model, "once")
        }

        fn with_policy(model: &str, policy: &str) -> Self {
            let card = Card::with_serial(model.parse().unwrap(), SERIAL);
            let lab = Lab::start([Device::new(card)]).unwrap();
            let desk = Self { lab, folder: TempDir::new().unwrap() };
            let settings = format!(
                "default-signer = \"key\"\n[signer.key]\nlocator = \"yubikey:serial={SERIAL};slot=9a\"\n\
                 pin = \"file:pin\"\nmanagement-key = \"file:key\"\ncertificate = \"dak.crt\"\n\
                 [issue]\nextfile = \"device.conf\"\nextensions = \"req_ext\"\ndays = 365\n\
                 ledger = \"sqlite:touchmark.db\"\n"
            );
            let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
            fs::copy(data.join("device.conf"), desk.path("device.conf")).unwrap();
            fs::copy(data.join("dak.conf"), desk.path("dak.conf")).unwrap();
            for (name, text) in [
                ("touchmark.toml", settings.as_str()),
                ("pin", "123456"),
                ("other-pin", "64209753"),
                ("key", KEY),
                ("des-key", DES_KEY),
                ("data", "what is signed"),
                // ykman ends programs that it takes for holders of the key.
                ("pkill", "#!/bin/sh\n"),
            ] {
                fs::write(desk.path(name), text).unwrap();
                let mode = if name == "pkill" { 0o700 } else { 0o600 };
                fs::set_permissions(desk.path(name), fs::Permissions::from_mode(mode)).unwrap();
            }
            desk.ours(&format!("key generate --pin-policy {policy}"));
            desk.ours("csr --config dak.conf --out dak.csr");
            desk.run(Path::new("openssl"), "req -in dak.csr -pubkey -noout -out public.pem")
                .unwrap();
            fs::write(desk.path("ca.ext"), CA_EXTENSIONS).unwrap();
            desk.run(
                Path::new("openssl"),
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key \
                 -subj /C=US/ST=Washington/L=Seattle/O=Example/OU=Devices/CN=Manufacturer -days 3650 \
                 -out ca.crt",
            )
            .unwrap();
            desk.run(
                Path::new("openssl"),
                "x509 -req -in dak.csr -CA ca.crt -CAkey ca.key -days 3650 -extfile ca.ext \
                 -out dak.crt",
            )
            .unwrap();
            desk
        }

        /// Gives the key a management key of the kind that all tools know.
        fn take_des(&self) {
            self.ours("management-key change --algorithm 3des --new-management-key file:des-key");
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn total(&self) -> u64 {
            self.lab.keys()[0].device().log().total()
        }

        fn ours(&self, words: &str) {
            self.run(Path::new(PROGRAM), words).unwrap_or_else(|said| panic!("{words}: {said}"));
        }

        /// How many APDUs a program needs for what its words say, or what it says when it fails.
        fn counted(&self, program: &Path, words: &str) -> Result<u64, String> {
            let before = self.total();
            self.run(program, words)?;
            Ok(self.total() - before)
        }

        fn run(&self, program: &Path, words: &str) -> Result<(), String> {
            let path = env::var("PATH").unwrap();
            let mut command: Command = self.lab.command(program);
            let output = command
                .current_dir(self.folder.path())
                .env("HOME", self.folder.path())
                .env("PATH", format!("{}:{path}", self.folder.path().display()))
                .env_remove("XDG_STATE_HOME")
                .env_remove("XDG_CONFIG_HOME")
                .args(words.split_whitespace())
                .stdin(Stdio::null())
                .output()
                .unwrap();
            match output.status.success() {
                true => Ok(()),
                false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            }
        }
    }
}
