//! Fills a database as if people had used it, by SQL and the product's own schema.
//!
//! Through the front door ten million messages would take an hour, and a thousand passwords a
//! minute. Everything is computed from its number, so a file that was kept needs no notes beside
//! it.

mod rows;

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) use rows::Rows;

/// People on the server.
pub(crate) const PEOPLE: usize = 1024;

/// Members of a small group; each person is in one.
pub(crate) const FAMILY: usize = 8;

/// The first families; the flows before them are [`CIRCLES`].
const FIRST_FAMILY: usize = CIRCLES.len() + 1;

/// The row of the first group that is added to those that are always there.
pub(crate) const EXTRA: usize = FIRST_FAMILY + PEOPLE / FAMILY;

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
    /// The wire's id of the person.
    pub(crate) fn uuid(&self) -> &str {
        &self.uuid
    }

    /// The person's token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

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

/// Returns the wire's id of a group that was added to those that are always there, from 0 on.
pub(crate) fn extra(number: usize) -> String {
    flow_id(EXTRA + number)
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
    flow_id_number(row).to_string()
}

fn flow_id_number(row: usize) -> u128 {
    public_id(EPOCH + 1, row)
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
    const SEED: u32 = 2;
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
    let is_before = add(database, |rows| {
        for number in 0..PEOPLE {
            rows.person(number);
        }
        for row in 1..EXTRA {
            rows.group(row, owner(row)..owner(row) + size(row));
        }
        assert_eq!(rows.position(), set_up(), "changes before the messages");
        rows.messages(messages, |random| {
            let families = PEOPLE / FAMILY;
            let flow = if random % 10 < 3 {
                CLUB + 1
            } else {
                FIRST_FAMILY + (random >> 8) % families
            };
            (flow, owner(flow) + (random >> 24) % size(flow))
        });
    });
    if !is_before {
        morelia::store::repair::rebuild_search(database, |_| ()).expect("indexed words");
    }
}

/// When sessions end: as if they had been used just now, so that none is renewed while something is
/// measured.
fn session_end() -> i64 {
    const MONTH: Duration = Duration::from_hours(24 * 30);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    (now.expect("a clock") + MONTH).as_millis() as i64
}

/// Makes the sessions of a file that was kept as new ones are.
pub(crate) fn renew_sessions(database: &Path) {
    let conn = Connection::open(database).expect("the database opens");
    conn.execute("UPDATE sessions SET expires_at = ?1", [session_end()])
        .expect("sessions");
}

/// Adds rows to a database that no server has open. Returns whether its schema is the one before.
pub(crate) fn add(database: &Path, rows: impl FnOnce(&mut Rows<'_>)) -> bool {
    let mut conn = Connection::open(database).expect("the database opens");
    conn.execute_batch(
        "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;
         PRAGMA cache_size = -262144;",
    )
    .expect("pragmas");
    let tx = conn.transaction().expect("a transaction");
    let mut all = Rows::new(&tx);
    rows(&mut all);
    let is_before = all.is_before();
    tx.commit().expect("committed");
    conn.pragma_update(None, "journal_mode", "WAL")
        .expect("the journal mode");
    is_before
}

/// The first member of a flow, by row; people have the numbers of their rows less one.
fn owner(flow: usize) -> usize {
    match flow.checked_sub(FIRST_FAMILY) {
        Some(family) => family * FAMILY,
        None => 0,
    }
}

/// How many members a flow has.
fn size(flow: usize) -> usize {
    CIRCLES.get(flow - 1).copied().unwrap_or(FAMILY)
}
