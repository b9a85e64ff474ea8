//! Sessions: several devices, tokens, and how they end.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    backup::document,
    common::{PASSWORD, Person, Server, connection::End},
};

const NOTHING: Value = Value::Null;

#[test]
fn a_second_device_does_not_end_the_first() {
    let server = Server::start();
    let mut phone = server.register("anna");
    let mut desk = server.sign_in("anna");
    assert_ne!(phone.token, desk.token);
    assert_eq!(phone.id, desk.id);
    phone.ask("ping_pong", &NOTHING).is(200);
    desk.ask("ping_pong", &NOTHING).is(200);
}

#[test]
fn a_token_is_good_on_any_connection_and_after_a_restart() {
    let mut server = Server::start();
    let anna = server.register("anna");
    anna.on(server.connect()).ask("ping_pong", &NOTHING).is(200);
    server.restart();
    anna.on(server.connect()).ask("ping_pong", &NOTHING).is(200);
}

#[test]
fn a_connection_can_carry_several_people() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    for _ in 0..2 {
        anna.ask("ping_pong", &NOTHING).is(200);
        let data = boris.signed(&NOTHING);
        anna.connection.request("ping_pong", &data).is(200);
    }
}

#[test]
fn nobody_gets_in_without_the_right_token() {
    let server = Server::start();
    let anna = server.register("anna");
    let boris = server.register("boris");
    let mut connection = server.connect();
    let zeros = "0".repeat(64);
    for user in [
        json!({}),
        json!({"uuid": anna.id}),
        json!({"auth_id": anna.token}),
        json!({"uuid": anna.id, "auth_id": ""}),
        json!({"uuid": anna.id, "auth_id": null}),
        json!({"uuid": anna.id, "auth_id": zeros}),
        json!({"uuid": anna.id, "auth_id": boris.token}),
        json!({"uuid": boris.id, "auth_id": anna.token}),
        json!({"uuid": "1", "auth_id": anna.token}),
        json!({"uuid": "x", "auth_id": anna.token}),
        json!({"uuid": anna.id, "auth_id": format!("{}0", anna.token)}),
    ] {
        connection
            .request("ping_pong", &json!({"user": [user]}))
            .is(401);
    }
    // The right token is heard after all the wrong ones, and does not stick to the connection.
    connection
        .request("ping_pong", &anna.signed(&NOTHING))
        .is(200);
    connection.request("ping_pong", &NOTHING).is(401);
}

#[test]
fn logging_out_ends_this_session_or_all() {
    let server = Server::start();
    let mut phone = server.register("anna");
    let mut desk = server.sign_in("anna");
    let mut third = server.sign_in("anna");
    let mut boris = server.register("boris");
    phone.ask("logout", &NOTHING).is(200);
    phone.ask("ping_pong", &NOTHING).is(401);
    desk.ask("ping_pong", &NOTHING).is(200);
    desk.ask("logout", &json!({"meta": {"all": true}})).is(200);
    desk.ask("ping_pong", &NOTHING).is(401);
    third.ask("ping_pong", &NOTHING).is(401);
    boris.ask("ping_pong", &NOTHING).is(200);
}

#[test]
fn a_new_password_ends_all_other_sessions() {
    let server = Server::start();
    let mut phone = server.register("anna");
    let mut desk = server.sign_in("anna");
    let change = |old: Value| json!({"user": [{"password": "another"}], "meta": old});
    let refused = phone.ask("edit_user", &change(NOTHING));
    assert!(matches!(refused.code(), 400 | 401), "{refused}");
    phone
        .ask("edit_user", &change(json!({"old_password": "wrong"})))
        .is(401);
    desk.ask("ping_pong", &NOTHING).is(200);
    phone
        .ask("edit_user", &change(json!({"old_password": PASSWORD})))
        .is(200);
    phone.ask("ping_pong", &NOTHING).is(200);
    desk.ask("ping_pong", &NOTHING).is(401);
    let with = |password: &str| json!({"user": [{"login": "anna", "password": password}]});
    desk.connection
        .request("authentication", &with(PASSWORD))
        .is(401);
    desk.connection
        .request("authentication", &with("another"))
        .is(200);
}

#[test]
fn a_subscriber_whose_session_ends_is_closed() {
    let server = Server::start();
    let mut phone = server.register("anna");
    let mut desk = server.sign_in("anna");
    desk.ask("subscribe", &NOTHING).is(200);
    phone.ask("logout", &json!({"meta": {"all": true}})).is(200);
    assert_eq!(desk.connection.closed(), End::Closed(Some(4401)));
}

