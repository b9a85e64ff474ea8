//! Reactions and polls: what people add to messages of others.

use std::time::Instant;

use serde_json::{Value, json};

use crate::{
    about::{about, about_in_history, id, listening, rich, say},
    common::{Person, Reply, Server},
    push::{subscribe, told},
};

#[track_caller]
fn react(person: &mut Person, message: &str, emoji: &str, on: bool) -> Reply {
    let data = json!({"message": [{"uuid": message}], "meta": {"reaction": emoji, "on": on}});
    rich(person, "react", &data)
}

fn reactions(reply: &Reply, message: &str) -> Value {
    reply.data()["meta"]["reactions"][message].clone()
}

#[test]
fn whoever_reads_reacts_and_everybody_is_told() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let channel = anna.add_flow("channel", "News", &[&boris]);
    let message = anna.send(&channel, "hello");
    let mut live = listening(&server, &anna);
    let mut plain = anna.on(server.connect());
    subscribe(&mut plain);
    let before = rich(&mut anna, "all_flow", &Value::Null).data()["meta"]["position"].clone();
    let reply = react(&mut boris, &message, "👍", true).is(200);
    let one = json!({"👍": {"count": 1, "users": [boris.id]}});
    assert_eq!(reactions(&reply, &message), one);
    let push = told(&mut live);
    assert_eq!(push.data()["meta"]["reactions"], json!({&message: one}));
    assert!(push.messages().is_empty());
    assert_eq!(
        about_in_history(&mut anna, &channel, &message)["reactions"],
        one
    );
    // Whoever asks by position is told of the present state, once.
    react(&mut boris, &message, "❤️", true).is(200);
    react(&mut boris, &message, "👍", true).is(200);
    react(&mut anna, &message, "👍", true).is(200);
    let all = json!({
        "👍": {"count": 2, "users": [boris.id, anna.id]}, "❤️": {"count": 1, "users": [boris.id]},
    });
    let updates = rich(
        &mut boris,
        "get_update",
        &json!({"meta": {"after": before}}),
    )
    .is(200);
    assert_eq!(updates.data()["meta"]["reactions"], json!({&message: all}));
    let plainly = boris
        .ask("get_update", &json!({"meta": {"after": before}}))
        .is(200);
    assert!(plainly.data()["meta"]["reactions"].is_null(), "{plainly}");
    assert_eq!(
        plainly.data()["meta"]["position"],
        updates.data()["meta"]["position"]
    );
    let whole = rich(&mut boris, "get_update", &json!({"meta": {"after": 0}})).is(200);
    assert_eq!(about(&whole, &message)["reactions"], all);
    assert!(
        whole.data()["meta"]["reactions"].is_null(),
        "it is in `about`"
    );
    react(&mut boris, &message, "❤️", false).is(200);
    react(&mut boris, &message, "❤️", false).is(200);
    react(&mut boris, &message, "👍", false).is(200);
    let last = react(&mut anna, &message, "👍", false).is(200);
    assert_eq!(reactions(&last, &message), json!({}));
    assert_eq!(about_in_history(&mut anna, &channel, &message), Value::Null);
    // The plain listener has heard nothing of all this.
    let second = anna.send(&channel, "next");
    assert_eq!(told(&mut plain).messages()[0]["uuid"], json!(second));
}

#[test]
fn a_reaction_is_one_emoji_and_there_are_few() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut people: Vec<Person> = (0..7).map(|n| server.register(&format!("p{n}"))).collect();
    let mut stranger = server.register("stranger");
    let group = anna.group("G", &people.iter().collect::<Vec<_>>());
    let message = anna.send(&group, "hello");
    for text in ["a", "", "👍👍", "да"] {
        let refused = react(&mut anna, &message, text, true).is(400);
        assert_eq!(refused.refusal()["key"], json!("bad_reaction"));
    }
    let emoji = [
        "😀", "😁", "😂", "😃", "😄", "😅", "😆", "😇", "😈", "😉", "😊", "😋", "😌", "😍", "😎",
        "😏", "😐", "😑", "😒", "😓", "😔",
    ];
    for (person, three) in people.iter_mut().zip(emoji.chunks(3)) {
        for (n, emoji) in three.iter().enumerate() {
            let code = react(person, &message, emoji, true).code();
            let is_last = *emoji == "😔";
            assert_eq!(code, if is_last { 403 } else { 200 }, "{n} {emoji}");
        }
    }
    let refused = react(&mut people[6], &message, "😔", true).is(403);
    assert_eq!(refused.refusal()["key"], json!("too_many_emoji"));
    react(&mut people[6], &message, "😀", true).is(200);
    let refused = react(&mut people[0], &message, "😉", true).is(403);
    assert_eq!(refused.refusal()["key"], json!("too_many_reactions"));
    react(&mut people[0], &message, "😀", true).is(200);
    react(&mut stranger, &message, "😀", true).is(404);
    react(&mut stranger, &message, "x", true).is(404);
    anna.delete(&message).is(200);
    react(&mut anna, &message, "😀", true).is(404);
}

