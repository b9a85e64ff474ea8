//! Messages of several files: each is an event of its own, and is taken back by itself.

use serde_json::{Value, json};

use super::{Client, address, events, refused, room_of, server};
use crate::{
    common::{
        Person, Server,
        http::{content, upload},
    },
    deletion::gone,
    sent_files::send,
};

/// What is told of a message: the end of the id of each event, and what it says.
fn parts(client: &Client<'_>, room: &str, message: &str) -> Vec<(String, Value)> {
    let page = client.get(&format!("{room}/messages?dir=f&limit=100"));
    events(&page["chunk"])
        .filter_map(|event| {
            let part = event["event_id"].as_str()?.strip_prefix(message)?;
            let is_gone = event["unsigned"]["redacted_because"].is_object();
            assert_eq!(is_gone, event["content"] == json!({}), "{event:#}");
            Some((part.to_owned(), event["content"]["body"].clone()))
        })
        .collect()
}

fn expected(all: &[(&str, Option<&str>)]) -> Vec<(String, Value)> {
    let one = |(part, body): &(&str, Option<&str>)| ((*part).to_owned(), json!(body));
    all.iter().map(one).collect()
}

/// Sends files, with a text where that is not empty, and returns the id of the event of the text.
fn send_files(
    server: &Server,
    person: &mut Person,
    flow: &str,
    (text, count): (&str, u8),
) -> String {
    let sent: Vec<_> = (0..count)
        .map(|nth| {
            let id = upload(server, person, &content(300, nth.into()));
            json!({"upload": id, "kind": "document", "name": format!("{nth}.bin")})
        })
        .collect();
    let reply = send(person, flow, text, &json!(sent)).is(200);
    let id = reply.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    let number: u128 = id.parse().expect("a number");
    format!("${number:032x}")
}

/// What follows a token in a room: what each redaction takes back, and the next token.
fn redacted(client: &Client<'_>, since: &str) -> (Vec<String>, String) {
    let told = client.get(&format!("sync?since={since}"));
    let rooms = told["rooms"]["join"].as_object().expect("rooms");
    let timeline = rooms
        .values()
        .next()
        .map(|room| room["timeline"]["events"].clone());
    let found = events(timeline.as_ref().unwrap_or(&json!([])))
        .filter(|event| event["type"] == "m.room.redaction")
        .map(|event| {
            assert_eq!(event["redacts"], event["content"]["redacts"]);
            event["redacts"].as_str().expect("an id").to_owned()
        })
        .collect();
    (
        found,
        told["next_batch"].as_str().expect("a token").to_owned(),
    )
}

/// The text of the only message of a flow and how many files it has.
fn text_and_files(person: &mut Person, flow: &str) -> (Value, usize) {
    let rich = json!({"accept": ["rich"]});
    let data = json!({"flow": [{"uuid": flow}]});
    let reply = person.ask_with_meta("all_messages", &data, &rich).is(200);
    let message = &reply.messages()[0];
    let id = message["uuid"].as_str().expect("an id");
    let files = &reply.data()["meta"]["about"][id]["files"];
    (
        message["text"].clone(),
        files.as_array().map_or(0, Vec::len),
    )
}

#[test]
fn a_redaction_takes_one_part_and_the_last_the_message() {
    let server = server();
    let (mut boris, anna) = (server.register("boris"), server.register("anna"));
    let flow = boris.group("G", &[&anna]);
    let room = address(&room_of(&flow));
    let [anna, owner] = ["anna", "boris"].map(|login| Client::sign_in(&server, login));
    let message = send_files(&server, &mut boris, &flow, ("look", 2));
    let all = [
        ("", Some("look")),
        ("_0", Some("0.bin")),
        ("_1", Some("1.bin")),
    ];
    assert_eq!(parts(&anna, &room, &message), expected(&all));
    let told = anna.get("sync");
    let since = told["next_batch"].as_str().expect("a token");
    let redact = |client: &Client<'_>, part: &str, txn: &str| {
        let path = format!("{room}/redact/{message}{part}/{txn}");
        client.call("PUT", &path, &json!({"reason": "because"}))
    };
    refused(redact(&anna, "_0", "1"), 403, "M_FORBIDDEN");
    refused(redact(&owner, "_7", "2"), 404, "M_NOT_FOUND");
    assert_eq!(parts(&anna, &room, &message), expected(&all));
    let id = super::document(&redact(&owner, "_0", "3").is(200))["event_id"].clone();
    let left = [("", Some("look")), ("_0", None), ("_1", Some("1.bin"))];
    assert_eq!(parts(&anna, &room, &message), expected(&left));
    let (taken, since) = redacted(&anna, since);
    assert_eq!(taken, [format!("{message}_0")]);
    let event = anna.get(&format!("{room}/event/{}", id.as_str().expect("an id")));
    assert_eq!(event["content"]["reason"], "because");
    let event = anna.get(&format!("{room}/event/{message}_0"));
    assert_eq!(event["unsigned"]["redacted_because"]["event_id"], id);
    assert_eq!(text_and_files(&mut boris, &flow), (json!("look"), 1));
    // Once more, by the same request or another, changes nothing.
    for txn in ["3", "4"] {
        let again = super::document(&redact(&owner, "_0", txn).is(200));
        assert_eq!(again["event_id"], id);
    }
    assert_eq!(text_and_files(&mut boris, &flow), (json!("look"), 1));

    redact(&owner, "", "5").is(200);
    let left = [("", None), ("_0", None), ("_1", Some("1.bin"))];
    assert_eq!(parts(&anna, &room, &message), expected(&left));
    assert_eq!(text_and_files(&mut boris, &flow).1, 1);
    redact(&owner, "_1", "6").is(200);
    let left = [("", None), ("_0", None), ("_1", None)];
    assert_eq!(parts(&anna, &room, &message), expected(&left));
    gone(&server, &["0.bin", "1.bin"]);
    let (taken, since) = redacted(&anna, &since);
    assert_eq!(taken, [message.clone(), format!("{message}_1")]);
    assert_eq!(text_and_files(&mut boris, &flow).1, 0);
    assert_eq!(redacted(&anna, &since).0, [""; 0]);
}

#[test]
fn a_deletion_by_the_other_protocol_takes_back_every_part() {
    let server = server();
    let (mut boris, anna) = (server.register("boris"), server.register("anna"));
    let flow = boris.group("G", &[&anna]);
    let room = address(&room_of(&flow));
    let anna = Client::sign_in(&server, "anna");
    for (what, names) in [
        (("look", 2), vec!["", "_0", "_1"]),
        (("only", 1), vec!["_0"]),
        (("", 1), vec!["_0"]),
    ] {
        let message = send_files(&server, &mut boris, &flow, what);
        let told = anna.get("sync");
        let since = told["next_batch"].as_str().expect("a token");
        let number = u128::from_str_radix(&message[1..], 16).expect("a number");
        boris.delete(&number.to_string()).is(200);
        let ids: Vec<_> = names
            .iter()
            .map(|name| format!("{message}{name}"))
            .collect();
        assert_eq!(redacted(&anna, since).0, ids, "{what:?}");
        let left: Vec<_> = names.iter().map(|name| (*name, None)).collect();
        assert_eq!(parts(&anna, &room, &message), expected(&left), "{what:?}");
    }
    let told = anna.get("sync");
    let rooms = told["rooms"]["join"].as_object().expect("rooms");
    let unread = &rooms.values().next().expect("one")["unread_notifications"];
    assert_eq!(unread["notification_count"], 0);
}
