//! Rows as people would have made them, in the schema of this program or of the one before.

use std::{collections::HashMap, ops::Range};

use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use super::{EPOCH, STEP, flow_id_number, mix, public_id, session_end, text, token};

/// Numbers by which the log says that somebody registered and that a flow was made.
struct Kinds {
    registered: i64,
    made: i64,
}

/// Adds rows to a file.
pub(crate) struct Rows<'c> {
    conn: &'c Connection,
    /// Whether the schema is the one before: it had a row of the log for each message.
    is_before: bool,
    position: i64,
}

impl<'c> Rows<'c> {
    pub(super) fn new(conn: &'c Connection) -> Self {
        let number = |sql| {
            conn.query_row(sql, [], |row| row.get::<_, i64>(0))
                .expect("a number")
        };
        Self {
            conn,
            is_before: number(
                "SELECT COUNT(*) FROM pragma_table_info('members') WHERE name = 'level'",
            ) == 0,
            position: number(
                "SELECT max((SELECT coalesce(max(position), 0) FROM changes),
                            (SELECT coalesce(max(id), 0) FROM messages))",
            ),
        }
    }

    /// Whether the schema is the one before.
    pub(super) fn is_before(&self) -> bool {
        self.is_before
    }

    /// The last position.
    pub(crate) fn position(&self) -> i64 {
        self.position
    }

    fn kinds(&self) -> Kinds {
        if self.is_before {
            Kinds {
                registered: 8,
                made: 4,
            }
        } else {
            Kinds {
                registered: 40,
                made: 10,
            }
        }
    }

    fn execute(&self, sql: &str, values: impl rusqlite::Params) {
        self.conn
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values))
            .unwrap_or_else(|err| panic!("{sql}: {err}"));
    }

    /// Adds somebody with a session.
    pub(crate) fn person(&mut self, number: usize) {
        let row = number + 1;
        let id = public_id(EPOCH, row).to_be_bytes();
        self.execute(
            "INSERT INTO users (id, uuid, login, login_key, localpart, username, created_at)
             VALUES (?1, ?2, ?3, ?3, ?3, ?4, ?5)",
            params![
                row as i64,
                id,
                format!("person{number}"),
                format!("Person {number}"),
                EPOCH
            ],
        );
        let hash: [u8; 32] = Sha256::digest(token(number)).into();
        self.execute(
            "INSERT INTO sessions (user_id, token_hash, created_at, last_used_at, expires_at, label)
             VALUES (?1, ?2, ?3, ?3, ?4, 'bench')",
            params![row as i64, hash, EPOCH, session_end()],
        );
        self.position += 1;
        self.execute(
            "INSERT INTO changes (position, at, audience, kind, user_id) VALUES (?1, ?2, 0, ?3, ?4)",
            params![self.position, EPOCH, self.kinds().registered, row as i64],
        );
    }

    /// Adds a group of people; the first of them owns it.
    pub(crate) fn group(&mut self, row: usize, people: Range<usize>) {
        let id = flow_id_number(row).to_be_bytes();
        let at = EPOCH + 1;
        self.execute(
            "INSERT INTO flows (id, uuid, kind, title, owner_id, created_at) VALUES (?1, ?2, 'group', ?3, ?4, ?5)",
            params![
                row as i64,
                id,
                format!("Group {row}"),
                people.start as i64 + 1,
                at
            ],
        );
        if !self.is_before {
            self.execute(
                "UPDATE flows SET next_ordinal = 10000 WHERE id = ?1",
                [row as i64],
            );
        }
        for (ordinal, person) in people.clone().enumerate() {
            self.execute(
                "INSERT INTO members (flow_id, user_id, state, ordinal, joined_at) VALUES (?1, ?2, 'joined', ?3, ?4)",
                params![row as i64, person as i64 + 1, ordinal as i64, at],
            );
        }
        self.position += 1;
        self.execute(
            "INSERT INTO changes (position, at, audience, kind, flow_id) VALUES (?1, ?2, ?3, ?4, ?3)",
            params![self.position, at, row as i64, self.kinds().made],
        );
        if !self.is_before {
            self.execute(
                "UPDATE members SET level = 100 WHERE flow_id = ?1 AND ordinal = 0",
                [row as i64],
            );
            self.execute(
                "UPDATE changes SET number = -1, uuid = randomblob(16) WHERE position = ?1",
                [self.position],
            );
        }
    }

    /// Adds messages, each where `place` says for a number without a pattern: the flow's row, and
    /// the number of its author.
    pub(crate) fn messages(&mut self, count: u64, place: impl Fn(usize) -> (usize, usize)) {
        let mut ends: HashMap<usize, (i64, i64)> = HashMap::new();
        for number in 0..count {
            self.position += 1;
            let (flow, author) = place(mix(number ^ 0xabcd) as usize);
            let at = EPOCH + 2 + STEP * number as i64;
            let id = public_id(at, self.position as usize).to_be_bytes();
            let text = text(number);
            let end = ends.entry(flow).or_default();
            self.execute(
                "INSERT INTO messages (id, uuid, flow_id, number, author_id, sent_at, text)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    self.position,
                    id,
                    flow as i64,
                    end.0,
                    author as i64 + 1,
                    at,
                    text
                ],
            );
            if self.is_before {
                self.execute(
                    "INSERT INTO changes (position, at, audience, kind) VALUES (?1, ?2, ?3, 1)",
                    params![self.position, at, flow as i64],
                );
                self.execute(
                    "INSERT INTO message_search (rowid, text) VALUES (?1, ?2)",
                    params![self.position, text],
                );
            }
            *end = (end.0 + 1, self.position);
        }
        for (flow, (next, last)) in ends {
            self.execute(
                "UPDATE flows SET next_number = ?1 WHERE id = ?2",
                params![next, flow as i64],
            );
            if !self.is_before {
                self.execute(
                    "UPDATE flows SET last_message_id = ?1 WHERE id = ?2",
                    params![last, flow as i64],
                );
            }
        }
        if self.is_before && count > 0 {
            self.execute(
                "UPDATE properties SET value = ?1 WHERE name = 'indexed_message_id'",
                [self.position],
            );
        }
    }
}
