//! The Lambda function `deliver`: takes messages off the events queue and POSTs each event to its business.
//!
//! This file only wires: it reads the environment, makes the clients once, and gives the runtime the batch handler. It
//! sends no request, so that a new process is ready for its first event within milliseconds. What every first event needs
//! is made here and not then, since Lambda may start a process before there is an event for it.

#![allow(clippy::expect_used, reason = "each says why it cannot fail")]

mod message;
mod batch;
mod handle_message;
mod run_delivery;
mod run_replay;
mod message_action;
mod fault;
mod report;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use adapters::attempter::Attempter;
use adapters::aws;
use adapters::aws::Timeouts;
use adapters::body::Compressor;
use adapters::deliveries_table::Retention;
use adapters::http::tls::{self, InvalidRoot};
use adapters::http::{SystemLookup, WebhookClient};
use adapters::notices::Notices;
use adapters::process::environment::{self, Deliver as Environment};
use adapters::process::metrics::{self, WriteAtEnd};
use adapters::process::{clock, deadline, log};
use adapters::queue::Queues;
use adapters::secret::SecretSource;
use adapters::tables::Tables;
use aws_lambda_events::event::sqs::SqsEvent;
use domain::request::signature::InternalSecret;
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use mimalloc::MiMalloc;
use tokio::time::Instant;

use handle_message::Deliver;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process().map_err(|error| error.to_string())?;
    log::start("deliver", environment.log_level);
    metrics::start(environment::function_name().map_err(|error| error.to_string())?);
    let deliver = Arc::new(wire(environment).map_err(|error| error.to_string())?);
    let handler = |event: LambdaEvent<SqsEvent>| {
        let deadline = Instant::now() + deadline::remaining(event.context.deadline, clock::now(), TIMEOUT);
        let deliver = Arc::clone(&deliver);
        async move {
            let _metrics = WriteAtEnd;
            batch::deliver_all(deliver, event.payload, deadline).await
        }
    };
    Runtime::new(service_fn(handler)).run().await
}

/// The function's timeout, as in the template.
const TIMEOUT: Duration = Duration::from_mins(1);

fn wire(environment: Environment) -> Result<Deliver, InvalidRoot> {
    let tls = tls::client_config_with(environment.extra_root.as_deref())?;
    let sdk = aws::sdk_config(&environment.aws, &tls, Timeouts::OF_A_DELIVERY);
    let client = WebhookClient::new(environment.targets, environment.attempt_timeout, &tls, SystemLookup);
    Ok(Deliver {
        tables: Tables::new(&sdk, environment.settings_table_name, environment.deliveries_table_name),
        internal_secret: SecretSource::new(&sdk, environment.internal_secret_arn, InternalSecret::new).prepared(),
        attempter: Attempter::new(client, environment.targets),
        attempt_timeout: environment.attempt_timeout,
        queues: Queues::new(&sdk, environment.events_queue_url, environment.dead_letter_queue_url),
        notices: Notices::new(&sdk, environment.owner_notices_topic_arn),
        schedule: environment.schedule,
        compressor: Compressor::new().prepared(),
        retention: Retention(environment.retention_days),
    })
}
