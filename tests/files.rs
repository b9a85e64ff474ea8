//! Files over HTTP: who may fetch them, whole and in part.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::{
    common::{Person, Server, http},
    roles::{ask, change},
};

/// An answer: its head in lower case, and its body.
fn get(server: &Server, path: &str, headers: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(server.address()).expect("connected");
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("read");
    let end = answer
        .windows(4)
        .position(|it| it == b"\r\n\r\n")
        .expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    (head, answer[end + 4..].to_vec())
}

fn bearer(person: &Person) -> String {
    format!("Authorization: Bearer {}\r\n", person.token)
}

fn status(answer: &(String, Vec<u8>)) -> &str {
    answer.0.split(' ').nth(1).expect("a status")
}

/// Sends a file and returns its id.
fn send_file(person: &mut Person, flow: &str, key: &str, content: &str) -> String {
    let data = json!({"flow": [{"uuid": flow}], "message": [{key: content}]});
    let sent = ask(person, "send_message", &data).is(200);
    let message = sent.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    let file = &sent.data()["meta"]["about"][&message]["files"][0]["id"];
    file.as_str().expect("an id").to_owned()
}

/// PNG's first bytes and some more, in base64, and as they are.
const PICTURE: (&str, &[u8]) = ("iVBORw0KGgowMTIzNDU2Nzg5", b"\x89PNG\r\n\x1a\n0123456789");

#[test]
fn members_fetch_a_file_and_nobody_else() {
    let server = Server::start();
    let [mut anna, boris, clara] = ["anna", "boris", "clara"].map(|login| server.register(login));
    let group = anna.group("G", &[&boris]);
    let id = send_file(&mut anna, &group, "file_picture", PICTURE.0);
    let path = format!("/file/{id}");
    let found = get(&server, &path, &bearer(&boris));
    assert_eq!(status(&found), "200", "{}", found.0);
    assert_eq!(found.1, PICTURE.1);
    for header in [
        "content-type: image/png",
        "content-length: 18",
        "content-disposition: inline",
        "x-content-type-options: nosniff",
        "content-security-policy: sandbox;",
        "cross-origin-resource-policy: same-origin",
        "accept-ranges: bytes",
        "cache-control: private, max-age=31536000, immutable",
    ] {
        assert!(found.0.contains(header), "{header} in {}", found.0);
    }
    assert!(found.0.contains(&format!("etag: \"{id}\"")), "{}", found.0);
    let saved = get(&server, &format!("{path}?download=1"), &bearer(&boris));
    assert!(
        saved.0.contains("content-disposition: attachment"),
        "{}",
        saved.0
    );

    // Strangers, nobody, what is no id, what is not there: one and the same to who may not know.
    let stranger = get(&server, &path, &bearer(&clara));
    assert_eq!(status(&stranger), "404");
    for other in [
        "0".repeat(32),
        "x".repeat(32),
        id.to_uppercase(),
        "1".into(),
    ] {
        let other = get(&server, &format!("/file/{other}"), &bearer(&clara));
        assert_eq!((status(&other), &other.1), ("404", &stranger.1));
    }
    assert_eq!(status(&get(&server, &path, "")), "401");
    assert_eq!(
        status(&get(&server, &path, "Authorization: Bearer nonsense\r\n")),
        "401"
    );
    // No longer a member; no longer a message.
    change(&mut anna, &group, &json!({"remove": [boris.id]})).is(200);
    assert_eq!(status(&get(&server, &path, &bearer(&boris))), "404");
    let page = anna.page(&group, None).is(200);
    let message = page.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    anna.delete(&message).is(200);
    assert_eq!(status(&get(&server, &path, &bearer(&anna))), "404");
}

