//! Messages as commands list and export them: who wrote each, as people see it, and all its files.

use std::fs;

use serde_json::{Value, json};

use crate::common::{PASSWORD, Server, http};
use crate::hooks::{hook, post};
use crate::users::document;

/// A form in parts with a message and two files, as `curl -F` sends it.
const PARTS: &str = "Content-Type: multipart/form-data; boundary=cut\r\n";
const TWO_FILES: &str = "--cut\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nat the door\r\n\
    --cut\r\nContent-Disposition: form-data; name=\"a\"; filename=\"front.txt\"\r\n\r\none\r\n\
    --cut\r\nContent-Disposition: form-data; name=\"b\"; filename=\"back.txt\"\r\n\r\ntwo\r\n--cut--\r\n";

/// A group in which a hook named "Camera" has written with two files, and its owner a message with
/// two files that answers it.
fn house() -> (Server, String) {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let path = format!("/hook/{}", hook(&mut anna, &flow, "Camera"));
    post(&server, &path, PARTS, TWO_FILES).is(200);
    let answered = anna.history(&flow)[0]["uuid"].clone();
    let files: Vec<Value> = ["dog.txt", "cat.txt"]
        .iter()
        .map(|name| {
            let upload = http::upload(&server, &anna, name.as_bytes());
            json!({"upload": upload, "kind": "document", "name": name})
        })
        .collect();
    let sent = json!({
        "flow": [{"uuid": flow}], "message": [{"client_id": 1, "text": "only the pets"}],
        "meta": {"about": {"files": files, "reply": {"uuid": answered}}},
    });
    anna.ask("send_message", &sent).is(200);
    (server, flow)
}

fn names(files: &Value) -> Vec<&str> {
    let files = files.as_array().expect("files").iter();
    files
        .map(|file| file["name"].as_str().unwrap_or_default())
        .collect()
}

#[test]
fn a_list_names_programs_as_people_see_them_and_all_files() {
    let (server, _) = house();
    for args in [
        ["message", "list", "Family"].as_slice(),
        &["message", "search", "the", "--flow", "Family"],
    ] {
        let mut list = document(server.command([]).args(args));
        let messages = list["messages"].as_array_mut().expect("messages");
        messages.sort_by_key(|message| message["number"].as_i64());
        let [seen, answer] = messages.as_slice() else {
            panic!("two messages: {messages:?}")
        };
        assert_eq!(seen["about"]["bot"]["name"], "Camera", "{seen}");
        assert!(seen["login"].is_string(), "{seen}");
        assert_eq!(seen["text"], "at the door");
        assert_eq!(names(&seen["files"]), ["front.txt", "back.txt"]);
        assert_eq!(seen["files"][1]["kind"], "document");
        assert_eq!(seen["files"][1]["size"], 3);
        assert_eq!(names(&answer["files"]), ["dog.txt", "cat.txt"]);
        assert_eq!(answer["about"]["reply"]["uuid"], seen["uuid"], "{answer}");

        let shown = server.command([]).args(args).run().exits(0).stdout;
        let line = |text: &str| {
            let mut lines = shown.lines();
            lines.find(|line| line.contains(text)).expect("its line")
        };
        let seen = line("at the door");
        assert!(seen.contains("  Camera ("), "{seen}");
        assert!(
            seen.ends_with("): at the door [document front.txt] [document back.txt]"),
            "{seen}"
        );
        let answer = line("only the pets");
        assert!(
            answer.ends_with("  anna: only the pets [document dog.txt] [document cat.txt]"),
            "{answer}"
        );
    }
}

#[test]
fn an_export_has_the_program_and_the_answer_beside_the_files() {
    let (server, flow) = house();
    document(server.command(["export", "--flow", "Family", "--to", "out"]));
    let text = fs::read_to_string(server.folder().join(format!("out/flow-{flow}.json")));
    let whole: Value = serde_json::from_str(&text.expect("exported")).expect("JSON");
    let [seen, answer] = &whole["messages"].as_array().expect("messages")[..] else {
        panic!("two messages: {whole:#}")
    };
    assert_eq!(seen["about"]["bot"]["name"], "Camera", "{seen:#}");
    assert_eq!(names(&seen["about"]["files"]), ["front.txt", "back.txt"]);
    let about = &answer["about"];
    assert_eq!(about["reply"]["uuid"], seen["uuid"], "{about:#}");
    assert_eq!(names(&about["files"]), ["dog.txt", "cat.txt"]);
}

#[test]
fn a_history_names_programs_and_all_files() {
    let (server, _) = house();
    let url = server.address();
    server
        .command(["client", "login", &url, "anna", "--password-stdin"])
        .stdin(format!("{PASSWORD}\n"))
        .run()
        .exits(0);
    let history = ["client", "history", &url, "Family", "--rich"];
    let shown = server.command(history).run().exits(0).stdout;
    assert!(
        shown.contains("  Camera: at the door [document front.txt, document back.txt]"),
        "{shown}"
    );
    assert!(
        shown.contains("only the pets [document dog.txt, document cat.txt]"),
        "{shown}"
    );
}
