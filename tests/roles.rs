//! Moderators and owners: who may do what in a flow, and what everybody sees of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::common::{Person, Reply, Server};
use crate::push::told;

pub(crate) const NOTHING: Value = Value::Null;

/// Sends a request that accepts `rich`.
#[track_caller]
pub(crate) fn ask(person: &mut Person, method: &str, data: &Value) -> Reply {
    person.ask_with_meta(method, data, &json!({"accept": ["rich"]}))
}

#[track_caller]
pub(crate) fn change(person: &mut Person, flow: &str, meta: &Value) -> Reply {
    let data = json!({"flow": [{"uuid": flow}], "meta": meta});
    ask(person, "edit_flow", &data)
}

fn level(person: &Person, level: i64) -> Value {
    json!({"levels": {person.id.as_str(): level}})
}

pub(crate) fn ids(people: &[&Person]) -> Value {
    people.iter().map(|person| json!(person.id)).collect()
}

/// The members of a flow as one of them sees them.
fn members(person: &mut Person, flow: &str) -> BTreeSet<String> {
    let flows = ask(person, "all_flow", &NOTHING).is(200);
    let found = flows.flows().iter().find(|it| it["uuid"] == flow);
    let users = found.expect("the flow")["users"].as_array().expect("users");
    users
        .iter()
        .map(|id| id.as_str().expect("an id").to_owned())
        .collect()
}

/// What happened in a flow, as `[kind, by, user]`.
fn history(person: &mut Person, flow: &str) -> Vec<[Value; 3]> {
    let page = ask(person, "all_messages", &json!({"flow": [{"uuid": flow}]}));
    let events = page.data()["meta"]["events"].as_array().expect("events");
    let known = |event: &Value| {
        ["kind", "by", "user"].map(|key| event.get(key).cloned().unwrap_or(NOTHING))
    };
    events.iter().map(known).collect()
}

