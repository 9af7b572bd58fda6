//! Finding a module by its name, where p11-kit keeps them (pkcs11.conf(5)).

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use signer_core::{Error, Result};

/// The file of a module that is named as RFC 7512's `module-name`: without folder, and without what
/// this system puts around a library's name.
pub(crate) fn module(name: &str) -> Result<PathBuf> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        return Err(Error::NotFound { what: format!("PKCS#11 module named {name:?}") });
    }
    in_folders(name, &configuration_folders(), &library_folders())
}

fn in_folders(name: &str, configurations: &[PathBuf], libraries: &[PathBuf]) -> Result<PathBuf> {
    // As people write it: `softhsm2`, `libsofthsm2`, `opensc-pkcs11`.
    for folder in configurations {
        let Ok(text) = fs::read_to_string(folder.join(format!("{name}.module"))) else { continue };
        if let Some(module) = configured(&text) {
            let places: Vec<PathBuf> = libraries.iter().map(|it| it.join(module)).collect();
            // Where there is none, the first has its own error, which says where it should be. It is never
            // looked for in the working folder.
            let found = places.iter().find(|it| it.exists()).or(places.first());
            return found.cloned().ok_or_else(|| Error::NotFound {
                what: format!("PKCS#11 module {module:?}, named {name:?}"),
            });
        }
    }
    let names = [format!("lib{name}.so"), format!("{name}.so"), format!("{name}-pkcs11.so")];
    libraries
        .iter()
        .flat_map(|folder| names.iter().map(|name| folder.join(name)))
        .find(|path| path.is_file())
        .ok_or_else(|| Error::NotFound {
            what: format!(
                "PKCS#11 module named {name:?} in {}",
                configurations
                    .iter()
                    .chain(libraries)
                    .map(|folder| folder.display().to_string())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        })
}

/// The `module:` line of a p11-kit module file.
fn configured(text: &str) -> Option<&str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == "module")
        .map(|(_, value)| value.trim())
        .filter(|value| !value.is_empty())
}

/// The user's own come first, then the administrator's, then the system's.
fn configuration_folders() -> Vec<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CONFIG_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".config")))
        .map(|config| config.join("pkcs11/modules"))
        .into_iter()
        .chain(["/etc/pkcs11/modules", "/usr/share/p11-kit/modules"].map(PathBuf::from))
        .collect()
}

/// Where p11-kit looks for modules, on Debian, Fedora and from source; then where its proxy lies.
fn library_folders() -> Vec<PathBuf> {
    let triplet = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
    ["/usr/lib64", &triplet, "/usr/lib", "/usr/local/lib"]
        .into_iter()
        .flat_map(|folder| [Path::new(folder).join("pkcs11"), PathBuf::from(folder)])
        .collect()
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    #[test]
    fn a_module_is_found_by_its_configuration_and_by_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let (configurations, libraries) =
            (folder.path().join("modules"), folder.path().join("lib"));
        fs::create_dir_all(&configurations).unwrap();
        fs::create_dir_all(&libraries).unwrap();
        for library in ["vendor-pkcs11.so", "libplain.so", "other.so"] {
            fs::write(libraries.join(library), "").unwrap();
        }
        fs::write(configurations.join("vendor.module"), "# module: no\nmodule: vendor-pkcs11.so\n")
            .unwrap();
        fs::write(configurations.join("far.module"), "module:/opt/far.so\npriority: 1\n").unwrap();
        let found = |name| in_folders(name, from_ref(&configurations), from_ref(&libraries));
        assert_eq!(found("vendor").unwrap(), libraries.join("vendor-pkcs11.so"));
        assert_eq!(found("far").unwrap(), Path::new("/opt/far.so"));
        // One that is not installed is not taken from the working folder.
        fs::write(configurations.join("gone.module"), "module: gone-pkcs11.so\n").unwrap();
        assert_eq!(found("gone").unwrap(), libraries.join("gone-pkcs11.so"));
        assert_eq!(found("plain").unwrap(), libraries.join("libplain.so"));
        assert_eq!(found("other").unwrap(), libraries.join("other.so"));
        let error = found("none").unwrap_err().to_string();
        assert!(error.contains("\"none\"") && error.contains("modules"), "{error}");
    }

    #[test]
    fn a_name_is_no_path() {
        for name in ["", "../softhsm2", "/usr/lib/softhsm2", ".hidden"] {
            assert!(matches!(module(name), Err(Error::NotFound { .. })), "{name}");
        }
    }
}
