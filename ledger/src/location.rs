//! Where a ledger is kept.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::Error;

/// Names a ledger: `sqlite:PATH`, a file.
///
/// ```
/// use ledger::Location;
///
/// let location: Location = "sqlite:touchmark.db".parse().unwrap();
/// assert_eq!(location.to_string(), "sqlite:touchmark.db");
/// let error = "postgresql://host/db".parse::<Location>().unwrap_err();
/// assert_eq!(error.to_string(), "unknown kind of ledger 'postgresql' (known: sqlite:PATH)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Location {
    /// An SQLite file.
    Sqlite(PathBuf),
}

impl Location {
    /// The ledger in the SQLite file at `path`.
    #[must_use]
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::Sqlite(path.into())
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Sqlite(path) => path,
        }
    }

    /// The same ledger with a relative path taken from `folder`: the folder of the settings file
    /// that named it.
    #[must_use]
    pub fn relative_to(&self, folder: &Path) -> Self {
        Self::Sqlite(folder.join(self.path()))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sqlite:{}", self.path().display())
    }
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once(':') {
            Some(("sqlite", "")) | None => Err(Error::BadLocation { text: text.to_owned() }),
            Some(("sqlite", path)) => Ok(Self::Sqlite(path.into())),
            Some((scheme, _)) => Err(Error::UnknownScheme { scheme: scheme.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_go_there_and_back() {
        for text in ["sqlite:a.db", "sqlite:/var/lib/a b.db", "sqlite:C:\\a.db", "sqlite:../x:y"] {
            assert_eq!(text.parse::<Location>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_location_names_what_is_known() {
        for text in ["", "a.db", "sqlite:", "sqlite", ":a", "postgresql://host", "C:\\a.db"] {
            let error = text.parse::<Location>().unwrap_err().to_string();
            assert!(error.contains("sqlite:PATH"), "{text:?}: {error}");
        }
    }
}
