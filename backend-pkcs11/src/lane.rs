//! A thread that talks to a module, so that a module which hangs does not take its caller with it.
//!
//! A signature of SoftHSM2 takes 45 microseconds, and waking a sleeping thread takes some of its own.
//! So each side looks for the other for a moment before it goes to sleep, and lets the other have its
//! core meanwhile. On a machine that others keep busy that would hand them the core for milliseconds:
//! as soon as it does, both sides go to sleep at once for a while.

use std::hint;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use crate::fault::Fault;

/// How long a caller looks for its answer before it sleeps.
const CALLER_SPINS: Duration = Duration::from_micros(150);
/// How long an idle thread looks for more work before it sleeps.
const WORKER_SPINS: Duration = Duration::from_micros(60);

/// How often a caller listens for a beat within the bound of a step.
const LISTENS: u32 = 16;

/// How long a thread that has nothing to do may take to end.
const LEAVING: Duration = Duration::from_secs(1);

/// Giving up the core takes longer than this only when somebody else takes it.
const CROWDED: Duration = Duration::from_micros(500);
/// How many calls are made without looking, once that happened.
const CALLS_WITHOUT_LOOKING: u32 = 1024;

/// Calls that are still to be made without looking, of all threads.
static BLIND_CALLS: AtomicU32 = AtomicU32::new(0);

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// A thread with a state of its own, which never leaves it.
#[derive(Debug)]
pub(crate) struct Lane<S> {
    desk: Arc<Desk<S>>,
    /// There until this is dropped.
    worker: Option<JoinHandle<()>>,
    hung: bool,
}

/// Where the next job lies.
struct Desk<S> {
    /// Whether there is one.
    posted: AtomicBool,
    closed: AtomicBool,
    job: Mutex<Option<Job<S>>>,
}

/// By which a long call says that it is still going on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beat(Arc<AtomicU32>);

impl Beat {
    /// Another step is done.
    pub(crate) fn tell(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }
}

impl<S> Desk<S> {
    fn job(&self) -> MutexGuard<'_, Option<Job<S>>> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> std::fmt::Debug for Desk<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("posted", &self.posted).finish_non_exhaustive()
    }
}

impl<S: Default + 'static> Lane<S> {
    /// Starts the thread.
    pub(crate) fn new(name: &str) -> Result<Self, Fault> {
        let desk = Arc::new(Desk {
            posted: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            job: Mutex::default(),
        });
        let theirs = Arc::clone(&desk);
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || theirs.work())
            .map_err(|error| Fault::Nonsense(format!("no thread could be started: {error}")))?;
        Ok(Self { desk, worker: Some(thread), hung: false })
    }

    /// Whether a call never came back.
    pub(crate) fn is_hung(&self) -> bool {
        self.hung
    }

    /// Does one thing on the thread and waits for the answer, for as long as `bound`.
    pub(crate) fn call<R: Send + 'static>(
        &mut self,
        bound: Duration,
        act: impl FnOnce(&mut S) -> R + Send + 'static,
    ) -> Result<R, Fault> {
        let reply = self.post(act)?;
        self.answer(&reply, bound, CALLER_SPINS, &Beat::default())
    }

    /// Does one long thing, for as long as no step of it takes more than `bound`. The caller waits
    /// asleep.
    pub(crate) fn call_long<R: Send + 'static>(
        &mut self,
        bound: Duration,
        act: impl FnOnce(&mut S, &Beat) -> R + Send + 'static,
    ) -> Result<R, Fault> {
        let beat = Beat::default();
        let told = beat.clone();
        let reply = self.post(move |state| act(state, &told))?;
        self.answer(&reply, bound, Duration::ZERO, &beat)
    }

    fn post<R: Send + 'static>(
        &self,
        act: impl FnOnce(&mut S) -> R + Send + 'static,
    ) -> Result<Arc<Reply<R>>, Fault> {
        if self.hung {
            return Err(Fault::Hanging);
        }
        if !looks() {
            // Another thread may do the same at the same time: it is no exact count.
            BLIND_CALLS
                .store(BLIND_CALLS.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
        }
        let reply = Arc::new(Reply { done: AtomicBool::new(false), value: Mutex::new(None) });
        let answering = Answering { reply: Arc::clone(&reply), caller: thread::current() };
        *self.desk.job() = Some(Box::new(move |state| answering.give(act(state))));
        self.desk.posted.store(true, Ordering::Release);
        self.wake();
        Ok(reply)
    }

    fn answer<R>(
        &mut self,
        reply: &Reply<R>,
        bound: Duration,
        spins: Duration,
        beat: &Beat,
    ) -> Result<R, Fault> {
        if !reply.wait(bound, spins, beat) {
            self.hung = true;
            return Err(Fault::Hung(bound));
        }
        let value = reply.value.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.hung = value.is_none();
        value.ok_or(Fault::Ended)
    }
}

impl<S> Lane<S> {
    fn wake(&self) {
        if let Some(worker) = &self.worker {
            worker.thread().unpark();
        }
    }
}

