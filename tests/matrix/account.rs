//! Devices, passwords, the end of an account, push rules.

use serde_json::{Value, json};

use super::{Client, call, document, events, people, refused, server};
use crate::common::{PASSWORD, eventually};

/// Does what is done for who shows the password, and returns what is answered.
#[track_caller]
pub(super) fn with_password(client: &Client<'_>, method: &str, path: &str, body: &Value) -> Value {
    let asked = client.call(method, path, body).is(401);
    let asked = document(&asked);
    assert_eq!(asked["flows"], json!([{"stages": ["m.login.password"]}]));
    let show = |password: &str| {
        let mut body = body.clone();
        body["auth"] = json!({
            "type": "m.login.password", "session": asked["session"], "password": password,
            "identifier": {"type": "m.id.user", "user": client.user},
        });
        client.call(method, path, &body)
    };
    let wrong = document(&show("wrong").is(401));
    assert_eq!(wrong["errcode"], "M_FORBIDDEN");
    assert!(wrong["session"].is_string());
    document(&show(PASSWORD).is(200))
}

#[test]
fn devices_of_every_protocol_are_listed_named_and_ended() {
    let server = server();
    let mut old = server.register("anna");
    let [anna, other] = [(); 2].map(|()| Client::sign_in(&server, "anna"));
    let all = anna.get("devices");
    let ids: Vec<_> = all["devices"]
        .as_array()
        .expect("devices")
        .iter()
        .map(|it| it["device_id"].clone())
        .collect();
    assert_eq!(ids.len(), 3, "{all}");
    let mtp = ids[0].as_str().expect("an id").to_owned();
    anna.done(
        "PUT",
        &format!("devices/{}", other.device),
        &json!({"display_name": "Phone"}),
    );
    assert_eq!(
        anna.get(&format!("devices/{}", other.device))["display_name"],
        "Phone"
    );
    refused(
        anna.call("GET", "devices/NONE", &Value::Null),
        404,
        "M_NOT_FOUND",
    );
    with_password(
        &anna,
        "DELETE",
        &format!("devices/{}", other.device),
        &json!({}),
    );
    refused(
        other.call("GET", "devices", &Value::Null),
        401,
        "M_UNKNOWN_TOKEN",
    );
    with_password(&anna, "POST", "delete_devices", &json!({"devices": [mtp]}));
    eventually(
        || old.ask("all_flow", &Value::Null),
        |reply| reply.code() == 401,
    );
    assert_eq!(
        anna.get("devices")["devices"].as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn a_new_password_ends_the_other_devices_unless_they_are_to_stay() {
    let server = server();
    server.register("anna");
    let [anna, other] = [(); 2].map(|()| Client::sign_in(&server, "anna"));
    let new = "another long password";
    with_password(
        &anna,
        "POST",
        "account/password",
        &json!({"new_password": new, "logout_devices": false}),
    );
    other.get("account/whoami");
    let body = json!({"type": "m.login.password", "user": "anna", "password": PASSWORD});
    refused(
        call(&server, None, "POST", "v3/login", &body),
        403,
        "M_FORBIDDEN",
    );
    let body = json!({
        "new_password": PASSWORD,
        "auth": {"type": "m.login.password", "user": "anna", "password": new},
    });
    anna.done("POST", "account/password", &body);
    refused(
        other.call("GET", "account/whoami", &Value::Null),
        401,
        "M_UNKNOWN_TOKEN",
    );
    anna.get("account/whoami");
}

#[test]
fn an_account_ends_and_its_texts_go_if_that_is_wished() {
    let server = server();
    let [anna, boris, carol] = people(&server, ["anna", "boris", "carol"]);
    let room = anna.create(&json!({"name": "G"}));
    for other in [&boris, &carol] {
        anna.done(
            "POST",
            &format!("{room}/invite"),
            &json!({"user_id": other.user}),
        );
        other.done("POST", &format!("{room}/join"), &json!({}));
    }
    boris.say(&room, "stays", "1");
    carol.say(&room, "goes", "1");
    let told = with_password(&boris, "POST", "account/deactivate", &json!({}));
    assert_eq!(told, json!({"id_server_unbind_result": "no-support"}));
    with_password(
        &carol,
        "POST",
        "account/deactivate",
        &json!({"erase": true}),
    );
    refused(
        boris.call("GET", "sync", &Value::Null),
        401,
        "M_UNKNOWN_TOKEN",
    );
    assert_eq!(anna.texts(&room), ["stays"]);
    let members = anna.get(&format!("{room}/joined_members"));
    assert_eq!(
        members["joined"].as_object().map(serde_json::Map::len),
        Some(1)
    );
    // Who said it is known by the same name, which nobody gets again.
    let page = anna.get(&format!("{room}/messages?dir=b&limit=100"));
    let said = events(&page["chunk"]).find(|event| event["content"]["body"] == "stays");
    assert_eq!(said.expect("it stays")["sender"], boris.user);
    let path = "v3/register/available?username=boris";
    let available = call(&server, None, "GET", path, &Value::Null);
    refused(available, 400, "M_USER_IN_USE");
    let body = json!({"type": "m.login.password", "user": "boris", "password": PASSWORD});
    refused(
        call(&server, None, "POST", "v3/login", &body),
        403,
        "M_FORBIDDEN",
    );
    refused(
        anna.call("GET", &format!("profile/{}", boris.user), &Value::Null),
        404,
        "M_NOT_FOUND",
    );
}

#[test]
fn rules_of_ones_own_decide_what_counts() {
    let server = server();
    let [anna, boris] = people(&server, ["anna", "boris"]);
    let room = anna.create(&json!({"name": "G"}));
    anna.done(
        "POST",
        &format!("{room}/invite"),
        &json!({"user_id": boris.user}),
    );
    boris.done("POST", &format!("{room}/join"), &json!({}));
    boris.say(&room, "about cake", "1");
    boris.send(
        &room,
        "m.room.message",
        "2",
        &json!({"msgtype": "m.notice", "body": "a notice"}),
    );
    let meant =
        json!({"msgtype": "m.text", "body": "hey", "m.mentions": {"user_ids": [anna.user]}});
    boris.send(&room, "m.room.message", "3", &meant);
    let counts = || {
        let told = anna.get("sync");
        let rooms = told["rooms"]["join"].as_object().expect("rooms").clone();
        let unread = rooms.values().next().expect("a room")["unread_notifications"].clone();
        (
            unread["notification_count"].clone(),
            unread["highlight_count"].clone(),
        )
    };
    assert_eq!(counts(), (json!(2), json!(1)));
    let since = anna.get("sync")["next_batch"]
        .as_str()
        .expect("a token")
        .to_owned();
    let rule = json!({"pattern": "cake", "actions": ["notify", {"set_tweak": "highlight"}]});
    anna.done("PUT", "pushrules/global/content/cake", &rule);
    let told = anna.get(&format!("sync?since={since}&timeout=20000"));
    let rules = &told["account_data"]["events"][0];
    assert_eq!(
        (
            &rules["type"],
            &rules["content"]["global"]["content"][0]["pattern"]
        ),
        (&json!("m.push_rules"), &json!("cake"))
    );
    assert_eq!(counts(), (json!(2), json!(2)));
    anna.done(
        "PUT",
        "pushrules/global/content/cake/enabled",
        &json!({"enabled": false}),
    );
    assert_eq!(counts(), (json!(2), json!(1)));
    let sender = format!("pushrules/global/sender/{}", boris.user);
    anna.done("PUT", &sender, &json!({"actions": ["dont_notify"]}));
    assert_eq!(
        anna.get(&format!("{sender}/actions")),
        json!({"actions": []})
    );
    assert_eq!(counts(), (json!(1), json!(1)));
    anna.done("DELETE", &sender, &Value::Null);
    anna.done(
        "PUT",
        "pushrules/global/override/.m.rule.master/enabled",
        &json!({"enabled": true}),
    );
    assert_eq!(counts(), (json!(0), json!(0)));
    for (path, body) in [
        ("override/.mine", json!({"conditions": [], "actions": []})),
        ("strange/x", json!({"actions": []})),
        ("room/x?before=.m.rule.message", json!({"actions": []})),
    ] {
        anna.call("PUT", &format!("pushrules/global/{path}"), &body)
            .is(400);
    }
    refused(
        anna.call("DELETE", &sender, &Value::Null),
        404,
        "M_NOT_FOUND",
    );
    refused(
        anna.call("GET", "pushrules/global/room/x", &Value::Null),
        404,
        "M_NOT_FOUND",
    );
}

#[test]
fn rules_are_bounded_and_it_is_said_so() {
    let server = server();
    let [anna] = people(&server, ["anna"]);
    let put = |n: usize| {
        let path = format!("pushrules/global/room/%21{n}");
        anna.call("PUT", &path, &json!({"actions": []}))
    };
    let full = (0..300).map(put).find(|answer| answer.status != 200);
    refused(full.expect("a bound"), 403, "M_FORBIDDEN");
    let rules = anna.get("pushrules/global/");
    let count = |kind: &str| rules[kind].as_array().map_or(0, Vec::len);
    let all: usize = ["override", "content", "room", "sender", "underride"]
        .map(count)
        .iter()
        .sum();
    assert_eq!(all, 200);
}
