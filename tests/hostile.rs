//! Peers that send too much, too slowly, or never read: memory stays bounded and others are served.

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::common::{Cgroup, PATIENCE, Person, Server};

/// What the server may use, as in a small container.
const MEMORY_MAX_BYTES: u64 = 96 << 20;

/// Asserts that a process never had more than that resident. The kernel keeps the peak, so nothing
/// is missed between two looks.
#[track_caller]
fn stayed_inside(server: &Server) {
    let path = format!("/proc/{}/status", server.running().pid());
    let status = fs::read_to_string(path).expect("it is alive");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("a peak");
    let kib: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number");
    println!("peak of resident memory: {} MiB", kib >> 10);
    assert!(kib << 10 < MEMORY_MAX_BYTES, "{} MiB", kib >> 10);
}

/// Starts a server that has no more than that, where this machine can make it so; elsewhere the
/// peak of its resident memory alone is looked at.
fn on_a_small_machine() -> (Server, Option<Cgroup>) {
    let mut server = Server::initialised("open", &[]);
    match Cgroup::new(MEMORY_MAX_BYTES) {
        Ok(group) => {
            server.serve_inside(&group);
            (server, Some(group))
        }
        Err(why) => {
            println!("no control group, only the peak is looked at: {why}");
            server.serve();
            (server, None)
        }
    }
}

/// Asserts that a server lived within its bounds, and says how near it came.
#[track_caller]
fn lived_within(mut server: Server, group: Option<&Cgroup>) {
    stayed_inside(&server);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    if let Some(peak) = group.and_then(Cgroup::peak) {
        println!(
            "peak of the control group, with what the kernel holds: {} MiB",
            peak >> 20
        );
        assert!(peak > 1 << 20, "the server was in it");
    }
}

/// Opens a socket on the level of bytes.
pub(crate) fn raw_socket(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer");
        head.push(byte[0]);
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    stream
}

/// Returns a masked frame of text; a mask of zeros leaves the payload as it is.
fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = header(payload.len() as u64);
    frame.extend_from_slice(payload);
    frame
}

/// Returns the header of such a frame.
fn header(len: u64) -> Vec<u8> {
    let mut header = vec![0x81, 0xff];
    header.extend_from_slice(&len.to_be_bytes());
    header.extend_from_slice(&[0; 4]);
    header
}

