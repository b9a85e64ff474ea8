//! What the second protocol costs: at rest, sending, waiting, and the first answer of `/sync`.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    Effort,
    report::{self, Row, Target},
    server::{Home, Process},
};

/// What switches it on, and lets people register.
const ON: [(&str, &str); 4] = [
    ("MORELIA__MATRIX__ENABLED", "on"),
    ("MORELIA__MATRIX__SERVER_NAME", "example.org"),
    ("MORELIA__AUTH__REGISTRATION", "open"),
    ("MORELIA__AUTH__REGISTRATIONS", "0"),
];

/// What Synapse 1.163 sent a second, at best (measured before, on such a machine).
const SYNAPSE_SENDS: f64 = 22.0;

/// People who send at the same time.
const SENDERS: usize = 64;

/// Requests that wait: as many as a device may have, of each of these devices.
const WAITING: usize = 8;
const DEVICES: usize = 64;

/// Rooms of somebody who comes for the first time, and messages in each.
const ROOMS: usize = 50;
const MESSAGES: usize = 12;

/// A connection that is kept, by which one request follows the other.
struct Client {
    stream: TcpStream,
    token: String,
}

impl Client {
    /// Makes an account.
    fn register(address: SocketAddr, login: &str) -> Self {
        let mut client = Self {
            stream: connect(address),
            token: String::new(),
        };
        let asked = client.ask("POST", "register", &json!({}));
        let auth = json!({"type": "m.login.dummy", "session": asked["session"]});
        let body = json!({"username": login, "password": "correct horse battery", "auth": auth});
        let told = client.ask("POST", "register", &body);
        let token = told["access_token"].as_str();
        let token = token.unwrap_or_else(|| panic!("no token: {told}"));
        token.clone_into(&mut client.token);
        client
    }

    /// The same on another connection.
    fn again(&self) -> Self {
        Self {
            stream: connect(self.stream.peer_addr().expect("a peer")),
            token: self.token.clone(),
        }
    }

    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Value {
        self.send(method, path, body);
        serde_json::from_slice(&self.answer()).expect("JSON")
    }

    fn send(&mut self, method: &str, path: &str, body: &Value) {
        let body = if method == "GET" {
            String::new()
        } else {
            body.to_string()
        };
        let request = format!(
            "{method} /_matrix/client/v3/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).expect("sent");
    }

    /// The body of the next answer.
    fn answer(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            if let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length:"))
                    .and_then(|it| it.trim().parse::<usize>().ok());
                let whole = end + 4 + length.expect("a length");
                if bytes.len() >= whole {
                    return bytes.split_off(end + 4);
                }
            }
            let read = self.stream.read(&mut buffer).expect("an answer");
            assert!(read > 0, "the server closed");
            bytes.extend_from_slice(&buffer[..read]);
        }
    }

    /// Makes a room and returns its part of addresses.
    fn room(&mut self) -> String {
        let body = json!({"name": "Room", "preset": "public_chat"});
        let told = self.ask("POST", "createRoom", &body);
        let id = told["room_id"].as_str().expect("an id");
        format!("rooms/{}", id.replace('!', "%21").replace(':', "%3A"))
    }

    fn say(&mut self, room: &str, number: usize) {
        let path = format!("{room}/send/m.room.message/{number}");
        let told = self.ask(
            "PUT",
            &path,
            &json!({"msgtype": "m.text", "body": "завтра вечером собрание, как всегда в семь"}),
        );
        assert!(told["event_id"].is_string(), "{told}");
    }

    /// Where things stand.
    fn position(&mut self) -> String {
        let told = self.ask("GET", "sync", &Value::Null);
        told["next_batch"].as_str().expect("a token").to_owned()
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connected");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// Everything about it.
pub(crate) fn matrix(effort: &Effort) -> Vec<Row> {
    let times = effort.repetitions;
    let more = (0..times).map(|_| resident(&ON) - resident(&[]));
    let sends = (0..times).map(|_| (sends(effort), SYNAPSE_SENDS)).collect();
    let waiting = (0..times).map(|_| waiting());
    let woken = (0..times).map(|_| woken(effort));
    let first = (0..times).map(|_| first_sync());
    vec![
        Row::median("matrix", "at rest, more than when off", "MiB", more)
            .target(Target::AtMost(2.0)),
        Row::against(
            "matrix",
            format!("send, {SENDERS} senders"),
            "/s",
            "Synapse",
            sends,
        )
        .target(Target::AtLeast(20.0)),
        Row::median("matrix", "a request that waits", "KiB each", waiting)
            .target(Target::AtMost(12.0)),
        Row::median("matrix", "woken by a message", "ms (p50)", woken).target(Target::AtMost(10.0)),
        Row::median(
            "matrix",
            format!("first sync of {ROOMS} rooms"),
            "ms (p50)",
            first,
        )
        .target(Target::AtMost(50.0)),
    ]
}

/// MiB of a server at rest, on a file that has not been served before.
fn resident(environment: &[(&str, &str)]) -> f64 {
    let home = Home::new(1000);
    // What the first start writes is not for each.
    let server = home.serve_with(environment);
    server.settle();
    server.end();
    let server = home.serve_with(environment);
    server.settle();
    server.resident() / 1024.0 / 1024.0
}

fn serve(home: &Home) -> Process {
    let server = home.serve_with(&ON);
    server.settle();
    server
}

/// Messages a second of people who each write into a room of their own.
fn sends(effort: &Effort) -> f64 {
    let home = Home::new(0);
    let server = serve(&home);
    let barrier = Arc::new(Barrier::new(SENDERS));
    let time = effort.time;
    // One after the other: passwords of so many at once are refused.
    let clients: Vec<_> = (0..SENDERS)
        .map(|number| Client::register(server.address, &format!("sender{number}")))
        .collect();
    let senders: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || {
                let room = client.room();
                barrier.wait();
                let start = Instant::now();
                let mut sent = 0;
                while start.elapsed() < time {
                    client.say(&room, sent);
                    sent += 1;
                }
                sent as f64 / start.elapsed().as_secs_f64()
            })
        })
        .collect();
    senders
        .into_iter()
        .map(|sender| sender.join().expect("a sender"))
        .sum()
}

