//! Live delivery: what a subscriber is told, in which order, and what nobody else is.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::common::{Person, Reply, Server, connection::End};

const NOTHING: Value = Value::Null;

/// Subscribes from now on and returns the position.
#[track_caller]
pub(crate) fn subscribe(person: &mut Person) -> u64 {
    let reply = person.ask("subscribe", &NOTHING).is(200);
    reply.data()["meta"]["position"]
        .as_u64()
        .unwrap_or_else(|| panic!("a position: {reply}"))
}

/// Returns the next push that tells something stored; presence and typing are passed over.
#[track_caller]
pub(crate) fn told(person: &mut Person) -> Reply {
    loop {
        let reply = person.connection.pushed();
        assert_eq!(reply.method(), "get_update", "{reply}");
        assert_eq!(reply.code(), 200, "{reply}");
        if !reply.data().is_null() {
            assert!(reply.meta()["position"].as_u64().is_some(), "{reply}");
            return reply;
        }
    }
}

/// Returns the next push of presence or typing.
#[track_caller]
pub(crate) fn signalled(person: &mut Person, kind: &str) -> Value {
    loop {
        let reply = person.connection.pushed();
        if !reply.meta()[kind].is_null() {
            assert!(reply.data().is_null(), "{reply}");
            return reply.meta()[kind].clone();
        }
    }
}

#[test]
fn a_message_reaches_every_member_who_subscribed() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut phone = server.sign_in("anna");
    let mut stranger = server.register("clara");
    let group = anna.group("G", &[&boris]);
    for person in [&mut boris, &mut phone, &mut stranger, &mut anna] {
        subscribe(person);
    }
    let id = anna.send(&group, "hello");
    for person in [&mut boris, &mut phone] {
        let push = told(person);
        let message = &push.messages()[0];
        assert_eq!(
            (&message["uuid"], &message["text"]),
            (&json!(id), &json!("hello")),
            "{push}"
        );
        assert_eq!(message["from_user"], json!(anna.id));
        assert_eq!(message["from_flow"], json!(group));
        assert_eq!(
            push.data()["meta"]["numbers"][&id],
            0,
            "its number in the flow: {push}"
        );
    }
    // A later thing that both may see comes first for those who were not to hear of the message.
    let shared = boris.group("Shared", &[&stranger, &anna]);
    assert_eq!(told(&mut stranger).flows()[0]["uuid"], json!(shared));
    let own = told(&mut anna);
    assert_eq!(
        own.flows()[0]["uuid"],
        json!(shared),
        "one's own request is not pushed back: {own}"
    );
}

#[test]
fn everything_that_changes_is_told_in_order() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let clara = server.register("clara");
    let start = subscribe(&mut boris);
    let group = anna.group("Old", &[&boris]);
    let id = anna.send(&group, "old");
    anna.edit(&id, "new").is(200);
    anna.delete(&id).is(200);
    anna.ask(
        "edit_flow",
        &json!({"flow": [{"uuid": group, "title": "New"}]}),
    )
    .is(200);
    let users = json!([anna.id, boris.id, clara.id]);
    anna.ask(
        "edit_flow",
        &json!({"flow": [{"uuid": group, "users": users}]}),
    )
    .is(200);
    anna.ask("edit_user", &json!({"user": [{"username": "Anna"}]}))
        .is(200);
    clara
        .on(server.connect())
        .ask("leave_flow", &json!({"flow": [{"uuid": group}]}))
        .is(200);

    let mut last = start;
    let mut next = |boris: &mut Person| {
        let push = told(boris);
        let position = push.meta()["position"].as_u64().expect("checked");
        assert!(position > last, "positions grow: {push}");
        last = position;
        push
    };
    assert_eq!(next(&mut boris).flows()[0]["title"], "Old");
    assert_eq!(next(&mut boris).texts(), ["old"]);
    let edited = next(&mut boris);
    assert_eq!(edited.texts(), ["new"]);
    assert_eq!(edited.messages()[0]["edited_status"], true);
    assert_eq!(next(&mut boris).texts(), ["Message deleted"]);
    assert_eq!(next(&mut boris).flows()[0]["title"], "New");
    let joined = next(&mut boris);
    assert_eq!(
        joined.flows()[0]["users"].as_array().map(Vec::len),
        Some(3),
        "{joined}"
    );
    assert_eq!(next(&mut boris).users()[0]["username"], "Anna");
    let left = next(&mut boris);
    assert_eq!(
        left.flows()[0]["users"].as_array().map(Vec::len),
        Some(2),
        "{left}"
    );
}

