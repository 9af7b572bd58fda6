//! A script that plays a card: answers by rote, one key in slot 9c, and as much state as a
//! conversation needs to go on. What it says is taken from the fact sheet's transcripts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use aes::Aes192;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use backend_yubikey::tlv::{Elements, element, elements};
use backend_yubikey::transport::{Leave, Transport, TransportError};

/// Handles of one scripted card; clones are the same card.
#[derive(Clone, Debug)]
pub(crate) struct Script(Arc<Mutex<State>>);

pub(crate) struct State {
    pub(crate) version: [u8; 3],
    pub(crate) serial: u32,
    /// What was said, in words, and between `(` and `)` what was said in one transaction.
    pub(crate) log: Vec<String>,
    /// The octets of the commands.
    pub(crate) commands: Vec<Vec<u8>>,
    pub(crate) pin: [u8; 8],
    pub(crate) tries: u8,
    pub(crate) puk_tries: u8,
    pub(crate) verified: bool,
    pub(crate) key: Option<EcdsaKeyPair>,
    pub(crate) policies: [u8; 2],
    pub(crate) objects: BTreeMap<[u8; 3], Vec<u8>>,
    pub(crate) attestation: Option<Vec<u8>>,
    pub(crate) has_management_applet: bool,
    /// Answers in place of the usual ones, by the word in the log.
    pub(crate) instead: BTreeMap<String, VecDeque<Vec<u8>>>,
    /// What happens at a command, by its number.
    pub(crate) cuts: BTreeMap<usize, Cut>,
    /// What happens at the next transactions.
    pub(crate) begins: VecDeque<TransportError>,
    pub(crate) application: Vec<u8>,
    authenticated: bool,
    witness: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    Before,
    After,
    NoOctets,
}

pub(crate) const MANAGEMENT_KEY: &str = "010203040506070801020304050607080102030405060708";

