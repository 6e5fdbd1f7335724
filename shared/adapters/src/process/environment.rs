//! The one place that reads environment variables.
//!
//! A function reads and judges all its variables once, when it starts. If a variable is missing or impossible, the
//! function says so in one line and does not start, instead of failing at its first event. No variable has a default
//! here: the defaults are in the stack's template.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tracing::Level;

use domain::guard::TargetPolicy;
use domain::schedule::{InvalidSchedule, Schedule};

/// The greatest `ATTEMPT_TIMEOUT_SECONDS`: the function's 60 s less 10 s for its own reads and writes.
const MAX_ATTEMPT_TIMEOUT: u64 = 50;

/// The longest time of an owner's test. An owner who has pressed a button waits no longer, and an HTTP API waits 30 s
/// at most.
const MAX_TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// A variable that is missing or cannot be used. The message names the variable and never repeats its value.
#[derive(Debug, thiserror::Error)]
pub enum InvalidEnvironment {
    /// The variable is not set, is empty, or is not UTF-8.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// The variable has a value that it must not have.
    #[error("{name} must be {expected}")]
    Invalid {
        /// The variable's name.
        name: &'static str,
        /// The values that the variable may have.
        expected: &'static str,
    },
    /// `RETRY_SCHEDULE_SECONDS` or `MAX_ATTEMPTS` cannot be a schedule.
    #[error(transparent)]
    Schedule(#[from] InvalidSchedule),
}

/// The settings of AWS itself, from the variables that Lambda sets.
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

/// The settings of `deliver`, with the names that the template gives their variables.
#[derive(Clone)]
pub struct Deliver {
    /// AWS's region, credentials and endpoint.
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
    pub targets: TargetPolicy,
    /// `UNSAFE_EXTRA_ROOT`: a file with a certificate that is trusted beside the bundled roots, for a bench with a
    /// certificate authority of its own. Only with `YesForLocalTestsOnly`; None: the bundled roots alone are trusted.
    pub extra_root: Option<PathBuf>,
    /// `ATTEMPT_TIMEOUT_SECONDS`, 1 to 50
    pub attempt_timeout: Duration,
    /// `RETRY_SCHEDULE_SECONDS` and `MAX_ATTEMPTS`
    pub schedule: Schedule,
    /// `RETENTION_DAYS`, 1 to 3650
    pub retention_days: u16,
    /// `LOG_LEVEL`
    pub log_level: Level,
}

/// The settings of `portal`, with the names that the template gives their variables.
#[derive(Clone)]
pub struct Portal {
    /// AWS's region, credentials and endpoint.
    pub aws: Aws,
    /// `EVENTS_QUEUE_URL`
    pub events_queue_url: String,
    /// `SETTINGS_TABLE_NAME`
    pub settings_table_name: String,
    /// `DELIVERIES_TABLE_NAME`
    pub deliveries_table_name: String,
    /// `OWNER_NOTICES_TOPIC_ARN`
    pub owner_notices_topic_arn: String,
    /// `INTERNAL_SECRET_ARN`
    pub internal_secret_arn: String,
    /// `PORTAL_SECRET_ARN`
    pub portal_secret_arn: String,
    /// `UNSAFE_TARGETS`: `No` or `YesForLocalTestsOnly`
    pub targets: TargetPolicy,
    /// `RETENTION_DAYS`, 1 to 3650
    pub retention_days: u16,
    /// The time limit of a test: `ATTEMPT_TIMEOUT_SECONDS`, but no longer than an owner waits.
    pub test_timeout: Duration,
    /// `DASHBOARD_ORIGIN`: the origin that may show the page in a frame. None: no origin may.
    pub dashboard_origin: Option<String>,
    /// `DASHBOARD_URL`: the dashboard's page from which owners come; None: it is not known.
    pub dashboard_url: Option<String>,
    /// Whether mails go out: whether `NOTICES_FROM` is set.
    pub sends_mails: bool,
    /// `LOG_LEVEL`
    pub log_level: Level,
}

/// The settings of `sweep`, with the names that the template gives their variables.
#[derive(Clone)]
pub struct Sweep {
    /// AWS's region, credentials and endpoint.
    pub aws: Aws,
    /// `EVENTS_QUEUE_URL`
    pub events_queue_url: String,
    /// `SETTINGS_TABLE_NAME`
    pub settings_table_name: String,
    /// `DELIVERIES_TABLE_NAME`
    pub deliveries_table_name: String,
    /// `OWNER_NOTICES_TOPIC_ARN`
    pub owner_notices_topic_arn: String,
    /// `LOG_LEVEL`
    pub log_level: Level,
}

/// The settings of `notify`, with the names that the template gives their variables.
#[derive(Clone)]
pub struct Notify {
    /// AWS's region, credentials and endpoint.
    pub aws: Aws,
    /// `SETTINGS_TABLE_NAME`
    pub settings_table_name: String,
    /// `NOTICES_FROM`: the address that mails come from. None: no mails are sent.
    pub notices_from: Option<String>,
    /// `DASHBOARD_URL`: the page that a mail links to. None: mails have no link.
    pub dashboard_url: Option<String>,
    /// `LOG_LEVEL`
    pub log_level: Level,
}

impl Deliver {
    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// [`InvalidEnvironment`] for the first variable that is missing or cannot be used.
    pub fn from_process() -> Result<Self, InvalidEnvironment> {
        Self::read(&Variables(variable))
    }

