//! Reading and writing PEM files with private keys.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use der::Decode;
use pem_rfc7468::LineEnding;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use signer_core::files::{owner_only, sync_folder};
use signer_core::{Error, Permissions, Result, Secret, SecretKind, Tries};
use zeroize::Zeroizing;

use crate::private_key::PrivateKey;

/// Larger than any RSA-4096 key with text around it.
const MOST_OCTETS: u64 = 64 * 1024;

/// Reads the one private key of a PEM file; `passphrase` is asked only when the key is encrypted.
pub(crate) fn read(
    path: &Path,
    permissions: Permissions,
    passphrase: &dyn Fn() -> Result<Secret>,
) -> Result<PrivateKey> {
    let text = read_text(path, permissions)?;
    let block = private_key_block(&text).map_err(|fault| fault.at(path))?;
    let malformed = |reason: String| Fault::Malformed(reason).at(path);
    let (label, der) = decode(block).map_err(malformed)?;
    match label {
        "PRIVATE KEY" => PrivateKey::from_pkcs8(&der).map_err(malformed),
        "EC PRIVATE KEY" => PrivateKey::from_sec1(&der).map_err(malformed),
        "RSA PRIVATE KEY" => PrivateKey::from_pkcs1(&der).map_err(malformed),
        "ENCRYPTED PRIVATE KEY" => {
            let encrypted =
                EncryptedPrivateKeyInfoRef::from_der(&der).map_err(|e| not_pbes2(path, &e))?;
            let plain = encrypted
                .decrypt(passphrase()?.expose())
                .map_err(|error| decryption_error(path, error))?;
            // A wrong passphrase leaves valid padding behind about once in 256 times.
            PrivateKey::from_pkcs8(plain.as_bytes()).map_err(|_| wrong_passphrase(path))
        }
        other => Err(malformed(format!("a {other} block is not one of the kinds it can read"))),
    }
}

/// Writes a PKCS#8 file that only its owner can read, and never over anything.
pub(crate) fn write(path: &Path, key: &PrivateKey, passphrase: Option<&Secret>) -> Result<()> {
    let unencodable = |reason: String| Fault::Malformed(reason).at(path);
    let plain = key.to_pkcs8().map_err(unencodable)?;
    let (label, document) = match passphrase {
        None => ("PRIVATE KEY", plain),
        Some(passphrase) => {
            let encrypted = PrivateKeyInfoRef::from_der(plain.as_bytes())
                .map_err(pkcs8::Error::from)
                .and_then(|info| info.encrypt(passphrase.expose()))
                .map_err(|e| unencodable(e.to_string()))?;
            ("ENCRYPTED PRIVATE KEY", encrypted)
        }
    };
    let pem = document.to_pem(label, LineEnding::LF).map_err(|e| unencodable(e.to_string()))?;
    let stored = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => Error::AlreadyExists { what: path.display().to_string() },
        _ => Error::Storage { path: path.to_owned(), source },
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    create_whole(path, pem.as_bytes()).and_then(|()| sync_folder(folder)).map_err(stored)
}

/// Makes a file that is never seen half written, and never replaces one: it is written under another
/// name, and then linked to its own, which fails where something stands there already.
fn create_whole(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut random = [0; 8];
    SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("no randomness"))?;
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{:016x}", u64::from_le_bytes(random)));
    let temporary = Temporary(path.with_file_name(name));
    write_durably(&temporary.0, contents)?;
    match fs::hard_link(&temporary.0, path) {
        // A file system without links, such as a stick's: there it is written in its place.
        Err(error) if cannot_link(&error) => write_durably(path, contents).inspect_err(|error| {
            if error.kind() != io::ErrorKind::AlreadyExists {
                // Made a moment ago by this very call; half a key is worse than none.
                let _ = fs::remove_file(path);
            }
        }),
        linked => linked,
    }
}

fn cannot_link(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, Unsupported};
    matches!(error.kind(), PermissionDenied | Unsupported)
}

fn write_durably(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = owner_only().write(true).create_new(true).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// A file that is gone when the work is done, however it ends.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed was not made, or is readable by its owner alone.
        let _ = fs::remove_file(&self.0);
    }
}

