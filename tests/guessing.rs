//! Guessing passwords: what strangers may try, and that nobody else pays for it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::common::{Connection, PASSWORD, Person, Server};

const STRANGER: &str = "192.0.2.1";

fn server(attempts: &str) -> Server {
    Server::with(&[
        ("auth.login_attempts", attempts),
        ("auth.login_window", "10m"),
        ("proxy.trusted", "127.0.0.1"),
    ])
}

fn sign_in(connection: &mut Connection, login: &str, password: &str) -> u64 {
    let data: Value = json!({"user": [{"login": login, "password": password}]});
    connection.request("authentication", &data).code()
}

/// Guesses until that is refused, and returns how many guesses were looked at.
fn guess(server: &Server, address: &str, login: &str) -> usize {
    let mut connection = server.connect_from(address);
    let guesses = (0..100).take_while(|number| {
        let code = sign_in(&mut connection, login, &format!("guess {number}"));
        assert!(matches!(code, 401 | 429), "{code}");
        code == 401
    });
    guesses.count()
}

#[test]
fn strangers_guesses_keep_no_owner_out() {
    let server = server("10");
    let home = "203.0.113.5";
    Person::register(server.connect_from(home), "anna");
    assert_eq!(guess(&server, STRANGER, "anna"), 10);
    for number in 10..20 {
        let address = format!("192.0.2.{number}");
        assert_eq!(guess(&server, &address, "anna"), 2, "a share each");
    }
    // A new telephone, with a mistake on the way.
    let mut telephone = server.connect_from("198.51.100.7");
    assert_eq!(sign_in(&mut telephone, "anna", "mistake"), 401);
    assert_eq!(sign_in(&mut telephone, "anna", PASSWORD), 200);
    // Where she has been before she may be wrong as often as if nobody had guessed.
    assert_eq!(guess(&server, home, "anna"), 10);
    assert_eq!(guess(&server, "198.51.100.7", "anna"), 10);
    // Nobody learns from this who has an account.
    assert_eq!(guess(&server, "192.0.2.50", "nobody"), 10);
    assert_eq!(guess(&server, "192.0.2.51", "nobody"), 2);
}

#[test]
fn who_is_signed_in_changes_the_password_whatever_strangers_guess() {
    let server = server("5");
    let mut anna = Person::register(server.connect_from("203.0.113.5"), "anna");
    assert_eq!(guess(&server, STRANGER, "anna"), 5);
    assert_eq!(guess(&server, "203.0.113.5", "anna"), 5);
    let change = |old: &str| json!({"user": [{"password": "another horse battery"}], "meta": {"old_password": old}});
    anna.ask("edit_user", &change("wrong")).is(401);
    anna.ask("edit_user", &change(PASSWORD)).is(200);
    // A stolen token is no licence to guess.
    let mut codes = (0..10).map(|_| anna.ask("edit_user", &change("wrong")).code());
    assert_eq!(codes.by_ref().take(5).collect::<Vec<_>>(), [401; 5]);
    assert_eq!(codes.collect::<Vec<_>>(), [429; 5]);
}

#[test]
fn many_guesses_at_a_time_pass_no_limit() {
    let server = server("4");
    Person::register(server.connect_from("203.0.113.5"), "anna");
    // As many as may wait to be signed in from one address.
    let codes: Vec<u64> = thread::scope(|scope| {
        let guess = |number: usize| {
            let mut connection = server.connect_from(STRANGER);
            let password = format!("guess {number}");
            scope.spawn(move || sign_in(&mut connection, "anna", &password))
        };
        let threads: Vec<_> = (0..14).map(guess).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("answered"))
            .collect()
    });
    let looked_at = codes.iter().filter(|code| **code == 401).count();
    assert!((1..=4).contains(&looked_at), "{codes:?}");
    assert!(
        codes.iter().all(|code| matches!(code, 401 | 429 | 503)),
        "{codes:?}"
    );
}

#[test]
fn who_signs_in_all_the_time_keeps_nobody_out() {
    let server = server("10");
    Person::register(server.connect_from("203.0.113.5"), "anna");
    Person::register(server.connect_from("203.0.113.6"), "boris");
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..50 {
            // So few from one address that none is closed before it has signed in.
            let address = format!("203.0.113.{}", 10 + number / 10);
            let mut connection = server.connect_from(&address);
            let enough = &enough;
            scope.spawn(move || {
                while !enough.load(Ordering::Relaxed) {
                    let code = sign_in(&mut connection, "anna", PASSWORD);
                    assert!(matches!(code, 200 | 503), "{code}");
                }
            });
        }
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(3) {
            let mut connection = server.connect_from("203.0.113.6");
            let code = sign_in(&mut connection, "boris", PASSWORD);
            if code != 200 {
                enough.store(true, Ordering::Relaxed);
            }
            assert_eq!(code, 200);
        }
        enough.store(true, Ordering::Relaxed);
    });
}

#[test]
fn one_address_guesses_only_so_often_whosever_the_password_is() {
    let server = server("3");
    Person::register(server.connect_from("203.0.113.5"), "anna");
    let mut connection = server.connect_from(STRANGER);
    // A login after the other, each once: no account has used up anything.
    let codes: Vec<u64> = (0..200)
        .map(|n| sign_in(&mut connection, &format!("somebody {n}"), "guess"))
        .collect();
    let looked_at = codes.iter().filter(|code| **code == 401).count();
    assert!(
        looked_at < 100 && codes.contains(&429),
        "{looked_at} of 200"
    );
    assert_eq!(sign_in(&mut connection, "anna", "guess"), 429);
    let mut elsewhere = server.connect_from("198.51.100.9");
    assert_eq!(sign_in(&mut elsewhere, "anna", PASSWORD), 200);
}
