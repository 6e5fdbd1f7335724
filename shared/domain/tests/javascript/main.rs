//! The promise of the bytes, put to a real Node.js: `JSON.stringify(JSON.parse(body)) === body`.

mod generated;
mod node;
mod formats;

use domain::event::Event;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const BODIES: usize = 10_000;

#[test]
fn ten_thousand_generated_bodies_survive_javascript_byte_for_byte() {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let events = generated::event();
    let (mut lines, mut odd) = (String::new(), 0);
    for _ in 0..BODIES {
        let text = events.new_tree(&mut runner).expect("a generated event").current();
        let event = Event::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let again = Event::parse(event.body()).expect("a body is an event");
        assert_eq!((again.body(), again.id()), (event.body(), event.id()), "normalising is idempotent");
        assert!(again.unread().is_empty(), "a body can be read: {text}");
        odd += usize::from(!event.unread().is_empty());
        lines.push_str(event.body());
        lines.push('\n');
    }
    assert!(odd > BODIES / 5, "only {odd} had a field that cannot be read");
    assert_eq!(node::ask(&lines), format!("{BODIES} 0"));
}
