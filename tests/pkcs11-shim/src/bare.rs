//! A module called as plainly as can be: what others are measured against.

use std::path::Path;

use cryptoki_sys::{CK_FUNCTION_LIST, CK_MECHANISM, CKM_ECDSA, CKR_OK};

/// `C_SignInit` and `C_Sign` of a module, with nothing around them.
#[derive(Clone, Copy, Debug)]
pub struct BareSigning {
    functions: CK_FUNCTION_LIST,
}

impl BareSigning {
    /// Those of a module that is loaded and initialised already; it stays loaded from here on.
    #[must_use]
    pub fn of(module: &Path) -> Option<Self> {
        // SAFETY: loading runs the constructors of a module that the caller has loaded already.
        let library = unsafe { cryptoki_sys::Pkcs11::new(module) }.ok()?;
        library.C_GetFunctionList.as_ref().ok()?;
        let mut list: *mut CK_FUNCTION_LIST = std::ptr::null_mut();
        // SAFETY: the symbol is there and has this signature by the standard; `list` is a valid place
        // for the pointer that it writes.
        let answer = unsafe { library.C_GetFunctionList(&raw mut list) };
        // SAFETY: after CKR_OK it is null, which `as_ref` sees, or the module's own static list.
        let functions = (answer == CKR_OK).then(|| unsafe { list.as_ref() }.copied())??;
        std::mem::forget(library);
        Some(Self { functions })
    }

    /// Signs a digest with a P-256 key by CKM_ECDSA; `session` and `key` are the module's numbers.
    #[must_use]
    pub fn sign(&self, session: u64, key: u64, digest: &[u8; 32]) -> Option<[u8; 64]> {
        let (sign_init, sign) = (self.functions.C_SignInit?, self.functions.C_Sign?);
        let mut mechanism = CK_MECHANISM {
            mechanism: CKM_ECDSA,
            pParameter: std::ptr::null_mut(),
            ulParameterLen: 0,
        };
        let (mut signature, mut length) = ([0; 64], 64);
        // SAFETY: the module's own functions. What is pointed to lives until they return, the lengths
        // are those of what is pointed to, and the module writes to `signature` and `length` alone.
        let answer = unsafe {
            match sign_init(session, &raw mut mechanism, key) {
                CKR_OK => sign(
                    session,
                    digest.as_ptr().cast_mut(),
                    32,
                    signature.as_mut_ptr(),
                    &raw mut length,
                ),
                code => code,
            }
        };
        (answer == CKR_OK && length == 64).then_some(signature)
    }
}
