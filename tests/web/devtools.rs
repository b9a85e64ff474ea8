//! Chromium's own protocol over a socket of its own: unlike by way of `WebDriver`, events are heard and
//! workers are reached.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, WebSocket, client::client};

use super::browser::Page;
use crate::common::PATIENCE;
use crate::common::https::get;

/// A page or a worker.
pub(crate) struct Devtools {
    socket: WebSocket<TcpStream>,
    sent: u64,
    events: Vec<Value>,
}

/// The pages and workers of a browser, as it lists them.
fn targets(page: &Page) -> Vec<Value> {
    let port = page.devtools_port();
    let (_, body) = get(port, &format!("127.0.0.1:{port}"), "/json/list", "");
    serde_json::from_slice(&body).unwrap_or_default()
}

impl Devtools {
    /// Waits for the first target of a kind (`page`, `service_worker`) and connects to it.
    #[track_caller]
    pub(crate) fn to(page: &Page, kind: &str) -> Self {
        let end = Instant::now() + PATIENCE;
        let found = loop {
            let all = targets(page);
            let found = all.iter().find(|target| target["type"] == kind);
            if let Some(url) = found.and_then(|it| it["webSocketDebuggerUrl"].as_str()) {
                break url.to_owned();
            }
            assert!(Instant::now() < end, "no {kind} among {all:?}");
            std::thread::sleep(Duration::from_millis(50));
        };
        let stream = TcpStream::connect(("127.0.0.1", page.devtools_port())).expect("Chromium");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        let (socket, _) = client(found.as_str(), stream).expect("its socket");
        Self {
            socket,
            sent: 0,
            events: Vec::new(),
        }
    }

    #[track_caller]
    fn read(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.read().expect("Chromium answers") {
                return serde_json::from_str(&text).expect("JSON");
            }
        }
    }

    /// Runs a command and returns its result.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Value {
        self.sent += 1;
        let request = json!({"id": self.sent, "method": method, "params": params});
        self.socket
            .send(Message::text(request.to_string()))
            .expect("sent");
        loop {
            let mut answer = self.read();
            if answer["id"] == self.sent {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    /// Waits for an event in which something is found.
    #[track_caller]
    pub(crate) fn event<T>(&mut self, method: &str, find: impl Fn(&Value) -> Option<T>) -> T {
        let find = |event: &Value| {
            (event["method"] == method)
                .then(|| find(&event["params"]))
                .flatten()
        };
        if let Some(found) = self.events.iter().find_map(find) {
            return found;
        }
        loop {
            let event = self.read();
            if let Some(found) = find(&event) {
                return found;
            }
        }
    }

    /// Runs statements that may `await` and gives what they return.
    #[track_caller]
    pub(crate) fn run(&mut self, script: &str) -> Value {
        let expression = format!("(async () => {{ {script} }})()");
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut answer = self.call("Runtime.evaluate", &params);
        assert!(answer["exceptionDetails"].is_null(), "{answer}\n{script}");
        answer["result"]["value"].take()
    }
}
