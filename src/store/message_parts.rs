//! Removing one part of a message and leaving the others.

use rusqlite::named_params;

use super::error::StoreError;
use super::messages::{self, Handle};
use super::room_parts::{self, TEXT};
use super::tx::Tx;
use super::{attachments, log, room_keeper, search};
use crate::model::By;

/// Removes a part of a message, and tells the members of its flow about the rest.
///
/// # Errors
/// The file cannot be written.
pub fn take_back(tx: &Tx<'_>, message: &Handle, part: &str, by: By) -> Result<(), StoreError> {
    search::outdate(tx, message.id)?;
    let with_text = room_parts::with_text(tx, message.id)?;
    room_keeper::take_back(tx, message.id, Some(part), by)?;
    if part == TEXT {
        if let Some(number) = with_text {
            attachments::remove(tx, message.id, &number.to_string())?;
        }
        tx.prepare("UPDATE messages SET text = NULL, format = NULL WHERE id = :id")?
            .execute(named_params! {":id": message.id.0})?;
    } else {
        attachments::remove(tx, message.id, part)?;
    }
    let slots = message.slots & !attachments::KINDS | attachments::kinds(tx, message.id)?;
    tx.prepare("UPDATE messages SET slots = :slots, edited_at = :now WHERE id = :id")?
        .execute(named_params! {":slots": slots, ":now": tx.now().0, ":id": message.id.0})?;
    messages::announce(tx, message, log::Kind::Edited, by)
}
