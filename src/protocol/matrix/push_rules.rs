//! Push rules: when a client notifies.
//!
//! Source: Matrix 1.19, Push Notifications, Predefined Rules.

use serde_json::{Value, json};

use super::input::{Body, require_short};
use super::trouble::Trouble;
use super::{Asked, Matrix};
use crate::service::RoomRefusal;

/// Returns stored rules, or those that everybody has at first.
pub(super) fn parsed(kept: Option<&str>, user: &str) -> Value {
    let kept = kept.and_then(|text| serde_json::from_str(text).ok());
    kept.unwrap_or_else(|| rules(user))
}

impl Matrix {
    pub(super) async fn push_rules(&self, asked: &Asked) -> Result<Value, Trouble> {
        let kept = self.kept_rules(asked).await?;
        let (_, named) = self.service.device_of(&asked.user).await?;
        Ok(parsed(kept.as_deref(), &self.names.user(&named.localpart)))
    }

    /// Returns the rules that a user has changed, as they are stored.
    pub(super) async fn kept_rules(&self, asked: &Asked) -> Result<Option<String>, Trouble> {
        let kind = KIND.to_owned();
        Ok(self.service.account_data(&asked.user, None, kind).await?)
    }

    /// Returns the rules of one kind, one rule, or a property of one.
    pub(super) async fn push_rule(&self, asked: &Asked) -> Result<Value, Trouble> {
        let missing = || Trouble::not_found("there is no such rule");
        let (kind, id) = (kind(asked)?, asked.part(1));
        let rules = self.push_rules(asked).await?;
        let all = &rules["global"][kind];
        if asked.ids.len() < 2 {
            return Ok(all.clone());
        }
        let found = all
            .as_array()
            .and_then(|all| all.iter().find(|it| it["rule_id"] == id));
        let found = found.ok_or_else(missing)?;
        match asked.ids.get(2).map(String::as_str) {
            None => Ok(found.clone()),
            Some(field @ ("enabled" | "actions")) => Ok(json!({field: found[field]})),
            Some(_) => Err(missing()),
        }
    }

    /// Sets or moves a rule of the user's own, or changes what any rule does.
    pub(super) async fn put_push_rule(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let (kind, id) = (kind(asked)?, asked.part(1).to_owned());
        require_short("the rule", &id)?;
        match asked.ids.get(2).map(String::as_str) {
            Some("enabled") => {
                let on = body.field("enabled").and_then(Value::as_bool);
                let on = on.ok_or_else(|| Trouble::missing("enabled"))?;
                self.change_rule(asked, move |rules| {
                    set(rules, kind, &id, ("enabled", json!(on)))
                })
                .await
            }
            Some("actions") => {
                let actions = actions(body)?;
                self.change_rule(asked, move |rules| {
                    set(rules, kind, &id, ("actions", actions))
                })
                .await
            }
            Some(_) => Err(Trouble::not_found("a rule has no such part")),
            None => {
                if id.starts_with('.') || id.contains(['/', '\\']) {
                    return Err(Trouble::invalid(
                        "the id of a rule of one's own has no dot before it and no slash",
                    ));
                }
                let new = own_rule(kind, &id, body)?;
                let place = (asked.parameter("before"), asked.parameter("after"));
                let fixed = |id: &Option<String>| id.as_ref().is_some_and(|id| id.starts_with('.'));
                if fixed(&place.0) || fixed(&place.1) {
                    return Err(Trouble::invalid(
                        "rules of one's own stand before those of the server",
                    ));
                }
                self.change_rule(asked, move |rules| put(rules, kind, new, place))
                    .await
            }
        }
    }

    pub(super) async fn remove_push_rule(&self, asked: &Asked) -> Result<Value, Trouble> {
        let (kind, id) = (kind(asked)?, asked.part(1).to_owned());
        if id.starts_with('.') {
            return Err(Trouble::invalid("rules of the server stay"));
        }
        let take = move |rules: &mut Value| {
            let all = rules["global"][kind].as_array_mut()?;
            let place = all.iter().position(|it| it["rule_id"] == json!(id))?;
            all.remove(place);
            Some(())
        };
        self.change_rule(asked, take).await
    }

