//! The smallest function on the same runtime. `make bench` compares the start of `deliver` with the start of this
//! function.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    Runtime::new(service_fn(async |_: LambdaEvent<SqsEvent>| Ok::<_, Error>(SqsBatchResponse::default()))).run().await
}
