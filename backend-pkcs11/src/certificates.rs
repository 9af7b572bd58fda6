//! Certificate objects next to the key they are for, and the chain above them.

use aws_lc_rs::digest;
use cryptoki::object::{Attribute, CertificateType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use der::{Decode, Encode};
use signer_core::{
    CertStore, Error, KeyRef, Result, SubjectPublicKeyInfoOwned, WhenKeysDiffer, verify,
};
use x509_cert::Certificate;

use crate::fault::Fault;
use crate::fingerprint::fingerprint;
use crate::key_object;
use crate::open_token::As;
use crate::token::Pkcs11Token;

/// Chains are short; more means that they go in a circle.
const LONGEST_CHAIN: usize = 10;

impl CertStore for Pkcs11Token {
    /// The certificate of the key's id that is for this key. One of another key under the same id is
    /// an error and never handed out.
    fn read(&mut self, key: &KeyRef) -> Result<Vec<u8>> {
        let (key, token) = (key.clone(), self.open.name().to_owned());
        self.reading_shown("reading a certificate", move |session| {
            let place = Place::shown(session, &key, &token)?;
            encoded(&place.own(session)?.1)
        })
    }

    /// What was there for the same key is replaced, after the new one has been read back.
    fn write(&mut self, key: &KeyRef, certificate: &[u8], differ: WhenKeysDiffer) -> Result<()> {
        let new = parsed(certificate)?;
        let (key, token) = (key.clone(), self.open.name().to_owned());
        self.writing("writing a certificate", move |session| {
            let place = Place::of(session, &key, &token)?;
            let theirs = new.tbs_certificate().subject_public_key_info();
            if *theirs != place.public_key && differ == WhenKeysDiffer::Refuse {
                return Err(place.another(theirs));
            }
            let mut old = key_object::certificates(session, &place.by_id())?;
            old.retain(|(_, it)| it.tbs_certificate().subject_public_key_info() == theirs);
            if old.iter().any(|(_, it)| *it == new) {
                return Ok(());
            }
            store(session, &new, place.label.as_deref(), &place.id)?;
            for (handle, _) in old {
                session.destroy_object(handle)?;
            }
            Ok(())
        })
    }

    fn remove(&mut self, key: &KeyRef) -> Result<()> {
        let (key, token) = (key.clone(), self.open.name().to_owned());
        self.writing("removing a certificate", move |session| {
            let place = Place::of(session, &key, &token)?;
            Ok(session.destroy_object(place.own(session)?.0)?)
        })
    }

    fn keeps_chains(&self) -> bool {
        true
    }

    fn read_chain(&mut self, key: &KeyRef) -> Result<Vec<Vec<u8>>> {
        let (key, token) = (key.clone(), self.open.name().to_owned());
        self.reading_shown("reading certificates", move |session| {
            let place = Place::shown(session, &key, &token)?;
            let all = key_object::certificates(session, &KeyRef::Sole)?;
            let mut last = place.own(session)?.1;
            let mut chain = Vec::new();
            while chain.len() < LONGEST_CHAIN && !issued(&last, &last) {
                let Some((_, next)) = all.iter().find(|(_, it)| issued(it, &last)) else { break };
                chain.push(encoded(next)?);
                last = next.clone();
            }
            Ok(chain)
        })
    }

    fn write_chain(&mut self, key: &KeyRef, chain: &[Vec<u8>]) -> Result<()> {
        let chain: Vec<Certificate> = chain.iter().map(|it| parsed(it)).collect::<Result<_>>()?;
        let (key, token) = (key.clone(), self.open.name().to_owned());
        self.writing("writing certificates", move |session| {
            let place = Place::of(session, &key, &token)?;
            let all = key_object::certificates(session, &KeyRef::Sole)?;
            let mut last = place.own(session)?.1;
            for next in &chain {
                if !issued(next, &last) {
                    return Err(Fault::Told(Error::Unsupported {
                        operation: format!(
                            "storing {:?}, which did not issue {:?},",
                            next.tbs_certificate().subject().to_string(),
                            last.tbs_certificate().subject().to_string()
                        ),
                        needs: "a chain in order, each issued by the next".into(),
                    }));
                }
                last = next.clone();
            }
            for next in chain.iter().filter(|next| !all.iter().any(|(_, it)| it == *next)) {
                store(session, next, None, &own_id(next))?;
            }
            Ok(())
        })
    }
}

impl Pkcs11Token {
    /// Reads what most tokens show to anyone, and as the user where this one does not.
    fn reading_shown<R: Send + 'static>(
        &self,
        what: &str,
        act: impl Fn(&Session) -> Result<R, Fault> + Clone + Send + 'static,
    ) -> Result<R> {
        match self.reading(As::Anyone, what, act.clone()) {
            Err(Error::NotFound { .. } | Error::AnotherKey { .. }) => {
                self.reading(As::User, what, act)
            }
            read => read,
        }
    }
}

/// Where a key's certificate lies.
struct Place {
    name: String,
    label: Option<String>,
    id: Vec<u8>,
    public_key: SubjectPublicKeyInfoOwned,
}

