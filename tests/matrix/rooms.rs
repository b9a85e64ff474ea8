//! Conversations as rooms: those that the other protocol made, and state.

use serde_json::{Value, json};

use super::{Client, address, events, people, refused, room_of, server, state};
use crate::{about::listening, common::Server, push::told, roles::ask};

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn a_group_is_a_room_with_state_and_messages() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Family", &[&boris]);
    anna.send(&flow, "one");
    anna.send(&flow, "two");
    let client = Client::sign_in(&server, "boris");
    let id = room_of(&flow);
    assert_eq!(client.get("joined_rooms"), json!({"joined_rooms": [id]}));
    let room = address(&id);
    let all = client.get(&format!("{room}/state"));
    let create = state(&all, "m.room.create", "");
    assert_eq!(create, &json!({"room_version": "11", "m.federate": false}));
    assert_eq!(state(&all, "m.room.name", "")["name"], "Family");
    let levels = state(&all, "m.room.power_levels", "");
    assert_eq!(levels["users"], json!({"@anna:example.org": 100}));
    assert_eq!(levels["events_default"], 0);
    assert_eq!(state(&all, "m.room.join_rules", "")["join_rule"], "invite");
    let visible = state(&all, "m.room.history_visibility", "");
    assert_eq!(visible["history_visibility"], "shared");
    let member = state(&all, "m.room.member", "@boris:example.org");
    assert_eq!(
        (&member["membership"], &member["displayname"]),
        (&json!("join"), &json!("boris"))
    );
    let first = events(&all)
        .find(|it| it["type"] == "m.room.create")
        .expect("it");
    assert_eq!(first["sender"], "@anna:example.org");
    assert_eq!(
        client.get(&format!("{room}/state/m.room.name")),
        json!({"name": "Family"})
    );
    client.get(&format!("{room}/state/m.room.name/"));
    client.get(&format!("{room}/state/m.room.member/@anna:example.org"));
    refused(
        client.call("GET", &format!("{room}/state/m.room.topic"), &Value::Null),
        404,
        "M_NOT_FOUND",
    );
    let joined = client.get(&format!("{room}/joined_members"));
    assert_eq!(
        joined["joined"]["@anna:example.org"]["display_name"],
        "anna"
    );
    let members = client.get(&format!("{room}/members?membership=join"));
    assert_eq!(events(&members["chunk"]).count(), 2);
    let none = client.get(&format!("{room}/members?not_membership=join"));
    assert_eq!(events(&none["chunk"]).count(), 0);

    assert_eq!(client.texts(&room), ["one", "two"]);
    let page = client.get(&format!("{room}/messages?dir=b&limit=1"));
    let newest = &page["chunk"][0];
    assert_eq!(newest["room_id"], id);
    assert!(
        newest["event_id"].as_str().is_some_and(|it| it.len() == 33),
        "{newest}"
    );
    let end = page["end"].as_str().expect("more");
    let next = client.get(&format!("{room}/messages?dir=b&limit=1&from={end}"));
    assert_eq!(next["chunk"][0]["content"]["body"], "one");
    let event = newest["event_id"]
        .as_str()
        .expect("an id")
        .replace('$', "%24");
    assert_eq!(
        client.get(&format!("{room}/event/{event}"))["content"]["body"],
        "two"
    );
    let context = client.get(&format!("{room}/context/{event}?limit=4"));
    assert_eq!(context["event"]["content"]["body"], "two");
    assert_eq!(context["events_before"][0]["content"]["body"], "one");
    assert_eq!(context["events_after"], json!([]));

    // The whole room, forwards: it begins with how it was made, and no event comes twice.
    let mut from = String::new();
    let mut seen = Vec::new();
    for _ in 0..50 {
        let page = client.get(&format!("{room}/messages?dir=f&limit=2{from}"));
        seen.extend(events(&page["chunk"]).map(|it| it["event_id"].to_string()));
        let Some(end) = page["end"].as_str() else {
            break;
        };
        from = format!("&from={end}");
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
    assert!(count >= 9, "{count}");
    for wrong in [
        "dir=x",
        "dir=b&from=x1",
        "dir=b&from=t-1",
        "dir=b&from=t99999999",
        "dir=b&limit=x",
    ] {
        let path = format!("{room}/messages?{wrong}");
        refused(
            client.call("GET", &path, &Value::Null),
            400,
            "M_INVALID_PARAM",
        );
    }
    refused(
        client.call("GET", &format!("{room}/messages"), &Value::Null),
        400,
        "M_MISSING_PARAM",
    );
}

