//! Administrators at work from a client.

use serde_json::{Value, json};

use crate::{
    common::{PASSWORD, Person, Reply, Server, connection::End},
    devices::become_bot,
    push::{subscribe, told},
    users::document,
};

const NOTHING: Value = Value::Null;

/// Sends a request that accepts `rich`.
#[track_caller]
pub(crate) fn ask(person: &mut Person, method: &str, meta: &Value) -> Reply {
    let accept = json!({"accept": ["rich"]});
    person.ask_with_meta(method, &json!({"meta": meta}), &accept)
}

/// Sends a request with the caller's own password beside the token.
#[track_caller]
pub(crate) fn confirmed(person: &mut Person, method: &str, meta: &Value) -> Reply {
    let data = json!({"user": [{"password": PASSWORD}], "meta": meta});
    let accept = json!({"accept": ["rich"]});
    person.ask_with_meta(method, &data, &accept)
}

/// Returns a list of `data.meta`.
#[track_caller]
pub(crate) fn rows(reply: &Reply, noun: &str) -> Vec<Value> {
    let rows = reply.data()["meta"][noun].as_array();
    rows.unwrap_or_else(|| panic!("no {noun}: {reply}")).clone()
}

/// The code in a link.
pub(crate) fn code(link: &Value) -> String {
    let link = link.as_str().expect("a link");
    link.rsplit('/').next().expect("a code").to_owned()
}

#[test]
fn only_administrators_may_and_no_token_of_a_bot() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut bot = server.register("robot");
    server
        .command(["user", "set", "robot", "--admin", "on"])
        .run()
        .exits(0);
    become_bot(&server, &bot);
    let whom = anna.id.clone();
    for (method, meta) in [
        ("list_users", json!({})),
        ("set_user", json!({"user": whom, "suspended": true})),
        ("set_user", json!({"user": whom, "admin": true})),
        ("remove_user", json!({"user": whom})),
        ("reset_password", json!({"user": whom})),
        ("list_invitations", json!({})),
        ("revoke_invitation", json!({"id": "1"})),
        ("registration", json!({"mode": "closed"})),
        ("list_flows", json!({})),
        ("moderate", json!({"message": "1"})),
        ("list_audit", json!({})),
        ("list_backups", json!({})),
        ("make_backup", json!({})),
        ("run_check", json!({})),
        ("server_status", json!({})),
    ] {
        for (person, key) in [(&mut anna, "not_administrator"), (&mut bot, "not_for_bots")] {
            let refused = confirmed(person, method, &meta).is(403);
            assert_eq!(refused.refusal()["key"], json!(key), "{method}: {refused}");
        }
    }
    anna.ask("ping_pong", &NOTHING).is(200);
}

#[test]
fn accounts_are_listed_a_hundred_at_a_time() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    for number in 0..205_u32 {
        database
            .execute(
                "INSERT INTO users (uuid, login, login_key, localpart, created_at)
                 VALUES (randomblob(16), ?1, ?1, ?1, 0)",
                [format!("user{number:03}")],
            )
            .expect("written");
    }
    let mut found = Vec::new();
    let mut after = Value::Null;
    for code in [206, 206, 200] {
        let page = ask(&mut admin, "list_users", &json!({"after": after})).is(code);
        let page = rows(&page, "users");
        after = page.last().expect("a row")["id"].clone();
        found.extend(page.into_iter().map(|row| row["login"].clone()));
    }
    assert_eq!(found.len(), 206);
    assert_eq!(
        (&found[0], &found[205]),
        (&json!("admin"), &json!("user204"))
    );
    let few = ask(&mut admin, "list_users", &json!({"query": "User20"})).is(200);
    assert_eq!(rows(&few, "users").len(), 5);
    let first = ask(&mut admin, "list_users", &json!({"query": "user"})).is(206);
    let last = rows(&first, "users").pop().expect("a row")["id"].clone();
    let rest = json!({"query": "user", "after": last});
    let next = rows(&ask(&mut admin, "list_users", &rest).is(206), "users");
    assert_eq!(next[0]["login"], json!("user100"));
}

