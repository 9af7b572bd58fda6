//! Runs a command with virtual YubiKeys in the readers of a private pcscd.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    pcscd_lab::with_pcscd::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {}
