//! The process around a function: its environment, its clock, its log.

pub mod environment;
pub mod clock;
pub mod deadline;
pub mod log;
