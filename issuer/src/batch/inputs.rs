//! The inputs of a batch: which files, under which names, with which device ids.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::gate;
use crate::output::DeviceFiles;

/// The files of a batch, in order.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The folder that the names are relative to; empty where they are paths of their own.
    folder: PathBuf,
    names: Vec<Box<Path>>,
    device_ids: BTreeMap<Box<str>, Mapped>,
}

/// Inputs that do not make a batch. Nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputsError {
    /// A folder or file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The list of inputs is itself a PEM file.
    #[error("{} is a PEM file, and a list of files is wanted", path.display())]
    PemInsteadOfList {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing to do.
    #[error("{} names no *.csr, *.pem or *.der files", path.display())]
    Nothing {
        /// The folder or list.
        path: PathBuf,
    },
    /// Two inputs would be written to one file.
    #[error("{} and {} would both be written to {output}", one.display(), other.display())]
    SameOutput {
        /// An input.
        one: PathBuf,
        /// Another input.
        other: PathBuf,
        /// The file name that both would get.
        output: String,
    },
    /// The outputs would stand where inputs do.
    #[error("the outputs would be written into the folder of the inputs, {}", folder.display())]
    OutputIsInput {
        /// The folder.
        folder: PathBuf,
    },
    /// An output would replace a file that is not an output.
    #[error("the outputs of {} would replace {}", input.display(), path.display())]
    Replaces {
        /// The input.
        input: PathBuf,
        /// The file.
        path: PathBuf,
    },
    /// An input whose name cannot be kept.
    #[error("the name of {} is not UTF-8", path.display())]
    NotUtf8 {
        /// The input.
        path: PathBuf,
    },
    /// An input whose outputs no file system would take. It would fail after the signature.
    #[error("{output} is too long for a file name; rename {}", path.display())]
    NameTooLong {
        /// The input.
        path: PathBuf,
        /// The longest of its outputs' names.
        output: String,
    },
    /// A row of the map of device ids that cannot be used.
    #[error("row {row} of {}: {reason}", path.display())]
    Map {
        /// The map.
        path: PathBuf,
        /// The row, counted from 1.
        row: u64,
        /// What is wrong.
        reason: String,
    },
}

/// Device ids by input file name, from a CSV file of two columns: file, id.
#[derive(Clone, Debug, Default)]
pub struct DeviceIds {
    path: PathBuf,
    ids: BTreeMap<Box<str>, Mapped>,
}

#[derive(Clone, Debug)]
struct Mapped {
    id: Box<str>,
    row: u64,
}

impl DeviceIds {
    /// Reads a CSV file. A first row of `file,id` is a heading.
    ///
    /// # Errors
    /// [`InputsError::Map`] for rows that have other than two fields, an empty one, or a file or an
    /// id that stands in an earlier row.
    pub fn read(path: &Path) -> Result<Self, InputsError> {
        let bad =
            |row: u64, reason: String| InputsError::Map { path: path.to_owned(), row, reason };
        let text = fs::read(path)
            .map_err(|source| InputsError::Unreadable { path: path.to_owned(), source })?;
        // Spreadsheets put a byte order mark before the first field.
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&text);
        let mut rows = csv::ReaderBuilder::new()
            .has_headers(false)
            .trim(csv::Trim::All)
            .flexible(true)
            .from_reader(text);
        let mut ids = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (row, record) in (1..).zip(rows.records()) {
            let record = record.map_err(|error| bad(row, error.to_string()))?;
            let fields: Vec<&str> = record.iter().collect();
            let (file, id) = match fields.as_slice() {
                ["file", "id"] if row == 1 => continue,
                [file, id] if !file.is_empty() && !id.is_empty() => (*file, *id),
                _ => return Err(bad(row, "a file name and a device id are wanted".into())),
            };
            gate::check_device_id(id).map_err(|refusal| bad(row, refusal.reason))?;
            if !seen.insert(Box::<str>::from(id)) {
                return Err(bad(row, format!("device id {id} stands in an earlier row")));
            }
            if ids.insert(file.into(), Mapped { id: id.into(), row }).is_some() {
                return Err(bad(row, format!("file {file} stands in an earlier row")));
            }
        }
        Ok(Self { path: path.to_owned(), ids })
    }
}

