//! Users, sessions and invitations from the command line, beside a running server and without one.

use serde_json::{Value, json};

use crate::common::{PASSWORD, Person, Program, Server, connection::End};

/// Runs a command to its end and returns its JSON document.
#[track_caller]
pub(crate) fn document(program: Program) -> Value {
    let output = program.arg("--json").run().exits(0);
    serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("one JSON document: {error}: {}", output.stdout))
}

fn credentials(login: &str, password: &str) -> Value {
    json!({"user": [{"login": login, "password": password}]})
}

#[track_caller]
fn logs_in(server: &Server, login: &str, password: &str, code: u64) {
    let mut connection = server.connect();
    connection
        .request("authentication", &credentials(login, password))
        .is(code);
}

#[test]
fn users_are_added_listed_shown_and_changed() {
    let mut server = Server::initialised("closed", &[]);
    let add = server.command([
        "user",
        "add",
        "Борис",
        "--generate",
        "--email",
        "b@example.com",
    ]);
    let added = document(add);
    let password = added["password"].as_str().expect("shown once").to_owned();
    server
        .command(["user", "add", "БОРИС", "--generate"])
        .run()
        .exits(4);
    server
        .command(["user", "add", " x", "--generate"])
        .run()
        .exits(1);
    // Everything is the same while a server runs.
    server.serve();
    logs_in(&server, "борис", &password, 200);
    let list = document(server.command(["user", "list"]));
    let logins: Vec<_> = list["users"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["login"])
        .collect();
    assert_eq!(logins, ["admin", "Борис"]);
    assert_eq!(list["users"][0]["admin"], true);
    server
        .command([
            "user",
            "set",
            "борис",
            "--username",
            "Б. Б.",
            "--bio",
            "here",
            "--bot",
            "on",
            "--admin",
            "on",
        ])
        .run()
        .exits(0);
    let shown = document(server.command(["user", "show", "борис"]));
    assert_eq!(shown["user"]["username"], "Б. Б.");
    assert_eq!(shown["user"]["bot"], true);
    assert_eq!(shown["user"]["admin"], true);
    assert_eq!(shown["user"]["email"], "b@example.com");
    assert_eq!(shown["user"]["sessions"].as_array().map(Vec::len), Some(1));
    server
        .command(["user", "set", "борис", "--email", "none"])
        .run()
        .exits(1);
    for command in ["show", "suspend", "resume"] {
        let output = server.command(["user", command, "nobody"]).run().exits(3);
        assert!(output.stderr.contains("nobody"), "{}", output.stderr);
    }
}

#[test]
fn a_new_password_ends_all_sessions_of_a_running_server() {
    let server = Server::start();
    let mut anna = server.register("anna");
    anna.ask("subscribe", &Value::Null).is(200);
    let mut idle = server.sign_in("anna");
    server
        .command(["user", "passwd", "anna", "--password-stdin"])
        .stdin("another one\n")
        .run()
        .exits(0);
    assert_eq!(anna.connection.closed(), End::Closed(Some(4401)));
    idle.ask("all_flow", &Value::Null).is(401);
    logs_in(&server, "anna", PASSWORD, 401);
    logs_in(&server, "anna", "another one", 200);
    server
        .command(["user", "passwd", "anna", "--password-stdin"])
        .stdin("\n")
        .run()
        .exits(1);
    server
        .command(["user", "passwd", "nobody", "--generate"])
        .run()
        .exits(3);
}

#[test]
fn a_suspended_user_is_out_until_resumed() {
    let server = Server::start();
    let mut anna = server.register("anna");
    anna.ask("subscribe", &Value::Null).is(200);
    let done = document(server.command(["user", "suspend", "anna"]));
    assert_eq!(done["sessions_ended"], 1);
    assert_eq!(anna.connection.closed(), End::Closed(Some(4401)));
    logs_in(&server, "anna", PASSWORD, 401);
    server.command(["user", "resume", "anna"]).run().exits(0);
    logs_in(&server, "anna", PASSWORD, 200);
}

#[test]
fn removing_a_user_asks_and_is_the_protocols_delete_user() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = boris.group("Family", &[&anna]);
    boris.send(&group, "it stays");
    let output = server.command(["user", "remove", "boris"]).run().exits(2);
    assert!(output.stderr.contains("--yes"), "{}", output.stderr);
    logs_in(&server, "boris", PASSWORD, 200);
    server
        .command(["user", "remove", "boris", "--yes"])
        .run()
        .exits(0);
    logs_in(&server, "boris", PASSWORD, 401);
    let seen = anna
        .ask("user_info", &json!({"user": [{}, {"uuid": boris.id}]}))
        .is(200);
    assert_eq!(seen.users()[0]["login"], "User deleted");
    let flows = anna.ask("all_flow", &Value::Null).is(200);
    assert_eq!(flows.flows()[0]["owner"], json!(anna.id));
    assert_eq!(anna.texts(&group), ["it stays"]);
    server
        .command(["user", "remove", "boris", "--yes"])
        .run()
        .exits(3);
    server.register("boris");
}

