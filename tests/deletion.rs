//! Deleting for good: what was deleted is in no byte of the database's files.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::common::{PASSWORD, PATIENCE, Server};

/// Waits until the files hold none of the texts; the write-ahead log needs a moment.
#[track_caller]
pub(crate) fn gone(server: &Server, texts: &[&str]) {
    let start = Instant::now();
    loop {
        let bytes = server.database_bytes();
        let there = texts.iter().find(|text| holds(&bytes, text));
        match there {
            None => return,
            Some(text) => assert!(
                start.elapsed() < PATIENCE / 2,
                "{text:?} is still in the file"
            ),
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

#[test]
fn a_deleted_message_leaves_the_file() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    // Enough around it that its page is neither the first nor the last.
    anna.send_many(&group, (0..100).map(|n| format!("filler {n}")));
    let message = json!({"text": "xylophonesecret zanzibarsecret", "file_document": "quicksilver secret!".repeat(1000), "emoji": "marmaladesecret"});
    let reply = anna
        .ask(
            "send_message",
            &json!({"flow": [{"uuid": group}], "message": [message]}),
        )
        .is(200);
    let id = reply.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    anna.send_many(&group, (0..100).map(|n| format!("more filler {n}")));
    let secrets = [
        "xylophonesecret",
        "zanzibarsecret",
        "quicksilver secret!",
        "marmaladesecret",
    ];
    let bytes = server.database_bytes();
    for secret in secrets {
        assert!(
            holds(&bytes, secret),
            "{secret} is in the file while it is not deleted"
        );
    }
    anna.delete(&id).is(200);
    gone(&server, &secrets);
    let found = anna.ask(
        "find_message",
        &json!({"meta": {"query": "xylophonesecret"}}),
    );
    assert!(found.messages().is_empty(), "{found}");
}

#[test]
fn the_words_before_an_edit_are_not_found() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let id = anna.send(&group, "aardvarksecret");
    anna.edit(&id, "replacement").is(200);
    let mut found = |query: &str| {
        anna.ask("find_message", &json!({"meta": {"query": query}}))
            .messages()
            .len()
    };
    assert_eq!(found("aardvarksecret"), 0);
    assert_eq!(found("replacement"), 1);
    gone(&server, &["aardvarksecret"]);
}

#[test]
fn a_deleted_user_leaves_the_file() {
    let server = Server::start();
    let mut anna = server.register("wolframsecret");
    let profile = json!({"user": [{"username": "Tungstensecret", "bio": "molybdenumsecret", "email": "cobalt@secret.example", "avatar": "bmlja2Vsc2VjcmV0"}]});
    anna.ask("edit_user", &profile).is(200);
    anna.ask(
        "delete_user",
        &json!({"user": [{"login": "wolframsecret", "password": PASSWORD}]}),
    )
    .is(200);
    gone(
        &server,
        &[
            "wolframsecret",
            "Tungstensecret",
            "molybdenumsecret",
            "cobalt@secret",
            "bmlja2Vsc2VjcmV0",
            "nickelsecret",
        ],
    );
}

#[test]
fn a_file_shared_by_two_messages_stays_until_the_last() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let file = "palladium secret!".repeat(500);
    let mut send = || {
        let data = json!({"flow": [{"uuid": group}], "message": [{"file_picture": file}]});
        anna.ask("send_message", &data).messages()[0]["uuid"]
            .as_str()
            .expect("an id")
            .to_owned()
    };
    let (first, second) = (send(), send());
    anna.delete(&first).is(200);
    let page = anna.page(&group, None);
    assert_eq!(
        page.messages()[1]["file_picture"],
        json!(file),
        "the other one still has it"
    );
    anna.delete(&second).is(200);
    gone(&server, &["palladium secret!"]);
}

#[test]
fn a_chat_with_a_deleted_account_takes_no_more() {
    let server = Server::start();
    let (mut anna, mut boris) = (server.register("anna"), server.register("boris"));
    let chat = anna.add_flow("chat", "", &[&boris]);
    let mine = anna.send(&chat, "still here?");
    let user = json!({"user": [{"login": "boris", "password": crate::common::PASSWORD}]});
    boris.ask("delete_user", &user).is(200);
    let refused = anna.try_send(&chat, "and now?");
    assert_eq!(refused.code(), 403, "{refused}");
    // What is there can be read, and one's own taken back.
    assert_eq!(anna.texts(&chat), ["still here?"]);
    anna.delete(&mine).is(200);
}
