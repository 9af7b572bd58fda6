//! A module is finalised however the program ends, once, and nothing is asked of it after that.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use touchmark_tests::modules::{Maker, Tokens};
use touchmark_tests::program::write_requests;

use crate::station::{KEY, Station, line_and_tokens};

fn is_finalised(tokens: &Tokens, what: &str) {
    // `doctor` opens it more than once.
    assert!(tokens.calls("C_Finalize") > 0, "{what}");
    assert_eq!(tokens.calls("C_Initialize"), tokens.calls("C_Finalize"), "{what}");
    assert_eq!(tokens.last_call().as_deref(), Some("C_Finalize"), "{what}");
    assert_eq!(tokens.calls("C_OpenSession"), tokens.calls("C_CloseSession"), "{what}");
    tokens.forget_calls();
}

#[test]
fn a_module_is_finalised_after_success_and_after_an_error() {
    let (line, tokens) = line_and_tokens(Maker::SoftHsm);
    let station = Station::with_key(&line, &tokens);
    let _csr = line.csr("device");
    let issue = "issue --csr device.csr --out device.pem";
    for (code, arguments) in [(0, "key list"), (0, "pin verify"), (0, issue), (0, "doctor")] {
        station.expect(code, arguments);
        is_finalised(&tokens, arguments);
    }
    station.expect(3, "key list --signer pkcs11:token=nosuch?module-name=nosuch");
    tokens.forget_calls();
    for (code, rules) in
        [(8, "C_Sign 1 0x30\n"), (5, "set-flags 0x40000\n"), (4, "C_Login 1 0xa0\n")]
    {
        tokens.rules(rules);
        station.expect(code, &format!("{issue} --reissue again"));
        is_finalised(&tokens, rules);
    }
}

#[test]
fn a_signal_in_the_middle_of_a_batch_finalises_the_module_first() {
    for (signal, isolation) in
        [(Signal::INT, ""), (Signal::TERM, ""), (Signal::TERM, "isolation = \"process\"")]
    {
        let (line, tokens) = line_and_tokens(Maker::SoftHsm);
        let station = Station::with_key(&line, &tokens);
        station.settings(&tokens.locator(KEY), isolation);
        write_requests(&line, "csrs", "G3A0", 300);
        // Where the sockets of modules in processes of their own are.
        std::fs::create_dir(line.path("run")).unwrap();
        tokens.forget_calls();
        let mut command = station.command("issue --batch csrs --out-dir out --quiet");
        command.env("XDG_RUNTIME_DIR", line.path("run"));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until(&mut child, || tokens.calls("C_Sign") > 20);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), None, "{signal:?} ends it as it always does");
        // Sessions are the module's own business then. p11-kit's server opens and ends it more often.
        let finalised = tokens.calls("C_Finalize");
        assert!(finalised == 1 || finalised > 1 && !isolation.is_empty(), "{finalised}");
        assert_eq!(tokens.last_call().as_deref(), Some("C_Finalize"));
        assert_eq!(std::fs::read_dir(line.path("run")).unwrap().count(), 0, "a folder is left");
        // The next run goes on.
        station.expect(0, "issue --batch csrs --out-dir out");
        station.expect(0, "ledger verify");
    }
}

#[test]
fn a_signal_ends_a_program_whose_module_hangs() {
    let (line, tokens) = line_and_tokens(Maker::SoftHsm);
    let station = Station::with_key(&line, &tokens);
    let _csr = line.csr("device");
    tokens.rules("C_Sign 1 hang\n");
    let mut command = station.command("issue --csr device.csr --out device.pem");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until(&mut child, || tokens.calls("C_Sign") == 1);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), None);
    assert_eq!(tokens.calls("C_Finalize"), 0, "somebody is still inside");
}

fn wait_until(child: &mut Child, reached: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !reached() {
        assert!(child.try_wait().unwrap().is_none(), "it ended too soon");
        assert!(Instant::now() < end, "it does not get there");
        std::thread::sleep(Duration::from_millis(1));
    }
}
