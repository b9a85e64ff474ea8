//! Exporting: everything that somebody wrote, in files that anything can read.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::common::{PASSWORD, Server};
use crate::users::document;

fn read(server: &Server, file: &str) -> Value {
    let text = fs::read_to_string(server.folder().join(file)).expect(file);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}: {text}"))
}

#[test]
fn a_user_a_flow_and_everything_can_be_exported() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let family = anna.group("Family", &[&boris]);
    let own = boris.group("Own", &[]);
    let texts: Vec<String> = (0..1200).map(|n| format!("message {n}")).collect();
    anna.send_many(&family, texts.clone());
    boris.send(&family, "«and» \"mine\"");
    let file = json!({"flow": [{"uuid": own}], "message": [{"client_id": 1, "file_picture": "aGVsbG8=", "emoji": [1, 2]}]});
    boris.ask("send_message", &file).is(200);
    boris
        .ask("leave_flow", &json!({"flow": [{"uuid": family}]}))
        .is(200);

    let done = document(server.command(["export", "--all", "--to", "all"]));
    assert_eq!(done["messages"], 1202);
    let whole = read(&server, &format!("all/flow-{family}.json"));
    assert_eq!(whole["flow"]["title"], "Family");
    let written = whole["messages"].as_array().expect("messages");
    let exported: Vec<_> = written
        .iter()
        .map(|it| it["text"].as_str().expect("text"))
        .collect();
    assert_eq!(exported[..1200], texts[..]);
    assert_eq!(written[1200]["login"], "boris");
    let users = read(&server, "all/users.json");
    assert_eq!(users["users"].as_array().map(Vec::len), Some(3));
    assert!(
        !users.to_string().contains("argon2"),
        "no hash of a password"
    );
    assert!(!users.to_string().contains(PASSWORD));
    let mode = fs::metadata(server.folder().join("all/users.json"))
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0, "for its owner alone");

    document(server.command(["export", "--user", "boris", "--to", "boris"]));
    let mine = read(&server, "boris/written.json");
    assert_eq!(
        mine["messages"].as_array().map(Vec::len),
        Some(2),
        "also where he is no longer"
    );
    assert_eq!(mine["messages"][1]["file_picture"], "aGVsbG8=");
    assert_eq!(mine["messages"][1]["emoji"], "AQI=");
    assert_eq!(read(&server, "boris/user.json")["user"]["login"], "boris");
    assert!(
        server
            .folder()
            .join(format!("boris/flow-{own}.json"))
            .exists()
    );
    assert!(
        !server
            .folder()
            .join(format!("boris/flow-{family}.json"))
            .exists()
    );

    server
        .command(["export", "--flow", "Family", "--to", "one"])
        .run()
        .exits(0);
    server
        .command(["export", "--flow", "Family", "--to", "one"])
        .run()
        .exits(4);
    server
        .command(["export", "--flow", "Nothing", "--to", "two"])
        .run()
        .exits(3);
    assert!(
        !server.folder().join("two").exists(),
        "nothing is made for nothing"
    );
}
