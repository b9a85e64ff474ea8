//! The envelope: what is read liberally, what is refused how, and in which order things are checked.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::common::{
    Server,
    connection::{End, envelope},
};

#[test]
fn answers_come_in_the_order_of_the_requests() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    for n in 0..200 {
        let data = match n % 4 {
            0 => anna.signed(
                &json!({"flow": [{"uuid": group}], "message": [{"client_id": n, "text": "x"}]}),
            ),
            1 => anna.signed(&json!({"flow": [{"uuid": group}]})),
            2 => json!({"user": [{"login": "anna", "password": "wrong"}]}),
            _ => anna.signed(&Value::Null),
        };
        let method = [
            "send_message",
            "all_messages",
            if n < 20 {
                "authentication"
            } else {
                "ping_pong"
            },
            "no_such",
        ][n % 4];
        let frame = envelope(method, &data).to_string();
        anna.connection.send_text(frame).expect("sent");
    }
    for n in 0..200 {
        let reply = anna.connection.answer();
        let method = [
            "send_message",
            "all_messages",
            if n < 20 {
                "authentication"
            } else {
                "ping_pong"
            },
            "error",
        ][n % 4];
        assert_eq!(reply.method(), method, "answer {n}: {reply}");
        if n % 4 == 0 {
            assert_eq!(reply.is(200).messages()[0]["client_id"], n);
        }
    }
}

#[test]
fn the_keys_come_in_their_order() {
    let server = Server::start();
    let mut connection = server.connect();
    for frame in [
        "nonsense".to_owned(),
        envelope("ping_pong", &Value::Null).to_string(),
    ] {
        connection.send_text(frame).expect("sent");
        let text = connection.text().expect("an answer");
        let places: Vec<_> = [
            "\"type\"",
            "\"data\"",
            "\"errors\"",
            "\"jsonapi\"",
            "\"meta\"",
        ]
        .map(|key| {
            text.find(key)
                .unwrap_or_else(|| panic!("no {key} in {text}"))
        })
        .into();
        assert!(places.is_sorted(), "{text}");
    }
}

#[test]
fn the_meta_of_an_answer_is_null() {
    let server = Server::start();
    let mut anna = server.register("anna");
    for meta in [
        json!(null),
        json!({}),
        json!("x"),
        json!({"txn": "1"}),
        json!([1]),
        json!({"push": true}),
    ] {
        let mut frame = envelope("ping_pong", &anna.signed(&Value::Null));
        frame["meta"] = meta;
        let reply = anna.connection.ask(&frame).is(200);
        assert!(reply.meta().is_null(), "{reply}");
    }
}

#[test]
fn a_binary_frame_is_read_as_text() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let frame = envelope("ping_pong", &anna.signed(&Value::Null)).to_string();
    anna.connection
        .send(Message::binary(frame.into_bytes()))
        .expect("sent");
    anna.connection.answer().is(200);
    anna.connection
        .send(Message::binary(vec![0xff, 0xfe]))
        .expect("sent");
    anna.connection.answer().is(415);
}

