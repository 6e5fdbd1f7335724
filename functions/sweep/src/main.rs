//! The Lambda function `sweep`: every five minutes it restarts the probes, replays and notices that are overdue, and
//! begins the replays that are missing.
//!
//! This file only wires: it reads the environment, makes the clients once, and gives the runtime the handler. The
//! payload of an invocation does not matter.

mod businesses;
mod run_sweep;
mod report;

use std::sync::Arc;
use std::time::Duration;

use adapters::aws::{self, Timeouts};
use adapters::http::tls;
use adapters::notices::Notices;
use adapters::process::environment::{self, Sweep as Environment};
use adapters::process::metrics::{self, WriteAtEnd};
use adapters::process::{clock, deadline, log};
use adapters::queue::Commands;
use adapters::tables::Tables;
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde::de::IgnoredAny;
use tokio::time::Instant;

use businesses::Sweeper;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process().map_err(|error| error.to_string())?;
    log::start("sweep", environment.log_level);
    metrics::start(environment::function_name().map_err(|error| error.to_string())?);
    let sweeper = Arc::new(wire(environment));
    let handler = |event: LambdaEvent<IgnoredAny>| {
        let until = Instant::now() + time_for(event.context.deadline);
        let sweeper = Arc::clone(&sweeper);
        async move {
            let _metrics = WriteAtEnd;
            sweeper.run(until).await.map_err(Error::from)
        }
    };
    Runtime::new(service_fn(handler)).run().await
}

/// The function's timeout, as in the template.
const TIMEOUT: Duration = Duration::from_mins(1);

/// How long before the timeout no further business is begun. The businesses under way end in this time.
const TIME_TO_FINISH: Duration = Duration::from_secs(20);

fn time_for(deadline: u64) -> Duration {
    deadline::remaining(deadline, clock::now(), TIMEOUT).saturating_sub(TIME_TO_FINISH)
}

fn wire(environment: Environment) -> Sweeper {
    let tls = tls::client_config();
    let sdk = aws::sdk_config(&environment.aws, &tls, Timeouts::OF_A_DELIVERY);
    Sweeper {
        tables: Tables::new(&sdk, environment.settings_table_name, environment.deliveries_table_name),
        commands: Commands::new(&sdk, environment.events_queue_url),
        notices: Notices::new(&sdk, environment.owner_notices_topic_arn),
    }
}
