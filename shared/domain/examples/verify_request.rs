//! Runs the receivers' Rust sample on requests from standard input: one line of JSON in, a line of `true` or `false` out.
//!
//! The tests of the receivers' samples start this program. It holds no verification of its own.

use std::collections::HashMap;
use std::io::{self, BufRead as _};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use standardwebhooks::WebhookError;

#[expect(unreachable_pub, reason = "the sample is public, since a receiver copies it into a crate of its own")]
#[path = "../../../events/receivers/verify/rust.rs"]
mod sample;

#[derive(Deserialize)]
struct Given {
    secret: String,
    headers: HashMap<String, String>,
    body: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for line in io::stdin().lock().lines() {
        let given: Given = serde_json::from_str(&line?)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &given.headers {
            headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
        let verdict: Result<(), WebhookError> = sample::verify(&given.secret, &headers, given.body.as_bytes());
        println!("{}", verdict.is_ok());
    }
    Ok(())
}
