//! `openssl verify -x509_strict` judges path validation: chains made with the openssl program, good and bad.
//!
//! Where the two verdicts differ the row says why; both are asserted.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a fixture that is not as expected fails the test"
)]

#[path = "path_against_openssl/lab.rs"]
mod lab;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use issuer::certificate::ParsedCertificate;
use issuer::path::{PathError, Rule, TrustAnchors, validate};
use issuer::pem::{self, Kind};
use lab::{Key, Lab, Made};

const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
const LEAF: &str = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n";
const DAY: i64 = 86_400;

fn made(subject: &'static str, extensions: impl Into<String>) -> Made {
    let extensions = extensions.into();
    Made { subject, extensions, days: 3650, key: Key::Own, digest: "-sha256", serial: 1 }
}

/// What is done to a good chain after it was made.
enum Twist {
    None,
    /// The last byte of the signature of this certificate (leaf first) is changed.
    BreakSignature(usize),
    /// This certificate is made again, by the same issuer and for the same key, as given.
    Remake(usize, Made),
    /// The chain file has two certificates the other way round.
    Swap(usize, usize),
    /// The chain file lacks this certificate.
    Drop(usize),
}

struct Case {
    name: &'static str,
    /// Root first.
    chain: Vec<Made>,
    twist: Twist,
    /// Seconds from now.
    at: i64,
    openssl_accepts: bool,
    /// Part of our error; `None` when we accept.
    ours: Option<&'static str>,
    /// Why the verdicts differ, when they do.
    differs: Option<&'static str>,
}

/// Root, issuing CA, leaf.
fn three(root: &str, ca: &str, leaf: &str) -> Vec<Made> {
    vec![
        made("/CN=root", format!("{CA}{root}")),
        made("/O=Example/CN=ca", format!("{CA}{ca}")),
        made("/O=Example/CN=leaf", format!("{LEAF}{leaf}")),
    ]
}

fn case(name: &'static str, chain: Vec<Made>, ours: Option<&'static str>) -> Case {
    let openssl_accepts = ours.is_none();
    Case { name, chain, twist: Twist::None, at: 3600, openssl_accepts, ours, differs: None }
}

impl Case {
    fn twist(mut self, twist: Twist) -> Self {
        self.twist = twist;
        self
    }

    fn at(mut self, seconds: i64) -> Self {
        self.at = seconds;
        self
    }

    fn differs(mut self, why: &'static str) -> Self {
        self.openssl_accepts = !self.openssl_accepts;
        self.differs = Some(why);
        self
    }
}

#[test]
fn authority_rules_get_openssls_verdict() {
    let with_ca = |extensions: &str| {
        let mut chain = three("", "", "");
        chain[1] = made("/O=Example/CN=ca", extensions);
        chain
    };
    let four = |root: &str, upper: &str, lower: &str| {
        vec![
            made("/CN=root", root),
            made("/CN=upper", upper),
            made("/CN=lower", lower),
            made("/CN=leaf", LEAF),
        ]
    };
    let usage = "keyUsage=critical,keyCertSign\n";
    let length = |n: u8| format!("basicConstraints=critical,CA:TRUE,pathlen:{n}\n{usage}");
    let rollover = |n: u8| {
        vec![
            made("/CN=root", length(n)),
            made("/CN=root", CA),
            made("/CN=ca", CA),
            made("/CN=leaf", LEAF),
        ]
    };
    let mut v1 = three("", "", "authorityKeyIdentifier=issuer:always\n");
    v1[1] = made("/O=Example/CN=ca", "");
    judge(vec![
        case("good chain of three", three("", "", ""), None),
        case(
            "path length of a CA in the middle exceeded",
            four(&length(2), &length(0), CA),
            Some("certificate 3 (CN=upper): path length 0 is exceeded: 1 CA certificates below"),
        ),
        case("path lengths just enough", four(&length(2), &length(1), &length(0)), None),
        case(
            "root's path length exceeded",
            four(&length(0), CA, CA),
            Some("path length 0 is exceeded: 2"),
        ),
        case("self-issued certificate is not counted", rollover(1), None),
        case(
            "next to a self-issued certificate others are counted",
            rollover(0),
            Some("path length 0"),
        ),
        case(
            "CA without basicConstraints",
            with_ca(usage),
            Some("certificate 2 (O=Example, CN=ca): issues certificates, but is not a CA"),
        ),
        case(
            "CA with CA:FALSE",
            with_ca(&format!("basicConstraints=critical,CA:FALSE\n{usage}")),
            Some("is not a CA"),
        ),
        case("version 1 CA", v1, Some("not a version 3 certificate")),
        case(
            "CA whose keyUsage lacks keyCertSign",
            with_ca("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n"),
            Some("lacks keyCertSign"),
        ),
        case(
            "leaf that is a CA too",
            three("", "", "").into_iter().take(2).chain([made("/CN=leaf", CA)]).collect(),
            None,
        ),
        case("CA without keyUsage", with_ca("basicConstraints=critical,CA:TRUE\n"), None).differs(
            "RFC 5280 6.1.4 (n) checks keyUsage where present; -x509_strict wants it present",
        ),
        case(
            "CA whose basicConstraints is not critical",
            with_ca(&format!("basicConstraints=CA:TRUE\n{usage}")),
            None,
        )
        .differs("a duty of the issuer (4.2.1.9), which 6.1 does not check"),
    ]);
}

