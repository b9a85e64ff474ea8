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
fn what_people_type_is_found() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let cases = include_str!("data/search_cases.tsv");
    for line in cases.lines().filter(|line| !line.starts_with('#')) {
        let (text, query) = line.split_once('\t').expect("a case");
        anna.send(&group, text);
        assert_eq!(found(&mut anna, query)[0], text, "by {query:?}");
    }
    anna.send(&group, "我们在火车站见面");
    let text = "明日は東京駅で会いましょう";
    anna.send(&group, text);
    let chars: Vec<char> = text.chars().collect();
    for start in 0..chars.len() - 1 {
        for end in start + 2..=chars.len() {
            let part: String = chars[start..end].iter().collect();
            assert_eq!(found(&mut anna, &part)[0], text, "by {part}");
        }
    }
    assert!(found(&mut anna, "京東").is_empty());
}

#[test]
fn edited_and_deleted_words_are_gone_at_once() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let message = anna.send(&group, "первая ёлка");
    assert_eq!(found(&mut anna, "елка").len(), 1);
    anna.edit(&message, "вторая сосна").is(200);
    anna.edit(&message, "третья сосна").is(200);
    assert_eq!(found(&mut anna, "елка").len(), 0);
    assert_eq!(found(&mut anna, "вторая").len(), 0);
    assert_eq!(found(&mut anna, "сосна третья").len(), 1);
    anna.delete(&message).is(200);
    assert_eq!(found(&mut anna, "сосна").len(), 0);
}

#[test]
fn quoted_words_are_found_as_they_stand() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    for text in ["a cherry tree", "a tree, cherry", "cherry trees"] {
        anna.send(&group, text);
    }
    assert_eq!(found(&mut anna, "cherry tree").len(), 3);
    assert_eq!(found(&mut anna, "\"Cherry Tree\""), ["a cherry tree"]);
    assert_eq!(found(&mut anna, "\"tree cherry\" a"), ["a tree, cherry"]);
}

#[test]
fn a_search_is_narrowed() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let other = anna.group("H", &[]);
    anna.send(&group, "needle of anna");
    boris.send(&group, "needle of boris");
    anna.send(&other, "needle elsewhere");
    let picture = json!({"flow": [{"uuid": group}],
        "message": [{"client_id": 1, "text": "needle and thread", "file_picture": "UElDVFVSRQ=="}]});
    anna.ask("send_message", &picture).is(200);
    let mut ask = |meta: Value| {
        let mut meta = meta;
        meta["query"] = "needle".into();
        let reply = anna.ask("find_message", &json!({"meta": meta}));
        let texts: Vec<String> = reply.texts().iter().map(|it| (*it).to_owned()).collect();
        (reply.code(), texts)
    };
    let all = [
        "needle and thread",
        "needle elsewhere",
        "needle of boris",
        "needle of anna",
    ];
    assert_eq!(ask(json!({})), (200, all.map(str::to_owned).to_vec()));
    let of_boris = (200, vec!["needle of boris".to_owned()]);
    assert_eq!(ask(json!({"from": boris.id})), of_boris);
    let with_picture = (200, vec!["needle and thread".to_owned()]);
    assert_eq!(ask(json!({"kinds": ["picture"]})), with_picture);
    assert_eq!(ask(json!({"kinds": ["voice", "picture"]})), with_picture);
    assert_eq!(ask(json!({"kinds": ["voice"]})), (200, vec![]));
    let reply = ask(json!({"kinds": []}));
    assert_eq!(reply.1.len(), 4);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    assert_eq!(
        ask(json!({"since": now - 600, "until": now + 600})).1.len(),
        4
    );
    assert_eq!(ask(json!({"since": now + 600})).1.len(), 0);
    assert_eq!(ask(json!({"until": now - 600})).1.len(), 0);
    assert_eq!(ask(json!({"from": "5"})).0, 404);
    assert_eq!(ask(json!({"kinds": ["film"]})).0, 415);
    assert_eq!(
        ask(json!({"since": i64::MAX, "until": i64::MIN})),
        (200, vec![])
    );
    assert_eq!(
        ask(json!({"from": boris.id, "kinds": ["picture"]})),
        (200, vec![])
    );
}