#[test]
fn strangers_do_not_learn_which_rooms_there_are() {
    let server = server();
    let mut anna = server.register("anna");
    server.register("carol");
    let flow = anna.group("Secret", &[]);
    let carol = Client::sign_in(&server, "carol");
    let there = address(&room_of(&flow));
    let not = address("!00000000000000000000000000000001:example.org");
    let text = json!({"msgtype": "m.text", "body": "x"});
    for (method, path) in [
        ("GET", "/state"),
        ("GET", "/state/m.room.name"),
        ("GET", "/members"),
        ("GET", "/joined_members"),
        ("GET", "/messages?dir=b"),
        ("GET", "/event/%24x"),
        ("GET", "/context/%24x"),
        ("PUT", "/send/m.room.message/1"),
        ("PUT", "/state/m.room.name"),
        ("PUT", "/redact/%24x/1"),
        ("POST", "/join"),
        ("POST", "/leave"),
        ("POST", "/forget"),
        ("POST", "/invite"),
        ("POST", "/receipt/m.read/%24x"),
    ] {
        let body = if method == "GET" { &Value::Null } else { &text };
        let answers = [&there, &not, "rooms/nonsense"].map(|room| {
            let answer = carol.call(method, &format!("{room}{path}"), body);
            refused(answer, 403, "M_FORBIDDEN")
        });
        assert_eq!(answers[0], answers[1], "{path}");
    }
}

#[test]
fn state_is_set_by_who_may_and_seen_by_both_protocols() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Old", &[&boris]);
    let room = address(&room_of(&flow));
    let (owner, member) = (
        Client::sign_in(&server, "anna"),
        Client::sign_in(&server, "boris"),
    );
    let name = format!("{room}/state/m.room.name");
    let first = owner.done("PUT", &name, &json!({"name": "New"}));
    let again = owner.done("PUT", &name, &json!({"name": "New"}));
    assert_eq!(first["event_id"], again["event_id"]);
    refused(
        member.call("PUT", &name, &json!({"name": "Mine"})),
        403,
        "M_FORBIDDEN",
    );
    assert_eq!(
        anna.page(&flow, None).is(200).flows()[0]["uuid"],
        flow.as_str()
    );
    let listed = anna.ask("all_flow", &Value::Null).is(200);
    let title = listed.flows().iter().find(|it| it["uuid"] == flow.as_str());
    assert_eq!(title.expect("the flow")["title"], "New");
    let data = json!({"flow": [{"uuid": flow, "title": "Newer"}]});
    anna.ask("edit_flow", &data).is(200);
    assert_eq!(member.get(&name), json!({"name": "Newer"}));
    owner.done(
        "PUT",
        &format!("{room}/state/m.room.topic"),
        &json!({"topic": "About"}),
    );
    owner.done(
        "PUT",
        &format!("{room}/state/org.example.thing/a%2Fb"),
        &json!({"x": 1}),
    );
    assert_eq!(
        member.get(&format!("{room}/state/org.example.thing/a%2Fb")),
        json!({"x": 1})
    );
    let visibility = format!("{room}/state/m.room.history_visibility");
    let joined = json!({"history_visibility": "joined"});
    refused(owner.call("PUT", &visibility, &joined), 403, "M_FORBIDDEN");
    let encryption = format!("{room}/state/m.room.encryption");
    let megolm = json!({"algorithm": "m.megolm.v1.aes-sha2"});
    refused(owner.call("PUT", &encryption, &megolm), 403, "M_FORBIDDEN");
    let alias = format!("{room}/state/m.room.canonical_alias");
    let nowhere = json!({"alias": "#nowhere:example.org"});
    refused(owner.call("PUT", &alias, &nowhere), 400, "M_BAD_ALIAS");
    let foreign = format!("{room}/state/org.example.mine/@boris:example.org");
    refused(owner.call("PUT", &foreign, &json!({})), 403, "M_FORBIDDEN");
    let fraction = format!("{room}/state/org.example.thing");
    refused(
        owner.call("PUT", &fraction, &json!({"x": 1.5})),
        400,
        "M_BAD_JSON",
    );

    // Levels: a moderator may rename, and gives nobody more than that.
    let levels = format!("{room}/state/m.room.power_levels");
    let mut content = owner.get(&levels);
    content["users"]["@boris:example.org"] = json!(50);
    owner.done("PUT", &levels, &content);
    member.done("PUT", &name, &json!({"name": "Mine"}));
    content["users"]["@boris:example.org"] = json!(100);
    refused(member.call("PUT", &levels, &content), 403, "M_FORBIDDEN");
    content["users"]["@boris:example.org"] = json!("50");
    refused(owner.call("PUT", &levels, &content), 400, "M_BAD_JSON");
}

