//! The `yubikey` crate: what its own integration tests do, and more.
//!
//! `libpcsclite` looks for pcscd where the environment of its process says, so a test runs itself
//! once more, with that environment.

use std::{env, str::FromStr, time::Duration};

use der::{DecodePem, Encode, EncodePem, pem::LineEnding};
use pkcs8::PrivateKeyInfoOwned;
use virtual_yubikey::Algorithm;
use x509_cert::{name::Name, serial_number::SerialNumber, time::Validity};
use yubikey::{
    CccId, Certificate, Error, MgmAlgorithmId, MgmKey, PinPolicy, Serial, TouchPolicy, YubiKey,
    certificate::yubikey_signer::{self, KeyType},
    piv::{self, AlgorithmId, Key, RetiredSlotId, SlotId},
};

use crate::{
    desk::{Desk, SERIAL},
    table::Fault,
};

const CLIENT: &str = "yubikey crate 0.9.0-rc.0";

/// Set in the environment of the process that is the client.
const INSIDE: &str = "PCSCD_LAB_CLIENT";

/// A key's life with the crate.
pub(crate) fn session(model: &str) {
    if env::var_os(INSIDE).is_some() {
        return client(Desk::inside(CLIENT, model));
    }
    let desk = Desk::new(CLIENT, model);
    let test = format!("accepted_by::yubikey_crate::a_{}", model.replace(['.', '-'], "_"));
    let mut itself = desk.command(env::current_exe().unwrap());
    let status = itself.args(["--exact", &test, "--nocapture"]).env(INSIDE, "1").status().unwrap();
    assert!(status.success(), "{status}");
}

