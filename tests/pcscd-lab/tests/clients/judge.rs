//! OpenSSL, which knows nothing of cards, judges what came from one.

use std::process::Command;

use crate::desk::Desk;

impl Desk {
    /// Runs `openssl` in the session's folder; it has to agree. Answers what it printed.
    pub(crate) fn openssl(&self, arguments: &str) -> String {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(self.file("."))
            .output()
            .unwrap();
        let said =
            [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        assert!(output.status.success(), "openssl {arguments}: {}", said.concat());
        said[0].clone()
    }

    /// Whether `openssl` ends well.
    pub(crate) fn openssl_agrees(&self, arguments: &str) -> bool {
        self.run("openssl", arguments).done
    }

    /// The file's public key is of this kind, in the words of `openssl pkey -text`.
    pub(crate) fn judge_public_key(&self, file: &str, kind: &str) {
        let text = self.openssl(&format!("pkey -pubin -in {file} -noout -text"));
        assert!(text.contains(kind), "{file} is not {kind}: {text}");
    }

    /// The certificate is signed by its own key, which is the one in `public_key`.
    pub(crate) fn judge_self_signed(&self, certificate: &str, public_key: &str) {
        self.openssl(&format!("verify -check_ss_sig -CAfile {certificate} {certificate}"));
        self.judge_certified(certificate, public_key);
    }

    /// The certificate's key is the one in `public_key`.
    pub(crate) fn judge_certified(&self, certificate: &str, public_key: &str) {
        let certified = self.openssl(&format!("x509 -in {certificate} -noout -pubkey"));
        let key = self.openssl(&format!("pkey -pubin -in {public_key} -pubout"));
        assert_eq!(certified, key, "{certificate} is about another key");
    }

    /// The request is signed by the key in `public_key`.
    pub(crate) fn judge_request(&self, request: &str, public_key: &str) {
        let key = self.openssl(&format!("req -in {request} -verify -noout -pubkey"));
        assert_eq!(key, self.openssl(&format!("pkey -pubin -in {public_key} -pubout")));
    }

    /// The signature over `data` is that of the key in `public_key`; `options` tell how.
    pub(crate) fn judge_signature(
        &self,
        public_key: &str,
        data: &str,
        signature: &str,
        options: &str,
    ) {
        let said = self.openssl(&format!(
            "pkeyutl -verify -pubin -inkey {public_key} -in {data} -sigfile {signature}{options}"
        ));
        assert!(said.contains("Signature Verified Successfully"), "{said}");
    }

    /// The attestation of the key in `public_key` is issued by `issuer`, that by the root, and says
    /// which key, firmware and policies (PIN, touch) it is about.
    pub(crate) fn judge_attestation(
        &self,
        attestation: &str,
        issuer: &str,
        public_key: &str,
        policies: [u8; 2],
    ) {
        self.write("root.pem", virtual_yubikey::ROOT_CERTIFICATE_PEM);
        self.openssl(&format!("verify -CAfile root.pem -untrusted {issuer} {attestation}"));
        self.judge_certified(attestation, public_key);

        let listing = self.openssl(&format!("asn1parse -in {attestation}"));
        let extension = |number: u8| {
            let mut lines = listing.lines().skip_while(|line| {
                !line.trim_end().ends_with(&format!(":1.3.6.1.4.1.41482.3.{number}"))
            });
            let line = lines.nth(1).unwrap_or_else(|| panic!("no extension {number}: {listing}"));
            line.rsplit(':').next().unwrap_or_default().to_owned()
        };
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        assert_eq!(extension(3), hex(&self.facts.firmware), "the firmware");
        let serial = [&[2, 4][..], &crate::desk::SERIAL.to_be_bytes()].concat();
        assert_eq!(extension(7), hex(&serial), "the serial number");
        assert_eq!(extension(8), hex(&policies), "PIN and touch policy");
    }
}
