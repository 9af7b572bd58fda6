//! PINs, PUKs and management keys stay where they belong.
//!
//! Looked at: standard output and error with `--verbose`, every file that is written, arguments and
//! environment of the program and its children, every system call but those that read a secret from
//! its source or tell it to pcscd, and a core file that root forces in the middle of things.

use std::time::Duration;

use virtual_yubikey::{Effect, Fault};

use crate::{
    desk::{Desk, KEY, PIN, PUK},
    witness::{Holder, Running, Sought, Trace, assert_clean, assert_files_clean, program},
};

// Nothing else looks like these.
const FIRST_PIN: &str = "83190746";
const SECOND_PIN: &str = "50927318";
const FIRST_PUK: &str = "27406981";
const SECOND_PUK: &str = "91364705";
const FIRST_KEY: &str = "d3a91c5e7f20b846e19c04d7385bfa6211c7e8903df46ab5";
const SECOND_KEY: &str = "5b0e97d2c84f136aa7d0319e6c25f8b4906e1d73fa48c25b7e3f90a6d81c4257";

/// Files that hold secrets because they are meant to.
const SOURCES: [&str; 7] = ["pin", "puk", "key", "new-pin", "new-puk", "new-key", "escrow"];

/// Long enough for this process to see that the card is at work, and to stop it there.
const LONG: Duration = Duration::from_secs(1);

fn all() -> Vec<Sought> {
    vec![
        Sought::pin("PIN", FIRST_PIN),
        Sought::pin("new PIN", SECOND_PIN),
        Sought::pin("PUK", FIRST_PUK),
        Sought::pin("new PUK", SECOND_PUK),
        Sought::key("management key", FIRST_KEY),
        Sought::key("new management key", SECOND_KEY),
    ]
}

/// A desk whose key has secrets that can be told from anything else.
fn desk() -> Desk {
    let desk = Desk::new("5.4.3");
    let change = "access change-management-key --force -a aes192";
    desk.ykman(&format!("{change} -m {KEY} -n {FIRST_KEY}")).done();
    desk.ykman(&format!("access change-pin -P {PIN} -n {FIRST_PIN}")).done();
    desk.ykman(&format!("access change-puk -p {PUK} -n {FIRST_PUK}")).done();
    for (name, secret) in [
        ("pin", FIRST_PIN),
        ("puk", FIRST_PUK),
        ("key", FIRST_KEY),
        ("new-pin", SECOND_PIN),
        ("new-puk", SECOND_PUK),
        ("new-key", SECOND_KEY),
    ] {
        desk.keep(name, secret);
    }
    // It heard all of them.
    std::fs::remove_file(desk.file("ykman-said")).unwrap();
    desk
}

/// Runs it under strace. Answers how many calls read a secret, and how many told pcscd one.
fn traced(desk: &Desk, words: &str) -> (usize, usize) {
    let secrets = all();
    let secrets: Vec<&Sought> = secrets.iter().collect();
    let trace = Trace::of(desk, &format!("--no-input --verbose --signer {words}"));
    let said = String::from_utf8_lossy(&trace.said).into_owned();
    assert_eq!(trace.code, Some(0), "{words}: {said}");
    assert_clean(&format!("what `{words}` printed"), said.as_bytes(), &secrets);
    assert_files_clean(desk, &SOURCES, &secrets);
    trace.assert_keeps(&SOURCES, &secrets)
}

#[test]
fn no_call_no_file_and_no_output_has_a_secret_but_what_pcscd_is_told() {
    let desk = desk();
    // The management key is proved without being told.
    assert_eq!(traced(&desk, "slot-9a key generate"), (1, 0));
    assert_eq!(traced(&desk, "slot-9a sign message --out message.sig"), (1, 1));
    assert_eq!(traced(&desk, "slot-9a pin status"), (0, 0));
    assert_eq!(traced(&desk, "slot-9a pin change --new-pin file:new-pin"), (2, 1));
    assert_eq!(traced(&desk, "slot-9a pin unblock --new-pin file:pin"), (2, 1));
    assert_eq!(traced(&desk, "slot-9a puk change --new-puk file:new-puk"), (2, 1));
    desk.keep("puk", SECOND_PUK);
    let retries = "slot-9a pin set-retries 5 4 --new-pin file:new-pin --new-puk file:new-puk";
    let (_, told) = traced(&desk, retries);
    assert!(told >= 3, "VERIFY, PIN and PUK: {told}");
    desk.keep("pin", SECOND_PIN);
    // Told once as the key, and once as what the card keeps behind the PIN.
    let change = "management-key change --new-management-key file:new-key -a aes256 --protect";
    let (read, told) = traced(&desk, &format!("slot-9a {change}"));
    assert_eq!((read, told), (3, 3), "the PIN, the old key and the new one, each read once");
    // What the card keeps comes back from it, and goes nowhere.
    let (read, told) =
        traced(&desk, "yubikey:serial=16021234;slot=9e?pin-source=file:pin key generate");
    assert_eq!((read, told), (1, 1));
}

#[test]
fn a_wrong_secret_is_not_repeated() {
    let desk = desk();
    let secrets = all();
    let secrets: Vec<&Sought> = secrets.iter().collect();
    desk.keep("pin", SECOND_PIN);
    desk.keep("puk", SECOND_PUK);
    desk.keep("key", SECOND_KEY);
    for words in [
        "pin verify",
        "pin verify",
        "sign message --out x",
        "pin unblock --new-pin file:new-pin",
        "key generate",
        "puk change --puk file:key --new-puk file:new-puk",
        "management-key change --management-key file:pin",
        "--json pin verify",
    ] {
        let trace = Trace::of(&desk, &format!("--no-input --verbose --signer slot-9a {words}"));
        let said = String::from_utf8_lossy(&trace.said).into_owned();
        assert_ne!(trace.code, Some(0), "{words}: {said}");
        assert_clean(&format!("what `{words}` printed"), said.as_bytes(), &secrets);
        trace.assert_keeps(&SOURCES, &secrets);
        assert_files_clean(&desk, &SOURCES, &secrets);
    }
}

