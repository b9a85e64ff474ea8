//! Flows and messages from the command line, beside a running server.

use serde_json::{Value, json};

use crate::common::Server;
use crate::push::told;
use crate::roles::{NOTHING, ask, change};
use crate::users::document;

#[test]
fn flows_of_all_types_are_made_and_changed() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    boris.ask("subscribe", &Value::Null).is(200);
    let create = [
        "flow", "create", "group", "--owner", "anna", "--title", "Family",
    ];
    let made = document(server.command(create));
    let id = made["flow"]["uuid"].as_str().expect("an id").to_owned();
    assert_eq!(made["flow"]["owner"], json!(anna.id));
    for kind in ["chat", "channel"] {
        let create = [
            "flow", "create", kind, "--owner", "anna", "--member", "boris",
        ];
        server.command(create).run().exits(0);
        assert_eq!(told(&mut boris).flows()[0]["type"], kind);
    }
    server
        .command([
            "flow", "create", "chat", "--owner", "boris", "--member", "anna",
        ])
        .run()
        .exits(4);
    server
        .command(["flow", "create", "chat", "--owner", "anna"])
        .run()
        .exits(1);
    server
        .command(["flow", "create", "group", "--owner", "nobody"])
        .run()
        .exits(3);

    server
        .command(["flow", "add-member", "Family", "boris"])
        .run()
        .exits(0);
    assert_eq!(told(&mut boris).flows()[0]["uuid"], json!(id));
    server
        .command(["flow", "add-member", "Family", "boris"])
        .run()
        .exits(4);
    server
        .command(["flow", "transfer", "Family", "boris"])
        .run()
        .exits(0);
    server
        .command(["flow", "transfer", "Family", "admin"])
        .run()
        .exits(1);
    let shown = document(server.command(["flow", "show", &id]));
    assert_eq!(shown["flow"]["owner"], json!(boris.id));
    assert_eq!(shown["flow"]["members"][1]["login"], "boris");
    server
        .command(["flow", "remove-member", "Family", "boris"])
        .run()
        .exits(0);
    server
        .command(["flow", "remove-member", "Family", "boris"])
        .run()
        .exits(3);
    let shown = document(server.command(["flow", "show", "Family"]));
    assert_eq!(shown["flow"]["owner"], json!(anna.id), "it passes on");
    let list = document(server.command(["flow", "list", "--user", "boris"]));
    assert_eq!(list["flows"].as_array().map(Vec::len), Some(2));
    let list = document(server.command(["flow", "list"]));
    assert_eq!(list["flows"].as_array().map(Vec::len), Some(3));
    anna.group("Family", &[]);
    let output = server.command(["flow", "show", "Family"]).run().exits(1);
    assert!(output.stderr.contains("by its id"), "{}", output.stderr);
}

#[test]
fn a_removed_flow_is_gone_with_every_word_of_it() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("Secret", &[]);
    let other = anna.group("Other", &[]);
    anna.send_many(&group, (0..600).map(|n| format!("zanzibar {n}")));
    anna.send(&other, "harmless zanzibar");
    server.command(["flow", "remove", "Secret"]).run().exits(2);
    let removed = document(server.command(["flow", "remove", "Secret", "--yes"]));
    assert_eq!(removed["removed"]["messages"], 600);
    server.command(["flow", "show", "Secret"]).run().exits(3);
    anna.page(&group, None).is(404);
    let found = anna
        .ask("find_message", &json!({"meta": {"query": "zanzibar"}}))
        .is(200);
    assert_eq!(found.texts(), ["harmless zanzibar"]);
    anna.ask("get_update", &json!({"time": 0})).is(200);
    server.stop();
    let text = String::from_utf8_lossy(&server.database_bytes()).into_owned();
    assert!(text.contains("harmless zanzibar"));
    assert!(
        !text.contains("zanzibar 4"),
        "the text is still in the file"
    );
    server.serve();
    anna.on(server.connect())
        .ask("all_flow", &Value::Null)
        .is(200);
}

