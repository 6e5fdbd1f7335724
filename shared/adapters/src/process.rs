//! The process in which a function runs: its environment variables, its clock, its deadline, its log.

pub mod environment;
pub mod clock;
pub mod deadline;
pub mod log;
