//! The file of a module: whether it is one, and whether it is to be trusted.
//!
//! The loader's own messages are about symbols and segments; these say what the file is instead.

use std::env::consts::ARCH;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use signer_core::{Error, Result};

/// The file itself, behind all links, if it can be loaded and nobody else could have changed it.
pub(crate) fn checked(path: &Path) -> Result<PathBuf> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Error::NotFound { what: format!("PKCS#11 module {}", path.display()) }
        }
        _ => refused(path, Box::new(source)),
    };
    // The loader takes a name without a slash for one to search along its own path.
    let file = fs::canonicalize(path).map_err(failed)?;
    let metadata = fs::metadata(&file).map_err(failed)?;
    if metadata.is_dir() {
        return Err(refused(path, "it is a folder".into()));
    }
    if !metadata.is_file() {
        return Err(refused(path, "it is no regular file".into()));
    }
    refuse_untrusted(&file, &metadata)?;
    let mut head = Vec::with_capacity(HEAD);
    File::open(&file)
        .and_then(|file| file.take(HEAD as u64).read_to_end(&mut head))
        .map_err(failed)?;
    match objection(&head) {
        None => Ok(file),
        Some(reason) => Err(refused(path, reason.into())),
    }
}

fn refused(path: &Path, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Device { doing: format!("loading the PKCS#11 module {}", path.display()), source }
}

/// As settings files are checked: a module runs with everything that the user may do.
#[cfg(unix)]
fn refuse_untrusted(path: &Path, metadata: &fs::Metadata) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let untrusted = |reason: String| Error::Untrusted { path: path.to_owned(), reason };
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(untrusted(format!("it belongs to another user (id {owner})")));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(untrusted(format!("others can write it (mode {mode:04o})")));
    }
    Ok(())
}

/// Windows files have access lists, which a folder hands down; there are no mode bits to read.
#[cfg(not(unix))]
fn refuse_untrusted(_path: &Path, _metadata: &fs::Metadata) -> Result<()> {
    Ok(())
}

/// As much of an ELF header as says what the file is for.
const HEAD: usize = 20;

/// Why this system cannot load a file that begins like this (ELF, gABI chapter 4).
#[cfg(target_os = "linux")]
fn objection(head: &[u8]) -> Option<String> {
    let Some((magic, rest)) = head.split_at_checked(4) else {
        return Some("it is no shared library".into());
    };
    if magic != b"\x7fELF" {
        return Some("it is no shared library".into());
    }
    let (Some(class), Some(order), Some(kind), Some(machine)) =
        (rest.first(), rest.get(1), rest.get(12..14), rest.get(14..16))
    else {
        return Some("it is a shared library that ends after a few octets".into());
    };
    let little = *order == 1;
    let number = |octets: &[u8]| match *octets {
        [low, high] if little => u16::from_le_bytes([low, high]),
        [high, low] => u16::from_be_bytes([high, low]),
        _ => 0,
    };
    let bits = if *class == 2 { 64 } else { 32 };
    if bits != usize::BITS || little != cfg!(target_endian = "little") {
        return Some(format!("it is for {bits}-bit programs, and this is one for {ARCH}"));
    }
    let machine = number(machine);
    let ours = MACHINES.iter().find(|(name, _)| *name == ARCH).map(|(_, number)| *number);
    if ours.is_some_and(|ours| ours != machine) {
        let theirs = MACHINES.iter().find(|(_, number)| *number == machine);
        let theirs = theirs.map_or_else(|| format!("machine {machine}"), |(it, _)| (*it).into());
        return Some(format!("it is for {theirs}, and this program is for {ARCH}"));
    }
    // ET_DYN
    (number(kind) != 3).then(|| "it is a program or an object file, not a shared library".into())
}

/// Elsewhere the loader's own words have to do.
#[cfg(not(target_os = "linux"))]
fn objection(head: &[u8]) -> Option<String> {
    head.is_empty().then(|| "it is empty".into())
}

/// `e_machine` of the systems that Rust knows by these names.
#[cfg(target_os = "linux")]
const MACHINES: &[(&str, u16)] = &[
    ("x86", 3),
    ("mips", 8),
    ("powerpc", 20),
    ("powerpc64", 21),
    ("s390x", 22),
    ("arm", 40),
    ("x86_64", 62),
    ("aarch64", 183),
    ("riscv64", 243),
    ("loongarch64", 258),
];

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_a_text_and_another_machine_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let mut elf = fs::read("/proc/self/exe").unwrap();
        elf.truncate(64);
        let mut other = elf.clone();
        other[18] = if other[18] == 183 { 62 } else { 183 };
        let mut bits = elf.clone();
        bits[4] = 3 - bits[4];
        for (content, reason) in [
            (&b"#!/bin/sh\necho hello, this is text\n"[..], "no shared library"),
            (b"", "no shared library"),
            (b"\x7fELF", "ends after a few octets"),
            (&other, "it is for "),
            (&bits, "-bit programs"),
        ] {
            let path = folder.path().join("module.so");
            fs::write(&path, content).unwrap();
            let error = text(checked(&path).unwrap_err());
            assert!(error.contains(reason), "{reason}: {error}");
            assert!(error.contains("module.so"), "{error}");
        }
        assert!(text(checked(folder.path()).unwrap_err()).contains("it is a folder"));
        let missing = checked(&folder.path().join("none.so")).unwrap_err();
        assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
    }

    #[test]
    fn a_module_that_others_can_write_is_refused_by_name() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("module.so");
        fs::write(&path, b"\x7fELF").unwrap();
        for mode in [0o775, 0o757, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = checked(&path).unwrap_err().to_string();
            assert!(error.contains("module.so"), "{error}");
            assert!(error.contains(&format!("{mode:04o}")), "{error}");
        }
    }

    fn text(error: Error) -> String {
        use std::error::Error as _;
        format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
    }
}
