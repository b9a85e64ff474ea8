//! Catching up by `get_update`: by time and by position, everything at least once and no loop.

use std::collections::BTreeMap;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::{
    about::rich,
    common::{Person, Server},
};

/// The state of messages as a client that catches up knows it.
type Known = BTreeMap<String, Value>;

fn learn(known: &mut Known, messages: &[Value]) {
    for message in messages {
        known.insert(
            message["uuid"].as_str().expect("an id").to_owned(),
            message.clone(),
        );
    }
}

/// Catches up from a time until 200; returns what was learnt and the time to go on from.
fn by_time(person: &mut Person, mut time: u64, known: &mut Known) -> u64 {
    for _ in 0..2000 {
        let reply = person.ask("get_update", &json!({"time": time}));
        learn(known, reply.messages());
        time = reply.time();
        match reply.code() {
            200 => return time,
            206 => {}
            _ => panic!("{reply}"),
        }
    }
    panic!("catching up does not end");
}

/// Catches up from a position until 200; returns the position to go on from.
fn by_position(person: &mut Person, mut position: Option<u64>, known: &mut Known) -> Option<u64> {
    for _ in 0..2000 {
        let reply = person.ask("get_update", &json!({"meta": {"after": position}}));
        learn(known, reply.messages());
        let next = reply.data()["meta"]["position"].as_u64();
        assert!(next.is_some(), "{reply}");
        // What was said while the reader was away has no position of its own: the same one is asked
        // for again.
        assert!(next >= position, "it never goes back: {reply}");
        if reply.code() != 206 {
            let reply = reply.is(200);
            return reply.data()["meta"]["position"].as_u64();
        }
        position = next;
    }
    panic!("catching up does not end");
}

/// Returns what the flows hold, for a server whose limit is 7 messages.
fn truth(person: &mut Person, flows: &[String]) -> Known {
    let mut known = Known::new();
    for flow in flows {
        learn(&mut known, &person.history_by(7, flow));
    }
    known
}

/// Compares what matters to a reader; an update may leave out what a page has and the reverse.
fn essence(known: &Known) -> BTreeMap<&str, (Value, Value, Value)> {
    known
        .iter()
        .map(|(id, message)| {
            let edited = json!(message["edited_status"] == json!(true));
            (
                id.as_str(),
                (
                    message["text"].clone(),
                    message["from_flow"].clone(),
                    edited,
                ),
            )
        })
        .collect()
}

#[test]
fn an_update_tells_flows_messages_and_users() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("Family", &[&boris]);
    let id = anna.send(&group, "hello");
    let reply = boris.ask("get_update", &json!({"time": 0})).is(200);
    assert_eq!(
        reply
            .flows()
            .iter()
            .filter(|flow| flow["uuid"] == json!(group))
            .count(),
        1,
        "{reply}"
    );
    assert_eq!(reply.messages()[0]["uuid"], json!(id));
    assert_eq!(reply.messages()[0]["text"], "hello");
    assert!(
        reply
            .users()
            .iter()
            .any(|user| user["uuid"] == json!(anna.id)),
        "{reply}"
    );
    assert!(
        reply
            .users()
            .iter()
            .filter(|user| user["uuid"] != json!(boris.id))
            .all(|user| user["email"].is_null()
                && user["password"].is_null()
                && user["auth_id"].is_null()),
        "{reply}"
    );
    assert_eq!(
        boris
            .ask("get_update", &Value::Null)
            .is(200)
            .messages()
            .len(),
        1,
        "no time is time 0"
    );
    let later = boris
        .ask("get_update", &json!({"time": reply.time() + 1000}))
        .is(200);
    assert!(later.messages().is_empty() && later.flows().is_empty() && later.users().is_empty());
}

#[test]
fn an_update_holds_edits_and_deletions() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let edited = anna.send(&group, "old");
    let deleted = anna.send(&group, "gone");
    let mut known = Known::new();
    let position = by_position(&mut boris, None, &mut known);
    anna.edit(&edited, "new").is(200);
    anna.delete(&deleted).is(200);
    anna.ask(
        "edit_flow",
        &json!({"flow": [{"uuid": group, "title": "Renamed"}]}),
    )
    .is(200);
    anna.ask("edit_user", &json!({"user": [{"username": "Anna"}]}))
        .is(200);
    let reply = boris
        .ask("get_update", &json!({"meta": {"after": position}}))
        .is(200);
    let texts: BTreeMap<_, _> = reply
        .messages()
        .iter()
        .map(|m| {
            (
                m["uuid"].as_str().expect("id"),
                m["text"].as_str().expect("text"),
            )
        })
        .collect();
    assert_eq!(
        texts,
        BTreeMap::from([
            (edited.as_str(), "new"),
            (deleted.as_str(), "Message deleted")
        ])
    );
    assert_eq!(reply.flows()[0]["title"], "Renamed", "{reply}");
    assert_eq!(reply.users()[0]["username"], "Anna", "{reply}");
    let position = reply.data()["meta"]["position"].clone();
    let nothing = boris
        .ask("get_update", &json!({"meta": {"after": position}}))
        .is(200);
    assert!(
        nothing.messages().is_empty() && nothing.flows().is_empty() && nothing.users().is_empty(),
        "{nothing}"
    );
}

