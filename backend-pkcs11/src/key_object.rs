//! Private keys on a token, and the public halves that belong to them.

use cryptoki::error::{Error as Answer, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::object::{Attribute, AttributeInfo, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use der::Decode;
use signer_core::{
    Error, KeyInfo, KeyOrigin, KeyPolicy, KeyRef, KeySpec, PinPolicy, SubjectPublicKeyInfoOwned,
};
use x509_cert::Certificate;

use crate::fault::Fault;
use crate::fingerprint::fingerprint;
use crate::public_key::PublicParts;

/// No certificate and no key comes near it.
const LONGEST_VALUE: usize = 1024 * 1024;
/// Nor any token near this.
const MOST_OBJECTS: usize = 100_000;

/// A key object, private or public, with what names it.
#[derive(Clone, Debug)]
pub(crate) struct KeyObject {
    pub(crate) handle: ObjectHandle,
    pub(crate) label: Option<String>,
    pub(crate) id: Option<Vec<u8>>,
    pub(crate) always_authenticate: bool,
    pub(crate) signs: Option<bool>,
    pub(crate) allowed: Vec<MechanismType>,
    local: Option<bool>,
    parts: PublicParts,
}

impl KeyObject {
    /// The reference that names this key on its token.
    pub(crate) fn reference(&self) -> KeyRef {
        match (&self.label, &self.id) {
            (None, None) => KeyRef::Sole,
            (label, id) => KeyRef::Object { label: label.clone(), id: id.clone() },
        }
    }

    /// The public half that the object itself tells of.
    pub(crate) fn public_key(&self) -> Result<Option<SubjectPublicKeyInfoOwned>, Fault> {
        self.parts.public_key()
    }

    fn described(&self) -> String {
        match self.parts.public_key() {
            Ok(Some(key)) => {
                let kind = KeySpec::of(&key).map_or_else(|_| "?".into(), |it| it.to_string());
                format!("{} ({kind}, SHA-256 {})", self.reference(), fingerprint(&key))
            }
            _ => self.reference().to_string(),
        }
    }
}

/// A key of a token, whole.
#[derive(Clone, Debug)]
pub(crate) struct WholeKey {
    pub(crate) private: KeyObject,
    pub(crate) public_key: SubjectPublicKeyInfoOwned,
    pub(crate) spec: KeySpec,
}

impl WholeKey {
    pub(crate) fn info(&self) -> KeyInfo {
        let pin =
            if self.private.always_authenticate { PinPolicy::Always } else { PinPolicy::Once };
        KeyInfo {
            key: self.private.reference(),
            spec: self.spec,
            public_key: self.public_key.clone(),
            policy: KeyPolicy { pin: Some(pin), touch: None },
            origin: self
                .private
                .local
                .map(|local| if local { KeyOrigin::Generated } else { KeyOrigin::Imported }),
        }
    }
}

/// The one private key that is meant, with its public half.
pub(crate) fn find(session: &Session, key: &KeyRef, token: &str) -> Result<WholeKey, Fault> {
    let private = only_private(session, key, token)?;
    whole(session, private, token)
}

/// The one private key that is meant. No match never becomes another key.
pub(crate) fn only_private(
    session: &Session,
    key: &KeyRef,
    token: &str,
) -> Result<KeyObject, Fault> {
    let what = || match key {
        KeyRef::Sole => format!("private key on {token}"),
        key => format!("private key {key} on {token}{}", spelling(key)),
    };
    let mut keys = matching(session, ObjectClass::PRIVATE_KEY, key)?;
    match (keys.pop(), keys.is_empty()) {
        (None, _) => Err(Fault::Told(Error::NotFound { what: what() })),
        (Some(key), true) => Ok(key),
        (Some(last), false) => {
            keys.push(last);
            // Told apart by their public halves, which lie beside them.
            let described = keys.into_iter().map(|private| {
                let bare = private.described();
                match whole(session, private, token) {
                    Ok(key) => format!(
                        "{} ({}, SHA-256 {})",
                        key.private.reference(),
                        key.spec,
                        fingerprint(&key.public_key)
                    ),
                    Err(_) => bare,
                }
            });
            Err(Fault::Told(Error::Ambiguous { what: what(), candidates: described.collect() }))
        }
    }
}

/// How an id would be written whose octets were given in hexadecimal, as other tools print them: a
/// locator has octets, and `%` before hexadecimal ones (RFC 7512 section 2.3).
fn spelling(key: &KeyRef) -> String {
    let KeyRef::Object { id: Some(id), .. } = key else { return String::new() };
    let is_hexadecimal = id.len() % 2 == 0 && id.iter().all(u8::is_ascii_hexdigit);
    let Some(text) = std::str::from_utf8(id).ok().filter(|_| is_hexadecimal) else {
        return String::new();
    };
    let octets: Vec<_> =
        text.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair)).collect();
    format!(" (if the octets {text} were meant: id=%{})", octets.join("%"))
}

