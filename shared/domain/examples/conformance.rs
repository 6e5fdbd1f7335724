//! Checks the journals in a log of `deliver`, which writes them at `LogLevel=DEBUG`: each must be one of the pure code.
//!
//! Reads the log's lines from standard input, passes over all lines but those of journals, and prints how many journals and
//! calls there are. If a journal is not one of the code, the program prints the journal's lines and ends with status 1. A
//! line that a kill has cut off is no line of a journal.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;

use domain::journal::{Entry, check};
use serde::Deserialize;

/// A line of the log.
#[derive(Deserialize)]
struct Line {
    message: String,
    /// The run that the entry belongs to.
    run: Option<String>,
    /// The entry, as JSON.
    entry: Option<String>,
}

fn main() -> io::Result<ExitCode> {
    let mut journals: BTreeMap<String, Vec<(Entry, String)>> = BTreeMap::new();
    for text in io::stdin().lines() {
        let text = text?;
        let Ok(Line { message, run: Some(run), entry: Some(entry) }) = serde_json::from_str(&text) else { continue };
        if message == "called" {
            let entry = serde_json::from_str(&entry).map_err(|error| io::Error::other(format!("{error}: {text}")))?;
            journals.entry(run).or_default().push((entry, text));
        }
    }
    let (mut calls, mut whole, mut deviations) = (0, 0, 0);
    for (run, mut journal) in journals.iter().map(|(run, journal)| (run, journal.clone())) {
        journal.sort_by_key(|(entry, _)| entry.place);
        let (entries, lines): (Vec<_>, Vec<_>) = journal.into_iter().unzip();
        match check(&entries) {
            Ok(checked) => {
                calls += checked.calls;
                whole += usize::from(checked.has_end);
            }
            Err(deviation) => {
                deviations += 1;
                println!("Run {run} is not one of the code. {deviation}\n{}", lines.join("\n"));
            }
        }
    }
    let cut = journals.len() - whole - deviations;
    println!("{} runs and {calls} calls checked, {cut} runs cut off, {deviations} runs deviate", journals.len());
    Ok(if deviations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
