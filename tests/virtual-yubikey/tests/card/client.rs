//! A client of the card, as small as can be.

use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use virtual_yubikey::{Card, ManagementAlgorithm, Model};

pub(crate) const PIN: &[u8; 8] = b"123456\xff\xff";
pub(crate) const PUK: &[u8; 8] = b"12345678";
pub(crate) const WRONG: &[u8; 8] = b"000000\xff\xff";
pub(crate) const MANAGEMENT_KEY: [u8; 24] =
    [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];
pub(crate) const OK: u16 = 0x9000;

/// A card, and short ways to talk to it.
pub(crate) struct Client {
    pub(crate) card: Card,
}

impl Client {
    /// A new card of a model, with PIV selected.
    pub(crate) fn new(model: &str) -> Self {
        Self::of(Card::new(model.parse::<Model>().unwrap()))
    }

    /// Selects PIV.
    pub(crate) fn of(card: Card) -> Self {
        let mut client = Self { card };
        client.select();
        client
    }

    pub(crate) fn select(&mut self) {
        let (_, status) = self.send(0xA4, 0x04, 0x00, b"\xA0\x00\x00\x03\x08");
        assert_eq!(status, OK);
    }

    /// One command as an extended APDU: its answer and status word.
    pub(crate) fn send(&mut self, ins: u8, p1: u8, p2: u8, data: &[u8]) -> (Vec<u8>, u16) {
        let mut apdu = vec![0x00, ins, p1, p2];
        if !data.is_empty() {
            apdu.push(0);
            apdu.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            apdu.extend(data);
        } else {
            apdu.extend([0, 0, 0]);
        }
        split(self.card.transmit(&apdu))
    }

    /// Its status word alone.
    pub(crate) fn status(&mut self, ins: u8, p1: u8, p2: u8, data: &[u8]) -> u16 {
        self.send(ins, p1, p2, data).1
    }

    /// The answer of a command that must succeed.
    #[track_caller]
    pub(crate) fn must(&mut self, ins: u8, p1: u8, p2: u8, data: &[u8]) -> Vec<u8> {
        let (answer, status) = self.send(ins, p1, p2, data);
        assert_eq!(status, OK, "{ins:02x} {p1:02x} {p2:02x}: {status:04x}");
        answer
    }

    /// APDU as it stands.
    pub(crate) fn raw(&mut self, apdu: &[u8]) -> (Vec<u8>, u16) {
        split(self.card.transmit(apdu))
    }

    pub(crate) fn verify(&mut self, pin: &[u8; 8]) -> u16 {
        self.status(0x20, 0x00, 0x80, pin)
    }

    /// Shows the management key, which is the factory's.
    #[track_caller]
    pub(crate) fn manage(&mut self) {
        let kind = self.card.model().facts().default_management;
        assert_eq!(self.manage_with(kind, &MANAGEMENT_KEY), OK);
    }

    /// Shows a management key in the single way; the last status word.
    pub(crate) fn manage_with(&mut self, kind: ManagementAlgorithm, key: &[u8]) -> u16 {
        let (challenge, status) = self.send(0x87, kind.id(), 0x9B, b"\x7C\x02\x81\x00");
        if status != OK {
            return status;
        }
        let response = encipher(kind, key, &challenge[4..]);
        self.status(0x87, kind.id(), 0x9B, &template(0x82, &response))
    }

    /// A key of its own in a slot: the answer to GENERATE.
    #[track_caller]
    pub(crate) fn generate(&mut self, slot: u8, algorithm: u8, policies: &[u8]) -> Vec<u8> {
        let mut control = vec![0x80, 0x01, algorithm];
        control.extend(policies);
        self.must(0x47, 0x00, slot, &tlv(0xAC, &control))
    }

    /// Signs a digest or block: the status word.
    pub(crate) fn sign(&mut self, algorithm: u8, slot: u8, data: &[u8]) -> (Vec<u8>, u16) {
        let inner = [vec![0x82, 0x00], tlv(0x81, data)].concat();
        self.send(0x87, algorithm, slot, &tlv(0x7C, &inner))
    }

    /// The status word of a wrong PIN with so many tries left.
    pub(crate) fn tries(&self, left: u16) -> u16 {
        let neo = self.card.model().facts().firmware < [4, 0, 0];
        (if neo { 0x6300 } else { 0x63C0 }) + left
    }

    /// Spends all tries of both.
    pub(crate) fn block_both(&mut self) {
        while self.verify(&[0xFE; 8]) != 0x6983 {}
        while self.status(0x2C, 0x00, 0x80, &[0xFE; 16]) != 0x6983 {}
    }
}

/// An answer's data and status word.
pub(crate) fn split(mut answer: Vec<u8>) -> (Vec<u8>, u16) {
    let low = answer.pop().unwrap();
    let high = answer.pop().unwrap();
    (answer, u16::from_be_bytes([high, low]))
}

/// `7C { tag value }`.
pub(crate) fn template(tag: u8, value: &[u8]) -> Vec<u8> {
    tlv(0x7C, &tlv(tag, value))
}

/// An element with a tag of one octet.
pub(crate) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u16::try_from(value.len()).unwrap() {
        length @ 0..=0x7F => out.push(length.to_le_bytes()[0]),
        length @ 0x80..=0xFF => out.extend([0x81, length.to_le_bytes()[0]]),
        length => {
            out.push(0x82);
            out.extend(length.to_be_bytes());
        }
    }
    out.extend(value);
    out
}

/// One block under a management key.
pub(crate) fn encipher(kind: ManagementAlgorithm, key: &[u8], block: &[u8]) -> Vec<u8> {
    fn with<C: KeyInit + BlockCipherEncrypt>(key: &[u8], block: &[u8]) -> Vec<u8> {
        let mut block = Array::<u8, C::BlockSize>::try_from(block).unwrap();
        C::new_from_slice(key).unwrap().encrypt_block(&mut block);
        block.to_vec()
    }
    match kind {
        ManagementAlgorithm::Tdes => with::<des::TdesEde3>(key, block),
        ManagementAlgorithm::Aes128 => with::<Aes128>(key, block),
        ManagementAlgorithm::Aes192 => with::<Aes192>(key, block),
        ManagementAlgorithm::Aes256 => with::<Aes256>(key, block),
    }
}

/// One block back from under a 3DES key.
pub(crate) fn decipher_tdes(key: &[u8], block: &[u8]) -> Vec<u8> {
    use aes::cipher::BlockCipherDecrypt as _;
    let mut block = Array::try_from(block).unwrap();
    des::TdesEde3::new_from_slice(key).unwrap().decrypt_block(&mut block);
    block.to_vec()
}
