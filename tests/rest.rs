//! What scripts do over HTTP: `/api/v1`, its codes and its document.

use std::{
    io::{BufRead, BufReader},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    bots::bot,
    common::{
        Person, Server,
        http::{self, Answer},
    },
};

#[track_caller]
fn call(server: &Server, person: &Person, method: &str, path: &str, body: &Value) -> Answer {
    let headers = format!("{}Content-Type: application/json\r\n", http::bearer(person));
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    http::send(
        server,
        method,
        &format!("/api/v1{path}"),
        &headers,
        body.as_bytes(),
    )
}

#[track_caller]
fn get(server: &Server, person: &Person, path: &str) -> Value {
    document(&call(server, person, "GET", path, &Value::Null).is(200))
}

#[track_caller]
fn document(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

#[test]
fn a_script_does_what_a_person_can() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let anna = server.register("anna");
    let helper = bot(&server, &mut admin, "helper", &["read", "write", "manage"]);
    assert_eq!(get(&server, &helper, "/me")["login"], "helper");
    let group = json!({"type": "group", "title": "Family", "users": [anna.id]});
    let flow = document(&call(&server, &helper, "POST", "/flows", &group).is(200));
    let id = flow["id"].as_str().expect("an id").to_owned();
    let flows = get(&server, &helper, "/flows");
    assert_eq!(flows["flows"][0]["title"], "Family");
    call(
        &server,
        &helper,
        "PATCH",
        &format!("/flows/{id}"),
        &json!({"title": "All"}),
    )
    .is(200);
    assert_eq!(
        get(&server, &helper, &format!("/flows/{id}"))["title"],
        "All"
    );
    let users = json!({"users": [admin.id]});
    let members = format!("/flows/{id}/members");
    let with = document(&call(&server, &helper, "POST", &members, &users).is(200));
    assert_eq!(with["member_count"], 3);
    call(&server, &helper, "DELETE", &members, &users).is(200);

    let messages = format!("/flows/{id}/messages");
    for number in 0..5 {
        call(
            &server,
            &anna,
            "POST",
            &messages,
            &json!({"text": format!("text {number}")}),
        )
        .is(200);
    }
    let numbers = |path: &str| -> Vec<i64> {
        let page = get(&server, &helper, path);
        let list = page["messages"].as_array().expect("messages").clone();
        list.iter().filter_map(|it| it["number"].as_i64()).collect()
    };
    assert_eq!(numbers(&format!("{messages}?limit=2")), [3, 4]);
    assert_eq!(numbers(&format!("{messages}?before=3&limit=2")), [1, 2]);
    assert_eq!(numbers(&format!("{messages}?after=3")), [4]);
    assert_eq!(numbers(&format!("{messages}?before=0")), [0_i64; 0]);
    let headers = format!("{}Idempotency-Key: once\r\n", http::bearer(&helper));
    let path = format!("/api/v1{messages}");
    let send =
        || document(&http::send(&server, "POST", &path, &headers, b"{\"text\": \"*a*\"}").is(200));
    let (one, other) = (send(), send());
    assert_eq!(one["id"], other["id"]);
    let message = format!("/messages/{}", one["id"].as_str().expect("an id"));
    call(&server, &helper, "PATCH", &message, &json!({"text": "b"})).is(200);
    let for_anna = |method: &str, path: &str| {
        call(&server, &anna, method, path, &Value::Null).is(200);
    };
    let (thumb, pin) = (
        format!("{message}/reactions/%F0%9F%91%8D"),
        format!("{message}/pin"),
    );
    for_anna("PUT", &thumb);
    let last = get(&server, &helper, &format!("{messages}?limit=1"))["messages"][0].clone();
    assert_eq!(
        (&last["text"], &last["reactions"]["👍"]),
        (&json!("b"), &json!(1))
    );
    for_anna("DELETE", &thumb);
    for_anna("PUT", &pin);
    for_anna("DELETE", &pin);
    assert_eq!(
        get(&server, &helper, "/search?q=text")["messages"]
            .as_array()
            .map(Vec::len),
        Some(5)
    );
    assert_eq!(
        get(&server, &helper, "/users?q=ann")["users"][0]["login"],
        "anna"
    );
    call(&server, &helper, "DELETE", &message, &Value::Null).is(200);
}

