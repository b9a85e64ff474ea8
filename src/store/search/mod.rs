//! The full-text index over messages: what it holds, how it is kept and asked.
//!
//! It is derived: everything in it can be made again from the messages. So one that is damaged is
//! thrown away and made anew, a little at a time, while everything else goes on.
//!
//! A term of the index is a flow and a word (see [`crate::model::terms`]), so that a search looks at
//! what its own flows hold, whatever else the server holds. `SQLite` sees terms that were folded and
//! cut before, and keeps for each only the messages that have it.

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

/// The index, as the engine's messages name it, and as its own tables begin.
pub(super) const TABLE: &str = "message_search";

/// Tells whether a table is part of the index.
pub(super) fn owns(name: &str) -> bool {
    name.strip_prefix(TABLE)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// Begins terms that are no words but kinds of attachments; no word has it.
const KIND_MARK: char = '\u{e000}';

/// Appends what every term of a flow begins with, and no term of another: the number of digits as a
/// letter, and the digits.
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

/// Tells an error of the index from one of the file: a damaged index is made anew, while a full disk
/// or a lock is none of its faults.
pub(super) fn of_index(err: StoreError) -> StoreError {
    match err {
        StoreError::Damaged(what) => StoreError::SearchDamaged(what),
        // The engine says so of tables that are missing or of another version.
        StoreError::Engine(rusqlite::Error::SqliteFailure(failure, what))
            if failure.code == ErrorCode::Unknown =>
        {
            StoreError::SearchDamaged(what.unwrap_or_else(|| failure.to_string()))
        }
        other => other,
    }
}
