//! Making rooms, and who comes and goes.

use serde_json::{Value, json};

use super::{Client, address, events, people, refused, room_of, server, state};

#[test]
fn somebody_is_invited_joins_leaves_and_forgets() {
    let server = server();
    let [anna, boris] = people(&server, ["anna", "boris"]);
    let room = anna.create(&json!({"name": "Club", "topic": "About", "invite": [boris.user]}));
    let all = anna.get(&format!("{room}/state"));
    assert_eq!(state(&all, "m.room.name", "")["name"], "Club");
    assert_eq!(state(&all, "m.room.topic", "")["topic"], "About");
    assert_eq!(
        state(&all, "m.room.member", &boris.user)["membership"],
        "invite"
    );
    assert_eq!(boris.get("joined_rooms"), json!({"joined_rooms": []}));
    refused(
        boris.call("GET", &format!("{room}/state"), &Value::Null),
        403,
        "M_FORBIDDEN",
    );
    let joined = boris.done("POST", &room.replace("rooms/", "join/"), &json!({}));
    assert_eq!(address(joined["room_id"].as_str().expect("an id")), room);
    boris.done("POST", &format!("{room}/join"), &Value::Null);
    boris.say(&room, "here", "1");
    refused(
        boris.call("POST", &format!("{room}/forget"), &Value::Null),
        400,
        "M_UNKNOWN",
    );
    let again = json!({"user_id": boris.user});
    refused(
        anna.call("POST", &format!("{room}/invite"), &again),
        403,
        "M_FORBIDDEN",
    );
    boris.done("POST", &format!("{room}/leave"), &json!({}));
    boris.done("POST", &format!("{room}/leave"), &json!({}));
    anna.say(&room, "gone", "1");
    assert_eq!(boris.texts(&room), ["here"]);
    boris.done("POST", &format!("{room}/forget"), &json!({}));
    refused(
        boris.call("GET", &format!("{room}/state"), &Value::Null),
        403,
        "M_FORBIDDEN",
    );
    for (user, status, code) in [
        ("@nobody:example.org", 404, "M_NOT_FOUND"),
        ("@anna:elsewhere.org", 404, "M_NOT_FOUND"),
        ("nonsense", 404, "M_NOT_FOUND"),
    ] {
        let body = json!({"user_id": user});
        refused(
            anna.call("POST", &format!("{room}/invite"), &body),
            status,
            code,
        );
    }
}

#[test]
fn somebody_is_kicked_banned_and_let_back() {
    let server = server();
    let [anna, boris, carol] = people(&server, ["anna", "boris", "carol"]);
    let room = anna.create(&json!({"preset": "public_chat", "name": "All"}));
    for client in [&boris, &carol] {
        client.done("POST", &format!("{room}/join"), &json!({}));
    }
    let to = |who: &Client<'_>| json!({"user_id": who.user, "reason": "why"});
    refused(
        boris.call("POST", &format!("{room}/kick"), &to(&carol)),
        403,
        "M_FORBIDDEN",
    );
    anna.done("POST", &format!("{room}/kick"), &to(&boris));
    boris.done("POST", &format!("{room}/join"), &json!({}));
    anna.done("POST", &format!("{room}/ban"), &to(&boris));
    let all = anna.get(&format!("{room}/state"));
    let member = state(&all, "m.room.member", &boris.user);
    assert_eq!(
        (&member["membership"], &member["reason"]),
        (&json!("ban"), &json!("why"))
    );
    refused(
        boris.call("POST", &format!("{room}/join"), &json!({})),
        403,
        "M_FORBIDDEN",
    );
    refused(
        anna.call("POST", &format!("{room}/unban"), &to(&carol)),
        403,
        "M_FORBIDDEN",
    );
    anna.done("POST", &format!("{room}/unban"), &to(&boris));
    boris.done("POST", &format!("{room}/join"), &json!({}));
    let put = |client: &Client<'_>, who: &Client<'_>, membership: &str| {
        let path = format!("{room}/state/m.room.member/{}", who.user);
        client.call("PUT", &path, &json!({"membership": membership}))
    };
    put(&anna, &carol, "leave").is(200);
    refused(put(&anna, &carol, "join"), 403, "M_FORBIDDEN");
    put(&anna, &carol, "invite").is(200);
    put(&carol, &carol, "join").is(200);
    put(&carol, &carol, "leave").is(200);
}

#[test]
fn people_of_the_other_protocol_join_at_once() {
    let server = server();
    server.register("anna");
    let mut boris = server.register("boris");
    let anna = Client::sign_in(&server, "anna");
    let room = anna.create(&json!({"name": "Both", "invite": ["@boris:example.org"]}));
    let all = anna.get(&format!("{room}/state"));
    assert_eq!(
        state(&all, "m.room.member", "@boris:example.org")["membership"],
        "join"
    );
    anna.say(&room, "hello", "1");
    let flows = boris.ask("all_flow", &Value::Null).is(200);
    let flow = flows.flows()[0]["uuid"].as_str().expect("an id").to_owned();
    assert_eq!(address(&room_of(&flow)), room);
    assert_eq!(boris.texts(&flow), ["hello"]);
    boris
        .ask("leave_flow", &json!({"flow": [{"uuid": flow}]}))
        .is(200);
    let all = anna.get(&format!("{room}/state"));
    assert_eq!(
        state(&all, "m.room.member", "@boris:example.org")["membership"],
        "leave"
    );
}

