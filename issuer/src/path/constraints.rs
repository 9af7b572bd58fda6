//! Name constraints: RFC 5280 section 4.2.1.10.

use const_oid::ObjectIdentifier;
use x509_cert::ext::pkix::NameConstraints;
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use super::error::Rule;
use super::names::starts_with;
use crate::describe::{general_name_text, ip_text, name_text, terminal_text};
use crate::device_oids::string_value;

const EMAIL_ADDRESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");

/// Names times subtrees that are compared at most; OpenSSL has the same bound.
const MAX_COMPARISONS: usize = 1 << 20;

/// Checks the subject and the alternative names of one certificate against the constraints of one above it.
pub(super) fn check(
    subject: &Name,
    alternatives: &[GeneralName],
    constraints: &NameConstraints,
) -> Result<(), Rule> {
    let permitted = constraints.permitted_subtrees.as_deref().unwrap_or_default();
    let excluded = constraints.excluded_subtrees.as_deref().unwrap_or_default();
    let comparisons = (alternatives.len() + subject.iter().count() + 1)
        .saturating_mul(permitted.len() + excluded.len());
    if comparisons > MAX_COMPARISONS {
        return Err(unsupported("too many of them"));
    }
    // "minimum MUST be zero, and maximum MUST be absent".
    if permitted.iter().chain(excluded).any(|tree| tree.minimum != 0 || tree.maximum.is_some()) {
        return Err(unsupported("a minimum or maximum distance is given"));
    }
    if !subject.is_empty() {
        check_one(&Form::Directory(subject), permitted, excluded)?;
    }
    // Old certificates carry the mail address in the subject.
    for attribute in subject.iter().filter(|attribute| attribute.oid == EMAIL_ADDRESS) {
        let address = string_value(&attribute.value)
            .ok_or_else(|| unsupported("an emailAddress in the subject is not text"))?;
        check_one(&Form::Email(&address), permitted, excluded)?;
    }
    alternatives.iter().try_for_each(|name| check_one(&Form::of(name), permitted, excluded))
}

fn check_one(
    name: &Form<'_>,
    permitted: &[GeneralSubtree],
    excluded: &[GeneralSubtree],
) -> Result<(), Rule> {
    for tree in excluded {
        if name.within(&Form::of(&tree.base))? == Some(true) {
            return Err(Rule::NameExcluded { name: name.text() });
        }
    }
    let mut constrained = false;
    for tree in permitted {
        match name.within(&Form::of(&tree.base))? {
            Some(true) => return Ok(()),
            Some(false) => constrained = true,
            None => {}
        }
    }
    if constrained {
        return Err(Rule::NameNotPermitted { name: name.text() });
    }
    Ok(())
}

