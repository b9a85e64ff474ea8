//! Decides whether an event notifies a user, by that user's rules.
//!
//! Source: Matrix 1.19, Push Notifications, Conditions.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::push_rules::KINDS;

/// The number of bytes at the beginning of a text that are searched for words.
const MOST_SEARCHED: usize = 4096;

/// The number of comparisons that one request may make. Users write the rules, and anyone writes the
/// texts: together they must not delay others.
pub(super) struct Patience(AtomicUsize);

impl Patience {
    /// Returns enough steps for a thousand events and dozens of rules about words.
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(30_000_000))
    }

    /// Takes steps; `None` if there are not enough left.
    fn take(&self, steps: usize) -> Option<()> {
        let left = |left: usize| left.checked_sub(steps);
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        taken.ok().map(drop)
    }
}

/// An event, and the room that it is in.
pub(super) struct Case<'a> {
    pub(super) event: &'a Value,
    pub(super) room: &'a str,
    pub(super) members: i64,
    /// The content of the room's power levels.
    pub(super) levels: &'a Value,
    pub(super) patience: &'a Patience,
}

/// Returns whether an event notifies, and whether it is highlighted.
pub(super) fn judge(rules: &Value, case: &Case<'_>) -> (bool, bool) {
    let actions = actions(rules, case);
    let notifies = actions.iter().any(|action| action == "notify");
    let highlights = actions.iter().any(|action| {
        action["set_tweak"] == "highlight" && action.get("value") != Some(&Value::Bool(false))
    });
    (notifies, notifies && highlights)
}

/// Returns the actions for an event. The first rule that matches decides.
pub(super) fn actions<'a>(rules: &'a Value, case: &Case<'_>) -> &'a [Value] {
    let all = KINDS.into_iter().flat_map(|kind| {
        let all = rules["global"][kind]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        all.iter().map(move |rule| (kind, rule))
    });
    for (kind, rule) in all {
        if rule["enabled"] != Value::Bool(true) || !fits(kind, rule, case) {
            continue;
        }
        return rule["actions"].as_array().map_or(&[][..], Vec::as_slice);
    }
    &[]
}

fn fits(kind: &str, rule: &Value, case: &Case<'_>) -> bool {
    let id = rule["rule_id"].as_str().unwrap_or_default();
    match kind {
        "room" => id == case.room,
        "sender" => case.event["sender"] == id,
        "content" => {
            let pattern = rule["pattern"].as_str().unwrap_or_default();
            let body = case.event["content"]["body"].as_str();
            body.is_some_and(|body| has_word(pattern, body, case.patience).unwrap_or(false))
        }
        _ => {
            let conditions = rule["conditions"].as_array().map_or(&[][..], Vec::as_slice);
            conditions.iter().all(|condition| holds(condition, case))
        }
    }
}

fn holds(condition: &Value, case: &Case<'_>) -> bool {
    let text = |name: &str| condition[name].as_str().unwrap_or_default();
    let value = || at(case.event, text("key"));
    match text("kind") {
        "event_match" => {
            let found = if text("key") == "room_id" {
                Some(case.room)
            } else {
                value().and_then(Value::as_str)
            };
            let fits = |found: &str| {
                if text("key") == "content.body" {
                    return has_word(text("pattern"), found, case.patience);
                }
                let (pattern, found) = (text("pattern").to_lowercase(), beginning(found));
                case.patience.take(found.len())?;
                glob(&pattern, &found.to_lowercase(), case.patience)
            };
            found.and_then(fits).unwrap_or(false)
        }
        "event_property_is" => value().is_some_and(|found| *found == condition["value"]),
        "event_property_contains" => {
            let all = value().and_then(Value::as_array);
            all.is_some_and(|all| all.contains(&condition["value"]))
        }
        "room_member_count" => counts(text("is"), case.members),
        "sender_notification_permission" => {
            let number = |value: &Value, otherwise| value.as_i64().unwrap_or(otherwise);
            let needed = number(&case.levels["notifications"][text("key")], 50);
            let sender = case.event["sender"].as_str().unwrap_or_default();
            let otherwise = number(&case.levels["users_default"], 0);
            number(&case.levels["users"][sender], otherwise) >= needed
        }
        _ => false,
    }
}

/// Returns the value at a path of fields separated by dots; `\\.` is a dot within a name.
fn at<'a>(event: &'a Value, path: &str) -> Option<&'a Value> {
    let mut found = event;
    let mut name = String::new();
    let mut signs = path.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '.' => {
                found = found.get(&name)?;
                name.clear();
            }
            '\\' => name.extend(signs.next()),
            sign => name.push(sign),
        }
    }
    found.get(&name)
}

fn counts(is: &str, members: i64) -> bool {
    let number = is.trim_start_matches(['=', '<', '>']);
    let Ok(number) = number.parse::<i64>() else {
        return false;
    };
    match &is[..is.len() - is.trim_start_matches(['=', '<', '>']).len()] {
        "" | "==" => members == number,
        "<" => members < number,
        ">" => members > number,
        "<=" => members <= number,
        ">=" => members >= number,
        _ => false,
    }
}

