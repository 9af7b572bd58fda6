//! A certificate that a key on a token gives itself.

use touchmark_tests::modules::Maker;

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
