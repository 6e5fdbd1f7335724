//! Checks the traces in a log of `deliver`, which writes them at `LogLevel=DEBUG`: each must be one of the pure code.
//!
//! Reads the log's lines from standard input, passes over all lines but those of traces, and prints how many traces and
//! calls there are. If a trace is not one of the code, the program prints the trace's lines and ends with status 1. A
//! line that a kill has cut off is no line of a trace.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;

use domain::trace::{Entry, check};
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
    let mut traces: BTreeMap<String, Vec<(Entry, String)>> = BTreeMap::new();
    for text in io::stdin().lines() {
        let text = text?;
        let Ok(Line { message, run: Some(run), entry: Some(entry) }) = serde_json::from_str(&text) else { continue };
        if message == "called" {
            let entry = serde_json::from_str(&entry).map_err(|error| io::Error::other(format!("{error}: {text}")))?;
            traces.entry(run).or_default().push((entry, text));
        }
    }
    let (mut calls, mut whole, mut deviations) = (0, 0, 0);
    for (run, mut trace) in traces.iter().map(|(run, trace)| (run, trace.clone())) {
        trace.sort_by_key(|(entry, _)| entry.place);
        let (entries, lines): (Vec<_>, Vec<_>) = trace.into_iter().unzip();
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
    let cut = traces.len() - whole - deviations;
    println!("{} runs and {calls} calls checked, {cut} runs cut off, {deviations} runs deviate", traces.len());
    Ok(if deviations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
