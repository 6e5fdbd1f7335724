//! The process in which a function runs: its environment variables, its clock, its deadline, its log, its metrics.

pub mod environment;
pub mod clock;
pub mod deadline;
pub mod log;
pub mod metrics;
