//! Sessions that are over: expired, revoked, suspended. Nothing is heard by them, and nobody is
//! shown online by them, while their connections live on.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    common::{Person, Server, connection::End},
    push::{signalled, subscribe, told},
};

const NOTHING: Value = Value::Null;

/// Waits until somebody is told that another has gone.
#[track_caller]
fn shown_offline(person: &mut Person, other: &Person) {
    let offline = json!({"user": other.id, "online": false});
    while signalled(person, "presence") != offline {}
}

#[test]
fn a_listener_whose_token_expires_is_closed_and_shown_offline() {
    let server = Server::with(&[("auth.token_ttl", "3s")]);
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    subscribe(&mut anna);
    subscribe(&mut boris);
    let start = Instant::now();
    let offline = |push: &crate::common::Reply| {
        push.meta()["presence"] == json!({"user": boris.id, "online": false})
    };
    // She is kept by using hers; he only listens.
    while !anna.connection.pushed_so_far().iter().any(offline) {
        assert!(start.elapsed() < Duration::from_secs(30), "never offline");
        anna.ask("ping_pong", &NOTHING).is(200);
        thread::sleep(Duration::from_millis(50));
    }
    anna.send(&group, "late");
    loop {
        match boris.connection.frame() {
            Ok(push) => assert!(push.messages().is_empty(), "{push}"),
            Err(end) => return assert_eq!(end, End::Closed(Some(4401))),
        }
    }
}

#[test]
fn a_token_in_use_elsewhere_goes_on_hearing() {
    let server = Server::with(&[("auth.token_ttl", "2s")]);
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let mut listening = boris.on(server.connect());
    subscribe(&mut listening);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        let before = Instant::now();
        for person in [&mut anna, &mut boris] {
            let reply = person.ask("ping_pong", &NOTHING);
            if before.elapsed() > Duration::from_millis(500) {
                // The machine slept through the lifetime; that says nothing about the server.
                return;
            }
            reply.is(200);
        }
        thread::sleep(Duration::from_millis(100));
    }
    anna.send(&group, "heard");
    assert_eq!(told(&mut listening).texts(), ["heard"]);
}

#[test]
fn who_is_suspended_or_signed_out_is_not_shown_online() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut clara = server.register("clara");
    anna.group("G", &[&boris, &clara]);
    for person in [&mut boris, &mut clara] {
        person.ask("ping_pong", &NOTHING).is(200);
    }
    let reply = anna.ask("subscribe", &NOTHING).is(200);
    let online = &reply.data()["meta"]["online"];
    for person in [&boris, &clara] {
        assert!(
            online
                .as_array()
                .is_some_and(|it| it.contains(&json!(person.id))),
            "{reply}"
        );
    }
    server.command(["user", "suspend", "boris"]).run().exits(0);
    shown_offline(&mut anna, &boris);
    // Their sockets live on.
    boris.ask("ping_pong", &NOTHING).is(401);
    server
        .sign_in("clara")
        .ask("logout", &json!({"meta": {"all": true}}))
        .is(200);
    shown_offline(&mut anna, &clara);
    clara.ask("ping_pong", &NOTHING).is(401);
    let reply = anna.on(server.connect()).ask("subscribe", &NOTHING).is(200);
    assert_eq!(reply.data()["meta"]["online"], json!([]), "{reply}");
}

#[test]
fn a_subscription_goes_on_with_another_token_of_the_same_user() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let other = server.sign_in("boris");
    let group = anna.group("G", &[&boris]);
    subscribe(&mut boris);
    boris.token.clone_from(&other.token);
    boris.ask("ping_pong", &NOTHING).is(200);
    anna.send(&group, "to the other");
    assert_eq!(told(&mut boris).texts(), ["to the other"]);
    // Another user on the same connection has not subscribed.
    let data = anna.signed(&NOTHING);
    boris.connection.request("ping_pong", &data).is(200);
    anna.send(&group, "to nobody");
    boris.ask("ping_pong", &NOTHING).is(200);
    assert!(boris.connection.pushed_so_far().is_empty());
}
