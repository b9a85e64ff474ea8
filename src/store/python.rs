//! The database of the Python server that this one replaces: its content, read but not interpreted.
//!
//! Any column but a few may be NULL, and SQLite allows any type in any column: everything is read as the
//! text or number that it can be converted to. The service interprets it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

use super::error::StoreError;
use crate::model::{Attachment, Content, Encoding, PublicId, Slot};

/// The columns of files, by slot.
const FILES: [(&str, Slot); 5] = [
    ("file_picture", Slot::Picture),
    ("file_video", Slot::Video),
    ("file_audio", Slot::Audio),
    ("file_document", Slot::Document),
    ("emoji", Slot::Emoji),
];

/// An open database of the Python server.
pub struct Source {
    conn: Connection,
}

/// A user of the Python server.
#[derive(Debug, Clone)]
pub struct OldUser {
    /// Row number.
    pub row: i64,
    /// Its id, if it is valid.
    pub uuid: Option<PublicId>,
    /// Login.
    pub login: String,
    /// The password in clear text.
    pub password: String,
    /// The display name.
    pub username: Option<String>,
    /// Set for bots.
    pub is_bot: bool,
    /// E-mail address.
    pub email: Option<String>,
    /// Picture.
    pub avatar: Option<Content>,
    /// A short text about the user.
    pub bio: Option<String>,
    /// Unix second of the user's first message, which is the earliest known time.
    pub first_seen: Option<i64>,
}

/// A flow of the Python server.
#[derive(Debug, Clone)]
pub struct OldFlow {
    /// Row number.
    pub row: i64,
    /// Its id, if it is valid.
    pub uuid: Option<PublicId>,
    /// Unix second when it was created.
    pub created: Option<i64>,
    /// The name of its type.
    pub kind: Option<String>,
    /// Its name.
    pub title: Option<String>,
    /// What it is about.
    pub info: Option<String>,
    /// Id of the owner.
    pub owner: Option<PublicId>,
    /// Row numbers of the members.
    pub members: Vec<i64>,
    /// How many messages it has.
    pub messages: i64,
}

/// A message of the Python server.
#[derive(Debug, Clone)]
pub struct OldMessage {
    /// Row number.
    pub row: i64,
    /// Its id, if it is valid.
    pub uuid: Option<PublicId>,
    /// The text.
    pub text: Option<String>,
    /// Unix second when it was sent.
    pub time: Option<i64>,
    /// Its files.
    pub files: Vec<Attachment>,
    /// Unix second of the last edit.
    pub edited: Option<i64>,
    /// Whether it was edited, or deleted.
    pub is_edited: bool,
    /// Whether every column of files holds an empty text, which only a deletion leaves.
    pub is_emptied: bool,
    /// Row number of the author.
    pub author: Option<i64>,
    /// Row number of the flow.
    pub flow: Option<i64>,
}

