//! Being asked before being brought into a flow.

use serde_json::{Value, json};

use crate::{
    common::{Person, Reply, Server},
    push::{subscribe, told},
};

const NOTHING: Value = Value::Null;

/// Sends a request that accepts `rich`.
#[track_caller]
fn rich(person: &mut Person, method: &str, data: &Value) -> Reply {
    person.ask_with_meta(method, data, &json!({"accept": ["rich"]}))
}

/// Registers somebody who asks to be asked.
#[track_caller]
fn asking(server: &Server, login: &str) -> Person {
    let mut person = server.register(login);
    let ask = json!({"meta": {"ask_first": true}});
    person.ask("edit_user", &ask).is(200);
    person
}

fn flow(id: &str) -> Value {
    json!({"flow": [{"uuid": id}]})
}

/// The flows to which somebody is invited.
#[track_caller]
fn invited_to(person: &mut Person) -> Vec<String> {
    let reply = rich(person, "all_flow", &NOTHING).is(200);
    let list = reply.data()["meta"]["invited"].as_array().cloned();
    let list = list.unwrap_or_default();
    let flow = |entry: &Value| entry["flow"].as_str().expect("an id").to_owned();
    list.iter().map(flow).collect()
}

#[track_caller]
fn members(person: &mut Person, id: &str) -> usize {
    let reply = rich(person, "all_flow", &NOTHING).is(200);
    let flow = reply.flows().iter().find(|flow| flow["uuid"] == json!(id));
    flow.and_then(|flow| flow["users"].as_array())
        .map_or(0, Vec::len)
}

#[test]
fn whoever_asks_to_be_asked_is_invited_by_every_way_into_a_flow() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let clara = server.register("clara");
    let mut boris = asking(&server, "boris");
    let made = anna.group("Made", &[&boris, &clara]);
    let channel = anna.add_flow("channel", "News", &[&boris]);
    let whole = anna.group("Whole list", &[]);
    let users = json!({"flow": [{"uuid": whole, "users": [anna.id, boris.id, clara.id]}]});
    anna.ask("edit_flow", &users).is(200);
    let added = anna.group("Added", &[]);
    let mut add = flow(&added);
    add["meta"] = json!({"add": [boris.id]});
    rich(&mut anna, "edit_flow", &add).is(200);
    let operator = anna.group("By the operator", &[]);
    let command = server.command(["flow", "add-member", &operator, "boris"]);
    let output = command.run().exits(0);
    assert!(output.stdout.contains("invited"), "{}", output.stdout);
    let command = server.command(["flow", "add-member", &operator, "boris"]);
    command.run().exits(4);

    let all = [&made, &channel, &whole, &added, &operator];
    assert_eq!(invited_to(&mut boris), all.map(String::as_str));
    assert_eq!(
        boris.ask("all_flow", &NOTHING).code(),
        404,
        "plain: nothing"
    );
    for (id, there) in [(&made, 2), (&channel, 1), (&whole, 2), (&added, 1)] {
        assert_eq!(members(&mut anna, id), there);
        // What is there is not shown until then.
        for method in ["all_messages", "list_members", "typing"] {
            assert_eq!(boris.ask(method, &flow(id)).code(), 404, "{method}");
        }
    }
    // A chat opens as ever.
    let chat = anna.add_flow("chat", "", &[&boris]);
    anna.send(&chat, "hello");
    assert_eq!(boris.texts(&chat), ["hello"]);
}

#[test]
fn an_invitation_is_accepted_or_declined() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = asking(&server, "boris");
    let mut stranger = server.register("clara");
    let group = anna.group("G", &[&boris]);
    let other = anna.group("Other", &[&boris]);
    anna.send(&group, "before");
    rich(&mut anna, "subscribe", &NOTHING).is(200);
    let mut device = boris.on(server.connect());
    rich(&mut device, "subscribe", &NOTHING).is(200);
    assert_eq!(rich(&mut stranger, "join_flow", &flow(&group)).code(), 404);
    let reply = rich(&mut boris, "join_flow", &flow(&group)).is(200);
    assert_eq!(reply.flows()[0]["title"], "G");
    assert_eq!(reply.flows()[0]["users"], json!([anna.id, boris.id]));
    let both = json!([anna.id, boris.id]);
    for person in [&mut anna, &mut device] {
        let push = told(person);
        assert_eq!(push.flows()[0]["users"], both);
        let event = &push.data()["meta"]["events"][0];
        assert_eq!(
            (&event["kind"], &event["user"]),
            (&json!("joined"), &json!(boris.id))
        );
        assert_eq!(event["by"], json!(boris.id), "{push}");
    }
    assert_eq!(rich(&mut boris, "join_flow", &flow(&group)).code(), 404);
    // Who joins has read what is there.
    let reply = rich(&mut boris, "all_flow", &NOTHING).is(200);
    assert_eq!(reply.data()["meta"]["read"][&group], json!(0), "{reply}");
    assert_eq!(boris.texts(&group), ["before"]);

    boris.ask("leave_flow", &flow(&other)).is(200);
    let push = told(&mut device);
    assert_eq!(push.data()["meta"]["left"], json!([other]), "{push}");
    let push = told(&mut anna);
    assert!(
        push.flows().is_empty(),
        "nothing that all would see: {push}"
    );
    assert_eq!(push.data()["meta"]["events"][0]["kind"], "declined");
    assert_eq!(boris.ask("leave_flow", &flow(&other)).code(), 404);
    assert!(invited_to(&mut boris).is_empty());
}