#[test]
fn moderators_care_for_a_group_and_no_more() {
    let server = Server::start();
    let [mut anna, mut boris, mut clara, mut dora, emil] =
        ["anna", "boris", "clara", "dora", "emil"].map(|login| server.register(login));
    let group = anna.group("G", &[&boris, &clara, &dora]);
    // Members change nothing.
    change(&mut boris, &group, &json!({"add": [emil.id]})).is(403);
    change(&mut boris, &group, &level(&clara, 50)).is(403);
    let refused = change(&mut boris, &group, &json!({"remove": [dora.id]})).is(403);
    assert_eq!(refused.data()["meta"]["refusal"]["key"], "not_owner");

    let reply = change(&mut anna, &group, &level(&boris, 50)).is(200);
    let about = &reply.data()["meta"]["flows"][&group];
    let levels = json!({anna.id.as_str(): 100, boris.id.as_str(): 50});
    assert_eq!(about["levels"], levels, "{reply}");
    change(&mut anna, &group, &level(&clara, 50)).is(200);

    // Moderators add, remove members, and describe.
    change(&mut boris, &group, &json!({"add": [emil.id]})).is(200);
    assert!(members(&mut anna, &group).contains(&emil.id));
    change(&mut boris, &group, &json!({"remove": [emil.id]})).is(200);
    assert!(!members(&mut anna, &group).contains(&emil.id));
    let title = json!({"flow": [{"uuid": group, "title": "New"}]});
    ask(&mut boris, "edit_flow", &title).is(200);
    let picture = json!({"picture": {"content": "iVBORw0KGgo="}});
    let reply = change(&mut boris, &group, &picture).is(200);
    let picture = &reply.data()["meta"]["flows"][&group]["picture"];
    assert_eq!(picture["size"], 8, "{reply}");
    assert_eq!(picture["id"].as_str().map(str::len), Some(32), "{reply}");
    // An old client's whole list counts as the adding and removing that it amounts to.
    let whole = json!({"flow": [{"uuid": group, "users": ids(&[&anna, &boris, &clara, &emil])}]});
    boris.ask("edit_flow", &whole).is(200);
    let expected: BTreeSet<_> = [&anna, &boris, &clara, &emil]
        .map(|it| it.id.clone())
        .into();
    assert_eq!(members(&mut anna, &group), expected);
    let without_clara = json!({"flow": [{"uuid": group, "users": ids(&[&anna, &boris])}]});
    boris.ask("edit_flow", &without_clara).is(403);

    // Not moderators, not the owner, not what is the owner's alone.
    let refused = change(&mut boris, &group, &json!({"remove": [clara.id]})).is(403);
    assert_eq!(refused.data()["meta"]["refusal"]["key"], "outranked");
    change(&mut boris, &group, &json!({"remove": [anna.id]})).is(403);
    for meta in [
        level(&clara, 0),
        json!({"expire": 3600}),
        json!({"protect": true}),
        json!({"pin": "owner"}),
    ] {
        change(&mut boris, &group, &meta).is(403);
    }
    let own = json!({"flow": [{"uuid": group, "owner": boris.id}]});
    ask(&mut boris, "edit_flow", &own).is(403);
    assert_eq!(
        members(&mut anna, &group),
        expected,
        "nothing of it was done"
    );

    // A message of a member goes by a moderator, and not by a member.
    let text = clara.send(&group, "unwanted");
    let mut fritz = server.register("fritz");
    change(&mut anna, &group, &json!({"add": [fritz.id]})).is(200);
    fritz.delete(&text).is(403);
    boris.delete(&text).is(200);

    // Who leaves loses the level; who comes back is a member.
    let leave = json!({"flow": [{"uuid": group}]});
    boris.ask("leave_flow", &leave).is(200);
    change(&mut anna, &group, &json!({"add": [boris.id]})).is(200);
    change(&mut boris, &group, &json!({"remove": [emil.id]})).is(403);
    // The owner is followed by the moderator, though others joined before.
    anna.ask("leave_flow", &leave).is(200);
    change(&mut clara, &group, &level(&boris, 50)).is(200);
    dora.ask("leave_flow", &leave).is(404);
}

#[test]
fn moderators_write_in_a_channel() {
    let server = Server::start();
    let [mut anna, mut boris, mut clara] =
        ["anna", "boris", "clara"].map(|login| server.register(login));
    let channel = anna.add_flow("channel", "News", &[&boris, &clara]);
    boris.try_send(&channel, "no").is(403);
    change(&mut anna, &channel, &level(&boris, 50)).is(200);
    boris.send(&channel, "yes");
    clara.try_send(&channel, "no").is(403);
    change(&mut anna, &channel, &level(&boris, 0)).is(200);
    boris.try_send(&channel, "no longer").is(403);
}

#[test]
fn impossible_changes_are_refused_whole() {
    let server = Server::start();
    let [mut anna, boris, clara] = ["anna", "boris", "clara"].map(|login| server.register(login));
    let group = anna.group("G", &[&boris]);
    let chat = anna.add_flow("chat", "", &[&boris]);
    let stranger = "111111111111111111111111111111";
    for (flow, meta, code) in [
        (&group, level(&boris, 70), 403),
        (&group, json!({"levels": {anna.id.as_str(): 50}}), 403),
        (&group, level(&clara, 50), 404),
        (&group, json!({"levels": {stranger: 50}}), 404),
        (&group, json!({"add": [stranger]}), 404),
        (&group, json!({"remove": [stranger]}), 404),
        (
            &group,
            json!({"add": [clara.id], "remove": [stranger]}),
            404,
        ),
        (&group, json!({"expire": 59}), 403),
        (&group, json!({"expire": 365 * 86400 + 1}), 403),
        (&group, json!({"expire": "soon"}), 415),
        (&group, json!({"pin": "anybody"}), 415),
        (&group, json!({"picture": {}}), 415),
        (&group, json!({"picture": {"upload": "0123"}}), 404),
        (
            &group,
            json!({"picture": {"content": "A".repeat(800_000)}}),
            403,
        ),
        (&group, json!({}), 400),
        (&chat, json!({"add": [clara.id]}), 403),
        (&chat, level(&boris, 50), 403),
        (&chat, json!({"remove": [boris.id]}), 403),
    ] {
        change(&mut anna, flow, &meta).is(code);
    }
    assert_eq!(members(&mut anna, &group).len(), 2);
    assert_eq!(history(&mut anna, &group).len(), 1, "only that it was made");
    // In a chat, both set the timer.
    let mut boris = boris;
    let reply = change(&mut boris, &chat, &json!({"expire": 60})).is(200);
    assert_eq!(
        reply.data()["meta"]["flows"][&chat]["expire"],
        60,
        "{reply}"
    );
}

