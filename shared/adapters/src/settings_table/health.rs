//! An endpoint's health as the attribute `health` of the settings item, a map.
//!
//! A newer version of this system may have written a value that this version does not know, and may then have been
//! rolled back. Such a value must not keep a business's events back: an unknown state is read as that of an endpoint
//! that never failed, and an unknown name as "other".

mod range;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::endpoint::{EndpointId, Health, Notice, NoticeKind, PausedReason, Probe, Replay, State};
use domain::event::EventId;
use domain::outcome::Cause;

use crate::dynamodb::attributes::{map, ms, n, number, required, s, text, time};
use crate::dynamodb::{Item, TableError};

/// Reads the health of a settings item. An item without one has an endpoint that never failed.
pub(super) fn from_item(item: &Item) -> Result<Health, TableError> {
    let Some(health) = map(item, "health")? else {
        return Ok(Health::default());
    };
    Ok(Health {
        // Without the stored version, no new state could be stored.
        version: required(number(health, "version")?, "health")?,
        endpoint: known(text(health, "endpoint")).map(|id| EndpointId(id.to_owned())),
        state: state(health).unwrap_or_default(),
        replay: replay(health, HELD),
        range: known(map(health, "range")).and_then(range::from_item),
        notices: notices(health),
    })
}

/// Reads the state. None: this version does not know the state, or an attribute that the state needs is missing.
fn state(health: &Item) -> Option<State> {
    let at = |name| known(time(health, name));
    let count = |name| known(number(health, name)).unwrap_or(0);
    match known(text(health, "state"))? {
        "active" => Some(State::Active { failures: count("failures") }),
        "failing" => Some(State::Failing {
            since: at("since")?,
            cause: Cause::read(known(text(health, "cause"))?),
            probe: known(text(health, "probe")).and_then(EventId::parse).and_then(|event| {
                let is_of_range = matches!(health.get("probe_is_of_range"), Some(AttributeValue::Bool(true)));
                Some(Probe { event, due: at("probe_due")?, restarts: count("probe_restarts"), is_of_range })
            }),
            last_attempt: at("last_attempt")?,
        }),
        "paused" => Some(State::Paused {
            since: at("since")?,
            // A reason that only a newer version knows is read as one that keeps events held until the owner resumes.
            reason: known(text(health, "reason")).and_then(PausedReason::parse).unwrap_or(PausedReason::Owner),
        }),
        _ => None,
    }
}

