//! What can be wrong with a config, and where.

use std::{fmt, io, path::PathBuf, sync::Arc};

/// A config that cannot be used: the place in it, and the reason.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct Error {
    /// File and line at fault: the line of the value that is wrong, or that names what is missing.
    pub place: Place,
    /// What is wrong.
    #[source]
    pub reason: Reason,
}

/// A place in a config: displayed as `file:line`, or as `file` where no line is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    file: Arc<str>,
    line: Option<u32>,
}

impl Place {
    /// A whole file.
    #[must_use]
    pub fn file(name: impl Into<Arc<str>>) -> Self {
        Self { file: name.into(), line: None }
    }

    /// A line of a file, counted from 1. A line that goes on in the next ones is named by its first.
    #[must_use]
    pub fn at(file: impl Into<Arc<str>>, line: u32) -> Self {
        Self { file: file.into(), line: Some(line) }
    }

    /// The file's name, as it was given or included.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.file
    }

    /// The line, counted from 1.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.line
    }

    pub(super) fn error(&self, reason: Reason) -> Error {
        Error { place: self.clone(), reason }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => write!(f, "{}", self.file),
        }
    }
}

/// Why a config is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The file could not be read.
    #[error("the file cannot be read")]
    Open(#[source] io::Error),
    /// An included file exists and could not be read.
    #[error("included file `{path}` cannot be read", path = path.display())]
    Include {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A NUL byte.
    #[error("NUL byte")]
    NulByte,
    /// A `[` without its `]`.
    #[error("section name without closing `]`")]
    MissingCloseBracket,
    /// A line that is neither a section, a key with a value, nor a directive.
    #[error("missing `=` before `{found}`")]
    MissingEquals {
        /// Where the `=` was expected.
        found: String,
    },
    /// A `${` or `$(` without its end.
    #[error("variable without closing `{brace}`")]
    MissingCloseBrace {
        /// The bracket that is missing.
        brace: char,
    },
    /// A variable that stands neither in its section nor in the default one.
    #[error("variable `{name}` has no value")]
    UnknownVariable {
        /// Name, with its section where one was written.
        name: String,
    },
    /// A value that grows too long by its variables.
    #[error("value is longer than {limit} bytes once its variables are filled in")]
    ExpansionTooLong {
        /// The bound in bytes.
        limit: usize,
    },
    /// A `.pragma` that is not `keyword:value`, or has a value that is none.
    #[error("invalid .pragma")]
    InvalidPragma,
    /// `.include` in a text that may not include.
    #[error(".include is not allowed here")]
    IncludeNotAllowed,
    /// `$ENV::` in a text that may not see the environment.
    #[error("environment variable `{name}` is not allowed here")]
    EnvironmentNotAllowed {
        /// The variable.
        name: String,
    },
    /// A relative path after `.pragma abspath:true`.
    #[error("included path `{path}` is not absolute")]
    RelativeInclude {
        /// The path.
        path: String,
    },
    /// Files that include each other, or too many of them.
    #[error("more than {limit} nested or {total} included files")]
    TooManyIncludes {
        /// Greatest depth.
        limit: usize,
        /// Greatest number of files.
        total: usize,
    },
    /// A folder included from a file of an included folder.
    #[error("folder `{path}` is included by a file of an included folder")]
    NestedFolder {
        /// The inner folder.
        path: String,
    },
    /// The files, or what is made from them, grow too large.
    #[error("config, or what it asks for, grows larger than {limit} bytes")]
    TooLarge {
        /// The bound in bytes.
        limit: usize,
    },
    /// More of something than any certificate needs.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many would be accepted.
        limit: usize,
    },
    /// A section that is named and does not exist.
    #[error("section `{name}` does not exist")]
    NoSection {
        /// The section.
        name: String,
    },
    /// A key that must be there and is not.
    #[error("no `{name}` in section `{section}`")]
    NoValue {
        /// Section looked in (and the default one).
        section: String,
        /// The key.
        name: String,
    },
    /// Neither a known name nor a dotted OID.
    #[error("unknown object name `{name}`")]
    UnknownObject {
        /// The text.
        name: String,
    },
    /// A dotted OID that is none.
    #[error("invalid object identifier `{text}`")]
    InvalidOid {
        /// The text.
        text: String,
    },
    /// An OID with parts that certificates as we read and write them cannot hold.
    #[error("object identifier `{text}` has a part of more than 32 bits or is too long")]
    OidTooLarge {
        /// The text.
        text: String,
    },
    /// A name or OID of the `oid_section` that exists already.
    #[error("object `{name}` exists already")]
    ObjectExists {
        /// Name or OID.
        name: String,
    },
    /// Too few characters for the attribute.
    #[error("text has {length} characters, fewer than the {limit} of this attribute")]
    StringTooShort {
        /// Characters found.
        length: usize,
        /// Characters needed.
        limit: usize,
    },
    /// Too many characters for the attribute.
    #[error("text has {length} characters, more than the {limit} of this attribute")]
    StringTooLong {
        /// Characters found.
        length: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// A character that none of the allowed string types can hold.
    #[error("text has a character that no allowed string type can hold")]
    IllegalCharacters,
    /// Not UTF-8, where UTF-8 was announced.
    #[error("text is not valid UTF-8")]
    InvalidUtf8,
    /// A subject without any attribute.
    #[error("section `{section}` gives the subject no attribute")]
    EmptySubject {
        /// The section named by `distinguished_name`.
        section: String,
    },
    /// A subject attribute whose value nobody is there to give.
    #[error("`{name}` has neither a default nor a value, and there is nobody to ask")]
    Unanswered {
        /// The attribute.
        name: String,
    },
    /// The same attribute twice, where only one may stand.
    #[error("`{name}` is given twice")]
    Twice {
        /// The attribute or value.
        name: String,
    },
    /// An extension name that nothing is known about.
    #[error("unknown extension `{name}`")]
    UnknownExtension {
        /// The name.
        name: String,
    },
    /// Something that OpenSSL can do and we do not.
    #[error("`{what}` is not supported")]
    Unsupported {
        /// What it is.
        what: String,
    },
    /// A value that does not have the form it must have.
    #[error("invalid {what} `{value}`")]
    Invalid {
        /// What was expected.
        what: &'static str,
        /// What was found.
        value: String,
    },
    /// A part that must be there and is not.
    #[error("missing {what}")]
    Missing {
        /// What is missing.
        what: &'static str,
    },
}

impl Reason {
    pub(super) fn invalid(what: &'static str, value: &[u8]) -> Self {
        Self::Invalid { what, value: shown(value) }
    }
}

/// Bytes from a config as they are shown in a message: printable and short.
pub(super) fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 80;
    let text = String::from_utf8_lossy(bytes);
    let safe = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut out: String = text.chars().take(LONGEST).map(safe).collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}
