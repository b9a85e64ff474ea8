//! Outgoing hooks: what they post, in which order, and what becomes of it when nobody takes it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    administration::ask,
    bots::bot,
    common::{
        Person, Server, eventually, http,
        receiver::{Receiver, checked},
    },
    hooks::hook,
};

/// As long as it takes to see that nothing comes.
const MOMENT: Duration = Duration::from_millis(1500);

/// Makes a hook and returns its id and its secret.
#[track_caller]
pub(crate) fn out(person: &mut Person, flow: &str, url: &str, more: Value) -> (String, String) {
    let mut meta = more;
    meta["flow"] = flow.into();
    meta["url"] = url.into();
    let made = ask(person, "make_outgoing", &meta).is(200);
    let told = |key: &str| {
        made.data()["meta"][key]
            .as_str()
            .unwrap_or_else(|| panic!("{key}: {made}"))
            .to_owned()
    };
    (told("id"), told("secret"))
}

fn house() -> (Receiver, Server, Person) {
    let receiver = Receiver::start();
    let server = Server::with(&[("outbound.allow_private", &receiver.address())]);
    let admin = server.sign_in("admin");
    (receiver, server, admin)
}

#[test]
fn what_happens_is_posted_and_the_answer_is_said() {
    let (receiver, server, mut admin) = house();
    let mut anna = server.register("anna");
    let flow = admin.group("Family", &[&anna]);
    let all = json!({"events": ["message", "edit", "delete", "join", "reaction"]});
    let (_, secret) = out(&mut admin, &flow, &receiver.url(), all);
    receiver.answers(&[(200, r#"{"text": "Hello, Anna"}"#)]);
    let message = anna.send(&flow, "hello");
    let told = receiver.told(&secret);
    assert_eq!(told["type"], "message.created");
    assert_eq!(
        told["flow"],
        json!({"uuid": flow, "title": "Family", "type": "group"})
    );
    assert_eq!(told["message"]["text"], "hello");
    assert_eq!(told["message"]["uuid"], message.as_str());
    assert_eq!(told["from"]["login"], "anna");
    assert_eq!(told["from"]["is_bot"], false);
    // The answer is the bot's reply, which is not told to its own hook.
    let page = json!({"flow": [{"uuid": flow, "message_start": 0, "message_end": 9}]});
    let accept = json!({"accept": ["rich"]});
    let reply = eventually(
        || anna.ask_with_meta("all_messages", &page, &accept),
        |reply| reply.messages().len() == 2,
    );
    assert_eq!(reply.messages()[1]["text"], "Hello, Anna");
    let id = reply.messages()[1]["uuid"].as_str().expect("an id");
    let about = &reply.data()["meta"]["about"][id];
    assert_eq!(about["reply"]["uuid"], message.as_str(), "{about}");

    anna.edit(&message, "hello!").is(200);
    let told = receiver.told(&secret);
    assert_eq!(
        (&told["type"], &told["message"]["text"]),
        (&json!("message.edited"), &json!("hello!"))
    );
    let react = json!({"message": [{"uuid": message}], "meta": {"reaction": "👍", "on": true}});
    anna.ask_with_meta("react", &react, &accept).is(200);
    let told = receiver.told(&secret);
    assert_eq!(told["type"], "reaction.changed");
    assert_eq!(told["about"]["reactions"]["👍"]["count"], 1, "{told}");
    anna.ask("delete_message", &json!({"message": [{"uuid": message}]}))
        .is(200);
    let told = receiver.told(&secret);
    assert_eq!(told["type"], "message.deleted");
    server.register("boris");
    let add = ["flow", "add-member", &flow, "boris"];
    server.command(add).run().exits(0);
    anna.ask("leave_flow", &json!({"flow": [{"uuid": flow}]}));
    let mut moved: Vec<_> = (0..2).map(|_| receiver.told(&secret)).collect();
    let left = moved.pop().expect("two");
    assert_eq!(moved[0]["type"], "member.joined");
    assert_eq!(moved[0]["from"]["login"], "boris");
    assert_eq!(left["type"], "member.left", "{left}");
    assert_eq!(receiver.within(MOMENT).len(), 0);
}

#[test]
fn what_fails_is_tried_again_in_order_and_with_the_same_id() {
    let (receiver, server, mut admin) = house();
    let flow = admin.group("Family", &[]);
    let (id, secret) = out(&mut admin, &flow, &receiver.url(), json!({}));
    receiver.answers(&[(500, ""), (204, ""), (302, "")]);
    for text in ["one", "two", "three"] {
        admin.send(&flow, text);
    }
    let failed = receiver.next();
    assert_eq!(checked(&failed, &secret)["message"]["text"], "one");
    let rows = eventually(
        || ask(&mut admin, "list_outgoing", &json!({"flow": flow})).is(200),
        |rows| rows.data()["meta"]["outgoing"][0]["failures"] == 1,
    );
    let row = &rows.data()["meta"]["outgoing"][0];
    assert_eq!(
        (&row["id"], &row["url"]),
        (&json!(id), &json!(receiver.url()))
    );
    assert!(row["next"].is_i64() && row["disabled"].is_null(), "{row}");
    assert!(row.get("secret").is_none(), "{row}");
    // Ten seconds later, and nothing overtakes it.
    let again = receiver.next();
    assert_eq!(checked(&again, &secret)["message"]["text"], "one");
    assert_eq!(again.header("webhook-id"), failed.header("webhook-id"));
    assert!(again.header("webhook-id").ends_with(&format!("-{id}")));
    // A redirect is no success, and is not followed.
    let moved = receiver.next();
    assert_eq!(checked(&moved, &secret)["message"]["text"], "two");
    let rest = receiver.within(MOMENT);
    assert!(rest.is_empty(), "{rest:?}");
    drop(server);
}

#[test]
fn a_server_that_is_killed_goes_on_where_it_was() {
    let (receiver, mut server, mut admin) = house();
    let flow = admin.group("Family", &[]);
    let (_, secret) = out(&mut admin, &flow, &receiver.url(), json!({}));
    receiver.answers(&[(204, ""), (0, "")]);
    for text in ["one", "two", "three"] {
        admin.send(&flow, text);
    }
    assert_eq!(receiver.told(&secret)["message"]["text"], "one");
    // The second was sent, and its answer never came.
    let cut = receiver.next();
    assert_eq!(checked(&cut, &secret)["message"]["text"], "two");
    server.kill();
    server.serve();
    let again = receiver.next();
    assert_eq!(again.header("webhook-id"), cut.header("webhook-id"));
    assert_eq!(checked(&again, &secret)["message"]["text"], "two");
    assert_eq!(receiver.told(&secret)["message"]["text"], "three");
    assert_eq!(receiver.within(MOMENT).len(), 0);
}

/// What the server's own account wrote to somebody.
fn notes(person: &mut Person) -> Vec<String> {
    let flows = person.ask("all_flow", &Value::Null).is(200);
    let chats: Vec<String> = flows.data()["flow"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|flow| flow["type"] == "chat")
        .filter_map(|flow| flow["uuid"].as_str().map(str::to_owned))
        .collect();
    chats.iter().flat_map(|flow| person.texts(flow)).collect()
}

#[test]
fn who_wants_nothing_any_more_gets_nothing_and_the_maker_is_told() {
    let (receiver, mut server, mut admin) = house();
    let flow = admin.group("Family", &[]);
    let (id, _) = out(&mut admin, &flow, &receiver.url(), json!({}));
    receiver.answers(&[(410, "")]);
    admin.send(&flow, "one");
    receiver.next();
    let notes_now = eventually(|| notes(&mut admin), |notes| !notes.is_empty());
    assert!(
        notes_now[0].contains(&format!("outgoing hook {id} is disabled"))
            && notes_now[0].contains("410")
            && notes_now[0].contains(&format!("from Family to {}.", receiver.address())),
        "{notes_now:?}"
    );
    admin.send(&flow, "two");
    assert_eq!(receiver.within(MOMENT).len(), 0);
    let rows = ask(&mut admin, "list_outgoing", &json!({"flow": flow})).is(200);
    assert!(
        rows.data()["meta"]["outgoing"][0]["disabled"].is_i64(),
        "{rows}"
    );
    ask(&mut admin, "test_outgoing", &json!({"id": id})).is(404);

    // The seventh failure in a row is the last one, and who is too far behind goes on from now.
    let (last, _) = out(&mut admin, &flow, &receiver.url(), json!({}));
    let (far, secret) = out(&mut admin, &flow, &receiver.url(), json!({"trigger": "!"}));
    server.stop();
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    let set = |sql: &str| database.execute(sql, []).expect("written");
    set(&format!(
        "UPDATE outgoing SET failures = 6 WHERE id = {last}"
    ));
    set(
        "INSERT INTO properties (name, value) VALUES ('position_floor', 20000)
         ON CONFLICT DO UPDATE SET value = 20000",
    );
    drop(database);
    server.serve();
    let mut admin = server.sign_in("admin");
    // Both are too far behind at first.
    let said = eventually(|| notes(&mut admin), |notes| notes.len() == 3);
    assert!(
        said[1..].iter().all(|it| it.contains("changes behind")),
        "{said:?}"
    );
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    database
        .execute(
            &format!("UPDATE outgoing SET failures = 6 WHERE id = {last}"),
            [],
        )
        .expect("written");
    drop(database);
    receiver.answers(&[(500, "")]);
    admin.send(&flow, "three");
    receiver.next();
    let said = eventually(|| notes(&mut admin), |notes| notes.len() == 4);
    assert!(
        said[3].contains(&format!("outgoing hook {last} is disabled")),
        "{said:?}"
    );
    admin.send(&flow, "!four");
    assert_eq!(receiver.told(&secret)["message"]["text"], "!four");
    let tried = ask(&mut admin, "test_outgoing", &json!({"id": far})).is(200);
    assert_eq!(tried.data()["meta"]["taken"], true, "{tried}");
    assert_eq!(receiver.told(&secret)["type"], "test");
}

#[test]
fn addresses_are_private_to_those_who_run_the_server() {
    let (receiver, server, mut admin) = house();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[&admin]);
    let order = |url: &str| json!({"flow": flow, "url": url});
    let refused = ask(&mut anna, "make_outgoing", &order(&receiver.url())).is(400);
    assert!(refused.detail().contains("administrators"), "{refused}");
    for url in [
        "http://169.254.169.254/latest",
        "http://[::1]:9/",
        "http://10.0.0.1/",
    ] {
        ask(&mut admin, "make_outgoing", &order(url)).is(400);
    }
    for url in [
        "ftp://example.org/",
        "nothing",
        "http://user:secret@127.0.0.1/",
    ] {
        ask(&mut admin, "make_outgoing", &order(url)).is(400);
    }
    // Who governs the flow makes them; the others are told no more than that, strangers not even this.
    let mut boris = server.register("boris");
    ask(&mut boris, "make_outgoing", &order(&receiver.url())).is(404);
    let member = anna.group("Other", &[&boris]);
    ask(
        &mut boris,
        "make_outgoing",
        &json!({"flow": member, "url": receiver.url()}),
    )
    .is(403);
    let (id, _) = out(&mut admin, &flow, &receiver.url(), json!({}));
    for method in ["remove_outgoing", "test_outgoing"] {
        ask(&mut boris, method, &json!({"id": id})).is(404);
    }
    // An address that was lent to an administrator goes when the administrator is one no more.
    ask(&mut anna, "remove_outgoing", &json!({"id": id})).is(200);
    anna.send(&flow, "nobody hears");
    assert_eq!(receiver.within(MOMENT).len(), 0);
}

#[test]
fn bots_do_not_talk_to_each_other_for_ever() {
    let (receiver, server, mut admin) = house();
    let helper = bot(&server, &mut admin, "helper", &["read", "write"]);
    let mut other = bot(&server, &mut admin, "other", &["read", "write"]);
    let flow = admin.group("Family", &[&helper, &other]);
    let (_, quiet) = out(
        &mut admin,
        &flow,
        &receiver.url(),
        json!({"bot": helper.id}),
    );
    other.send(&flow, "from a bot");
    assert_eq!(receiver.within(MOMENT).len(), 0);
    admin.send(&flow, "from a person");
    assert_eq!(receiver.told(&quiet)["message"]["text"], "from a person");
    let rows = ask(&mut admin, "list_outgoing", &json!({"flow": flow})).is(200);
    let id = rows.data()["meta"]["outgoing"][0]["id"].clone();
    ask(&mut admin, "remove_outgoing", &json!({"id": id})).is(200);

    // Two that hear each other: the eleventh answer in a row is not said.
    for who in [&helper, &other] {
        out(
            &mut admin,
            &flow,
            &receiver.url(),
            json!({"bot": who.id, "bots": true}),
        );
    }
    receiver.answers(&[(200, r#"{"text": "and you?"}"#); 40]);
    admin.send(&flow, "go");
    let count = eventually(
        || {
            admin
                .texts(&flow)
                .iter()
                .filter(|it| *it == "and you?")
                .count()
        },
        |count| *count >= 10,
    );
    assert_eq!(count, 10);
    std::thread::sleep(MOMENT);
    let all = admin.texts(&flow);
    assert_eq!(all.iter().filter(|it| *it == "and you?").count(), 10);
}

#[test]
fn bots_that_hear_each_other_do_not_write_for_ever() {
    let (receiver, server, mut admin) = house();
    let mut helper = bot(&server, &mut admin, "helper", &["read", "write"]);
    let mut weather = bot(&server, &mut admin, "weather", &["read", "write"]);
    let flow = admin.group("Family", &[&helper, &weather]);
    let door = hook(&mut admin, &flow, "Door");
    out(
        &mut admin,
        &flow,
        &receiver.url(),
        json!({"bot": helper.id, "bots": true}),
    );
    out(
        &mut admin,
        &flow,
        &receiver.url(),
        json!({"bot": weather.id}),
    );
    admin.send(&flow, "go");
    for _ in 0..10 {
        helper.send(&flow, "and you?");
    }
    helper.try_send(&flow, "and you?").is(429);
    // A program that posts is no company, and a bot that hears no other may go on.
    let path = format!("/hook/{door}");
    http::send(&server, "POST", &path, "", b"open").is(200);
    helper.try_send(&flow, "and you?").is(429);
    weather.send(&flow, "It rains.");
    helper.try_send(&flow, "and you?").is(429);
    admin.send(&flow, "Thanks.");
    helper.send(&flow, "You are welcome.");
}

#[test]
fn posts_of_programs_are_no_company_of_answers() {
    let (receiver, server, mut admin) = house();
    let helper = bot(&server, &mut admin, "helper", &["read", "write"]);
    let other = bot(&server, &mut admin, "other", &["read", "write"]);
    let flow = admin.group("Family", &[&helper, &other]);
    let path = format!("/hook/{}", hook(&mut admin, &flow, "Door"));
    for who in [&helper, &other] {
        let more = json!({"bot": who.id, "bots": true});
        out(&mut admin, &flow, &receiver.url(), more);
    }
    receiver.answers(&[(200, r#"{"text": "and you?"}"#); 40]);
    admin.send(&flow, "go");
    let mut answers = |least: usize| {
        let texts = || admin.texts(&flow);
        let all = eventually(texts, |all| {
            all.iter().filter(|it| *it == "and you?").count() >= least
        });
        all.iter().filter(|it| *it == "and you?").count()
    };
    assert_eq!(answers(10), 10);
    // It is told to both, whose answers are dropped.
    http::send(&server, "POST", &path, "", b"open").is(200);
    while !receiver.within(MOMENT).is_empty() {}
    assert_eq!(answers(10), 10);
}

#[test]
fn commands_make_list_try_and_remove_them() {
    let (receiver, server, mut admin) = house();
    let flow = admin.group("Family", &[]);
    let url = receiver.url();
    let made = server
        .command([
            "hook",
            "out",
            "add",
            "--flow",
            &flow,
            "--url",
            &url,
            "--trigger",
            "/washing",
            "--json",
        ])
        .run();
    let made: Value = serde_json::from_str(&made.exits(0).stdout).expect("JSON");
    let (id, secret) = (
        made["id"].to_string(),
        made["secret"].as_str().expect("a secret"),
    );
    let tried = server.command(["hook", "out", "test", &id]).run().exits(0);
    assert_eq!(tried.stdout, "the receiver has taken the post\n");
    assert_eq!(receiver.told(secret)["type"], "test");
    admin.send(&flow, "nothing for it");
    admin.send(&flow, "/washing now");
    assert_eq!(receiver.told(secret)["message"]["text"], "/washing now");
    let listed = server
        .command(["hook", "out", "list", "--json"])
        .run()
        .exits(0);
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    assert_eq!(listed["outgoing"][0]["trigger"], "/washing");
    // What programs write by incoming hooks is no news to the bot that writes it.
    hook(&mut admin, &flow, "Door");
    receiver.answers(&[(500, "")]);
    server.command(["hook", "out", "test", &id]).run().exits(1);
    receiver.next();
    server
        .command(["hook", "out", "remove", &id])
        .run()
        .exits(0);
    admin.send(&flow, "/washing again");
    assert_eq!(receiver.within(MOMENT).len(), 0);
    server
        .command(["hook", "out", "remove", &id])
        .run()
        .exits(3);
    server.command(["hook", "out", "show"]).run().exits(2);
}
