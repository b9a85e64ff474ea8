//! Exporting: everything that somebody wrote, in files that anything can read.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::common::{PASSWORD, Server};
use crate::roles::change;
use crate::users::document;

fn read(server: &Server, file: &str) -> Value {
    let text = fs::read_to_string(server.folder().join(file)).expect(file);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}: {text}"))
}

#[test]
fn a_user_a_flow_and_everything_can_be_exported() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let family = anna.group("Family", &[&boris]);
    let own = boris.group("Own", &[]);
    let texts: Vec<String> = (0..1200).map(|n| format!("message {n}")).collect();
    anna.send_many(&family, texts.clone());
    boris.send(&family, "«and» \"mine\"");
    let file = json!({"flow": [{"uuid": own}], "message": [{"client_id": 1, "file_picture": "aGVsbG8=", "emoji": [1, 2]}]});
    boris.ask("send_message", &file).is(200);
    boris
        .ask("leave_flow", &json!({"flow": [{"uuid": family}]}))
        .is(200);

    let done = document(server.command(["export", "--all", "--to", "all"]));
    assert_eq!(done["messages"], 1202);
    let whole = read(&server, &format!("all/flow-{family}.json"));
    assert_eq!(whole["flow"]["title"], "Family");
    let written = whole["messages"].as_array().expect("messages");
    let exported: Vec<_> = written
        .iter()
        .map(|it| it["text"].as_str().expect("text"))
        .collect();
    assert_eq!(exported[..1200], texts[..]);
    assert_eq!(written[1200]["login"], "boris");
    let users = read(&server, "all/users.json");
    assert_eq!(users["users"].as_array().map(Vec::len), Some(3));
    assert!(
        !users.to_string().contains("argon2"),
        "no hash of a password"
    );
    assert!(!users.to_string().contains(PASSWORD));
    let mode = fs::metadata(server.folder().join("all/users.json"))
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0, "for its owner alone");

    document(server.command(["export", "--user", "boris", "--to", "boris"]));
    let mine = read(&server, "boris/written.json");
    assert_eq!(
        mine["messages"].as_array().map(Vec::len),
        Some(2),
        "also where he is no longer"
    );
    assert_eq!(mine["messages"][1]["file_picture"], "aGVsbG8=");
    assert_eq!(mine["messages"][1]["emoji"], "AQI=");
    assert_eq!(read(&server, "boris/user.json")["user"]["login"], "boris");
    assert!(
        server
            .folder()
            .join(format!("boris/flow-{own}.json"))
            .exists()
    );
    assert!(
        !server
            .folder()
            .join(format!("boris/flow-{family}.json"))
            .exists()
    );

    server
        .command(["export", "--flow", "Family", "--to", "one"])
        .run()
        .exits(0);
    server
        .command(["export", "--flow", "Family", "--to", "one"])
        .run()
        .exits(4);
    server
        .command(["export", "--flow", "Nothing", "--to", "two"])
        .run()
        .exits(3);
    assert!(
        !server.folder().join("two").exists(),
        "nothing is made for nothing"
    );
}

