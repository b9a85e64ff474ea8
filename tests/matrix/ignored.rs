//! People of whom somebody wants to read nothing.

use serde_json::{Value, json};

use super::{Client, events, people, refused, server, state};

/// What a client is told after a token, and with what it goes on.
#[track_caller]
fn sync(client: &Client<'_>, since: &str) -> (Value, String) {
    let told = client.get(&format!("sync?since={since}"));
    let next = told["next_batch"].as_str().expect("a token").to_owned();
    (told, next)
}

#[test]
fn nothing_comes_from_who_is_ignored_but_state() {
    let server = server();
    let [anna, boris, carol] = people(&server, ["anna", "boris", "carol"]);
    let room = anna.create(&json!({"name": "G"}));
    for other in [&boris, &carol] {
        let body = json!({"user_id": other.user});
        anna.done("POST", &format!("{room}/invite"), &body);
        other.done("POST", &format!("{room}/join"), &json!({}));
    }
    let since = anna.get("sync")["next_batch"]
        .as_str()
        .expect("a token")
        .to_owned();
    let list = format!("user/{}/account_data/m.ignored_user_list", anna.user);
    // The same name of another server is somebody else.
    let ignored = json!({"ignored_users": {&boris.user: {}, "@carol:elsewhere": {}, "x": {}}});
    anna.done("PUT", &list, &ignored);
    let (told, since) = sync(&anna, &since);
    let kept = json!([{"type": "m.ignored_user_list", "content": ignored}]);
    assert_eq!(told["account_data"]["events"], kept);

    let hidden = boris.say(&room, "from boris", "1");
    let shown = carol.say(&room, "from carol", "1");
    for other in [&boris, &carol] {
        let typing = json!({"typing": true, "timeout": 30_000});
        other.done("PUT", &format!("{room}/typing/{}", other.user), &typing);
        other.done(
            "POST",
            &format!("{room}/receipt/m.read/{shown}"),
            &json!({}),
        );
    }
    let name = json!({"displayname": "Bo"});
    boris.done("PUT", &format!("profile/{}/displayname", boris.user), &name);
    boris.create(&json!({"name": "By boris", "invite": [anna.user]}));
    let other = carol.create(&json!({"name": "By carol", "invite": [anna.user]}));
    let (told, since) = sync(&anna, &since);
    let rooms = told["rooms"]["join"].as_object().expect("rooms");
    let news = rooms.values().next().expect("a room");
    let timeline = &news["timeline"]["events"];
    let texts: Vec<_> = events(timeline)
        .filter(|event| event["type"] == "m.room.message")
        .map(|event| event["content"]["body"].clone())
        .collect();
    assert_eq!(texts, ["from carol"]);
    let member = state(timeline, "m.room.member", &boris.user);
    assert_eq!(member["displayname"], "Bo");
    assert_eq!(news["unread_notifications"]["notification_count"], 1);
    let passing = news["ephemeral"].to_string();
    assert!(passing.contains(&carol.user), "{passing}");
    assert!(!passing.contains(&boris.user), "{passing}");
    let invited: Vec<_> = told["rooms"]["invite"]
        .as_object()
        .expect("rooms")
        .keys()
        .map(|id| super::address(id))
        .collect();
    assert_eq!(invited, [other]);

    assert_eq!(anna.texts(&room), ["from carol"]);
    let around = anna.get(&format!("{room}/context/{shown}?limit=20"));
    assert!(!around["events_before"].to_string().contains("from boris"));
    let alone = anna.call("GET", &format!("{room}/event/{hidden}"), &Value::Null);
    refused(alone, 404, "M_NOT_FOUND");
    // To others it is there, and to the one who ignored once that is over.
    assert_eq!(carol.texts(&room), ["from boris", "from carol"]);
    anna.done("PUT", &list, &json!({"ignored_users": {}}));
    boris.say(&room, "again", "2");
    let (told, _) = sync(&anna, &since);
    assert!(told["rooms"]["join"].to_string().contains("again"));
    assert_eq!(anna.texts(&room), ["from boris", "from carol", "again"]);
}
