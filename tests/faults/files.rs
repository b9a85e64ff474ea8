//! The folder of large files fails, or those do who send and fetch them.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    common::{
        PATIENCE, Person, Server,
        health::until,
        http::{self, PART, bearer, content, tus, upload},
        shim::{EIO, ENOSPC, Knob, OTHER, Shim},
    },
    sent_files::{files, newest_plain, send},
};

/// Uploads a file, sends it, and returns the address at which it is fetched.
#[track_caller]
fn share(server: &Server, person: &mut Person, flow: &str, bytes: &[u8]) -> String {
    let id = upload(server, person, bytes);
    let sent = send(
        person,
        flow,
        "see",
        &json!([{"upload": id, "kind": "document"}]),
    )
    .is(200);
    format!("/file/{}", files(&sent)[0]["id"].as_str().expect("an id"))
}

#[track_caller]
fn begin_upload(server: &Server, person: &Person, length: usize) -> String {
    let headers = format!("{}Upload-Length: {length}\r\n", tus(person));
    let made = http::ask(server, "POST", "/files", &headers).is(201);
    made.header("location").expect("a path").to_owned()
}

#[track_caller]
fn offset(server: &Server, person: &Person, path: &str) -> usize {
    let stands = http::ask(server, "HEAD", path, &tus(person)).is(200);
    let offset = stands.header("upload-offset").expect("an offset");
    offset.parse().expect("a number")
}

#[track_caller]
fn go_on(server: &Server, person: &Person, path: &str, all: &[u8]) -> http::Answer {
    let stood = offset(server, person, path);
    let headers = format!("{}{PART}Upload-Offset: {stood}\r\n", tus(person));
    http::send(server, "PATCH", path, &headers, &all[stood..])
}

#[test]
fn a_disk_that_fails_breaks_off_an_upload_and_nothing_else() {
    let mut server = Server::initialised("open", &[]);
    let shim = Shim::before(&mut server);
    server.serve();
    shim.is_there();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let all = content(6_000_000, 41);
    let path = begin_upload(&server, &anna, all.len());
    shim.set(Knob::Scope, OTHER);
    for (knob, error, status) in [
        (Knob::WriteError, ENOSPC, 507),
        (Knob::WriteError, EIO, 503),
        (Knob::SyncError, EIO, 503),
        (Knob::SyncError, ENOSPC, 507),
    ] {
        shim.set(knob, error);
        let refused = go_on(&server, &anna, &path, &all).is(status);
        assert!(!refused.detail().is_empty());
        anna.send(&group, "meanwhile");
        shim.set(knob, 0);
        assert_eq!(offset(&server, &anna, &path), 0);
    }
    // What came at the second attempt is what was sent, and no part of a failed one.
    go_on(&server, &anna, &path, &all).is(204);
    let id = path.strip_prefix("/files/").expect("a path");
    let document = json!([{"upload": id, "kind": "document"}]);
    let sent = send(&mut anna, &group, "", &document).is(200);
    let path = format!("/file/{}", files(&sent)[0]["id"].as_str().expect("an id"));
    let found = http::ask(&server, "GET", &path, &bearer(&anna)).is(200);
    assert!(found.body == all);
    server.command(["db", "check"]).run().exits(0);
}

#[test]
fn a_file_that_cannot_be_read_takes_no_other_with_it() {
    let mut server = Server::initialised("open", &[]);
    let shim = Shim::before(&mut server);
    server.serve();
    shim.is_there();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let all = content(2_000_000, 42);
    let path = share(&server, &mut anna, &group, &all);
    shim.set(Knob::Scope, OTHER);
    shim.set(Knob::ReadError, EIO);
    // The length was told, and less comes: nobody takes that for the file.
    let mut stream = http::begin(&server, "GET", &path, &bearer(&anna));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.len() < all.len(), "{} bytes", answer.len());
    // Who gets files within messages is told of it in a line, beside everything else.
    let page = newest_plain(&mut anna, &group);
    assert!(page["text"].as_str().expect("a text").starts_with("see"));
    assert!(
        page.get("file_document")
            .is_none_or(serde_json::Value::is_null)
    );
    anna.send(&group, "meanwhile");
    shim.set(Knob::ReadError, 0);
    let found = http::ask(&server, "GET", &path, &bearer(&anna)).is(200);
    assert!(found.body == all);
}

#[test]
fn a_folder_that_is_gone_is_told_and_not_made_anew() {
    let mut server = Server::initialised("open", &[]);
    let disk = server.folder().join("disk");
    fs::create_dir(&disk).expect("made");
    let mount = disk.join("files");
    server.set("files.dir", mount.to_str().expect("UTF-8"));
    server.serve();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let all = content(500_000, 43);
    let path = share(&server, &mut anna, &group, &all);
    let waiting = begin_upload(&server, &anna, 400_000);
    // As when its disk falls out.
    let away = server.folder().join("away");
    fs::rename(&mount, &away).expect("moved");
    http::ask(&server, "GET", &path, &bearer(&anna)).is(410);
    let other = content(400_000, 44);
    go_on(&server, &anna, &waiting, &other).is(503);
    assert!(!mount.exists(), "another one was made where it was");
    anna.send(&group, "meanwhile");
    fs::rename(&away, &mount).expect("moved");
    let found = http::ask(&server, "GET", &path, &bearer(&anna)).is(200);
    assert!(found.body == all);
    go_on(&server, &anna, &waiting, &other).is(204);
}