#[test]
fn an_account_is_changed_and_everybody_hears_what_shows() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let mut anna = server.register("anna");
    let mut listening = anna.on(server.connect());
    subscribe(&mut listening);
    let change = json!({"user": anna.id, "username": "Анна", "quota": 5_000_000_000_i64});
    let row = rows(&ask(&mut admin, "set_user", &change).is(200), "users").remove(0);
    assert_eq!(
        (&row["username"], &row["quota"]),
        (&json!("Анна"), &json!(5_000_000_000_i64))
    );
    let pushed = told(&mut listening);
    assert_eq!(pushed.users()[0]["username"], json!("Анна"), "{pushed}");
    let long = json!({"user": anna.id, "username": "я".repeat(257)});
    assert_eq!(
        ask(&mut admin, "set_user", &long).is(403).refusal()["key"],
        "too_large"
    );

    let suspend = json!({"user": anna.id, "suspended": true});
    let row = rows(&ask(&mut admin, "set_user", &suspend).is(200), "users").remove(0);
    assert_eq!(row["suspended"], json!(true));
    assert_eq!(listening.connection.closed(), End::Closed(Some(4401)));
    anna.ask("ping_pong", &NOTHING).is(401);
    let again = json!({"user": [{"login": "anna", "password": PASSWORD}]});
    anna.connection.request("authentication", &again).is(401);
    let resume = json!({"user": anna.id, "suspended": false});
    ask(&mut admin, "set_user", &resume).is(200);
    anna.connection.request("authentication", &again).is(200);
}

#[test]
fn rights_end_at_once_and_the_last_administrator_stays() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let mut anna = server.register("anna");
    let make = json!({"user": anna.id, "admin": true});
    assert_eq!(
        ask(&mut admin, "set_user", &make).is(401).refusal()["key"],
        "password_needed"
    );
    confirmed(&mut admin, "set_user", &make).is(200);
    ask(&mut anna, "list_users", &NOTHING).is(200);
    let mut live = anna.on(server.connect());
    let account = ask(&mut live, "subscribe", &NOTHING).is(200);
    let can = account.data()["meta"]["me"]["can"].clone();
    assert_eq!(can, json!(["invite", "bots"]));
    let unmake = json!({"user": admin.id, "admin": false});
    confirmed(&mut anna, "set_user", &unmake).is(200);
    ask(&mut admin, "list_users", &NOTHING).is(403);
    for (method, meta) in [
        ("set_user", json!({"user": anna.id, "admin": false})),
        ("set_user", json!({"user": anna.id, "suspended": true})),
        ("remove_user", json!({"user": anna.id})),
    ] {
        let refused = confirmed(&mut anna, method, &meta).is(403);
        assert_eq!(refused.refusal()["key"], json!("last_administrator"));
    }
    // One who cannot sign in is none that would be left.
    confirmed(
        &mut anna,
        "set_user",
        &json!({"user": admin.id, "admin": true}),
    )
    .is(200);
    ask(
        &mut anna,
        "set_user",
        &json!({"user": admin.id, "suspended": true}),
    )
    .is(200);
    let unmake = json!({"user": anna.id, "admin": false});
    confirmed(&mut anna, "set_user", &unmake).is(403);
    confirmed(&mut anna, "remove_user", &json!({"user": admin.id})).is(200);
}

#[test]
fn a_link_sets_a_new_password_once_and_ends_every_session() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let mut anna = server.register("anna");
    let mut listening = anna.on(server.connect());
    subscribe(&mut listening);
    let meta = json!({"user": anna.id});
    let made = confirmed(&mut admin, "reset_password", &meta).is(200);
    let made = &made.data()["meta"];
    let secret = code(&made["link"]);
    assert!(secret.len() >= 43 && made["expires"].is_i64(), "{made}");
    assert!(
        made["link"]
            .as_str()
            .is_some_and(|link| link.contains("/reset/"))
    );
    let stored = server.database_bytes();
    assert!(
        !stored
            .windows(secret.len())
            .any(|bytes| bytes == secret.as_bytes()),
        "the code is not stored"
    );
    let mut stranger = server.connect();
    let meta = json!({"meta": {"code": secret}});
    for _ in 0..2 {
        let asked = stranger.request("use_reset", &meta).is(200);
        assert_eq!(asked.users()[0]["login"], json!("anna"));
        assert!(asked.users()[0]["auth_id"].is_null());
    }
    anna.ask("ping_pong", &NOTHING).is(200);
    let new = json!({"user": [{"password": "staple correct horse"}], "meta": {"code": secret}});
    let opened = stranger.request("use_reset", &new).is(200);
    let user = opened.users()[0].clone();
    assert_eq!(user["uuid"], json!(anna.id));
    assert_eq!(listening.connection.closed(), End::Closed(Some(4401)));
    anna.ask("ping_pong", &NOTHING).is(401);
    let caller = json!({"user": [{"uuid": user["uuid"], "auth_id": user["auth_id"]}]});
    stranger.request("ping_pong", &caller).is(200);
    stranger.request("use_reset", &new).is(404);
    let login = |password: &str| json!({"user": [{"login": "anna", "password": password}]});
    stranger.request("authentication", &login(PASSWORD)).is(401);
    stranger
        .request("authentication", &login("staple correct horse"))
        .is(200);
}

