//! A user's own devices, seen and signed out from one another.

use serde_json::{Value, json};

use crate::{
    common::{Person, Reply, Server, connection::End, health::until},
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
fn a_device_that_is_in_use_is_told_of_as_such() {
    const LONG_AGO: i64 = 1_600_000_000;
    let server = Server::start();
    let mut phone = server.register("anna");
    let mut desk = server.sign_in("anna");
    desk.ask("ping_pong", &NOTHING).is(200);
    let mut admin = server.sign_in("admin");
    // What is noted is behind.
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    let aged = "UPDATE sessions SET last_used_at = ?1";
    database.execute(aged, [LONG_AGO * 1000]).expect("written");
    let aged = "UPDATE users SET seen_at = ?1";
    database.execute(aged, [LONG_AGO * 1000]).expect("written");
    let listed = rows(&phone.ask("list_sessions", &NOTHING).is(200));
    assert_eq!(listed.len(), 2);
    for row in &listed {
        assert_eq!(row["online"], json!(true), "{row}");
        assert_ne!(row["used"], json!(LONG_AGO), "{row}");
    }
    let of_anna = json!({"meta": {"user": phone.id}});
    let seen = |admin: &mut Person| {
        let users = admin.ask("list_users", &json!({"meta": {"query": "anna"}}));
        users.is(200).data()["meta"]["users"][0]["seen"].clone()
    };
    assert_ne!(seen(&mut admin), json!(LONG_AGO));
    drop(desk);
    until("the desk is gone", || {
        let listed = rows(&phone.ask("list_sessions", &NOTHING).is(200));
        (listed[0]["online"] == json!(false)).then_some(())
    });
    let listed = rows(&admin.ask("list_sessions", &of_anna).is(200));
    assert_eq!(
        (
            &listed[0]["used"],
            &listed[0]["online"],
            &listed[1]["online"]
        ),
        (&json!(LONG_AGO), &json!(false), &json!(true))
    );
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

/// Makes a code for another device.
#[track_caller]
fn link(person: &mut Person) -> Value {
    let made = person.ask("link_device", &NOTHING).is(200);
    let meta = &made.data()["meta"];
    assert!(meta["expires"].is_i64(), "{made}");
    assert!(meta["code"].as_str().is_some_and(|code| code.len() >= 43));
    json!({"meta": {"code": meta["code"]}})
}

#[test]
fn a_code_signs_another_device_in_and_the_first_is_told() {
    let server = Server::start();
    let mut desk = server.register("anna");
    let rich = json!({"accept": ["rich"]});
    let mut listening = desk.on(server.connect());
    listening
        .ask_with_meta("subscribe", &NOTHING, &rich)
        .is(200);
    let mut plain = desk.on(server.connect());
    subscribe(&mut plain);
    let mut code = link(&mut desk);
    code["meta"]["label"] = json!("Anna's telephone");
    let mut phone = server.connect();
    let opened = phone.request("use_link", &code).is(200);
    let user = &opened.users()[0];
    assert_eq!(user["uuid"], json!(desk.id));
    assert_ne!(user["auth_id"], json!(desk.token));
    let caller = json!({"user": [{"uuid": user["uuid"], "auth_id": user["auth_id"]}]});
    phone.request("ping_pong", &caller).is(200);
    let told = listening.connection.pushed();
    let told = &told.data()["meta"]["sessions"][0];
    assert_eq!(
        (&told["label"], &told["current"]),
        (&json!("Anna's telephone"), &json!(false))
    );
    plain.ask("ping_pong", &NOTHING).is(200);
    assert!(plain.connection.pushed_so_far().is_empty());
    // Once.
    phone.request("use_link", &code).is(404);
}

#[test]
fn a_code_ends_with_what_it_came_from() {
    let mut server = Server::start();
    let mut desk = server.register("anna");
    let mut stranger = server.connect();
    let (old, new) = (link(&mut desk), link(&mut desk));
    stranger.request("use_link", &old).is(404);
    stranger.request("use_link", &new).is(200);
    let code = link(&mut desk);
    let mut other = server.sign_in("anna");
    other.ask("logout", &json!({"meta": {"all": true}})).is(200);
    stranger.request("use_link", &code).is(404);
    let mut desk = server.sign_in("anna");
    let code = link(&mut desk);
    server.command(["user", "suspend", "anna"]).run().exits(0);
    stranger.request("use_link", &code).is(404);
    server.command(["user", "resume", "anna"]).run().exits(0);
    let mut desk = server.sign_in("anna");
    let code = link(&mut desk);
    server.restart();
    server.connect().request("use_link", &code).is(404);
    let mut bot = server.register("robot");
    become_bot(&server, &bot);
    bot.ask("link_device", &NOTHING).is(403);
}
