//! What is said when a command line cannot be understood, and when it asks for help.

use std::ffi::OsString;
use std::io;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::args::Color;
use crate::error::{Error, Failure};
use crate::exit::Exit;
use crate::render;

/// Why a command line leads to no command.
#[derive(Debug)]
pub(crate) struct Stop {
    error: Box<clap::Error>,
    json: bool,
    color: Color,
    command: String,
}

impl Stop {
    /// The command line was not understood, so its flags are looked for word by word.
    pub(crate) fn new(error: clap::Error, arguments: &[OsString]) -> Self {
        let words: Vec<&str> = arguments.iter().skip(1).filter_map(|word| word.to_str()).collect();
        let has = |flag: &str| words.contains(&flag);
        let color = if has("--color=always") || words.windows(2).any(|w| w == ["--color", "always"])
        {
            Color::Always
        } else if has("--color=never") || words.windows(2).any(|w| w == ["--color", "never"]) {
            Color::Never
        } else {
            Color::Auto
        };
        Self { error: Box::new(error), json: has("--json"), color, command: names(&words) }
    }

    /// Prints help and version on standard output, everything else as an error.
    pub(crate) fn report(&self) -> Exit {
        match self.error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => self.print(),
            _ => {
                let failure = Failure {
                    what: "the command line cannot be understood".into(),
                    cause: self.cause(),
                    hint: format!("see `{} --help`", self.command),
                    exit: Exit::Usage,
                    unread: false,
                };
                render::tell(&failure, self.json, self.color.paints(&io::stderr()));
                failure.exit
            }
        }
    }

    fn print(&self) -> Exit {
        let styled = self.error.render();
        let text = match self.color.paints(&io::stdout()) {
            true => styled.ansi().to_string(),
            false => styled.to_string(),
        };
        match render::print(&text) {
            Ok(()) => Exit::Ok,
            Err(source) => {
                let failure = Failure::new("could not print", &Error::Output { source });
                if failure.unread {
                    return Exit::Ok;
                }
                render::tell(&failure, self.json, self.color.paints(&io::stderr()));
                failure.exit
            }
        }
    }

    /// One line. A value that was refused is repeated only where it cannot be a secret.
    fn cause(&self) -> String {
        let text = |kind| self.error.get(kind).map(ContextValue::to_string).unwrap_or_default();
        match self.error.kind() {
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
                "no command is named".into()
            }
            ErrorKind::ValueValidation => {
                let why = std::error::Error::source(&*self.error)
                    .map(|source| format!(": {}", crate::error::chain(source)))
                    .unwrap_or_default();
                format!("the value of {} is not usable{why}", text(ContextKind::InvalidArg))
            }
            _ => {
                let whole = self.error.render().to_string();
                let mut lines = whole.lines().map(str::trim);
                let first = lines.next().unwrap_or_default().trim_start_matches("error: ");
                let listed: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
                let suggested = text(ContextKind::SuggestedSubcommand)
                    + &text(ContextKind::SuggestedArg)
                    + &text(ContextKind::SuggestedValue);
                let mut cause = first.to_owned();
                if !listed.is_empty() {
                    cause = format!("{cause} {}", listed.join(", "));
                }
                if !suggested.is_empty() {
                    cause = format!("{cause}; perhaps {suggested} is meant");
                }
                cause
            }
        }
    }
}

/// The command and its subcommand, as far as they can be told among the words.
fn names(words: &[&str]) -> String {
    let mut command = crate::args::definition();
    let mut names = "touchmark".to_owned();
    for word in words {
        if let Some(found) = command.find_subcommand(word).cloned() {
            names = format!("{names} {}", found.get_name());
            command = found;
        }
    }
    names
}
