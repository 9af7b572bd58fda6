//! The README says what the code does.

use virtual_yubikey::{Algorithm, Effect, ManagementAlgorithm, Model, PinRules};

const README: &str = include_str!("../../README.md");

#[test]
fn the_table_of_models_is_that_of_the_code() {
    let begin = "<!-- models: this table is compared with the code by a test -->\n";
    let (_, rest) = README.split_once(begin).unwrap();
    let (table, _) = rest.split_once("<!-- end of models -->").unwrap();
    let expected = models();
    assert!(table == expected, "the README should have\n{expected}");
}

#[test]
fn the_table_of_faults_is_complete() {
    let nothing = std::time::Duration::ZERO;
    for effect in [
        Effect::DropBefore,
        Effect::DropAfter,
        Effect::Empty,
        Effect::Lost,
        Effect::Status(0),
        Effect::StatusAfter(0),
        Effect::Truncate(0),
        Effect::Garbage,
        Effect::EndlessLength,
        Effect::EndlessTag,
        Effect::EndlessMore,
        Effect::EndlessWrongLength,
        Effect::FlipBit,
        Effect::OtherToken(0),
        Effect::OtherApplet(Vec::new()),
        Effect::Reset,
        Effect::Slow(nothing),
        Effect::MemoryFull,
    ] {
        assert!(README.contains(&format!("\n| `{}` |", effect.name())), "{effect:?}");
    }
}

fn models() -> String {
    let mut table = "\
| model | management key | keys | PIN and PUK | attests | metadata | moves keys | log-out |
|---|---|---|---|---|---|---|---|
"
    .to_owned();
    for model in Model::ALL {
        let facts = model.facts();
        let yes = |yes| if yes { "yes" } else { "no" };
        let keys: Vec<&str> = facts.algorithms.iter().map(|key| key_name(*key)).collect();
        let roca = (facts.firmware >= [4, 2, 0] && facts.firmware < [4, 3, 5]).then_some(" (ROCA)");
        let rules = match facts.pin_rules {
            PinRules::Any => "any 8 octets",
            PinRules::Characters => "6 to 8 characters",
            PinRules::EightCharacters => "8 characters",
        };
        table += &format!(
            "| `{model}`{} | {} | {} | {rules}{} | {} | {} | {} | {} |\n",
            roca.unwrap_or_default(),
            management_name(facts.default_management),
            keys.join(", "),
            if facts.complexity { ", none that anybody would guess" } else { "" },
            yes(facts.attestation),
            yes(facts.metadata),
            yes(facts.moves),
            yes(facts.logout),
        );
    }
    table
}

fn key_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Rsa1024 => "RSA-1024",
        Algorithm::Rsa2048 => "RSA-2048",
        Algorithm::Rsa3072 => "RSA-3072",
        Algorithm::Rsa4096 => "RSA-4096",
        Algorithm::P256 => "P-256",
        Algorithm::P384 => "P-384",
        Algorithm::Ed25519 => "Ed25519",
        Algorithm::X25519 => "X25519",
    }
}

fn management_name(algorithm: ManagementAlgorithm) -> &'static str {
    match algorithm {
        ManagementAlgorithm::Tdes => "3DES",
        ManagementAlgorithm::Aes128 => "AES-128",
        ManagementAlgorithm::Aes192 => "AES-192",
        ManagementAlgorithm::Aes256 => "AES-256",
    }
}
