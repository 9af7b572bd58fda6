//! Reading: from lines to sections.

use std::{
    cell::Cell,
    collections::VecDeque,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Config,
    chars::{split_name, trim_end, trim_start, without_comment},
    error::{Error, Place, Reason, shown},
    expand::expand,
    lines::Source,
    options::Options,
};

/// OpenSSL has no bound: a file that includes itself is read until the descriptors run out.
const DEEPEST: usize = 16;
const MOST_FILES: usize = 1_000;
const LONGEST_SECTION: usize = 1_024;

/// Reads a whole text, with what it includes.
pub(super) fn read(text: Vec<u8>, name: Arc<str>, options: &Options) -> Result<Config, Error> {
    let config = Config::empty(Arc::clone(&name));
    let section = b"default".to_vec();
    let mut reader = Reader {
        options,
        config,
        section,
        current: Source::new(name, Vec::new()),
        parents: Vec::new(),
        folder: VecDeque::new(),
        files: 0,
        input_bytes: 0,
        value_bytes: 0,
        dollar_in_names: false,
        absolute_only: false,
        include_folder: None,
    };
    reader.admit(&Place::file(reader.current.place().file_name()), text.len())?;
    let name = Arc::clone(&reader.config.file);
    reader.current = Source::new(name, text);
    reader.run()?;
    reader.config.close();
    Ok(reader.config)
}

struct Reader<'a> {
    options: &'a Options,
    config: Config,
    /// The section that keys go to.
    section: Vec<u8>,
    current: Source,
    /// Files that go on when the current one ends.
    parents: Vec<Source>,
    /// Files of an included folder that are still to be read.
    folder: VecDeque<PathBuf>,
    files: usize,
    input_bytes: usize,
    value_bytes: usize,
    dollar_in_names: bool,
    absolute_only: bool,
    include_folder: Option<Vec<u8>>,
}

