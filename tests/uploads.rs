//! Uploads: files that come in pieces and go on after anything that interrupts them.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::common::{
    PATIENCE, Person, Server,
    health::until,
    http::{Answer, PART, answer, ask, bearer, begin, content, send, tus, upload},
};

/// Begins an upload and returns its path.
#[track_caller]
fn create(server: &Server, person: &Person, length: usize) -> String {
    let headers = format!("{}Upload-Length: {length}\r\n", tus(person));
    let made = ask(server, "POST", "/files", &headers).is(201);
    made.header("location").expect("a location").to_owned()
}

#[track_caller]
fn patch(server: &Server, person: &Person, path: &str, offset: usize, body: &[u8]) -> Answer {
    let headers = format!("{}{PART}Upload-Offset: {offset}\r\n", tus(person));
    send(server, "PATCH", path, &headers, body)
}

#[track_caller]
fn offset(server: &Server, person: &Person, path: &str) -> usize {
    let stands = ask(server, "HEAD", path, &tus(person)).is(200);
    let offset = stands.header("upload-offset").expect("an offset");
    offset.parse().expect("a number")
}

fn folder(server: &Server) -> PathBuf {
    server.folder().join("morelia.db-files")
}

/// The files of the folder, those that gather left out.
fn files(server: &Server) -> Vec<PathBuf> {
    let shelves = fs::read_dir(folder(server)).expect("the folder");
    let shelves = shelves.map(|entry| entry.expect("an entry").path());
    shelves
        .filter(|path| path.is_dir() && !path.ends_with("part"))
        .flat_map(|path| fs::read_dir(path).expect("a shelf"))
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

fn sum(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

#[test]
fn a_server_says_what_it_speaks() {
    let server = Server::with(&[("files.max_size", "3MB")]);
    for path in ["/files", "/files/x"] {
        let told = ask(&server, "OPTIONS", path, "").is(204);
        assert_eq!(told.header("tus-version"), Some("1.0.0"));
        assert_eq!(
            told.header("tus-extension"),
            Some("creation,creation-with-upload,expiration,termination")
        );
        assert_eq!(told.header("tus-max-size"), Some("3145728"));
        assert_eq!(told.header("access-control-allow-origin"), None);
    }
}

#[test]
fn a_file_comes_in_pieces_and_its_state_is_told() {
    let server = Server::start();
    let anna = server.register("anna");
    let all = content(1_000_000, 1);
    let metadata = "filename 0LAuanBn,filetype aW1hZ2UvanBlZw==";
    let headers = format!(
        "{}Upload-Length: {}\r\nUpload-Metadata: {metadata},other eA==\r\n",
        tus(&anna),
        all.len()
    );
    let made = ask(&server, "POST", "/files", &headers).is(201);
    assert_eq!(made.header("tus-resumable"), Some("1.0.0"));
    assert_eq!(made.header("upload-offset"), None);
    assert!(
        made.header("upload-expires")
            .expect("a time")
            .ends_with("gmt")
    );
    let path = made.header("location").expect("a location").to_owned();
    let id = path.strip_prefix("/files/").expect("a path");
    assert!(
        id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()),
        "{id}"
    );

    let stands = ask(&server, "HEAD", &path, &tus(&anna)).is(200);
    for (name, value) in [
        ("upload-offset", "0"),
        ("upload-length", "1000000"),
        ("upload-metadata", &*metadata.to_lowercase()),
        ("cache-control", "no-store"),
        ("tus-resumable", "1.0.0"),
    ] {
        assert_eq!(stands.header(name), Some(value), "{}", stands.head);
    }
    let sent = patch(&server, &anna, &path, 0, &all[..300_000]).is(204);
    assert_eq!(sent.header("upload-offset"), Some("300000"));
    assert!(sent.header("upload-expires").is_some());
    // From where it does not stand: nothing is written.
    patch(&server, &anna, &path, 0, &all[..10]).is(409);
    patch(&server, &anna, &path, 300_001, &all[..10]).is(409);
    assert_eq!(offset(&server, &anna, &path), 300_000);
    // By POST, where a proxy knows no PATCH.
    let headers = format!(
        "{}{PART}Upload-Offset: 300000\r\nX-HTTP-Method-Override: PATCH\r\n",
        tus(&anna)
    );
    let sent = send(&server, "POST", &path, &headers, &all[300_000..]).is(204);
    assert_eq!(sent.header("upload-offset"), Some("1000000"));
    assert_eq!(offset(&server, &anna, &path), 1_000_000);
    // It lies in the folder, for its owner alone.
    let [file] = &files(&server)[..] else {
        panic!("one file");
    };
    assert_eq!(sum(&fs::read(file).expect("the file")), sum(&all));
    let permissions = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(permissions(file), 0o600);
    assert_eq!(permissions(file.parent().expect("a shelf")), 0o700);
    assert_eq!(permissions(&folder(&server)), 0o700);
    assert_eq!(
        fs::read_dir(folder(&server).join("part"))
            .expect("parts")
            .count(),
        0
    );
}

#[test]
fn what_is_no_request_of_the_protocol_is_refused() {
    let server = Server::start();
    let anna = server.register("anna");
    let path = create(&server, &anna, 10);
    let length = "Upload-Length: 5\r\n";
    let with = |headers: &str| format!("{}{headers}", tus(&anna));
    let begin = |headers: &str| ask(&server, "POST", "/files", headers);
    // Who asks comes first.
    assert_eq!(begin(length).is(401).header("tus-resumable"), Some("1.0.0"));
    begin(&format!(
        "Authorization: Bearer nonsense\r\nTus-Resumable: 1.0.0\r\n{length}"
    ))
    .is(401);
    let unspoken = begin(&format!("{}{length}", bearer(&anna))).is(412);
    assert_eq!(unspoken.header("tus-version"), Some("1.0.0"));
    begin(&format!(
        "{}Tus-Resumable: 0.2.2\r\n{length}",
        bearer(&anna)
    ))
    .is(412);
    for bad in [
        "",
        "Upload-Length: -1\r\n",
        "Upload-Length: x\r\n",
        "Upload-Length: 99999999999999999999\r\n",
        "Upload-Defer-Length: 1\r\n",
        "Upload-Length: 5\r\nUpload-Metadata: filename %%%\r\n",
        "Upload-Length: 5\r\nUpload-Metadata: filename /w==\r\n",
    ] {
        begin(&with(bad)).is(400);
    }
    let long = format!("{length}Upload-Metadata: filename {}\r\n", "A".repeat(2048));
    begin(&with(&long)).is(400);
    let large = begin(&with("Upload-Length: 2147483649\r\n")).is(413);
    assert_eq!(large.header("tus-max-size"), Some("2147483648"));
    assert!(large.detail().contains("2147483648"), "{}", large.detail());

    let go = |headers: &str| send(&server, "PATCH", &path, &with(headers), b"01234");
    go("Upload-Offset: 0\r\n").is(415);
    go("Upload-Offset: 0\r\nContent-Type: text/plain\r\n").is(415);
    go(PART).is(400);
    go(&format!("{PART}Upload-Offset: -1\r\n")).is(400);
    let override_of = |method: &str| {
        let headers = format!("{PART}Upload-Offset: 0\r\nX-HTTP-Method-Override: {method}\r\n");
        send(&server, "POST", &path, &with(&headers), b"01234")
    };
    override_of("DELETE").is(405);
    ask(&server, "GET", &path, &tus(&anna)).is(405);
    assert_eq!(offset(&server, &anna, &path), 0);
    // A page of somebody else's.
    begin(&with(&format!("{length}Origin: https://evil.example\r\n"))).is(403);
}

#[test]
fn nobody_else_knows_of_an_upload() {
    let server = Server::start();
    let (anna, boris) = (server.register("anna"), server.register("boris"));
    let path = create(&server, &anna, 10);
    let unknown = format!("/files/{}", "0".repeat(32));
    for path in [&path, &unknown, "/files/x"] {
        ask(&server, "HEAD", path, &tus(&boris)).is(404);
        patch(&server, &boris, path, 0, b"01234").is(404);
        ask(&server, "DELETE", path, &tus(&boris)).is(404);
    }
    assert_eq!(offset(&server, &anna, &path), 0);
    patch(&server, &anna, &path, 0, b"0123456789").is(204);
    // The same content of another is received whole: nothing says that it is here.
    let path = create(&server, &boris, 10);
    assert_eq!(offset(&server, &boris, &path), 0);
    patch(&server, &boris, &path, 0, b"0123456789").is(204);
}

#[test]
fn the_same_content_is_stored_once() {
    let server = Server::start();
    let (anna, boris) = (server.register("anna"), server.register("boris"));
    let all = content(600_000, 2);
    let first = upload(&server, &anna, &all);
    let second = upload(&server, &boris, &all);
    assert_ne!(first, second);
    let begun = Instant::now();
    while files(&server).len() > 1 {
        assert!(begun.elapsed() < PATIENCE, "both are kept");
        std::thread::sleep(Duration::from_millis(20));
    }
    // One of them may go, and the content stays.
    ask(&server, "DELETE", &format!("/files/{first}"), &tus(&anna)).is(204);
    ask(&server, "HEAD", &format!("/files/{first}"), &tus(&anna)).is(404);
    assert_eq!(
        sum(&fs::read(&files(&server)[0]).expect("the file")),
        sum(&all)
    );
    ask(&server, "DELETE", &format!("/files/{second}"), &tus(&boris)).is(204);
    let begun = Instant::now();
    while !files(&server).is_empty() {
        assert!(begun.elapsed() < PATIENCE, "it stays on the disk");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn small_files_stand_in_the_database() {
    let server = Server::start();
    let anna = server.register("anna");
    for length in [0, 1, 256 * 1024] {
        upload(&server, &anna, &content(length, 3));
        assert!(files(&server).is_empty(), "{length}");
    }
    upload(&server, &anna, &content(256 * 1024 + 1, 3));
    assert_eq!(files(&server).len(), 1);
    let parts = fs::read_dir(folder(&server).join("part")).expect("parts");
    assert_eq!(parts.count(), 0);
}

#[test]
fn more_than_was_announced_is_not_taken() {
    let server = Server::start();
    let anna = server.register("anna");
    let path = create(&server, &anna, 10);
    let sent = patch(&server, &anna, &path, 0, &content(100_000, 4)).is(413);
    assert_eq!(sent.header("connection"), Some("close"));
    assert_eq!(offset(&server, &anna, &path), 10);
}

#[test]
fn what_a_broken_connection_brought_is_kept() {
    let server = Server::start();
    let anna = server.register("anna");
    let all = content(2_000_000, 5);
    let path = create(&server, &anna, all.len());
    let mut stood = 0;
    for end in [123_457, 700_000] {
        let begun = Instant::now();
        while stood < end {
            let length = all.len() - stood;
            let headers = format!(
                "{}{PART}Upload-Offset: {stood}\r\nContent-Length: {length}\r\n",
                tus(&anna),
            );
            let mut stream = begin(&server, "PATCH", &path, &headers);
            // The request before may still have the turn when what it brought is told already: then this
            // one is refused, and another follows.
            let sent = stream.write_all(&all[stood..end]);
            drop(stream);
            let waited = Instant::now();
            while sent.is_ok() && stood < end && waited.elapsed() < Duration::from_secs(2) {
                stood = offset(&server, &anna, &path);
            }
            assert!(begun.elapsed() < PATIENCE, "{stood} of {end}");
        }
        assert_eq!(stood, end);
    }
    let begun = Instant::now();
    loop {
        let sent = patch(&server, &anna, &path, stood, &all[stood..]);
        if sent.status == 204 {
            break;
        }
        assert_eq!(sent.status, 423, "{}", sent.head);
        assert!(begun.elapsed() < PATIENCE);
    }
    assert_eq!(
        sum(&fs::read(&files(&server)[0]).expect("the file")),
        sum(&all)
    );
}

#[test]
fn an_upload_is_sent_by_one_at_a_time() {
    let server = Server::start();
    let anna = server.register("anna");
    let headers = format!(
        "{}{PART}Upload-Offset: 0\r\nContent-Length: 100\r\n",
        tus(&anna)
    );
    // Until the first one has begun before the second: both come to the server by themselves.
    let (path, mut first, begun) = until("somebody sends", || {
        let path = create(&server, &anna, 100);
        let mut first = begin(&server, "PATCH", &path, &headers);
        first.write_all(b"0123456789").expect("sent");
        let begun = Instant::now();
        std::thread::sleep(Duration::from_millis(100));
        let second = patch(&server, &anna, &path, 0, b"x");
        (second.status == 423).then_some((path, first, begun))
    });
    // Until it has been silent for ten seconds; then what it brought is kept, and it is told.
    while offset(&server, &anna, &path) != 10 {
        assert!(begun.elapsed() < PATIENCE, "the first one is not ended");
        let second = patch(&server, &anna, &path, 0, b"x");
        assert!(matches!(second.status, 423 | 409), "{}", second.head);
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(
        begun.elapsed() >= Duration::from_secs(9),
        "{:?}",
        begun.elapsed()
    );
    answer(&mut first, false).expect("an answer").is(408);
    patch(&server, &anna, &path, 10, &[b'x'; 90]).is(204);
}

#[test]
fn everybody_has_a_bounded_number() {
    let server = Server::with(&[("files.user_uploads", "1")]);
    let (anna, boris) = (server.register("anna"), server.register("boris"));
    let (one, other) = (create(&server, &anna, 100), create(&server, &anna, 100));
    let headers = format!(
        "{}{PART}Upload-Offset: 0\r\nContent-Length: 100\r\n",
        tus(&anna)
    );
    let begun = Instant::now();
    // Until it has begun, and was not refused for the sake of who looks whether it has.
    let held = loop {
        let held = begin(&server, "PATCH", &one, &headers);
        std::thread::sleep(Duration::from_millis(200));
        if patch(&server, &anna, &one, 50, b"x").status == 423 {
            break held;
        }
        assert!(begun.elapsed() < PATIENCE);
    };
    patch(&server, &anna, &other, 0, b"x").is(429);
    // One that begins with its bytes is made, named, and takes them later: nothing piles up.
    let headers = format!("{}{PART}Upload-Length: 100\r\n", tus(&anna));
    let made = send(&server, "POST", "/files", &headers, &[b'x'; 100]).is(201);
    assert_eq!(made.header("upload-offset"), Some("0"), "{}", made.head);
    let third = made.header("location").expect("a location").to_owned();
    assert_eq!(offset(&server, &anna, &third), 0);
    upload(&server, &boris, b"others do not wait");
    drop(held);
    // And no more than so many that are not finished.
    for _ in 2..20 {
        create(&server, &boris, 5);
    }
    for _ in 0..2 {
        create(&server, &boris, 5);
    }
    let headers = format!("{}Upload-Length: 5\r\n", tus(&boris));
    let more = ask(&server, "POST", "/files", &headers).is(429);
    assert!(more.detail().contains("20 unfinished"), "{}", more.detail());
}

#[test]
fn an_account_has_a_quota() {
    let server = Server::with(&[("files.user_quota", "1MB")]);
    let anna = server.register("anna");
    let first = upload(&server, &anna, &content(600_000, 6));
    let headers = format!("{}Upload-Length: 500000\r\n", tus(&anna));
    let refused = ask(&server, "POST", "/files", &headers).is(413);
    assert!(
        refused.detail().contains("600000 are used"),
        "{}",
        refused.detail()
    );
    assert!(refused.header("tus-max-size").is_some());
    // An unfinished one counts whole.
    let path = create(&server, &anna, 400_000);
    ask(&server, "POST", "/files", &headers).is(413);
    ask(&server, "DELETE", &path, &tus(&anna)).is(204);
    ask(&server, "DELETE", &format!("/files/{first}"), &tus(&anna)).is(204);
    ask(&server, "POST", "/files", &headers).is(201);
}

#[test]
fn the_disk_keeps_a_reserve() {
    let mut server = Server::with(&[("files.reserve", "1048576GB")]);
    let anna = server.register("anna");
    let headers = format!("{}Upload-Length: 5\r\n", tus(&anna));
    let refused = ask(&server, "POST", "/files", &headers).is(413);
    assert!(refused.detail().contains("room"), "{}", refused.detail());
    server.set("files.reserve", "0");
    server.restart();
    let path = create(&server, &anna, 10);
    patch(&server, &anna, &path, 0, b"01234").is(204);
    // Of one that has begun as well.
    server.set("files.reserve", "1048576GB");
    server.restart();
    patch(&server, &anna, &path, 5, b"56789").is(413);
    assert_eq!(offset(&server, &anna, &path), 5);
    // And of one that comes within a message; what people write still fits.
    let mut anna = anna.on(server.connect());
    let group = anna.group("G", &[]);
    let message = json!([{"file_document": "QUFB".repeat(200_000)}]);
    let refused = anna.ask(
        "send_message",
        &json!({"flow": [{"uuid": group}], "message": message}),
    );
    assert_eq!(refused.code(), 503, "{refused}");
    anna.send(&group, "words");
}

#[test]
fn an_upload_expires() {
    let server = Server::with(&[("files.unfinished", "1s")]);
    let anna = server.register("anna");
    let path = create(&server, &anna, 10);
    let whole = upload(&server, &anna, &content(300_000, 7));
    let begun = Instant::now();
    for path in [path, format!("/files/{whole}")] {
        while ask(&server, "HEAD", &path, &tus(&anna)).status != 404 {
            assert!(begun.elapsed() < PATIENCE, "{path}");
            std::thread::sleep(Duration::from_millis(50));
        }
        patch(&server, &anna, &path, 0, b"x").is(404);
    }
}

#[test]
fn an_upload_goes_on_after_a_crash() {
    let mut server = Server::start();
    let anna = server.register("anna");
    let all = content(30_000_000, 8);
    let path = create(&server, &anna, all.len());
    for round in 0..10_usize {
        let stood = offset(&server, &anna, &path);
        let headers = format!(
            "{}{PART}Upload-Offset: {stood}\r\nContent-Length: {}\r\n",
            tus(&anna),
            all.len() - stood
        );
        let mut stream = begin(&server, "PATCH", &path, &headers);
        let some = (500_000 + 777_777 * round).min(all.len() - stood);
        let _ = stream.write_all(&all[stood..stood + some]);
        server.kill();
        server.serve();
        let now = offset(&server, &anna, &path);
        assert!(
            now >= stood,
            "what was acknowledged is lost: {stood}, {now}"
        );
    }
    let stood = offset(&server, &anna, &path);
    patch(&server, &anna, &path, stood, &all[stood..]).is(204);
    assert_eq!(
        sum(&fs::read(&files(&server)[0]).expect("the file")),
        sum(&all)
    );
    server.restart();
    assert_eq!(offset(&server, &anna, &path), all.len());
    server.command(["db", "check"]).run().exits(0);
}
