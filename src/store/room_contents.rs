//! Contents of events of rooms, as JSON that the database makes from its own rows.

use rusqlite::{Params, named_params};

use super::error::StoreError;
use super::tx::View;
use crate::model::{FlowId, MessageId, UserId};

/// The content of the first event of every room. Version 11 names no creator besides the sender.
pub(super) const CREATE: &str = r#"{"room_version":"11","m.federate":false}"#;
/// Members see everything, including what happened before they joined.
pub(super) const HISTORY_VISIBILITY: &str = r#"{"history_visibility":"shared"}"#;
/// Guests are not allowed.
pub(super) const GUEST_ACCESS: &str = r#"{"guest_access":"forbidden"}"#;

fn text(view: &View<'_>, sql: &str, params: impl Params) -> Result<String, StoreError> {
    Ok(view.prepare(sql)?.query_row(params, |row| row.get(0))?)
}

pub(super) fn name(view: &View<'_>, flow: FlowId) -> Result<String, StoreError> {
    text(
        view,
        "SELECT json_object('name', coalesce(title, '')) FROM flows WHERE id = :id",
        named_params! {":id": flow.0},
    )
}

pub(super) fn topic(view: &View<'_>, flow: FlowId) -> Result<String, StoreError> {
    text(
        view,
        "SELECT json_object('topic', coalesce(info, '')) FROM flows WHERE id = :id",
        named_params! {":id": flow.0},
    )
}

/// Returns the picture of a flow. Addresses of files lack the name of the server.
pub(super) fn picture(view: &View<'_>, flow: FlowId) -> Result<String, StoreError> {
    text(
        view,
        "SELECT CASE WHEN picture_public_id IS NULL THEN '{}'
                ELSE json_object('url', 'mxc:///' || lower(hex(picture_public_id))) END FROM flows WHERE id = :id",
        named_params! {":id": flow.0},
    )
}

pub(super) fn join_rules(view: &View<'_>, flow: FlowId) -> Result<String, StoreError> {
    text(
        view,
        "SELECT json_object('join_rule', coalesce(join_rule, 'invite')) FROM flows WHERE id = :id",
        named_params! {":id": flow.0},
    )
}

/// Returns the power levels: those that were set by Matrix, else those of the kind of the flow; and the
/// members with a level.
pub(super) fn power_levels(view: &View<'_>, flow: FlowId) -> Result<String, StoreError> {
    text(
        view,
        "SELECT json_set(coalesce(f.power_levels, json_object('users_default', 0,
                    'events_default', iif(f.kind = 'channel', 50, 0), 'state_default', 50, 'invite', 50, 'kick', 50,
                    'ban', 50, 'redact', 50, 'events', json_object('m.room.power_levels', 100,
                    'm.room.history_visibility', 100, 'm.room.tombstone', 100, 'm.room.encryption', 100,
                    'm.room.server_acl', 100))),
                '$.users', json((SELECT json_group_object('@' || u.localpart, iif(f.kind = 'chat', 100, m.level))
                            FROM (SELECT user_id, level FROM members WHERE flow_id = f.id
                                  AND state IN ('joined', 'invited')
                                  AND (level <> 0 OR (SELECT kind FROM flows WHERE id = members.flow_id) = 'chat')
                                  ORDER BY ordinal, user_id) m JOIN users u ON u.id = m.user_id)))
         FROM flows f WHERE f.id = :id",
        named_params! {":id": flow.0},
    )
}

