//! Fills a database as if people had used it, by SQL and the product's own schema.
//!
//! Through the front door ten million messages would take an hour, and a thousand passwords a
//! minute. Everything is computed from its number, so a file that was kept needs no notes beside
//! it.

use std::{fmt::Write as _, fs, path::Path};

use rusqlite::{Connection, params};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// People on the server.
pub(crate) const PEOPLE: usize = 1024;

/// Members of a small group; each person is in one.
pub(crate) const FAMILY: usize = 8;

/// The first families; the flows before them are [`CIRCLES`].
const FIRST_FAMILY: usize = CIRCLES.len() + 1;

/// Members of the large groups: a sender, and as many receivers as fan-out is measured with.
pub(crate) const CIRCLES: [usize; 3] = [11, 101, 1001];

/// The group whose history is read: the one of 101.
pub(crate) const CLUB: usize = 1;

/// 1 January 2024, in milliseconds; what was seeded happened from then on.
const EPOCH: i64 = 1_704_067_200_000;

/// Milliseconds between two messages.
const STEP: i64 = 9_000;

/// Words of the messages: two languages, since the first users have two.
const WORDS: [&str; 32] = [
    "привет",
    "завтра",
    "семья",
    "собрание",
    "ключи",
    "дождь",
    "поезд",
    "вечером",
    "спасибо",
    "конечно",
    "позвони",
    "магазин",
    "молоко",
    "дети",
    "школа",
    "новости",
    "hello",
    "tomorrow",
    "family",
    "meeting",
    "keys",
    "rain",
    "train",
    "tonight",
    "thanks",
    "sure",
    "call",
    "shop",
    "milk",
    "children",
    "school",
    "news",
];

/// Somebody with a session.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    uuid: String,
    token: String,
}

/// Returns the person of a number from 0 on.
pub(crate) fn person(number: usize) -> Person {
    Person {
        uuid: public_id(EPOCH, number + 1).to_string(),
        token: token(number),
    }
}

impl Person {
    /// Puts the person's id and token into a request's data.
    pub(crate) fn signed(&self, mut data: Value) -> Value {
        data["user"] = json!([{"uuid": self.uuid, "auth_id": self.token}]);
        data
    }
}

/// Returns the position after which the messages come.
pub(crate) fn set_up() -> i64 {
    (PEOPLE + CIRCLES.len() + PEOPLE / FAMILY) as i64
}

/// Returns the wire's id of one of the large groups.
pub(crate) fn circle(number: usize) -> String {
    flow_id(number + 1)
}

/// Returns the wire's id of the family that a person is in.
pub(crate) fn family(person: usize) -> String {
    flow_id(family_row(person))
}

/// Returns the row of the family that a person is in.
pub(crate) fn family_row(person: usize) -> usize {
    FIRST_FAMILY + person / FAMILY
}

fn flow_id(row: usize) -> String {
    public_id(EPOCH + 1, row).to_string()
}

/// A time-ordered id, as the product makes them.
pub(crate) fn public_id(time_ms: i64, number: usize) -> u128 {
    let random = u128::from(mix(number as u64)) & 0x3fff_ffff_ffff_ffff;
    let time = u128::try_from(time_ms).expect("after 1970");
    time << 80 | 0x7 << 76 | (number as u128 & 0xfff) << 64 | 0b10 << 62 | random
}

fn token(number: usize) -> String {
    let mut token = String::with_capacity(64);
    for byte in Sha256::digest(format!("token {number}")) {
        let _ = write!(token, "{byte:02x}");
    }
    token
}

/// What a kept file must have been made by to be as one made now.
pub(crate) fn version() -> String {
    /// Grows with every change to what is seeded.
    const SEED: u32 = 1;
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let migrations = fs::read_dir(schema).expect("the schema").count();
    format!("schema-{migrations}-seed-{SEED}")
}

/// Numbers without a pattern, the same ones each time (splitmix64).
pub(crate) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Returns a message's text: some words, of 50 to 60 bytes on average.
pub(crate) fn text(number: u64) -> String {
    let mut random = mix(number);
    let count = 3 + random % 6;
    let mut text = String::with_capacity(64);
    for _ in 0..count {
        random = mix(random);
        text.push_str(WORDS[(random % 32) as usize]);
        text.push(' ');
    }
    text.push_str(&number.to_string());
    text
}

/// Fills a database that `init` has just made.
pub(crate) fn fill(database: &Path, messages: u64) {
    let mut conn = Connection::open(database).expect("the database opens");
    conn.execute_batch(
        "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;
         PRAGMA cache_size = -262144;",
    )
    .expect("pragmas");
    let tx = conn.transaction().expect("a transaction");
    let position = people_and_flows(&tx);
    add_messages(&tx, position, messages);
    tx.commit().expect("committed");
    conn.pragma_update(None, "journal_mode", "WAL")
        .expect("the journal mode");
    drop(conn);
    morelia::store::repair::rebuild_search(database, |_| ()).expect("indexed words");
}

