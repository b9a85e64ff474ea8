//! What was exported is imported: on another server everything is as it was, under the same ids.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{
    about::rich,
    common::{
        Person, Server,
        http::{self, bearer, content, upload},
    },
    roles::change,
    sent_files::{self, picture},
    users::document,
};

/// The documents and files of an export, by path; files by their bytes.
pub(crate) type Export = BTreeMap<String, Result<Value, Vec<u8>>>;

#[track_caller]
pub(crate) fn export(server: &Server, what: &[&str], to: &str) -> Export {
    let mut program = server.command(["export", "--to", to]);
    for word in what {
        program = program.arg(word);
    }
    document(program);
    let mut found = Export::new();
    let folder = server.folder().join(to);
    for place in [folder.clone(), folder.join("files")] {
        for entry in fs::read_dir(&place).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                continue;
            }
            let bytes = fs::read(&path).expect("read");
            let name = path.strip_prefix(&folder).expect("inside");
            let read = match serde_json::from_slice(&bytes) {
                Ok(document) if name.extension().is_some_and(|it| it == "json") => Ok(document),
                _ => Err(bytes),
            };
            found.insert(name.display().to_string(), read);
        }
    }
    found
}

#[track_caller]
pub(crate) fn import(server: &Server, from: &Path) -> Value {
    document(server.command(["import", "--from", from.to_str().expect("UTF-8")]))
}

/// Replaces the ids of pictures and thumbnails, which are new after an import.
fn without_names(export: &Export) -> Vec<Value> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for key in ["picture", "thumbnail"] {
                    if let Some(Value::Object(picture)) = fields.get_mut(key) {
                        picture.remove("id");
                        picture.remove("path");
                    }
                }
                fields.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut documents: Vec<Value> = export.values().filter_map(|it| it.clone().ok()).collect();
    documents.iter_mut().for_each(strip);
    documents
}

/// The contents of files, whatever they are called.
fn contents(export: &Export) -> Vec<&Vec<u8>> {
    let mut files: Vec<_> = export.values().filter_map(|it| it.as_ref().err()).collect();
    files.sort();
    files
}

pub(crate) fn write(person: &mut Person, flow: &str, text: &str, about: &Value) -> String {
    let data =
        json!({"flow": [{"uuid": flow}], "message": [{"text": text}], "meta": {"about": about}});
    let sent = rich(person, "send_message", &data).is(200);
    sent.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned()
}