#[test]
fn a_link_ends_with_what_replaces_it() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let mut stranger = server.connect();
    let link = |admin: &mut Person, whom: &str| {
        let made = confirmed(admin, "reset_password", &json!({"user": whom})).is(200);
        json!({"meta": {"code": code(&made.data()["meta"]["link"])}})
    };
    for end in ["newer", "password", "suspension", "deletion", "day"] {
        let mut person = server.register(end);
        let reset = link(&mut admin, &person.id);
        stranger.request("use_reset", &reset).is(200);
        match end {
            "newer" => {
                let newer = link(&mut admin, &person.id);
                stranger.request("use_reset", &newer).is(200);
            }
            "password" => {
                let edit = json!({"user": [{"password": "staple correct horse"}], "meta": {"old_password": PASSWORD}});
                person.ask("edit_user", &edit).is(200);
            }
            "suspension" => {
                for suspended in [true, false] {
                    let meta = json!({"user": person.id, "suspended": suspended});
                    ask(&mut admin, "set_user", &meta).is(200);
                }
            }
            "deletion" => {
                let data = json!({"user": [{"login": end, "password": PASSWORD}]});
                person.ask("delete_user", &data).is(200);
            }
            _ => {
                let database = rusqlite::Connection::open(server.database()).expect("opens");
                let life: i64 = database
                    .query_row("SELECT r.expires_at - r.created_at FROM password_resets r JOIN users u ON u.id = r.user_id WHERE u.login = ?1", [end], |row| row.get(0))
                    .expect("a row");
                assert_eq!(life, 24 * 60 * 60 * 1000);
                database
                    .execute(
                        "UPDATE password_resets SET expires_at = expires_at - 86400000",
                        [],
                    )
                    .expect("written");
            }
        }
        stranger.request("use_reset", &reset).is(404);
    }
}

#[test]
fn guessing_links_is_throttled_and_keeps_no_good_one_out() {
    let mut server = Server::initialised("open", &[]);
    server.set("auth.login_attempts", "3");
    server.serve();
    server.register("anna");
    let reset = document(server.command(["user", "reset", "anna"]));
    let mut stranger = server.connect();
    let wrong = json!({"meta": {"code": "0".repeat(64)}});
    let codes: Vec<_> = (0..5)
        .map(|_| stranger.request("use_reset", &wrong).code())
        .collect();
    assert_eq!(codes, [404, 404, 404, 429, 429]);
    let good = json!({"meta": {"code": code(&reset["link"])}});
    stranger.request("use_reset", &good).is(200);
}

#[test]
fn the_operator_makes_a_link_beside_a_running_server() {
    let server = Server::start();
    let anna = server.register("anna");
    let reset = document(server.command(["user", "reset", "anna"]));
    assert_eq!(reset["login"], json!("anna"));
    assert!(reset["expires"].is_i64(), "{reset}");
    let asked = json!({"meta": {"code": code(&reset["link"])}});
    let found = server.connect().request("use_reset", &asked).is(200);
    assert_eq!(found.users()[0]["uuid"], json!(anna.id));
    let shown = server.command(["user", "reset", "anna"]).run().exits(0);
    assert!(
        shown.stdout.contains("/reset/") && shown.stdout.contains('█'),
        "{}",
        shown.stdout
    );
    server.connect().request("use_reset", &asked).is(404);
    server.command(["user", "suspend", "anna"]).run().exits(0);
    server.command(["user", "reset", "anna"]).run().exits(1);
    let mut admin = server.sign_in("admin");
    let refused = confirmed(&mut admin, "reset_password", &json!({"user": anna.id})).is(403);
    assert_eq!(refused.refusal()["key"], json!("suspended"));
    server.command(["user", "reset", "nobody"]).run().exits(3);
    server.command(["user", "reset"]).run().exits(2);
}