#[test]
fn time_gets_openssls_verdict() {
    let short = |index: usize| {
        let mut chain = three("", "", "");
        chain[index].days = 10;
        chain
    };
    judge(vec![
        case("leaf has expired", short(2), Some("certificate 1 (O=Example, CN=leaf): expired at"))
            .at(11 * DAY),
        case(
            "CA has expired, leaf has not",
            short(1),
            Some("certificate 2 (O=Example, CN=ca): expired at"),
        )
        .at(11 * DAY),
        case("root has expired", short(0), Some("certificate 3 (CN=root): expired at"))
            .at(11 * DAY),
        case("leaf outlives its CA, both still valid", short(1), None).at(9 * DAY),
        case("not yet valid", three("", "", ""), Some("not valid before")).at(-DAY),
    ]);
}

#[test]
fn signatures_and_links_get_openssls_verdict() {
    let rsa = |key: Key| {
        let mut chain = three("", "", "");
        chain[1].key = key;
        chain
    };
    let sha1 = || {
        let mut chain = three("", "", "");
        chain[2].digest = "-sha1";
        chain
    };
    let old_root = || {
        let mut chain = three("", "", "");
        chain[0].digest = "-sha1";
        chain
    };
    let long_identifier = || three("", "", "authorityKeyIdentifier=keyid,issuer:always\n");
    let again = |extensions: String, serial: u32| {
        let mut one = made("/O=Example/CN=ca", extensions);
        one.serial = serial;
        Twist::Remake(1, one)
    };
    judge(vec![
        case("signature of the leaf is broken", three("", "", ""), Some("certificate 1 (O=Example, CN=leaf): signature by its issuer: signature does not verify"))
            .twist(Twist::BreakSignature(0)),
        case("signature of the CA is broken", three("", "", ""), Some("certificate 2 (O=Example, CN=ca): signature by its issuer"))
            .twist(Twist::BreakSignature(1)),
        case("issuer has another name", three("", "", ""), Some("certificate 1 (O=Example, CN=leaf): issuer is O=Example, CN=ca, but the next certificate is for CN=other"))
            .twist(Twist::Remake(1, made("/CN=other", CA))),
        case("issuer's name differs in case only", three("", "", ""), None)
            .twist(Twist::Remake(1, made("/O=EXAMPLE/CN=Ca", CA))),
        case("an issuer is missing", three("", "", ""), Some("issuer is O=Example, CN=ca, but the next certificate is for CN=root"))
            .twist(Twist::Drop(1)),
        case("key identifiers differ", three("", "", ""), Some("authority key identifier"))
            .twist(again(format!("{CA}subjectKeyIdentifier=00112233\n"), 1)),
        case("long key identifier that fits", long_identifier(), None),
        case("long key identifier with another serial", long_identifier(), Some("authority serial number"))
            .twist(again(CA.to_owned(), 77)),
        case("no key identifier in the leaf", three("", "", "authorityKeyIdentifier=none\n"), None)
            .differs("the identifiers are compared where both are there; -x509_strict wants them there"),
        case("wrong order", three("", "", ""), Some("the next certificate is for CN=root"))
            .twist(Twist::Swap(1, 2))
            .differs("openssl looks for issuers in any order; a chain file is read in order by devices"),
        case("trusted root signed with SHA-1", old_root(), None),
        case("RSA key of 1024 bits", rsa(Key::Rsa1024), Some("public key is too weak: RSA 1024"))
            .differs("openssl verify sets no minimum unless -auth_level is given"),
        case("P-224 key", rsa(Key::P224), Some("public key is too weak: P-224"))
            .differs("openssl verify sets no minimum unless -auth_level is given"),
        case("SHA-1 signature", sha1(), Some("ecdsa-with-SHA1 (1.2.840.10045.4.1) is not supported"))
            .differs("openssl verify accepts SHA-1 unless -auth_level is given"),
    ]);
}