/// KiB that the server grows by with each request that waits, its connection included.
fn waiting() -> f64 {
    let home = Home::new(0);
    let server = serve(&home);
    let mut devices: Vec<_> = (0..DEVICES)
        .map(|number| Client::register(server.address, &format!("waiting{number}")))
        .collect();
    let tokens: Vec<_> = devices.iter_mut().map(Client::position).collect();
    let wait = |device: &Client, token: &str| {
        let mut client = device.again();
        let path = format!("sync?since={token}&timeout=60000");
        client.send("GET", &path, &Value::Null);
        client
    };
    // What the first ones set up is not for each of them.
    let first: Vec<_> = (0..2)
        .map(|number| wait(&devices[number], &tokens[number]))
        .collect();
    server.settle();
    let before = server.resident();
    let mut all = Vec::new();
    for (device, token) in devices.iter().zip(&tokens).skip(2) {
        all.extend((0..WAITING).map(|_| wait(device, token)));
    }
    server.settle();
    let grown = server.resident() - before;
    let each = grown / 1024.0 / all.len() as f64;
    drop((first, all));
    each
}

/// Milliseconds from a message to the answer of a request that waits for one: the median.
fn woken(effort: &Effort) -> f64 {
    let home = Home::new(0);
    let server = serve(&home);
    let mut sender = Client::register(server.address, "sender");
    let mut reader = Client::register(server.address, "reader");
    let room = sender.room();
    let joined = reader.ask("POST", &format!("{room}/join"), &json!({}));
    assert!(joined["room_id"].is_string(), "{joined}");
    let mut since = reader.position();
    let mut times = Vec::new();
    for number in 0..if effort.quick { 50 } else { 300 } {
        let wait = |reader: &mut Client, since: &str| {
            let path = format!("sync?since={since}&timeout=30000");
            reader.send("GET", &path, &Value::Null);
        };
        wait(&mut reader, &since);
        // It is to wait, not to find the message there.
        thread::sleep(Duration::from_millis(5));
        let start = Instant::now();
        sender.say(&room, number);
        loop {
            let told: Value = serde_json::from_slice(&reader.answer()).expect("JSON");
            told["next_batch"]
                .as_str()
                .expect("a token")
                .clone_into(&mut since);
            let rooms = told["rooms"]["join"].as_object();
            if rooms.is_some_and(|rooms| !rooms.is_empty()) {
                break;
            }
            // Who is there is told as well.
            wait(&mut reader, &since);
        }
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    report::median(times)
}

/// Milliseconds of the first answer to somebody in many rooms: the median.
fn first_sync() -> f64 {
    let home = Home::new(0);
    let server = serve(&home);
    let mut client = Client::register(server.address, "reader");
    for _ in 0..ROOMS {
        let room = client.room();
        for number in 0..MESSAGES {
            client.say(&room, number);
        }
    }
    server.settle();
    let times = (0..30).map(|_| {
        let start = Instant::now();
        client.send("GET", "sync", &Value::Null);
        let told = client.answer();
        let taken = start.elapsed().as_secs_f64() * 1000.0;
        assert!(told.len() > ROOMS * 1000, "all rooms are told of");
        taken
    });
    report::median(times)
}
