//! Notes when the program was built, as the gate refuses clocks that stand before that.

use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    // Reproducible builds name their own date: https://reproducible-builds.org/specs/source-date-epoch/
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rerun-if-changed=build.rs");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let date = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok());
    println!("cargo::rustc-env=TOUCHMARK_BUILD_DATE={}", date.unwrap_or(now));
}
