//! Input that no honest device sends: each is no request, or is refused, and leaves nothing behind.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;

use issuer::batch::{DeviceIds, Inputs, Outcome, issue_batch};
use issuer::csr::Csr;
use issuer::gate::Rule;
use issuer::issue::{IssueError, issue};
use issuer::output::DeviceFiles;
use issuer::pem::{Kind, encode};
use issuer::public_key_text::PublicKeyForm;
use touchmark_tests::forge::{self, Forge, element, oid, tag};
use touchmark_tests::line::{DEVICE_TYPE, Line, count, entries, request};

/// What a hostile input must come to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// Exit 2: it is no request.
    NoRequest,
    /// Exit 7: the gate refuses it, by this rule.
    Refused(Rule),
}
use End::{NoRequest, Refused};

#[test]
fn every_hostile_input_is_no_request_or_refused_and_leaves_nothing() {
    let line = Line::new();
    let table = table(&line);
    assert!(table.len() > 60, "{}", table.len());
    std::fs::create_dir(line.path("csrs")).unwrap();
    let mut wanted = BTreeMap::new();
    let mut ledger = line.ledger();
    let mut refusals = 0;
    let mut wrong = Vec::new();
    for (n, (name, octets, end)) in table.iter().enumerate() {
        let got = Csr::read(octets).map_err(IssueError::from);
        let got = got.and_then(|csr| issue(&line.terms(), request(&csr), &mut ledger));
        let got = match got {
            Err(IssueError::Csr(error)) => (NoRequest, whole_message(&error)),
            Err(IssueError::Refused(refusal)) => {
                refusals += 1;
                (Refused(refusal.rule), refusal.to_string())
            }
            other => {
                wrong.push(format!("{name}: {other:?}"));
                continue;
            }
        };
        if got.0 != *end {
            wrong.push(format!("{name}: {:?}, not {end:?}: {}", got.0, got.1));
        }
        assert!(!got.1.chars().any(char::is_control), "{name}: unsafe to print: {:?}", got.1);
        assert!(got.1.len() < 5000, "{name}: a message of {} octets", got.1.len());
        line.write(&format!("csrs/{n:03}.csr"), octets);
        wanted.insert(line.path(&format!("csrs/{n:03}.csr")), (name, *end));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(count(&ledger, "refused"), refusals);

    // All of them in one batch, with one honest request among them.
    line.write("csrs/honest.csr", Forge::new(DEVICE_TYPE).der());
    let inputs = Inputs::read(&line.path("csrs"), DeviceIds::default()).unwrap();
    std::fs::create_dir(line.path("out")).unwrap();
    let out = line.path("out");
    let files = DeviceFiles::new(&out, &line.issuer, PublicKeyForm::Compressed);
    let summary = issue_batch(&line.terms(), &inputs, Some(&files), &mut ledger, &mut |item| {
        let got = match item.outcome {
            Outcome::NoRequest(_) => NoRequest,
            Outcome::Refused(refusal) => Refused(refusal.rule),
            Outcome::Issued(_) => return assert!(item.input.ends_with("honest.csr")),
            Outcome::Skipped => panic!("{} was skipped", item.input.display()),
        };
        let (name, end) = wanted.remove(item.input).unwrap();
        assert_eq!(got, end, "{name} in the batch");
    });
    let summary = summary.unwrap();
    assert!(wanted.is_empty(), "no word on {wanted:?}");
    assert_eq!((summary.signed, summary.existing, summary.skipped), (1, 0, 0));
    assert_eq!(summary.refused + summary.malformed, table.len() as u64);
    assert_eq!(count(&ledger, "refused"), 2 * refusals);
    assert_eq!((count(&ledger, "intent"), line.signer.count()), (1, 1));
    assert_eq!(std::fs::read_dir(out).unwrap().count(), 3);
    assert!(ledger.verify().unwrap().is_sound());
}

#[test]
fn a_request_cut_off_anywhere_is_no_request() {
    let der = Forge::new(DEVICE_TYPE).der();
    let pem = encode(Kind::CertificateRequest, &der);
    for end in 0..der.len() {
        let error = Csr::read(&der[..end]).unwrap_err();
        assert!(!whole_message(&error).is_empty());
    }
    // Without the final newline it is still whole, and with one dash less it is not.
    for end in 0..pem.len() - 1 {
        Csr::read(&pem.as_bytes()[..end]).unwrap_err();
    }
    Csr::read(&pem.as_bytes()[..pem.len() - 1]).unwrap();
}

#[test]
fn a_request_with_any_one_octet_changed_never_gets_a_certificate() {
    let line = Line::new();
    let mut ledger = line.ledger();
    let forged = Forge::new(DEVICE_TYPE).requesting(&[(oid::KEY_USAGE, b"\x03\x02\x05\xa0")]);
    let der = forged.der();
    let mut ends = [0, 0];
    for index in 0..der.len() {
        for mask in [0x01, 0x80, 0xff, 0x20] {
            let mut changed = der.clone();
            changed[index] ^= mask;
            let got = Csr::read(&changed).map_err(IssueError::from);
            match got.and_then(|csr| issue(&line.terms(), request(&csr), &mut ledger)) {
                Err(IssueError::Csr(_)) => ends[0] += 1,
                Err(IssueError::Refused(_)) => ends[1] += 1,
                other => panic!("octet {index} ^ {mask:02x}: {other:?}"),
            }
        }
    }
    assert!(ends[0] > 100 && ends[1] > 100, "{ends:?}");
    assert_eq!(entries(&ledger).len(), 1 + ends[1]);
    assert_eq!(line.signer.count(), 0);
    assert!(ledger.verify().unwrap().is_sound());
}

fn table(line: &Line) -> Vec<(&'static str, Vec<u8>, End)> {
    let good = Forge::new(DEVICE_TYPE).der();
    let pem = encode(Kind::CertificateRequest, &good);
    let forge = || Forge::new(DEVICE_TYPE);
    let kind = (oid::DEVICE_TYPE_ID, tag::UTF8, DEVICE_TYPE.as_bytes());
    let named = |more: &[(&[u8], u8, &[u8])]| forge().subject(&[&[kind], more].concat()).der();
    let utf16 = |text: &str| -> Vec<u8> {
        [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    let openssl = |make: &str| {
        line.openssl(&format!("{make} -out odd.key"));
        line.openssl("req -new -config device.conf -key odd.key -out odd.csr");
        std::fs::read(line.path("odd.csr")).unwrap()
    };
    let mut table = vec![
        ("nothing", Vec::new(), NoRequest),
        ("one octet", vec![0x30], NoRequest),
        ("a megabyte of zeros", vec![0; 1 << 20], NoRequest),
        ("a megabyte of text", vec![b'A'; 1 << 20], NoRequest),
        ("a megabyte behind a request", [good.clone(), vec![0; 1 << 20]].concat(), NoRequest),
        (
            "a request behind a megabyte",
            [vec![b'\n'; 1 << 20], pem.clone().into()].concat(),
            NoRequest,
        ),
        ("one octet too many", vec![b'A'; Csr::MOST_OCTETS + 1], NoRequest),
        ("two requests", format!("{pem}{pem}").into(), NoRequest),
        ("two requests in DER", good.repeat(2), NoRequest),
        ("a trailing zero", [good.as_slice(), &[0]].concat(), NoRequest),
        ("a trailing newline after DER", [good.as_slice(), b"\n"].concat(), NoRequest),
        ("trailing octets in PEM", reencode(&[good.as_slice(), &[0]].concat()), NoRequest),
        ("a certificate", line.read("dak.pem").into(), NoRequest),
        ("a private key", line.read("key.pem").into(), NoRequest),
        (
            "a certificate called a request",
            line.read("dak.pem").replace("CERTIFICATE", "CERTIFICATE REQUEST").into(),
            NoRequest,
        ),
        ("UTF-16", utf16(&pem), NoRequest),
        ("text", b"dear factory, please sign".to_vec(), NoRequest),
        ("a BEGIN alone", b"-----BEGIN CERTIFICATE REQUEST-----\n".to_vec(), NoRequest),
        (
            "BEGIN and END alone",
            b"-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n".to_vec(),
            NoRequest,
        ),
        (
            "another END",
            pem.replace("END CERTIFICATE REQUEST", "END CERTIFICATE").into(),
            NoRequest,
        ),
        ("no END", pem.replace("-----END CERTIFICATE REQUEST-----", "").into(), NoRequest),
        (
            "a header",
            pem.replacen("-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n", 1).into(),
            NoRequest,
        ),
        ("bad base64", pem.replacen("MI", "M!", 1).into(), NoRequest),
        ("padding in the middle", pem.replacen("MI", "M=", 1).into(), NoRequest),
        ("an escape sequence", pem.replacen("MI", "M\x1b[2J", 1).into(), NoRequest),
        ("an escape sequence for a label", b"-----BEGIN \x1b[2J-----\n".to_vec(), NoRequest),
        ("NUL in the base64", pem.replacen("MI", "M\0", 1).into(), NoRequest),
        ("an indefinite length", [b"\x30\x80".as_slice(), &good[4..], &[0, 0]].concat(), NoRequest),
        (
            "a length in more octets than it takes",
            [b"\x30\x83\x00".as_slice(), &good[2..]].concat(),
            NoRequest,
        ),
        (
            "a length of 4 GiB",
            [b"\x30\x84\xff\xff\xff\xff".as_slice(), &good[4..]].concat(),
            NoRequest,
        ),
        (
            "a length of 2^64",
            [b"\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff".as_slice(), &good[4..]].concat(),
            NoRequest,
        ),
        ("a reserved length", [b"\x30\xff".as_slice(), &good[4..]].concat(), NoRequest),
        ("nested 10,000 deep", b"\x30\x80".repeat(10_000), NoRequest),
        (
            "version 2",
            {
                let mut f = forge();
                f.version = 1;
                f.der()
            },
            NoRequest,
        ),
        (
            "version 255",
            {
                let mut f = forge();
                f.version = 0xff;
                f.der()
            },
            NoRequest,
        ),
        (
            "no attributes at all",
            {
                let mut f = forge();
                f.attributes = None;
                f.der()
            },
            NoRequest,
        ),
        (
            "attributes that are none",
            {
                let mut f = forge();
                f.attributes = Some(vec![5, 0]);
                f.der()
            },
            NoRequest,
        ),
        (
            "an attribute without values",
            {
                let mut f = forge();
                f.attributes = Some(element(tag::SEQUENCE, &element(tag::OID, oid::CHALLENGE)));
                f.der()
            },
            NoRequest,
        ),
        (
            "the same attribute twice",
            {
                let mut f = forge();
                f.attributes =
                    Some(forge::extension_request(oid::EXTENSION_REQUEST, &[]).repeat(2));
                f.der()
            },
            Refused(Rule::RequestedExtensions),
        ),
        (
            "a subject that is a set",
            {
                let mut f = forge();
                f.subject[0] = tag::SET;
                f.der()
            },
            NoRequest,
        ),
        (
            "a subject with an empty RDN",
            {
                let mut f = forge();
                f.subject = element(tag::SEQUENCE, &element(tag::SET, &[]));
                f.der()
            },
            Refused(Rule::DeviceType),
        ),
        ("an empty subject", forge().subject(&[]).der(), Refused(Rule::DeviceType)),
        ("another device type", Forge::new("A0000000000000").der(), Refused(Rule::DeviceType)),
        ("NUL in a name", named(&[(oid::DSN, tag::UTF8, b"G3\0A0")]), Refused(Rule::Subject)),
        (
            "control characters in a name",
            named(&[(oid::DSN, tag::UTF8, b"G3\x1b]0;x\x07")]),
            Refused(Rule::Subject),
        ),
        (
            "a direction turned round",
            named(&[(oid::DSN, tag::UTF8, "\u{202e}0A3G".as_bytes())]),
            Refused(Rule::Subject),
        ),
        (
            "broken UTF-8 in a name",
            named(&[(oid::DSN, tag::UTF8, b"\xff\xfe")]),
            Refused(Rule::Subject),
        ),
        (
            "half a surrogate in a name",
            named(&[(oid::DSN, tag::BMP, b"\xd8\0")]),
            Refused(Rule::Subject),
        ),
        (
            "a name of 60,000 octets",
            named(&[(oid::DSN, tag::UTF8, &[b'X'; 60_000])]),
            Refused(Rule::Subject),
        ),
        (
            "a thousand names",
            named(&vec![(oid::DSN, tag::UTF8, b"X".as_slice()); 1000]),
            Refused(Rule::Subject),
        ),
        (
            "two DSNs",
            named(&[(oid::DSN, tag::UTF8, b"1"), (oid::DSN, tag::UTF8, b"2")]),
            Refused(Rule::Subject),
        ),
        (
            "a name outside the profile",
            named(&[(oid::COMMON_NAME, tag::UTF8, b"x")]),
            Refused(Rule::Subject),
        ),
        (
            "CA:TRUE",
            forge().requesting(&[(oid::BASIC_CONSTRAINTS, b"\x30\x03\x01\x01\xff")]).der(),
            Refused(Rule::CaRequested),
        ),
        (
            "CA:TRUE in BER",
            forge().requesting(&[(oid::BASIC_CONSTRAINTS, b"\x30\x03\x01\x01\x01")]).der(),
            Refused(Rule::CaRequested),
        ),
        (
            "keyCertSign",
            forge().requesting(&[(oid::KEY_USAGE, b"\x03\x02\x02\x04")]).der(),
            Refused(Rule::CaRequested),
        ),
        (
            "RSA of 1024 bits",
            openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024"),
            Refused(Rule::KeyType),
        ),
        ("P-224", openssl("ecparam -name secp224r1 -genkey -noout"), Refused(Rule::KeyType)),
        ("P-521", openssl("ecparam -name secp521r1 -genkey -noout"), Refused(Rule::KeyType)),
        (
            "explicit parameters",
            openssl("ecparam -name prime256v1 -param_enc explicit -genkey -noout"),
            Refused(Rule::KeyType),
        ),
        (
            "SHA-1",
            {
                let mut f = forge();
                f.algorithm = element(tag::SEQUENCE, &element(tag::OID, oid::ECDSA_SHA1));
                f.der()
            },
            Refused(Rule::CsrSignature),
        ),
        (
            "parameters that ECDSA has not",
            {
                let mut f = forge();
                f.algorithm = element(
                    tag::SEQUENCE,
                    &[element(tag::OID, oid::ECDSA_SHA256), vec![5, 0]].concat(),
                );
                f.der()
            },
            Refused(Rule::CsrSignature),
        ),
        (
            "another key's signature",
            {
                let mut f = forge();
                f.key = forge().key;
                f.der()
            },
            Refused(Rule::CsrSignature),
        ),
        ("a signature over nothing", forge().signed(b""), NoRequest),
    ];
    // The public key, octet by octet: 26 octets before the point.
    let odd_key = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut forged = forge();
        change(&mut forged.key);
        forged.der()
    };
    table.extend([
        ("a point off its curve", odd_key(&|key| key[40] ^= 1), Refused(Rule::CsrSignature)),
        ("a hybrid point", odd_key(&|key| key[26] = 6 + (key[90] & 1)), Refused(Rule::KeyType)),
        (
            "the point at infinity",
            odd_key(&|key| {
                key.truncate(24);
                key.push(2);
                key.extend([0, 0]);
                key[1] = 25;
            }),
            Refused(Rule::CsrSignature),
        ),
        ("a point with unused bits", odd_key(&|key| key[25] = 7), Refused(Rule::CsrSignature)),
        (
            "a key without a curve",
            odd_key(&|key| {
                key.drain(13..23);
                key[1] -= 10;
                key[3] -= 10;
            }),
            Refused(Rule::KeyType),
        ),
        ("a key of an unknown kind", odd_key(&|key| key[10] ^= 0x40), Refused(Rule::KeyType)),
    ]);
    table
}

fn reencode(der: &[u8]) -> Vec<u8> {
    encode(Kind::CertificateRequest, der).into()
}

fn whole_message(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
