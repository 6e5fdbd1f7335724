//! What every function and the call service share: one finished call, from its event to its receiver.
//!
//! The modules stand in the order in which a delivery meets them. The ground floor is pure: no I/O, clock, randomness
//! or AWS; time and jitter are arguments. It builds alone, without any feature. Above it is what touches the world:
//! `publish` is what the call service needs, `delivery` what the Lambda functions need.

pub mod json;

pub mod event;

pub mod signature;

pub mod guard;

pub mod verdict;

pub mod schedule;