/// Key objects of a class that a reference fits.
pub(crate) fn matching(
    session: &Session,
    class: ObjectClass,
    key: &KeyRef,
) -> Result<Vec<KeyObject>, Fault> {
    let mut template = vec![Attribute::Class(class), Attribute::Token(true)];
    match key {
        KeyRef::Sole => (),
        KeyRef::Object { label, id } => {
            template.extend(label.as_ref().map(|it| Attribute::Label(it.clone().into_bytes())));
            template.extend(id.as_ref().map(|it| Attribute::Id(it.clone())));
        }
        KeyRef::Slot(_) => return Ok(Vec::new()),
    }
    let handles = objects(session, &template)?;
    let mut keys = Vec::with_capacity(handles.len());
    for handle in handles {
        let found = read(session, handle)?;
        // Modules are seen to leave attributes of a search that they do not know out of account.
        if let KeyRef::Object { label, id } = key
            && (label.as_ref().is_some_and(|label| found.label.as_ref() != Some(label))
                || id.as_ref().is_some_and(|id| found.id.as_ref() != Some(id)))
        {
            continue;
        }
        keys.push(found);
    }
    Ok(keys)
}

/// The public half of a private key: out of the private object where that has it, else out of the
/// public key object of the same id, else out of the certificate of the same id.
pub(crate) fn whole(session: &Session, private: KeyObject, token: &str) -> Result<WholeKey, Fault> {
    let public_key = match private.parts.public_key()? {
        Some(key) => key,
        None => beside(session, &private, token)?,
    };
    let spec = KeySpec::of(&public_key)?;
    Ok(WholeKey { private, public_key, spec })
}

