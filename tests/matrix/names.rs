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
