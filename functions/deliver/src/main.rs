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

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use shared::attempt::Attempter;
use shared::aws::Patience;
use shared::body::Compressor;
use shared::endpoint::{Endpoints, SystemLookup, tls};
use shared::environment::Deliver as Environment;
use shared::notices::Notices;
use shared::queue::Queues;
use shared::secret::SecretSource;
use shared::signature::InternalSecret;
use shared::tables::{Retention, Tables};
use shared::{aws, clock, log};
use tokio::time::Instant;

use delivery::Deliver;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process().map_err(|error| error.to_string())?;
    log::start("deliver", environment.log_level);
    let deliver = Arc::new(wire(environment));
    let handler = |event: LambdaEvent<SqsEvent>| {
        let deadline = Instant::now() + remaining(event.context.deadline);
        batch::deliver_all(Arc::clone(&deliver), event.payload, deadline)
    };
    Runtime::new(service_fn(handler)).run().await
}

/// The function's timeout, as the template has it.
const TIMEOUT: Duration = Duration::from_mins(1);

/// How long until an invocation's deadline, which Lambda gives in Unix milliseconds. `cargo lambda watch` gives a number
/// that is none; then an invocation has the function's timeout.
fn remaining(deadline: u64) -> Duration {
    let now = u64::try_from(clock::now().as_millisecond()).unwrap_or_default();
    deadline.checked_sub(now).map_or(TIMEOUT, Duration::from_millis)
}

fn wire(environment: Environment) -> Deliver {
    let tls = tls::client_config();
    let sdk = aws::sdk_config(&environment.aws, &tls, Patience::OF_A_DELIVERY);
    let endpoints = Endpoints::new(environment.targets, environment.attempt_timeout, &tls, SystemLookup);
    Deliver {
        tables: Tables::new(
            aws_sdk_dynamodb::Client::new(&sdk),
            environment.settings_table_name,
            environment.deliveries_table_name,
        ),
        internal_secret: SecretSource::new(
            aws_sdk_secretsmanager::Client::new(&sdk),
            environment.internal_secret_arn,
            InternalSecret::new,
        ),
        attempter: Attempter::new(endpoints, environment.targets),
        attempt_timeout: environment.attempt_timeout,
        queues: Queues::new(
            aws_sdk_sqs::Client::new(&sdk),
            environment.events_queue_url,
            environment.dead_letter_queue_url,
        ),
        notices: Notices::new(aws_sdk_sns::Client::new(&sdk), environment.owner_notices_topic_arn),
        schedule: environment.schedule,
        compressor: Compressor::new(),
        retention: Retention(environment.retention),
    }
}
