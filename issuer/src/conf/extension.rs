//! Extensions from a section.

use const_oid::db::rfc5280::{
    ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_SUBJECT_ALT_NAME, ID_CE_SUBJECT_KEY_IDENTIFIER,
};
use der::{Decode, Encode, asn1::ObjectIdentifier, asn1::OctetString, asn1::OctetStringRef};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::{
    Certificate, ext::Extension, ext::Extensions as ExtensionList, name::Name,
    serial_number::SerialNumber,
};

use super::{
    Config, Section, asn1,
    error::{Error, Place, Reason, shown},
    list::{hex, named_section},
    name::{Subject, Texts},
    objects::Objects,
    strings::{Form, Types},
};

mod general_name;
mod identifiers;
mod ip;
mod kinds;
mod points;
mod policy;

/// Work that one call may do, in octets made and parts looked at. Sections can name each other so that
/// the result doubles with each line; OpenSSL has no bound here but its memory.
const MOST_WORK: usize = 1 << 20;

/// Which OpenSSL to be like where they differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenSslCompat {
    /// OpenSSL 3: `x509 -req` adds subjectKeyIdentifier and authorityKeyIdentifier to a certificate
    /// that has any extension, where its section names neither; `none` suppresses them.
    #[default]
    V3,
    /// OpenSSL 1.1.1: nothing is added. (It does not know `none`; here that still leaves the extension
    /// out.)
    V1_1_1,
}

/// What extensions of a certificate are made from, besides their config.
#[derive(Clone, Copy, Debug)]
pub struct ExtensionContext<'a> {
    /// Subject of the certificate, for `email:copy` and `email:move`.
    pub subject: &'a Name,
    /// Key of the certificate, for `subjectKeyIdentifier = hash`.
    pub subject_key: &'a SubjectPublicKeyInfoOwned,
    /// The issuing certificate.
    pub issuer: IssuerContext<'a>,
}

/// What extensions take from the issuing certificate.
#[derive(Clone, Copy, Debug)]
pub struct IssuerContext<'a> {
    /// Value of its subjectKeyIdentifier, where it has one.
    pub key_identifier: Option<&'a [u8]>,
    /// The name of *its* issuer: with the serial number it tells which certificate it is.
    pub issuer_name: &'a Name,
    /// Its serial number.
    pub serial: &'a SerialNumber,
    /// Its subjectAltName in DER, for `issuerAltName = issuer:copy`.
    pub alternative_names: Option<&'a [u8]>,
}

impl<'a> IssuerContext<'a> {
    /// Reads the issuing certificate.
    #[must_use]
    pub fn of_certificate(certificate: &'a Certificate) -> Self {
        let tbs = certificate.tbs_certificate();
        let value = |wanted: ObjectIdentifier| {
            let found = tbs.extensions()?.iter().find(|extension| extension.extn_id == wanted)?;
            Some(found.extn_value.as_bytes())
        };
        let identifier = value(ID_CE_SUBJECT_KEY_IDENTIFIER)
            .and_then(|der| <&OctetStringRef>::from_der(der).ok())
            .map(OctetStringRef::as_bytes);
        Self {
            key_identifier: identifier.filter(|bytes| !bytes.is_empty()),
            issuer_name: tbs.issuer(),
            serial: tbs.serial_number(),
            alternative_names: value(ID_CE_SUBJECT_ALT_NAME),
        }
    }
}

/// Extensions made from a config.
#[derive(Clone, Debug)]
pub struct Extensions {
    /// The extensions, in order.
    pub list: ExtensionList,
    /// The subject without its e-mail addresses, where `email:move` has taken them out.
    pub moved_subject: Option<Name>,
}

