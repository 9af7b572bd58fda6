//! The C functions of the module.

// The standard's own names for its functions and types.
#![expect(non_snake_case, reason = "the names are the standard's")]

use std::env;
use std::ffi::c_void;
use std::sync::OnceLock;

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BBOOL, CK_BYTE, CK_FLAGS, CK_FUNCTION_LIST, CK_INFO, CK_MECHANISM,
    CK_MECHANISM_INFO, CK_MECHANISM_TYPE, CK_NOTIFY, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE,
    CK_SESSION_INFO, CK_SLOT_ID, CK_SLOT_INFO, CK_TOKEN_INFO, CK_ULONG, CK_USER_TYPE, CK_UTF8CHAR,
    CKR_ARGUMENTS_BAD, CKR_FUNCTION_NOT_SUPPORTED, CKR_GENERAL_ERROR, CKR_OK, CKU_SO,
};

use crate::rules::{Deed, called, entered, flags, told};

/// The module behind this one; the same with a PIN pad before it; and this one's own list: the same
/// again but for what is intercepted.
struct Lists {
    real: CK_FUNCTION_LIST,
    with_pad: CK_FUNCTION_LIST,
    own: CK_FUNCTION_LIST,
}

static LISTS: OnceLock<Option<Lists>> = OnceLock::new();

fn lists() -> Option<&'static Lists> {
    LISTS.get_or_init(load).as_ref()
}

/// Loads the module behind this one, once.
fn load() -> Option<Lists> {
    let path = env::var_os("PKCS11_SHIM_MODULE")?;
    // SAFETY: loading runs the constructors of a module that the test has named.
    let library = unsafe { cryptoki_sys::Pkcs11::new(path) }.ok()?;
    if library.C_GetFunctionList.is_err() {
        return None;
    }
    let mut list: *mut CK_FUNCTION_LIST = std::ptr::null_mut();
    // SAFETY: the symbol is there and has this signature by the standard; `list` is a valid place for
    // the pointer that it writes.
    let answer = unsafe { library.C_GetFunctionList(&raw mut list) };
    if answer != CKR_OK {
        return None;
    }
    // SAFETY: after CKR_OK it is null, which `as_ref` sees, or the module's own static list.
    let real = *unsafe { list.as_ref() }?;
    // It stays loaded as long as this process lives, and so do the pointers into it.
    std::mem::forget(library);
    Some(Lists { real, with_pad: padded(real), own: intercepted(real) })
}

/// The list of this module.
///
/// # Safety
/// `list` is null or a valid place for a pointer, as the standard asks of every caller.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    let Some(lists) = lists() else { return CKR_GENERAL_ERROR };
    // SAFETY: by the contract of this function; nobody writes through the pointer that is handed out,
    // for the standard makes the list the module's own.
    match unsafe { list.as_mut() } {
        None => CKR_ARGUMENTS_BAD,
        Some(place) => {
            *place = (&raw const lists.own).cast_mut();
            CKR_OK
        }
    }
}

macro_rules! intercept {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {
        $(unsafe extern "C" fn $name($($argument: $type),*) -> CK_RV {
            let forward = || match lists().and_then(|lists| lists.with_pad.$name) {
                // SAFETY: the arguments are the caller's, who made them for this very function.
                Some(function) => unsafe { function($($argument),*) },
                None => CKR_FUNCTION_NOT_SUPPORTED,
            };
            match called(stringify!($name), &note(stringify!($name), &[$(Noted::from($argument)),*])) {
                Deed::Answer(code) => code,
                Deed::AnswerAfter(code) => {
                    forward();
                    code
                }
                _ => forward(),
            }
        })*

        fn intercepted(real: CK_FUNCTION_LIST) -> CK_FUNCTION_LIST {
            CK_FUNCTION_LIST {
                C_GetFunctionList: Some(C_GetFunctionList),
                C_GetTokenInfo: Some(token_info),
                $($name: Some($name),)*
                ..real
            }
        }
    };
}

