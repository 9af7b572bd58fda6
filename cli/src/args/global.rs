//! Flags that every command takes, before or after its name.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use custody::age::Recipient;
use ledger::Location;
use signer_core::SecretSpec;

/// Flags that every command takes, before or after its name.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The key to work with: a name in the settings file, or a locator such as soft:FILE
    #[arg(short, long, global = true, value_name = "NAME|LOCATOR")]
    pub(crate) signer: Option<String>,

    /// The settings file; else $TOUCHMARK_SETTINGS, ./touchmark.toml, the user's, the system's
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,

    /// The ledger, in place of the one in the settings file
    #[arg(long, global = true, value_name = "sqlite:PATH")]
    pub(crate) ledger: Option<Location>,

    /// The folder in which new PINs, PUKs and management keys are kept, in place of the settings
    /// file's
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) escrow: Option<PathBuf>,

    /// Who can read them: an age recipient (may be repeated), in place of the settings file's
    #[arg(long, global = true, value_name = "age1...")]
    pub(crate) escrow_to: Vec<Recipient>,

    /// Who works, for the ledger; else $TOUCHMARK_OPERATOR, else the login name
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) operator: Option<String>,

    /// Where the work is done, for the ledger; else the settings file's, else the host's name
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) station: Option<String>,

    /// Where the PIN comes from; serves as passphrase for a key file
    #[arg(long, global = true, value_name = "SOURCE")]
    pub(crate) pin: Option<SecretSpec>,

    /// Where the passphrase of a key file comes from
    #[arg(long, global = true, value_name = "SOURCE")]
    pub(crate) passphrase: Option<SecretSpec>,

    /// Use a private key file although others than its owner can read it
    #[arg(long, global = true)]
    pub(crate) allow_loose_permissions: bool,

    /// Spend the last try of a PIN or PUK; if it is wrong, it is blocked
    #[arg(long, global = true)]
    pub(crate) use_last_try: bool,

    /// Keep no note of a PIN or PUK that failed, so that the next run may send it again
    #[arg(long, global = true)]
    pub(crate) no_memory: bool,

    /// Never ask on the terminal
    #[arg(long, global = true)]
    pub(crate) no_input: bool,

    /// Print JSON, one object a line; errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say nothing but data, warnings and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Say more about what is done
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,

    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless $NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