impl Reader<'_> {
    fn run(&mut self) -> Result<(), Error> {
        let mut line = Vec::new();
        let mut first = true;
        let mut open = false;
        let mut place = self.current.place();
        loop {
            if !open {
                line.clear();
                place = self.current.place();
            }
            let Some(piece) = self.current.piece(first)? else {
                first = false;
                if open {
                    // The file ends within a line: what there is counts, without a last backslash.
                    open = false;
                    if continues(&line) {
                        line.pop();
                    }
                    self.line(&line, &place)?;
                } else if !self.next_source()? {
                    return Ok(());
                }
                continue;
            };
            first = false;
            line.extend_from_slice(piece.bytes);
            open = piece.open;
            if !open && continues(&line) {
                line.pop();
                open = true;
            }
            if !open {
                self.line(&line, &place)?;
            }
        }
    }

    /// At the end of a file: first the other files of an included folder, then whatever included it.
    /// A file included by one of a folder's files thus leads to the next of the folder, and only then
    /// back to the including one (OpenSSL 3.0.19 does so).
    fn next_source(&mut self) -> Result<bool, Error> {
        if let Some(path) = self.folder.pop_front() {
            let place = self.current.place();
            if let Some(source) = self.open(&path, &place)? {
                self.current = source;
            }
            return Ok(true);
        }
        let parent = self.parents.pop();
        let found = parent.is_some();
        if let Some(parent) = parent {
            self.current = parent;
        }
        Ok(found)
    }

    fn line(&mut self, line: &[u8], place: &Place) -> Result<(), Error> {
        let text = trim_start(without_comment(line));
        match text.split_first() {
            None => Ok(()),
            Some((b'[', header)) => self.header(header, place),
            Some(_) => self.assignment(text, place),
        }
    }

    /// `[ name ]`: white space may stand within the name, anything may follow the bracket.
    fn header(&mut self, text: &[u8], place: &Place) -> Result<(), Error> {
        let start = trim_start(text);
        let mut rest = start;
        let name = loop {
            let (_, behind) = split_name(rest, self.dollar_in_names);
            let next = trim_start(behind);
            match next.first() {
                Some(b']') => break start.get(..start.len() - behind.len()).unwrap_or_default(),
                Some(_) if next.len() < rest.len() => rest = next,
                _ => return Err(place.error(Reason::MissingCloseBracket)),
            }
        };
        self.section = self.expand(name, None, place)?;
        self.check_section(&self.section, place)?;
        self.config.open_section(&self.section, place);
        Ok(())
    }

    /// OpenSSL has no bound; but sections are looked up by name again and again.
    fn check_section(&self, name: &[u8], place: &Place) -> Result<(), Error> {
        if name.len() > LONGEST_SECTION {
            let (what, limit) = ("bytes in a section name", LONGEST_SECTION);
            return Err(place.error(Reason::TooMany { what, limit }));
        }
        Ok(())
    }

    fn assignment(&mut self, text: &[u8], place: &Place) -> Result<(), Error> {
        let (mut name, mut rest) = split_name(text, self.dollar_in_names);
        let mut section = self.section.clone();
        if let Some(behind) = rest.strip_prefix(b"::") {
            section = name.to_vec();
            self.check_section(&section, place)?;
            (name, rest) = split_name(behind, self.dollar_in_names);
        }
        // What OpenSSL compares is the text from the name on, so `.includefoo` is an include, too.
        let behind_name = trim_start(rest);
        let assigned = behind_name.strip_prefix(b"=");
        let directive = |word: &[u8]| {
            let exact = name.len() == word.len() && behind_name.len() == rest.len();
            name.starts_with(word) && (!exact || assigned.is_some())
        };
        if directive(b".pragma") {
            let value = trim_end(assigned.map_or(behind_name, trim_start));
            return self.pragma(value).map_err(|reason| place.error(reason));
        }
        if directive(b".include") {
            let value = trim_end(assigned.map_or(behind_name, trim_start));
            return self.include(value, &section, place);
        }
        let Some(value) = assigned else {
            return Err(place.error(Reason::MissingEquals { found: shown(behind_name) }));
        };
        // Keys count as well, lest a long section name be copied for each of many lines.
        self.grow(section.len() + name.len(), place)?;
        let value = self.expand(trim_end(trim_start(value)), Some(&section), place)?;
        self.config.set(&section, name, value, place);
        Ok(())
    }

    fn pragma(&mut self, text: &[u8]) -> Result<(), Reason> {
        let colon = text.iter().position(|byte| *byte == b':').ok_or(Reason::InvalidPragma)?;
        let (word, value) = text.split_at_checked(colon).ok_or(Reason::InvalidPragma)?;
        let value = value.strip_prefix(b":").unwrap_or(value);
        if word.is_empty() || value.is_empty() {
            return Err(Reason::InvalidPragma);
        }
        let value = trim_start(value);
        let switch = || match value.to_ascii_lowercase().as_slice() {
            b"on" | b"true" => Ok(true),
            b"off" | b"false" => Ok(false),
            _ => Err(Reason::InvalidPragma),
        };
        match trim_end(word) {
            b"dollarid" => self.dollar_in_names = switch()?,
            b"abspath" => self.absolute_only = switch()?,
            b"includedir" => self.include_folder = Some(value.to_vec()),
            // OpenSSL ignores what it does not know, so that older versions read newer files.
            _ => {}
        }
        Ok(())
    }

    fn include(&mut self, text: &[u8], section: &[u8], place: &Place) -> Result<(), Error> {
        let named = self.expand(text, Some(section), place)?;
        let Some(files) = self.options.files.clone() else {
            return Err(place.error(Reason::IncludeNotAllowed));
        };
        let path = self.include_path(named).map_err(|reason| place.error(reason))?;
        let listed = if path.as_os_str().is_empty() {
            Err(io::ErrorKind::NotFound.into())
        } else {
            files.list(&path)
        };
        match listed {
            // OpenSSL passes over a file that is not there; so do we, and remember it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.config.missing.push((place.clone(), path));
                Ok(())
            }
            Err(source) => Err(place.error(Reason::Include { path, source })),
            Ok(None) => self.enter(&path, place),
            Ok(Some(entries)) => {
                if !self.folder.is_empty() {
                    let path = path.display().to_string();
                    return Err(place.error(Reason::NestedFolder { path }));
                }
                let mut entries: Vec<_> = entries.into_iter().filter(|it| is_config(it)).collect();
                // OpenSSL takes them as the folder lists them, which no two machines do alike.
                entries.sort();
                self.folder = entries.into();
                match self.folder.pop_front() {
                    Some(path) => self.enter(&path, place),
                    None => Ok(()),
                }
            }
        }
    }

    /// Relative paths are relative to the working folder (not to the including file), unless
    /// `OPENSSL_CONF_INCLUDE` or `.pragma includedir` names another one.
    fn include_path(&self, named: Vec<u8>) -> Result<PathBuf, Reason> {
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).map_err(|error| Reason::invalid("path", error.as_bytes()))
        };
        let variable = self.options.environment.as_ref();
        let folder = variable.and_then(|lookup| lookup("OPENSSL_CONF_INCLUDE"));
        let named = PathBuf::from(text(named)?);
        let path = match folder.or_else(|| self.include_folder.clone()) {
            Some(folder) if !named.is_absolute() => {
                // Not `join`: an empty name means the folder itself.
                PathBuf::from(format!("{}/{}", text(folder)?, named.display()))
            }
            _ => named,
        };
        if self.absolute_only && !path.is_absolute() {
            return Err(Reason::RelativeInclude { path: path.display().to_string() });
        }
        Ok(path)
    }

    fn enter(&mut self, path: &Path, place: &Place) -> Result<(), Error> {
        if self.parents.len() >= DEEPEST {
            let reason = Reason::TooManyIncludes { limit: DEEPEST, total: MOST_FILES };
            return Err(place.error(reason));
        }
        if let Some(source) = self.open(path, place)? {
            self.parents.push(std::mem::replace(&mut self.current, source));
        }
        Ok(())
    }

    fn open(&mut self, path: &Path, place: &Place) -> Result<Option<Source>, Error> {
        let Some(files) = self.options.files.clone() else { return Ok(None) };
        self.files += 1;
        if self.files > MOST_FILES {
            let reason = Reason::TooManyIncludes { limit: DEEPEST, total: MOST_FILES };
            return Err(place.error(reason));
        }
        let text = files.read(path, self.options.max_bytes).map_err(|source| {
            let path = path.to_path_buf();
            place.error(Reason::Include { path, source })
        })?;
        self.admit(place, text.len())?;
        Ok(Some(Source::new(path.display().to_string().into(), text)))
    }

    fn expand(
        &mut self,
        text: &[u8],
        section: Option<&[u8]>,
        place: &Place,
    ) -> Result<Vec<u8>, Error> {
        // Each look-up counts, too: a variable may be empty, and stand there a million times.
        let looked_up = Cell::new(0);
        let lookup = |section: Option<&[u8]>, name: &[u8]| {
            looked_up.set(looked_up.get() + section.map_or(0, <[u8]>::len) + name.len() + 16);
            self.variable(section, name)
        };
        let value = expand(text, section, self.dollar_in_names, &lookup);
        let value = value.map_err(|reason| place.error(reason))?;
        self.grow(looked_up.get(), place)?;
        self.grow(value.len(), place)?;
        Ok(value)
    }

    fn grow(&mut self, bytes: usize, place: &Place) -> Result<(), Error> {
        self.value_bytes += bytes;
        if self.value_bytes > self.options.max_bytes {
            return Err(place.error(Reason::TooLarge { limit: self.options.max_bytes }));
        }
        Ok(())
    }

    /// The section, then the environment for the section `ENV`, then the default section.
    fn variable(&self, section: Option<&[u8]>, name: &[u8]) -> Result<Option<Vec<u8>>, Reason> {
        if let Some(section) = section {
            if let Some(value) = self.config.own_value(section, name) {
                return Ok(Some(value.bytes().to_vec()));
            }
            if section == b"ENV" {
                let name = String::from_utf8_lossy(name);
                let Some(environment) = &self.options.environment else {
                    return Err(Reason::EnvironmentNotAllowed { name: name.into_owned() });
                };
                if let Some(value) = environment(&name) {
                    return Ok(Some(value));
                }
            }
        }
        Ok(self.config.own_value(b"default", name).map(|value| value.bytes().to_vec()))
    }

    fn admit(&mut self, place: &Place, bytes: usize) -> Result<(), Error> {
        self.input_bytes += bytes;
        if self.input_bytes > self.options.max_bytes {
            return Err(place.error(Reason::TooLarge { limit: self.options.max_bytes }));
        }
        Ok(())
    }
}

/// Whether the line goes on in the next one: it ends with one backslash, and not with two (nor more:
/// OpenSSL looks at two bytes only).
fn continues(line: &[u8]) -> bool {
    line.ends_with(b"\\") && !line.ends_with(b"\\\\")
}

/// `*.cnf` and `*.conf`, with something before the dot, in any case.
fn is_config(path: &Path) -> bool {
    let name = path.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default();
    let name = name.to_ascii_lowercase();
    [&b".cnf"[..], b".conf"]
        .iter()
        .any(|suffix| name.strip_suffix(*suffix).is_some_and(|stem| !stem.is_empty()))
}
