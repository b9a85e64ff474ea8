//! Chats: who leaves one by Matrix is out of the room, and the two of the chat stay as they are.
#![expect(clippy::similar_names, reason = "what is told, and to whom")]

use serde_json::{Value, json};

use super::{Client, address, events, refused, room_of, server, state};

/// What a follower is told of a room after a token: in which list it stands, and the next token.
fn told(client: &Client<'_>, room: &str, since: &str) -> (Option<&'static str>, Value, String) {
    let news = client.get(&format!("sync?since={since}"));
    let next = news["next_batch"].as_str().expect("a token").to_owned();
    for list in ["join", "leave", "invite"] {
        if news["rooms"][list].get(room).is_some() {
            return (Some(list), news["rooms"][list][room].clone(), next);
        }
    }
    (None, Value::Null, next)
}

fn bodies(room: &Value) -> Vec<&str> {
    events(&room["timeline"]["events"])
        .filter_map(|event| event["content"]["body"].as_str())
        .collect()
}

fn membership(client: &Client<'_>, room: &str, user: &str) -> Value {
    let all = client.get(&format!("{}/state", address(room)));
    state(&all, "m.room.member", user)["membership"].clone()
}

#[test]
fn who_leaves_a_chat_comes_back_with_the_next_message() {
    let server = server();
    let (mut anna, mut boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.add_flow("chat", "", &[&boris]);
    anna.send(&flow, "hello");
    let id = room_of(&flow);
    let room = address(&id);
    let [by_anna, by_boris] = ["anna", "boris"].map(|login| Client::sign_in(&server, login));
    let since = |client: &Client<'_>| {
        let told = client.get("sync");
        told["next_batch"].as_str().expect("a token").to_owned()
    };
    let (of_anna, of_boris) = (since(&by_anna), since(&by_boris));
    let flows = |person: &mut crate::common::Person| person.ask("all_flow", &json!({})).is(200);
    let before = [flows(&mut anna).flows(), flows(&mut boris).flows()].map(|it| json!(it));

    by_boris.done("POST", &format!("{room}/leave"), &json!({}));
    by_boris.done("POST", &format!("{room}/leave"), &json!({}));
    let (list, seen, of_boris) = told(&by_boris, &id, &of_boris);
    assert_eq!(list, Some("leave"), "{seen}");
    let (list, seen, of_anna) = told(&by_anna, &id, &of_anna);
    assert_eq!(list, Some("join"));
    let last = events(&seen["timeline"]["events"]).last().expect("one");
    assert_eq!(
        (&last["sender"], &last["content"]["membership"]),
        (&json!(by_boris.user), &json!("leave"))
    );
    assert_eq!(seen["summary"]["m.joined_member_count"], 1);
    assert_eq!(by_boris.get("joined_rooms"), json!({"joined_rooms": []}));
    let text = json!({"msgtype": "m.text", "body": "no"});
    refused(
        by_boris.call("PUT", &format!("{room}/send/m.room.message/1"), &text),
        403,
        "M_FORBIDDEN",
    );
    let direct = by_boris.get("sync");
    assert!(
        direct["rooms"]["join"].get(&id).is_none(),
        "{}",
        direct["rooms"]
    );
    assert!(!direct["account_data"].to_string().contains(&id));
    // Who has left reads it as it was.
    assert_eq!(by_boris.texts(&room), ["hello"]);
    // Another name of who has left is none of the room's business.
    let name = format!("profile/{}/displayname", by_boris.user);
    by_boris.done("PUT", &name, &json!({"displayname": "Boris"}));
    assert_eq!(membership(&by_anna, &id, &by_boris.user), "leave");

    // To clients of the other protocol the chat is what it was.
    for (person, before) in [&mut anna, &mut boris].into_iter().zip(&before) {
        let now = json!(flows(person).flows());
        assert_eq!(now[0]["users"], before[0]["users"]);
        assert_eq!(now.as_array().map(Vec::len), Some(1));
    }

    // Forgotten or not, a message brings it back.
    by_boris.done("POST", &format!("{room}/forget"), &json!({}));
    refused(
        by_boris.call("GET", &format!("{room}/messages?dir=b"), &Value::Null),
        403,
        "M_FORBIDDEN",
    );
    by_anna.say(&room, "again", "1");
    let (list, seen, of_boris) = told(&by_boris, &id, &of_boris);
    assert_eq!(list, Some("join"));
    assert_eq!(bodies(&seen), ["hello", "again"]);
    let (_, seen, of_anna) = told(&by_anna, &id, &of_anna);
    let kinds: Vec<_> = events(&seen["timeline"]["events"])
        .map(|event| (&event["type"], &event["sender"]))
        .collect();
    assert_eq!(
        kinds[kinds.len() - 2],
        (&json!("m.room.member"), &json!(by_boris.user))
    );
    assert_eq!(bodies(&seen), ["again"]);
    assert_eq!(membership(&by_anna, &id, &by_boris.user), "join");

    // Both go; a message of one by the other protocol brings both back.
    for client in [&by_anna, &by_boris] {
        client.done("POST", &format!("{room}/leave"), &json!({}));
    }
    let (list, _, of_boris) = told(&by_boris, &id, &of_boris);
    assert_eq!(list, Some("leave"));
    anna.send(&flow, "third");
    let (list, seen, _) = told(&by_boris, &id, &of_boris);
    assert_eq!((list, bodies(&seen).last()), (Some("join"), Some(&"third")));
    let (list, seen, _) = told(&by_anna, &id, &of_anna);
    assert_eq!((list, bodies(&seen).last()), (Some("join"), Some(&"third")));
    assert_eq!(boris.texts(&flow), ["hello", "again", "third"]);
}

