//! Memory that holds one secret and nothing else.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use memmap2::MmapMut;
use zeroize::{Zeroize, Zeroizing};

static NOT_LOCKED: AtomicBool = AtomicBool::new(false);

/// Whether the system refused to lock memory for a secret of this process, so that it may have been
/// swapped out.
#[must_use]
pub fn memory_was_not_locked() -> bool {
    NOT_LOCKED.load(Ordering::Relaxed)
}

/// Memory that is wiped when dropped, and as well kept as the system allows.
pub(super) enum Memory {
    /// Pages of its own.
    Pages(MmapMut),
    /// Where the system has no pages to give.
    Heap(Zeroizing<Vec<u8>>),
}

impl Memory {
    /// At least this many octets of zeros.
    pub(super) fn new(least: usize) -> Self {
        Self::locked_by(least, lock)
    }

    fn locked_by(least: usize, lock: impl FnOnce(&MmapMut) -> io::Result<()>) -> Self {
        let Ok(pages) = MmapMut::map_anon(least.max(1)) else {
            NOT_LOCKED.store(true, Ordering::Relaxed);
            return Self::Heap(Zeroizing::new(vec![0; least]));
        };
        if lock(&pages).and_then(|()| keep_here(&pages)).is_err() {
            NOT_LOCKED.store(true, Ordering::Relaxed);
        }
        Self::Pages(pages)
    }

    pub(super) fn octets(&self) -> &[u8] {
        match self {
            Self::Pages(pages) => pages,
            Self::Heap(octets) => octets,
        }
    }

    pub(super) fn octets_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Pages(pages) => pages,
            Self::Heap(octets) => octets,
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.octets_mut().zeroize();
    }
}

#[cfg(unix)]
fn lock(pages: &MmapMut) -> io::Result<()> {
    pages.lock()
}

/// Nothing safe locks memory on Windows; that it is not locked there is no refusal to tell of.
#[cfg(not(unix))]
fn lock(_pages: &MmapMut) -> io::Result<()> {
    Ok(())
}

/// Leaves the pages out of core dumps and of children between fork and exec.
#[cfg(target_os = "linux")]
fn keep_here(pages: &MmapMut) -> io::Result<()> {
    use memmap2::Advice;
    pages.advise(Advice::DontDump)?;
    pages.advise(Advice::DontFork)
}

/// Other systems have no such advice; that the process writes no core is seen to elsewhere.
#[cfg(not(target_os = "linux"))]
fn keep_here(_pages: &MmapMut) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_says_that_the_pages_are_locked_and_not_dumped() {
        let memory = Memory::new(8);
        let address = memory.octets().as_ptr().addr();
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let start = format!("{address:x}-");
        let own = maps.lines().skip_while(|line| !line.starts_with(&start));
        let flags = own.into_iter().find(|line| line.starts_with("VmFlags:")).unwrap();
        for flag in ["lo", "dd", "dc"] {
            assert!(flags.split(' ').any(|it| it == flag), "{flag} is not among {flags}");
        }
    }

    #[test]
    fn memory_that_cannot_be_locked_is_used_and_told_of() {
        let refuse = |_: &MmapMut| Err(io::ErrorKind::OutOfMemory.into());
        let mut memory = Memory::locked_by(6, refuse);
        memory.octets_mut()[..6].copy_from_slice(b"123456");
        assert_eq!(&memory.octets()[..6], b"123456");
        assert!(memory_was_not_locked());
    }

    #[test]
    fn nothing_at_all_can_be_held_too() {
        assert!(Memory::new(0).octets().iter().all(|octet| *octet == 0));
    }
}