#[test]
fn invitations_are_pushed_and_caught_up_with_but_not_to_plain_clients() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = asking(&server, "boris");
    let (mut device, mut plain) = (boris.on(server.connect()), boris.on(server.connect()));
    let start = rich(&mut device, "subscribe", &NOTHING).is(200).data()["meta"]["position"].clone();
    subscribe(&mut plain);
    let group = anna.group("Family", &[&boris]);
    let push = told(&mut device);
    let invited = push.data()["meta"]["invited"][0].clone();
    assert_eq!(
        (
            &invited["flow"],
            &invited["title"],
            &invited["type"],
            &invited["by"]
        ),
        (
            &json!(group),
            &json!("Family"),
            &json!("group"),
            &json!(anna.id)
        ),
        "{push}"
    );
    assert!(invited["time"].as_u64().is_some());
    let since = json!({"meta": {"after": start}});
    let reply = rich(&mut boris, "get_update", &since).is(200);
    assert_eq!(reply.data()["meta"]["invited"], json!([invited]), "{reply}");
    // Old clients' whole lists do not touch it.
    let users = json!({"flow": [{"uuid": group, "users": [anna.id]}]});
    anna.ask("edit_flow", &users).is(200);
    assert_eq!(invited_to(&mut boris), [group.as_str()]);
    let mut back = flow(&group);
    back["meta"] = json!({"remove": [boris.id]});
    rich(&mut anna, "edit_flow", &back).is(200);
    assert_eq!(told(&mut device).data()["meta"]["left"], json!([group]));
    let reply = rich(&mut boris, "get_update", &since).is(200);
    assert!(reply.data()["meta"]["invited"].is_null(), "{reply}");
    assert_eq!(reply.data()["meta"]["left"], json!([group]), "{reply}");

    let reply = boris.ask("get_update", &since).is(200);
    assert!(!reply.to_string().contains(&group), "{reply}");
    let chat = anna.add_flow("chat", "", &[&boris]);
    let push = told(&mut plain);
    assert_eq!(
        push.flows()[0]["uuid"],
        json!(chat),
        "nothing before it: {push}"
    );
}

#[test]
fn being_added_again_lifts_a_ban_and_an_account_that_goes_declines() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = asking(&server, "boris");
    let group = anna.group("G", &[&boris]);
    boris.ask("join_flow", &flow(&group)).is(200);
    boris.ask("leave_flow", &flow(&group)).is(200);
    // Who was there is asked again.
    let mut add = flow(&group);
    add["meta"] = json!({"add": [boris.id]});
    rich(&mut anna, "edit_flow", &add).is(200);
    assert_eq!(invited_to(&mut boris), [group.as_str()]);
    // Who no longer asks to be asked joins at once.
    boris
        .ask("edit_user", &json!({"meta": {"ask_first": false}}))
        .is(200);
    rich(&mut anna, "edit_flow", &add).is(200);
    assert_eq!(members(&mut anna, &group), 2);
    assert!(invited_to(&mut boris).is_empty());

    let mut clara = asking(&server, "clara");
    add["meta"] = json!({"add": [clara.id]});
    rich(&mut anna, "edit_flow", &add).is(200);
    let goodbye = json!({"user": [{"login": "clara", "password": crate::common::PASSWORD}]});
    clara.ask("delete_user", &goodbye).is(200);
    let mut list = flow(&group);
    list["meta"] = json!({"state": "invited"});
    let reply = rich(&mut anna, "list_members", &list).is(200);
    assert!(reply.users().is_empty(), "{reply}");
}

#[test]
fn who_accepts_into_a_group_that_everybody_has_left_owns_it() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = asking(&server, "boris");
    let mut clara = asking(&server, "clara");
    let group = anna.group("Deserted", &[&boris, &clara]);
    anna.ask("leave_flow", &flow(&group)).is(200);
    let joined = rich(&mut boris, "join_flow", &flow(&group)).is(200);
    assert_eq!(joined.flows()[0]["owner"], json!(boris.id), "{joined}");
    // Once only: who comes next is a member.
    let joined = rich(&mut clara, "join_flow", &flow(&group)).is(200);
    assert_eq!(joined.flows()[0]["owner"], json!(boris.id), "{joined}");
    let title = json!({"flow": [{"uuid": group, "title": "Ours"}]});
    rich(&mut clara, "edit_flow", &title).is(403);
    rich(&mut boris, "edit_flow", &title).is(200);
}
