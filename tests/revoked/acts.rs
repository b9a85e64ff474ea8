//! What somebody does who has a right to it, by every method that writes.

use serde_json::{Value, json};

use crate::{
    common::{PASSWORD, Person},
    roles::{NOTHING, ask},
};

/// What somebody does things with.
#[derive(Default)]
pub(super) struct Things {
    pub(super) group: String,
    /// Many accounts, one to be blocked and one to be removed.
    pub(super) crowd: Vec<String>,
    pub(super) blocked: String,
    pub(super) victim: String,
    /// Somebody's message in the group, and one with a poll.
    pub(super) message: String,
    pub(super) poll: String,
    /// Own ones.
    pub(super) own: String,
    pub(super) own_poll: String,
    pub(super) spare: Vec<String>,
    /// An invitation to another flow.
    pub(super) code: String,
    /// A flow that programs write to, and hooks of it.
    pub(super) own_flow: String,
    pub(super) hooks: Vec<Value>,
    pub(super) outgoing: Vec<Value>,
    /// A bot with tokens, and one to be removed.
    pub(super) bot: String,
    pub(super) tokens: Vec<Value>,
    pub(super) old_bot: String,
    /// A flow to leave, and one to answer an invitation to.
    pub(super) left: String,
    pub(super) invited: String,
    pub(super) subscription: Value,
    pub(super) invitation: String,
}

/// Where hooks would post if anything happened in their flow.
pub(super) const ADDRESS: &str = "https://1.1.1.1/chat";

/// How many hooks and tokens there are to be revoked.
pub(super) const SPARE: usize = 10;