#[test]
fn saved_messages_are_one_flow_of_ones_own() {
    let server = Server::start();
    let [mut anna, boris] = ["anna", "boris"].map(|login| server.register(login));
    let saved = json!({"meta": {"saved": true}});
    let first = ask(&mut anna, "add_flow", &saved).is(200);
    let flow = first.flows()[0]["uuid"].as_str().expect("an id").to_owned();
    assert_eq!(first.flows()[0]["type"], "group");
    assert_eq!(first.flows()[0]["title"], "Saved messages");
    assert_eq!(first.data()["meta"]["flows"][&flow]["saved"], true);
    let again = ask(&mut anna, "add_flow", &saved).is(200);
    assert_eq!(again.flows()[0]["uuid"], json!(flow));
    anna.send(&flow, "note to myself");
    let refused = change(&mut anna, &flow, &json!({"add": [boris.id]})).is(403);
    assert_eq!(refused.data()["meta"]["refusal"]["key"], "saved_is_fixed");
    let whole = json!({"flow": [{"uuid": flow, "users": ids(&[&boris])}]});
    anna.ask("edit_flow", &whole).is(403);
    let title = json!({"flow": [{"uuid": flow, "title": "x"}]});
    anna.ask("edit_flow", &title).is(403);
    anna.ask("leave_flow", &json!({"flow": [{"uuid": flow}]}))
        .is(403);
    assert_eq!(members(&mut anna, &flow).len(), 1);
}

