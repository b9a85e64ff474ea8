//! Quotas: what one account may use of what belongs to all, and what an error says of it.

use serde_json::{Value, json};

use crate::{
    common::{PASSWORD, Person, Reply, Server},
    roles::{ask, change, ids},
    users::document,
};

const NOTHING: Value = Value::Null;

fn make(person: &mut Person, kind: &str, others: &[&Person]) -> Reply {
    let flow = json!({"flow": [{"type": kind, "title": "G", "users": ids(others)}]});
    ask(person, "add_flow", &flow)
}

#[track_caller]
fn id_of(made: &Reply) -> String {
    made.flows()[0]["uuid"].as_str().expect("an id").to_owned()
}

/// Asserts that something is used up: what, of how much, who can change it, and how long that lasts.
#[track_caller]
fn used_up(reply: Reply, code: u64, key: &str, limit: u64, setting: &str) {
    let reply = reply.is(code);
    let refusal = reply.refusal();
    assert_eq!(refusal["key"], key, "{reply}");
    let values = &refusal["values"];
    assert_eq!(values["limit"], limit, "{reply}");
    assert_eq!(values["setting"], format!("limits.{setting}"), "{reply}");
    assert_eq!(values["seconds"].as_u64() > Some(0), code == 429, "{reply}");
    let detail = reply.detail();
    let told = [limit.to_string(), "operator".to_owned(), setting.to_owned()];
    assert!(told.iter().all(|word| detail.contains(word)), "{detail}");
    assert_eq!(detail.contains("try again in"), code == 429, "{detail}");
}

fn operator_makes(server: &Server, owner: &str) {
    let create = ["flow", "create", "group", "--owner", owner, "--title", "O"];
    server.command(create).run().exits(0);
}

#[test]
fn flows_made_within_a_day() {
    let mut server = Server::with(&[("limits.flows_per_day", "3")]);
    let [mut anna, mut boris] = ["anna", "boris"].map(|login| server.register(login));
    // The operator's count for nothing.
    operator_makes(&server, "anna");
    make(&mut anna, "chat", &[&boris]).is(200);
    make(&mut anna, "group", &[]).is(200);
    let meta = json!({"txn": "a", "accept": ["rich"]});
    let flow = json!({"flow": [{"type": "channel"}]});
    anna.ask_with_meta("add_flow", &flow, &meta).is(200);
    let refused = make(&mut anna, "group", &[]);
    used_up(refused, 429, "too_many_flows_today", 3, "flows_per_day");
    // A repetition makes nothing, others are not concerned, and a restart forgets nothing.
    anna.ask_with_meta("add_flow", &flow, &meta).is(200);
    make(&mut boris, "group", &[&anna]).is(200);
    operator_makes(&server, "anna");
    server.restart();
    let mut anna = server.sign_in("anna");
    let refused = make(&mut anna, "chat", &[&boris]);
    used_up(refused, 429, "too_many_flows_today", 3, "flows_per_day");
    let plain = anna.ask("add_flow", &flow).is(429);
    assert!(
        plain.data().is_null() && plain.detail().contains("hours"),
        "{plain}"
    );
}

#[test]
fn flows_owned() {
    let server = Server::with(&[("limits.flows_owned", "2")]);
    let [mut anna, mut boris] = ["anna", "boris"].map(|login| server.register(login));
    operator_makes(&server, "anna");
    let first = id_of(&make(&mut anna, "group", &[&boris]).is(200));
    let second = id_of(&make(&mut anna, "channel", &[&boris]).is(200));
    let refused = make(&mut anna, "group", &[]);
    used_up(refused, 403, "too_many_flows", 2, "flows_owned");
    // A chat belongs to two; saved messages are there once.
    make(&mut anna, "chat", &[&boris]).is(200);
    ask(&mut anna, "add_flow", &json!({"meta": {"saved": true}})).is(200);
    // Handing over makes room, as far as the other one has some.
    let hand_over = |flow: &str| json!({"flow": [{"uuid": flow, "owner": boris.id}]});
    ask(&mut anna, "edit_flow", &hand_over(&first)).is(200);
    let third = id_of(&make(&mut anna, "group", &[&boris]).is(200));
    ask(&mut anna, "edit_flow", &hand_over(&second)).is(200);
    let refused = ask(&mut anna, "edit_flow", &hand_over(&third));
    used_up(refused, 403, "too_many_flows", 2, "flows_owned");
    let flows = ask(&mut anna, "all_flow", &NOTHING).is(200);
    let kept = flows.flows().iter().find(|flow| flow["uuid"] == third);
    assert_eq!(kept.expect("the flow")["owner"], json!(anna.id));
    // What somebody was handed keeps nobody from making.
    make(&mut boris, "group", &[]).is(200);
    make(&mut boris, "group", &[]).is(200);
    let refused = make(&mut boris, "group", &[]);
    used_up(refused, 403, "too_many_flows", 2, "flows_owned");
    // Nor does what has ended.
    server
        .command(["flow", "remove", &third, "--yes"])
        .run()
        .exits(0);
    make(&mut anna, "group", &[]).is(200);
}

