//! PEM and DER as devices print them and people save them.

use std::process::Command;

use issuer::pem::{Kind, PemError, encode, read_all, read_one};

const LIMIT: usize = 1 << 16;

/// 200 bytes that are one DER SEQUENCE, different for each `fill`.
fn element(fill: u8) -> Vec<u8> {
    let mut der = vec![0x30, 0x81, 197];
    der.resize(200, fill);
    der
}

fn request(fill: u8) -> String {
    encode(Kind::CertificateRequest, &element(fill))
}

fn read(input: impl AsRef<[u8]>) -> Result<Vec<u8>, PemError> {
    read_one(input.as_ref(), Kind::CertificateRequest, LIMIT).map(|block| block.der)
}

#[test]
fn blocks_are_read_in_every_wrapping_that_devices_and_people_make() {
    let pem = request(7);
    let spaced = pem.replace('\n', " \t\r\n");
    let indented: String = pem.lines().map(|line| format!("    {line}\n")).collect();
    let one_line = {
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----")
    };
    let new = pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST");
    let key = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n\
               -----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n!!\n-----END RSA PRIVATE KEY-----\n";
    for (what, input) in [
        ("as written", pem.clone().into_bytes()),
        ("no final newline", pem.trim_end().into()),
        ("CRLF", pem.replace('\n', "\r\n").into()),
        ("doubled line ends", pem.replace('\n', "\r\r\n").into()),
        ("blanks at line ends", spaced.into()),
        ("indented", indented.into()),
        ("blank lines", pem.replace('\n', "\n\n").into()),
        ("one long line", one_line.into()),
        ("byte order mark", format!("\u{feff}{pem}").into()),
        ("trailing NUL after the newline", format!("{pem}\0").into()),
        ("trailing NUL after the dash", format!("{}\0", pem.trim_end()).into()),
        ("NUL, then more output", format!("{}\0\r\nace> ok\r\n", pem.trim_end()).into()),
        ("text around it", format!("ace> hal dha\r\nkey: 1\r\n{pem}done -----\r\n").into()),
        ("bytes around it that are no text", [b"\x80\xff\n", pem.as_bytes(), b"\x80\n"].concat()),
        ("old label", new.into()),
        ("behind other blocks", format!("{key}{pem}").into()),
        ("DER", element(7)),
    ] {
        assert_eq!(read(&input), Ok(element(7)), "{what}");
    }
}

#[test]
fn places_of_the_blocks_are_told_in_lines_and_bytes() {
    let text = format!("one\r\ntwo\r\n{}between\n  {}", request(1), request(2));
    let blocks = read_all(text.as_bytes(), Kind::CertificateRequest, LIMIT).unwrap();
    assert_eq!((blocks[0].line, blocks[0].offset), (3, 10));
    let second = text.rfind("-----BEGIN").unwrap();
    let line = 1 + text[..second].matches('\n').count();
    assert_eq!((blocks[1].line, blocks[1].offset), (line, second));
    assert_eq!((blocks[0].der.clone(), blocks[1].der.clone()), (element(1), element(2)));
}

#[test]
fn two_requests_in_one_file_are_ambiguous() {
    let error = read(request(1) + &request(2)).unwrap_err();
    assert_eq!(error, PemError::Ambiguous { wanted: "CERTIFICATE REQUEST", lines: vec![1, 8] });
    assert_eq!(error.to_string(), "2 CERTIFICATE REQUEST blocks in one input (lines 1, 8)");
    // The same request twice is no clearer.
    assert!(matches!(read(request(1) + &request(1)), Err(PemError::Ambiguous { .. })));
    let mixed = request(1) + &request(2).replace("CERTIFICATE REQ", "NEW CERTIFICATE REQ");
    assert!(matches!(read(mixed), Err(PemError::Ambiguous { .. })));
}

