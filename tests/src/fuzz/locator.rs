//! Fuzzing of locators: what parses is written and read back the same, and no secret is repeated.

#![expect(clippy::panic, reason = "a broken promise")]

use std::path::Path;

use signer_core::{Locator, SecretSpec};

use super::printable;

const SECRET: &str = "hunter2-swordfish";

/// Reads the bytes as a locator and as a secret source.
pub fn locator(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = text.parse::<SecretSpec>() {
        printable(&error.to_string());
    }
    parse(text);
    // A secret that stands anywhere in it makes it unusable, and is not repeated.
    for place in [
        format!("{text}?pin-value={SECRET}"),
        format!("{text}&pin-value={SECRET}"),
        format!("{text};PIN={SECRET}"),
        format!("pin-value={SECRET};{text}"),
        format!("{text}?%70in-value={SECRET}"),
    ] {
        match place.parse::<Locator>() {
            Ok(locator) => panic!("a secret in {locator}"),
            Err(error) => assert!(!whole(&error).contains(SECRET), "repeated: {error}"),
        }
    }
}

fn parse(text: &str) {
    let locator = match text.parse::<Locator>() {
        Ok(locator) => locator,
        Err(error) => return printable(&error.to_string()),
    };
    let written = locator.to_string();
    printable(&written);
    match written.parse::<Locator>() {
        Ok(again) => assert_eq!(again, locator, "not read back as written: {written}"),
        Err(error) => panic!("what was written cannot be read: {written}: {error}"),
    }
    for outcome in [
        locator.file().map(|_| ()),
        locator.attributes().map(|attributes| drop(attributes.key())),
        locator.pin_source().map(|_| ()),
        locator.allow_query(&["module-path"]),
    ] {
        if let Err(error) = outcome {
            printable(&error.to_string());
        }
    }
    let placed = locator.clone().within(Path::new("/settings"));
    assert_eq!(placed.file().is_ok(), locator.file().is_ok(), "a folder changes the file only");
}

fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