#[test]
fn a_large_flow_lists_its_members_by_the_page() {
    let server = Server::start();
    let mut others: Vec<String> = Vec::new();
    for n in 0..118 {
        let login = format!("member{n:03}");
        server
            .command(["user", "add", &login, "--password-stdin"])
            .stdin("correct horse battery\n")
            .run()
            .exits(0);
        others.push(login);
    }
    let mut anna = server.register("anna");
    let mut last = server.register("zoe");
    let found = |person: &mut Person, query: &str| -> Vec<Value> {
        let data = json!({"user": [{}, {"login": query}], "meta": {"query": query}});
        person.ask("find_user", &data).is(200).users().to_vec()
    };
    let everybody: Vec<Value> = found(&mut anna, "member")
        .iter()
        .map(|it| it["uuid"].clone())
        .collect();
    assert!(everybody.len() >= 100);
    let mut users = everybody.clone();
    users.push(json!(last.id));
    let data = json!({"flow": [{"type": "group", "title": "Club", "users": users}]});
    let club = anna.ask("add_flow", &data).is(200).flows()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    let count = users.len() + 1;
    // Rich: those who count and oneself. Plain: everybody.
    let expected: BTreeSet<_> = [anna.id.clone(), last.id.clone()].into();
    assert_eq!(members(&mut last, &club), expected);
    let plain = last.ask("all_flow", &NOTHING).is(200);
    assert_eq!(
        plain.flows()[0]["users"].as_array().map(Vec::len),
        Some(count)
    );
    let rich = ask(&mut last, "all_flow", &NOTHING).is(200);
    assert_eq!(rich.data()["meta"]["flows"][&club]["members"], count);
    // Pushed to many, and to each as if to that one alone.
    for person in [&mut anna, &mut last] {
        ask(person, "subscribe", &NOTHING).is(200);
    }
    let mut desk = anna.on(server.connect());
    let rename = json!({"flow": [{"uuid": club, "title": "The club"}]});
    ask(&mut desk, "edit_flow", &rename).is(200);
    let expected = [
        (vec![anna.id.clone(), last.id.clone()], &mut last),
        (vec![anna.id.clone()], &mut anna),
    ];
    for (expected, person) in expected {
        let push = told(person);
        assert_eq!(push.flows()[0]["title"], "The club", "{push}");
        assert_eq!(push.flows()[0]["users"], json!(expected), "{push}");
    }

    let asked = |after: &Value| json!({"flow": [{"uuid": club}], "meta": {"after": after}});
    let first = ask(&mut last, "list_members", &asked(&NOTHING)).is(206);
    assert_eq!(first.users().len(), 100);
    assert_eq!(first.users()[0]["uuid"], json!(anna.id), "the owner first");
    let rest = ask(
        &mut last,
        "list_members",
        &asked(&first.users()[99]["uuid"]),
    )
    .is(200);
    assert_eq!(rest.users().len(), count - 100);
    let all: BTreeSet<_> = first
        .users()
        .iter()
        .chain(rest.users())
        .map(|it| it["uuid"].to_string())
        .collect();
    assert_eq!(all.len(), count, "each once");
    let one = json!({"flow": [{"uuid": club}], "meta": {"query": "zo"}});
    let one = ask(&mut anna, "list_members", &one).is(200);
    assert_eq!(one.users().len(), 1);
    assert_eq!(one.users()[0]["uuid"], json!(last.id));
    let invited = json!({"flow": [{"uuid": club}], "meta": {"state": "invited"}});
    assert!(
        ask(&mut anna, "list_members", &invited)
            .is(200)
            .users()
            .is_empty()
    );
    ask(&mut last, "list_members", &invited).is(403);
    let mut stranger = server.register("stranger");
    ask(&mut stranger, "list_members", &asked(&NOTHING)).is(404);
}

#[test]
fn newcomers_have_nothing_unread_and_own_messages_are_read() {
    let server = Server::start();
    let [mut anna, mut boris] = ["anna", "boris"].map(|login| server.register(login));
    let group = anna.group("G", &[]);
    anna.send_many(&group, (0..5).map(|n| n.to_string()));
    let unread = |person: &mut Person| {
        let flows = ask(person, "all_flow", &NOTHING).is(200);
        let meta = &flows.data()["meta"];
        (meta["unread"][&group].clone(), meta["read"][&group].clone())
    };
    assert_eq!(unread(&mut anna), (json!(0), json!(4)));
    change(&mut anna, &group, &json!({"add": [boris.id]})).is(200);
    assert_eq!(unread(&mut boris), (json!(0), json!(4)));
    let mine = anna.send_many(&group, (0..4).map(|n| n.to_string()));
    assert_eq!(unread(&mut boris).0, json!(4));
    anna.delete(&mine[1]).is(200);
    assert_eq!(
        unread(&mut boris).0,
        json!(3),
        "deleted ones are not unread"
    );
    let read = json!({"flow": [{"uuid": group, "message_end": 6}]});
    boris.ask("read_flow", &read).is(200);
    assert_eq!(unread(&mut boris), (json!(2), json!(6)));
    boris.send(&group, "seen");
    assert_eq!(unread(&mut boris), (json!(0), json!(9)));
    // Whoever comes back keeps the mark that is further.
    boris
        .ask("leave_flow", &json!({"flow": [{"uuid": group}]}))
        .is(200);
    anna.send_many(&group, (0..3).map(|n| n.to_string()));
    change(&mut anna, &group, &json!({"add": [boris.id]})).is(200);
    assert_eq!(unread(&mut boris), (json!(0), json!(12)));
}