impl Place {
    fn of(session: &Session, key: &KeyRef, token: &str) -> Result<Self, Fault> {
        let found = key_object::find(session, key, token)?;
        let name = format!("{} of {token}", found.private.reference());
        let Some(id) = found.private.id else {
            return Err(Fault::Told(Error::Unsupported {
                operation: format!("a certificate beside {name}"),
                needs: "a key with an id".into(),
            }));
        };
        Ok(Self { name, label: found.private.label, id, public_key: found.public_key })
    }

    /// The same where the private key may be hidden from whoever has not logged in: then the one
    /// public key of that name stands for it.
    fn shown(session: &Session, key: &KeyRef, token: &str) -> Result<Self, Fault> {
        let hidden = match key_object::only_private(session, key, token) {
            Err(hidden @ Fault::Told(Error::NotFound { .. })) => hidden,
            _ => return Self::of(session, key, token),
        };
        let mut public = key_object::matching(session, ObjectClass::PUBLIC_KEY, key)?;
        let (Some(public), true) = (public.pop(), public.is_empty()) else { return Err(hidden) };
        let (Some(id), Some(public_key)) = (public.id.clone(), public.public_key()?) else {
            return Err(hidden);
        };
        let name = format!("{} of {token}", public.reference());
        Ok(Self { name, label: public.label, id, public_key })
    }

    fn by_id(&self) -> KeyRef {
        KeyRef::Object { label: None, id: Some(self.id.clone()) }
    }

    /// The one certificate here that is for this key.
    fn own(&self, session: &Session) -> Result<(ObjectHandle, Certificate), Fault> {
        let (mut own, others): (Vec<_>, Vec<_>) =
            key_object::certificates(session, &self.by_id())?.into_iter().partition(|(_, it)| {
                *it.tbs_certificate().subject_public_key_info() == self.public_key
            });
        let what = || format!("certificate beside {}", self.name);
        match (own.pop(), own.is_empty(), others.first()) {
            (Some(one), true, _) => Ok(one),
            (Some(last), false, _) => {
                own.push(last);
                let candidates = own.iter().map(|(_, it)| described(it)).collect();
                Err(Fault::Told(Error::Ambiguous { what: what(), candidates }))
            }
            (None, _, Some((_, other))) => {
                Err(self.another(other.tbs_certificate().subject_public_key_info()))
            }
            (None, _, None) => Err(Fault::Told(Error::NotFound { what: what() })),
        }
    }

    fn another(&self, found: &SubjectPublicKeyInfoOwned) -> Fault {
        Fault::Told(Error::AnotherKey {
            origin: format!("the certificate beside {}", self.name),
            expected: fingerprint(&self.public_key),
            found: fingerprint(found),
        })
    }
}

fn parsed(der: &[u8]) -> Result<Certificate> {
    Certificate::from_der(der).map_err(|error| Error::Device {
        doing: "reading the certificate that is to be stored".into(),
        source: Box::new(error),
    })
}

/// Writes a certificate object (PKCS#11 3.1 section 4.6.3) and reads it back.
fn store(
    session: &Session,
    certificate: &Certificate,
    label: Option<&str>,
    id: &[u8],
) -> Result<(), Fault> {
    let failed = |error: der::Error| Fault::Nonsense(format!("the certificate: {error}"));
    let content = certificate.tbs_certificate();
    let subject = content.subject().to_string();
    let value = encoded(certificate)?;
    let handle = session.create_object(&[
        Attribute::Class(ObjectClass::CERTIFICATE),
        Attribute::CertificateType(CertificateType::X_509),
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Label(label.unwrap_or(&subject).as_bytes().to_vec()),
        Attribute::Id(id.to_vec()),
        Attribute::Subject(content.subject().to_der().map_err(failed)?),
        Attribute::Issuer(content.issuer().to_der().map_err(failed)?),
        Attribute::SerialNumber(content.serial_number().to_der().map_err(failed)?),
        Attribute::Value(value),
    ])?;
    let by = KeyRef::Object { label: None, id: Some(id.to_vec()) };
    let back = key_object::certificates(session, &by)?;
    if back.iter().any(|(it, read)| *it == handle && read == certificate) {
        return Ok(());
    }
    session.destroy_object(handle)?;
    Err(Fault::Nonsense("the certificate did not read back as it was written".into()))
}

/// An id for a certificate whose key is elsewhere: SHA-1 of its key, cut from SHA-256 instead.
fn own_id(certificate: &Certificate) -> Vec<u8> {
    let key = certificate.tbs_certificate().subject_public_key_info();
    let mut id =
        digest::digest(&digest::SHA256, key.subject_public_key.raw_bytes()).as_ref().to_vec();
    id.truncate(20);
    id
}

/// Whether a certificate is signed by the key of another, by name and by signature.
fn issued(issuer: &Certificate, certificate: &Certificate) -> bool {
    let (above, below) = (issuer.tbs_certificate(), certificate.tbs_certificate());
    let Ok(message) = below.to_der() else { return false };
    above.subject() == below.issuer()
        && verify::verify_signature(
            above.subject_public_key_info(),
            certificate.signature_algorithm(),
            &message,
            certificate.signature().raw_bytes(),
        )
        .is_ok()
}

fn encoded(certificate: &Certificate) -> Result<Vec<u8>, Fault> {
    certificate.to_der().map_err(|error| Fault::Nonsense(format!("the certificate: {error}")))
}

fn described(certificate: &Certificate) -> String {
    let content = certificate.tbs_certificate();
    format!("{} serial {}", content.subject(), content.serial_number())
}