#[test]
fn a_cut_answer_tells_where_to_go_on() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send_many(&group, (0..250).map(|n| format!("needle {n}")));
    // Who does not know of it gets what there was before.
    let plain = anna.ask("find_message", &json!({"meta": {"query": "needle"}}));
    assert_eq!((plain.is(200).data()["meta"].get("before")), None);
    let mut before = Value::Null;
    let mut texts = Vec::new();
    for round in 0.. {
        let reply = anna.ask(
            "find_message",
            &json!({"meta": {"query": "needle", "before": before}}),
        );
        texts.extend(reply.texts().iter().map(|it| (*it).to_owned()));
        before = reply.data()["meta"]["before"].clone();
        assert_eq!(
            reply.code(),
            if before.is_null() { 200 } else { 206 },
            "{reply}"
        );
        if before.is_null() {
            break;
        }
        anna.send(&group, &format!("needle, newer: {round}"));
    }
    let expected: Vec<_> = (0..250).rev().map(|n| format!("needle {n}")).collect();
    assert_eq!(texts, expected);
    // Nothing is beyond the end, wherever that is said to be.
    let reply = anna.ask(
        "find_message",
        &json!({"meta": {"query": "needle", "before": 1}}),
    );
    assert!(reply.is(200).texts().is_empty());
    let reply = anna.ask(
        "find_message",
        &json!({"meta": {"query": "needle", "before": i64::MAX}}),
    );
    assert_eq!(reply.is(206).texts().len(), 100);
}

#[test]
fn the_operator_searches_alike() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    anna.send(&group, "ёлка у Анны");
    boris.send(&group, "вторая ёлка, с картинкой");
    let found = |arguments: &[&str]| {
        let mut all = vec!["message", "search"];
        all.extend(arguments);
        let output = server.command(["--json"]).args(all).run().exits(0);
        let list: Value = serde_json::from_str(&output.stdout).expect("JSON");
        list["messages"].as_array().expect("a list").len()
    };
    assert_eq!(found(&["елка"]), 2);
    assert_eq!(found(&["елка", "--from", "boris"]), 1);
    assert_eq!(found(&["\"вторая ёлка\""]), 1);
    assert_eq!(found(&["елка", "--kind", "picture"]), 0);
    assert_eq!(found(&["елка", "--newer", "1h"]), 2);
    assert_eq!(found(&["елка", "--older", "1h"]), 0);
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

#[test]
fn people_who_share_a_flow_come_first_and_strangers_only_by_name() {
    let server = Server::with(&[("auth.directory", "search")]);
    let mut people: Vec<Person> = ["anna", "aaron", "albert", "zoe"]
        .map(|login| server.register(login))
        .into();
    people[3]
        .ask("edit_user", &json!({"user": [{"username": "Алёна Zoe"}]}))
        .is(200);
    let [mut anna, aaron, albert, zoe] = <[Person; 4]>::try_from(people).ok().expect("four");
    anna.group("G", &[&zoe, &albert]);
    let mut logins = |query: Value| -> Vec<String> {
        let reply = anna
            .ask("find_user", &json!({"meta": {"query": query}}))
            .is(200);
        let users = reply.users().iter();
        users
            .filter_map(|user| user["login"].as_str().map(str::to_owned))
            .collect()
    };
    assert_eq!(logins(json!("a")), ["albert", "admin", "anna", "aaron"]);
    assert_eq!(logins(json!("алена")), ["zoe"]);
    assert_eq!(logins(json!("ZO АЛЕ")), ["zoe"]);
    let near = ["zoe", "albert", "anna"];
    for nothing in [json!(""), json!("  "), Value::Null] {
        assert_eq!(logins(nothing), near);
    }
    drop(aaron);
    drop(albert);
}

#[test]
fn a_large_server_does_not_list_its_users() {
    let list = |keys: &[(&str, &str)], many: bool| {
        let mut server = Server::with(keys);
        if many {
            server.stop();
            let conn = rusqlite::Connection::open(server.database()).expect("opens");
            for n in 0..100 {
                conn.execute(
                    "INSERT INTO users (uuid, login, login_key, localpart, created_at)
                     VALUES (randomblob(16), ?1, ?1, ?1, 1)",
                    [format!("stranger{n}")],
                )
                .expect("a user");
            }
            drop(conn);
            server.serve();
        }
        let mut anna = server.register("anna");
        let reply = anna
            .ask("find_user", &json!({"meta": {"query": ""}}))
            .is(200);
        let by_name = anna
            .ask("find_user", &json!({"meta": {"query": "strang"}}))
            .is(200);
        (reply.users().len(), by_name.users().len())
    };
    assert_eq!(list(&[], false), (2, 0));
    assert_eq!(list(&[], true), (1, 100));
    assert_eq!(list(&[("auth.directory", "all")], true), (100, 100));
}
