//! What may come of a fault.

use super::{Command, End, Fault, Line, Secrecy, Trial};

/// The exit codes that a disturbed run may end with, besides that of an undisturbed one.
#[must_use]
pub fn codes(fault: &Fault) -> &'static [i32] {
    match fault.name {
        // Another key is there, and the one that was meant is not.
        "another key in its place" => &[3, 8],
        _ => &[8],
    }
}

/// What is wrong with the outcome of a trial; `wanted` is how the command ends undisturbed.
#[must_use]
pub fn verdict(command: &Command, fault: &Fault, trial: &Trial, wanted: &End) -> Vec<String> {
    let Trial { disturbed, again, way_out } = trial;
    let mut objections = Vec::new();
    let runs =
        [("disturbed", Some(disturbed)), ("again", again.as_ref()), ("way out", way_out.as_ref())];
    for (run, end) in runs.into_iter().filter_map(|(run, end)| Some((run, end?))) {
        objections.extend(end.objections.iter().map(|one| format!("{run}: {one}")));
    }
    let code = disturbed.code.unwrap_or(-1);
    // A serial number is four octets, whatever they are: garbage is that of another key.
    let another_serial = fault.name == "garbage"
        && disturbed.lines.iter().any(|line| line.name == "SERIAL" && line.is_disturbed());
    let documented = codes(fault).contains(&code) || another_serial && code == 3;
    if code != command.ends && !documented {
        objections.push(format!("disturbed: exit code {code}"));
    }
    let last = way_out.as_ref().or(again.as_ref()).unwrap_or(disturbed);
    if last.facts != wanted.facts {
        objections.push(format!("it cannot be brought to its end: {}", difference(last, wanted)));
    }
    for end in [disturbed, last] {
        if end.code == Some(command.ends) && end.facts != wanted.facts {
            objections.push(format!("says it is done; {}", difference(end, wanted)));
        }
        if command.secrecy == Secrecy::Presents && end.spent.iter().any(|spent| *spent > 1) {
            objections.push(format!("{:?} tries of PIN and PUK are gone", end.spent));
        }
    }
    let strangers = disturbed.lines.iter().skip_while(|line| !line.is_disturbed());
    if fault.name == "another key in its place"
        && let Some(line) = strangers.skip(1).find(|line| Line::is_an_act(line))
    {
        objections.push(format!("the other key was told: {}", line.name));
    }
    objections
}

fn difference(found: &End, wanted: &End) -> String {
    let names = found.facts.keys().chain(wanted.facts.keys());
    let differ = names.filter(|name| found.facts.get(*name) != wanted.facts.get(*name));
    let told = differ.map(|name| {
        let word = |end: &End| end.facts.get(name).cloned().unwrap_or_else(|| "nothing".into());
        format!("{name} is {}, wanted {}", word(found), word(wanted))
    });
    told.collect::<Vec<_>>().join("; ")
}
