//! Searching: any text is a text to find, never a syntax, and only what one may read is found.

use serde_json::{Value, json};

use crate::common::{Person, Server};

#[track_caller]
fn found(person: &mut Person, query: &str) -> Vec<String> {
    let reply = person.ask("find_message", &json!({"meta": {"query": query}}));
    assert!(matches!(reply.code(), 200 | 206), "{query:?}: {reply}");
    reply
        .texts()
        .iter()
        .map(|text| (*text).to_owned())
        .collect()
}

#[test]
fn words_are_found_newest_first() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    for text in [
        "the cherry tree",
        "Вишнёвый сад",
        "a CHERRY cake",
        "nothing of it",
    ] {
        anna.send(&group, text);
    }
    assert_eq!(
        found(&mut anna, "cherry"),
        ["a CHERRY cake", "the cherry tree"]
    );
    assert_eq!(found(&mut anna, "вишнёвый"), ["Вишнёвый сад"]);
    assert_eq!(found(&mut anna, "САД"), ["Вишнёвый сад"]);
    assert_eq!(
        found(&mut anna, "cherry cake"),
        ["a CHERRY cake"],
        "all words"
    );
    assert_eq!(found(&mut anna, "plum"), Vec::<String>::new());
}

#[test]
fn odd_queries_are_text() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send(&group, "plain words");
    for query in [
        "\"",
        "'",
        "\"unfinished",
        "a AND",
        "OR",
        "NOT",
        "NEAR(",
        "(",
        ")",
        "*",
        "a*",
        "^a",
        "col:a",
        "-a",
        "+",
        "{a b}:",
        ";",
        "--",
        "%",
        "_",
        "\\",
        "\u{0}",
        "\u{202e}",
        "👋",
        "…",
        "text : x",
        "a\"b",
        "plain NOT words",
    ] {
        found(&mut anna, query);
    }
    anna.send(&group, "C++ is \"hard\" AND NOT easy");
    assert_eq!(found(&mut anna, "\"hard\"").len(), 1);
    assert_eq!(found(&mut anna, "NOT easy").len(), 1);
    assert_eq!(
        found(&mut anna, "plain NOT words").len(),
        0,
        "NOT is a word"
    );
    let long = "word ".repeat(5000);
    let reply = anna.ask("find_message", &json!({"meta": {"query": long}}));
    assert!(reply.code() < 500, "{reply}");
}

#[test]
fn only_what_one_may_read_is_found() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let shared = anna.group("Shared", &[&boris]);
    let own = anna.group("Own", &[]);
    anna.send(&shared, "needle for both");
    anna.send(&own, "needle for anna");
    assert_eq!(found(&mut boris, "needle"), ["needle for both"]);
    assert_eq!(found(&mut anna, "needle").len(), 2);
    let within = json!({"flow": [{"uuid": own}], "meta": {"query": "needle"}});
    assert_eq!(
        anna.ask("find_message", &within).is(200).texts(),
        ["needle for anna"]
    );
    boris.ask("find_message", &within).is(404);
}

#[test]
fn at_most_a_hundred_are_found() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send_many(&group, (0..130).map(|n| format!("needle {n}")));
    let texts = found(&mut anna, "needle");
    assert_eq!(texts.len(), 100);
    assert_eq!(texts[0], "needle 129");
}

#[test]
fn a_found_message_has_its_number() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send_many(&group, (0..5).map(|n| format!("hay {n}")));
    let id = anna.send(&group, "needle");
    let reply = anna
        .ask("find_message", &json!({"meta": {"query": "needle"}}))
        .is(200);
    assert_eq!(reply.data()["meta"]["numbers"][&id], 5, "{reply}");
    anna.ask("find_message", &json!({"meta": {}})).is(400);
    anna.ask("find_message", &Value::Null).is(400);
}

#[test]
fn people_are_found_by_what_they_are_called_now() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut logins = |query: &str| -> Vec<String> {
        let reply = anna
            .ask("find_user", &json!({"meta": {"query": query}}))
            .is(200);
        let users = reply.users().iter();
        users
            .filter_map(|user| user["login"].as_str().map(str::to_owned))
            .collect()
    };
    assert!(logins("bor").is_empty());
    let mut boris = server.register("boris");
    assert_eq!(logins("BOR"), ["boris"]);
    boris
        .ask("edit_user", &json!({"user": [{"username": "Борис Ёлкин"}]}))
        .is(200);
    assert_eq!(logins("ёлк"), ["boris"], "by any word of the name");
    server
        .command(["user", "add", "clara", "--generate"])
        .run()
        .exits(0);
    assert_eq!(logins("cla"), ["clara"], "whoever made the account");
    let gone = json!({"user": [{"login": "boris", "password": crate::common::PASSWORD}]});
    boris.ask("delete_user", &gone).is(200);
    assert!(logins("bor").is_empty() && logins("ёлк").is_empty());
    assert_eq!(logins(""), ["admin", "anna", "clara"]);
}