impl Config {
    /// The extensions of a certificate, as `openssl x509 -req -extfile … -extensions section` makes
    /// them. As there, names come from OpenSSL's table alone (an `oid_section` counts in requests only),
    /// and the later of two extensions with one OID replaces the earlier.
    ///
    /// # Errors
    /// There is no such section, or one of its values is refused; the error names file and line.
    pub fn extensions(
        &self,
        section: &str,
        context: &ExtensionContext<'_>,
        compat: OpenSslCompat,
    ) -> Result<Extensions, Error> {
        let objects = Objects::default();
        let place = Place::file(self.file_name());
        let section = named_section(self, section.as_bytes(), &place)?;
        let texts = Texts { form: Form::Latin1, mask: Types::UTF8 };
        let purpose = Purpose::Certificate { key: context.subject_key, issuer: context.issuer };
        let mut maker = Maker::new(self, &objects, texts, context.subject, purpose, &place)?;
        let list = maker.certificate_section(section, compat, &place)?;
        maker.finish(list, &place)
    }
}

fn is_identifier(oid: &ObjectIdentifier) -> bool {
    [ID_CE_SUBJECT_KEY_IDENTIFIER, ID_CE_AUTHORITY_KEY_IDENTIFIER].contains(oid)
}

fn extension(
    extn_id: ObjectIdentifier,
    critical: bool,
    value: Vec<u8>,
    place: &Place,
) -> Result<Extension, Error> {
    let extn_value =
        OctetString::new(value).map_err(|_| place.error(Reason::TooLarge { limit: MOST_WORK }))?;
    Ok(Extension { extn_id, critical, extn_value })
}

/// What the extensions are made for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose<'a> {
    /// A certificate: of two extensions with one OID the later replaces the earlier.
    Certificate { key: &'a SubjectPublicKeyInfoOwned, issuer: IssuerContext<'a> },
    /// A certificate that is its own issuer; else as another.
    SelfSigned { key: &'a SubjectPublicKeyInfoOwned, name: &'a Name, serial: &'a SerialNumber },
    /// A request, which has no issuer: of two extensions with one OID both stay.
    Request { key: &'a SubjectPublicKeyInfoOwned },
    /// Nothing: only the syntax counts, and what subject and issuer would give stays empty.
    Check,
}

/// Makes extensions; the values of a section change it only by `email:move`.
pub(super) struct Maker<'a> {
    config: &'a Config,
    objects: &'a Objects,
    texts: Texts,
    subject: Subject,
    moved: bool,
    purpose: Purpose<'a>,
    earlier: Earlier,
    work: usize,
}

/// What extensions of a self-signed certificate take from those before them.
#[derive(Default)]
struct Earlier {
    key_identifier: Option<OctetString>,
    alternative_names: Option<OctetString>,
}

impl<'a> Maker<'a> {
    pub(super) fn new(
        config: &'a Config,
        objects: &'a Objects,
        texts: Texts,
        subject: &Name,
        purpose: Purpose<'a>,
        place: &Place,
    ) -> Result<Self, Error> {
        let subject = Subject::of_name(subject)
            .map_err(|_| place.error(Reason::Missing { what: "valid subject" }))?;
        // Names within extensions are Latin-1, whatever `utf8` says of the subject.
        let texts = Texts { form: Form::Latin1, ..texts };
        let earlier = Earlier::default();
        Ok(Self { config, objects, texts, subject, moved: false, purpose, earlier, work: 0 })
    }

    pub(super) fn section(&mut self, section: &Section) -> Result<ExtensionList, Error> {
        let mut list = ExtensionList::new();
        for value in section.values() {
            let made = self.extension(value.name(), value.bytes(), value.place())?;
            // Looking through the earlier ones is work, too.
            self.spend(list.len(), value.place())?;
            if matches!(self.purpose, Purpose::Certificate { .. } | Purpose::SelfSigned { .. }) {
                list.retain(|earlier| earlier.extn_id != made.extn_id);
            }
            match made.extn_id {
                ID_CE_SUBJECT_KEY_IDENTIFIER => {
                    self.earlier.key_identifier = Some(made.extn_value.clone());
                }
                ID_CE_SUBJECT_ALT_NAME => {
                    self.earlier.alternative_names = Some(made.extn_value.clone());
                }
                _ => {}
            }
            list.push(made);
        }
        Ok(list)
    }

