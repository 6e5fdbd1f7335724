//! The Lambda function `sweep`: every five minutes, what should be going on and is not is started again.
//!
//! Wiring only: the environment is read, the clients are made once, the runtime is given the handler. What it is invoked
//! with does not matter.

mod run;
mod endpoint;
mod report;

use std::sync::Arc;
use std::time::Duration;

use adapters::aws::{self, Timeouts};
use adapters::http::tls;
use adapters::notices::Notices;
use adapters::process::environment::Sweep as Environment;
use adapters::process::{clock, deadline, log};
use adapters::queue::Commands;
use adapters::tables::Tables;
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde::de::IgnoredAny;
use tokio::time::Instant;

use run::Sweeper;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process().map_err(|error| error.to_string())?;
    log::start("sweep", environment.log_level);
    let sweeper = Arc::new(wire(environment));
    let handler = |event: LambdaEvent<IgnoredAny>| {
        let until = Instant::now() + time_for(event.context.deadline);
        let sweeper = Arc::clone(&sweeper);
        async move { sweeper.run(until).await.map_err(Error::from) }
    };
    Runtime::new(service_fn(handler)).run().await
}

/// The function's timeout, as the template has it.
const TIMEOUT: Duration = Duration::from_mins(1);

/// What is kept of it for what is under way when no more is begun.
const TO_END: Duration = Duration::from_secs(20);

fn time_for(deadline: u64) -> Duration {
    deadline::remaining(deadline, clock::now(), TIMEOUT).saturating_sub(TO_END)
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
