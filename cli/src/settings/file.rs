//! The contents of the settings file: every key that it can have, and no other.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use custody::age::Recipient;
use issuer::profile::{NotAfter, Profile};
use ledger::{Digest, Location};
use serde::{Deserialize, Deserializer, de};
use signer_core::{Locator, SecretSpec, SignatureAlgorithm};
use toml::Spanned;

use super::{Error, EscrowSettings, Firmware, IssueSettings, Settings, SignerSettings};

/// Reads the text of a settings file at `path`.
pub(super) fn parse(text: &str, path: &Path) -> Result<Settings, Error> {
    let at = |offset: Option<usize>, reason: String| Error::Content {
        path: path.to_owned(),
        line: offset.map(|offset| line_of(text, offset)),
        reason,
    };
    let tables: Tables = toml::from_str(text)
        // The message alone: the long form repeats the line, and a secret may stand in it.
        .map_err(|e| at(e.span().map(|span| span.start), e.message().replace('\n', ", ")))?;
    let known = |name: &Name| tables.signer.contains_key(name);
    if let Some(default) = tables.default_signer.as_ref().filter(|name| !known(name.get_ref())) {
        let reason = format!("there is no [signer.{}]", default.get_ref().0);
        return Err(at(Some(default.span().start), reason));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(Settings {
        file: Some(path.to_owned()),
        default_signer: tables.default_signer.map(|name| name.into_inner().0),
        signers: tables
            .signer
            .into_iter()
            .map(|(name, signer)| (name.0, signer.within(folder)))
            .collect(),
        issue: tables.issue.within(folder),
        escrow: EscrowSettings {
            folder: tables.escrow.folder.map(|path| folder.join(path)),
            recipients: tables.escrow.recipients,
        },
        attestation_roots: within(tables.attestation.roots, folder),
        station: tables.station.name,
        profiles: tables.profile.into_iter().map(|(name, profile)| (name.0, profile)).collect(),
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|octet| *octet == b'\n').count() + 1
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Tables {
    default_signer: Option<Spanned<Name>>,
    #[serde(default)]
    signer: BTreeMap<Name, SignerTable>,
    #[serde(default)]
    issue: IssueTable,
    #[serde(default)]
    escrow: EscrowTable,
    #[serde(default)]
    attestation: AttestationTable,
    #[serde(default)]
    station: StationTable,
    #[serde(default)]
    profile: BTreeMap<Name, Profile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SignerTable {
    #[serde(deserialize_with = "from_text")]
    locator: Locator,
    certificate: Option<PathBuf>,
    #[serde(default, deserialize_with = "secret_source")]
    pin: Option<SecretSpec>,
    #[serde(default, deserialize_with = "secret_source")]
    passphrase: Option<SecretSpec>,
    #[serde(default, deserialize_with = "secret_source")]
    puk: Option<SecretSpec>,
    #[serde(default, deserialize_with = "secret_source")]
    management_key: Option<SecretSpec>,
    #[serde(default, deserialize_with = "some_from_text")]
    algorithm: Option<SignatureAlgorithm>,
    #[serde(default, rename = "spki-sha256")]
    spki_sha256: Option<Digest>,
    #[serde(default, deserialize_with = "some_from_text")]
    min_firmware: Option<Firmware>,
}

impl SignerTable {
    fn within(self, folder: &Path) -> SignerSettings {
        let secret = |source: Option<SecretSpec>| source.map(|source| source.within(folder));
        SignerSettings {
            locator: self.locator.within(folder),
            certificate: self.certificate.map(|file| folder.join(file)),
            pin: secret(self.pin),
            passphrase: secret(self.passphrase),
            puk: secret(self.puk),
            management_key: secret(self.management_key),
            algorithm: self.algorithm,
            spki_sha256: self.spki_sha256,
            min_firmware: self.min_firmware,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct IssueTable {
    extfile: Option<PathBuf>,
    extensions: Option<String>,
    days: Option<u32>,
    #[serde(default, deserialize_with = "some_from_text")]
    ledger: Option<Location>,
    profile: Option<String>,
    not_after: Option<NotAfter>,
}

impl IssueTable {
    fn within(self, folder: &Path) -> IssueSettings {
        IssueSettings {
            extfile: self.extfile.map(|file| folder.join(file)),
            extensions: self.extensions,
            days: self.days,
            ledger: self.ledger.map(|ledger| ledger.relative_to(folder)),
            profile: self.profile,
            not_after: self.not_after,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct EscrowTable {
    folder: Option<PathBuf>,
    #[serde(default, deserialize_with = "recipients")]
    recipients: Vec<Recipient>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttestationTable {
    #[serde(default)]
    roots: Vec<PathBuf>,
}

fn within(files: Vec<PathBuf>, folder: &Path) -> Vec<PathBuf> {
    files.into_iter().map(|file| folder.join(file)).collect()
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StationTable {
    name: Option<String>,
}

/// The name of a signer or profile. It has no colon, so that it cannot be taken for a locator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct Name(String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let usual = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !text.is_empty() && text.chars().all(usual) {
            return Ok(Self(text));
        }
        Err(format!("{text:?} is no name; a name is letters, digits, '-', '_' and '.'"))
    }
}

fn from_text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

fn some_from_text<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    from_text(deserializer).map(Some)
}

fn recipients<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Recipient>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(de::Error::custom)).collect()
}

/// Takes any value first, so that a PIN written as a number is refused without being repeated.
fn secret_source<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretSpec>, D::Error> {
    match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => text.parse().map(Some).map_err(de::Error::custom),
        _ => Err(de::Error::custom("a secret source is text, such as \"file:pin.txt\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the documentation shows.
    const EXAMPLE: &str = r#"
default-signer = "line-3"

[signer.bench]
locator = "soft:dak_private_key.pem"
certificate = "dak-certificate.pem"

[signer.line-3]
locator = "yubikey:serial=16021234;slot=9c"
min-firmware = "5.7.0"
certificate = "dak-certificate.pem"
pin = "file:/run/secrets/yubikey-{serial}.pin"

[signer.hsm]
locator = "pkcs11:token=factory;object=dak?module-path=/usr/lib/softhsm/libsofthsm2.so"
pin = "env:HSM_PIN"
algorithm = "ecdsa-p256-sha256"
spki-sha256 = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

[issue]
extfile = "device.conf"
extensions = "req_ext"
days = 1825
ledger = "sqlite:touchmark.db"
profile = "dha"

[escrow]
folder = "escrow"
recipients = ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]

[attestation]
roots = ["our-attestation-root.pem"]

[station]
name = "line-3"

[profile.my-product]
key-types = ["p256"]
subject-required = ["DeviceTypeId"]
subject-allowed = ["DeviceTypeId", "DSN"]
accept-requested-extensions = []
max-days = 7305
device-id = "DSN"
not-after = "clamp"
"#;

    #[test]
    fn the_documented_example_is_understood_with_paths_from_its_folder() {
        let settings = parse(EXAMPLE, Path::new("/etc/touchmark/touchmark.toml")).unwrap();
        assert_eq!(settings.default_signer.as_deref(), Some("line-3"));
        let bench = settings.signers.get("bench").unwrap();
        assert_eq!(bench.locator.file().unwrap(), Path::new("/etc/touchmark/dak_private_key.pem"));
        assert_eq!(
            bench.certificate.as_deref(),
            Some(Path::new("/etc/touchmark/dak-certificate.pem"))
        );
        let ledger = settings.issue.ledger.as_ref().unwrap();
        assert_eq!(ledger.path(), Path::new("/etc/touchmark/touchmark.db"));
        assert_eq!(
            settings.issue.extfile.as_deref(),
            Some(Path::new("/etc/touchmark/device.conf"))
        );
        assert_eq!(settings.station.as_deref(), Some("line-3"));
        assert_eq!(settings.escrow.folder.as_deref(), Some(Path::new("/etc/touchmark/escrow")));
        assert_eq!(settings.escrow.recipients.len(), 1);
        assert_eq!(
            settings.attestation_roots,
            [Path::new("/etc/touchmark/our-attestation-root.pem")]
        );
        let profile = settings.profiles.get("my-product").unwrap();
        assert_eq!(profile.not_after, NotAfter::Clamp);
        assert_eq!(profile.max_days, Some(7305));
        let hsm = settings.signers.get("hsm").unwrap();
        assert_eq!(hsm.pin, Some(SecretSpec::Env("HSM_PIN".into())));
        assert!(hsm.spki_sha256.is_some());
    }

    #[test]
    fn paths_of_the_file_in_the_working_folder_stay_as_they_are() {
        let text = "[signer.a]\nlocator = \"soft:a.pem\"\npin = \"file:p\"\n";
        let settings = parse(text, Path::new("touchmark.toml")).unwrap();
        let signer = settings.signers.get("a").unwrap();
        assert_eq!(signer.locator.file().unwrap(), Path::new("a.pem"));
        assert_eq!(signer.pin, Some(SecretSpec::File("p".into())));
    }

    #[test]
    fn an_empty_file_is_a_settings_file() {
        let settings = parse("", Path::new("touchmark.toml")).unwrap();
        assert!(settings.signers.is_empty() && settings.file.is_some());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, line, reason) in [
            ("\ncolour = 1\n", 2, "unknown field `colour`"),
            ("[signer.a]\nlocator = \"soft:a\"\npni = \"prompt\"\n", 3, "unknown field `pni`"),
            ("[issue]\n\ndais = 3\n", 3, "unknown field `dais`"),
            ("[station]\nname = \"a\"\nline = 3\n", 3, "unknown field `line`"),
            ("[attestation]\nroot = \"a\"\n", 2, "unknown field `root`"),
            ("[escrow]\nfile = \"a\"\n", 2, "unknown field `file`"),
            ("[escrow]\nrecipients = [\"age1x\"]\n", 2, "is no age recipient"),
            ("[profile.a]\nkeytypes = []\n", 2, "unknown field `keytypes`"),
            ("[profile.a]\nkey-types = [\"p224\"]\n", 2, "p224"),
            ("[profile.a]\ndevice-id = \"Serial\"\n", 2, "neither a known name"),
            ("[signer.a]\npin = \"prompt\"\n", 1, "missing field `locator`"),
            ("[signer.a]\nlocator = \"a.pem\"\n", 2, "it has no scheme"),
            ("[signer.a]\nlocator = \"soft:a\"\nalgorithm = \"md5\"\n", 3, "\"md5\""),
            ("[signer.a]\nlocator = \"soft:a\"\nspki-sha256 = \"00\"\n", 3, "64 hexadecimal"),
            (
                "[signer.a]\nlocator = \"soft:a\"\nmin-firmware = \"new\"\n",
                3,
                "no version such as 5.7.0",
            ),
            ("[issue]\ndays = -1\n", 2, "-1"),
            ("[issue]\ndays = \"many\"\n", 2, "invalid type"),
            ("[issue]\nledger = \"touchmark.db\"\n", 2, "sqlite:PATH"),
            ("[issue]\nnot-after = \"later\"\n", 2, "later"),
            ("default-signer = \"b\"\n[signer.a]\nlocator = \"soft:a\"\n", 1, "no [signer.b]"),
            ("[signer.\"a:b\"]\nlocator = \"soft:a\"\n", 1, "is no name"),
            ("[issue]\ndays = 1\ndays = 2\n", 3, "duplicate key"),
            (
                "[signer.a]\nlocator = \"soft:a\"\n[signer.a]\nlocator = \"soft:b\"\n",
                3,
                "duplicate",
            ),
            ("[issue\n", 1, "table"),
            ("days = = 1\n", 1, "extra `=`"),
        ] {
            match parse(text, Path::new("touchmark.toml")) {
                Err(Error::Content { line: found, reason: why, .. }) => {
                    assert_eq!(found, Some(line), "{text:?}: {why}");
                    assert!(why.contains(reason), "{text:?}: {why}");
                    assert!(!why.contains('\n'), "{why:?}");
                }
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_secret_that_was_put_here_by_mistake_is_not_repeated() {
        for value in ["\"48151623\"", "48151623", "[48151623]", "{ pin = 48151623 }"] {
            for key in ["pin", "passphrase", "puk", "management-key"] {
                let text = format!("[signer.a]\nlocator = \"soft:a\"\n{key} = {value}\n");
                let error = parse(&text, Path::new("touchmark.toml")).unwrap_err().to_string();
                assert!(!error.contains("48151623"), "{error}");
                assert!(error.contains("line 3"), "{error}");
            }
        }
    }
}
