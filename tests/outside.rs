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
    service::{Account, Client, Draft, Limits, Quotas, Service, Settings},
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
        registration: Registration::Open,
        registrations: 0,
        token_ttl: Duration::from_hours(1),
        login_attempts: 10,
        login_window: Duration::from_mins(1),
        members_invite: false,
        directory: morelia::config::Directory::Auto,
        limits: Limits {
            messages: 100,
            users: 100,
            sessions_per_user: 50,
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