impl Script {
    pub(crate) fn new(version: [u8; 3], serial: u32) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Self(Arc::new(Mutex::new(State {
            version,
            serial,
            log: Vec::new(),
            commands: Vec::new(),
            pin: *b"123456\xff\xff",
            tries: 3,
            puk_tries: 3,
            verified: false,
            key: Some(key),
            policies: [2, 1],
            objects: BTreeMap::new(),
            attestation: None,
            has_management_applet: true,
            instead: BTreeMap::new(),
            cuts: BTreeMap::new(),
            begins: VecDeque::new(),
            application: Vec::new(),
            authenticated: false,
            witness: vec![0x5a; 16],
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn instead(&self, word: &str, answer: &[u8]) {
        self.state().instead.entry(word.into()).or_default().push_back(answer.to_vec());
    }

    /// What was said since the last look.
    pub(crate) fn said(&self) -> String {
        self.state().log.drain(..).collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn count(&self, word: &str) -> usize {
        self.state().log.iter().filter(|line| *line == word).count()
    }
}

impl Transport for Script {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mut state = self.state();
        let number = state.commands.len();
        state.commands.push(command.to_vec());
        match state.cuts.get(&number).copied() {
            Some(Cut::Before) => Err(TransportError::Removed),
            Some(Cut::NoOctets) => Ok(Vec::new()),
            Some(Cut::After) => {
                state.respond(command);
                Err(TransportError::Removed)
            }
            None => Ok(state.respond(command)),
        }
    }

    fn begin(&mut self) -> Result<(), TransportError> {
        let mut state = self.state();
        if let Some(error) = state.begins.pop_front() {
            return Err(error);
        }
        state.log.push("(".into());
        Ok(())
    }

    fn end(&mut self, leave: Leave) -> Result<(), TransportError> {
        let mut state = self.state();
        state.log.push(if leave == Leave::Reset { "reset)" } else { ")" }.into());
        if leave == Leave::Reset {
            state.application.clear();
            state.verified = false;
        }
        Ok(())
    }

    fn reconnect(&mut self) -> Result<(), TransportError> {
        let mut state = self.state();
        state.log.push("reconnect".into());
        state.application.clear();
        state.verified = false;
        Ok(())
    }
}

impl State {
    fn respond(&mut self, command: &[u8]) -> Vec<u8> {
        let (header, data) = split(command);
        let word = word(header, &data);
        self.log.push(word.clone());
        if let Some(answer) = self.instead.get_mut(&word).and_then(VecDeque::pop_front) {
            return answer;
        }
        match header {
            [0xa4, ..] => self.select(&data),
            [0x1d, ..] => self.config(),
            _ if self.application != PIV => sw(0x6d00),
            [0xfd, ..] => ok(&self.version),
            [0xf8, ..] if self.version[0] >= 5 => ok(&self.serial.to_be_bytes()),
            [0xf7, _, reference] if self.version >= [5, 3, 0] => self.metadata(reference),
            [0x20, ..] => self.verify(&data),
            [0x24 | 0x2c, ..] => self.change(header, &data),
            [0x87, algorithm, 0x9b] => self.authenticate(algorithm, &data),
            [0x87, 0x11, 0x9c] => self.sign(&data),
            [0x47, _, _] if !self.authenticated => sw(0x6982),
            [0x47, _, _] => {
                self.key = Some(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap());
                ok(&element(0x7f49, &self.point()))
            }
            [0xf9, ..] => self.attestation.as_deref().map_or(sw(0x6a80), ok),
            [0xcb, ..] => match self.objects.get(&data[2..5]) {
                Some(object) => ok(&element(0x53, object)),
                None => sw(0x6a82),
            },
            [0xdb | 0xfe | 0xf6 | 0xff, ..] if !self.authenticated => sw(0x6982),
            [0xdb, ..] => {
                let content = Elements::of(&data[5..]).value(0x53).unwrap().to_vec();
                self.objects.insert(data[2..5].try_into().unwrap(), content);
                ok(&[])
            }
            [0xff | 0xf6 | 0xfe, ..] => ok(&[]),
            [0xfa, ..] if !(self.authenticated && self.verified) => sw(0x6982),
            [0xfa, tries, puk_tries] => {
                (self.tries, self.puk_tries, self.verified) = (tries, puk_tries, false);
                ok(&[])
            }
            [0xfb, ..] if self.tries == 0 && self.puk_tries == 0 => {
                (self.tries, self.puk_tries) = (3, 3);
                ok(&[])
            }
            [0xfb, ..] => sw(0x6985),
            _ => sw(0x6d00),
        }
    }

    fn select(&mut self, application: &[u8]) -> Vec<u8> {
        let managed = application == MANAGEMENT;
        if managed && !self.has_management_applet {
            return sw(0x6a82);
        }
        if application != self.application {
            (self.verified, self.authenticated) = (false, false);
        }
        self.application = application.to_vec();
        let [major, minor, patch] = self.version;
        match managed {
            true => ok(format!("{major}.{minor}.{patch}").as_bytes()),
            false => {
                ok(b"\x61\x11\x4f\x06\x00\x00\x10\x00\x01\x00\x79\x07\x4f\x05\xa0\0\0\x03\x08")
            }
        }
    }

    fn config(&self) -> Vec<u8> {
        let parts =
            elements(&[(2, &self.serial.to_be_bytes()), (4, &[3]), (5, &self.version)]).to_vec();
        ok(&[&[u8::try_from(parts.len()).unwrap()][..], &parts].concat())
    }

    fn metadata(&self, reference: u8) -> Vec<u8> {
        let counter = |left| ok(&elements(&[(1, &[0xff]), (5, &[1]), (6, &[3, left])]));
        match reference {
            0x80 => counter(self.tries),
            0x81 => counter(self.puk_tries),
            0x9b => ok(&elements(&[(1, &[0x0a]), (2, &[0, 1]), (5, &[1])])),
            0x9c if self.key.is_some() => {
                ok(&elements(&[(1, &[0x11]), (2, &self.policies), (3, &[1]), (4, &self.point())]))
            }
            _ => sw(0x6a88),
        }
    }

    fn point(&self) -> Vec<u8> {
        element(0x86, self.key.as_ref().unwrap().public_key().as_ref()).to_vec()
    }

    fn verify(&mut self, data: &[u8]) -> Vec<u8> {
        match data {
            [] if self.verified => ok(&[]),
            [] => sw(0x63c0 | u16::from(self.tries)),
            _ if self.tries == 0 => sw(0x6983),
            pin if pin == self.pin => {
                (self.tries, self.verified) = (3, true);
                ok(&[])
            }
            _ => {
                (self.tries, self.verified) = (self.tries - 1, false);
                sw(0x63c0 | u16::from(self.tries))
            }
        }
    }

    /// The PUK is 12345678.
    fn change(&mut self, [ins, _, reference]: [u8; 3], data: &[u8]) -> Vec<u8> {
        let (old, new) = data.split_at(8);
        let by_puk = ins == 0x2c || reference == 0x81;
        let right = if by_puk { old == b"12345678" } else { old == self.pin };
        let tries = if by_puk { &mut self.puk_tries } else { &mut self.tries };
        if *tries == 0 {
            return sw(0x6983);
        }
        if !right {
            *tries -= 1;
            return sw(0x63c0 | u16::from(*tries));
        }
        if new == b"111111\xff\xff" {
            return sw(0x6985);
        }
        *tries = 3;
        if reference == 0x80 {
            self.pin = new.try_into().unwrap();
            self.tries = 3;
        }
        ok(&[])
    }

    fn authenticate(&mut self, algorithm: u8, data: &[u8]) -> Vec<u8> {
        if algorithm != 0x0a {
            return sw(0x6a80);
        }
        let key: Vec<u8> = (0..24).map(|n| n % 8 + 1).collect();
        let cipher = Aes192::new_from_slice(&key).unwrap();
        let parts = Elements::of(Elements::of(data).value(0x7c).unwrap());
        let mut block: [u8; 16] = self.witness.clone().try_into().unwrap();
        if parts.value(0x80).unwrap().is_empty() {
            cipher.encrypt_block((&mut block).into());
            return ok(&element(0x7c, &element(0x80, &block)));
        }
        if parts.value(0x80).unwrap() != block {
            return sw(0x6982);
        }
        self.authenticated = true;
        let mut challenge: [u8; 16] = parts.value(0x81).unwrap().try_into().unwrap();
        cipher.encrypt_block((&mut challenge).into());
        ok(&element(0x7c, &element(0x82, &challenge)))
    }

    fn sign(&mut self, data: &[u8]) -> Vec<u8> {
        let Some(key) = &self.key else { return sw(0x6a80) };
        if self.policies[0] != 1 && !self.verified {
            return sw(0x6982);
        }
        if self.policies[0] == 3 {
            self.verified = false;
        }
        let digest = Elements::of(Elements::of(data).value(0x7c).unwrap()).value(0x81).unwrap();
        let digest = Digest::import_less_safe(digest, &SHA256).unwrap();
        let signature = key.sign_digest(&digest).unwrap();
        ok(&element(0x7c, &element(0x82, signature.as_ref())))
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State(..)")
    }
}

const PIV: [u8; 5] = [0xa0, 0, 0, 0x03, 0x08];
const MANAGEMENT: [u8; 8] = [0xa0, 0, 0, 0x05, 0x27, 0x47, 0x11, 0x17];

fn ok(data: &[u8]) -> Vec<u8> {
    [data, &[0x90, 0x00]].concat()
}

fn sw(status: u16) -> Vec<u8> {
    status.to_be_bytes().to_vec()
}

fn split(command: &[u8]) -> ([u8; 3], Vec<u8>) {
    let header = [command[1], command[2], command[3]];
    let data = match &command[4..] {
        [] | [_] => &[][..],
        [0, _, _, data @ ..] => data,
        [_, data @ ..] => data,
    };
    (header, data.to_vec())
}

fn word([ins, p1, p2]: [u8; 3], data: &[u8]) -> String {
    let object = || data[2..5].iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    match (ins, data) {
        (0xa4, _) if data == PIV => "piv".into(),
        (0xa4, _) if data == MANAGEMENT => "other".into(),
        (0xa4, _) => "otp".into(),
        (0x1d, _) => "config".into(),
        (0x01, _) => "otp-serial".into(),
        (0xfd, _) => "version".into(),
        (0xf8, _) => "serial".into(),
        (0xf7, _) => format!("about-{p2:02x}"),
        (0x20, []) => "counter".into(),
        (0x20, _) => "verify".into(),
        (0x24, _) => format!("change-{p2:02x}"),
        (0x2c, _) => "unblock".into(),
        (0x87, _) if p2 == 0x9b => "prove".into(),
        (0x87, _) => format!("use-{p2:02x}"),
        (0x47, _) => format!("generate-{p2:02x}"),
        (0xf9, _) => format!("attest-{p1:02x}"),
        (0xf6, _) => format!("move-{p2:02x}-{p1:02x}"),
        (0xfe, _) => format!("import-{p2:02x}"),
        (0xcb, _) => format!("get-{}", object()),
        (0xdb, _) => format!("put-{}", object()),
        (0xff, _) => "set-management-key".into(),
        (0xfa, _) => format!("set-retries-{p1}-{p2}"),
        (0xfb, _) => "wipe".into(),
        _ => format!("{ins:02x}"),
    }
}
