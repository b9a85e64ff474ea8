//! What was checked is still true when it is written: sign-ins and password changes that are under
//! way while the password is replaced, or the account suspended or deleted.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::common::{Connection, PASSWORD, Person, Server};

/// Connections that sign in at a time: as many passwords of one account as are checked at a time.
const SOCKETS: usize = 6;

/// How often each race is run, in each order.
const ROUNDS: usize = 4;

const NEW_PASSWORD: &str = "another horse battery";

/// Who ends the sign-ins, and how.
type End = fn(&Server, &mut Person);

fn change_password(_: &Server, owner: &mut Person) {
    let data = json!({"user": [{"password": NEW_PASSWORD}], "meta": {"old_password": PASSWORD}});
    owner.ask("edit_user", &data).is(200);
}

fn replace_password(server: &Server, owner: &mut Person) {
    server
        .command(["user", "passwd", &owner.login, "--password-stdin"])
        .stdin(format!("{NEW_PASSWORD}\n"))
        .run()
        .exits(0);
}

fn suspend_and_resume(server: &Server, owner: &mut Person) {
    for word in ["suspend", "resume"] {
        server.command(["user", word, &owner.login]).run().exits(0);
    }
}

fn delete(_: &Server, owner: &mut Person) {
    let data = json!({"user": [{"login": owner.login, "password": PASSWORD}]});
    owner.ask("delete_user", &data).is(200);
}

fn remove(server: &Server, owner: &mut Person) {
    server
        .command(["user", "remove", &owner.login, "--yes"])
        .run()
        .exits(0);
}

fn credentials(login: &str) -> Value {
    json!({"user": [{"login": login, "password": PASSWORD}]})
}

/// Signs in over many connections while something ends the password, and returns the tokens that
/// were given. `again` has every connection sign in until the end has been answered, not just once.
fn tokens(server: &Server, owner: &mut Person, end: End, first: bool, again: bool) -> Vec<Person> {
    let login = owner.login.clone();
    let start = Barrier::new(SOCKETS + 1);
    let over = AtomicBool::new(false);
    let sign_in = |mut connection: Connection| {
        let mut given = Vec::new();
        start.wait();
        loop {
            let reply = connection.request("authentication", &credentials(&login));
            if reply.code() == 200 {
                let user = &reply.users()[0];
                let text = |key: &str| user[key].as_str().expect("text").to_owned();
                given.push((text("uuid"), text("auth_id")));
            }
            if !again || over.load(Ordering::Relaxed) {
                return given;
            }
        }
    };
    let given: Vec<_> = thread::scope(|scope| {
        let sign_in = &sign_in;
        let spawn = |_| {
            let connection = server.connect();
            scope.spawn(move || sign_in(connection))
        };
        let threads: Vec<_> = (0..SOCKETS).map(spawn).collect();
        start.wait();
        if !first {
            // The sign-ins have begun, and wait for the hash of their password.
            thread::sleep(Duration::from_millis(5));
        }
        end(server, owner);
        over.store(true, Ordering::Relaxed);
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("signed in"))
            .collect()
    });
    given
        .into_iter()
        .map(|(id, token)| Person {
            login: login.clone(),
            id,
            token,
            connection: server.connect(),
        })
        .collect()
}

