//! What a message says besides its words: what it answers, whom it mentions, how it is written,
//! where it comes from.

use serde_json::{Value, json};

use crate::{
    common::{Person, Reply, Server},
    push::{subscribe, told},
};

const NOTHING: Value = Value::Null;

/// Sends a request that accepts `rich`.
#[track_caller]
pub(crate) fn rich(person: &mut Person, method: &str, data: &Value) -> Reply {
    person.ask_with_meta(method, data, &json!({"accept": ["rich"]}))
}

/// Listens in the rich form on a connection of its own.
#[track_caller]
pub(crate) fn listening(server: &Server, person: &Person) -> Person {
    let mut live = person.on(server.connect());
    rich(&mut live, "subscribe", &NOTHING).is(200);
    live
}

/// Sends a text with something about it, and returns the answer.
#[track_caller]
pub(crate) fn say(person: &mut Person, flow: &str, text: Option<&str>, about: &Value) -> Reply {
    let mut message = json!({});
    if let Some(text) = text {
        message["text"] = json!(text);
    }
    let data = json!({"flow": [{"uuid": flow}], "message": [message], "meta": {"about": about}});
    rich(person, "send_message", &data)
}

/// The id of the message in an answer.
#[track_caller]
pub(crate) fn id(reply: &Reply) -> String {
    let id = reply.messages()[0]["uuid"].as_str();
    id.expect("an id").to_owned()
}

/// What an answer or a push tells about a message.
pub(crate) fn about(reply: &Reply, id: &str) -> Value {
    reply.data()["meta"]["about"][id].clone()
}

/// What the history of a flow tells about a message.
#[track_caller]
pub(crate) fn about_in_history(person: &mut Person, flow: &str, id: &str) -> Value {
    let page = rich(person, "all_messages", &json!({"flow": [{"uuid": flow}]}));
    about(&page, id)
}

#[test]
fn an_answer_quotes_what_it_answers() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let mut plain = boris.on(server.connect());
    subscribe(&mut plain);
    let mut live = listening(&server, &boris);
    let long = "ж".repeat(300);
    let first = anna.send(&group, &long);
    let answer = say(
        &mut anna,
        &group,
        Some("indeed"),
        &json!({"reply": {"uuid": first}}),
    )
    .is(200);
    let second = id(&answer);
    let quote = json!({"reply": {
        "uuid": first, "number": 0, "from_user": anna.id, "text": "ж".repeat(200),
    }});
    assert_eq!(about(&answer, &second), quote);
    assert_eq!(about_in_history(&mut boris, &group, &second), quote);
    told(&mut live);
    assert_eq!(about(&told(&mut live), &second), quote);
    let updates = rich(&mut boris, "get_update", &json!({"meta": {"after": 0}})).is(200);
    assert_eq!(about(&updates, &second), quote);
    told(&mut plain);
    let seen = told(&mut plain);
    assert_eq!(seen.texts(), ["indeed"]);
    assert_eq!(seen.data()["meta"], json!({"numbers": {&second: 1}}));

    // An edit keeps what it answers; what is deleted does not live on in quotes.
    let edit = json!({"message": [{"uuid": second, "text": "quite"}]});
    boris.ask("edited_message", &edit).is(403);
    anna.ask("edited_message", &edit).is(200);
    assert_eq!(about(&told(&mut live), &second), quote);
    anna.delete(&first).is(200);
    assert_eq!(
        about_in_history(&mut boris, &group, &second),
        json!({"reply": {"uuid": first, "gone": true}})
    );
    // Nobody answers it any more, nor what is somewhere else.
    let other = anna.group("Other", &[]);
    let elsewhere = anna.send(&other, "here");
    for gone in [first.as_str(), &elsewhere, "12345678901234567890123456"] {
        let reply = json!({"reply": {"uuid": gone}});
        say(&mut anna, &group, Some("x"), &reply).is(404);
    }
}

#[test]
fn a_quote_tells_of_files_and_of_messages_that_retention_took() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let picture = json!({"flow": [{"uuid": group}], "message": [{"file_video": "iVBO"}]});
    let film = id(&anna.ask("send_message", &picture).is(200));
    let reply = say(
        &mut anna,
        &group,
        Some("x"),
        &json!({"reply": {"uuid": film}}),
    );
    let quote = about(&reply, &id(&reply))["reply"].clone();
    assert_eq!(quote["kind"], json!("video"));
    assert!(quote["text"].is_null());
}

