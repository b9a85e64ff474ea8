//! Polls, by both protocols.

use serde_json::{Value, json};

use super::{Client, address, events, room_of, server};
use crate::{common::Person, roles::ask};

const START: &str = "org.matrix.msc3381.poll.start";
const RESPONSE: &str = "org.matrix.msc3381.poll.response";
const END: &str = "org.matrix.msc3381.poll.end";

/// A poll as clients send it, with two answers that are called as nobody else calls them.
pub(super) fn poll(question: &str, is_disclosed: bool) -> Value {
    let kind = if is_disclosed {
        "org.matrix.msc3381.poll.disclosed"
    } else {
        "org.matrix.msc3381.poll.undisclosed"
    };
    let answer = |id: &str| json!({"id": id, "org.matrix.msc1767.text": format!("answer {id}")});
    json!({
        START: {
            "question": {"org.matrix.msc1767.text": question, "body": question, "msgtype": "m.text"},
            "kind": kind, "max_selections": 1, "answers": [answer("x-1"), answer("x-2")],
        },
        "org.matrix.msc1767.text": format!("{question}\n1. answer x-1\n2. answer x-2"),
    })
}

/// A vote as clients send it.
pub(super) fn vote(poll: &str, answers: &[&str]) -> Value {
    let relates = json!({"rel_type": "m.reference", "event_id": poll});
    json!({RESPONSE: {"answers": answers}, "m.relates_to": relates})
}

/// The end of a poll as clients send it.
pub(super) fn end(poll: &str) -> Value {
    let relates = json!({"rel_type": "m.reference", "event_id": poll});
    json!({END: {}, "org.matrix.msc1767.text": "ended", "m.relates_to": relates})
}

/// What the other protocol tells of the last message of a flow: its id, and the poll.
fn last(person: &mut Person, flow: &str) -> (String, Value) {
    let page = ask(person, "all_messages", &json!({"flow": [{"uuid": flow}]}));
    let message = page.messages().last().expect("a message").clone();
    let id = message["uuid"].as_str().expect("an id").to_owned();
    (
        id.clone(),
        page.data()["meta"]["about"][&id]["poll"].clone(),
    )
}

/// The newest events of a room, newest last: of each the type, the sender and what it says.
fn newest(client: &Client<'_>, room: &str, count: usize) -> Vec<Value> {
    let page = client.get(&format!("{room}/messages?dir=b&limit={count}"));
    let mut found: Vec<_> = events(&page["chunk"]).cloned().collect();
    found.reverse();
    found
}

