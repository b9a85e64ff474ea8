//! A server with something of everything in its database, to be damaged.

use std::collections::BTreeMap;
use std::fs;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::common::{Person, Server};

pub(super) const PAGE: usize = 4096;
pub(super) const LOG_HEADER: usize = 32;
/// Bytes of a page in the log.
pub(super) const FRAME: usize = PAGE + 24;

/// What a server held before it was damaged.
pub(super) struct Held {
    pub(super) server: Server,
    pub(super) anna: Person,
    pub(super) flows: Vec<String>,
    /// Text by id, of each flow.
    pub(super) texts: Vec<Vec<(String, String)>>,
    /// The file, and its log.
    pub(super) sound: [Vec<u8>; 2],
    /// Where the last commit begins in the log: a power cut can leave it so, whatever is damaged from
    /// there on.
    pub(super) last_commit: usize,
    /// Rows of each table.
    pub(super) rows: BTreeMap<String, i64>,
    /// How many messages each page has.
    pub(super) on_page: BTreeMap<usize, i64>,
}

fn texts(person: &mut Person, flow: &str) -> Vec<(String, String)> {
    let text = |message: &Value, key: &str| message[key].as_str().expect("text").to_owned();
    let all = person.history(flow);
    all.iter()
        .map(|it| (text(it, "uuid"), text(it, "text")))
        .collect()
}

/// A server with people, flows, messages, files and a search index, ended in a way that leaves a log
/// or in one that leaves none.
pub(super) fn held(with_log: bool) -> Held {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let others = ["boris", "clara", "dora"].map(|login| server.register(login));
    let group = anna.group("G", &others.iter().collect::<Vec<_>>());
    let other = anna.group("H", &[&others[0]]);
    let channel = anna.add_flow("channel", "News", &[&others[1]]);
    let saved = (0..90).map(|n| anna.group(&format!("small {n}"), &[&others[2]]));
    let small: Vec<String> = saved.collect();
    for round in 0..6 {
        let text = |n: usize| format!("{round}/{n} ёлка {}", "слова words ".repeat(n % 23));
        anna.send_many(&group, (0..50).map(text));
        anna.send_many(&other, (0..30).map(text));
        anna.send(&small[round * 3], "in a small one");
    }
    let picture = format!("iVBORw0KGgow{}", "MTIzNDU2Nzg5".repeat(3000));
    for n in 0..3 {
        let message =
            json!({"text": format!("file {n}"), "file_picture": format!("{picture}{n}AAA")});
        anna.ask(
            "send_message",
            &json!({"flow": [{"uuid": channel}], "message": [message]}),
        )
        .is(200);
    }
    anna.ask("find_message", &json!({"meta": {"query": "елка"}}))
        .is(200);
    let flows = vec![group, other, channel, small[0].clone()];
    let texts = flows.iter().map(|flow| texts(&mut anna, flow)).collect();
    if with_log {
        // The log was perhaps just taken over into the file: one more write stands in it.
        let words = json!({"user": [{"bio": "killed in a moment"}]});
        anna.ask("edit_user", &words).is(200);
        server.kill();
    } else {
        assert_eq!(server.stop().0, Some(0));
    }
    let log = server.folder().join("morelia.db-wal");
    let sound = [
        fs::read(server.database()).expect("the database"),
        fs::read(&log).unwrap_or_default(),
    ];
    assert_eq!(!sound[1].is_empty(), with_log);
    let conn = Connection::open(server.database()).expect("opens");
    let rows = rows(&conn);
    let mut pages = conn
        .prepare("SELECT pageno, ncell FROM dbstat WHERE name = 'messages' AND pagetype = 'leaf'")
        .expect("prepared");
    let on_page = pages
        .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
        .expect("pages")
        .map(|page| page.expect("a page"))
        .map(|(page, count)| (usize::try_from(page).expect("positive"), count))
        .collect();
    drop(pages);
    drop(conn);
    Held {
        server,
        anna,
        flows,
        texts,
        last_commit: last_commit(&sound[1]),
        sound,
        rows,
        on_page,
    }
}

/// Where the last commit of a log begins.
fn last_commit(log: &[u8]) -> usize {
    let mut begins = (LOG_HEADER, LOG_HEADER);
    let frames = log
        .get(LOG_HEADER..)
        .unwrap_or_default()
        .chunks_exact(FRAME);
    for (n, frame) in frames.enumerate() {
        if frame[8..16] != log[16..24] {
            break;
        }
        if frame[4..8] != [0; 4] {
            begins = (begins.1, LOG_HEADER + (n + 1) * FRAME);
        }
    }
    begins.0
}

pub(super) fn rows(conn: &Connection) -> BTreeMap<String, i64> {
    let mut names = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'message_search%'")
        .expect("prepared");
    let names: Vec<String> = names
        .query_map([], |row| row.get(0))
        .expect("names")
        .map(|name| name.expect("a name"))
        .collect();
    let count = |name: &String| {
        let sql = format!("SELECT COUNT(*) FROM \"{name}\"");
        conn.query_row(&sql, [], |row| row.get(0)).expect("a count")
    };
    names
        .iter()
        .map(|name| (name.clone(), count(name)))
        .collect()
}
