//! Skeleton.
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        println!("{} records", event.payload.records.len());
        Ok::<_, Error>(SqsBatchResponse::default())
    }))
    .await
}
