//! What a member can make grow about one event, and how much of it others pay for.

use rusqlite::named_params;
use serde_json::{Value, json};

use super::{Client, call, document, events, people, server};
use crate::common::Server;

/// Events that are put beside one, more than anything counts.
const MANY: i64 = 6_000;

/// The beginning of the log, where those have room.
const ROOM: i64 = 10_000;

/// A room in which many events are about one, and its people after the server was away meanwhile.
struct Crowd {
    room: String,
    root: String,
    people: [(String, String); 2],
}

impl Crowd {
    /// Puts many like one event by the second of the people beside it, without taking the way of clients.
    fn gather(server: &mut Server, how: &str, many: i64) -> Self {
        let [anna, boris] = people(server, ["anna", "boris"]);
        let room = anna.create(&json!({"name": "G"}));
        let body = json!({"user_id": boris.user});
        anna.done("POST", &format!("{room}/invite"), &body);
        boris.done("POST", &format!("{room}/join"), &json!({}));
        let begun = anna.say(&room, "root", "0");
        let first = about(&boris, &room, how, &begun, "first");
        let people = [&anna, &boris].map(|it| (it.user.clone(), it.token.clone()));
        server.stop();
        let file = rusqlite::Connection::open(server.database()).expect("the file");
        file.execute(
            "INSERT INTO properties (name, value) VALUES ('position_floor', :floor)
             ON CONFLICT DO UPDATE SET value = excluded.value",
            named_params! {":floor": ROOM},
        )
        .expect("changed");
        let added = file
            .execute(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many)
                 INSERT INTO room_events (flow_id, position, part, uuid, sender_id, type, content, at, target, relation)
                 SELECT flow_id, 1000 + i, 0, randomblob(16), sender_id, type, content, at, target, relation
                 FROM room_events, n WHERE lower(hex(uuid)) = :first",
                named_params! {":many": many, ":first": first.trim_start_matches('$')},
            )
            .expect("added");
        assert_eq!(i64::try_from(added), Ok(many));
        drop(file);
        server.serve();
        Self {
            room,
            root: begun,
            people,
        }
    }

    fn people<'a>(&self, server: &'a Server) -> [Client<'a>; 2] {
        self.people.clone().map(|(user, token)| Client {
            server,
            user,
            token,
            device: String::new(),
        })
    }
}

/// Says something about an event.
fn about(client: &Client<'_>, room: &str, how: &str, event: &str, text: &str) -> String {
    let about = json!({"rel_type": how, "event_id": event});
    let content = json!({"msgtype": "m.text", "body": text, "m.relates_to": about});
    client.send(room, "m.room.message", text, &content)
}

fn v1(client: &Client<'_>, path: &str) -> Value {
    let path = format!("v1/{path}");
    document(
        &call(
            client.server,
            Some(&client.token),
            "GET",
            &path,
            &Value::Null,
        )
        .is(200),
    )
}

#[test]
fn of_a_thread_so_many_are_counted_and_the_newest_is_told() {
    let mut server = server();
    let crowd = Crowd::gather(&mut server, "m.thread", MANY);
    let [anna, boris] = crowd.people(&server);
    let (room, begun) = (&crowd.room, &crowd.root);
    let last = about(&boris, room, "m.thread", begun, "last");
    let check = |event: &Value| {
        let thread = &event["unsigned"]["m.relations"]["m.thread"];
        assert_eq!(thread["count"], 5_000);
        assert_eq!(thread["latest_event"]["event_id"], last);
    };
    check(&anna.get(&format!("{room}/event/{begun}")));
    let threads = v1(&anna, &format!("{room}/threads"));
    check(&threads["chunk"][0]);
    // What is not read is looked through as far as in any room.
    let filter = json!({"room": {"timeline": {"unread_thread_notifications": true, "limit": 1}}});
    let filter: String = form_urlencoded::byte_serialize(filter.to_string().as_bytes()).collect();
    let told = anna.get(&format!("sync?filter={filter}"));
    let rooms = told["rooms"]["join"].as_object().expect("rooms");
    let news = rooms.values().next().expect("the room");
    let unread = &news["unread_thread_notifications"][begun]["notification_count"];
    assert_eq!(unread, 1_000);
    let told = anna.get("sync");
    let rooms = told["rooms"]["join"].as_object().expect("rooms");
    let news = rooms.values().next().expect("the room");
    assert_eq!(news["unread_notifications"]["notification_count"], 1_000);
}

#[test]
fn of_what_refers_to_an_event_the_first_are_told_and_pages_end() {
    let mut server = server();
    let crowd = Crowd::gather(&mut server, "m.reference", MANY);
    let [anna, boris] = crowd.people(&server);
    let (room, begun) = (&crowd.room, &crowd.root);
    about(&boris, room, "m.reference", begun, "last");
    let event = anna.get(&format!("{room}/event/{begun}"));
    let told = &event["unsigned"]["m.relations"]["m.reference"]["chunk"];
    assert_eq!(events(told).count(), 100);
    let pages = |recurse: bool| -> usize {
        let (mut from, mut found) = (String::new(), 0);
        for _ in 0..100 {
            let path = format!("{room}/relations/{begun}?limit=100&recurse={recurse}{from}");
            let page = v1(&anna, &path);
            let count = events(&page["chunk"]).count();
            assert!(count <= 100, "{count}");
            found += count;
            let Some(next) = page["next_batch"].as_str() else {
                return found;
            };
            from = format!("&from={next}");
        }
        panic!("the pages have no end");
    };
    assert_eq!(i64::try_from(pages(false)), Ok(MANY + 2));
    assert_eq!(pages(true), 5_000);
}