#[test]
fn a_message_with_a_file_that_was_edited_often_is_told_once() {
    const EDITS: usize = 40;
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let mut position = by_position(&mut boris, None, &mut Known::new());
    let file = "x".repeat(500_000);
    let message = json!([{"client_id": 1, "text": "0", "file_document": file}]);
    let data = json!({"flow": [{"uuid": group}], "message": message});
    let sent = anna.ask("send_message", &data).is(200);
    let id = sent.messages()[0]["uuid"].as_str().expect("an id");
    for edit in 1..=EDITS {
        anna.edit(id, &edit.to_string()).is(200);
    }
    // Answers are cut where they get large, so a message told repeatedly shows in their sum.
    let mut texts = Vec::new();
    let mut bytes = 0;
    loop {
        let reply = boris.ask("get_update", &json!({"meta": {"after": position}}));
        let told = reply.messages().iter();
        texts.extend(told.map(|it| it["text"].as_str().expect("a text").to_owned()));
        bytes += reply.data().to_string().len();
        position = reply.data()["meta"]["position"].as_u64();
        if reply.code() == 200 {
            break;
        }
    }
    assert_eq!(texts, [EDITS.to_string()]);
    assert!(bytes < 2 * file.len(), "{bytes} bytes for one message");
}

#[test]
fn positions_survive_a_restart() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send(&group, "before");
    let position = by_position(&mut anna, None, &mut Known::new());
    server.restart();
    let mut anna = anna.on(server.connect());
    let id = anna.send(&group, "after");
    let mut known = Known::new();
    by_position(&mut anna, position, &mut known);
    assert_eq!(
        known.keys().collect::<Vec<_>>(),
        [&id],
        "exactly what is new"
    );
}

#[test]
fn more_in_a_second_than_an_answer_holds_still_comes() {
    let server = Server::with(&[("limits.messages", "10")]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    // More than the 1,000 messages up to which an answer is stretched to the end of its second.
    let sent = anna.send_many(&group, (0..2300).map(|n| n.to_string()));
    let mut known = Known::new();
    by_time(&mut anna, 0, &mut known);
    assert_eq!(known.len(), sent.len());
    let mut known = Known::new();
    by_position(&mut anna, None, &mut known);
    assert_eq!(known.len(), sent.len());
}

#[test]
fn an_answer_by_position_holds_at_most_the_limit() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send_many(&group, (0..250).map(|n| n.to_string()));
    let reply = anna
        .ask("get_update", &json!({"meta": {"after": null}}))
        .is(206);
    assert!(reply.messages().len() <= 100, "{}", reply.messages().len());
    let numbers = &reply.data()["meta"]["numbers"];
    for message in reply.messages() {
        let id = message["uuid"].as_str().expect("id");
        assert_eq!(
            numbers[id].to_string(),
            message["text"].as_str().expect("text"),
            "its number in the flow"
        );
    }
}

#[test]
fn positions_of_the_future_and_nonsense_are_told_apart() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let reply = anna.ask(
        "get_update",
        &json!({"meta": {"after": u64::from(u32::MAX)}}),
    );
    assert!(matches!(reply.code(), 200 | 403 | 404), "{reply}");
    for after in [json!("soon"), json!(1.5), json!([]), json!(true)] {
        let reply = anna.ask("get_update", &json!({"meta": {"after": after}}));
        assert!(matches!(reply.code(), 400 | 403 | 415), "{reply}");
    }
}

/// One thing that a random history does.
#[derive(Debug, Clone)]
enum Act {
    Send {
        flow: usize,
    },
    Edit {
        which: usize,
    },
    Delete {
        which: usize,
    },
    /// The reader goes from a flow, or comes back to it.
    Move {
        flow: usize,
    },
    CatchUp,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..3usize).prop_map(|flow| Act::Send { flow }),
        2 => any::<usize>().prop_map(|which| Act::Edit { which }),
        1 => any::<usize>().prop_map(|which| Act::Delete { which }),
        1 => (0..3usize).prop_map(|flow| Act::Move { flow }),
        1 => Just(Act::CatchUp),
    ]
}

