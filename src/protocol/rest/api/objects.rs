//! The objects in answers, as JSON: ids as texts, times as seconds.

use serde_json::{Map, Value, json};

use crate::model::{AccountInfo, File, Flow, Invitation, Message, PublicId, Timestamp, User};

fn id(id: PublicId) -> Value {
    Value::from(id.to_string())
}

/// Returns a user.
pub(super) fn user(user: &User) -> Value {
    json!({
        "id": id(user.uuid),
        "login": user.login,
        "username": user.username,
        "bio": user.bio,
        "is_bot": user.is_bot,
        "created": user.created_at.seconds(),
    })
}

/// Returns a flow.
pub(super) fn flow(flow: &Flow) -> Value {
    let members: Vec<Value> = flow.members.iter().copied().map(id).collect();
    json!({
        "id": id(flow.uuid),
        "type": flow.kind.as_str(),
        "title": flow.title,
        "info": flow.info,
        "owner": flow.owner_uuid.map(id),
        "members": members,
        "member_count": flow.member_count,
        "expire": flow.expire,
        "created": flow.created_at.seconds(),
    })
}

fn file(file: &File) -> Value {
    json!({
        "id": file.id.hex(),
        "url": format!("/file/{}", file.id.hex()),
        "kind": file.kind.as_str(),
        "name": file.look.name,
        "size": file.size,
        "type": file.media_type,
    })
}

/// Returns a message.
pub(super) fn message(message: &Message) -> Value {
    let about = message.about.as_deref();
    let mut reactions = Map::new();
    for reaction in about.into_iter().flat_map(|it| &it.reactions) {
        reactions.insert(reaction.emoji.clone(), Value::from(reaction.count));
    }
    json!({
        "id": id(message.uuid),
        "flow": id(message.flow),
        "from": id(message.author),
        "number": message.number,
        "text": message.text,
        "format": about.map_or(0, |it| i64::from(it.is_markup)),
        "time": message.sent_at.seconds(),
        "edited": message.edited_at.map(Timestamp::seconds),
        "deleted": message.is_deleted,
        "reply": about.and_then(|it| it.reply.as_ref()).map(|quote| id(quote.uuid)),
        "bot": about.and_then(|it| it.bot.as_ref()?.name.clone()),
        "files": message.shown.iter().map(file).collect::<Vec<_>>(),
        "reactions": reactions,
    })
}

/// Returns an account, for administrators.
pub(super) fn account(info: &AccountInfo) -> Value {
    json!({
        "id": id(info.uuid),
        "login": info.login,
        "username": info.username,
        "is_bot": info.is_bot,
        "is_admin": info.is_admin,
        "suspended": info.is_suspended,
        "created": info.created_at.seconds(),
        "seen": info.seen_at.map(Timestamp::seconds),
        "used": info.used_bytes,
    })
}

/// Returns an invitation, for administrators.
pub(super) fn invitation(invitation: &Invitation) -> Value {
    json!({
        "id": invitation.id.0.to_string(),
        "hint": invitation.hint,
        "note": invitation.note,
        "uses": invitation.uses_left,
        "created": invitation.created_at.seconds(),
        "expires": invitation.expires_at.map_or(0, Timestamp::seconds),
        "flow": invitation.flow.map(id),
    })
}
