//! What pcscd calls: version 3 of the IFD handler interface (`ifdhandler.h` of pcsc-lite).
//!
//! Each function turns pointers into slices and goes on in safe code. pcscd keeps to this, as the
//! interface says: pointers are good for the time of the call, a length in and out is the room
//! before and the use after, and memory of one call is not touched by another.

#![expect(unsafe_code, reason = "pcscd passes C pointers")]

use std::{
    ffi::{CStr, c_char, c_ulong},
    panic::{AssertUnwindSafe, catch_unwind},
    slice,
};

use crate::table;

/// Protocol header of a command. Passed by value, which matters for the order of arguments.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct IoHeader {
    protocol: c_ulong,
    length: c_ulong,
}

/// `RESPONSECODE`.
type Response = c_ulong;

const SUCCESS: Response = 0;
const ERROR_TAG: Response = 600;
const PROTOCOL_NOT_SUPPORTED: Response = 607;
const ERROR_POWER_ACTION: Response = 608;
const COMMUNICATION_ERROR: Response = 612;
const NOT_SUPPORTED: Response = 614;
const ICC_PRESENT: Response = 615;
const ICC_NOT_PRESENT: Response = 616;
const NO_SUCH_DEVICE: Response = 617;

const POWER_UP: c_ulong = 500;
const POWER_DOWN: c_ulong = 501;
const RESET: c_ulong = 502;

const TAG_ATR: c_ulong = 0x0303;
const TAG_SLOT_THREAD_SAFE: c_ulong = 0x0FAC;
const TAG_THREAD_SAFE: c_ulong = 0x0FAD;
const TAG_SLOTS_NUMBER: c_ulong = 0x0FAE;
const TAG_SIMULTANEOUS_ACCESS: c_ulong = 0x0FAF;

/// `SCARD_PROTOCOL_T1`.
const PROTOCOL_T1: c_ulong = 2;

/// The most readers that one pcscd has (`PCSCLITE_MAX_READERS_CONTEXTS`).
const READERS: u8 = 16;

/// `MAX_ATR_SIZE`.
const ATR_ROOM: usize = 33;

/// Opens a reader.
///
/// # Safety
/// `device_name` is a string that ends in NUL, or null.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn IFDHCreateChannelByName(
    lun: c_ulong,
    device_name: *const c_char,
) -> Response {
    guarded(|| {
        if device_name.is_null() {
            return NO_SUCH_DEVICE;
        }
        // SAFETY: not null, and pcscd passes a C string that outlives the call.
        let name = unsafe { CStr::from_ptr(device_name) };
        match name.to_str() {
            Ok(name) if table::open(lun, name) => SUCCESS,
            _ => NO_SUCH_DEVICE,
        }
    })
}

/// Opens a reader by a number: not offered, since a number names no socket.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn IFDHCreateChannel(_lun: c_ulong, _channel: c_ulong) -> Response {
    NO_SUCH_DEVICE
}

/// Closes a reader.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn IFDHCloseChannel(lun: c_ulong) -> Response {
    guarded(|| if table::close(lun) { SUCCESS } else { NO_SUCH_DEVICE })
}

/// Tells what the driver can do, and the ATR.
///
/// # Safety
/// `length` points to the room behind `value`, in bytes.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn IFDHGetCapabilities(
    lun: c_ulong,
    tag: c_ulong,
    length: *mut c_ulong,
    value: *mut u8,
) -> Response {
    guarded(|| {
        let found = match tag {
            TAG_ATR => table::with(lun, |reader| reader.atr().to_vec()),
            TAG_SLOTS_NUMBER | TAG_THREAD_SAFE => Some(vec![1]),
            // With a single slot there is nothing that this could be about.
            TAG_SLOT_THREAD_SAFE => Some(vec![0]),
            TAG_SIMULTANEOUS_ACCESS => Some(vec![READERS]),
            _ => None,
        };
        let Some(found) = found else { return ERROR_TAG };
        // SAFETY: as this function asks for.
        if unsafe { give(&found, value, length) } { SUCCESS } else { COMMUNICATION_ERROR }
    })
}

/// Sets what nothing here can be set to.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn IFDHSetCapabilities(
    _lun: c_ulong,
    _tag: c_ulong,
    _length: c_ulong,
    _value: *const u8,
) -> Response {
    ERROR_TAG
}

/// Agrees on T=1, the only protocol of a YubiKey.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn IFDHSetProtocolParameters(
    _lun: c_ulong,
    protocol: c_ulong,
    _flags: u8,
    _pts1: u8,
    _pts2: u8,
    _pts3: u8,
) -> Response {
    if protocol == PROTOCOL_T1 { SUCCESS } else { PROTOCOL_NOT_SUPPORTED }
}

