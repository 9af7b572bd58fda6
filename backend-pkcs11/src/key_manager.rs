//! Making, importing and destroying keys.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use signer_core::{
    Error, KeyInfo, KeyManager, KeyPolicy, KeyRef, KeySpec, KeyWeakness, PinPolicy, Result, Secret,
    SignatureAlgorithm,
};

use crate::fault::Fault;
use crate::key_object::{self, optional};
use crate::method::Method;
use crate::open_token::As;
use crate::public_key;
use crate::template::{self, Import, Names};
use crate::token::Pkcs11Token;

impl KeyManager for Pkcs11Token {
    /// Makes a key that signs and never leaves the token, and reads back that it is one.
    fn generate(&mut self, key: &KeyRef, spec: KeySpec, policy: KeyPolicy) -> Result<KeyInfo> {
        let (names, always) = self.prepare(key, policy)?;
        let (mechanism, kinds) = template::generation(spec)?;
        let publics = kinds.map(|kind| [template::public(&names), kind].concat());
        let private = template::private(&names, always);
        let token = self.open.name().to_owned();
        self.writing("generating a key", move |session| {
            nothing_there(session, &names, &token)?;
            let make = |public: &[Attribute]| {
                let made = session.generate_key_pair(&mechanism(), public, &private);
                made.map_err(|answer| unable(answer.into(), spec))
            };
            // Some modules take a curve by its name alone.
            let [usual, other] = &publics;
            let made = match make(usual) {
                Err(Fault::Told(Error::Unsupported { .. })) if usual != other => make(other),
                made => made,
            };
            let (public, private) = made?;
            // Everybody can encrypt to a public key, and verify with it, without the token: where the
            // module keeps to its own mind, the private key is none the worse.
            let _ = session.update_attributes(public, &template::public_use());
            read_back(session, &[private, public], &names, &token)
        })
    }

    fn import(
        &mut self,
        key: &KeyRef,
        private_key_info: &Secret,
        policy: KeyPolicy,
    ) -> Result<KeyInfo> {
        let import = Import::of(private_key_info)?;
        let (names, always) = self.prepare(key, policy)?;
        // Modules have many words for a kind of key that they do not know.
        let algorithm = SignatureAlgorithm::for_key(None, import.spec)?;
        Method::choose(algorithm, &self.signing_mechanisms()?, &[])?;
        let mut public = template::public(&names);
        public.push(Attribute::Class(ObjectClass::PUBLIC_KEY));
        public.extend(template::public_use());
        public.extend(public_key::attributes(&import.public_key)?);
        let token = self.open.name().to_owned();
        let import = std::sync::Arc::new(import);
        self.writing("importing a key", move |session| {
            nothing_there(session, &names, &token)?;
            let object = import.object(&names, always);
            let private = session
                .create_object(&object.0)
                .map_err(|answer| unable(answer.into(), import.spec))?;
            let public = session.create_object(&public).map_err(|answer| {
                // Half a key is none. What went wrong first is what is told.
                let _ = session.destroy_object(private);
                unable(answer.into(), import.spec)
            })?;
            read_back(session, &[private, public], &names, &token)
        })
    }

    /// Destroys the private key and its public half; certificates stay.
    fn delete(&mut self, key: &KeyRef) -> Result<()> {
        let (key, token) = (key.clone(), self.open.name().to_owned());
        self.writing("deleting a key", move |session| {
            let private = key_object::only_private(session, &key, &token)?;
            let whole = key_object::whole(session, private.clone(), &token).ok();
            // Only what belongs to this very key: a label or an id may be another's too.
            let publics = match (&whole, private.reference()) {
                (Some(whole), by @ KeyRef::Object { .. }) => {
                    let mut publics = key_object::matching(session, ObjectClass::PUBLIC_KEY, &by)?;
                    publics.retain(|it| {
                        it.public_key().is_ok_and(|key| key.as_ref() == Some(&whole.public_key))
                    });
                    publics
                }
                _ => Vec::new(),
            };
            session.destroy_object(private.handle)?;
            for public in publics {
                session.destroy_object(public.handle).map_err(|answer| half_done(answer.into()))?;
            }
            Ok(())
        })
    }

    /// A key that everybody sees needs no PIN to be looked at, and is weak for that alone.
    fn weaknesses(&mut self, key: &KeyRef) -> Result<Option<Vec<KeyWeakness>>> {
        let look = |who: As| {
            let (key, token) = (key.clone(), self.open.name().to_owned());
            self.reading(who, "looking at a key", move |session| {
                let private = key_object::only_private(session, &key, &token)?;
                weaknesses(session, private.handle)
            })
        };
        match look(As::Anyone) {
            Err(Error::NotFound { .. }) => look(As::User),
            seen => seen,
        }
        .map(Some)
    }
}

