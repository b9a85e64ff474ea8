//! What users are called.

use super::{Client, server};
use crate::common::Server;

#[test]
fn names_are_made_of_logins_and_found_however_they_are_typed() {
    let server = server();
    for (login, name) in [
        ("Иван", "ivan"),
        ("ivan", "ivan-2"),
        ("O.Neil_7", "o.neil_7"),
        ("Щукарь", "shchukar"),
        ("李雷", "user"),
    ] {
        server.register(login);
        let user = format!("@{name}:example.org");
        for typed in [login, &login.to_lowercase(), &user] {
            assert_eq!(Client::sign_in(&server, typed).user, user, "{typed}");
        }
    }
    // A login is meant before a name that is spelled like it.
    assert_eq!(Client::sign_in(&server, "ivan").user, "@ivan-2:example.org");
    assert_eq!(
        Client::sign_in(&server, "shchukar").user,
        "@shchukar:example.org"
    );
}

#[test]
fn the_name_of_the_server_stays_once_somebody_has_signed_in() {
    let mut server = Server::with(&[
        ("matrix.enabled", "on"),
        ("matrix.server_name", "before.example"),
    ]);
    server.register("anna");
    server.set("matrix.server_name", "first.example");
    server.restart();
    assert_eq!(Client::sign_in(&server, "anna").user, "@anna:first.example");
    server.set("matrix.server_name", "second.example");
    server.restart();
    assert_eq!(Client::sign_in(&server, "anna").user, "@anna:first.example");
}

#[test]
fn the_operator_gives_another_name_before_it_is_known() {
    let server = server();
    for login in ["Борис", "anna", "gone"] {
        server.register(login);
    }
    let rename = |login, name| server.command(["user", "localpart", login, name]).run();
    rename("Борис", "boris.the-brave").exits(0);
    let shown = server.command(["user", "show", "Борис"]).run().exits(0);
    assert!(shown.stdout.contains("boris.the-brave"), "{shown:?}");
    for (name, code) in [("anna", 4), ("Boris", 2), ("a b", 2), ("", 2)] {
        rename("Борис", name).exits(code);
    }
    rename("nobody", "somebody").exits(3);
    // What somebody was called once is nobody else's, either.
    server
        .command(["user", "remove", "gone", "--yes"])
        .run()
        .exits(0);
    rename("Борис", "gone").exits(4);
    let user = "@boris.the-brave:example.org";
    assert_eq!(Client::sign_in(&server, "Борис").user, user);
    let settled = rename("Борис", "boris").exits(1);
    assert!(settled.stderr.contains("it cannot change"), "{settled:?}");
    assert_eq!(Client::sign_in(&server, user).user, user);
}
