//! The cases of `client conformance` about what this server sends to clients that accept it.

use super::cases::{
    Case,
    Who::{self, Anna, Boris},
};

const fn rich(
    who: Who,
    method: &'static str,
    code: u16,
    name: &'static str,
    data: &'static str,
) -> Case {
    rich_with("", who, method, code, name, data)
}

const fn rich_with(
    has: &'static str,
    who: Who,
    method: &'static str,
    code: u16,
    name: &'static str,
    data: &'static str,
) -> Case {
    Case {
        name,
        who,
        method,
        data,
        code,
        keep: "",
        accepts: true,
        has,
    }
}

const fn keep(
    keep: &'static str,
    who: Who,
    method: &'static str,
    name: &'static str,
    data: &'static str,
) -> Case {
    Case {
        keep,
        ..rich(who, method, 200, name, data)
    }
}

/// The next requests of the accounts of the other cases, in this order; skipped if the server does
/// not have `rich` among its features.
pub(super) const RICH: &[Case] = &[
    rich_with(
        "/data/meta/features/0",
        Boris,
        "subscribe",
        200,
        "subscribe tells the features",
        "null",
    ),
    rich(
        Anna,
        "ping_pong",
        200,
        "ping_pong that accepts more",
        "null",
    ),
    rich_with(
        "/data/meta/refusal/key",
        Anna,
        "send_message",
        404,
        "an error says why",
        r#"{"flow":[{"uuid":"{nobody}"}],"message":[{"text":"x"}]}"#,
    ),
    rich_with(
        "/data/meta/flows/{own}/levels/{anna}",
        Anna,
        "all_flow",
        200,
        "all_flow tells of levels and settings",
        "null",
    ),
    rich_with(
        "/data/meta/unread/{own}",
        Anna,
        "all_flow",
        200,
        "all_flow tells what is unread",
        "null",
    ),
    rich(
        Boris,
        "list_members",
        404,
        "list_members of another's flow",
        r#"{"flow":[{"uuid":"{own}"}]}"#,
    ),
    rich(
        Boris,
        "edit_flow",
        404,
        "edit_flow, adding oneself",
        r#"{"flow":[{"uuid":"{own}"}],"meta":{"add":["{boris}"]}}"#,
    ),
    rich(
        Anna,
        "edit_flow",
        404,
        "edit_flow, adding nobody",
        r#"{"flow":[{"uuid":"{own}"}],"meta":{"add":["{nobody}"]}}"#,
    ),
    rich_with(
        "/data/meta/flows/{own}/members",
        Anna,
        "edit_flow",
        200,
        "edit_flow, adding a member",
        r#"{"flow":[{"uuid":"{own}"}],"meta":{"add":["{boris}"]}}"#,
    ),
    rich(
        Boris,
        "edit_flow",
        403,
        "edit_flow by a member",
        r#"{"flow":[{"uuid":"{own}","title":"x"}]}"#,
    ),
    rich(
        Boris,
        "edit_flow",
        403,
        "edit_flow, removing the owner",
        r#"{"flow":[{"uuid":"{own}"}],"meta":{"remove":["{anna}"]}}"#,
    ),
    rich(
        Boris,
        "list_members",
        403,
        "list_members, the invited ones, by a member",
        r#"{"flow":[{"uuid":"{own}"}],"meta":{"state":"invited"}}"#,
    ),
    rich(
        Anna,
        "edit_flow",
        403,
        "edit_flow, an unknown level",
        r#"{"flow":[{"uuid":"{own}"}],"meta":{"levels":{"{boris}":7}}}"#,
    ),
    rich_with(
        "/data/meta/flows/{own}/levels/{boris}",
        Anna,
        "edit_flow",
        200,
        "edit_flow, making a moderator",
        r#"{"flow":[{"uuid":"{own}"}],"meta":{"levels":{"{boris}":50}}}"#,
    ),
    rich(
        Boris,
        "edit_flow",
        200,
        "edit_flow by a moderator",
        r#"{"flow":[{"uuid":"{own}","title":"Moderated"}]}"#,
    ),
    rich(
        Boris,
        "edit_flow",
        403,
        "edit_flow, levels by a moderator",
        r#"{"flow":[{"uuid":"{own}"}],"meta":{"levels":{"{boris}":0}}}"#,
    ),
    rich(
        Anna,
        "edit_flow",
        403,
        "edit_flow, a timer of a second",
        r#"{"flow":[{"uuid":"{own}"}],"meta":{"expire":1}}"#,
    ),
    rich_with(
        "/data/meta/flows/{own}/protect",
        Anna,
        "edit_flow",
        200,
        "edit_flow, a timer and protection",
        r#"{"flow":[{"uuid":"{own}"}],"meta":{"expire":86400,"protect":true}}"#,
    ),
    rich_with(
        "/data/user/1/uuid",
        Boris,
        "list_members",
        200,
        "list_members",
        r#"{"flow":[{"uuid":"{own}"}]}"#,
    ),
    rich_with(
        "/data/meta/events/0/kind",
        Boris,
        "all_messages",
        200,
        "all_messages tells what happened",
        r#"{"flow":[{"uuid":"{own}"}]}"#,
    ),
    rich_with(
        "/data/meta/events/0/by",
        Boris,
        "get_update",
        200,
        "get_update tells what happened",
        r#"{"meta":{"after":null}}"#,
    ),
    keep(
        "saved",
        Anna,
        "add_flow",
        "add_flow, saved messages",
        r#"{"meta":{"saved":true}}"#,
    ),
    rich(
        Anna,
        "leave_flow",
        403,
        "leave_flow, saved messages",
        r#"{"flow":[{"uuid":"{saved}"}]}"#,
    ),
    rich(
        Anna,
        "edit_flow",
        403,
        "edit_flow, sharing saved messages",
        r#"{"flow":[{"uuid":"{saved}"}],"meta":{"add":["{boris}"]}}"#,
    ),
    rich(
        Boris,
        "list_members",
        404,
        "list_members of another's saved messages",
        r#"{"flow":[{"uuid":"{saved}"}]}"#,
    ),
    rich(
        Anna,
        "edit_flow",
        200,
        "edit_flow, removing a moderator",
        r#"{"flow":[{"uuid":"{own}"}],"meta":{"remove":["{boris}"]}}"#,
    ),
];
