//! The one module with `unsafe` in it: what the binding cannot call.
//!
//! Signing in one part, with a login in between. A key with `CKA_ALWAYS_AUTHENTICATE` wants `C_Login(CKU_CONTEXT_SPECIFIC)` after `C_SignInit` and
//! right before `C_Sign` (PKCS#11 3.1 section 5.6.7). The binding's `Session::sign` makes both in
//! one go, and its multi-part calls do not work with mechanisms that take a finished hash.
//!
//! Setting a PIN that is entered at the token's own PIN pad. `C_SetPIN` and `C_InitPIN` are given null
//! for it (sections 5.5.8 and 5.5.9), and the binding always gives a PIN.
//!
//! So these functions are called here, by pointers out of the module's own function list.

use std::path::Path;
use std::ptr;

use cryptoki::context::Function;
use cryptoki::error::{Rv, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki_sys::{
    CK_FUNCTION_LIST_PTR, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG, CK_UTF8CHAR,
    CKR_OK,
};

use crate::fault::Fault;

type SignInit =
    unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE) -> CK_ULONG;
type Sign =
    unsafe extern "C" fn(CK_SESSION_HANDLE, *mut u8, CK_ULONG, *mut u8, *mut CK_ULONG) -> CK_ULONG;

type SetPin = unsafe extern "C" fn(
    CK_SESSION_HANDLE,
    *mut CK_UTF8CHAR,
    CK_ULONG,
    *mut CK_UTF8CHAR,
    CK_ULONG,
) -> CK_ULONG;
type InitPin = unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_UTF8CHAR, CK_ULONG) -> CK_ULONG;

/// No signature is longer: RSA with 4096 bits makes 512 octets.
const ROOM: usize = 1024;

/// Functions of one loaded module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawCalls {
    sign_init: SignInit,
    sign: Sign,
    set_pin: SetPin,
    init_pin: InitPin,
}

impl RawCalls {
    /// Takes the functions out of a module that is loaded already; this holds it loaded until
    /// the process ends. Nothing where every caller gets a module of its own, as p11-kit's proxy and
    /// its client have it: these functions would not know the binding's sessions.
    pub(crate) fn of(module: &Path) -> Result<Option<Self>, Fault> {
        let library = {
            // SAFETY: loading runs the library's constructors. This file is loaded already, by the
            // same path, so the loader hands out the same library again and runs nothing.
            let loaded = unsafe { cryptoki_sys::Pkcs11::new(module) };
            loaded.map_err(|error| Fault::Binding(error.into()))?
        };
        if library.C_GetFunctionList.is_err() {
            return Err(Fault::Nonsense("the module has no C_GetFunctionList".into()));
        }
        let list = || {
            let mut list: CK_FUNCTION_LIST_PTR = ptr::null_mut();
            // SAFETY: the symbol is there (checked above), has this signature by the standard (section
            // 5.4.4), and `list` is a valid place for the one pointer that it writes.
            let answer = unsafe { library.C_GetFunctionList(&raw mut list) };
            if answer == CKR_OK { Ok(list) } else { Err(code(answer, Function::GetFunctionList)) }
        };
        let (list, again) = (list()?, list()?);
        // SAFETY: after CKR_OK the pointer is null, which `as_ref` sees, or points to the module's
        // own list, which is static data of a library that is never unloaded (`forget` below).
        let functions = unsafe { list.as_ref() };
        let functions = functions.and_then(|list| {
            Some(Self {
                sign_init: list.C_SignInit?,
                sign: list.C_Sign?,
                set_pin: list.C_SetPIN?,
                init_pin: list.C_InitPIN?,
            })
        });
        // The pointers live as long as the library is loaded, which is from here on for ever.
        std::mem::forget(library);
        Ok(functions.filter(|_| list == again))
    }

    /// Has the PIN of whoever is logged in changed, else the user's; both are entered at the token.
    pub(crate) fn set_pin_at_pad(self, session: &Session) -> Result<(), Fault> {
        // SAFETY: the function is the module's own C_SetPIN. Null with a length of nothing is what the
        // standard has for a PIN that is entered at the token; nothing is pointed to.
        let answer =
            unsafe { (self.set_pin)(session.handle(), ptr::null_mut(), 0, ptr::null_mut(), 0) };
        if answer == CKR_OK { Ok(()) } else { Err(code(answer, Function::SetPIN)) }
    }

    /// Sets the user's PIN, as the officer who is logged in; it is entered at the token.
    pub(crate) fn init_pin_at_pad(self, session: &Session) -> Result<(), Fault> {
        // SAFETY: as in `set_pin_at_pad`, for C_InitPIN.
        let answer = unsafe { (self.init_pin)(session.handle(), ptr::null_mut(), 0) };
        if answer == CKR_OK { Ok(()) } else { Err(code(answer, Function::InitPIN)) }
    }

    /// Signs `data` with `key` in one part. `between` runs after `C_SignInit`; when it fails,
    /// `C_Sign` is not called and the session is left with an operation under way: close it.
    ///
    /// `session` and `key` are of the module that the functions were taken from.
    pub(crate) fn sign(
        self,
        session: &Session,
        key: ObjectHandle,
        mechanism: &Mechanism<'_>,
        data: &[u8],
        between: impl FnOnce() -> Result<(), Fault>,
    ) -> Result<Vec<u8>, Fault> {
        let mut mechanism: CK_MECHANISM = mechanism.into();
        // SAFETY: the function is the module's own C_SignInit. `mechanism` lives until the call
        // returns, and what its parameter points to lives in the borrowed `Mechanism` (the standard
        // lets a module read both during the call only). Handles are plain numbers to the module,
        // which answers with a code to one that it does not know.
        let answer =
            unsafe { (self.sign_init)(session.handle(), &raw mut mechanism, key.handle()) };
        if answer != CKR_OK {
            return Err(code(answer, Function::SignInit));
        }
        between()?;
        let mut signature = [0_u8; ROOM];
        let too_long = |_| Fault::Nonsense("a length does not fit the module's numbers".into());
        let data_length = CK_ULONG::try_from(data.len()).map_err(too_long)?;
        let mut length = CK_ULONG::try_from(ROOM).map_err(too_long)?;
        // SAFETY: the function is the module's own C_Sign. `data` is valid for reads of its length,
        // and the module does not write to it (the missing `const` is the C header's). `signature`
        // is valid for writes of `length` octets, which is how much the module is told it may use.
        let answer = unsafe {
            (self.sign)(
                session.handle(),
                data.as_ptr().cast_mut(),
                data_length,
                signature.as_mut_ptr(),
                &raw mut length,
            )
        };
        if answer != CKR_OK {
            return Err(code(answer, Function::Sign));
        }
        usize::try_from(length)
            .ok()
            .and_then(|length| signature.get(..length))
            .map(<[u8]>::to_vec)
            .ok_or_else(|| Fault::Nonsense(format!("a signature of {length} octets")))
    }
}

fn code(answer: CK_ULONG, function: Function) -> Fault {
    match Rv::from(answer) {
        Rv::Error(code) => Fault::Code { function, code },
        Rv::Ok => Fault::Code { function, code: RvError::GeneralError },
    }
}
