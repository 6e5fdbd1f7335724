//! Runs a real Node.js.
//!
//! The environment variable `NODE` names the program (`make test` brings one). Without the variable, the `node` on the
//! path is used.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Reads a body a line; prints the number of bodies and the first few that do not survive.
const CHECK: &str = r"
const lines = require('fs').readFileSync(0, 'utf8').split('\n').slice(0, -1);
const bad = lines.filter(line => JSON.stringify(JSON.parse(line)) !== line);
console.log(lines.length + ' ' + bad.length + ' ' + bad.slice(0, 3).join('\n'));
";

/// Gives the output of [`CHECK`] for these bodies, which are passed one a line.
#[expect(clippy::disallowed_methods, reason = "a test has an environment of its own")]
pub(super) fn ask(lines: &str) -> String {
    let node = std::env::var("NODE").unwrap_or_else(|_| "node".to_owned());
    let mut child = Command::new(&node)
        .args(["-e", CHECK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("Node.js, named by NODE or on the path: {node}: {error}"));
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
