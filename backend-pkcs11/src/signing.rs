//! One signature by one session.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use signer_core::Error;

use crate::fault::Fault;
use crate::method::Method;
use crate::raw::RawCalls;

/// Signs. The raw way saves asking for the length first.
pub(crate) fn sign(
    raw: Option<RawCalls>,
    session: &Session,
    key: ObjectHandle,
    method: Method,
    input: &[u8],
) -> Result<Vec<u8>, Fault> {
    let mechanism = mechanism(method)?;
    match raw {
        Some(raw) => raw.sign(session, key, &mechanism, input, || Ok(())),
        None => Ok(session.sign(&mechanism, key, input)?),
    }
}

/// Signs with a key that wants the PIN each time.
pub(crate) fn sign_with_pin(
    raw: Option<RawCalls>,
    session: &Session,
    key: ObjectHandle,
    method: Method,
    input: &[u8],
    pin: Option<&AuthPin>,
) -> Result<Vec<u8>, Fault> {
    let mechanism = mechanism(method)?;
    match raw {
        Some(raw) => raw.sign(session, key, &mechanism, input, || {
            Ok(session.login(UserType::ContextSpecific, pin)?)
        }),
        // In parts, which is for mechanisms that hash by themselves.
        None if method.hashes_in_module() => {
            session.sign_init(&mechanism, key)?;
            session.login(UserType::ContextSpecific, pin)?;
            session.sign_update(input)?;
            Ok(session.sign_final()?)
        }
        None => Err(Fault::Told(Error::Unsupported {
            operation: "signing through p11-kit with a key that wants the PIN each time".into(),
            needs: "the module itself in module-path".into(),
        })),
    }
}

fn mechanism(method: Method) -> Result<Mechanism<'static>, Fault> {
    method.mechanism().ok_or_else(|| Fault::Nonsense("no mechanism for this algorithm".into()))
}
