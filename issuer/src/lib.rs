//! From a CSR to a device certificate: policy gate, certificate, chain file, control log; reads OpenSSL .conf files.

pub mod conf;
pub mod names;
