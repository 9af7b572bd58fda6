//! `age-plugin-yubikey` with `age`: encrypt to a key and decrypt with it.
//!
//! It asks for PINs on a terminal, so `script` is its terminal.

use std::{
    io::{Read, Write},
    process::Stdio,
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::{
    desk::{Desk, SERIAL, tool},
    table::Fault,
};

const CLIENT: &str = "age-plugin-yubikey 0.5.1, age 1.1.1";

/// What it asks for a new key, and what it is told.
const CONVERSATION: [(&str, &str); 4] = [
    ("Enter PIN for YubiKey with serial 16021234 (default is 123456): ", "123456"),
    ("Enter current PUK (default is 12345678): ", "12345678"),
    ("Choose a new PIN/PUK: ", "86420975"),
    ("Repeat the PIN/PUK: ", "86420975"),
];

/// An identity, made, listed and used.
pub(crate) fn session(model: &str) {
    let mut desk = Desk::new(CLIENT, model);
    if desk.since(5, 7, 0) {
        desk.fault("generate an identity", Fault::TripleDesOnly, |desk| {
            let said = generate(desk);
            assert!(said.contains("TDES"), "{said}");
            assert!(desk.read("identity").is_empty());
        });
        for step in ["list identities", "encrypt and decrypt"] {
            desk.not_offered(step);
        }
        return desk.end();
    }
    desk.step("generate an identity", |desk| {
        let said = generate(desk);
        let identity = String::from_utf8(desk.read("identity")).unwrap();
        assert!(identity.contains("AGE-PLUGIN-YUBIKEY-1"), "{said}");
        // It left a management key that is protected by the PIN, and ykman finds it.
        desk.ykman("objects generate -P 86420975 chuid").done();
    });
    desk.step("list identities", |desk| {
        let said = desk.run(tool("bin/age-plugin-yubikey"), "--list").done();
        let recipient = said.lines().find(|line| line.starts_with("age1yubikey1")).unwrap();
        desk.write("recipient", recipient);
        let identity = String::from_utf8(desk.read("identity")).unwrap();
        assert!(identity.contains(recipient), "{identity}");
    });
    desk.step("encrypt and decrypt", |desk| {
        desk.write("message", b"what is encrypted");
        // It starts the plugin by its name.
        desk.run("age", "--encrypt -R recipient -o encrypted message").done();
        desk.run("age", "--decrypt -i identity -o decrypted encrypted").done();
        assert_eq!(desk.read("decrypted"), b"what is encrypted");
    });
    desk.end();
}

/// Makes an identity, and answers what the program said on its terminal.
fn generate(desk: &Desk) -> String {
    let program = tool("bin/age-plugin-yubikey");
    let options = "--slot 1 --name lab --pin-policy never --touch-policy never";
    // Where it asks something else, it would wait for ever.
    let line = format!(
        "timeout --foreground 30 '{}' --generate --serial {SERIAL} {options} >identity",
        program.display()
    );
    let mut script = desk
        .command("script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keyboard = script.stdin.take().unwrap();
    let mut screen = script.stdout.take().unwrap();
    let (shown, show) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut read = [0; 1024];
        while let Ok(length @ 1..) = screen.read(&mut read) {
            shown.send(read[..length].to_vec()).unwrap();
        }
    });
    let mut said = String::new();
    loop {
        let answer = match show.recv_timeout(Duration::from_secs(1)) {
            Ok(more) => {
                said.push_str(&String::from_utf8_lossy(&more));
                CONVERSATION.iter().find(|(question, _)| said.ends_with(question))
            }
            // The terminal drops what is typed between a question and the end of its echo, so an
            // answer that was not taken is given again: not before nothing more comes, or it would
            // be taken for the next one.
            Err(mpsc::RecvTimeoutError::Timeout) => {
                CONVERSATION.iter().find(|(question, answer)| {
                    let echo = format!("{answer}\r\n");
                    let mut rest = said.as_str();
                    while let Some(before) = rest.strip_suffix(&echo) {
                        rest = before;
                    }
                    rest.ends_with(question)
                })
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        };
        if let Some((_, answer)) = answer {
            write!(keyboard, "{answer}\r").unwrap();
        }
    }
    reader.join().unwrap();
    drop(keyboard);
    script.wait().unwrap();
    said
}
