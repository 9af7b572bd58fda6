//! A certification request from a config, as `openssl req -new -batch -config` makes it.

use const_oid::db::rfc5912::ID_EXTENSION_REQ;
use der::{Decode, Encode, asn1::SetOfVec};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::{
    attr::Attribute,
    ext::Extensions as ExtensionList,
    name::Name,
    request::{CertReqInfo, Version},
    serial_number::SerialNumber,
};

use super::{
    Config, Section, Value,
    encode::{OBJECT_IDENTIFIER, element, sequence, set_of},
    error::{Error, Place, Reason, shown},
    extension::{Extensions, Maker, OpenSslCompat, Purpose},
    list::named_section,
    name::{Subject, Texts},
    objects::Objects,
    prompt::{self, Answer},
    strings::{Form, Types, attribute},
};

/// OpenSSL has no bound. Attributes are compared with each other.
const MOST_ATTRIBUTES: usize = 1_000;

/// Everything about a request but its key.
#[derive(Clone, Debug)]
pub struct RequestTemplate<'a> {
    config: &'a Config,
    objects: Objects,
    texts: Texts,
    subject: Name,
    attributes: Vec<Attribute>,
    extensions: Option<&'a Value>,
    unanswered: Vec<Unanswered>,
}

/// A subject attribute that `openssl req -batch` leaves out: the config asks for it and gives neither
/// default nor value.
#[derive(Clone, Debug)]
pub struct Unanswered {
    /// The key, such as `commonName`.
    pub name: String,
    /// The question, such as `Common Name (your server's name)`.
    pub question: String,
    /// Where it is asked.
    pub place: Place,
}

impl Config {
    /// The request that this config describes.
    ///
    /// With `prompt = no` the section named by `distinguished_name` *is* the subject. Otherwise it is
    /// a list of questions, answered by their `_value` or `_default`; [`RequestTemplate::unanswered`]
    /// tells which had neither and so are left out, as with `openssl req -batch`.
    ///
    /// # Errors
    /// Whatever `openssl req -new -batch` refuses; the error names file and line.
    pub fn request(&self) -> Result<RequestTemplate<'_>, Error> {
        let objects = Objects::of_request(self)?;
        if let Some(name) = self.request_value(b"x509_extensions") {
            // Not for requests, but OpenSSL looks whether its syntax is right.
            let section = named_section(self, name.bytes(), name.place())?;
            let texts = Texts { form: Form::Latin1, mask: Types::UTF8 };
            let (subject, purpose) = (Name::default(), Purpose::Check);
            Maker::new(self, &objects, texts, &subject, purpose, name.place())?.section(section)?;
        }
        let mask = match self.request_value(b"string_mask") {
            Some(value) => {
                Types::from_mask(value.bytes()).map_err(|reason| value.place().error(reason))?
            }
            None => Types::UTF8,
        };
        let utf8 = self.request_value(b"utf8").is_some_and(|value| value.bytes() == b"yes");
        let texts = Texts { form: if utf8 { Form::Utf8 } else { Form::Latin1 }, mask };
        let named = self.request_value(b"distinguished_name").ok_or_else(|| {
            let place = self.section(b"req").map(Section::place);
            let file = Place::file(self.file_name());
            let (section, name) = ("req".into(), "distinguished_name".into());
            place.unwrap_or(&file).error(Reason::NoValue { section, name })
        })?;
        let section = named_section(self, named.bytes(), named.place())?;
        let attribute_section = match self.request_value(b"attributes") {
            Some(name) => Some(named_section(self, name.bytes(), name.place())?),
            None => None,
        };
        let asked = self.request_value(b"prompt").is_none_or(|value| value.bytes() != b"no");
        let mut unanswered = Vec::new();
        let subject = if asked {
            prompt::subject(self, section, named.place(), &objects, texts, &mut unanswered)?
        } else {
            Subject::of_section(section, &objects, texts)?
        };
        if subject.is_empty() {
            let section = shown(section.name());
            return Err(named.place().error(Reason::EmptySubject { section }));
        }
        let mut attributes = Vec::new();
        if let Some(section) = attribute_section {
            let answers = if asked {
                prompt::attributes(self, section, &objects)?
            } else {
                let answer = |value: &Value| Answer {
                    name: value.name().to_vec(),
                    text: value.bytes().to_vec(),
                    place: value.place().clone(),
                };
                section.values().map(answer).collect()
            };
            for Answer { name, text, place } in answers {
                let made = request_attribute(&name, &text, &objects, texts);
                let made = made.map_err(|reason| place.error(reason))?;
                if attributes.iter().any(|earlier: &Attribute| earlier.oid == made.oid) {
                    return Err(place.error(Reason::Twice { name: shown(&name) }));
                }
                if attributes.len() >= MOST_ATTRIBUTES {
                    let (what, limit) = ("attributes of a request", MOST_ATTRIBUTES);
                    return Err(place.error(Reason::TooMany { what, limit }));
                }
                attributes.push(made);
            }
        }
        let subject = subject.to_name(section.place())?;
        let extensions = self.request_value(b"req_extensions");
        Ok(RequestTemplate {
            config: self,
            objects,
            texts,
            subject,
            attributes,
            extensions,
            unanswered,
        })
    }

    /// A value of the section `req`, or else of the default one.
    fn request_value(&self, name: &[u8]) -> Option<&Value> {
        self.value(b"req", name)
    }
}