#[test]
fn a_poll_by_mtp_is_one_in_matrix() {
    let server = server();
    let (mut anna, mut boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("G", &[&boris]);
    let room = address(&room_of(&flow));
    let client = Client::sign_in(&server, "boris");
    let asked = json!({"question": "When?", "options": ["now", "later"], "many": true});
    let data =
        json!({"flow": [{"uuid": flow}], "message": [{}], "meta": {"about": {"poll": asked}}});
    let sent = ask(&mut anna, "send_message", &data).is(200);
    let message = sent.messages()[0]["uuid"].as_str().expect("an id");
    let [event] = <[Value; 1]>::try_from(newest(&client, &room, 1)).expect("one");
    assert_eq!(event["type"], START);
    let said = &event["content"][START];
    assert_eq!(said["question"]["body"], "When?");
    assert_eq!(said["max_selections"], 2);
    assert_eq!(said["kind"], "org.matrix.msc3381.poll.disclosed");
    assert_eq!(
        said["answers"][1],
        json!({"id": "1", "org.matrix.msc1767.text": "later"})
    );
    assert_eq!(
        event["content"]["org.matrix.msc1767.text"],
        "When?\n1. now\n2. later"
    );
    let id = event["event_id"].as_str().expect("an id");
    let about = json!({"message": [{"uuid": message}], "meta": {"options": [0, 1]}});
    ask(&mut boris, "vote", &about).is(200);
    // The event stays as it was, and the vote is one of its own.
    let [again, voted] = <[Value; 2]>::try_from(newest(&client, &room, 2)).expect("two");
    assert_eq!(again["content"], event["content"]);
    assert_eq!(
        (&voted["type"], &voted["sender"], &voted["content"]),
        (
            &json!(RESPONSE),
            &json!("@boris:example.org"),
            &vote(id, &["0", "1"])
        )
    );
    // By Matrix somebody else votes, and the newest vote counts.
    let other = Client::sign_in(&server, "anna");
    other.send(&room, RESPONSE, "1", &vote(id, &["0"]));
    other.send(&room, RESPONSE, "2", &vote(id, &["1"]));
    let (_, poll) = last(&mut anna, &flow);
    assert_eq!(
        poll["voters"],
        json!([[boris.id], [anna.id, boris.id]]),
        "{poll}"
    );
    // One that names no answer is spoilt, and counts for none.
    let spoilt = other.send(&room, RESPONSE, "3", &vote(id, &["7"]));
    assert_eq!(
        last(&mut anna, &flow).1["voters"],
        json!([[boris.id], [boris.id]])
    );
    let gone = format!("{room}/redact/{}/4", spoilt.replace('$', "%24"));
    other.done("PUT", &gone, &json!({}));
    assert_eq!(
        last(&mut anna, &flow).1["voters"],
        json!([[boris.id], [anna.id, boris.id]])
    );
    // Who did not ask does not end it; who did, does.
    let boris_ends = client.send(&room, END, "5", &end(id));
    assert!(boris_ends.starts_with('$'));
    assert_eq!(last(&mut anna, &flow).1["closed"], false);
    let close = json!({"message": [{"uuid": message}]});
    ask(&mut anna, "close_poll", &close).is(200);
    assert_eq!(newest(&client, &room, 1)[0]["type"], END);
    assert_eq!(newest(&client, &room, 1)[0]["sender"], "@anna:example.org");
    client.send(&room, RESPONSE, "6", &vote(id, &[]));
    let (_, poll) = last(&mut anna, &flow);
    assert_eq!(poll["closed"], true);
    assert_eq!(poll["voters"], json!([[boris.id], [anna.id, boris.id]]));
    // Deleted, it says nothing, and neither does what is about it.
    anna.delete(message).is(200);
    let page = client.get(&format!("{room}/messages?dir=b&limit=20"));
    let polls = events(&page["chunk"]).filter(|event| {
        let kind = event["type"].as_str().unwrap_or_default();
        kind.starts_with("org.matrix.msc3381")
    });
    let polls: Vec<_> = polls.collect();
    assert!(polls.len() > 5, "{polls:#?}");
    for event in polls {
        assert_eq!(event["content"], json!({}), "{event:#}");
    }
}

#[test]
fn a_poll_by_matrix_is_one_for_mtp() {
    let server = server();
    let (mut anna, mut boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.add_flow("channel", "C", &[&boris]);
    let room = address(&room_of(&flow));
    let (client, reader) = (
        Client::sign_in(&server, "anna"),
        Client::sign_in(&server, "boris"),
    );
    let id = client.send(&room, START, "1", &poll("When?", true));
    let (message, told) = last(&mut boris, &flow);
    assert_eq!(
        (&told["question"], &told["options"]),
        (&json!("When?"), &json!(["answer x-1", "answer x-2"]))
    );
    // A reader of a channel may vote, as by MTP, but say nothing else.
    reader.send(&room, RESPONSE, "1", &vote(&id, &["x-2", "x-1"]));
    let told = last(&mut boris, &flow).1;
    assert_eq!(told["voters"], json!([[], [boris.id]]), "one answer");
    assert_eq!(told["mine"], json!([1]));
    reader
        .call(
            "PUT",
            &format!("{room}/send/{RESPONSE}/2"),
            &vote("$other", &[]),
        )
        .is(403);
    let about = json!({"message": [{"uuid": message}], "meta": {"options": [0]}});
    ask(&mut boris, "vote", &about).is(200);
    assert_eq!(
        newest(&client, &room, 1)[0]["content"][RESPONSE]["answers"],
        json!(["x-1"])
    );
    client.send(&room, END, "3", &end(&id));
    assert_eq!(last(&mut boris, &flow).1["closed"], true);
    ask(&mut boris, "vote", &about).is(403);
    // Polls are not edited. What is no poll here is a text; what says nothing is refused.
    let mut edit = poll("When then?", true);
    edit["m.relates_to"] = json!({"rel_type": "m.replace", "event_id": id});
    client
        .call("PUT", &format!("{room}/send/{START}/4"), &edit)
        .is(403);
    let mut many = poll("Which?", true);
    let answer = |n: usize| json!({"id": n.to_string(), "org.matrix.msc1767.text": n.to_string()});
    many[START]["answers"] = (0..20).map(answer).collect();
    client.send(&room, START, "5", &many);
    assert_eq!(
        anna.texts(&flow).last().map(String::as_str),
        Some("Which?\n1. answer x-1\n2. answer x-2")
    );
    client
        .call("PUT", &format!("{room}/send/{START}/6"), &json!({}))
        .is(400);
}

#[test]
fn nobody_is_named_who_votes_in_secret() {
    let server = server();
    let (mut anna, mut boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("G", &[&boris]);
    let room = address(&room_of(&flow));
    let client = Client::sign_in(&server, "anna");
    client.send(&room, START, "1", &poll("Who?", false));
    let (message, told) = last(&mut boris, &flow);
    assert_eq!(told["anonymous"], true);
    let about = json!({"message": [{"uuid": message}], "meta": {"options": [0]}});
    ask(&mut boris, "vote", &about).is(200);
    assert_eq!(last(&mut anna, &flow).1["counts"], json!([1, 0]));
    assert_eq!(newest(&client, &room, 1)[0]["type"], START);
}

#[test]
fn a_poll_from_before_matrix_was_on_is_one() {
    let mut server = crate::common::Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("G", &[]);
    let asked = json!({"question": "When?", "options": ["now", "later"]});
    let data =
        json!({"flow": [{"uuid": flow}], "message": [{}], "meta": {"about": {"poll": asked}}});
    ask(&mut anna, "send_message", &data).is(200);
    server.stop();
    server.set("matrix.enabled", "on");
    server.set("matrix.server_name", "example.org");
    server.serve();
    let client = Client::sign_in(&server, "anna");
    let room = address(&room_of(&flow));
    let event = newest(&client, &room, 1)[0].clone();
    let id = event["event_id"].as_str().expect("an id");
    client.send(&room, RESPONSE, "1", &vote(id, &["1"]));
    let mut anna = anna.on(server.connect());
    assert_eq!(last(&mut anna, &flow).1["counts"], json!([0, 1]));
}