impl Pkcs11Token {
    /// What a new key is called, and whether it asks for the PIN each time.
    fn prepare(&self, key: &KeyRef, policy: KeyPolicy) -> Result<(Names, bool)> {
        let unsupported = |operation: &str, needs: &str| Error::Unsupported {
            operation: operation.into(),
            needs: needs.into(),
        };
        if policy.touch.is_some() {
            return Err(unsupported("a touch policy for a PKCS#11 key", "a YubiKey"));
        }
        let always = match policy.pin {
            None | Some(PinPolicy::Once) => false,
            Some(PinPolicy::Always) => true,
            Some(PinPolicy::Never) => {
                return Err(unsupported("a key that wants no PIN", "PIN policy once or always"));
            }
        };
        let (label, id) = match key {
            KeyRef::Object { label, id } => (label.clone(), id.clone()),
            _ => {
                return Err(unsupported(
                    "making a key without a name",
                    "object= or id= in the locator",
                ));
            }
        };
        let id = match id {
            Some(id) => id,
            None => {
                // What ties a certificate to its key has to be there, and to be its own.
                let mut id = vec![0; 8];
                SystemRandom::new().fill(&mut id).map_err(|unspecified| Error::Device {
                    doing: "choosing an id for a key".into(),
                    source: Box::new(unspecified),
                })?;
                id
            }
        };
        Ok((Names { label, id }, always))
    }
}

fn reference(names: &Names) -> KeyRef {
    KeyRef::Object { label: names.label.clone(), id: Some(names.id.clone()) }
}

/// Neither the label nor the id may be a key's already: the next look for it would be ambiguous.
fn nothing_there(session: &Session, names: &Names, token: &str) -> Result<(), Fault> {
    let label = names.label.clone().map(|label| KeyRef::Object { label: Some(label), id: None });
    let id = KeyRef::Object { label: None, id: Some(names.id.clone()) };
    for by in label.into_iter().chain([id]) {
        for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
            if let Some(key) = key_object::matching(session, class, &by)?.first() {
                return Err(Fault::Told(Error::AlreadyExists {
                    what: format!("{} on {token}", key.reference()),
                }));
            }
        }
    }
    Ok(())
}

/// What was made, as it is on the token.
fn read_back(
    session: &Session,
    made: &[ObjectHandle],
    names: &Names,
    token: &str,
) -> Result<KeyInfo, Fault> {
    let found = sound(session, made)
        .and_then(|()| key_object::find(session, &reference(names), token))
        .map_err(half_done)?;
    Ok(found.info())
}

/// A failure after the token was changed: a session that is lost then is no reason to begin anew.
fn half_done(fault: Fault) -> Fault {
    Fault::Told(fault.doing("looking at a key after the token was changed"))
}

/// Reads back what was made. A module that made another kind of key than it was told is not left
/// with it.
fn sound(session: &Session, made: &[ObjectHandle]) -> Result<(), Fault> {
    let Some(private) = made.first() else { return Ok(()) };
    let found = weaknesses(session, *private)?;
    if found.is_empty() {
        return Ok(());
    }
    for object in made {
        session.destroy_object(*object)?;
    }
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    Err(Fault::Told(Error::Unsupported {
        operation: format!("a safe key: the module made one that {}", found.join(" and ")),
        needs: "a module that keeps to the template it is given".into(),
    }))
}

/// The attributes that a signing key should not have.
fn weaknesses(session: &Session, key: ObjectHandle) -> Result<Vec<KeyWeakness>, Fault> {
    let mut found = Vec::new();
    for name in [
        AttributeType::Sensitive,
        AttributeType::Extractable,
        AttributeType::Wrap,
        AttributeType::Unwrap,
        AttributeType::Decrypt,
        AttributeType::Private,
    ] {
        found.extend(match optional(session, key, name)? {
            Some(Attribute::Sensitive(false)) => Some(KeyWeakness::Readable),
            Some(Attribute::Extractable(true)) => Some(KeyWeakness::Extractable),
            Some(Attribute::Wrap(true)) => Some(KeyWeakness::Wraps),
            Some(Attribute::Unwrap(true)) => Some(KeyWeakness::Unwraps),
            Some(Attribute::Decrypt(true)) => Some(KeyWeakness::Decrypts),
            Some(Attribute::Private(false)) => Some(KeyWeakness::Public),
            _ => None,
        });
    }
    Ok(found)
}

/// A kind of key that the module does not know is no failure of the device.
fn unable(fault: Fault, spec: KeySpec) -> Fault {
    use cryptoki::error::RvError;
    match fault.code() {
        Some(
            RvError::MechanismInvalid
            | RvError::CurveNotSupported
            | RvError::DomainParamsInvalid
            | RvError::KeySizeRange
            | RvError::FunctionNotSupported,
        ) => Fault::Told(Error::Unsupported {
            operation: format!("making a {spec} key on this token ({fault})"),
            needs: "another kind of key, or another module".into(),
        }),
        _ => fault,
    }
}
