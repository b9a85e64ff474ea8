//! What people are to each other: pictures, privacy, blocking, being asked, being seen.

use serde_json::{Value, json};

use crate::{
    common::{PASSWORD, Person, Reply, Server},
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
    me["can"] = json!(["invite", "bots"]);
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

#[track_caller]
fn block(person: &mut Person, other: &Person, on: bool) -> Reply {
    let data = json!({"user": [{}, {"uuid": other.id}], "meta": {"on": on}});
    person.ask("block_user", &data)
}

#[track_caller]
fn is_blocked(reply: &Reply) {
    assert_eq!(reply.code(), 403, "{reply}");
    assert_eq!(reply.refusal()["key"], "blocked", "{reply}");
}

#[test]
fn whoever_is_blocked_finds_the_blocker_unknown() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let clara = server.register("clara");
    let shared = boris.group("Shared", &[&anna]);
    block(&mut anna, &boris, true).is(200);
    for kind in ["chat", "group", "channel"] {
        let flow = json!({"flow": [{"type": kind, "users": [anna.id, boris.id]}]});
        let refused = rich(&mut boris, "add_flow", &flow).is(404);
        assert_eq!(refused.refusal()["values"]["what"], "user", "{refused}");
    }
    let group = boris.group("G", &[&clara]);
    let (all, a) = (json!([boris.id, clara.id, anna.id]), json!([anna.id]));
    let whole = |flow: &str, users: &Value| json!({"flow": [{"uuid": flow, "users": users}]});
    let add = |flow: &str| json!({"flow": [{"uuid": flow}], "meta": {"add": a}});
    boris.ask("edit_flow", &whole(&group, &all)).is(404);
    boris.ask("edit_flow", &add(&group)).is(404);
    // In what both are in already nothing changes.
    boris.ask("edit_flow", &whole(&shared, &all)).is(200);
    boris.ask("edit_flow", &add(&shared)).is(200);
    boris.send(&shared, "still here");
    anna.send(&shared, "so am I");
    // The blocker is not kept from anything but writing.
    let chat = anna.add_flow("chat", "", &[&boris]);
    assert_eq!(anna.try_send(&chat, "x").code(), 403);
    block(&mut anna, &boris, false).is(200);
    anna.send(&chat, "x");
    boris.ask("edit_flow", &add(&group)).is(200);
}

#[test]
fn nobody_writes_in_a_chat_with_a_block() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let chat = boris.add_flow("chat", "", &[&anna]);
    let message = boris.send(&chat, "before");
    block(&mut anna, &boris, true).is(200);
    let text = json!({"flow": [{"uuid": chat}], "message": [{"text": "x"}]});
    let flow = json!({"flow": [{"uuid": chat}]});
    for person in [&mut anna, &mut boris] {
        is_blocked(&rich(person, "send_message", &text));
        is_blocked(&rich(person, "typing", &flow));
        assert_eq!(person.page(&chat, None).is(200).texts(), ["before"]);
    }
    let edit = json!({"message": [{"uuid": message, "text": "y"}]});
    is_blocked(&rich(&mut boris, "edited_message", &edit));
    boris.delete(&message).is(200);
    // A block of one's own does not lift the other's.
    block(&mut boris, &anna, true).is(200);
    block(&mut anna, &boris, false).is(200);
    is_blocked(&rich(&mut anna, "send_message", &text));
    block(&mut boris, &anna, false).is(200);
    anna.send(&chat, "x");
}

#[test]
fn whoever_is_blocked_does_not_see_who_is_here() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    anna.group("G", &[&boris]);
    subscribe(&mut anna);
    let reply = boris.ask("subscribe", &NOTHING).is(200);
    assert!(
        reply.data()["meta"]["online"]
            .as_array()
            .is_some_and(|list| list.contains(&json!(anna.id)))
    );
    let presence = |boris: &mut Person| loop {
        let push = boris.connection.pushed();
        if push.meta()["presence"]["user"] == json!(anna.id) {
            return push.meta()["presence"]["online"].clone();
        }
    };
    let mut phone = anna.on(server.connect());
    block(&mut phone, &boris, true).is(200);
    assert_eq!(presence(&mut boris), json!(false), "as if gone");
    let reply = boris.ask("subscribe", &NOTHING).is(200);
    assert!(!reply.to_string().contains(&anna.id), "{reply}");
    block(&mut phone, &boris, false).is(200);
    assert_eq!(presence(&mut boris), json!(true));
}

#[test]
fn the_list_of_the_blocked_is_bounded_and_follows_what_happens() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut device = anna.on(server.connect());
    rich(&mut device, "subscribe", &NOTHING).is(200);
    let list = |reply: &Reply| reply.data()["meta"]["blocked"].clone();
    assert_eq!(list(&block(&mut anna, &boris, true)), json!([boris.id]));
    assert_eq!(list(&told(&mut device)), json!([boris.id]));
    assert_eq!(list(&anna.ask("blocked", &NOTHING)), json!([boris.id]));
    let goodbye = json!({"user": [{"login": "boris", "password": PASSWORD}]});
    boris.ask("delete_user", &goodbye).is(200);
    let mut push = told(&mut device);
    if !push.users().is_empty() {
        push = told(&mut device);
    }
    assert_eq!(list(&push), json!([]), "{push}");
    let after = json!({"meta": {"after": null}});
    let reply = rich(&mut anna, "get_update", &after).is(200);
    assert_eq!(list(&reply), json!([]), "as it is now, once");
}