#[test]
fn who_left_a_chat_comes_back_by_an_own_act_or_an_invitation() {
    let server = server();
    let (mut anna, mut boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.add_flow("chat", "", &[&boris]);
    let message = boris.send(&flow, "mine");
    let id = room_of(&flow);
    let room = address(&id);
    let [by_anna, by_boris] = ["anna", "boris"].map(|login| Client::sign_in(&server, login));
    let leave = || by_boris.done("POST", &format!("{room}/leave"), &json!({}));
    let is = |expected: &str| assert_eq!(membership(&by_anna, &id, &by_boris.user), expected);
    leave();
    is("leave");
    by_boris.done("POST", &format!("{room}/join"), &json!({}));
    is("join");
    leave();
    let invitation = json!({"user_id": by_boris.user});
    by_anna.done("POST", &format!("{room}/invite"), &invitation);
    is("join");
    refused(
        by_anna.call("POST", &format!("{room}/invite"), &invitation),
        403,
        "M_FORBIDDEN",
    );
    leave();
    // What the other does to old messages brings nobody back, what one does oneself does.
    let first = events(&by_anna.get(&format!("{room}/messages?dir=b"))["chunk"])
        .find(|event| event["content"]["body"] == "mine")
        .expect("it")["event_id"]
        .clone();
    let content =
        json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": first, "key": "👍"}});
    by_anna.send(&room, "m.reaction", "1", &content);
    is("leave");
    boris.edit(&message, "mine, edited").is(200);
    is("join");
    is("join");
}

#[test]
fn who_left_a_chat_is_still_out_after_a_time_without_matrix_unless_somebody_wrote() {
    let mut server = server();
    let (mut anna, boris, mut clara) = (
        server.register("anna"),
        server.register("boris"),
        server.register("clara"),
    );
    let flows = [
        anna.add_flow("chat", "", &[&boris]),
        clara.add_flow("chat", "", &[&boris]),
    ];
    anna.send(&flows[0], "hello");
    let by_boris = Client::sign_in(&server, "boris");
    for flow in &flows {
        let room = address(&room_of(flow));
        by_boris.done("POST", &format!("{room}/leave"), &json!({}));
    }
    server.set("matrix.enabled", "off");
    server.restart();
    server.sign_in("clara").send(&flows[1], "are you there?");
    server.set("matrix.enabled", "on");
    server.restart();
    for (login, flow, now) in [("anna", &flows[0], "leave"), ("clara", &flows[1], "join")] {
        let client = Client::sign_in(&server, login);
        let now_is = membership(&client, &room_of(flow), "@boris:example.org");
        assert_eq!(now_is, now, "{login}");
    }
    let joined = Client::sign_in(&server, "boris").get("joined_rooms");
    assert_eq!(joined, json!({"joined_rooms": [room_of(&flows[1])]}));
}

#[test]
fn the_end_of_an_account_leaves_its_chats() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.add_flow("chat", "", &[&boris]);
    anna.send(&flow, "hello");
    let id = room_of(&flow);
    let [by_anna, by_boris] = ["anna", "boris"].map(|login| Client::sign_in(&server, login));
    let user = by_boris.user.clone();
    server
        .command(["user", "remove", "boris", "--yes"])
        .run()
        .exits(0);
    assert_eq!(membership(&by_anna, &id, &user), "leave");
    assert_eq!(anna.texts(&flow), ["hello"]);
}
