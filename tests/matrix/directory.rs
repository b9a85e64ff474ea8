//! Names of rooms, the directory, finding people.

use serde_json::{Value, json};

use super::{people, refused, server};

#[test]
fn rooms_have_names_that_their_makers_take_away() {
    let server = server();
    let [anna, boris, carol] = people(&server, ["anna", "boris", "carol"]);
    let room = anna.create(&json!({"name": "G"}));
    anna.done(
        "POST",
        &format!("{room}/invite"),
        &json!({"user_id": boris.user}),
    );
    boris.done("POST", &format!("{room}/join"), &json!({}));
    let id = room
        .strip_prefix("rooms/")
        .expect("a room")
        .replace("%21", "!")
        .replace("%3A", ":");
    let path = |name: &str| format!("directory/room/%23{name}%3Aexample.org");
    boris.done("PUT", &path("cats"), &json!({"room_id": id}));
    refused(
        anna.call("PUT", &path("cats"), &json!({"room_id": id})),
        409,
        "M_UNKNOWN",
    );
    refused(
        carol.call("PUT", &path("dogs"), &json!({"room_id": id})),
        403,
        "M_FORBIDDEN",
    );
    assert_eq!(carol.get(&path("cats"))["room_id"], json!(id));
    assert_eq!(
        anna.get(&format!("{room}/aliases")),
        json!({"aliases": ["#cats:example.org"]})
    );
    refused(
        carol.call("GET", &format!("{room}/aliases"), &Value::Null),
        403,
        "M_FORBIDDEN",
    );
    refused(
        carol.call("DELETE", &path("cats"), &Value::Null),
        403,
        "M_FORBIDDEN",
    );
    anna.done("DELETE", &path("cats"), &Value::Null);
    refused(
        anna.call("GET", &path("cats"), &Value::Null),
        404,
        "M_NOT_FOUND",
    );
}

#[test]
fn rooms_are_found_that_are_published_and_people_as_in_the_other_protocol() {
    let server = server();
    let [anna, boris] = people(&server, ["anna", "boris"]);
    let open = json!({"name": "Cats", "topic": "purring", "visibility": "public", "preset": "public_chat", "room_alias_name": "cats"});
    let room = anna.create(&open);
    anna.create(&json!({"name": "Hidden"}));
    let told = boris.get("publicRooms");
    assert_eq!(told["total_room_count_estimate"], 1);
    let found = &told["chunk"][0];
    assert_eq!(
        (
            &found["name"],
            &found["canonical_alias"],
            &found["join_rule"],
            &found["num_joined_members"]
        ),
        (
            &json!("Cats"),
            &json!("#cats:example.org"),
            &json!("public"),
            &json!(1)
        )
    );
    let search = |words: &str| {
        let body = json!({"filter": {"generic_search_term": words}});
        boris.done("POST", "publicRooms", &body)["chunk"]
            .as_array()
            .map(Vec::len)
    };
    assert_eq!((search("PURR"), search("dog")), (Some(1), Some(0)));
    let id = room.strip_prefix("rooms/").expect("a room");
    let path = format!("directory/list/room/{id}");
    assert_eq!(boris.get(&path), json!({"visibility": "public"}));
    refused(
        boris.call("PUT", &path, &json!({"visibility": "private"})),
        403,
        "M_FORBIDDEN",
    );
    anna.done("PUT", &path, &json!({"visibility": "private"}));
    assert_eq!(boris.get("publicRooms")["chunk"], json!([]));
    let found = boris.done(
        "POST",
        "user_directory/search",
        &json!({"search_term": "ann"}),
    );
    assert_eq!(
        found,
        json!({"results": [{"user_id": anna.user, "display_name": "anna"}], "limited": false})
    );
}