/// Switches the card on, off, or off and on.
///
/// # Safety
/// `atr` has room for 33 bytes, `length` can be written.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn IFDHPowerICC(
    lun: c_ulong,
    action: c_ulong,
    atr: *mut u8,
    length: *mut c_ulong,
) -> Response {
    guarded(|| {
        let done = table::with(lun, |reader| match action {
            POWER_UP => reader.power_on().map(<[u8]>::to_vec),
            RESET => reader.reset().map(<[u8]>::to_vec),
            // It may have been pulled, and then has no power either.
            POWER_DOWN => Ok(reader.power_off().map_or_else(|_| Vec::new(), |()| Vec::new())),
            _ => Err(std::io::ErrorKind::Unsupported.into()),
        });
        let answer = match done {
            None => return NO_SUCH_DEVICE,
            Some(Err(_)) => Err(ERROR_POWER_ACTION),
            Some(Ok(atr)) if atr.len() > ATR_ROOM => Err(ERROR_POWER_ACTION),
            Some(Ok(atr)) => Ok(atr),
        };
        let mut room = ATR_ROOM as c_ulong;
        // SAFETY: `atr` has room for `ATR_ROOM` bytes, `length` can be written: the caller's part.
        let given = unsafe {
            let given = give(answer.as_deref().unwrap_or(&[]), atr, &raw mut room);
            if !length.is_null() {
                length.write(room);
            }
            given
        };
        match answer {
            Ok(_) if given => SUCCESS,
            Ok(_) => COMMUNICATION_ERROR,
            Err(error) => error,
        }
    })
}

/// Sends a command to the card and takes its answer.
///
/// # Safety
/// `command` has `command_length` bytes; `length` points to the room behind `answer`, in bytes.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn IFDHTransmitToICC(
    lun: c_ulong,
    _send: IoHeader,
    command: *const u8,
    command_length: c_ulong,
    answer: *mut u8,
    length: *mut c_ulong,
    _receive: *mut IoHeader,
) -> Response {
    guarded(|| {
        let Ok(command_length) = usize::try_from(command_length) else {
            return COMMUNICATION_ERROR;
        };
        if command.is_null() || length.is_null() {
            return COMMUNICATION_ERROR;
        }
        // SAFETY: not null, and as long as the caller says.
        let command = unsafe { slice::from_raw_parts(command, command_length) };
        let Some(done) = table::with(lun, |reader| reader.transmit(command)) else {
            return NO_SUCH_DEVICE;
        };
        let given = match &done {
            // SAFETY: as this function asks for.
            Ok(bytes) => unsafe { give(bytes, answer, length) },
            Err(_) => false,
        };
        if !given {
            // SAFETY: not null, and the caller's to be written.
            unsafe { length.write(0) };
            return COMMUNICATION_ERROR;
        }
        SUCCESS
    })
}

/// Talks to the reader itself, which has nothing to say.
///
/// # Safety
/// `returned` can be written, or is null.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn IFDHControl(
    _lun: c_ulong,
    _code: c_ulong,
    _sent: *const u8,
    _sent_length: c_ulong,
    _answer: *mut u8,
    _room: c_ulong,
    returned: *mut c_ulong,
) -> Response {
    if !returned.is_null() {
        // SAFETY: not null, and the caller's to be written.
        unsafe { returned.write(0) };
    }
    NOT_SUPPORTED
}

/// Tells whether a card is in the slot. Called every 400 ms.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn IFDHICCPresence(lun: c_ulong) -> Response {
    guarded(|| match table::is_present(lun) {
        None => NO_SUCH_DEVICE,
        Some(true) => ICC_PRESENT,
        Some(false) => ICC_NOT_PRESENT,
    })
}

/// A panic must not reach C code, where it would end pcscd and with it all readers.
fn guarded(call: impl FnOnce() -> Response) -> Response {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or(COMMUNICATION_ERROR)
}

/// Copies `bytes` to `to` and writes how many they are to `length`, which says what room there is.
/// Answers whether there was room enough.
///
/// # Safety
/// `length` is null or points to the number of bytes that can be written to `to`.
unsafe fn give(bytes: &[u8], to: *mut u8, length: *mut c_ulong) -> bool {
    if length.is_null() {
        return false;
    }
    // SAFETY: not null, and the caller's to be read.
    let room = usize::try_from(unsafe { length.read() }).unwrap_or(usize::MAX);
    if bytes.len() > room || (to.is_null() && !bytes.is_empty()) {
        return false;
    }
    // SAFETY: there is room for `bytes`, which are ours and so do not overlap.
    unsafe {
        if !bytes.is_empty() {
            to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
        length.write(bytes.len() as c_ulong);
    }
    true
}
