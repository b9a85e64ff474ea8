//! Making accounts, and profiles.

use serde_json::{Value, json};

use super::{Client, call, document, refused, server};
use crate::common::{PASSWORD, Server};

#[test]
fn an_account_is_made_in_two_steps() {
    let server = server();
    let register = |body: &Value| call(&server, None, "POST", "v3/register", body);
    let wanted = json!({"username": "dora", "password": PASSWORD, "device_id": "D"});
    let first = document(&register(&wanted).is(401));
    assert_eq!(first["flows"], json!([{"stages": ["m.login.dummy"]}]));
    let session = first["session"].as_str().expect("a session");
    let mut again = wanted.clone();
    again["auth"] = json!({"type": "m.login.other", "session": session});
    let wrong = document(&register(&again).is(401));
    assert_eq!(
        (&wrong["errcode"], &wrong["flows"]),
        (&json!("M_FORBIDDEN"), &first["flows"])
    );
    again["auth"] = json!({"type": "m.login.dummy", "session": session});
    let made = document(&register(&again).is(200));
    assert_eq!(
        (&made["user_id"], &made["device_id"]),
        (&json!("@dora:example.org"), &json!("D"))
    );
    let token = made["access_token"].as_str();
    call(&server, token, "GET", "v3/account/whoami", &Value::Null).is(200);
    refused(register(&wanted), 400, "M_USER_IN_USE");
    for name in ["Dora", "дора", "a b"] {
        refused(
            register(&json!({"username": name})),
            400,
            "M_INVALID_USERNAME",
        );
    }
    let guest = call(&server, None, "POST", "v3/register?kind=guest", &json!({}));
    refused(guest, 403, "M_GUEST_ACCESS_FORBIDDEN");
    let ask = |name: &str| {
        let path = format!("v3/register/available?username={name}");
        call(&server, None, "GET", &path, &Value::Null)
    };
    assert_eq!(document(&ask("emil").is(200)), json!({"available": true}));
    refused(ask("dora"), 400, "M_USER_IN_USE");
    refused(ask("Emil"), 400, "M_INVALID_USERNAME");
    let unseen = json!({
        "password": PASSWORD, "inhibit_login": true, "auth": {"type": "m.login.dummy"},
    });
    let unseen = document(&register(&unseen).is(200));
    assert!(
        unseen["access_token"].is_null() && unseen["user_id"].is_string(),
        "{unseen}"
    );
}

#[test]
fn where_nobody_or_only_the_invited_register() {
    let keys = [
        ("matrix.enabled", "on"),
        ("matrix.server_name", "example.org"),
    ];
    let mut closed = Server::initialised("closed", &keys);
    closed.serve();
    let body = json!({"username": "x", "password": PASSWORD});
    refused(
        call(&closed, None, "POST", "v3/register", &body),
        403,
        "M_FORBIDDEN",
    );
    let mut invited = Server::initialised("invite", &keys);
    invited.serve();
    let first = document(&call(&invited, None, "POST", "v3/register", &body).is(401));
    assert_eq!(
        first["flows"],
        json!([{"stages": ["m.login.registration_token"]}])
    );
    let path = "v1/register/m.login.registration_token/validity?token=none";
    let valid = document(&call(&invited, None, "GET", path, &Value::Null).is(200));
    assert_eq!(valid, json!({"valid": false}));
    let mut with = body.clone();
    with["auth"] = json!({
        "type": "m.login.registration_token", "token": "none", "session": first["session"],
    });
    let wrong = document(&call(&invited, None, "POST", "v3/register", &with).is(401));
    assert_eq!(wrong["errcode"], "M_FORBIDDEN");
}

#[test]
fn names_that_others_read_are_changed_by_their_owners() {
    let server = server();
    let (mut other, _) = (server.register("anna"), server.register("boris"));
    other.group("G", &[]);
    let (anna, boris) = (
        Client::sign_in(&server, "anna"),
        Client::sign_in(&server, "boris"),
    );
    let path = format!("profile/{}/displayname", anna.user);
    let name = json!({"displayname": "Anna K."});
    refused(boris.call("PUT", &path, &name), 403, "M_FORBIDDEN");
    anna.done("PUT", &path, &name);
    assert_eq!(boris.get(&format!("profile/{}", anna.user)), name);
    assert_eq!(boris.get(&path), name);
    let rooms = anna.get("joined_rooms");
    let room = super::address(rooms["joined_rooms"][0].as_str().expect("a room"));
    let member = anna.get(&format!("{room}/state/m.room.member/{}", anna.user));
    assert_eq!(member["displayname"], "Anna K.");
    refused(
        anna.call("GET", "profile/@nobody:example.org", &Value::Null),
        404,
        "M_NOT_FOUND",
    );
    refused(
        call(
            &server,
            None,
            "GET",
            &format!("v3/profile/{}", anna.user),
            &Value::Null,
        ),
        401,
        "M_MISSING_TOKEN",
    );
}
