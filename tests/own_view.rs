//! How people set up conversations for themselves, and what others know of what they have read.

use serde_json::{Value, json};

use crate::{
    about::{listening, rich},
    common::{Person, Reply, Server},
    push::{subscribe, told},
};

const NOTHING: Value = Value::Null;

#[track_caller]
fn set(person: &mut Person, flow: &str, settings: Value) -> Reply {
    let data = json!({"flow": [{"uuid": flow}], "meta": {"settings": settings}});
    rich(person, "flow_settings", &data)
}

/// What the list of conversations says of one.
#[track_caller]
fn listed(person: &mut Person, what: &str, flow: &str) -> Value {
    let all = rich(person, "all_flow", &NOTHING).is(200);
    all.data()["meta"][what][flow].clone()
}

fn read(flow: &str, number: u64) -> Value {
    json!({"flow": [{"uuid": flow, "message_end": number}]})
}

#[test]
fn settings_are_ones_own_and_reach_ones_own_devices() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let mut own = listening(&server, &anna);
    let mut other = listening(&server, &boris);
    let mut plain = anna.on(server.connect());
    subscribe(&mut plain);
    let position = rich(&mut anna, "all_flow", &NOTHING).data()["meta"]["position"].clone();
    assert_eq!(listed(&mut anna, "settings", &group), NOTHING);
    let wanted = json!({"muted_until": -1, "mentions_only": true, "pinned": 3, "unread": true});
    let all = json!({
        "muted_until": -1, "mentions_only": true, "archived": false, "pinned": 3, "unread": true, "hidden": false,
    });
    let reply = set(&mut anna, &group, wanted).is(200);
    assert_eq!(reply.data()["meta"]["settings"], json!({&group: all}));
    assert_eq!(
        told(&mut own).data()["meta"]["settings"],
        json!({&group: all})
    );
    assert_eq!(listed(&mut anna, "settings", &group), all);
    assert_eq!(listed(&mut boris, "settings", &group), NOTHING);
    set(&mut anna, &group, json!({"pinned": 1})).is(200);
    let updates = rich(
        &mut anna,
        "get_update",
        &json!({"meta": {"after": position}}),
    )
    .is(200);
    assert_eq!(
        updates.data()["meta"]["settings"][&group]["pinned"],
        json!(1)
    );
    let plainly = anna
        .ask("get_update", &json!({"meta": {"after": position}}))
        .is(200);
    assert!(plainly.data()["meta"]["settings"].is_null(), "{plainly}");
    // Reading takes the mark away.
    told(&mut own);
    anna.ask("read_flow", &read(&group, 0)).is(200);
    let now = told(&mut own).data()["meta"]["settings"][&group].clone();
    assert_eq!(now["unread"], json!(false));
    let message = boris.send(&group, "hello");
    assert_eq!(told(&mut plain).messages()[0]["uuid"], json!(message));
    assert_eq!(told(&mut other).code(), 200);
    for bad in [
        json!({"pinned": 6}),
        json!({"muted_until": -2}),
        json!({"archived": "yes"}),
    ] {
        set(&mut anna, &group, bad).is(415);
    }
    set(&mut anna, &group, json!({})).is(400);
    let refused = set(&mut anna, &group, json!({"hidden": true})).is(403);
    assert_eq!(refused.refusal()["key"], json!("not_hideable"));
    let mut clara = server.register("clara");
    set(&mut clara, &group, json!({"pinned": 1})).is(404);
}