#[test]
fn who_is_taken_out_is_told_so_and_nothing_more() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let other = anna.group("Other", &[&boris]);
    subscribe(&mut boris);
    anna.ask(
        "edit_flow",
        &json!({"flow": [{"uuid": group, "users": [anna.id]}]}),
    )
    .is(200);
    anna.send(&group, "without boris");
    anna.send(&other, "with boris");
    let push = told(&mut boris);
    assert_eq!(push.data()["meta"]["left"], json!([group]), "{push}");
    assert_eq!(told(&mut boris).texts(), ["with boris"]);
}

#[test]
fn ones_own_devices_hear_of_leaving() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut phone = server.sign_in("boris");
    let group = anna.group("G", &[&boris]);
    subscribe(&mut phone);
    boris
        .ask("leave_flow", &json!({"flow": [{"uuid": group}]}))
        .is(200);
    assert_eq!(told(&mut phone).data()["meta"]["left"], json!([group]));
}

#[test]
fn a_backlog_comes_before_what_is_live() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let position = subscribe(&mut boris);
    anna.send_many(&group, (0..250).map(|n| n.to_string()));
    let mut later = boris.on(server.connect());
    later
        .ask("subscribe", &json!({"meta": {"after": position}}))
        .is(200);
    anna.send_many(&group, (250..300).map(|n| n.to_string()));
    let mut texts = Vec::new();
    while texts.len() < 300 {
        let push = told(&mut later);
        assert!(push.messages().len() <= 100, "{}", push.messages().len());
        texts.extend(push.texts().iter().map(|text| (*text).to_owned()));
    }
    assert_eq!(texts, (0..300).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_backlog_may_be_asked_for_by_time() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let sent: BTreeSet<String> = anna
        .send_many(&group, (0..120).map(|n| n.to_string()))
        .into_iter()
        .collect();
    boris.ask("subscribe", &json!({"time": 0})).is(200);
    let live = anna.send(&group, "live");
    let mut came = Vec::new();
    while came.last() != Some(&live) {
        let push = told(&mut boris);
        came.extend(
            push.messages()
                .iter()
                .map(|m| m["uuid"].as_str().expect("id").to_owned()),
        );
    }
    came.pop();
    assert_eq!(came.len(), 120, "each once");
    assert_eq!(came.into_iter().collect::<BTreeSet<_>>(), sent);
}

#[test]
fn resuming_has_no_gap_at_any_moment() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let mut reader = boris.on(server.connect());
    let mut position = subscribe(&mut reader);
    let sender = anna.on(server.connect());
    let total = 600;
    let mut texts = Vec::new();
    std::thread::scope(|scope| {
        let group = &group;
        scope.spawn(move || {
            let mut sender = sender;
            sender.send_many(group, (0..total).map(|n| n.to_string()));
        });
        while texts.len() < total {
            let push = told(&mut reader);
            position = push.meta()["position"].as_u64().expect("checked");
            texts.extend(push.texts().iter().map(|text| (*text).to_owned()));
            if texts.len() % 37 == 0 {
                // Cut without a word, as a lost network does, and come back.
                reader = boris.on(server.connect());
                reader
                    .ask("subscribe", &json!({"meta": {"after": position}}))
                    .is(200);
            }
        }
    });
    assert_eq!(texts, (0..total).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn requests_and_pushes_share_a_connection() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    subscribe(&mut boris);
    subscribe(&mut anna);
    for n in 0..30 {
        anna.send(&group, &format!("a{n}"));
        boris.send(&group, &format!("b{n}"));
    }
    let texts = |person: &mut Person| -> Vec<String> {
        (0..30)
            .map(|_| told(person).texts()[0].to_owned())
            .collect()
    };
    assert_eq!(
        texts(&mut boris),
        (0..30).map(|n| format!("a{n}")).collect::<Vec<_>>()
    );
    assert_eq!(
        texts(&mut anna),
        (0..30).map(|n| format!("b{n}")).collect::<Vec<_>>()
    );
}

