//! What happens in a flow: told with who did it, between the messages, and to whoever comes back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    common::Server,
    push::told,
    roles::{NOTHING, ask, change, ids},
};

#[test]
fn what_happened_is_told_with_who_did_it() {
    let server = Server::start();
    let [mut anna, mut boris, clara] =
        ["anna", "boris", "clara"].map(|login| server.register(login));
    let group = anna.group("G", &[&boris]);
    let (mut rich, mut plain) = (boris.on(server.connect()), boris.on(server.connect()));
    let from = ask(&mut rich, "subscribe", &NOTHING).is(200).data()["meta"]["position"].clone();
    plain.ask("subscribe", &NOTHING).is(200);

    anna.send(&group, "first");
    told(&mut rich);
    told(&mut plain);
    change(
        &mut anna,
        &group,
        &json!({"add": [clara.id], "levels": {boris.id.as_str(): 50}}),
    )
    .is(200);
    let pushed = told(&mut rich);
    let events = pushed.data()["meta"]["events"].as_array().expect("events");
    assert_eq!(events.len(), 2, "one frame tells both: {pushed}");
    assert_eq!(events[0]["kind"], "added");
    assert_eq!(events[0]["user"], json!(clara.id));
    assert_eq!(events[0]["by"], json!(anna.id));
    assert_eq!(events[0]["after"], 0, "{pushed}");
    assert_eq!(events[0]["flow"], json!(group));
    assert!(
        events[0]["id"].is_string() && events[0]["time"].is_i64(),
        "{pushed}"
    );
    assert_eq!(events[1]["kind"], "level");
    assert_eq!(events[1]["level"], 50);
    assert_eq!(pushed.data()["meta"]["flows"][&group]["members"], 3);
    let pushed = told(&mut plain);
    assert_eq!(pushed.flows()[0]["users"], ids(&[&anna, &boris, &clara]));
    assert!(pushed.data()["meta"].is_null(), "{pushed}");

    // What old clients cannot see is no frame of theirs.
    change(&mut anna, &group, &json!({"protect": true})).is(200);
    change(&mut anna, &group, &json!({"expire": 86400})).is(200);
    let title = json!({"flow": [{"uuid": group, "title": "New"}]});
    anna.ask("edit_flow", &title).is(200);
    for (kind, key, value) in [
        ("protect", "on", json!(true)),
        ("expire", "seconds", json!(86400)),
        ("title", "title", json!("New")),
    ] {
        let event = told(&mut rich).data()["meta"]["events"][0].clone();
        assert_eq!(
            (&event["kind"], &event[key]),
            (&json!(kind), &value),
            "{event}"
        );
    }
    assert_eq!(told(&mut plain).flows()[0]["title"], "New");

    // The operator has no name.
    server
        .command(["flow", "remove-member", &group, "clara"])
        .run()
        .exits(0);
    let event = told(&mut rich).data()["meta"]["events"][0].clone();
    assert_eq!(event["kind"], "removed", "{event}");
    assert!(event.get("by").is_none(), "{event}");

    // The same by position, and with the page of messages.
    let since = json!({"meta": {"after": from}});
    let updates = ask(&mut boris, "get_update", &since).is(200);
    let kinds = |events: &Value| -> Vec<String> {
        let events = events.as_array().expect("events");
        events
            .iter()
            .map(|event| event["kind"].as_str().expect("a kind").to_owned())
            .collect()
    };
    let expected = ["added", "level", "protect", "expire", "title", "removed"];
    assert_eq!(kinds(&updates.data()["meta"]["events"]), expected);
    let page = ask(
        &mut boris,
        "all_messages",
        &json!({"flow": [{"uuid": group}]}),
    )
    .is(200);
    let all: Vec<&str> = ["made"].into_iter().chain(expected).collect();
    assert_eq!(kinds(&page.data()["meta"]["events"]), all);
    let later = json!({"flow": [{"uuid": group, "message_start": 1, "message_end": 5}]});
    let page = ask(&mut boris, "all_messages", &later).is(200);
    assert_eq!(
        page.data()["meta"]["events"],
        json!([]),
        "of later messages only"
    );
    let plain_updates = boris.ask("get_update", &since).is(200);
    assert!(
        plain_updates.data()["meta"].get("events").is_none(),
        "{plain_updates}"
    );
}

