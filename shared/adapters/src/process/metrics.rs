//! The metrics: an invocation's counts and times, in one line on standard output at its end. The line is in
//! CloudWatch's embedded metric format, from which CloudWatch Logs makes the metrics. So no invocation calls
//! CloudWatch, and no role needs a permission for it.
//!
//! The one dimension is the function. Nothing about a business is in a line: each value of a dimension would be a paid
//! metric of its own, and whoever may read metrics may not be allowed to read of businesses. The log lines name
//! businesses.
//!
//! `LogLevel` does not apply to the line, which does not go through `tracing`. But its own level is INFO, so Lambda
//! would drop the line if the function's `ApplicationLogLevel` were above that.

use std::io::{self, Write as _};
use std::sync::OnceLock;
use std::time::Duration;

use ::metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};

use super::clock;

/// The namespace of all metrics that the functions write themselves.
pub const NAMESPACE: &str = "ProSaaS/Webhooks";

/// The one dimension. `AWS/Lambda` has the same, so both kinds of metrics are found under one name.
const DIMENSION: &str = "FunctionName";

/// The message of the line, by which the line is recognised in a log.
const MESSAGE: &str = "metrics";

static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();

/// Declares the metrics: each has its name in CloudWatch, and its unit.
macro_rules! metrics {
    ($($(#[$doc:meta])+ $name:ident: $unit:ident,)+) => {
        /// A metric. README has the list for the operator.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Metric { $($(#[$doc])+ $name,)+ }

        impl Metric {
            /// All metrics.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Gives the metric's name in CloudWatch.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// Gives the metric's unit: counts are summed, and of milliseconds each value is kept.
            const fn unit(self) -> Unit {
                match self { $(Self::$name => Unit::$unit,)+ }
            }
        }
    };
}

metrics! {
    /// Messages that `deliver` has taken off the events queue.
    Messages: Count,

    /// Attempts that have delivered their event.
    Delivered: Count,
    /// Attempts that have failed, and whose event is tried again.
    Retrying: Count,
    /// Events that were held, with or without an attempt.
    Held: Count,
    /// Events whose schedule is spent, and that go to the dead-letter queue.
    Failed: Count,
    /// Events of a range that the range has tried for the last time.
    NotReplayed: Count,
    /// Events that had arrived before, and were not sent again.
    Duplicates: Count,
    /// Events of a business without a URL, which were not sent.
    NotConfigured: Count,
    /// Messages that came back without an attempt: no time was left, or the endpoint was at capacity.
    AtCapacity: Count,
    /// Messages that are no event.
    Malformed: Count,
    /// Events that were to be sent and whose body the ledger does not have.
    NotKept: Count,

    /// Attempts that failed, by their cause.
    FailedAttemptsDns: Count,
    /// See above.
    FailedAttemptsRefused: Count,
    /// See above.
    FailedAttemptsReset: Count,
    /// See above.
    FailedAttemptsTls: Count,
    /// See above.
    FailedAttemptsTimeout: Count,
    /// See above.
    FailedAttemptsProtocol: Count,
    /// See above.
    FailedAttemptsStatus: Count,
    /// See above.
    FailedAttemptsRedirect: Count,
    /// See above.
    FailedAttemptsSignIn: Count,
    /// See above.
    FailedAttemptsGone: Count,
    /// See above.
    FailedAttemptsBlocked: Count,
    /// A cause without a metric of its own.
    FailedAttemptsOther: Count,

    /// From the end of the call to the event's first arrival.
    DeliveryDelay: Milliseconds,
    /// From the look-up of the receiver's host to the end of its answer.
    AttemptTime: Milliseconds,
    /// Events that arrived before the end of their call, by the call service's clock.
    FutureCalls: Count,
    /// Optional fields that could not be read.
    UnreadFields: Count,

    /// Endpoints of which the operator was told that they have begun to fail.
    EndpointsFailing: Count,
    /// Endpoints of which the operator was told that they were paused.
    EndpointsPaused: Count,
    /// Endpoints of which the operator was told that they have recovered.
    EndpointsRecovered: Count,

    /// Steps of replays that have begun to send.
    ReplaySteps: Count,
    /// Attempts that a replay has made.
    ReplayedEvents: Count,

    /// Failures of this system or of AWS.
    Faults: Count,

    /// Probes that `sweep` has restarted.
    ProbesRestarted: Count,
    /// Replays that `sweep` has restarted.
    ReplaysRestarted: Count,
    /// Notices that `sweep` has given.
    NoticesRestarted: Count,

    /// Mails to owners that SES has taken.
    MailsSent: Count,
    /// Notices for which no mail was sent, and none was due.
    MailsNotSent: Count,
}

/// Begins to collect the metrics of a function, which is deployed under the name `function`. A function calls this
/// once, when it starts. What is counted in a process that has not called this, such as a test, is lost.
///
/// # Panics
///
/// If the process has begun to collect before.
#[expect(clippy::expect_used, reason = "each says why it cannot fail")]
pub fn start(function: String) {
    let collector = Builder::new()
        .cloudwatch_namespace(NAMESPACE)
        .with_dimension(DIMENSION, function)
        .init()
        .expect("the namespace is given, and this is the process's first recorder");
    collector.set_property("level", "INFO").set_property("message", MESSAGE);
    describe();
    COLLECTOR.get_or_init(|| collector);
}

/// Says the unit of each metric, without which CloudWatch shows none.
fn describe() {
    for metric in Metric::ALL {
        match metric.unit() {
            Unit::Milliseconds => describe_histogram!(metric.name(), Unit::Milliseconds, ""),
            unit => describe_counter!(metric.name(), unit, ""),
        }
    }
}

/// Adds one to a metric of the invocation.
pub fn count(metric: Metric) {
    add(metric, 1);
}

/// Adds a number to a metric of the invocation.
pub fn add(metric: Metric, number: usize) {
    counter!(metric.name()).increment(u64::try_from(number).unwrap_or(u64::MAX));
}

/// Adds a time to a metric of the invocation, in whole milliseconds. A line has room for 100 times of one metric, and
/// an invocation makes no more attempts: ten messages, each of which brings ten events at most.
pub fn time(metric: Metric, duration: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "2^53 milliseconds are 285,000 years")]
    histogram!(metric.name()).record(duration.as_millis() as f64);
}

