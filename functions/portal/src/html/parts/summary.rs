//! The last days: how much arrived, how fast, how much waits, and a strip with a bar for each day.
//!
//! The strip is an SVG without text, stretched to the width that there is. Its oldest day stands at the right, as days do
//! in a Hebrew calendar. Browsers show a day's title under the pointer; a table says the same to screen readers.

use std::iter;
use std::time::Duration;

use adapters::deliveries_table::HELD_COUNTED;
use domain::israel;
use domain::summary::{Counts, Day, Summary};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::html::hebrew;
use crate::html::view::Overview;

/// The strip's units: how wide a day is, how wide its bar, and how high the highest bar.
const DAY_WIDTH: usize = 20;
const BAR_WIDTH: usize = 14;
const BAR_HEIGHT: u32 = 56;

/// The least height of a bar's part, so that one failure among a thousand deliveries is seen.
const LEAST_HEIGHT: u32 = 3;

/// The strip's height: the highest bar, with room for two parts of the least height.
const HEIGHT: u32 = BAR_HEIGHT + 2 * LEAST_HEIGHT;

/// The last days.
pub(in crate::html) struct SummaryPart {
    pub(in crate::html) title: String,
    /// A name, a value and what is said beside it, each.
    pub(in crate::html) facts: Vec<(&'static str, String, Option<String>)>,
    /// What the numbers leave out; None: nothing.
    pub(in crate::html) partial: Option<String>,
    /// The size of the strip in its own units.
    pub(in crate::html) width: usize,
    pub(in crate::html) height: u32,
    /// Oldest first.
    pub(in crate::html) days: Vec<DayPart>,
    /// The names of the first and of the last day.
    pub(in crate::html) ends: [String; 2],
    /// A class, a name and a number each: the meanings of the colours.
    pub(in crate::html) legend: Vec<(&'static str, &'static str, String)>,
}

/// One day.
pub(in crate::html) struct DayPart {
    pub(in crate::html) name: String,
    pub(in crate::html) title: String,
    /// The whole day, which is seen only under the pointer, and the parts of its bar from bottom to top.
    pub(in crate::html) bars: Vec<Bar>,
    /// The numbers of the columns that the legend names; None: the day was not counted.
    pub(in crate::html) numbers: Option<[u32; 3]>,
}

/// A rectangle of the strip.
pub(in crate::html) struct Bar {
    pub(in crate::html) class: &'static str,
    pub(in crate::html) x: usize,
    pub(in crate::html) y: u32,
    pub(in crate::html) width: usize,
    pub(in crate::html) height: u32,
}

impl SummaryPart {
    /// None: there is nothing to show.
    pub(in crate::html) fn new(view: &Overview) -> Option<Self> {
        let summary = view.summary.as_ref().filter(|summary| summary.total.all() > 0)?;
        let count = summary.days.len();
        let today = israel::local(view.now).date();
        let counted_from = counted_from(summary);
        let most = summary.days.iter().map(|day| day.counts.all()).max().unwrap_or_default();
        let part = |(index, day): (usize, &Day)| {
            let is_counted = counted_from.is_none_or(|from| day.date >= from);
            DayPart::new(day, (count - 1 - index) * DAY_WIDTH, most, today, is_counted)
        };
        let days: Vec<_> = summary.days.iter().enumerate().map(part).collect();
        let name = |day: Option<&DayPart>| day.map(|day| day.name.clone()).unwrap_or_default();
        Some(Self {
            title: format!("{count} הימים האחרונים"),
            facts: facts(view, summary),
            partial: counted_from.map(partial),
            width: count * DAY_WIDTH,
            height: HEIGHT,
            ends: [name(days.first()), name(days.last())],
            days,
            legend: legend_of(view, summary),
        })
    }
}

impl DayPart {
    fn new(day: &Day, x: usize, most: u32, today: Date, is_counted: bool) -> Self {
        let name = if day.date == today { "היום".to_owned() } else { hebrew::day_of_month(day.date) };
        let numbers = numbers(day.counts);
        let told: Vec<_> = legend(day.counts).iter().map(|(_, name, number)| format!("{name}: {number}")).collect();
        let told = match told.as_slice() {
            _ if !is_counted => "לא נספר".to_owned(),
            [] => "לא היו עדכונים".to_owned(),
            told => told.join(", "),
        };
        Self {
            title: format!("{name} · {told}"),
            name,
            bars: bars(numbers, x, most),
            numbers: is_counted.then_some(numbers),
        }
    }
}

/// The class, the name and the number of each part of a bar, from bottom to top.
const KINDS: [(&str, &str); 3] = [("delivered", "הגיעו"), ("waiting", "ממתינים"), ("failed", "לא הגיעו")];

fn numbers(counts: Counts) -> [u32; 3] {
    [counts.delivered, counts.waiting(), counts.failed]
}

fn legend(counts: Counts) -> Vec<(&'static str, &'static str, String)> {
    let kinds = KINDS.into_iter().zip(numbers(counts)).filter(|(_, number)| *number > 0);
    kinds.map(|((class, name), number)| (class, name, hebrew::grouped(number.into()))).collect()
}

/// The legend of the whole strip. Events that wait longer than these days are counted above it, and not in the strip.
fn legend_of(view: &Overview, summary: &Summary) -> Vec<(&'static str, &'static str, String)> {
    let are_all = view.endpoint.held <= summary.total.held.into();
    let name = |class, name| if class == "waiting" && !are_all { "ממתינים מהימים האלה" } else { name };
    legend(summary.total).into_iter().map(|(class, text, number)| (class, name(class, text), number)).collect()
}

fn bars(numbers: [u32; 3], x: usize, most: u32) -> Vec<Bar> {
    let mut y = HEIGHT;
    let bar = |((class, _), number): ((&'static str, _), u32)| {
        let share = u64::from(number) * u64::from(BAR_HEIGHT) / u64::from(most.max(1));
        let height = u32::try_from(share).unwrap_or(BAR_HEIGHT).max(LEAST_HEIGHT);
        y = y.saturating_sub(height);
        Bar { class, x: x + (DAY_WIDTH - BAR_WIDTH) / 2, y, width: BAR_WIDTH, height }
    };
    let day = Bar { class: "day", x, y: 0, width: DAY_WIDTH, height: HEIGHT };
    iter::once(day).chain(KINDS.into_iter().zip(numbers).filter(|(_, number)| *number > 0).map(bar)).collect()
}

/// The first day that was counted, perhaps in part; None: all were.
fn counted_from(summary: &Summary) -> Option<Date> {
    summary.oldest_at.filter(|_| !summary.complete).map(|oldest| israel::local(oldest).date())
}

fn partial(from: Date) -> String {
    let from = hebrew::day_of_month(from);
    format!("יש יותר עדכונים ממה שאפשר לספור כאן, ולכן נספרו רק החדשים ביותר, מ־{from} ואילך.")
}

fn facts(view: &Overview, summary: &Summary) -> Vec<(&'static str, String, Option<String>)> {
    let Counts { delivered, failed, .. } = summary.total;
    // Rounded down: 100 % means all.
    let percent = u64::from(delivered) * 100 / u64::from(delivered + failed).max(1);
    let rest = (summary.total.waiting() > 0).then(|| "לא כולל ממתינים".to_owned());
    let share = (delivered + failed > 0).then(|| ("הגיעו", format!("{percent}%"), rest));
    let delay = summary.median_delay_ms.map(|delay| hebrew::about(Duration::from_millis(delay)));
    let delay = delay.map(|delay| ("בדרך כלל תוך", delay, None));
    let waiting = waiting(view, summary).map(|(count, since)| ("ממתינים", count, since));
    [share, delay, waiting].into_iter().flatten().collect()
}

/// How many events wait, and since when. Held events never expire, so there may be older ones than those of the days.
fn waiting(view: &Overview, summary: &Summary) -> Option<(String, Option<String>)> {
    let Counts { retrying, held, .. } = summary.total;
    let all_held = view.endpoint.held.max(held.into());
    let count = u64::from(retrying) + all_held;
    let counted = if view.endpoint.held >= HELD_COUNTED {
        format!("יותר מ־{}", hebrew::grouped(HELD_COUNTED - 1))
    } else {
        hebrew::grouped(count)
    };
    let since = summary.oldest_waiting_at.filter(|_| summary.complete && all_held == u64::from(held));
    let since = match since.map(|at: Timestamp| hebrew::when(at, view.now)) {
        _ if !summary.complete => None,
        Some(at) if count == 1 => Some(format!("מאז {at}")),
        Some(at) => Some(format!("הוותיק שבהם: {at}")),
        None => summary.days.first().map(|day| format!("חלקם מלפני {}", hebrew::day_of_month(day.date))),
    };
    (count > 0).then_some((counted, since))
}
