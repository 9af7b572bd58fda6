//! What reading a config may touch: other files, and the environment.

use std::{
    ffi::OsStr,
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The files that `.include` may name.
pub trait Files: Send + Sync {
    /// The whole file, or the first `limit + 1` bytes of a longer one.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] where there is no such file; any other kind is told to the user.
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>>;

    /// The files of a folder, or `None` where the path is no folder.
    ///
    /// # Errors
    /// As [`Files::read`].
    fn list(&self, path: &Path) -> io::Result<Option<Vec<PathBuf>>>;
}

/// How an environment variable is looked up.
pub type Environment = dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync;

/// What a config may reach while it is read, and how large it may grow.
///
/// A config that an operator names may use `.include` and `$ENV::NAME` ([`Options::operator`]); a text
/// from anywhere else may not ([`Options::closed`]): either would let it read the machine's secrets.
#[derive(Clone)]
pub struct Options {
    pub(super) files: Option<Arc<dyn Files>>,
    pub(super) environment: Option<Arc<Environment>>,
    pub(super) max_bytes: usize,
}

impl Options {
    /// For text that no operator named: includes and environment variables are errors.
    #[must_use]
    pub fn closed() -> Self {
        Self { files: None, environment: None, max_bytes: 4 << 20 }
    }

    /// For a file that the operator named: includes come from the file system, variables from the
    /// process environment.
    #[must_use]
    pub fn operator() -> Self {
        Self::closed().with_files(Arc::new(FileSystem)).with_environment(Arc::new(process_variable))
    }

    /// Allows `.include`, with the files coming from here.
    #[must_use]
    pub fn with_files(mut self, files: Arc<dyn Files>) -> Self {
        self.files = Some(files);
        self
    }

    /// Allows `$ENV::NAME`, with the values coming from here.
    #[must_use]
    pub fn with_environment(mut self, environment: Arc<Environment>) -> Self {
        self.environment = Some(environment);
        self
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("includes", &self.files.is_some())
            .field("environment", &self.environment.is_some())
            .field("max_bytes", &self.max_bytes)
            .finish()
    }
}

/// The real file system.
#[derive(Clone, Copy, Debug)]
pub struct FileSystem;

impl Files for FileSystem {
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        File::open(path)?.take(bound).read_to_end(&mut text)?;
        Ok(text)
    }

    fn list(&self, path: &Path) -> io::Result<Option<Vec<PathBuf>>> {
        if !path.metadata()?.is_dir() {
            return Ok(None);
        }
        let entries = path.read_dir()?.map(|entry| Ok(entry?.path()));
        entries.collect::<io::Result<_>>().map(Some)
    }
}

fn process_variable(name: &str) -> Option<Vec<u8>> {
    // `var_os` panics on none of these on current platforms, but its contract allows it to.
    if name.is_empty() || name.contains(['=', '\0']) {
        return None;
    }
    std::env::var_os(OsStr::new(name)).map(|value| value.as_encoded_bytes().to_vec())
}