impl Inputs {
    /// The `*.csr`, `*.pem` and `*.der` files of a folder, by name, or the files that a text file
    /// lists, one a line (relative ones from that file's folder).
    ///
    /// # Errors
    /// [`InputsError`]; among others when two inputs would be written to one file.
    pub fn read(source: &Path, device_ids: DeviceIds) -> Result<Self, InputsError> {
        let unreadable = |source_error| InputsError::Unreadable {
            path: source.to_owned(),
            source: source_error,
        };
        let (folder, mut names) = if source.is_dir() {
            (source.to_owned(), list_folder(source).map_err(unreadable)?)
        } else {
            let text = fs::read_to_string(source).map_err(unreadable)?;
            if text.contains("-----BEGIN ") {
                return Err(InputsError::PemInsteadOfList { path: source.to_owned() });
            }
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let names = lines.map(|line| Box::<Path>::from(Path::new(line))).collect();
            (source.parent().unwrap_or(Path::new("")).to_owned(), names)
        };
        if names.is_empty() {
            return Err(InputsError::Nothing { path: source.to_owned() });
        }
        names.shrink_to_fit();
        let inputs = Self { folder, names, device_ids: device_ids.ids };
        inputs.check_names()?;
        inputs.check_map(&device_ids.path)?;
        Ok(inputs)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none; never true.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Checks that nothing will be written where inputs are read, and that no output will replace
    /// one of `spared`: whoever names the requests must not choose which file goes.
    ///
    /// # Errors
    /// [`InputsError::OutputIsInput`], [`InputsError::Replaces`], or a folder that cannot be found.
    pub fn check_output(&self, out: &Path, spared: &[PathBuf]) -> Result<(), InputsError> {
        let out = real(out)?;
        let folders: BTreeSet<PathBuf> = self
            .names
            .iter()
            .map(|name| self.folder.join(name).parent().map(Path::to_owned).unwrap_or_default())
            .collect();
        for folder in folders {
            if real(&folder)? == out {
                return Err(InputsError::OutputIsInput { folder });
            }
        }
        let mut taken: BTreeMap<String, &PathBuf> = BTreeMap::new();
        for path in spared {
            // As it is named, and as what it is a link to: neither may be replaced.
            let folder = real(path.parent().unwrap_or(Path::new("")));
            let named = folder.ok().zip(path.file_name()).map(|(folder, name)| folder.join(name));
            for place in [named, fs::canonicalize(path).ok()].into_iter().flatten() {
                if let (true, Some(name)) = (place.parent() == Some(&*out), place.file_name()) {
                    taken.insert(folded(&name.to_string_lossy()).into_owned(), path);
                }
            }
        }
        if taken.is_empty() {
            return Ok(());
        }
        for index in 0..self.len() {
            for name in DeviceFiles::names(&self.stem(index)) {
                if let Some(path) = taken.get(folded(&name).as_ref()) {
                    let (input, path) = (self.path(index), (*path).clone());
                    return Err(InputsError::Replaces { input, path });
                }
            }
        }
        Ok(())
    }

    /// The path of an input.
    pub(super) fn path(&self, index: usize) -> PathBuf {
        self.names.get(index).map(|name| self.folder.join(name)).unwrap_or_default()
    }

    /// The name of an input without its folder and its ending.
    pub(super) fn stem(&self, index: usize) -> String {
        self.names.get(index).and_then(|name| stem(name)).unwrap_or_default().to_owned()
    }

    /// The device id that the map gives to an input.
    pub(super) fn device_id(&self, index: usize) -> Option<&str> {
        if self.device_ids.is_empty() {
            return None;
        }
        let name = self.names.get(index)?.file_name()?.to_str()?;
        self.device_ids.get(name).map(|mapped| mapped.id.as_ref())
    }

    /// Every output name must be one input's alone.
    fn check_names(&self) -> Result<(), InputsError> {
        let mut stems = Vec::with_capacity(self.names.len());
        for (index, name) in self.names.iter().enumerate() {
            let stem = stem(name).ok_or_else(|| InputsError::NotUtf8 { path: self.path(index) })?;
            let output = format!("{stem}.chain.pem");
            if output.len() > LONGEST_NAME {
                return Err(InputsError::NameTooLong { path: self.path(index), output });
            }
            stems.push((folded(stem), index));
        }
        stems.sort_unstable();
        let same = |one: usize, other: usize, stem: &str| {
            let (one, other) = (self.path(one), self.path(other));
            Err(InputsError::SameOutput { one, other, output: format!("{stem}.pem") })
        };
        for pair in stems.windows(2) {
            if let [(stem, one), (twin, other)] = pair
                && stem == twin
            {
                return same(*one, *other, stem);
            }
        }
        // `a.chain.pem` is both the chain of `a` and the certificate of `a.chain`.
        for (stem, index) in &stems {
            let Some(base) = stem.strip_suffix(".chain") else { continue };
            let found = stems.binary_search_by(|(other, _)| other.as_ref().cmp(base));
            if let Some((_, one)) = found.ok().and_then(|at| stems.get(at)) {
                return same(*one, *index, stem);
            }
        }
        Ok(())
    }

    /// A row for a file that is not there is a mistake that would be found too late.
    fn check_map(&self, path: &Path) -> Result<(), InputsError> {
        if self.device_ids.is_empty() {
            return Ok(());
        }
        let names: BTreeSet<&str> =
            self.names.iter().filter_map(|name| name.file_name()?.to_str()).collect();
        let strange = self.device_ids.iter().filter(|(file, _)| !names.contains(file.as_ref()));
        match strange.min_by_key(|(_, mapped)| mapped.row) {
            None => Ok(()),
            Some((file, mapped)) => Err(InputsError::Map {
                path: path.to_owned(),
                row: mapped.row,
                reason: format!("file {file} is not among the inputs"),
            }),
        }
    }
}

/// The longest file name of common file systems, in octets.
const LONGEST_NAME: usize = 255;

fn real(folder: &Path) -> Result<PathBuf, InputsError> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::canonicalize(folder)
        .map_err(|source| InputsError::Unreadable { path: folder.to_owned(), source })
}

fn list_folder(folder: &Path) -> io::Result<Vec<Box<Path>>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = PathBuf::from(entry.file_name());
        let hidden = name.to_str().is_some_and(|name| name.starts_with('.'));
        let wanted = name.extension().is_some_and(|end| {
            ["csr", "pem", "der"].iter().any(|known| end.eq_ignore_ascii_case(known))
        });
        // A pipe of that name would make the batch wait for ever.
        let readable = fs::metadata(entry.path()).map_or(true, |found| found.is_file());
        if wanted && !hidden && readable {
            names.push(name.into_boxed_path());
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn stem(name: &Path) -> Option<&str> {
    name.file_stem()?.to_str()
}

/// A file name as the file system compares it.
fn folded(name: &str) -> Cow<'_, str> {
    match cfg!(any(windows, target_os = "macos")) {
        true => name.to_lowercase().into(),
        false => name.into(),
    }
}
