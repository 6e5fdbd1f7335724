//! The Lambda function `portal`: the owner's page and its API.

mod page;

fn main() {}
