//! What keeps people from others keeps bots too, in every face: blocks, being asked first, and no
//! longer being a member.

use serde_json::{Value, json};

use crate::{
    administration::ask,
    bots::bot,
    common::{
        Person, Server, eventually,
        http::{self, Answer},
        receiver::{Receiver, checked},
    },
    outgoing::out,
    roles::change,
};

const ALL: [&str; 3] = ["read", "write", "manage"];

/// Sends a request of a script.
#[track_caller]
fn rest(server: &Server, person: &Person, method: &str, path: &str, body: &Value) -> Answer {
    let headers = format!("{}Content-Type: application/json\r\n", http::bearer(person));
    let path = format!("/api/v1{path}");
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    http::send(server, method, &path, &headers, body.as_bytes())
}

fn block(person: &mut Person, other: &str, on: bool) {
    let data = json!({"user": [{}, {"uuid": other}], "meta": {"on": on}});
    person.ask("block_user", &data).is(200);
}

/// A hook that writes as a bot; returns its path.
#[track_caller]
fn hook_as(owner: &mut Person, flow: &str, bot: &Person) -> String {
    let order = json!({"flow": flow, "name": "Door", "bot": bot.id});
    let made = ask(owner, "make_hook", &order).is(200);
    let secret = made.data()["meta"]["secret"].as_str().expect("a secret");
    format!("/hook/{secret}")
}

fn post(server: &Server, path: &str) -> Answer {
    http::send(server, "POST", path, "", b"knock")
}

/// A server, and a receiver to which its hooks may post.
fn house() -> (Receiver, Server) {
    let receiver = Receiver::start();
    let server = Server::with(&[
        ("bots.members", "on"),
        ("outbound.allow_private", &receiver.address()),
    ]);
    (receiver, server)
}