#[test]
fn open_invitations() {
    let server = Server::with(&[
        ("limits.invitations", "2"),
        ("auth.members_invite", "true"),
        ("auth.registration", "invite"),
    ]);
    let mut admin = server.sign_in("admin");
    let invite = |person: &mut Person| ask(person, "invite", &NOTHING);
    for _ in 0..3 {
        document(server.command(["invite", "create"]));
    }
    let code = |reply: &Reply| {
        reply.data()["meta"]["code"]
            .as_str()
            .expect("a code")
            .to_owned()
    };
    let account = |login: &str, code: &str| {
        let user = json!({"user": [{"login": login, "password": PASSWORD, "auth_id": code}]});
        server.connect().request("register_user", &user).is(201);
    };
    // Administrators invite whom they like.
    let codes: Vec<_> = (0..4).map(|_| code(&invite(&mut admin).is(200))).collect();
    account("anna", &codes[0]);
    let mut anna = server.sign_in("anna");
    let first = code(&invite(&mut anna).is(200));
    let second = code(&invite(&mut anna).is(200));
    used_up(
        invite(&mut anna),
        403,
        "too_many_invitations",
        2,
        "invitations",
    );
    // One that is used or revoked makes room.
    account("boris", &first);
    invite(&mut anna).is(200);
    invite(&mut anna).is(403);
    server.command(["invite", "revoke", &second]).run().exits(0);
    invite(&mut anna).is(200);
    invite(&mut anna).is(403);
    invite(&mut server.sign_in("boris")).is(200);
}

