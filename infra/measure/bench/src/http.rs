//! A server of HTTP/1.1 that is as small as its clients allow: requests have a `Content-Length`, and connections are kept.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request.
pub(crate) struct Request<'a> {
    /// The request line and the fields.
    pub(crate) head: &'a str,
    pub(crate) body: &'a [u8],
}

impl Request<'_> {
    /// A field's value, by its name in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .find(|(given, _)| given.eq_ignore_ascii_case(name))?;
        Some(value.trim())
    }
}

/// A response: status, fields and body.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) fields: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, fields: "Content-Type: application/json\r\n".to_owned(), body: body.into() }
    }
}

/// Serves on a free port of the loopback address, which is given. None as the answer closes the connection. The threads
/// end with this process.
pub(crate) fn serve(
    tls: Option<Arc<ServerConfig>>,
    answer: impl Fn(&Request<'_>) -> Option<Response> + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let (tls, answer) = (tls.clone(), Arc::clone(&answer));
            connection.set_nodelay(true).expect("a socket");
            thread::spawn(move || match tls {
                None => converse(connection, &*answer),
                Some(tls) => converse(encrypted(connection, tls), &*answer),
            });
        }
    });
    address
}

fn encrypted(connection: TcpStream, tls: Arc<ServerConfig>) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(tls).expect("a configuration that can be served with"), connection)
}

/// Answers each request of a connection until the client closes it.
fn converse(mut connection: impl Read + Write, answer: impl Fn(&Request<'_>) -> Option<Response>) {
    let mut buffer = vec![0; 1 << 20];
    let mut filled = 0;
    loop {
        let Some(end) = head_end(&buffer[..filled]) else {
            match connection.read(&mut buffer[filled..]) {
                Ok(read @ 1..) => filled += read,
                _ => return,
            }
            continue;
        };
        let head = std::str::from_utf8(&buffer[..end]).expect("fields are ASCII").to_owned();
        let length = Request { head: &head, body: &[] }
            .field("content-length")
            .map_or(0, |text| text.parse().expect("a number"));
        if buffer.len() < end + length + 1 {
            buffer.resize(end + length + (1 << 16), 0);
        }
        while filled < end + length {
            match connection.read(&mut buffer[filled..]) {
                Ok(read @ 1..) => filled += read,
                _ => return,
            }
        }
        let Some(response) = answer(&Request { head: &head, body: &buffer[end..end + length] }) else { return };
        let head = format!(
            "HTTP/1.1 {} OK\r\n{}Content-Length: {}\r\n\r\n",
            response.status,
            response.fields,
            response.body.len()
        );
        let bytes = [head.as_bytes(), &response.body].concat();
        if connection.write_all(&bytes).is_err() {
            return;
        }
        buffer.copy_within(end + length..filled, 0);
        filled -= end + length;
    }
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}
