//! Random work by several owners, in the ledger and in a model of a few lines: both agree.

use ledger::{CertificateFilter, Claim, Intent, Issued, Ledger, Life, Rule};
use proptest::prelude::*;
use serde_json::Value;

use crate::common::{Bench, assert_sound, certificate, digest, serial};

const ACTORS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Begin {
        actor: usize,
        group: Vec<Ask>,
    },
    Commit {
        actor: usize,
        take: usize,
    },
    Abort {
        actor: usize,
        take: usize,
    },
    /// The ledger is closed with whatever is open, and opened anew.
    Die {
        actor: usize,
    },
}

#[derive(Clone, Debug)]
struct Ask {
    issuer: u8,
    key: u8,
    id: Option<u8>,
    request: u8,
    serial: u8,
    reissue: bool,
}

impl Ask {
    fn intent(&self) -> Intent {
        Intent {
            issuer: digest(&format!("issuer {}", self.issuer)),
            device_type: None,
            device_id: self.id.map(|id| format!("id {id}")),
            subject_key: digest(&format!("key {}", self.key)),
            request: digest(&format!("request {} {}", self.key, self.request)),
            serial: serial(&self.serial.to_string()),
            reissue: self.reissue.then(|| "why".to_owned()),
            details: Value::Null,
        }
    }

    /// Wants the same key or device id of the same issuer.
    fn meets(&self, other: &Self) -> bool {
        self.issuer == other.issuer
            && (self.key == other.key || (self.id.is_some() && self.id == other.id))
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ask = (0..2_u8, 0..4_u8, proptest::option::of(0..4_u8), 0..2_u8, any::<u8>(), 0..4_u8)
        .prop_map(|(issuer, key, id, request, serial, reissue)| Ask {
            issuer,
            key,
            id,
            request,
            serial,
            reissue: reissue == 0,
        });
    let step = prop_oneof![
        4 => (0..ACTORS, prop::collection::vec(ask, 1..4))
            .prop_map(|(actor, group)| Step::Begin { actor, group }),
        4 => (0..ACTORS, 1..4_usize).prop_map(|(actor, take)| Step::Commit { actor, take }),
        1 => (0..ACTORS, 1..4_usize).prop_map(|(actor, take)| Step::Abort { actor, take }),
        1 => (0..ACTORS).prop_map(|actor| Step::Die { actor }),
    ];
    prop::collection::vec(step, 1..40)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Open(usize),
    Orphan,
    Live,
    Gone,
}

#[derive(Debug)]
struct Held {
    ask: Ask,
    entry: u64,
    state: State,
}

#[derive(Debug, PartialEq)]
enum Answer {
    Granted,
    Existing(u64),
    Pending,
    Conflict(Rule),
}

#[derive(Debug, Default)]
struct Model(Vec<Held>);

impl Model {
    fn abandon(&mut self) {
        for held in &mut self.0 {
            if held.state == State::Orphan {
                held.state = State::Gone;
            }
        }
    }

    fn answer(&self, ask: &Ask) -> Answer {
        let rivals = || self.0.iter().filter(|held| held.ask.meets(ask));
        let live = || rivals().filter(|held| held.state == State::Live);
        if rivals().any(|held| matches!(held.state, State::Open(_))) {
            return Answer::Pending;
        }
        let same = |held: &&Held| {
            let (a, b) = (&held.ask, ask);
            (a.key, a.id, a.request) == (b.key, b.id, b.request)
        };
        if let Some(held) = live().find(same).filter(|_| !ask.reissue) {
            return Answer::Existing(held.entry);
        }
        if self.0.iter().any(|held| (held.ask.issuer, held.ask.serial) == (ask.issuer, ask.serial))
        {
            return Answer::Conflict(Rule::Serial);
        }
        if ask.reissue || live().next().is_none() {
            return Answer::Granted;
        }
        let by_key = live().any(|held| held.ask.key == ask.key);
        Answer::Conflict(if by_key { Rule::SubjectKey } else { Rule::DeviceId })
    }

    fn open(&self, actor: usize, take: usize) -> Vec<u64> {
        let mine = self.0.iter().filter(|held| held.state == State::Open(actor));
        mine.take(take).map(|held| held.entry).collect()
    }

    fn commit(&mut self, entry: u64) {
        let ask = self.0.iter().find(|held| held.entry == entry).unwrap().ask.clone();
        for held in &mut self.0 {
            if held.entry == entry {
                held.state = State::Live;
            } else if held.state == State::Live && held.ask.meets(&ask) {
                assert!(ask.reissue);
                held.state = State::Gone;
            }
        }
    }

    fn set(&mut self, old: State, new: State) {
        for held in self.0.iter_mut().filter(|held| held.state == old) {
            held.state = new;
        }
    }
}

fn simplified(claim: &Claim) -> Answer {
    match claim {
        Claim::Granted { .. } => Answer::Granted,
        Claim::Existing(found) => Answer::Existing(found.intent),
        Claim::Pending(_) => Answer::Pending,
        Claim::Conflict { rule, .. } => Answer::Conflict(*rule),
    }
}

fn run(steps: &[Step]) {
    let bench = Bench::new();
    let mut ledgers: Vec<Ledger> = (0..ACTORS).map(|_| bench.open()).collect();
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Begin { actor, group } => {
                let intents: Vec<Intent> = group.iter().map(Ask::intent).collect();
                let claims = ledgers[*actor].begin(&intents).unwrap();
                model.abandon();
                for (ask, claim) in group.iter().zip(&claims) {
                    assert_eq!(simplified(claim), model.answer(ask), "{ask:?} {model:#?}");
                    if let Claim::Granted { entry, .. } = claim {
                        let state = State::Open(*actor);
                        model.0.push(Held { ask: ask.clone(), entry: *entry, state });
                    }
                }
            }
            Step::Commit { actor, take } => {
                let entries = model.open(*actor, *take);
                let issued: Vec<Issued> =
                    entries.iter().map(|&entry| Issued::new(entry, certificate(entry))).collect();
                ledgers[*actor].commit(&issued).unwrap();
                entries.into_iter().for_each(|entry| model.commit(entry));
            }
            Step::Abort { actor, take } => {
                let entries = model.open(*actor, *take);
                ledgers[*actor].abort(&entries, "no").unwrap();
                for held in model.0.iter_mut().filter(|held| entries.contains(&held.entry)) {
                    held.state = State::Gone;
                }
            }
            Step::Die { actor } => {
                ledgers[*actor] = bench.open();
                model.set(State::Open(*actor), State::Orphan);
            }
        }
    }
    let filter = CertificateFilter { life: Life::Live, ..CertificateFilter::default() };
    let live: Vec<u64> =
        ledgers[0].certificates(filter).map(|found| found.unwrap().intent).collect();
    let expected: Vec<u64> =
        model.0.iter().filter(|held| held.state == State::Live).map(|held| held.entry).collect();
    assert_eq!(live, expected);
    assert_sound(&ledgers[0]);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_ledger_answers_as_the_model_does(steps in steps()) {
        run(&steps);
    }
}
