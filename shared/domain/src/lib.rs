//! The rules of the system: how an event is read, which request a business receives, and what follows from each answer.
//!
//! This crate is pure: no I/O, no clock, no randomness, no AWS. Time and jitter are arguments. Its Cargo.toml keeps the
//! crate pure, because it names no dependency that could do more. The modules stand in the order in which a delivery
//! uses them.

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
pub mod journal;
pub mod summary;
pub mod owner_link;
pub mod hebrew;
pub mod mail;

pub use jiff::Timestamp;
