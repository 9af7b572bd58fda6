//! Data objects: GET DATA and PUT DATA.

use signer_core::{Error, Result};
use zeroize::Zeroizing;

use crate::apdu::Command;
use crate::card::Transaction;
use crate::channel::CardError;
use crate::object::ObjectId;
use crate::status::Meaning;
use crate::tlv::{Elements, element, elements};

impl Transaction<'_> {
    /// What is in an object, without its outer `53`; nothing when it is empty or absent.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn object(&mut self, object: ObjectId) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let name = element(NAME, &object.octets());
        let command = Command::new(0xcb, 0x3f, 0xff).with(name.to_vec()).with_long_answer();
        let content = match self.send(&command) {
            Err(error) if error.meaning() == Some(Meaning::NotFound) => return Ok(None),
            Err(error) => Err(error),
            Ok(answer) => Elements::of(&answer)
                .value(CONTENT)
                .map(|content| Zeroizing::new(content.to_vec()))
                .map_err(CardError::from),
        };
        let content = content.map_err(|error| {
            error.doing(format!("reading {object} of {}", self.identity().name))
        })?;
        Ok(Some(content).filter(|content| !content.is_empty()))
    }

    /// Replaces what is in an object; nothing removes it. The management key has been proved.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn put_object(&mut self, object: ObjectId, content: &[u8]) -> Result<()> {
        let data = elements(&[(NAME, &object.octets()), (CONTENT, content)]);
        let command = Command::new(0xdb, 0x3f, 0xff).with_secret(data);
        self.send(&command).map(drop).map_err(|error| -> Error {
            error.doing(format!("writing {object} of {}", self.identity().name))
        })
    }
}

const NAME: u32 = 0x5c;
const CONTENT: u32 = 0x53;