#[test]
fn a_bad_frame_is_415_and_the_connection_stays() {
    let server = Server::start();
    let mut connection = server.connect();
    let deep = "[".repeat(100_000);
    for frame in [
        "",
        " ",
        "x",
        "null",
        "[]",
        "\"\"",
        "5",
        "{}",
        "{",
        "{\"type\":\"ping_pong\"}",
        &deep,
        r#"{"type":null,"jsonapi":{"version":"1.0"}}"#,
        r#"{"type":"ping_pong","jsonapi":{"version":1.0}}"#,
        r#"{"type":"ping_pong","jsonapi":"1.0"}"#,
        r#"["ping_pong",null,{"version":"1.0"},null]"#,
        r#"{"type":"ping_pong","data":[],"jsonapi":{"version":"1.0"}}"#,
        r#"{"type":"ping_pong","data":{"flow":[["1"]]},"jsonapi":{"version":"1.0"}}"#,
        r#"{"type":"ping_pong","data":null,"jsonapi":["1.0"]}"#,
        r#"{"type":"ping_pong","data":5,"jsonapi":{"version":"1.0"}}"#,
        "{\"type\":\"ping_pong\",\"jsonapi\":{\"version\":\"1.0\"}} trailing",
        r#"{"type":"\ud800","jsonapi":{"version":"1.0"}}"#,
    ] {
        let reply = connection.ask_text(frame);
        let shown: String = frame.chars().take(60).collect();
        assert_eq!(reply.code(), 415, "{shown}: {reply}");
        assert_eq!(reply.method(), "error", "{shown}");
        // A good frame in between, so that the bad ones are never twenty in a row.
        connection.request("ping_pong", &Value::Null).is(401);
    }
    // What nobody looks at may be as deep as it likes.
    let (open, close) = ("[".repeat(500), "]".repeat(500));
    let deep =
        format!(r#"{{"type":"ping_pong","jsonapi":{{"version":"1.0"}},"meta":{open}{close}}}"#);
    assert!(matches!(connection.ask_text(deep).code(), 401 | 415));
}

#[test]
fn twenty_bad_frames_in_a_row_end_the_connection() {
    let server = Server::start();
    let mut connection = server.connect();
    for _ in 0..19 {
        connection.ask_text("x").is(415);
    }
    connection.request("ping_pong", &Value::Null).is(401);
    for _ in 0..20 {
        connection.ask_text("x").is(415);
    }
    assert_eq!(connection.closed(), End::Closed(Some(1008)));
}

#[test]
fn wrong_types_are_named_by_their_path() {
    let server = Server::start();
    let mut anna = server.register("anna");
    for (data, path) in [
        (json!({"flow": [{"uuid": true}]}), "data.flow[0].uuid"),
        (json!({"flow": [{}, {"uuid": [1]}]}), "data.flow[1].uuid"),
        (json!({"flow": {"uuid": "1"}}), "data.flow"),
        (json!({"flow": [5]}), "data.flow[0]"),
        (json!({"message": [{"text": 5}]}), "data.message[0].text"),
        (
            json!({"message": [{"client_id": "one"}]}),
            "data.message[0].client_id",
        ),
        (
            json!({"message": [{"file_picture": [0, 256]}]}),
            "data.message[0].file_picture",
        ),
        (
            json!({"message": [{"file_picture": {"a": 1}}]}),
            "data.message[0].file_picture",
        ),
        (
            json!({"message": [{"edited_status": "yes"}]}),
            "data.message[0].edited_status",
        ),
        (json!({"time": "soon"}), "data.time"),
        (json!({"time": 1.5}), "data.time"),
        (json!({"user": [{"is_bot": 1}]}), "data.user[0].is_bot"),
        (json!({"user": [{"login": ["a"]}]}), "data.user[0].login"),
        (
            json!({"flow": [{"users": ["1", null, {}]}]}),
            "data.flow[0].users",
        ),
        (
            json!({"flow": [{"message_start": "a"}]}),
            "data.flow[0].message_start",
        ),
    ] {
        let reply = anna.connection.request("send_message", &data).is(415);
        assert!(reply.detail().contains(path), "{path}: {reply}");
        assert_eq!(reply.method(), "error");
        anna.ask("ping_pong", &Value::Null).is(200);
    }
}

#[test]
fn ids_are_text_or_numbers_of_any_length() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let frame = format!(
        r#"{{"type":"send_message","data":{{"time":"5","user":[{{"uuid":{},"auth_id":"{}"}}],"flow":[{{"uuid":{group}}}],"message":[{{"client_id":"77","text":"x","future":{{"a":[1]}}}}],"more":1}},"jsonapi":{{"version":"1.0","x":[]}},"other":{{}}}}"#,
        anna.id, anna.token
    );
    let reply = anna.connection.ask_text(frame).is(200);
    assert_eq!(reply.messages()[0]["client_id"], 77);
    let all_nines = "9".repeat(39);
    let frame = format!(
        r#"{{"type":"all_messages","data":{{"user":[{{"uuid":"{}","auth_id":"{}"}}],"flow":[{{"uuid":{all_nines}}}]}},"jsonapi":{{"version":"1.0"}}}}"#,
        anna.id, anna.token
    );
    let reply = anna.connection.ask_text(frame);
    assert!(
        matches!(reply.code(), 404 | 415),
        "more than 128 bits are nobody's id: {reply}"
    );
}

