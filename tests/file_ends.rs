//! Files on their way when the right to them ends, and who pays for requests about files.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    common::{
        PATIENCE, Person, Server, eventually,
        http::{self, PART, answer, bearer, begin, content, tus, upload},
    },
    roles::{NOTHING, change},
    sent_files::{files, send},
};

/// Larger than what the system holds of a connection on its way.
const LARGE: usize = 24 << 20;

/// More than the time after which the right to a file is looked up again.
const MOMENT: Duration = Duration::from_millis(2_500);

/// Sends a large file into a flow and returns its path.
fn send_large(server: &Server, person: &mut Person, flow: &str) -> String {
    let id = upload(server, person, &content(LARGE, 7));
    let sent = send(
        person,
        flow,
        "",
        &json!([{"upload": id, "kind": "document"}]),
    )
    .is(200);
    format!("/file/{}", files(&sent)[0]["id"].as_str().expect("an id"))
}

/// Begins to read a file, and reads no more than its beginning.
fn begin_to_read(server: &Server, path: &str, headers: &str) -> TcpStream {
    let mut stream = begin(server, "GET", path, headers);
    let mut head = [0; 4096];
    stream.read_exact(&mut head).expect("the beginning");
    assert!(
        head.starts_with(b"HTTP/1.1 200 "),
        "{:?}",
        String::from_utf8_lossy(&head[..200])
    );
    stream
}

/// How much of a file still comes.
fn rest(mut stream: TcpStream) -> usize {
    let mut buffer = vec![0; 1 << 20];
    let mut sum = 0;
    // A connection that is cut off ends by an error, or without one.
    while let Ok(read) = stream.read(&mut buffer) {
        if read == 0 {
            break;
        }
        sum += read;
    }
    sum
}

#[test]
fn a_file_stops_coming_when_the_right_to_it_ends() {
    let server = Server::start();
    let [mut anna, mut boris, mut clara] =
        ["anna", "boris", "clara"].map(|login| server.register(login));
    let group = anna.group("G", &[&boris, &clara]);
    let path = send_large(&server, &mut anna, &group);
    let made = boris.ask("file_ticket", &NOTHING).is(200);
    let ticket = made.data()["meta"]["ticket"]
        .as_str()
        .expect("a ticket")
        .to_owned();
    let by_ticket = begin_to_read(&server, &format!("{path}?t={ticket}"), "");
    let by_token = begin_to_read(&server, &path, &bearer(&boris));
    let of_member = begin_to_read(&server, &path, &bearer(&clara));
    let of_sender = begin_to_read(&server, &path, &bearer(&anna));
    boris.ask("logout", &NOTHING).is(200);
    change(&mut anna, &group, &json!({"remove": [clara.id]})).is(200);
    clara.ask("ping_pong", &NOTHING).is(200);
    thread::sleep(MOMENT);
    for (who, stream) in [
        ("ticket", by_ticket),
        ("session", by_token),
        ("member", of_member),
    ] {
        let came = rest(stream);
        assert!(came < LARGE - 4096, "{who}: {came} bytes came");
    }
    assert!(
        rest(of_sender) >= LARGE - 4096,
        "whoever may read it gets all"
    );
}

#[test]
fn an_upload_stops_when_its_session_ends_and_goes_on_by_another() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let all = content(600_000, 8);
    let headers = format!("{}Upload-Length: {}\r\n", tus(&anna), all.len());
    let made = http::ask(&server, "POST", "/files", &headers).is(201);
    let path = made.header("location").expect("a location").to_owned();
    let length = all.len();
    let headers = format!(
        "{}{PART}Upload-Offset: 0\r\nContent-Length: {length}\r\n",
        tus(&anna)
    );
    let mut stream = begin(&server, "PATCH", &path, &headers);
    stream.write_all(&all[..length / 2]).expect("sent");
    thread::sleep(Duration::from_millis(200));
    anna.ask("logout", &NOTHING).is(200);
    let _ = stream.write_all(&all[length / 2..]);
    answer(&mut stream, false).expect("an answer").is(401);
    // What is there is nobody else's, and no file that a message can show.
    let mut again = server.sign_in("anna");
    let group = again.group("G", &[]);
    let id = path.strip_prefix("/files/").expect("an id");
    send(
        &mut again,
        &group,
        "",
        &json!([{"upload": id, "kind": "document"}]),
    )
    .is(404);
    let start = Instant::now();
    let stands = eventually(
        || http::ask(&server, "HEAD", &path, &tus(&again)),
        |answer| answer.status == 200 || start.elapsed() > PATIENCE,
    );
    let offset: usize = stands
        .header("upload-offset")
        .expect("an offset")
        .parse()
        .expect("a number");
    let headers = format!("{}{PART}Upload-Offset: {offset}\r\n", tus(&again));
    http::send(&server, "PATCH", &path, &headers, &all[offset..]).is(204);
    let sent = send(
        &mut again,
        &group,
        "",
        &json!([{"upload": id, "kind": "document"}]),
    )
    .is(200);
    let path = format!("/file/{}", files(&sent)[0]["id"].as_str().expect("an id"));
    assert!(
        http::ask(&server, "GET", &path, &bearer(&again))
            .is(200)
            .body
            == all
    );
}

