//! The Lambda function `notify`: the notices of the topic `OwnerNotices` become mails to the owners.
//!
//! This file only wires: it reads the environment, makes the clients once, and gives the runtime the handler. Without an
//! address to send from, the function does nothing. An invocation that fails is repeated by Lambda, and then rests in the
//! dead-letter queue.

mod sns_event;
mod mail_owner;
mod report;

use std::sync::Arc;

use adapters::aws::{self, Timeouts};
use adapters::http::tls;
use adapters::mailer::Mailer;
use adapters::process::environment::{self, Notify as Environment};
use adapters::process::log;
use adapters::process::metrics::{self, WriteAtEnd};
use adapters::settings_table::SettingsTable;
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde_json::Value;

use mail_owner::Notifier;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process().map_err(|error| error.to_string())?;
    log::start("notify", environment.log_level);
    metrics::start(environment::function_name().map_err(|error| error.to_string())?);
    let notifier = wire(environment).map(Arc::new);
    let handler = |event: LambdaEvent<Value>| {
        let notifier = notifier.clone();
        async move {
            let _metrics = WriteAtEnd;
            match notifier {
                Some(notifier) => notifier.run(&event.payload, &event.context.request_id).await.map_err(Error::from),
                None => Ok(()),
            }
        }
    };
    Runtime::new(service_fn(handler)).run().await
}

/// Makes the clients. None: there is no address to send mails from.
fn wire(environment: Environment) -> Option<Notifier> {
    let from = environment.notices_from?;
    let tls = tls::client_config();
    // Nobody waits for a mail, and a try that is given up too early may become a second mail.
    let sdk = aws::sdk_config(&environment.aws, &tls, Timeouts::OF_A_PAGE);
    Some(Notifier {
        settings: SettingsTable::open(&sdk, environment.settings_table_name),
        mailer: Mailer::new(&sdk, from),
        page: environment.dashboard_url,
    })
}
