//! The smallest function on the same runtime: what `make bench` holds the start of `deliver` against.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    Runtime::new(service_fn(async |_: LambdaEvent<SqsEvent>| Ok::<_, Error>(SqsBatchResponse::default()))).run().await
}
