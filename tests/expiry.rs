//! Messages that disappear by themselves.

use serde_json::{Value, json};

use crate::{
    about::{about, about_in_history, id, listening, rich, say},
    common::{Person, Server},
    push::told,
};

#[track_caller]
pub(crate) fn timer(person: &mut Person, flow: &str, seconds: u64) {
    let data = json!({"flow": [{"uuid": flow}], "meta": {"expire": seconds}});
    person.ask("edit_flow", &data).is(200);
}

/// Makes everything that will disappear do so at once.
pub(crate) fn let_time_pass(server: &Server) {
    let file = rusqlite::Connection::open(server.database()).expect("the file");
    file.execute(
        "UPDATE messages SET expires_at = 1 WHERE expires_at IS NOT NULL",
        [],
    )
    .expect("changed");
}

#[test]
fn a_message_disappears_when_its_time_has_come() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let kept = anna.send(&group, "kept");
    timer(&mut anna, &group, 60);
    let sent = say(
        &mut anna,
        &group,
        Some("secret words"),
        &json!({"reply": {"uuid": kept}}),
    );
    let gone = id(&sent.is(200));
    let expires = about_in_history(&mut anna, &group, &gone)["expires"].as_u64();
    let sent_at = anna.history(&group)[1]["time"].as_u64();
    assert_eq!(expires.expect("a second") - sent_at.expect("a second"), 60);
    let answer = say(
        &mut anna,
        &group,
        Some("answer"),
        &json!({"reply": {"uuid": gone}}),
    );
    let answer = id(&answer.is(200));
    // Another timer changes no old message.
    timer(&mut anna, &group, 0);
    let later = anna.send(&group, "later");
    assert_eq!(about_in_history(&mut anna, &group, &later), Value::Null);
    let forward = json!({"forward": {"uuid": gone}});
    let refused = say(&mut anna, &group, None, &forward).is(403);
    assert_eq!(refused.refusal()["key"], json!("not_forwardable"));
    let position = rich(&mut anna, "all_flow", &Value::Null).data()["meta"]["position"].clone();

    server.kill();
    let_time_pass(&server);
    server.serve();
    let mut live = boris.on(server.connect());
    rich(
        &mut live,
        "subscribe",
        &json!({"meta": {"after": position}}),
    )
    .is(200);
    // Two have gone, together or one after the other.
    let mut told_of = Value::Null;
    while told_of.is_null() {
        let push = told(&mut live);
        assert!(
            push.texts().iter().all(|text| *text == "Message deleted"),
            "{push}"
        );
        told_of = about(&push, &gone);
    }
    assert_eq!(told_of, json!({"deleted": "expired"}));
    let mut anna = anna.on(server.connect());
    let texts: Vec<Value> = (anna.history(&group).iter())
        .map(|message| message["text"].clone())
        .collect();
    assert_eq!(texts[0], json!("kept"));
    assert_eq!(texts[3], json!("later"));
    // What answers it shows nothing of it: it went as well, by the same timer.
    assert_eq!(
        about_in_history(&mut anna, &group, &answer),
        json!({"deleted": "expired"})
    );
    let found = anna
        .ask("find_message", &json!({"meta": {"query": "secret"}}))
        .is(200);
    assert!(found.messages().is_empty());
}

#[test]
fn both_sides_of_a_chat_set_the_timer() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let chat = anna.add_flow("chat", "", &[&boris]);
    let mut live = listening(&server, &anna);
    timer(&mut boris, &chat, 86_400);
    let push = told(&mut live);
    assert_eq!(push.data()["meta"]["events"][0]["seconds"], json!(86_400));
    anna.send(&chat, "x");
    let all = rich(&mut boris, "all_flow", &Value::Null).is(200);
    let last = all.data()["meta"]["last"][&chat].as_str().expect("an id");
    assert!(about(&all, last)["expires"].as_u64().is_some(), "{all}");
}