#[test]
fn who_is_blocked_reaches_nobody_by_a_bot_either() {
    let (receiver, server) = house();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut helper = bot(&server, &mut boris, "helper", &ALL);
    let group = helper.group("Helpers", &[]);
    // Of a chat that is there already, everything is kept ready.
    let chat = helper.add_flow("chat", "", &[&anna]);
    let door = hook_as(&mut server.sign_in("admin"), &chat, &helper);
    post(&server, &door).is(200);
    let (first, second) = (anna.send(&chat, "hello"), anna.send(&chat, "bye"));
    let (id, secret) = out(
        &mut server.sign_in("admin"),
        &chat,
        &receiver.url(),
        json!({"bot": helper.id, "events": ["delete"]}),
    );
    let others = [helper.id.clone(), boris.id.clone()];
    for (turn, blocked) in others.iter().enumerate() {
        block(&mut anna, blocked, true);
        // No chat is opened, and no group is filled.
        let other = bot(&server, &mut boris, &format!("other{turn}"), &ALL);
        let who = if turn == 0 { &helper } else { &other };
        let users = json!([anna.id]);
        let opened = json!({"type": "chat", "users": users});
        rest(&server, who, "POST", "/flows", &opened).is(404);
        let opened = json!({"flow": [{"type": "chat", "users": users}]});
        let mut again = who.on(server.connect());
        again.ask("add_flow", &opened).is(404);
        change(&mut helper, &group, &json!({"add": users})).is(404);
        let path = format!("/flows/{group}/members");
        rest(&server, &helper, "POST", &path, &json!({"users": users})).is(404);
        // In the chat that is there neither writes.
        helper.try_send(&chat, "x").is(403);
        anna.try_send(&chat, "x").is(403);
        helper
            .ask("typing", &json!({"flow": [{"uuid": chat}]}))
            .is(403);
        let path = format!("/flows/{chat}/messages");
        rest(&server, &helper, "POST", &path, &json!({"text": "x"})).is(403);
        post(&server, &door).is(403);
        block(&mut anna, blocked, false);
        helper.send(&chat, "again");
        post(&server, &door).is(200);
    }
    // What the receiver of an outgoing hook answers is not said there.
    block(&mut anna, &boris.id, true);
    receiver.answers(&[(200, r#"{"text": "I saw that"}"#)]);
    anna.delete(&first).is(200);
    assert_eq!(receiver.told(&secret)["type"], "message.deleted");
    let mut admin = server.sign_in("admin");
    // Once the next one is posted, the answer to the first has been settled.
    anna.delete(&second).is(200);
    assert_eq!(receiver.told(&secret)["type"], "message.deleted");
    assert!(!anna.texts(&chat).contains(&"I saw that".to_owned()));
    ask(&mut admin, "remove_outgoing", &json!({"id": id})).is(200);
}

#[test]
fn whoever_asks_to_be_asked_is_asked_by_bots_too() {
    let (_, server) = house();
    let mut anna = server.register("anna");
    let asks = json!({"meta": {"ask_first": true}});
    anna.ask("edit_user", &asks).is(200);
    let mut boris = server.register("boris");
    let mut helper = bot(&server, &mut boris, "helper", &ALL);
    let users = json!([anna.id]);
    let invited = |anna: &mut Person| -> Vec<Value> {
        let all = ask(anna, "all_flow", &Value::Null).is(200);
        assert!(all.flows().is_empty(), "{all}");
        let invited = all.data()["meta"]["invited"].as_array().cloned();
        let flows = invited.unwrap_or_default().into_iter();
        flows.map(|it| it["flow"].clone()).collect()
    };
    let mut flows = Vec::new();
    flows.push(helper.group("By MTP", &[&anna]));
    let added = helper.group("By edit_flow", &[]);
    change(&mut helper, &added, &json!({"add": users})).is(200);
    flows.push(added);
    let listed = helper.group("By a list", &[]);
    let all = json!({"flow": [{"uuid": listed, "users": [helper.id, anna.id]}]});
    helper.ask("edit_flow", &all).is(200);
    flows.push(listed);
    let made = json!({"type": "group", "title": "By a script", "users": users});
    let made = rest(&server, &helper, "POST", "/flows", &made).is(200);
    let made: Value = serde_json::from_slice(&made.body).expect("JSON");
    flows.push(made["id"].as_str().expect("an id").to_owned());
    let scripted = helper.group("By a script, later", &[]);
    let path = format!("/flows/{scripted}/members");
    rest(&server, &helper, "POST", &path, &json!({"users": users})).is(200);
    flows.push(scripted);
    let wanted: Vec<Value> = flows.iter().map(|flow| json!(flow)).collect();
    assert_eq!(invited(&mut anna), wanted);
    for flow in &flows {
        helper.send(flow, "are you there?");
        anna.page(flow, None).is(404);
    }
    // Who declines stays out, and is asked again and not added.
    let first = json!({"flow": [{"uuid": flows[0]}]});
    anna.ask("leave_flow", &first).is(200);
    change(&mut helper, &flows[0], &json!({"add": users})).is(200);
    assert_eq!(invited(&mut anna).len(), flows.len());
    anna.ask("join_flow", &first).is(200);
    assert_eq!(anna.texts(&flows[0]), ["are you there?"]);
}

/// What a bot asks by MTP of a flow that it is no longer in, and of messages there.
#[track_caller]
fn by_mtp(helper: &mut Person, flow: &str, messages: &[&str]) {
    let accept = json!({"accept": ["rich"]});
    let in_flow = json!({"flow": [{"uuid": flow}]});
    for method in [
        "all_messages",
        "list_members",
        "seen_flow",
        "pins",
        "typing",
        "leave_flow",
        "list_files",
        "join_flow",
    ] {
        let code = helper.ask_with_meta(method, &in_flow, &accept).code();
        assert_eq!(code, 404, "{method}");
    }
    ask(helper, "flow_commands", &json!({"flow": flow})).is(404);
    helper.try_send(flow, "x").is(404);
    helper
        .ask(
            "read_flow",
            &json!({"flow": [{"uuid": flow, "message_end": 1}]}),
        )
        .is(404);
    for message in messages {
        helper.edit(message, "x").is(404);
        helper.delete(message).is(404);
        let about = json!({"message": [{"uuid": message}], "meta": {"reaction": "👍", "on": true}});
        helper.ask_with_meta("react", &about, &accept).is(404);
        helper
            .ask_with_meta("message_info", &about, &accept)
            .is(404);
    }
    let found = ask(helper, "find_message", &json!({"query": "washing"}));
    assert!(found.messages().is_empty(), "{found}");
    assert!(ask(helper, "all_flow", &Value::Null).flows().is_empty());
}

/// What it asks by `/api/v1`.
#[track_caller]
fn by_script(server: &Server, helper: &Person, flow: &str, own: &str) {
    let text = json!({"text": "x"});
    for (method, path, body) in [
        ("GET", format!("/flows/{flow}"), &Value::Null),
        ("PATCH", format!("/flows/{flow}"), &json!({"title": "x"})),
        ("GET", format!("/flows/{flow}/messages"), &Value::Null),
        ("POST", format!("/flows/{flow}/messages"), &text),
        (
            "POST",
            format!("/flows/{flow}/members"),
            &json!({"users": [helper.id]}),
        ),
        ("PATCH", format!("/messages/{own}"), &text),
        ("DELETE", format!("/messages/{own}"), &Value::Null),
        (
            "PUT",
            format!("/messages/{own}/reactions/%F0%9F%91%8D"),
            &Value::Null,
        ),
    ] {
        let status = rest(server, helper, method, &path, body).status;
        assert_eq!(status, 404, "{method} {path}");
    }
}

#[test]
fn a_bot_that_was_taken_out_keeps_nothing() {
    let (receiver, server) = house();
    let mut anna = server.register("anna");
    let mut admin = server.sign_in("admin");
    let mut helper = bot(&server, &mut admin, "helper", &ALL);
    let flow = anna.group("Family", &[&helper, &admin]);
    let said = anna.send(&flow, "washing machine");
    let own = helper.send(&flow, "yes?");
    let upload = http::upload(&server, &anna, b"a film");
    let sent = json!({"flow": [{"uuid": flow}], "message": [{"client_id": 1}],
        "meta": {"about": {"files": [{"upload": upload, "kind": "document", "name": "film"}]}}});
    let accept = json!({"accept": ["rich"]});
    let sent = anna.ask_with_meta("send_message", &sent, &accept).is(200);
    let id = sent.messages()[0]["uuid"].as_str().expect("an id");
    let file = sent.data()["meta"]["about"][id]["files"][0]["id"].clone();
    let file = format!("/file/{}", file.as_str().expect("an id"));
    let fetch = |person: &Person| http::ask(&server, "GET", &file, &http::bearer(person)).status;
    assert_eq!(fetch(&helper), 200);
    let door = hook_as(&mut admin, &flow, &helper);
    post(&server, &door).is(200);
    let (id, secret) = out(
        &mut admin,
        &flow,
        &receiver.url(),
        json!({"bot": helper.id}),
    );
    anna.send(&flow, "heard");
    assert_eq!(receiver.told(&secret)["message"]["text"], "heard");
    let updates: Value =
        serde_json::from_slice(&rest(&server, &helper, "GET", "/updates", &Value::Null).body)
            .expect("JSON");
    let after = updates["position"].clone();

    change(&mut anna, &flow, &json!({"remove": [helper.id]})).is(200);
    let secret_text = "what the bot must not read";
    anna.send(&flow, secret_text);
    by_mtp(&mut helper, &flow, &[&said, &own]);
    by_script(&server, &helper, &flow, &own);
    let read = |path: &str| {
        let answer = rest(&server, &helper, "GET", path, &Value::Null).is(200);
        String::from_utf8(answer.body).expect("UTF-8")
    };
    let updates = read(&format!("/updates?after={after}&wait=0"));
    assert!(!updates.contains(secret_text), "{updates}");
    let found = read("/search?q=washing");
    assert!(!found.contains("washing machine"), "{found}");
    assert_eq!(fetch(&helper), 404);
    // By hooks, in and out; another hook shows that what was said has been told.
    post(&server, &door).is(404);
    let (_, control) = out(&mut admin, &flow, &receiver.url(), json!({}));
    anna.send(&flow, "who hears this?");
    let told = receiver.next();
    assert_eq!(
        checked(&told, &control)["message"]["text"],
        "who hears this?"
    );
    ask(&mut admin, "test_outgoing", &json!({"id": id})).is(404);

    // Back again, all of it works again, and what was said meanwhile is there to be read.
    change(&mut anna, &flow, &json!({"add": [helper.id]})).is(200);
    helper.edit(&own, "yes!").is(200);
    post(&server, &door).is(200);
    assert_eq!(fetch(&helper), 200);
}

#[test]
fn what_somebody_made_ends_with_the_membership_in_every_form() {
    let (receiver, server) = house();
    let mut anna = server.register("anna");
    let mut admin = server.sign_in("admin");
    let flow = anna.group("Family", &[&admin]);
    let made = ask(
        &mut anna,
        "make_hook",
        &json!({"flow": flow, "name": "Door"}),
    )
    .is(200);
    let secret = made.data()["meta"]["secret"].as_str().expect("a secret");
    let bearer = format!("Authorization: Bearer {secret}\r\n");
    let json_body = "Content-Type: application/json\r\n";
    let forms = [
        ("/hook/{}", String::new(), "knock"),
        ("/hook/{}/slack", json_body.to_owned(), r#"{"text": "x"}"#),
        ("/hooks/{}", json_body.to_owned(), r#"{"text": "x"}"#),
        ("/ntfy/topic", bearer.clone(), "knock"),
        (
            "/gotify/message",
            format!("{bearer}{json_body}"),
            r#"{"message": "x"}"#,
        ),
        (
            "/",
            format!("{bearer}{json_body}"),
            r#"{"topic": "t", "message": "x"}"#,
        ),
    ];
    let post_all = || -> Vec<u16> {
        let one = |(path, headers, body): &(&str, String, &str)| {
            let path = path.replace("{}", secret);
            http::send(&server, "POST", &path, headers, body.as_bytes()).status
        };
        forms.iter().map(one).collect()
    };
    assert_eq!(post_all(), [200; 6]);
    anna.ask("leave_flow", &json!({"flow": [{"uuid": flow}]}))
        .is(200);
    let codes = post_all();
    assert!(
        codes.iter().all(|code| matches!(code, 401 | 404)),
        "{codes:?}"
    );
    let before = admin.texts(&flow).len();
    assert_eq!(eventually(|| admin.texts(&flow).len(), |_| true), before);
    drop(receiver);
}
