//! General names (RFC 5280 section 4.2.1.6) in words.

use std::net::{Ipv4Addr, Ipv6Addr};

use der::Encode;
use x509_cert::ext::pkix::name::GeneralName;

use super::hex_lower;
use super::terminal::{name_text, terminal_text};

/// One general name as `kind:value`, in the spelling of OpenSSL's configuration, safe to print.
pub fn general_name_text(name: &GeneralName) -> String {
    match name {
        GeneralName::Rfc822Name(text) => format!("email:{}", terminal_text(text.as_str())),
        GeneralName::DnsName(text) => format!("DNS:{}", terminal_text(text.as_str())),
        GeneralName::UniformResourceIdentifier(text) => {
            format!("URI:{}", terminal_text(text.as_str()))
        }
        GeneralName::IpAddress(address) => format!("IP:{}", ip_text(address.as_bytes())),
        GeneralName::DirectoryName(name) => format!("dirName:{}", name_text(name)),
        GeneralName::RegisteredId(oid) => format!("RID:{oid}"),
        GeneralName::OtherName(other) => {
            let value = other.value.to_der().unwrap_or_default();
            format!("otherName:{};#{}", other.type_id, hex_lower(&value))
        }
        GeneralName::EdiPartyName(_) => {
            format!("ediPartyName:#{}", hex_lower(&name.to_der().unwrap_or_default()))
        }
    }
}

/// An address of 4 or 16 bytes, or an address and its mask of 8 or 32; hex for any other length.
pub fn ip_text(bytes: &[u8]) -> String {
    let one = |bytes: &[u8]| {
        let v4 = <[u8; 4]>::try_from(bytes).map(|octets| Ipv4Addr::from(octets).to_string());
        let v6 = || <[u8; 16]>::try_from(bytes).map(|octets| Ipv6Addr::from(octets).to_string());
        v4.or_else(|_| v6()).unwrap_or_else(|_| format!("#{}", hex_lower(bytes)))
    };
    match bytes.len() {
        8 | 32 => {
            let (address, mask) = bytes.split_at(bytes.len() / 2);
            format!("{}/{}", one(address), one(mask))
        }
        _ => one(bytes),
    }
}