fn client(mut desk: Desk) {
    let facts = desk.facts;
    let (pin, puk) = (desk.secrets.pin.as_bytes(), desk.secrets.puk.as_bytes());
    let kind = if desk.since(5, 7, 0) { MgmAlgorithmId::Aes192 } else { MgmAlgorithmId::ThreeDes };
    let management = hex(desk.secrets.key);
    let management = MgmKey::from_bytes(management, Some(kind)).unwrap();

    let mut key = None;
    desk.step("open by serial number", |_| {
        key = Some(YubiKey::open_by_serial(Serial(SERIAL)).unwrap());
    });
    let key = &mut key.unwrap();
    desk.step("version, config, PIN tries", |_| {
        let version = key.version();
        assert_eq!([version.major, version.minor, version.patch], facts.firmware);
        key.config().unwrap();
        assert_eq!(key.get_pin_retries(), Ok(3));
    });
    desk.step("authenticate", |_| {
        if !facts.fips {
            key.authenticate(&MgmKey::get_default(key).unwrap()).unwrap();
        }
        let other = MgmKey::from_bytes([0x5A; 24], Some(kind)).unwrap();
        assert_eq!(key.authenticate(&other), Err(Error::AuthenticationError));
        key.authenticate(&management).unwrap();
    });
    desk.step("CCC and CHUID", |_| {
        assert!(matches!(key.chuid(), Err(Error::NotFound)));
        let ccc = CccId([0x5A; 51]);
        ccc.set(key).unwrap();
        assert_eq!(key.cccid().unwrap(), ccc);
    });
    desk.step("verify PIN", |_| {
        assert_eq!(key.verify_pin(b"000000"), Err(Error::WrongPin { tries: 2 }));
        assert_eq!(key.get_pin_retries(), Ok(2));
        key.verify_pin(pin).unwrap();
        key.authenticate(&management).unwrap();
    });
    desk.step("generate and self-sign P-256", |desk| {
        certify::<p256::NistP256>(desk, key, SlotId::Authentication, "9a");
    });
    desk.step("generate and self-sign P-384, PIN always", |desk| {
        certify::<p384::NistP384>(desk, key, SlotId::Signature, "9c");
    });
    desk.step("generate and self-sign RSA-2048", |desk| {
        type Rsa = yubikey_signer::YubiRsa<yubikey_signer::Rsa2048>;
        certify::<Rsa>(desk, key, SlotId::Retired(RetiredSlotId::R1), "82");
    });
    let has = facts.algorithms.contains(&Algorithm::Rsa3072);
    desk.step_either(has, "generate and self-sign RSA-3072", |desk| {
        type Rsa = yubikey_signer::YubiRsa<yubikey_signer::Rsa3072>;
        let slot = SlotId::Retired(RetiredSlotId::R2);
        if has {
            certify::<Rsa>(desk, key, slot, "83");
        } else {
            let made = generate(key, slot, AlgorithmId::Rsa3072);
            assert_eq!(made.err(), Some(Error::AlgorithmError));
        }
    });
    let step = "generate and self-sign Ed25519";
    let slot = SlotId::Retired(RetiredSlotId::R3);
    if facts.algorithms.contains(&Algorithm::Ed25519) {
        desk.fault(step, Fault::Ed25519OverHash, |desk| {
            self_sign::<ed25519_dalek::SigningKey>(desk, key, slot, "84").unwrap();
            assert!(!desk.openssl_agrees("verify -check_ss_sig -CAfile 84.crt 84.crt"));
        });
    } else {
        desk.step_either(false, step, |_| {
            let made = generate(key, slot, AlgorithmId::Ed25519);
            assert_eq!(made.err(), Some(Error::AlgorithmError));
        });
    }
    desk.step("list keys", |_| {
        let slots: Vec<SlotId> = Key::list(key).unwrap().iter().map(Key::slot).collect();
        for slot in [SlotId::Authentication, SlotId::Signature] {
            assert!(slots.contains(&slot), "{slots:?}");
        }
    });
    desk.step("sign P-256", |desk| {
        key.verify_pin(pin).unwrap();
        desk.write("digest", [0x5C; 32]);
        let slot = SlotId::Authentication;
        let signature = piv::sign_data(key, &[0x5C; 32], AlgorithmId::EccP256, slot).unwrap();
        desk.write("signature", &*signature);
        desk.judge_signature("9a.pem", "digest", "signature", "");
    });
    desk.step("ECDH P-256", |desk| {
        desk.openssl("ecparam -name prime256v1 -genkey -noout -out peer.key");
        desk.openssl("pkey -in peer.key -pubout -outform DER -out peer.der");
        desk.openssl("pkeyutl -derive -inkey peer.key -peerkey 9a.pem -out expected");
        let peer = desk.read("peer.der");
        let point = &peer[peer.len() - 65..];
        let slot = SlotId::Authentication;
        let secret = piv::decrypt_data(key, point, AlgorithmId::EccP256, slot).unwrap();
        assert_eq!(*secret, desk.read("expected"));
    });
    desk.step("decrypt RSA-2048", |desk| {
        desk.write("message", b"what is encrypted");
        desk.openssl("pkeyutl -encrypt -pubin -inkey 82.pem -in message -out encrypted");
        let encrypted = desk.read("encrypted");
        let slot = SlotId::Retired(RetiredSlotId::R1);
        let block = piv::decrypt_data(key, &encrypted, AlgorithmId::Rsa2048, slot).unwrap();
        // PKCS #1 padding: 0, 2, random, 0.
        assert!(block.starts_with(&[0, 2]) && block.ends_with(b"\0what is encrypted"));
    });
    desk.step("import P-256 and sign", |desk| {
        desk.openssl("ecparam -name prime256v1 -genkey -noout -out import.sec1");
        desk.openssl("pkcs8 -topk8 -nocrypt -in import.sec1 -out import.key");
        desk.openssl("pkey -in import.key -pubout -out import.pem");
        let pem = String::from_utf8(desk.read("import.key")).unwrap();
        let info = PrivateKeyInfoOwned::from_pem(&pem).unwrap();
        // ECPrivateKey: SEQUENCE, version, OCTET STRING of 32.
        let scalar = &info.private_key.as_bytes()[7..39];
        let (slot, kind) = (SlotId::KeyManagement, AlgorithmId::EccP256);
        let (touch, policy) = (TouchPolicy::Default, PinPolicy::Default);
        piv::import_ecc_key(key, slot, kind, scalar, touch, policy).unwrap();
        let signature = piv::sign_data(key, &[0x5C; 32], kind, slot).unwrap();
        desk.write("signature", &*signature);
        desk.judge_signature("import.pem", "digest", "signature", "");
    });
    desk.step_either(facts.attestation, "attest", |desk| {
        let attestation = piv::attest(key, SlotId::Authentication);
        if !facts.attestation {
            assert_eq!(attestation.err(), Some(Error::NotSupported));
            return;
        }
        desk.write("attestation.der", &*attestation.unwrap());
        desk.openssl("x509 -inform DER -in attestation.der -out attestation.pem");
        let issuer = Certificate::read(key, SlotId::Attestation).unwrap();
        desk.write("f9.crt", issuer.cert.to_pem(LineEnding::LF).unwrap());
        desk.judge_attestation("attestation.pem", "f9.crt", "9a.pem", [2, 1]);
    });
    desk.step_either(facts.metadata, "metadata", |desk| {
        let metadata = piv::metadata(key, SlotId::Authentication);
        if !facts.metadata {
            assert_eq!(metadata.err(), Some(Error::NotSupported));
            return;
        }
        let public = metadata.unwrap().public.unwrap().to_pem(LineEnding::LF).unwrap();
        assert_eq!(public.as_bytes(), desk.read("9a.pem"));
        let empty = SlotId::Retired(RetiredSlotId::R20);
        assert_eq!(piv::metadata(key, empty).err(), Some(Error::NotFound));
    });
    desk.step("change PIN and PUK, unblock", |_| {
        let (new_pin, new_puk) = (b"86420975", b"97531864");
        key.change_pin(pin, new_pin).unwrap();
        key.change_puk(puk, new_puk).unwrap();
        block_pin(key);
        assert_eq!(key.verify_pin(new_pin), Err(Error::WrongPin { tries: 0 }));
        key.unblock_pin(new_puk, new_pin).unwrap();
        key.verify_pin(new_pin).unwrap();
    });
    desk.step("management key protected by the PIN", |_| {
        key.authenticate(&management).unwrap();
        let protected = MgmKey::from_bytes([0x3B; 24], Some(kind)).unwrap();
        protected.set_protected(key).unwrap();
        assert!(key.authenticate(&management).is_err());
        let read = MgmKey::get_protected(key).unwrap();
        key.authenticate(&read).unwrap();
    });
    desk.step("reset", |_| {
        block_pin(key);
        assert!(key.reset_device().is_err());
        key.block_puk().unwrap();
        key.reset_device().unwrap();
        assert_eq!(key.get_pin_retries(), Ok(3));
        // The attestation key outlives it.
        let slots: Vec<SlotId> = Key::list(key).unwrap().iter().map(Key::slot).collect();
        assert!(slots.iter().all(|slot| *slot == SlotId::Attestation), "{slots:?}");
    });
    desk.end();
}

