//! Messages that are pinned in a flow, messages by their ids, and those that have files.

use serde_json::{Value, json};

use crate::{
    about::{id, listening, rich},
    common::{Person, Reply, Server},
    push::{subscribe, told},
};

#[track_caller]
fn pin(person: &mut Person, message: &str, on: bool) -> Reply {
    let data = json!({"message": [{"uuid": message}], "meta": {"on": on}});
    rich(person, "pin_message", &data)
}

fn flow(id: &str) -> Value {
    json!({"flow": [{"uuid": id}]})
}

#[test]
fn members_pin_and_everybody_sees_it() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let first = anna.send(&group, "first");
    let second = anna.send(&group, "second");
    let mut live = listening(&server, &anna);
    let mut plain = anna.on(server.connect());
    subscribe(&mut plain);
    let position = rich(&mut anna, "all_flow", &Value::Null).data()["meta"]["position"].clone();
    let reply = pin(&mut boris, &first, true).is(200);
    assert_eq!(reply.data()["meta"]["pinned"], json!({&group: [first]}));
    let push = told(&mut live);
    assert_eq!(push.data()["meta"]["pinned"], json!({&group: [first]}));
    let event = &push.data()["meta"]["events"][0];
    assert_eq!(event["kind"], json!("pinned"));
    assert_eq!(event["message"], json!(first));
    assert_eq!(event["by"], json!(boris.id));
    pin(&mut boris, &first, true).is(200);
    pin(&mut anna, &second, true).is(200);
    assert_eq!(
        told(&mut live).data()["meta"]["pinned"],
        json!({&group: [second, first]})
    );
    let list = rich(&mut boris, "pins", &flow(&group)).is(200);
    assert_eq!(list.texts(), ["second", "first"]);
    assert_eq!(list.data()["meta"]["pinned"][&first]["by"], json!(boris.id));
    assert_eq!(
        list.data()["meta"]["numbers"],
        json!({&first: 0, &second: 1})
    );
    let all = rich(&mut boris, "all_flow", &Value::Null).is(200);
    assert_eq!(all.data()["meta"]["pins"], json!({&group: 2}));
    let updates = rich(
        &mut boris,
        "get_update",
        &json!({"meta": {"after": position}}),
    )
    .is(200);
    assert_eq!(
        updates.data()["meta"]["pinned"],
        json!({&group: [second, first]})
    );
    let kinds = updates.data()["meta"]["events"].as_array().map(Vec::len);
    assert_eq!(kinds, Some(2), "repeated, it does not happen again");
    pin(&mut boris, &second, false).is(200);
    assert_eq!(
        told(&mut live).data()["meta"]["pinned"],
        json!({&group: [first]})
    );
    // What is deleted is pinned no more.
    anna.delete(&first).is(200);
    assert!(
        rich(&mut boris, "pins", &flow(&group))
            .is(200)
            .messages()
            .is_empty()
    );
    pin(&mut boris, &first, true).is(404);
    assert_eq!(told(&mut plain).texts(), ["Message deleted"]);
}

#[test]
fn who_pins_is_a_rule_of_the_flow() {
    let mut server = Server::start();
    server.set("limits.pins", "2");
    server.restart();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut clara = server.register("clara");
    let group = anna.group("G", &[&boris]);
    let channel = anna.add_flow("channel", "C", &[&boris]);
    let chat = anna.add_flow("chat", "", &[&boris]);
    let message = anna.send(&group, "x");
    let owner_only = json!({"flow": [{"uuid": group}], "meta": {"pin": "owner"}});
    anna.ask("edit_flow", &owner_only).is(200);
    let refused = pin(&mut boris, &message, true).is(403);
    assert_eq!(refused.refusal()["key"], json!("not_pinner"));
    pin(&mut anna, &message, true).is(200);
    let news = anna.send(&channel, "news");
    pin(&mut boris, &news, true).is(403);
    pin(&mut anna, &news, true).is(200);
    let note = anna.send(&chat, "note");
    pin(&mut boris, &note, true).is(200);
    pin(&mut clara, &note, true).is(404);
    rich(&mut clara, "pins", &flow(&group)).is(404);
    let more: Vec<String> = (0..2).map(|n| anna.send(&group, &format!("{n}"))).collect();
    pin(&mut anna, &more[0], true).is(200);
    let refused = pin(&mut anna, &more[1], true).is(403);
    assert_eq!(refused.refusal()["key"], json!("too_many_pins"));
}