/// A request: its method and data.
pub(super) type Act = (&'static str, Value);

fn of_message(message: &str, meta: &Value) -> Value {
    json!({"message": [{"uuid": message}], "meta": meta})
}

/// What a member does with messages of a group.
pub(super) fn with_messages(things: &Things, number: usize) -> Vec<Act> {
    let on = number.is_multiple_of(2);
    let options = if on { json!([0]) } else { json!([1]) };
    vec![
        (
            "react",
            of_message(&things.message, &json!({"reaction": "👍", "on": on})),
        ),
        (
            "vote",
            of_message(&things.poll, &json!({"options": options})),
        ),
        ("close_poll", of_message(&things.own_poll, &NOTHING)),
        (
            "pin_message",
            of_message(&things.message, &json!({"on": on})),
        ),
        (
            "edited_message",
            json!({"message": [{"uuid": things.own, "text": format!("edit {number}")}]}),
        ),
    ]
}

/// What a moderator does in a group.
pub(super) fn in_group(things: &Things, number: usize) -> Vec<Act> {
    let group = &things.group;
    let flow = |rest: Value| {
        let mut flow = rest;
        flow["uuid"] = json!(group);
        json!([flow])
    };
    let mut acts = with_messages(things, number);
    acts.extend(care_for_group(things, number));
    acts.extend([
        (
            "send_message",
            json!({"flow": flow(json!({})), "message": [{"text": format!("text {number}")}]}),
        ),
        (
            "delete_message",
            of_message(&things.spare[number % things.spare.len()], &NOTHING),
        ),
        (
            "read_flow",
            json!({"flow": flow(json!({"message_end": number}))}),
        ),
        (
            "flow_settings",
            json!({"flow": flow(json!({})), "meta": {"settings": {"archived": number.is_multiple_of(2)}}}),
        ),
    ]);
    if number.is_multiple_of(4) {
        // Written into the folder before anything is looked at.
        let large = "QUFB".repeat(100_000);
        let message = json!([{"file_document": large}]);
        acts.push((
            "send_message",
            json!({"flow": flow(json!({})), "message": message}),
        ));
    }
    acts
}

/// What only moderators do.
fn care_for_group(things: &Things, number: usize) -> Vec<Act> {
    let group = json!([{"uuid": things.group}]);
    let crowd = if number.is_multiple_of(2) {
        "add"
    } else {
        "remove"
    };
    vec![
        (
            "edit_flow",
            json!({"flow": [{"uuid": things.group, "title": format!("G {number}")}]}),
        ),
        // Waits while others write: it is large.
        (
            "edit_flow",
            json!({"flow": group, "meta": {crowd: things.crowd}}),
        ),
        ("invite", json!({"meta": {"flow": things.group, "uses": 1}})),
    ]
}

/// The same, and what members of this group do not.
pub(super) fn as_moderator(things: &Things, number: usize) -> Vec<Act> {
    let mut acts = care_for_group(things, number);
    let on = json!({"on": number.is_multiple_of(2)});
    acts.push(("pin_message", of_message(&things.poll, &on)));
    acts.push(("delete_message", of_message(&things.message, &NOTHING)));
    acts
}

/// Everything that an account may do.
pub(super) fn everything(things: &Things, number: usize) -> Vec<Act> {
    let on = number.is_multiple_of(2);
    let flow = |id: &str| json!({"flow": [{"uuid": id}]});
    let mut acts = in_group(things, number);
    acts.extend([
        (
            "add_flow",
            json!({"flow": [{"type": "group", "title": format!("N {number}")}]}),
        ),
        ("add_flow", json!({"meta": {"saved": true}})),
        ("leave_flow", flow(&things.left)),
        ("join_flow", flow(&things.invited)),
        ("use_invitation", json!({"meta": {"code": things.code}})),
        ("invite", json!({"meta": {"uses": 1}})),
        (
            "edit_user",
            json!({"user": [{"bio": format!("bio {number}")}]}),
        ),
        (
            "block_user",
            json!({"user": [{}, {"uuid": things.blocked}], "meta": {"on": on}}),
        ),
        (
            "make_hook",
            json!({"meta": {"flow": things.own_flow, "name": format!("hook {number}")}}),
        ),
        (
            "edit_hook",
            json!({"meta": {"id": things.hooks[SPARE - 1], "name": format!("hook {number}")}}),
        ),
        (
            "revoke_hook",
            json!({"meta": {"id": things.hooks[number % (SPARE - 1)]}}),
        ),
        (
            "make_outgoing",
            json!({"meta": {"flow": things.own_flow, "url": ADDRESS}}),
        ),
        (
            "remove_outgoing",
            json!({"meta": {"id": things.outgoing[number % SPARE]}}),
        ),
        ("push_subscribe", things.subscription.clone()),
        ("push_unsubscribe", NOTHING),
    ]);
    acts
}

/// What administrators do.
pub(super) fn administration(things: &Things, number: usize) -> Vec<Act> {
    let mode = if number.is_multiple_of(2) {
        "open"
    } else {
        "invite"
    };
    let proved = |meta: Value| json!({"user": [{"password": PASSWORD}], "meta": meta});
    vec![
        (
            "make_bot",
            json!({"meta": {"login": format!("bot {number} of {}", things.victim)}}),
        ),
        ("make_token", json!({"meta": {"bot": things.bot}})),
        (
            "set_commands",
            json!({"meta": {"bot": things.bot, "commands": [{"name": format!("do_{number}"), "description": "x"}]}}),
        ),
        (
            "revoke_token",
            json!({"meta": {"id": things.tokens[number % SPARE]}}),
        ),
        ("remove_bot", json!({"meta": {"bot": things.old_bot}})),
        ("registration", json!({"meta": {"mode": mode}})),
        (
            "moderate",
            json!({"meta": {"message": things.spare[number % 20]}}),
        ),
        (
            "set_user",
            json!({"meta": {"user": things.blocked, "quota": number + 1}}),
        ),
        (
            "revoke_invitation",
            json!({"meta": {"id": things.invitation}}),
        ),
        ("remove_flow", json!({"meta": {"flow": things.left}})),
        ("reset_password", proved(json!({"user": things.blocked}))),
        (
            "set_user",
            proved(json!({"user": things.blocked, "admin": number.is_multiple_of(2)})),
        ),
        ("remove_user", proved(json!({"user": things.victim}))),
    ]
}

/// Hooks of somebody, and bots with tokens that an administrator has made.
pub(super) fn programs(person: &mut Person, administrator: &mut Person, number: usize) -> Things {
    let own_flow = person.group("Hooks", &[]);
    let new = |person: &mut Person, method: &str, meta: Value| {
        let made = ask(person, method, &json!({"meta": meta}));
        made.data()["meta"]["id"].clone()
    };
    let hook = |_| {
        new(
            person,
            "make_hook",
            json!({"flow": own_flow, "name": "old"}),
        )
    };
    let hooks = (0..SPARE).map(hook).collect();
    let out = |_| {
        let meta = json!({"flow": own_flow, "url": ADDRESS});
        new(person, "make_outgoing", meta)
    };
    let outgoing = (0..SPARE).map(out).collect();
    let [bot, old_bot] = ["bot", "old bot"].map(|what| {
        let login = json!({"meta": {"login": format!("{what} {number}")}});
        let made = ask(administrator, "make_bot", &login);
        let id = made.data()["meta"]["bot"].as_str();
        id.expect("an id").to_owned()
    });
    let token = |_| new(administrator, "make_token", json!({"bot": bot}));
    let tokens = (0..SPARE).map(token).collect();
    Things {
        own_flow,
        hooks,
        outgoing,
        bot,
        tokens,
        old_bot,
        ..Things::default()
    }
}
