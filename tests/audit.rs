//! What administrators and the operator did is written down, and administrators can read it.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    administration::{ask, confirmed, rows},
    common::{Person, Server},
    users::document,
};

const NOTHING: Value = Value::Null;

/// What was done, newest first: the act, by whom and to whom, what it was done to, and what became of it.
fn told(admin: &mut Person) -> Vec<[Value; 5]> {
    let listed = rows(&ask(admin, "list_audit", &NOTHING).is(200), "audit");
    let told = listed.into_iter().map(|row| {
        let (by, of) = (row["by"]["login"].clone(), row["of"]["login"].clone());
        [
            row["act"].clone(),
            by,
            of,
            row["what"].clone(),
            row["detail"].clone(),
        ]
    });
    told.collect()
}

/// The entries of an administrator.
fn mine(admin: &mut Person) -> Vec<[Value; 5]> {
    let mut told = told(admin);
    told.retain(|row| row[1] == "admin");
    told
}

fn entry(act: &str, of: Value, what: Value, detail: Value) -> [Value; 5] {
    [json!(act), json!("admin"), of, what, detail]
}

/// What is told of what the administrator of the test below does.
fn expected() -> Vec<[Value; 5]> {
    let none = Value::Null;
    // Boris is gone: what he was called is told of his removal alone.
    vec![
        entry(
            "account_removed",
            none.clone(),
            json!("boris"),
            none.clone(),
        ),
        entry("account_resumed", none.clone(), none.clone(), none.clone()),
        entry(
            "account_suspended",
            none.clone(),
            none.clone(),
            none.clone(),
        ),
        entry("flow_removed", none.clone(), json!("Club"), none.clone()),
        entry(
            "message_deleted",
            json!("anna"),
            json!("Family"),
            none.clone(),
        ),
        entry("session_ended", none.clone(), none.clone(), none.clone()),
        entry(
            "registration_set",
            none.clone(),
            none.clone(),
            json!("closed"),
        ),
        entry(
            "invitation_revoked",
            none.clone(),
            json!("the cousins"),
            none.clone(),
        ),
        entry(
            "invitation_made",
            none.clone(),
            json!("the cousins"),
            none.clone(),
        ),
        entry("reset_link_made", none.clone(), none.clone(), none.clone()),
        entry("admin_taken", json!("anna"), none.clone(), none.clone()),
        entry("admin_given", json!("anna"), none.clone(), none.clone()),
        entry("account_renamed", none.clone(), none.clone(), json!("Bo")),
        entry("quota_set", none.clone(), none, json!("5000")),
    ]
}