/// A family that has used everything; returns the group and its members.
pub(crate) fn family(server: &Server) -> (String, [Person; 3]) {
    let [mut anna, mut boris, mut clara] =
        ["anna", "boris", "clara"].map(|login| server.register(login));
    let group = anna.group("Family", &[&boris, &clara]);
    let face = upload(server, &anna, &picture(300_000, 11));
    let terms = json!({"levels": {boris.id.as_str(): 50}, "picture": {"upload": face}});
    change(&mut anna, &group, &terms).is(200);
    let profile = json!({"user": [{"username": "Анна", "bio": "hi", "avatar": "aGVsbG8="}]});
    anna.ask("edit_user", &profile).is(200);
    let first = anna.send(&group, "Who is coming on Sunday?");
    write(
        &mut boris,
        &group,
        "**I am**",
        &json!({"reply": {"uuid": first}, "format": 1}),
    );
    write(
        &mut clara,
        &group,
        "@anna and @all",
        &json!({"mentions": [anna.id], "everyone": true}),
    );
    for (person, sign) in [(&mut boris, "👍"), (&mut clara, "🍲"), (&mut anna, "👍")] {
        let data = json!({"message": [{"uuid": first}], "meta": {"reaction": sign, "on": true}});
        rich(person, "react", &data).is(200);
    }
    let edited = clara.send(&group, "At noon");
    clara.edit(&edited, "At one").is(200);
    let gone = clara.send(&group, "Nothing");
    clara.delete(&gone).is(200);
    write(
        &mut anna,
        &group,
        "to what is gone",
        &json!({"reply": {"uuid": edited}}),
    );
    clara.delete(&edited).is(200);
    let poll = json!({"poll": {"question": "Where?", "options": ["Home", "Lake"], "many": true, "anonymous": false}});
    let data = json!({"flow": [{"uuid": group}], "message": [{}], "meta": {"about": poll}});
    let sent = rich(&mut anna, "send_message", &data).is(200);
    let poll = json!([{"uuid": sent.messages()[0]["uuid"]}]);
    for (person, options) in [(&mut boris, json!([0, 1])), (&mut clara, json!([1]))] {
        rich(
            person,
            "vote",
            &json!({"message": poll, "meta": {"options": options}}),
        )
        .is(200);
    }
    rich(&mut anna, "close_poll", &json!({"message": poll})).is(200);
    let [film, small, voice] = [content(400_000, 3), picture(2_000, 2), content(900, 4)]
        .map(|bytes| upload(server, &boris, &bytes));
    let files = json!([
        {"upload": film, "kind": "video", "name": "Озеро.mp4", "width": 1920, "height": 1080, "duration": 61_000,
         "thumbnail": {"upload": small, "width": 480, "height": 270}},
        {"upload": voice, "kind": "voice", "duration": 2_000, "waveform": "AAH/"},
        {"upload": small, "kind": "document", "name": "a.png"},
    ]);
    sent_files::send(&mut boris, &group, "look", &files).is(200);
    let old = json!({"flow": [{"uuid": group}], "message": [{"client_id": 1, "file_picture": "aGVsbG8=", "emoji": [1, 2]}]});
    clara.ask("send_message", &old).is(200);
    let club = boris.group("Club", &[&clara]);
    write(&mut boris, &club, "", &json!({"forward": {"uuid": first}}));
    let pin = json!({"message": [{"uuid": first}], "meta": {"on": true}});
    rich(&mut anna, "pin_message", &pin).is(200);
    let rename = json!({"flow": [{"uuid": group, "title": "Family 2"}]});
    boris.ask("edit_flow", &rename).is(200);
    anna.send(&group, "after all that");
    let chosen = json!({"flow": [{"uuid": club}], "meta": {"settings": {"pinned": 2, "mentions_only": true}}});
    rich(&mut clara, "flow_settings", &chosen).is(200);
    let block = json!({"user": [{}, {"uuid": clara.id}], "meta": {"on": true}});
    rich(&mut boris, "block_user", &block).is(200);
    boris
        .ask("edit_user", &json!({"meta": {"share_read": false}}))
        .is(200);
    let read = json!({"flow": [{"uuid": group, "message_end": 2}]});
    rich(&mut clara, "read_flow", &read).is(200);
    let saved = rich(&mut anna, "add_flow", &json!({"meta": {"saved": true}})).is(200);
    let saved = saved.flows()[0]["uuid"].as_str().expect("an id").to_owned();
    anna.send(&saved, "note to self");
    let chat = anna.add_flow("chat", "", &[&boris]);
    anna.send(&chat, "between us");
    (group, [anna, boris, clara])
}

pub(crate) fn folder(server: &Server, name: &str) -> PathBuf {
    server.folder().join(name)
}

