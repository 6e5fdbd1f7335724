//! What every function and the call service share: one finished call, from its event to its receiver.
//!
//! The modules stand in the order in which a delivery meets them. The ground floor is pure: no I/O, clock, randomness
//! or AWS; time and jitter are arguments. It builds alone, without any feature. Above it is what touches the world:
//! `publish` is what the call service needs, `delivery` what the Lambda functions need.

#![allow(clippy::expect_used, reason = "each says why it cannot fail")]

pub mod json;

pub mod pasted;

pub mod event;

#[cfg(feature = "publish")]
pub mod publish;

pub mod command;

#[cfg(feature = "delivery")]
pub mod clock;

#[cfg(feature = "delivery")]
pub mod environment;

#[cfg(feature = "delivery")]
pub mod log;

#[cfg(feature = "delivery")]
mod kept;

#[cfg(feature = "delivery")]
pub mod aws;

#[cfg(feature = "delivery")]
pub mod body;

#[cfg(feature = "delivery")]
pub mod tables;

#[cfg(feature = "delivery")]
pub mod secret;

pub mod signature;

pub mod request;

pub mod guard;

#[cfg(feature = "delivery")]
pub mod endpoint;

#[cfg(feature = "delivery")]
pub mod attempt;

pub mod clue;

pub mod verdict;

pub mod schedule;

pub mod health;

pub mod flow;

pub mod release;

#[cfg(feature = "delivery")]
pub mod queue;

#[cfg(feature = "delivery")]
pub mod notices;

pub mod link;

#[cfg(feature = "publish")]
pub use publish::Publisher;

pub use jiff::Timestamp;
