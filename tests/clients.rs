//! The clients in the field: their requests, as they send them, get the codes that they expect.
//!
//! `data/client_requests.jsonl` holds one request a line with placeholders for tokens and ids.

use std::fs;

use serde_json::{Value, json};

use crate::common::{Person, Server};

const ANNA: &str = "127550998383336191946395753550227061257";
const FLOW: &str = "168910761566182507258626287045622475638";
const MESSAGE: &str = "233292071608621466799527886532318746391";

fn requests() -> Vec<Value> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/client_requests.jsonl"
    );
    let text = fs::read_to_string(path).expect("the requests");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn the_requests_of_existing_clients_are_answered_as_they_expect() {
    for request in requests() {
        let server = Server::start();
        let mut connection = server.connect();
        let method = request["request"]["type"].as_str().expect("a method");
        let mut frame = request["request"].to_string();
        if method != "register_user" {
            // Everything that the request names exists.
            let user = json!({"user": [{"login": "anna", "password": "secret"}]});
            connection.request("register_user", &user).is(201);
            let reply = connection.request("authentication", &user).is(200);
            let text = |key: &str| reply.users()[0][key].as_str().expect("text").to_owned();
            let mut anna = Person {
                login: "anna".to_owned(),
                id: text("uuid"),
                token: text("auth_id"),
                connection,
            };
            let flow = anna.group("Family", &[]);
            let message = anna.send(&flow, "Hello");
            frame = frame
                .replace(ANNA, &anna.id)
                .replace(FLOW, &flow)
                .replace(MESSAGE, &message)
                .replace("<auth_id>", &anna.token);
            connection = anna.connection;
        }
        let reply = connection.ask_text(frame.clone());
        assert_eq!(
            json!(reply.code()),
            request["expect"],
            "{}\n{frame}\n{reply}",
            request["client"]
        );
        if reply.code() < 300 {
            assert_eq!(reply.method(), method, "the answer has the request's type");
        }
        assert!(
            reply.meta().is_null(),
            "Electron validates that meta is null"
        );
    }
}

#[test]
fn who_never_subscribes_gets_only_answers() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    for n in 0..20 {
        anna.send(&group, &n.to_string());
        // Flutter takes the next frame as the answer to its request.
        let data = boris.signed(&Value::Null);
        let frame = crate::common::connection::envelope("ping_pong", &data).to_string();
        boris.connection.send_text(frame).expect("sent");
        let next = boris.connection.frame().expect("a frame");
        assert_eq!(next.method(), "ping_pong", "{next}");
        assert!(!next.is_push());
    }
}
