//! Damaging seeds, the same way in every run: what a stable toolchain has instead of a fuzzer.

#![expect(clippy::indexing_slicing, reason = "indices come from the length")]

/// A generator of pseudo-random numbers (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from a name, so that one seed file's damage does not depend on the others.
    #[must_use]
    pub fn named(name: &str) -> Self {
        // FNV-1a.
        let mix = |hash: u64, octet: u8| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, or 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.draw() % (end.max(1) as u64)).unwrap_or(0)
    }

    fn octet(&mut self) -> u8 {
        self.draw().to_le_bytes()[0]
    }
}

/// One to four changes to `seed`; `other` is where foreign parts come from.
#[must_use]
pub fn mutated(seed: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut octets = seed.to_vec();
    for _ in 0..=random.below(4) {
        change(&mut octets, other, random);
    }
    octets
}

fn change(octets: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(octets.len());
    let end = (at + 1 + random.below(32)).min(octets.len());
    match random.below(10) {
        0 => octets.truncate(at),
        1 => drop(octets.drain(at..end)),
        2 => octets.insert(at, random.octet()),
        // A part twice.
        3 => {
            let part = octets[at..end].to_vec();
            octets.splice(at..at, part);
        }
        // A part of another seed.
        4 => {
            let from = random.below(other.len());
            let part = other[from..(from + random.below(64)).min(other.len())].to_vec();
            octets.splice(at..end, part);
        }
        // Its beginning, and another's end.
        5 => {
            octets.truncate(at);
            octets.extend_from_slice(&other[random.below(other.len())..]);
        }
        // Values that lengths, counts and characters break at.
        6 => {
            const BREAKING: [u8; 12] =
                [0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xfe, 0xff, b'\n', b'\\', b'$'];
            set(octets, at, BREAKING[random.below(BREAKING.len())]);
        }
        // A length that is off by a little.
        7 => {
            let step = [1, 0xff, 2, 0xfe][random.below(4)];
            let old = octets.get(at).copied().unwrap_or(0);
            set(octets, at, old.wrapping_add(step));
        }
        8 => set(octets, at, random.octet()),
        _ => {
            let bit = 1 << random.below(8);
            let old = octets.get(at).copied().unwrap_or(0);
            set(octets, at, old ^ bit);
        }
    }
}

fn set(octets: &mut [u8], at: usize, value: u8) {
    if let Some(octet) = octets.get_mut(at) {
        *octet = value;
    }
}
