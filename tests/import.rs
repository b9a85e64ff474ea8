//! Moving from the Python server: nobody loses a message or has to learn a new password.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::common::{Person, Server};
use crate::users::document;

/// The tables as that server makes them.
const SCHEMA: &str = "
    CREATE TABLE user_config (id INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, login TEXT NOT NULL,
        password TEXT NOT NULL, hash_password TEXT, username TEXT, is_bot BOOLEAN, auth_id TEXT, token_ttl INT,
        email TEXT, avatar TEXT, bio TEXT, salt TEXT, key TEXT);
    CREATE TABLE flow (id INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, time_created INT,
        flow_type TEXT, title TEXT, info TEXT, owner TEXT);
    CREATE TABLE flow_user_config (flow_id INT NOT NULL, user_config_id INT NOT NULL);
    CREATE TABLE message (id INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, text TEXT, time INT,
        file_picture TEXT, file_video TEXT, file_audio TEXT, file_document TEXT, emoji TEXT, edited_time INT,
        edited_status BOOLEAN, user_id INT REFERENCES user_config (id), flow_id INT REFERENCES flow (id));
    CREATE TABLE admin (id INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT NOT NULL UNIQUE, hash_password TEXT NOT NULL);
";

/// A small club, with everything that server let happen. The files hold base64 of what the client
/// sent, which was base64 itself: `aGVsbG8=`.
pub(crate) const ROWS: &str = "
    INSERT INTO user_config (id, uuid, login, password, username, is_bot, email, avatar, bio) VALUES
        (1, '274131693711513029153942624366511623626', 'anna', 'anna''s old password', 'Анна', 0, 'anna@example.com', 'YUdWc2JHOD0=', 'hi'),
        (2, '119536443170811779566832011329728691736', 'boris', 'boris-1975', NULL, NULL, NULL, NULL, NULL),
        (3, '300000000000000000000000000000000000001', 'Anna', 'the other anna', NULL, 0, NULL, NULL, NULL),
        (4, '300000000000000000000000000000000000002', 'User deleted', '12345', 'User deleted', 0, '', '', 'deleted'),
        (5, '300000000000000000000000000000000000003', 'User deleted', '12345', 'User deleted', 0, '', '', 'deleted'),
        (6, '300000000000000000000000000000000000004', ' clara' || char(10), 'clara pass phrase', NULL, 1, NULL, NULL, NULL),
        (7, 'not-a-number', 'dora', 'x', NULL, 0, NULL, NULL, NULL),
        (8, '300000000000000000000000000000000000005', 'emil', '', NULL, 0, NULL, NULL, NULL);
    INSERT INTO flow (id, uuid, time_created, flow_type, title, info, owner) VALUES
        (1, '27750638692002405987429946705476760982', 1600000000, 'group', 'Семья', 'family', '274131693711513029153942624366511623626'),
        (2, '27750638692002405987429946705476760983', 1600000001, 'chat', 'a-b', NULL, '274131693711513029153942624366511623626'),
        (3, '27750638692002405987429946705476760984', 1600000002, 'channel', 'news', '', '119536443170811779566832011329728691736'),
        (4, '27750638692002405987429946705476760985', 1600000003, 'group', 'half-made', NULL, '999'),
        (5, '27750638692002405987429946705476760986', NULL, NULL, 'odd', NULL, NULL),
        (6, '27750638692002405987429946705476760987', 1600000004, 'chat', 'again', NULL, '119536443170811779566832011329728691736');
    INSERT INTO flow_user_config VALUES (1, 1), (1, 2), (1, 4), (1, 2), (2, 1), (2, 2), (3, 2), (3, 1), (5, 2), (5, 77), (6, 2), (6, 1);
    INSERT INTO message (id, uuid, text, time, file_picture, file_video, file_audio, file_document, emoji, edited_time, edited_status, user_id, flow_id) VALUES
        (1, '101', 'first, edited', 1600000010, NULL, NULL, NULL, NULL, NULL, 1600000020, 1, 1, 1),
        (2, '102', 'Message deleted', 1600000011, '', '', '', '', '', 1600000021, 1, 2, 1),
        (3, '103', 'Message deleted', 1600000012, NULL, NULL, NULL, NULL, NULL, 1600000022, 1, 2, 1),
        (4, '104', 'with a picture', 1600000013, 'YUdWc2JHOD0=', NULL, NULL, NULL, 'no base64!', NULL, 0, 1, 1),
        (5, '105', 'of who is gone', 1600000014, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 4, 1),
        (6, '106', NULL, NULL, NULL, NULL, 'YUdWc2JHOD0=', NULL, NULL, NULL, NULL, 2, 2),
        (7, '107', 'a reader wrote', 1600000015, NULL, NULL, NULL, NULL, NULL, NULL, 0, 1, 3),
        (8, '108', 'into nothing', 1600000016, NULL, NULL, NULL, NULL, NULL, NULL, 0, 1, 4),
        (9, '109', 'from nobody', 1600000017, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, 1),
        (10, 'x', 'nameless', 1600000018, NULL, NULL, NULL, NULL, NULL, NULL, 0, 1, 1);
    INSERT INTO admin (username, hash_password) VALUES ('root', 'x');
