//! The code that touches the world: the process, AWS, and receivers.
//!
//! Each module does one thing that [`domain`] or a function decides on, and decides nothing itself. The functions name no
//! AWS client: this crate makes the clients, once in a process.

#![allow(clippy::expect_used, reason = "each says why it cannot fail")]

pub mod process;
mod kept;
mod lazy;
pub mod aws;
pub mod body;
pub mod dynamodb;
pub mod settings_table;
pub mod deliveries_table;
pub mod tables;
pub mod secret;
pub mod http;
pub mod attempter;
pub mod queue;
pub mod notices;
pub mod mailer;