impl<S> Drop for Lane<S> {
    /// Waits for the thread's end: what OpenSSL keeps for each thread is freed then, and a process
    /// that ends meanwhile would free it too.
    fn drop(&mut self) {
        self.desk.closed.store(true, Ordering::Release);
        self.wake();
        let Some(worker) = self.worker.take() else { return };
        let started = Instant::now();
        while !worker.is_finished() {
            if self.hung || started.elapsed() > LEAVING {
                return;
            }
            thread::sleep(Duration::from_micros(20));
        }
        // A panic in it was an answer already.
        let _ = worker.join();
    }
}

impl<S: Default> Desk<S> {
    fn work(&self) {
        let mut state = S::default();
        loop {
            let idle_since = Instant::now();
            while !self.posted.load(Ordering::Acquire) {
                if self.closed.load(Ordering::Acquire) {
                    return;
                }
                if looks() && idle_since.elapsed() < WORKER_SPINS {
                    relax(&self.posted);
                } else {
                    // A job that was posted in between has left a token, and this comes back at once.
                    thread::park();
                }
            }
            self.posted.store(false, Ordering::Relaxed);
            // Not held while it is done.
            let job = self.job().take();
            if let Some(job) = job {
                job(&mut state);
            }
        }
    }
}

struct Reply<R> {
    done: AtomicBool,
    value: Mutex<Option<R>>,
}

impl<R> Reply<R> {
    /// Whether the answer came in time, which begins anew with every beat.
    fn wait(&self, bound: Duration, spins: Duration, beat: &Beat) -> bool {
        let (mut since, mut heard) = (Instant::now(), beat.count());
        loop {
            if self.done.load(Ordering::Acquire) {
                return true;
            }
            let count = beat.count();
            if count != heard {
                (since, heard) = (Instant::now(), count);
            }
            let waited = since.elapsed();
            match bound.checked_sub(waited) {
                // Unless this very thread was held up until now.
                None | Some(Duration::ZERO) if beat.count() == heard => {
                    return self.done.load(Ordering::Acquire);
                }
                None => {}
                Some(_) if looks() && waited < spins => relax(&self.done),
                // Not for the whole time: a beat wakes nobody, and what hangs after it is to be missed
                // soon after its own time.
                Some(left) => thread::park_timeout(left.min(bound / LISTENS)),
            }
        }
    }
}

/// Gives the answer, or on the way out of a panic none: the caller is woken in any case.
struct Answering<R> {
    reply: Arc<Reply<R>>,
    caller: Thread,
}

impl<R> Answering<R> {
    fn give(self, value: R) {
        *self.reply.value.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }
}

impl<R> Drop for Answering<R> {
    fn drop(&mut self) {
        self.reply.done.store(true, Ordering::Release);
        self.caller.unpark();
    }
}

fn looks() -> bool {
    BLIND_CALLS.load(Ordering::Relaxed) == 0
}

/// Looks for the mark a few times, then lets the other side run: it may need this very core.
fn relax(mark: &AtomicBool) {
    for _ in 0..32 {
        if mark.load(Ordering::Relaxed) {
            return;
        }
        hint::spin_loop();
    }
    let started = Instant::now();
    thread::yield_now();
    if started.elapsed() > CROWDED {
        BLIND_CALLS.store(CALLS_WITHOUT_LOOKING, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    #[test]
    fn the_state_stays_with_its_thread() {
        let mut lane: Lane<u32> = Lane::new("test").unwrap();
        for expected in 1..=1000 {
            let count = lane.call(SOON, |count| {
                *count += 1;
                *count
            });
            assert_eq!(count.unwrap(), expected);
        }
        // Long enough for both sides to fall asleep.
        thread::sleep(Duration::from_millis(5));
        assert_eq!(lane.call(SOON, |count| *count).unwrap(), 1000);
    }

    #[test]
    fn a_long_call_may_take_as_long_as_it_takes_while_its_steps_come() {
        const STEP: Duration = Duration::from_secs(2);
        let mut lane: Lane<()> = Lane::new("test").unwrap();
        let steps = lane.call_long(STEP, |(), beat| {
            (0..10).for_each(|_| {
                thread::sleep(STEP / 8);
                beat.tell();
            });
            10
        });
        assert_eq!(steps.unwrap(), 10);
        let started = Instant::now();
        let error = lane.call_long(STEP, |(), beat| {
            beat.tell();
            loop_for_ever()
        });
        assert!(matches!(error, Err(Fault::Hung(_))), "{error:?}");
        assert!(started.elapsed() >= STEP);
        assert!(lane.is_hung());
    }

    #[test]
    fn a_call_that_never_ends_is_given_up_and_nothing_more_is_asked() {
        let mut lane: Lane<()> = Lane::new("test").unwrap();
        let error = lane.call(Duration::from_millis(20), |()| loop_for_ever()).unwrap_err();
        assert!(matches!(error, Fault::Hung(_)), "{error}");
        assert!(lane.is_hung());
        assert!(matches!(lane.call(SOON, |()| 1), Err(Fault::Hanging)));
    }

    #[test]
    fn a_panic_on_the_thread_is_an_answer_too() {
        let mut lane: Lane<()> = Lane::new("test").unwrap();
        let answer = lane.call(SOON, |()| -> u8 { panic!("on purpose") });
        assert!(matches!(answer, Err(Fault::Ended)));
    }

    fn loop_for_ever() -> u8 {
        loop {
            thread::park();
        }
    }
}
