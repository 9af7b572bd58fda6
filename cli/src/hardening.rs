//! Keeping this process's memory to itself, before the first secret is read.

use std::io;

/// Switches core dumps off and forbids other processes of the same user to read the memory.
///
/// # Errors
/// What the system said; secrets may then end in a core dump.
#[cfg(unix)]
pub(crate) fn keep_memory_private() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    not_dumpable()
}

/// Windows writes a crash dump only where an administrator has set that up.
#[cfg(not(unix))]
pub(crate) fn keep_memory_private() -> io::Result<()> {
    Ok(())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn not_dumpable() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Elsewhere the limit on core files is all there is.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn not_dumpable() -> io::Result<()> {
    Ok(())
}
