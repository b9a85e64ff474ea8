//! Clients that people have: matrix-nio, matrix-commander, matrix-js-sdk, matrix-sdk.

use std::{
    fs,
    io::{BufRead, BufReader, Lines, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{room_of, server};
use crate::{
    bot_clients::installed,
    common::{PASSWORD, Person, Server, eventually},
    roles::ask,
};

/// The versions that were tried.
const NIO: &str = "matrix-nio==0.25.2";
const COMMANDER: &str = "matrix-commander==8.0.6";
const JS_SDK: &str = "matrix-js-sdk@37.5.0";

/// A program that goes on when it is told a line, and says lines.
struct Talking {
    program: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Talking {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = command.spawn().expect("it runs");
        Self {
            input: program.stdin.take().expect("its input"),
            output: BufReader::new(program.stdout.take().expect("its output")).lines(),
            program,
        }
    }

    #[track_caller]
    fn says(&mut self) -> String {
        self.output.next().expect("a line").expect("text")
    }

    fn go_on(&mut self) {
        self.input.write_all(b"go on\n").expect("told");
    }

    #[track_caller]
    fn ends(mut self) {
        assert_eq!(self.says(), "done");
        assert!(self.program.wait().expect("it ends").success());
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/matrix")
        .join(name)
}

/// The one conversation of somebody.
#[track_caller]
fn only_flow(person: &mut Person) -> String {
    let flows = person.ask("all_flow", &Value::Null).is(200);
    flows.flows()[0]["uuid"].as_str().expect("an id").to_owned()
}

#[test]
fn nio_and_the_other_protocol_understand_each_other() {
    let python = installed(NIO).join("python3");
    let server = server();
    server.register("anna");
    server.register("boris");
    let mut carol = server.register("carol");
    let mut nio = Talking::start(
        Command::new(python)
            .arg(script("two_people.py"))
            .args([&format!("http://{}", server.address()), PASSWORD]),
    );
    let room = nio.says();
    let flow = only_flow(&mut carol);
    assert_eq!(room_of(&flow), room);
    assert_eq!(carol.texts(&flow), ["hello from nio"]);
    carol.send(&flow, "hello back");
    nio.go_on();
    nio.ends();
    let texts = eventually(|| carol.texts(&flow), |texts| texts[0] == "Message deleted");
    assert_eq!(texts[1], "hello back");
}

/// The library, as node loads it.
fn js_sdk() -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("matrix-js-sdk");
    let library = tools.join("node_modules/matrix-js-sdk/lib/index.js");
    if !tools.join("installed").exists() {
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]);
        let done = npm.arg(&tools).arg(JS_SDK).status().expect("npm");
        assert!(done.success(), "{JS_SDK} cannot be installed");
        fs::write(tools.join("installed"), JS_SDK).expect("written");
    }
    library
}

#[test]
fn the_library_of_element_and_the_other_protocol_understand_each_other() {
    let library = js_sdk();
    let server = server();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut js = Talking::start(
        Command::new("node")
            .arg(script("js_sdk.mjs"))
            .arg(library)
            .args([&format!("http://{}", server.address()), PASSWORD]),
    );
    let room = js.says();
    let flow = only_flow(&mut boris);
    assert_eq!(room_of(&flow), room);
    let said = boris.send_many(&flow, (0..30).map(|n| format!("text {n}")));
    js.go_on();
    js.says();
    let texts = boris.texts(&flow);
    assert_eq!(texts[30..], ["better", "Message deleted"]);
    let page = ask(
        &mut boris,
        "all_messages",
        &json!({"flow": [{"uuid": flow}]}),
    );
    let theirs = page.messages()[30]["uuid"].as_str().expect("an id");
    let reactions = &page.data()["meta"]["about"][theirs]["reactions"];
    assert_eq!(reactions["👍"]["users"], json!([anna.id]), "{reactions}");
    let react = json!({"message": [{"uuid": theirs}], "meta": {"reaction": "🎉", "on": true}});
    boris.ask("react", &react).is(200);
    boris.edit(&said[29], "text 29, edited").is(200);
    boris.delete(&said[0]).is(200);
    let read = json!({"flow": [{"uuid": flow, "message_end": 31}]});
    boris.ask("read_flow", &read).is(200);
    js.go_on();
    js.ends();
    // It read everything, and left.
    let members = ask(&mut boris, "all_flow", &Value::Null).is(200);
    assert_eq!(members.flows()[0]["users"], json!([boris.id]));
    anna.ask("all_flow", &Value::Null).is(404);
}

