//! What the documents show works when it is pasted.

#![expect(clippy::expect_used, reason = "a test stops where it fails")]
#![cfg(unix)]

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use touchmark_tests::drawer::{self, Drawer};

/// The lines of the example that build the program; here it is built already.
const BUILD: &str = "\
cargo build --release --package cli
export PATH=\"$PWD/target/release:$PATH\"
";

/// What the vendor's console does, and the device.
const ELSEWHERE: &str = "\
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key \
  -subj /CN=console -days 7400 -out root.pem
printf '%s\\n' basicConstraints=critical,CA:TRUE,pathlen:0 \
  keyUsage=critical,digitalSignature,keyCertSign subjectKeyIdentifier=hash > console.ext
openssl x509 -req -in dak.csr -CA root.pem -CAkey root.key -CAcreateserial -days 7305 \
  -extfile console.ext -out dak-certificate.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout private_key.pem \
  -config device.conf -out device.csr
openssl verify -CAfile root.pem dak-certificate.pem
";

#[test]
fn the_sixty_second_example_works_when_it_is_pasted_as_a_whole() {
    let example = block(&document("README.md"), "## In 60 seconds", "sh");
    let example = example.strip_prefix(BUILD).expect("it begins with building the program");
    let checkout = checkout();

    let output = touchmark_on_path(checkout.path())
        .current_dir(checkout.path())
        .args(["-e", "-u", "-c", example])
        .output()
        .expect("bash runs");
    assert!(output.status.success(), "{}", said(&output));

    let made = checkout.path().join("example");
    let chain = fs::read_to_string(made.join("certificate.pem")).expect("the chain is there");
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2, "device certificate and DAK");
    let key = fs::read_to_string(made.join("public-key.txt")).expect("the public key is there");
    let key: String = key.split_whitespace().collect();
    let printed = String::from_utf8_lossy(&output.stdout);
    for shown in ["every link holds", "G3A0PA01802300PE", "ebK3", key.as_str(), "\nsound\n"] {
        assert!(printed.contains(shown), "{shown:?} is missing: {}", said(&output));
    }
    let verify = ["verify", "-x509_strict", "-CAfile", "dak-certificate.pem"];
    let judged = Command::new("openssl")
        .current_dir(&made)
        .args(verify)
        .arg("device-certificate.pem")
        .output()
        .expect("openssl runs");
    assert!(judged.status.success(), "{}", said(&judged));
}

#[test]
fn the_example_with_a_yubikey_works_when_it_is_pasted() {
    let readme = document("README.md");
    let office = block(&readme, "## With a YubiKey", "sh");
    let (_, after) = readme.split_once(&office).expect("the first block is there");
    let station = block(after, "dak-certificate.pem", "sh");
    let checkout = checkout();
    let keys = checkout.path().join("drawer");
    fs::create_dir(&keys).expect("a folder");
    Drawer::add(&keys, "5.7.1".parse().expect("a model"), 16_021_234).expect("a key");
    let judge =
        "openssl verify -partial_chain -CAfile dak-certificate.pem device-certificate.pem\n";
    let output = touchmark_on_path(checkout.path())
        .current_dir(checkout.path())
        .env("HOME", checkout.path())
        .env_remove("XDG_STATE_HOME")
        .env(drawer::FOLDER, &keys)
        .args(["-e", "-u", "-c", &[office.as_str(), ELSEWHERE, &station, judge].concat()])
        .output()
        .expect("bash runs");
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("PIN    3 of 3 tries left; not the factory's"), "{said}");
    for name in ["16021234.pin", "16021234.puk", "16021234.key"] {
        let secret = fs::read_to_string(checkout.path().join("example-yubikey/secrets").join(name));
        let secret = secret.expect("a secret is there");
        assert!(!said.contains(secret.trim()), "{name} was printed");
    }
}

#[test]
fn the_example_with_an_hsm_works_when_it_is_pasted() {
    let example = block(&document("README.md"), "## With an HSM", "sh");
    let checkout = checkout();
    let line = "\
        touchmark issue --csr device.csr --out device-certificate.pem\n\
        openssl verify -partial_chain -CAfile dak-certificate.pem device-certificate.pem\n\
        touchmark doctor --with-pin\n";
    let output = touchmark_on_path(checkout.path())
        .current_dir(checkout.path())
        .env("HOME", checkout.path())
        .env_remove("XDG_STATE_HOME")
        .args(["-e", "-u", "-c", &[example.as_str(), ELSEWHERE, line].concat()])
        .output()
        .expect("bash runs");
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("ok    key of hsm: it signs and does nothing else"), "{said}");
}

#[test]
fn the_documented_settings_are_understood() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = block(&document("docs/settings.md"), "# Settings", "toml");
    let file = folder.path().join("touchmark.toml");
    fs::write(&file, &settings).expect("the settings are written");
    let output = touchmark_on_path(folder.path())
        .args(["-c", "touchmark --settings \"$0\" --json doctor"])
        .arg(&file)
        .output()
        .expect("bash runs");
    let found = String::from_utf8_lossy(&output.stdout);
    let first = found.lines().next().unwrap_or_default();
    assert!(first.starts_with(r#"{"check":"settings","verdict":"ok""#), "{}", said(&output));
}

/// A folder with the samples where a checkout has them.
fn checkout() -> TempDir {
    let checkout = tempfile::tempdir().expect("a folder");
    let samples = checkout.path().join("tests/data");
    fs::create_dir_all(&samples).expect("a folder");
    for name in ["dak.conf", "device.conf"] {
        fs::copy(root().join("tests/data").join(name), samples.join(name)).expect("a sample");
    }
    checkout
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect("the document is there")
}

/// The first block of code in this language after a heading.
fn block(text: &str, heading: &str, language: &str) -> String {
    let (_, after) = text.split_once(heading).expect("the heading is there");
    let (_, code) = after.split_once(&format!("\n```{language}\n")).expect("a block follows");
    let (code, _) = code.split_once("```\n").expect("it ends");
    code.to_owned()
}

/// A shell that finds the program under its own name, and no settings but those of the test.
fn touchmark_on_path(folder: &Path) -> Command {
    let bin = folder.join("bin");
    fs::create_dir(&bin).expect("a folder");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_touchmark-under-test"), bin.join("touchmark"))
        .expect("a link");
    let mut path = OsString::from(bin);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut shell = Command::new("bash");
    shell.env("PATH", path).env("XDG_CONFIG_HOME", folder).stdin(Stdio::null());
    shell.env_remove("TOUCHMARK_SETTINGS").env_remove("TOUCHMARK_OPERATOR");
    shell
}

fn said(output: &Output) -> String {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}