/// Writes the invocation's line when dropped, so also if the invocation ends with an error or a panic. There is no line if
/// nothing was counted. An invocation that Lambda stops at its timeout loses its counts, since Lambda starts its
/// process anew.
#[derive(Debug)]
#[must_use = "the line is written when this is dropped"]
pub struct WriteAtEnd;

impl Drop for WriteAtEnd {
    fn drop(&mut self) {
        let Some(collector) = COLLECTOR.get() else { return };
        collector.set_property("timestamp", clock::now().to_string());
        let mut line = Vec::with_capacity(2_048);
        // Metrics are no reason to fail: the invocation's work is done.
        let _ = collector.flush(&mut line).and_then(|()| io::stdout().lock().write_all(&line));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The collector is the process's, so one test is all that there can be.
    #[test]
    fn a_line_has_the_counts_of_its_invocation_in_the_embedded_metric_format_and_nothing_else() {
        start("stack-DeliverFunction-x".to_owned());
        count(Metric::Delivered);
        add(Metric::Messages, 3);
        add(Metric::Held, 0);
        time(Metric::AttemptTime, Duration::from_micros(1_700));
        time(Metric::AttemptTime, Duration::from_secs(2));
        let collector = COLLECTOR.get().expect("started above");
        let flushed = || {
            let mut text = Vec::new();
            collector.flush(&mut text).expect("memory takes all");
            String::from_utf8(text).expect("JSON is UTF-8")
        };
        let text = flushed();
        assert_eq!(text.lines().count(), 1);
        let mut line: Value = serde_json::from_str(&text).expect("JSON");
        let at = line["_aws"]["Timestamp"].take().as_u64().expect("milliseconds");
        assert!(clock::now().as_millisecond().abs_diff(i64::try_from(at).expect("a time")) < 60_000);
        let of = |name: &str, unit: &str| json!({"Name": name, "Unit": unit});
        let metrics = [of("AttemptTime", "Milliseconds"), of("Delivered", "Count"), of("Messages", "Count")];
        let expected = json!({
            "_aws": {
                "Timestamp": null,
                "CloudWatchMetrics": [
                    {"Namespace": "ProSaaS/Webhooks", "Dimensions": [["FunctionName"]], "Metrics": metrics}
                ]
            },
            "FunctionName": "stack-DeliverFunction-x",
            "level": "INFO",
            "message": "metrics",
            "AttemptTime": [1.0, 2000.0],
            "Delivered": 1,
            "Messages": 3
        });
        assert_eq!(line, expected);
        assert_eq!(flushed(), "", "the next invocation begins at nothing");
    }

    #[test]
    fn names_are_short_enough_for_a_line_and_few_enough_for_a_bill() {
        // The embedded metric format takes 100 metrics of a directive.
        assert!(Metric::ALL.len() <= 40, "each is a paid metric of every function that writes it");
        assert!(Metric::ALL.iter().all(|metric| metric.name().bytes().all(|byte| byte.is_ascii_alphanumeric())));
    }

    #[test]
    fn readme_has_each_metric_with_its_unit() {
        let readme = include_str!("../../../../README.md");
        for metric in Metric::ALL {
            let row =
                readme.lines().find(|line| line.starts_with("| `") && line.contains(&format!("`{}`", metric.name())));
            let unit = match metric.unit() {
                Unit::Milliseconds => "| Milliseconds |",
                _ => "| Count |",
            };
            assert!(row.is_some_and(|row| row.contains(unit)), "{metric:?} {unit}: {row:?}");
        }
    }
}