#[test]
fn what_administrators_do_is_written_down() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    let family = anna.group("Family", &[&boris]);
    let club = anna.group("Club", &[]);
    let message = anna.send(&family, "a secret of the family");
    let before = told(&mut admin).len();
    ask(
        &mut admin,
        "set_user",
        &json!({"user": boris.id, "quota": 5000}),
    )
    .is(200);
    ask(
        &mut admin,
        "set_user",
        &json!({"user": boris.id, "username": "Bo"}),
    )
    .is(200);
    confirmed(
        &mut admin,
        "set_user",
        &json!({"user": anna.id, "admin": true}),
    )
    .is(200);
    confirmed(
        &mut admin,
        "set_user",
        &json!({"user": anna.id, "admin": false}),
    )
    .is(200);
    let link = confirmed(&mut admin, "reset_password", &json!({"user": boris.id})).is(200);
    let invited = ask(
        &mut admin,
        "invite",
        &json!({"uses": 2, "note": "the cousins"}),
    )
    .is(200);
    let open = rows(
        &ask(&mut admin, "list_invitations", &NOTHING).is(200),
        "invitations",
    );
    ask(
        &mut admin,
        "revoke_invitation",
        &json!({"id": open[0]["id"]}),
    )
    .is(200);
    ask(&mut admin, "registration", &json!({"mode": "closed"})).is(200);
    let sessions = ask(&mut admin, "list_sessions", &json!({"user": boris.id})).is(200);
    let session = rows(&sessions, "sessions")[0]["id"].clone();
    ask(&mut admin, "end_session", &json!({"id": session})).is(200);
    ask(&mut admin, "moderate", &json!({"message": message})).is(200);
    ask(&mut admin, "moderate", &json!({"message": message})).is(200);
    ask(&mut admin, "remove_flow", &json!({"flow": club})).is(200);
    ask(
        &mut admin,
        "set_user",
        &json!({"user": boris.id, "suspended": true}),
    )
    .is(200);
    ask(
        &mut admin,
        "set_user",
        &json!({"user": boris.id, "suspended": false}),
    )
    .is(200);
    confirmed(&mut admin, "remove_user", &json!({"user": boris.id})).is(200);
    let told = told(&mut admin);
    assert_eq!(told[..told.len() - before], expected());
    // No secret is in it.
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    let all: String = database
        .query_row(
            "SELECT group_concat(coalesce(what, '') || coalesce(detail, '')) FROM audit",
            [],
            |row| row.get(0),
        )
        .expect("read");
    let secrets = [
        &link.data()["meta"]["link"],
        &invited.data()["meta"]["code"],
    ];
    for secret in secrets.map(|secret| secret.as_str().expect("a secret")) {
        let secret = secret.rsplit('/').next().expect("a code");
        assert!(!all.contains(secret), "{secret} is in {all}");
    }
}

#[test]
fn what_is_refused_and_what_is_ones_own_is_not_in_it() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let mut anna = server.register("anna");
    let group = anna.group("Family", &[]);
    ask(&mut anna, "remove_flow", &json!({"flow": group})).is(200);
    let hooked = anna.group("Hooks", &[]);
    ask(
        &mut anna,
        "make_hook",
        &json!({"flow": hooked, "name": "door"}),
    )
    .is(200);
    let suspended = json!({"user": anna.id, "suspended": true});
    ask(&mut anna, "set_user", &suspended).is(403);
    let own = ask(&mut admin, "list_sessions", &NOTHING).is(200);
    let own = rows(&own, "sessions");
    let mut other = server.sign_in("admin");
    ask(&mut other, "end_session", &json!({"id": own[0]["id"]})).is(200);
    let mut admin = server.sign_in("admin");
    // The last administrator stays one.
    let (demoted, removed) = (
        json!({"user": admin.id, "admin": false}),
        json!({"user": admin.id}),
    );
    confirmed(&mut admin, "set_user", &demoted).is(403);
    confirmed(&mut admin, "remove_user", &removed).is(403);
    assert_eq!(mine(&mut admin), Vec::<[Value; 5]>::new());
    let hook = ask(
        &mut admin,
        "make_hook",
        &json!({"flow": hooked, "name": "bell"}),
    )
    .is(200);
    ask(
        &mut admin,
        "revoke_hook",
        &json!({"id": hook.data()["meta"]["id"]}),
    )
    .is(200);
    let told = mine(&mut admin);
    let hook = |act| entry(act, Value::Null, json!("Hooks"), json!("bell"));
    assert_eq!(told, [hook("hook_revoked"), hook("hook_made")]);
}

