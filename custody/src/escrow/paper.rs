//! What is written down about a secret: enough to find it a year later without this program.

use signer_core::SecretKind;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use super::Deposit;

/// More than any secret and what is said about it, so that the text never moves and leaves a copy.
const ROOM: usize = 32 * 1024;

/// Who put it there, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note<'a> {
    pub(super) operator: &'a str,
    pub(super) station: &'a str,
    pub(super) time: OffsetDateTime,
}

/// The deposit as TOML: a comment that says what this is, then one line a fact; the secret last.
/// Nothing when the secret is no text, or far too long.
pub(super) fn write(deposit: &Deposit<'_>, note: &Note<'_>) -> Option<Zeroizing<String>> {
    let value = str::from_utf8(deposit.secret.expose()).ok()?;
    let mut text = Zeroizing::new(String::with_capacity(ROOM));
    text.push_str("# A secret of a token, kept by touchmark before the token was given it.\n");
    line(&mut text, "format", "touchmark escrow 1");
    line(&mut text, "token", deposit.token);
    if let Some(serial) = deposit.serial {
        line(&mut text, "serial", serial);
    }
    line(&mut text, "time", &note.time.format(&Rfc3339).ok()?);
    line(&mut text, "operator", note.operator);
    line(&mut text, "station", note.station);
    line(&mut text, "secret", word(deposit.kind));
    line(&mut text, "value", value);
    (text.capacity() == ROOM).then_some(text)
}

/// The secret as it is called in file names: what is new now will not be new for long.
pub(super) fn word(kind: SecretKind) -> &'static str {
    match kind {
        SecretKind::Pin | SecretKind::NewPin => "pin",
        SecretKind::Puk | SecretKind::NewPuk => "puk",
        SecretKind::SoPin | SecretKind::NewSoPin => "so-pin",
        SecretKind::ManagementKey | SecretKind::NewManagementKey => "management-key",
        SecretKind::Passphrase | SecretKind::NewPassphrase => "passphrase",
        _ => "secret",
    }
}

/// A line of TOML with a basic string.
fn line(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str(" = \"");
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            // Nothing secret has these: rules forbid them.
            c if c.is_control() => text.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push_str("\"\n");
}

#[cfg(test)]
mod tests {
    use signer_core::Secret;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_text_tells_what_it_is_and_ends_with_the_secret() {
        let secret = Secret::new("1\"2\\3ß".into());
        let deposit = Deposit {
            token: "YubiKey\u{7} 16021234",
            serial: Some("16021234"),
            kind: SecretKind::NewPuk,
            secret: &secret,
        };
        let time = datetime!(2026-11-22 10:45:00.25 UTC);
        let text = write(&deposit, &Note { operator: "maria", station: "line-3", time }).unwrap();
        assert_eq!(
            text.as_str(),
            r#"# A secret of a token, kept by touchmark before the token was given it.
format = "touchmark escrow 1"
token = "YubiKey\u0007 16021234"
serial = "16021234"
time = "2026-11-22T10:45:00.25Z"
operator = "maria"
station = "line-3"
secret = "puk"
value = "1\"2\\3ß"
"#
        );
    }

    #[test]
    fn a_secret_that_is_no_text_or_too_long_is_not_written() {
        let time = datetime!(2026-11-22 10:45 UTC);
        let note = Note { operator: "maria", station: "line-3", time };
        for octets in [vec![0xff; 8], vec![b'1'; ROOM]] {
            let secret = Secret::new(octets);
            let kind = SecretKind::NewPin;
            let deposit = Deposit { token: "x", serial: None, kind, secret: &secret };
            assert!(write(&deposit, &note).is_none());
        }
    }
}