#[test]
fn what_could_run_is_never_shown() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    // <svg onload=alert(1)/>
    let id = send_file(
        &mut anna,
        &group,
        "file_picture",
        "PHN2ZyBvbmxvYWQ9YWxlcnQoMSkvPg==",
    );
    let found = get(&server, &format!("/file/{id}"), &bearer(&anna));
    assert!(
        found.0.contains("content-type: application/octet-stream"),
        "{}",
        found.0
    );
    assert!(
        found.0.contains("content-disposition: attachment"),
        "{}",
        found.0
    );
}

#[test]
fn a_part_is_fetched_by_its_range() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let id = send_file(&mut anna, &group, "file_picture", PICTURE.0);
    let path = format!("/file/{id}");
    let all = PICTURE.1;
    let tag = format!("\"{id}\"");
    let cases: [(String, &str, &[u8]); 10] = [
        ("Range: bytes=0-3\r\n".into(), "206", &all[..4]),
        ("Range: bytes=8-\r\n".into(), "206", &all[8..]),
        ("Range: bytes=-5\r\n".into(), "206", &all[13..]),
        ("Range: bytes=0-99999\r\n".into(), "206", all),
        ("Range: bytes=18-\r\n".into(), "416", b""),
        ("Range: bytes=0-1,3-4\r\n".into(), "200", all),
        ("Range: lines=1-2\r\n".into(), "200", all),
        (
            format!("Range: bytes=0-3\r\nIf-Range: {tag}\r\n"),
            "206",
            &all[..4],
        ),
        (
            "Range: bytes=0-3\r\nIf-Range: \"other\"\r\n".into(),
            "200",
            all,
        ),
        (format!("If-None-Match: {tag}\r\n"), "304", b""),
    ];
    for (headers, code, body) in cases {
        let found = get(&server, &path, &format!("{headers}{}", bearer(&anna)));
        assert_eq!((status(&found), &found.1[..]), (code, body), "{headers}");
        match code {
            "206" => assert!(
                found.0.contains("/18\r\n") || found.0.ends_with("/18"),
                "{}",
                found.0
            ),
            "416" => assert!(found.0.contains("content-range: bytes */18"), "{}", found.0),
            _ => {}
        }
    }
}

#[test]
fn a_large_file_comes_whole() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let content: Vec<u8> = (0..3_000_000_u32)
        .flat_map(u32::to_le_bytes)
        .take(3_000_000)
        .collect();
    let data = json!({"flow": [{"uuid": group}], "message": [{"file_document": content}]});
    let sent = ask(&mut anna, "send_message", &data).is(200);
    let message = sent.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    let file: &Value = &sent.data()["meta"]["about"][&message]["files"][0];
    let path = format!("/file/{}", file["id"].as_str().expect("an id"));
    let found = get(&server, &path, &bearer(&anna));
    assert!(found.1 == content, "{} bytes: {}", found.1.len(), found.0);
    let part = get(
        &server,
        &path,
        &format!("Range: bytes=1999990-2000009\r\n{}", bearer(&anna)),
    );
    assert_eq!(part.1, content[1_999_990..2_000_010]);
}

#[test]
fn the_picture_of_a_flow_is_for_its_members() {
    let server = Server::start();
    let [mut anna, boris] = ["anna", "boris"].map(|login| server.register(login));
    let group = anna.group("G", &[]);
    let picture = |anna: &mut Person, content: &str| -> String {
        let meta = json!({"picture": {"content": content}});
        let changed = change(anna, &group, &meta).is(200);
        let id = &changed.data()["meta"]["flows"][&group]["picture"]["id"];
        id.as_str().expect("an id").to_owned()
    };
    let first = picture(&mut anna, PICTURE.0);
    let found = get(&server, &format!("/file/{first}"), &bearer(&anna));
    assert_eq!((status(&found), &found.1[..]), ("200", PICTURE.1));
    assert_eq!(
        status(&get(&server, &format!("/file/{first}"), &bearer(&boris))),
        "404"
    );
    let second = picture(&mut anna, PICTURE.0);
    assert_ne!(first, second, "another id after each change");
    assert_eq!(
        status(&get(&server, &format!("/file/{first}"), &bearer(&anna))),
        "404"
    );
}

