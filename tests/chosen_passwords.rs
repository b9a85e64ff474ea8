//! Passwords that are easy to guess are refused in every way in which a password is set.

use serde_json::{Value, json};

use crate::common::{PASSWORD, Server, http};
use crate::import::{ROWS, python_db};
use crate::matrix::{Client, call, document};
use crate::users::document as told;

/// Passwords that are refused, and a word of the reason.
const WEAK: [(&str, &str); 2] = [("1234567", "at least 8"), ("Password123", "most common")];

/// Passwords that are taken, another for each way.
const STRONG: &str = "seven green lamps";

/// Whether a password was set, and what was answered if it was not.
type Outcome = Result<(), String>;

/// Sets a password for somebody new of this login, or for somebody who is there.
type Way = fn(&Server, login: &str, password: &str) -> Outcome;

/// Every way to set a password, and whether it makes an account.
const WAYS: [(&str, bool, Way); 9] = [
    ("register_user", true, register),
    ("edit_user", false, edit),
    ("use_reset", false, reset),
    ("POST /api/v1/admin/users", true, rest),
    ("POST /_matrix/client/v3/register", true, matrix_register),
    (
        "POST /_matrix/client/v3/account/password",
        false,
        matrix_change,
    ),
    ("morelia user add", true, |server, login, password| {
        command(server, &["user", "add", login], password)
    }),
    ("morelia user passwd", false, |server, login, password| {
        command(server, &["user", "passwd", login], password)
    }),
    (
        "morelia client register",
        true,
        |server, login, password| {
            let url = server.address();
            command(server, &["client", "register", &url, login], password)
        },
    ),
];

fn answered(code: u64, said: &str) -> Outcome {
    if (200..300).contains(&code) {
        Ok(())
    } else {
        assert_eq!(code, 403, "{said}");
        Err(said.to_owned())
    }
}

fn command(server: &Server, words: &[&str], password: &str) -> Outcome {
    let command = server.command([]).args(words).arg("--password-stdin");
    let done = command.stdin(format!("{password}\n")).run();
    match done.code {
        Some(0) => Ok(()),
        code => {
            assert_eq!(code, Some(1), "{done:?}");
            Err(done.stderr)
        }
    }
}

/// As the web client asks.
fn rich(server: &Server, method: &str, data: &Value) -> Outcome {
    let mut frame = crate::common::connection::envelope(method, data);
    frame["meta"] = json!({"accept": ["rich"]});
    let reply = server.connect().ask(&frame);
    if reply.code() >= 400 {
        assert_eq!(reply.refusal()["key"], "weak_password", "{reply}");
    }
    answered(reply.code(), reply.detail())
}

fn register(server: &Server, login: &str, password: &str) -> Outcome {
    let data = json!({"user": [{"login": login, "password": password}]});
    rich(server, "register_user", &data)
}

fn edit(server: &Server, login: &str, password: &str) -> Outcome {
    let mut person = server.sign_in(login);
    let data = json!({"user": [{"password": password}], "meta": {"old_password": PASSWORD}});
    let reply = person.ask_with_meta("edit_user", &data, &json!({"accept": ["rich"]}));
    answered(reply.code(), reply.detail())
}

fn reset(server: &Server, login: &str, password: &str) -> Outcome {
    let made = told(server.command(["user", "reset", login]));
    let link = made["link"].as_str().expect("a link");
    let code = link.rsplit('/').next().expect("a code");
    let data = json!({"user": [{"password": password}], "meta": {"code": code}});
    rich(server, "use_reset", &data)
}

fn rest(server: &Server, login: &str, password: &str) -> Outcome {
    let admin = server.sign_in("admin");
    let headers = format!("{}Content-Type: application/json\r\n", http::bearer(&admin));
    let body = json!({"login": login, "password": password}).to_string();
    let answer = http::send(
        server,
        "POST",
        "/api/v1/admin/users",
        &headers,
        body.as_bytes(),
    );
    answered(answer.status.into(), &String::from_utf8_lossy(&answer.body))
}

