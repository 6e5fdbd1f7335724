//! The replay of a range of time, as the map `range` within the attribute `health`.

use domain::endpoint::{Position, Range, RangeEnd, RangeReplay, RangeStatuses};

use super::{RANGE, known, replay, set_replay};
use crate::dynamodb::Item;
use crate::dynamodb::attributes::{ms, n, number, s, text, time};

/// Reads the replay of a range. None: an attribute that such a replay needs is missing, so there is no replay.
pub(super) fn from_item(item: &Item) -> Option<RangeReplay> {
    let statuses = match known(text(item, "statuses"))? {
        "delivered" => RangeStatuses::Delivered,
        "failed" => RangeStatuses::Failed,
        _ => RangeStatuses::Both,
    };
    Some(RangeReplay {
        steps: replay(item, RANGE)?,
        range: Range { from: known(time(item, "from")), to: known(time(item, "to"))?, statuses },
        asked_at: known(time(item, "asked_at"))?,
        position: known(text(item, "position")).map(|position| Position(position.to_owned())),
        total: known(number(item, "total")),
        end: known(text(item, "end")).map(|end| if end == "done" { RangeEnd::Done } else { RangeEnd::Ended }),
    })
}

pub(super) fn to_item(replay: &RangeReplay) -> Item {
    let RangeReplay { steps, range: Range { from, to, statuses }, asked_at, position, total, end } = replay;
    let statuses = match statuses {
        RangeStatuses::Delivered => "delivered",
        RangeStatuses::Failed => "failed",
        RangeStatuses::Both => "both",
    };
    let end = end.map(|end| match end {
        RangeEnd::Done => "done",
        RangeEnd::Ended => "ended",
    });
    let attributes = [
        ("statuses", Some(s(statuses))),
        ("from", from.map(ms)),
        ("to", Some(ms(*to))),
        ("asked_at", Some(ms(*asked_at))),
        ("position", position.as_ref().map(|Position(position)| s(position))),
        ("total", total.map(n)),
        ("end", end.map(s)),
    ];
    let present = attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let mut item: Item = present.collect();
    set_replay(&mut item, RANGE, steps);
    item
}
