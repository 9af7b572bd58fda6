//! The command line.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use virtual_yubikey::{BlockedAnswer, Durability, Model, Touch};

/// A YubiKey in software, as far as PIV goes, in a smart card reader of software.
#[derive(Debug, Parser)]
#[command(name = "virtual-yubikey", version, max_term_width = 100, after_help = EXAMPLES)]
#[command(arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Firmware version of the key to be, with `-fips` behind it for one of that series [needed
    /// unless the state file has a card]
    #[arg(long, value_name = "VERSION")]
    pub(crate) model: Option<Model>,
    /// Serial number of a new card
    #[arg(long, value_name = "NUMBER")]
    pub(crate) serial: Option<u32>,
    /// Where the card keeps its memory: keys and PINs in clear; made when it is not there. Without
    /// it the card is new each time
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Let the state outlive a power cut too, at some milliseconds a change
    #[arg(long, requires = "state")]
    pub(crate) durable: bool,

    /// Listen at a unix socket, to which the reader driver connects
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Be in the reader of vpcd at this port
    #[arg(long, value_name = "PORT", conflicts_with = "socket", default_value_t = 35963)]
    port: u16,
    /// Where vpcd runs
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,

    /// What goes wrong, and when: TOML, or JSON in a file named so; the README has the table
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// How long the token is gone after a fault has pulled it
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 600)]
    absent_for: u64,
    /// When somebody touches the blinking key: at once, not at all, or after so many milliseconds
    #[arg(long, value_name = "auto|never|MILLISECONDS", default_value = "auto", value_parser = touch)]
    pub(crate) touch: Touch,
    /// What the wrong try that blocks a PIN or PUK answers [default: as the model does]
    #[arg(long, value_name = "STATUS")]
    pub(crate) last_try: Option<Blocked>,
    /// What the question for the tries of a blocked PIN answers [default: 63c0]
    #[arg(long, value_name = "STATUS")]
    pub(crate) blocked_status: Option<Blocked>,
    /// Refuse PINs and PUKs that anybody would guess
    #[arg(long)]
    pub(crate) pin_complexity: bool,

    /// Write each APDU as a line, and how often each command came at the end; `-` is standard error
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Show PINs and keys in the log
    #[arg(long, requires = "log")]
    pub(crate) log_secrets: bool,
    /// Stop at the end of standard input, too
    #[arg(long)]
    pub(crate) until_eof: bool,
    /// Print the certificate at the top of every attestation chain, and stop
    #[arg(long)]
    pub(crate) root_certificate: bool,
}

const EXAMPLES: &str = "\
Examples:
  virtual-yubikey --model 5.7.1 --serial 16021234 --state key.json --socket /tmp/key.sock
  virtual-yubikey --model 4.3.5 --port 35963 --log -      in the reader of a running vpcd
  virtual-yubikey --state key.json --faults faults.toml   the card that lies in key.json

Several keys are several processes. SIGINT and SIGTERM stop it; SIGKILL harms no state file.";

/// How a card says that no tries are left.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Blocked {
    /// Wrong, and no tries left
    #[value(name = "63c0")]
    NoTriesLeft,
    /// Blocked
    #[value(name = "6983")]
    Blocked,
}

impl From<Blocked> for BlockedAnswer {
    fn from(blocked: Blocked) -> Self {
        match blocked {
            Blocked::NoTriesLeft => Self::NoTriesLeft,
            Blocked::Blocked => Self::Blocked,
        }
    }
}

impl Arguments {
    pub(crate) fn reader(&self) -> SocketAddr {
        (self.host, self.port).into()
    }

    /// Where the card is, for people.
    pub(crate) fn place(&self) -> String {
        match &self.socket {
            Some(socket) => socket.display().to_string(),
            None => format!("the reader at {}, when there is one", self.reader()),
        }
    }

    pub(crate) fn durability(&self) -> Durability {
        if self.durable { Durability::Machine } else { Durability::Process }
    }

    pub(crate) fn absent_for(&self) -> Duration {
        Duration::from_millis(self.absent_for)
    }
}

fn touch(text: &str) -> Result<Touch, String> {
    match text {
        "auto" => Ok(Touch::After(Duration::ZERO)),
        "never" => Ok(Touch::Never),
        _ => {
            let time = text.parse().map_err(|_| "not `auto`, `never` or a number".to_owned())?;
            Ok(Touch::After(Duration::from_millis(time)))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_touch_comes_at_once_later_or_never() {
        assert_eq!(touch("auto"), Ok(Touch::After(Duration::ZERO)));
        assert_eq!(touch("never"), Ok(Touch::Never));
        assert_eq!(touch("250"), Ok(Touch::After(Duration::from_millis(250))));
        for wrong in ["", "-1", "2s", "always"] {
            assert!(touch(wrong).is_err(), "{wrong}");
        }
    }
}