/// Takes somebody out of a flow, or brings that somebody back.
fn take_out(owner: &mut Person, flow: &str, who: &Person, out: bool) {
    let people = json!([who.id]);
    let change = if out {
        json!({"remove": people})
    } else {
        json!({"add": people})
    };
    rich(
        owner,
        "edit_flow",
        &json!({"flow": [{"uuid": flow}], "meta": change}),
    )
    .is(200);
}

/// What somebody who catches up by position has been told, and is told now.
fn texts_known(person: &mut Person, position: &mut Option<u64>, known: &mut Known) -> Vec<String> {
    *position = by_position(person, *position, known);
    let mut texts: Vec<_> = known
        .values()
        .map(|message| message["text"].as_str().expect("a text").to_owned())
        .collect();
    texts.sort();
    texts
}

#[test]
fn who_looks_only_after_being_removed_misses_nothing_once_back() {
    let server = Server::with(&[("limits.messages", "2")]);
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let mut known = Known::new();
    let mut position = by_position(&mut boris, None, &mut Known::new());
    let quick = position;
    for text in ["1", "2", "3"] {
        anna.send(&group, text);
    }
    take_out(&mut anna, &group, &boris, true);
    anna.send(&group, "4");
    // What was said before the removal is no longer for those who are out.
    let nothing: [&str; 0] = [];
    assert_eq!(texts_known(&mut boris, &mut position, &mut known), nothing);
    anna.send(&group, "5");
    // Back, and out again before anybody has looked.
    take_out(&mut anna, &group, &boris, false);
    anna.send(&group, "6");
    take_out(&mut anna, &group, &boris, true);
    anna.send(&group, "7");
    assert_eq!(texts_known(&mut boris, &mut position, &mut known), nothing);
    take_out(&mut anna, &group, &boris, false);
    let all = ["1", "2", "3", "4", "5", "6", "7"];
    assert_eq!(texts_known(&mut boris, &mut position, &mut known), all);
    // A client that stood there all the time reads the same.
    let (mut quick, mut known) = (quick, Known::new());
    assert_eq!(texts_known(&mut boris, &mut quick, &mut known), all);
    // Once more: only what is new is told.
    take_out(&mut anna, &group, &boris, true);
    anna.send(&group, "8");
    take_out(&mut anna, &group, &boris, false);
    let mut known = Known::new();
    assert_eq!(texts_known(&mut boris, &mut position, &mut known), ["8"]);
}

#[test]
fn any_history_is_caught_up_with() {
    let server = Server::with(&[("limits.messages", "7")]);
    let anna = std::cell::RefCell::new(server.register("anna"));
    let boris = std::cell::RefCell::new(server.register("boris"));
    let mut runner = TestRunner::new(Config {
        cases: 12,
        failure_persistence: None,
        ..Config::default()
    });
    let live = |acts: Vec<Act>| {
        let (mut anna, mut boris) = (anna.borrow_mut(), boris.borrow_mut());
        let (mut timely, mut exact) = (Known::new(), Known::new());
        let mut time = by_time(&mut boris, 0, &mut Known::new());
        let mut position = by_position(&mut boris, None, &mut Known::new());
        let flows: Vec<String> = (0..3).map(|_| anna.group("G", &[&boris])).collect();
        let mut sent = Vec::new();
        let mut away = [false; 3];
        for (n, act) in acts.iter().enumerate() {
            match act {
                Act::Send { flow } => sent.push(anna.send(&flows[*flow], &format!("message {n}"))),
                Act::Edit { which } if !sent.is_empty() => {
                    // A message may have been deleted before; that is 404 then.
                    anna.edit(&sent[which % sent.len()], &format!("edit {n}"));
                }
                Act::Delete { which } if !sent.is_empty() => {
                    anna.delete(&sent[which % sent.len()]).is(200);
                }
                Act::Edit { .. } | Act::Delete { .. } => {}
                Act::Move { flow } => {
                    take_out(&mut anna, &flows[*flow], &boris, !away[*flow]);
                    away[*flow] = !away[*flow];
                }
                Act::CatchUp => {
                    time = by_time(&mut boris, time, &mut timely);
                    position = by_position(&mut boris, position, &mut exact);
                }
            }
        }
        for (flow, _) in flows.iter().zip(away).filter(|(_, away)| *away) {
            take_out(&mut anna, flow, &boris, false);
        }
        by_time(&mut boris, time, &mut timely);
        by_position(&mut boris, position, &mut exact);
        let truth = truth(&mut boris, &flows);
        prop_assert_eq!(truth.len(), sent.len());
        prop_assert_eq!(essence(&exact), essence(&truth), "by position");
        // By whole seconds, what happened in the second of the history's begin may come as well.
        timely.retain(|id, _| truth.contains_key(id));
        prop_assert_eq!(essence(&timely), essence(&truth), "by time");
        Ok(())
    };
    runner
        .run(&proptest::collection::vec(act(), 1..60), live)
        .expect("every history is caught up with");
}
