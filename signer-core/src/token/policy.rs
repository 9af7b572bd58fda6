//! What a key asks for before it is used, and where it came from.

use std::fmt;
use std::str::FromStr;

/// When a key wants the PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PinPolicy {
    /// Never.
    Never,
    /// Once in a session with the token.
    Once,
    /// Right before each use.
    Always,
}

/// When a key wants a touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TouchPolicy {
    /// Never.
    Never,
    /// At each use.
    Always,
    /// At a use, unless one was given within the last 15 seconds.
    Cached,
}

/// What a key asks for before each use. What is not named is left to the token's own default on
/// making a key, and is not known on reading one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyPolicy {
    /// When it wants the PIN.
    pub pin: Option<PinPolicy>,
    /// When it wants a touch.
    pub touch: Option<TouchPolicy>,
}

/// Where a key came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyOrigin {
    /// It was made on the token and never was anywhere else.
    Generated,
    /// It was brought to the token.
    Imported,
}

/// `Display` and `FromStr` of a type whose values are single words.
macro_rules! words {
    ($type:ty: $($value:ident = $word:literal),+) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$value => $word),+ })
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$value),)+
                    other => Err(format!("{other:?} is none of {}", [$($word),+].join(", "))),
                }
            }
        }
    };
}

pub(super) use words;

words!(PinPolicy: Never = "never", Once = "once", Always = "always");
words!(TouchPolicy: Never = "never", Always = "always", Cached = "cached");
words!(KeyOrigin: Generated = "generated", Imported = "imported");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_reads_back_as_what_it_stands_for() {
        for policy in [PinPolicy::Never, PinPolicy::Once, PinPolicy::Always] {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        for policy in [TouchPolicy::Never, TouchPolicy::Always, TouchPolicy::Cached] {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        assert_eq!(
            "sometimes".parse::<PinPolicy>(),
            Err("\"sometimes\" is none of never, once, always".into())
        );
    }
}
