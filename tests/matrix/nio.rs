//! A client that people have: matrix-nio.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::{room_of, server};
use crate::{
    bot_clients::installed,
    common::{PASSWORD, eventually},
};

/// The version that was tried.
const NIO: &str = "matrix-nio==0.25.2";

#[test]
fn nio_and_the_other_protocol_understand_each_other() {
    let python = installed(NIO).join("python3");
    let server = server();
    server.register("anna");
    server.register("boris");
    let mut carol = server.register("carol");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/matrix/two_people.py");
    let mut program = Command::new(python)
        .arg(script)
        .args([&format!("http://{}", server.address()), PASSWORD])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python runs");
    let mut lines = BufReader::new(program.stdout.take().expect("its output")).lines();
    let room = lines.next().expect("a line").expect("a room");
    let flows = carol.ask("all_flow", &Value::Null).is(200);
    let flow = flows.flows()[0]["uuid"].as_str().expect("an id").to_owned();
    assert_eq!(room_of(&flow), room);
    assert_eq!(carol.texts(&flow), ["hello from nio"]);
    carol.send(&flow, "hello back");
    let mut input = program.stdin.take().expect("its input");
    input.write_all(b"go on\n").expect("told");
    assert_eq!(lines.next().expect("a line").expect("a word"), "done");
    assert!(program.wait().expect("it ends").success());
    let texts = eventually(|| carol.texts(&flow), |texts| texts[0] == "Message deleted");
    assert_eq!(texts[1], "hello back");
}