intercept! {
    C_Initialize(a: *mut c_void);
    C_Finalize(a: *mut c_void);
    C_GetInfo(a: *mut CK_INFO);
    C_GetSlotList(a: CK_BBOOL, b: *mut CK_SLOT_ID, c: *mut CK_ULONG);
    C_GetSlotInfo(a: CK_SLOT_ID, b: *mut CK_SLOT_INFO);
    C_GetMechanismList(a: CK_SLOT_ID, b: *mut CK_MECHANISM_TYPE, c: *mut CK_ULONG);
    C_GetMechanismInfo(a: CK_SLOT_ID, b: CK_MECHANISM_TYPE, c: *mut CK_MECHANISM_INFO);
    C_InitToken(a: CK_SLOT_ID, b: *mut CK_UTF8CHAR, c: CK_ULONG, d: *mut CK_UTF8CHAR);
    C_InitPIN(a: CK_SESSION_HANDLE, b: *mut CK_UTF8CHAR, c: CK_ULONG);
    C_SetPIN(a: CK_SESSION_HANDLE, b: *mut CK_UTF8CHAR, c: CK_ULONG, d: *mut CK_UTF8CHAR, e: CK_ULONG);
    C_OpenSession(a: CK_SLOT_ID, b: CK_FLAGS, c: *mut c_void, d: CK_NOTIFY, e: *mut CK_SESSION_HANDLE);
    C_CloseSession(a: CK_SESSION_HANDLE);
    C_CloseAllSessions(a: CK_SLOT_ID);
    C_GetSessionInfo(a: CK_SESSION_HANDLE, b: *mut CK_SESSION_INFO);
    C_Login(a: CK_SESSION_HANDLE, b: CK_USER_TYPE, c: *mut CK_UTF8CHAR, d: CK_ULONG);
    C_Logout(a: CK_SESSION_HANDLE);
    C_CreateObject(a: CK_SESSION_HANDLE, b: *mut CK_ATTRIBUTE, c: CK_ULONG, d: *mut CK_OBJECT_HANDLE);
    C_CopyObject(a: CK_SESSION_HANDLE, b: CK_OBJECT_HANDLE, c: *mut CK_ATTRIBUTE, d: CK_ULONG, e: *mut CK_OBJECT_HANDLE);
    C_DestroyObject(a: CK_SESSION_HANDLE, b: CK_OBJECT_HANDLE);
    C_GetAttributeValue(a: CK_SESSION_HANDLE, b: CK_OBJECT_HANDLE, c: *mut CK_ATTRIBUTE, d: CK_ULONG);
    C_SetAttributeValue(a: CK_SESSION_HANDLE, b: CK_OBJECT_HANDLE, c: *mut CK_ATTRIBUTE, d: CK_ULONG);
    C_FindObjectsInit(a: CK_SESSION_HANDLE, b: *mut CK_ATTRIBUTE, c: CK_ULONG);
    C_FindObjects(a: CK_SESSION_HANDLE, b: *mut CK_OBJECT_HANDLE, c: CK_ULONG, d: *mut CK_ULONG);
    C_FindObjectsFinal(a: CK_SESSION_HANDLE);
    C_SignInit(a: CK_SESSION_HANDLE, b: *mut CK_MECHANISM, c: CK_OBJECT_HANDLE);
    C_Sign(a: CK_SESSION_HANDLE, b: *mut CK_BYTE, c: CK_ULONG, d: *mut CK_BYTE, e: *mut CK_ULONG);
    C_GenerateKeyPair(a: CK_SESSION_HANDLE, b: *mut CK_MECHANISM, c: *mut CK_ATTRIBUTE, d: CK_ULONG, e: *mut CK_ATTRIBUTE, f: CK_ULONG, g: *mut CK_OBJECT_HANDLE, h: *mut CK_OBJECT_HANDLE);
    C_GenerateRandom(a: CK_SESSION_HANDLE, b: *mut CK_BYTE, c: CK_ULONG);
}

unsafe extern "C" fn token_info(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO) -> CK_RV {
    match called("C_GetTokenInfo", "") {
        Deed::Answer(code) | Deed::AnswerAfter(code) => return code,
        _ => (),
    }
    let Some(function) = lists().and_then(|lists| lists.real.C_GetTokenInfo) else {
        return CKR_FUNCTION_NOT_SUPPORTED;
    };
    // SAFETY: the arguments are the caller's, who made them for this very function.
    let answer = unsafe { function(slot, info) };
    // SAFETY: a caller hands in null, which `as_mut` sees, or a valid place, as the standard asks.
    if let (CKR_OK, Some(info)) = (answer, unsafe { info.as_mut() }) {
        info.flags = flags(info.flags);
    }
    answer
}

/// The list with the PIN pad's three functions in it, and those that say what cannot be.
fn padded(real: CK_FUNCTION_LIST) -> CK_FUNCTION_LIST {
    CK_FUNCTION_LIST {
        C_Login: Some(pad_login),
        C_SetPIN: Some(pad_set_pin),
        C_InitPIN: Some(pad_init_pin),
        C_GetAttributeValue: Some(attribute_value),
        C_FindObjects: Some(find_objects),
        ..real
    }
}

/// What somebody enters at the pad where the caller hands in nothing: at which place, and how long.
struct Typed(Option<Vec<u8>>, *mut CK_UTF8CHAR, CK_ULONG);

impl Typed {
    fn instead_of(pin: *mut CK_UTF8CHAR, length: CK_ULONG, which: &str) -> Self {
        match pin.is_null().then(|| entered(which)).flatten() {
            Some(mut octets) => {
                let (place, length) = (octets.as_mut_ptr(), octets.len() as CK_ULONG);
                Self(Some(octets), place, length)
            }
            None => Self(None, pin, length),
        }
    }
}

