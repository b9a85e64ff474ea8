//! Files that come by incoming hooks, several at once, in the forms that programs have for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::{
    common::{Person, Server, http},
    hooks::{JSON, hook, last, post},
};

const PARTS: &str = "Content-Type: multipart/form-data; boundary=cut\r\n";

fn house() -> (Server, Person, String, String) {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let path = format!("/hook/{}", hook(&mut anna, &flow, "Camera"));
    (server, anna, flow, path)
}

/// A form in parts: a message, and files.
fn form(message: &str, files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut body =
        format!("--cut\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\n{message}\r\n")
            .into_bytes();
    for (n, (name, bytes)) in files.iter().enumerate() {
        let head = format!(
            "--cut\r\nContent-Disposition: form-data; name=\"file{n}\"; filename=\"{name}\"\r\n\r\n"
        );
        body.extend(head.into_bytes());
        body.extend(bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--cut--\r\n");
    body
}

fn some(count: usize) -> Vec<(String, Vec<u8>)> {
    let one = |n: usize| (format!("{n}.txt"), format!("file {n}").into_bytes());
    (0..count).map(one).collect()
}

/// What a program sends that has files in its JSON.
fn in_json(files: &[(String, Vec<u8>)]) -> Value {
    let one = |(name, bytes): &(String, Vec<u8>)| {
        let base64 = STANDARD.encode(bytes);
        json!({"filename": name, "base64": base64, "mimetype": "text/plain"})
    };
    let files: Vec<Value> = files.iter().map(one).collect();
    json!({"version": "1.0", "title": "T", "message": "look", "attachments": files, "type": "info"})
}

/// The names of the files of the last message.
fn names(person: &mut Person, flow: &str) -> Vec<String> {
    let (_, about) = last(person, flow);
    let files = about["files"].as_array().cloned().unwrap_or_default();
    let name = |file: &Value| file["name"].as_str().unwrap_or_default().to_owned();
    files.iter().map(name).collect()
}

#[test]
fn all_files_of_a_form_are_in_its_message() {
    let (server, mut anna, flow, path) = house();
    post(&server, &path, PARTS, form("three", &some(3))).is(200);
    assert_eq!(last(&mut anna, &flow).0, "three");
    assert_eq!(names(&mut anna, &flow), ["0.txt", "1.txt", "2.txt"]);
    let (_, about) = last(&mut anna, &flow);
    let file = format!("/file/{}", about["files"][2]["id"].as_str().expect("an id"));
    let fetched = http::ask(&server, "GET", &file, &http::bearer(&anna)).is(200);
    assert_eq!(fetched.body, b"file 2");
    // Gotify's form in parts too, at its address.
    let path = format!("{path}/message");
    post(&server, &path, PARTS, form("two", &some(2))).is(200);
    assert_eq!(names(&mut anna, &flow), ["0.txt", "1.txt"]);
}

#[test]
fn a_message_has_as_many_files_as_it_may() {
    let (server, mut anna, flow, path) = house();
    let refused = post(&server, &path, PARTS, form("x", &some(21))).is(403);
    assert!(
        refused.detail().contains("20 files"),
        "{}",
        refused.detail()
    );
    assert_eq!(anna.texts(&flow).len(), 0);
    post(&server, &path, PARTS, form("x", &some(20))).is(200);
    assert_eq!(names(&mut anna, &flow).len(), 20);
    // Those were the files of a minute.
    let refused = post(&server, &path, PARTS, form("x", &some(1))).is(429);
    assert!(refused.header("retry-after").is_some());
    let refused = post(&server, &path, PARTS, form("x", &some(200))).is(400);
    assert!(refused.detail().contains("parts"), "{}", refused.detail());
}

#[test]
fn files_in_json_are_files() {
    let (server, mut anna, flow, path) = house();
    post(&server, &path, JSON, in_json(&some(2)).to_string()).is(200);
    assert_eq!(last(&mut anna, &flow).0, "**T**\nlook");
    assert_eq!(names(&mut anna, &flow), ["0.txt", "1.txt"]);
    // Longer than any text may be, and than JSON that is read whole.
    let large = [("large.bin".to_owned(), http::content(2 << 20, 1))];
    let mut sent = in_json(&large);
    sent["message"] = "".into();
    sent["title"] = "".into();
    post(&server, &path, JSON, sent.to_string()).is(200);
    assert_eq!(names(&mut anna, &flow), ["large.bin"]);
    let (_, about) = last(&mut anna, &flow);
    assert_eq!(about["files"][0]["size"], 2 << 20);
}

#[test]
fn what_is_no_file_in_json_is_refused() {
    let (server, mut anna, flow, path) = house();
    for (base64, code, words) in [
        (json!("?"), 400, "attachments[0].base64"),
        (json!(7), 400, "attachments[0].base64"),
        (json!(""), 400, "attachments[0].base64"),
    ] {
        let sent = json!({"message": "m", "attachments": [{"filename": "a", "base64": base64}]});
        let refused = post(&server, &path, JSON, sent.to_string()).is(code);
        assert!(refused.detail().contains(words), "{}", refused.detail());
    }
    let refused = post(&server, &path, JSON, in_json(&some(21)).to_string()).is(403);
    assert!(
        refused.detail().contains("20 files"),
        "{}",
        refused.detail()
    );
    // A long text is no file because it stands in JSON.
    let long = json!({"message": "x".repeat(2 << 20)}).to_string();
    post(&server, &path, JSON, long).is(413);
    assert_eq!(anna.texts(&flow).len(), 0);
    // What Slack calls attachments is none.
    let sent = json!({"message": "m", "attachments": [{"text": "t"}]}).to_string();
    post(&server, &path, JSON, sent).is(200);
    assert!(names(&mut anna, &flow).is_empty());
}

#[test]
fn a_title_and_a_message_say_how_loud_they_are_as_ntfy_does() {
    let (server, mut anna, flow, path) = house();
    for priority in [
        json!(1),
        json!("urgent"),
        json!(9),
        json!("loudly"),
        json!([]),
    ] {
        let sent = json!({"message": "m", "priority": priority}).to_string();
        post(&server, &path, JSON, sent).is(200);
    }
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    let mut statement = database
        .prepare("SELECT extra ->> 'push' FROM messages ORDER BY id")
        .expect("SQL");
    let rows = statement.query_map([], |row| row.get::<_, Option<i64>>(0));
    let loud: Vec<_> = rows.expect("rows").map(|row| row.expect("a row")).collect();
    assert_eq!(loud, [Some(0), Some(2), Some(2), None, None]);
    assert_eq!(anna.texts(&flow).len(), 5);
}
