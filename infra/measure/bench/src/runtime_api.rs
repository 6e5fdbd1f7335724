//! The Lambda Runtime API of one execution environment.
//!
//! Source: AWS Lambda Developer Guide, "Using the Lambda runtime API", version 2018-06-01.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::http::{Request, Response, serve};
use crate::payload::Payloads;

/// The runtime API. It gives one payload for each [`RuntimeApi::hand_over`]. Once this value is dropped, the function's
/// next request finds its connection closed, and the function ends.
pub(crate) struct RuntimeApi {
    pub(crate) address: String,
    hand_over: Sender<()>,
    /// How many events were to come back.
    returned: Arc<AtomicUsize>,
}

impl RuntimeApi {
    /// Starts the API. Gives also the times at which the function asks for its next invocation.
    pub(crate) fn start(payloads: Payloads) -> (Self, Receiver<Instant>) {
        let (hand_over, handed_over) = channel();
        let (tell, asked) = channel();
        let returned = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&returned);
        let source = Mutex::new((payloads, handed_over));
        let address = serve(None, move |request: &Request<'_>| {
            if request.head.starts_with("GET /2018-06-01/runtime/invocation/next") {
                let now = Instant::now();
                let mut source = source.lock().expect("nobody panics while it is held");
                // The measured time may end only when the process has done all its work, so the next request tells it.
                tell.send(now).ok();
                source.1.recv().ok()?;
                return Some(next(source.0.next()));
            }
            assert!(request.head.contains("/response "), "the function reports an error");
            let ids = request.body.windows(14).filter(|part| part == b"itemIdentifier").count();
            count.fetch_add(ids, Ordering::SeqCst);
            Some(Response::json(202, r#"{"status":"OK"}"#))
        });
        (Self { address, hand_over, returned }, asked)
    }

    pub(crate) fn hand_over(&self) {
        self.hand_over.send(()).expect("the API runs");
    }

    /// Stops unless so many events came back.
    pub(crate) fn check(&self, events: usize) {
        assert_eq!(self.returned.load(Ordering::SeqCst), events, "so many events came back");
    }
}

fn next(payload: Vec<u8>) -> Response {
    let fields = "Content-Type: application/json\r\n\
        Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
        Lambda-Runtime-Deadline-Ms: 9999999999999\r\n\
        Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:il-central-1:000000000000:function:deliver\r\n\
        Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0\r\n";
    Response { status: 200, fields: fields.to_owned(), body: payload }
}