    async fn change_rule(
        &self,
        asked: &Asked,
        change: impl FnOnce(&mut Value) -> Option<()> + Send + 'static,
    ) -> Result<Value, Trouble> {
        let (_, named) = self.service.device_of(&asked.user).await?;
        let default = rules(&self.names.user(&named.localpart));
        let change = move |before: Option<String>| {
            let before = before.and_then(|text| serde_json::from_str(&text).ok());
            let mut rules: Value = before.unwrap_or(default);
            change(&mut rules).ok_or(RoomRefusal::NotKept)?;
            let count = |kind: &str| rules["global"][kind].as_array().map_or(0, Vec::len);
            if KINDS.into_iter().map(count).sum::<usize>() > MOST_RULES {
                return Err(RoomRefusal::TooMuchKept);
            }
            Ok(rules.to_string())
        };
        self.service
            .change_account_data(&asked.user, None, KIND, change)
            .await?;
        Ok(json!({}))
    }
}

/// The kinds of rules, in the order in which they are evaluated.
pub(super) const KINDS: [&str; 5] = ["override", "content", "room", "sender", "underride"];

/// The most rules of a user.
const MOST_RULES: usize = 200;

/// The most conditions of a rule.
const MOST_CONDITIONS: usize = 20;

/// The type of the account data that stores the rules.
pub(super) const KIND: &str = "m.push_rules";

fn kind(asked: &Asked) -> Result<&'static str, Trouble> {
    let found = KINDS.into_iter().find(|kind| *kind == asked.part(0));
    found.ok_or_else(|| Trouble::invalid("this is no kind of rule"))
}

/// Returns the actions of a rule, without obsolete ones.
fn actions(body: &Body) -> Result<Value, Trouble> {
    if body.field("actions").is_none() {
        return Err(Trouble::missing("actions"));
    }
    let is_known = |action: &Value| {
        matches!(action.as_str(), Some("notify" | "coalesce" | "dont_notify"))
            || action["set_tweak"].is_string()
    };
    let all = body.list("actions")?;
    if !all.iter().all(is_known) {
        return Err(Trouble::invalid("this is no action of a rule"));
    }
    let left = all
        .iter()
        .filter(|it| !matches!(it.as_str(), Some("dont_notify" | "coalesce")));
    Ok(left.cloned().collect())
}

/// Returns a rule of the user's own, from what a client sends.
fn own_rule(kind: &str, id: &str, body: &Body) -> Result<Value, Trouble> {
    let mut rule =
        json!({"rule_id": id, "default": false, "enabled": true, "actions": actions(body)?});
    match kind {
        "override" | "underride" => {
            let conditions = body.list("conditions")?;
            if !conditions.iter().all(|it| it["kind"].is_string()) {
                return Err(Trouble::bad_json("a condition has no kind"));
            }
            if conditions.len() > MOST_CONDITIONS {
                let words = format!("a rule has at most {MOST_CONDITIONS} conditions");
                return Err(Trouble::invalid(words));
            }
            for condition in conditions {
                for part in ["key", "pattern", "is"] {
                    require_short(part, condition[part].as_str().unwrap_or_default())?;
                }
            }
            rule["conditions"] = json!(conditions);
        }
        "content" => {
            let pattern = body.needed("pattern")?;
            require_short("pattern", pattern)?;
            rule["pattern"] = json!(pattern);
        }
        _ => {}
    }
    Ok(rule)
}

fn set(rules: &mut Value, kind: &str, id: &str, (field, value): (&str, Value)) -> Option<()> {
    let all = rules["global"][kind].as_array_mut()?;
    let rule = all.iter_mut().find(|it| it["rule_id"] == id)?;
    rule[field] = value;
    Some(())
}

