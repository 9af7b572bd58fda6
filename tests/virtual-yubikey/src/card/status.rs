//! Status words (ISO 7816-4, SP 800-73-5 part 2).

/// The two octets that end each answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) u16);

/// What a command answers: its data, or why not.
pub(crate) type Answer = Result<Vec<u8>, Status>;

impl Status {
    pub(crate) const OK: Self = Self(0x9000);
    pub(crate) const MEMORY_FAILURE: Self = Self(0x6581);
    pub(crate) const WRONG_LENGTH: Self = Self(0x6700);
    pub(crate) const NO_SECURE_MESSAGING: Self = Self(0x6882);
    pub(crate) const SECURITY_STATUS: Self = Self(0x6982);
    pub(crate) const BLOCKED: Self = Self(0x6983);
    pub(crate) const CONDITIONS: Self = Self(0x6985);
    pub(crate) const WRONG_DATA: Self = Self(0x6A80);
    pub(crate) const NOT_FOUND: Self = Self(0x6A82);
    pub(crate) const NO_SPACE: Self = Self(0x6A84);
    pub(crate) const WRONG_P1_P2: Self = Self(0x6A86);
    pub(crate) const NO_REFERENCE: Self = Self(0x6A88);
    pub(crate) const NO_SLOT: Self = Self(0x6B00);
    pub(crate) const UNKNOWN_INSTRUCTION: Self = Self(0x6D00);
    pub(crate) const UNKNOWN_CLASS: Self = Self(0x6E00);

    /// There is more, this many octets; 0 stands for 256 or more.
    pub(crate) fn more(octets: usize) -> Self {
        Self(0x6100 | u8::try_from(octets).map_or(0, u16::from))
    }

    /// The answer's last two octets.
    pub(crate) fn octets(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }
}
