//! The plan of a run, and the figures that come of it.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What one process is given to do.
#[derive(Debug, Deserialize)]
pub(crate) struct Plan {
    /// The program and its arguments.
    pub(crate) argv: Vec<String>,
    /// The program's environment, without the addresses of the fakes.
    pub(crate) env: HashMap<String, String>,
    /// The file of a sample call. Its transcript is cut or repeated until the event has the wanted length.
    pub(crate) sample: PathBuf,
    /// An invocation's payload, in place of a batch of events.
    #[serde(default)]
    pub(crate) payload: Option<String>,
    /// The answers of AWS by the operation's name, in place of the fakes' own.
    #[serde(default)]
    pub(crate) answers: HashMap<String, String>,
    /// The length of an event, in bytes of UTF-8.
    pub(crate) bytes: usize,
    /// How many events a batch has. Each is of a business of its own.
    pub(crate) events: usize,
    /// How many batches come before the measured ones. Zero: only the start is measured.
    pub(crate) warm: usize,
    /// How many parts are measured, each with so many batches.
    pub(crate) parts: usize,
    /// How many batches a part has.
    pub(crate) batches: usize,
    /// The receiver's status code.
    pub(crate) status: u16,
    /// Whether the receiver speaks TLS, with a certificate of an authority that is made for this run.
    pub(crate) tls: bool,
    /// The folder of a control group whose quota the process is to have.
    #[serde(default)]
    pub(crate) cgroup: Option<PathBuf>,
}

impl Plan {
    /// Whether every event is accepted.
    pub(crate) fn accepts(&self) -> bool {
        self.status < 300
    }
}

/// The figures of one process.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    /// From the start of the process to its first request for an invocation.
    pub(crate) init_ms: f64,
    /// From that request to the next one: the first invocation.
    pub(crate) first_ms: f64,
    /// The CPU time of init and first invocation.
    pub(crate) first_cpu_ms: f64,
    /// The CPU time of an event, for each part.
    pub(crate) cpu_us_per_event: Vec<f64>,
    /// The time of a batch, for each part.
    pub(crate) batch_ms: Vec<f64>,
    /// For each part.
    pub(crate) events_per_s: Vec<f64>,
    /// The peak of resident memory.
    pub(crate) rss_kib: u64,
    /// The resident memory at the end of each part.
    pub(crate) rss_now_kib: Vec<u64>,
}
