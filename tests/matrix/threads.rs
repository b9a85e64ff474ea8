//! Threads and what refers to events: what is told with those, what is not read of them, what has notified.
#![expect(clippy::similar_names, reason = "what is told, and to whom")]

use serde_json::{Value, json};

use super::{Client, call, document, events, refused, room_of, server, together};

#[track_caller]
fn v1(client: &Client<'_>, path: &str) -> Value {
    let token = Some(client.token.as_str());
    let path = format!("v1/{path}");
    document(&call(client.server, token, "GET", &path, &Value::Null).is(200))
}

/// Says something about an event.
#[track_caller]
fn relate(client: &Client<'_>, room: &str, how: &str, (event, text): (&str, &str)) -> String {
    let about = json!({"rel_type": how, "event_id": event});
    let content = json!({"msgtype": "m.text", "body": text, "m.relates_to": about});
    client.send(room, "m.room.message", text, &content)
}

fn find<'a>(list: &'a Value, id: &str) -> &'a Value {
    let found = events(list).find(|event| event["event_id"] == id);
    found.unwrap_or_else(|| panic!("no {id} in {list:#}"))
}

#[test]
fn an_event_comes_with_its_thread_and_what_refers_to_it_wherever_it_is_read() {
    let server = server();
    let ([anna, boris, carol], room) = together(&server, ["anna", "boris", "carol"]);
    let root = anna.say(&room, "elephants", "0");
    relate(&boris, &room, "m.thread", (&root, "one"));
    let two = relate(&boris, &room, "m.thread", (&root, "two"));
    let three = relate(&carol, &room, "m.thread", (&root, "three"));
    let refers = relate(&boris, &room, "m.reference", (&root, "four"));
    let gone = relate(&boris, &room, "m.reference", (&root, "five"));
    for (event, by) in [(&three, &carol), (&gone, &boris)] {
        by.done("PUT", &format!("{room}/redact/{event}/r"), &json!({}));
    }
    let edit = json!({
        "msgtype": "m.text", "body": "* 2", "m.new_content": {"msgtype": "m.text", "body": "2"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": two},
    });
    let edit = boris.send(&room, "m.room.message", "e", &edit);
    let check = |event: &Value, is_own: bool| {
        let all = &event["unsigned"]["m.relations"];
        let thread = &all["m.thread"];
        assert_eq!(
            (&thread["count"], &thread["current_user_participated"]),
            (&json!(2), &json!(is_own)),
            "{event:#}"
        );
        let latest = &thread["latest_event"];
        assert_eq!(latest["event_id"], two);
        let newest = &latest["unsigned"]["m.relations"]["m.replace"]["event_id"];
        assert_eq!(newest, &json!(edit));
        assert_eq!(all["m.reference"], json!({"chunk": [{"event_id": refers}]}));
    };
    let search = json!({"search_categories": {"room_events": {"search_term": "elephants"}}});
    let id = root.clone();
    for (client, is_own) in [(&anna, true), (&boris, true), (&carol, false)] {
        let told = client.get("sync");
        let rooms = told["rooms"]["join"].as_object().expect("rooms");
        let timeline = &rooms.values().next().expect("one")["timeline"]["events"];
        check(find(timeline, &id), is_own);
        let page = client.get(&format!("{room}/messages?dir=b&limit=50"));
        check(find(&page["chunk"], &id), is_own);
        check(&client.get(&format!("{room}/event/{id}")), is_own);
        check(
            &client.get(&format!("{room}/context/{id}"))["event"],
            is_own,
        );
        let context = client.get(&format!("{room}/context/{two}?limit=20"));
        check(find(&context["events_before"], &id), is_own);
        check(
            find(&v1(client, &format!("{room}/threads"))["chunk"], &id),
            is_own,
        );
        let found = client.done("POST", "search", &search);
        let results = &found["search_categories"]["room_events"]["results"];
        check(&results[0]["result"], is_own);
        let mine = v1(client, &format!("{room}/threads?include=participated"));
        assert_eq!(events(&mine["chunk"]).count(), usize::from(is_own));
    }
}

#[test]
fn an_edit_and_a_redaction_in_a_thread_are_those_of_the_other_protocol_too() {
    let server = server();
    let mut carol = server.register("carol");
    let ([anna], room) = together(&server, ["anna"]);
    let body = json!({"user_id": "@carol:example.org"});
    anna.done("POST", &format!("{room}/invite"), &body);
    let flows = carol.ask("all_flow", &Value::Null).is(200);
    let flow = flows.flows()[0]["uuid"].as_str().expect("an id").to_owned();
    let root = anna.say(&room, "root", "0");
    for how in ["m.thread", "m.reference"] {
        let said = relate(&anna, &room, how, (&root, how));
        let edit = json!({
            "msgtype": "m.text", "body": "* better", "m.new_content": {"msgtype": "m.text", "body": "better"},
            "m.relates_to": {"rel_type": "m.replace", "event_id": said},
        });
        anna.send(
            &room,
            "m.room.message",
            &format!("edit {how}").replace(' ', "-"),
            &edit,
        );
        assert_eq!(carol.texts(&flow).last().expect("one"), "better");
        anna.done("PUT", &format!("{room}/redact/{said}/{how}"), &json!({}));
        assert_eq!(carol.texts(&flow).last().expect("one"), "Message deleted");
        let event = anna.get(&format!("{room}/event/{said}"));
        assert_eq!(event["content"], json!({}));
    }
    crate::deletion::gone(&server, &["better", "m.thread\""]);
}

#[test]
fn relations_of_relations_are_found_where_that_is_asked_for() {
    let server = server();
    let ([anna], room) = together(&server, ["anna"]);
    let root = anna.say(&room, "root", "0");
    let first = relate(&anna, &room, "m.thread", (&root, "a"));
    let second = relate(&anna, &room, "m.reference", (&first, "b"));
    let third = relate(&anna, &room, "m.reference", (&second, "c"));
    relate(&anna, &room, "m.reference", (&third, "d"));
    let about = json!({"rel_type": "m.annotation", "event_id": first, "key": "👍"});
    let liked = anna.send(&room, "m.reaction", "l", &json!({"m.relates_to": about}));
    let ids = |path: &str| -> Vec<String> {
        events(&v1(&anna, path)["chunk"])
            .map(|event| event["event_id"].as_str().expect("an id").to_owned())
            .collect()
    };
    let path = format!("{room}/relations/{root}");
    assert_eq!(ids(&path), std::slice::from_ref(&first));
    assert_eq!(
        ids(&format!("{path}?recurse=false")),
        std::slice::from_ref(&first)
    );
    let all = [liked.clone(), third.clone(), second.clone(), first.clone()];
    let told = v1(&anna, &format!("{path}?recurse=true"));
    assert_eq!(told["recursion_depth"], 3);
    assert_eq!(ids(&format!("{path}?recurse=true")), all);
    let forward = ids(&format!("{path}?recurse=true&dir=f"));
    assert_eq!(
        forward,
        [first.clone(), second.clone(), third, liked.clone()]
    );
    let only = ids(&format!("{path}/m.annotation/m.reaction?recurse=true"));
    assert_eq!(only, [liked]);
    // In pages.
    let page = v1(&anna, &format!("{path}?recurse=true&limit=3"));
    let next = page["next_batch"].as_str().expect("more");
    assert_eq!(
        ids(&format!("{path}?recurse=true&from={next}")),
        std::slice::from_ref(&first)
    );
    // What is taken back leads nowhere.
    anna.done("PUT", &format!("{room}/redact/{second}/r"), &json!({}));
    assert_eq!(ids(&format!("{path}?recurse=true")).len(), 2);
    let wrong = format!("v1/{path}?recurse=maybe");
    let wrong = call(&server, Some(&anna.token), "GET", &wrong, &Value::Null);
    refused(wrong, 400, "M_INVALID_PARAM");
}

#[test]
fn threads_and_search_leave_out_who_is_ignored() {
    let server = server();
    let ([anna, boris, carol], room) = together(&server, ["anna", "boris", "carol"]);
    let by_anna = anna.say(&room, "elephants of anna", "0");
    let by_boris = boris.say(&room, "elephants of boris", "0");
    let last = anna.say(&room, "elephants last", "1");
    let kept = relate(&carol, &room, "m.thread", (&by_anna, "a"));
    relate(&boris, &room, "m.thread", (&by_anna, "b"));
    relate(&carol, &room, "m.thread", (&by_boris, "c"));
    relate(&boris, &room, "m.thread", (&last, "d"));
    relate(&boris, &room, "m.reference", (&last, "e"));
    let ignored = json!({"ignored_users": {&boris.user: {}}});
    let list = format!("user/{}/account_data/m.ignored_user_list", anna.user);
    anna.done("PUT", &list, &ignored);

    let threads = &v1(&anna, &format!("{room}/threads"))["chunk"];
    assert_eq!(events(threads).count(), 2);
    let thread = &find(threads, &by_anna)["unsigned"]["m.relations"]["m.thread"];
    assert_eq!(
        (&thread["count"], &thread["latest_event"]["event_id"]),
        (&json!(1), &json!(kept))
    );
    // What others go on with stands there, but not what it began with.
    let begun = find(threads, &by_boris);
    assert_eq!(begun["content"], json!({}));
    assert_eq!(begun["unsigned"]["m.relations"]["m.thread"]["count"], 1);
    let event = anna.get(&format!("{room}/event/{last}"));
    assert!(event["unsigned"].get("m.relations").is_none(), "{event:#}");
    let search = json!({"search_categories": {"room_events": {"search_term": "elephants"}}});
    let found = anna.done("POST", "search", &search);
    let found = &found["search_categories"]["room_events"]["results"];
    let bodies: Vec<_> = events(found)
        .map(|it| it["result"]["content"]["body"].as_str().expect("a text"))
        .collect();
    assert_eq!(bodies, ["elephants last", "elephants of anna"]);
}

#[test]
fn what_is_not_read_is_counted_for_each_thread_where_that_is_asked_for() {
    let server = server();
    let ([anna, boris], room) = together(&server, ["anna", "boris"]);
    let filter = json!({"room": {"timeline": {"unread_thread_notifications": true}}});
    let counts = |is_asked: bool| {
        let filter = if is_asked {
            filter.to_string()
        } else {
            "{}".to_owned()
        };
        let filter: String = form_urlencoded(&filter);
        let told = anna.get(&format!("sync?filter={filter}"));
        let rooms = told["rooms"]["join"].as_object().expect("rooms");
        let room = rooms.values().next().expect("one").clone();
        let main = room["unread_notifications"]["notification_count"].clone();
        let threads = room.get("unread_thread_notifications").cloned();
        (main.as_i64().expect("a number"), threads)
    };
    let of = |counts: &[(&str, i64, i64)]| {
        let count = |(id, notify, highlight): &(&str, i64, i64)| {
            let count = json!({"notification_count": notify, "highlight_count": highlight});
            ((*id).to_owned(), count)
        };
        Some(Value::Object(counts.iter().map(count).collect()))
    };
    let read = |event: &str, thread: Option<&str>| {
        let body = thread.map_or_else(|| json!({}), |thread| json!({"thread_id": thread}));
        anna.done("POST", &format!("{room}/receipt/m.read/{event}"), &body);
    };
    let one = boris.say(&room, "one", "1");
    let two = boris.say(&room, "two", "2");
    read(&two, None);
    assert_eq!(counts(true), (0, of(&[])));
    let three = boris.say(&room, "three", "3");
    assert_eq!(counts(true), (1, of(&[])));
    assert_eq!(counts(false), (1, None));
    relate(&boris, &room, "m.thread", (&one, "a"));
    let content = json!({
        "msgtype": "m.text", "body": "look", "m.mentions": {"user_ids": [anna.user]},
        "m.relates_to": {"rel_type": "m.thread", "event_id": one},
    });
    let second = boris.send(&room, "m.room.message", "b", &content);
    let third = relate(&boris, &room, "m.thread", (&two, "c"));
    assert_eq!(counts(true), (1, of(&[(&one, 2, 1), (&two, 1, 0)])));
    assert_eq!(counts(false), (4, None));
    // What is outside of threads by itself.
    read(&three, Some("main"));
    assert_eq!(counts(true), (0, of(&[(&one, 2, 1), (&two, 1, 0)])));
    let four = boris.say(&room, "four", "4");
    read(&four, Some("main"));
    assert_eq!(counts(true), (0, of(&[(&one, 2, 1), (&two, 1, 0)])));
    // One thread by itself.
    read(&second, Some(&one));
    assert_eq!(counts(true), (0, of(&[(&two, 1, 0)])));
    relate(&boris, &room, "m.thread", (&one, "d"));
    assert_eq!(counts(true), (0, of(&[(&one, 1, 0), (&two, 1, 0)])));
    // Who writes there has read it.
    relate(&anna, &room, "m.thread", (&one, "e"));
    assert_eq!(counts(true), (0, of(&[(&two, 1, 0)])));
    // Everything.
    let last = relate(&boris, &room, "m.thread", (&one, "f"));
    read(&third, None);
    assert_eq!(counts(true).1, of(&[(&one, 1, 0)]));
    read(&last, None);
    assert_eq!(counts(true), (0, of(&[])));
}

/// The other protocol knows one mark: what is read there is read of every thread too, but what a client of
/// Matrix reads outside of threads is not.
#[test]
fn a_mark_of_the_other_protocol_is_of_all_threads() {
    let server = server();
    let (mut old, mut boris) = (server.register("anna"), server.register("boris"));
    let flow = boris.group("G", &[&old]);
    let room = super::address(&room_of(&flow));
    let [anna, writer] = ["anna", "boris"].map(|login| Client::sign_in(&server, login));
    let root = writer.say(&room, "root", "0");
    relate(&writer, &room, "m.thread", (&root, "a"));
    let filter = json!({"room": {"timeline": {"unread_thread_notifications": true}}});
    let filter = form_urlencoded(&filter.to_string());
    let threads = || {
        let told = anna.get(&format!("sync?filter={filter}"));
        let rooms = told["rooms"]["join"].as_object().expect("rooms");
        let room = rooms.values().next().expect("one");
        let threads = room["unread_thread_notifications"].as_object();
        threads.expect("some").len()
    };
    let last = writer.say(&room, "last", "1");
    let path = format!("{room}/receipt/m.read/{last}");
    anna.done("POST", &path, &json!({"thread_id": "main"}));
    assert_eq!(threads(), 1);
    relate(&writer, &room, "m.thread", (&root, "b"));
    let read = json!({"flow": [{"uuid": flow, "message_end": 3}]});
    old.ask("read_flow", &read).is(200);
    assert_eq!(threads(), 0);
}

#[test]
fn what_has_notified_is_listed_newest_first() {
    let server = server();
    let ([anna, boris], room) = together(&server, ["anna", "boris"]);
    let other = boris.create(&json!({"name": "H"}));
    let body = json!({"user_id": anna.user});
    boris.done("POST", &format!("{other}/invite"), &body);
    anna.done("POST", &format!("{other}/join"), &json!({}));
    let rule = json!({"actions": ["notify", {"set_tweak": "highlight"}], "pattern": "cake"});
    anna.done("PUT", "pushrules/global/content/cake", &rule);
    anna.say(&room, "mine", "0");
    let one = boris.say(&room, "one", "1");
    let cake = boris.say(&other, "cake", "2");
    let gone = boris.say(&room, "gone", "3");
    let notice = json!({"msgtype": "m.notice", "body": "notice"});
    boris.send(&room, "m.room.message", "4", &notice);
    let last = boris.say(&room, "last", "5");
    boris.done("PUT", &format!("{room}/redact/{gone}/6"), &json!({}));
    anna.done("POST", &format!("{room}/receipt/m.read/{one}"), &json!({}));
    let told = anna.get("notifications");
    assert!(told.get("next_token").is_none(), "{told:#}");
    // The oldest is the invitation.
    let (all, count) = (&told["notifications"], 4);
    assert_eq!(all[count - 1]["event"]["content"]["membership"], "invite");
    let seen: Vec<_> = events(all)
        .take(count - 1)
        .map(|it| (it["event"]["event_id"].clone(), it["read"].clone()))
        .collect();
    let expected = [(&last, false), (&cake, false), (&one, true)];
    assert_eq!(
        seen,
        expected.map(|(id, is_read)| (json!(id), json!(is_read)))
    );
    let first = &told["notifications"][1];
    assert_eq!(first["actions"], rule["actions"]);
    assert!(first["ts"].is_i64());
    let id = first["room_id"].as_str().expect("an id");
    assert_eq!(super::address(id), other);
    // In pages, and only what is highlighted.
    let mut paged = Vec::new();
    let mut path = "notifications?limit=1".to_owned();
    for _ in 0..10 {
        let told = anna.get(&path);
        paged.extend(events(&told["notifications"]).map(|it| it["event"]["event_id"].clone()));
        let Some(next) = told["next_token"].as_str() else {
            break;
        };
        path = format!("notifications?limit=1&from={next}");
    }
    assert_eq!(paged.len(), count);
    assert_eq!(paged[..count - 1], [&last, &cake, &one].map(|id| json!(id)));
    let only = anna.get("notifications?only=highlight");
    assert_eq!(events(&only["notifications"]).count(), 1);
    refused(
        anna.call("GET", "notifications?from=x", &Value::Null),
        400,
        "M_INVALID_PARAM",
    );
    // Of who is ignored nothing.
    let ignored = json!({"ignored_users": {&boris.user: {}}});
    let list = format!("user/{}/account_data/m.ignored_user_list", anna.user);
    anna.done("PUT", &list, &ignored);
    assert_eq!(anna.get("notifications")["notifications"], json!([]));
}

fn form_urlencoded(text: &str) -> String {
    text.bytes()
        .fold(String::new(), |all, byte| all + &format!("%{byte:02X}"))
}