/// Sends as much as the server takes, without waiting for more.
fn pour(stream: &mut TcpStream, bytes: &[u8]) -> usize {
    stream.set_nonblocking(true).expect("non-blocking");
    let mut sent = 0;
    let start = Instant::now();
    while sent < bytes.len() && start.elapsed() < Duration::from_secs(20) {
        match stream.write(&bytes[sent..]) {
            Ok(count) => sent += count,
            Err(err) if err.kind() == ErrorKind::WouldBlock => {
                // The server may be about to take more; a hundredth of a second is long for it.
                let before = sent;
                thread::sleep(Duration::from_millis(10));
                if let Ok(count) = stream.write(&bytes[sent..]) {
                    sent += count;
                }
                if sent == before {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    stream.set_nonblocking(false).expect("blocking");
    sent
}

/// Asserts that somebody well-behaved is served meanwhile.
#[track_caller]
fn is_served(person: &mut Person) {
    let start = Instant::now();
    person.ask("ping_pong", &json!({})).is(200);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn sixty_four_frames_that_are_announced_too_large_cost_nothing() {
    let (server, group) = on_a_small_machine();
    let mut anna = server.register("anna");
    let mut sockets: Vec<_> = (0..64).map(|_| raw_socket(&server.address())).collect();
    for socket in &mut sockets {
        // The server may have refused it before all of that is sent.
        let _ = socket.write_all(&header(60 << 20));
        let _ = socket.write_all(&vec![b' '; 1 << 16]);
    }
    is_served(&mut anna);
    for mut socket in sockets {
        let mut head = [0; 4];
        socket.read_exact(&mut head).expect("a close frame");
        assert_eq!(
            (head[0], u16::from_be_bytes([head[2], head[3]])),
            (0x88, 1009)
        );
    }
    lived_within(server, group.as_ref());
}

#[test]
fn sixty_four_unfinished_large_frames_share_one_budget() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut sockets: Vec<_> = (0..64).map(|_| raw_socket(&server.address())).collect();
    let unfinished = &frame(&vec![b' '; 16 << 20])[..(16 << 20) - 100];
    let mut sent = 0;
    for socket in &mut sockets {
        sent += pour(socket, unfinished);
    }
    println!("the server and its kernel took {} MiB", sent >> 20);
    assert!(sent > 16 << 20, "one of them got the strangers' room");
    is_served(&mut anna);
    stayed_inside(&server);
}

#[test]
fn sixty_four_users_with_unfinished_frames_share_one_budget() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let question = json!({
        "type": "all_flow", "data": {"user": [{"uuid": anna.id, "auth_id": anna.token}]},
        "jsonapi": {"version": "1.0"},
    });
    let mut sockets: Vec<_> = (0..64).map(|_| raw_socket(&server.address())).collect();
    for socket in &mut sockets {
        socket
            .write_all(&frame(question.to_string().as_bytes()))
            .expect("sent");
        let mut answered = [0; 2];
        socket.read_exact(&mut answered).expect("an answer");
    }
    let unfinished = &frame(&vec![b' '; 16 << 20])[..(16 << 20) - 100];
    let mut sent = 0;
    for socket in &mut sockets {
        sent += pour(socket, unfinished);
    }
    println!("the server and its kernel took {} MiB", sent >> 20);
    assert!(sent > 48 << 20, "most of the room was used: {sent}");
    is_served(&mut anna);
    stayed_inside(&server);
}

#[test]
fn deaf_subscribers_of_a_flooded_group_cost_a_bounded_queue() {
    const DEAF: usize = 20;
    const MESSAGES: usize = 600;
    let (server, group) = on_a_small_machine();
    let mut anna = server.register("anna");
    let mut members: Vec<_> = (0..=DEAF)
        .map(|number| server.register(&format!("member {number}")))
        .collect();
    let flow = anna.group("flood", &members.iter().collect::<Vec<_>>());
    for member in &mut members {
        member.ask("subscribe", &json!({})).is(200);
    }
    let mut listener = members.pop().expect("one that reads");
    let reading = thread::spawn(move || {
        let mut heard = 0;
        while heard < MESSAGES {
            heard += listener.connection.pushed().messages().len();
        }
        heard
    });
    let text = "x".repeat(60_000);
    for _ in 0..MESSAGES {
        anna.send(&flow, &text);
    }
    assert_eq!(reading.join().expect("it heard all"), MESSAGES);
    is_served(&mut anna);
    stayed_inside(&server);
    // The deaf ones were there all the time, never having read a byte.
    drop(members);
    lived_within(server, group.as_ref());
}

#[test]
fn two_hundred_slow_clients_are_cut_off_and_hold_up_nobody() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut slow: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address()).expect("a connection");
            stream
                .write_all(b"GET /ws HTTP/1.1\r\nHost: x\r\nX-Slow: ")
                .expect("sent");
            stream
        })
        .collect();
    let start = Instant::now();
    is_served(&mut anna);
    for stream in &mut slow {
        let _ = stream.write_all(b"a");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a timeout");
        let mut rest = Vec::new();
        // A reset is an end as well; a timeout is none.
        if let Err(err) = stream.read_to_end(&mut rest) {
            assert_eq!(err.kind(), ErrorKind::ConnectionReset);
        }
    }
    let elapsed = start.elapsed();
    println!("the last was cut off after {elapsed:?}");
    assert!(elapsed < Duration::from_secs(16), "{elapsed:?}");
    is_served(&mut anna);
}

#[test]
fn server_without_descriptors_waits_and_recovers() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let pid = server.running().pid().to_string();
    let open = fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("descriptors")
        .count();
    let limit = format!("--nofile={}", open + 20);
    match Command::new("prlimit")
        .args(["--pid", &pid, &limit])
        .status()
    {
        Ok(status) if status.success() => {}
        other => return println!("skipped: prlimit does not work here: {other:?}"),
    }
    let crowd: Vec<_> = (0..60)
        .map(|_| TcpStream::connect(server.address()).expect("a connection"))
        .collect();
    is_served(&mut anna);
    // Those that were accepted are cut off for saying nothing, or leave; then others get in.
    drop(crowd);
    let start = Instant::now();
    let answer = loop {
        let mut stream = TcpStream::connect(server.address()).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let _ =
            stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let mut answer = String::new();
        if stream.read_to_string(&mut answer).is_ok() && !answer.is_empty() {
            break answer;
        }
        assert!(start.elapsed() < PATIENCE, "nobody gets in any more");
    };
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    is_served(&mut anna);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    let said = log
        .lines()
        .filter(|line| line.contains("cannot accept connections"))
        .count();
    assert!((1..=5).contains(&said), "said {said} times:\n{log}");
}

#[test]
fn address_with_too_many_connections_is_told_to_come_back() {
    let server = Server::with(&[("limits.connections_per_ip", "3")]);
    let _open: Vec<_> = (0..3).map(|_| raw_socket(&server.address())).collect();
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(
        answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\r\nretry-after: 10\r\n"), "{answer}");
}
