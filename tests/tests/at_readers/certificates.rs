//! Certificates in slots, plain and compressed.

use std::fmt::Write as _;

use crate::desk::{Desk, KEY, PIN};

/// Stored by one, read by all.
pub(crate) fn certificates_are_read_by_all(model: &str) {
    let desk = Desk::new(model);
    desk.found_authority();
    desk.touchmark("9a", "key generate").done();
    desk.public_key("9a", "9a.pem");

    desk.certify("9a", "small.crt", "");
    desk.touchmark("9a", "cert import small.crt").done();
    assert!(is_plain(&desk));
    desk.ykman("certificates export 9a ykman.crt").done();
    desk.piv_tool("-a read-certificate -s 9a -o piv-tool.crt").done();
    desk.opensc("--read-object --type cert --id 01 -o opensc.der").done();
    desk.openssl("x509 -inform DER -in opensc.der -out opensc.crt");
    for file in ["ykman.crt", "piv-tool.crt", "opensc.crt"] {
        assert_eq!(desk.pem(file), desk.pem("small.crt"), "{file}");
    }

    large(&desk);

    // The other way round.
    for (compress, plain) in [("--compress", false), ("", true)] {
        desk.certify("9a", "other.crt", "");
        let import = format!("certificates import -m {KEY} {compress} 9a other.crt");
        desk.ykman(&import.replace("  ", " ")).done();
        assert_eq!(is_plain(&desk), plain);
        desk.touchmark("9a", "cert export --out touchmark.crt").done();
        assert_eq!(desk.pem("touchmark.crt"), desk.pem("other.crt"));
    }
    if !desk.since(5, 7, 0) {
        desk.certify("9a", "third.crt", "");
        desk.piv_tool("-a import-certificate -s 9a -i third.crt").done();
        desk.touchmark("9a", "cert export --out touchmark.crt").done();
        assert_eq!(desk.pem("touchmark.crt"), desk.pem("third.crt"));
    }
    let certify = format!("certificates generate -m {KEY} -P {PIN} -s CN=ykman 9a 9a.pem");
    desk.ykman(&certify).done();
    desk.touchmark("9a", "cert show").done_saying(&["ykman"]);
    desk.touchmark("9a", "cert delete").done();
    desk.ykman("certificates export 9a gone.crt").refused("No certificate found");
    desk.touchmark("9a", "cert import small.crt").done();
    desk.ykman(&format!("certificates delete -m {KEY} 9a")).done();
    desk.touchmark("9a", "cert export").refused_with(3, "slot 9a");
}

/// One that does not fit as it is.
fn large(desk: &Desk) {
    let mut names = String::from("subjectAltName=");
    for number in 0..160 {
        write!(names, "DNS:device-{number:03}.example.com,").unwrap();
    }
    desk.write("names", names.trim_end_matches(','));
    desk.certify("9a", "large.crt", "-extfile names");
    desk.openssl("x509 -in large.crt -outform DER -out large.der");
    assert!(desk.read("large.der").len() > 3052);
    desk.touchmark("9a", "cert import large.crt").done();
    assert!(!is_plain(desk));
    desk.ykman("certificates export 9a ykman.crt").done();
    desk.opensc("--read-object --type cert --id 01 -o opensc.der").done();
    desk.openssl("x509 -inform DER -in opensc.der -out opensc.crt");
    desk.touchmark("9a", "cert export --out touchmark.crt").done();
    for file in ["ykman.crt", "opensc.crt", "touchmark.crt"] {
        assert_eq!(desk.pem(file), desk.pem("large.crt"), "{file}");
    }
}

/// Whether the object of slot 9A says that its certificate is not compressed.
fn is_plain(desk: &Desk) -> bool {
    desk.ykman("objects export 0x5fc105 object").done();
    // The last elements are 71 (how it is compressed) and FE (empty).
    let object = desk.read("object");
    let end = &object[object.len() - 5..];
    assert!(matches!(end, [0x71, 1, 0 | 1, 0xFE, 0]), "{end:02x?}");
    end[2] == 0
}