#[test]
fn what_is_put_aside_comes_back_with_the_next_message() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let chat = anna.add_flow("chat", "", &[&boris]);
    let archived = |anna: &mut Person| listed(anna, "settings", &chat)["archived"] == json!(true);
    set(&mut anna, &chat, json!({"archived": true, "hidden": true})).is(200);
    assert!(archived(&mut anna));
    boris.send(&chat, "hello");
    assert_eq!(listed(&mut anna, "settings", &chat), NOTHING);
    // Unless it is quiet.
    set(
        &mut anna,
        &chat,
        json!({"archived": true, "muted_until": -1}),
    )
    .is(200);
    boris.send(&chat, "hello?");
    assert!(archived(&mut anna));
    set(&mut anna, &chat, json!({"muted_until": 0})).is(200);
    assert!(archived(&mut anna), "still aside");
    boris.send(&chat, "hello!");
    assert!(!archived(&mut anna));
    set(&mut anna, &chat, json!({"muted_until": 5})).is(200);
    assert_eq!(
        listed(&mut anna, "settings", &chat),
        NOTHING,
        "over already"
    );
}

#[test]
fn the_list_of_conversations_has_the_last_messages() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    let group = anna.group("G", &[]);
    let chat = anna.add_flow("chat", "", &[&boris]);
    anna.send(&group, "first");
    let last = anna.send(&group, "second");
    let all = rich(&mut anna, "all_flow", &NOTHING).is(200);
    assert_eq!(all.texts(), ["second"]);
    let meta = &all.data()["meta"];
    assert_eq!(meta["last"], json!({&group: last}));
    assert_eq!(meta["numbers"], json!({&last: 1}));
    assert!(meta["last"][&chat].is_null());
    assert!(anna.ask("all_flow", &NOTHING).is(200).messages().is_empty());
}

/// How far others have read, by their ids.
#[track_caller]
fn seen(person: &mut Person, flow: &str) -> Value {
    let reply = rich(person, "seen_flow", &json!({"flow": [{"uuid": flow}]}));
    reply.is(200).data()["meta"]["seen"].clone()
}

/// The next push that tells how far others have read; it has no position.
#[track_caller]
fn told_seen(person: &mut Person) -> Reply {
    loop {
        let push = person.connection.pushed();
        if !push.data()["meta"]["seen"].is_null() {
            return push;
        }
    }
}

#[test]
fn read_marks_are_shared_with_those_who_share_theirs() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut clara = server.register("clara");
    let chat = anna.add_flow("chat", "", &[&boris]);
    anna.send(&chat, "one");
    anna.send(&chat, "two");
    let mut live = listening(&server, &anna);
    assert_eq!(seen(&mut anna, &chat), json!({}));
    boris.ask("read_flow", &read(&chat, 0)).is(200);
    let push = told_seen(&mut live);
    assert_eq!(push.data()["meta"]["seen"], json!({&chat: {&boris.id: 0}}));
    assert!(push.meta()["position"].is_null(), "it is not kept: {push}");
    // At most once a second, of the mark of that moment.
    boris.ask("read_flow", &read(&chat, 1)).is(200);
    let push = told_seen(&mut live);
    assert_eq!(push.data()["meta"]["seen"], json!({&chat: {&boris.id: 1}}));
    let marks = seen(&mut anna, &chat);
    assert_eq!(marks[&boris.id]["number"], json!(1));
    assert!(marks[&boris.id]["time"].as_u64() > Some(1_700_000_000));
    assert_eq!(listed(&mut anna, "seen", &chat), json!({&boris.id: 1}));
    assert_eq!(
        seen(&mut boris, &chat)[&anna.id]["number"],
        json!(1),
        "own messages are read"
    );
    rich(&mut clara, "seen_flow", &json!({"flow": [{"uuid": chat}]})).is(404);
    // Whoever shares none sees none.
    let share = |on: bool| json!({"meta": {"share_read": on}});
    anna.ask("edit_user", &share(false)).is(200);
    assert_eq!(seen(&mut anna, &chat), json!({}));
    assert_eq!(seen(&mut boris, &chat), json!({}));
    anna.ask("edit_user", &share(true)).is(200);
    // Who is blocked does not see how far the blocker has read.
    let block = json!({"user": [{}, {"uuid": boris.id}], "meta": {"on": true}});
    anna.ask("block_user", &block).is(200);
    assert_eq!(seen(&mut boris, &chat), json!({}));
    assert_eq!(seen(&mut anna, &chat)[&boris.id]["number"], json!(1));
}