#[test]
fn mentions_count_until_they_are_read() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let clara = server.register("clara");
    let group = anna.group("G", &[&boris]);
    let mut live = listening(&server, &boris);
    let mentioned = |boris: &mut Person| {
        let all = rich(boris, "all_flow", &NOTHING).is(200);
        all.data()["meta"]["unread_mentions"][&group].clone()
    };
    assert_eq!(mentioned(&mut boris), NOTHING);
    // Who is not a member is dropped without a word.
    let about_it = json!({"mentions": [boris.id, clara.id, "7", boris.id], "format": 1});
    let sent = say(&mut anna, &group, Some("@boris **look**"), &about_it).is(200);
    let first = id(&sent);
    let kept = json!({"format": 1, "mentions": [boris.id]});
    assert_eq!(about(&sent, &first), kept);
    assert_eq!(about(&told(&mut live), &first), kept);
    say(&mut anna, &group, Some("all"), &json!({"everyone": true})).is(200);
    let both = json!({"everyone": true, "mentions": [boris.id]});
    let third = id(&say(&mut anna, &group, Some("both"), &both).is(200));
    assert_eq!(mentioned(&mut boris), json!(3), "each once");
    told(&mut live);
    told(&mut live);
    let read = |end: u64| json!({"flow": [{"uuid": group, "message_end": end}]});
    boris.ask("read_flow", &read(0)).is(200);
    let marks = told(&mut live).data()["meta"].clone();
    let expected =
        json!({"read": {&group: 0}, "unread": {&group: 2}, "unread_mentions": {&group: 2}});
    assert_eq!(marks, expected);
    anna.delete(&third).is(200);
    assert_eq!(
        mentioned(&mut boris),
        json!(1),
        "what is deleted mentions nobody"
    );
    boris.ask("read_flow", &read(2)).is(200);
    assert_eq!(mentioned(&mut boris), NOTHING);

    // An edit of the text keeps the rest, and changes what it names.
    let edit = |about: Value| json!({"message": [{"uuid": first}], "meta": {"about": about}});
    anna.ask(
        "edited_message",
        &edit(json!({"mentions": [], "everyone": true})),
    )
    .is(200);
    let now = about_in_history(&mut anna, &group, &first);
    assert_eq!(now, json!({"format": 1, "everyone": true}));
    anna.ask(
        "edited_message",
        &edit(json!({"format": 0, "everyone": false})),
    )
    .is(200);
    assert_eq!(about_in_history(&mut anna, &group, &first), NOTHING);
    anna.ask("edited_message", &edit(json!({}))).is(400);
    let reply = edit(json!({"reply": {"uuid": third}}));
    anna.ask("edited_message", &reply).is(400);
}

#[test]
fn everyone_is_for_the_owner_and_moderators_in_large_groups() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut people: Vec<Person> = (0..20).map(|n| server.register(&format!("p{n}"))).collect();
    let group = anna.group("G", &people[..19].iter().collect::<Vec<_>>());
    let everyone = json!({"everyone": true});
    say(&mut people[0], &group, Some("20"), &everyone).is(200);
    let add = json!({"flow": [{"uuid": group}], "meta": {"add": [people[19].id]}});
    anna.ask("edit_flow", &add).is(200);
    let refused = say(&mut people[0], &group, Some("21"), &everyone).is(403);
    assert_eq!(refused.refusal()["key"], json!("not_for_everyone"));
    say(&mut anna, &group, Some("21"), &everyone).is(200);
    let many: Vec<&str> = vec![&people[0].id; 51];
    let refused = say(&mut anna, &group, Some("x"), &json!({"mentions": many})).is(403);
    assert_eq!(refused.refusal()["key"], json!("too_many_mentions"));
}

#[test]
fn a_forward_names_the_first_author_and_copies_nothing_twice() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let source = anna.group("Source", &[&boris]);
    let target = boris.group("Target", &[&anna]);
    let picture = json!({"text": "**so**", "file_picture": "iVBORw0KGgo="});
    let data =
        json!({"flow": [{"uuid": source}], "message": [picture], "meta": {"about": {"format": 1}}});
    let original = id(&anna.ask("send_message", &data).is(200));
    let mut plain = anna.on(server.connect());
    subscribe(&mut plain);
    let forward = |uuid: &str| json!({"forward": {"uuid": uuid}});
    let sent = say(&mut boris, &target, None, &forward(&original)).is(200);
    let copy = id(&sent);
    let told_of = about(&sent, &copy);
    assert_eq!(told_of["forward"]["name"], json!("anna"));
    assert_eq!(told_of["forward"]["from_user"], json!(anna.id));
    assert_eq!(told_of["format"], json!(1));
    assert_eq!(told_of["files"][0]["kind"], json!("picture"));
    let seen = told(&mut plain);
    assert_eq!(seen.texts(), ["↪ anna:\n**so**"]);
    assert_eq!(seen.messages()[0]["file_picture"], json!("iVBORw0KGgo="));
    let page = rich(
        &mut anna,
        "all_messages",
        &json!({"flow": [{"uuid": target}]}),
    );
    assert_eq!(page.texts(), ["**so**"]);
    // A forward of it names the same.
    let again = say(&mut anna, &source, None, &forward(&copy)).is(200);
    assert_eq!(about(&again, &id(&again))["forward"], told_of["forward"]);
    // It is only deleted, and does not go with the original.
    let edit = json!({"message": [{"uuid": copy, "text": "mine"}]});
    let refused = rich(&mut boris, "edited_message", &edit).is(403);
    assert_eq!(refused.refusal()["key"], json!("not_editable"));
    anna.delete(&original).is(200);
    assert_eq!(boris.history(&target).len(), 1);
    say(&mut boris, &target, None, &forward(&original)).is(404);
    say(&mut boris, &target, Some("look"), &forward(&copy)).is(400);
    // Nor what one may not read, or what is not to leave its flow.
    let secret = anna.group("Secret", &[]);
    let hidden = anna.send(&secret, "x");
    say(&mut boris, &target, None, &forward(&hidden)).is(404);
    let protect = json!({"flow": [{"uuid": source}], "meta": {"protect": true}});
    anna.ask("edit_flow", &protect).is(200);
    let kept = anna.send(&source, "kept");
    let refused = say(&mut boris, &target, None, &forward(&kept)).is(403);
    assert_eq!(refused.refusal()["key"], json!("not_forwardable"));
    boris.delete(&copy).is(200);
    assert_eq!(
        about_in_history(&mut boris, &target, &copy),
        json!({"deleted": "deleted"})
    );
}
