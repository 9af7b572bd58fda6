//! PIV slots of YubiKeys, over PC/SC or any other carrier of APDUs.

pub mod advice;
pub mod algorithm;
pub mod apdu;
pub mod attestation;
mod card;
pub mod certificate;
mod channel;
pub mod device_info;
mod identity;
pub mod management_key;
mod message;
pub mod metadata;
pub mod object;
pub mod pin;
mod piv;
mod policy;
pub mod slot;
pub mod status;
pub mod tlv;
pub mod transport;
pub mod version;
