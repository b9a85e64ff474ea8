//! Messages between the two protocols.

use serde_json::{Value, json};

use crate::roles::ask;

use super::{Client, address, events, refused, room_of, server};

#[test]
fn texts_edits_and_deletions_are_seen_on_both_sides() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Family", &[&boris]);
    let room = address(&room_of(&flow));
    let client = Client::sign_in(&server, "boris");
    let one = client.say(&room, "by Matrix", "1");
    anna.send(&flow, "by the other");
    assert_eq!(anna.texts(&flow), ["by Matrix", "by the other"]);
    assert_eq!(client.texts(&room), ["by Matrix", "by the other"]);

    // An edit by Matrix rewrites the message; the event keeps what it said and carries the edit.
    let edit = json!({
        "msgtype": "m.text", "body": "* better", "m.new_content": {"msgtype": "m.text", "body": "better"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": one},
    });
    client.send(&room, "m.room.message", "2", &edit);
    assert_eq!(anna.texts(&flow), ["better", "by the other"]);
    let id = one.replace('$', "%24");
    let event = client.get(&format!("{room}/event/{id}"));
    assert_eq!(event["content"]["body"], "by Matrix");
    let carried = &event["unsigned"]["m.relations"]["m.replace"];
    assert_eq!(carried["content"]["m.new_content"]["body"], "better");

    // One by the other protocol is such an event.
    let message = anna.history(&flow)[1]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    anna.edit(&message, "changed").is(200);
    let page = client.get(&format!("{room}/messages?dir=b&limit=1"));
    let content = &page["chunk"][0]["content"];
    assert_eq!(content["body"], "* changed");
    assert_eq!(content["m.new_content"]["body"], "changed");
    assert_eq!(content["m.relates_to"]["rel_type"], "m.replace");

    // A redaction deletes it, and a deletion redacts.
    let redaction = client.done(
        "PUT",
        &format!("{room}/redact/{id}/3"),
        &json!({"reason": "oops"}),
    );
    let event = client.get(&format!("{room}/event/{id}"));
    assert_eq!(event["content"], json!({}));
    let because = &event["unsigned"]["redacted_because"];
    assert_eq!(because["event_id"], redaction["event_id"]);
    assert_eq!(
        (&because["redacts"], &because["content"]["redacts"]),
        (&json!(one), &json!(one))
    );
    assert_eq!(because["content"]["reason"], "oops");
    assert_eq!(anna.texts(&flow)[0], "Message deleted");
    anna.delete(&message).is(200);
    let page = client.get(&format!("{room}/messages?dir=b&limit=1"));
    assert_eq!(page["chunk"][0]["type"], "m.room.redaction");
    assert!(client.texts(&room).is_empty(), "{:?}", client.texts(&room));
}

#[test]
fn the_same_transaction_is_the_same_event() {
    let mut server = server();
    server.register("anna");
    let (token, room, first) = {
        let client = Client::sign_in(&server, "anna");
        let room = client.create(&json!({"name": "Here"}));
        let other = client.create(&json!({"name": "There"}));
        let first = client.say(&room, "once", "a");
        assert_eq!(client.say(&room, "twice", "a"), first);
        assert_ne!(client.say(&other, "once", "a"), first);
        let second = Client::sign_in(&server, "anna");
        assert_ne!(second.say(&room, "once", "a"), first);
        let page = client.get(&format!("{room}/messages?dir=f&limit=100"));
        let mine = |client: &Client<'_>, page: &Value| {
            let _ = client;
            events(&page["chunk"])
                .filter(|it| it["unsigned"]["transaction_id"] == "a")
                .count()
        };
        assert_eq!(mine(&client, &page), 1);
        // Over a restart too.
        (client.token.clone(), room, first)
    };
    server.restart();
    let body = json!({"msgtype": "m.text", "body": "again"});
    let path = format!("v3/{room}/send/m.room.message/a");
    let again = super::call(&server, Some(&token), "PUT", &path, &body).is(200);
    assert_eq!(super::document(&again)["event_id"], first);
}