#[test]
fn children_get_no_secret() {
    let desk = desk();
    let secrets = all();
    let secrets: Vec<&Sought> = secrets.iter().collect();
    // The PIN comes from a program, the PUK from the environment.
    let script = "#!/bin/sh\nenv >seen-environment\ntr '\\0' ' ' </proc/$PPID/cmdline >seen-words\nexec cat pin\n";
    desk.write("give-pin", script);
    assert!(desk.command("chmod").args(["+x", "give-pin"]).status().unwrap().success());
    let mut command = desk.command(program());
    command.args(["--signer", "slot-9a", "--no-input", "--verbose", "--pin", "command:./give-pin"]);
    command.args(["pin", "change", "--new-pin", "env:THE_NEW_PIN"]).env("THE_NEW_PIN", SECOND_PIN);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&desk.read("seen-environment")).contains("HOME="));
    assert!(String::from_utf8_lossy(&desk.read("seen-words")).contains("pin change"));
    assert_files_clean(&desk, &SOURCES, &secrets);
    assert_clean("standard error", &output.stderr, &secrets);
}

#[test]
fn a_core_file_at_a_prompt_and_while_waiting_for_the_card_has_no_secret() {
    let desk = desk();
    let secrets = all();
    let secrets: Vec<&Sought> = secrets.iter().collect();
    let words = "--signer yubikey:serial=16021234 --verbose pin change";
    let mut running = Running::on_a_terminal(&desk, words);
    running.shows("PIN for");
    running.type_line(FIRST_PIN);
    running.shows("new PIN for");
    running.assert_keeps(&desk, &secrets);
    running.type_line(SECOND_PIN);
    running.shows("the same again");
    running.assert_keeps(&desk, &secrets);
    running.assert_holds(&desk, &Sought::pin("PIN", FIRST_PIN));
    running.assert_holds(&desk, &Sought::pin("new PIN", SECOND_PIN));
    // All secrets are at hand now, and the card is not.
    let holder = Holder::take(&desk);
    running.type_line(SECOND_PIN);
    running.until("it is in escrow", || desk.file("escrow").exists());
    running.assert_keeps_while(&desk, &secrets, holder);
    let (code, said) = running.end();
    assert_eq!(code, Some(0), "{said}");
    assert_clean("the terminal", said.as_bytes(), &secrets);
    assert_files_clean(&desk, &SOURCES, &secrets);
    desk.piv_tool(&format!("-a verify-pin -P {SECOND_PIN}")).done();
}

#[test]
fn a_core_file_in_the_middle_of_a_batch_has_no_pin() {
    let desk = desk();
    let secrets = all();
    let secrets: Vec<&Sought> = secrets.iter().collect();
    desk.found_authority();
    desk.touchmark("9a", "key generate").done();
    desk.write(
        "ca",
        "[v3]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n\
                      subjectKeyIdentifier=hash\n",
    );
    desk.certify("9a", "9a.crt", "-extfile ca -extensions v3 -days 3650");
    desk.write("device", "[v3]\nbasicConstraints=critical,CA:FALSE\n");
    std::fs::create_dir(desk.file("csrs")).unwrap();
    for number in 0..5 {
        desk.openssl(&format!(
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout device.key \
             -subj /CN=device-{number} -out csrs/{number}.csr"
        ));
    }
    desk.device().log_mut().clear();
    let third = Fault::on("GENERAL AUTHENTICATE sign", 3, Effect::Slow(LONG)).unwrap();
    desk.device().inject([third]);
    let words = "--signer slot-9a --no-input --verbose issue --batch csrs --out-dir out --days 100 \
                 --profile plain --extfile device --extensions v3 --issuer-certificate 9a.crt";
    let mut running = Running::start(&desk, words);
    let signed = || desk.device().log().count("GENERAL AUTHENTICATE sign");
    running.until("two signatures", || signed() >= 2);
    // The card answers nobody for as long as this is held.
    let card = desk.device();
    running.assert_keeps_while(&desk, &secrets, card);
    let (code, said) = running.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(signed(), 5);
    // Anew after two seconds, and not for each.
    let verified = desk.device().log().count("VERIFY");
    assert!((1..5).contains(&verified), "{verified}");
    assert_clean("what it printed", said.as_bytes(), &secrets);
    assert_files_clean(&desk, &SOURCES, &secrets);
}

#[test]
fn a_core_file_while_a_management_key_is_proved_does_not_have_it() {
    let desk = desk();
    let secrets = all();
    let secrets: Vec<&Sought> = secrets.iter().collect();
    for words in ["key generate", "management-key change --new-management-key file:new-key"] {
        desk.device().log_mut().clear();
        let proof = "GENERAL AUTHENTICATE management key";
        desk.device().inject([Fault::on(proof, 2, Effect::Slow(LONG)).unwrap()]);
        let words = format!("--signer slot-9a --no-input --verbose {words}");
        let mut running = Running::start(&desk, &words);
        running.until("the key is proved", || desk.device().log().count(proof) >= 2);
        let card = desk.device();
        running.assert_keeps_while(&desk, &secrets, card);
        let (code, said) = running.end();
        assert_eq!(code, Some(0), "{said}");
        assert_clean("what it printed", said.as_bytes(), &secrets);
    }
}