#[test]
fn typing_is_told_and_not_kept() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let position = subscribe(&mut boris);
    anna.ask("typing", &json!({"flow": [{"uuid": group}]}))
        .is(200);
    assert_eq!(
        signalled(&mut boris, "typing"),
        json!({"flow": group, "user": anna.id})
    );
    let update = boris
        .ask("get_update", &json!({"meta": {"after": position}}))
        .is(200);
    assert!(
        update.messages().is_empty() && update.flows().is_empty(),
        "{update}"
    );
}

#[test]
fn presence_is_told_to_those_who_share_a_flow() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    anna.group("G", &[&boris]);
    let reply = boris.ask("subscribe", &NOTHING).is(200);
    let online = &reply.data()["meta"]["online"];
    assert!(
        online
            .as_array()
            .expect("who is online")
            .contains(&json!(anna.id)),
        "{reply}"
    );
    let back = anna.on(server.connect());
    drop(anna);
    let told = |online: bool| json!({"user": back.id, "online": online});
    assert_eq!(signalled(&mut boris, "presence"), told(false));
    let mut back = back.on(server.connect());
    subscribe(&mut back);
    assert_eq!(
        signalled(&mut boris, "presence"),
        json!({"user": back.id, "online": true})
    );
}

#[test]
fn read_marks_reach_ones_own_devices_only() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut phone = server.sign_in("boris");
    let group = anna.group("G", &[&boris]);
    anna.send_many(&group, (0..3).map(|n| n.to_string()));
    subscribe(&mut phone);
    subscribe(&mut anna);
    boris
        .ask(
            "read_flow",
            &json!({"flow": [{"uuid": group, "message_end": 1}]}),
        )
        .is(200);
    boris.send(&group, "afterwards");
    assert_eq!(told(&mut phone).data()["meta"]["read"][&group], 1);
    assert_eq!(
        told(&mut anna).texts(),
        ["afterwards"],
        "nothing about boris's reading"
    );
}

#[test]
fn nothing_is_told_after_a_session_has_ended() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let mut ended = server.sign_in("boris");
    subscribe(&mut ended);
    server
        .sign_in("boris")
        .ask("logout", &json!({"meta": {"all": true}}))
        .is(200);
    anna.send(&group, "private");
    loop {
        match ended.connection.frame() {
            Ok(push) => assert!(push.messages().is_empty(), "{push}"),
            Err(end) => {
                assert_eq!(end, End::Closed(Some(4401)));
                return;
            }
        }
    }
}

#[test]
fn a_deleted_user_is_told_to_those_who_share_a_flow() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut device = server.sign_in("anna");
    let group = anna.group("G", &[&boris]);
    subscribe(&mut boris);
    subscribe(&mut device);
    let login = json!({"user": [{"login": "anna", "password": crate::common::PASSWORD}]});
    anna.ask("delete_user", &login).is(200);
    assert_eq!(device.connection.closed(), End::Closed(Some(4401)));
    let (mut owner, mut profile) = (false, false);
    while !(owner && profile) {
        let push = told(&mut boris);
        owner |= push
            .flows()
            .iter()
            .any(|flow| flow["uuid"] == json!(group) && flow["owner"] == json!(boris.id));
        profile |= push
            .users()
            .iter()
            .any(|user| user["login"] == "User deleted");
    }
}

#[test]
fn a_deaf_subscriber_is_closed_and_catches_up() {
    let server = Server::with(&[("limits.send_queue", "16 256KB")]);
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let mut deaf = boris.on(server.connect());
    let position = subscribe(&mut deaf);
    // More than the system's own buffers hold for a socket that nobody reads.
    let text = "x".repeat(60_000);
    anna.send_many(&group, (0..400).map(|_| text.clone()));
    let mut pushed = 0;
    let end = loop {
        match deaf.connection.frame() {
            Ok(push) => pushed += push.messages().len(),
            Err(end) => break end,
        }
    };
    assert!(pushed < 400, "it could not have kept up");
    assert_eq!(end, End::Closed(Some(1013)));
    let mut back = boris.on(server.connect());
    let mut after = json!(position);
    let mut caught = 0;
    loop {
        let reply = back.ask("get_update", &json!({"meta": {"after": after}}));
        caught += reply.messages().len();
        after = reply.data()["meta"]["position"].clone();
        if reply.code() == 200 {
            break;
        }
    }
    assert_eq!(caught, 400);
}
