//! The built-in client at the command line.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use crate::{
    common::{PASSWORD, Program, Server, program::Output},
    push::subscribe,
    roles::change,
};

fn client<const N: usize>(server: &Server, args: [&str; N]) -> Program {
    server.command(["client"]).args(args)
}

#[track_caller]
fn json_of(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn a_conversation_from_the_command_line() {
    let server = Server::start();
    let url = server.address();
    let mut admin = server.sign_in("admin");
    let password = || format!("{PASSWORD}\n");
    client(&server, ["register", &url, "anna", "--password-stdin"])
        .stdin(password())
        .run()
        .exits(0);
    client(&server, ["register", &url, "anna", "--password-stdin"])
        .stdin(password())
        .run()
        .exits(1);
    client(&server, ["login", &url, "anna", "--password-stdin"])
        .stdin("wrong\n")
        .run()
        .exits(1);
    let output = client(&server, ["login", &url, "anna", "--password-stdin"])
        .arg("--json")
        .stdin(password())
        .run()
        .exits(0);
    let anna = json_of(&output)["uuid"].as_str().expect("an id").to_owned();

    let flow = json!({"flow": [{"type": "group", "title": "Family", "users": [anna]}]});
    let reply = admin.ask("add_flow", &flow).is(200);
    let id = reply.flows()[0]["uuid"].as_str().expect("an id").to_owned();
    client(&server, ["send", &url, "Family", "by title"])
        .run()
        .exits(0);
    client(&server, ["send", &url, &id])
        .stdin("by id, from standard input\n")
        .run()
        .exits(0);
    client(&server, ["send", &url, "Nowhere", "x"])
        .run()
        .exits(3);
    client(&server, ["send", &url, "Family", "x", "--login", "nobody"])
        .run()
        .exits(1);
    let output = client(&server, ["history", &url, "Family"]).run().exits(0);
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert!(lines[0].ends_with("anna: by title"), "{lines:?}");
    assert!(
        lines[1].ends_with("anna: by id, from standard input"),
        "{lines:?}"
    );
    let output = client(&server, ["history", &url, &id])
        .arg("--json")
        .run()
        .exits(0);
    assert_eq!(json_of(&output)[1]["text"], "by id, from standard input");
}

#[test]
fn history_pages_through_all_of_it() {
    let server = Server::start();
    let url = server.address();
    let mut admin = server.sign_in("admin");
    let group = admin.group("Long", &[]);
    admin.send_many(&group, (0..230).map(|n| n.to_string()));
    client(&server, ["login", &url, "admin", "--password-stdin"])
        .stdin(format!("{PASSWORD}\n"))
        .run()
        .exits(0);
    let output = client(&server, ["history", &url, "Long"]).run().exits(0);
    let said: Vec<String> = output
        .stdout
        .lines()
        .map(|line| line.rsplit(' ').next().expect("a word").to_owned())
        .collect();
    assert_eq!(said, (0..230).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn the_token_is_kept_for_its_owner_only() {
    let server = Server::start();
    let state = server.folder().join("elsewhere");
    client(
        &server,
        ["login", &server.address(), "admin", "--password-stdin"],
    )
    .env("XDG_STATE_HOME", &state)
    .stdin(format!("{PASSWORD}\n"))
    .run()
    .exits(0);
    let kept: Vec<_> = fs::read_dir(state.join("morelia"))
        .expect("the folder")
        .map(|e| e.expect("an entry").path())
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let mode = fs::metadata(&kept[0]).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // And without it, the default place.
    client(&server, ["send", &server.address(), "x", "y"])
        .run()
        .exits(1);
    client(
        &server,
        ["login", &server.address(), "admin", "--password-stdin"],
    )
    .stdin(format!("{PASSWORD}\n"))
    .run()
    .exits(0);
    assert!(server.folder().join(".local/state/morelia").is_dir());
}

#[test]
fn without_a_terminal_a_password_has_to_come_from_elsewhere() {
    let server = Server::start();
    let url = server.address();
    // setsid takes the terminal away that the tests may have been started on.
    let login = format!(
        "setsid '{}' client login {url} admin",
        env!("CARGO_BIN_EXE_morelia")
    );
    let status = std::process::Command::new("sh")
        .args(["-c", &login])
        .stdin(std::process::Stdio::null())
        .output()
        .expect("sh");
    assert_eq!(status.status.code(), Some(2), "{status:?}");
    let file = server.folder().join("password");
    fs::write(&file, PASSWORD).expect("written");
    let path = file.to_str().expect("UTF-8");
    client(&server, ["login", &url, "admin", "--password-file", path])
        .run()
        .exits(0);
    let output = client(&server, ["register", &url, "anna", "--generate"])
        .run()
        .exits(0);
    let password = output
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("password: "))
        .expect("printed once")
        .to_owned();
    client(&server, ["login", &url, "anna", "--password-stdin"])
        .stdin(password)
        .run()
        .exits(0);
}

#[test]
fn raw_prints_the_answer_as_json() {
    let server = Server::start();
    let url = server.address();
    let file = server.folder().join("request.json");
    let path = file.to_str().expect("UTF-8");
    let data = json!({"user": [{"login": "admin", "password": PASSWORD}]});
    fs::write(&file, data.to_string()).expect("written");
    let output = client(
        &server,
        ["raw", "--type", "authentication", "--file", path, &url],
    )
    .run()
    .exits(0);
    let answer = json_of(&output);
    assert_eq!(answer["errors"]["code"], 200);
    let whole = json!({"type": "ping_pong", "data": {"user": answer["data"]["user"]}, "jsonapi": {"version": "1.0"}});
    fs::write(&file, whole.to_string()).expect("written");
    client(&server, ["raw", "--file", path, &url])
        .run()
        .exits(0);
    let output = client(&server, ["raw", "--type", "all_flow", "--file", path, &url])
        .run()
        .exits(1);
    assert_eq!(
        json_of(&output)["errors"]["code"],
        404,
        "the answer is printed, whatever it says"
    );
    let output = client(&server, ["raw", "--file", "-", &url])
        .stdin("no JSON")
        .run()
        .exits(1);
    assert_eq!(json_of(&output)["errors"]["code"], 415);
    client(&server, ["raw", "--file", "/nonexistent", &url])
        .run()
        .exits(3);
}

#[test]
fn watching_outlives_the_server() {
    let mut server = Server::start();
    let url = server.address();
    let mut admin = server.sign_in("admin");
    let boris = server.register("boris");
    let group = admin.group("Family", &[&boris]);
    client(&server, ["login", &url, "boris", "--password-stdin"])
        .stdin(format!("{PASSWORD}\n"))
        .run()
        .exits(0);
    subscribe(&mut admin);
    let watch = client(&server, ["watch", &url]).start();
    // Once others see boris online, the watch has begun.
    while admin.connection.pushed().meta()["presence"]["online"] != json!(true) {}
    admin.send(&group, "before");
    assert!(watch.line_with("before").contains("Family"));
    server.restart();
    let mut admin = admin.on(server.connect());
    // Whether the watch is back by now or not, it tells this.
    admin.send(&group, "after");
    let line = watch.line().expect("a line");
    assert!(
        line.ends_with("admin: after"),
        "next, and nothing twice: {line}"
    );
}

#[test]
fn a_rich_watch_tells_who_did_what() {
    let server = Server::start();
    let url = server.address();
    let mut admin = server.sign_in("admin");
    let boris = server.register("boris");
    let clara = server.register("clara");
    let group = admin.group("Family", &[&boris]);
    client(&server, ["login", &url, "boris", "--password-stdin"])
        .stdin(format!("{PASSWORD}\n"))
        .run()
        .exits(0);
    subscribe(&mut admin);
    let watch = client(&server, ["watch", &url, "--rich"]).start();
    while admin.connection.pushed().meta()["presence"]["online"] != json!(true) {}
    admin.send(&group, "before");
    change(&mut admin, &group, &json!({"add": [clara.id]})).is(200);
    let levels = json!({"levels": {boris.id.as_str(): 50}, "expire": 3600});
    change(&mut admin, &group, &levels).is(200);
    let title = json!({"flow": [{"uuid": group, "title": "Kin"}]});
    admin.ask("edit_flow", &title).is(200);
    admin.send(&group, "after");
    // Who is here may be told between any two lines.
    let next = || loop {
        let line = watch.line().expect("a line");
        if !line.ends_with(" is online") && !line.ends_with(" is offline") {
            return line;
        }
    };
    assert!(next().ends_with("admin: before"));
    for expected in [
        "* Family: admin added clara",
        "* Family: admin made boris a moderator",
        "* Family: admin set new messages to disappear after 1 h",
        "* Kin: admin changed the title to «Kin»",
    ] {
        assert_eq!(next(), expected);
    }
    assert!(next().ends_with("admin: after"));

    let output = client(&server, ["history", &url, "Kin", "--rich"])
        .run()
        .exits(0);
    let said: Vec<&str> = output
        .stdout
        .lines()
        .map(|line| line.split_once("  ").expect("a time").1)
        .collect();
    assert_eq!(
        said,
        [
            "* admin created the conversation",
            "admin: before",
            "* admin added clara",
            "* admin made boris a moderator",
            "* admin set new messages to disappear after 1 h",
            "* admin changed the title to «Kin»",
            "admin: after",
        ]
    );
    let output = client(&server, ["history", &url, "Kin", "--rich", "--json"])
        .run()
        .exits(0);
    let entries = json_of(&output);
    assert_eq!(entries[0]["event"]["kind"], "made");
    assert_eq!(entries[1]["text"], "before");
    assert_eq!(entries[6]["text"], "after");

    let output = client(&server, ["send", &url, "Kin", "x", "--rich", "--json"])
        .run()
        .exits(0);
    assert_eq!(json_of(&output)["number"], 2);
    let channel = admin.add_flow("channel", "News", &[&boris]);
    let output = client(&server, ["send", &url, &channel, "x", "--rich"])
        .run()
        .exits(1);
    assert!(output.stderr.contains("(not_writer)"), "{}", output.stderr);
    let file = server.folder().join("data.json");
    fs::write(&file, boris.signed(&Value::Null).to_string()).expect("written");
    let path = file.to_str().expect("UTF-8");
    let output = client(
        &server,
        [
            "raw", "--type", "all_flow", "--file", path, "--accept", "rich", &url,
        ],
    )
    .run()
    .exits(0);
    let flows = &json_of(&output)["data"]["meta"]["flows"];
    assert_eq!(flows[&group]["expire"], 3600, "{flows}");
}

#[test]
fn conformance_finds_this_server_in_order() {
    let server = Server::start();
    let output = client(&server, ["conformance", &server.address()])
        .run()
        .exits(0);
    assert!(
        output
            .stdout
            .lines()
            .filter(|line| line.starts_with("ok "))
            .count()
            > 90,
        "{}",
        output.stdout
    );
    assert!(
        output.stdout.trim_end().ends_with(" 0 failed"),
        "{}",
        output.stdout
    );
    // It removes the accounts that it makes.
    let mut admin = server.sign_in("admin");
    let left = admin
        .ask("find_user", &json!({"meta": {"query": "conformance"}}))
        .is(200);
    assert!(left.users().is_empty(), "{left}");
}

#[test]
fn conformance_of_a_closed_server_is_5() {
    let server = Server::with(&[("auth.registration", "closed")]);
    let output = client(&server, ["conformance", &server.address()])
        .run()
        .exits(5);
    assert!(
        output.stdout.contains("FAIL  register_user"),
        "{}",
        output.stdout
    );
}

#[test]
fn a_server_that_signed_its_own_certificate_is_trusted_by_its_file() {
    let mut server = Server::initialised("open", &[]);
    let made = std::process::Command::new("openssl")
        .current_dir(server.folder())
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
        ])
        .args([
            "-subj",
            "/CN=some other name",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ])
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{made:?}");
    server.set("tls.certfile", "cert.pem");
    server.set("tls.keyfile", "key.pem");
    server.serve();
    let url = format!("wss://{}", server.address());
    let cert = server.folder().join("cert.pem");
    let cert = cert.to_str().expect("UTF-8");
    client(&server, ["ping", &url, "--ca", cert]).run().exits(0);
    let output = client(&server, ["ping", &url]).run();
    assert!(
        matches!(output.code, Some(1 | 69)),
        "the system does not know it: {output:?}"
    );
    let key = server.folder().join("key.pem");
    let output = client(
        &server,
        ["ping", &url, "--ca", key.to_str().expect("UTF-8")],
    )
    .run()
    .exits(1);
    assert!(output.stderr.contains("certificate"), "{}", output.stderr);
}
