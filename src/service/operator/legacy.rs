//! The meaning of the Python server's rows on this server: pure decisions, without a database.

use std::collections::{HashMap, HashSet};

use crate::model::{
    DELETED_LOGIN, DELETED_TEXT, FlowId, FlowKind, Login, PublicId, Timestamp, UserId,
};
use crate::service::ServiceError;
use crate::store::imports;
use crate::store::python::{OldFlow, OldMessage, OldUser};

/// Maximum length of the beginning of a login, so that a number can follow.
const STEM_CHARS: usize = 56;

/// A user of the Python server who exists here, or will exist.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Row number here; `None` in a dry run.
    pub(super) id: Option<UserId>,
    /// Whether the account is deleted.
    pub(super) is_deleted: bool,
}

/// The properties of a flow on this server, with the row numbers of the Python server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) kind: FlowKind,
    pub(super) owner: Option<i64>,
    pub(super) members: Vec<i64>,
    /// The differences to the Python server.
    pub(super) changes: Vec<String>,
}

/// Returns a valid login that is as similar to a text as possible.
pub(super) fn login_like(text: &str, row: i64) -> String {
    if Login::imported(text).is_ok() {
        return text.to_owned();
    }
    let seen: String = text
        .chars()
        .filter(|c| *c == ' ' || Login::imported(&c.to_string()).is_ok())
        .take(STEM_CHARS)
        .collect();
    let seen = seen.trim().to_owned();
    if Login::imported(&seen).is_ok() {
        seen
    } else {
        format!("user-{row}")
    }
}

/// Returns a login, or the same login followed by a number.
pub(super) fn numbered(like: &str, count: usize) -> Result<Login, ServiceError> {
    if count == 1 {
        return Ok(Login::imported(like)?);
    }
    let stem: String = like.chars().take(STEM_CHARS).collect();
    Ok(Login::imported(&format!("{}-{count}", stem.trim_end()))?)
}

/// Returns a name of a flow for messages.
pub(super) fn flow_name(old: &OldFlow) -> String {
    match old.title.as_deref() {
        Some(title) if !title.is_empty() => format!("flow {title:?}"),
        _ => format!("the flow in row {}", old.row),
    }
}

/// Returns an account as it is stored here.
pub(super) fn user(
    old: OldUser,
    uuid: PublicId,
    login: Option<Login>,
    password_hash: Option<String>,
) -> imports::User {
    let is_deleted = login.is_none();
    imports::User {
        uuid,
        login,
        password_hash,
        username: if is_deleted {
            Some(DELETED_LOGIN.to_owned())
        } else {
            old.username
        },
        email: old.email,
        bio: old.bio,
        avatar: old.avatar.filter(|_| !is_deleted),
        is_bot: old.is_bot,
        is_suspended: false,
        created_at: old
            .first_seen
            .map_or_else(Timestamp::now, Timestamp::from_seconds),
    }
}

/// Returns a message as it is stored here. If it has no time, it gets that of the previous message.
pub(super) fn message(
    old: OldMessage,
    uuid: PublicId,
    flow: FlowId,
    author: UserId,
    last_time: Timestamp,
) -> imports::Message {
    let sent_at = old
        .time
        .filter(|second| *second > 0)
        .map_or(last_time, Timestamp::from_seconds);
    let edited = old.edited.filter(|second| *second > 0);
    let is_edited = old.is_edited || edited.is_some();
    // Anybody can write this text; only deleting empties all columns of files.
    let is_deleted = is_edited && old.is_emptied && old.text.as_deref() == Some(DELETED_TEXT);
    imports::Message {
        uuid,
        row: old.row,
        flow,
        author,
        sent_at,
        text: old.text,
        files: old.files,
        edited_at: is_edited.then(|| edited.map_or(sent_at, Timestamp::from_seconds)),
        is_deleted,
        details: None,
    }
}