/// Gives three wrong PINs.
fn block_pin(key: &mut YubiKey) {
    for tries in [2, 1, 0] {
        assert_eq!(key.verify_pin(b"11223344"), Err(Error::WrongPin { tries }));
    }
}

fn generate(
    key: &mut YubiKey,
    slot: SlotId,
    kind: AlgorithmId,
) -> Result<spki::SubjectPublicKeyInfoOwned, Error> {
    piv::generate(key, slot, kind, PinPolicy::Default, TouchPolicy::Default)
}

/// Makes a key and its certificate, for OpenSSL to judge.
fn certify<K: KeyType>(desk: &Desk, key: &mut YubiKey, slot: SlotId, name: &str) {
    self_sign::<K>(desk, key, slot, name).unwrap();
    desk.judge_self_signed(&format!("{name}.crt"), &format!("{name}.pem"));
}

/// Makes a key and its certificate, and writes them to files.
fn self_sign<K: KeyType>(
    desk: &Desk,
    key: &mut YubiKey,
    slot: SlotId,
    name: &str,
) -> Result<(), Error> {
    let public = generate(key, slot, K::ALGORITHM)?;
    desk.write(&format!("{name}.pem"), public.to_pem(LineEnding::LF).unwrap());
    key.verify_pin(desk.secrets.pin.as_bytes())?;
    let serial = SerialNumber::new(&[0x2A]).unwrap();
    let validity = Validity::from_now(Duration::from_secs(500_000)).unwrap();
    let subject = Name::from_str("CN=testSubject").unwrap();
    let made = Certificate::generate_self_signed::<_, K>(
        key,
        slot,
        serial,
        validity,
        subject,
        public,
        |_| Ok(()),
    )?;
    // What is on the card is what was made.
    let read = Certificate::read(key, slot)?;
    assert_eq!(read.cert.to_der().unwrap(), made.cert.to_der().unwrap());
    desk.write(&format!("{name}.crt"), read.cert.to_pem(LineEnding::LF).unwrap());
    Ok(())
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
