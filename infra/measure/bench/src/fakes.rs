//! The receiver, and the AWS services that `deliver`, `portal` and the references call. They answer at once and keep
//! nothing.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::http::{Request, Response, serve};
use crate::plan::Plan;
use crate::tls;

/// The names of the tables, as the plan's environment has them.
const SETTINGS: &str = "settings";
const DELIVERIES: &str = "deliveries";

/// Starts the receiver. Gives its URL, and the file with the certificate of the authority that has signed its own.
pub(crate) fn receiver(plan: &Plan) -> (String, Option<PathBuf>) {
    let status = plan.status;
    let (config, root) = plan.tls.then(tls::authority).unzip();
    let scheme = if plan.tls { "https" } else { "http" };
    let address = serve(config, move |_| Some(Response::json(status, r#"{"ok":true}"#)));
    (format!("{scheme}://{address}/webhook/0a1b2c3d"), root)
}

/// Starts the services, and gives their endpoint. `receiver` is the URL of every business.
pub(crate) fn aws(plan: &Plan, receiver: &str) -> String {
    let (receiver, answers) = (receiver.to_owned(), plan.answers.clone());
    let answer = move |request: &Request<'_>| {
        let target = request.field("x-amz-target").expect("every call names its operation");
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = match (answers.get(operation), operation) {
            (Some(answer), _) => answer.clone().into_bytes(),
            (None, "BatchGetItem") => read(request.body, &receiver),
            (None, "GetSecretValue") => format!(r#"{{"Name":"s","SecretString":"{}"}}"#, "k".repeat(64)).into_bytes(),
            (None, "PutItem" | "UpdateItem" | "ChangeMessageVisibility" | "GetItem") => b"{}".to_vec(),
            (None, "ChangeMessageVisibilityBatch") => changed(request.body),
            (None, other) => panic!("the fakes know no {other}"),
        };
        Some(Response {
            fields: "Content-Type: application/x-amz-json-1.0\r\n".to_owned(),
            ..Response::json(200, body)
        })
    };
    format!("http://{}", serve(None, answer))
}

/// Answers `BatchGetItem`: each business that is asked for has settings, and no event has a record.
fn read(request: &[u8], receiver: &str) -> Vec<u8> {
    let request: Value = serde_json::from_slice(request).expect("JSON");
    let keys = request["RequestItems"][SETTINGS]["Keys"].as_array().cloned().unwrap_or_default();
    let items: Vec<_> = keys
        .iter()
        .map(|key| {
            json!({
                "business_id": key["business_id"],
                "generic_webhook_url": {"S": receiver},
                "signing_secret": {"S": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
            })
        })
        .collect();
    let mut responses = json!({ SETTINGS: items });
    if !request["RequestItems"][DELIVERIES].is_null() {
        responses[DELIVERIES] = json!([]);
    }
    json!({"Responses": responses, "UnprocessedKeys": {}}).to_string().into_bytes()
}

fn changed(request: &[u8]) -> Vec<u8> {
    let request: Value = serde_json::from_slice(request).expect("JSON");
    let entries = request["Entries"].as_array().expect("entries");
    let successful: Vec<_> = entries.iter().map(|entry| json!({"Id": entry["Id"]})).collect();
    json!({"Successful": successful, "Failed": []}).to_string().into_bytes()
}
