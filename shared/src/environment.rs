//! The one place that reads the environment.
//!
//! Everything is read and judged once, at start: a function with a missing or impossible setting says so in one line
//! and does not start, instead of failing at its first event. No setting has a default here; the stack's template is
//! where defaults are.

use std::str::FromStr;
use std::time::Duration;

use tracing::Level;

use crate::guard::Targets;
use crate::schedule::{InvalidSchedule, Schedule};

/// Longest `ATTEMPT_TIMEOUT_SECONDS`: the function's 60 s less 10 s for our own reads and writes.
const MAX_ATTEMPT_TIMEOUT: u64 = 50;

/// A variable that is missing or cannot be used. The message names it and never repeats its value.
#[derive(Debug, thiserror::Error)]
pub enum InvalidEnvironment {
    /// Not set, or not UTF-8.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// Set to something else.
    #[error("{name} must be {expected}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// `RETRY_SCHEDULE_SECONDS` or `MAX_ATTEMPTS` cannot be a schedule.
    #[error(transparent)]
    Schedule(#[from] InvalidSchedule),
}

/// What the Lambda environment says about AWS itself.
#[derive(Clone)]
pub struct Aws {
    /// `AWS_REGION`
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`, of temporary credentials.
    pub session_token: Option<String>,
    /// `AWS_ENDPOINT_URL`, of a local emulator.
    pub endpoint_url: Option<String>,
}

/// What `deliver` is set up with, by the names of the template's environment variables.
#[derive(Clone)]
pub struct Deliver {
    /// Where and as whom to call AWS.
    pub aws: Aws,
    /// `EVENTS_QUEUE_URL`
    pub events_queue_url: String,
    /// `DEAD_LETTER_QUEUE_URL`
    pub dead_letter_queue_url: String,
    /// `SETTINGS_TABLE_NAME`
    pub settings_table_name: String,
    /// `DELIVERIES_TABLE_NAME`
    pub deliveries_table_name: String,
    /// `OWNER_NOTICES_TOPIC_ARN`
    pub owner_notices_topic_arn: String,
    /// `INTERNAL_SECRET_ARN`
    pub internal_secret_arn: String,
    /// `UNSAFE_TARGETS`: `No` or `YesForLocalTestsOnly`
    pub targets: Targets,
    /// `ATTEMPT_TIMEOUT_SECONDS`, 1 to 50
    pub attempt_timeout: Duration,
    /// `RETRY_SCHEDULE_SECONDS` and `MAX_ATTEMPTS`
    pub schedule: Schedule,
    /// `RETENTION_DAYS`, at least 1
    pub retention: Duration,
    /// `LOG_LEVEL`
    pub log_level: Level,
}

impl Deliver {
    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// [`InvalidEnvironment`] for the first variable that is missing or cannot be used.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that is allowed to")]
    pub fn from_process() -> Result<Self, InvalidEnvironment> {
        Self::read(|name| std::env::var(name).ok())
    }

    fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, InvalidEnvironment> {
        let optional = |name| variable(name).filter(|value| !value.is_empty());
        let required = |name| optional(name).ok_or(InvalidEnvironment::Missing(name));
        Ok(Self {
            aws: Aws {
                region: required("AWS_REGION")?,
                access_key_id: required("AWS_ACCESS_KEY_ID")?,
                secret_access_key: required("AWS_SECRET_ACCESS_KEY")?,
                session_token: optional("AWS_SESSION_TOKEN"),
                endpoint_url: optional("AWS_ENDPOINT_URL"),
            },
            events_queue_url: required("EVENTS_QUEUE_URL")?,
            dead_letter_queue_url: required("DEAD_LETTER_QUEUE_URL")?,
            settings_table_name: required("SETTINGS_TABLE_NAME")?,
            deliveries_table_name: required("DELIVERIES_TABLE_NAME")?,
            owner_notices_topic_arn: required("OWNER_NOTICES_TOPIC_ARN")?,
            internal_secret_arn: required("INTERNAL_SECRET_ARN")?,
            targets: match required("UNSAFE_TARGETS")?.as_str() {
                "No" => Targets::Public,
                "YesForLocalTestsOnly" => Targets::UnsafeForLocalTestsOnly,
                _ => {
                    let expected = "No or YesForLocalTestsOnly";
                    return Err(InvalidEnvironment::Invalid { name: "UNSAFE_TARGETS", expected });
                }
            },
            attempt_timeout: attempt_timeout(&required("ATTEMPT_TIMEOUT_SECONDS")?)?,
            schedule: Schedule::parse(
                &required("RETRY_SCHEDULE_SECONDS")?,
                parse("MAX_ATTEMPTS", &required("MAX_ATTEMPTS")?, "a whole number")?,
            )?,
            retention: retention(&required("RETENTION_DAYS")?)?,
            log_level: parse("LOG_LEVEL", &required("LOG_LEVEL")?, "ERROR, WARN, INFO, DEBUG or TRACE")?,
        })
    }
}

fn parse<T: FromStr>(name: &'static str, value: &str, expected: &'static str) -> Result<T, InvalidEnvironment> {
    value.parse().map_err(|_| InvalidEnvironment::Invalid { name, expected })
}

fn attempt_timeout(value: &str) -> Result<Duration, InvalidEnvironment> {
    let (name, expected) = ("ATTEMPT_TIMEOUT_SECONDS", "a whole number from 1 to 50");
    match parse(name, value, expected)? {
        seconds @ 1..=MAX_ATTEMPT_TIMEOUT => Ok(Duration::from_secs(seconds)),
        _ => Err(InvalidEnvironment::Invalid { name, expected }),
    }
}

fn retention(days: &str) -> Result<Duration, InvalidEnvironment> {
    let (name, expected) = ("RETENTION_DAYS", "a whole number from 1 to 3650");
    match parse(name, days, expected)? {
        days @ 1..=3650 => Ok(Duration::from_hours(days * 24)),
        _ => Err(InvalidEnvironment::Invalid { name, expected }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn complete() -> HashMap<&'static str, &'static str> {
        HashMap::from([
            ("AWS_REGION", "il-central-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "key"),
            ("EVENTS_QUEUE_URL", "https://queue.example/events"),
            ("DEAD_LETTER_QUEUE_URL", "https://queue.example/dead"),
            ("SETTINGS_TABLE_NAME", "settings"),
            ("DELIVERIES_TABLE_NAME", "deliveries"),
            ("OWNER_NOTICES_TOPIC_ARN", "topic"),
            ("RETENTION_DAYS", "30"),
            ("INTERNAL_SECRET_ARN", "arn"),
            ("UNSAFE_TARGETS", "No"),
            ("ATTEMPT_TIMEOUT_SECONDS", "30"),
            ("RETRY_SCHEDULE_SECONDS", "5,30"),
            ("MAX_ATTEMPTS", "16"),
            ("LOG_LEVEL", "INFO"),
        ])
    }

    fn read(variables: &HashMap<&'static str, &'static str>) -> Result<Deliver, String> {
        Deliver::read(|name| variables.get(name).map(ToString::to_string)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_complete_environment_is_read() {
        let deliver = read(&complete()).expect("complete");
        assert_eq!(deliver.targets, Targets::Public);
        assert_eq!(deliver.attempt_timeout, Duration::from_secs(30));
        assert_eq!(deliver.schedule.max_attempts(), 16);
    }

    #[test]
    fn each_required_variable_is_named_when_it_is_missing_or_empty() {
        for name in complete().keys() {
            let mut variables = complete();
            variables.insert(name, "");
            assert_eq!(read(&variables).err(), Some(format!("{name} is not set")));
        }
    }

    #[test]
    fn impossible_values_are_refused_without_repeating_them() {
        for (name, value) in [
            ("UNSAFE_TARGETS", "Maybe"),
            ("ATTEMPT_TIMEOUT_SECONDS", "51"),
            ("ATTEMPT_TIMEOUT_SECONDS", "0"),
            ("RETRY_SCHEDULE_SECONDS", "soon"),
            ("MAX_ATTEMPTS", "-1"),
            ("MAX_ATTEMPTS", "0"),
            ("LOG_LEVEL", "loud"),
            ("RETENTION_DAYS", "0"),
        ] {
            let mut variables = complete();
            variables.insert(name, value);
            let message = read(&variables).err().expect("refused");
            assert!(value.len() < 2 || !message.contains(value), "{message}");
        }
    }
}