";

pub(crate) fn python_db(server: &Server, rows: &str) -> PathBuf {
    let path = server.folder().join("db_sqlite.db");
    let database = rusqlite::Connection::open(&path).expect("made");
    database.execute_batch(SCHEMA).expect("tables");
    database.execute_batch(rows).expect("rows");
    path
}

#[track_caller]
pub(crate) fn import(server: &Server, path: &std::path::Path) -> Value {
    let path = path.to_str().expect("UTF-8");
    document(server.command(["import", "--python-db", path]))
}

#[track_caller]
pub(crate) fn log_in(server: &Server, login: &str, password: &str) -> Person {
    let user = json!({"user": [{"login": login, "password": password}]});
    let mut connection = server.connect();
    let reply = connection.request("authentication", &user).is(200);
    let text = |key: &str| reply.users()[0][key].as_str().expect("text").to_owned();
    Person {
        login: login.to_owned(),
        id: text("uuid"),
        token: text("auth_id"),
        connection,
    }
}

fn tally(taken: u64, present: u64, left_out: u64) -> Value {
    json!({"taken": taken, "present": present, "left_out": left_out})
}

pub(crate) const FAMILY: &str = "27750638692002405987429946705476760982";

#[test]
fn everything_that_makes_sense_is_taken_over_and_the_rest_is_named() {
    let mut server = Server::initialised("closed", &[]);
    let path = python_db(&server, ROWS);
    let done = import(&server, &path);
    assert_eq!(done["users"], tally(7, 0, 1), "{done:#}");
    assert_eq!(done["flows"], tally(5, 0, 1), "{done:#}");
    assert_eq!(done["messages"], tally(7, 0, 3), "{done:#}");
    assert_eq!(done["files"], 3);
    let notes = done["notes"].to_string();
    for named in [
        "Anna-2",
        "clara",
        "dora",
        "emil",
        "half-made",
        "again",
        "odd",
    ] {
        assert!(notes.contains(named), "{named}: {done:#}");
    }

    server.serve();
    let mut anna = log_in(&server, "anna", "anna's old password");
    assert_eq!(anna.id, "274131693711513029153942624366511623626");
    log_in(&server, "boris", "boris-1975");
    log_in(&server, "anna-2", "the other anna");
    log_in(&server, "clara", "clara pass phrase");
    let nobody = json!({"user": [{"login": "emil", "password": ""}]});
    assert_ne!(
        server.connect().request("authentication", &nobody).code(),
        200
    );

    let ids = json!({"user": [{}, {"uuid": anna.id}, {"uuid": "300000000000000000000000000000000000002"}]});
    let profiles = anna.ask("user_info", &ids).is(200);
    let own = &profiles.users()[0];
    assert_eq!(
        (&own["username"], &own["bio"]),
        (&json!("Анна"), &json!("hi"))
    );
    assert_eq!(
        (&own["email"], &own["avatar"]),
        (&json!("anna@example.com"), &json!("aGVsbG8="))
    );
    assert_eq!(profiles.users()[1]["login"], "User deleted");

    let history = anna.history(FAMILY);
    let texts: Vec<_> = history
        .iter()
        .map(|it| it["text"].as_str().expect("text"))
        .collect();
    assert_eq!(
        texts,
        [
            "first, edited",
            "Message deleted",
            "Message deleted",
            "with a picture",
            "of who is gone"
        ]
    );
    assert_eq!(history[0]["time"], 1_600_000_010);
    assert_eq!(
        (&history[0]["edited_time"], &history[0]["edited_status"]),
        (&json!(1_600_000_020), &json!(true))
    );
    assert_eq!(history[3]["file_picture"], "aGVsbG8=", "decoded once");
    assert_eq!(history[3]["emoji"], "no base64!");
    // Only what was deleted cannot be edited any more; the text alone proves nothing.
    let mut boris = log_in(&server, "boris", "boris-1975");
    boris.edit("102", "back").is(404);
    boris.edit("103", "changed").is(200);
    let voice = boris.history("27750638692002405987429946705476760983");
    assert_eq!(voice[0]["file_audio"], "aGVsbG8=");
    // What was sent since a time is asked for by the times of then.
    let since = json!({"flow": [{"uuid": FAMILY}], "time": 1_600_000_013});
    assert_eq!(
        anna.ask("all_messages", &since).is(200).texts(),
        ["with a picture", "of who is gone"]
    );
}

