//! One private pcscd.

use std::{
    env, fs, io,
    os::{fd::OwnedFd, unix::net::UnixListener},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    Driver, Error, Meeting, ReaderState, client,
    daemon::{self, Daemon},
    warden::Warden,
};

/// A pcscd with readers of its own, that no client meets by chance.
///
/// It is handed its listening socket, as systemd does, so it needs neither the socket that it has
/// compiled in nor root, and any number can run side by side. It sees no USB device: tests must
/// not find a key that somebody uses. When this is dropped, or its process ends in any way, it is
/// stopped.
#[derive(Debug)]
pub struct Pcscd {
    // Dropped from top to bottom: pcscd is stopped, and the warden waited for, before the folder goes.
    daemon: Option<Child>,
    warden: Warden,
    meetings: Vec<Meeting>,
    program: Daemon,
    folder: TempDir,
}

/// What gives pcscd its socket as the first file behind the standard ones, as systemd would.
const ACTIVATE: &str = r#"
exec 3<&0 </dev/null
export LISTEN_FDS=1 LISTEN_PID=$$
exec "$@"
"#;

/// A pcscd with 16 readers is up in a quarter of a second; a loaded machine takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

impl Pcscd {
    /// Prepares one with `readers` readers, 16 at most. It does not run yet: a card that listens
    /// before pcscd looks is found at once, a later one by a poll, up to 400 ms late.
    ///
    /// # Errors
    /// When a program or library is missing.
    pub fn prepare(driver: Driver, readers: usize) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("pcscd-lab-")
            .tempdir()
            .map_err(Error::io("making a folder"))?;
        let at = folder.path();
        let warden = Warden::start(at).map_err(Error::io("starting sh"))?;

        let mut conf = String::new();
        let mut meetings = Vec::new();
        for index in 0..readers {
            let (entry, meeting) = driver.reader(at, index)?;
            conf.push_str(&entry);
            meetings.push(meeting);
        }
        let write = || {
            fs::create_dir(at.join("reader.conf.d"))?;
            fs::write(at.join("reader.conf.d/readers"), conf)?;
            write_shims(&at.join("bin"))
        };
        write().map_err(Error::io("writing the configuration of pcscd"))?;

        let program = daemon::tame(at)?;
        Ok(Self { daemon: None, warden, meetings, program, folder })
    }

    /// Where the cards go, one place for each reader.
    pub fn meetings(&self) -> &[Meeting] {
        &self.meetings
    }

    /// The folder of this lab, for what else has to go when it goes.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command whose PC/SC clients, if it is one or starts one, come to this pcscd. It does not
    /// find `pkill`: ykman kills other programs by name where it cannot have a card for itself.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.envs(self.environment());
        command
    }

    /// What [`command`](Self::command) adds to the environment: names and values.
    pub fn environment(&self) -> [(&'static str, std::ffi::OsString); 2] {
        let mut path = self.folder().join("bin").into_os_string();
        if let Some(rest) = env::var_os("PATH") {
            path.push(":");
            path.push(rest);
        }
        [("PCSCLITE_CSOCK_NAME", self.socket().into_os_string()), ("PATH", path)]
    }

    /// The readers that clients see now, and the cards in them.
    ///
    /// # Errors
    /// When pcscd does not answer.
    pub fn readers(&self) -> Result<Vec<ReaderState>, Error> {
        client::readers(&self.socket()).map_err(Error::io("asking pcscd for its readers"))
    }

    /// Waits until the first slot of each reader has a card or has none, as `cards` says.
    ///
    /// # Errors
    /// When that does not come within half a minute, or pcscd has ended.
    pub fn wait_for_cards(&mut self, cards: &[bool]) -> Result<(), Error> {
        self.wait(|readers| {
            // vpcd's second slots are named `… 01`.
            let slots = readers.iter().filter(|reader| reader.name.ends_with(" 00"));
            slots.map(|reader| !reader.atr.is_empty()).eq(cards.iter().copied())
        })
    }

    /// Starts it; where it runs, it is killed first, and clients lose their contexts.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(&mut self) -> Result<(), Error> {
        self.kill();
        let socket = self.socket();
        // Not kept here: where no pcscd is left, a client shall be refused rather than wait.
        let listener = UnixListener::bind(&socket).map_err(Error::io("listening for pcscd"))?;
        let log = fs::File::options().create(true).append(true).open(self.log());
        let (log, errors) = log
            .and_then(|log| Ok((log.try_clone()?, log)))
            .map_err(Error::io("opening the log of pcscd"))?;

        let mut command = self.warden.command("sh");
        command
            .args(["-c", ACTIVATE, "sh"])
            .arg(&self.program.path)
            .args(&self.program.options)
            .args(["--foreground", "--info", "--config"])
            .arg(self.folder().join("reader.conf.d"))
            .stdin(OwnedFd::from(listener))
            .stdout(log)
            .stderr(errors);
        if env::var_os("PCSCD_LAB_DEBUG").is_some() {
            command.args(["--debug", "--apdu"]);
        }
        self.daemon = Some(command.spawn().map_err(Error::io("starting pcscd"))?);

        let readers = self.meetings.len();
        self.wait(|found| {
            found.iter().filter(|reader| reader.name.ends_with(" 00")).count() == readers
        })
    }

    /// Kills it. Clients find no service from now on, until it is started again.
    pub fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            // It is a child that nobody has waited for: the number is still its own.
            drop(daemon.kill());
            drop(daemon.wait());
            drop(self.warden.release(&daemon));
        }
        drop(fs::remove_file(self.socket()));
    }

    /// What it has said so far. With `PCSCD_LAB_DEBUG` in the environment that is everything it
    /// does, each APDU included, and so each PIN.
    pub fn log(&self) -> PathBuf {
        self.folder().join("pcscd.log")
    }

    /// The same as [`command`](Self::command), for one that is killed when this process ends in a
    /// way that leaves it no time. Where there is no such program, it ends with 127.
    pub fn guarded_command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.warden.command(program);
        command.envs(self.environment());
        command
    }

    /// `child`, of a [guarded command](Self::guarded_command), has ended and was waited for.
    ///
    /// # Errors
    /// When what would have killed it is gone.
    pub fn release(&mut self, child: &Child) -> Result<(), Error> {
        self.warden.release(child).map_err(Error::io("telling the warden"))
    }

    fn socket(&self) -> PathBuf {
        self.folder().join("pcscd.comm")
    }

    fn wait(&mut self, until: impl Fn(&[ReaderState]) -> bool) -> Result<(), Error> {
        let end = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(daemon) = &mut self.daemon
                && let Ok(Some(status)) = daemon.try_wait()
            {
                return Err(self.failed(format!("ended with {status}")));
            }
            let found = self.readers();
            match &found {
                Ok(readers) if until(readers) => return Ok(()),
                _ if Instant::now() < end => {}
                Ok(readers) => {
                    let what = format!("does not have the cards it should have: {readers:?}");
                    return Err(self.failed(what));
                }
                Err(error) => return Err(self.failed(format!("does not answer ({error:?})"))),
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    fn failed(&self, what: String) -> Error {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n");
        Error::Pcscd { what, log: end }
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Programs that stand before those of their name. `pkill` finds nothing to kill.
fn write_shims(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    fs::create_dir(folder)?;
    let pkill = folder.join("pkill");
    fs::write(&pkill, "#!/bin/sh\nexit 1\n")?;
    fs::set_permissions(pkill, fs::Permissions::from_mode(0o755))
}
