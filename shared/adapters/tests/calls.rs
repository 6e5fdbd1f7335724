//! Calls to AWS whose connection breaks, against real sockets: the SDK tries them again.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use adapters::aws::{Timeouts, sdk_config};
use adapters::http::tls;
use adapters::process::environment::Aws;
use adapters::secret::SecretSource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

mod raw;

use raw::{LOOPBACK, serve};

/// The head of an answer, and a whole answer.
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"SecretString\":\"s\"}";

/// Reads a secret whose first read is answered with these bytes and then closed. Gives the secret, the number of
/// connections, and the last request.
async fn read_after(first: &'static str) -> (String, usize, String) {
    let (heard, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let calls = Arc::new(AtomicUsize::new(0));
    let (address, connections) = serve(LOOPBACK, 0, move |mut stream| {
        let (calls, heard) = (Arc::clone(&calls), heard.clone());
        async move {
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                stream.read_buf(&mut request).await?;
            }
            heard.send(String::from_utf8(request).unwrap()).unwrap();
            let answer = if calls.fetch_add(1, Ordering::SeqCst) == 0 { first } else { ANSWER };
            stream.write_all(answer.as_bytes()).await
        }
    })
    .await;
    let aws = Aws {
        region: "eu-central-1".into(),
        access_key_id: "key".into(),
        secret_access_key: "secret".into(),
        session_token: None,
        endpoint_url: Some(format!("http://{address}")),
    };
    let config = sdk_config(&aws, &tls::client_config(), Timeouts::OF_A_DELIVERY);
    let source = SecretSource::new(&config, "arn".into(), |text| Some(text.to_owned()));
    let secret = source.get().await.unwrap();
    let mut last = requests.recv().await.unwrap();
    while let Ok(request) = requests.try_recv() {
        last = request;
    }
    (secret, connections.load(Ordering::SeqCst), last.replace(&address.to_string(), "ADDRESS"))
}

#[tokio::test]
async fn a_call_whose_connection_breaks_before_or_within_the_answer_is_tried_again() {
    let (none, half, cut) = tokio::join!(read_after(""), read_after("HTTP/1.1 200 OK\r\nConte"), read_after(HEAD));
    for (secret, connections, _) in [none, half, cut] {
        assert_eq!((secret.as_str(), connections), ("s", 2));
    }
}

#[tokio::test]
async fn a_call_has_its_host_its_length_and_its_body_as_the_sdk_made_them() {
    let (_, _, request) = read_after(ANSWER).await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, r#"{"SecretId":"arn"}"#);
    assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
    for field in ["host: ADDRESS", "content-length: 18", "x-amz-target: secretsmanager.GetSecretValue"] {
        assert_eq!(head.lines().filter(|line| *line == field).count(), 1, "{field} in {head}");
    }
    assert!(!head.contains("transfer-encoding"), "{head}");
}
