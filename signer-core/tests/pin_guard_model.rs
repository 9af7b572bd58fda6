//! Whatever happens around it, the guard wastes no try and stops no right PIN without a reason.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where it fails"
)]

#[path = "pin_guard/card.rs"]
mod card;

use std::collections::BTreeSet;
use std::time::Duration;

use card::{Card, Link, PIN, Tells};
use proptest::prelude::*;
use signer_core::pin_guard::{LastTry, PinGuard};
use signer_core::{Error, Tries};

/// Two processes that share a memory of failures.
#[derive(Clone, Copy, Debug)]
enum Process {
    This,
    Other,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A process presents a PIN; 0 is the right one.
    Present(Process, usize, Link),
    /// A process is killed between the note and the answer, and started again.
    Killed(Process, usize, Link),
    Restart(Process),
    /// Somebody uses another program, with the right PIN or a wrong one.
    Elsewhere(bool),
    /// Somebody unblocks the PIN and keeps it as it is.
    Unblock,
    Clear(Process),
}

const PINS: [&str; 5] = ["123456", "111111", "222222", "333333", "444444"];

fn step() -> impl Strategy<Value = Step> {
    let process = || prop_oneof![Just(Process::This), Just(Process::Other)];
    let link = || prop_oneof![3 => Just(Link::Holds), 1 => Just(Link::LostBefore), 1 => Just(Link::LostAfter)];
    prop_oneof![
        8 => (process(), 0..PINS.len(), link()).prop_map(|(p, n, l)| Step::Present(p, n, l)),
        1 => (process(), 0..PINS.len(), link()).prop_map(|(p, n, l)| Step::Killed(p, n, l)),
        2 => process().prop_map(Step::Restart),
        2 => any::<bool>().prop_map(Step::Elsewhere),
        1 => Just(Step::Unblock),
        1 => process().prop_map(Step::Clear),
    ]
}

fn tells() -> impl Strategy<Value = Tells> {
    prop_oneof![Just(Tells::Numbers), Just(Tells::StatusWord), Just(Tells::Flags)]
}

/// The card, two processes with one memory, and what the rules are held against.
struct World {
    card: Card,
    folder: tempfile::TempDir,
    last_try: LastTry,
    processes: [PinGuard; 2],
    /// PINs that cost a try since the counter was last full or the memory cleared.
    spent: BTreeSet<&'static str>,
    /// Whether anything failed since the last success, so that the right PIN may be held up.
    failed: bool,
    /// Whether a process lost the answer to the right PIN, and got none since.
    lost: [bool; 2],
}

impl World {
    fn new(total: u8, tells: Tells, last_try: LastTry) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let processes = [(); 2].map(|()| start(&folder, last_try));
        let card = Card::new(total, tells);
        let (spent, failed, lost) = (BTreeSet::new(), false, [false; 2]);
        Self { card, folder, last_try, processes, spent, failed, lost }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Present(process, pin, link) => self.present(process, pin, link),
            Step::Killed(process, pin, link) => {
                // What a killed process leaves behind is what a lost link leaves behind.
                let link = if link == Link::Holds { Link::LostAfter } else { link };
                self.present(process, pin, link);
                self.restart(process);
            }
            Step::Restart(process) => self.restart(process),
            Step::Elsewhere(right) => {
                // Others may do what they like, even spend the last try.
                let pin = if right { PINS[0] } else { "999999" };
                if self.card.verify(pin.as_bytes()) == Some(true) {
                    self.spent.clear();
                }
            }
            Step::Unblock => {
                self.card.left = self.card.total;
                self.spent.clear();
            }
            Step::Clear(process) => {
                self.processes[process as usize].clear_fault(PIN.id, PIN.kind).unwrap();
                // The other process still knows what it saw, and files know nothing.
                self.restart(Process::This);
                self.restart(Process::Other);
                self.spent.clear();
                self.failed = false;
            }
        }
    }

    fn restart(&mut self, process: Process) {
        self.processes[process as usize] = start(&self.folder, self.last_try);
        self.lost[process as usize] = false;
    }

    fn present(&mut self, process: Process, pin: usize, link: Link) {
        let (before, sent) = (self.card.left, self.card.compared.borrow().len());
        let guard = self.processes[process as usize].clone();
        let result = self.card.present(&guard, PINS[pin], link);
        let compared = self.card.compared.borrow()[sent..].to_vec();
        assert!(compared.len() <= 1, "sent {} times", compared.len());

        if self.last_try == LastTry::Refuse && !compared.is_empty() {
            assert!(before > 1, "the last try was spent");
        }
        if self.card.left < before {
            assert!(self.spent.insert(PINS[pin]), "{} cost a second try", PINS[pin]);
        }
        match &result {
            Ok(()) => {
                assert_eq!(pin, 0);
                self.spent.clear();
                self.failed = false;
                self.lost[process as usize] = false;
            }
            Err(Error::WrongSecret { .. }) => assert_ne!(pin, 0),
            Err(Error::Blocked { .. }) => assert_eq!(before, 0),
            Err(Error::LastTryRefused { .. }) => assert_eq!(before, 1),
            Err(Error::Device { .. }) => assert_ne!(link, Link::Holds),
            Err(Error::FailedBefore { fault, .. }) => {
                if pin == 0 {
                    let reason = self.failed || self.lost[process as usize];
                    assert!(reason, "nothing failed, and yet the right PIN {fault}");
                    self.held_up_and_let_go(process);
                }
            }
            Err(error) => panic!("{error}"),
        }
        if compared.first().is_some_and(|_| pin == 0) {
            // The counter is full, whether the answer came or not.
            self.spent.clear();
        }
        if matches!(result, Err(Error::WrongSecret { .. } | Error::Device { .. })) {
            self.failed = true;
            self.lost[process as usize] |= pin == 0;
        }
    }

    /// The right PIN was taken for one that failed: `pin status` says so, and clearing helps.
    fn held_up_and_let_go(&mut self, process: Process) {
        let guard = self.processes[process as usize].clone();
        let faults = guard.faults(PIN.id).unwrap();
        assert!(!faults.is_empty());
        self.take(Step::Clear(process));
        if self.card.left > 1 {
            let guard = self.processes[process as usize].clone();
            self.card.present(&guard, PINS[0], Link::Holds).unwrap();
        }
    }
}

fn start(folder: &tempfile::TempDir, last_try: LastTry) -> PinGuard {
    PinGuard::new()
        .in_folder(folder.path().join("pin-guard"))
        .with_patience(Duration::ZERO)
        .with_last_try(last_try)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_try_is_wasted_and_no_right_pin_is_stopped_without_a_reason(
        total in prop_oneof![Just(2u8), Just(3), Just(8), Just(15), Just(16), Just(40)],
        tells in tells(),
        last_try in prop_oneof![3 => Just(LastTry::Refuse), 1 => Just(LastTry::Use)],
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut world = World::new(total, tells, last_try);
        for step in steps {
            world.take(step);
        }
    }
}

#[test]
fn a_job_in_a_loop_with_a_wrong_pin_never_blocks_a_token() {
    for tells in [Tells::Numbers, Tells::StatusWord, Tells::Flags, Tells::Nothing] {
        let mut world = World::new(3, tells, LastTry::Use);
        for round in 0..50 {
            let link = [Link::LostAfter, Link::Holds, Link::LostBefore][round % 3];
            world.take(Step::Killed(Process::This, 1, link));
        }
        assert_eq!(world.card.left, 2, "{tells:?}");
        assert_ne!(world.card.tries(), Tries::Blocked);
    }
}
