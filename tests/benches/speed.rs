//! How fast the line is, always side by side with what it is compared to, in one run.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and stops where it fails"
)]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use backend_soft::SoftBackend;
use issuer::batch::{DeviceIds, Inputs, issue_batch};
use issuer::conf::{Config, OpenSslCompat, Options};
use issuer::csr::Csr;
use issuer::extension_plan::ExtensionPlan;
use issuer::issue::Terms;
use issuer::issuer::Issuer;
use issuer::output::DeviceFiles;
use issuer::profile::Profile;
use issuer::public_key_text::PublicKeyForm;
use issuer::serial::RandomSerials;
use ledger::{Ledger, OpenOptions};
use signer_core::{Backend, KeyRef, KeySpec, Locator, OpenContext, SystemClock};
use touchmark_tests::fleet;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let mut token = SoftBackend
        .open(&Locator::of_file("soft", &at("key.pem")), &OpenContext::default())
        .unwrap();
    token.key_manager().unwrap().generate(&KeyRef::Sole, KeySpec::P256).unwrap();
    let signer = token.signer(&KeyRef::Sole, None).unwrap();
    std::fs::write(at("ca.conf"), "[ca]\nbasicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,digitalSignature,keyCertSign\nsubjectKeyIdentifier=hash\n").unwrap();
    let st = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-key",
            at("key.pem").to_str().unwrap(),
            "-config",
            data.join("dak.conf").to_str().unwrap(),
            "-days",
            "7305",
            "-out",
            at("dak.pem").to_str().unwrap(),
        ])
        .output()
        .unwrap();
    assert!(st.status.success(), "{}", String::from_utf8_lossy(&st.stderr));
    // issuer certificate with the right extensions
    let _ = std::process::Command::new("openssl")
        .args([
            "req",
            "-new",
            "-key",
            at("key.pem").to_str().unwrap(),
            "-config",
            data.join("dak.conf").to_str().unwrap(),
            "-out",
            at("dak.csr").to_str().unwrap(),
        ])
        .output()
        .unwrap();
    let st = std::process::Command::new("openssl")
        .args([
            "x509",
            "-req",
            "-in",
            at("dak.csr").to_str().unwrap(),
            "-signkey",
            at("key.pem").to_str().unwrap(),
            "-days",
            "7305",
            "-extfile",
            at("ca.conf").to_str().unwrap(),
            "-extensions",
            "ca",
            "-out",
            at("dak.pem").to_str().unwrap(),
        ])
        .output()
        .unwrap();
    assert!(st.status.success());
    let count = 5000;
    fleet::write_csrs(&data.join("device.conf"), &at("csrs"), count);
    let issuer = Issuer::read(signer.clone(), &std::fs::read(at("dak.pem")).unwrap()).unwrap();
    let config = Config::load(&data.join("device.conf"), &Options::operator()).unwrap();
    let extensions = ExtensionPlan::new(config, "req_ext".into(), OpenSslCompat::V3);
    let profile = Profile::built_in("dha").unwrap();
    let terms = Terms {
        issuer: &issuer,
        profile: &profile,
        extensions: &extensions,
        days: 1825,
        reissue: None,
        outlive_issuer: None,
        accept_clock: None,
        serials: &RandomSerials,
        clock: &SystemClock,
        patience: Duration::from_secs(1),
    };
    let inputs = Inputs::read(&at("csrs"), DeviceIds::default()).unwrap();
    for round in 0..3 {
        // limit
        let csrs: Vec<Csr> = (0..inputs.len())
            .map(|n| Csr::read(&std::fs::read(at(&format!("csrs/{n:07}.csr"))).unwrap()).unwrap())
            .collect();
        let next = AtomicUsize::new(0);
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut session = signer.session().unwrap();
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        let Some(csr) = csrs.get(n) else { break };
                        csr.verify().unwrap();
                        let s = session.sign(csr.der()).unwrap();
                        issuer
                            .verifying_key()
                            .verify(&signer.algorithm().identifier(), csr.der(), s.as_bytes())
                            .unwrap();
                    }
                });
            }
        });
        let limit = start.elapsed();
        let run = |files: bool| {
            let db = at(&format!("l{round}{files}.db"));
            let mut ledger = Ledger::open(
                &format!("sqlite:{}", db.display()).parse().unwrap(),
                OpenOptions::new("o", "s"),
            )
            .unwrap();
            let out = at(&format!("out{round}"));
            std::fs::create_dir_all(&out).unwrap();
            let files = files.then(|| DeviceFiles::new(&out, &issuer, PublicKeyForm::Compressed));
            let start = Instant::now();
            let summary =
                issue_batch(&terms, &inputs, files.as_ref(), &mut ledger, &mut |_| {}).unwrap();
            assert_eq!(summary.signed, count as u64);
            start.elapsed()
        };
        let bare = run(false);
        let full = run(true);
        let per = |d: Duration| d.as_secs_f64() * 1e6 / count as f64;
        println!(
            "limit {:.1} us, no files {:.1} us ({:.2} of limit), files {:.1} us",
            per(limit),
            per(bare),
            limit.as_secs_f64() / bare.as_secs_f64(),
            per(full)
        );
    }
}
