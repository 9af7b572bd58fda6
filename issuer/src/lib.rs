//! From a CSR to a device certificate: policy gate, certificate, chain file, control log; reads OpenSSL .conf files.

pub mod certificate;
pub mod describe;
pub mod device_oids;
pub mod path;
pub mod pem;
pub mod public_key_text;
