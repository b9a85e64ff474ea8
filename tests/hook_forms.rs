//! The forms of hooks at their edges: what programs in the field send besides the plain case.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    common::{
        Person, Server,
        http::{self, Answer},
    },
    hooks::{JSON, hook, last, post},
};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const PARTS: &str = "Content-Type: multipart/form-data; boundary=cut\r\n";

/// A house with one group and one hook: the server, who owns the group, the group and the secret.
fn house() -> (Server, Person, String, String) {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let secret = hook(&mut anna, &flow, "Monitor");
    (server, anna, flow, secret)
}

fn document(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// A form in parts: fields, and a file if there is one.
fn parts(fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.into_bytes());
    }
    if let Some((name, bytes)) = file {
        let head = format!(
            "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend(head.into_bytes());
        body.extend(bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--cut--\r\n");
    body
}

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n and more of it\r\n--but no boundary";

#[test]
fn ntfy_at_its_edges() {
    let (server, mut anna, flow, secret) = house();
    // RFC 2047 and plain UTF-8 in headers, and all of it in the address.
    let path = format!("/hook/{secret}");
    let headers = "X-Title: Дверь\r\nX-Priority: 5\r\nX-Tags: no_such_emoji , warning\r\n";
    let answer = document(&post(&server, &path, headers, "open").is(200));
    assert_eq!(
        (&answer["title"], &answer["priority"]),
        (&json!("Дверь"), &json!(5))
    );
    assert_eq!(
        last(&mut anna, &flow).0,
        "⚠️ **Дверь**\nopen\n#no_such_emoji"
    );
    // By a server and a topic: the header in the address as its form wants it, JSON by PUT.
    let login = STANDARD.encode(format!("anybody:{secret}"));
    let auth = URL_SAFE_NO_PAD.encode(format!("Basic {login}"));
    let path_of_topic = format!("/ntfy/door/trigger?auth={auth}&m=rang");
    let answer = document(&http::ask(&server, "GET", &path_of_topic, "").is(200));
    assert_eq!(
        (&answer["topic"], &answer["message"]),
        (&json!("door"), &json!("rang"))
    );
    let bearer = format!("Authorization: Bearer {secret}\r\n");
    let publish =
        br#"{"topic": "a", "message": "*by* JSON", "markdown": true, "tags": "skull,cellar"}"#;
    http::send(&server, "PUT", "/", &bearer, publish).is(200);
    let (text, about) = last(&mut anna, &flow);
    assert_eq!(
        (text.as_str(), &about["format"]),
        ("💀 _by_ JSON\n#cellar", &json!(1))
    );
    // A file by topic, as `curl -T` sends it.
    let named = format!("{bearer}X-Filename: door.png\r\nX-Message: look\r\n");
    http::send(&server, "PUT", "/ntfy/door", &named, PICTURE).is(200);
    let (text, about) = last(&mut anna, &flow);
    assert_eq!(
        (text.as_str(), &about["files"][0]["name"]),
        ("look", &json!("door.png"))
    );
    // What is not offered, and what makes no sense, is said.
    for (headers, body) in [
        ("X-Delay: 30m\r\n", "x"),
        ("X-Email: a@b.c\r\n", "x"),
        ("X-Priority: 6\r\n", "x"),
        ("", r#"{"topic": "a", "message": "m", "delay": "1h"}"#),
        ("", r#"{"topic": "a", "message": "m", "priority": 9}"#),
    ] {
        let refused = post(&server, &path, headers, body).is(400);
        assert!(!refused.detail().is_empty(), "{headers} {body}");
    }
}

/// Some programs, such as Apprise, put everything but the text into headers. JSON goes before them.
#[test]
fn what_stands_beside_json_counts() {
    let (server, mut anna, flow, secret) = house();
    let bearer = format!("Authorization: Bearer {secret}\r\n");
    let beside = format!(
        "{bearer}X-Priority: high\r\nX-Tags: warning,cellar\r\nX-Click: https://a.b\r\nX-Title: T\r\n"
    );
    let publish = r#"{"topic": "a", "message": "m", "title": "U"}"#;
    let answer = document(&post(&server, "/", &beside, publish).is(200));
    assert_eq!(
        (&answer["priority"], &answer["title"]),
        (&json!(4), &json!("U"))
    );
    let (text, _) = last(&mut anna, &flow);
    assert_eq!(text, "⚠️ **U**\nm\nhttps://a.b\n#cellar");
    let beside = format!("{bearer}X-Delay: 1h\r\n");
    post(&server, "/", &beside, publish).is(400);
    // What has the name of a file is one, though it is JSON.
    let path = format!("/hook/{secret}");
    for (name, body) in [
        ("report.json", r#"{"a": 1}"#),
        ("b.json", r#"{"text": "x"}"#),
    ] {
        let headers = format!("{JSON}Filename: {name}\r\n");
        http::send(&server, "PUT", &path, &headers, body.as_bytes()).is(200);
        let (text, about) = last(&mut anna, &flow);
        assert_eq!(
            (text.as_str(), &about["files"][0]["name"]),
            ("", &json!(name))
        );
    }
}

#[test]
fn gotify_at_its_edges() {
    let (server, mut anna, flow, secret) = house();
    let path = format!("/hook/{secret}/message");
    let extras = json!({"message": "see", "priority": 0, "extras": {
        "client::display": {"contentType": "text/markdown"},
        "client::notification": {"click": {"url": "javascript:alert(1)"}}}});
    let answer = document(&post(&server, &path, JSON, extras.to_string()).is(200));
    assert_eq!(
        (&answer["priority"], &answer["title"]),
        (&json!(0), &json!("Monitor"))
    );
    assert_eq!(answer["extras"], extras["extras"]);
    assert_eq!(last(&mut anna, &flow).0, "see");
    // A form in parts, with and without a file.
    let body = parts(&[("message", "in parts"), ("title", "T")], None);
    post(&server, &path, PARTS, body).is(200);
    assert_eq!(last(&mut anna, &flow).0, "**T**\nin parts");
    let body = parts(&[("message", "with a file")], Some(("door.png", PICTURE)));
    post(&server, &path, PARTS, body).is(200);
    let (text, about) = last(&mut anna, &flow);
    assert_eq!(
        (text.as_str(), &about["files"][0]["kind"]),
        ("with a file", &json!("picture"))
    );
    // In the address, as scripts without a body do.
    post(
        &server,
        &format!("{path}?message=by%20address&priority=9"),
        FORM,
        "",
    )
    .is(200);
    assert_eq!(last(&mut anna, &flow).0, "by address");
    // Errors in its words.
    for (path, code) in [
        (path.clone(), 400),
        ("/gotify/message?token=tk_no".to_owned(), 404),
        ("/gotify/message".to_owned(), 401),
    ] {
        let answer = document(&post(&server, &path, JSON, r#"{"title": "only"}"#).is(code));
        assert_eq!(answer["errorCode"], code, "{answer}");
        assert!(answer["errorDescription"].is_string() && answer["error"].is_string());
    }
}

#[test]
fn slack_and_mattermost_at_their_edges() {
    let (server, mut anna, flow, secret) = house();
    let slack = format!("/hook/{secret}/slack");
    let mattermost = format!("/hooks/{secret}");
    // Its `ok` alone is a success to Grafana.
    let taken = |path: &str, headers: &str, body: &[u8]| {
        let answer = post(&server, path, headers, body).is(200);
        assert_eq!(answer.body, b"ok");
    };
    let body = json!({"text": "a &lt;b&gt; &amp; <!channel> <mailto:a@b.c|mail>", "channel": "#x",
        "thread_ts": "1.2", "icon_url": "https://a.b/i.png"});
    taken(&slack, JSON, body.to_string().as_bytes());
    assert_eq!(last(&mut anna, &flow).0, "a <b> & @channel mail (a@b.c)");
    let body = parts(&[("payload", r#"{"text": "*in* parts"}"#)], None);
    taken(&format!("/hook/{secret}"), PARTS, &body);
    assert_eq!(last(&mut anna, &flow).0, "**in** parts");
    // A text is Slack's own where the address says so, though nothing else is with it.
    taken(&slack, JSON, br#"{"text": "*b* ~s~"}"#);
    assert_eq!(last(&mut anna, &flow).0, "**b** ~~s~~");
    let name = format!("Build\u{202e}\n{}", "x".repeat(100));
    let body = json!({"text": "**done**, see [log](https://ci.lan/1)", "username": name});
    taken(&mattermost, JSON, body.to_string().as_bytes());
    let (text, about) = last(&mut anna, &flow);
    assert_eq!(text, "**done**, see log (https://ci.lan/1)");
    let label = about["bot"]["name"].as_str().expect("a name");
    assert!(
        label.starts_with("Build x") && label.chars().count() <= 80,
        "{label:?}"
    );
    // A form, as scripts and Apprise's form:// send it; a text beside curl's usual type stays a text.
    let form = "version=1.0&title=A+%2Atitle%2A&message=a+%26+b&type=info";
    let answer = document(&post(&server, &format!("/hook/{secret}"), FORM, form).is(200));
    assert!(answer["message"].is_string(), "{answer}");
    assert_eq!(last(&mut anna, &flow).0, "**A *title***\na & b");
    post(&server, &format!("/hook/{secret}"), FORM, "a=1&b=2").is(200);
    assert_eq!(last(&mut anna, &flow).0, "a=1&b=2");
    for body in ["{}", r#"{"text": " "}"#, r#"{"blocks": []}"#, "text"] {
        post(&server, &slack, JSON, body).is(400);
    }
}

#[test]
fn grafana_and_alertmanager_at_their_edges() {
    let (server, mut anna, flow, secret) = house();
    let path = format!("/hook/{secret}");
    // As Grafana 11 posts it: a title and a message are beside the alerts.
    let grafana = json!({"receiver": "family", "status": "firing", "orgId": 1, "version": "1",
        "groupKey": "{}:{alertname=\"Damp\"}", "truncatedAlerts": 0, "state": "alerting",
        "title": "[FIRING:1] Damp", "message": "**Firing**\n\nValue: A=71",
        "groupLabels": {"alertname": "Damp"}, "commonLabels": {"alertname": "Damp", "grafana_folder": "Cellar"},
        "alerts": [{"status": "firing", "labels": {"alertname": "Damp", "grafana_folder": "Cellar"},
            "annotations": {"summary": "71 %\nof humidity"}, "startsAt": "2026-11-27T00:00:00Z",
            "generatorURL": "https://grafana.lan/alerting/1", "values": {"A": 71}, "valueString": "[ var='A' ]"}]});
    assert_eq!(
        post(&server, &path, JSON, grafana.to_string()).is(200).body,
        b"{}"
    );
    assert_eq!(
        last(&mut anna, &flow).0,
        "🔥 1 firing: Damp\nCellar: 71 % of humidity https://grafana.lan/alerting/1"
    );
    // The older one without alerts is a title and a message.
    let legacy = json!({"title": "[Alerting] Load", "state": "alerting", "ruleName": "Load",
        "ruleUrl": "https://grafana.lan/d/1", "evalMatches": [], "message": "high"});
    post(&server, &path, JSON, legacy.to_string()).is(200);
    assert_eq!(last(&mut anna, &flow).0, "**[Alerting] Load**\nhigh");
    // Groups that say little, and lists of what is none.
    let forced = format!("{path}/alertmanager");
    for (body, expected) in [
        (json!({"status": "resolved", "alerts": []}), "✅ resolved"),
        (
            json!({"status": "firing", "alerts": [1, null, "x"]}),
            "🔥 3 firing",
        ),
        (
            json!({"alerts": [{"labels": {"alertname": "A", "instance": 7}, "annotations": []}]}),
            "🔥 1 firing: A\nA",
        ),
    ] {
        post(&server, &forced, JSON, body.to_string()).is(200);
        assert_eq!(last(&mut anna, &flow).0, expected, "{body}");
    }
    for body in [r#"{"alerts": {}}"#, r#"{"text": "x"}"#, "[]", "x"] {
        post(&server, &format!("{path}/grafana"), JSON, body).is(400);
    }
}

#[test]
fn what_is_too_long_is_cut_but_ours() {
    let server = Server::with(&[("limits.text", "1001")]);
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let path = format!("/hook/{}", hook(&mut anna, &flow, "Cron"));
    let long = "ж".repeat(600);
    post(&server, &path, "", &long).is(200);
    assert_eq!(last(&mut anna, &flow).0, format!("{}…", "ж".repeat(499)));
    let ours = json!({"text": long}).to_string();
    let refused = post(&server, &path, JSON, ours).is(403);
    assert!(refused.detail().contains("1001"), "{}", refused.detail());
    // It is a file where it has a name.
    let longer = "x".repeat(64 * 1024 + 1);
    post(&server, &path, "Filename: log.txt\r\n", &longer).is(200);
    assert_eq!(last(&mut anna, &flow).1["files"][0]["size"], 64 * 1024 + 1);
}

/// A monitor does not fail at a long log, however long it is.
#[test]
fn no_report_is_too_long_to_be_told() {
    const MOST: usize = 64 * 1024;
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let path = format!("/hook/{}", hook(&mut anna, &flow, "Cron"));
    let (long, text) = ("a b_c\n".repeat(20_000), MOST + 1);
    let quoted = json!(long);
    let parts = parts(&[("title", "T"), ("message", &long)], None);
    let bodies: [(&str, &str, Vec<u8>); 8] = [
        ("", "Title: T\r\nPriority: 4\r\n", long.clone().into()),
        ("", "Markdown: yes\r\n", "ж".repeat(text).into()),
        ("", "", format!("[log]\n{}", long.repeat(20)).into()),
        (
            "",
            JSON,
            format!(r#"{{"title": "T", "message": {quoted}}}"#).into(),
        ),
        (
            "",
            JSON,
            format!(r#"{{"topic": "t", "message": {quoted}}}"#).into(),
        ),
        ("/message", PARTS, parts),
        ("/slack", JSON, format!(r#"{{"text": {quoted}}}"#).into()),
        (
            "",
            JSON,
            format!(r#"{{"alerts": [{{"annotations": {{"summary": {quoted}}}}}]}}"#).into(),
        ),
    ];
    for (form, headers, body) in bodies {
        let answer = post(&server, &format!("{path}{form}"), headers, body);
        assert_eq!(answer.status, 200, "{form} {headers}");
        assert!(answer.body.len() <= 2 * MOST, "{form} {headers}");
        let (text, _) = last(&mut anna, &flow);
        assert!(text.ends_with('…'), "{form} {headers}");
        assert!((MOST - 8..=MOST).contains(&text.len()), "{}", text.len());
    }
    // What says where to read more is kept.
    let headers = "Click: https://ci.lan/17\r\nTags: skull,nightly\r\n";
    post(&server, &path, headers, long.as_bytes()).is(200);
    let (told, _) = last(&mut anna, &flow);
    assert!(told.starts_with("💀 a b_c") && told.len() <= MOST);
    assert!(told.ends_with("…\nhttps://ci.lan/17\n#nightly"));
    let ours = format!(r#"{{"text": {quoted}}}"#);
    post(&server, &path, JSON, ours).is(403);
    let endless = json!({"message": long.repeat(10)}).to_string();
    post(&server, &path, JSON, endless).is(413);
}
