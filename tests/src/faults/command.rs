//! The commands that are disturbed.

/// A command, and what it starts from.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// What a person calls it.
    pub name: &'static str,
    /// Its arguments, separated by blanks.
    pub arguments: &'static str,
    /// What the key is like before.
    pub start: Start,
    /// How it ends when nothing goes wrong.
    pub ends: i32,
    /// Whether it wears down the tries on purpose.
    pub secrecy: Secrecy,
    /// What its hint says to do where neither it nor the run after it came to its end: more
    /// arguments, with `{escrowed}` for the newest secret in escrow.
    pub way_out: Option<&'static str>,
}

/// What the key is like before a command. There is always a key with a certificate in slot 9c, and
/// PIN, PUK and management key are not the factory's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Start {
    /// No more than that.
    Ready,
    /// The PIN is blocked.
    Blocked,
    /// The key keeps its management key, and nobody else has it.
    Protected,
}

/// What a command does with PIN and PUK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrecy {
    /// It presents them, once each at most.
    Presents,
    /// It spends all tries, on purpose.
    Spends,
}

/// Where the signer is that most of the commands are about.
macro_rules! slot {
    ($slot:literal) => {
        concat!("-s yubikey:serial=16021234;slot=", $slot, " ")
    };
}

/// Every command that talks to a key.
pub const COMMANDS: [Command; 31] = [
    ready("token list", "token list"),
    ready("token info", "token info"),
    Command {
        secrecy: Secrecy::Spends,
        ..ready("token reset", "token reset --serial-confirm 16021234")
    },
    ready("pin status", "pin status"),
    ready("pin verify", "pin verify"),
    Command { ends: 4, ..ready("pin verify, wrong", "pin verify --pin file:wrong.txt") },
    ready("pin change", "pin change --new-pin file:new-pin.txt --escrow escrow"),
    ready("pin change, six digits", "pin change --new-pin file:short-pin.txt --escrow escrow"),
    Command {
        start: Start::Blocked,
        ..ready("pin unblock", "pin unblock --new-pin file:new-pin.txt --escrow escrow")
    },
    ready(
        "pin set-retries",
        "pin set-retries 5 4 --new-pin file:new-pin.txt --new-puk file:new-puk.txt --escrow escrow",
    ),
    ready("puk change", "puk change --new-puk file:new-puk.txt --escrow escrow"),
    ready("management-key change", "management-key change --escrow escrow"),
    Command {
        way_out: ESCROWED,
        ..ready(
            "management-key change --protect",
            "management-key change --protect --escrow escrow",
        )
    },
    Command {
        start: Start::Protected,
        way_out: ESCROWED,
        ..ready(
            "management-key change, kept on the key",
            "-s kept management-key change --protect --escrow escrow",
        )
    },
    Command {
        start: Start::Protected,
        way_out: ESCROWED,
        ..ready(
            "management-key change, kept no more",
            "-s kept management-key change --escrow escrow",
        )
    },
    ready("key list", "key list"),
    ready(
        "key generate",
        concat!(slot!("9a"), "key generate --management-key file:management-key.txt"),
    ),
    ready(
        "key import",
        concat!(slot!("9d"), "key import import.pem --management-key file:management-key.txt"),
    ),
    ready("key public", "key public"),
    ready("key attest", "key attest --trust makers-root.pem"),
    ready("key move", "key move 82"),
    ready("key delete", "key delete --key-confirm {key}"),
    ready("cert show", "-s bare cert show"),
    ready("cert export", "-s bare cert export"),
    ready("cert import", "cert import other.pem"),
    ready("cert delete", "cert delete"),
    ready("cert self-sign", "cert self-sign --config dak.conf --days 30 --out own.pem"),
    ready("cert self-sign --store", "cert self-sign --config dak.conf --days 30 --store"),
    ready("csr", "csr --config dak.conf --out new.csr"),
    ready("issue", "issue --csr device.csr --out device.pem"),
    ready("sign", "sign device.csr --out signature"),
];

const ESCROWED: Option<&str> = Some("--management-key file:{escrowed}");

const fn ready(name: &'static str, arguments: &'static str) -> Command {
    Command {
        name,
        arguments,
        start: Start::Ready,
        ends: 0,
        secrecy: Secrecy::Presents,
        way_out: None,
    }
}
