//! Anything at all in: an answer or a close comes out, and the server lives on.

use std::cell::RefCell;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::common::{Connection, Person, Server, connection::envelope};

const METHODS: [&str; 24] = [
    "register_user",
    "authentication",
    "auth",
    "get_update",
    "send_message",
    "all_messages",
    "add_flow",
    "all_flow",
    "user_info",
    "delete_message",
    "edited_message",
    "ping_pong",
    "error",
    "subscribe",
    "edit_user",
    "edit_flow",
    "leave_flow",
    "read_flow",
    "typing",
    "find_message",
    "find_user",
    "invite",
    "delete_user",
    "no_such",
];
const KEYS: [&str; 33] = [
    "time",
    "flow",
    "message",
    "user",
    "meta",
    "uuid",
    "type",
    "title",
    "info",
    "owner",
    "users",
    "message_start",
    "message_end",
    "client_id",
    "text",
    "from_user",
    "from_flow",
    "file_picture",
    "file_video",
    "emoji",
    "edited_time",
    "edited_status",
    "login",
    "password",
    "username",
    "is_bot",
    "auth_id",
    "token_ttl",
    "email",
    "avatar",
    "bio",
    "query",
    "after",
];

/// Any JSON, with the protocol's keys more often than others.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..300i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[0-9]{1,40}".prop_map(Value::from),
        proptest::sample::select(vec![
            "chat", "group", "channel", "\u{0}", "\u{202e}", "*\" OR 1", "%"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        let key = prop_oneof![
            4 => proptest::sample::select(KEYS.to_vec()).prop_map(str::to_owned),
            1 => ".{0,8}",
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..6)
                .prop_map(|pairs| Value::Object(Map::from_iter(pairs))),
        ]
    })
}

/// The data of a request: the caller with a right token, and anything in the usual places.
fn data() -> impl Strategy<Value = Value> {
    let object = |keys: &'static [&'static str]| {
        proptest::collection::vec(
            (
                proptest::sample::select(keys.to_vec()).prop_map(str::to_owned),
                json_value(),
            ),
            0..4,
        )
        .prop_map(|pairs| Value::Object(Map::from_iter(pairs)))
    };
    let list = move |keys| proptest::collection::vec(object(keys), 0..3).prop_map(Value::from);
    (
        list(&["uuid", "type", "title", "info", "owner", "users", "message_start", "message_end"]),
        list(&["uuid", "client_id", "text", "file_picture", "emoji", "edited_status"]),
        list(&["uuid", "login", "password", "username", "email", "avatar", "bio"]),
        json_value(),
        json_value(),
    )
        .prop_map(|(flow, message, user, meta, time)| json!({"flow": flow, "message": message, "user": user, "meta": meta, "time": time}))
}

#[derive(Debug, Clone)]
enum Frame {
    Text(String),
    Binary(Vec<u8>),
    Request {
        method: &'static str,
        data: Value,
        meta: Value,
        flow: bool,
    },
}

fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        1 => ".{0,200}".prop_map(Frame::Text),
        1 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Frame::Binary),
        2 => json_value().prop_map(|value| Frame::Text(value.to_string())),
        6 => (proptest::sample::select(METHODS.to_vec()), data(), json_value(), any::<bool>())
            .prop_map(|(method, data, meta, flow)| Frame::Request { method, data, meta, flow }),
    ]
}

#[test]
fn anything_at_all_is_answered_or_closed() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let witness = RefCell::new(server.register("witness"));
    let connection: RefCell<Connection> = RefCell::new(server.connect());
    let mut runner = TestRunner::new(Config {
        cases: 1500,
        failure_persistence: None,
        ..Config::default()
    });
    let drive = |frame: Frame| {
        let message = match frame {
            Frame::Text(text) => Message::text(text),
            Frame::Binary(bytes) => Message::binary(bytes),
            Frame::Request {
                method,
                data,
                meta,
                flow,
            } => Message::text(request(&anna, &group, method, data, meta, flow)),
        };
        let mut current = connection.borrow_mut();
        current
            .send(message)
            .map_err(|end| TestCaseError::fail(format!("not sent: {end:?}")))?;
        match current.try_answer() {
            Ok(reply) => prop_assert_ne!(reply.code(), 500, "{}", reply),
            Err(end) => {
                prop_assert!(
                    matches!(end, crate::common::connection::End::Closed(Some(_))),
                    "{:?}",
                    end
                );
                *current = server.connect();
            }
        }
        drop(current.pushed_so_far());
        witness.borrow_mut().ask("ping_pong", &Value::Null).is(200);
        Ok(())
    };
    runner
        .run(&frame(), drive)
        .expect("the server answers everything");
}

/// Makes a request of random data that gets past the token, and often to an existing flow.
fn request(
    anna: &Person,
    group: &str,
    method: &str,
    mut data: Value,
    meta: Value,
    flow: bool,
) -> String {
    let signed = !matches!(
        method,
        "register_user" | "authentication" | "auth" | "delete_user"
    );
    if signed {
        data = anna.signed(&data);
    }
    if flow {
        if data["flow"].as_array().is_none_or(Vec::is_empty) {
            data["flow"] = json!([{}]);
        }
        data["flow"][0]["uuid"] = json!(group);
    }
    let mut frame = envelope(method, &data);
    frame["meta"] = meta;
    frame.to_string()
}
