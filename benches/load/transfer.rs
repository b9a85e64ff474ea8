//! Files over HTTP: how fast they come and go beside plain files through the same HTTP stack, what
//! people who chat notice of it, how much memory it takes.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    Effort,
    client::{self, Client},
    drive::{self, Script},
    folder::Folder,
    line,
    report::{Row, Target},
    requests,
    seed::{self, Person},
    server::{Home, Process},
};

const GROUP: &str = "files";

/// Bytes that are sent and asked for at a time.
const PIECE: usize = 256 * 1024;

/// Uploads and downloads whose memory is measured.
const TRANSFERS: usize = 16;

const RESERVE: (&str, &str) = ("MORELIA__FILES__RESERVE", "0");

/// Throughput, latency and memory.
pub(crate) fn transfers(effort: &Effort) -> Vec<Row> {
    let bytes = if effort.quick { 64 << 20 } else { 256 << 20 };
    let home = Home::new(1000);
    let server = home.serve_with(&[RESERVE]);
    server.settle();
    let folder = Folder::new();
    let place = folder.path().join("plain");
    let plain = Process::echo(&[place.to_str().expect("UTF-8")]);
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for _ in 0..effort.repetitions {
        let (rate, upload) = upload(&server, &seed::person(0), bytes);
        up.push((rate, send_plain(plain.address, bytes)));
        let path = share(&server, 0, &upload);
        down.push((
            fetch(server.address, &path, Some(&seed::person(0))),
            fetch(plain.address, "/plain", None),
        ));
    }
    let size = format!("{} MB", bytes >> 20);
    let mut rows = vec![
        Row::against(GROUP, format!("upload of {size}"), "MB/s", "plain file", up)
            .target(Target::AtLeast(0.6)),
        Row::against(
            GROUP,
            format!("download of {size}"),
            "MB/s",
            "plain file",
            down,
        )
        .target(Target::AtLeast(0.8)),
    ];
    drop(server);
    rows.extend(beside_chat(effort));
    rows.push(memory(bytes / 4));
    rows.push(photographs(effort));
    rows
}

/// How many photographs a conversation has, how large each is and its small picture.
const PHOTOGRAPHS: usize = 61;
const PHOTOGRAPH: usize = 860_000;
const SMALL: usize = 20_000;

/// Bytes a second of a line of 2 Mbit/s.
const LINE: f64 = 250_000.0;

/// How long it takes on a slow line until the words of a conversation of photographs are there: from
/// the connection to the page of messages, none of whose photographs comes along.
fn photographs(effort: &Effort) -> Row {
    let home = Home::new(1000);
    let server = home.serve_with(&[RESERVE]);
    let person = seed::person(0);
    let (_, large) = upload(&server, &person, PHOTOGRAPH);
    let (_, small) = upload(&server, &person, SMALL);
    let data = |number: usize| {
        let photograph = json!({
            "upload": large, "kind": "picture", "name": format!("IMG_{number}.jpg"),
            "width": 1600, "height": 1200, "blurhash": "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
            "thumbnail": {"upload": small, "width": 480, "height": 360},
        });
        person.signed(json!({
            "flow": [{"uuid": seed::family(0)}], "message": [{"text": seed::text(number as u64)}],
            "meta": {"about": {"files": [photograph]}},
        }))
    };
    let page = person.signed(json!({"flow": [{"uuid": seed::family(0)}]}));
    let address = line::slow(server.address, LINE);
    let runtime = drive::runtime();
    runtime.block_on(async {
        let mut client = Client::open(server.address, None).await;
        for number in 0..PHOTOGRAPHS {
            let request = client::rich_request("send_message", &data(number));
            client.ask(&request).await;
        }
    });
    let times = (0..effort.repetitions).map(|_| {
        let start = Instant::now();
        let read = runtime.block_on(async {
            let mut client = Client::open(address, None).await;
            let nothing = person.signed(json!({}));
            client
                .ask(&client::rich_request("subscribe", &nothing))
                .await;
            client
                .ask(&client::rich_request("all_flow", &nothing))
                .await;
            let request = client::rich_request("all_messages", &page);
            client.ask(&request).await.to_string().len()
        });
        assert!(read > PHOTOGRAPHS * 100, "a page of {read} bytes");
        start.elapsed().as_secs_f64() * 1e3
    });
    let times: Vec<_> = times.collect();
    let what = "words of 61 photographs on 2 Mbit/s";
    Row::median(GROUP, what, "ms", times).target(Target::AtMost(2000.0))
}

/// How long each of eight people waits between an answer and the next message, so that together they
/// write about one every 5 ms: a lively conversation, and not as many as the machine can take.
const PAUSE: Duration = Duration::from_millis(40);

/// The 99th percentile of sending while 1 GB is uploaded, and in quiet: of a lively conversation, and
/// of eight connections that send as fast as they are answered.
fn beside_chat(effort: &Effort) -> Vec<Row> {
    let chat = requests::sends().with_pause(PAUSE);
    let lively = during_upload(effort, "a message every 5 ms", effort.time * 3, &chat);
    let most = during_upload(effort, "8 connections", effort.time, &requests::sends());
    vec![lively.target(Target::AtMost(2.0)), most]
}