fn read_text(path: &Path, permissions: Permissions) -> Result<Zeroizing<String>> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => Error::NotFound { what: format!("key file {}", path.display()) },
        _ => {
            Error::Device { doing: format!("reading {}", path.display()), source: Box::new(source) }
        }
    };
    let mut file = File::open(path).map_err(failed)?;
    if permissions == Permissions::Strict {
        refuse_loose(&file, path)?;
    }
    let metadata = file.metadata().map_err(failed)?;
    // Allocated once, so that no half-read copy is left behind by growing; a pipe tells no length.
    let size = if metadata.is_file() { metadata.len().min(MOST_OCTETS) } else { MOST_OCTETS };
    let mut text =
        Zeroizing::new(String::with_capacity(usize::try_from(size).unwrap_or_default() + 1));
    let read = Read::by_ref(&mut file).take(MOST_OCTETS + 1).read_to_string(&mut text);
    match read {
        Ok(octets) if octets as u64 > MOST_OCTETS => {
            Err(Fault::Malformed(format!("it is longer than {MOST_OCTETS} octets")).at(path))
        }
        Ok(_) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(Fault::Malformed("it is not PEM text".into()).at(path))
        }
        Err(error) => Err(failed(error)),
    }
}

/// What is wrong with a file's blocks.
enum Fault {
    Malformed(String),
    Several(Vec<String>),
}

impl Fault {
    fn at(self, path: &Path) -> Error {
        let origin = path.display().to_string();
        match self {
            Self::Malformed(reason) => Error::MalformedKey { origin, reason },
            Self::Several(candidates) => {
                Error::Ambiguous { what: format!("the private key of {origin}"), candidates }
            }
        }
    }
}

/// The one PEM block whose label ends in `PRIVATE KEY`. Others are passed over: `openssl ecparam
/// -genkey` puts an `EC PARAMETERS` block first, and certificates may stand in the same file.
fn private_key_block(text: &str) -> Result<&str, Fault> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("-----BEGIN ") {
        let block = rest.get(start..).unwrap_or_default();
        let unended = || Fault::Malformed("a PEM block has no end".into());
        let label = block
            .strip_prefix("-----BEGIN ")
            .and_then(|after| after.split_once("-----"))
            .map(|(label, _)| label)
            .ok_or_else(unended)?;
        let end = format!("-----END {label}-----");
        let length = block.find(&end).ok_or_else(unended)? + end.len();
        let (whole, after) = block.split_at(length);
        if label.ends_with("PRIVATE KEY") {
            let line = text.get(..text.len() - rest.len() + start).unwrap_or_default();
            found.push((label, line.matches('\n').count() + 1, whole));
        }
        rest = after;
    }
    match found.as_slice() {
        [] => Err(Fault::Malformed("there is no PEM block of a private key in it".into())),
        [(_, _, block)] => Ok(block),
        several => Err(Fault::Several(
            several.iter().map(|(label, line, _)| format!("{label} at line {line}")).collect(),
        )),
    }
}

fn decode(block: &str) -> Result<(&str, Zeroizing<Vec<u8>>), String> {
    if block.lines().nth(1).is_some_and(|line| line.starts_with("Proc-Type:")) {
        return Err("it is encrypted in OpenSSL's old way, which one round of MD5 protects; \
                    convert it with `openssl pkcs8 -topk8 -in OLD -out NEW`"
            .into());
    }
    let (label, der) = pem_rfc7468::decode_vec(block.as_bytes())
        .map_err(|e| format!("its PEM block cannot be decoded: {e}"))?;
    Ok((label, Zeroizing::new(der)))
}

fn decryption_error(path: &Path, error: pkcs8::Error) -> Error {
    use pkcs8::pkcs5::Error as Pkcs5;
    match error {
        pkcs8::Error::EncryptedPrivateKey(Pkcs5::DecryptFailed) | pkcs8::Error::Asn1(_) => {
            wrong_passphrase(path)
        }
        other => not_pbes2(path, &other),
    }
}

fn not_pbes2(path: &Path, cause: &dyn std::error::Error) -> Error {
    Error::Unsupported {
        operation: format!("the encryption of {} ({cause})", path.display()),
        needs: "PBES2; convert it with `openssl pkcs8 -in OLD | openssl pkcs8 -topk8 -out NEW`"
            .into(),
    }
}

fn wrong_passphrase(path: &Path) -> Error {
    Error::WrongSecret {
        kind: SecretKind::Passphrase,
        token: path.display().to_string(),
        tries: Tries::Unknown,
    }
}

#[cfg(unix)]
fn refuse_loose(file: &File, path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    // Asked of the open file, so that it cannot be another one than the one that is read.
    let metadata = file.metadata().map_err(|source| Error::Device {
        doing: format!("reading {}", path.display()),
        source: Box::new(source),
    })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if metadata.is_file() && mode & 0o077 != 0 {
        return Err(Error::LoosePermissions { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Windows files have access lists, which a folder hands down; there are no mode bits to read.
#[cfg(not(unix))]
fn refuse_loose(_file: &File, _path: &Path) -> Result<()> {
    Ok(())
}