#[test]
fn a_message_of_the_operator_reaches_connected_clients() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let mut anna = server.register("anna");
    let group = admin.group("Family", &[&anna]);
    anna.ask("subscribe", &Value::Null).is(200);
    let sent = document(server.command(["message", "send", "Family", "restart at ten"]));
    let pushed = told(&mut anna);
    assert_eq!(pushed.texts(), ["restart at ten"]);
    assert_eq!(pushed.messages()[0]["from_user"], json!(admin.id));
    assert_eq!(pushed.messages()[0]["uuid"], sent["message"]["uuid"]);
    let as_anna = server.command(["message", "send", "Family", "--as", "anna"]);
    as_anna.stdin("two\nlines\n").run().exits(0);
    assert_eq!(told(&mut anna).texts(), ["two\nlines"]);
    server
        .command(["message", "send", "Family", ""])
        .run()
        .exits(1);

    // An announcement reaches flows that no administrator is in, but nobody joins a chat of others.
    let mut boris = server.register("boris");
    let channel = boris.add_flow("channel", "News", &[&anna]);
    server
        .command(["message", "send", &channel, "for all"])
        .run()
        .exits(0);
    let seen = boris.history(&channel);
    assert_eq!(seen[0]["from_user"], json!(admin.id));
    let chat = boris.add_flow("chat", "", &[&anna]);
    let output = server
        .command(["message", "send", &chat, "x"])
        .run()
        .exits(1);
    assert!(output.stderr.contains("--as"), "{}", output.stderr);
    server
        .command(["message", "send", &channel, "x", "--as", "anna"])
        .run()
        .exits(1);
    while told(&mut anna).texts() != ["for all"] {}

    let list = document(server.command(["message", "list", &group, "--limit", "1"]));
    assert_eq!(list["messages"][0]["text"], "two\nlines");
    assert_eq!(list["messages"][0]["number"], 1);
    let list = document(server.command(["message", "list", &group, "--before", "1"]));
    assert_eq!(list["messages"][0]["login"], "admin");
    let found = document(server.command(["message", "search", "RESTART"]));
    let id = found["messages"][0]["uuid"]
        .as_str()
        .expect("found")
        .to_owned();

    server.command(["message", "delete", &id]).run().exits(2);
    server
        .command(["message", "delete", &id, "--yes"])
        .run()
        .exits(0);
    while told(&mut anna).texts() != ["Message deleted"] {}
    let found = document(server.command(["message", "search", "restart"]));
    assert_eq!(found, json!({"messages": []}));
    server
        .command(["message", "delete", "12", "--yes"])
        .run()
        .exits(3);
}

#[test]
fn levels_and_events_of_a_flow_are_the_operators_to_see_and_set() {
    let server = Server::start();
    let [mut anna, mut boris, clara] =
        ["anna", "boris", "clara"].map(|login| server.register(login));
    let group = anna.group("Family", &[&boris]);
    let set = |login, level| server.command(["flow", "set-level", "Family", login, level]);
    let shown = document(set("boris", "moderator"));
    assert_eq!(shown["flow"]["levels"][&boris.id], 50, "{shown}");
    set("boris", "moderator").run().exits(0);
    set("clara", "moderator").run().exits(3);
    set("anna", "member").run().exits(1);
    set("boris", "owner").run().exits(2);
    change(&mut boris, &group, &json!({"add": [clara.id]})).is(200);
    let settings = json!({"expire": 86400, "protect": true, "pin": "owner",
                          "picture": {"content": "iVBORw0KGgo="}});
    change(&mut anna, &group, &settings).is(200);
    let title = json!({"flow": [{"uuid": group, "title": "Kin\u{1b}"}]});
    anna.ask("edit_flow", &title).is(200);

    let shown = document(server.command(["flow", "show", &group]));
    let flow = &shown["flow"];
    assert_eq!(flow["expire"], 86400, "{shown}");
    assert_eq!(flow["protect"], true);
    assert_eq!(flow["pin"], "owner");
    assert_eq!(flow["picture"]["size"], 8);
    assert_eq!(flow["members"][1]["level"], 50);
    let text = server
        .command(["flow", "show", &group])
        .run()
        .exits(0)
        .stdout;
    assert!(
        text.contains("anna (owner), boris (moderator), clara\n"),
        "{text}"
    );
    assert!(
        text.contains("expire 1 d, protect, restricted pins, picture"),
        "{text}"
    );
    let list = server.command(["flow", "list"]).run().exits(0).stdout;
    assert!(list.contains("expire 1 d, protect"), "{list}");

    let told = document(server.command(["flow", "show", &group, "--events"]));
    let kinds: Vec<_> = told["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| event["kind"].as_str().expect("a kind"))
        .collect();
    let expected = [
        "made", "level", "added", "picture", "expire", "protect", "title",
    ];
    assert_eq!(kinds, expected);
    assert!(told["events"][1]["by"].is_null(), "the operator: {told}");
    assert_eq!(told["events"][2]["by_login"], "boris");
    assert_eq!(told["events"][2]["user_login"], "clara");
    let newest = ["flow", "show", &group, "--events", "--limit", "5"];
    let text = server.command(newest).run().exits(0).stdout;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[0].ends_with("  boris added clara"), "{text}");
    assert!(lines[4].ends_with("anna changed the title to «Kin\u{fffd}»"));
    server
        .command(["flow", "show", &group, "--limit", "5"])
        .run()
        .exits(2);

    // Saved messages are their owner's alone, for the operator too.
    let saved = ask(&mut anna, "add_flow", &json!({"meta": {"saved": true}})).is(200);
    let saved = saved.flows()[0]["uuid"].as_str().expect("an id").to_owned();
    server
        .command(["flow", "add-member", &saved, "boris"])
        .run()
        .exits(1);
    let flows = ask(&mut boris, "all_flow", &NOTHING).is(200);
    assert_eq!(flows.flows().len(), 1);
}