#[test]
fn conversations_are_ended_and_messages_deleted_anywhere() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let family = anna.group("Family", &[&boris]);
    let club = anna.group("Club", &[&boris]);
    let message = anna.send(&family, "a secret of the family");
    let listed = rows(&ask(&mut admin, "list_flows", &NOTHING).is(200), "flows");
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (&listed[0]["id"], &listed[0]["members"]),
        (&json!(family), &json!(2))
    );
    assert_eq!(
        (&listed[0]["messages"], &listed[0]["owner"]),
        (&json!(1), &json!(anna.id))
    );

    subscribe(&mut boris);
    let meta = json!({"message": message});
    assert_eq!(
        ask(&mut anna, "moderate", &meta).is(403).refusal()["key"],
        "not_administrator"
    );
    ask(&mut admin, "moderate", &meta).is(200);
    let pushed = told(&mut boris);
    assert_eq!(pushed.texts(), ["Message deleted"], "{pushed}");
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    let actor: String = database
        .query_row(
            "SELECT u.login FROM changes c JOIN users u ON u.id = c.actor_id WHERE c.kind = 3",
            [],
            |row| row.get(0),
        )
        .expect("the deletion is in the log");
    assert_eq!(actor, "admin");

    let mut asking = boris.on(server.connect());
    assert_eq!(
        ask(&mut asking, "remove_flow", &json!({"flow": family}))
            .is(403)
            .refusal()["key"],
        "not_owner"
    );
    ask(&mut anna, "remove_flow", &json!({"flow": family})).is(200);
    let pushed = told(&mut boris);
    assert_eq!(pushed.data()["meta"]["left"], json!([family]), "{pushed}");
    ask(&mut admin, "remove_flow", &json!({"flow": club})).is(200);
    assert_eq!(told(&mut boris).data()["meta"]["left"], json!([club]));
    for person in [&mut anna, &mut admin] {
        ask(person, "remove_flow", &json!({"flow": club})).is(404);
    }
    anna.ask("all_flow", &NOTHING).is(404);
}

#[test]
fn backups_and_checks_are_those_of_the_commands() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    assert!(
        rows(
            &ask(&mut admin, "list_backups", &NOTHING).is(200),
            "backups"
        )
        .is_empty()
    );
    let made = rows(&ask(&mut admin, "make_backup", &NOTHING).is(200), "backups").remove(0);
    let file = server
        .folder()
        .join("backups")
        .join(made["id"].as_str().expect("a name"));
    assert_eq!(
        made["size"],
        json!(std::fs::metadata(&file).expect("a file").len())
    );
    server
        .command(["backup", "verify"])
        .arg(&file)
        .run()
        .exits(0);
    let listed = rows(
        &ask(&mut admin, "list_backups", &NOTHING).is(200),
        "backups",
    );
    assert_eq!(listed, [made]);
    let status = ask(&mut admin, "server_status", &NOTHING).is(200);
    let status = &status.data()["meta"]["status"];
    assert!(status["backup"].is_i64(), "the copy is on record: {status}");
    assert_eq!(
        (&status["users"], &status["connections"]),
        (&json!(1), &json!(1))
    );

    let found = rows(&ask(&mut admin, "run_check", &NOTHING).is(200), "rows");
    let said = server.command(["check", "--json"]).run();
    let said: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let said = said["checks"].as_array().expect("checks");
    let topics =
        |rows: &[Value]| -> Vec<Value> { rows.iter().map(|row| row["topic"].clone()).collect() };
    assert_eq!(topics(&found), topics(said));
    let again = ask(&mut admin, "run_check", &NOTHING).is(429);
    assert_eq!(again.refusal()["key"], json!("too_soon"));
}

#[test]
fn a_backup_that_cannot_be_made_is_said_without_its_paths() {
    let mut server = Server::initialised("open", &[]);
    let taken = server.folder().join("taken");
    std::fs::write(&taken, "no folder").expect("written");
    server.set("backup.dir", taken.to_str().expect("text"));
    server.serve();
    let mut admin = server.sign_in("admin");
    let failed = ask(&mut admin, "make_backup", &NOTHING).is(503);
    assert_eq!(failed.refusal()["key"], json!("backup_failed"));
    assert!(!failed.to_string().contains("taken"), "{failed}");
    let status = ask(&mut admin, "server_status", &NOTHING).is(200);
    assert!(
        status.data()["meta"]["status"]["backup_failed"].is_i64(),
        "{status}"
    );
}
