//! What stops everything when the lab itself cannot.

use std::{
    io::{self, Write},
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

    /// From now on, `child` dies with the lab.
    pub(crate) fn guard(&mut self, child: &Child) -> io::Result<()> {
        self.say("kill", child.id())
    }

    /// `child` has ended and was waited for: its number may soon be another's.
    pub(crate) fn release(&mut self, child: &Child) -> io::Result<()> {
        self.say("spare", child.id())
    }

    fn say(&mut self, verb: &str, pid: u32) -> io::Result<()> {
        // A line this short is written whole or not at all.
        match &mut self.tell {
            Some(tell) => tell.write_all(format!("{verb} {pid}\n").as_bytes()),
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
