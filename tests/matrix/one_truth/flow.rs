//! A room beside the flow that it is: what both protocols show to the same person.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::copy::{Poll, Room, Shown, number};
use crate::{common::Person, roles::ask};

/// Ids in Matrix and names, by ids in the other protocol.
pub(super) type Names = BTreeMap<String, (String, String)>;

/// Compares what a room is called and who is in it with the flow.
pub(super) fn compare_flow(room: &Room, flow: &Value, about: &Value, names: &Names, which: &str) {
    let words = |kind: &str, key: &str| {
        let said = room.content(kind, "")[key].as_str();
        said.unwrap_or_default().to_owned()
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if flow["type"] != "chat" {
        assert_eq!(
            words("m.room.name", "name"),
            text(&flow["title"]),
            "the title, {which}"
        );
        assert_eq!(
            words("m.room.topic", "topic"),
            text(&flow["info"]),
            "the description, {which}"
        );
    }
    let users = flow["users"].as_array().expect("members").iter();
    let users: BTreeSet<_> = users.map(|user| names[&text(user)].0.clone()).collect();
    // Of a chat who has left its room is still one of the two.
    let is_out = |id: &String| {
        flow["type"] == "chat" && room.content("m.room.member", id)["membership"] == "leave"
    };
    let inside: BTreeSet<_> = users.iter().filter(|id| !is_out(id)).cloned().collect();
    assert_eq!(room.members(), inside, "the members, {which}");
    for (id, name) in names.values() {
        if inside.contains(id) {
            let member = room.content("m.room.member", id);
            assert_eq!(text(&member["displayname"]), *name, "of {id}, {which}");
        }
    }
    let levels = room.content("m.room.power_levels", "");
    let levels = levels["users"].as_object().into_iter().flatten();
    let mine: BTreeMap<_, _> = levels
        .filter(|(id, level)| users.contains(*id) && level.as_i64() > Some(0))
        .map(|(id, level)| (id.clone(), level.clone()))
        .collect();
    if flow["type"] == "chat" {
        // Nobody owns a chat.
        assert_eq!(mine.len(), users.len(), "the levels, {which}");
        return;
    }
    let levels = about["levels"].as_object().into_iter().flatten();
    let theirs: BTreeMap<_, _> = levels
        .map(|(id, level)| (names[id].0.clone(), level.clone()))
        .collect();
    assert_eq!(mine, theirs, "the levels, {which}");
    let owner = &names[&text(&flow["owner"])].0;
    assert_eq!(
        mine.get(owner),
        mine.values().max_by_key(|it| it.as_i64()),
        "the owner {owner} of {mine:?}, {which}"
    );
}

/// The messages of a flow as the other protocol tells them to somebody, in their order.
pub(super) fn messages(person: &mut Person, flow: &str, names: &Names) -> Vec<(String, Shown)> {
    let mut all = Vec::new();
    loop {
        let range =
            json!({"uuid": flow, "message_start": all.len(), "message_end": all.len() + 99});
        let page = ask(person, "all_messages", &json!({"flow": [range]}));
        assert!(matches!(page.code(), 200 | 206), "{page}");
        for message in page.messages() {
            let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
            let about = &page.data()["meta"]["about"][text("uuid")];
            let is_deleted = about["deleted"].is_string();
            let reactions = about["reactions"].as_object().into_iter().flatten();
            let who = |state: &Value| {
                let users = state["users"].as_array().expect("users").iter();
                users
                    .map(|user| names[user.as_str().expect("an id")].0.clone())
                    .collect()
            };
            let said = if is_deleted {
                String::new()
            } else {
                text("text")
            };
            let shown = Shown {
                sender: names[&text("from_user")].0.clone(),
                text: said,
                is_deleted,
                is_edited: !is_deleted && message["edited_status"] == true,
                files: about["files"].as_array().map_or(0, Vec::len),
                reply: about["reply"]["uuid"].as_str().map(str::to_owned),
                reactions: reactions
                    .map(|(key, state)| (key.clone(), who(state)))
                    .collect(),
                poll: about["poll"]
                    .is_object()
                    .then(|| poll(&about["poll"], names)),
            };
            all.push((text("uuid"), shown));
        }
        if page.messages().is_empty() {
            return all;
        }
    }
}

fn poll(told: &Value, names: &Names) -> Poll {
    let mut votes = BTreeMap::<String, BTreeSet<usize>>::new();
    let options = told["voters"].as_array().into_iter().flatten();
    for (option, users) in options.enumerate() {
        for user in users.as_array().expect("users") {
            let name = &names[user.as_str().expect("an id")].0;
            votes.entry(name.clone()).or_default().insert(option);
        }
    }
    Poll {
        is_closed: told["closed"] == true,
        votes,
    }
}

/// Compares what a client shows as pinned with what the other protocol does.
pub(super) fn compare_pins(
    room: &Room,
    person: &mut Person,
    flow: &str,
    truth: &[(String, Shown)],
    which: &str,
) {
    let list = ask(person, "pins", &json!({"flow": [{"uuid": flow}]})).is(200);
    let text = |message: &Value| message["uuid"].as_str().expect("an id").to_owned();
    let theirs: BTreeSet<_> = list.messages().iter().map(text).collect();
    let told = &room.content("m.room.pinned_events", "")["pinned"];
    let mine = told.as_array().into_iter().flatten();
    let mine = mine.map(|id| number(id.as_str().expect("an id")));
    // What is deleted is not pinned any more, whatever the state says.
    let is_there = |id: &String| {
        let found = truth.iter().find(|(other, _)| other == id);
        found.is_some_and(|(_, shown)| !shown.is_deleted)
    };
    let mine: BTreeSet<_> = mine.filter(is_there).collect();
    assert_eq!(mine, theirs, "what is pinned, {which}");
}

/// Compares what a client shows of a room with the messages of the flow.
pub(super) fn compare_messages(room: &Room, truth: &[(String, Shown)], which: &str) {
    let (mut mine, order) = room.shown();
    let is_there = |id: &String| truth.iter().any(|(other, _)| other == id);
    // An edit that was taken back looks like a message.
    let order: Vec<_> = order.into_iter().filter(|id| is_there(id)).collect();
    let ids: Vec<_> = truth.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(order, ids, "the order, {which}");
    let is_deleted = |id: &String| {
        let found = truth.iter().find(|(other, _)| other == id);
        found.is_none_or(|(_, shown)| shown.is_deleted)
    };
    for (id, theirs) in truth {
        let mut shown = mine.remove(id).unwrap_or_default();
        // A text or a file that an edit adds to a message of files is an event of its own, which edits none.
        shown.is_edited |= theirs.is_edited && theirs.files > 0;
        // In the other protocol, what was deleted before cannot be answered.
        if theirs.reply.is_none() && shown.reply.as_ref().is_some_and(is_deleted) {
            shown.reply = None;
        }
        assert_eq!(&shown, theirs, "message {id}, {which}");
    }
    assert!(mine.values().all(|it| it.is_deleted), "{mine:?}, {which}");
}
