//! What clients get that accept more than revision 17, and that nobody else notices.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::{Value, json};

use crate::{
    common::{Person, Reply, Server, health::document},
    push::{subscribe, told},
};

const NOTHING: Value = Value::Null;

/// Sends a request that accepts `rich`.
#[track_caller]
fn ask(person: &mut Person, method: &str, data: &Value) -> Reply {
    person.ask_with_meta(method, data, &json!({"accept": ["rich"]}))
}

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

#[test]
fn each_subscriber_is_told_in_the_form_that_it_accepts() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let mut rich = anna.on(server.connect());
    let mut plain = anna.on(server.connect());
    let reply = ask(&mut rich, "subscribe", &NOTHING).is(200);
    assert_eq!(
        reply.data()["meta"]["features"],
        json!(["rich", "files", "push"])
    );
    let reply = plain.ask("subscribe", &NOTHING).is(200);
    assert!(reply.data()["meta"]["features"].is_null(), "{reply}");
    let picture =
        json!({"flow": [{"uuid": group}], "message": [{"text": "x", "file_picture": "iVBO"}]});
    let id = anna.ask("send_message", &picture).is(200).messages()[0]["uuid"].clone();
    let (to_rich, to_plain) = (told(&mut rich), told(&mut plain));
    assert_eq!(to_rich.messages()[0]["uuid"], id);
    assert!(
        to_rich.messages()[0].get("file_picture").is_none(),
        "{to_rich}"
    );
    assert_eq!(to_plain.messages()[0]["file_picture"], json!("iVBO"));

    let avatar = json!({"user": [{"avatar": "iVBO"}]});
    let reply = ask(&mut anna, "edit_user", &avatar).is(200);
    assert!(reply.users()[0].get("avatar").is_none(), "{reply}");
    let (to_rich, to_plain) = (told(&mut rich), told(&mut plain));
    assert!(to_rich.users()[0].get("avatar").is_none(), "{to_rich}");
    assert_eq!(to_plain.users()[0]["avatar"], json!("iVBO"));

    let delete = json!({"message": [{"uuid": id}]});
    anna.ask("delete_message", &delete).is(200);
    let (to_rich, to_plain) = (told(&mut rich), told(&mut plain));
    assert!(to_rich.messages()[0].get("emoji").is_none(), "{to_rich}");
    assert_eq!(to_plain.messages()[0]["emoji"], json!(""));
    // Until it subscribes anew, whatever else it asks meanwhile.
    rich.ask("ping_pong", &NOTHING).is(200);
    anna.ask("edit_user", &avatar).is(200);
    assert!(told(&mut rich).users()[0].get("avatar").is_none());
    subscribe(&mut rich);
    anna.ask("edit_user", &avatar).is(200);
    assert_eq!(told(&mut rich).users()[0]["avatar"], json!("iVBO"));
}

#[test]
fn what_was_missed_comes_in_the_form_of_the_subscription() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let picture = json!({"flow": [{"uuid": group}], "message": [{"file_picture": "iVBO"}]});
    anna.ask("send_message", &picture).is(200);
    for (accept, has_file) in [(json!(["rich"]), false), (json!([]), true)] {
        let mut later = anna.on(server.connect());
        let after = json!({"meta": {"after": 0}});
        let meta = json!({"accept": accept});
        later.ask_with_meta("subscribe", &after, &meta).is(200);
        let push = told(&mut later);
        let message = push.messages()[0].clone();
        assert_eq!(message.get("file_picture").is_some(), has_file, "{push}");
    }
}

#[test]
fn every_answer_with_messages_has_their_numbers_and_no_files() {
    let server = Server::start();
    let mut anna = server.register("anna");
    assert_eq!(anna.ask("all_flow", &NOTHING).code(), 404);
    assert!(
        ask(&mut anna, "all_flow", &NOTHING)
            .is(200)
            .flows()
            .is_empty()
    );
    let group = anna.group("G", &[]);
    let flow = json!({"flow": [{"uuid": group}]});
    let mut message = flow.clone();
    message["message"] = json!([{"text": "bonjour", "file_document": "iVBO"}]);
    let mut search = flow.clone();
    search["meta"] = json!({"query": "bonjour"});
    for (method, data) in [
        ("send_message", message),
        ("all_messages", flow),
        ("find_message", search),
        ("get_update", json!({"time": 0})),
        ("get_update", json!({"meta": {"after": null}})),
    ] {
        let reply = ask(&mut anna, method, &data).is(200);
        let message = &reply.messages()[0];
        assert!(message.get("file_document").is_none(), "{reply}");
        let id = message["uuid"].as_str().expect("an id");
        assert_eq!(reply.data()["meta"]["numbers"][id], json!(0), "{reply}");
    }
}