#[test]
fn who_comes_back_is_told_of_what_is_pinned() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let message = anna.send(&group, "x");
    let mut live = listening(&server, &boris);
    let members = |key: &str| json!({"flow": [{"uuid": group}], "meta": {key: [boris.id]}});
    anna.ask("edit_flow", &members("remove")).is(200);
    pin(&mut anna, &message, true).is(200);
    anna.ask("edit_flow", &members("add")).is(200);
    assert!(!told(&mut live).data()["meta"]["left"].is_null());
    let back = told(&mut live);
    assert_eq!(
        back.data()["meta"]["pinned"],
        json!({&group: [message]}),
        "{back}"
    );
}

#[test]
fn messages_are_found_by_their_ids() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let own = anna.group("Own", &[]);
    let (shared, secret) = (anna.send(&group, "shared"), anna.send(&own, "secret"));
    let ask = |person: &mut Person, ids: &[&str]| {
        let messages: Vec<Value> = ids.iter().map(|id| json!({"uuid": id})).collect();
        rich(person, "message_info", &json!({"message": messages}))
    };
    let both = ask(&mut anna, &[&secret, &shared]).is(200);
    assert_eq!(both.texts(), ["secret", "shared"]);
    assert_eq!(
        both.data()["meta"]["numbers"],
        json!({&secret: 0, &shared: 0})
    );
    let some = ask(&mut boris, &[&secret, &shared]).is(206);
    assert_eq!(some.texts(), ["shared"]);
    ask(&mut boris, &[&secret]).is(404);
    ask(&mut boris, &[]).is(400);
    let many = ask(&mut boris, &[shared.as_str(); 101]).is(403);
    assert_eq!(many.refusal()["key"], json!("bad_range"));
    anna.delete(&shared).is(200);
    let deleted = ask(&mut boris, &[&shared]).is(200);
    assert_eq!(
        deleted.data()["meta"]["about"],
        json!({&shared: {"deleted": "deleted"}})
    );
}

#[test]
fn a_gallery_lists_messages_with_files() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut clara = server.register("clara");
    let group = anna.group("G", &[]);
    let send = |anna: &mut Person, message: Value| {
        let data = json!({"flow": [{"uuid": group}], "message": [message]});
        id(&anna.ask("send_message", &data).is(200))
    };
    let picture = send(&mut anna, json!({"file_picture": "iVBO"}));
    send(&mut anna, json!({"text": "between"}));
    let document = send(&mut anna, json!({"file_document": "iVBO", "text": "see"}));
    let list = |anna: &mut Person, meta: Value| {
        let reply = rich(
            anna,
            "list_files",
            &json!({"flow": [{"uuid": group}], "meta": meta}),
        );
        let ids = reply.is(200);
        let ids = ids
            .messages()
            .iter()
            .map(|it| it["uuid"].as_str().expect("id").to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(
        list(&mut anna, json!({})),
        [document.clone(), picture.clone()]
    );
    assert_eq!(
        list(&mut anna, json!({"kinds": ["picture", "video"]})),
        std::slice::from_ref(&picture)
    );
    assert_eq!(list(&mut anna, json!({"before": 2})), [picture]);
    assert!(list(&mut anna, json!({"kinds": ["voice"]})).is_empty());
    rich(&mut clara, "list_files", &flow(&group)).is(404);
    let wrong = json!({"flow": [{"uuid": group}], "meta": {"kinds": ["links"]}});
    rich(&mut anna, "list_files", &wrong).is(415);
}
