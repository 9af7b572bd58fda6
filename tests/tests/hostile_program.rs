//! The whole program against hostile requests: exit code 2 or 7, a clear error, nothing written.

use issuer::gate::Rule;
use touchmark_tests::forge::{Forge, element, oid, tag};
use touchmark_tests::line::{DEVICE_TYPE, Line, count};
use touchmark_tests::program::{Program, inspect};

#[test]
fn hostile_requests_end_with_2_or_7_and_leave_no_file() {
    let line = Line::new();
    let program = Program::new(env!("CARGO_BIN_EXE_touchmark-under-test"), &line);
    let forge = || Forge::new(DEVICE_TYPE);
    let good = forge().der();
    let changed = |change: &dyn Fn(&mut Forge)| {
        let mut forged = forge();
        change(&mut forged);
        forged.der()
    };
    let sha1 = element(tag::SEQUENCE, &element(tag::OID, oid::ECDSA_SHA1));
    let escapes = (oid::DSN, tag::UTF8, b"\x1b[2J\x1b]0;x\x07".as_slice());
    let ca = (oid::BASIC_CONSTRAINTS, b"\x30\x03\x01\x01\xff".as_slice());
    let table: [(&str, Vec<u8>, Option<Rule>); 11] = [
        ("nothing", Vec::new(), None),
        ("a megabyte", vec![b'x'; 1 << 20], None),
        ("cut off", good[..good.len() - 1].to_vec(), None),
        ("two requests", good.repeat(2), None),
        ("a private key", line.read("key.pem").into(), None),
        ("version 3", changed(&|forged| forged.version = 2), None),
        ("CA:TRUE", forge().requesting(&[ca]).der(), Some(Rule::CaRequested)),
        ("another's key", changed(&|forged| forged.key = forge().key), Some(Rule::CsrSignature)),
        ("SHA-1", changed(&|forged| forged.algorithm.clone_from(&sha1)), Some(Rule::CsrSignature)),
        ("escape sequences", forge().subject(&[escapes]).der(), Some(Rule::Subject)),
        ("another product", Forge::new("A0000000000000").der(), Some(Rule::DeviceType)),
    ];
    let refusals = table.iter().filter(|(_, _, rule)| rule.is_some()).count();
    for (name, octets, rule) in table {
        line.write("hostile.csr", &octets);
        let code = if rule.is_some() { 7 } else { 2 };
        for json in ["", "--json "] {
            let said = program.expect(
                code,
                &format!(
                    "{json}issue --csr hostile.csr --out one.pem --chain-out chain.pem \
                     --public-key-out key.txt"
                ),
            );
            assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "{name}: {said:?}");
            if let Some(rule) = rule {
                assert!(said.contains(&format!("rule {rule}")), "{name}: {said}");
            }
        }
        for file in ["one.pem", "chain.pem", "key.txt"] {
            assert!(!line.path(file).exists(), "{name}: {file} was written");
        }
    }
    let found = inspect(&line, "out");
    assert_eq!((found.serials, found.certificates.len()), (0, 0));
    assert_eq!(count(&line.ledger(), "refused"), 2 * refusals);
}
