//! The limits of the disk and of SQLite on it, without a server.

use std::{
    fs::File,
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, params};

use crate::{Effort, folder::Folder, report::Row, seed, server::Home};

/// One page of a write-ahead log with its header.
const PAGE: usize = 4096 + 24;

/// Returns how often a second one page can be written and synced.
pub(crate) fn syncs(time: Duration) -> f64 {
    let folder = Folder::new();
    let mut file = File::create_new(folder.path().join("synced")).expect("a file");
    // The log of a database at work is written over, it does not grow.
    file.write_all(&vec![1; PAGE * 256]).expect("room");
    file.sync_all().expect("synced");
    let page = [2; PAGE];
    let start = Instant::now();
    let mut count: u64 = 0;
    while start.elapsed() < time {
        file.write_all_at(&page, (count % 256) * PAGE as u64)
            .expect("written");
        file.sync_data().expect("synced");
        count += 1;
    }
    count as f64 / start.elapsed().as_secs_f64()
}

/// A database with rows of 64 bytes and an index, written with nothing in between.
pub(crate) struct Bare {
    conn: Connection,
    next: i64,
    folder: Folder,
}

impl Bare {
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        let conn = open(&folder.path().join("bare.db"));
        conn.execute_batch(
            "CREATE TABLE rows (id INTEGER PRIMARY KEY, flow INTEGER NOT NULL, seq INTEGER NOT NULL, text TEXT NOT NULL);
             CREATE INDEX rows_by_flow ON rows (flow, seq);",
        )
        .expect("a schema");
        Self {
            conn,
            next: 0,
            folder,
        }
    }

    /// Returns how many rows a second are on the disk, with this many in each transaction.
    pub(crate) fn rate(&mut self, batch: i64, time: Duration) -> f64 {
        let start = Instant::now();
        let first = self.next;
        while start.elapsed() < time {
            self.commit(batch);
        }
        (self.next - first) as f64 / start.elapsed().as_secs_f64()
    }

    fn commit(&mut self, batch: i64) {
        let tx = self.conn.transaction().expect("a transaction");
        {
            let mut insert = tx
                .prepare_cached("INSERT INTO rows (flow, seq, text) VALUES (?1, ?2, ?3)")
                .expect("a statement");
            for _ in 0..batch {
                self.next += 1;
                let text = format!("{:>40}", seed::mix(self.next as u64));
                insert
                    .execute(params![self.next % 128, self.next, text])
                    .expect("a row");
            }
        }
        tx.commit().expect("committed");
    }
}

fn open(path: &Path) -> Connection {
    let conn = Connection::open(path).expect("a database");
    conn.pragma_update(None, "journal_mode", "WAL")
        .expect("WAL");
    conn.pragma_update(None, "synchronous", "FULL")
        .expect("FULL");
    conn
}

/// Syncs, and rows in batches.
pub(crate) fn limits(effort: &Effort) -> Vec<Row> {
    let time = effort.time / 2;
    let measure = |_| {
        (
            syncs(time),
            [1, 16, 64, 256].map(|batch| Bare::new().rate(batch, time)),
        )
    };
    let runs: Vec<_> = (0..effort.repetitions).map(measure).collect();
    let mut rows = vec![Row::median(
        "disk",
        "write a page and fdatasync",
        "/s",
        runs.iter().map(|it| it.0),
    )];
    for (nth, batch) in ["1 row", "16 rows", "64 rows", "256 rows"]
        .iter()
        .enumerate()
    {
        let what = format!("bare SQLite, {batch} a commit");
        rows.push(Row::median(
            "disk",
            what,
            "rows/s",
            runs.iter().map(|it| it.1[nth]),
        ));
    }
    rows
}

/// Transactions of which the pages are counted.
const COUNTED: usize = 50;

/// Returns how many pages of the log a message takes at the least when this many share a commit:
/// the rows of the product's own tables, written by nothing but SQLite.
pub(crate) fn frames_needed(batch: usize) -> f64 {
    let home = Home::new(1000);
    let conn = open(&home.database());
    let mut position: i64 = conn
        .query_row(
            "SELECT max((SELECT max(position) FROM changes), (SELECT max(id) FROM messages))",
            [],
            |row| row.get(0),
        )
        .expect("a position");
    frames(&conn, &home.database(), batch, |tx, nth| {
        position += 1;
        let flow = seed::family_row(nth) as i64;
        let number: i64 = tx
            .prepare_cached(
                "UPDATE flows SET next_number = next_number + 1, last_message_id = ?2 WHERE id = ?1
                 RETURNING next_number - 1",
            )
            .and_then(|mut update| update.query_row([flow, position], |row| row.get(0)))
            .expect("a number");
        let at = 2_000_000_000_000 + position;
        let id = seed::public_id(at, position as usize).to_be_bytes();
        let text = seed::text(nth as u64);
        tx.prepare_cached(
            "INSERT INTO messages (id, uuid, flow_id, number, author_id, sent_at, text)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                position,
                id,
                flow,
                number,
                nth as i64 + 1,
                at,
                text
            ])
        })
        .expect("a message");
        tx.prepare_cached(
            "UPDATE members SET read_number = ?1, read_at = ?2 WHERE flow_id = ?3 AND user_id = ?4",
        )
        .and_then(|mut update| update.execute([number, at, flow, nth as i64 + 1]))
        .expect("a read mark");
    })
}

/// The same for rows of 64 bytes with one index.
pub(crate) fn frames_of_bare_rows(batch: usize) -> f64 {
    let bare = Bare::new();
    let path = bare.folder.path().join("bare.db");
    let mut next = 0_i64;
    frames(&bare.conn, &path, batch, |tx, nth| {
        next += 1;
        let text = seed::text(nth as u64);
        tx.prepare_cached("INSERT INTO rows (flow, seq, text) VALUES (?1, ?2, ?3)")
            .and_then(|mut insert| insert.execute(params![nth as i64 / 8, next, text]))
            .expect("a row");
    })
}

/// Pages of the log a row, when `write` writes `batch` of them in each transaction.
fn frames(
    conn: &Connection,
    database: &Path,
    batch: usize,
    mut write: impl FnMut(&Connection, usize),
) -> f64 {
    conn.pragma_update(None, "wal_autocheckpoint", 0)
        .expect("no checkpoints");
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("an empty log");
    for _ in 0..COUNTED {
        let tx = conn.unchecked_transaction().expect("a transaction");
        for nth in 0..batch {
            write(&tx, nth);
        }
        tx.commit().expect("committed");
    }
    let log = database.with_extension("db-wal");
    let size = log.metadata().expect("the log").len();
    // The log has a header of 32 bytes.
    ((size - 32) / PAGE as u64) as f64 / (COUNTED * batch) as f64
}