#[test]
fn clients_see_it_in_every_way_that_they_ask() {
    let mut server = Server::initialised("closed", &[]);
    server.serve();
    let path = python_db(&server, ROWS);
    import(&server, &path);
    let mut anna = log_in(&server, "anna", "anna's old password");
    let flows = anna.ask("all_flow", &Value::Null).is(200);
    let mut types: Vec<_> = flows
        .flows()
        .iter()
        .map(|it| it["type"].as_str().expect("a type"))
        .collect();
    types.sort_unstable();
    assert_eq!(types, ["channel", "chat", "group", "group"]);
    let family = flows
        .flows()
        .iter()
        .find(|it| it["uuid"] == FAMILY)
        .expect("the family");
    assert_eq!(
        family["users"].as_array().map(Vec::len),
        Some(2),
        "who is deleted is in no group"
    );
    assert_eq!(family["time"], 1_600_000_000);
    assert_eq!(flows.data()["meta"]["count"][FAMILY], 5);
    assert_eq!(
        flows.data()["meta"]["read"][FAMILY],
        4,
        "all of it was read on the old server"
    );
    let update = anna.ask("get_update", &json!({"time": 0})).is(200);
    assert_eq!(update.flows().len(), 4);
    let ids: Vec<_> = update
        .messages()
        .iter()
        .map(|it| it["uuid"].as_str().expect("an id"))
        .collect();
    assert_eq!(ids, ["101", "102", "103", "104", "105", "106", "107"]);
    let found = anna
        .ask("find_message", &json!({"meta": {"query": "picture"}}))
        .is(200);
    assert_eq!(found.texts(), ["with a picture"]);
    // Life goes on in the old flows.
    anna.send(FAMILY, "hello again");
    assert_eq!(anna.texts(FAMILY).len(), 6);
}

#[test]
fn a_second_run_takes_only_what_is_new() {
    let server = Server::initialised("closed", &[]);
    let path = python_db(&server, ROWS);
    let text = path.to_str().expect("UTF-8");
    let counted = document(server.command(["import", "--python-db", text, "--dry-run"]));
    assert_eq!(counted["dry_run"], true);
    let none = document(server.command(["flow", "list"]));
    assert_eq!(none, json!({"flows": []}), "a dry run changes nothing");
    let first = import(&server, &path);
    for what in ["users", "flows", "messages", "files"] {
        assert_eq!(counted[what], first[what], "{what} as counted before");
    }
    let second = import(&server, &path);
    assert_eq!(second["users"], tally(0, 7, 1));
    assert_eq!(second["flows"], tally(0, 5, 1));
    assert_eq!(second["messages"], tally(0, 7, 3));
    assert_eq!(second["files"], 0);
    let more = "INSERT INTO message (uuid, text, time, user_id, flow_id) VALUES ('200', 'late', 1600000100, 2, 1)";
    let database = rusqlite::Connection::open(&path).expect("opens");
    database.execute(more, []).expect("one more");
    drop(database);
    assert_eq!(import(&server, &path)["messages"], tally(1, 7, 3));
    let list = document(server.command(["message", "list", FAMILY]));
    assert_eq!(list["messages"].as_array().map(Vec::len), Some(6));
    assert_eq!(list["messages"][5]["text"], "late");
}