#[test]
fn everything_is_on_the_other_server_as_it_was() {
    let first = Server::start();
    let (group, [anna, ..]) = family(&first);
    let before = export(&first, &["--all"], "out");
    let second = Server::start();
    let counted = document(second.command([
        "import",
        "--from",
        folder(&first, "out").to_str().expect("UTF-8"),
        "--dry-run",
    ]));
    let done = import(&second, &folder(&first, "out"));
    for key in ["users", "flows", "messages", "files"] {
        assert_eq!(counted[key], done[key], "a dry run counts what is done");
    }
    assert_eq!(done["users"]["taken"], 3);
    assert_eq!(done["users"]["present"], 1, "the administrators are one");
    assert_eq!(done["flows"]["taken"], 4);
    let notes = done["notes"].to_string();
    assert!(notes.contains("without a password"), "{notes}");
    assert!(notes.contains("anna, boris, clara"), "{notes}");
    let after = export(&second, &["--all"], "out");
    let strip_admin = |mut documents: Vec<Value>| {
        for document in &mut documents {
            if let Some(users) = document["users"].as_array_mut() {
                users.retain(|user| user["login"] != "admin");
            }
        }
        documents
    };
    assert_eq!(
        strip_admin(without_names(&before)),
        strip_admin(without_names(&after))
    );
    assert_eq!(contents(&before), contents(&after));

    // Again: everything is there, and nothing comes twice.
    let again = import(&second, &folder(&first, "out"));
    for key in ["users", "flows", "messages"] {
        assert_eq!(again[key]["taken"], 0, "{again}");
    }
    assert_eq!(
        without_names(&export(&second, &["--all"], "twice")),
        without_names(&after)
    );

    // Those who sign in find what they had: messages, files, search, what is unread.
    second
        .command(["user", "passwd", "anna", "--password-stdin"])
        .stdin(format!("{}\n", crate::common::PASSWORD))
        .run()
        .exits(0);
    let mut again = second.sign_in("anna");
    assert_eq!(again.id, anna.id);
    let texts = again.texts(&group);
    assert_eq!(texts[0], "Who is coming on Sunday?");
    assert_eq!(texts.last().map(String::as_str), Some("after all that"));
    let found = again.ask("find_message", &json!({"meta": {"query": "sunday"}}));
    assert_eq!(found.is(200).messages().len(), 1);
    let page = rich(
        &mut again,
        "all_messages",
        &json!({"flow": [{"uuid": group}]}),
    )
    .is(200);
    let about = page.data()["meta"]["about"]
        .as_object()
        .expect("details")
        .clone();
    let files = about
        .values()
        .find_map(|it| it["files"].as_array().filter(|it| it.len() == 3));
    let film = &files.expect("three files")[0];
    for (id, bytes) in [
        (&film["id"], content(400_000, 3)),
        (&film["thumbnail"]["id"], picture(2_000, 2)),
    ] {
        let path = format!("/file/{}", id.as_str().expect("an id"));
        let fetched = http::ask(&second, "GET", &path, &bearer(&again)).is(200);
        assert!(fetched.body == bytes, "{path}");
    }
    again.send(&group, "goes on");
}

#[test]
fn an_import_that_was_killed_goes_on_where_it_was() {
    let first = Server::start();
    let mut anna = first.register("anna");
    let boris = first.register("boris");
    let group = anna.group("Long", &[&boris]);
    anna.send_many(&group, (0..3_000).map(|n| format!("message {n}")));
    for n in 0..20 {
        let title = json!({"flow": [{"uuid": group, "title": format!("{n}")}]});
        anna.ask("edit_flow", &title).is(200);
        anna.send(&group, &format!("titled {n}"));
    }
    let chosen = json!({"flow": [{"uuid": group}], "meta": {"settings": {"mentions_only": true}}});
    rich(&mut anna, "flow_settings", &chosen).is(200);
    let block = json!({"user": [{}, {"uuid": boris.id}], "meta": {"on": true}});
    rich(&mut anna, "block_user", &block).is(200);
    let own = |export: &Export| {
        let users = export["users.json"].as_ref().expect("a document")["users"].clone();
        let users = users.as_array().expect("users").clone();
        let anna = users.into_iter().find(|it| it["login"] == "anna");
        anna.expect("anna")["own"].clone()
    };
    let all = export(&first, &["--all"], "out");
    let before = export(&first, &["--flow", &group], "one");
    for pause in [50, 150, 300, 500, 900] {
        let second = Server::initialised("open", &[]);
        let from = folder(&first, "out");
        let from = from.to_str().expect("UTF-8");
        let running = second.command(["import", "--from", from]).start();
        std::thread::sleep(std::time::Duration::from_millis(pause));
        drop(running);
        import(&second, Path::new(from));
        let after = export(&second, &["--flow", &group], "one");
        assert_eq!(
            own(&all),
            own(&export(&second, &["--all"], "out")),
            "killed after {pause} ms"
        );
        assert_eq!(
            without_names(&before),
            without_names(&after),
            "killed after {pause} ms"
        );
    }
}

#[test]
fn what_is_here_stays_and_what_was_removed_stays_removed() {
    let first = Server::start();
    let (group, [mut anna, ..]) = family(&first);
    export(&first, &["--all"], "out");
    // The same server goes on: nothing is undone, and what was lost comes back.
    anna.send(&group, "later");
    let texts = anna.texts(&group);
    let done = import(&first, &folder(&first, "out"));
    for key in ["users", "flows", "messages"] {
        assert_eq!(done[key]["taken"], 0, "{done}");
    }
    assert_eq!(anna.texts(&group), texts);
    let gone = json!({"flow": [{"uuid": group}]});
    first
        .command(["flow", "remove", &group, "--yes"])
        .run()
        .exits(0);
    let done = import(&first, &folder(&first, "out"));
    assert_eq!(done["flows"]["left_out"], 1);
    assert!(
        done["notes"].to_string().contains("was removed here"),
        "{done}"
    );
    anna.ask("all_messages", &gone).is(404);
}

