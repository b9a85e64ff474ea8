//! Pictures of incoming hooks: who chooses them, who sees them, and when their files go.

use serde_json::{Value, json};

use crate::{
    administration::ask,
    common::{
        Person, Server,
        http::{self, Answer},
    },
    hooks::{JSON, hook, last, post},
    users::document,
};

fn png(seed: u32, length: usize) -> Vec<u8> {
    let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
    picture.extend(http::content(length, seed));
    picture
}

/// The only hook of a flow, as its owner sees it.
#[track_caller]
fn listed(person: &mut Person, flow: &str) -> Value {
    let listed = ask(person, "list_hooks", &json!({"flow": flow})).is(200);
    listed.data()["meta"]["hooks"][0].clone()
}

fn fetch(server: &Server, person: &Person, picture: &Value) -> Answer {
    let path = format!("/file/{}", picture["id"].as_str().expect("an id"));
    http::ask(server, "GET", &path, &http::bearer(person))
}

/// How many files there are of which a message, a person, a flow or a hook shows something: uploads
/// keep theirs for a while.
fn files(server: &Server) -> i64 {
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    let sql = "SELECT COUNT(*) FROM files f
               WHERE f.reference_count > (SELECT COUNT(*) FROM uploads u WHERE u.file_id = f.id)";
    database
        .query_row(sql, [], |row| row.get(0))
        .expect("a number")
}

fn picture(upload: &str) -> Value {
    json!({"upload": upload})
}

#[test]
fn who_sees_the_messages_of_a_hook_sees_its_picture() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let (mut boris, carol) = (server.register("boris"), server.register("carol"));
    let flow = anna.group("Family", &[&boris]);
    let one = png(1, 900);
    let upload = http::upload(&server, &anna, &one);
    let order = json!({"flow": flow, "name": "Dryer", "picture": picture(&upload)});
    let made = ask(&mut anna, "make_hook", &order).is(200);
    let secret = made.data()["meta"]["secret"].as_str().expect("a secret");
    let path = format!("/hook/{secret}");
    post(&server, &path, "", "done").is(200);
    let (_, about) = last(&mut boris, &flow);
    let shown = about["bot"]["picture"].clone();
    assert_eq!(about["bot"]["name"], "Dryer");
    assert_eq!(shown["type"], "image/png");
    assert_eq!(listed(&mut anna, &flow)["picture"], shown);
    for person in [&anna, &boris] {
        assert_eq!(fetch(&server, person, &shown).is(200).body, one);
    }
    // To who does not see the messages there is no such file.
    fetch(&server, &carol, &shown).is(404);
    let path_of_it = format!("/file/{}", shown["id"].as_str().expect("an id"));
    http::ask(&server, "GET", &path_of_it, "").is(401);

    // Another picture: the one before is gone, and earlier messages show the new one.
    let (id, kept) = (listed(&mut anna, &flow)["id"].clone(), files(&server));
    let upload = http::upload(&server, &anna, &png(2, 900));
    let change = json!({"id": id, "picture": picture(&upload)});
    ask(&mut anna, "edit_hook", &change).is(200);
    let (_, about) = last(&mut boris, &flow);
    let second = about["bot"]["picture"].clone();
    assert_ne!(second["id"], shown["id"]);
    fetch(&server, &boris, &shown).is(404);
    fetch(&server, &boris, &second).is(200);
    assert_eq!(files(&server), kept, "the first picture is kept");

    // A new name is that of later messages.
    let change = json!({"id": id, "name": "Tumble dryer"});
    ask(&mut anna, "edit_hook", &change).is(200);
    assert_eq!(last(&mut boris, &flow).1["bot"]["name"], "Dryer");
    post(&server, &path, "", "again").is(200);
    let (_, about) = last(&mut boris, &flow);
    assert_eq!(about["bot"]["name"], "Tumble dryer");
    assert_eq!(about["bot"]["picture"], second);

    // Who has left sees it no more; with the hook it goes.
    boris
        .ask("leave_flow", &json!({"flow": [{"uuid": flow}]}))
        .is(200);
    fetch(&server, &boris, &second).is(404);
    ask(&mut anna, "revoke_hook", &json!({"id": id})).is(200);
    fetch(&server, &anna, &second).is(404);
    let (_, about) = last(&mut anna, &flow);
    assert_eq!(about["bot"], json!({"name": "Tumble dryer"}));
    assert_eq!(files(&server), kept - 1, "a revoked hook keeps a picture");
    server.command(["db", "check"]).run().exits(0);
}

