//! The `yubikey` crate, a client of its own.
//!
//! `libpcsclite` looks for pcscd where the environment of its process says, so a test runs itself
//! once more, with that environment; what it does there is in another variable.

use std::{env, fs, process::Command};

use der::{EncodePem, pem::LineEnding};
use yubikey::{
    Certificate, Error, MgmAlgorithmId, MgmKey, PinPolicy, Serial, TouchPolicy, YubiKey,
    certificate::CertInfo,
    piv::{self, AlgorithmId, Key, RetiredSlotId, SlotId},
};

use crate::desk::{Desk, KEY, PIN, PUK, SERIAL};

/// What the process that is the client shall do.
const ACT: &str = "OTHERS_AGREE_ACT";

const SECOND_PIN: &str = "864209";
const AES_OR_3DES: &str = "a1b2c3d4e5f60718a1b2c3d4e5f607192a3b4c5d6e7f8091";

/// One after the other at the same key, several times.
pub(crate) fn the_yubikey_crate_and_touchmark_take_turns(model: &str) {
    if let Some(act) = env::var_os(ACT) {
        return client(act.to_str().unwrap());
    }
    let desk = Desk::new(model);
    desk.found_authority();
    desk.touchmark("9a", "key generate").done();
    desk.public_key("9a", "9a.pem");
    let names: Vec<String> = (0..160).map(|n| format!("DNS:device-{n:03}.example.com")).collect();
    desk.write("names", format!("subjectAltName={}", names.join(",")));
    desk.certify("9a", "large.crt", "-extfile names");
    desk.touchmark("9a", "cert import large.crt").done();
    acts(&desk, model, "fail-to-read-compressed");
    desk.certify("9a", "small.crt", "");
    desk.touchmark("9a", "cert import small.crt").done();
    acts(&desk, model, "read");
    assert_eq!(desk.pem("crate.crt"), desk.pem("small.crt"));
    desk.judge_signature("9a.pem", "crate.sig", "sha256");
    if desk.facts.metadata {
        assert_eq!(desk.read("crate.pem"), desk.read("9a.pem"));
    }

    desk.keep("new-pin", SECOND_PIN);
    desk.touchmark("9a", "pin change --new-pin file:new-pin").done();
    acts(&desk, model, "change-pin-back");
    desk.touchmark("9a", "pin verify").done();

    acts(&desk, model, "make");
    desk.public_key("82", "82-read.pem");
    assert_eq!(desk.read("82-read.pem"), desk.read("82.pem"));
    desk.touchmark("82", "sign message --out 82.sig").done();
    desk.judge_signature("82.pem", "82.sig", "sha256");
    desk.touchmark("82", "cert export --out 82.crt").done();
    assert_eq!(desk.pem("82.crt"), desk.pem("small.crt"));

    // Kept on the card by one, used from there by the other.
    acts(&desk, model, "protect");
    desk.touchmark_as("kept-9a", "token info").done_saying(&["behind the PIN"]);
    desk.touchmark_as("kept-9a", "cert delete").done();
    desk.touchmark_as("kept-9a", "management-key change --protect").done();
    acts(&desk, model, "use-protected");

    desk.touchmark("9a", "token reset --serial-confirm 16021234").done();
    acts(&desk, model, "find-nothing");
}

fn acts(desk: &Desk, model: &str, act: &str) {
    let test = format!("the_yubikey_crate_and_touchmark_take_turns::a_{}", model.replace('.', "_"));
    let mut itself: Command = desk.command(env::current_exe().unwrap());
    let output = itself.args(["--exact", &test, "--nocapture"]).env(ACT, act).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{act}: {}", String::from_utf8_lossy(&said));
}

fn client(act: &str) {
    let mut key = YubiKey::open_by_serial(Serial(SERIAL)).unwrap();
    let key = &mut key;
    let version = key.version();
    let newest = (version.major, version.minor) >= (5, 7);
    let kind = if newest { MgmAlgorithmId::Aes192 } else { MgmAlgorithmId::ThreeDes };
    let management = MgmKey::from_bytes(hex(KEY), Some(kind)).unwrap();
    let retired = SlotId::Retired(RetiredSlotId::R1);
    match act {
        // It does not look at the element that says so.
        "fail-to-read-compressed" => {
            let read = Certificate::read(key, SlotId::Authentication);
            assert_eq!(read.err(), Some(Error::InvalidObject));
        }
        "read" => {
            let read = Certificate::read(key, SlotId::Authentication).unwrap();
            fs::write("crate.crt", read.cert.to_pem(LineEnding::LF).unwrap()).unwrap();
            let slots: Vec<SlotId> = Key::list(key).unwrap().iter().map(Key::slot).collect();
            assert!(slots.contains(&SlotId::Authentication), "{slots:?}");
            if (version.major, version.minor) >= (5, 3) {
                let metadata = piv::metadata(key, SlotId::Authentication).unwrap();
                let public = metadata.public.unwrap().to_pem(LineEnding::LF).unwrap();
                fs::write("crate.pem", public).unwrap();
            }
            key.verify_pin(PIN.as_bytes()).unwrap();
            let digest = Command::new("openssl")
                .args(["dgst", "-sha256", "-binary", "message"])
                .output()
                .unwrap()
                .stdout;
            let slot = SlotId::Authentication;
            let signature = piv::sign_data(key, &digest, AlgorithmId::EccP256, slot).unwrap();
            fs::write("crate.sig", &*signature).unwrap();
        }
        "change-pin-back" => {
            assert!(key.verify_pin(PIN.as_bytes()).is_err());
            key.verify_pin(SECOND_PIN.as_bytes()).unwrap();
            key.change_pin(SECOND_PIN.as_bytes(), PIN.as_bytes()).unwrap();
            key.change_puk(PUK.as_bytes(), PUK.as_bytes()).unwrap();
        }
        "make" => {
            key.authenticate(&management).unwrap();
            let (touch, policy) = (TouchPolicy::Default, PinPolicy::Default);
            let public = piv::generate(key, retired, AlgorithmId::EccP256, policy, touch).unwrap();
            fs::write("82.pem", public.to_pem(LineEnding::LF).unwrap()).unwrap();
            // Any certificate: what is tried is the object.
            let pem = fs::read_to_string("small.crt").unwrap();
            let (_, der) = der::pem::decode_vec(pem.as_bytes()).unwrap();
            let certificate = Certificate::from_bytes(der).unwrap();
            certificate.write(key, retired, CertInfo::Uncompressed).unwrap();
        }
        "protect" => {
            key.verify_pin(PIN.as_bytes()).unwrap();
            key.authenticate(&management).unwrap();
            let protected = MgmKey::from_bytes(hex(AES_OR_3DES), Some(kind)).unwrap();
            protected.set_protected(key).unwrap();
        }
        "use-protected" => {
            key.verify_pin(PIN.as_bytes()).unwrap();
            let read = MgmKey::get_protected(key).unwrap();
            key.authenticate(&read).unwrap();
            assert!(key.authenticate(&management).is_err());
        }
        "find-nothing" => {
            let slots: Vec<SlotId> = Key::list(key).unwrap().iter().map(Key::slot).collect();
            assert!(slots.iter().all(|slot| *slot == SlotId::Attestation), "{slots:?}");
            assert_eq!(key.get_pin_retries(), Ok(3));
            key.verify_pin(PIN.as_bytes()).unwrap();
            key.authenticate(&management).unwrap();
        }
        other => panic!("{other}?"),
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