/// A name, or the base of a subtree, by its form.
enum Form<'a> {
    Directory(&'a Name),
    Dns(&'a str),
    Email(&'a str),
    Uri(&'a str),
    Ip(&'a [u8]),
    Other(&'a GeneralName),
}

impl<'a> Form<'a> {
    fn of(name: &'a GeneralName) -> Self {
        match name {
            GeneralName::DirectoryName(name) => Self::Directory(name),
            GeneralName::DnsName(name) => Self::Dns(name.as_str()),
            GeneralName::Rfc822Name(name) => Self::Email(name.as_str()),
            GeneralName::UniformResourceIdentifier(name) => Self::Uri(name.as_str()),
            GeneralName::IpAddress(address) => Self::Ip(address.as_bytes()),
            other => Self::Other(other),
        }
    }

    /// Whether the name lies in the subtree; `None` when the subtree is of another form and says nothing.
    fn within(&self, base: &Form<'_>) -> Result<Option<bool>, Rule> {
        Ok(Some(match (self, base) {
            (Self::Directory(name), Form::Directory(base)) => starts_with(name, base),
            (Self::Dns(name), Form::Dns(base)) => dns_within(name, base),
            (Self::Email(name), Form::Email(base)) => email_within(name, base)?,
            (Self::Uri(name), Form::Uri(base)) => host_within(uri_host(name)?, base),
            (Self::Ip(address), Form::Ip(base)) => match ip_within(address, base)? {
                Some(within) => within,
                None => return Ok(None),
            },
            (Self::Other(name), Form::Other(base)) if same_form(name, base) => {
                return Err(unsupported("their name form is not known"));
            }
            _ => return Ok(None),
        }))
    }

    fn text(&self) -> String {
        match self {
            Self::Directory(name) => name_text(name),
            Self::Dns(text) | Self::Email(text) | Self::Uri(text) => terminal_text(text),
            Self::Ip(address) => ip_text(address),
            Self::Other(name) => general_name_text(name),
        }
    }
}

fn same_form(one: &GeneralName, other: &GeneralName) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

/// `host.example.com` and `example.com` are in `example.com`; only the former is in `.example.com`.
fn dns_within(name: &str, base: &str) -> bool {
    base.is_empty()
        || name.eq_ignore_ascii_case(base)
        || strip_suffix_ignore_case(name, base)
            .is_some_and(|rest| base.starts_with('.') || rest.ends_with('.'))
}

/// The base is a mailbox, a host, or a domain with a leading dot.
fn email_within(name: &str, base: &str) -> Result<bool, Rule> {
    if base.is_empty() {
        return Ok(true);
    }
    let (local, host) = name
        .rsplit_once('@')
        .ok_or_else(|| unsupported("a mail address has no @ to compare at"))?;
    Ok(match base.rsplit_once('@') {
        // The local part is the host's own affair: it is compared exactly.
        Some((base_local, base_host)) => {
            (base_local.is_empty() || local == base_local) && host.eq_ignore_ascii_case(base_host)
        }
        None => host_within(host, base),
    })
}

/// A host is only itself; `.example.com` is every host below `example.com`.
fn host_within(host: &str, base: &str) -> bool {
    if base.is_empty() {
        return true;
    }
    if base.starts_with('.') {
        return strip_suffix_ignore_case(host, base).is_some_and(|rest| !rest.is_empty());
    }
    host.eq_ignore_ascii_case(base)
}

/// The host of `scheme://user@host:port/path`. A URI without one cannot be judged, and so is refused.
fn uri_host(uri: &str) -> Result<&str, Rule> {
    let no_host = || unsupported("a URI has no host name");
    let (_, rest) = uri.split_once("://").ok_or_else(no_host)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host_port.split(':').next().unwrap_or_default();
    let address = host_port.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    if host.is_empty() || address { Err(no_host()) } else { Ok(host) }
}

/// `None` when one is IPv4 and the other IPv6.
fn ip_within(address: &[u8], base: &[u8]) -> Result<Option<bool>, Rule> {
    if !matches!(address.len(), 4 | 16) || !matches!(base.len(), 8 | 32) {
        return Err(unsupported("an IP address has the wrong length"));
    }
    let (network, mask) = base.split_at(base.len() / 2);
    if network.len() != address.len() {
        return Ok(None);
    }
    let same = |((address, network), mask): ((&u8, &u8), &u8)| address & mask == network & mask;
    Ok(Some(address.iter().zip(network).zip(mask).all(same)))
}

fn strip_suffix_ignore_case<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(suffix.len())?;
    let (rest, end) = text.split_at_checked(at)?;
    end.eq_ignore_ascii_case(suffix).then_some(rest)
}

fn unsupported(reason: &str) -> Rule {
    Rule::NameConstraintUnsupported { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_names_match_at_label_boundaries_only() {
        for (name, base, within) in [
            ("example.com", "example.com", true),
            ("Host.EXAMPLE.com", "example.com", true),
            ("badexample.com", "example.com", false),
            ("example.com", ".example.com", false),
            ("a.example.com", ".example.com", true),
            ("anything", "", true),
            ("com", "example.com", false),
        ] {
            assert_eq!(dns_within(name, base), within, "{name} in {base}");
        }
    }

    #[test]
    fn mail_addresses_match_mailbox_host_or_domain() {
        for (name, base, within) in [
            ("a@example.com", "a@example.com", true),
            ("A@example.com", "a@example.com", false),
            ("a@EXAMPLE.com", "a@example.com", true),
            ("a@example.com", "example.com", true),
            ("a@sub.example.com", "example.com", false),
            ("a@sub.example.com", ".example.com", true),
            ("a@example.com", ".example.com", false),
        ] {
            assert_eq!(email_within(name, base), Ok(within), "{name} in {base}");
        }
        assert!(email_within("no at", "example.com").is_err());
    }

    #[test]
    fn uris_match_by_host_and_need_one() {
        for (uri, base, within) in [
            ("https://host.example.com/x", "host.example.com", true),
            ("https://user:pw@host.example.com:8443/x", ".example.com", true),
            ("https://example.com", ".example.com", false),
            ("https://evil.com/@host.example.com", "host.example.com", false),
            ("https://evil.com?@host.example.com", "host.example.com", false),
        ] {
            assert_eq!(host_within(uri_host(uri).unwrap(), base), within, "{uri} in {base}");
        }
        for uri in ["urn:uuid:1", "https://", "https://10.0.0.1/", "https://[::1]/"] {
            assert!(uri_host(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn addresses_match_under_the_mask_and_families_do_not_mix() {
        let base = [10, 1, 0, 0, 255, 255, 0, 0];
        assert_eq!(ip_within(&[10, 1, 2, 3], &base), Ok(Some(true)));
        assert_eq!(ip_within(&[10, 2, 2, 3], &base), Ok(Some(false)));
        assert_eq!(ip_within(&[0; 16], &base), Ok(None));
        assert!(ip_within(&[1, 2, 3], &base).is_err());
        assert!(ip_within(&[10, 1, 2, 3], &[10, 1, 0, 0]).is_err());
    }
}