#[test]
fn the_operators_commands_are_in_it() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let mut anna = server.register("anna");
    let group = anna.group("Family", &[]);
    let message = anna.send(&group, "hello");
    let commands: &[(&[&str], &str)] = &[
        (&["user", "suspend", "anna"], "account_suspended"),
        (&["user", "resume", "anna"], "account_resumed"),
        (&["user", "set", "anna", "--admin", "on"], "admin_given"),
        (
            &["user", "set", "anna", "--email", "a@example.org"],
            "account_changed",
        ),
        (&["user", "reset", "anna"], "reset_link_made"),
        (&["session", "revoke", "--user", "anna"], "sessions_ended"),
        (&["registration", "invite"], "registration_set"),
        (&["invite", "create", "--note", "x"], "invitation_made"),
        (
            &["message", "send", "Family", "news", "--as", "anna"],
            "message_sent",
        ),
        (&["message", "delete", &message, "--yes"], "message_deleted"),
        (&["flow", "remove", "Family", "--yes"], "flow_removed"),
        (&["backup"], "backup_made"),
        (&["user", "remove", "anna", "--yes"], "account_removed"),
    ];
    for (command, act) in commands {
        server.command([]).args(*command).run().exits(0);
        let told = told(&mut admin);
        assert_eq!(
            (&told[0][0], &told[0][1]),
            (&json!(act), &Value::Null),
            "{command:?}"
        );
    }
    let listed = document(server.command(["audit", "--limit", "2"]));
    let listed = listed["audit"].as_array().expect("a list").clone();
    assert_eq!(listed.len(), 2);
    let removed = &listed[0];
    assert_eq!(
        (&removed["act"], &removed["by"], &removed["what"]),
        (&json!("account_removed"), &Value::Null, &json!("anna"))
    );
    let before = listed[1]["id"].to_string();
    let rest = document(server.command(["audit", "--before", &before]));
    assert_eq!(rest["audit"][0]["act"], json!("flow_removed"));
    let shown = server.command(["audit"]).run().exits(0).stdout;
    assert!(
        shown.contains("the operator") && shown.contains("account removed"),
        "{shown}"
    );
}

/// The words of the acts, by the source.
fn acts() -> Vec<String> {
    let source = file("src/model/audit.rs");
    let words = source
        .lines()
        .filter_map(|line| line.split_once("=> \"")?.1.strip_suffix("\","));
    words.map(str::to_owned).collect()
}

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

#[test]
fn every_act_is_documented_and_has_a_text_in_every_language() {
    let acts = acts();
    assert!(acts.len() > 30, "{acts:?}");
    let documented = file("docs/protocol.md");
    let tables =
        ["en", "ru", "de", "es"].map(|code| file(&format!("src/web/js/locales/{code}.admin.js")));
    for act in acts {
        assert!(
            documented.contains(&format!("`{act}`")),
            "{act} is not documented"
        );
        for table in &tables {
            assert!(
                table.contains(&format!("'audit.{act}': ")),
                "{act} has no text"
            );
        }
    }
}

#[test]
fn it_is_read_a_page_at_a_time_and_is_bounded() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    let filled = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10020)
                  INSERT INTO audit (at, act) SELECT ?1 + i, 'backup_made' FROM n";
    let now: i64 = database
        .query_row(
            "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            [],
            |row| row.get(0),
        )
        .expect("a time");
    database.execute(filled, [now - 60_000]).expect("written");
    ask(&mut admin, "registration", &json!({"mode": "closed"})).is(200);
    let count = |what: &str| -> i64 {
        let sql = format!("SELECT {what} FROM audit");
        database
            .query_row(&sql, [], |row| row.get(0))
            .expect("counted")
    };
    assert_eq!(count("COUNT(*)"), 10_000);
    let first = ask(&mut admin, "list_audit", &NOTHING).is(206);
    let first = rows(&first, "audit");
    assert_eq!(
        (first.len(), &first[0]["act"]),
        (100, &json!("registration_set"))
    );
    let next = ask(&mut admin, "list_audit", &json!({"after": first[99]["id"]})).is(206);
    let next = rows(&next, "audit");
    let number = |row: &Value| {
        row["id"]
            .as_str()
            .expect("a text")
            .parse::<i64>()
            .expect("a number")
    };
    assert_eq!(number(&next[0]), number(&first[99]) - 1);
    // What is older than two years goes with the next entry.
    let old = now - 2 * 365 * 24 * 3_600_000 - 60_000;
    database
        .execute(
            "UPDATE audit SET at = ?1 WHERE id < ?2",
            [old, number(&first[50])],
        )
        .expect("written");
    ask(&mut admin, "registration", &json!({"mode": "open"})).is(200);
    assert_eq!(count("COUNT(*)"), 52);
}
