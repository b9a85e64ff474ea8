//! `docs/security.md` names a test for each promise; here it is made sure that they exist. And one
//! promise that is nobody else's: what is secret is not in the log.

use std::{fs, path::Path};

use serde_json::json;

use crate::common::{PASSWORD, Server};

#[test]
fn every_promise_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/security.md")).expect("the page");
    let named: Vec<_> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|word| word.rsplit_once("::"))
        .filter(|(file, _)| *file != "file")
        .collect();
    assert!(named.len() > 30, "only {} tests are named", named.len());
    for (file, name) in named {
        let places = ["tests", "src"].map(|folder| root.join(folder).join(format!("{file}.rs")));
        let source = places.iter().find_map(|path| fs::read_to_string(path).ok());
        let source = source.unwrap_or_else(|| panic!("there is no {file}.rs"));
        assert!(
            source.contains(&format!("fn {name}(")),
            "{file}.rs has no {name}"
        );
    }
    // A promise has a kind, a sentence and its test: other tables hold figures.
    let promises = |line: &&str| line.starts_with("| ") && line.matches(" | ").count() == 2;
    assert!(text.lines().filter(promises).count() > 50, "no promises");
    for line in text.lines().filter(promises) {
        let shown_by = line
            .trim_end_matches(" |")
            .rsplit(" | ")
            .next()
            .unwrap_or_default();
        let known = ["---", "shown by", "the compiler"].contains(&shown_by);
        assert!(
            known || shown_by.contains("::"),
            "a promise without a test: {line}"
        );
    }
}

#[test]
fn nothing_secret_is_logged() {
    let mut server = Server::with(&[("logging.level", "trace")]);
    let mut anna = server.register("anna");
    let group = anna.group("the title of it", &[]);
    anna.send(&group, "the text of it");
    let code = server.sign_in("admin").ask("invite", &json!({})).is(200);
    let code = code.data()["meta"]["code"]
        .as_str()
        .expect("a code")
        .to_owned();
    let mut stream = crate::transport::connect(&server.address());
    crate::transport::get(&mut stream, &format!("/invite/{code}"), "");
    let reset = crate::users::document(server.command(["user", "reset", "anna"]));
    let reset = crate::administration::code(&reset["link"]);
    crate::transport::get(&mut stream, &format!("/reset/{reset}"), "");
    let link = anna.ask("link_device", &json!({})).is(200);
    let link = link.data()["meta"]["code"]
        .as_str()
        .expect("a code")
        .to_owned();
    let mut connection = server.connect();
    for code in [&reset, "the wrong one"] {
        let asked = json!({"meta": {"code": code}});
        connection.request("use_reset", &asked);
    }
    let linked = json!({"meta": {"code": link}});
    connection.request("use_link", &linked).is(200);
    for wrong in [
        json!({"user": [{"login": "anna", "password": "the wrong one"}]}),
        json!({"user": [{"login": "anna", "password": ["the wrong one"]}]}),
        json!({"user": [{"login": "anna", "password": "the wrong one", "is_bot": "expected the wrong one"}]}),
    ] {
        assert!(connection.request("authentication", &wrong).code() >= 400);
    }
    connection
        .ask_text(format!(r#"{{"{}":tru}}"#, anna.token))
        .is(415);
    let token = anna.token.clone();
    let (exit, log) = server.stop();
    assert_eq!(exit, Some(0), "{log}");
    assert!(
        log.contains("[DEBUG]") || log.contains("[TRACE]"),
        "it says much: {log}"
    );
    let secrets = [
        PASSWORD,
        &token,
        &code,
        &reset,
        &link,
        "the title of it",
        "the text of it",
        "the wrong one",
    ];
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