#[test]
fn sessions_are_listed_and_revoked() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut other = server.sign_in("anna");
    other.ask("subscribe", &Value::Null).is(200);
    let list = document(server.command(["session", "list", "anna"]));
    let newest = list["sessions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["id"].as_i64())
        .max();
    let id = newest.flatten().expect("a session").to_string();
    server.command(["session", "revoke", &id]).run().exits(0);
    assert_eq!(other.connection.closed(), End::Closed(Some(4401)));
    anna.ask("find_user", &json!({"meta": {"query": ""}}))
        .is(200);
    server.command(["session", "revoke", &id]).run().exits(3);
    server.command(["session", "revoke", "x"]).run().exits(3);
    server.command(["session", "list", "nobody"]).run().exits(3);
    let ended = document(server.command(["session", "revoke", "--user", "anna"]));
    assert_eq!(ended["sessions_ended"], 1);
    let list = document(server.command(["session", "list"]));
    assert_eq!(list, json!({"sessions": []}));
}

/// Registers with an invitation and returns the answer's code.
fn register_with(server: &Server, login: &str, code: &str) -> u64 {
    let user = json!({"user": [{"login": login, "password": PASSWORD, "auth_id": code}]});
    server.connect().request("register_user", &user).code()
}

#[test]
fn an_invitation_lets_in_as_many_as_it_says() {
    let mut server = Server::initialised(
        "invite",
        &[("server.public_url", "https://chat.example.org")],
    );
    server.serve();
    let mut admin = server.sign_in("admin");
    let group = admin.group("Family", &[]);
    let create = server.command([
        "invite",
        "create",
        "--uses",
        "2",
        "--expires",
        "1h",
        "--flow",
        "Family",
    ]);
    let made = document(create);
    let code = made["code"].as_str().expect("a code");
    assert_eq!(
        made["link"],
        format!("https://chat.example.org/invite/{code}")
    );
    let list = document(server.command(["invite", "list"]));
    assert_eq!(list["invitations"][0]["uses_left"], 2);
    assert_eq!(list["invitations"][0]["flow"], "Family");
    assert_eq!(register_with(&server, "anna", code), 201);
    assert_eq!(register_with(&server, "boris", code), 201);
    assert_eq!(register_with(&server, "clara", code), 403);
    let mut anna: Person = server.sign_in("anna");
    let flows = anna.ask("all_flow", &Value::Null).is(200);
    assert_eq!(flows.flows()[0]["uuid"], json!(group));
    let list = document(server.command(["invite", "list"]));
    assert_eq!(
        list,
        json!({"invitations": []}),
        "used up ones no longer hold"
    );
    server
        .command(["invite", "create", "--flow", "Nowhere"])
        .run()
        .exits(3);
}

#[test]
fn an_invitation_is_printed_with_a_picture_and_can_be_revoked() {
    let server = Server::initialised("invite", &[("server.host", "127.0.0.1")]);
    let output = server.command(["invite", "create"]).run().exits(0);
    let after = |name: &str| {
        let line = output
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name}: {}", output.stdout))
            .trim()
            .to_owned()
    };
    let (code, link) = (after("code"), after("link"));
    assert_eq!(link, format!("http://127.0.0.1:8000/invite/{code}"));
    assert!(
        output.stdout.contains("\u{2588}\u{2588}"),
        "{}",
        output.stdout
    );
    server
        .command(["invite", "revoke", &code.to_lowercase()])
        .run()
        .exits(0);
    server.command(["invite", "revoke", &code]).run().exits(3);
    // Who has lost the code revokes by what the list shows of it.
    let made = document(server.command(["invite", "create"]));
    let code = made["code"].as_str().expect("a code").to_owned();
    server
        .command(["invite", "revoke", &code[..4]])
        .run()
        .exits(0);
    let mut server = server;
    server.serve();
    assert_eq!(register_with(&server, "anna", &code), 403);
}

#[test]
fn a_password_that_is_easy_to_guess_is_not_set() {
    let server = Server::start();
    for (weak, why) in [
        ("1234567", "at least 8 characters"),
        ("Password123", "most common"),
    ] {
        for command in [
            ["user", "passwd", "admin", "--password-stdin"],
            ["user", "add", "anna", "--password-stdin"],
        ] {
            let refused = server
                .command(command)
                .stdin(format!("{weak}\n"))
                .run()
                .exits(1);
            assert!(refused.stderr.contains(why), "{}", refused.stderr);
        }
        // Clients that know nothing of this go on working.
        let login = format!("user {}", weak.len());
        let data = credentials(&login, weak);
        server.connect().request("register_user", &data).is(201);
        logs_in(&server, &login, weak, 200);
    }
    logs_in(&server, "admin", PASSWORD, 200);
    server.command(["user", "show", "anna"]).run().exits(3);
}
