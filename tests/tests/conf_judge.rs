//! OpenSSL judges how Touchmark reads its config files: the same subject, the same extensions, the
//! same refusals.
//!
//! A case is a file `NAME.conf`, or a folder with a `main.conf` and what that includes. Comments in it
//! that begin with `#:` say what is done with it:
//! * `#: req` compares what the signature of `openssl req -new -batch -config` covers,
//! * `#: x509 SECTION` compares subject and extensions of `openssl x509 -req -extfile -extensions`
//!   (`#: x509 SECTION bare` under an issuer without key identifier),
//! * `#: self-signed` compares subject and extensions of `openssl req -x509 -new -batch -config`,
//! * `#: refused FILE:LINE: TEXT` says that both refuse it, and what our message begins with,
//! * `#: stricter FILE:LINE: TEXT` says that we refuse what OpenSSL accepts,
//! * `#: env NAME=VALUE` sets a variable for both.

//!
//! Random configs and values go the same way: see `conf_judge/random.rs`.

#[cfg(test)]
#[path = "conf_judge/cases.rs"]
mod cases;
#[cfg(test)]
#[path = "conf_judge/generator.rs"]
mod generator;
#[cfg(test)]
#[path = "conf_judge/openssl.rs"]
mod openssl;
#[cfg(test)]
#[path = "conf_judge/random.rs"]
mod random;