/// Matrix has a word of its own for it.
fn of_matrix(answer: &http::Answer) -> Outcome {
    if answer.status == 200 {
        return Ok(());
    }
    let said = document(answer);
    assert_eq!(
        (answer.status, &said["errcode"]),
        (400, &json!("M_WEAK_PASSWORD")),
        "{said}"
    );
    Err(said.to_string())
}

fn matrix_register(server: &Server, login: &str, password: &str) -> Outcome {
    let body = json!({
        "username": login, "password": password, "auth": {"type": "m.login.dummy"},
    });
    of_matrix(&call(server, None, "POST", "v3/register", &body))
}

fn matrix_change(server: &Server, login: &str, password: &str) -> Outcome {
    let client = Client::sign_in(server, login);
    let body = json!({
        "new_password": password,
        "auth": {
            "type": "m.login.password", "password": PASSWORD,
            "identifier": {"type": "m.id.user", "user": login},
        },
    });
    of_matrix(&client.call("POST", "account/password", &body))
}

/// Whether somebody can sign in.
fn opens(server: &Server, login: &str, password: &str) -> bool {
    let data = json!({"user": [{"login": login, "password": password}]});
    server.connect().request("authentication", &data).code() == 200
}

fn server() -> Server {
    Server::with(&[
        ("matrix.enabled", "on"),
        ("matrix.server_name", "example.org"),
        ("api.admin", "on"),
    ])
}

#[test]
fn every_way_to_set_a_password_refuses_what_is_easy_to_guess() {
    let server = server();
    for (number, (name, is_new, set)) in WAYS.into_iter().enumerate() {
        let login = format!("user{number}");
        if !is_new {
            server.register(&login);
        }
        for (weak, why) in WEAK {
            let said = set(&server, &login, weak).expect_err(name);
            assert!(said.contains(why), "{name}: {said}");
            assert!(!opens(&server, &login, weak), "{name} has set {weak}");
            assert_eq!(opens(&server, &login, PASSWORD), !is_new, "{name}");
        }
        set(&server, &login, STRONG).unwrap_or_else(|said| panic!("{name}: {said}"));
        assert!(opens(&server, &login, STRONG), "{name}");
    }
}

#[test]
fn the_first_administrator_has_no_weak_password_either() {
    for (weak, why) in WEAK {
        let folder = tempfile::tempdir().expect("a folder");
        for words in [
            ["init", "--admin", "anna", "--password-stdin"].as_slice(),
            &["setup", "--yes", "--admin", "anna", "--password-stdin"],
        ] {
            let config = folder.path().join("morelia.ini");
            let program = crate::common::Program::new(folder.path());
            let program = program.arg("--config").arg(&config).args(words);
            let refused = program.stdin(format!("{weak}\n")).run().exits(1);
            assert!(refused.stderr.contains(why), "{words:?}: {refused:?}");
            assert!(!config.exists(), "{words:?} has made something");
        }
    }
}

#[test]
fn a_client_of_revision_17_registers_with_what_it_likes() {
    // It may send a hash, and of those in the field one sends six characters.
    let server = Server::start();
    let data = json!({"user": [{"login": "anna", "password": "secret"}]});
    server.connect().request("register_user", &data).is(201);
    assert!(opens(&server, "anna", "secret"));
}

#[test]
fn an_import_keeps_passwords_and_names_those_that_are_easy_to_guess() {
    let mut server = Server::initialised("closed", &[]);
    let path = python_db(&server, &ROWS.replace("boris-1975", "12345678"));
    let path = path.to_str().expect("UTF-8");
    for more in [&["--dry-run"][..], &[]] {
        let import = server.command(["import", "--python-db", path]).args(more);
        let notes = told(import)["notes"].to_string();
        assert!(
            notes.contains(r#"the password of user \"boris\" is easy to guess"#),
            "{notes}"
        );
        assert_eq!(notes.matches("easy to guess").count(), 1, "{notes}");
    }
    server.serve();
    assert!(opens(&server, "boris", "12345678"));
}