#[test]
fn critical_extensions_and_policies_get_openssls_verdict() {
    let unknown = |critical: &str| format!("1.2.3.4={critical}ASN1:NULL\n");
    let require = "policyConstraints=critical,requireExplicitPolicy:0\n";
    judge(vec![
        case("unknown critical extension in the leaf", three("", "", &unknown("critical,")), Some("certificate 1 (O=Example, CN=leaf): critical extension 1.2.3.4")),
        case("unknown critical extension in a CA", three("", &unknown("critical,"), ""), Some("certificate 2 (O=Example, CN=ca): critical extension 1.2.3.4")),
        case("unknown extension that is not critical", three("", &unknown(""), &unknown("")), None),
        case("critical extendedKeyUsage", three("", "", "extendedKeyUsage=critical,clientAuth\n"), None),
        case("critical subjectAltName", three("", "", "subjectAltName=critical,DNS:a.example.com\n"), None),
        case("critical certificatePolicies", three("", "certificatePolicies=critical,1.2.3\n", "certificatePolicies=critical,1.2.3\n"), None),
        case("critical inhibitAnyPolicy", three("", "inhibitAnyPolicy=critical,0\n", ""), None),
        case("inhibitPolicyMapping alone", three("", "policyConstraints=critical,inhibitPolicyMapping:0\n", ""), None),
        case("requireExplicitPolicy", three("", require, ""), Some("requireExplicitPolicy"))
            .differs("policies are not processed here, so it is refused; openssl ignores it without -policy_check"),
        case("critical CRL distribution points", three("", "", "crlDistributionPoints=critical,URI:http://example.com/crl\n"), Some("critical extension 2.5.29.31"))
            .differs("revocation is not checked here, so it may not be called critical"),
    ]);
}

