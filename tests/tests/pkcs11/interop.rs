//! What Touchmark writes on a token, OpenSC and GnuTLS read, and the other way round.

use std::process::Command;

use touchmark_tests::line::Line;
use touchmark_tests::modules::Maker;
use touchmark_tests::program::ended;

use crate::station::{PIN, Station, line_and_tokens};

const TOKEN: &str = "factory";

/// OpenSC's tool, in the folder of the line, logged in.
fn opensc(station: &Station<'_>, arguments: &str) -> String {
    let mut tool = station.tokens.pkcs11_tool(TOKEN);
    tool.args(["--login", "--pin", PIN]);
    run(station, tool, arguments)
}

/// The tool of GnuTLS, logged in.
fn gnutls(station: &Station<'_>, arguments: &str) -> String {
    let mut tool = Command::new("p11tool");
    station.tokens.show(&mut tool);
    tool.arg("--provider").arg(station.tokens.module());
    tool.args(["--batch", "--login", "--set-pin", PIN]);
    run(station, tool, arguments)
}

fn run(station: &Station<'_>, mut tool: Command, arguments: &str) -> String {
    tool.args(arguments.split_whitespace()).current_dir(station.line.folder());
    ended(0, &tool.output().unwrap(), arguments)
}

fn bytes(line: &Line, name: &str) -> Vec<u8> {
    std::fs::read(line.path(name)).unwrap()
}

fn named(station: &Station<'_>, key: &str) -> String {
    station.tokens.locator(&format!("token={TOKEN};{key}")) + "&pin-source=file:pin"
}

fn others_read_what_touchmark_wrote(station: &Station<'_>) {
    let line = station.line;
    station.expect(0, "cert import dak.pem");
    line.openssl("x509 -in dak.pem -outform DER -out dak.der");
    line.openssl("pkey -in key.pem -pubout -outform DER -out key.der");

    let objects = opensc(station, "--list-objects");
    for kind in ["Private Key Object", "Public Key Object", "Certificate Object"] {
        let found = objects.split(kind).nth(1).unwrap_or_else(|| panic!("no {kind}: {objects}"));
        let attribute = |name: &str| {
            let line = found.lines().find(|line| line.trim_start().starts_with(name));
            line.and_then(|line| line.split_whitespace().last()).map(str::to_owned)
        };
        assert_eq!(attribute("label:").as_deref(), Some("dak"), "{kind}: {objects}");
        assert_eq!(attribute("ID:").as_deref(), Some("01"), "{kind}: {objects}");
    }
    opensc(station, "--read-object --type cert --id 01 --output-file read.der");
    assert_eq!(bytes(line, "read.der"), bytes(line, "dak.der"));
    opensc(station, "--read-object --type pubkey --id 01 --output-file read.der");
    line.openssl("pkey -pubin -inform DER -in read.der -pubout -outform DER -out read-key.der");
    assert_eq!(bytes(line, "read-key.der"), bytes(line, "key.der"));

    let at = format!("pkcs11:token={TOKEN};object=dak;id=%01");
    let listed = gnutls(station, &format!("--list-all {at}"));
    for kind in ["Private key", "Public key", "X.509 Certificate"] {
        assert!(listed.contains(kind), "{kind} with that label and id: {listed}");
    }
    gnutls(station, &format!("--export {at};type=cert --outfile read.pem"));
    line.openssl("x509 -in read.pem -outform DER -out read.der");
    assert_eq!(bytes(line, "read.der"), bytes(line, "dak.der"));
}

fn touchmark_reads_what_others_wrote(station: &Station<'_>) {
    let line = station.line;
    line.write("message", "what is signed");
    // OpenSC makes a key.
    opensc(station, "--keypairgen --key-type EC:prime256v1 --label opensc --id 05");
    // GnuTLS makes one, whose id it chooses.
    gnutls(
        station,
        &format!("--generate-privkey=ECDSA --curve=SECP256R1 --label gnutls pkcs11:token={TOKEN}"),
    );
    for maker in ["opensc", "gnutls"] {
        let at = named(station, &format!("object={maker}"));
        let list = station.expect(0, &format!("--signer {at} key list"));
        assert!(list.contains(maker), "{list}");
        let pem = station.run(&format!("--signer {at} key public"));
        line.write(&format!("{maker}.pem"), pem.stdout);
        station.expect(0, &format!("--signer {at} sign message --out {maker}.sig"));
        line.openssl(&format!("dgst -sha256 -verify {maker}.pem -signature {maker}.sig message"));
    }
    // A certificate for each, written by each.
    for maker in ["opensc", "gnutls"] {
        line.openssl(&format!(
            "x509 -new -subj /CN={maker} -days 2 -force_pubkey {maker}.pem -key key.pem -out {maker}.crt"
        ));
        line.openssl(&format!("x509 -in {maker}.crt -outform DER -out {maker}.der"));
    }
    opensc(station, "--write-object opensc.der --type cert --label opensc --id 05");
    let listed = gnutls(station, &format!("--list-all pkcs11:token={TOKEN};object=gnutls"));
    let id =
        listed.lines().find_map(|line| line.trim().strip_prefix("ID: ")).unwrap().replace(':', "");
    gnutls(
        station,
        &format!(
            "--write --load-certificate gnutls.crt --label gnutls --id {id} pkcs11:token={TOKEN}"
        ),
    );
    for maker in ["opensc", "gnutls"] {
        let at = named(station, &format!("object={maker}"));
        station.expect(0, &format!("--signer {at} cert export --out read.crt"));
        line.openssl("x509 -in read.crt -outform DER -out read.der");
        assert_eq!(bytes(line, "read.der"), bytes(line, &format!("{maker}.der")), "{maker}");
    }
}

fn interoperate(maker: Maker) {
    let (line, tokens) = line_and_tokens(maker);
    let station = Station::with_key(&line, &tokens);
    others_read_what_touchmark_wrote(&station);
    touchmark_reads_what_others_wrote(&station);
}

#[test]
fn softhsm_tokens_are_read_by_all() {
    interoperate(Maker::SoftHsm);
}

#[test]
fn kryoptic_tokens_are_read_by_all() {
    interoperate(Maker::Kryoptic);
}
