//! Changes by another process: the commands write to the file while the server runs, and clients
//! are told as if the server had done it itself.
//!
//! The library of this test process is the other process: it opens the same file as a command does.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use morelia::{
    auth::Password,
    config::Registration,
    hub::QueueLimits,
    model::PublicId,
    service::{Account, Client, Draft, FileLimits, Limits, Quotas, Service, Settings},
    store::{Durability, Options},
};
use serde_json::{Value, json};

use crate::{
    common::{PASSWORD, Server, connection::End},
    push::{subscribe, told},
};

/// Opens a server's file the way a command does.
fn open(server: &Server) -> Arc<Service> {
    let options = Options {
        path: server.database(),
        durability: Durability::Full,
    };
    let settings = Settings {
        public_url: "http://127.0.0.1".to_owned(),
        page_url: None,
        registration: Registration::Open,
        registrations: 0,
        token_ttl: Duration::from_hours(1),
        login_attempts: 10,
        login_window: Duration::from_mins(1),
        members_invite: false,
        members_make_bots: false,
        directory: morelia::config::Directory::Auto,
        limits: Limits {
            messages: 100,
            users: 100,
            sessions_per_user: 50,
            message_files: 20,
            text_bytes: 1 << 16,
            files_bytes: 10 << 20,
            reactions: 20,
            mentions: 50,
            pins: 50,
            poll_options: 12,
            answer_bytes: 8 << 20,
            requests_per_second: 0,
            burst: 0,
            quotas: Quotas::default(),
            files: FileLimits::default(),
        },
        queue: QueueLimits {
            frames: 256,
            bytes: 8 << 20,
        },
    };
    Service::start(&options, settings).expect("the file opens beside the server")
}

fn outside<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}

#[test]
fn a_message_of_another_process_is_pushed() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut admin = server.sign_in("admin");
    let group = admin.group("G", &[&anna]);
    subscribe(&mut anna);
    let flow: u128 = group.parse().expect("an id");
    outside(async {
        let service = open(&server);
        let place = Client::default();
        let opened = service
            .log_in("admin", Password::new(PASSWORD.to_owned()), &place)
            .await
            .expect("logged in");
        let token = opened.token.as_str().to_owned();
        let caller = service.authenticate(&token).await.expect("the session");
        let draft = Draft {
            text: Some("from outside".to_owned()),
            ..Draft::default()
        };
        service
            .post_message(&caller, PublicId(flow), draft, None, None)
            .await
            .expect("posted");
        tokio::task::spawn_blocking(move || service.close())
            .await
            .expect("closed");
    });
    assert_eq!(told(&mut anna).texts(), ["from outside"]);
    assert_eq!(anna.texts(&group), ["from outside"]);
    // And the two agree on the numbers from there on.
    admin.send(&group, "from inside");
    assert_eq!(told(&mut anna).texts(), ["from inside"]);
}

#[test]
fn a_server_that_rests_hears_of_another_process_at_once() {
    let server = Server::start();
    let mut anna = server.register("anna");
    subscribe(&mut anna);
    // Until it no longer looks by itself, but waits to be told.
    std::thread::sleep(Duration::from_secs(7));
    let asked = Instant::now();
    server
        .command(["user", "set", "anna", "--username", "Anna"])
        .run()
        .exits(0);
    assert_eq!(told(&mut anna).users()[0]["username"], "Anna");
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(5), "told after {took:?}");
}

#[test]
fn a_user_made_by_another_process_can_sign_in_and_is_told() {
    let server = Server::start();
    let mut anna = server.register("anna");
    subscribe(&mut anna);
    outside(async {
        let service = open(&server);
        let account = Account {
            login: "boris".to_owned(),
            password: Password::new(PASSWORD.to_owned()),
            username: Some("Boris".to_owned()),
            email: None,
            is_admin: false,
            is_bot: false,
        };
        service.add_account(account).await.expect("made");
        tokio::task::spawn_blocking(move || service.close())
            .await
            .expect("closed");
    });
    server.sign_in("boris");
    assert_eq!(told(&mut anna).users()[0]["username"], "Boris");
}

#[test]
fn a_session_ended_by_another_process_is_cut_off() {
    let server = Server::start();
    let mut listening = server.register("anna");
    subscribe(&mut listening);
    let mut silent = server.sign_in("anna");
    silent.ask("ping_pong", &Value::Null).is(200);
    outside(async {
        let service = open(&server);
        for session in service
            .sessions(Some("anna".to_owned()))
            .await
            .expect("the sessions")
        {
            service.revoke_session(session.id).await.expect("ended");
        }
        tokio::task::spawn_blocking(move || service.close())
            .await
            .expect("closed");
    });
    assert_eq!(listening.connection.closed(), End::Closed(Some(4401)));
    silent.ask("ping_pong", &Value::Null).is(401);
    silent.connection.request("ping_pong", &json!({})).is(401);
}

#[test]
fn thousands_of_changes_by_another_process_are_told_each_once() {
    const COUNT: usize = 2500;
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send(&group, "before");
    subscribe(&mut anna);
    let conn = rusqlite::Connection::open(server.database()).expect("opens");
    conn.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {COUNT})
         INSERT INTO messages (id, uuid, flow_id, number, author_id, sent_at, text)
         SELECT (SELECT max((SELECT MAX(id) FROM messages), (SELECT MAX(position) FROM changes))) + n.n,
                randomblob(16), m.flow_id, m.number + n.n, m.author_id, m.sent_at, 'outside ' || n.n
         FROM n, (SELECT * FROM messages LIMIT 1) m;
         UPDATE flows SET next_number = next_number + {COUNT},
                last_message_id = (SELECT MAX(id) FROM messages) WHERE last_message_id > 0;
         COMMIT;"
    ))
    .expect("written");
    drop(conn);
    let mut heard = Vec::new();
    while heard.len() < COUNT {
        match anna.connection.try_pushed() {
            Ok(push) => heard.extend(push.texts().into_iter().map(ToOwned::to_owned)),
            // Who lags behind so much at once is cut off, and asks.
            Err(End::Closed(Some(1013))) => break,
            Err(end) => panic!("{end:?}"),
        }
    }
    if heard.len() == COUNT {
        let expected: Vec<String> = (1..=COUNT).map(|n| format!("outside {n}")).collect();
        assert!(heard == expected, "in order");
    }
    let mut anna = anna.on(server.connect());
    assert_eq!(anna.texts(&group).len(), COUNT + 1);
    subscribe(&mut anna);
    let mut other = anna.on(server.connect());
    other.send(&group, "from inside");
    assert_eq!(told(&mut anna).texts(), ["from inside"]);
}

#[test]
fn a_member_made_by_another_process_hears_what_is_sent() {
    let server = Server::start();
    let (mut anna, mut boris) = (server.register("anna"), server.register("boris"));
    let group = anna.group("Shared", &[]);
    anna.send(&group, "who the members are is known now");
    subscribe(&mut boris);
    for (command, hears) in [
        ("add-member", true),
        ("remove-member", false),
        ("add-member", true),
    ] {
        server
            .command(["flow", command, "Shared", "boris"])
            .run()
            .exits(0);
        let text = format!("after {command}");
        anna.send(&group, &text);
        let mine = anna.group("Mark", &[&boris]);
        anna.send(&mine, "mark");
        let mut heard = Vec::new();
        while heard.last().map(String::as_str) != Some("mark") {
            heard.extend(told(&mut boris).texts().into_iter().map(ToOwned::to_owned));
        }
        assert_eq!(heard.contains(&text), hears, "{command}: {heard:?}");
    }
}