#[test]
fn rooms_are_made_of_what_is_asked_for() {
    let server = server();
    let [anna, boris] = people(&server, ["anna", "boris"]);
    let make = |body: Value| anna.call("POST", "createRoom", &body);
    refused(
        make(json!({"room_version": "10"})),
        400,
        "M_UNSUPPORTED_ROOM_VERSION",
    );
    refused(make(json!({"name": 1})), 400, "M_BAD_JSON");
    refused(
        make(json!({"initial_state": [{"type": 1}]})),
        400,
        "M_INVALID_ROOM_STATE",
    );
    refused(
        make(json!({"invite": ["@nobody:example.org"]})),
        404,
        "M_NOT_FOUND",
    );
    let room = anna.create(&json!({
        "room_alias_name": "club", "preset": "public_chat", "room_version": "11",
        "initial_state": [{"type": "org.example.thing", "state_key": "k", "content": {"x": 1}}],
        "creation_content": {"org.example.made": "so"},
        "power_level_content_override": {"events_default": 50, "users": {(boris.user.clone()): 60}},
    }));
    refused(
        make(json!({"room_alias_name": "club"})),
        400,
        "M_ROOM_IN_USE",
    );
    boris.done("POST", "join/%23club:example.org", &json!({}));
    refused(
        boris.call("POST", "join/%23none:example.org", &json!({})),
        404,
        "M_NOT_FOUND",
    );
    let all = anna.get(&format!("{room}/state"));
    assert_eq!(state(&all, "org.example.thing", "k"), &json!({"x": 1}));
    assert_eq!(
        state(&all, "m.room.canonical_alias", "")["alias"],
        "#club:example.org"
    );
    assert_eq!(state(&all, "m.room.join_rules", "")["join_rule"], "public");
    let create = state(&all, "m.room.create", "");
    assert_eq!(
        (&create["org.example.made"], &create["room_version"]),
        (&json!("so"), &json!("11"))
    );
    assert_eq!(state(&all, "m.room.power_levels", "")["events_default"], 50);
    // One chat between two, told apart from groups.
    let chat = anna.create(&json!({"is_direct": true, "invite": [boris.user]}));
    let all = anna.get(&format!("{chat}/state"));
    assert_eq!(state(&all, "m.room.member", &boris.user)["is_direct"], true);
    let direct = anna.get("sync");
    let direct =
        super::events(&direct["account_data"]["events"]).find(|it| it["type"] == "m.direct");
    assert!(direct.expect("m.direct")["content"][&boris.user].is_array());
}

#[test]
fn events_say_what_their_reader_was_at_the_time() {
    let server = server();
    let [anna, boris] = people(&server, ["anna", "boris"]);
    let room = anna.create(&json!({"name": "Club"}));
    anna.say(&room, "before", "1");
    let body = json!({"user_id": boris.user});
    anna.done("POST", &format!("{room}/invite"), &body);
    anna.say(&room, "asked", "2");
    boris.done("POST", &format!("{room}/join"), &json!({}));
    let last = anna.say(&room, "there", "3");
    let was = |list: &Value| -> Vec<(String, String)> {
        events(list)
            .filter(|event| event["state_key"].is_null() || event["state_key"] == boris.user)
            .map(|event| {
                let said = &event["content"]["body"];
                let said = said.as_str().or(event["content"]["membership"].as_str());
                let was = event["unsigned"]["membership"].as_str();
                [said, was]
                    .map(|it| it.unwrap_or_default().to_owned())
                    .into()
            })
            .collect()
    };
    let expected = [
        ("before", "leave"),
        ("invite", "invite"),
        ("asked", "invite"),
        ("join", "join"),
        ("there", "join"),
    ];
    let expected = expected.map(|(said, was)| (said.to_owned(), was.to_owned()));
    let page = boris.get(&format!("{room}/messages?dir=f&limit=100"));
    assert_eq!(was(&page["chunk"]), expected);
    let told = boris.get("sync");
    let rooms = told["rooms"]["join"].as_object().expect("rooms");
    let news = rooms.values().next().expect("a room");
    assert_eq!(was(&news["timeline"]["events"])[..], expected);
    let alone = anna.get(&format!("{room}/event/{last}"));
    assert_eq!(alone["unsigned"]["membership"], "join");
}

#[test]
fn equals_stay_and_whoever_was_banned_is_let_back_by_either_way() {
    let server = server();
    let [anna, boris, carol] = people(&server, ["anna", "boris", "carol"]);
    let room = anna.create(&json!({
        "name": "Club", "preset": "trusted_private_chat", "invite": [boris.user],
    }));
    boris.done("POST", &format!("{room}/join"), &json!({}));
    for (client, other) in [(&anna, &boris), (&boris, &anna)] {
        for deed in ["kick", "ban"] {
            let body = json!({"user_id": other.user});
            let answer = client.call("POST", &format!("{room}/{deed}"), &body);
            refused(answer, 403, "M_FORBIDDEN");
        }
    }
    let to = json!({"user_id": carol.user});
    anna.done("POST", &format!("{room}/ban"), &to);
    let answer = anna.call("POST", &format!("{room}/invite"), &to);
    let told = refused(answer, 403, "M_FORBIDDEN");
    assert_eq!(told["error"], "the user is banned");
    // As state, leaving is what ends a ban too.
    let path = format!("{room}/state/m.room.member/{}", carol.user);
    anna.done("PUT", &path, &json!({"membership": "leave"}));
    let all = anna.get(&format!("{room}/state"));
    let member = state(&all, "m.room.member", &carol.user);
    assert_eq!(member["membership"], "leave");
    anna.done("POST", &format!("{room}/invite"), &to);
    carol.done("POST", &format!("{room}/join"), &json!({}));
}