#[test]
fn a_picture_goes_when_it_is_taken_away_and_with_its_flow() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    hook(&mut anna, &flow, "Door");
    let id = listed(&mut anna, &flow)["id"].clone();
    let none = files(&server);
    let set = |anna: &mut Person| {
        let upload = http::upload(&server, anna, &png(3, 500));
        let change = json!({"id": id, "picture": picture(&upload)});
        ask(anna, "edit_hook", &change).is(200);
    };
    set(&mut anna);
    assert_eq!(files(&server), none + 1);
    ask(&mut anna, "edit_hook", &json!({"id": id, "picture": null})).is(200);
    assert_eq!(listed(&mut anna, &flow).get("picture"), None);
    assert_eq!(files(&server), none);
    set(&mut anna);
    server.command(["db", "check"]).run().exits(0);
    ask(&mut anna, "remove_flow", &json!({"flow": flow})).is(200);
    assert_eq!(files(&server), none, "a flow that is gone keeps a picture");
}

#[test]
fn only_small_pictures_of_the_owners_own_are_taken() {
    let server = Server::start();
    let (mut anna, mut boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Family", &[&boris]);
    hook(&mut anna, &flow, "Door");
    let id = listed(&mut anna, &flow)["id"].clone();
    let text = http::upload(&server, &anna, b"no picture at all");
    let large = http::upload(&server, &anna, &png(4, 128 * 1024));
    let foreign = http::upload(&server, &boris, &png(5, 100));
    let own = http::upload(&server, &anna, &png(6, 100));
    let change = |upload: &str| json!({"id": id, "picture": picture(upload)});
    for (upload, code) in [(&text, 403), (&large, 403), (&foreign, 404)] {
        ask(&mut anna, "edit_hook", &change(upload)).is(code);
        let order = json!({"flow": flow, "name": "x", "picture": picture(upload)});
        ask(&mut anna, "make_hook", &order).is(code);
    }
    // Who does not govern the flow is told of no hook.
    ask(&mut boris, "edit_hook", &change(&foreign)).is(404);
    for nothing in [json!({"id": id}), json!({"name": "x"})] {
        ask(&mut anna, "edit_hook", &nothing).is(400);
    }
    ask(&mut anna, "edit_hook", &json!({"id": id, "name": " "})).is(400);
    ask(&mut anna, "edit_hook", &change(&own)).is(200);
    assert!(listed(&mut anna, &flow)["picture"].is_object());
}

#[test]
fn commands_choose_pictures_too() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let at = |name: &str, bytes: &[u8]| {
        let path = server.folder().join(name);
        std::fs::write(&path, bytes).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let (good, bad) = (at("good.png", &png(7, 300)), at("bad.png", b"text"));
    let add = |picture: &str| {
        let program = server.command(["hook", "add", "--flow", "Family", "--name", "Cron"]);
        program.args(["--picture", picture])
    };
    let refused = add(&bad).run();
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("picture"), "{}", refused.stderr);
    let id = document(add(&good))["id"].to_string();
    let row = || document(server.command(["hook", "list"]))["hooks"][0].clone();
    assert_eq!(row()["picture"], true);
    let edit = |flags: &[&str]| {
        let program = server.command(["hook", "edit", &id]);
        program.args(flags.iter().copied())
    };
    document(edit(&["--name", "Night", "--no-picture"]));
    assert_eq!(
        (&row()["name"], &row()["picture"]),
        (&json!("Night"), &json!(false))
    );
    document(edit(&["--picture", &good]));
    assert!(listed(&mut anna, &flow)["picture"]["id"].is_string());
    edit(&[]).run().exits(2);
    edit(&["--picture", &good, "--no-picture"]).run().exits(2);
    let unknown = server.command(["hook", "edit", "77", "--name", "x"]).run();
    assert!(
        unknown.stderr.contains("there is no hook"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn an_emoji_stands_for_a_program_that_has_one() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let path = format!("/hook/{}", hook(&mut anna, &flow, "Grafana"));
    for (icon, expected) in [
        (":fire:", json!({"name": "Kitchen", "avatar": "🔥"})),
        ("🔥", json!({"name": "Kitchen", "avatar": "🔥"})),
        (":no_such:", json!({"name": "Kitchen"})),
        ("abc", json!({"name": "Kitchen"})),
    ] {
        let sent = json!({"text": "hot", "username": "Kitchen", "icon_emoji": icon});
        post(&server, &path, JSON, sent.to_string()).is(200);
        assert_eq!(last(&mut anna, &flow).1["bot"], expected, "{icon}");
    }
    let sent = json!({"text": "hot", "icon_emoji": ":fire:"}).to_string();
    post(&server, &path, JSON, sent).is(200);
    let expected = json!({"name": "Grafana", "avatar": "🔥"});
    assert_eq!(last(&mut anna, &flow).1["bot"], expected);
    assert_eq!(anna.texts(&flow)[0], "[Kitchen] hot");
}