#[test]
fn flows_from_before_are_rooms_and_what_happened_meanwhile_is_told() {
    let mut server = Server::start();
    let (mut anna, mut boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Before", &[&boris]);
    anna.send(&flow, "old");
    let room = address(&room_of(&flow));
    server.set("matrix.server_name", "example.org");
    let ids = |client: &Client<'_>| {
        let all = client.get(&format!("{room}/state"));
        let mut ids: Vec<_> = events(&all).map(|it| it["event_id"].to_string()).collect();
        ids.sort();
        ids
    };
    server.set("matrix.enabled", "on");
    server.restart();
    let client = Client::sign_in(&server, "anna");
    assert_eq!(client.texts(&room), ["old"]);
    let all = client.get(&format!("{room}/state"));
    assert_eq!(state(&all, "m.room.name", "")["name"], "Before");
    assert_eq!(
        state(&all, "m.room.member", "@boris:example.org")["membership"],
        "join"
    );
    let before = ids(&client);
    server.restart();
    assert_eq!(ids(&Client::sign_in(&server, "anna")), before);

    // Nobody keeps events while it is off; what is then said is right all the same.
    server.set("matrix.enabled", "off");
    server.restart();
    (anna, boris) = (server.sign_in("anna"), server.sign_in("boris"));
    let rename = json!({"flow": [{"uuid": flow, "title": "After"}]});
    anna.ask("edit_flow", &rename).is(200);
    boris
        .ask("leave_flow", &json!({"flow": [{"uuid": flow}]}))
        .is(200);
    anna.send(&flow, "new");
    server.set("matrix.enabled", "on");
    server.restart();
    let client = Client::sign_in(&server, "anna");
    let all = client.get(&format!("{room}/state"));
    assert_eq!(state(&all, "m.room.name", "")["name"], "After");
    assert_eq!(
        state(&all, "m.room.member", "@boris:example.org")["membership"],
        "leave"
    );
    assert_eq!(client.texts(&room), ["old", "new"]);
}

#[test]
fn a_chat_has_no_name_and_both_may_do_everything() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.add_flow("chat", "Never shown", &[&boris]);
    anna.send(&flow, "hello");
    let client = Client::sign_in(&server, "boris");
    let room = address(&room_of(&flow));
    let all = client.get(&format!("{room}/state"));
    assert!(events(&all).all(|it| it["type"] != "m.room.name"), "{all}");
    let levels = &state(&all, "m.room.power_levels", "")["users"];
    assert_eq!(
        levels,
        &json!({"@anna:example.org": 100, "@boris:example.org": 100})
    );
    for user in ["anna", "boris"] {
        let member = state(&all, "m.room.member", &format!("@{user}:example.org"));
        assert_eq!(member["is_direct"], true);
    }
    let told = client.get("sync");
    let direct = events(&told["account_data"]["events"]).find(|it| it["type"] == "m.direct");
    let rooms = &direct.expect("m.direct")["content"]["@anna:example.org"];
    assert_eq!(rooms, &json!([room_of(&flow)]));
}

#[test]
fn state_counts_as_messages_do() {
    let server = Server::with(&[
        ("matrix.enabled", "on"),
        ("matrix.server_name", "example.org"),
        ("limits.messages_per_minute", "3"),
    ]);
    let mut anna = server.register("anna");
    let room = address(&room_of(&anna.group("Club", &[])));
    let client = Client::sign_in(&server, "anna");
    for nth in 0..3 {
        let path = format!("{room}/state/org.example.note/{nth}");
        client.call("PUT", &path, &json!({"n": nth})).is(200);
    }
    for place in ["org.example.note/more", "m.room.power_levels"] {
        let path = format!("{room}/state/{place}");
        let content = json!({"users": {"@anna:example.org": 100}});
        refused(client.call("PUT", &path, &content), 429, "M_LIMIT_EXCEEDED");
    }
}

