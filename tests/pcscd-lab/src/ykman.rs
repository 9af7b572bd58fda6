//! ykman, run many times.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::Error;

/// A ykman that has been started and waits to be told what to do: half a second saved each time,
/// and there are hundreds.
#[derive(Debug)]
pub struct Ykman {
    python: Child,
    tell: Option<ChildStdin>,
    codes: BufReader<ChildStdout>,
    said: PathBuf,
}

/// How one run of ykman ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YkmanRun {
    /// Its exit code; none where it was killed.
    pub code: Option<i32>,
    /// What it said, on either stream.
    pub said: String,
}

impl Ykman {
    /// Starts one. `python` is the interpreter of ykman's own environment, as a command that finds
    /// the keys of a lab; what each run says goes through the file `said`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut python: Command, said: impl Into<PathBuf>) -> Result<Self, Error> {
        let said = said.into();
        let mut python = python
            .args(["-c", include_str!("ykman.py")])
            .arg(&said)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Error::io("starting ykman"))?;
        let (tell, codes) = (python.stdin.take(), python.stdout.take());
        let codes = codes.ok_or_else(|| Error::Missing { what: "ykman's output".into() })?;
        Ok(Self { python, tell, codes: BufReader::new(codes), said })
    }

    /// Runs it with these arguments, which spaces keep apart.
    ///
    /// # Errors
    /// When it is gone.
    pub fn run(&mut self, arguments: &str) -> Result<YkmanRun, Error> {
        let failed = |what: &str| Error::io(format!("{what} ykman {arguments}"));
        if let Some(tell) = &mut self.tell {
            writeln!(tell, "{arguments}").map_err(failed("telling"))?;
        }
        let mut code = String::new();
        self.codes.read_line(&mut code).map_err(failed("waiting for"))?;
        let said = fs::read(&self.said).map_err(failed("hearing"))?;
        let said = String::from_utf8_lossy(&said).into_owned();
        Ok(YkmanRun { code: code.trim().parse().ok(), said })
    }
}

impl Drop for Ykman {
    fn drop(&mut self) {
        // It ends with its input.
        self.tell = None;
        drop(self.python.wait());
    }
}
