//! IP addresses as OpenSSL reads them.

/// Four octets of a v4 address, or sixteen of a v6 address.
pub(super) fn address(text: &[u8]) -> Option<Vec<u8>> {
    if text.contains(&b':') { v6(text) } else { v4(text) }
}

/// Address and mask, or address and prefix as an address: `10.0.0.0/255.0.0.0`.
pub(super) fn network(text: &[u8]) -> Option<Vec<u8>> {
    let at = text.iter().position(|byte| *byte == b'/')?;
    let (base, mask) = text.split_at_checked(at)?;
    let mut out = address(base)?;
    let mask = address(mask.strip_prefix(b"/")?)?;
    (mask.len() == out.len()).then(|| {
        out.extend(mask);
        out
    })
}

/// Four numbers, read with C's `sscanf("%d.%d.%d.%d")`: blanks and a sign may stand before each, and
/// leading zeros do not mean octal.
fn v4(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let parts: Vec<_> = text.split('.').collect();
    if parts.len() != 4 {
        return None;
    }
    let number = |part: &&str| {
        let part = part.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
        let digits = part.strip_prefix(['+', '-']).unwrap_or(part);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = digits.trim_start_matches('0');
        let value = if digits.is_empty() { 0 } else { digits.parse::<u8>().ok()? };
        (value == 0 || !part.starts_with('-')).then_some(value)
    };
    parts.iter().map(number).collect()
}

/// Groups of one to four digits; `::` once; a v4 address may stand at the end.
fn v6(text: &[u8]) -> Option<Vec<u8>> {
    let mut octets: Vec<u8> = Vec::new();
    let mut gap = None;
    let mut empty_groups = 0;
    let groups: Vec<_> = text.split(|byte| *byte == b':').collect();
    for (position, group) in groups.iter().enumerate() {
        if octets.len() == 16 {
            return None;
        }
        if group.is_empty() {
            if *gap.get_or_insert(octets.len()) != octets.len() {
                return None;
            }
            empty_groups += 1;
        } else if group.len() > 4 {
            if octets.len() > 12 || position + 1 != groups.len() {
                return None;
            }
            octets.extend(v4(group)?);
        } else {
            if !group.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            let value = u16::from_str_radix(std::str::from_utf8(group).ok()?, 16).ok()?;
            octets.extend(value.to_be_bytes());
        }
    }
    let Some(gap) = gap else { return (octets.len() == 16).then_some(octets) };
    let at_an_end = gap == 0 || gap == octets.len();
    let well_formed = match empty_groups {
        1 => !at_an_end,
        2 => at_an_end,
        3 => octets.is_empty(),
        _ => false,
    };
    if octets.len() >= 16 || !well_formed {
        return None;
    }
    let zeros = vec![0; 16 - octets.len()];
    octets.splice(gap..gap, zeros);
    Some(octets)
}