#[test]
fn name_constraints_get_openssls_verdict() {
    let constrained = |constraint: &str, names: &str| {
        three(
            "",
            &format!("nameConstraints=critical,{constraint}\n"),
            &format!("subjectAltName={names}\n"),
        )
    };
    let directory = |organization: &str| {
        let section =
            format!("nameConstraints=critical,permitted;dirName:dn\n[dn]\nO={organization}\n");
        three("", &section, "")
    };
    const NOT_PERMITTED: Option<&str> = Some("is not permitted by the name constraints");
    const EXCLUDED: Option<&str> = Some("is excluded by the name constraints");
    judge(vec![
        case(
            "DNS name permitted",
            constrained("permitted;DNS:example.com", "DNS:a.Example.com"),
            None,
        ),
        case(
            "DNS name not permitted",
            constrained("permitted;DNS:example.com", "DNS:aexample.com"),
            NOT_PERMITTED,
        ),
        case(
            "one of two DNS names not permitted",
            constrained("permitted;DNS:example.com", "DNS:example.com,DNS:b.org"),
            NOT_PERMITTED,
        ),
        case(
            "DNS name excluded",
            constrained("excluded;DNS:example.com", "DNS:a.example.com"),
            EXCLUDED,
        ),
        case(
            "excluded wins over permitted",
            constrained("permitted;DNS:com,excluded;DNS:example.com", "DNS:example.com"),
            EXCLUDED,
        ),
        case(
            "name of another form is free",
            constrained("permitted;DNS:example.com", "DNS:example.com,email:a@other.org"),
            None,
        ),
        case(
            "mail address permitted by host",
            constrained("permitted;email:example.com", "email:a@example.com"),
            None,
        ),
        case(
            "mail address of a host below",
            constrained("permitted;email:example.com", "email:a@b.example.com"),
            NOT_PERMITTED,
        ),
        case(
            "mail address below a domain",
            constrained("permitted;email:.example.com", "email:a@b.example.com"),
            None,
        ),
        case(
            "mailbox of another case",
            constrained("permitted;email:a@example.com", "email:A@example.com"),
            NOT_PERMITTED,
        ),
        case(
            "URI permitted",
            constrained("permitted;URI:.example.com", "URI:https://a.example.com:8443/x"),
            None,
        ),
        case(
            "URI not permitted",
            constrained("permitted;URI:.example.com", "URI:https://example.org/a.example.com"),
            NOT_PERMITTED,
        ),
        case(
            "URI without a host",
            constrained("permitted;URI:.example.com", "URI:urn:x:y"),
            Some("a URI has no host name"),
        ),
        case(
            "address permitted",
            constrained("permitted;IP:10.1.0.0/255.255.0.0", "IP:10.1.2.3"),
            None,
        ),
        case(
            "address not permitted",
            constrained("permitted;IP:10.1.0.0/255.255.0.0", "IP:10.2.2.3"),
            NOT_PERMITTED,
        ),
        case(
            "address excluded",
            constrained("excluded;IP:10.1.0.0/255.255.0.0", "IP:10.1.2.3"),
            EXCLUDED,
        ),
        case("directory name permitted", directory("Example"), None),
        case("directory name permitted in another case", directory("EXAMPLE"), None),
        case("directory name not permitted", directory("Other"), NOT_PERMITTED),
        case(
            "unknown form with a name of that form",
            constrained("permitted;RID:1.2.3", "RID:1.2.3.4"),
            Some("their name form is not known"),
        ),
        case(
            "constraint of the root reaches the leaf",
            three(
                "nameConstraints=critical,excluded;DNS:example.com\n",
                "",
                "subjectAltName=DNS:a.example.com\n",
            ),
            EXCLUDED,
        ),
        case(
            "self-issued certificate is free of constraints, what it issues is not",
            {
                let section = "nameConstraints=critical,permitted;dirName:dn\n[dn]\nO=Example\n";
                vec![
                    made("/CN=root", format!("{CA}{section}")),
                    made("/CN=root", CA),
                    made("/O=Example/CN=ca", CA),
                    made("/O=Example/CN=leaf", LEAF),
                ]
            },
            None,
        ),
        case(
            "common name that looks like a DNS name",
            vec![
                made("/CN=root", CA),
                made("/CN=ca", format!("{CA}nameConstraints=critical,permitted;DNS:example.com\n")),
                made("/CN=www.other.org", LEAF),
            ],
            None,
        )
        .differs("RFC 5280 gives a common name no such meaning; openssl reads it as a DNS name"),
    ]);
}

