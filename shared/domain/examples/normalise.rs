//! Prints events as the ledger keeps their bodies: reads one event a line, writes one body a line.

use std::io::{self, BufRead as _, Write as _};

use domain::event::Event;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let event = Event::parse(&line?).map_err(io::Error::other)?;
        writeln!(out, "{}", event.body())?;
    }
    out.flush()
}
