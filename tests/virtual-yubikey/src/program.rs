//! A virtual YubiKey in a reader, until it is told to stop.

mod arguments;

use std::error::Error;
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use clap::Parser as _;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};
use virtual_yubikey::{
    Card, Clock, Device, Fault, Finger, Log, ROOT_CERTIFICATE_PEM, Server, StateFile,
};

use arguments::Arguments;

/// Runs the program; failures are told on standard error.
pub(crate) fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            // Nobody is left to tell when even that fails.
            let _ = writeln!(io::stderr(), "virtual-yubikey: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if arguments.root_certificate {
        return Ok(io::stdout().write_all(ROOT_CERTIFICATE_PEM.as_bytes())?);
    }
    // First of all, so that no signal finds the program unprepared.
    let stop = stop(arguments)?;
    let mut device = Device::new(card(arguments)?).with_log(log(arguments)?);
    if let Some(faults) = &arguments.faults {
        device.inject(Fault::read_file(faults)?);
    }
    let name = format!("{}, serial {}", device.card().model(), device.card().serial());
    let device = Arc::new(Mutex::new(device));
    let server = match (&arguments.socket, arguments.reader()) {
        (Some(socket), _) => Server::listen(Arc::clone(&device), socket)
            .map_err(|error| format!("failed to listen at {}: {error}", socket.display()))?,
        (None, reader) => Server::connect(Arc::clone(&device), reader)?,
    };
    server.set_absence(arguments.absent_for());
    // Whoever started the program may wait for this line: from now on there is a card.
    writeln!(io::stderr(), "virtual-yubikey: {name}, is in {}", arguments.place())?;

    // An error means that nobody is left who could stop it.
    let _ = stop.recv();
    let summary = server.device().log().summary();
    drop(server);
    if let Some(mut sink) = sink(arguments)? {
        sink.write_all(summary.as_bytes())?;
    }
    Ok(())
}

fn card(arguments: &Arguments) -> Result<Card, Box<dyn Error>> {
    let Arguments { model, serial, .. } = *arguments;
    let mut card = match &arguments.state {
        Some(path) => StateFile::card(path, arguments.durability(), model, serial)?,
        None => {
            let model = model.ok_or("without a state file --model says which key to be")?;
            serial.map_or_else(|| Card::new(model), |serial| Card::with_serial(model, serial))
        }
    };
    card.set_clock(Clock::real());
    card.set_finger(Finger::always(arguments.touch));
    let switches = card.switches();
    if let Some(answer) = arguments.last_try {
        switches.last_try = answer.into();
    }
    if let Some(answer) = arguments.blocked_status {
        switches.blocked_status = answer.into();
    }
    switches.complexity |= arguments.pin_complexity;
    Ok(card)
}

fn log(arguments: &Arguments) -> Result<Log, Box<dyn Error>> {
    let log = if arguments.log_secrets { Log::with_secrets() } else { Log::new() };
    Ok(match sink(arguments)? {
        Some(sink) => log.to(sink),
        None => log,
    })
}

/// Where the log goes; none when nobody wants one.
fn sink(arguments: &Arguments) -> Result<Option<Box<dyn Write + Send>>, Box<dyn Error>> {
    let Some(path) = &arguments.log else { return Ok(None) };
    if path.as_os_str() == "-" {
        return Ok(Some(Box::new(io::stderr())));
    }
    let file = File::options().append(true).create(true).open(path);
    let file =
        file.map_err(|error| format!("failed to open the log {}: {error}", path.display()))?;
    Ok(Some(Box::new(file)))
}

/// Says when it is time to stop: a signal, or the end of standard input where that was asked for.
fn stop(arguments: &Arguments) -> io::Result<mpsc::Receiver<()>> {
    let (told, stop) = mpsc::channel();
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let by_signal = told.clone();
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            // The receiver is gone only when the program has ended.
            let _ = by_signal.send(());
        }
    });
    if arguments.until_eof {
        thread::spawn(move || {
            let _ = io::stdin().read_to_end(&mut Vec::new());
            let _ = told.send(());
        });
    }
    Ok(stop)
}
