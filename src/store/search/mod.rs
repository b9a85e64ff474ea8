//! The full-text index over messages: its content, how it is kept and searched.
//!
//! The index is derived: everything in it can be rebuilt from the messages. So a damaged one is discarded
//! and rebuilt, a little at a time, while everything else goes on.
//!
//! A term of the index consists of a flow and a word (see [`crate::model::terms`]), so that a search only
//! examines its own flows, whatever else the server holds. `SQLite` gets terms that are already folded
//! and cut, and stores for each only the messages that have it.

mod find;
mod index;
mod rebuild;
#[cfg(test)]
mod tests;

pub use find::{Filter, Hits, Scope, Wanted, find, read};
pub(super) use index::{disagreement, has_outdated, outdate, pending, step};
pub use rebuild::{State, give_up, state};
pub(super) use rebuild::{cut_off, mark_unusable, recreate, tidy};

use rusqlite::ErrorCode;

use super::error::StoreError;
use crate::model::FlowId;

/// The name of the index in messages of the engine, and the prefix of its own tables.
pub(super) const TABLE: &str = "message_search";

/// Returns whether a table is part of the index.
pub(super) fn owns(name: &str) -> bool {
    name.strip_prefix(TABLE)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// The prefix of terms for kinds of attachments; no word contains it.
const KIND_MARK: char = '\u{e000}';

/// Appends the prefix of all terms of a flow, which no other flow has: the number of digits as a letter,
/// and the digits.
fn push_flow(out: &mut String, flow: FlowId) {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let number = flow.0.unsigned_abs();
    let bits = u64::BITS - number.leading_zeros();
    let count = bits.div_ceil(5).max(1);
    out.push(char::from(b'a' + u8::try_from(count).unwrap_or(0)));
    for place in (0..count).rev() {
        let digit = usize::try_from(number >> (5 * place) & 31).unwrap_or(0);
        out.push(char::from(DIGITS[digit]));
    }
}

/// Converts errors of the index, as opposed to errors of the file: a damaged index is rebuilt, while a full
/// disk or a lock is not a fault of the index.
pub(super) fn of_index(err: StoreError) -> StoreError {
    match err {
        StoreError::Damaged(what) => StoreError::SearchDamaged(what),
        // The engine returns this for tables that are missing or of another version.
        StoreError::Engine(rusqlite::Error::SqliteFailure(failure, what))
            if failure.code == ErrorCode::Unknown =>
        {
            StoreError::SearchDamaged(what.unwrap_or_else(|| failure.to_string()))
        }
        other => other,
    }
}