fn beside(
    session: &Session,
    private: &KeyObject,
    token: &str,
) -> Result<SubjectPublicKeyInfoOwned, Fault> {
    // Without an id there is only the label to go by; without either, only a sole key to go to.
    let by = match (&private.id, &private.label) {
        (Some(id), _) => KeyRef::Object { label: None, id: Some(id.clone()) },
        (None, label @ Some(_)) => KeyRef::Object { label: label.clone(), id: None },
        (None, None) => KeyRef::Sole,
    };
    let mut objects = matching(session, ObjectClass::PUBLIC_KEY, &by)?;
    if objects.len() > 1 && objects.iter().any(|it| it.label == private.label) {
        objects.retain(|it| it.label == private.label);
    }
    let mut keys: Vec<SubjectPublicKeyInfoOwned> = Vec::new();
    for object in &objects {
        keys.extend(object.parts.public_key()?.filter(|key| !keys.contains(key)));
    }
    if keys.is_empty() {
        for (_, certificate) in certificates(session, &by)? {
            let key = certificate.tbs_certificate().subject_public_key_info();
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
    }
    let what = format!("public half of {} on {token}", private.reference());
    match (keys.pop(), keys.is_empty()) {
        (Some(key), true) => Ok(key),
        (None, _) => Err(Fault::Told(Error::NotFound { what })),
        (Some(last), false) => {
            keys.push(last);
            let candidates = keys.iter().map(|it| format!("SHA-256 {}", fingerprint(it))).collect();
            Err(Fault::Told(Error::Ambiguous { what, candidates }))
        }
    }
}

/// Certificate objects that a reference fits. What is no certificate is passed over.
pub(crate) fn certificates(
    session: &Session,
    by: &KeyRef,
) -> Result<Vec<(ObjectHandle, Certificate)>, Fault> {
    let mut template = vec![Attribute::Class(ObjectClass::CERTIFICATE), Attribute::Token(true)];
    if let KeyRef::Object { label, id } = by {
        template.extend(label.as_ref().map(|it| Attribute::Label(it.clone().into_bytes())));
        template.extend(id.as_ref().map(|it| Attribute::Id(it.clone())));
    }
    let mut found = Vec::new();
    for handle in objects(session, &template)? {
        for attribute in attributes(session, handle, &[AttributeType::Value])? {
            if let Attribute::Value(der) = attribute
                && let Ok(certificate) = Certificate::from_der(&der)
            {
                found.push((handle, certificate));
            }
        }
    }
    Ok(found)
}

/// Every object on the token, a line each.
pub(crate) fn contents(session: &Session) -> Result<Vec<String>, Fault> {
    let mut lines = Vec::new();
    for handle in objects(session, &[Attribute::Token(true)])? {
        let (mut class, mut label, mut id) = ("object".to_owned(), None, None);
        for name in [AttributeType::Class, AttributeType::Label, AttributeType::Id] {
            match optional(session, handle, name)? {
                Some(Attribute::Class(ObjectClass::PRIVATE_KEY)) => class = "private key".into(),
                Some(Attribute::Class(ObjectClass::PUBLIC_KEY)) => class = "public key".into(),
                Some(Attribute::Class(ObjectClass::CERTIFICATE)) => class = "certificate".into(),
                Some(Attribute::Class(ObjectClass::SECRET_KEY)) => class = "secret key".into(),
                Some(Attribute::Class(ObjectClass::DATA)) => class = "data".into(),
                Some(Attribute::Label(it)) => {
                    label = Some(String::from_utf8_lossy(&it).into_owned());
                }
                Some(Attribute::Id(it)) => id = Some(it),
                _ => (),
            }
        }
        lines.push(format!("{class} {}", KeyRef::Object { label, id }));
    }
    Ok(lines)
}

fn read(session: &Session, handle: ObjectHandle) -> Result<KeyObject, Fault> {
    let named = [AttributeType::Label, AttributeType::Id, AttributeType::KeyType];
    let mut attributes = attributes(session, handle, &named)?;
    // Asked one by one: a module may refuse a whole list for one name in it that it does not know.
    for name in [
        AttributeType::AlwaysAuthenticate,
        AttributeType::Local,
        AttributeType::Sign,
        AttributeType::AllowedMechanisms,
        AttributeType::EcParams,
        AttributeType::EcPoint,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
        AttributeType::PublicKeyInfo,
    ] {
        attributes.extend(optional(session, handle, name)?);
    }
    let mut key = KeyObject {
        handle,
        label: None,
        id: None,
        always_authenticate: false,
        signs: None,
        allowed: Vec::new(),
        local: None,
        parts: PublicParts::of(&attributes),
    };
    for attribute in attributes {
        match attribute {
            Attribute::Label(label) if !label.is_empty() => {
                key.label = Some(String::from_utf8_lossy(&label).into_owned());
            }
            Attribute::Id(id) if !id.is_empty() => key.id = Some(id),
            Attribute::AlwaysAuthenticate(always) => key.always_authenticate = always,
            Attribute::Sign(signs) => key.signs = Some(signs),
            Attribute::Local(local) => key.local = Some(local),
            Attribute::AllowedMechanisms(allowed) => key.allowed = allowed,
            _ => (),
        }
    }
    Ok(key)
}

/// An attribute that the object or the module may lack.
pub(crate) fn optional(
    session: &Session,
    handle: ObjectHandle,
    name: AttributeType,
) -> Result<Option<Attribute>, Fault> {
    match attributes(session, handle, &[name]) {
        Ok(attributes) => Ok(attributes.into_iter().next()),
        // A value that the binding has no name for is as good as none.
        Err(Fault::Binding(Answer::NotSupported | Answer::InvalidValue)) => Ok(None),
        Err(fault) => match fault.code() {
            Some(
                RvError::AttributeTypeInvalid
                | RvError::AttributeValueInvalid
                | RvError::AttributeSensitive
                | RvError::ArgumentsBad
                | RvError::FunctionNotSupported,
            ) => Ok(None),
            _ => Err(fault),
        },
    }
}

/// Attributes of an object. The binding makes room for whatever length a module answers, and modules
/// are seen to answer with -1 in 32 bits for a value that they do not have.
fn attributes(
    session: &Session,
    handle: ObjectHandle,
    names: &[AttributeType],
) -> Result<Vec<Attribute>, Fault> {
    for (name, info) in names.iter().zip(session.get_attribute_info(handle, names)?) {
        if let AttributeInfo::Available(length) = info
            && length > LONGEST_VALUE
        {
            return Err(Fault::Nonsense(format!("an attribute {name:?} of {length} octets")));
        }
    }
    Ok(session.get_attributes(handle, names)?)
}

/// The objects that a template fits; an end to them is not left to the module.
fn objects(session: &Session, template: &[Attribute]) -> Result<Vec<ObjectHandle>, Fault> {
    let mut found = Vec::new();
    for handle in session.iter_objects(template)? {
        if found.len() == MOST_OBJECTS {
            return Err(Fault::Nonsense(format!("more than {MOST_OBJECTS} objects")));
        }
        found.push(handle?);
    }
    Ok(found)
}
