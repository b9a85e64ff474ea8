//! Flows: making, seeing, changing and leaving chats, channels and groups.

use serde_json::{Value, json};

use crate::common::{Person, Server};

const NOTHING: Value = Value::Null;

/// Returns what a person sees of a flow, if it exists for them.
fn seen(person: &mut Person, flow: &str) -> Option<Value> {
    let reply = person.ask("all_flow", &NOTHING);
    assert!(matches!(reply.code(), 200 | 404), "{reply}");
    reply
        .flows()
        .iter()
        .find(|seen| seen["uuid"] == json!(flow))
        .cloned()
}

#[test]
fn a_new_flow_comes_back_whole() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    for kind in ["group", "channel"] {
        let asked = json!({"flow": [{"type": kind, "title": "Семья", "info": "i", "owner": anna.id, "users": [boris.id, boris.id]}]});
        let reply = anna.ask("add_flow", &asked).is(200);
        let flow = &reply.flows()[0];
        assert_eq!(flow["type"], kind);
        assert_eq!(flow["title"], "Семья");
        assert_eq!(flow["info"], "i");
        assert_eq!(flow["owner"], json!(anna.id));
        assert!(flow["time"].as_u64().is_some(), "{reply}");
        let mut users: Vec<_> = flow["users"].as_array().expect("members").clone();
        users.sort_by_key(ToString::to_string);
        let mut expected = vec![json!(anna.id), json!(boris.id)];
        expected.sort_by_key(ToString::to_string);
        assert_eq!(users, expected, "the owner is added, nobody twice");
    }
}

#[test]
fn only_members_see_a_flow() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut clara = server.register("clara");
    let group = anna.group("G", &[&boris]);
    assert_eq!(seen(&mut anna, &group), seen(&mut boris, &group));
    assert!(seen(&mut anna, &group).is_some());
    clara.ask("all_flow", &NOTHING).is(404);
    clara.page(&group, None).is(404);
    clara.try_send(&group, "x").is(404);
    let update = clara.ask("get_update", &json!({"time": 0})).is(200);
    assert!(
        update.flows().is_empty() && update.messages().is_empty(),
        "{update}"
    );
}

#[test]
fn a_flow_that_cannot_be_made_is_not_made_at_all() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    let mut make = |flow: Value| anna.ask("add_flow", &json!({"flow": [flow]}));
    let wrong = make(json!({"type": "party"})).is(400);
    assert!(wrong.detail().contains("Wrong flow type"), "{wrong}");
    make(json!({"title": "no type"})).is(400);
    let chat = make(json!({"type": "chat"})).is(400);
    assert!(chat.detail().contains("Must be two users only"), "{chat}");
    make(json!({"type": "chat", "users": [boris.id, "170141183460469231731687303715884105727"]}))
        .is(400);
    make(json!({"type": "group", "users": [boris.id, "170141183460469231731687303715884105727"]}))
        .is(404);
    make(json!({"type": "group", "owner": boris.id})).is(403);
    anna.ask("all_flow", &NOTHING).is(404);
}

#[test]
fn two_people_have_one_chat() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let clara = server.register("clara");
    let chat = |person: &mut Person, users: Vec<&str>| {
        person.ask(
            "add_flow",
            &json!({"flow": [{"type": "chat", "users": users}]}),
        )
    };
    chat(&mut anna, vec![&boris.id]).is(200);
    let (a, b) = (anna.id.clone(), boris.id.clone());
    chat(&mut anna, vec![&b]).is(409);
    chat(&mut anna, vec![&a, &b]).is(409);
    chat(&mut boris, vec![&a]).is(409);
    chat(&mut anna, vec![&clara.id]).is(200);
    chat(&mut anna, vec![&a]).is(400);
    chat(&mut anna, vec![&b, &clara.id]).is(400);
}

#[test]
fn the_owner_edits_and_only_the_owner() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut clara = server.register("clara");
    let group = anna.group("Old", &[&boris]);
    let edit = |fields: Value| {
        let mut flow = fields;
        flow["uuid"] = json!(group);
        json!({"flow": [flow]})
    };
    boris
        .ask("edit_flow", &edit(json!({"title": "Boris's"})))
        .is(403);
    clara
        .ask("edit_flow", &edit(json!({"title": "Clara's"})))
        .is(404);
    anna.ask("edit_flow", &edit(json!({"title": "New"})))
        .is(200);
    anna.ask("edit_flow", &edit(json!({"info": "More"})))
        .is(200);
    let flow = seen(&mut boris, &group).expect("a member");
    assert_eq!(
        (&flow["title"], &flow["info"]),
        (&json!("New"), &json!("More"))
    );

    anna.ask("edit_flow", &edit(json!({"users": [anna.id, clara.id]})))
        .is(200);
    assert!(seen(&mut boris, &group).is_none(), "taken out");
    assert!(seen(&mut clara, &group).is_some(), "put in");
    anna.ask("edit_flow", &edit(json!({"users": ["1"]})))
        .is(404);
    assert!(
        seen(&mut clara, &group).is_some(),
        "a refused edit changes nothing"
    );
    anna.ask("edit_flow", &edit(json!({"users": [clara.id]})))
        .is(200);
    assert!(
        seen(&mut anna, &group).is_some(),
        "the owner is always a member"
    );

    let refused = anna.ask("edit_flow", &edit(json!({"owner": boris.id})));
    assert!(
        matches!(refused.code(), 403 | 404),
        "an owner is a member: {refused}"
    );
    anna.ask("edit_flow", &edit(json!({"owner": clara.id})))
        .is(200);
    anna.ask("edit_flow", &edit(json!({"title": "x"}))).is(403);
    clara
        .ask("edit_flow", &edit(json!({"title": "Clara's"})))
        .is(200);
}

