//! Signatures a second through [`Signer`], against a bare loop of the same calls, on SoftHSM2.
//!
//! Prints one line for each number of threads. All are measured in turn, many times; the ratio in the
//! middle counts. The bare loop hashes the message, as SoftHSM2 wants it for ECDSA, and neither makes DER nor
//! minds its time.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "it is a program that prints")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use aws_lc_rs::digest::{SHA256, digest};
use backend_pkcs11::Pkcs11Backend;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use pkcs11_shim::BareSigning;
use signer_core::{
    Backend, KeyPolicy, KeyRef, KeySpec, Locator, NewToken, OpenContext, PinGuard, Secret,
    SecretKind, SecretSpec, Secrets, Signer,
};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "123456";
/// Short and many, so that whatever else the machine does meets both alike; and long beside what is
/// signed together.
const SPELL: Duration = Duration::from_millis(250);
const ROUNDS: usize = 31;
/// As many as a batch hands over together.
const GROUP: usize = 512;
/// The length of what is signed: about that of a device certificate.
const MESSAGE: usize = 600;

fn main() {
    // The module reads where its tokens are from the environment of its process.
    if env::var_os("SOFTHSM2_CONF").is_none() {
        let folder = tempfile::tempdir().unwrap();
        let configuration = folder.path().join("softhsm2.conf");
        fs::create_dir(folder.path().join("tokens")).unwrap();
        let tokens = folder.path().join("tokens");
        fs::write(&configuration, format!("directories.tokendir = {}\n", tokens.display()))
            .unwrap();
        let status = Command::new(env::current_exe().unwrap())
            .env("SOFTHSM2_CONF", configuration)
            .status()
            .unwrap();
        assert!(status.success());
        return;
    }
    let at: Locator = format!("pkcs11:?module-path={MODULE}").parse().unwrap();
    let backend = Pkcs11Backend::new();
    let secret = Secret::new(PIN.as_bytes().to_vec());
    let new = NewToken { label: "bench", so_pin: &secret, pin: &secret };
    let made = backend.initialize(&at, &new, &OpenContext::default()).unwrap();
    let pin = env::temp_dir().join(format!("touchmark-bench-{}.pin", std::process::id()));
    fs::write(&pin, PIN).unwrap();
    let source = SecretSpec::File(pin.display().to_string());
    let context = OpenContext {
        guard: PinGuard::new().without_memory(),
        secrets: Secrets::new().with(SecretKind::Pin, source),
        ..OpenContext::default()
    };
    let mut token = backend.open(&made.locator, &context).unwrap();
    let key = KeyRef::Object { label: Some("dak".into()), id: None };
    token.key_manager().unwrap().generate(&key, KeySpec::P256, KeyPolicy::default()).unwrap();
    let signer = token.signer(&key, None).unwrap();
    fs::remove_file(&pin).unwrap();
    let bare = Bare::new();
    for threads in [1, 2] {
        let rounds: Vec<[f64; 3]> = (0..ROUNDS)
            .map(|_| {
                [bare.rate(threads), in_groups(&signer, threads), one_by_one(&signer, threads)]
            })
            .collect();
        let middle = |of: fn(&[f64; 3]) -> f64| {
            let mut all: Vec<f64> = rounds.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            *all.get(ROUNDS / 2).unwrap()
        };
        println!(
            "{threads} thread(s): C_SignInit and C_Sign {:6.0}/s; through Signer in groups {:6.0}/s, ratio \
             {:.3} (wanted: at least 0.95); one by one {:6.0}/s, ratio {:.3}",
            middle(|it| it[0]),
            middle(|it| it[1]),
            middle(|it| it[1] / it[0]),
            middle(|it| it[2]),
            middle(|it| it[2] / it[0]),
        );
    }
}

/// As a batch does it.
fn in_groups(signer: &Arc<dyn Signer>, threads: u32) -> f64 {
    counted(threads, |deadline| {
        let mut session = signer.session().unwrap();
        let message = [7; MESSAGE];
        let mut count = 0;
        while Instant::now() < deadline {
            session.sign_all(&[&message[..]; GROUP]).unwrap();
            count += u32::try_from(GROUP).unwrap();
        }
        count
    })
}

/// As it is where each signature has to be there before the next thing is signed.
fn one_by_one(signer: &Arc<dyn Signer>, threads: u32) -> f64 {
    counted(threads, |deadline| {
        let mut session = signer.session().unwrap();
        let message = [7; MESSAGE];
        let mut count = 0;
        while Instant::now() < deadline {
            session.sign(&message).unwrap();
            count += 1;
        }
        count
    })
}

/// The same module, called as plainly as can be. It is initialised already, and logged in.
struct Bare {
    pkcs11: Pkcs11,
    slot: Slot,
    signing: BareSigning,
}

impl Bare {
    fn new() -> Self {
        let pkcs11 = Pkcs11::new(MODULE).unwrap();
        // Ours already; whoever is second is told so.
        let _ = pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
        let slots = pkcs11.get_slots_with_initialized_token().unwrap();
        let signing = BareSigning::of(Path::new(MODULE)).unwrap();
        Self { slot: *slots.first().unwrap(), pkcs11, signing }
    }

    fn rate(&self, threads: u32) -> f64 {
        counted(threads, |deadline| {
            let session = self.pkcs11.open_ro_session(self.slot).unwrap();
            let _ = session.login(UserType::User, Some(&AuthPin::new(PIN.into())));
            let template = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
            let key = *session.find_objects(&template).unwrap().first().unwrap();
            let message = [7; MESSAGE];
            let mut count = 0;
            while Instant::now() < deadline {
                let hash = digest(&SHA256, &message);
                self.signing
                    .sign(session.handle(), key.handle(), hash.as_ref().try_into().unwrap())
                    .unwrap();
                count += 1;
            }
            count
        })
    }
}

/// Signatures a second, of all threads together. Each is timed for as long as it worked itself: one
/// ends its last group later than the other.
fn counted(threads: u32, work: impl Fn(Instant) -> u32 + Sync) -> f64 {
    let rate = || {
        let started = Instant::now();
        let count = work(started + SPELL);
        f64::from(count) / started.elapsed().as_secs_f64()
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(rate)).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}
