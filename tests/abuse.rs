//! Members and strangers who do what they may, but far too often or far too large.

use std::fs;

use serde_json::{Value, json};

use crate::{
    common::{PASSWORD, Person, Server, connection::End},
    transport::becomes,
};

fn registration(login: &str) -> Value {
    json!({"user": [{"login": login, "password": PASSWORD}]})
}

#[test]
fn accounts_from_one_address_have_a_limit() {
    let server = Server::with(&[("auth.registrations", "2"), ("proxy.trusted", "127.0.0.1")]);
    let connect = |address| server.connect_from(address);
    let mut connection = connect("192.0.2.1");
    for login in ["anna", "boris"] {
        connection
            .request("register_user", &registration(login))
            .is(201);
    }
    // What makes no account is not counted.
    connection
        .request("register_user", &registration("anna"))
        .is(409);
    let refused = connect("192.0.2.1")
        .request("register_user", &registration("clara"))
        .is(429);
    assert!(refused.detail().contains("minutes"), "{refused}");
    // Others are not concerned, this machine least of all.
    connect("192.0.2.2")
        .request("register_user", &registration("dora"))
        .is(201);
    for login in ["emil", "frida", "gustav"] {
        server.register(login);
    }
    // Who is here already is not concerned, nor is the operator.
    server.sign_in("anna").ask("ping_pong", &json!({})).is(200);
    server
        .command(["user", "add", "clara", "--password-stdin"])
        .stdin(format!("{PASSWORD}\n"))
        .run()
        .exits(0);
}

#[test]
fn guessing_invitations_is_slowed_down() {
    let server = Server::with(&[
        ("auth.registration", "invite"),
        ("auth.login_attempts", "2"),
        ("proxy.trusted", "127.0.0.1"),
    ]);
    let mut connection = server.connect_from("192.0.2.1");
    let mut codes = Vec::new();
    for number in 0..12 {
        let guess = format!("0000-0000-0000-{number:04}");
        let data = json!({"user": [{"login": "anna", "password": PASSWORD, "auth_id": guess}]});
        codes.push(connection.request("register_user", &data).code());
    }
    assert_eq!((codes[0], codes[11]), (403, 429), "{codes:?}");
    // Whoever lives there and has a good one is not kept waiting, with an account or without.
    let made = server
        .command(["invite", "create", "--uses", "9", "--json"])
        .run()
        .exits(0);
    let made: Value = serde_json::from_str(&made.stdout).expect("a document");
    let data = json!({"user": [{"login": "boris", "password": PASSWORD, "auth_id": made["code"]}]});
    connection.request("register_user", &data).is(201);
    let mut anna = Person::sign_in(server.connect_from("192.0.2.2"), "boris").on(connection);
    let group = anna.group("G", &[]);
    let use_it = |person: &mut Person, code: &Value| {
        let meta = json!({"accept": ["rich"]});
        person.ask_with_meta("use_invitation", &json!({"meta": {"code": code}}), &meta)
    };
    let meta = json!({"accept": ["rich"]});
    let data = json!({"meta": {"flow": group}});
    let made = anna.ask_with_meta("invite", &data, &meta).is(200);
    use_it(&mut anna, &json!("0000-0000-0000-0000")).is(429);
    use_it(&mut anna, &made.data()["meta"]["code"]).is(200);
}

#[test]
fn a_login_as_long_as_a_frame_is_not_remembered() {
    const MIB: usize = 1 << 20;
    let server = Server::start();
    let mut connection = server.connect();
    let resident = || {
        let path = format!("/proc/{}/statm", server.running().pid());
        let pages = fs::read_to_string(path).expect("it is alive");
        let pages = pages
            .split(' ')
            .nth(1)
            .and_then(|pages| pages.parse::<usize>().ok());
        pages.expect("a number") * 4096
    };
    let before = resident();
    for number in 0..25 {
        let login = format!("{number}{}", "ж".repeat(4 * MIB));
        let data = json!({"user": [{"login": login, "password": "x"}]});
        connection.request("authentication", &data).is(401);
    }
    let grown = resident().saturating_sub(before);
    println!("grown by {} MiB", grown / MIB);
    // The logins together are 200 MiB.
    assert!(grown < 100 * MIB, "{} MiB", grown / MIB);
}

