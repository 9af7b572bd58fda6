//! The management key, and the end of a token's life.

use crate::desk::{Desk, KEY, PIN};

const TRIPLE_DES: &str = "a1b2c3d4e5f607180918273645546372cafebabe20304051";
const AES_192: &str = "000102030405060708090a0b0c0d0e0f1011121314151617";
const AES_256: &str = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";

/// Changed by one, proved by the other; kept on the card by one, used from there by the other.
pub(crate) fn the_management_key_is_the_same_for_all(model: &str) {
    let desk = Desk::new(model);
    let aes = desk.since(5, 4, 2);
    let mut kinds = vec![("3des", "tdes", TRIPLE_DES)];
    if aes {
        kinds.extend([("aes192", "aes192", AES_192), ("aes256", "aes256", AES_256)]);
    }
    let mut old = KEY;
    for (ours, _, new) in &kinds {
        desk.keep("new-key", new);
        let change = format!("management-key change --new-management-key file:new-key -a {ours}");
        desk.touchmark("9a", &change).done();
        desk.ykman(&format!("objects generate -m {old} chuid")).refused("uthenticat");
        desk.ykman(&format!("objects generate -m {new} chuid")).done();
        if *ours == "3des" {
            desk.piv_tool(&format!("-k{new} -a set-chuid")).done();
        }
        desk.keep("key", new);
        old = new;
        drop(desk.take_escrowed());
    }
    // A random one: who has the escrow can go on.
    desk.touchmark("9a", "management-key change").done();
    let escrowed = desk.take_escrowed();
    let value = escrowed.lines().find_map(|line| line.strip_prefix("value = \"")).unwrap();
    let random = value.trim_end_matches('"');
    let best = if aes { "AES256" } else { "TDES" };
    if desk.facts.metadata {
        desk.ykman("info").done_saying(&[best]);
    }
    desk.ykman(&format!("objects generate -m {random} chuid")).done();

    // The other way round.
    let mut old = random.to_owned();
    for (_, theirs, new) in &kinds {
        let change = "access change-management-key --force";
        desk.ykman(&format!("{change} -m {old} -a {theirs} -n {new}")).done();
        desk.keep("key", &old);
        desk.touchmark("9a", "cert delete").refused("");
        desk.keep("key", new);
        if desk.facts.metadata {
            desk.touchmark("9a", "token info").done_saying(&["not the factory's"]);
        }
        // The key proves itself before there turns out to be nothing to delete.
        desk.touchmark("9a", "cert delete").refused_with(3, "certificate");
        old = (*new).to_owned();
    }
    kept_on_the_card(&desk, &old);
}

/// Behind the PIN, so that nobody has to have it.
fn kept_on_the_card(desk: &Desk, old: &str) {
    desk.keep("key", old);
    desk.touchmark("9a", "management-key change --protect").done();
    drop(desk.take_escrowed());
    desk.ykman(&format!("objects generate -P {PIN} chuid")).done();
    desk.ykman(&format!("objects generate -m {old} chuid")).refused("uthenticat");
    desk.ykman("info").done_saying(&["Management key is stored on the YubiKey, protected by PIN"]);
    desk.touchmark_as("kept-9a", "key generate").done();

    desk.ykman(&format!("access change-management-key --force --protect --generate -P {PIN}"))
        .done();
    desk.touchmark_as("kept-9a", "token info").done_saying(&["behind the PIN"]);
    desk.found_authority();
    desk.certify("9a", "9a.crt", "");
    desk.touchmark_as("kept-9a", "cert import 9a.crt").done();

    // Taken off the card again.
    desk.keep("new-key", TRIPLE_DES);
    let change = "management-key change --new-management-key file:new-key -a 3des";
    desk.touchmark_as("kept-9a", change).done();
    let info = desk.ykman("info").done();
    assert!(!info.contains("protected by PIN"), "{info}");
    desk.ykman(&format!("objects generate -m {TRIPLE_DES} chuid")).done();
    desk.ykman(&format!("objects export -P {PIN} 0x5fc109 printed")).refused("");
}

/// Nothing is left for either, whoever did it.
pub(crate) fn a_reset_by_either_is_a_reset_for_all(model: &str) {
    let desk = Desk::new(model);
    desk.keep("new-pin", "864209");
    desk.touchmark("9a", "pin change --new-pin file:new-pin").done();
    desk.keep("pin", "864209");
    desk.touchmark("9a", "key generate").done();
    let certify = format!("certificates generate -m {KEY} -P 864209 -s CN=x 9a 9a.pem");
    desk.public_key("9a", "9a.pem");
    desk.ykman(&certify).done();
    desk.touchmark("9a", "token reset --serial-confirm 16021234").done_saying(&["9a"]);
    let said = desk.ykman("info").done();
    assert!(!said.to_lowercase().contains("slot 9a"), "{said}");
    let tries =
        if desk.facts.metadata { "PIN tries remaining:      3/3" } else { "remaining:      3" };
    assert!(said.contains(tries), "{said}");
    desk.ykman(&format!("access change-pin -P {PIN} -n 864209")).done();
    desk.ykman(&format!("keys generate -m {KEY} -a eccp256 9a 9a.pem")).done();

    desk.ykman("reset --force").done();
    desk.touchmark("9a", "key public").refused_with(3, "9a");
    let list = desk.touchmark("9a", "key list").done();
    assert!(!list.contains("slot 9a"), "{list}");
    desk.keep("pin", PIN);
    desk.touchmark("9a", "pin verify").done();
    if desk.facts.metadata {
        let status = desk.touchmark("9a", "pin status").done();
        assert_eq!(status.matches("3 of 3 tries left; still the factory's").count(), 2, "{status}");
        desk.touchmark("9a", "token info").done_saying(&["still the factory's"]);
    }
    desk.touchmark("9a", "key generate").done();
}
