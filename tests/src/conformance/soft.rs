//! Key files, on the list.

use backend_soft::SoftBackend;
use der::SecretDocument;
use der::pem::LineEnding;
use signer_core::{
    Backend, KeyPolicy, KeyRef, KeySpec, Locator, OpenContext, Secret, SubjectPublicKeyInfoOwned,
};
use tempfile::TempDir;

use super::keys::SPECS;
use super::mount::{Bench, Mount, Secrets};
use super::{Claims, KeyClaims};

/// Key files.
#[derive(Clone, Copy, Debug)]
pub struct KeyFiles;

impl Mount for KeyFiles {
    fn name(&self) -> String {
        "soft".into()
    }

    fn claims(&self) -> Claims {
        Claims {
            listed: false,
            numbered: false,
            keys: KeyClaims {
                makes: SPECS.to_vec(),
                imports: Vec::new(),
                pin_policies: Vec::new(),
                touch_policies: Vec::new(),
                hidden: Vec::new(),
                tells_policies: false,
                tells_origins: false,
                deletes: false,
                relocates: false,
                attests: false,
            },
            pins: None,
            certificates: None,
            administration: None,
        }
    }

    fn bench(&self) -> Box<dyn Bench> {
        Box::new(File { folder: TempDir::new().expect("a folder can be made") })
    }
}

#[derive(Debug)]
struct File {
    folder: TempDir,
}

impl Bench for File {
    fn backend(&self) -> &dyn Backend {
        &SoftBackend
    }

    fn token(&self) -> Locator {
        Locator::of_file("soft", &self.folder.path().join("key.pem"))
    }

    fn places(&self) -> Vec<Locator> {
        vec![self.token()]
    }

    fn absent(&self) -> Locator {
        Locator::of_file("soft", &self.folder.path().join("other.pem"))
    }

    fn secrets(&self) -> Secrets {
        Secrets { pin: "", puk: "", management_key: "", new_pin: "", new_puk: "" }
    }

    fn presented(&self) -> Option<u64> {
        None
    }

    fn power_cycle(&self) {}
}

/// A new private key of this kind (PKCS#8), to be brought to another token.
pub(super) fn private_key(spec: KeySpec) -> Secret {
    let folder = TempDir::new().expect("a folder can be made");
    let at = Locator::of_file("soft", &folder.path().join("key.pem"));
    let mut token = SoftBackend.open(&at, &OpenContext::default()).expect("a file opens");
    let manager = token.key_manager().expect("key files can be made");
    manager.generate(&KeyRef::Sole, spec, KeyPolicy::default()).expect("a key is made");
    SoftBackend.private_key(&at, &OpenContext::default()).expect("it can be read")
}

/// The public half of a private key (PKCS#8), as a key file with it tells.
pub(super) fn public_key(private_key: &Secret) -> SubjectPublicKeyInfoOwned {
    let folder = TempDir::new().expect("a folder can be made");
    let file = folder.path().join("key.pem");
    let document = SecretDocument::try_from(private_key.expose()).expect("it is DER");
    let pem = document.to_pem("PRIVATE KEY", LineEnding::LF).expect("it can be encoded");
    std::fs::write(&file, pem.as_bytes()).expect("a file can be written");
    crate::program::owner_only(&file);
    let at = Locator::of_file("soft", &file);
    let mut token = SoftBackend.open(&at, &OpenContext::default()).expect("a file opens");
    token.signer(&KeyRef::Sole, None).expect("it has a key").public_key().clone()
}