#[test]
fn events_levels_settings_and_read_marks_are_in_the_export() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("Family", &[&boris]);
    anna.send(&group, "first");
    let settings = json!({"levels": {boris.id.as_str(): 50}, "expire": 86400, "protect": true});
    change(&mut anna, &group, &settings).is(200);
    boris.send(&group, "second");
    anna.send(&group, "third");
    for n in 0..600 {
        let title = json!({"flow": [{"uuid": group, "title": format!("{n}")}]});
        boris.ask("edit_flow", &title).is(200);
    }
    let file = format!("flow-{group}.json");
    document(server.command(["export", "--all", "--to", "all"]));
    let whole = read(&server, &format!("all/{file}"));
    let events = whole["events"].as_array().expect("events");
    assert_eq!(events.len(), 604, "more than a page");
    let kinds: Vec<_> = events.iter().map(|event| &event["kind"]).take(5).collect();
    assert_eq!(kinds, ["made", "level", "expire", "protect", "title"]);
    assert_eq!(events[1]["user"], json!(boris.id));
    assert_eq!(events[1]["level"], 50);
    assert_eq!(events[1]["after"], 0);
    assert_eq!(events[603]["title"], "599");
    assert_eq!(events[603]["by_login"], "boris");
    assert_eq!(whole["flow"]["levels"][&boris.id], 50);
    assert_eq!(whole["flow"]["expire"], 86400);
    assert_eq!(whole["flow"]["protect"], true);
    assert_eq!(whole["flow"]["pin"], "members");
    let marks = |whole: &Value| {
        let members = whole["flow"]["members"].as_array().expect("members");
        let mark = |member: &Value| member.get("read").cloned();
        members.iter().map(mark).collect::<Vec<_>>()
    };
    assert_eq!(marks(&whole), [Some(json!(2)), Some(json!(1))]);
    document(server.command(["export", "--user", "boris", "--to", "boris"]));
    let whole = read(&server, &format!("boris/{file}"));
    assert_eq!(marks(&whole), [None, Some(json!(1))], "the own one only");
    assert_eq!(whole["events"].as_array().map(Vec::len), Some(604));
}

#[test]
fn what_a_user_did_and_chose_is_in_the_users_export() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let clara = server.register("clara");
    let family = anna.group("Family", &[&boris]);
    let club = anna.group("Club", &[&boris]);
    let dinner = anna.send(&family, "dinner?");
    let react = |message: &str, sign: &str| json!({"message": [{"uuid": message}], "meta": {"reaction": sign, "on": true}});
    boris.ask("react", &react(&dinner, "👍")).is(200);
    anna.ask("react", &react(&dinner, "🍲")).is(200);
    let poll = json!({
        "flow": [{"uuid": club}], "message": [{}],
        "meta": {"about": {"poll": {"question": "Where?", "options": ["Home", "Lake"], "many": false, "anonymous": true}}},
    });
    let poll = anna.ask("send_message", &poll).is(200).messages()[0]["uuid"].clone();
    boris
        .ask(
            "vote",
            &json!({"message": [{"uuid": poll}], "meta": {"options": [1]}}),
        )
        .is(200);
    boris
        .ask("flow_settings", &json!({"flow": [{"uuid": club}], "meta": {"settings": {"pinned": 2, "mentions_only": true}}}))
        .is(200);
    let block = json!({"user": [{}, {"uuid": clara.id}], "meta": {"on": true}});
    boris.ask("block_user", &block).is(200);
    boris
        .ask("edit_user", &json!({"meta": {"share_read": false}}))
        .is(200);

    document(server.command(["export", "--user", "boris", "--to", "boris"]));
    let own = read(&server, "boris/own.json");
    assert_eq!(
        own["reactions"],
        json!([{"message": dinner, "from_flow": family, "reaction": "👍"}]),
        "nobody else's"
    );
    assert_eq!(
        own["votes"],
        json!([{"message": poll, "from_flow": club, "question": "Where?", "option": "Lake"}]),
        "one's own, also where nobody else may see it"
    );
    assert_eq!(own["blocked"], json!([clara.id]));
    assert_eq!(
        own["settings"].as_object().map(serde_json::Map::len),
        Some(1)
    );
    assert_eq!(own["settings"][&club]["pinned"], 2);
    assert_eq!(own["settings"][&club]["mentions_only"], true);
    assert_eq!(own["privacy"]["share_read"], false);
    assert_eq!(own["privacy"]["share_seen"], true);
    // Nothing of it is anybody else's.
    document(server.command(["export", "--user", "anna", "--to", "anna"]));
    let own = read(&server, "anna/own.json");
    assert_eq!(own["votes"], json!([]));
    assert_eq!(own["blocked"], json!([]));
}
