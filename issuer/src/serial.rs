//! Serial numbers of certificates.

use std::fmt::Debug;
use std::io;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use ledger::Serial;

/// Where serial numbers come from.
pub trait SerialSource: Debug + Send + Sync {
    /// A serial number that was not given out before.
    ///
    /// # Errors
    /// An [`io::Error`] when the system gives no randomness.
    fn serial(&self) -> io::Result<Serial>;
}

/// Serial numbers of 159 random bits: positive, 20 octets, as OpenSSL's first one is. No station
/// needs to know of another (RFC 5280 section 4.1.2.2 asks for uniqueness per issuer).
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomSerials;

impl SerialSource for RandomSerials {
    fn serial(&self) -> io::Result<Serial> {
        loop {
            let mut octets = [0u8; 20];
            SystemRandom::new()
                .fill(&mut octets)
                .map_err(|_| io::Error::other("the system gives no randomness"))?;
            // The top bit clear keeps it positive within 20 octets. The next one set keeps every
            // serial the same length, so that certificates of one profile are of one size.
            octets[0] = octets[0] & 0x7f | 0x40;
            match Serial::new(&octets) {
                Ok(serial) => return Ok(serial),
                Err(_) => continue,
            }
        }
    }
}
