//! One module, loaded and initialised once in this process however often it is opened.
//!
//! Forks: PKCS#11 (section 5.4.1) leaves it to the child of a fork what becomes of a module, and few
//! modules live through one. Nothing here forks. Programs are started by `std::process::Command`, which
//! runs no code of this crate or of a module between fork and exec; a process of its own for a module is
//! started so as well. Should a host of this crate fork by itself, the child sees by the number of its
//! process that the module is not its own, and neither calls nor finalises it ([`Fault::Forked`]).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as Answer, RvError};
use signer_core::{Error, Result, Secrets};

use crate::bounds::Bounds;
use crate::fault::Fault;
use crate::isolation::IsolatedModule;
use crate::lane::Lane;
use crate::module_file;
use crate::raw::RawCalls;

/// The modules of this process, by the path of their file behind all links. What was loaded stays
/// loaded: modules with threads of their own do not survive being unloaded.
static MODULES: Mutex<BTreeMap<PathBuf, Entry>> = Mutex::new(BTreeMap::new());

/// Modules that did not come back from being loaded or initialised.
static LOST: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

#[derive(Debug)]
struct Entry {
    loaded: Loaded,
    /// How many [`Module`] values there are. The last one to go ends the module's work.
    users: usize,
    /// Whether C_Initialize was ours, and so C_Finalize is.
    ours: bool,
    control: Arc<Mutex<Lane<()>>>,
    door: Door,
}

/// The way into a module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Door {
    /// Set once a call did not come back; from then on none is made.
    hung: Arc<AtomicBool>,
    /// How many are inside.
    calls: Arc<AtomicUsize>,
}

impl Door {
    /// Lets a call into the module, which is counted until the value is dropped. Once the process is
    /// being ended nobody gets in any more, nor on: what is let wait here ends with the process.
    pub(crate) fn enter(&self) -> Result<Inside<'_>, Fault> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let inside = Inside(&self.calls);
        if LEAVING.load(Ordering::SeqCst) {
            drop(inside);
            loop {
                thread::park();
            }
        }
        self.usable()?;
        Ok(inside)
    }

    /// Whether calls come back.
    pub(crate) fn usable(&self) -> Result<(), Fault> {
        if self.hung.load(Ordering::Acquire) { Err(Fault::Hanging) } else { Ok(()) }
    }

    fn is_in_use(&self) -> bool {
        self.calls.load(Ordering::SeqCst) > 0
    }
}

/// A call that is under way.
#[derive(Debug)]
pub(crate) struct Inside<'a>(&'a AtomicUsize);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Clone, Debug)]
struct Loaded {
    pkcs11: Pkcs11,
    raw: Option<RawCalls>,
}

/// One user's hold on a module. The module is finalised when the last of them is dropped.
#[derive(Debug)]
pub(crate) struct Module {
    path: PathBuf,
    loaded: Loaded,
    bounds: Bounds,
    /// Calls that need no session go through here, one after the other.
    control: Arc<Mutex<Lane<()>>>,
    door: Door,
    /// A copy of this process, made by fork, has none of the threads and must not touch the module.
    process: u32,
    /// The process that the module really runs in. Dropped last: it ends with that.
    behind: Option<Arc<IsolatedModule>>,
}

impl Module {
    /// Loads and initialises a module, or takes part in one that is open already.
    ///
    /// `path` is the checked file.
    pub(crate) fn open(path: &Path, bounds: Bounds) -> Result<Self> {
        let failed =
            |fault: Fault| fault.doing(format!("loading the PKCS#11 module {}", path.display()));
        let mut modules = registry();
        if let Some(entry) = modules.get_mut(path) {
            if entry.door.usable().is_err() {
                return Err(failed(Fault::Hanging));
            }
            if entry.users == 0 {
                let pkcs11 = entry.loaded.pkcs11.clone();
                let mut control = locked(&entry.control);
                let initialized =
                    control.call(bounds.call, move |()| initialize(&pkcs11)).and_then(|it| it);
                entry.door.hung.store(control.is_hung(), Ordering::Release);
                // One that could not be finalised is initialised already, and still ours.
                entry.ours |= initialized.map_err(failed)?;
            }
            entry.users += 1;
            return Ok(Self::of(path, entry, bounds));
        }
        let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.contains(path) {
            return Err(failed(Fault::Hanging));
        }
        let mut control = Lane::new("pkcs11 module").map_err(failed)?;
        let file = path.to_owned();
        // Loading runs code of the module, so it may hang as well.
        let opened = control.call(bounds.call, move |()| {
            let pkcs11 = Pkcs11::new(&file)?;
            let raw = RawCalls::of(&file)?;
            let ours = initialize(&pkcs11)?;
            Ok::<_, Fault>((Loaded { pkcs11, raw }, ours))
        });
        if control.is_hung() {
            lost.insert(path.to_owned());
        }
        let (loaded, ours) = opened.and_then(|it| it).map_err(failed)?;
        let entry = modules.entry(path.to_owned()).or_insert(Entry {
            loaded,
            users: 1,
            ours,
            control: Arc::new(Mutex::new(control)),
            door: Door::default(),
        });
        Ok(Self::of(path, entry, bounds))
    }

