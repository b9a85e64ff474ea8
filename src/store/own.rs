//! A user's actions and choices besides messages: reactions, votes, blocked users, settings. They are
//! read completely, for the user's export.

use rusqlite::named_params;

use super::error::StoreError;
use super::tx::View;
use super::{accounts, blocks, settings};
use crate::model::{FlowId, FlowSettings, OwnAccount, PublicId, Timestamp, UserId};

/// The actions and choices of a user.
#[derive(Debug, Clone)]
pub struct Own {
    /// Privacy and notifications; `None`: the account no longer exists.
    pub account: Option<OwnAccount>,
    /// Reactions in the order of the messages.
    pub reactions: Vec<OwnReaction>,
    /// Votes in the order of the polls.
    pub votes: Vec<OwnVote>,
    /// The users whom the user blocks, in the order of blocking.
    pub blocked: Vec<PublicId>,
    /// The settings of the user's flows that differ from the default.
    pub settings: Vec<(PublicId, FlowSettings)>,
}

/// A reaction of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnReaction {
    /// The message.
    pub message: PublicId,
    /// Its flow.
    pub flow: PublicId,
    /// The reaction.
    pub emoji: String,
}

/// A vote of the user in a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnVote {
    /// The poll's message.
    pub message: PublicId,
    /// Its flow.
    pub flow: PublicId,
    /// The question.
    pub question: String,
    /// The chosen option.
    pub option: String,
}

/// Reads the actions and choices of a user.
///
/// # Errors
/// The file cannot be read.
pub fn of(view: &View<'_>, user: UserId) -> Result<Own, StoreError> {
    Ok(Own {
        account: accounts::own(view, user)?,
        reactions: reactions(view, user)?,
        votes: votes(view, user)?,
        blocked: blocks::of(view, user)?,
        settings: set_up(view, user)?,
    })
}

fn reactions(view: &View<'_>, user: UserId) -> Result<Vec<OwnReaction>, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.uuid, f.uuid, r.emoji FROM reactions r
         JOIN messages m ON m.id = r.message_id JOIN flows f ON f.id = m.flow_id
         WHERE r.user_id = :user AND f.removed_at IS NULL ORDER BY r.message_id, r.emoji",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0}, |row| {
        Ok(OwnReaction {
            message: PublicId::from_bytes(row.get(0)?),
            flow: PublicId::from_bytes(row.get(1)?),
            emoji: row.get(2)?,
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

fn votes(view: &View<'_>, user: UserId) -> Result<Vec<OwnVote>, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.uuid, f.uuid, p.question, coalesce(o.value, '') FROM votes v
         JOIN polls p ON p.message_id = v.message_id
         JOIN messages m ON m.id = v.message_id JOIN flows f ON f.id = m.flow_id
         LEFT JOIN json_each(p.options) o ON o.key = v.option
         WHERE v.user_id = :user AND f.removed_at IS NULL ORDER BY v.message_id, v.option",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0}, |row| {
        Ok(OwnVote {
            message: PublicId::from_bytes(row.get(0)?),
            flow: PublicId::from_bytes(row.get(1)?),
            question: row.get(2)?,
            option: row.get(3)?,
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

fn set_up(view: &View<'_>, user: UserId) -> Result<Vec<(PublicId, FlowSettings)>, StoreError> {
    let now = Timestamp::now();
    let mut statement = view.prepare(
        "SELECT f.id, f.uuid FROM members m JOIN flows f ON f.id = m.flow_id
         WHERE m.user_id = :user AND m.state = 'joined' ORDER BY f.id",
    )?;
    let mut rows = statement.query(named_params! {":user": user.0})?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let chosen = settings::of(view, FlowId(row.get(0)?), user, now)?;
        if chosen != FlowSettings::default() {
            found.push((PublicId::from_bytes(row.get(1)?), chosen));
        }
    }
    Ok(found)
}
