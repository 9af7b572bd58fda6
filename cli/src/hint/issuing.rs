//! What to do about a certificate that was not issued.

use issuer::batch::InputsError;
use issuer::control_log::ControlLogError;
use issuer::gate::Rule;
use issuer::issue::IssueError;
use issuer::request::RequestError;
use issuer::self_signed::SelfSignedError;

pub(super) fn config(error: &issuer::conf::Error) -> String {
    let file = error.place.file_name();
    match error.place.line() {
        Some(line) => format!("look at that line: `sed -n {line}p '{file}'`"),
        None => format!("look at the file: `ls -l '{file}'`"),
    }
}

pub(super) fn request(error: &RequestError) -> String {
    match error {
        RequestError::Config(error) => config(error),
        RequestError::Signer(error) => super::signer(error),
        _ => "check the key with `touchmark doctor`".into(),
    }
}

pub(super) fn self_signed(error: &SelfSignedError) -> String {
    match error {
        SelfSignedError::Config(error) => config(error),
        SelfSignedError::Days { .. } => {
            "name a number of days that ends before the year 10000: `touchmark cert self-sign --days \
             3650`"
                .into()
        }
        SelfSignedError::Signer(error) => super::signer(error),
        _ => "check the key with `touchmark doctor`".into(),
    }
}

pub(super) fn issue(error: &IssueError) -> String {
    match error {
        IssueError::Refused(refusal) => rule(refusal.rule),
        IssueError::Config(error) => config(error),
        IssueError::Signer(error) => super::signer(error),
        IssueError::Ledger(error) => super::ledger(error),
        IssueError::Csr(_) => "see what is in it: `openssl req -in FILE -noout -text`".into(),
        IssueError::Staging(error) => format!(
            "make room or mend the folder, and run the same command again: `df '{}'`",
            super::folder_of(&error.path)
        ),
        IssueError::Input { path, .. } => {
            format!("check the name and who may read it: `ls -l '{}'`", path.display())
        }
        IssueError::Pending { entry, .. } => {
            format!("see who it is: `touchmark ledger list --from {entry} --to {entry}`")
        }
        _ => "check the key and the ledger with `touchmark doctor`".into(),
    }
}

fn rule(rule: Rule) -> String {
    match rule {
        Rule::KeyType | Rule::Subject => {
            "name a profile that takes it: `touchmark issue --profile NAME`"
        }
        Rule::CsrSignature | Rule::CaRequested | Rule::RequestedExtensions | Rule::IssuerKey => {
            "ask for a new request; `openssl req -in FILE -noout -text -verify` shows this one"
        }
        Rule::DeviceType => {
            "compare it with the issuer's, which `touchmark cert show` prints as DeviceTypeId"
        }
        Rule::IssuerNotCa | Rule::IssuerMismatch | Rule::Chain => {
            "name the issuer's own file: `touchmark issue --issuer-certificate FILE`; \
             `touchmark doctor` checks it"
        }
        Rule::PathLength => "look at pathlen in `touchmark cert show`, and at the extfile",
        Rule::Days => "name fewer days: `touchmark issue --days DAYS`",
        Rule::NotAfter => {
            "name fewer days, or let it: `touchmark issue --outlive-issuer REASON`; a profile may \
             say not-after = \"clamp\""
        }
        Rule::Clock => {
            "set the clock, then check with `date -u`; --accept-clock REASON goes on and records it"
        }
        Rule::DeviceId | Rule::SubjectKey => {
            "if it is to be replaced, say why: `touchmark issue --reissue REASON`"
        }
        _ => "run it again; `touchmark ledger list` shows what is taken",
    }
    .into()
}

pub(super) fn inputs(error: &InputsError) -> String {
    match error {
        InputsError::PemInsteadOfList { path } => {
            format!("for one request: `touchmark issue --csr '{}'`", path.display())
        }
        InputsError::OutputIsInput { .. } | InputsError::Replaces { .. } => {
            "name another folder: `touchmark issue --out-dir DIR`".into()
        }
        InputsError::Unreadable { path, .. } | InputsError::Nothing { path } => {
            format!("see what is there: `ls -l '{}'`", path.display())
        }
        InputsError::Map { path, row, .. } => {
            format!("look at that row: `sed -n {row}p '{}'`", path.display())
        }
        _ => "rename one of them with `mv`".into(),
    }
}

pub(super) fn control_log(error: &ControlLogError) -> String {
    match error {
        ControlLogError::NoValue { name } => {
            format!("give it one: `touchmark control-log --set {name}=VALUE`")
        }
        ControlLogError::NoDeviceId { .. } => {
            "name the id when issuing, `touchmark issue --device-id ID`, or choose entries with \
             --from, --to or --device-id"
                .into()
        }
        ControlLogError::Ledger(error) => super::ledger(error),
        ControlLogError::PublicKey(_) => {
            "use the other form: `touchmark control-log --public-key-form uncompressed`".into()
        }
        ControlLogError::Certificate { .. } => {
            "see how far the ledger is sound: `touchmark ledger verify`".into()
        }
        ControlLogError::Write(_) => "make room where it goes; `df` shows it".into(),
        _ => "see how a template looks: `touchmark control-log --help`".into(),
    }
}
