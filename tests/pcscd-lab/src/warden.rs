//! What stops everything when the lab itself cannot.

use std::{
    ffi::OsStr,
    io::{self, Write},
    os::fd::AsRawFd,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
};

/// A process that outlives the lab by a moment. Once the lab is gone, however it went, even by
/// SIGKILL, it kills what the lab had told it of and removes the lab's folder.
///
/// It reads a pipe that nothing but the lab writes to, and the kernel closes that pipe with the
/// lab. `PR_SET_PDEATHSIG` would be shorter; it counts the death of the *thread* that started a
/// child, which in tests comes early.
#[derive(Debug)]
pub(crate) struct Warden {
    shell: Child,
    tell: Option<ChildStdin>,
}

/// Ctrl-C goes to the whole foreground group, the warden included, which has to stay.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
pids=
while read -r verb pid; do
    case $verb in
        kill) pids="$pids $pid" ;;
        spare)
            rest=
            for other in $pids; do [ "$other" = "$pid" ] || rest="$rest $other"; done
            pids=$rest
            ;;
    esac
done
for pid in $pids; do kill -KILL "$pid"; done
rm -rf -- "$1"
"#;

/// Opens the lab's end of the pipe anew, for no longer than it takes.
const TELL: &str = r#"echo "kill $$" >"$0" && exec "$@""#;

impl Warden {
    /// Starts one that is going to remove `folder`.
    pub(crate) fn start(folder: &Path) -> io::Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "warden"])
            .arg(folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let tell = shell.stdin.take();
        Ok(Self { shell, tell })
    }

    /// A command that dies with the lab. It tells its number before it becomes `program`, so there
    /// is no moment at which it could be left over; where the lab is gone already, it ends there.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let pipe = self.tell.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        let mut command = Command::new("sh");
        command.args(["-c", TELL, &format!("/proc/{}/fd/{pipe}", std::process::id())]).arg(program);
        command
    }

    /// `child` has ended and was waited for: its number may soon be another's.
    pub(crate) fn release(&mut self, child: &Child) -> io::Result<()> {
        // A line this short is written whole or not at all.
        match &mut self.tell {
            Some(tell) => writeln!(tell, "spare {}", child.id()),
            None => Ok(()),
        }
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        self.tell = None;
        drop(self.shell.wait());
    }
}