#[test]
fn many_reactions_are_told_once_a_second() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut people: Vec<Person> = (0..30).map(|n| server.register(&format!("p{n}"))).collect();
    let group = anna.group("G", &people.iter().collect::<Vec<_>>());
    let message = anna.send(&group, "hello");
    let mut live = listening(&server, &anna);
    let start = Instant::now();
    for person in &mut people {
        react(person, &message, "👍", true).is(200);
    }
    let mut pushes = 0;
    loop {
        let push = told(&mut live);
        pushes += 1;
        let state = push.data()["meta"]["reactions"][&message].clone();
        if state["👍"]["count"] == json!(30) {
            break;
        }
    }
    let seconds = start.elapsed().as_secs() + 2;
    assert!(pushes <= seconds, "{pushes} in {:?}", start.elapsed());
    // A client that comes back after the last of them misses nothing that came in between.
    let position = rich(&mut anna, "all_flow", &Value::Null).data()["meta"]["position"].clone();
    react(&mut people[0], &message, "👍", false).is(200);
    react(&mut people[1], &message, "👍", false).is(200);
    let mut later = anna.on(server.connect());
    rich(
        &mut later,
        "subscribe",
        &json!({"meta": {"after": position}}),
    )
    .is(200);
    let state = told(&mut later).data()["meta"]["reactions"][&message].clone();
    assert_eq!(state["👍"]["count"], json!(28));
}

#[test]
fn what_was_not_told_before_a_crash_is_told_after_it() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let message = anna.send(&group, "hello");
    let mut live = listening(&server, &anna);
    react(&mut anna, &message, "👍", true).is(200);
    let first = told(&mut live);
    react(&mut anna, &message, "👍", false).is(200);
    anna.send(&group, "later");
    let second = told(&mut live);
    assert_eq!(second.texts(), ["later"], "{first}");
    let position = second.meta()["position"].clone();
    server.kill();
    server.serve();
    let mut later = anna.on(server.connect());
    rich(
        &mut later,
        "subscribe",
        &json!({"meta": {"after": position}}),
    )
    .is(200);
    assert_eq!(reactions(&told(&mut later), &message), json!({}));
}

#[test]
fn of_many_who_react_the_first_are_named() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut people: Vec<Person> = (0..51).map(|n| server.register(&format!("p{n}"))).collect();
    let group = anna.group("G", &people.iter().collect::<Vec<_>>());
    let message = anna.send(&group, "hello");
    for person in &mut people {
        react(person, &message, "👍", true).is(200);
    }
    for (person, mine) in [(0, Value::Null), (50, json!(true))] {
        let told = about_in_history(&mut people[person], &group, &message);
        let thumbs = &told["reactions"]["👍"];
        assert_eq!(thumbs["count"], json!(51));
        assert_eq!(thumbs["users"].as_array().map(Vec::len), Some(50));
        assert_eq!(thumbs["mine"], mine, "{told}");
    }
}

#[test]
fn a_blocked_person_does_not_react_in_the_chat_of_the_two() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let chat = anna.add_flow("chat", "", &[&boris]);
    let message = anna.send(&chat, "hello");
    react(&mut boris, &message, "👍", true).is(200);
    let block = |on: bool| json!({"user": [{}, {"uuid": boris.id}], "meta": {"on": on}});
    anna.ask("block_user", &block(true)).is(200);
    react(&mut boris, &message, "😀", true).is(403);
    react(&mut boris, &message, "👍", false).is(200);
}

#[track_caller]
fn vote(person: &mut Person, message: &str, options: &[i64]) -> Reply {
    let data = json!({"message": [{"uuid": message}], "meta": {"options": options}});
    rich(person, "vote", &data)
}

fn poll(reply: &Reply, message: &str) -> Value {
    reply.data()["meta"]["polls"][message].clone()
}