#[test]
fn profiles_end_where_an_answer_is_full() {
    let server = Server::with(&[("limits.answer", "1MB")]);
    let mut anna = server.register("anna");
    let picture = "!".repeat(400 << 10);
    let others: Vec<Person> = (0..5)
        .map(|number| {
            let mut other = server.register(&format!("other {number}"));
            other
                .ask("edit_user", &json!({"user": [{"avatar": picture}]}))
                .is(200);
            other
        })
        .collect();
    let mut missing: Vec<String> = others.iter().map(|other| other.id.clone()).collect();
    let mut answers = 0;
    while !missing.is_empty() {
        let asked = missing.iter().map(|id| json!({"uuid": id}));
        let asked: Vec<Value> = [json!({})].into_iter().chain(asked).collect();
        let reply = anna.ask("user_info", &json!({"user": asked}));
        let found = reply.users().len();
        assert!((1..=3).contains(&found), "{found} at once");
        reply.is(if found < missing.len() { 206 } else { 200 });
        missing.drain(..found);
        answers += 1;
    }
    assert_eq!(answers, 2);
    let found = anna
        .ask("find_user", &json!({"meta": {"query": "other"}}))
        .is(200);
    assert_eq!(found.users().len(), 3);
}

#[test]
fn a_frame_that_grows_at_a_reload_is_read() {
    let server = Server::start();
    let frame = |before: &str, after: &str| {
        let line = |size: &str| format!("\nframe = {size}\n");
        let text = fs::read_to_string(server.config()).expect("the configuration");
        assert!(text.contains(&line(before)), "{before}");
        let changed = text.replace(&line(before), &line(after));
        fs::write(server.config(), changed).expect("written");
        server.running().signal("HUP");
    };
    let too_large = || "x".repeat(65 << 10);
    frame("16MB", "64KB");
    becomes("a smaller frame", || {
        let mut connection = server.connect();
        let _ = connection.send_text(too_large());
        connection.try_answer().err() == Some(End::Closed(Some(1009)))
    });
    let mut before = server.connect();
    before.ask_text("x".repeat(63 << 10)).is(415);
    frame("64KB", "16MB");
    let large = || "x".repeat(12 << 20);
    becomes("a larger frame", || {
        let mut connection = server.connect();
        let _ = connection.send_text(large());
        connection
            .try_answer()
            .is_ok_and(|answer| answer.code() == 415)
    });
    // Several at once have their place in memory, one after the other.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| server.connect().ask_text(large()).is(415));
        }
    });
    // Who was here before goes on as before.
    before.ask_text("x".repeat(63 << 10)).is(415);
    let _ = before.send_text(too_large());
    assert_eq!(before.closed(), End::Closed(Some(1009)));
}

#[test]
fn limits_are_taken_up_on_sighup() {
    let server = Server::start();
    let mut before = server.connect();
    let text = fs::read_to_string(server.config()).expect("the configuration");
    let changed = text
        .replace("\nframe = 16MB\n", "\nframe = 64KB\n")
        .replace("\nconnections = 1024\n", "\nconnections = 3\n");
    assert_ne!(text, changed);
    fs::write(server.config(), changed).expect("written");
    server.running().signal("HUP");
    let too_large = || "x".repeat(65 << 10);
    becomes("a smaller frame", || {
        let mut connection = server.connect();
        let _ = connection.send_text(too_large());
        connection.try_answer().err() == Some(End::Closed(Some(1009)))
    });
    // Who was here before goes on as before.
    before.ask_text(too_large()).is(415);
    let (_second, _third) = (server.connect(), server.connect());
    let mut answer = String::new();
    becomes("a refusal", || {
        let mut stream = crate::transport::connect(&server.address());
        answer = crate::transport::get(&mut stream, "/health/live", "");
        answer.starts_with("HTTP/1.1 503")
    });
}
