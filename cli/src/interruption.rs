//! Ctrl-C and SIGTERM: terminal and devices are left in order, and then the signal does what it always
//! does.
//!
//! What was being done is cut off where it stands, as by any other end: files are whole or absent, and
//! the next run closes the ledger's intents.

use signer_core::Registry;

/// Does something, and leaves the devices of `registry` before a signal ends this process meanwhile.
#[cfg(unix)]
pub(crate) fn watched<T>(registry: &Registry, work: impl FnOnce() -> T) -> T {
    use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::{Handle, Signals};
    use signal_hook::low_level::emulate_default_handler;

    /// Ends the watch, on the way out of a panic too.
    struct Watch(Handle);
    impl Drop for Watch {
        fn drop(&mut self) {
            self.0.close();
        }
    }

    let wanted = [SIGINT, SIGQUIT, SIGTERM].into_iter().filter(|signal| !is_ignored(*signal));
    // Where it cannot be watched for, the signal ends the process at once.
    let Ok(mut signals) = Signals::new(wanted) else { return work() };
    std::thread::scope(|scope| {
        let _watch = Watch(signals.handle());
        scope.spawn(move || {
            for signal in signals.forever() {
                // First, since a device may take its time.
                crate::prompt::terminal::restore();
                registry.leave();
                drop(crate::isolation::Isolated::entered());
                // Does not come back for these.
                let _ = emulate_default_handler(signal);
            }
        });
        work()
    })
}

/// Elsewhere a program is simply ended.
#[cfg(not(unix))]
pub(crate) fn watched<T>(_registry: &Registry, work: impl FnOnce() -> T) -> T {
    work()
}

/// Whether this process was started with the signal ignored, as a shell does it with SIGINT for
/// what it runs in the background: that stays so.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}