#[test]
fn a_poll_is_voted_in_changed_and_closed() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut clara = server.register("clara");
    let group = anna.group("G", &[&boris, &clara]);
    let mut live = listening(&server, &anna);
    let mut other = listening(&server, &boris);
    let mut plain = clara.on(server.connect());
    subscribe(&mut plain);
    let asked = json!({"poll": {"question": "When?", "options": ["today", "later"]}});
    let sent = say(&mut clara, &group, None, &asked).is(200);
    let message = id(&sent);
    let fresh = json!({
        "question": "When?", "options": ["today", "later"], "many": false, "anonymous": false,
        "closed": false, "counts": [0, 0], "voters": [[], []],
    });
    assert_eq!(about(&told(&mut live), &message)["poll"], fresh);
    assert_eq!(
        told(&mut plain).texts(),
        ["When?\n1. today (0)\n2. later (0)"]
    );
    told(&mut other);
    let voted = vote(&mut boris, &message, &[1]).is(200);
    let mut now = fresh.clone();
    now["counts"] = json!([0, 1]);
    now["voters"] = json!([[], [boris.id]]);
    let mut own = now.clone();
    own["mine"] = json!([1]);
    assert_eq!(poll(&voted, &message), own);
    assert_eq!(poll(&told(&mut other), &message), own, "own devices");
    assert_eq!(poll(&told(&mut live), &message), now, "others");
    assert_eq!(about_in_history(&mut boris, &group, &message)["poll"], own);
    let mut theirs = now.clone();
    theirs["mine"] = json!([]);
    assert_eq!(
        about_in_history(&mut anna, &group, &message)["poll"],
        theirs
    );
    assert_eq!(
        anna.history(&group)[0]["text"],
        json!("When?\n1. today (0)\n2. later (1)")
    );
    for bad in [&[0, 1][..], &[2], &[-1]] {
        let refused = vote(&mut anna, &message, bad).is(400);
        assert_eq!(refused.refusal()["key"], json!("bad_vote"));
    }
    vote(&mut boris, &message, &[0]).is(200);
    vote(&mut boris, &message, &[]).is(200);
    assert_eq!(
        about_in_history(&mut anna, &group, &message)["poll"]["counts"],
        json!([0, 0])
    );
    let close = json!({"message": [{"uuid": message}]});
    rich(&mut boris, "close_poll", &close).is(403);
    let closed = rich(&mut anna, "close_poll", &close).is(200);
    assert_eq!(poll(&closed, &message)["closed"], json!(true));
    clara.ask("close_poll", &close).is(200);
    let refused = vote(&mut boris, &message, &[0]).is(403);
    assert_eq!(refused.refusal()["key"], json!("poll_closed"));
    let edit = json!({"message": [{"uuid": message, "text": "x"}]});
    clara.ask("edited_message", &edit).is(403);
    let forward = json!({"forward": {"uuid": message}});
    say(&mut clara, &group, None, &forward).is(403);
    let found = json!({"meta": {"query": "later"}});
    assert_eq!(
        boris.ask("find_message", &found).is(200).messages().len(),
        1
    );
    clara.delete(&message).is(200);
    vote(&mut boris, &message, &[0]).is(404);
    rich(&mut anna, "close_poll", &close).is(404);
}

#[test]
fn votes_of_an_anonymous_poll_are_only_counted() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let asked = json!({"poll": {"question": "Who?", "options": ["a", "b", "c"], "many": true, "anonymous": true}});
    let message = id(&say(&mut anna, &group, None, &asked).is(200));
    vote(&mut boris, &message, &[2, 0, 2]).is(200);
    let told = about_in_history(&mut anna, &group, &message)["poll"].clone();
    assert_eq!(told["counts"], json!([1, 0, 1]));
    assert!(told["voters"].is_null());
    assert_eq!(told["mine"], json!([]));
    for bad in [
        json!({"question": "", "options": ["a", "b"]}),
        json!({"question": "q", "options": ["a"]}),
        json!({"question": "q", "options": vec!["a"; 13]}),
        json!({"question": "q".repeat(301), "options": ["a", "b"]}),
        json!({"question": "q", "options": ["a", "b".repeat(101)]}),
    ] {
        let refused = say(&mut anna, &group, None, &json!({"poll": bad})).is(400);
        assert_eq!(refused.refusal()["key"], json!("bad_poll"));
    }
    say(&mut anna, &group, Some("text"), &asked).is(400);
    // Nor does anything else stand beside a poll; what says nothing does no harm.
    let earlier = anna.send(&group, "earlier");
    for (key, value, code) in [
        ("reply", json!({"uuid": earlier}), 400),
        ("mentions", json!([boris.id]), 400),
        ("everyone", json!(true), 400),
        ("format", json!(1), 400),
        ("mentions", json!([]), 200),
        ("format", json!(0), 200),
    ] {
        let mut both = asked.clone();
        both[key] = value;
        say(&mut anna, &group, None, &both).is(code);
    }
    let text = anna.send(&group, "no poll");
    vote(&mut boris, &text, &[0]).is(404);
}
