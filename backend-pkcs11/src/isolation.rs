//! A module in a process of its own, through p11-kit's server: when it crashes, that process dies,
//! and here it is an error like others.
//!
//! p11-kit's client learns where the server is from `P11_KIT_SERVER_ADDRESS`, which has to be in the
//! environment from the start: a program that wants this starts itself anew with that variable.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use signer_core::{Error, Result, Secrets};

use crate::p11_kit;

/// The variable that p11-kit's client reads.
pub const SERVER_ADDRESS: &str = "P11_KIT_SERVER_ADDRESS";
const UNIX: &str = "unix:path=";
/// After this time without anybody connected the server ends by itself: whoever started it may have
/// been killed.
const IDLE_SECONDS: u32 = 10;

/// p11-kit's client talks to one server in a process.
static RUNNING: Mutex<Weak<IsolatedModule>> = Mutex::new(Weak::new());

/// What [`SERVER_ADDRESS`] has to be for a server in this folder, which has to be the user's own and
/// nobody else's: PINs go through the socket in it.
#[must_use]
pub fn server_address(folder: &Path) -> OsString {
    let mut address = OsString::from(UNIX);
    address.push(folder.join("pkcs11.socket"));
    address
}

/// A module that runs in a process of its own. The process ends with this value.
#[derive(Debug)]
pub(crate) struct IsolatedModule {
    module: PathBuf,
    socket: PathBuf,
    server: Mutex<Child>,
}

impl IsolatedModule {
    /// Starts the process, or takes part in the one that runs for this module already.
    pub(crate) fn of(module: &Path, secrets: &Secrets, bound: Duration) -> Result<Arc<Self>> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = running.upgrade() {
            if one.module != module {
                return Err(Error::Unsupported {
                    operation: format!(
                        "isolating {} beside {}",
                        module.display(),
                        one.module.display()
                    ),
                    needs: "one isolated module at a time".into(),
                });
            }
            return Ok(one);
        }
        let socket = socket().ok_or_else(|| Error::Unsupported {
            operation: format!("running {} in a process of its own", module.display()),
            needs: format!("{SERVER_ADDRESS}={UNIX}… in the environment"),
        })?;
        let failed = |source: std::io::Error| Error::Device {
            doing: format!("starting p11-kit's server for {}", module.display()),
            source: Box::new(source),
        };
        let mut command = Command::new("p11-kit");
        command
            .args(["server", "--foreground", "--timeout", &IDLE_SECONDS.to_string(), "--name"])
            .arg(&socket)
            .arg("--provider")
            .arg(module)
            .arg("pkcs11:")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        secrets.hide_from(&mut command);
        lead_group(&mut command);
        let server = Mutex::new(command.spawn().map_err(failed)?);
        let one = Arc::new(Self { module: module.to_owned(), socket, server });
        one.wait(bound).map_err(failed)?;
        *running = Arc::downgrade(&one);
        Ok(one)
    }

    /// Ends the process that runs now, if any: nobody will come back to it.
    pub(crate) fn leave() {
        let running = RUNNING.try_lock().ok().and_then(|running| running.upgrade());
        if let Some(one) = running {
            one.end();
        }
    }

    fn end(&self) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        // All fail only when it has ended already. Its number is its own until it is waited for.
        kill_group(&server);
        let _ = server.kill();
        let _ = server.wait();
        let _ = fs::remove_file(&self.socket);
    }

    /// The module's own file.
    pub(crate) fn module(&self) -> &Path {
        &self.module
    }

    /// The module that stands for it in this process.
    pub(crate) fn client() -> Result<PathBuf> {
        p11_kit::module("p11-kit-client")
    }

    fn wait(&self, bound: Duration) -> std::io::Result<()> {
        let started = Instant::now();
        // The socket is there a moment before it takes anybody, and then p11-kit's client shows no
        // tokens instead of an error.
        while !reachable(&self.socket) {
            let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(status) = server.try_wait()? {
                return Err(std::io::Error::other(format!("it ended with {status}")));
            }
            if started.elapsed() > bound {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            drop(server);
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for IsolatedModule {
    fn drop(&mut self) {
        self.end();
    }
}

/// The server starts another process for whoever connects, and that one runs the module. It would not
/// notice that everybody left while the module hangs, logged in, and so has to be ended with the server.
/// Apart from this process's own group they outlive Ctrl-C, until the module was finalised.
#[cfg(unix)]
fn lead_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn lead_group(_command: &mut Command) {}

#[cfg(unix)]
fn kill_group(server: &Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let number = i32::try_from(server.id()).ok().and_then(Pid::from_raw);
    let _ = number.map(|number| kill_process_group(number, Signal::KILL));
}

#[cfg(not(unix))]
fn kill_group(_server: &Child) {}

#[cfg(unix)]
fn reachable(socket: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket).is_ok()
}

#[cfg(not(unix))]
fn reachable(socket: &Path) -> bool {
    socket.exists()
}

fn socket() -> Option<PathBuf> {
    let address = env::var(SERVER_ADDRESS).ok()?;
    address.strip_prefix(UNIX).filter(|path| path.starts_with('/')).map(PathBuf::from)
}
