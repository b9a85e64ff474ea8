//! A user's own devices, seen and signed out from one another.

use serde_json::{Value, json};

use crate::{
    common::{Person, Reply, Server, connection::End},
    push::subscribe,
};

const NOTHING: Value = Value::Null;

/// Makes a person's session that of a program's token, before the server has seen it used.
pub(crate) fn become_bot(server: &Server, person: &Person) {
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    database
        .execute(
            "UPDATE sessions SET kind = 1 WHERE user_id = (SELECT id FROM users WHERE login = ?1)",
            [&person.login],
        )
        .expect("written");
}

fn rows(reply: &Reply) -> Vec<Value> {
    let rows = reply.data()["meta"]["sessions"].as_array();
    rows.cloned().expect("a list of sessions")
}

#[test]
fn a_device_sees_and_signs_out_the_others() {
    let server = Server::start();
    let mut phone = server.register("anna");
    let mut desk = server.sign_in("anna");
    let boris = server.register("boris");
    subscribe(&mut desk);
    let listed = rows(&phone.ask("list_sessions", &NOTHING).is(200));
    assert_eq!(listed.len(), 2, "one's own alone: {listed:?}");
    assert_eq!(
        (&listed[0]["current"], &listed[1]["current"]),
        (&json!(false), &json!(true)),
        "newest first"
    );
    for row in &listed {
        assert_eq!(row["kind"], json!("device"));
        assert!(row["id"].is_string() && row["created"].is_i64() && row["used"].is_i64());
        assert!(row["address"].is_string(), "{row}");
    }
    let end = json!({"meta": {"id": listed[0]["id"]}});
    phone.ask("end_session", &end).is(200);
    assert_eq!(desk.connection.closed(), End::Closed(Some(4401)));
    desk.connection = server.connect();
    desk.ask("ping_pong", &NOTHING).is(401);
    phone.ask("ping_pong", &NOTHING).is(200);
    assert_eq!(rows(&phone.ask("list_sessions", &NOTHING).is(200)).len(), 1);
    phone.ask("end_session", &end).is(404);

    let own = json!({"meta": {"id": listed[1]["id"]}});
    phone.ask("end_session", &own).is(200);
    phone.ask("ping_pong", &NOTHING).is(401);
    drop(boris);
}

#[test]
fn another_ones_devices_are_for_administrators() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut admin = server.sign_in("admin");
    let of_anna = json!({"meta": {"user": anna.id}});
    boris.ask("list_sessions", &of_anna).is(403);
    let listed = rows(&admin.ask("list_sessions", &of_anna).is(200));
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["current"], json!(false));
    let end = json!({"meta": {"id": listed[0]["id"]}});
    boris.ask("end_session", &end).is(404);
    anna.ask("ping_pong", &NOTHING).is(200);
    admin.ask("end_session", &end).is(200);
    anna.ask("ping_pong", &NOTHING).is(401);
    // Asking for oneself is asking for one's own.
    let own = json!({"meta": {"user": boris.id}});
    assert_eq!(rows(&boris.ask("list_sessions", &own).is(200)).len(), 1);
}

#[test]
fn a_token_of_a_bot_knows_nothing_of_devices() {
    let server = Server::start();
    let mut bot = server.register("robot");
    become_bot(&server, &bot);
    for method in ["list_sessions", "end_session"] {
        let data = json!({"meta": {"id": "1"}});
        let reply = bot.ask_with_meta(method, &data, &json!({"accept": ["rich"]}));
        let reply = reply.is(403);
        assert_eq!(reply.refusal()["key"], json!("not_for_bots"), "{reply}");
    }
    bot.ask("all_flow", &NOTHING).is(404);
}
