//! The results of requests with a `txn`, so that a repeated request is answered and not executed again.

use std::time::Duration;

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{FlowId, MessageId, UserId};

/// How long a repetition is recognised. MTP requires at least 24 hours; a phone that was off for a day is
/// still served.
pub const LIFETIME: Duration = Duration::from_hours(48);

/// The result of the first request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// A message, with the number that the client gave it.
    Message(MessageId, Option<i64>),
    /// A flow.
    Flow(FlowId),
}

/// Finds the result of a request.
///
/// # Errors
/// The file cannot be read.
pub fn find(view: &View<'_>, user: UserId, txn: &str) -> Result<Option<Made>, StoreError> {
    find_within(view, user, "", txn)
}

/// Finds the result for a text that is unique only within a scope.
///
/// # Errors
/// The file cannot be read.
pub fn find_within(
    view: &View<'_>,
    user: UserId,
    scope: &str,
    txn: &str,
) -> Result<Option<Made>, StoreError> {
    let mut statement = view.prepare(
        "SELECT message_id, flow_id, client_id FROM txns
         WHERE user_id = :user AND scope = :scope AND txn = :txn",
    )?;
    let params = named_params! {":user": user.0, ":scope": scope, ":txn": txn};
    let found = statement.query_row(params, |row| {
        let message: Option<i64> = row.get("message_id")?;
        let flow: Option<i64> = row.get("flow_id")?;
        let client_id = row.get("client_id")?;
        Ok(message
            .map(|id| Made::Message(MessageId(id), client_id))
            .or(flow.map(|id| Made::Flow(FlowId(id)))))
    });
    Ok(found.optional()?.flatten())
}

/// Records the result of a request. A few expired records are removed at the same time.
///
/// # Errors
/// The file cannot be written.
pub fn insert(tx: &Tx<'_>, user: UserId, txn: &str, made: Made) -> Result<(), StoreError> {
    insert_within(tx, user, ("", txn), made, LIFETIME)
}

/// Records a result for a text that is unique only within a scope, for a limited time. An earlier result
/// for that text is replaced.
///
/// # Errors
/// The file cannot be written.
pub fn insert_within(
    tx: &Tx<'_>,
    user: UserId,
    (scope, txn): (&str, &str),
    made: Made,
    lifetime: Duration,
) -> Result<(), StoreError> {
    tx.prepare(
        "DELETE FROM txns WHERE (user_id, scope, txn) IN
         (SELECT user_id, scope, txn FROM txns WHERE expires_at < :now ORDER BY expires_at LIMIT 8)",
    )?
    .execute(named_params! {":now": tx.now().0})?;
    let (message, flow, client_id) = match made {
        Made::Message(id, client_id) => (Some(id.0), None, client_id),
        Made::Flow(id) => (None, Some(id.0), None),
    };
    tx.prepare(
        "INSERT OR REPLACE INTO txns (user_id, scope, txn, message_id, flow_id, client_id, expires_at)
         VALUES (:user, :scope, :txn, :message, :flow, :client_id, :expires_at)",
    )?
    .execute(named_params! {
        ":user": user.0,
        ":scope": scope,
        ":txn": txn,
        ":message": message,
        ":flow": flow,
        ":client_id": client_id,
        ":expires_at": tx.now().after(lifetime).0,
    })?;
    Ok(())
}

/// Stores with a result what the answer repeats of the request.
///
/// # Errors
/// The file cannot be written.
pub fn set_answer(
    tx: &Tx<'_>,
    user: UserId,
    (scope, txn): (&str, &str),
    answer: &str,
) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE txns SET answer = :answer WHERE user_id = :user AND scope = :scope AND txn = :txn",
    )?
    .execute(named_params! {":user": user.0, ":scope": scope, ":txn": txn, ":answer": answer})?;
    Ok(())
}

/// Returns what the first answer repeated of its request; `None` if nothing was stored, or the message is
/// deleted.
///
/// # Errors
/// The file cannot be read.
pub fn answer(
    view: &View<'_>,
    user: UserId,
    (scope, txn): (&str, &str),
) -> Result<Option<String>, StoreError> {
    let mut statement = view.prepare(
        "SELECT answer FROM txns WHERE user_id = :user AND scope = :scope AND txn = :txn",
    )?;
    let params = named_params! {":user": user.0, ":scope": scope, ":txn": txn};
    let found = statement.query_row(params, |row| row.get("answer"));
    Ok(found.optional()?.flatten())
}