#[test]
fn what_retention_has_removed_does_not_come_back() {
    let mut server = Server::initialised("closed", &[]);
    let path = python_db(&server, ROWS);
    import(&server, &path);
    let prune = ["db", "prune", "--older", "365d", "--yes"];
    server.command(prune).run().exits(0);
    let none = json!({"messages": []});
    assert_eq!(document(server.command(["message", "list", FAMILY])), none);
    let more = "INSERT INTO message (uuid, text, time, user_id, flow_id) VALUES ('200', 'late', 1600000100, 2, 1)";
    let database = rusqlite::Connection::open(&path).expect("opens");
    database.execute(more, []).expect("one more");
    drop(database);
    let text = path.to_str().expect("UTF-8");
    let counted = document(server.command(["import", "--python-db", text, "--dry-run"]));
    let again = import(&server, &path);
    assert_eq!(counted["messages"], again["messages"]);
    assert_eq!(again["messages"], tally(1, 0, 10), "{again:#}");
    assert!(
        again["notes"].to_string().contains("7 messages left out"),
        "{again:#}"
    );
    let list = document(server.command(["message", "list", FAMILY]));
    assert_eq!(list["messages"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["messages"][0]["text"], "late");
    // What came after the first run has not been read.
    server.serve();
    let mut anna = log_in(&server, "anna", "anna's old password");
    let flows = anna.ask("all_flow", &Value::Null).is(200);
    assert_eq!(flows.data()["meta"]["count"][FAMILY], 1);
    assert!(
        flows.data()["meta"]["read"][FAMILY].as_i64() < Some(0)
            || flows.data()["meta"]["read"][FAMILY].is_null()
    );
}

#[test]
fn an_interrupted_run_is_finished_by_the_next() {
    let mut server = Server::initialised("closed", &[]);
    let path = python_db(&server, ROWS);
    let database = rusqlite::Connection::open(&path).expect("opens");
    database
        .execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
             INSERT INTO message (uuid, text, time, user_id, flow_id)
             SELECT 1000 + i, 'm' || i, 1600000200 + i, 1 + i % 2, 1 FROM n",
        )
        .expect("many");
    drop(database);
    // The disk fails in the middle.
    let ours = rusqlite::Connection::open(server.database()).expect("opens");
    ours.execute_batch(
        "CREATE TRIGGER cut BEFORE INSERT ON messages WHEN NEW.number = 700
         BEGIN SELECT RAISE(ABORT, 'no more'); END",
    )
    .expect("a trigger");
    let text = path.to_str().expect("UTF-8");
    let failed = server.command(["import", "--python-db", text]).run();
    assert!(!matches!(failed.code, Some(0) | None), "{failed:?}");
    ours.execute_batch("DROP TRIGGER cut").expect("gone");
    drop(ours);

    let done = import(&server, &path);
    let taken = done["messages"]["taken"].as_i64().expect("a number");
    let present = done["messages"]["present"].as_i64().expect("a number");
    assert_eq!(taken + present, 907, "{done:#}");
    assert!(taken > 0 && present > 0, "it went on: {done:#}");
    server.serve();
    let mut anna = log_in(&server, "anna", "anna's old password");
    let flows = anna.ask("all_flow", &Value::Null).is(200);
    assert_eq!(flows.data()["meta"]["count"][FAMILY], 905);
    assert_eq!(flows.data()["meta"]["read"][FAMILY], 904, "all of it");
}

#[test]
fn everybody_of_many_keeps_the_password() {
    let mut server = Server::initialised("closed", &[]);
    let path = python_db(
        &server,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70)
         INSERT INTO user_config (uuid, login, password) SELECT 5000 + i, 'user' || i, 'secret ' || i FROM n",
    );
    assert_eq!(import(&server, &path)["users"], tally(70, 0, 0));
    server.serve();
    for n in [1, 33, 64, 65, 70] {
        let person = log_in(&server, &format!("user{n}"), &format!("secret {n}"));
        assert_eq!(person.id, (5000 + n).to_string());
    }
}

#[test]
fn a_login_that_is_here_already_is_not_taken_over_by_another() {
    let mut server = Server::initialised("closed", &[]);
    let add = server.command(["user", "add", "Boris", "--password-stdin"]);
    add.stdin("mine and mine alone\n").run().exits(0);
    let path = python_db(&server, ROWS);
    let done = import(&server, &path);
    assert!(done["notes"].to_string().contains("boris-2"), "{done:#}");
    server.serve();
    let new = log_in(&server, "boris", "mine and mine alone");
    let old = log_in(&server, "boris-2", "boris-1975");
    assert_ne!(new.id, old.id);
}

#[test]
fn passwords_are_no_longer_in_clear() {
    let server = Server::initialised("closed", &[]);
    let path = python_db(&server, ROWS);
    import(&server, &path);
    let bytes = server.database_bytes();
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains("boris-1975"));
    assert!(text.contains("$argon2id$"));
}

#[test]
fn what_is_no_database_of_that_server_is_refused() {
    let server = Server::initialised("closed", &[]);
    let output = server
        .command(["import", "--python-db", "missing.db"])
        .run()
        .exits(3);
    assert!(output.stderr.contains("missing.db"), "{}", output.stderr);
    let output = server
        .command(["import", "--python-db", "morelia.db"])
        .run()
        .exits(74);
    assert!(output.stderr.contains("Python"), "{}", output.stderr);
    let junk = server.folder().join("junk.db");
    std::fs::write(
        junk,
        "no database at all, but long enough to be read as one".repeat(20),
    )
    .expect("written");
    server
        .command(["import", "--python-db", "junk.db"])
        .run()
        .exits(74);
}
