//! A program of the tests that takes what outgoing hooks post, checks who sent it, and answers as it is
//! told.

use std::collections::VecDeque;
use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Queue, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::PATIENCE;
use super::push_service::{Received, request};

/// What it answers, in turn: a status and a body; status 0: nothing at all.
type Answers = Arc<Mutex<VecDeque<(u16, &'static str)>>>;

/// The program.
pub(crate) struct Receiver {
    port: u16,
    answers: Answers,
    received: Queue<Received>,
}

impl Receiver {
    /// Starts it; it answers 204 unless it is told otherwise.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, received) = channel();
        let answers = Answers::default();
        let told = Arc::clone(&answers);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (sender, answers) = (sender.clone(), Arc::clone(&told));
                std::thread::spawn(move || serve(stream, &sender, &answers));
            }
        });
        Self {
            port,
            answers,
            received,
        }
    }

    /// Address and port, as `[outbound] allow_private` lists them.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where hooks post.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/chat", self.address())
    }

    /// What it answers next, and after that.
    pub(crate) fn answers(&self, answers: &[(u16, &'static str)]) {
        self.answers.lock().expect("alive").extend(answers);
    }

    /// Waits for the next post.
    #[track_caller]
    pub(crate) fn next(&self) -> Received {
        self.received.recv_timeout(PATIENCE).expect("a post")
    }

    /// The next post's JSON, whose signature is good.
    #[track_caller]
    pub(crate) fn told(&self, secret: &str) -> Value {
        checked(&self.next(), secret)
    }

    /// What comes within a time.
    pub(crate) fn within(&self, time: Duration) -> Vec<Received> {
        let end = std::time::Instant::now() + time;
        let mut all = Vec::new();
        while let Ok(received) = self
            .received
            .recv_timeout(end.saturating_duration_since(std::time::Instant::now()))
        {
            all.push(received);
        }
        all
    }
}

/// The JSON of a post whose signature is good.
#[track_caller]
pub(crate) fn checked(received: &Received, secret: &str) -> Value {
    assert_eq!(received.header("content-type"), "application/json");
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").expect("a secret"))
        .expect("base64");
    let (id, time) = (
        received.header("webhook-id"),
        received.header("webhook-timestamp"),
    );
    let mut signed = format!("{id}.{time}.").into_bytes();
    signed.extend_from_slice(&received.body);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let signature = STANDARD.encode(ring::hmac::sign(&key, &signed));
    assert_eq!(
        received.header("webhook-signature"),
        format!("v1,{signature}")
    );
    serde_json::from_slice(&received.body).expect("JSON")
}

fn serve(stream: TcpStream, sender: &Sender<Received>, answers: &Answers) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut stream = stream;
    while let Some(received) = request(&mut reader) {
        let answer = answers.lock().expect("alive").pop_front();
        let (status, body) = answer.unwrap_or((204, ""));
        let _ = sender.send(received);
        if status == 0 {
            std::thread::sleep(PATIENCE);
            return;
        }
        let location = if status / 100 == 3 {
            "Location: /elsewhere\r\n"
        } else {
            ""
        };
        let answer = format!(
            "HTTP/1.1 {status} Said\r\n{location}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