#[test]
fn what_state_was_before_names_people_by_whole_ids() {
    let server = server();
    server.register("anna");
    let client = Client::sign_in(&server, "anna");
    let room = client.create(&json!({"name": "Club"}));
    let path = format!("{room}/state/m.room.power_levels");
    let mut levels = client.get(&path);
    let before = levels.clone();
    levels["ban"] = json!(60);
    client.done("PUT", &path, &levels);
    let page = client.get(&format!("{room}/messages?dir=b&limit=1"));
    assert_eq!(page["chunk"][0]["content"], levels);
    assert_eq!(page["chunk"][0]["unsigned"]["prev_content"], before);
}

#[test]
fn levels_are_pushed_to_the_other_protocol() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Club", &[&boris]);
    let client = Client::sign_in(&server, "anna");
    let path = format!("{}/state/m.room.power_levels", address(&room_of(&flow)));
    let mut live = listening(&server, &boris);
    let mut levels = client.get(&path);
    levels["users"][&client.user] = json!(50);
    levels["users"]["@boris:example.org"] = json!(60);
    levels["events_default"] = json!(50);
    client.done("PUT", &path, &levels);
    let pushed = told(&mut live);
    let flow = &pushed.flows()[0];
    assert_eq!(
        (&flow["owner"], &flow["type"]),
        (&json!(boris.id), &json!("channel"))
    );
    let happened = pushed.data()["meta"]["events"].as_array().expect("events");
    let kinds: Vec<_> = happened.iter().map(|it| it["kind"].as_str()).collect();
    assert_eq!(kinds, ["level", "level", "owner"].map(Some), "{pushed}");
}

#[test]
fn what_stays_of_state_that_is_taken_back_and_how_large_it_may_be() {
    let server = server();
    let [anna] = people(&server, ["anna"]);
    let room = anna.create(&json!({"name": "Club"}));
    let rules = json!({"join_rule": "restricted", "allow": [{"type": "x"}], "org.example": 1});
    let mut levels = anna.get(&format!("{room}/state/m.room.power_levels"));
    let plain = levels.clone();
    levels["notifications"] = json!({"room": 20});
    levels["org.example"] = json!("x");
    let left = json!({"join_rule": "restricted", "allow": [{"type": "x"}]});
    for (kind, content, left) in [
        ("m.room.join_rules", &rules, &left),
        ("m.room.power_levels", &levels, &plain),
    ] {
        let set = anna.done("PUT", &format!("{room}/state/{kind}"), content);
        let id = set["event_id"].as_str().expect("an id");
        anna.done("PUT", &format!("{room}/redact/{id}/{kind}"), &json!({}));
        let event = anna.get(&format!("{room}/event/{id}"));
        assert_eq!(&event["content"], left);
    }
    // Type, key and content are at most 64 KiB together.
    let key = "k".repeat(200);
    let path = format!("{room}/state/org.example/{key}");
    let of = |bytes: usize| json!({"x": "y".repeat(bytes - r#"{"x":""}"#.len())});
    let most = 64 * 1024 - "org.example".len() - key.len();
    refused(anna.call("PUT", &path, &of(most + 1)), 413, "M_TOO_LARGE");
    anna.done("PUT", &path, &of(most));
}

#[test]
fn nobody_takes_the_level_of_an_equal_by_the_other_protocol_either() {
    let server = server();
    let (mut anna, mut boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("G", &[&boris]);
    let client = Client::sign_in(&server, "anna");
    let path = format!("{}/state/m.room.power_levels", address(&room_of(&flow)));
    let mut levels = client.get(&path);
    levels["users"]["@boris:example.org"] = json!(100);
    client.done("PUT", &path, &levels);
    let lower = json!({"flow": [{"uuid": flow}], "meta": {"levels": {&anna.id: 0}}});
    ask(&mut boris, "edit_flow", &lower).is(403);
    let take = json!({"flow": [{"uuid": flow, "owner": boris.id}]});
    ask(&mut boris, "edit_flow", &take).is(403);
    assert_eq!(client.get(&path), levels);
    // The owner lowers nobody who is as high, and hands over.
    let lower = json!({"flow": [{"uuid": flow}], "meta": {"levels": {&boris.id: 0}}});
    ask(&mut anna, "edit_flow", &lower).is(403);
    ask(&mut anna, "edit_flow", &take).is(200);
    let users = client.get(&path)["users"].clone();
    assert_eq!(users, json!({"@boris:example.org": 100}));
}