/// The names of the attributes of a replay's steps: id, step, message, time, failures, restarts, done, failed.
type StepNames = [&'static str; 8];

const HELD: StepNames = [
    "replay_id",
    "replay_step",
    "replay_claimed_by",
    "replay_due",
    "replay_failures",
    "replay_restarts",
    "replay_done",
    "replay_failed",
];
const RANGE: StepNames = ["id", "step", "claimed_by", "due", "failures", "restarts", "done", "failed"];

fn replay(item: &Item, names: StepNames) -> Option<Replay> {
    let [id, step, claimed_by, due, failures, restarts, done, failed] = names;
    let count = |name| known(number(item, name)).unwrap_or(0);
    Some(Replay {
        id: known(number(item, id))?,
        step: known(number(item, step))?,
        claimed_by: known(text(item, claimed_by)).map(ToOwned::to_owned),
        due: known(time(item, due))?,
        failures: known(number(item, failures)).unwrap_or(0),
        restarts: known(number(item, restarts)).unwrap_or(0),
        done: count(done),
        failed: count(failed),
    })
}

fn set_replay(item: &mut Item, names: StepNames, replay: &Replay) {
    let Replay { id, step, claimed_by, due, failures, restarts, done, failed } = replay;
    let values = [
        Some(n(id)),
        Some(n(step)),
        claimed_by.as_deref().map(s),
        Some(ms(*due)),
        Some(n(failures)),
        Some(n(restarts)),
        Some(n(done)),
        Some(n(failed)),
    ];
    let present = names.into_iter().zip(values).filter_map(|(name, value)| Some((name.to_owned(), value?)));
    item.extend(present);
}

fn notices(health: &Item) -> Vec<Notice> {
    let Some(AttributeValue::L(notices)) = health.get("notices") else { return Vec::new() };
    notices.iter().filter_map(|notice| notice.as_m().ok()).filter_map(notice).collect()
}

fn notice(stored: &Item) -> Option<Notice> {
    Some(Notice {
        kind: NoticeKind::read(known(text(stored, "kind"))?),
        since: known(time(stored, "since"))?,
        cause: known(text(stored, "cause")).unwrap_or_default().to_owned(),
        at: known(time(stored, "at"))?,
    })
}

/// Gives a value that was read. A value that cannot be read counts as absent.
fn known<T>(read: Result<Option<T>, TableError>) -> Option<T> {
    read.ok().flatten()
}

/// The attribute for a state of health.
pub(super) fn to_attribute(health: &Health) -> AttributeValue {
    let mut map = Item::from([("version".to_owned(), n(health.version))]);
    let mut set = |name: &str, value| map.insert(name.to_owned(), value);
    if let Some(EndpointId(id)) = &health.endpoint {
        set("endpoint", s(id));
    }
    match &health.state {
        State::Active { failures } => {
            set("state", s("active"));
            set("failures", n(failures));
        }
        State::Failing { since, cause, probe, last_attempt } => {
            set("state", s("failing"));
            set("since", ms(*since));
            set("cause", s(cause.as_str()));
            if let Some(Probe { event, due, restarts, is_of_range }) = probe {
                set("probe", s(event.as_str()));
                set("probe_due", ms(*due));
                set("probe_restarts", n(restarts));
                if *is_of_range {
                    set("probe_is_of_range", AttributeValue::Bool(true));
                }
            }
            set("last_attempt", ms(*last_attempt));
        }
        State::Paused { since, reason } => {
            set("state", s("paused"));
            set("since", ms(*since));
            set("reason", s(reason.as_str()));
        }
    }
    if !health.notices.is_empty() {
        set("notices", AttributeValue::L(health.notices.iter().map(notice_to_attribute).collect()));
    }
    if let Some(replay) = &health.replay {
        set_replay(&mut map, HELD, replay);
    }
    if let Some(range) = &health.range {
        map.insert("range".to_owned(), AttributeValue::M(range::to_item(range)));
    }
    AttributeValue::M(map)
}

fn notice_to_attribute(notice: &Notice) -> AttributeValue {
    let Notice { kind, since, cause, at } = notice;
    let attributes = [("kind", s(kind.as_str())), ("since", ms(*since)), ("cause", s(cause)), ("at", ms(*at))];
    AttributeValue::M(attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use domain::endpoint::{Position, Range, RangeEnd, RangeReplay, RangeStatuses};
    use jiff::Timestamp;

    use super::*;

    fn time() -> impl Strategy<Value = Timestamp> {
        (0..4_000_000_000_000i64).prop_map(|ms| Timestamp::from_millisecond(ms).expect("a time"))
    }

    fn event() -> impl Strategy<Value = EventId> {
        any::<u128>().prop_map(|bits| EventId::parse(&format!("evt_{bits:032x}")).expect("an id"))
    }

    fn state() -> impl Strategy<Value = State> {
        let reason = prop::sample::select(vec![
            PausedReason::Gone,
            PausedReason::Spent,
            PausedReason::Owner,
            PausedReason::NoUrl,
        ]);
        prop_oneof![
            (0..9u32).prop_map(|failures| State::Active { failures }),
            (time(), prop::option::of((event(), time(), any::<(u32, bool)>())), time()).prop_map(
                |(since, probe, last_attempt)| {
                    let probe =
                        probe.map(|(event, due, (restarts, is_of_range))| Probe { event, due, restarts, is_of_range });
                    State::Failing { since, cause: Cause::Redirect, probe, last_attempt }
                }
            ),
            (time(), reason).prop_map(|(since, reason)| State::Paused { since, reason }),
        ]
    }

    prop_compose! {
        fn steps()(
            numbers in any::<[u64; 4]>(),
            claimed_by in prop::option::of("[a-f0-9-]{36}"),
            due in time(),
            [failures, restarts] in any::<[u32; 2]>(),
        ) -> Replay {
            let [id, step, done, failed] = numbers;
            Replay { id, step, claimed_by, due, failures, restarts, done, failed }
        }
    }

    prop_compose! {
        fn range()(
            steps in steps(),
            from in prop::option::of(time()),
            to in time(),
            asked_at in time(),
            position in prop::option::of("[a-z0-9#]{1,60}"),
            total in prop::option::of(0..10_001u64),
            statuses in prop::sample::select(vec![
                RangeStatuses::Delivered,
                RangeStatuses::Failed,
                RangeStatuses::Both,
            ]),
            end in prop::sample::select(vec![None, Some(RangeEnd::Done), Some(RangeEnd::Ended)]),
        ) -> RangeReplay {
            let range = Range { from, to, statuses };
            RangeReplay { steps, range, asked_at, position: position.map(Position), total, end }
        }
    }

    prop_compose! {
        fn health()(
            version in 1..u64::MAX,
            endpoint in prop::option::of("[a-f0-9]{32}|none"),
            state in state(),
            replay in prop::option::of(steps()),
            range in prop::option::of(range()),
            notices in prop::collection::vec((time(), time()), 0..3),
        ) -> Health {
            Health {
                version,
                endpoint: endpoint.map(EndpointId),
                state,
                replay,
                range,
                notices: notices.into_iter().map(|(since, at)| {
                    Notice { kind: NoticeKind::Paused, since, cause: "gone".to_owned(), at }
                }).collect(),
            }
        }
    }

    proptest! {
        #[test]
        fn a_state_is_read_back_as_it_was_stored(health in health()) {
            let item = Item::from([("health".to_owned(), to_attribute(&health))]);
            prop_assert_eq!(from_item(&item).expect("readable"), health);
        }
    }

    #[test]
    fn a_value_that_only_a_newer_version_knows_is_read_as_other() {
        let stored = |attributes: &[(&str, AttributeValue)]| {
            let map = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            from_item(&Item::from([("health".to_owned(), AttributeValue::M(map))])).expect("readable")
        };
        let asleep = stored(&[("version", n(7)), ("state", s("asleep"))]);
        assert_eq!((asleep.version, asleep.state), (7, State::default()));
        for lacks in [vec![("since", n(0))], vec![("since", s("yesterday")), ("cause", n(0))]] {
            let notices = AttributeValue::L(vec![s("failing"), AttributeValue::M(Item::new())]);
            let more = [("version", n(7)), ("state", s("failing")), ("notices", notices)];
            let health = stored(&[&more[..], &lacks].concat());
            assert_eq!((health.state, health.notices), (State::default(), Vec::new()));
        }
        let wobbling = [("kind", s("wobbling")), ("since", n(0)), ("at", n(0))];
        let wobbling = AttributeValue::M(wobbling.map(|(name, value)| (name.to_owned(), value)).into());
        let failing = [
            ("version", n(7)),
            ("state", s("failing")),
            ("cause", s("teapot")),
            ("since", n(0)),
            ("probe", s("evt_00000000000000000000000000000001")),
            ("probe_due", n(0)),
            ("last_attempt", n(0)),
            ("notices", AttributeValue::L(vec![wobbling])),
        ];
        let failing = stored(&failing);
        assert!(matches!(failing.state, State::Failing { cause: Cause::Other, .. }), "{failing:?}");
        assert_eq!(failing.notices.first().expect("a notice").kind, NoticeKind::Other);
    }

    #[test]
    fn an_endpoint_without_a_url_is_told_from_any_when_it_is_read_back() {
        let now = Timestamp::UNIX_EPOCH;
        let item = Item::from([("health".to_owned(), to_attribute(&Health::default().without_url(now)))]);
        let next = from_item(&item).expect("readable").for_endpoint(&EndpointId("b".to_owned()), now);
        assert!(matches!(next.state, State::Active { .. }) && next.replay.is_some(), "{next:?}");
    }
}
