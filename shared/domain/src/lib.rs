//! What a finished call is, what a business receives of it, and what follows from each answer.
//!
//! This crate is pure: no I/O, no clock, no randomness, no AWS. Time and jitter are arguments. Its Cargo.toml is what
//! keeps it so. The modules stand in the order in which a delivery meets them.

#![allow(clippy::expect_used, reason = "each says why it cannot fail")]

pub mod pasted;
pub mod event;
pub mod israel;
pub mod phone;
pub mod format;
pub mod command;
pub mod request;
pub mod guard;
pub mod clue;
pub mod outcome;
pub mod schedule;
pub mod endpoint;
pub mod delivery;
pub mod replay;
pub mod sweep;
pub mod owner_link;

pub use jiff::Timestamp;