    /// The same for a module in a process of its own.
    pub(crate) fn open_isolated(path: &Path, secrets: &Secrets, bounds: Bounds) -> Result<Self> {
        let client = module_file::checked(&IsolatedModule::client()?)?;
        let behind = IsolatedModule::of(path, secrets, bounds.call)?;
        let mut module = Self::open(&client, bounds)?;
        module.behind = Some(behind);
        Ok(module)
    }

    fn of(path: &Path, entry: &Entry, bounds: Bounds) -> Self {
        Self {
            path: path.to_owned(),
            loaded: entry.loaded.clone(),
            bounds,
            control: Arc::clone(&entry.control),
            door: entry.door.clone(),
            process: process::id(),
            behind: None,
        }
    }

    /// The module's file, wherever it runs.
    pub(crate) fn path(&self) -> &Path {
        self.behind.as_ref().map_or(&self.path, |behind| behind.module())
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    pub(crate) fn pkcs11(&self) -> &Pkcs11 {
        &self.loaded.pkcs11
    }

    /// What the binding cannot call, where the module has functions that everybody shares.
    pub(crate) fn raw(&self) -> Option<RawCalls> {
        self.loaded.raw
    }

    /// Whether the module may be called at all.
    pub(crate) fn usable(&self) -> Result<(), Fault> {
        self.own()?.usable()
    }

    /// Lets a call into the module, as [`Door::enter`] does.
    pub(crate) fn enter(&self) -> Result<Inside<'_>, Fault> {
        self.own()?.enter()
    }

    /// For calls that are made on another thread, each by itself.
    pub(crate) fn door(&self) -> Result<Door, Fault> {
        self.own().cloned()
    }

    /// Nobody goes in but the process that loaded the module.
    fn own(&self) -> Result<&Door, Fault> {
        if process::id() == self.process { Ok(&self.door) } else { Err(Fault::Forked) }
    }

    /// Notes that a call did not come back. Its thread is still inside the module, so nobody else
    /// goes there.
    pub(crate) fn give_up(&self) {
        self.door.hung.store(true, Ordering::Release);
    }

    /// Does something that needs no session.
    pub(crate) fn ask<R: Send + 'static>(
        &self,
        act: impl FnOnce(&Pkcs11) -> Result<R, Answer> + Send + 'static,
    ) -> Result<R, Fault> {
        let _inside = self.enter()?;
        let pkcs11 = self.loaded.pkcs11.clone();
        let mut control = locked(&self.control);
        let answer = control.call(self.bounds.call, move |()| act(&pkcs11));
        if control.is_hung() {
            self.give_up();
        }
        Ok(answer??)
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if process::id() != self.process {
            return;
        }
        // Held to the end, so that nobody opens what is being finalised.
        let mut modules = registry();
        let Some(entry) = modules.get_mut(&self.path) else { return };
        entry.users = entry.users.saturating_sub(1);
        if entry.users > 0 || !entry.ours || self.usable().is_err() {
            return;
        }
        let pkcs11 = self.loaded.pkcs11.clone();
        let mut control = locked(&self.control);
        // Nobody is left who could be told; what was written is on the token already.
        let finalized = control.call(self.bounds.call, move |()| pkcs11.finalize());
        entry.ours = !matches!(finalized, Ok(Ok(())));
        if control.is_hung() {
            self.give_up();
        }
    }
}

/// Set once this process is being ended.
static LEAVING: AtomicBool = AtomicBool::new(false);

/// How long a call that is under way then may take.
const LEAVING_BOUND: Duration = Duration::from_secs(2);

/// Finalises every module that this process has in use, as soon as nobody is inside one; what does
/// not come back within [`LEAVING_BOUND`] is left as it is. No call is made after that.
pub(crate) fn leave() {
    LEAVING.store(true, Ordering::SeqCst);
    let started = Instant::now();
    let waiting = || started.elapsed() < LEAVING_BOUND && pause();
    // Held by somebody who opens or finalises a module: that ends too.
    let mut modules = MODULES.try_lock();
    while modules.is_err() && waiting() {
        modules = MODULES.try_lock();
    }
    let Ok(modules) = modules else { return };
    for entry in modules.values().filter(|entry| entry.users > 0 && entry.ours) {
        while entry.door.is_in_use() && waiting() {}
        let busy = entry.door.is_in_use();
        // From here on no session is closed by anybody either.
        if entry.door.hung.swap(true, Ordering::SeqCst) || busy {
            continue;
        }
        let pkcs11 = entry.loaded.pkcs11.clone();
        if let Ok(mut control) = entry.control.try_lock() {
            // Nobody is left who could be told.
            let _ = control.call(LEAVING_BOUND, move |()| pkcs11.finalize());
        }
    }
}

fn pause() -> bool {
    thread::sleep(Duration::from_millis(1));
    true
}

/// Whether it was us who initialised it.
fn initialize(pkcs11: &Pkcs11) -> Result<bool, Fault> {
    match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) => Ok(true),
        // Another part of this program did: it is used, and left for them to end.
        Err(Answer::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(false),
        Err(other) => Err(other.into()),
    }
}

fn registry() -> MutexGuard<'static, BTreeMap<PathBuf, Entry>> {
    MODULES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn locked(control: &Mutex<Lane<()>>) -> MutexGuard<'_, Lane<()>> {
    control.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        fault.doing("talking to the PKCS#11 module")
    }
}