#[test]
fn edits_of_one_message() {
    let server = Server::with(&[("limits.edits_per_message", "2")]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let (first, second) = (anna.send(&group, "0"), anna.send(&group, "0"));
    let edit = |person: &mut Person, message: &str, text: &str| {
        ask(
            person,
            "edited_message",
            &json!({"message": [{"uuid": message, "text": text}]}),
        )
    };
    edit(&mut anna, &first, "1").is(200);
    edit(&mut anna, &first, "2").is(200);
    let refused = edit(&mut anna, &first, "3");
    used_up(refused, 403, "too_many_edits", 2, "edits_per_message");
    edit(&mut anna, &second, "1").is(200);
    assert_eq!(anna.texts(&group), ["2", "1"]);
    anna.delete(&first).is(200);
}

#[test]
fn messages_within_a_minute_from_all_connections() {
    let server = Server::with(&[
        ("limits.messages_per_minute", "4"),
        ("limits.bot_messages_per_minute", "2"),
    ]);
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let user = json!({"user": [{"login": "robot", "password": PASSWORD, "is_bot": true}]});
    let mut connection = server.connect();
    connection.request("register_user", &user).is(201);
    let mut robot = Person::sign_in(connection, "robot");
    let group = anna.group("G", &[&boris, &robot]);
    let mut other = server.sign_in("anna");
    let data = json!({"flow": [{"uuid": group}], "message": [{"client_id": 1, "text": "x"}]});
    let txn = json!({"txn": "a"});
    let sent = anna.ask_with_meta("send_message", &data, &txn).is(200);
    // A repetition sends nothing, nor does what is refused.
    let again = anna.ask_with_meta("send_message", &data, &txn).is(200);
    assert_eq!(sent.messages()[0]["uuid"], again.messages()[0]["uuid"]);
    for _ in 0..5 {
        anna.try_send("1", "nowhere").is(404);
    }
    anna.send(&group, "2");
    other.send(&group, "3");
    other.send(&group, "4");
    for person in [&mut anna, &mut other] {
        let refused = ask(person, "send_message", &data);
        used_up(refused, 429, "too_many_messages", 4, "messages_per_minute");
    }
    anna.ask_with_meta("send_message", &data, &txn).is(200);
    robot.send(&group, "5");
    robot.send(&group, "6");
    let refused = ask(&mut robot, "send_message", &data);
    used_up(
        refused,
        429,
        "too_many_messages",
        2,
        "bot_messages_per_minute",
    );
    boris.send(&group, "7");
    let words = ["message", "send", &group, "8", "--as", "anna"];
    server.command(words).run().exits(0);
    assert_eq!(boris.history(&group).len(), 8);
}

/// What is written down for ever and costs its author nothing has a limit, too.
#[test]
fn what_a_conversation_tells_counts_as_messages() {
    let server = Server::with(&[("limits.messages_per_minute", "5")]);
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    let group = anna.group("G", &[]);
    let message = anna.send(&group, "1");
    let pin = |person: &mut Person, on: bool| {
        let data = json!({"message": [{"uuid": message}], "meta": {"on": on}});
        ask(person, "pin_message", &data)
    };
    let block = |person: &mut Person, on: bool| {
        let data = json!({"user": [{}, {"uuid": boris.id}], "meta": {"on": on}});
        ask(person, "block_user", &data)
    };
    let rename = |person: &mut Person| {
        let data = json!({"flow": [{"uuid": group, "title": "H"}]});
        ask(person, "edit_flow", &data)
    };
    pin(&mut anna, true).is(200);
    pin(&mut anna, false).is(200);
    rename(&mut anna).is(200);
    block(&mut anna, true).is(200);
    // What changes nothing is told to nobody.
    pin(&mut anna, false).is(200);
    block(&mut anna, true).is(200);
    for refused in [
        pin(&mut anna, true),
        block(&mut anna, false),
        rename(&mut anna),
    ] {
        used_up(refused, 429, "too_many_messages", 5, "messages_per_minute");
    }
}

#[test]
fn changes_of_a_profile_within_an_hour() {
    let server = Server::with(&[("limits.profile_changes_per_hour", "2")]);
    let [mut anna, mut boris] = ["anna", "boris"].map(|login| server.register(login));
    let rename = |person: &mut Person, name: &str| {
        ask(person, "edit_user", &json!({"user": [{"username": name}]}))
    };
    rename(&mut anna, "A").is(200);
    // What is refused changes nothing, and counts for nothing.
    rename(&mut anna, &"x".repeat(300)).is(403);
    rename(&mut server.sign_in("anna"), "B").is(200);
    let refused = rename(&mut anna, "C");
    used_up(
        refused,
        429,
        "too_many_profile_changes",
        2,
        "profile_changes_per_hour",
    );
    rename(&mut boris, "B").is(200);
    server
        .command(["user", "set", "anna", "--username", "D"])
        .run()
        .exits(0);
    let info = boris
        .ask("user_info", &json!({"user": [{}, {"uuid": anna.id}]}))
        .is(200);
    assert_eq!(info.users()[0]["username"], "D");
}

#[test]
fn members_added_within_a_minute() {
    let server = Server::with(&[("limits.members_per_minute", "3")]);
    let people = ["anna", "boris", "clara", "dora", "emil"].map(|login| server.register(login));
    let [mut anna, boris, clara, dora, emil] = people;
    let refused = make(&mut anna, "group", &[&boris, &clara, &dora, &emil]);
    used_up(refused, 403, "too_many_members", 3, "members_per_minute");
    let group = id_of(&make(&mut anna, "group", &[&boris]).is(200));
    // Who is there already is not counted, in a whole list either.
    let all = json!({"flow": [{"uuid": group, "users": ids(&[&anna, &boris, &clara])}]});
    ask(&mut anna, "edit_flow", &all).is(200);
    ask(&mut anna, "edit_flow", &all).is(200);
    change(
        &mut anna,
        &group,
        &json!({"add": ids(&[&boris, &clara, &dora])}),
    )
    .is(200);
    let both = json!({"add": [emil.id], "remove": [boris.id]});
    let refused = change(&mut anna, &group, &both);
    used_up(refused, 429, "too_many_members", 3, "members_per_minute");
    let refused = make(&mut anna, "channel", &[&emil]);
    used_up(refused, 429, "too_many_members", 3, "members_per_minute");
    // Nothing was half done.
    let flows = ask(&mut anna, "all_flow", &NOTHING).is(200);
    assert_eq!(flows.flows().len(), 1);
    assert_eq!(
        flows.flows()[0]["users"],
        ids(&[&anna, &boris, &clara, &dora])
    );
    server
        .command(["flow", "add-member", &group, "emil"])
        .run()
        .exits(0);
    change(&mut anna, &group, &json!({"remove": [boris.id]})).is(200);
}

/// Whose requests were too many, of a 429.
#[track_caller]
fn payer(reply: Reply) -> String {
    let reply = reply.is(429);
    let refusal = reply.refusal();
    assert_eq!(refusal["key"], "too_many_requests", "{reply}");
    assert!(refusal["values"]["seconds"].as_u64() > Some(0), "{reply}");
    assert!(reply.detail().contains("try again in"), "{reply}");
    let of = refusal["values"]["of"].as_str();
    of.expect("whose").to_owned()
}

#[test]
fn requests_of_one_account_have_a_limit_over_all_connections() {
    let server = Server::with(&[("limits.requests_per_second", "1"), ("limits.burst", "2")]);
    let mut boris = server.register("boris");
    let anna = server.register("anna");
    // A connection has a burst of 2, an account of ten times as much.
    let mut refused = Vec::new();
    for _ in 0..30 {
        let mut anna = anna.on(server.connect());
        let reply = ask(&mut anna, "ping_pong", &NOTHING);
        if reply.code() != 200 {
            refused.push(payer(reply));
        }
    }
    assert!(
        (3..=12).contains(&refused.len()) && refused.iter().all(|of| of == "account"),
        "{refused:?}"
    );
    boris.ask("ping_pong", &NOTHING).is(200);
    for _ in 0..20 {
        boris.ask("ping_pong", &NOTHING);
    }
    assert_eq!(payer(ask(&mut boris, "ping_pong", &NOTHING)), "connection");
}

#[test]
fn a_search_weighs_more_than_a_ping() {
    let server = Server::with(&[("limits.requests_per_second", "1"), ("limits.burst", "5")]);
    let anna = server.register("anna");
    let asked = |method: &str, data: &Value| {
        let mut anna = anna.on(server.connect());
        ask(&mut anna, method, data)
    };
    let search = json!({"meta": {"query": "x"}});
    let found = (0..5).map(|_| asked("find_message", &search).code());
    let allowed = found.filter(|code| *code != 429).count();
    assert!((2..=3).contains(&allowed), "{allowed}");
    assert_eq!(payer(asked("find_message", &search)), "account");
    // What little comes back meanwhile is enough for pings.
    std::thread::sleep(std::time::Duration::from_secs(1));
    asked("ping_pong", &NOTHING).is(200);
}

#[test]
fn an_address_has_a_limit_and_nobody_suffers_from_neighbours() {
    const HOME: &str = "192.0.2.1";
    let server = Server::with(&[
        ("limits.requests_per_second", "1"),
        ("limits.burst", "10"),
        ("proxy.trusted", "127.0.0.1"),
    ]);
    let anna = Person::register(server.connect_from(HOME), "anna");
    // Registrations that are refused weigh 5 each; the address has 800.
    let stranger = json!({"user": [{"login": " x", "password": PASSWORD}]});
    let flood = || {
        let mut connection = server.connect_from(HOME);
        (0..10).any(|_| {
            let meta = json!({"accept": ["rich"]});
            let mut frame = crate::common::connection::envelope("register_user", &stranger);
            frame["meta"] = meta;
            let reply = connection.ask(&frame);
            reply.code() == 429 && payer(reply) == "address"
        })
    };
    assert!(
        (0..100).any(|_| flood()),
        "a flood from one address is not slowed down"
    );
    // Who lives there and behaves is served, at a new sign-in too.
    let mut here = anna.on(server.connect_from(HOME));
    for _ in 0..5 {
        here.ask("ping_pong", &NOTHING).is(200);
    }
    let mut again = Person::sign_in(server.connect_from(HOME), "anna");
    again.ask("ping_pong", &NOTHING).is(200);
    // Other addresses, this machine among them, are not concerned.
    Person::sign_in(server.connect_from("192.0.2.2"), "anna");
    for _ in 0..30 {
        server.connect().request("register_user", &stranger).is(415);
    }
}

#[test]
fn a_large_group_is_filled_and_emptied_whole_while_others_write() {
    const MANY: usize = 60;
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let crowd: Vec<String> = (0..MANY)
        .map(|number| server.register(&format!("guest {number}")).id)
        .collect();
    let own = boris.group("Own", &[]);
    let group = anna.group("G", &[]);
    let whole = |users: &[&String]| json!({"flow": [{"uuid": group, "users": users}]});
    let everybody: Vec<&String> = [&anna.id].into_iter().chain(&crowd).collect();
    let nobody: Vec<&String> = vec![&anna.id];
    let (fill, empty) = (whole(&everybody), whole(&nobody));
    for round in 0..3 {
        let frame = crate::common::connection::envelope("edit_flow", &anna.signed(&fill));
        anna.connection.send_text(frame.to_string()).expect("sent");
        for number in 0..10 {
            boris.send(&own, &format!("{round} {number}"));
        }
        let filled = anna.connection.answer().is(200);
        assert_eq!(
            filled.flows()[0]["users"].as_array().map(Vec::len),
            Some(MANY + 1)
        );
        let emptied = anna.ask("edit_flow", &empty).is(200);
        assert_eq!(emptied.flows()[0]["users"], json!([anna.id]));
    }
    let page = ask(
        &mut anna,
        "all_messages",
        &json!({"flow": [{"uuid": group}]}),
    );
    let events = page.data()["meta"]["events"]
        .as_array()
        .expect("events")
        .clone();
    assert_eq!(events.len(), 100);
    assert_eq!(events[0]["more"], json!(1 + 6 * MANY - 100));
    let removed = &events[99];
    assert_eq!(
        [&removed["kind"], &removed["by"]],
        [&json!("removed"), &json!(anna.id)]
    );
    assert_eq!(removed["user"], json!(crowd[MANY - 1]));
    assert_eq!(boris.history(&own).len(), 30);
}