#[test]
fn fetching_is_counted_as_any_request_is() {
    let server = Server::with(&[
        ("limits.requests_per_second", "1"),
        ("limits.burst", "3"),
        ("proxy.trusted", "127.0.0.1"),
    ]);
    let at = |person: &Person, address: &str, token: &str| {
        let token = if token.is_empty() {
            &person.token
        } else {
            token
        };
        let headers = format!("Authorization: Bearer {token}\r\nX-Forwarded-For: {address}\r\n");
        get(&server, "/file/00000000000000000000000000000000", &headers)
    };
    let (anna, boris) = (server.register("anna"), server.register("boris"));
    let refused = (0..400)
        .map(|_| at(&anna, "192.0.2.1", ""))
        .find(|answer| status(answer) != "404")
        .expect("there is a limit");
    assert_eq!(status(&refused), "429");
    assert!(refused.0.contains("retry-after: "), "{}", refused.0);
    // An account's own, wherever it is used; and nobody else's.
    assert_eq!(status(&at(&anna, "192.0.2.2", "")), "429");
    assert_eq!(status(&at(&boris, "192.0.2.1", "")), "404");
    // Tokens that are none are counted for their address.
    let guesses = (0..800).map(|_| at(&anna, "198.51.100.1", "none"));
    let codes: std::collections::BTreeSet<String> =
        guesses.map(|answer| status(&answer).to_owned()).collect();
    assert!(codes.contains("429"), "{codes:?}");
    // Whoever shares that address and behaves pays for nobody.
    assert_eq!(status(&at(&boris, "198.51.100.1", "")), "404");
    assert_eq!(status(&at(&boris, "203.0.113.1", "")), "404");
}

#[test]
fn a_range_means_nothing_to_head_and_a_weak_tag_is_good_enough() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let id = send_file(&mut anna, &group, "file_picture", PICTURE.0);
    let path = format!("/file/{id}");
    let headers = format!("{}Range: bytes=0-3\r\n", http::bearer(&anna));
    let head = http::ask(&server, "HEAD", &path, &headers).is(200);
    assert_eq!(head.header("content-length"), Some("18"), "{}", head.head);
    assert_eq!(head.header("content-range"), None, "{}", head.head);
    for known in [
        format!("\"other\", W/\"{id}\""),
        format!("\"{id}\""),
        "*".to_owned(),
    ] {
        let headers = format!("{}If-None-Match: {known}\r\n", http::bearer(&anna));
        let same = http::ask(&server, "GET", &path, &headers).is(304);
        assert_eq!(same.header("etag"), Some(&*format!("\"{id}\"")));
        assert!(same.header("cache-control").is_some(), "{}", same.head);
    }
    // Who has it and may not see it any more is not told so by a tag.
    let stranger = server.register("boris");
    let headers = format!("{}If-None-Match: \"{id}\"\r\n", http::bearer(&stranger));
    http::ask(&server, "GET", &path, &headers).is(404);
}

#[test]
fn text_within_a_message_is_no_picture_whatever_it_begins_with() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let text = "GIF89a, and not in base64: <script>alert(1)</script>";
    let id = send_file(&mut anna, &group, "file_picture", text);
    let found = http::ask(&server, "GET", &format!("/file/{id}"), &bearer(&anna)).is(200);
    assert_eq!(found.body, text.as_bytes());
    assert_eq!(
        found.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(found.header("content-disposition"), Some("attachment"));
    let page = ask(
        &mut anna,
        "all_messages",
        &json!({"flow": [{"uuid": group}]}),
    )
    .is(200);
    let message = page.messages()[0]["uuid"].as_str().expect("an id");
    let told = &page.data()["meta"]["about"][message]["files"][0];
    assert!(told.get("type").is_none(), "{told}");
}
