//! Whether a text is a UTCTime or GeneralizedTime as OpenSSL accepts them: seconds may be missing,
//! a GeneralizedTime may have a fraction behind them, and an offset may stand in place of `Z`.

use crate::conf::encode::GENERALIZED_TIME;

pub(super) fn is_valid(kind: u8, text: &[u8]) -> bool {
    parse(kind, text).is_some()
}

fn parse(kind: u8, text: &[u8]) -> Option<()> {
    let generalized = kind == GENERALIZED_TIME;
    let mut digits = Digits(text);
    let year = if generalized {
        100 * digits.two(0, 99)? + digits.two(0, 99)?
    } else {
        let year = digits.two(0, 99)?;
        if year < 50 { 2000 + year } else { 1900 + year }
    };
    let month = digits.two(1, 12)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    digits.two(1, last)?;
    digits.two(0, 23)?;
    digits.two(0, 59)?;
    if digits.0.first().is_some_and(u8::is_ascii_digit) {
        digits.two(0, 59)?;
        if generalized && let Some(rest) = digits.0.strip_prefix(b".") {
            let fraction = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if fraction == 0 {
                return None;
            }
            digits.0 = rest.get(fraction..)?;
        }
    }
    match digits.0.split_first() {
        Some((b'Z', [])) => Some(()),
        Some((b'+' | b'-', offset)) => {
            digits.0 = offset;
            digits.two(0, 12)?;
            digits.two(0, 59)?;
            digits.0.is_empty().then_some(())
        }
        _ => None,
    }
}

struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    fn two(&mut self, least: u32, most: u32) -> Option<u32> {
        let [tens @ b'0'..=b'9', ones @ b'0'..=b'9', rest @ ..] = self.0 else { return None };
        let number = u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
        self.0 = rest;
        (least..=most).contains(&number).then_some(number)
    }
}
