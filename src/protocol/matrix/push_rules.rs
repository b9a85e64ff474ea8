//! When a client notifies: the rules that everybody has.
//!
//! Source: Matrix 1.19, Push Notifications, Predefined Rules.

use serde_json::{Value, json};

use super::trouble::Trouble;
use super::{Asked, Matrix};

impl Matrix {
    pub(super) async fn push_rules(&self, asked: &Asked) -> Result<Value, Trouble> {
        let (_, named) = self.service.device_of(&asked.user).await?;
        Ok(rules(&self.names.user(&named.localpart)))
    }
}

fn rule(id: &str, conditions: Value, actions: Value) -> Value {
    json!({
        "rule_id": id,
        "default": true,
        "enabled": true,
        "conditions": conditions,
        "actions": actions,
    })
}

/// The value of a key is this text.
fn is(key: &str, pattern: &str) -> Value {
    json!({"kind": "event_match", "key": key, "pattern": pattern})
}

fn property(key: &str, value: Value) -> Value {
    json!({"kind": "event_property_is", "key": key, "value": value})
}

fn two() -> Value {
    json!({"kind": "room_member_count", "is": "2"})
}

fn loud(sound: &str) -> Value {
    json!({"set_tweak": "sound", "value": sound})
}

/// All rules of a user.
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
