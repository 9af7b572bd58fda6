//! Certificates on a token: one that its key gives itself, and one with its chain.

use touchmark_tests::line::{Line, Setup};
use touchmark_tests::modules::{Maker, Tokens};

use crate::station::{Station, line_and_tokens};

const CONFIG: &str = "
[req]
prompt = no
distinguished_name = dn
x509_extensions = ca
[dn]
CN = Example Root
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
";

#[test]
fn a_token_signs_its_keys_own_certificate_and_keeps_it() {
    for maker in [Maker::SoftHsm, Maker::Kryoptic] {
        let (line, tokens) = line_and_tokens(maker);
        let station = Station::with_key(&line, &tokens);
        line.write("root.conf", CONFIG);
        station.expect(0, "cert self-sign --config root.conf --days 30 --out own.pem --store");
        assert_eq!(tokens.calls("C_Sign"), 1);
        station.expect(0, "cert export --out kept.pem");
        assert_eq!(line.read("own.pem"), line.read("kept.pem"));
        line.openssl("verify -x509_strict -CAfile kept.pem own.pem");
    }
}

#[test]
fn a_token_keeps_the_issuers_certificate_with_its_chain() {
    for maker in [Maker::SoftHsm, Maker::Kryoptic] {
        let line = Line::with(&Setup { chain: true, ..Setup::default() });
        let tokens = Tokens::new(line.folder(), maker);
        let station = Station::with_key(&line, &tokens);
        let said = station.expect(0, "cert import dak.pem");
        assert!(said.contains("and its chain beside it"), "{said}");
        // Nothing is left but what the token keeps.
        let chain = line.read("dak.pem");
        let settings = line.read("touchmark.toml").replace("certificate = \"dak.pem\"\n", "");
        line.write("touchmark.toml", settings);
        let _csr = line.csr("device");
        let issue = "issue --csr device.csr --out device.pem --chain-out chain.pem";
        station.expect(0, issue);
        assert_eq!(line.read("chain.pem"), line.read("device.pem") + &chain);
        station.expect(0, "cert export --chain --out all.pem");
        assert_eq!(line.read("all.pem"), chain);
        let said = station.expect(0, "cert delete");
        assert!(said.contains("so are certificates above it"), "{said}");
    }
}
