//! What people are to each other: pictures, privacy, blocking, being asked, being seen.

use serde_json::{Value, json};

use crate::{
    common::{Person, Reply, Server},
    push::{subscribe, told},
};

const NOTHING: Value = Value::Null;

/// A picture that is one by its first bytes, in base64.
const PNG: &str = "iVBORw0KGgoAAAAA";

/// Sends a request that accepts `rich`.
#[track_caller]
fn rich(person: &mut Person, method: &str, data: &Value) -> Reply {
    person.ask_with_meta(method, data, &json!({"accept": ["rich"]}))
}

#[test]
fn avatars_are_named_beside_users_and_by_another_id_after_each_change() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    rich(&mut boris, "subscribe", &NOTHING).is(200);
    let mut plain = boris.on(server.connect());
    subscribe(&mut plain);
    let (a, b) = (anna.id.clone(), boris.id.clone());
    let both = json!({"user": [{}, {"uuid": a}, {"uuid": b}]});
    let reply = rich(&mut anna, "user_info", &both).is(200);
    assert_eq!(reply.data()["meta"]["avatars"], json!({&a: null, &b: null}));

    let mut ids = Vec::new();
    for avatar in [PNG, PNG, "bm8gcGljdHVyZQ=="] {
        let change = json!({"user": [{"avatar": avatar}]});
        let reply = rich(&mut anna, "edit_user", &change).is(200);
        let file = &reply.data()["meta"]["avatars"][&a];
        assert_eq!(file["kind"], "picture", "{reply}");
        let is_png = avatar == PNG;
        assert_eq!(file["size"], if is_png { 12 } else { 10 }, "{reply}");
        assert_eq!(file["type"].as_str(), is_png.then_some("image/png"));
        let id = file["id"].as_str().expect("an id").to_owned();
        assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()));
        let push = told(&mut boris);
        assert_eq!(push.data()["meta"]["avatars"], json!({&a: file}), "{push}");
        assert!(push.users()[0].get("avatar").is_none(), "{push}");
        assert_eq!(told(&mut plain).users()[0]["avatar"], json!(avatar));
        assert!(!ids.contains(&id), "another id: {id}");
        ids.push(id);
    }
    let last = ids.last().expect("three");
    for (method, data) in [
        ("find_user", json!({"meta": {"query": "anna"}})),
        ("get_update", json!({"meta": {"after": null}})),
        ("get_update", json!({"time": 0})),
    ] {
        let reply = rich(&mut boris, method, &data).is(200);
        assert_eq!(reply.data()["meta"]["avatars"][&a]["id"], json!(last));
        assert!(
            reply
                .users()
                .iter()
                .all(|user| user.get("avatar").is_none())
        );
        let reply = boris.ask(method, &data).is(200);
        assert!(reply.data()["meta"]["avatars"].is_null(), "{reply}");
        let of_anna = reply.users().iter().find(|user| user["uuid"] == json!(a));
        assert_eq!(of_anna.expect("anna")["avatar"], "bm8gcGljdHVyZQ==");
    }
    let reply = rich(&mut anna, "edit_user", &json!({"user": [{"avatar": ""}]})).is(200);
    assert_eq!(reply.data()["meta"]["avatars"], json!({&a: null}));
}

/// The `data.meta.me` of what is pushed next.
#[track_caller]
fn told_me(person: &mut Person) -> Value {
    let push = told(person);
    let me = push.data()["meta"]["me"].clone();
    assert!(me.is_object(), "{push}");
    me
}

#[test]
fn ones_own_switches_are_told_to_ones_own_devices_that_accept_more() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let mut device = anna.on(server.connect());
    let mut plain = anna.on(server.connect());
    let reply = rich(&mut device, "subscribe", &NOTHING).is(200);
    let mut me = json!({
        "admin": false, "can": [], "ask_first": false, "share_seen": true, "share_read": true,
        "push_content": "names", "quota": 0, "used": 0,
    });
    assert_eq!(reply.data()["meta"]["me"], me);
    let start = subscribe(&mut plain);
    rich(&mut boris, "subscribe", &NOTHING).is(200);
    for (key, value) in [
        ("ask_first", json!(true)),
        ("share_seen", json!(false)),
        ("share_read", json!(false)),
        ("push_content", json!("full")),
        ("push_content", json!("none")),
        ("share_seen", json!(true)),
    ] {
        let change = json!({"meta": {key: value}});
        me[key] = value;
        let reply = rich(&mut anna, "edit_user", &change).is(200);
        assert_eq!(reply.data()["meta"]["me"], me, "{reply}");
        assert_eq!(told_me(&mut device), me);
        // The same again changes nothing.
        anna.ask("edit_user", &change).is(200);
    }
    server
        .command(["user", "set", "anna", "--admin", "on"])
        .run()
        .exits(0);
    me["admin"] = json!(true);
    me["can"] = json!(["invite"]);
    // What the operator changes is told with the profile.
    assert_eq!(told_me(&mut device), me);

    // Others, and devices that accept nothing more, hear of the message alone.
    anna.send(&group, "x");
    for other in [&mut boris, &mut plain] {
        let mut push = told(other);
        if !push.users().is_empty() {
            push = told(other);
        }
        assert_eq!(push.texts(), ["x"], "{push}");
    }
    let mut later = anna.on(server.connect());
    let after = json!({"meta": {"after": start}});
    rich(&mut later, "subscribe", &after).is(200);
    assert_eq!(told_me(&mut later), me, "once, as it is now");
    let reply = anna.ask("get_update", &after).is(200);
    assert!(reply.data()["meta"]["me"].is_null(), "{reply}");
}

#[test]
fn what_one_has_attached_is_counted() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let used = |anna: &mut Person| {
        let reply = rich(anna, "subscribe", &NOTHING).is(200);
        reply.data()["meta"]["me"]["used"].clone()
    };
    let file = json!({"flow": [{"uuid": group}], "message": [{"file_picture": PNG, "file_document": "aGVsbG8="}]});
    let id = anna.ask("send_message", &file).is(200).messages()[0]["uuid"].clone();
    assert_eq!(used(&mut anna), json!(17));
    // The same content counts again.
    let again = anna.ask("send_message", &file).is(200).messages()[0]["uuid"].clone();
    assert_eq!(used(&mut anna), json!(34));
    let edit = json!({"message": [{"uuid": again, "text": "x", "file_picture": "", "file_document": "aGVsbG8gaGVsbG8="}]});
    anna.ask("edited_message", &edit).is(200);
    assert_eq!(used(&mut anna), json!(17 + 11));
    for id in [id, again] {
        anna.ask("delete_message", &json!({"message": [{"uuid": id}]}))
            .is(200);
    }
    assert_eq!(used(&mut anna), json!(0));
}
