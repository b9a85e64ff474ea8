//! Outgoing hooks: what they report, and up to which position they have reported it.

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::log;
use super::tx::{Tx, View};
use crate::model::{
    FlowId, MessageId, Outgoing, OutgoingId, Page, Position, PublicId, Timestamp, Topics, UserId,
};

/// Flag in `outgoing.flags`: messages of other bots are reported too.
const BOTS: i64 = 1;

/// The initial values of a new hook.
#[derive(Debug, Clone)]
pub struct NewOutgoing {
    /// The flow that it reports.
    pub flow: FlowId,
    /// The bot that answers.
    pub bot: UserId,
    /// The URL that it posts to.
    pub url: String,
    /// The key that signs its requests.
    pub secret: Vec<u8>,
    /// The topics that it reports.
    pub topics: Topics,
    /// Whether it reports messages of other bots.
    pub has_bots: bool,
    /// The text that a message must begin with to be reported.
    pub trigger: Option<String>,
    /// The user who creates it; `None`: the operator.
    pub maker: Option<UserId>,
}

/// Stores a hook, which reports what happens from now on.
///
/// # Errors
/// The file cannot be written.
pub fn insert(tx: &Tx<'_>, new: &NewOutgoing) -> Result<OutgoingId, StoreError> {
    let (end, _) = log::last(tx)?;
    tx.prepare(
        "INSERT INTO outgoing (flow_id, bot_id, url, secret, events, flags, trigger, position, made_by)
         VALUES (:flow, :bot, :url, :secret, :events, :flags, :trigger, :position, :maker)",
    )?
    .execute(named_params! {
        ":flow": new.flow.0,
        ":bot": new.bot.0,
        ":url": new.url,
        ":secret": new.secret,
        ":events": new.topics.0,
        ":flags": if new.has_bots { BOTS } else { 0 },
        ":trigger": new.trigger,
        ":position": end.0,
        ":maker": new.maker.map(|id| id.0),
    })?;
    Ok(OutgoingId(tx.last_id()))
}

/// A hook that is active now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Living {
    /// Row number.
    pub id: OutgoingId,
    /// The flow that it reports.
    pub flow: FlowId,
    /// The id of that flow that clients know.
    pub flow_uuid: PublicId,
    /// The bot that answers.
    pub bot: UserId,
    /// The id of the bot that clients know.
    pub bot_uuid: PublicId,
    /// The URL that it posts to.
    pub url: String,
    /// The key that signs its requests.
    pub secret: Vec<u8>,
    /// The topics that it reports.
    pub topics: Topics,
    /// Whether it reports messages of other bots.
    pub has_bots: bool,
    /// The text that a message must begin with to be reported.
    pub trigger: Option<String>,
    /// The position up to which everything is delivered.
    pub position: Position,
    /// The number of failures in a row.
    pub failures: i64,
    /// When the next attempt is made.
    pub next_at: Timestamp,
    /// The user who created it; `None`: the operator.
    pub maker: Option<UserId>,
    /// Whether an administrator or the operator created it.
    pub is_trusted: bool,
}

/// The query for hooks that are active: not disabled, and allowed by the same rules as incoming
/// ones.
macro_rules! select_living {
    ($rest:literal) => {
        concat!(
            "SELECT h.id, h.flow_id, f.uuid AS flow, h.bot_id, b.uuid AS bot, h.url, h.secret, h.events, h.flags, h.trigger,
                    h.position, h.failures, h.next_at, h.made_by, h.made_by IS NULL OR u.is_admin AS is_trusted
             FROM outgoing h JOIN flows f ON f.id = h.flow_id AND f.removed_at IS NULL
             JOIN users b ON b.id = h.bot_id AND b.deleted_at IS NULL AND b.suspended_at IS NULL
             JOIN members m ON m.flow_id = h.flow_id AND m.user_id = h.bot_id AND m.state = 'joined'
             LEFT JOIN users o ON o.id = b.owner_id
             LEFT JOIN users u ON u.id = h.made_by
             WHERE h.disabled_at IS NULL AND o.suspended_at IS NULL AND o.deleted_at IS NULL
               AND (h.made_by IS NULL OR u.deleted_at IS NULL AND u.suspended_at IS NULL AND (u.is_admin OR EXISTS
                   (SELECT 1 FROM members w WHERE w.flow_id = h.flow_id AND w.user_id = u.id AND w.state = 'joined'))) ",
            $rest
        )
    };
}

