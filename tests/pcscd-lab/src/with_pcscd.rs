//! The program `with-pcscd`.

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::ExitCode,
};

use virtual_yubikey::{Card, Device, Model};

use crate::{Error, Lab};

const USAGE: &str = "\
with-pcscd [--key MODEL[:SERIAL]]... [--pcscd-log FILE] [--] COMMAND [ARGUMENT]...

Runs COMMAND with virtual YubiKeys in the readers of a pcscd of its own, and ends as COMMAND does.
Nothing of it is left afterwards, whichever way it ends.

  --key MODEL[:SERIAL]  a key, as it leaves the factory; up to 16, one of 5.7.4 unless told
  --pcscd-log FILE      what pcscd did, each APDU and so each PIN included
";

/// The serial number of the first key that is given none; the next has the next.
const SERIAL: u32 = 16_021_234;

/// Failed before COMMAND ran, as `env` and others have it.
const FAILED: u8 = 125;

/// What the command line says.
#[derive(Debug, Default)]
struct Arguments {
    keys: Vec<(Model, u32)>,
    log: Option<PathBuf>,
    command: Vec<OsString>,
}

/// Runs it.
pub fn main() -> ExitCode {
    let said = match Arguments::read(env::args_os().skip(1)) {
        Ok(Some(arguments)) => arguments.run().map_err(|error| match error {
            Error::Io { what, source } => format!("{what}: {source}"),
            other => other.to_string(),
        }),
        Ok(None) => {
            return match io::stdout().write_all(USAGE.as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::from(FAILED),
            };
        }
        Err(what) => Err(format!("{what}\n\n{USAGE}")),
    };
    said.unwrap_or_else(|what| {
        // Where standard error is closed, the exit code has to do.
        drop(writeln!(io::stderr(), "with-pcscd: {what}"));
        ExitCode::from(FAILED)
    })
}

impl Arguments {
    /// Reads them; none where help is asked for.
    fn read(arguments: impl Iterator<Item = OsString>) -> Result<Option<Self>, String> {
        let mut read = Self::default();
        let mut arguments = arguments.peekable();
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().ok_or_else(|| format!("{} wants a value", argument.display()));
            match argument.to_str() {
                Some("--help" | "-h") => return Ok(None),
                Some("--key") => {
                    let text = value()?;
                    let text = text.to_str().ok_or("--key wants MODEL[:SERIAL]")?;
                    let serial = SERIAL + u32::try_from(read.keys.len()).unwrap_or_default();
                    read.keys.push(key(text, serial)?);
                }
                Some("--pcscd-log") => read.log = Some(value()?.into()),
                Some("--") => {
                    read.command.extend(arguments);
                    break;
                }
                Some(option) if option.starts_with('-') => {
                    return Err(format!("no option {option}"));
                }
                _ => {
                    read.command.push(argument);
                    read.command.extend(arguments);
                    break;
                }
            }
        }
        if read.command.is_empty() {
            return Err("no command".to_owned());
        }
        if read.keys.is_empty() {
            read.keys.push(key("5.7.4", SERIAL)?);
        }
        Ok(Some(read))
    }

    fn run(self) -> Result<ExitCode, Error> {
        let keys =
            self.keys.iter().map(|(model, serial)| Device::new(Card::with_serial(*model, *serial)));
        let mut lab = Lab::start(keys)?;
        let Some((program, arguments)) = self.command.split_first() else {
            return Ok(ExitCode::from(FAILED));
        };
        let mut command = lab.pcscd().guarded_command(program);
        let mut child = command.args(arguments).spawn().map_err(Error::io("starting sh"))?;
        let status = child.wait().map_err(Error::io("waiting"))?;
        lab.pcscd().release(&child)?;
        if let Some(log) = self.log {
            std::fs::copy(lab.pcscd().log(), log).map_err(Error::io("writing the log"))?;
        }
        // As a shell says it: 128 and the signal.
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
    }
}

fn key(text: &str, serial: u32) -> Result<(Model, u32), String> {
    let (model, serial) = match text.split_once(':') {
        Some((model, serial)) => {
            (model, serial.parse().map_err(|_| format!("no serial number: {serial}"))?)
        }
        None => (text, serial),
    };
    Ok((model.parse().map_err(|error: virtual_yubikey::UnknownModel| error.to_string())?, serial))
}