    /// The extensions of a certificate: with the identifiers that OpenSSL adds, and without those
    /// that are not wanted. One that is its own issuer is given no authorityKeyIdentifier unasked.
    pub(super) fn certificate_section(
        &mut self,
        section: &Section,
        compat: OpenSslCompat,
        place: &Place,
    ) -> Result<ExtensionList, Error> {
        let mut list = self.section(section)?;
        // "none" makes an identifier of two octets or fewer, which marks the extension as unwanted.
        let any = !list.is_empty();
        let named = |list: &ExtensionList, oid| list.iter().any(|it| it.extn_id == oid);
        let subject_named = named(&list, ID_CE_SUBJECT_KEY_IDENTIFIER);
        let authority_named = named(&list, ID_CE_AUTHORITY_KEY_IDENTIFIER);
        list.retain(|it| !is_identifier(&it.extn_id) || it.extn_value.as_bytes().len() > 2);
        if compat == OpenSslCompat::V3 && any {
            if !subject_named {
                let value = self.subject_key_identifier(b"hash", place)?;
                list.push(extension(ID_CE_SUBJECT_KEY_IDENTIFIER, false, value, place)?);
            }
            if !authority_named && !matches!(self.purpose, Purpose::SelfSigned { .. }) {
                let value = self.authority_key_identifier(b"keyid, issuer", place)?;
                list.push(extension(ID_CE_AUTHORITY_KEY_IDENTIFIER, false, value, place)?);
            }
        }
        Ok(list)
    }

    pub(super) fn finish(self, list: ExtensionList, place: &Place) -> Result<Extensions, Error> {
        let moved_subject = if self.moved { Some(self.subject.to_name(place)?) } else { None };
        Ok(Extensions { list, moved_subject })
    }

    fn extension(&mut self, name: &[u8], text: &[u8], place: &Place) -> Result<Extension, Error> {
        let (critical, text) = match text.strip_prefix(b"critical,") {
            Some(rest) => (true, c_trim_start(rest)),
            None => (false, text),
        };
        self.spend(text.len(), place)?;
        let oid = |maker: &Self| {
            let oid = maker.objects.resolve(name).map_err(|reason| place.error(reason))?;
            oid.identifier().map_err(|_| place.error(Reason::OidTooLarge { text: shown(name) }))
        };
        if let Some(digits) = text.strip_prefix(b"DER:") {
            let value = hex(c_trim_start(digits)).map_err(|reason| place.error(reason))?;
            return extension(oid(self)?, critical, value, place);
        }
        if let Some(source) = text.strip_prefix(b"ASN1:") {
            let value = asn1::generate(self, c_trim_start(source), place)?;
            return extension(oid(self)?, critical, value, place);
        }
        let Some(kind) = std::str::from_utf8(name).ok().and_then(kinds::Kind::by_name) else {
            // Only short names lead to a syntax of their own; long names and OIDs need DER: or ASN1:.
            return Err(place.error(match self.objects.resolve(name) {
                Ok(_) => Reason::Unsupported { what: shown(name) },
                Err(_) => Reason::UnknownExtension { name: shown(name) },
            }));
        };
        let value = self.value(kind, text, place)?;
        extension(oid(self)?, critical, value, place)
    }

    /// Counts work; refuses to go on for ever.
    pub(super) fn spend(&mut self, octets: usize, place: &Place) -> Result<(), Error> {
        self.work = self.work.saturating_add(octets).saturating_add(16);
        if self.work > MOST_WORK {
            return Err(place.error(Reason::TooLarge { limit: MOST_WORK }));
        }
        Ok(())
    }

    pub(super) fn purpose(&self) -> Purpose<'a> {
        self.purpose
    }

    pub(super) fn config(&self) -> &'a Config {
        self.config
    }

    pub(super) fn objects(&self) -> &'a Objects {
        self.objects
    }
}

/// Without leading white space; what trails is part of the value.
fn c_trim_start(text: &[u8]) -> &[u8] {
    let space = |byte: &u8| matches!(byte, b' ' | 9..=13);
    let start = text.iter().position(|byte| !space(byte)).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

/// The DER of a value of `x509-cert`'s.
fn encoded(value: &impl Encode, place: &Place) -> Result<Vec<u8>, Error> {
    value.to_der().map_err(|_| place.error(Reason::Missing { what: "valid issuer certificate" }))
}
