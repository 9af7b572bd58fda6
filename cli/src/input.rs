//! Reading input files, and standard input where `-` stands for it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use issuer::certificate::ParsedCertificate;
use issuer::pem::{self, Kind};

use crate::error::{Error, Result, chain};

/// The largest file of certificates that is read; a real chain of five has 5,400 octets.
pub(crate) const MOST_CERTIFICATES: usize = 1024 * 1024;

/// Whether a path stands for standard input or output.
pub(crate) fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// Whether two paths name one file, also one that is still to be made.
pub(crate) fn same_file(one: &Path, other: &Path) -> bool {
    one == other || matches!((real(one), real(other)), (Some(one), Some(other)) if one == other)
}

fn real(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok().or_else(|| {
        let folder = path.parent()?;
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Some(std::fs::canonicalize(folder).ok()?.join(path.file_name()?))
    })
}

/// Everything in a file.
///
/// # Errors
/// [`Error::Read`].
pub(crate) fn all(path: &Path) -> Result<Vec<u8>> {
    read(path, u64::MAX).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// Everything in a small file: one octet more than `most` is enough to be refused by a parser that
/// knows the limit.
///
/// # Errors
/// [`Error::Read`].
pub(crate) fn small(path: &Path, most: usize) -> Result<Vec<u8>> {
    read(path, most as u64 + 1).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// The certificates of a PEM or DER file, in order: at least one.
///
/// # Errors
/// [`Error::Read`], and [`Error::Content`] where something in it is no certificate.
pub(crate) fn certificates(path: &Path) -> Result<Vec<ParsedCertificate>> {
    let octets = small(path, MOST_CERTIFICATES)?;
    let unusable = |error: &dyn std::error::Error| Error::Content {
        path: path.to_owned(),
        reason: chain(error),
    };
    let blocks =
        pem::read_all(&octets, Kind::Certificate, MOST_CERTIFICATES).map_err(|e| unusable(&e))?;
    blocks
        .iter()
        .map(|block| ParsedCertificate::from_der(&block.der).map_err(|error| unusable(&error)))
        .collect()
}

fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    if is_standard(path) {
        io::stdin().lock().take(most).read_to_end(&mut octets)?;
    } else {
        File::open(path)?.take(most).read_to_end(&mut octets)?;
    }
    Ok(octets)
}