#[test]
fn a_repetition_is_answered_in_the_form_that_it_accepts() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let make = json!({"flow": [{"type": "group", "title": "G"}]});
    let first = anna
        .ask_with_meta("add_flow", &make, &json!({"txn": "a"}))
        .is(200);
    let meta = json!({"txn": "a", "accept": ["rich"]});
    let again = anna.ask_with_meta("add_flow", &make, &meta).is(200);
    assert_eq!(first.flows(), again.flows());
    let other = json!({"flow": first.flows(), "message": [{"text": "x"}]});
    let refused = anna.ask_with_meta("send_message", &other, &meta).is(400);
    assert_eq!(refused.refusal()["key"], json!("txn_made_flow"));
    let refused = anna
        .ask_with_meta("send_message", &other, &json!({"txn": "a"}))
        .is(400);
    assert!(refused.data().is_null(), "{refused}");
}

#[test]
fn features_are_told_to_who_has_not_signed_in() {
    let server = Server::start();
    let (code, version) = document(&server, "/version");
    assert_eq!(
        (code, &version["features"]),
        (200, &json!(["rich", "files", "push"]))
    );
}

#[test]
fn every_refusal_is_in_the_protocol_text_and_in_both_languages() {
    let mut keys = BTreeSet::new();
    for path in ["src/service/refusal.rs", "src/protocol/mtp/error.rs"] {
        let text = file(path);
        let text = text
            .split("fn described(")
            .nth(1)
            .expect("the list of keys");
        // An arm is `=> ("key", values)`, on one line or on several.
        let arms = text.replace("=> {", "=>").replace('\n', " ");
        for arm in arms.split("=>").skip(1) {
            let arm = arm.trim_start().trim_start_matches('(').trim_start();
            if let Some((key, _)) = arm.strip_prefix('"').and_then(|arm| arm.split_once('"')) {
                keys.insert(key.to_owned());
            }
        }
    }
    assert!(
        keys.len() > 40 && keys.contains("too_large"),
        "the arms are found: {keys:?}"
    );

    let documented: BTreeSet<String> = file("docs/protocol.md")
        .split("| refusal |")
        .nth(1)
        .expect("the table of refusals")
        .lines()
        .skip(2)
        .map_while(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split('`').next().map(str::to_owned))
        .collect();
    assert_eq!(keys, documented);

    let mut phrases: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for language in ["de", "en", "es", "ru"] {
        let text = file(&format!("src/web/js/locales/{language}.refusals.js"));
        let found = text.split("'refusal.").skip(1);
        let found = found.filter_map(|rest| rest.split('\'').next().map(str::to_owned));
        phrases.insert(language, found.collect());
    }
    for (language, phrases) in phrases {
        assert_eq!(keys, phrases, "{language}");
    }
}

#[test]
fn files_are_told_of_and_not_sent() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let mut live = anna.on(server.connect());
    ask(&mut live, "subscribe", &NOTHING).is(200);
    // PNG's first bytes; a page with a script; a short text that stands for a feeling.
    let message = json!({
        "text": "look", "file_picture": "iVBORw0KGgo=", "file_document": "PGh0bWw+PHNjcmlwdD4=", "emoji": ":)",
    });
    let data = json!({"flow": [{"uuid": group}], "message": [message]});
    let sent = ask(&mut anna, "send_message", &data).is(200);
    let id = sent.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    let pushed = told(&mut live);
    let page = ask(
        &mut anna,
        "all_messages",
        &json!({"flow": [{"uuid": group}]}),
    )
    .is(200);
    let updates = ask(&mut anna, "get_update", &json!({"meta": {"after": 0}})).is(200);
    let files = sent.data()["meta"]["about"][&id]["files"].clone();
    let facts = |file: &Value| ["kind", "size", "type", "text"].map(|key| file[key].clone());
    let known: Vec<_> = files.as_array().expect("files").iter().map(facts).collect();
    assert_eq!(
        known,
        [
            [json!("picture"), json!(8), json!("image/png"), NOTHING],
            [json!("document"), json!(14), NOTHING, NOTHING],
            [json!("sticker"), json!(2), NOTHING, json!(":)")],
        ],
        "{sent}"
    );
    assert_eq!(files[0]["id"].as_str().map(str::len), Some(32));
    assert!(files[2].get("id").is_none(), "nothing to fetch: {files}");
    for frame in [&pushed, &page, &updates] {
        assert_eq!(
            frame.data()["meta"]["about"][&id]["files"],
            files,
            "{frame}"
        );
        assert!(!frame.to_string().contains("iVBORw0KGgo"), "{frame}");
    }
    anna.delete(&id).is(200);
    let about = told(&mut live).data()["meta"]["about"][&id].clone();
    assert_eq!(about, json!({"deleted": "deleted"}));
}
