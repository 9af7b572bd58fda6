//! The outcomes as a table: for each command a line for each APDU, a column for each fault.

use std::fmt::Write as _;

use super::{Command, End, FAULTS, Trial};

/// The outcomes of one command.
#[derive(Clone, Debug)]
pub struct Table {
    command: Command,
    /// The APDUs that were disturbed: number, name, and an outcome for each fault.
    lines: Vec<(usize, String, Vec<String>)>,
}

impl Table {
    /// No outcomes yet of disturbing these APDUs of an undisturbed run.
    #[must_use]
    pub fn new(command: &Command, undisturbed: &End, places: &[usize]) -> Self {
        let line = |at: &usize| {
            let name = undisturbed.lines.get(at - 1).map(|line| line.name.clone());
            (*at, name.unwrap_or_default(), vec![String::new(); FAULTS.len()])
        };
        Self { command: *command, lines: places.iter().map(line).collect() }
    }

    /// Enters an outcome: of the fault with this index at this APDU.
    pub fn enter(&mut self, at: usize, fault: usize, trial: &Trial) {
        let code = |end: &End| end.code.map_or_else(|| "?".into(), |code| code.to_string());
        let ends = [Some(&trial.disturbed), trial.again.as_ref(), trial.way_out.as_ref()];
        let line = self.lines.iter_mut().find(|(number, ..)| *number == at);
        if let Some(cell) = line.and_then(|(_, _, cells)| cells.get_mut(fault)) {
            *cell = ends.into_iter().flatten().map(code).collect::<Vec<_>>().join(" ");
        }
    }

    /// The table in Markdown. Lines that say the same stand as one.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = format!("### {}\n\n| APDU |", self.command.name);
        for fault in FAULTS {
            write!(text, " {} |", fault.name).unwrap();
        }
        text.push_str(&format!("\n|---|{}\n", "---|".repeat(FAULTS.len())));
        let mut lines = self.lines.iter().peekable();
        while let Some((first, name, cells)) = lines.next() {
            let mut last = *first;
            let verb = |name: &str| name.split(' ').next().unwrap_or_default().to_owned();
            let mut names = name.clone();
            while let Some((number, other, _)) =
                lines.next_if(|(_, other, same)| same == cells && verb(other) == verb(name))
            {
                last = *number;
                names = if *other == names { names } else { format!("{} …", verb(name)) };
            }
            let numbers =
                if last == *first { first.to_string() } else { format!("{first}–{last}") };
            writeln!(text, "| {numbers} {names} | {} |", cells.join(" | ")).unwrap();
        }
        text
    }
}
