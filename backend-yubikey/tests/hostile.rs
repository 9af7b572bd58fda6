//! Cards that answer anything at all.
#![expect(clippy::unwrap_used, reason = "a case that cannot be made fails the test")]

use std::sync::Arc;

use backend_yubikey::attestation::{Attestation, TrustAnchors};
use backend_yubikey::device_info::DeviceInfo;
use backend_yubikey::metadata::{self, KeyMetadata, ManagementKeyMetadata};
use backend_yubikey::slot::Slot;
use backend_yubikey::transport::{InProcess, Readers, Transport, TransportError};
use backend_yubikey::{AdminData, YubiKeyBackend, certificate};
use proptest::collection::vec;
use proptest::prelude::*;
use signer_core::pin_guard::PinGuard;
use signer_core::{
    Administration, CertStore, Contents, KeyManager, KeyPolicy, KeyRef, KeySpec, OpenContext,
    PinManager, Secret, SecretKind, SecretSpec, Token, WhenKeysDiffer,
};

/// A card that answers from a list, over and over.
#[derive(Clone, Debug)]
struct Liar(Vec<Vec<u8>>);

impl Readers for Liar {
    fn names(&self) -> Result<Vec<String>, TransportError> {
        Ok(vec!["a liar".into()])
    }

    fn connect(&self, _: &str) -> Result<Box<dyn Transport>, TransportError> {
        let answers = self.0.clone();
        let mut next = 0;
        Ok(Box::new(InProcess(move |_: &[u8]| {
            next += 1;
            answers.get((next - 1) % answers.len()).cloned().unwrap_or_default()
        })))
    }
}

/// Answers that get far: well-formed ones with rubbish inside among plain rubbish.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let status = prop_oneof![
        8 => Just(vec![0x90, 0x00]),
        1 => vec(any::<u8>(), 2),
        1 => (0x61_u8..=0x6f, any::<u8>()).prop_map(|(high, low)| vec![high, low]),
    ];
    let tag = prop_oneof![
        Just(0x7c_u8),
        Just(0x53),
        Just(0x70),
        Just(0x86),
        Just(0x82),
        Just(0x01),
        Just(0x30)
    ];
    let body = prop_oneof![
        vec(any::<u8>(), 0..40),
        (tag, vec(any::<u8>(), 0..60)).prop_map(|(tag, value)| {
            let length = u8::try_from(value.len()).unwrap();
            [&[tag, length][..], &value].concat()
        }),
        Just(vec![0x0b, 2, 4, 0, 0xcc, 7, 0xc9, 5, 3, 5, 7, 1]),
        Just(vec![1, 1, 0xff, 5, 1, 1, 6, 2, 3, 3]),
        Just(vec![1, 1, 0x0a, 2, 2, 0, 1, 5, 1, 1]),
    ];
    (body, status).prop_map(|(body, status)| [body, status].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_octets_make_a_parser_panic(octets in vec(any::<u8>(), 0..400)) {
        let _ = KeyMetadata::decode(&octets, Slot::SIGNATURE);
        let _ = metadata::pin_status(&octets);
        let _ = ManagementKeyMetadata::decode(&octets);
        let _ = DeviceInfo::decode(&octets);
        let _ = certificate::decode(&octets);
        let _ = AdminData::decode(&octets).encode();
        let _ = Attestation::read(&octets);
    }

    #[test]
    fn a_damaged_attestation_is_never_believed(at in 0_usize..500, flip in 1_u8..=255) {
        let der = |pem: &[u8]| pem_rfc7468::decode_vec(pem).unwrap().1;
        let mut leaf = der(include_bytes!("attestations/factory-5.4.3-9a.pem"));
        let card = der(include_bytes!("attestations/factory-5.4.3-f9.pem"));
        prop_assume!(at < leaf.len());
        if let Some(octet) = leaf.get_mut(at) {
            *octet ^= flip;
        }
        prop_assert!(Attestation::verify(&leaf, &card, &TrustAnchors::yubico()).is_err());
    }

    #[test]
    fn no_card_makes_an_act_panic_or_go_on_for_ever(answers in vec(answer(), 1..12)) {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            SecretSpec::File(path.to_str().unwrap().into())
        };
        let mut context = OpenContext { guard: PinGuard::new().without_memory(), ..OpenContext::default() };
        context.secrets = context
            .secrets
            .with(SecretKind::Pin, file("pin", "123456"))
            .with(SecretKind::ManagementKey, file("key", &"01".repeat(24)));
        let backend = YubiKeyBackend::new(Arc::new(Liar(answers)));
        let Ok(mut token) = backend.open_token(&"yubikey:".parse().unwrap(), &context) else {
            return Ok(());
        };
        let slot = KeyRef::Slot("9c".into());
        let new = Secret::new(b"867530".to_vec());
        let _ = token.keys();
        let _ = token.signer(&slot, None).and_then(|signer| signer.sign(b"message"));
        let _ = (token.pin_status(), token.puk_status());
        let _ = token.unblock(&Secret::new(b"12345678".to_vec()), &new);
        let _ = token.generate(&slot, KeySpec::P256, KeyPolicy::default());
        let _ = token.attestation(&slot, &[]);
        let _ = CertStore::read(&mut token, &slot);
        let der = pem_rfc7468::decode_vec(include_bytes!("attestations/factory-5.4.3-9a.pem"));
        let _ = token.write(&slot, &der.unwrap().1, WhenKeysDiffer::Refuse);
        let _ = (token.management_key(), token.contents(Contents::All), token.reset());
    }
}