#[test]
fn the_members_of_a_chat_are_fixed() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    let clara = server.register("clara");
    let chat = anna.add_flow("chat", "", &[&boris]);
    let users = json!([anna.id, boris.id, clara.id]);
    anna.ask(
        "edit_flow",
        &json!({"flow": [{"uuid": chat, "users": users}]}),
    )
    .is(403);
}

#[test]
fn who_leaves_is_gone_and_the_owner_hands_over() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut clara = server.register("clara");
    let group = anna.group("G", &[&boris, &clara]);
    let leave = json!({"flow": [{"uuid": group}]});
    anna.ask("leave_flow", &leave).is(200);
    assert!(seen(&mut anna, &group).is_none());
    let flow = seen(&mut boris, &group).expect("a member");
    assert_eq!(flow["owner"], json!(boris.id), "the first to have joined");
    assert_eq!(flow["users"].as_array().map(Vec::len), Some(2));
    clara.ask("leave_flow", &leave).is(200);
    clara.ask("leave_flow", &leave).is(404);
    clara.try_send(&group, "still here?").is(404);
    boris.ask("leave_flow", &leave).is(200);
    boris.ask("all_flow", &NOTHING).is(404);
}

#[test]
fn a_member_who_comes_later_reads_what_was_before() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[]);
    anna.send(&group, "before");
    let users = json!([anna.id, boris.id]);
    anna.ask(
        "edit_flow",
        &json!({"flow": [{"uuid": group, "users": users}]}),
    )
    .is(200);
    assert_eq!(boris.texts(&group), ["before"]);
}

#[test]
fn read_marks_go_forward_only() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    anna.send_many(&group, (0..5).map(|n| n.to_string()));
    let marks = |person: &mut Person| {
        let meta = person.ask("all_flow", &NOTHING).is(200).data()["meta"].clone();
        (
            meta["read"][&group].as_u64(),
            meta["count"][&group].as_u64(),
        )
    };
    assert_eq!(marks(&mut boris), (None, Some(5)), "nothing read yet");
    for (read, expected) in [(2, 2), (1, 2), (3, 3), (99, 4)] {
        boris
            .ask(
                "read_flow",
                &json!({"flow": [{"uuid": group, "message_end": read}]}),
            )
            .is(200);
        assert_eq!(marks(&mut boris), (Some(expected), Some(5)), "after {read}");
    }
    assert_eq!(marks(&mut anna).1, Some(5), "each has their own");
    boris
        .ask("read_flow", &json!({"flow": [{"uuid": group}]}))
        .is(400);
    boris
        .ask(
            "read_flow",
            &json!({"flow": [{"uuid": group, "message_end": -1}]}),
        )
        .is(403);
    let empty = boris.group("Empty", &[]);
    boris
        .ask(
            "read_flow",
            &json!({"flow": [{"uuid": empty, "message_end": 5}]}),
        )
        .is(200);
    let read = boris.ask("all_flow", &NOTHING).data()["meta"]["read"][&empty].clone();
    assert_eq!(read, NOTHING, "nothing can be read where nothing is");
}

#[test]
fn a_list_of_flows_ends_where_an_answer_is_full() {
    let server = Server::with(&[("limits.answer", "8KB")]);
    let [mut anna, mut boris] = ["anna", "boris"].map(|login| server.register(login));
    let info = "x".repeat(1 << 10);
    let made: Vec<String> = (0..12)
        .map(|number| {
            let flow =
                json!({"flow": [{"type": "group", "title": format!("{number}"), "info": info}]});
            let made = anna.ask("add_flow", &flow).is(200);
            made.flows()[0]["uuid"].as_str().expect("an id").to_owned()
        })
        .collect();
    for meta in [json!({}), json!({"accept": ["rich"]})] {
        let (mut found, mut answers, mut after) = (Vec::new(), 0, json!({}));
        loop {
            let reply = anna.ask_with_meta("all_flow", &json!({"meta": after}), &meta);
            let flows = reply.flows();
            found.extend(
                flows
                    .iter()
                    .map(|flow| flow["uuid"].as_str().expect("an id").to_owned()),
            );
            answers += 1;
            assert!((1..=8).contains(&flows.len()), "{} at once", flows.len());
            assert!(
                reply.frame().to_string().len() < 16 << 10,
                "more than the limit"
            );
            let counts = reply.data()["meta"]["count"].as_object().expect("counts");
            assert_eq!(counts.len(), flows.len(), "{reply}");
            if reply.code() == 200 {
                break;
            }
            let reply = reply.is(206);
            after = json!({"after": reply.flows().last().expect("a flow")["uuid"]});
        }
        assert_eq!(found, made);
        assert!((2..=4).contains(&answers), "{answers}");
    }
    // Nothing is after the last one; and what is not the caller's does not exist.
    let last = json!({"meta": {"after": made[11]}});
    assert_eq!(anna.ask("all_flow", &last).is(200).flows().len(), 0);
    boris.group("B", &[]);
    boris.ask("all_flow", &last).is(404);
    boris
        .ask("all_flow", &json!({"meta": {"after": "x"}}))
        .is(404);
    boris
        .ask("all_flow", &json!({"meta": {"after": true}}))
        .is(415);
    // One always fits.
    let large =
        json!({"flow": [{"type": "group", "title": "я".repeat(256), "info": "я".repeat(2000)}]});
    let server = Server::with(&[("limits.answer", "1KB")]);
    let mut clara = server.register("clara");
    clara.ask("add_flow", &large).is(200);
    assert_eq!(clara.ask("all_flow", &NOTHING).is(200).flows().len(), 1);
}