#[test]
fn a_login_that_is_taken_is_the_same_person() {
    let first = Server::start();
    family(&first);
    export(&first, &["--all"], "out");
    let second = Server::start();
    let mut anna = second.register("anna");
    let boris = second.register("boris");
    let chat = anna.add_flow("chat", "", &[&boris]);
    anna.send(&chat, "here");
    let done = import(&second, &folder(&first, "out"));
    let notes = done["notes"].to_string();
    assert!(
        notes.contains("\\\"anna\\\" has another id here"),
        "{notes}"
    );
    assert!(notes.contains("is a group from now on"), "{notes}");
    assert_eq!(done["users"]["taken"], 1);
    // Her messages are hers, and she sees them with the password that she has here.
    let flows = anna.ask("all_flow", &Value::Null).is(200);
    let family = flows.flows().iter().find(|it| it["title"] == "Family 2");
    let family = family.expect("the group")["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    let history = anna.history(&family);
    assert_eq!(history[0]["from_user"], json!(anna.id));
    assert_eq!(anna.texts(&chat), ["here"]);
}

#[test]
fn the_export_of_one_user_is_imported_too() {
    let first = Server::start();
    let (_, [_, boris, clara]) = family(&first);
    export(&first, &["--user", "clara"], "clara");
    let second = Server::start();
    let done = import(&second, &folder(&first, "clara"));
    assert_eq!(done["flows"]["taken"], 2, "{done}");
    let after = export(&second, &["--user", "clara"], "clara");
    let before = export(&first, &["--user", "clara"], "again");
    for name in ["own.json", "written.json"] {
        assert_eq!(after[name], before[name], "{name}");
    }
    let user = after["user.json"].as_ref().expect("a document");
    assert_eq!(user["user"]["uuid"], json!(clara.id));
    let boris = second.command(["user", "show", boris.login.as_str()]);
    assert_eq!(document(boris)["user"]["login"], "boris");
}

#[test]
fn what_is_no_export_is_told_and_changes_nothing() {
    let server = Server::start();
    let empty = folder(&server, "empty");
    fs::create_dir(&empty).expect("made");
    let run = |code: i32| {
        let path = empty.to_str().expect("UTF-8");
        server
            .command(["import", "--from", path])
            .run()
            .exits(code)
            .stderr
    };
    assert!(run(3).contains("there is no export in"));
    let flow = empty.join("flow-7.json");
    for (text, told) in [
        ("{", "flow-7.json is no document of an export: EOF"),
        ("[1]", "a flow with its messages"),
        (
            r#"{"flow": {"uuid": "x", "type": "group"}, "messages": []}"#,
            "is no id",
        ),
        (r#"{"messages": []}"#, "before its messages"),
        (
            r#"{"flow": {"uuid": "9", "type": "group"}, "messages": [{"uuid": "8"}]}"#,
            "missing field",
        ),
    ] {
        fs::write(&flow, text).expect("written");
        let said = run(1);
        assert!(said.contains(told), "{text}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    // A document cannot take files of this machine.
    let message = json!({
        "uuid": "11", "number": 0, "from_user": "12", "login": "mallory", "time": 1_700_000_000,
        "about": {"files": [{"kind": "document", "name": "x", "path": "../morelia.ini"}]},
    });
    let whole = json!({
        "flow": {"uuid": "10", "type": "group", "members": [{"uuid": "12", "login": "mallory"}]},
        "messages": [message],
    });
    // `flow` has to come first, and the keys of this document are sorted.
    fs::write(&flow, whole.to_string()).expect("written");
    let done = import(&server, &empty);
    assert_eq!(done["messages"]["taken"], 1);
    assert_eq!(done["files"], 0);
    assert!(
        done["notes"].to_string().contains("is not in the export"),
        "{done}"
    );
    server
        .command(["import", "--from", "nowhere"])
        .run()
        .exits(3);
    server
        .command(["import", "--from", "a", "--python-db", "b"])
        .run()
        .exits(2);
    server.command(["import"]).run().exits(2);
}