/// What the openssl program cannot be made to write: a certificate changed byte by byte, unsigned.
#[test]
fn certificates_that_contradict_themselves_are_refused_before_their_signature() {
    let lab = Lab::new();
    let files = lab.make(&[made("/CN=x", format!("{LEAF}1.2.3.4=ASN1:NULL\n1.2.3.5=ASN1:NULL\n"))]);
    let good = parsed(&files[0]);
    let changed = |from: &[u8], to: &[u8]| {
        let mut der = good.der().to_vec();
        // The last occurrence: the algorithm outside stands behind the one inside.
        let at = der.windows(from.len()).rposition(|window| window == from).unwrap();
        der[at..at + from.len()].copy_from_slice(to);
        ParsedCertificate::from_der(&der).unwrap()
    };
    let rule = |certificate: ParsedCertificate| match validate(
        &[certificate],
        &TrustAnchors::none(),
        SystemTime::now(),
    ) {
        Err(PathError::Certificate { rule, .. }) => rule,
        other => panic!("{other:?}"),
    };
    assert!(
        validate(std::slice::from_ref(&good), &TrustAnchors::none(), SystemTime::now()).is_ok()
    );
    assert_eq!(
        rule(changed(&[6, 3, 0x2a, 3, 5], &[6, 3, 0x2a, 3, 4])),
        Rule::DuplicateExtension { oid: "1.2.3.4".into() }
    );
    assert_eq!(
        rule(changed(&[0xa0, 3, 2, 1, 2], &[0xa0, 3, 2, 1, 1])),
        Rule::ExtensionsInOldVersion
    );
    let sha256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let sha384 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
    assert_eq!(rule(changed(&sha256, &sha384)), Rule::AlgorithmsDiffer);
    assert!(matches!(
        rule(changed(
            &[6, 3, 0x55, 0x1d, 0x0f, 1, 1, 0xff, 4, 4, 3],
            &[6, 3, 0x55, 0x1d, 0x0f, 1, 1, 0xff, 4, 4, 2]
        )),
        Rule::MalformedExtension { .. }
    ));
    let nameless = lab.make(&[made("/", LEAF)]);
    assert_eq!(rule(parsed(&nameless[0])), Rule::EmptyIssuer);
}

