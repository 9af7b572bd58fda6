//! Programs that `scripts/setup` puts into the project's folder.

use std::path::{Path, PathBuf};

use crate::Error;

/// The folder that they are in.
pub const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools");

/// One of them, such as `ykman/bin/python`.
///
/// # Errors
/// [`Error::Missing`].
pub fn tool(path: impl AsRef<Path>) -> Result<PathBuf, Error> {
    let what = Path::new(TOOLS).join(path);
    if what.exists() { Ok(what) } else { Err(Error::Missing { what }) }
}
