//! A PKCS#11 module for tests. It forwards every call to another module, and at chosen calls it
//! answers with a code instead, hangs, or kills the process.
//!
//! It is told by environment variables:
//!
//! - `PKCS11_SHIM_MODULE`: the module behind it;
//! - `PKCS11_SHIM_RULES`: a file of rules, read anew at every call. A change of it starts the
//!   counting anew;
//! - `PKCS11_SHIM_LOG`: a file that gets a line for every call.
//!
//! A rule is a line `FUNCTION CALLS DEED`. `CALLS` is a number from 1 (`3`), or that and all further
//! ones (`3+`). `DEED` is a code in hex (`0x30`), `after:` and a code (the call is forwarded and its
//! answer withheld), `hang` or `die`. The function is a name such as `C_Sign`, or `*` for all. Lines
//! `set-flags 0x…` and `clear-flags 0x…` change the flags in what `C_GetTokenInfo` answers.
//!
//! A line `pad WHICH PIN` gives every token a PIN pad at which somebody enters that PIN wherever the
//! caller hands in none: `user` and `so` at `C_Login`, `old` and `new` at `C_SetPIN`, `new` at
//! `C_InitPIN`.
//!
//! A line `lengths 0x…` has every attribute that is asked for without room for it that long, and
//! `endless 0x…` has every search find this object over and over.
//!
//! Beside that there is [`BareSigning`], which calls a module as plainly as can be, for benches.

#[expect(unsafe_code, reason = "a PKCS#11 module is a set of C functions")]
mod abi;
#[expect(unsafe_code, reason = "a PKCS#11 module is a set of C functions")]
mod bare;
mod rules;

pub use bare::BareSigning;

/// The name of its file, among the build's other libraries.
#[must_use]
pub fn file_name() -> String {
    format!("{}pkcs11_shim{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}
