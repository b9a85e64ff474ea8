//! Events of flows, as documents for programs and as sentences for people.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::print;
use crate::model::{FlowEvent, Happening, Level, PublicId, Timestamp};

/// Returns an event for programs, in the terms of the protocol, with the logins of the users in it.
pub(super) fn document(event: &FlowEvent, logins: &HashMap<PublicId, String>) -> Value {
    let login = |user: PublicId| logins.get(&user).cloned();
    let mut document = json!({
        "id": event.uuid.to_string(),
        "after": event.after,
        "time": Timestamp::seconds(event.at),
        "by": event.by.map(|user| user.to_string()),
        "by_login": event.by.and_then(login),
        "kind": event.what.as_str(),
    });
    let mut tell = |key: &str, value: Value| document[key] = value;
    match &event.what {
        Happening::Title(title) => tell("title", json!(title)),
        Happening::Level(_, level) => tell("level", json!(level)),
        Happening::Expire(seconds) => tell("seconds", json!(seconds)),
        Happening::Protect(on) => tell("on", json!(on)),
        Happening::Pinned(message) | Happening::Unpinned(message) => {
            tell("message", json!(message.to_string()));
        }
        Happening::Made
        | Happening::Info
        | Happening::Picture
        | Happening::Added(_)
        | Happening::Joined(_)
        | Happening::Left(_)
        | Happening::Removed(_)
        | Happening::Invited(_)
        | Happening::Declined(_)
        | Happening::Banned(_)
        | Happening::Owner(_) => {}
    }
    if let Some(user) = event.what.user() {
        tell("user", json!(user.to_string()));
        tell("user_login", json!(login(user)));
    }
    document
}

/// Returns the users in some events, each once.
pub(super) fn people<'e>(events: impl IntoIterator<Item = &'e FlowEvent>) -> Vec<PublicId> {
    let mut people: Vec<PublicId> = events
        .into_iter()
        .flat_map(|event| [event.by, event.what.user()])
        .flatten()
        .collect();
    people.sort_unstable();
    people.dedup();
    people
}

/// Returns an event as a sentence without its full stop; `None` for an unknown kind. `name` returns
/// the names of users.
pub(super) fn sentence(event: &Value, name: impl Fn(&Value) -> String) -> Option<String> {
    let whom = name(&event["user"]);
    let who = if event["by"].is_null() {
        "the operator".to_owned()
    } else {
        name(&event["by"])
    };
    let kind = event["kind"].as_str()?;
    Some(match kind {
        "made" => format!("{who} created the conversation"),
        "title" => {
            let title = print::cell(event["title"].as_str());
            format!("{who} changed the title to «{title}»")
        }
        "info" => format!("{who} changed the info"),
        "picture" => format!("{who} changed the picture"),
        "added" => format!("{who} added {whom}"),
        "joined" => format!("{whom} joined"),
        "left" => format!("{whom} left"),
        "removed" => format!("{who} removed {whom}"),
        "invited" => format!("{who} invited {whom}"),
        "declined" => format!("{whom} declined the invitation"),
        "banned" => format!("{who} banned {whom}"),
        "level" => {
            let level = Level(event["level"].as_i64().unwrap_or_default());
            let rank = if level.moderates() {
                "a moderator"
            } else {
                "a member"
            };
            format!("{who} made {whom} {rank}")
        }
        "owner" => format!("{who} made {whom} the owner"),
        "expire" => match event["seconds"].as_i64().unwrap_or_default() {
            0 => format!("{who} turned off disappearing messages"),
            seconds => {
                let span = print::span(seconds);
                format!("{who} set new messages to disappear after {span}")
            }
        },
        "protect" if event["on"] == json!(true) => format!("{who} forbade forwarding"),
        "protect" => format!("{who} allowed forwarding"),
        "pinned" => format!("{who} pinned a message"),
        "unpinned" => format!("{who} unpinned a message"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_a_sentence_with_names() {
        let name = |id: &Value| match id.as_str() {
            Some("1") => "Anna".to_owned(),
            _ => "Boris".to_owned(),
        };
        for (event, expected) in [
            (
                json!({"by": "1", "kind": "made"}),
                "Anna created the conversation",
            ),
            (
                json!({"by": "1", "kind": "title", "title": "A\nB\u{1b}"}),
                "Anna changed the title to «A B\u{fffd}»",
            ),
            (
                json!({"by": "1", "user": "2", "kind": "added"}),
                "Anna added Boris",
            ),
            (
                json!({"user": "2", "kind": "removed"}),
                "the operator removed Boris",
            ),
            (
                json!({"by": "2", "user": "2", "kind": "left"}),
                "Boris left",
            ),
            (
                json!({"by": "1", "user": "2", "kind": "level", "level": 50}),
                "Anna made Boris a moderator",
            ),
            (
                json!({"by": "1", "user": "2", "kind": "level", "level": 0}),
                "Anna made Boris a member",
            ),
            (
                json!({"by": "1", "kind": "expire", "seconds": 86400}),
                "Anna set new messages to disappear after 1 d",
            ),
            (
                json!({"by": "1", "kind": "expire", "seconds": 0}),
                "Anna turned off disappearing messages",
            ),
            (
                json!({"by": "1", "kind": "protect", "on": true}),
                "Anna forbade forwarding",
            ),
        ] {
            assert_eq!(sentence(&event, name).as_deref(), Some(expected));
        }
        let unknown = json!({"by": "1", "kind": "later"});
        assert_eq!(sentence(&unknown, name), None);
    }
}
