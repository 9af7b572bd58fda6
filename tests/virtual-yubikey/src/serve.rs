//! The card behind a reader, for clients that come over PC/SC.
//!
//! The wire is that of vpcd: frames of a length (two octets, big-endian) and a body. A body of one
//! octet comes from the reader only: 0 power off, 1 power on, 2 reset, 4 for the answer to reset,
//! which is the one that is answered. Any other body is a command APDU, and is answered.

mod conversation;
mod frames;
mod place;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::Device;
use conversation::{End, converse};
use place::{Open, Place, Stream};

/// How long a token is gone that a fault pulled: pcscd looks every 400 ms.
const ABSENCE: Duration = Duration::from_millis(600);

/// Between two attempts to reach the reader.
const PATIENCE: Duration = Duration::from_millis(100);

/// A device in a reader, in a thread of its own. Dropping it pulls the token for good.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    device: Arc<Mutex<Device>>,
    place: Place,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    wanted: Wanted,
    /// What to cut when the token is pulled.
    open: Option<Open>,
    /// Bound already, so that whoever inserted the token knows that it worked.
    bound: Option<std::os::unix::net::UnixListener>,
    /// The thread touches neither link nor card.
    idle: bool,
    absence: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Inserted,
    Pulled,
    Stopped,
}

impl Server {
    /// Listens at a unix socket, to which a reader driver connects. One reader is served at a time.
    ///
    /// A socket that nobody listens at any more is replaced.
    ///
    /// # Errors
    /// The socket cannot be made, or somebody listens there.
    pub fn listen(device: Arc<Mutex<Device>>, socket: impl Into<PathBuf>) -> io::Result<Self> {
        Self::start(device, Place::Socket(socket.into()))
    }

    /// Connects to vpcd, and again whenever it went away.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn connect(device: Arc<Mutex<Device>>, reader: SocketAddr) -> io::Result<Self> {
        Self::start(device, Place::Reader(reader))
    }

    /// The device, for its log, its faults, its card. A client waits meanwhile.
    pub fn device(&self) -> MutexGuard<'_, Device> {
        self.shared.device()
    }

    /// Pulls the token: the link is cut, the card loses its power. Returns when it is done; a
    /// command that is being executed ends first.
    pub fn pull(&self) {
        self.want(Wanted::Pulled);
    }

    /// Puts it back.
    ///
    /// # Errors
    /// The socket cannot be made again.
    pub fn insert(&self) -> io::Result<()> {
        let mut state = self.shared.state();
        if state.wanted == Wanted::Pulled {
            state.bound = self.shared.place.bind()?;
            state.wanted = Wanted::Inserted;
            self.shared.changed.notify_all();
        }
        Ok(())
    }

    /// How long a token is gone that a fault pulled; 600 ms unless told.
    pub fn set_absence(&self, absence: Duration) {
        self.shared.state().absence = absence;
    }

    fn start(device: Arc<Mutex<Device>>, place: Place) -> io::Result<Self> {
        let state = State {
            wanted: Wanted::Inserted,
            open: None,
            bound: place.bind()?,
            idle: false,
            absence: ABSENCE,
        };
        let shared =
            Arc::new(Shared { device, place, state: Mutex::new(state), changed: Condvar::new() });
        let thread = thread::Builder::new().name("virtual-yubikey".into()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.run()
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    fn want(&self, wanted: Wanted) {
        let mut state = self.shared.state();
        state.wanted = wanted;
        if let Some(open) = &state.open {
            open.cut();
        }
        if state.idle {
            // Put in a moment ago, and the thread has not seen it.
            self.shared.come_to_rest(&mut state);
        }
        self.shared.changed.notify_all();
        drop(self.shared.wait_while(state, |state| !state.idle));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.want(Wanted::Stopped);
        if let Some(thread) = self.thread.take() {
            // What it panicked of was printed then.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while<'a>(
        &self,
        state: MutexGuard<'a, State>,
        condition: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        self.changed.wait_while(state, condition).unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of the thread: in the reader, out of it, in again.
    fn run(&self) {
        let _idle = IdleAtTheEnd(self);
        while self.wait_to_be_inserted() {
            self.inserted();
            self.device().power_cycle();
            let mut state = self.state();
            self.come_to_rest(&mut state);
            let absence = state.absence;
            drop(state);
            // Over at once when it was no fault that pulled the token.
            self.pause(absence);
        }
    }

    /// False when there will be no more of it.
    fn wait_to_be_inserted(&self) -> bool {
        let mut state = self.state();
        if state.wanted != Wanted::Inserted {
            self.come_to_rest(&mut state);
            state = self.wait_while(state, |state| state.wanted == Wanted::Pulled);
        }
        state.idle = state.wanted == Wanted::Stopped;
        !state.idle
    }

    /// Leaves nothing to connect to, and says so. Under one lock, so that it is not the socket of
    /// the next insertion that goes.
    fn come_to_rest(&self, state: &mut State) {
        (state.open, state.bound, state.idle) = (None, None, true);
        self.place.clean_up();
        self.changed.notify_all();
    }

    /// From putting the token in to pulling it: one reader after another.
    fn inserted(&self) {
        let mut listener = self.state().bound.take();
        loop {
            match self.place.meet(&mut listener, |open| self.publish(open)) {
                Ok(Some(stream)) => match self.serve(stream) {
                    Ok(End::ReaderGone) => self.device().power_cycle(),
                    Ok(End::Pulled) => return,
                    // A reader that was killed in the middle of a frame is gone as well.
                    Err(_) => self.device().power_cycle(),
                },
                Ok(None) => return,
                Err(_) => {}
            }
            if self.place.reconnects() {
                self.pause(PATIENCE);
            }
            if self.state().wanted != Wanted::Inserted {
                return;
            }
        }
    }

    fn serve(&self, stream: Stream) -> io::Result<End> {
        if !self.publish(stream.open()?) {
            return Ok(End::Pulled);
        }
        converse(stream, &self.device, |time| self.pause(time))
    }

    /// Makes known what to cut. False when the token is to be pulled already.
    fn publish(&self, open: Open) -> bool {
        let mut state = self.state();
        state.open = Some(open);
        state.wanted == Wanted::Inserted
    }

    /// Waits, but not when the token is to be pulled.
    fn pause(&self, time: Duration) {
        let state = self.state();
        let waited =
            self.changed.wait_timeout_while(state, time, |state| state.wanted == Wanted::Inserted);
        drop(waited);
    }
}

/// Lets go of whoever waits for the thread, even when it panics.
struct IdleAtTheEnd<'a>(&'a Shared);

impl Drop for IdleAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.state().idle = true;
        self.0.changed.notify_all();
    }
}
