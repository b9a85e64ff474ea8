//! What servers say about messages besides their text, in a form for people.

use serde_json::{Value, json};

use super::people::Names;
use super::print::safe;

/// Returns what precedes the text of a message: what it answers, where it comes from.
pub(super) fn before(about: &Value, names: &Names) -> String {
    let mut parts = Vec::new();
    if about["forward"].is_object() {
        let name = safe(about["forward"]["name"].as_str().unwrap_or_default());
        parts.push(format!("[forwarded from {name}] "));
    }
    let reply = &about["reply"];
    if reply["gone"] == json!(true) {
        parts.push("[answers a deleted message] ".to_owned());
    } else if reply.is_object() {
        let quote = safe(reply["text"].as_str().unwrap_or_default());
        let who = names.user(&reply["from_user"]);
        parts.push(format!("[answers {who}: «{quote}»] "));
    }
    if about["poll"].is_object() {
        parts.push(poll(&about["poll"]));
    }
    parts.concat()
}

/// Returns what follows it: reactions.
pub(super) fn after(about: &Value) -> String {
    let told = reactions(&about["reactions"]);
    if told.is_empty() {
        told
    } else {
        format!(" {{{told}}}")
    }
}

/// Returns reactions, as `👍 2, 🎉 1`.
fn reactions(reactions: &Value) -> String {
    let all = reactions.as_object().into_iter().flatten();
    let one = |(emoji, reaction): (&String, &Value)| {
        format!(
            "{} {}",
            safe(emoji),
            reaction["count"].as_u64().unwrap_or_default()
        )
    };
    all.map(one).collect::<Vec<_>>().join(", ")
}

/// Returns a poll with its votes.
fn poll(poll: &Value) -> String {
    let texts = poll["options"].as_array().into_iter().flatten();
    let counts = poll["counts"].as_array().into_iter().flatten();
    let options: Vec<String> = texts
        .zip(counts)
        .map(|(option, count)| format!("{} {count}", safe(option.as_str().unwrap_or_default())))
        .collect();
    let question = safe(poll["question"].as_str().unwrap_or_default());
    let closed = if poll["closed"] == json!(true) {
        ", closed"
    } else {
        ""
    };
    format!("{question} ({}{closed})", options.join(", "))
}

/// Returns what a push says about messages without the messages, one line each.
pub(super) fn lines(meta: &Value, names: &Names) -> Vec<String> {
    let mut lines = Vec::new();
    for (id, state) in meta["reactions"].as_object().into_iter().flatten() {
        let told = reactions(state);
        let told = if told.is_empty() { "none" } else { &told };
        if meta["polls"][id].is_null() {
            lines.push(format!("* reactions to {id}: {told}"));
        }
    }
    for (id, state) in meta["polls"].as_object().into_iter().flatten() {
        lines.push(format!("* poll {id}: {}", poll(state)));
    }
    for (flow, users) in meta["seen"].as_object().into_iter().flatten() {
        for (user, number) in users.as_object().into_iter().flatten() {
            let (who, flow) = (names.user(&json!(user)), names.flow(&json!(flow)));
            lines.push(format!("* {who} has read {flow} up to {number}"));
        }
    }
    for flow in meta["settings"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|it| it.0)
    {
        lines.push(format!("* {} is set up anew", names.flow(&json!(flow))));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_message_is_read_with_it() {
        let mut names = Names::default();
        names.learn(&json!({"user": [{"uuid": "1", "username": "Anna"}]}));
        let about = json!({
            "reply": {"uuid": "7", "from_user": "1", "text": "hi"},
            "reactions": {"👍": {"count": 2, "users": []}},
        });
        assert_eq!(before(&about, &names), "[answers Anna: «hi»] ");
        assert_eq!(after(&about), " {👍 2}");
        let asked =
            json!({"question": "When?", "options": ["a", "b"], "counts": [1, 0], "closed": true});
        let meta = json!({"reactions": {"8": {}, "9": {}}, "polls": {"9": asked}});
        assert_eq!(
            lines(&meta, &names),
            [
                "* reactions to 8: none",
                "* poll 9: When? (a 1, b 0, closed)"
            ]
        );
    }
}
