//! The readers of one pcscd. It loads a library once, for all readers that name it.

use std::{
    collections::BTreeMap,
    ffi::c_ulong,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
};

use crate::reader::Reader;

/// All readers, by the whole number that pcscd gave them.
static READERS: Mutex<BTreeMap<c_ulong, Arc<Mutex<Reader>>>> = Mutex::new(BTreeMap::new());

/// Adds a reader for what `reader.conf` calls DEVICENAME; answers whether it names a socket.
pub(crate) fn open(reader: c_ulong, device_name: &str) -> bool {
    let Some((_, socket)) = device_name.split_once(':') else { return false };
    let opened = Arc::new(Mutex::new(Reader::new(PathBuf::from(socket))));
    readers().insert(reader, opened);
    true
}

/// Forgets a reader; answers whether there was one.
pub(crate) fn close(reader: c_ulong) -> bool {
    readers().remove(&reader).is_some()
}

/// Uses a reader, as soon as nobody else does.
pub(crate) fn with<T>(reader: c_ulong, use_it: impl FnOnce(&mut Reader) -> T) -> Option<T> {
    let reader = readers().get(&reader).map(Arc::clone)?;
    Some(use_it(&mut reader.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// Whether a reader has a card. One that is busy has: the poll of pcscd must not wait for it.
pub(crate) fn is_present(reader: c_ulong) -> Option<bool> {
    let reader = readers().get(&reader).map(Arc::clone)?;
    let present = match reader.try_lock() {
        Ok(mut reader) => reader.is_present(),
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Poisoned(reader)) => reader.into_inner().is_present(),
    };
    Some(present)
}

fn readers() -> MutexGuard<'static, BTreeMap<c_ulong, Arc<Mutex<Reader>>>> {
    READERS.lock().unwrap_or_else(PoisonError::into_inner)
}
