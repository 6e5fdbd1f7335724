//! The Lambda function `deliver`: takes events off the queue and gets each to its business.
//!
//! Wiring only: the environment is read, the clients are made once, the runtime is given the batch handler. Nothing is
//! fetched here, so that a new process is ready for its first event within milliseconds.

mod message;
mod batch;
mod delivery;
mod carry;
mod release;
mod report;

use std::sync::Arc;
use std::time::Duration;

use adapters::attempter::Attempter;
use adapters::aws;
use adapters::aws::Patience;
use adapters::body::Compressor;
use adapters::http::{Endpoints, SystemLookup, tls};
use adapters::notices::Notices;
use adapters::process::environment::Deliver as Environment;
use adapters::process::{clock, log};
use adapters::queue::Queues;
use adapters::secret::SecretSource;
use adapters::tables::{Retention, Tables};
use aws_lambda_events::event::sqs::SqsEvent;
use domain::Timestamp;
use domain::request::signature::InternalSecret;
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use tokio::time::Instant;

use delivery::Deliver;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process().map_err(|error| error.to_string())?;
    log::start("deliver", environment.log_level);
    let deliver = Arc::new(wire(environment));
    let handler = |event: LambdaEvent<SqsEvent>| {
        let deadline = Instant::now() + remaining(event.context.deadline, clock::now());
        batch::deliver_all(Arc::clone(&deliver), event.payload, deadline)
    };
    Runtime::new(service_fn(handler)).run().await
}

/// The function's timeout, as the template has it.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Unix milliseconds of 2001: no deadline is earlier.
const EARLIEST_DEADLINE: u64 = 1_000_000_000_000;

/// How long until an invocation's deadline, which Lambda gives in Unix milliseconds; one that has passed leaves no time at
/// all. `cargo lambda watch` gives a number that is no such time; then an invocation has the function's timeout.
fn remaining(deadline: u64, now: Timestamp) -> Duration {
    if deadline < EARLIEST_DEADLINE {
        return TIMEOUT;
    }
    let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
    Duration::from_millis(deadline.saturating_sub(now)).min(TIMEOUT)
}

fn wire(environment: Environment) -> Deliver {
    let tls = tls::client_config();
    let sdk = aws::sdk_config(&environment.aws, &tls, Patience::OF_A_DELIVERY);
    let endpoints = Endpoints::new(environment.targets, environment.attempt_timeout, &tls, SystemLookup);
    Deliver {
        tables: Tables::new(&sdk, environment.settings_table_name, environment.deliveries_table_name),
        internal_secret: SecretSource::new(&sdk, environment.internal_secret_arn, InternalSecret::new),
        attempter: Attempter::new(endpoints, environment.targets),
        attempt_timeout: environment.attempt_timeout,
        queues: Queues::new(&sdk, environment.events_queue_url, environment.dead_letter_queue_url),
        notices: Notices::new(&sdk, environment.owner_notices_topic_arn),
        schedule: environment.schedule,
        compressor: Compressor::new(),
        retention: Retention(environment.retention),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_has_passed_leaves_no_time_and_one_that_is_none_the_functions_timeout() {
        let now = Timestamp::from_second(1_800_000_000).expect("a time");
        for (deadline, seconds) in [
            (1_800_000_050_000, 50),
            (1_800_000_000_000, 0),
            (1_799_999_999_999, 0),
            (0, 60),
            (600_000, 60),
            (u64::MAX, 60),
        ] {
            assert_eq!(remaining(deadline, now), Duration::from_secs(seconds), "{deadline}");
        }
    }
}