#[test]
fn what_clients_say_becomes_a_text() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Family", &[&boris]);
    let room = address(&room_of(&flow));
    let client = Client::sign_in(&server, "boris");
    let first = client.say(&room, "question", "1");
    let reply = json!({
        "msgtype": "m.text", "body": "> <@boris:example.org> question\n\nanswer",
        "m.relates_to": {"m.in_reply_to": {"event_id": first}},
    });
    client.send(&room, "m.room.message", "2", &reply);
    let emote = json!({"msgtype": "m.emote", "body": "waves"});
    client.send(&room, "m.room.message", "3", &emote);
    let odd = json!({"msgtype": "org.example.odd", "body": "odd", "x": {"y": [1]}});
    let odd_id = client.send(&room, "m.room.message", "4", &odd);
    let content = json!({"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "abc"});
    client.send(&room, "m.room.encrypted", "5", &content);
    assert_eq!(
        anna.texts(&flow),
        [
            "question",
            "answer",
            "* boris waves",
            "odd",
            "🔒 encrypted message"
        ]
    );
    // What is no message takes no number, and comes back as it was sent.
    let thing = client.send(
        &room,
        "org.example.thing",
        "6",
        &json!({"a": [1, {"b": null}]}),
    );
    assert_eq!(anna.texts(&flow).len(), 5);
    let at = |id: &str| client.get(&format!("{room}/event/{}", id.replace('$', "%24")));
    assert_eq!(at(&thing)["content"], json!({"a": [1, {"b": null}]}));
    assert_eq!(at(&odd_id)["content"], odd);

    let send = |body: &Value| client.call("PUT", &format!("{room}/send/m.room.message/7"), body);
    refused(
        send(&json!({"msgtype": "m.text", "body": 1})),
        400,
        "M_BAD_JSON",
    );
    refused(
        send(&json!({"msgtype": "m.text", "body": "x", "n": 1.5})),
        400,
        "M_BAD_JSON",
    );
    let much = "x".repeat(66_000);
    refused(
        send(&json!({"msgtype": "m.text", "body": much})),
        413,
        "M_TOO_LARGE",
    );
    let missing = format!("{room}/redact/%2400000000000000000000000000000001/8");
    refused(client.call("PUT", &missing, &json!({})), 404, "M_NOT_FOUND");
}

#[test]
fn reactions_are_one_fact() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Family", &[&boris]);
    let room = address(&room_of(&flow));
    let client = Client::sign_in(&server, "boris");
    anna.send(&flow, "text");
    let page = client.get(&format!("{room}/messages?dir=b&limit=1"));
    let id = page["chunk"][0]["event_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let thumb = json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": id, "key": "👍"}});
    let path = format!("{room}/send/m.reaction");
    client.done("PUT", &format!("{path}/1"), &thumb);
    refused(
        client.call("PUT", &format!("{path}/2"), &thumb),
        400,
        "M_DUPLICATE_ANNOTATION",
    );
    assert_eq!(anna.texts(&flow).len(), 1);
}

#[test]
fn only_who_may_takes_back() {
    let server = server();
    let (mut anna, boris, carol) = (
        server.register("anna"),
        server.register("boris"),
        server.register("carol"),
    );
    let flow = anna.group("Family", &[&boris, &carol]);
    let room = address(&room_of(&flow));
    let [anna, boris, carol] = ["anna", "boris", "carol"].map(|it| Client::sign_in(&server, it));
    let id = boris.say(&room, "mine", "1").replace('$', "%24");
    let path = format!("{room}/redact/{id}/1");
    refused(carol.call("PUT", &path, &json!({})), 403, "M_FORBIDDEN");
    anna.done("PUT", &path, &json!({}));
    let edit = json!({
        "msgtype": "m.text", "body": "* x", "m.new_content": {"msgtype": "m.text", "body": "x"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": id.replace("%24", "$")},
    });
    // An edit by another is kept, and has no effect.
    carol.send(&room, "m.room.message", "2", &edit);
    let event = boris.get(&format!("{room}/event/{id}"));
    assert_eq!(event["content"], json!({}));
}

#[test]
fn marks_and_calls_of_the_other_protocol_are_shown() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Family", &[&boris]);
    let room = address(&room_of(&flow));
    let client = Client::sign_in(&server, "boris");
    let about = |about: Value| json!({"flow": [{"uuid": flow}], "message": [{"text": "**now**, @boris <b>"}], "meta": {"about": about}});
    let called = about(json!({"format": 1, "mentions": [boris.id], "everyone": true}));
    ask(&mut anna, "send_message", &called).is(200);
    ask(&mut anna, "send_message", &about(json!({}))).is(200);
    let page = client.get(&format!("{room}/messages?dir=b&limit=2"));
    assert_eq!(
        page["chunk"][0]["content"],
        json!({"msgtype": "m.text", "body": "**now**, @boris <b>"})
    );
    let content = &page["chunk"][1]["content"];
    assert_eq!(content["body"], "**now**, @boris <b>");
    assert_eq!(content["format"], "org.matrix.custom.html");
    assert_eq!(
        content["formatted_body"],
        "<strong>now</strong>, <a href=\"https://matrix.to/#/@boris:example.org\">boris</a> &lt;b&gt;"
    );
    assert_eq!(
        content["m.mentions"],
        json!({"user_ids": ["@boris:example.org"], "room": true})
    );
}

