//! The vendor's real chains: read, validated and described.
#![expect(clippy::unwrap_used, reason = "a fixture that is not as expected fails the test")]

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use issuer::certificate::ParsedCertificate;
use issuer::describe::Description;
use issuer::path::{
    AnchorSource, Check, PathError, Root, Rule, TrustAnchors, VENDOR_ROOT_SHA256, validate,
};
use issuer::pem::{self, Kind};

const LIMIT: usize = 1 << 20;

fn chain(name: &str) -> Vec<ParsedCertificate> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/chains").join(name);
    let input = std::fs::read(path).unwrap();
    let blocks = pem::read_all(&input, Kind::Certificate, LIMIT).unwrap();
    blocks.iter().map(|block| ParsedCertificate::from_der(&block.der).unwrap()).collect()
}

fn at(rfc3339: &str) -> SystemTime {
    use time::format_description::well_known::Rfc3339;
    let seconds = time::OffsetDateTime::parse(rfc3339, &Rfc3339).unwrap().unix_timestamp();
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap())
}

#[test]
fn both_chains_lead_to_the_vendors_root_by_its_fingerprint() {
    for (name, moment) in [
        ("tuya-2020-chain.pem", "2026-11-22T00:00:00Z"),
        ("microchip-2021-chain.pem", "2024-01-01T00:00:00Z"),
    ] {
        let chain = chain(name);
        let path = validate(&chain, &TrustAnchors::vendor(), at(moment)).unwrap();
        assert_eq!(path.links.len(), 5, "{name}");
        let Root::Trusted { source, position, .. } = &path.root else { panic!("{:?}", path.root) };
        assert_eq!((source, *position), (&AnchorSource::Vendor, 5));
        assert_eq!(chain[4].sha256(), VENDOR_ROOT_SHA256);
        let root = &path.links[4];
        assert!(!root.checks.contains(&Check::Signature), "an anchor is not checked: {root:?}");
        let dak = &path.links[1];
        for check in [
            Check::Validity,
            Check::IssuerName,
            Check::Signature,
            Check::KeyIdentifier,
            Check::CertificateAuthority,
            Check::PathLength,
            Check::KeyUsage,
            Check::CriticalExtensions,
        ] {
            assert!(dak.checks.contains(&check), "{name}: {check:?} missing in {dak:?}");
        }
    }
}

#[test]
fn root_of_the_file_alone_is_not_a_trusted_one() {
    let chain = chain("tuya-2020-chain.pem");
    let moment = at("2026-11-22T00:00:00Z");
    let path = validate(&chain, &TrustAnchors::none(), moment).unwrap();
    assert!(matches!(&path.root, Root::SelfSigned { .. }), "{:?}", path.root);
    let partial = validate(&chain[..4], &TrustAnchors::vendor(), moment).unwrap();
    let Root::Missing { issuer } = &partial.root else { panic!("{:?}", partial.root) };
    assert!(issuer.ends_with("CN=AmazonDHA Root Certificate"), "{issuer}");
    assert!(!partial.is_trusted());
}

#[test]
fn root_from_a_trust_file_completes_a_chain_without_one() {
    let chain = chain("tuya-2020-chain.pem");
    let root = pem::encode(Kind::Certificate, chain[4].der());
    let mut anchors = TrustAnchors::none();
    assert_eq!(anchors.add("roots.pem", root.as_bytes(), LIMIT), Ok(1));
    let path = validate(&chain[..4], &anchors, at("2026-11-22T00:00:00Z")).unwrap();
    assert_eq!(path.links.len(), 5);
    let Root::Trusted { source, position, .. } = path.root else { panic!("{:?}", path.root) };
    assert_eq!(source, AnchorSource::File { name: "roots.pem".into() });
    assert_eq!(position, 5);
}

#[test]
fn anchor_in_the_middle_is_found_nearest_to_the_leaf_and_the_rest_must_hold_too() {
    let chain = chain("microchip-2021-chain.pem");
    let moment = at("2024-01-01T00:00:00Z");
    let mut anchors = TrustAnchors::none();
    let dak = pem::encode(Kind::Certificate, chain[1].der());
    anchors.add("dak.pem", dak.as_bytes(), LIMIT).unwrap();
    let Root::Trusted { position, .. } = validate(&chain, &anchors, moment).unwrap().root else {
        panic!("the anchor is not found");
    };
    assert_eq!(position, 2);
    let mut bad = chain;
    bad.swap(3, 4);
    assert!(validate(&bad, &anchors, moment).is_err());
}

/// An anchor vouches by name and key only for a root whose own signature is checked as well.
#[test]
fn certificate_with_an_anchors_name_and_key_but_other_content_is_not_trusted() {
    let chain = chain("microchip-2021-chain.pem");
    let moment = at("2024-01-01T00:00:00Z");
    let mut anchors = TrustAnchors::none();
    let dak = pem::encode(Kind::Certificate, chain[1].der());
    anchors.add("dak.pem", dak.as_bytes(), LIMIT).unwrap();
    let mut forged = chain[1].der().to_vec();
    // The last byte of the signature.
    *forged.last_mut().unwrap() ^= 1;
    let forged = ParsedCertificate::from_der(&forged).unwrap();
    // Alone, nothing checks it; it must not be taken for the anchor.
    let path = validate(&[forged], &anchors, moment).unwrap();
    assert!(matches!(path.root, Root::Missing { .. }), "{:?}", path.root);
    // A root forged the same way breaks on its own signature.
    let root = pem::encode(Kind::Certificate, chain[4].der());
    anchors.add("root.pem", root.as_bytes(), LIMIT).unwrap();
    let mut forged = chain[4].der().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let forged = ParsedCertificate::from_der(&forged).unwrap();
    let error = validate(&[forged], &anchors, moment).unwrap_err();
    assert!(error.to_string().contains("signature does not verify"), "{error}");
}