/// Asks for something so many times at once, by one connection; returns the codes. One after another, a
/// busy machine gives strangers their requests back as fast as they are made.
fn pipelined(server: &Server, path: &str, headers: &str, times: usize) -> Vec<u16> {
    let mut stream = TcpStream::connect(server.address()).expect("the server");
    let one = format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n{headers}");
    let all = format!("{one}\r\n").repeat(times - 1);
    let last = format!("{one}Connection: close\r\n\r\n");
    let mut reading = stream.try_clone().expect("a second handle");
    let read = thread::spawn(move || {
        let mut answers = String::new();
        reading.read_to_string(&mut answers).expect("answers");
        answers
    });
    stream.write_all((all + &last).as_bytes()).expect("sent");
    let answers = read.join().expect("no panic");
    let codes = answers.split("HTTP/1.1 ").skip(1);
    let codes = codes.map(|rest| rest[..3].parse().expect("a code"));
    codes.collect()
}

#[test]
fn strangers_at_an_address_take_nothing_of_a_members_requests() {
    const HOME: &str = "X-Forwarded-For: 192.0.2.1\r\n";
    const AWAY: &str = "X-Forwarded-For: 203.0.113.1\r\n";
    let server = Server::with(&[
        ("limits.requests_per_second", "1"),
        ("limits.burst", "3"),
        ("proxy.trusted", "127.0.0.1"),
    ]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let path = {
        let id = upload(&server, &anna, b"a file");
        let sent = send(
            &mut anna,
            &group,
            "",
            &json!([{"upload": id, "kind": "document"}]),
        )
        .is(200);
        format!("/file/{}", files(&sent)[0]["id"].as_str().expect("an id"))
    };
    let get = |path: &str, headers: &str| http::ask(&server, "GET", path, headers).status;
    // Whether a ticket or a token is none is not even looked up when too many were.
    let none = format!("{path}?t={}", "A".repeat(38));
    let codes = pipelined(&server, &none, HOME, 400);
    assert!(codes.contains(&404) && codes.ends_with(&[429]), "{codes:?}");
    let guess = format!("Authorization: Bearer none\r\nTus-Resumable: 1.0.0\r\n{HOME}");
    assert_eq!(get(&path, &guess), 429);
    assert_eq!(http::ask(&server, "HEAD", "/files/0", &guess).status, 429);
    // Who is known and lives there fetches and sends files.
    // What making the group took has to come back first.
    let made = eventually(|| anna.ask("file_ticket", &NOTHING), |it| it.code() == 200).is(200);
    let ticket = made.data()["meta"]["ticket"]
        .as_str()
        .expect("a ticket")
        .to_owned();
    let own = format!("{path}?t={ticket}");
    assert_eq!(get(&own, HOME), 200);
    assert_eq!(get(&path, &format!("{}{HOME}", bearer(&anna))), 200);
    let new = format!("{}{HOME}Upload-Length: 3\r\n", tus(&anna));
    http::ask(&server, "POST", "/files", &new).is(201);
    // What is fetched by tickets is the account's too, wherever that is.
    let codes: Vec<u16> = (0..100).map(|_| get(&own, AWAY)).collect();
    assert!(codes.ends_with(&[429]), "{codes:?}");
    assert_eq!(get(&path, &format!("{}{AWAY}", bearer(&anna))), 429);
}