    fn read(variables: &Variables<impl Fn(&'static str) -> Option<String>>) -> Result<Self, InvalidEnvironment> {
        let targets = variables.targets()?;
        Ok(Self {
            aws: variables.aws()?,
            events_queue_url: variables.required("EVENTS_QUEUE_URL")?,
            dead_letter_queue_url: variables.required("DEAD_LETTER_QUEUE_URL")?,
            settings_table_name: variables.required("SETTINGS_TABLE_NAME")?,
            deliveries_table_name: variables.required("DELIVERIES_TABLE_NAME")?,
            owner_notices_topic_arn: variables.required("OWNER_NOTICES_TOPIC_ARN")?,
            internal_secret_arn: variables.required("INTERNAL_SECRET_ARN")?,
            targets,
            extra_root: variables.extra_root(targets)?,
            attempt_timeout: variables.attempt_timeout()?,
            schedule: Schedule::parse(
                &variables.required("RETRY_SCHEDULE_SECONDS")?,
                parse("MAX_ATTEMPTS", &variables.required("MAX_ATTEMPTS")?, "a whole number")?,
            )?,
            retention_days: variables.retention_days()?,
            log_level: variables.log_level()?,
        })
    }
}

impl Portal {
    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// [`InvalidEnvironment`] for the first variable that is missing or cannot be used.
    pub fn from_process() -> Result<Self, InvalidEnvironment> {
        Self::read(&Variables(variable))
    }

