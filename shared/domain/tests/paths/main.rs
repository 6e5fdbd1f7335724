//! Single paths through a delivery and through a step of a replay, each a sentence of what is promised. `model` visits every
//! path in every order with others; here a reader sees what one path does.

#![allow(clippy::expect_used, reason = "a test may panic")]
#![allow(dead_code, reason = "the worker is made for the model and the simulation too")]

#[path = "../worker/mod.rs"]
mod worker;

mod path;
mod delivery;
mod replay;
mod range;

/// How many events a step of a replay lists.
const LISTED_AT_A_TIME: usize = 10;