#[test]
fn who_may_calls_everybody_in_the_room() {
    let server = server();
    let mut anna = server.register("anna");
    let mut people: Vec<_> = (0..20).map(|n| server.register(&format!("p{n}"))).collect();
    let flow = anna.group("G", &people[..19].iter().collect::<Vec<_>>());
    let room = address(&room_of(&flow));
    let [owner, member] = ["anna", "p0"].map(|login| Client::sign_in(&server, login));
    let call = |client: &Client<'_>, txn: &str| {
        let content = json!({"msgtype": "m.text", "body": "@room", "m.mentions": {"room": true}});
        client.send(&room, "m.room.message", txn, &content);
    };
    let mut called = || {
        let all = ask(&mut people[1], "all_flow", &Value::Null).is(200);
        all.data()["meta"]["unread_mentions"][&flow].clone()
    };
    call(&member, "1");
    assert_eq!(called(), 1);
    let add = json!({"user_id": "@p19:example.org"});
    owner.done("POST", &format!("{room}/invite"), &add);
    // In a large group not every member calls everybody. The message stays.
    call(&member, "2");
    assert_eq!(called(), 1);
    call(&owner, "1");
    assert_eq!(called(), 2);
    assert_eq!(owner.texts(&room).len(), 3);
}

#[test]
fn who_takes_a_reaction_of_another_back_does_so_for_both() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Family", &[&boris]);
    let room = address(&room_of(&flow));
    let [owner, client] = ["anna", "boris"].map(|login| Client::sign_in(&server, login));
    let id = owner.say(&room, "text", "1");
    let about = json!({"rel_type": "m.annotation", "event_id": id, "key": "👍"});
    let reaction = client.send(&room, "m.reaction", "1", &json!({"m.relates_to": about}));
    let mut reactions = || {
        let page = ask(
            &mut anna,
            "all_messages",
            &json!({"flow": [{"uuid": flow}]}),
        );
        let message = page.messages()[0]["uuid"].as_str().expect("an id");
        page.data()["meta"]["about"][message]["reactions"].clone()
    };
    assert_eq!(reactions()["👍"]["count"], 1);
    let path = format!("{room}/redact/{}/2", reaction.replace('$', "%24"));
    owner.done("PUT", &path, &json!({}));
    assert_eq!(reactions(), Value::Null);
}

#[test]
fn what_is_about_a_deleted_message_is_taken_back_with_it() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Family", &[&boris]);
    let room = address(&room_of(&flow));
    let client = Client::sign_in(&server, "boris");
    let message = anna.send(&flow, "text");
    let react = json!({"message": [{"uuid": message}], "meta": {"reaction": "👍", "on": true}});
    anna.ask("react", &react).is(200);
    anna.edit(&message, "other").is(200);
    anna.delete(&message).is(200);
    let page = client.get(&format!("{room}/messages?dir=b&limit=4"));
    let deletion = &page["chunk"][0];
    assert_eq!(deletion["type"], "m.room.redaction");
    for kind in ["m.room.message", "m.reaction"] {
        let list: Vec<_> = (events(&page["chunk"]).skip(1))
            .filter(|event| event["type"] == kind)
            .collect();
        assert!(!list.is_empty(), "{page:#}");
        for event in list {
            assert_eq!(event["content"], json!({}));
            let because = &event["unsigned"]["redacted_because"];
            assert_eq!(because["event_id"], deletion["event_id"], "{event:#}");
        }
    }
}
