//! A real Node.js.
//!
//! `NODE` names the one to ask (`make test` brings one); without it, the one on the path is.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Reads a body a line; prints the number of bodies and the first few that do not survive.
const CHECK: &str = r"
const lines = require('fs').readFileSync(0, 'utf8').split('\n').slice(0, -1);
const bad = lines.filter(line => JSON.stringify(JSON.parse(line)) !== line);
console.log(lines.length + ' ' + bad.length + ' ' + bad.slice(0, 3).join('\n'));
";

/// What [`CHECK`] prints for these bodies, a line each.
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