/// Returns every active hook, with the time of its next attempt.
///
/// # Errors
/// The file cannot be read.
pub fn living(view: &View<'_>) -> Result<Vec<(OutgoingId, Timestamp)>, StoreError> {
    let mut statement = view.prepare(select_living!("ORDER BY h.id"))?;
    let rows = statement.query_map([], |row| {
        Ok((OutgoingId(row.get("id")?), Timestamp(row.get("next_at")?)))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns a hook, if it is active.
///
/// # Errors
/// The file cannot be read.
pub fn by_id(view: &View<'_>, id: OutgoingId) -> Result<Option<Living>, StoreError> {
    let mut statement = view.prepare(select_living!("AND h.id = :id"))?;
    let found = statement.query_row(named_params! {":id": id.0}, living_row);
    Ok(found.optional()?)
}

fn living_row(row: &Row<'_>) -> rusqlite::Result<Living> {
    Ok(Living {
        id: OutgoingId(row.get("id")?),
        flow: FlowId(row.get("flow_id")?),
        flow_uuid: PublicId::from_bytes(row.get("flow")?),
        bot: UserId(row.get("bot_id")?),
        bot_uuid: PublicId::from_bytes(row.get("bot")?),
        url: row.get("url")?,
        secret: row.get("secret")?,
        topics: Topics(row.get("events")?),
        has_bots: row.get::<_, i64>("flags")? & BOTS != 0,
        trigger: row.get("trigger")?,
        position: Position(row.get("position")?),
        failures: row.get("failures")?,
        next_at: Timestamp(row.get("next_at")?),
        maker: row.get::<_, Option<i64>>("made_by")?.map(UserId),
        is_trusted: row.get("is_trusted")?,
    })
}

/// Returns how many hooks report a flow.
///
/// # Errors
/// The file cannot be read.
pub fn count(view: &View<'_>, flow: FlowId) -> Result<i64, StoreError> {
    let mut statement = view.prepare("SELECT COUNT(*) FROM outgoing WHERE flow_id = :flow")?;
    Ok(statement.query_row(named_params! {":flow": flow.0}, |row| row.get(0))?)
}

/// Returns the flow of a hook.
///
/// # Errors
/// The file cannot be read.
pub fn flow_of(view: &View<'_>, id: OutgoingId) -> Result<Option<FlowId>, StoreError> {
    let mut statement = view.prepare("SELECT flow_id FROM outgoing WHERE id = :id")?;
    let found = statement.query_row(named_params! {":id": id.0}, |row| {
        row.get::<_, Option<i64>>(0)
    });
    Ok(found.optional()?.flatten().map(FlowId))
}

/// Returns the hooks of a flow, or of all flows, newest first; with `after`, the ones after that hook.
///
/// # Errors
/// The file cannot be read.
pub fn page(
    view: &View<'_>,
    flow: Option<FlowId>,
    after: Option<OutgoingId>,
) -> Result<Page<Outgoing>, StoreError> {
    let mut statement = view.prepare(
        "SELECT h.id, f.uuid AS flow, f.title, h.url, h.events, h.flags, h.trigger, b.uuid AS bot, b.login,
                u.uuid AS maker, h.position, h.failures, h.next_at, h.disabled_at
         FROM outgoing h JOIN flows f ON f.id = h.flow_id JOIN users b ON b.id = h.bot_id
         LEFT JOIN users u ON u.id = h.made_by
         WHERE f.removed_at IS NULL AND (:flow IS NULL OR h.flow_id = :flow) AND h.id < :after
         ORDER BY h.id DESC LIMIT :limit",
    )?;
    let params = named_params! {
        ":flow": flow.map(|id| id.0),
        ":after": after.map_or(i64::MAX, |id| id.0),
        ":limit": Page::<Outgoing>::LIMIT,
    };
    let rows = statement.query_map(params, row)?;
    Ok(Page::of(rows.collect::<Result<_, _>>()?))
}

fn row(row: &Row<'_>) -> rusqlite::Result<Outgoing> {
    let maker: Option<[u8; 16]> = row.get("maker")?;
    Ok(Outgoing {
        id: OutgoingId(row.get("id")?),
        flow: PublicId::from_bytes(row.get("flow")?),
        title: row.get("title")?,
        url: row.get("url")?,
        topics: Topics(row.get("events")?),
        has_bots: row.get::<_, i64>("flags")? & BOTS != 0,
        trigger: row.get("trigger")?,
        bot: PublicId::from_bytes(row.get("bot")?),
        login: row.get("login")?,
        maker: maker.map(PublicId::from_bytes),
        position: Position(row.get("position")?),
        failures: row.get("failures")?,
        next_at: Timestamp(row.get("next_at")?),
        disabled_at: row.get::<_, Option<i64>>("disabled_at")?.map(Timestamp),
    })
}

/// Removes a hook. Returns whether there was one.
///
/// # Errors
/// The file cannot be written.
pub fn remove(tx: &Tx<'_>, id: OutgoingId) -> Result<bool, StoreError> {
    let removed = tx
        .prepare("DELETE FROM outgoing WHERE id = :id")?
        .execute(named_params! {":id": id.0})?;
    Ok(removed > 0)
}

/// Records that everything up to a position is delivered, or needs no delivery.
///
/// # Errors
/// The file cannot be written.
pub fn pass(tx: &Tx<'_>, id: OutgoingId, position: Position) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE outgoing SET position = max(position, :position), failures = 0, next_at = 0 WHERE id = :id",
    )?
    .execute(named_params! {":position": position.0, ":id": id.0})?;
    Ok(())
}

/// Records that a delivery failed, and when the next attempt is made.
///
/// # Errors
/// The file cannot be written.
pub fn put_off(tx: &Tx<'_>, id: OutgoingId, next_at: Timestamp) -> Result<(), StoreError> {
    tx.prepare("UPDATE outgoing SET failures = failures + 1, next_at = :next_at WHERE id = :id")?
        .execute(named_params! {":next_at": next_at.0, ":id": id.0})?;
    Ok(())
}

/// Disables a hook.
///
/// # Errors
/// The file cannot be written.
pub fn disable(tx: &Tx<'_>, id: OutgoingId) -> Result<(), StoreError> {
    tx.prepare("UPDATE outgoing SET disabled_at = :now, failures = failures + 1 WHERE id = :id")?
        .execute(named_params! {":now": tx.now().0, ":id": id.0})?;
    Ok(())
}

/// The maximum number of messages that are searched for those that did not come from a hook.
const LOOKED_AT: i64 = 500;

/// Returns how many of the `newest` messages of a flow are answers of receivers. Messages from incoming
/// hooks are skipped.
///
/// # Errors
/// The file cannot be read.
pub fn answers_among_newest(view: &View<'_>, flow: FlowId, newest: i64) -> Result<i64, StoreError> {
    let mut statement = view.prepare(
        "SELECT COUNT(*) FROM (SELECT extra ->> 'answer' AS answer
             FROM (SELECT number, extra FROM messages WHERE flow_id = :flow ORDER BY number DESC LIMIT :looked)
             WHERE extra ->> 'hook' IS NULL ORDER BY number DESC LIMIT :newest) WHERE answer",
    )?;
    let params = named_params! {":flow": flow.0, ":newest": newest, ":looked": LOOKED_AT};
    Ok(statement.query_row(params, |row| row.get(0))?)
}

/// Returns whether a bot is told what other bots write in a flow, and only bots have written the `newest`
/// messages. Messages from incoming hooks are skipped.
///
/// # Errors
/// The file cannot be read.
pub fn talks_with_bots(
    view: &View<'_>,
    flow: FlowId,
    bot: UserId,
    newest: i64,
) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM outgoing o WHERE o.flow_id = :flow AND o.bot_id = :bot AND o.flags & :bots <> 0
            AND o.disabled_at IS NULL",
    )?;
    let params = named_params! {":flow": flow.0, ":bot": bot.0, ":bots": BOTS};
    if !statement.exists(params)? {
        return Ok(false);
    }
    let mut statement = view.prepare(
        "SELECT COUNT(*) FROM (SELECT author_id
             FROM (SELECT number, author_id, extra FROM messages WHERE flow_id = :flow ORDER BY number DESC LIMIT :looked)
             WHERE extra ->> 'hook' IS NULL ORDER BY number DESC LIMIT :newest) m
         JOIN users u ON u.id = m.author_id AND u.is_bot",
    )?;
    let params = named_params! {":flow": flow.0, ":newest": newest, ":looked": LOOKED_AT};
    let count: i64 = statement.query_row(params, |row| row.get(0))?;
    Ok(count >= newest)
}

/// Marks a message as the answer of a receiver.
///
/// # Errors
/// The file cannot be written.
pub fn mark_answer(tx: &Tx<'_>, message: MessageId) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE messages SET extra = json_set(coalesce(extra, '{}'), '$.answer', json('true')) WHERE id = :id",
    )?
    .execute(named_params! {":id": message.0})?;
    Ok(())
}