unsafe extern "C" fn pad_login(
    session: CK_SESSION_HANDLE,
    user: CK_USER_TYPE,
    pin: *mut CK_UTF8CHAR,
    length: CK_ULONG,
) -> CK_RV {
    let which = if user == CKU_SO { "so" } else { "user" };
    let Typed(_octets, pin, length) = Typed::instead_of(pin, length, which);
    match lists().and_then(|lists| lists.real.C_Login) {
        // SAFETY: the arguments are the caller's, or octets that live until the call returns.
        Some(function) => unsafe { function(session, user, pin, length) },
        None => CKR_FUNCTION_NOT_SUPPORTED,
    }
}

unsafe extern "C" fn pad_set_pin(
    session: CK_SESSION_HANDLE,
    old: *mut CK_UTF8CHAR,
    old_length: CK_ULONG,
    new: *mut CK_UTF8CHAR,
    new_length: CK_ULONG,
) -> CK_RV {
    let Typed(_old, old, old_length) = Typed::instead_of(old, old_length, "old");
    let Typed(_new, new, new_length) = Typed::instead_of(new, new_length, "new");
    match lists().and_then(|lists| lists.real.C_SetPIN) {
        // SAFETY: as for `pad_login`.
        Some(function) => unsafe { function(session, old, old_length, new, new_length) },
        None => CKR_FUNCTION_NOT_SUPPORTED,
    }
}

unsafe extern "C" fn pad_init_pin(
    session: CK_SESSION_HANDLE,
    pin: *mut CK_UTF8CHAR,
    length: CK_ULONG,
) -> CK_RV {
    let Typed(_octets, pin, length) = Typed::instead_of(pin, length, "new");
    match lists().and_then(|lists| lists.real.C_InitPIN) {
        // SAFETY: as for `pad_login`.
        Some(function) => unsafe { function(session, pin, length) },
        None => CKR_FUNCTION_NOT_SUPPORTED,
    }
}

unsafe extern "C" fn attribute_value(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> CK_RV {
    let Some(function) = lists().and_then(|lists| lists.real.C_GetAttributeValue) else {
        return CKR_FUNCTION_NOT_SUPPORTED;
    };
    // SAFETY: the arguments are the caller's, who made them for this very function.
    let answer = unsafe { function(session, object, template, count) };
    if let (CKR_OK, Some(length)) = (answer, told("lengths")) {
        for index in 0..usize::try_from(count).unwrap_or(0) {
            // SAFETY: after CKR_OK there are `count` attributes at `template`.
            let attribute = unsafe { &mut *template.add(index) };
            if attribute.pValue.is_null() {
                attribute.ulValueLen = length;
            }
        }
    }
    answer
}

unsafe extern "C" fn find_objects(
    session: CK_SESSION_HANDLE,
    handles: *mut CK_OBJECT_HANDLE,
    most: CK_ULONG,
    count: *mut CK_ULONG,
) -> CK_RV {
    let Some(handle) = told("endless") else {
        return match lists().and_then(|lists| lists.real.C_FindObjects) {
            // SAFETY: as for `attribute_value`.
            Some(function) => unsafe { function(session, handles, most, count) },
            None => CKR_FUNCTION_NOT_SUPPORTED,
        };
    };
    for index in 0..usize::try_from(most).unwrap_or(0) {
        // SAFETY: the caller has room for `most` handles, as the standard asks.
        unsafe { *handles.add(index) = handle };
    }
    // SAFETY: the caller has a place for the number of them.
    unsafe { *count = most };
    CKR_OK
}

/// What the log tells of an argument: of a pointer, whether there is one.
enum Noted {
    Number(u64),
    Null,
    Other,
}

impl From<u64> for Noted {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u8> for Noted {
    fn from(number: u8) -> Self {
        Self::Number(number.into())
    }
}

impl<T> From<*mut T> for Noted {
    fn from(pointer: *mut T) -> Self {
        if pointer.is_null() { Self::Null } else { Self::Other }
    }
}

impl<T> From<Option<T>> for Noted {
    fn from(callback: Option<T>) -> Self {
        if callback.is_none() { Self::Null } else { Self::Other }
    }
}

/// A word about who logs in, with what. Never the PIN itself.
fn note(function: &str, arguments: &[Noted]) -> String {
    match (function, arguments) {
        ("C_Login", [_, Noted::Number(user), Noted::Null, ..]) => format!("user {user} null"),
        ("C_Login", [_, Noted::Number(user), ..]) => format!("user {user}"),
        ("C_SetPIN", [_, Noted::Null, _, Noted::Null, _]) | ("C_InitPIN", [_, Noted::Null, _]) => {
            "null".into()
        }
        ("C_Sign", [.., Noted::Null, _]) => "length".into(),
        _ => String::new(),
    }
}
