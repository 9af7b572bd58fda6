//! What a key has in its memory, in words: of random things only whether they are old or new.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde_json::Value;

/// What is in a key's memory: a word for each thing.
pub type Facts = BTreeMap<String, String>;

/// A key's memory.
#[derive(Clone, Debug)]
pub struct State(Value);

const ADMIN_DATA: u32 = 0x5f_ff00;
const PRINTED: u32 = 0x5f_c109;

impl State {
    /// Reads a state file.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read(path).unwrap();
        Self(serde_json::from_slice(&text).unwrap())
    }

    /// PIN (`pin`) or PUK (`puk`).
    #[must_use]
    pub fn secret(&self, name: &str) -> String {
        let octets = self.piv(name)["value"].as_array().unwrap().iter();
        let octets = octets.map(|octet| u8::try_from(octet.as_u64().unwrap()).unwrap());
        String::from_utf8(octets.filter(|octet| *octet != 0xff).collect()).unwrap()
    }

    /// Tries of PIN (`pin`) or PUK (`puk`): left and in all.
    #[must_use]
    pub fn tries(&self, name: &str) -> (i64, i64) {
        let count = |what| self.piv(name)[what].as_i64().unwrap();
        (count("left"), count("total"))
    }

    /// The management key, in hexadecimal.
    #[must_use]
    pub fn management_key(&self) -> &str {
        self.piv("management")["key"].as_str().unwrap()
    }

    /// Whether who has the PIN can read the management key from the key itself.
    #[must_use]
    pub fn holds_its_management_key(&self) -> bool {
        self.object(PRINTED).is_some_and(|data| data.ends_with(self.management_key()))
    }

    /// An object, in hexadecimal.
    fn object(&self, number: u32) -> Option<&str> {
        self.piv("objects")[number.to_string()].as_str()
    }

    fn piv(&self, name: &str) -> &Value {
        &self.0["card"]["piv"][name]
    }

    /// What it says, where `old` is what the command began with.
    #[must_use]
    pub fn facts(&self, old: &Self) -> Facts {
        let mut facts = Facts::new();
        for name in ["pin", "puk"] {
            let word = match self.secret(name) {
                same if same == old.secret(name) => "old".into(),
                factory if ["123456", "12345678"].contains(&factory.as_str()) => "factory".into(),
                _ => "new".to_owned(),
            };
            facts.insert(name.into(), word);
            facts.insert(format!("{name} tries"), self.tries(name).1.to_string());
        }
        let key = match self.management_key() {
            same if same == old.management_key() => "old",
            factory if factory.starts_with("0102030405060708") => "factory",
            _ => "new",
        };
        let cipher = self.piv("management")["algorithm"].as_str().unwrap();
        facts.insert("management key".into(), format!("{key}, {cipher}"));
        let keeps =
            |data: &str| data.get(8..10).is_some_and(|flags| flags == "02" || flags == "03");
        let kept = self.object(ADMIN_DATA).is_some_and(keeps);
        let printed = match self.object(PRINTED) {
            None => "no key",
            Some(_) if self.holds_its_management_key() => "the key",
            Some(_) => "another key",
        };
        facts.insert("says it keeps it".into(), kept.to_string());
        facts.insert("keeps".into(), printed.into());
        for (slot, key) in self.piv("keys").as_object().unwrap() {
            let slot = format!("key {:02x}", slot.parse::<u8>().unwrap());
            let known = old.piv("keys").as_object().unwrap().iter();
            let secret = &key["key"]["secret"];
            let word = match known.into_iter().find(|(_, old)| old["key"]["secret"] == *secret) {
                Some((from, _)) => format!("that of {:02x}", from.parse::<u8>().unwrap()),
                None => format!("new, {}", key["key"]["algorithm"]),
            };
            facts.insert(slot, format!("{word}, {}, {}", key["pin_policy"], key["origin"]));
        }
        for (number, content) in self.piv("objects").as_object().unwrap() {
            let number: u32 = number.parse().unwrap();
            let same = old.object(number) == content.as_str();
            match number {
                PRINTED | ADMIN_DATA => {}
                _ => drop(facts.insert(
                    format!("object {number:06x}"),
                    if same { "old" } else { "new" }.into(),
                )),
            }
        }
        facts
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