#[test]
fn of_many_events_in_one_place_the_newest_come_and_the_others_are_counted() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send(&group, "first");
    for n in 0..120 {
        let title = json!({"flow": [{"uuid": group, "title": format!("{n}")}]});
        anna.ask("edit_flow", &title).is(200);
    }
    anna.send(&group, "second");
    let page = ask(
        &mut anna,
        "all_messages",
        &json!({"flow": [{"uuid": group}]}),
    )
    .is(200);
    let events = page.data()["meta"]["events"].as_array().expect("events");
    assert_eq!(events.len(), 101, "made, and a hundred titles");
    assert_eq!(events[1]["more"], 20, "{}", events[1]);
    assert_eq!(events[1]["title"], "20");
    assert_eq!(events[100]["title"], "119");
    assert!(events[2].get("more").is_none());
}

#[test]
fn events_go_with_the_messages_before_them() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send(&group, "old");
    let title = |title: &str| json!({"flow": [{"uuid": group, "title": title}]});
    anna.ask("edit_flow", &title("then")).is(200);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    anna.send(&group, "new");
    anna.ask("edit_flow", &title("now")).is(200);
    server
        .command(["db", "prune", "--older", "2s", "--yes"])
        .run()
        .exits(0);
    let page = ask(
        &mut anna,
        "all_messages",
        &json!({"flow": [{"uuid": group}]}),
    )
    .is(200);
    let events = page.data()["meta"]["events"].as_array().expect("events");
    let known: Vec<_> = events
        .iter()
        .map(|it| (it["kind"].clone(), it["after"].clone()))
        .collect();
    assert_eq!(
        known,
        [(json!("made"), json!(-1)), (json!("title"), json!(0))]
    );
}

#[test]
fn who_comes_back_is_told_what_happened_meanwhile() {
    let server = Server::start();
    let [mut anna, mut boris] = ["anna", "boris"].map(|login| server.register(login));
    let group = anna.group("G", &[&boris]);
    let other = anna.group("Other", &[&boris]);
    let before = anna.send(&group, "before");
    let mut live = boris.on(server.connect());
    let end = live.ask("subscribe", &NOTHING).is(200).data()["meta"]["position"].clone();
    change(&mut anna, &group, &json!({"remove": [boris.id]})).is(200);
    assert!(told(&mut live).data()["meta"]["left"].is_array());
    // More than one answer holds.
    let meanwhile = anna.send_many(&group, (0..130).map(|n| format!("missed {n}")));
    anna.edit(&before, "before, edited").is(200);
    anna.send(&other, "elsewhere");
    assert_eq!(told(&mut live).messages()[0]["text"], "elsewhere");
    change(&mut anna, &group, &json!({"add": [boris.id]})).is(200);
    anna.send(&group, "after");

    let mut heard = Vec::new();
    while heard.last().map(String::as_str) != Some("after") {
        let pushed = told(&mut live);
        for message in pushed.messages() {
            heard.push(message["text"].as_str().expect("a text").to_owned());
        }
    }
    assert_eq!(heard.len(), meanwhile.len() + 2, "each once: {heard:?}");
    assert!(heard.contains(&"before, edited".to_owned()));

    // The same by asking, page by page on one connection.
    let mut asked = BTreeSet::new();
    let mut position = end;
    for _ in 0..10 {
        let since = json!({"meta": {"after": position}});
        let page = boris.ask("get_update", &since);
        for message in page.messages() {
            asked.insert(message["text"].as_str().expect("a text").to_owned());
        }
        position = page.data()["meta"]["position"].clone();
        if page.code() == 200 {
            break;
        }
    }
    assert!(
        asked.contains("after") && asked.contains("missed 129"),
        "{asked:?}"
    );
    assert_eq!(asked.len(), meanwhile.len() + 3, "{asked:?}");
}