#[test]
fn null_is_absent() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let data = anna.signed(&json!({
        "time": null, "meta": null, "message": null,
        "flow": [{"uuid": null, "time": null, "type": "group", "title": null, "info": null, "owner": null, "users": null, "message_start": null, "message_end": null}],
    }));
    let reply = anna.connection.request("add_flow", &data).is(200);
    assert_eq!(reply.flows()[0]["users"], json!([anna.id]));
}

#[test]
fn versions_compare_as_numbers() {
    let server = Server::start();
    let mut connection = server.connect();
    let mut code = |version: &str| {
        let mut frame = envelope("ping_pong", &Value::Null);
        frame["jsonapi"] = json!({"version": version});
        connection.ask(&frame).code()
    };
    for version in ["1.0", "1.9", "1.5"] {
        assert_eq!(code(version), 401, "{version}");
    }
    for version in ["1.10", "0.9", "2.0", "10.0", "1.100"] {
        assert_eq!(code(version), 505, "{version}");
    }
    let server = Server::with(&[("api.min_version", "1.2"), ("api.max_version", "1.12")]);
    let mut connection = server.connect();
    let mut code = |version: &str| {
        let mut frame = envelope("ping_pong", &Value::Null);
        frame["jsonapi"] = json!({"version": version});
        connection.ask(&frame).code()
    };
    assert_eq!(
        (code("1.1"), code("1.2"), code("1.12"), code("1.13")),
        (505, 401, 401, 505)
    );
}

#[test]
fn checks_come_in_their_order() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let channel = anna.add_flow("channel", "News", &[&boris]);
    let own = anna.group("Hers", &[]);
    let frame = |method: &str, version: &str, data: Value| json!({"type": method, "data": data, "jsonapi": {"version": version}});
    let wrong = json!({"uuid": anna.id, "auth_id": "wrong"});
    let text = json!([{"client_id": 1, "text": "x"}]);
    let mut code = |frame: Value| boris.connection.ask(&frame).code();
    assert_eq!(
        code(frame("no_such", "9.0", json!({"time": []}))),
        415,
        "validation before version"
    );
    assert_eq!(
        code(frame("no_such", "9.0", Value::Null)),
        505,
        "version before method"
    );
    assert_eq!(
        code(frame("no_such", "1.0", json!({"user": [wrong]}))),
        405,
        "method before token"
    );
    assert_eq!(
        code(frame("send_message", "1.0", json!({"user": [wrong]}))),
        400,
        "fields before token"
    );
    let data = json!({"user": [wrong], "flow": [{"uuid": "1"}], "message": text});
    assert_eq!(
        code(frame("send_message", "1.0", data)),
        401,
        "token before existence"
    );
    boris.try_send("1", "x").is(404);
    boris.try_send(&own, "x").is(404);
    boris.try_send(&channel, "x").is(403);
}

#[test]
fn an_unknown_method_is_405_of_type_error() {
    let server = Server::start();
    let mut connection = server.connect();
    for method in [
        "",
        "error",
        "Ping_pong",
        "ping_pong ",
        "\u{0}",
        "auth\u{e9}",
        &"x".repeat(100_000),
    ] {
        let reply = connection.request(method, &Value::Null).is(405);
        assert_eq!(reply.method(), "error");
        assert!(reply.detail().len() < 1000, "an echo is short");
    }
}

#[test]
fn no_detail_speaks_of_the_inside() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let folder = server.folder().display().to_string();
    let mut details = Vec::new();
    for method in [
        "send_message",
        "all_messages",
        "add_flow",
        "user_info",
        "edited_message",
        "nonsense",
        "get_update",
    ] {
        for data in [
            json!({}),
            json!({"flow": 5}),
            json!({"flow": [{"uuid": "1"}], "message": [{"uuid": "1", "text": "x"}]}),
        ] {
            details.push(anna.ask(method, &data).detail().to_owned());
        }
    }
    details.push(anna.connection.ask_text("{\"type\": }").detail().to_owned());
    for detail in details {
        for inside in [
            "Some(",
            "Err(",
            "SELECT",
            "sqlite",
            "rusqlite",
            "Error {",
            "src/",
            "panicked",
            folder.as_str(),
            anna.token.as_str(),
        ] {
            assert!(!detail.contains(inside), "{inside:?} in {detail:?}");
        }
    }
}