impl Source {
    /// Opens a file, which is not modified.
    ///
    /// # Errors
    /// It cannot be read, or is not a database of the Python server.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.pragma_update(None, "trusted_schema", "OFF")?;
        for table in ["user_config", "flow", "flow_user_config", "message"] {
            let found = conn
                .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?
                .exists([table])?;
            if !found {
                return Err(StoreError::NotPython {
                    path: path.to_owned(),
                    table,
                });
            }
        }
        Ok(Self { conn })
    }

    /// Returns all users, oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn users(&self) -> Result<Vec<OldUser>, StoreError> {
        let mut statement = self.conn.prepare(
            "SELECT u.*, m.first_seen FROM user_config u LEFT JOIN
                 (SELECT user_id, MIN(time) AS first_seen FROM message WHERE time > 0 GROUP BY user_id) m
             ON m.user_id = u.id ORDER BY u.id",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(OldUser {
                row: row.get("id")?,
                uuid: id(row, "uuid")?,
                login: text(row, "login")?.unwrap_or_default(),
                password: text(row, "password")?.unwrap_or_default(),
                username: text(row, "username")?,
                is_bot: number(row, "is_bot")?.unwrap_or(0) != 0,
                email: text(row, "email")?,
                avatar: content(row, "avatar")?,
                bio: text(row, "bio")?,
                first_seen: number(row, "first_seen")?,
            })
        })?;
        rows.collect::<Result<_, _>>().map_err(StoreError::from)
    }

    /// Returns all flows, oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn flows(&self) -> Result<Vec<OldFlow>, StoreError> {
        let mut statement = self.conn.prepare(
            "SELECT f.*, coalesce(m.messages, 0) AS messages FROM flow f LEFT JOIN
                 (SELECT flow_id, COUNT(*) AS messages FROM message GROUP BY flow_id) m
             ON m.flow_id = f.id ORDER BY f.id",
        )?;
        let mut members = self.conn.prepare(
            "SELECT DISTINCT user_config_id FROM flow_user_config WHERE flow_id = ?1 ORDER BY rowid",
        )?;
        let mut rows = statement.query([])?;
        let mut flows = Vec::new();
        while let Some(row) = rows.next()? {
            let number_of_row: i64 = row.get("id")?;
            let ids = members.query_map([number_of_row], |row| row.get::<_, Option<i64>>(0))?;
            let ids = ids.collect::<Result<Vec<_>, _>>()?;
            flows.push(OldFlow {
                row: number_of_row,
                uuid: id(row, "uuid")?,
                created: number(row, "time_created")?,
                kind: text(row, "flow_type")?,
                title: text(row, "title")?,
                info: text(row, "info")?,
                owner: id(row, "owner")?,
                members: ids.into_iter().flatten().collect(),
                messages: row.get("messages")?,
            });
        }
        Ok(flows)
    }

    /// Returns the next messages after a row number, in the order in which they were sent: as many as fit
    /// both limits, at least one if there is any.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn messages(
        &self,
        after: i64,
        limit: usize,
        budget_bytes: usize,
    ) -> Result<Vec<OldMessage>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM message WHERE id > ?1 ORDER BY id")?;
        let mut rows = statement.query([after])?;
        let mut messages = Vec::new();
        let mut size = 0;
        while let Some(row) = rows.next()? {
            let message = old_message(row)?;
            size += message.text.as_ref().map_or(0, String::len);
            size += message
                .files
                .iter()
                .map(|file| file.content.bytes.len())
                .sum::<usize>();
            messages.push(message);
            if messages.len() >= limit || size >= budget_bytes {
                break;
            }
        }
        Ok(messages)
    }
}

fn old_message(row: &Row<'_>) -> rusqlite::Result<OldMessage> {
    let mut files = Vec::new();
    let mut is_emptied = true;
    for (column, slot) in FILES {
        is_emptied &= text(row, column)?.is_some_and(|text| text.is_empty());
        files.extend(content(row, column)?.map(|content| Attachment { slot, content }));
    }
    Ok(OldMessage {
        row: row.get("id")?,
        uuid: id(row, "uuid")?,
        text: text(row, "text")?,
        time: number(row, "time")?,
        files,
        edited: number(row, "edited_time")?,
        is_edited: number(row, "edited_status")?.unwrap_or(0) != 0,
        is_emptied,
        author: number(row, "user_id")?,
        flow: number(row, "flow_id")?,
    })
}

/// Reads a value as text, whatever its type; invalid UTF-8 is replaced.
fn text(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
    })
}

/// Reads a value as a whole number, if possible.
fn number(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<i64>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Integer(number) => Some(number),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a time with a fraction; the cast saturates"
        )]
        ValueRef::Real(number) => Some(number as i64),
        ValueRef::Null => None,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| text.trim().parse().ok()),
    })
}

/// Reads a value as an id, if possible.
fn id(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<PublicId>> {
    Ok(text(row, column)?.and_then(|text| PublicId::parse(text.trim())))
}

/// Reads a value as a file. The column holds base64 of the text that the client sent: that text is what
/// clients get back. A value that is not base64 is kept as it is.
fn content(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Content>> {
    let (ValueRef::Text(stored) | ValueRef::Blob(stored)) = row.get_ref(column)? else {
        return Ok(None);
    };
    let decoded = STANDARD.decode(stored).unwrap_or_else(|_| stored.to_vec());
    // Bytes that are not text can only be sent as the base64 in which they came.
    let encoding = match std::str::from_utf8(&decoded) {
        Ok(_) => Encoding::Text,
        Err(_) => Encoding::Base64,
    };
    Ok((!decoded.is_empty()).then(|| Content {
        bytes: decoded.into(),
        encoding,
    }))
}