/// Returns the state key and the content of a user's membership in a room.
pub(super) fn member(
    view: &View<'_>,
    flow: FlowId,
    user: UserId,
    membership: &str,
) -> Result<(String, String), StoreError> {
    let mut statement = view.prepare(
        "SELECT '@' || u.localpart, json_patch(json_patch(
                 json_object('membership', :membership, 'displayname', coalesce(nullif(u.username, ''), u.login)),
                 iif(u.avatar_public_id IS NULL, '{}',
                     json_object('avatar_url', 'mxc:///' || lower(hex(u.avatar_public_id))))),
                 iif(f.kind = 'chat' AND :membership IN ('join', 'invite'), '{\"is_direct\":true}', '{}'))
         FROM users u, flows f WHERE u.id = :user AND f.id = :flow",
    )?;
    let params = named_params! {":membership": membership, ":user": user.0, ":flow": flow.0};
    Ok(statement.query_row(params, |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// Returns the members of a flow, in the order of joining.
pub(super) fn members(view: &View<'_>, flow: FlowId) -> Result<Vec<UserId>, StoreError> {
    super::members::ids(view, flow)
}

/// Returns the users whose last membership event differs from the present state, with that state.
pub(super) fn stale_members(
    view: &View<'_>,
    flow: FlowId,
) -> Result<Vec<(UserId, String)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT * FROM (
             SELECT m.user_id, CASE m.state WHEN 'joined' THEN iif(m.room_left, 'leave', 'join') WHEN 'invited' THEN 'invite'
                               WHEN 'banned' THEN 'ban' ELSE 'leave' END AS now,
                    (SELECT e.content ->> 'membership' FROM room_events e INDEXED BY room_state
                     WHERE e.flow_id = m.flow_id AND e.type = 'm.room.member' AND e.state_key = '@' || u.localpart
                     ORDER BY e.position DESC, e.part DESC LIMIT 1) AS said
             FROM members m JOIN users u ON u.id = m.user_id WHERE m.flow_id = :flow)
         WHERE coalesce(said, 'leave') <> now",
    )?;
    let rows = statement.query_map(named_params! {":flow": flow.0}, |row| {
        Ok((UserId(row.get(0)?), row.get(1)?))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns the content of a message by MTP without files, and the file that the message which it answers
/// begins with.
pub(super) fn original(
    view: &View<'_>,
    message: MessageId,
    part: Option<i64>,
) -> Result<String, StoreError> {
    text(
        view,
        "SELECT json_patch(json_object('msgtype', 'm.text', 'body', coalesce(m.text, '')),
                    CASE WHEN r.uuid IS NULL THEN '{}' ELSE json_object('m.relates_to', json_object(
                        'm.in_reply_to', json_object('event_id',
                            '$' || lower(hex(r.uuid)) || coalesce('_' || :part, '')))) END)
         FROM messages m LEFT JOIN messages r ON r.id = m.reply_to_id WHERE m.id = :id",
        named_params! {":id": message.0, ":part": part},
    )
}

/// Tells whether what an event says is a file.
pub(super) fn has_file(view: &View<'_>, content: &str) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 WHERE :content ->> 'url' IS NOT NULL OR :content ->> '$.file.url' IS NOT NULL",
    )?;
    Ok(statement.exists(named_params! {":content": content})?)
}

pub(super) fn redaction(view: &View<'_>, target: &str) -> Result<String, StoreError> {
    text(
        view,
        "SELECT json_object('redacts', :target)",
        named_params! {":target": target},
    )
}

pub(super) fn reaction(view: &View<'_>, target: &str, key: &str) -> Result<String, StoreError> {
    text(
        view,
        "SELECT json_object('m.relates_to', json_object('rel_type', 'm.annotation', 'event_id', :target, 'key', :key))",
        named_params! {":target": target, ":key": key},
    )
}

/// Returns an object with the keys of another one merged into it.
pub(super) fn patched(view: &View<'_>, under: &str, over: &str) -> Result<String, StoreError> {
    text(
        view,
        "SELECT json_patch(:under, :over)",
        named_params! {":under": under, ":over": over},
    )
}

/// Returns the content of an event that votes in a poll, for answers with these ids.
pub(super) fn vote<'a>(
    view: &View<'_>,
    poll: &str,
    answers: impl Iterator<Item = &'a String>,
) -> Result<String, StoreError> {
    let mut content = text(
        view,
        "SELECT json_object('org.matrix.msc3381.poll.response', json_object('answers', json_array()),
                            'm.relates_to', json_object('rel_type', 'm.reference', 'event_id', :poll))",
        named_params! {":poll": poll},
    )?;
    for answer in answers {
        content = text(
            view,
            "SELECT json_insert(:content, '$.\"org.matrix.msc3381.poll.response\".answers[#]', :answer)",
            named_params! {":content": content, ":answer": answer},
        )?;
    }
    Ok(content)
}

/// Returns the content of an event that closes a poll.
pub(super) fn end_of_poll(view: &View<'_>, poll: &str) -> Result<String, StoreError> {
    text(
        view,
        "SELECT json_object('org.matrix.msc3381.poll.end', json_object(),
                            'org.matrix.msc1767.text', 'The poll has ended.',
                            'm.relates_to', json_object('rel_type', 'm.reference', 'event_id', :poll))",
        named_params! {":poll": poll},
    )
}