#[test]
fn files_are_shown_as_what_they_are() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    let flow = anna.group("Family", &[&boris]);
    let picture = [&[0x89, b'P', b'N', b'G', 13, 10, 26, 10][..], &[7; 90]].concat();
    let sound = [b"ID3\x03\0\0\0\0\0\0".as_slice(), &[0; 90]].concat();
    let files: Vec<String> = [&*picture, &*sound, b"a line of text"]
        .iter()
        .map(|bytes| http::upload(&server, &anna, bytes))
        .collect();
    let messages = format!("/flows/{flow}/messages");
    let body = json!({"text": "three", "files": files});
    let sent = document(&call(&server, &anna, "POST", &messages, &body).is(200));
    let kinds: Vec<&str> = sent["files"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| it["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["picture", "audio", "document"], "{sent}");
    // Nobody shows the uploads of somebody else, and no message has more than fit.
    let other = http::upload(&server, &boris, b"not hers");
    for (files, code) in [(vec![other], 404), (vec!["00".repeat(16); 40], 403)] {
        let refused = call(&server, &anna, "POST", &messages, &json!({"files": files}));
        assert_eq!(refused.status, code, "{:?}", refused.detail());
    }
}

#[test]
fn the_administration_answers_near_or_over_tls_only() {
    let server = Server::with(&[("api.admin", "true"), ("proxy.trusted", "127.0.0.1")]);
    let admin = server.sign_in("admin");
    let from = |address: &str, method: &str, path: &str| {
        let headers = format!("{}X-Forwarded-For: {address}\r\n", http::bearer(&admin));
        http::ask(&server, method, &format!("/api/v1/admin/{path}"), &headers)
    };
    let before = ["192.0.2.7", "10.0.0.7", "2001:db8::7"];
    for address in before {
        for (method, path) in [
            ("GET", "users"),
            ("POST", "users"),
            ("GET", "invites"),
            ("POST", "invites"),
            ("POST", "backup"),
            ("GET", "status"),
        ] {
            let refused = from(address, method, path).is(403);
            assert!(refused.detail().contains("TLS"), "{}", refused.detail());
        }
    }
    // What is claimed of TLS changes nothing, and the other routes are there for everybody.
    let claim = format!(
        "{}X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n",
        http::bearer(&admin)
    );
    http::ask(&server, "GET", "/api/v1/admin/status", &claim).is(403);
    from("127.0.0.1", "GET", "status").is(200);
    let me = format!("{}X-Forwarded-For: 192.0.2.7\r\n", http::bearer(&admin));
    http::ask(&server, "GET", "/api/v1/me", &me).is(200);
}

#[test]
fn codes_are_those_of_the_protocol() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let mut anna = server.register("anna");
    let reader = bot(&server, &mut admin, "reader", &["read"]);
    let flow = anna.group("Family", &[&reader]);
    let messages = format!("/flows/{flow}/messages");
    let text = json!({"text": "x"});
    let refused = call(&server, &reader, "POST", &messages, &text).is(403);
    let error = document(&refused)["error"].clone();
    assert_eq!(
        (&error["code"], &error["status"]),
        (&json!(403), &json!("Forbidden"))
    );
    call(&server, &reader, "PUT", "/messages/7/pin", &Value::Null).is(403);
    call(&server, &admin, "POST", &messages, &text).is(404);
    call(&server, &anna, "GET", "/flows/what", &Value::Null).is(404);
    call(&server, &anna, "POST", &messages, &json!({"text": 7})).is(400);
    call(&server, &anna, "POST", &messages, &json!({"text": ""})).is(400);
    call(&server, &anna, "POST", "/flows", &json!({"type": "crowd"})).is(400);
    call(&server, &anna, "GET", "/nothing", &Value::Null).is(404);
    call(&server, &anna, "PUT", "/me", &Value::Null).is(405);
    http::ask(&server, "GET", "/api/v1/me", "").is(401);
    http::ask(
        &server,
        "GET",
        "/api/v1/me",
        "Authorization: Bearer mb_no\r\n",
    )
    .is(401);
    let document = document(&http::ask(&server, "GET", "/api/v1/openapi.json", "").is(200));
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/flows/{id}/messages"]["post"].is_object());
}

#[test]
fn updates_are_held_back_until_something_happens() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    let flow = anna.group("Family", &[&boris]);
    let now = get(&server, &boris, "/updates")["position"]
        .as_i64()
        .expect("a position");
    let nothing = get(&server, &boris, &format!("/updates?after={now}"));
    assert_eq!(nothing["messages"], json!([]));
    thread::scope(|scope| {
        let waiting =
            scope.spawn(|| get(&server, &boris, &format!("/updates?after={now}&wait=30")));
        thread::sleep(Duration::from_millis(300));
        anna.send(&flow, "hello");
        let told = waiting.join().expect("an answer");
        assert_eq!(told["messages"][0]["text"], "hello", "{told}");
        assert!(told["position"].as_i64() > Some(now));
    });
    // As a stream of events it goes on.
    let headers = format!("{}Accept: text/event-stream\r\n", http::bearer(&boris));
    let stream = http::begin(
        &server,
        "GET",
        &format!("/api/v1/updates?after={now}"),
        &headers,
    );
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let mut data = || {
        lines
            .find(|line| line.starts_with("data: "))
            .expect("an event")
    };
    assert!(data().contains("hello"));
    anna.send(&flow, "again");
    let again = data();
    assert!(again.contains("again"));
    // One that broke off goes on where it was, though it asks at the same address.
    let told: Value = serde_json::from_str(again.trim_start_matches("data: ")).expect("JSON");
    let headers = format!("{headers}Last-Event-ID: {}\r\n", told["position"]);
    anna.send(&flow, "third");
    let path = format!("/api/v1/updates?after={now}");
    let stream = http::begin(&server, "GET", &path, &headers);
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.find(|line| line.starts_with("data: "));
    let first = first.expect("an event");
    assert!(
        first.contains("third") && !first.contains("again"),
        "{first}"
    );
}