fn during_upload(effort: &Effort, who: &str, time: Duration, script: &Script) -> Row {
    let bytes = if effort.quick { 128 << 20 } else { 1 << 30 };
    let runs = (0..effort.repetitions).map(|_| {
        let home = Home::new(1000);
        let server = home.serve_with(&[RESERVE]);
        server.settle();
        let quiet = drive::run(&server, 8, time, script);
        let is_over = AtomicBool::new(false);
        let busy = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    upload(&server, &seed::person(9), bytes);
                }
            });
            let busy = drive::run(&server, 8, time, script);
            is_over.store(true, Ordering::Relaxed);
            busy
        });
        (busy.quantile_ms(0.99), quiet.quantile_ms(0.99))
    });
    let what = format!("send, {who}, during an upload of {} MB", bytes >> 20);
    Row::against(GROUP, what, "ms (p99)", "quiet", runs.collect())
}

/// What the server takes more while files come and go.
fn memory(bytes: usize) -> Row {
    let home = Home::new(1000);
    let server = home.serve_with(&[RESERVE]);
    server.settle();
    let paths: Vec<_> = (0..TRANSFERS)
        .map(|number| {
            let person = seed::person(number);
            let (_, id) = upload(&server, &person, bytes);
            (person, share(&server, number, &id))
        })
        .collect();
    server.settle();
    let before = server.resident();
    let is_over = AtomicBool::new(false);
    let most = std::thread::scope(|scope| {
        let server = &server;
        let work: Vec<_> = paths
            .iter()
            .flat_map(|(person, path)| {
                let up = scope.spawn(move || drop(upload(server, person, bytes)));
                let down = scope.spawn(move || {
                    let _ = fetch(server.address, path, Some(person));
                });
                [up, down]
            })
            .collect();
        let watching = scope.spawn(|| {
            let mut most = before;
            while !is_over.load(Ordering::Relaxed) {
                most = most.max(server.resident());
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            most
        });
        for one in work {
            one.join().expect("a transfer");
        }
        is_over.store(true, Ordering::Relaxed);
        watching.join().expect("a watch")
    });
    let what = "memory more during 16 uploads and 16 downloads";
    Row::new(GROUP, what, (most - before) / 1e6, "MB").target(Target::AtMost(32.0))
}

/// Uploads so many bytes. Returns the rate and the upload's id.
fn upload(server: &Process, person: &Person, bytes: usize) -> (f64, String) {
    let head = format!(
        "POST /files HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n\
         Upload-Length: {bytes}\r\nContent-Length: {bytes}\r\n\r\n",
        person.token()
    );
    let (rate, answer) = send(server.address, &head, bytes);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let place = answer.find("/files/").expect("a location") + 7;
    (rate, answer[place..place + 32].to_owned())
}

fn send_plain(address: SocketAddr, bytes: usize) -> f64 {
    let head = format!(
        "PUT /plain HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {bytes}\r\n\r\n"
    );
    let (rate, answer) = send(address, &head, bytes);
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    rate
}

/// Sends a body that no two uploads have in common. Returns the rate in MB/s and the answer.
fn send(address: SocketAddr, head: &str, bytes: usize) -> (f64, String) {
    let mut piece = vec![0; PIECE];
    let seed = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a time")
        .as_nanos() as u64;
    for (place, to) in piece.chunks_mut(8).enumerate() {
        to.copy_from_slice(&seed::mix(seed + place as u64).to_le_bytes());
    }
    let mut stream = TcpStream::connect(address).expect("connected");
    let start = Instant::now();
    stream.write_all(head.as_bytes()).expect("sent");
    let mut left = bytes;
    while left > 0 {
        let count = left.min(PIECE);
        stream.write_all(&piece[..count]).expect("sent");
        left -= count;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    (bytes as f64 / 1e6 / start.elapsed().as_secs_f64(), answer)
}

/// Downloads a file. Returns the rate in MB/s.
fn fetch(address: SocketAddr, path: &str, person: Option<&Person>) -> f64 {
    let token = person.map_or_else(String::new, |person| {
        format!("Authorization: Bearer {}\r\n", person.token())
    });
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{token}\r\n");
    let mut stream = TcpStream::connect(address).expect("connected");
    let start = Instant::now();
    stream.write_all(head.as_bytes()).expect("sent");
    let mut buffer = vec![0; PIECE];
    let mut sum = 0;
    loop {
        match stream.read(&mut buffer).expect("read") {
            0 => break,
            count => sum += count,
        }
    }
    assert!(sum > 1 << 20, "{sum} bytes came of {path}");
    sum as f64 / 1e6 / start.elapsed().as_secs_f64()
}

/// Sends an upload with a message, and returns where the file is fetched.
fn share(server: &Process, number: usize, upload: &str) -> String {
    let data = json!({
        "flow": [{"uuid": seed::family(number)}], "message": [{}],
        "meta": {"about": {"files": [{"upload": upload, "kind": "document"}]}},
    });
    let data = seed::person(number).signed(data);
    let request = client::rich_request("send_message", &data);
    let answer = drive::runtime().block_on(async {
        let mut client = Client::open(server.address, None).await;
        client.ask(&request).await
    });
    let message = answer["data"]["message"][0]["uuid"].as_str().expect("sent");
    let file = &answer["data"]["meta"]["about"][message]["files"][0]["id"];
    format!("/file/{}", file.as_str().expect("an id"))
}