#[test]
fn who_stops_reading_or_sending_gives_the_place_back() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let path = share(&server, &mut anna, &group, &content(20_000_000, 45));
    let waiting = begin_upload(&server, &anna, 1_000);
    // Six that fetch and read nothing: as many as one may.
    let stuck: Vec<TcpStream> = (0..6)
        .map(|_| http::begin(&server, "GET", &path, &bearer(&anna)))
        .collect();
    let headers = format!(
        "{}{PART}Upload-Offset: 0\r\nContent-Length: 1000\r\n",
        tus(&anna)
    );
    let mut sending = http::begin(&server, "PATCH", &waiting, &headers);
    sending.write_all(&[7; 300]).expect("sent");
    sending
        .set_read_timeout(Some(PATIENCE + PATIENCE))
        .expect("a timeout");
    let begun = Instant::now();
    thread::sleep(Duration::from_millis(500));
    let refused = http::ask(&server, "GET", &path, &bearer(&anna)).is(429);
    assert_eq!(refused.header("retry-after"), Some("1"));
    until("a reader that reads nothing is given up", || {
        let headers = format!("{}Range: bytes=0-9\r\n", bearer(&anna));
        (http::ask(&server, "GET", &path, &headers).status == 206).then_some(())
    });
    assert!(begun.elapsed() > Duration::from_secs(20), "too early");
    drop(stuck);
    // A sender that sends nothing is told, and what came is kept.
    http::answer(&mut sending, false)
        .expect("an answer")
        .is(408);
    assert_eq!(offset(&server, &anna, &waiting), 300);
}

/// How many files come and go at the same time, and how large they are.
const TRANSFERS: usize = 16;
const BYTES: usize = 6_000_000;

#[test]
fn many_transfers_leave_memory_and_chats_alone() {
    let keys = [
        ("files.user_uploads", "16"),
        ("files.reserve", "0"),
        ("limits.requests_per_second", "1000"),
    ];
    let server = Server::with(&keys);
    let people: Vec<_> = (0..4)
        .map(|n| server.register(&format!("person{n}")))
        .collect();
    let [mut anna, mut boris] = ["anna", "boris"].map(|login| server.register(login));
    let group = anna.group("G", &people.iter().chain([&boris]).collect::<Vec<_>>());
    let path = share(&server, &mut anna, &group, &content(BYTES, 46));
    let all = content(BYTES, 47);
    let resident = || {
        let status = fs::read_to_string(format!("/proc/{}/status", server.running().pid()));
        let status = status.expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
        kilobytes.expect("a size").parse::<usize>().expect("KiB") << 10
    };
    let before = resident();
    let is_over = AtomicBool::new(false);
    let (most, slowest) = thread::scope(|scope| {
        let (server, all, path, is_over) = (&server, &all, &path, &is_over);
        let transfers: Vec<_> = (0..TRANSFERS)
            .flat_map(|n| {
                let person = &people[n % people.len()];
                let up = scope.spawn(move || send_slowly(server, person, all, n));
                let down = scope.spawn(move || fetch_slowly(server, person, path));
                [up, down]
            })
            .collect();
        let chatting = scope.spawn(move || {
            let mut slowest = Duration::ZERO;
            while !is_over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                boris.send(&group, "how are you?");
                slowest = slowest.max(begun.elapsed());
                thread::sleep(Duration::from_millis(20));
            }
            slowest
        });
        let watching = scope.spawn(move || {
            let mut most = 0;
            while !is_over.load(Ordering::Relaxed) {
                most = most.max(resident());
                thread::sleep(Duration::from_millis(20));
            }
            most
        });
        for one in transfers {
            one.join().expect("a transfer");
        }
        is_over.store(true, Ordering::Relaxed);
        let most = watching.join().expect("no panic");
        (most, chatting.join().expect("no panic"))
    });
    let grown = most.saturating_sub(before);
    eprintln!(
        "{} KiB more; the slowest message took {slowest:?}",
        grown >> 10
    );
    assert!(grown < 32 << 20, "{} MiB more", grown >> 20);
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}

/// Sends a file as a telephone does, some hundred kilobytes at a time.
fn send_slowly(server: &Server, person: &Person, all: &[u8], number: usize) {
    let path = begin_upload(server, person, all.len());
    let headers = format!(
        "{}{PART}Upload-Offset: 0\r\nContent-Length: {}\r\n",
        tus(person),
        all.len()
    );
    let mut stream = http::begin(server, "PATCH", &path, &headers);
    // No two have the same bytes: each is stored.
    let first = u8::try_from(number).expect("few");
    stream.write_all(&[first]).expect("sent");
    for piece in all[1..].chunks(200_000) {
        stream.write_all(piece).expect("sent");
        thread::sleep(Duration::from_millis(60));
    }
    http::answer(&mut stream, false).expect("an answer").is(204);
}

fn fetch_slowly(server: &Server, person: &Person, path: &str) {
    let mut stream = http::begin(server, "GET", path, &bearer(person));
    let mut buffer = vec![0; 200_000];
    let mut sum = 0;
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        sum += count;
        thread::sleep(Duration::from_millis(30));
    }
    assert!(sum > BYTES, "{sum} bytes came");
}