fn beginning(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MOST_SEARCHED))
        .unwrap_or_default()
}

/// Returns whether a text has a word that matches a pattern, ignoring case; `None` if no steps are left.
fn has_word(pattern: &str, text: &str, patience: &Patience) -> Option<bool> {
    let text = beginning(text);
    patience.take(pattern.len() + text.len())?;
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    if pattern.is_empty() {
        return Some(false);
    }
    if !pattern.contains(['*', '?']) {
        let is_edge =
            |sign: Option<char>| !sign.is_some_and(|it| it.is_alphanumeric() || it == '_');
        return Some(text.match_indices(&pattern).any(|(start, found)| {
            let before = text.get(..start).and_then(|it| it.chars().next_back());
            let after = text
                .get(start + found.len()..)
                .and_then(|it| it.chars().next());
            is_edge(before) && is_edge(after)
        }));
    }
    for word in text.split(|sign: char| !(sign.is_alphanumeric() || sign == '_')) {
        if glob(&pattern, word, patience)? {
            return Some(true);
        }
    }
    glob(&pattern, &text, patience)
}

/// Returns whether a text matches a pattern in which `*` stands for anything and `?` for one character;
/// `None` if no steps are left.
fn glob(pattern: &str, text: &str, patience: &Patience) -> Option<bool> {
    patience.take(pattern.len() + text.len())?;
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while place < text.len() {
        patience.take(1)?;
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(sign) if *sign == '?' || text.get(place) == Some(sign) => {
                at += 1;
                place += 1;
            }
            _ => match &mut star {
                Some((back, from)) => {
                    *from += 1;
                    (at, place) = (*back + 1, *from);
                }
                None => return Some(false),
            },
        }
    }
    Some(pattern.iter().skip(at).all(|sign| *sign == '*'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(event: &Value, rules: &Value) -> (bool, bool) {
        let case = Case {
            event,
            room: "!r:example.org",
            members: 3,
            levels: &json!({"users": {"@boss:example.org": 100}}),
            patience: &Patience::new(),
        };
        judge(rules, &case)
    }

    #[test]
    fn the_rules_that_everybody_has_tell_messages_and_mentions() {
        let rules = super::super::push_rules::rules("@anna:example.org");
        let message = |content: Value, sender: &str| json!({"type": "m.room.message", "sender": sender, "content": content});
        let anna = json!({"body": "x", "m.mentions": {"user_ids": ["@anna:example.org"]}});
        let all = json!({"body": "x", "m.mentions": {"room": true}});
        let edit = json!({"body": "x", "m.relates_to": {"rel_type": "m.replace"}});
        for (event, expected) in [
            (
                message(json!({"body": "x"}), "@b:example.org"),
                (true, false),
            ),
            (
                message(
                    json!({"msgtype": "m.notice", "body": "x"}),
                    "@b:example.org",
                ),
                (false, false),
            ),
            (message(anna, "@b:example.org"), (true, true)),
            (message(all.clone(), "@b:example.org"), (true, false)),
            (message(all, "@boss:example.org"), (true, true)),
            (message(edit, "@b:example.org"), (false, false)),
            (json!({"type": "m.reaction", "content": {}}), (false, false)),
            (
                json!({"type": "org.example", "content": {}}),
                (false, false),
            ),
        ] {
            assert_eq!(judged(&event, &rules), expected, "{event}");
        }
    }

    #[test]
    fn words_and_patterns_are_told_from_others() {
        for (pattern, text, fits) in [
            ("cake", "a Cake, please", true),
            ("cake", "pancakes", false),
            ("ca*", "a cake", true),
            ("c?ke", "coke", true),
            ("c?ke", "cookie", false),
            ("", "x", false),
        ] {
            assert_eq!(
                has_word(pattern, text, &Patience::new()),
                Some(fits),
                "{pattern} {text}"
            );
        }
        assert!(counts(">=2", 2) && counts("3", 3) && !counts("<2", 2) && !counts("x", 1));
        let glob = |pattern, text| glob(pattern, text, &Patience::new()).unwrap();
        assert!(glob("*a*b", "xxaxxb") && !glob("a*b", "ac"));
        let event = json!({"content": {"m.mentions": {"room": true}}});
        assert_eq!(at(&event, "content.m\\.mentions.room"), Some(&json!(true)));
        assert_eq!(at(&event, "content.m.mentions"), None);
    }

    #[test]
    fn rules_that_would_take_for_ever_are_given_up() {
        let pattern = format!("*{}b", "a".repeat(200));
        let (text, patience) = ("a".repeat(4_000), Patience::new());
        let judged = (0..1_000).map(|_| has_word(&pattern, &text, &patience));
        assert_eq!(judged.last(), Some(None));
        // Text after the beginning is not searched.
        let late = format!("{}cake", "x ".repeat(MOST_SEARCHED));
        assert_eq!(has_word("cake", &late, &Patience::new()), Some(false));
    }
}
