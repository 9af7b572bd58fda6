//! Finding the settings file, and making sure that nobody else can change it.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Error;

/// Its name, wherever it is looked for.
const NAME: &str = "touchmark.toml";

/// Far more than any settings file needs.
const MOST_OCTETS: u64 = 1024 * 1024;

/// The file that is named by flag or environment, else the first of the usual places that exists.
pub(super) fn file(named: Option<&Path>) -> Result<Option<(PathBuf, File)>, Error> {
    let variable = || env::var_os("TOUCHMARK_SETTINGS").filter(|value| !value.is_empty());
    if let Some(path) = named.map(Path::to_owned).or_else(|| variable().map(PathBuf::from)) {
        return match open(&path)? {
            Some(file) => Ok(Some((path, file))),
            None => Err(Error::Missing { path }),
        };
    }
    for path in usual_places() {
        if let Some(file) = open(&path)? {
            return Ok(Some((path, file)));
        }
    }
    Ok(None)
}

/// Reads a file that is already open, if it is the user's or root's and nobody else can write it.
/// What is asked is asked of the open file, so that it cannot be another one than the one read.
pub(super) fn read_trusted(path: &Path, mut file: File) -> Result<String, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    refuse_untrusted(path, &file)?;
    let mut octets = Vec::new();
    Read::by_ref(&mut file).take(MOST_OCTETS + 1).read_to_end(&mut octets).map_err(failed)?;
    let content = |reason: &str| Error::Content {
        path: path.to_owned(),
        line: None,
        reason: reason.to_owned(),
    };
    if octets.len() as u64 > MOST_OCTETS {
        return Err(content("it is longer than 1 MiB"));
    }
    String::from_utf8(octets).map_err(|_| content("it is not UTF-8 text"))
}

fn open(path: &Path) -> Result<Option<File>, Error> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) if source.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(source) => Err(Error::Read { path: path.to_owned(), source }),
    }
}

#[cfg(unix)]
fn usual_places() -> Vec<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config =
        absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    std::iter::once(PathBuf::from(NAME))
        .chain(config.map(|folder| folder.join("touchmark").join(NAME)))
        .chain(std::iter::once(Path::new("/etc/touchmark").join(NAME)))
        .collect()
}

#[cfg(not(unix))]
fn usual_places() -> Vec<PathBuf> {
    let folder = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    std::iter::once(PathBuf::from(NAME))
        .chain(folder("APPDATA").map(|folder| folder.join("touchmark").join(NAME)))
        .chain(folder("PROGRAMDATA").map(|folder| folder.join("touchmark").join(NAME)))
        .collect()
}

#[cfg(unix)]
fn refuse_untrusted(path: &Path, file: &File) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;
    let metadata =
        file.metadata().map_err(|source| Error::Read { path: path.to_owned(), source })?;
    if metadata.uid() != 0 && metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(Error::Owner { path: path.to_owned(), owner: metadata.uid() });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(Error::Writable { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Windows files have access lists, which a folder hands down; there are no mode bits to read.
#[cfg(not(unix))]
fn refuse_untrusted(_path: &Path, _file: &File) -> Result<(), Error> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn settings(mode: u32) -> (tempfile::TempDir, PathBuf) {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        std::fs::write(&path, "default-signer = \"a\"\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_write_is_refused_by_name() {
        for (mode, trusted) in
            [(0o600, true), (0o644, true), (0o664, false), (0o646, false), (0o666, false)]
        {
            let (_folder, path) = settings(mode);
            let read = read_trusted(&path, File::open(&path).unwrap());
            assert_eq!(read.is_ok(), trusted, "{mode:o}");
            if let Err(error) = read {
                let text = error.to_string();
                assert!(text.contains(&path.display().to_string()), "{text}");
                assert!(text.contains(&format!("{mode:04o}")), "{text}");
            }
        }
    }

    #[test]
    fn a_named_file_that_is_not_there_is_an_error() {
        let missing = Path::new("/nonexistent/touchmark.toml");
        assert!(matches!(file(Some(missing)), Err(Error::Missing { .. })));
    }
}