/// Adds people with a session each, and their groups. Returns the last position.
fn people_and_flows(tx: &Connection) -> i64 {
    let mut position: i64 = tx
        .query_row(
            "SELECT coalesce(max(position), 0) FROM changes",
            [],
            |row| row.get(0),
        )
        .expect("the last position");
    let mut user = tx
        .prepare(
            "INSERT INTO users (id, uuid, login, login_key, localpart, username, created_at)
             VALUES (?1, ?2, ?3, ?3, ?3, ?4, ?5)",
        )
        .expect("users");
    let mut session = tx
        .prepare(
            "INSERT INTO sessions (user_id, token_hash, created_at, last_used_at, expires_at, label)
             VALUES (?1, ?2, ?3, ?3, ?4, 'bench')",
        )
        .expect("sessions");
    let mut change = tx
        .prepare(
            "INSERT INTO changes (position, at, audience, kind, flow_id, user_id, number, uuid)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, CASE WHEN ?5 IS NULL THEN NULL ELSE -1 END,
                     CASE WHEN ?5 IS NULL THEN NULL ELSE randomblob(16) END)",
        )
        .expect("changes");
    for number in 0..PEOPLE {
        let row = number + 1;
        let id = public_id(EPOCH, row).to_be_bytes();
        let login = format!("person{number}");
        let name = format!("Person {number}");
        user.execute(params![row as i64, id, login, name, EPOCH])
            .expect("a user");
        let hash: [u8; 32] = Sha256::digest(token(number)).into();
        // So far away that no session is renewed while something is measured.
        session
            .execute(params![row as i64, hash, EPOCH, EPOCH * 4])
            .expect("a session");
        position += 1;
        change
            .execute(params![position, EPOCH, 0, 40, None::<i64>, row as i64])
            .expect("a change");
    }
    let mut flow = tx
        .prepare(
            "INSERT INTO flows (id, uuid, kind, title, owner_id, created_at, next_ordinal)
             VALUES (?1, ?2, 'group', ?3, ?4, ?5, 10000)",
        )
        .expect("flows");
    let mut member = tx
        .prepare(
            "INSERT INTO members (flow_id, user_id, state, level, ordinal, joined_at)
             VALUES (?1, ?2, 'joined', CASE ?3 WHEN 0 THEN 100 ELSE 0 END, ?3, ?4)",
        )
        .expect("members");
    for row in 1..FIRST_FAMILY + PEOPLE / FAMILY {
        let id = public_id(EPOCH + 1, row).to_be_bytes();
        let first = owner(row);
        flow.execute(params![
            row as i64,
            id,
            format!("Group {row}"),
            first as i64,
            EPOCH + 1
        ])
        .expect("a flow");
        for ordinal in 0..size(row) {
            member
                .execute(params![
                    row as i64,
                    (first + ordinal) as i64,
                    ordinal as i64,
                    EPOCH + 1
                ])
                .expect("a member");
        }
        position += 1;
        change
            .execute(params![
                position,
                EPOCH + 1,
                row as i64,
                10,
                row as i64,
                None::<i64>
            ])
            .expect("a change");
    }
    assert_eq!(position, set_up(), "changes before the messages");
    position
}

/// The first member of a flow, by row.
fn owner(flow: usize) -> usize {
    match flow.checked_sub(FIRST_FAMILY) {
        Some(family) => family * FAMILY + 1,
        None => 1,
    }
}

/// How many members a flow has.
fn size(flow: usize) -> usize {
    CIRCLES.get(flow - 1).copied().unwrap_or(FAMILY)
}

/// Adds messages: three in ten to the club, the others to the families.
fn add_messages(tx: &Connection, after: i64, messages: u64) {
    let mut message = tx
        .prepare(
            "INSERT INTO messages (id, uuid, flow_id, number, author_id, sent_at, text)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .expect("messages");
    let families = PEOPLE / FAMILY;
    let mut next = vec![0_i64; FIRST_FAMILY + families];
    let mut last = vec![0_i64; FIRST_FAMILY + families];
    let mut position = after;
    for number in 0..messages {
        position += 1;
        let random = mix(number ^ 0xabcd) as usize;
        let flow = if random % 10 < 3 {
            CLUB + 1
        } else {
            FIRST_FAMILY + (random >> 8) % families
        };
        let author = owner(flow) + (random >> 24) % size(flow);
        let at = EPOCH + 2 + STEP * number as i64;
        let id = public_id(at, position as usize).to_be_bytes();
        let text = text(number);
        message
            .execute(params![
                position,
                id,
                flow as i64,
                next[flow],
                author as i64,
                at,
                text
            ])
            .expect("a message");
        last[flow] = position;
        next[flow] += 1;
    }
    let mut count = tx
        .prepare("UPDATE flows SET next_number = ?1, last_message_id = ?2 WHERE id = ?3")
        .expect("flows");
    for (flow, next) in next.iter().enumerate() {
        count
            .execute(params![next, last[flow], flow as i64])
            .expect("a count");
    }
}