/// Puts a user's own rule first, or next to another; but after the rule that turns off all notifications.
fn put(
    rules: &mut Value,
    kind: &str,
    mut new: Value,
    (before, after): (Option<String>, Option<String>),
) -> Option<()> {
    let all = rules["global"][kind].as_array_mut()?;
    let find = |all: &[Value], id: &Value| all.iter().position(|it| it["rule_id"] == *id);
    let present = find(all, &new["rule_id"]);
    if let Some(place) = present {
        new["enabled"] = all.remove(place)["enabled"].take();
    }
    let first = usize::from(kind == "override");
    let place = match (before, after) {
        (Some(other), _) => find(all, &json!(other))?,
        (None, Some(other)) => find(all, &json!(other))? + 1,
        (None, None) => present.unwrap_or(first),
    };
    all.insert(place.max(first).min(all.len()), new);
    Some(())
}

fn rule(id: &str, conditions: Value, actions: Value) -> Value {
    let mut told = json!({"rule_id": id, "default": true, "enabled": true});
    told["conditions"] = conditions;
    told["actions"] = actions;
    told
}

/// Returns the condition that the value of a key matches this text.
fn is(key: &str, pattern: &str) -> Value {
    json!({"kind": "event_match", "key": key, "pattern": pattern})
}

fn property(key: &str, value: Value) -> Value {
    let mut told = json!({"kind": "event_property_is", "key": key});
    told["value"] = value;
    told
}

fn two() -> Value {
    json!({"kind": "room_member_count", "is": "2"})
}

fn loud(sound: &str) -> Value {
    json!({"set_tweak": "sound", "value": sound})
}

/// Returns all predefined rules of a user.
pub(super) fn rules(user: &str) -> Value {
    let highlight = || json!({"set_tweak": "highlight"});
    let mut master = rule(".m.rule.master", json!([]), json!([]));
    master["enabled"] = json!(false);
    let mention = json!({
        "kind": "event_property_contains",
        "key": "content.m\\.mentions.user_ids",
        "value": user,
    });
    let may_mention_all = json!({"kind": "sender_notification_permission", "key": "room"});
    let member = || is("type", "m.room.member");
    let overrides = [
        master,
        rule(
            ".m.rule.suppress_notices",
            json!([is("content.msgtype", "m.notice")]),
            json!([]),
        ),
        rule(
            ".m.rule.invite_for_me",
            json!([
                member(),
                is("content.membership", "invite"),
                is("state_key", user)
            ]),
            json!(["notify", loud("default")]),
        ),
        rule(".m.rule.member_event", json!([member()]), json!([])),
        rule(
            ".m.rule.is_user_mention",
            json!([mention]),
            json!(["notify", loud("default"), highlight()]),
        ),
        rule(
            ".m.rule.is_room_mention",
            json!([
                property("content.m\\.mentions.room", json!(true)),
                may_mention_all
            ]),
            json!(["notify", highlight()]),
        ),
        rule(
            ".m.rule.tombstone",
            json!([is("type", "m.room.tombstone"), is("state_key", "")]),
            json!(["notify", highlight()]),
        ),
        rule(
            ".m.rule.reaction",
            json!([is("type", "m.reaction")]),
            json!([]),
        ),
        rule(
            ".m.rule.room.server_acl",
            json!([is("type", "m.room.server_acl"), is("state_key", "")]),
            json!([]),
        ),
        rule(
            ".m.rule.suppress_edits",
            json!([property(
                "content.m\\.relates_to.rel_type",
                json!("m.replace")
            )]),
            json!([]),
        ),
    ];
    let message = || is("type", "m.room.message");
    let encrypted = || is("type", "m.room.encrypted");
    let underrides = [
        rule(
            ".m.rule.call",
            json!([is("type", "m.call.invite")]),
            json!(["notify", loud("ring")]),
        ),
        rule(
            ".m.rule.encrypted_room_one_to_one",
            json!([two(), encrypted()]),
            json!(["notify", loud("default")]),
        ),
        rule(
            ".m.rule.room_one_to_one",
            json!([two(), message()]),
            json!(["notify", loud("default")]),
        ),
        rule(".m.rule.message", json!([message()]), json!(["notify"])),
        rule(".m.rule.encrypted", json!([encrypted()]), json!(["notify"])),
    ];
    json!({"global": {
        "override": overrides,
        "content": [],
        "room": [],
        "sender": [],
        "underride": underrides,
    }})
}