    fn read(variables: &Variables<impl Fn(&'static str) -> Option<String>>) -> Result<Self, InvalidEnvironment> {
        Ok(Self {
            aws: variables.aws()?,
            events_queue_url: variables.required("EVENTS_QUEUE_URL")?,
            settings_table_name: variables.required("SETTINGS_TABLE_NAME")?,
            deliveries_table_name: variables.required("DELIVERIES_TABLE_NAME")?,
            owner_notices_topic_arn: variables.required("OWNER_NOTICES_TOPIC_ARN")?,
            internal_secret_arn: variables.required("INTERNAL_SECRET_ARN")?,
            portal_secret_arn: variables.required("PORTAL_SECRET_ARN")?,
            targets: variables.targets()?,
            retention_days: variables.retention_days()?,
            test_timeout: variables.attempt_timeout()?.min(MAX_TEST_TIMEOUT),
            dashboard_origin: variables.optional("DASHBOARD_ORIGIN").map(origin).transpose()?,
            dashboard_url: variables.optional("DASHBOARD_URL"),
            sends_mails: variables.optional("NOTICES_FROM").is_some(),
            log_level: variables.log_level()?,
        })
    }
}

impl Sweep {
    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// [`InvalidEnvironment`] for the first variable that is missing or cannot be used.
    pub fn from_process() -> Result<Self, InvalidEnvironment> {
        let variables = Variables(variable);
        Ok(Self {
            aws: variables.aws()?,
            events_queue_url: variables.required("EVENTS_QUEUE_URL")?,
            settings_table_name: variables.required("SETTINGS_TABLE_NAME")?,
            deliveries_table_name: variables.required("DELIVERIES_TABLE_NAME")?,
            owner_notices_topic_arn: variables.required("OWNER_NOTICES_TOPIC_ARN")?,
            log_level: variables.log_level()?,
        })
    }
}

impl Notify {
    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// [`InvalidEnvironment`] for the first variable that is missing or cannot be used.
    pub fn from_process() -> Result<Self, InvalidEnvironment> {
        let variables = Variables(variable);
        Ok(Self {
            aws: variables.aws()?,
            settings_table_name: variables.required("SETTINGS_TABLE_NAME")?,
            notices_from: variables.optional("NOTICES_FROM"),
            dashboard_url: variables.optional("DASHBOARD_URL"),
            log_level: variables.log_level()?,
        })
    }
}

/// Gives the name under which this function is deployed: `AWS_LAMBDA_FUNCTION_NAME`, which Lambda sets.
///
/// # Errors
///
/// [`InvalidEnvironment::Missing`].
pub fn function_name() -> Result<String, InvalidEnvironment> {
    Variables(variable).required("AWS_LAMBDA_FUNCTION_NAME")
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that is allowed to")]
fn variable(name: &'static str) -> Option<String> {
    std::env::var(name).ok()
}

/// Gives variables by their names. An empty variable counts as not set.
struct Variables<F>(F);

impl<F: Fn(&'static str) -> Option<String>> Variables<F> {
    fn optional(&self, name: &'static str) -> Option<String> {
        self.0(name).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<String, InvalidEnvironment> {
        self.optional(name).ok_or(InvalidEnvironment::Missing(name))
    }

    fn aws(&self) -> Result<Aws, InvalidEnvironment> {
        Ok(Aws {
            region: self.required("AWS_REGION")?,
            access_key_id: self.required("AWS_ACCESS_KEY_ID")?,
            secret_access_key: self.required("AWS_SECRET_ACCESS_KEY")?,
            session_token: self.optional("AWS_SESSION_TOKEN"),
            endpoint_url: self.optional("AWS_ENDPOINT_URL"),
        })
    }

    fn targets(&self) -> Result<TargetPolicy, InvalidEnvironment> {
        match self.required("UNSAFE_TARGETS")?.as_str() {
            "No" => Ok(TargetPolicy::Public),
            "YesForLocalTestsOnly" => Ok(TargetPolicy::UnsafeForLocalTestsOnly),
            _ => {
                let expected = "No or YesForLocalTestsOnly";
                Err(InvalidEnvironment::Invalid { name: "UNSAFE_TARGETS", expected })
            }
        }
    }

    /// A root that a deployed stack trusts by mistake would make the certificates of its receivers worthless. So the
    /// function does not start with one.
    fn extra_root(&self, targets: TargetPolicy) -> Result<Option<PathBuf>, InvalidEnvironment> {
        let name = "UNSAFE_EXTRA_ROOT";
        match (self.optional(name), targets) {
            (Some(_), TargetPolicy::Public) => {
                let expected = "unset unless UNSAFE_TARGETS is YesForLocalTestsOnly";
                Err(InvalidEnvironment::Invalid { name, expected })
            }
            (path, _) => Ok(path.map(PathBuf::from)),
        }
    }

    fn attempt_timeout(&self) -> Result<Duration, InvalidEnvironment> {
        attempt_timeout(&self.required("ATTEMPT_TIMEOUT_SECONDS")?)
    }

    fn retention_days(&self) -> Result<u16, InvalidEnvironment> {
        let (name, expected) = ("RETENTION_DAYS", "a whole number from 1 to 3650");
        match parse(name, &self.required(name)?, expected)? {
            days @ 1..=3650 => Ok(days),
            _ => Err(InvalidEnvironment::Invalid { name, expected }),
        }
    }

    fn log_level(&self) -> Result<Level, InvalidEnvironment> {
        parse("LOG_LEVEL", &self.required("LOG_LEVEL")?, "ERROR, WARN, INFO, DEBUG or TRACE")
    }
}

/// Judges an origin. A header's value has the origin beside other words, so the text must be an origin and nothing
/// else.
fn origin(text: String) -> Result<String, InvalidEnvironment> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':');
    if !host.is_empty() && host.bytes().all(allowed) {
        return Ok(text);
    }
    let expected = "an origin such as https://app.example.com";
    Err(InvalidEnvironment::Invalid { name: "DASHBOARD_ORIGIN", expected })
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

#[cfg(test)]
mod tests;
