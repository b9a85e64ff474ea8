//! Clients that have followed past the copy that is put back.

use serde_json::{Value, json};

use crate::{
    backup::document,
    common::{Person, Reply, Server},
    push::{subscribe, told},
    roles::{NOTHING, ask},
};

fn position(reply: &Reply) -> i64 {
    let position = reply.data()["meta"]["position"].as_i64();
    position.unwrap_or_else(|| panic!("a position: {reply}"))
}

fn after(position: i64) -> Value {
    json!({"meta": {"after": position}})
}

/// Makes a copy and returns its name.
fn copy(server: &Server, name: &str) -> String {
    let made = document(server, ["backup", "--to", name], 0);
    made["file"].as_str().expect("a file").to_owned()
}

/// Puts a copy in the place of the database of a running server.
fn restore(server: &mut Server, copy: &str) {
    server.stop();
    document(server, ["restore", copy, "--yes"], 0);
    server.serve();
}

/// Asserts that a client that was told everything up to a position has to begin anew, and returns
/// from where.
fn begins_anew(server: &Server, person: &Person, told: i64) -> i64 {
    let mut person = person.on(server.connect());
    let answer = ask(&mut person, "get_update", &after(told)).is(200);
    assert_eq!(answer.data()["meta"]["reset"], true, "{answer}");
    assert!(answer.messages().is_empty() && answer.flows().is_empty());
    let subscribed = ask(&mut person, "subscribe", &after(told)).is(200);
    assert_eq!(subscribed.data()["meta"]["reset"], true, "{subscribed}");
    assert_eq!(position(&subscribed), position(&answer));
    position(&answer)
}

/// Asserts that a client that was told everything up to a position just goes on.
fn goes_on(server: &Server, person: &Person, told: i64) -> Vec<String> {
    let mut person = person.on(server.connect());
    let subscribed = ask(&mut person, "subscribe", &after(told)).is(200);
    assert!(subscribed.data()["meta"]["reset"].is_null(), "{subscribed}");
    assert_eq!(position(&subscribed), told);
    let answer = ask(&mut person, "get_update", &after(told)).is(200);
    assert!(answer.data()["meta"]["reset"].is_null(), "{answer}");
    answer.texts().into_iter().map(str::to_owned).collect()
}

#[test]
fn who_followed_past_a_restored_copy_begins_anew() {
    let mut server = Server::start();
    let [mut anna, boris] = ["anna", "boris"].map(|login| server.register(login));
    let group = anna.group("G", &[&boris]);
    anna.send(&group, "first");
    let early = position(&ask(&mut anna, "all_flow", &NOTHING));
    anna.send(&group, "second");
    let kept = position(&ask(&mut anna, "all_flow", &NOTHING));
    let first_copy = copy(&server, "first.db");
    anna.send_many(&group, (0..10).map(|n| format!("lost {n}")));
    let lost = position(&ask(&mut anna, "all_flow", &NOTHING));
    assert!(lost > kept);
    restore(&mut server, &first_copy);

    let mut anna = anna.on(server.connect());
    assert_eq!(goes_on(&server, &boris, early), ["second"]);
    assert!(goes_on(&server, &boris, kept).is_empty());
    for told in [kept + 1, lost - 1, lost, lost + 1_000_000] {
        let anew = begins_anew(&server, &boris, told);
        assert!(anew > lost, "positions go on above what was given: {anew}");
        assert!(goes_on(&server, &boris, anew).is_empty(), "once is enough");
    }
    // It goes on from there, live, with nothing in between.
    let mut live = boris.on(server.connect());
    ask(&mut live, "subscribe", &after(lost)).is(200);
    anna.send(&group, "third");
    let pushed = told(&mut live);
    assert_eq!(pushed.texts(), ["third"]);
    let third = pushed.meta()["position"].as_i64().expect("a position");
    assert!(third > lost, "no position is given twice");
    assert_eq!(goes_on(&server, &boris, early), ["second", "third"]);
    begins_anew(&server, &boris, lost);
    // Plain clients hear what they always heard.
    let mut plain = boris.on(server.connect());
    let subscribed = plain.ask("subscribe", &after(lost)).is(200);
    assert_eq!(position(&subscribed), lost);
    assert!(subscribed.data()["meta"]["reset"].is_null(), "{subscribed}");
    assert_eq!(told(&mut plain).texts(), ["third"]);

    // A second restore remembers the first.
    let second_copy = copy(&server, "second.db");
    anna.send(&group, "lost again");
    let lost_again = subscribe(&mut anna);
    let lost_again = i64::try_from(lost_again).expect("small");
    restore(&mut server, &second_copy);
    assert!(goes_on(&server, &boris, third).is_empty());
    begins_anew(&server, &boris, lost);
    begins_anew(&server, &boris, lost_again);
}

#[test]
fn where_nobody_knows_what_was_given_positions_go_on_far_above() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send(&group, "kept");
    let kept = position(&ask(&mut anna, "all_flow", &NOTHING));
    let copy = copy(&server, "copy.db");
    anna.send_many(&group, (0..50).map(|n| format!("lost {n}")));
    let lost = position(&ask(&mut anna, "all_flow", &NOTHING));
    server.stop();
    for suffix in ["", "-wal", "-shm"] {
        let path = server.folder().join(format!("morelia.db{suffix}"));
        let _ = std::fs::remove_file(path);
    }
    document(&server, ["restore", &copy, "--yes"], 0);
    server.serve();
    assert!(goes_on(&server, &anna, kept).is_empty());
    let anew = begins_anew(&server, &anna, lost);
    assert!(anew >= kept + (1 << 32), "{anew}");
    let mut anna = anna.on(server.connect());
    anna.send(&group, "after");
    assert_eq!(anna.texts(&group), ["kept", "after"]);
    begins_anew(&server, &anna, lost);
    assert_eq!(goes_on(&server, &anna, anew), ["after"]);
}