/// In this leaf the root's name stands only in the authority key identifier.
#[test]
fn authority_issuer_name_must_be_the_issuers_issuer() {
    let lab = Lab::new();
    let files = lab.make(&three("", "", "authorityKeyIdentifier=issuer:always\n"));
    let mut der = parsed(&files[2]).der().to_vec();
    let at = der.windows(4).position(|window| window == b"root").unwrap();
    der[at..at + 4].copy_from_slice(b"roof");
    let chain = [ParsedCertificate::from_der(&der).unwrap(), parsed(&files[1]), parsed(&files[0])];
    match validate(&chain, &TrustAnchors::none(), SystemTime::now()) {
        Err(PathError::Certificate { position: 1, rule: Rule::AuthorityIssuer, .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn real_chains_get_openssls_verdict() {
    let folder = tempfile::tempdir().unwrap();
    for (name, at, holds) in [
        ("tuya-2020-chain.pem", 1_795_000_000, true),
        ("tuya-2020-chain.pem", 1_590_000_000, false),
        ("microchip-2021-chain.pem", 1_700_000_000, true),
        ("microchip-2021-chain.pem", 1_795_000_000, false),
    ] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/chains").join(name);
        let input = std::fs::read(file).unwrap();
        let blocks = pem::read_all(&input, Kind::Certificate, 1 << 20).unwrap();
        let files: Vec<_> =
            (0..blocks.len()).map(|index| folder.path().join(format!("{index}.pem"))).collect();
        for (file, block) in files.iter().zip(&blocks) {
            std::fs::write(file, pem::encode(Kind::Certificate, &block.der)).unwrap();
        }
        let openssl = openssl_verdict(&files[4], &files[1..4], &files[0], at);
        assert_eq!(openssl.is_ok(), holds, "{name} at {at}: {openssl:?}");
        let chain: Vec<_> = files.iter().map(|file| parsed(file)).collect();
        let moment = UNIX_EPOCH + Duration::from_secs(u64::try_from(at).unwrap());
        let ours = validate(&chain, &TrustAnchors::vendor(), moment);
        assert_eq!(ours.as_ref().is_ok_and(|path| path.is_trusted()), holds, "{name}: {ours:?}");
    }
}

/// The last second of validity is valid (RFC 5280 section 4.1.2.5); for openssl it has passed.
#[test]
fn last_second_of_validity_is_valid_here_and_not_for_openssl() {
    let lab = Lab::new();
    let mut chain = three("", "", "");
    // The issuers, made up to a second earlier, must not expire first.
    chain[2].days = 10;
    let files = lab.make(&chain);
    let leaf = parsed(&files[2]);
    let last = leaf.x509().tbs_certificate().validity().not_after.to_unix_duration().as_secs();
    for (at, openssl, ours) in
        [(last - 1, true, true), (last, false, true), (last + 1, false, false)]
    {
        let verdict =
            openssl_verdict(&files[0], &files[1..2], &files[2], i64::try_from(at).unwrap());
        assert_eq!(verdict.is_ok(), openssl, "{verdict:?}");
        let chain = [parsed(&files[2]), parsed(&files[1]), parsed(&files[0])];
        let moment = UNIX_EPOCH + Duration::from_secs(at);
        assert_eq!(validate(&chain, &TrustAnchors::none(), moment).is_ok(), ours);
    }
}

fn judge(cases: Vec<Case>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut wrong = Vec::new();
    for case in cases {
        let at = i64::try_from(now).unwrap() + case.at;
        let (openssl, ours) = verdicts(&case, at);
        if openssl.is_ok() != case.openssl_accepts {
            wrong.push(format!("{}: openssl says {openssl:?}", case.name));
        }
        let as_expected = match (&ours, case.ours) {
            (Ok(()), None) => true,
            (Err(error), Some(part)) => error.contains(part),
            _ => false,
        };
        if !as_expected {
            wrong.push(format!("{}: we say {ours:?}, expected {:?}", case.name, case.ours));
        }
        let differ = openssl.is_ok() != ours.is_ok();
        if differ != case.differs.is_some() {
            wrong.push(format!("{}: {openssl:?} against {ours:?}: {:?}", case.name, case.differs));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

type Verdict = Result<(), String>;

fn verdicts(case: &Case, at: i64) -> (Verdict, Verdict) {
    let lab = Lab::new();
    let mut files = lab.make(&case.chain);
    files.reverse();
    let count = files.len();
    match &case.twist {
        Twist::BreakSignature(index) => break_signature(&files[*index]),
        Twist::Remake(index, again) => {
            let place = count - 1 - index;
            lab.issue(place, again, &files[*index], Some((&files[index + 1], place - 1)));
        }
        Twist::Drop(index) => drop(files.remove(*index)),
        Twist::None | Twist::Swap(..) => {}
    }
    let (root, rest) = files.split_last().unwrap();
    let openssl = openssl_verdict(root, &rest[1..], &rest[0], at);
    let mut chain: Vec<_> = files.iter().map(|file| parsed(file)).collect();
    if let Twist::Swap(one, other) = case.twist {
        chain.swap(one, other);
    }
    let mut anchors = TrustAnchors::none();
    anchors.add("root", &std::fs::read(root).unwrap(), 1 << 20).unwrap();
    let moment = UNIX_EPOCH + Duration::from_secs(u64::try_from(at).unwrap());
    let ours = match validate(&chain, &anchors, moment) {
        Ok(path) if path.is_trusted() => Ok(()),
        Ok(path) => Err(format!("not trusted: {:?}", path.root)),
        Err(error) => Err(error.to_string()),
    };
    (openssl, ours)
}

fn openssl_verdict(root: &Path, middle: &[PathBuf], leaf: &Path, at: i64) -> Verdict {
    let mut command = Command::new("openssl");
    command.args(["verify", "-x509_strict", "-attime", &at.to_string(), "-CAfile"]).arg(root);
    for one in middle {
        command.arg("-untrusted").arg(one);
    }
    let output = command.arg(leaf).output().expect("the openssl program is needed");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(text) }
}

fn parsed(file: &Path) -> ParsedCertificate {
    let block = pem::read_one(&std::fs::read(file).unwrap(), Kind::Certificate, 1 << 20).unwrap();
    ParsedCertificate::from_der(&block.der).unwrap()
}

fn break_signature(file: &Path) {
    let mut der = parsed(file).der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    std::fs::write(file, pem::encode(Kind::Certificate, &der)).unwrap();
}
