//! Names that deceive: logins that look like another's, and names with what cannot be seen.

use serde_json::{Value, json};

use crate::{
    common::{Connection, PASSWORD, Server},
    users::document,
};

fn register(connection: &mut Connection, login: &str, username: Option<&str>) -> u64 {
    let data = json!({"user": [{"login": login, "password": PASSWORD, "username": username}]});
    connection.request("register_user", &data).code()
}

#[test]
fn a_login_that_looks_like_another_is_taken() {
    let server = Server::start();
    let mut connection = server.connect();
    for login in ["root", "coco", "Анна", "раѕѕ", "annal", "Ѕі"] {
        assert_eq!(register(&mut connection, login, None), 201, "{login}");
    }
    for (login, code) in [
        // Mixed in a word: no login at all.
        ("r\u{43e}ot", 415),
        ("rооt", 415),
        ("αnna", 415),
        // Of one script, and looking like one that is there.
        ("сосо", 409),
        ("СОСО", 409),
        ("pass", 409),
        ("PASS", 409),
        ("Si", 409),
        ("анна", 409),
        // Like the one that stands for who is gone.
        ("UsеrDеlеtеd", 415),
        // The server's own, by which it has not spoken yet.
        ("Morelia", 409),
        // Logins of ASCII alone are what everybody knows.
        ("anna1", 201),
        ("annaI", 201),
        ("rn", 201),
        ("m", 201),
        // Others' scripts are welcome.
        ("LINEの人", 201),
        ("Мария-Louise 2", 201),
    ] {
        assert_eq!(register(&mut connection, login, None), code, "{login}");
    }
    // The operator makes none either.
    let add = |login: &str| {
        let command = server.command(["user", "add", login, "--password-stdin"]);
        command.stdin(format!("{PASSWORD}\n")).run()
    };
    add("ѕосо").exits(0);
    add("сoсo").exits(1);
    let refused = add("аdmіn").exits(1);
    assert!(refused.stderr.contains("one script"), "{}", refused.stderr);
    // A login that is free again is free for look-alikes.
    let mut coco = server.sign_in("coco");
    coco.ask(
        "delete_user",
        &json!({"user": [{"login": "coco", "password": PASSWORD}]}),
    )
    .is(200);
    assert_eq!(register(&mut connection, "сосо", None), 201);
    assert_eq!(register(&mut connection, "coco", None), 409);
}

#[test]
fn names_are_clean_and_nobody_elses_login() {
    let server = Server::start();
    let mut connection = server.connect();
    assert_eq!(register(&mut connection, "boris", Some("boris")), 201);
    for (login, name, shown) in [
        (
            "a1",
            " Anna\u{202e}\r\nKarenina\u{200b} ",
            json!("Anna  Karenina"),
        ),
        (
            "a2",
            "👨\u{200d}👩\u{200d}👧",
            json!("👨\u{200d}👩\u{200d}👧"),
        ),
        ("a3", " \u{2800}\u{200b}", Value::Null),
        ("a4", "\u{1b}]0;root\u{7}", json!("]0;root")),
    ] {
        assert_eq!(register(&mut connection, login, Some(name)), 201, "{login}");
        let user = document(server.command(["user", "show", login]));
        assert_eq!(user["user"]["username"], shown, "{user}");
    }
    for name in [
        "Boris",
        "BORIS",
        "bоris",
        " bor\u{200b}is",
        "User deleted",
        "User dеleted",
    ] {
        assert_eq!(register(&mut connection, "b1", Some(name)), 409, "{name}");
    }
    assert_eq!(register(&mut connection, "b1", Some("Boris B.")), 201);
    let mut anna = server.sign_in("a1");
    let name = |name: &str| json!({"user": [{"username": name}]});
    let shown = |anna: &mut crate::common::Person, data: &Value| {
        let reply = anna.ask("edit_user", data).is(200);
        reply.users()[0]["username"].clone()
    };
    anna.ask("edit_user", &name("bоris")).is(409);
    // One's own login is one's own, in whichever case.
    assert_eq!(shown(&mut anna, &name("A1")), "A1");
    assert_eq!(shown(&mut anna, &name("\u{2066}Anna\n")), "Anna");
    assert_eq!(shown(&mut anna, &json!({"user": [{"bio": "x"}]})), "Anna");
    let emptied = shown(&mut anna, &name("\u{200b}"));
    assert!(emptied.is_null(), "{emptied}");
    server
        .command(["user", "set", "a1", "--username", "boris"])
        .run()
        .exits(1);
    server
        .command(["user", "set", "a1", "--username", "An\u{200b}na"])
        .run()
        .exits(0);
    let user = document(server.command(["user", "show", "a1"]));
    assert_eq!(user["user"]["username"], "Anna");
}

#[test]
fn names_that_were_there_before_go_on() {
    let mut server = Server::start();
    server.register("anna");
    server.register("boris");
    server.stop();
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    // As an import, or a server before these rules, has left them.
    database
        .execute_batch(
            "UPDATE users SET login = 'аnna', login_key = 'аnna', username = 'boris' WHERE login = 'anna'",
        )
        .expect("changed");
    drop(database);
    server.serve();
    let checked = server.command(["check", "database"]).run().exits(0);
    for told in [
        "the login аnna mixes letters of several scripts",
        "the name of аnna looks like",
    ] {
        assert!(checked.stdout.contains(told), "{checked:?}");
    }
    let mut anna = server.sign_in("аnna");
    let same = json!({"user": [{"username": "boris", "bio": "still here"}]});
    anna.ask("edit_user", &same).is(200);
    anna.ask("edit_user", &json!({"user": [{"username": "boriѕ"}]}))
        .is(409);
}
