//! Posts that are repeated with their key: each form gets the answer of the first one, and nothing is
//! written.

use serde_json::{Value, json};

use crate::{
    common::{Person, Server},
    hooks::{JSON, hook, last, post},
};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const PARTS: &str = "Content-Type: multipart/form-data; boundary=cut\r\n";
const KEY: &str = "Idempotency-Key: key-1\r\n";
const SEQUENCE: &str = "X-Sequence-ID: key-1\r\n";

fn house() -> (Server, Person, String) {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    (server, anna, flow)
}

/// A part of a form.
fn part(name: &str, value: &str) -> String {
    format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

/// Posts twice with one key by a hook of its own, first what is named, then the other.
#[track_caller]
fn repeat(
    house: &mut (Server, Person, String),
    (form, headers): (&str, &str),
    bodies: [&str; 2],
) -> Vec<u8> {
    let (server, anna, flow) = house;
    let secret = hook(anna, flow, "Monitor");
    let path = if let Some(rest) = form.strip_prefix('!') {
        rest.to_owned()
    } else {
        format!("/hook/{secret}{form}")
    };
    let bearer = if form.starts_with('!') {
        format!("Authorization: Bearer {secret}\r\n{headers}")
    } else {
        headers.to_owned()
    };
    let before = anna.texts(flow).len();
    let first = post(server, &path, &bearer, bodies[0]).is(200);
    let (text, _) = last(anna, flow);
    let second = post(server, &path, &bearer, bodies[1]).is(200);
    let (one, two) = (first.body.clone(), second.body);
    assert_eq!(
        String::from_utf8_lossy(&one),
        String::from_utf8_lossy(&two),
        "{form} {headers}"
    );
    assert_eq!(anna.texts(flow).len(), before + 1, "{form} {headers}");
    assert_eq!(last(anna, flow).0, text, "{form} {headers}");
    first.body
}

#[test]
fn ntfy_gets_the_first_answer() {
    let mut house = house();
    let texts = ["done", "done again"];
    for headers in [KEY, SEQUENCE, "X-Idempotency-Key: key-1\r\n"] {
        let headers = format!("{headers}Title: Backup\r\nTags: warning,cellar\r\nPriority: 4\r\n");
        let answer = repeat(&mut house, ("", &headers), texts);
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert_eq!(answer["message"], "done");
        assert_eq!(
            (&answer["title"], &answer["tags"], &answer["priority"]),
            (&json!("Backup"), &json!(["warning", "cellar"]), &json!(4))
        );
    }
    repeat(&mut house, ("/ntfy/alerts", KEY), texts);
    repeat(&mut house, ("!/ntfy/alerts", SEQUENCE), texts);
    let published = [
        r#"{"topic": "a", "title": "T", "message": "one", "tags": ["skull"], "priority": 1}"#,
        r#"{"topic": "b", "title": "U", "message": "two", "tags": ["door"], "priority": 5}"#,
    ];
    for form in ["", "/ntfy", "!/", "!/ntfy"] {
        let answer = repeat(&mut house, (form, KEY), published);
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert_eq!(
            (&answer["topic"], &answer["message"], &answer["priority"]),
            (&json!("a"), &json!("one"), &json!(1))
        );
    }
    let own = [
        r#"{"topic": "a", "message": "one", "sequence_id": "s"}"#,
        r#"{"topic": "a", "message": "two", "sequence_id": "s"}"#,
    ];
    repeat(&mut house, ("", ""), own);
    // A file with a message, which is not stored twice.
    let headers = format!("{KEY}Filename: log.txt\r\n");
    repeat(&mut house, ("", &headers), ["one", "two"]);
}

#[test]
fn gotify_gets_the_first_answer() {
    let mut house = house();
    let json_of = |text: &str, priority: i64| {
        json!({"title": text, "message": text, "priority": priority, "extras": {"of": {"the": text}}})
            .to_string()
    };
    let (one, two) = (json_of("one", 5), json_of("two", 8));
    let headers = format!("{KEY}{JSON}");
    for form in ["/message", "!/gotify/message"] {
        let answer = repeat(&mut house, (form, &headers), [&one, &two]);
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert_eq!(
            (&answer["message"], &answer["title"], &answer["priority"]),
            (&json!("one"), &json!("one"), &json!(5))
        );
        assert_eq!(answer["extras"], json!({"of": {"the": "one"}}));
    }
    let headers = format!("{KEY}{FORM}");
    repeat(
        &mut house,
        ("/message", &headers),
        ["message=one", "message=two&title=T"],
    );
    let parts = |text: &str| part("message", text) + "--cut--\r\n";
    let headers = format!("{KEY}{PARTS}");
    repeat(
        &mut house,
        ("/message", &headers),
        [&parts("one"), &parts("two")],
    );
}

#[test]
fn the_other_forms_get_the_first_answer() {
    let mut house = house();
    let headers = format!("{KEY}{JSON}");
    for (form, one, two) in [
        // A title and a message.
        (
            "",
            r#"{"title": "T", "message": "one"}"#,
            r#"{"message": "two"}"#,
        ),
        // Slack and Mattermost.
        (
            "",
            r#"{"text": "one", "username": "a"}"#,
            r#"{"text": "two", "username": "b"}"#,
        ),
        ("/slack", r#"{"text": "one"}"#, r#"{"text": "two"}"#),
        // Alertmanager and Grafana.
        (
            "",
            r#"{"version": "4", "status": "firing", "alerts": [{"labels": {"alertname": "A"}}]}"#,
            r#"{"version": "4", "status": "firing", "alerts": [{"labels": {"alertname": "B"}}]}"#,
        ),
        (
            "/grafana",
            r#"{"version": "1", "groupKey": "g", "alerts": [{"labels": {"alertname": "A"}}]}"#,
            r#"{"version": "1", "groupKey": "g", "alerts": [{"status": "resolved"}]}"#,
        ),
        // Ours.
        ("", r#"{"text": "one"}"#, r#"{"text": "two"}"#),
    ] {
        repeat(&mut house, (form, &headers), [one, two]);
    }
    let own = [
        r#"{"text": "one", "txn": "t"}"#,
        r#"{"text": "two", "txn": "t"}"#,
    ];
    repeat(&mut house, ("", JSON), own);
    let written = ["message=one&title=T", "message=two"];
    repeat(&mut house, ("", &format!("{KEY}{FORM}")), written);
    let payload = [
        "payload=%7B%22text%22%3A%22a%22%7D",
        "payload=%7B%22text%22%3A%22b%22%7D",
    ];
    let headers = format!("{KEY}{FORM}");
    repeat(&mut house, ("", &headers), payload);
}

#[test]
fn the_first_answer_outlives_a_restart_and_ends_with_the_message() {
    let (mut server, mut anna, flow) = house();
    let path = format!("/hook/{}", hook(&mut anna, &flow, "Cron"));
    let words = "not to be found later";
    let first = post(&server, &path, KEY, words).is(200).body;
    server.restart();
    assert_eq!(post(&server, &path, KEY, "other").is(200).body, first);
    let first: Value = serde_json::from_slice(&first).expect("JSON");
    let id = first["id"].as_str().expect("an id").to_owned();
    let mut anna = server.sign_in("anna");
    anna.delete(&id).is(200);
    let again = post(&server, &path, KEY, "other").is(200).body;
    let again: Value = serde_json::from_slice(&again).expect("JSON");
    assert_eq!(
        (&again["id"], &again["message"]),
        (&first["id"], &json!("other"))
    );
    let kept = |server: &Server| {
        let bytes = server.database_bytes();
        bytes.windows(words.len()).any(|it| it == words.as_bytes())
    };
    let kept = crate::common::eventually(|| kept(&server), |kept| !kept);
    assert!(!kept, "the text of a deleted message is stored");
}