#[test]
fn each_malformed_input_gets_its_own_error() {
    let pem = request(7);
    let body = pem.lines().nth(1).unwrap();
    let bare = |body: &str| {
        format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n")
    };
    let inside = |der: &[u8]| encode(Kind::CertificateRequest, der);
    let mut longer = element(7);
    longer.push(0);
    let table: Vec<(&str, Vec<u8>, PemError)> = vec![
        ("empty", vec![], PemError::Empty),
        ("too large", vec![b' '; LIMIT + 1], PemError::TooLarge { size: LIMIT + 1, limit: LIMIT }),
        (
            "no block",
            b"hello\n".to_vec(),
            PemError::NotFound { wanted: "CERTIFICATE REQUEST", other_labels: vec![] },
        ),
        (
            "another block",
            encode(Kind::Certificate, &element(7)).into(),
            PemError::NotFound {
                wanted: "CERTIFICATE REQUEST",
                other_labels: vec!["CERTIFICATE".into()],
            },
        ),
        ("UTF-16", b"\xff\xfe-\0-\0".to_vec(), PemError::Utf16),
        (
            "no end",
            pem.replace("-----END", "").into(),
            PemError::NotBase64 { byte: b' ', line: 7, offset: 321 },
        ),
        (
            "cut off",
            pem[..200].into(),
            PemError::NoEnd { label: "CERTIFICATE REQUEST".into(), line: 1 },
        ),
        (
            "wrong end",
            pem.replace("END CERTIFICATE REQUEST", "END CERTIFICATE").into(),
            PemError::Interrupted { label: "CERTIFICATE REQUEST".into(), line: 7 },
        ),
        (
            "begin inside",
            (pem[..200].to_owned() + "\n" + &pem).into(),
            PemError::Interrupted { label: "CERTIFICATE REQUEST".into(), line: 5 },
        ),
        (
            "header",
            bare(&format!("Proc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\n{body}")).into(),
            PemError::Headers { block_line: 1, line: 2, header: "Proc-Type".into() },
        ),
        (
            "foreign character",
            pem.replacen("BwcH", "Bw-H", 1).into(),
            PemError::NotBase64 { byte: b'-', line: 2, offset: 42 },
        ),
        (
            "blank inside a line",
            pem.replacen("BwcH", "Bw H", 1).into(),
            PemError::NotBase64 { byte: b' ', line: 2, offset: 42 },
        ),
        ("missing character", bare(&body[1..]).into(), PemError::BadBase64 { line: 1 }),
        ("padding in the middle", bare("MAA=\nMAA=").into(), PemError::BadBase64 { line: 1 }),
        ("bits after the end", bare("MAB=").into(), PemError::BadBase64 { line: 1 }),
        ("empty block", bare("").into(), PemError::NotDer { line: 1 }),
        ("not a sequence", inside(&[4, 1, 0]).into(), PemError::NotDer { line: 1 }),
        ("indefinite length", inside(&[0x30, 0x80, 0, 0]).into(), PemError::NotDer { line: 1 }),
        ("indefinite length in DER", vec![0x30, 0x80, 0, 0], PemError::NotDer { line: 1 }),
        ("trailing bytes", inside(&longer).into(), PemError::TrailingBytes { line: 1, extra: 1 }),
        ("trailing bytes in DER", longer, PemError::TrailingBytes { line: 1, extra: 1 }),
        (
            "truncated",
            inside(&element(7)[..150]).into(),
            PemError::Truncated { line: 1, present: 150, expected: 200 },
        ),
        (
            "truncated DER",
            element(7)[..150].into(),
            PemError::Truncated { line: 1, present: 150, expected: 200 },
        ),
    ];
    for (what, input, error) in table {
        if let PemError::NotBase64 { byte, offset, .. } = error {
            assert_eq!(input[offset], byte, "{what}");
        }
        assert_eq!(read(input), Err(error), "{what}");
    }
}

#[test]
fn labels_close_to_certificate_are_refused_with_their_reason() {
    for label in ["TRUSTED CERTIFICATE", "X509 CERTIFICATE"] {
        let pem = encode(Kind::Certificate, &element(1)).replace("CERTIFICATE", label);
        match read_all(pem.as_bytes(), Kind::Certificate, LIMIT) {
            Err(PemError::RefusedLabel { label: found, line: 1, reason }) => {
                assert_eq!(found, label);
                assert!(!reason.is_empty());
            }
            other => panic!("{label}: {other:?}"),
        }
    }
}

#[test]
fn every_truncation_of_a_request_is_an_error_and_none_is_read() {
    let pem = request(7);
    let end = pem.trim_end().len();
    for length in 0..end {
        assert!(read(&pem.as_bytes()[..length]).is_err(), "{length} bytes");
    }
    assert!(read(&pem.as_bytes()[..end]).is_ok());
    let der = element(7);
    for length in 0..der.len() {
        assert!(read(&der[..length]).is_err(), "{length} bytes of DER");
    }
}

#[test]
fn written_pem_is_openssls_byte_for_byte() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/chains/tuya-2020-chain.pem");
    let chain = std::fs::read(file).unwrap();
    let first = read_all(&chain, Kind::Certificate, LIMIT).unwrap().remove(0);
    let output = Command::new("openssl")
        .args(["x509", "-in", file])
        .output()
        .expect("the openssl program is needed");
    assert_eq!(encode(Kind::Certificate, &first.der).as_bytes(), output.stdout);
}
