//! Bech32 (BIP 173), reading and writing 32 octets.

const CHARACTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Groups of 5 bits that 32 octets make.
const GROUPS: usize = 52;

/// The 32 octets that stand after `prefix`; the reason when there are none.
pub(super) fn decode(text: &str, prefix: &str) -> Result<[u8; 32], &'static str> {
    let data = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('1'));
    let data = data.ok_or("it begins otherwise")?;
    let group = |character: u8| {
        CHARACTERS.iter().zip(0..).find(|(known, _)| **known == character).map(|(_, value)| value)
    };
    let groups: Vec<u8> =
        data.bytes().map(group).collect::<Option<_>>().ok_or("it has a character that none has")?;
    let (values, check) = groups.split_at_checked(GROUPS).ok_or("it is too short")?;
    if check.len() != 6 {
        return Err("it has another length");
    }
    if polymod(prefix, &groups) != 1 {
        return Err("its checksum does not fit; a character was changed");
    }
    let mut octets = [0; 32];
    let (mut places, mut bits, mut count) = (octets.iter_mut(), 0u32, 0);
    for value in values {
        bits = bits << 5 | u32::from(*value);
        count += 5;
        if count >= 8 {
            count -= 8;
            let [.., low] = (bits >> count).to_be_bytes();
            if let Some(place) = places.next() {
                *place = low;
            }
            bits &= (1 << count) - 1;
        }
    }
    // 52 groups are 260 bits: four are left over.
    if bits == 0 { Ok(octets) } else { Err("its last character holds too much") }
}

/// The text of 32 octets.
pub(super) fn encode(octets: &[u8; 32], prefix: &str) -> String {
    let bit = |index: usize| {
        let octet = octets.get(index / 8).copied().unwrap_or_default();
        octet >> (7 - index % 8) & 1
    };
    let group = |group: usize| (0..5).fold(0, |value, at| value << 1 | bit(group * 5 + at));
    let mut groups: Vec<u8> = (0..GROUPS).map(group).collect();
    let padded = [groups.as_slice(), &[0; 6]].concat();
    let check = polymod(prefix, &padded) ^ 1;
    groups.extend((0..6).rev().map(|at| {
        let [.., low] = (check >> (at * 5) & 31).to_be_bytes();
        low
    }));
    let character = |value: u8| CHARACTERS.get(usize::from(value)).copied().map_or('?', char::from);
    format!("{prefix}1{}", groups.into_iter().map(character).collect::<String>())
}

fn polymod(prefix: &str, groups: &[u8]) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let high = prefix.bytes().map(|character| character >> 5);
    let low = prefix.bytes().map(|character| character & 31);
    let values = high.chain([0]).chain(low).chain(groups.iter().copied());
    values.fold(1, |check, value| {
        let top = check >> 25;
        let shifted = (check & 0x01ff_ffff) << 5 ^ u32::from(value);
        GENERATOR
            .iter()
            .enumerate()
            .filter(|(bit, _)| top >> bit & 1 == 1)
            .fold(shifted, |check, (_, generator)| check ^ generator)
    })
}