#[test]
fn expired_token_is_401() {
    let server = Server::with(&[("auth.token_ttl", "2s")]);
    let mut anna = server.register("anna");
    let mut kept = Person::sign_in(server.connect(), "anna");
    let start = std::time::Instant::now();
    // The lifetime is what is tested, so it has to pass; the kept session is used meanwhile, and
    // every use gives it the whole lifetime again.
    while start.elapsed() < Duration::from_secs(5) {
        let before = std::time::Instant::now();
        let reply = kept.ask("ping_pong", &NOTHING);
        if before.elapsed() < Duration::from_millis(500) {
            reply.is(200);
        } else {
            // The machine slept through the lifetime; that says nothing about the server.
            return;
        }
        thread::sleep(Duration::from_millis(200));
    }
    anna.ask("ping_pong", &NOTHING).is(401);
}

#[test]
fn neither_passwords_nor_tokens_are_in_the_file() {
    let mut server = Server::start();
    let anna = server.register("anna");
    server.stop();
    let bytes = server.database_bytes();
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(holds(b"anna"), "the file is read");
    assert!(!holds(PASSWORD.as_bytes()));
    assert!(!holds(anna.token.as_bytes()));
    let raw: Vec<u8> = (0..64)
        .step_by(2)
        .map(|i| u8::from_str_radix(&anna.token[i..i + 2], 16).expect("hex"))
        .collect();
    assert!(!holds(&raw), "nor the token's bytes");
}

#[test]
fn guessing_is_slowed_down() {
    let server = Server::with(&[("auth.login_attempts", "3"), ("auth.login_window", "60s")]);
    server.register("anna");
    let mut connection = server.connect();
    let with = |password: &str| json!({"user": [{"login": "anna", "password": password}]});
    let mut codes = Vec::new();
    for n in 0..6 {
        codes.push(
            connection
                .request("authentication", &with(&format!("guess {n}")))
                .code(),
        );
    }
    assert_eq!(codes[0], 401);
    assert_eq!(codes[5], 429, "{codes:?}");
    let reply = connection
        .request("authentication", &with(PASSWORD))
        .is(429);
    assert!(
        reply.detail().bytes().any(|b| b.is_ascii_digit()),
        "it says how long to wait: {reply}"
    );
}

/// The sessions of somebody, as the operator sees them: their numbers and labels, oldest first.
fn listed(server: &Server, login: &str) -> Vec<(i64, Value)> {
    let list = document(server, ["session", "list", login], 0);
    let sessions = list["sessions"].as_array().expect("sessions");
    let mut sessions: Vec<_> = sessions
        .iter()
        .map(|it| (it["id"].as_i64().expect("a number"), it["label"].clone()))
        .collect();
    sessions.sort_by_key(|(id, _)| *id);
    sessions
}

#[test]
fn one_session_too_many_ends_the_one_that_was_used_longest_ago() {
    let server = Server::with(&[("limits.sessions_per_user", "3")]);
    let mut first = server.register("anna");
    let mut second = server.sign_in("anna");
    let mut third = server.sign_in("anna");
    // Connected ones go last, however long ago they were used.
    first.ask("ping_pong", &NOTHING).is(200);
    third.ask("ping_pong", &NOTHING).is(200);
    let mut fourth = server.sign_in("anna");
    assert_eq!(listed(&server, "anna").len(), 3);
    second.ask("ping_pong", &NOTHING).is(401);
    for person in [&mut first, &mut third, &mut fourth] {
        person.ask("ping_pong", &NOTHING).is(200);
    }
    first.ask("subscribe", &NOTHING).is(200);
    server.sign_in("anna");
    assert_eq!(first.connection.closed(), End::Closed(Some(4401)));
    // Others' sessions are not concerned.
    let mut boris = server.register("boris");
    server.sign_in("anna");
    boris.ask("ping_pong", &NOTHING).is(200);
    assert_eq!(listed(&server, "anna").len(), 3);
}

#[test]
fn a_session_is_called_what_the_device_says_or_what_its_program_is() {
    let server = Server::start();
    let agent = "Mozilla/5.0 (Android 14; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0";
    let sign = |method: &str, label: Value, code: u64| {
        let mut data = json!({"user": [{"login": "anna", "password": PASSWORD}]});
        if !label.is_null() {
            data["meta"] = json!({"label": label});
        }
        server.connect_as(agent).request(method, &data).is(code);
    };
    sign("register_user", json!("Anna's\u{202e} phone\n"), 201);
    sign("authentication", json!("ж".repeat(64)), 200);
    sign("authentication", json!("ж".repeat(65)), 415);
    sign("authentication", json!(7), 415);
    sign("authentication", json!("\u{200b}"), 200);
    sign("authentication", NOTHING, 200);
    let data = json!({"user": [{"login": "anna", "password": PASSWORD}]});
    server.connect().request("auth", &data).is(200);
    let labels: Vec<Value> = listed(&server, "anna").into_iter().map(|it| it.1).collect();
    let browser = json!("Firefox on Android");
    let expected = [
        json!("Anna's phone"),
        json!("ж".repeat(64)),
        browser.clone(),
        browser,
        NOTHING,
    ];
    assert_eq!(labels, expected);
}