/// A command's work is noticed by the server within moments.
#[track_caller]
fn is_refused_soon(person: &mut Person) {
    let start = Instant::now();
    loop {
        let reply = person.ask("ping_pong", &Value::Null);
        if reply.code() == 401 {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(2), "{reply}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sessions that are stored of a user's.
fn rows(server: &Server, id: &str) -> i64 {
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    let id: u128 = id.parse().expect("an id");
    database
        .query_row(
            "SELECT COUNT(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.uuid = ?1",
            [id.to_be_bytes()],
            |row| row.get(0),
        )
        .expect("reads")
}

#[test]
fn no_sign_in_outlives_the_end_of_its_password() {
    let ends: [(&str, End, bool); 5] = [
        ("edit_user", change_password, true),
        ("user passwd", replace_password, true),
        // Who begins after the account was resumed may sign in.
        ("user suspend, user resume", suspend_and_resume, false),
        ("delete_user", delete, true),
        ("user remove", remove, true),
    ];
    let server = Server::start();
    let mut given = 0;
    for (number, (name, end, again)) in ends.into_iter().enumerate() {
        for round in 0..2 * ROUNDS {
            let mut owner = server.register(&format!("anna {number} {round}"));
            let sign_ins = tokens(&server, &mut owner, end, round % 2 == 0, again);
            given += sign_ins.len();
            for mut person in sign_ins {
                is_refused_soon(&mut person);
            }
            let left = rows(&server, &owner.id);
            // The session by which the password was changed stays.
            assert_eq!(left, i64::from(name == "edit_user"), "{name}");
        }
    }
    println!("{given} tokens were given before their end");
}

#[test]
fn of_many_changes_of_a_password_one_is_made() {
    let server = Server::start();
    let anna = server.register("anna");
    let codes: Vec<u64> = thread::scope(|scope| {
        let change = |number: usize| {
            let mut device = anna.on(server.connect());
            let new = format!("the password number {number}");
            let data = json!({"user": [{"password": new}], "meta": {"old_password": PASSWORD}});
            scope.spawn(move || device.ask("edit_user", &data).code())
        };
        let threads: Vec<_> = (0..SOCKETS).map(change).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("answered"))
            .collect()
    });
    let made = codes.iter().filter(|code| **code == 200).count();
    assert_eq!(made, 1, "{codes:?}");
    assert!(
        codes.iter().all(|code| matches!(code, 200 | 401)),
        "{codes:?}"
    );
}

#[test]
fn a_session_that_was_ended_changes_no_password() {
    let server = Server::start();
    for round in 0..ROUNDS {
        let login = format!("anna {round}");
        let mut thief = server.register(&login);
        let mut owner = server.sign_in(&login);
        let start = Barrier::new(2);
        let (stolen, ended) = thread::scope(|scope| {
            let thread = scope.spawn(|| {
                start.wait();
                let data =
                    json!({"user": [{"password": NEW_PASSWORD}], "meta": {"old_password": PASSWORD}});
                thief.ask("edit_user", &data).code()
            });
            start.wait();
            thread::sleep(Duration::from_millis(5));
            let ended = owner.ask("logout", &json!({"meta": {"all": true}})).code();
            (thread.join().expect("answered"), ended)
        });
        match (stolen, ended) {
            (401, 200) => drop(server.sign_in(&login)),
            // On a busy machine the password was changed before, which ended the owner's session.
            (200, 401) => {}
            both => panic!("{both:?}"),
        }
    }
}

#[test]
fn nobody_registers_by_an_invitation_that_was_revoked() {
    let server = Server::with(&[("auth.registration", "invite")]);
    for round in 0..ROUNDS {
        let made = server
            .command(["invite", "create", "--uses", "20", "--json"])
            .run()
            .exits(0);
        let made: Value = serde_json::from_str(&made.stdout).expect("a document");
        let code = made["code"].as_str().expect("a code");
        let start = &Barrier::new(SOCKETS + 1);
        thread::scope(|scope| {
            for socket in 0..SOCKETS {
                let mut connection = server.connect();
                scope.spawn(move || {
                    let login = format!("guest {round} {socket}");
                    let data =
                        json!({"user": [{"login": login, "password": PASSWORD, "auth_id": code}]});
                    start.wait();
                    let reply = connection.request("register_user", &data);
                    assert!(matches!(reply.code(), 201 | 403 | 503), "{reply}");
                });
            }
            start.wait();
            server.command(["invite", "revoke", code]).run().exits(0);
            let before = people(&server);
            thread::sleep(Duration::from_millis(300));
            assert_eq!(people(&server), before, "somebody came in after the end");
        });
    }
}

/// How many accounts there are.
fn people(server: &Server) -> i64 {
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    database
        .query_row("SELECT COUNT(*) FROM users", [], |row| row.get(0))
        .expect("reads")
}
