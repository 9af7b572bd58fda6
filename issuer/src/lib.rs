//! From a CSR to a device certificate: policy gate, certificate, chain file, control log.
//!
//! Reads OpenSSL config files as OpenSSL does, so that the configuration of a documented `openssl x509 -req`
//! works unchanged, with any [`signer_core::Signer`] as the issuing key.

pub mod batch;
pub mod certificate;
pub mod conf;
pub mod control_log;
pub mod csr;
pub mod describe;
pub mod device_oids;
pub mod extension_plan;
pub mod gate;
pub mod issue;
pub mod issuer;
pub mod names;
pub mod output;
pub mod path;
pub mod pem;
pub mod profile;
pub mod public_key_text;
pub mod request;
pub mod self_signed;
pub mod serial;
pub mod staging;

mod mint;