/// Decides the properties of a flow, or why it is left out.
///
/// The rules of this server apply: a chat has exactly two members, and two users have only one chat; the
/// owner is a member; deleted accounts are only in chats.
pub(super) fn plan(
    old: &OldFlow,
    owner: Option<i64>,
    users: &HashMap<i64, Known>,
    chats: &mut HashSet<(i64, i64)>,
) -> Result<Plan, &'static str> {
    let mut changes = Vec::new();
    let word = old.kind.as_deref().unwrap_or_default();
    let mut kind = FlowKind::parse(word).unwrap_or_else(|| {
        changes.push(format!(
            "its type {word:?} is unknown; it is a group from now on"
        ));
        FlowKind::Group
    });
    let mut members: Vec<i64> = old.members.clone();
    members.retain(|row| users.contains_key(row));
    if members.len() < old.members.len() {
        let lost = old.members.len() - members.len();
        changes.push(match lost {
            1 => "1 of its members is an unknown user".to_owned(),
            _ => format!("{lost} of its members are unknown users"),
        });
    }
    let is_alive = |row: &i64| users.get(row).is_some_and(|known| !known.is_deleted);
    if let Some(owner) = owner.filter(|row| users.contains_key(row))
        && !members.contains(&owner)
    {
        members.insert(0, owner);
    }
    if kind == FlowKind::Chat {
        let pair = match members[..] {
            [one, other] => Some((one.min(other), one.max(other))),
            _ => None,
        };
        if pair.is_none() && old.messages == 0 {
            return Err("it is a chat without two members and without messages");
        }
        if pair.is_none_or(|pair| !chats.insert(pair)) {
            changes.push(match pair {
                Some(_) => {
                    "its two members have another chat; it is a group from now on".to_owned()
                }
                None => format!(
                    "a chat has two members, this one has {}; it is a group from now on",
                    members.len()
                ),
            });
            kind = FlowKind::Group;
        }
    }
    if kind != FlowKind::Chat {
        members.retain(is_alive);
    }
    let heir = || members.iter().copied().find(is_alive);
    let new_owner = owner
        .filter(|row| members.contains(row) && is_alive(row))
        .or_else(heir);
    if members.is_empty() || new_owner.is_none() && old.messages == 0 {
        return Err("it has no members");
    }
    if new_owner != owner {
        changes.push("its owner is gone; the member who joined first owns it now".to_owned());
    }
    Ok(Plan {
        kind,
        owner: new_owner,
        members,
        changes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old(kind: &str, members: &[i64], messages: i64) -> OldFlow {
        OldFlow {
            row: 1,
            uuid: Some(PublicId(1)),
            created: None,
            kind: Some(kind.to_owned()),
            title: None,
            info: None,
            owner: None,
            members: members.to_vec(),
            messages,
        }
    }

    /// Users 1 to 3, and user 9, whose account is deleted.
    fn planned(
        flow: &OldFlow,
        owner: Option<i64>,
    ) -> Result<(FlowKind, Option<i64>, Vec<i64>), &'static str> {
        let known = |row| {
            let is_deleted = row == 9;
            (
                row,
                Known {
                    id: None,
                    is_deleted,
                },
            )
        };
        let users = [1, 2, 3, 9].map(known).into();
        plan(flow, owner, &users, &mut HashSet::new())
            .map(|plan| (plan.kind, plan.owner, plan.members))
    }

    #[test]
    fn sound_flows_stay_as_they_are() {
        let group = planned(&old("group", &[2, 1], 0), Some(1));
        assert_eq!(group, Ok((FlowKind::Group, Some(1), vec![2, 1])));
        let chat = planned(&old("chat", &[1, 2], 0), Some(2));
        assert_eq!(chat, Ok((FlowKind::Chat, Some(2), vec![1, 2])));
        let with_deleted = planned(&old("chat", &[1, 9], 1), Some(9));
        assert_eq!(with_deleted, Ok((FlowKind::Chat, Some(1), vec![1, 9])));
    }

    #[test]
    fn broken_flows_are_mended_or_left_out() {
        let missing_owner = planned(&old("group", &[2, 3, 7], 0), Some(7));
        assert_eq!(missing_owner, Ok((FlowKind::Group, Some(2), vec![2, 3])));
        let owner_outside = planned(&old("channel", &[2], 0), Some(1));
        assert_eq!(owner_outside, Ok((FlowKind::Channel, Some(1), vec![1, 2])));
        let deleted_member = planned(&old("group", &[9, 2], 0), Some(9));
        assert_eq!(deleted_member, Ok((FlowKind::Group, Some(2), vec![2])));
        let lonely_chat = planned(&old("chat", &[2], 3), None);
        assert_eq!(lonely_chat, Ok((FlowKind::Group, Some(2), vec![2])));
        assert!(planned(&old("chat", &[2], 0), None).is_err());
        assert!(planned(&old("group", &[], 5), None).is_err());
        assert_eq!(
            planned(&old("party", &[1], 0), Some(1)).unwrap().0,
            FlowKind::Group
        );
    }

    #[test]
    fn a_second_chat_of_the_same_two_becomes_a_group() {
        let known = Known {
            id: None,
            is_deleted: false,
        };
        let users = HashMap::from([(1, known), (2, known)]);
        let mut chats = HashSet::new();
        let first = plan(&old("chat", &[1, 2], 0), Some(1), &users, &mut chats).unwrap();
        let second = plan(&old("chat", &[2, 1], 0), Some(1), &users, &mut chats).unwrap();
        assert_eq!((first.kind, second.kind), (FlowKind::Chat, FlowKind::Group));
        assert_eq!(second.changes.len(), 1);
    }

    #[test]
    fn logins_are_changed_as_little_as_possible() {
        assert_eq!(login_like("Анна", 1), "Анна");
        assert_eq!(login_like(" an\u{200b}na\n", 1), "anna");
        assert_eq!(login_like("\u{200b}", 7), "user-7");
        assert_eq!(login_like(&"x".repeat(90), 7).len(), STEM_CHARS);
        assert_eq!(numbered("anna", 2).unwrap().as_str(), "anna-2");
    }
}
