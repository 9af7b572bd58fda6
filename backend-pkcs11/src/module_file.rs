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
    match objection(&head, metadata.len()) {
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
    for folder in path.ancestors().skip(1) {
        let failed = |source: io::Error| refused(path, Box::new(source));
        let mode = fs::metadata(folder).map_err(failed)?.mode() & 0o7777;
        if mode & EVERYBODY_WRITES != 0 && mode & STICKY == 0 {
            let reason = format!(
                "everybody can put another file in its place (mode {mode:04o} of {})",
                folder.display()
            );
            return Err(untrusted(reason));
        }
    }
    Ok(())
}

#[cfg(unix)]
const EVERYBODY_WRITES: u32 = 0o002;
/// In such a folder everybody can put files, and take away only his own.
#[cfg(unix)]
const STICKY: u32 = 0o1000;

/// Windows files have access lists, which a folder hands down; there are no mode bits to read.
#[cfg(not(unix))]
fn refuse_untrusted(_path: &Path, _metadata: &fs::Metadata) -> Result<()> {
    Ok(())
}

/// An ELF header, and the list of segments behind it.
const HEAD: usize = 4096;

/// Why this system cannot load a file that begins like this and is so long (ELF, gABI chapters 4
/// and 5).
#[cfg(target_os = "linux")]
fn objection(head: &[u8], length: u64) -> Option<String> {
    if !head.starts_with(b"\x7fELF") {
        return Some("it is no shared library".into());
    }
    let cut = || Some("it is a shared library that was cut off".to_owned());
    let (Some(class), Some(order)) = (head.get(4), head.get(5)) else { return cut() };
    let bits = if *class == 2 { 64 } else { 32 };
    if bits != usize::BITS || (*order == 1) != cfg!(target_endian = "little") {
        return Some(format!("it is for {bits}-bit programs, and this is one for {ARCH}"));
    }
    let (Some(kind), Some(machine)) = (number(head, 16, 2), number(head, 18, 2)) else {
        return cut();
    };
    let ours = MACHINES.iter().find(|(name, _)| *name == ARCH).map(|(_, number)| *number);
    if ours.is_some_and(|ours| ours != machine) {
        let theirs = MACHINES.iter().find(|(_, number)| *number == machine);
        let theirs = theirs.map_or_else(|| format!("machine {machine}"), |(it, _)| (*it).into());
        return Some(format!("it is for {theirs}, and this program is for {ARCH}"));
    }
    // ET_DYN
    if kind != 3 {
        return Some("it is a program or an object file, not a shared library".into());
    }
    // The loader maps what is not there, and the process dies of touching it.
    match segments_end(head) {
        Some(end) if end <= length => None,
        _ => cut(),
    }
}

/// How far into the file the segments reach that are loaded, of this machine's own word size.
#[cfg(target_os = "linux")]
fn segments_end(head: &[u8]) -> Option<u64> {
    const LOAD: u64 = 1;
    let word = size_of::<usize>();
    let wide = word == 8;
    let at = |wide_at: usize, narrow_at: usize| if wide { wide_at } else { narrow_at };
    let table = usize::try_from(number(head, at(32, 28), word)?).ok()?;
    let size = usize::try_from(number(head, at(54, 42), 2)?).ok()?;
    let count = usize::try_from(number(head, at(56, 44), 2)?).ok()?;
    let mut end = 0;
    for index in 0..count {
        let segment = head.get(table.checked_add(index.checked_mul(size)?)?..)?;
        if number(segment, 0, 4)? == LOAD {
            let offset = number(segment, at(8, 4), word)?;
            end = end.max(offset.checked_add(number(segment, at(32, 16), word)?)?);
        }
    }
    Some(end)
}

/// An unsigned number in this machine's own order, which was checked before.
#[cfg(target_os = "linux")]
fn number(octets: &[u8], at: usize, length: usize) -> Option<u64> {
    let octets = octets.get(at..at.checked_add(length)?)?.iter();
    let shift = |number: u64, octet: &u8| number << 8 | u64::from(*octet);
    Some(if cfg!(target_endian = "little") {
        octets.rev().fold(0, shift)
    } else {
        octets.fold(0, shift)
    })
}

/// Elsewhere the loader's own words have to do.
#[cfg(not(target_os = "linux"))]
fn objection(head: &[u8], _length: u64) -> Option<String> {
    head.is_empty().then(|| "it is empty".into())
}

/// `e_machine` of the systems that Rust knows by these names.
#[cfg(target_os = "linux")]
const MACHINES: &[(&str, u64)] = &[
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
            (b"\x7fELF", "was cut off"),
            (&other, "it is for "),
            (&bits, "-bit programs"),
            (&elf, "was cut off"),
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

    #[test]
    fn a_module_that_everybody_can_replace_is_refused_by_its_folder() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let above = folder.path().join("above");
        fs::create_dir_all(above.join("below")).unwrap();
        let path = above.join("below/module.so");
        fs::write(&path, b"\x7fELF").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        for (mode, refused) in [(0o777, true), (0o702, true), (0o1777, false), (0o755, false)] {
            fs::set_permissions(&above, fs::Permissions::from_mode(mode)).unwrap();
            let error = checked(&path).unwrap_err();
            assert_eq!(matches!(error, Error::Untrusted { .. }), refused, "{mode:o} {error}");
            assert_eq!(error.to_string().contains(&format!("{mode:04o} of ")), refused, "{error}");
        }
    }

    fn text(error: Error) -> String {
        use std::error::Error as _;
        format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
    }
}