#[test]
fn administration_is_there_where_the_operator_says_so() {
    let server = Server::with(&[("api.admin", "true")]);
    let mut admin = server.sign_in("admin");
    let anna = server.register("anna");
    let helper = bot(&server, &mut admin, "helper", &["read", "write", "manage"]);
    let get = |person: &Person, path: &str| http::ask(&server, "GET", path, &http::bearer(person));
    let users = get(&admin, "/api/v1/admin/users?q=anna").is(200);
    let users: Value = serde_json::from_slice(&users.body).expect("JSON");
    assert_eq!(users["users"][0]["login"], "anna");
    let status = get(&admin, "/api/v1/admin/status").is(200);
    let status: Value = serde_json::from_slice(&status.body).expect("JSON");
    assert!(status["users"].as_i64() >= Some(2), "{status}");
    for path in ["users", "invites", "status"] {
        for other in [&anna, &helper] {
            get(other, &format!("/api/v1/admin/{path}")).is(403);
        }
    }
    let headers = format!("{}Content-Type: application/json\r\n", http::bearer(&admin));
    let post = |path: &str, body: &[u8]| http::send(&server, "POST", path, &headers, body);
    let made = post(
        "/api/v1/admin/invites",
        br#"{"uses": 2, "note": "cousins"}"#,
    )
    .is(200);
    let made: Value = serde_json::from_slice(&made.body).expect("JSON");
    assert!(made["code"].is_string(), "{made}");
    let invites = get(&admin, "/api/v1/admin/invites").is(200);
    let invites: Value = serde_json::from_slice(&invites.body).expect("JSON");
    assert_eq!(
        (
            &invites["invites"][0]["note"],
            &invites["invites"][0]["uses"]
        ),
        (&json!("cousins"), &json!(2))
    );
    let dora = br#"{"login": "dora", "password": "of some length", "username": "Dora"}"#;
    let made = post("/api/v1/admin/users", dora).is(200);
    let made: Value = serde_json::from_slice(&made.body).expect("JSON");
    assert_eq!(made["username"], "Dora");
    post("/api/v1/admin/users", dora).is(409);
    post("/api/v1/admin/users", br#"{"login": "nobody"}"#).is(400);
    let sign_in = json!({"user": [{"login": "dora", "password": "of some length"}]});
    assert_eq!(
        server.connect().request("authentication", &sign_in).code(),
        200
    );
    // Whether a login is taken is not told to others.
    let headers = format!("{}Content-Type: application/json\r\n", http::bearer(&anna));
    http::send(&server, "POST", "/api/v1/admin/users", &headers, dora).is(403);
    post("/api/v1/admin/backup", b"{}").is(200);

    // Off, there is nothing.
    let plain = Server::start();
    let admin = plain.sign_in("admin");
    http::ask(&plain, "GET", "/api/v1/admin/status", &http::bearer(&admin)).is(404);
}

#[test]
fn web_pages_of_listed_origins_may_use_it() {
    let server = Server::with(&[
        ("api.admin", "true"),
        ("api.origins", "https://board.example.org"),
    ]);
    let admin = server.sign_in("admin");
    let from = |origin: &str, path: &str| {
        let headers = format!("{}Origin: {origin}\r\n", http::bearer(&admin));
        http::ask(&server, "GET", path, &headers)
    };
    let listed = "https://board.example.org";
    let answer = from(listed, "/api/v1/flows").is(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(listed));
    from("https://other.example.org", "/api/v1/flows").is(403);
    // Administrators' routes are for no foreign page.
    from(listed, "/api/v1/admin/status").is(403);
    let asked = format!("Origin: {listed}\r\nAccess-Control-Request-Method: POST\r\n");
    let flow = "/api/v1/flows/1/messages";
    let allowed = http::ask(&server, "OPTIONS", flow, &asked).is(204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some(listed));
    let headers = allowed
        .header("access-control-allow-headers")
        .expect("some");
    for needed in ["authorization", "content-type", "idempotency-key"] {
        assert!(headers.to_lowercase().contains(needed), "{headers}");
    }
}
