//! PIV slots of YubiKeys, over PC/SC or any other carrier of APDUs.

pub mod algorithm;
pub mod apdu;
pub mod certificate;
pub mod device_info;
pub mod management_key;
pub mod metadata;
pub mod object;
pub mod policy;
pub mod slot;
pub mod status;
pub mod tlv;
pub mod transport;
pub mod version;
