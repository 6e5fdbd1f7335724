//! The smallest function on the same runtime: a reference for `deliver`'s start and for the runtime's own share of an
//! invocation.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    Runtime::new(service_fn(async |_: LambdaEvent<SqsEvent>| Ok::<_, Error>(SqsBatchResponse::default()))).run().await
}
