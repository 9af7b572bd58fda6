//! The judge: runs `openssl`, and Touchmark's reader, on the same config.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
};

use der::{Decode, Encode, Reader, SliceReader};
use issuer::conf::{Config, Error, ExtensionContext, Files, IssuerContext, OpenSslCompat, Options};
use spki::SubjectPublicKeyInfoOwned;
use tempfile::TempDir;
use x509_cert::{Certificate, request::CertReq, serial_number::SerialNumber};

/// A key, a request and two issuers, made once per test.
pub(crate) struct Lab {
    folder: TempDir,
    request: CertReq,
    issuer: Certificate,
    issuer_without_identifier: Certificate,
}

/// Which of the two issuers signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Issuer {
    /// Has a key identifier and a subjectAltName.
    Full,
    /// Has neither.
    Bare,
}

/// Subject, and extensions as (OID, critical, value).
pub(crate) type Issued = (Vec<u8>, Vec<(String, bool, Vec<u8>)>);

const LAB: &str = "
[req]
prompt = no
distinguished_name = ca
[ca]
C = DE
O = Touchmark
CN = Issuer
[full]
basicConstraints = critical,CA:TRUE
subjectKeyIdentifier = hash
subjectAltName = DNS:issuer.example,email:ca@issuer.example
[bare]
basicConstraints = critical,CA:TRUE
subjectKeyIdentifier = none
authorityKeyIdentifier = none
[device]
prompt = no
distinguished_name = device_dn
[device_dn]
C = DE
0.emailAddress = first@example.com
CN = device
+1.emailAddress = second@example.com
2.emailAddress = third@example.com
";

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("lab.cnf"), LAB).unwrap();
        let run = |line: &str| {
            let output = openssl(folder.path(), folder.path(), &[])
                .args(line.split(' '))
                .output()
                .expect("the openssl program must be installed");
            assert!(output.status.success(), "openssl {line}: {}", text(&output));
        };
        for key in ["ca", "device"] {
            run(&format!("ecparam -name prime256v1 -genkey -noout -out {key}.key"));
        }
        for (issuer, serial) in [("full", "0x8182838485"), ("bare", "77")] {
            run(&format!(
                "req -x509 -new -key ca.key -config lab.cnf -extensions {issuer} -days 9000 \
                 -set_serial {serial} -out {issuer}.pem"
            ));
            run(&format!("x509 -in {issuer}.pem -outform DER -out {issuer}.der"));
        }
        run("req -new -key device.key -config lab.cnf -section device -out device.csr");
        run("req -in device.csr -outform DER -out device.der");
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        Self {
            request: CertReq::from_der(&read("device.der")).unwrap(),
            issuer: Certificate::from_der(&read("full.der")).unwrap(),
            issuer_without_identifier: Certificate::from_der(&read("bare.der")).unwrap(),
            folder,
        }
    }

    /// A folder of this lab's, for configs that tests write.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The judge's name, such as `OpenSSL 3.0.19`.
    pub(crate) fn version(&self) -> String {
        let output = openssl(self.folder(), self.folder(), &[]).arg("version").output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    pub(crate) fn key(&self) -> &SubjectPublicKeyInfoOwned {
        &self.request.info.public_key
    }

    /// What the signature of `openssl req -new -batch -config` covers.
    pub(crate) fn their_request(
        &self,
        config: &Path,
        variables: &[(String, String)],
    ) -> Result<Vec<u8>, String> {
        let output = self
            .openssl(config, variables)
            .args(["req", "-new", "-batch", "-outform", "DER", "-config"])
            .arg(config.file_name().unwrap())
            .arg("-key")
            .arg(self.path("device.key"))
            .output()
            .unwrap();
        if !output.status.success() {
            return Err(text(&output));
        }
        let mut reader = SliceReader::new(&output.stdout).unwrap();
        let info = reader.sequence::<_, _, der::Error>(|reader: &mut SliceReader<'_>| {
            let info = reader.tlv_bytes()?.to_vec();
            reader.tlv_bytes()?;
            reader.tlv_bytes()?;
            Ok(info)
        });
        Ok(info.unwrap())
    }

    /// Subject and extensions of what `openssl x509 -req -extfile -extensions` makes.
    pub(crate) fn their_certificate(
        &self,
        config: &Path,
        section: &str,
        issuer: Issuer,
        variables: &[(String, String)],
    ) -> Result<Issued, String> {
        let certificate = match issuer {
            Issuer::Full => "full.pem",
            Issuer::Bare => "bare.pem",
        };
        let output = self
            .openssl(config, variables)
            .args(["x509", "-req", "-set_serial", "5", "-outform", "DER", "-in"])
            .arg(self.path("device.csr"))
            .arg("-CA")
            .arg(self.path(certificate))
            .arg("-CAkey")
            .arg(self.path("ca.key"))
            .arg("-extfile")
            .arg(config.file_name().unwrap())
            .args(["-extensions", section])
            .output()
            .unwrap();
        issued(config, &output)
    }

    /// Subject and extensions of what `openssl req -x509 -new -batch -config` makes.
    pub(crate) fn their_self_signed(
        &self,
        config: &Path,
        variables: &[(String, String)],
    ) -> Result<Issued, String> {
        let output = self
            .openssl(config, variables)
            .args(["req", "-x509", "-new", "-batch", "-set_serial", "5", "-outform", "DER"])
            .arg("-config")
            .arg(config.file_name().unwrap())
            .arg("-key")
            .arg(self.path("device.key"))
            .output()
            .unwrap();
        issued(config, &output)
    }

    /// What Touchmark makes of the same config: the bytes that a request's signature covers.
    pub(crate) fn our_request(
        &self,
        config: &Path,
        variables: &[(String, String)],
    ) -> Result<Vec<u8>, Error> {
        let config = load(config, variables)?;
        let request = config.request()?;
        Ok(request.info(self.key())?.to_der().unwrap())
    }

    /// What Touchmark makes of the same config: subject and extensions.
    pub(crate) fn our_certificate(
        &self,
        config: &Path,
        section: &str,
        issuer: Issuer,
        variables: &[(String, String)],
    ) -> Result<Issued, Error> {
        let config = load(config, variables)?;
        let issuer = match issuer {
            Issuer::Full => &self.issuer,
            Issuer::Bare => &self.issuer_without_identifier,
        };
        let context = ExtensionContext {
            subject: &self.request.info.subject,
            subject_key: self.key(),
            issuer: IssuerContext::of_certificate(issuer),
        };
        let made = config.extensions(section, &context, OpenSslCompat::V3)?;
        let subject = made.moved_subject.as_ref().unwrap_or(context.subject);
        Ok((subject.to_der().unwrap(), listed(&made.list)))
    }

    /// What Touchmark makes of the same config: subject and extensions.
    pub(crate) fn our_self_signed(
        &self,
        config: &Path,
        variables: &[(String, String)],
    ) -> Result<Issued, Error> {
        let config = load(config, variables)?;
        let template = config.request()?;
        let serial = SerialNumber::new(&[5]).unwrap();
        let made = template.self_signed_extensions(self.key(), &serial)?;
        Ok((template.subject().to_der().unwrap(), listed(&made)))
    }

    fn openssl(&self, config: &Path, variables: &[(String, String)]) -> Command {
        openssl(config.parent().unwrap(), self.folder.path(), variables)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Subject and extensions of the certificate that the judge wrote.
fn issued(config: &Path, output: &Output) -> Result<Issued, String> {
    if !output.status.success() {
        return Err(text(output));
    }
    let certificate = Certificate::from_der(&output.stdout)
        .unwrap_or_else(|error| panic!("{}: {error}", config.display()));
    let tbs = certificate.tbs_certificate();
    let extensions = tbs.extensions().map(|list| list.as_slice()).unwrap_or_default();
    Ok((tbs.subject().to_der().unwrap(), listed(extensions)))
}

/// Runs `openssl` in a folder, without any config of the machine's.
fn openssl(folder: &Path, home: &Path, variables: &[(String, String)]) -> Command {
    let mut command = Command::new("openssl");
    command.current_dir(folder).stdin(Stdio::null()).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", home).env("OPENSSL_CONF", "/dev/null");
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

fn listed(extensions: &[x509_cert::ext::Extension]) -> Vec<(String, bool, Vec<u8>)> {
    let entry = |it: &x509_cert::ext::Extension| {
        (it.extn_id.to_string(), it.critical, it.extn_value.as_bytes().to_vec())
    };
    extensions.iter().map(entry).collect()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Reads a config as if its folder were the working folder, with these variables and no others.
fn load(path: &Path, variables: &[(String, String)]) -> Result<Config, Error> {
    let variables = variables.to_vec();
    let options = Options::closed()
        .with_files(Arc::new(Folder(path.parent().unwrap().to_path_buf())))
        .with_environment(Arc::new(move |name: &str| {
            let found = variables.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone().into_bytes())
        }));
    let name = path.file_name().unwrap().to_str().unwrap();
    Config::parse(&fs::read(path).unwrap(), name, &options)
}

/// The file system as seen from a folder.
struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, path: &Path, _limit: usize) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(path))
    }

    fn list(&self, path: &Path) -> io::Result<Option<Vec<PathBuf>>> {
        let folder = self.0.join(path);
        if !folder.metadata()?.is_dir() {
            return Ok(None);
        }
        let entry = |entry: io::Result<fs::DirEntry>| Ok(path.join(entry?.file_name()));
        folder.read_dir()?.map(entry).collect::<io::Result<_>>().map(Some)
    }
}