#[test]
fn leaf_that_expired_in_august_2026_is_named_with_its_rule_and_held_before() {
    let chain = chain("microchip-2021-chain.pem");
    let error = validate(&chain, &TrustAnchors::vendor(), at("2026-11-22T00:00:00Z")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "certificate 1 (DeviceTypeId=A13HOHDXTVQYZO): expired at 2026-08-11T23:05:57Z"
    );
    for (moment, holds) in [
        ("2021-08-12T23:05:56Z", false),
        ("2021-08-12T23:05:57Z", true),
        ("2026-08-11T23:05:57Z", true),
        ("2026-08-11T23:05:58Z", false),
    ] {
        let result = validate(&chain, &TrustAnchors::vendor(), at(moment));
        assert_eq!(result.is_ok(), holds, "{moment}: {result:?}");
    }
    let dak = &chain[1..];
    assert!(validate(dak, &TrustAnchors::vendor(), at("2026-11-22T00:00:00Z")).is_ok());
}

#[test]
fn any_flipped_bit_in_a_signed_part_breaks_the_chain() {
    let good = chain("microchip-2021-chain.pem");
    let moment = at("2024-01-01T00:00:00Z");
    let der = good[1].der().to_vec();
    let mut refused = 0;
    // Every 7th byte keeps the test short and still visits every field.
    for index in (0..der.len()).step_by(7) {
        let mut bad = der.clone();
        bad[index] ^= 1;
        let Ok(changed) = ParsedCertificate::from_der(&bad) else { continue };
        let mut chain = good.clone();
        chain[1] = changed;
        let result = validate(&chain, &TrustAnchors::vendor(), moment);
        assert!(result.is_err(), "bit 0 of byte {index} makes no difference");
        refused += 1;
    }
    assert!(refused > 50, "only {refused} changed certificates could be parsed at all");
}

#[test]
fn wrong_order_and_a_missing_link_are_told_by_names() {
    let good = chain("tuya-2020-chain.pem");
    let moment = at("2026-11-22T00:00:00Z");
    let mut reversed = good.clone();
    reversed.swap(1, 2);
    let mut gap = good;
    gap.remove(2);
    for (bad, place) in [(reversed, 1), (gap, 2)] {
        match validate(&bad, &TrustAnchors::vendor(), moment) {
            Err(PathError::Certificate { position, rule: Rule::WrongIssuer { .. }, .. }) => {
                assert_eq!(position, place);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(validate(&[], &TrustAnchors::vendor(), moment), Err(PathError::Empty));
}

#[test]
fn description_of_the_dak_certificate_has_its_facts_by_name() {
    let dak = &chain("microchip-2021-dak-certificate.pem")[0];
    let description = Description::of(dak);
    // The vendor's own file name is dak-certificate-42D6AD.pem.
    assert_eq!(description.dak_suffix.as_deref(), Some("42D6AD"));
    assert_eq!(description.device.device_type_id.as_deref(), Some("A13HOHDXTVQYZO"));
    assert_eq!(description.device.dak_type.as_deref(), Some("SoftwareDev"));
    assert_eq!(description.subject.text, "DeviceTypeId=A13HOHDXTVQYZO, DakType=SoftwareDev");
    assert_eq!(description.subject.attributes[0].kind, "UTF8String");
    assert_eq!(description.key.name, "P-256");
    assert_eq!(description.days, 7305);
    assert_eq!(description.signature_algorithm.name, "ecdsa-with-SHA256");
    let basic = description.extensions.iter().find(|e| e.name == Some("basicConstraints")).unwrap();
    assert!(basic.critical);
    assert_eq!(basic.value, ["CA:TRUE", "pathlen:0"]);
}

#[test]
fn text_of_the_microchip_leaf_is_this() {
    let leaf = &chain("microchip-2021-chain.pem")[0];
    let expected = "\
Subject         DeviceTypeId=A13HOHDXTVQYZO
Issuer          DeviceTypeId=A13HOHDXTVQYZO, DakType=SoftwareDev
DeviceTypeId    A13HOHDXTVQYZO
Serial          9A2CFECEFCDC4119
Version         3
Not before      2021-08-12T23:05:57Z
Not after       2026-08-11T23:05:57Z (1825 days)
Key             P-256
";
    let text = Description::of(leaf).to_text();
    assert!(text.starts_with(expected), "{text}");
    assert!(text.ends_with("  keyUsage: digitalSignature, keyEncipherment\n"), "{text}");
}

#[test]
fn old_style_issuer_gives_its_device_type_and_json_has_the_documented_fields() {
    let chain = chain("tuya-2020-chain.pem");
    let dak = Description::of(&chain[1]);
    assert_eq!(dak.device.device_type_id.as_deref(), Some("A101NUVVNS7634"));
    let leaf = serde_json::to_value(Description::of(&chain[0])).unwrap();
    let mut fields: Vec<_> = leaf.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "days",
            "device",
            "extensions",
            "issuer",
            "key",
            "not_after",
            "not_before",
            "serial",
            "sha256",
            "signature_algorithm",
            "subject",
            "version"
        ]
    );
    assert_eq!(leaf["serial"], "7F969B04");
    assert_eq!(leaf["days"], 7305);
    assert_eq!(leaf["device"]["device_type_id"], "A101NUVVNS7634");
    let usage = leaf["extensions"].as_array().unwrap().iter().find(|e| e["name"] == "keyUsage");
    assert_eq!(
        usage.unwrap()["value"],
        serde_json::json!(["digitalSignature", "keyEncipherment", "keyAgreement"])
    );
}
