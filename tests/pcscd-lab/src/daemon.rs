//! The machine's pcscd, made to keep to itself.

use std::{
    env, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use crate::Error;

/// A pcscd program and what it has to be told.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) path: PathBuf,
    pub(crate) options: Vec<&'static str>,
}

/// Paths that pcscd has compiled in, as the texts they are in the program, and what the lab's copy
/// has instead. They have to be as long. /proc is there everywhere and lets nobody make anything.
const REPLACEMENTS: [(&[u8], &[u8]); 2] = [
    // It makes this folder or ends, so without root it would only run where it ran before; and in
    // it, as root, it would overwrite the process id of the machine's own pcscd.
    (b"/run/pcscd", b"/proc/././"),
    // Where drivers for USB readers are. A test that resets keys must not find one on the desk.
    (b"/usr/lib/pcsc/drivers", b"/proc/pcsc-no-drivers"),
];

/// A process is between its start and its program for less than that, on a loaded machine too.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes a copy of the machine's pcscd, in `folder`, that neither writes to the machine's folders
/// nor sees its readers. Version 1.9 has no options for either.
pub(crate) fn tame(folder: &Path) -> Result<Daemon, Error> {
    let original = find_program("pcscd")?;
    let mut program = fs::read(&original).map_err(Error::io("reading pcscd"))?;
    for (from, to) in REPLACEMENTS {
        if replace(&mut program, from, to) == 0 {
            return Err(Error::Untamed { what: String::from_utf8_lossy(from).into_owned() });
        }
    }
    let path = folder.join("pcscd");
    fs::write(&path, program)
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o700)))
        .map_err(Error::io("writing the copy of pcscd"))?;

    // Where it was built with polkit, it asks it whether a user may see cards at all.
    let help = output_of_new(Command::new(&path).arg("--help"));
    let help = help.map_err(Error::io("running pcscd"))?;
    let polkit = String::from_utf8_lossy(&help.stdout).contains("--disable-polkit");
    let options = if polkit { vec!["--disable-polkit"] } else { Vec::new() };
    Ok(Daemon { path, options })
}

/// Runs a program that was just written. Another thread that starts a process meanwhile has it open for
/// a moment, and the system then runs it for nobody.
fn output_of_new(command: &mut Command) -> io::Result<Output> {
    let since = Instant::now();
    loop {
        match command.output() {
            Err(error)
                if error.kind() == io::ErrorKind::ExecutableFileBusy
                    && since.elapsed() < PATIENCE =>
            {
                thread::sleep(Duration::from_millis(10));
            }
            ended => return ended,
        }
    }
}

/// Replaces each `from` by `to`, which is as long; answers how many there were.
fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) -> usize {
    let mut count = 0;
    let mut start = 0;
    while let Some(at) = bytes
        .get(start..)
        .and_then(|rest| rest.windows(from.len()).position(|window| window == from))
    {
        start += at;
        if let Some(found) = bytes.get_mut(start..start + from.len()) {
            found.copy_from_slice(to);
        }
        count += 1;
    }
    count
}

/// Where a program is. Folders for administrators are not on everyone's path.
fn find_program(name: &str) -> Result<PathBuf, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .ok_or_else(|| Error::Missing { what: name.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements_are_as_long_as_what_they_replace() {
        for (from, to) in REPLACEMENTS {
            assert_eq!(from.len(), to.len());
        }
        let mut bytes = *b"\0/run/pcscd\0/run/pcscd/pcscd.pid\0/run";
        assert_eq!(replace(&mut bytes, REPLACEMENTS[0].0, REPLACEMENTS[0].1), 2);
        assert_eq!(&bytes, b"\0/proc/././\0/proc/././/pcscd.pid\0/run");
    }
}
