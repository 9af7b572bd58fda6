//! Who works, and where: for every entry of the ledger.

use std::env;

/// The operator: as named, else `$TOUCHMARK_OPERATOR`, else the login name.
pub(crate) fn operator(named: Option<&str>) -> String {
    first(named, &["TOUCHMARK_OPERATOR", "LOGNAME", "USER", "USERNAME"])
}

/// The station: as named on the command line, else in the settings, else the host's name.
pub(crate) fn station(named: Option<&str>, configured: Option<&str>) -> String {
    let named = named.or(configured);
    match (named, host()) {
        (None, Some(host)) => host,
        (named, _) => first(named, &["COMPUTERNAME"]),
    }
}

fn first(named: Option<&str>, variables: &[&str]) -> String {
    let from_environment = || variables.iter().filter_map(|name| env::var(name).ok());
    named
        .map(str::to_owned)
        .into_iter()
        .chain(from_environment())
        .map(|name| name.trim().to_owned())
        .find(|name| !name.is_empty())
        .unwrap_or_else(unnamed)
}

/// Services run without a login name; the number still tells them apart.
#[cfg(unix)]
fn unnamed() -> String {
    format!("uid {}", rustix::process::getuid().as_raw())
}

#[cfg(not(unix))]
fn unnamed() -> String {
    "unknown".into()
}

#[cfg(unix)]
fn host() -> Option<String> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(not(unix))]
fn host() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_comes_before_what_is_found() {
        assert_eq!(operator(Some("maria")), "maria");
        assert_eq!(station(Some("line-1"), Some("line-2")), "line-1");
        assert_eq!(station(None, Some("line-2")), "line-2");
        assert!(!station(None, None).is_empty());
        assert!(!operator(Some("  ")).is_empty());
    }
}