/// Where the client made with matrix-sdk is: `make interop` builds it, which takes minutes.
const SDK: &str = "MORELIA_MATRIX_SDK";

#[test]
fn the_library_of_element_x_and_the_other_protocol_understand_each_other() {
    let Ok(client) = std::env::var(SDK) else {
        println!("skipped: {SDK} does not name the client; make interop builds it");
        return;
    };
    let server = server();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let host = format!("http://{}", server.address());
    let mut sdk = Talking::start(Command::new(client).args([&host, "anna", PASSWORD]));
    let room = sdk.says();
    let flow = only_flow(&mut boris);
    assert_eq!(room_of(&flow), room);
    assert_eq!(sdk.says(), "sent");
    let page = ask(
        &mut boris,
        "all_messages",
        &json!({"flow": [{"uuid": flow}]}),
    );
    assert_eq!(page.texts(), ["better", "", "Message deleted"], "{page}");
    let picture = page.messages()[1]["uuid"].as_str().expect("an id");
    let file = &page.data()["meta"]["about"][picture]["files"][0];
    assert_eq!(
        (&file["kind"], &file["name"]),
        (&json!("picture"), &json!("dot.png")),
        "{page}"
    );
    let said = boris.send(&flow, "hello back");
    sdk.go_on();
    assert_eq!(sdk.says(), "heard");
    let page = ask(
        &mut boris,
        "all_messages",
        &json!({"flow": [{"uuid": flow}]}),
    );
    let reactions = &page.data()["meta"]["about"][&said]["reactions"];
    assert_eq!(reactions["👍"]["users"], json!([anna.id]), "{page}");
    sdk.go_on();
    sdk.ends();
    // It left.
    let members = ask(&mut boris, "all_flow", &Value::Null).is(200);
    assert_eq!(members.flows()[0]["users"], json!([boris.id]));
    anna.ask("all_flow", &Value::Null).is(404);
}

/// A picture of one point, since it is looked into.
const DOT: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Runs matrix-commander for anna, in a folder of its own; returns what it prints.
#[track_caller]
fn commander(server: &Server, arguments: &[&str]) -> String {
    let folder = server.folder().join("commander");
    fs::create_dir_all(&folder).expect("a folder");
    let output = Command::new(installed(COMMANDER).join("matrix-commander"))
        .args(["--credentials", "credentials.json", "--store", "store"])
        .args(arguments)
        .current_dir(&folder)
        .env("HOME", &folder)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}{errors}");
    said
}

#[test]
fn matrix_commander_does_its_daily_work() {
    let server = server();
    let anna = server.register("anna");
    let mut boris = server.register("boris");
    let flow = boris.group("Club", &[&anna]);
    let room = room_of(&flow);
    let host = format!("http://{}", server.address());
    commander(
        &server,
        &[
            "--login",
            "password",
            "--user-login",
            "@anna:example.org",
            "--password",
            PASSWORD,
            "--homeserver",
            &host,
            "--device",
            "commander",
            "--room-default",
            &room,
        ],
    );
    commander(&server, &["--plain", "--message", "hello from a shell"]);
    assert_eq!(boris.texts(&flow), ["hello from a shell"]);
    let picture = server.folder().join("dot.png");
    fs::write(&picture, STANDARD.decode(DOT).expect("base64")).expect("written");
    commander(
        &server,
        &["--plain", "--image", picture.to_str().expect("UTF-8")],
    );
    let page = ask(
        &mut boris,
        "all_messages",
        &json!({"flow": [{"uuid": flow}]}),
    );
    let sent = page.messages()[1]["uuid"].as_str().expect("an id");
    let file = &page.data()["meta"]["about"][sent]["files"][0];
    // It encrypts pictures in every room, so that the other protocol has a file of it and no picture.
    assert_eq!(
        (&file["kind"], &file["name"]),
        (&json!("document"), &json!("dot.png")),
        "{page}"
    );
    boris.send(&flow, "hello back");
    let heard = commander(&server, &["--tail", "3", "--listen-self"]);
    for said in ["hello from a shell", "hello back"] {
        assert!(heard.contains(said), "{said}: {heard}");
    }
    assert!(commander(&server, &["--joined-rooms"]).contains(&room));
    commander(&server, &["--room-leave", &room]);
    let members = ask(&mut boris, "all_flow", &Value::Null).is(200);
    assert_eq!(members.flows()[0]["users"], json!([boris.id]));
    commander(&server, &["--logout", "me"]);
}