impl<'a> RequestTemplate<'a> {
    /// The subject. [`RequestTemplate::info`] may take its e-mail addresses out (`email:move`).
    #[must_use]
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// The attributes besides the requested extensions.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// Questions of the config that nobody answers.
    #[must_use]
    pub fn unanswered(&self) -> &[Unanswered] {
        &self.unanswered
    }

    /// Refuses a config with questions that nobody answers, for programs that would rather stop than
    /// leave attributes out.
    ///
    /// # Errors
    /// [`Reason::Unanswered`] for the first such question, with its place.
    pub fn require_answers(&self) -> Result<(), Error> {
        match self.unanswered.first() {
            Some(it) => Err(it.place.error(Reason::Unanswered { name: it.name.clone() })),
            None => Ok(()),
        }
    }

    /// The digest (`default_md`), such as `sha256`, where the config has one. Whether there is such a
    /// digest is for the signer to say; its error can name the value's place.
    #[must_use]
    pub fn digest(&self) -> Option<&'a Value> {
        self.config.request_value(b"default_md")
    }

    /// The section of the requested extensions (`req_extensions`), where the config has one.
    #[must_use]
    pub fn extensions_section(&self) -> Option<String> {
        self.extensions.map(|value| shown(value.bytes()))
    }

    /// The extensions that the request asks for, from `req_extensions`.
    ///
    /// # Errors
    /// As [`RequestTemplate::extensions_of`].
    pub fn extensions(&self, key: &SubjectPublicKeyInfoOwned) -> Result<Extensions, Error> {
        match self.extensions {
            Some(name) => self.made(name.bytes(), name.place(), key),
            None => Ok(Extensions { list: Vec::new(), moved_subject: None }),
        }
    }

    /// The extensions of another section, as `openssl req -reqexts section` takes them.
    ///
    /// # Errors
    /// There is no such section, or one of its values is refused; the error names file and line.
    /// A request has no issuer, so nothing may be taken from one.
    pub fn extensions_of(
        &self,
        section: &str,
        key: &SubjectPublicKeyInfoOwned,
    ) -> Result<Extensions, Error> {
        self.made(section.as_bytes(), &Place::file(self.config.file_name()), key)
    }

    /// The extensions of a certificate that the key gives itself, from `x509_extensions`, as
    /// `openssl req -x509` makes them.
    ///
    /// # Errors
    /// As [`RequestTemplate::extensions_of`]. `email:move` is refused: the certificate would name
    /// another issuer than its subject.
    pub fn self_signed_extensions(
        &self,
        key: &SubjectPublicKeyInfoOwned,
        serial: &SerialNumber,
    ) -> Result<ExtensionList, Error> {
        let Some(name) = self.config.request_value(b"x509_extensions") else {
            return Ok(ExtensionList::new());
        };
        let section = named_section(self.config, name.bytes(), name.place())?;
        let purpose = Purpose::SelfSigned { key, name: &self.subject, serial };
        let (config, subject, place) = (self.config, &self.subject, name.place());
        let mut maker = Maker::new(config, &self.objects, self.texts, subject, purpose, place)?;
        let list = maker.certificate_section(section, OpenSslCompat::V3, place)?;
        let made = maker.finish(list, place)?;
        match made.moved_subject {
            None => Ok(made.list),
            Some(_) => Err(place.error(Reason::Unsupported {
                what: "email:move in a self-signed certificate".into(),
            })),
        }
    }

    /// What a request's signature covers (`CertificationRequestInfo`, RFC 2986, 4.1), with the
    /// extensions of `req_extensions` and all other attributes.
    ///
    /// # Errors
    /// As [`RequestTemplate::extensions_of`].
    pub fn info(&self, key: &SubjectPublicKeyInfoOwned) -> Result<CertReqInfo, Error> {
        let place = self.extensions.map(|value| value.place().clone());
        let place = place.unwrap_or_else(|| Place::file(self.config.file_name()));
        let extensions = self.extensions(key)?;
        let mut attributes = self.attributes.clone();
        if !extensions.list.is_empty() {
            if attributes.iter().any(|it| it.oid == ID_EXTENSION_REQ) {
                return Err(place.error(Reason::Twice { name: "extReq".into() }));
            }
            attributes.push(extension_request(&extensions, &place)?);
        }
        let attributes = SetOfVec::try_from(attributes)
            .map_err(|_| place.error(Reason::Twice { name: "attribute".into() }))?;
        Ok(CertReqInfo {
            version: Version::V1,
            subject: extensions.moved_subject.unwrap_or_else(|| self.subject.clone()),
            public_key: key.clone(),
            attributes,
        })
    }

    fn made(
        &self,
        name: &[u8],
        place: &Place,
        key: &SubjectPublicKeyInfoOwned,
    ) -> Result<Extensions, Error> {
        let section = named_section(self.config, name, place)?;
        let purpose = Purpose::Request { key };
        let (config, subject) = (self.config, &self.subject);
        let mut maker = Maker::new(config, &self.objects, self.texts, subject, purpose, place)?;
        let list = maker.section(section)?;
        maker.finish(list, place)
    }
}

fn request_attribute(
    name: &[u8],
    text: &[u8],
    objects: &Objects,
    texts: Texts,
) -> Result<Attribute, Reason> {
    let oid = objects.resolve(name)?;
    let value = attribute(&oid, text, texts.form, texts.mask)?;
    let identifier = oid.identifier()?;
    let identifier = element(OBJECT_IDENTIFIER, identifier.as_bytes());
    Attribute::from_der(&sequence(&[identifier, set_of(vec![value])].concat()))
        .map_err(|_| Reason::invalid("attribute", text))
}

/// extensionRequest (RFC 2985, 5.4.2).
fn extension_request(extensions: &Extensions, place: &Place) -> Result<Attribute, Error> {
    let invalid = || place.error(Reason::Missing { what: "valid extension" });
    let list = extensions.list.to_der().map_err(|_| invalid())?;
    let identifier = element(OBJECT_IDENTIFIER, ID_EXTENSION_REQ.as_bytes());
    Attribute::from_der(&sequence(&[identifier, set_of(vec![list])].concat()))
        .map_err(|_| invalid())
}
