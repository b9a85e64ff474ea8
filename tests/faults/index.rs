//! Damage of what can be made again from the rest stops nothing but itself, and not for long.

use std::fs;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::json;

use super::damage::change;
use crate::backup::document;
use crate::common::{PATIENCE, Person, Server};

const PAGE: usize = 4096;

/// A stopped server with messages that have been searched.
fn searched() -> (Server, Person, String) {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send_many(
        &group,
        (0..300).map(|n| format!("needle{n} Ёлка стоит в зале {}", n % 7)),
    );
    assert_eq!(search(&mut anna, "needle29"), (200, 11));
    let (code, errors) = server.stop();
    assert_eq!(code, Some(0), "{errors}");
    (server, anna, group)
}

fn search(person: &mut Person, query: &str) -> (u64, usize) {
    let reply = person.ask("find_message", &json!({"meta": {"query": query}}));
    (reply.code(), reply.messages().len())
}

/// Searches until there is an answer: until then it may only be refused, with 503. An index that was
/// made anew finds everything; one whose damage went unnoticed may not.
#[track_caller]
fn is_found_in_the_end(person: &mut Person, what: &str) -> Vec<u64> {
    let begun = Instant::now();
    let mut codes = Vec::new();
    loop {
        let (code, count) = search(person, "елка");
        codes.push(code);
        if code == 200 {
            assert!(
                count == 100 || codes.len() == 1,
                "{what}: {codes:?}, {count} found"
            );
            return codes;
        }
        assert!(code == 503, "{what}: {code} with {count}");
        assert!(begun.elapsed() < PATIENCE, "{what}: {codes:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn query(server: &Server, sql: &str) -> Vec<i64> {
    let conn = Connection::open(server.database()).expect("opens");
    let mut statement = conn.prepare(sql).expect("prepared");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

#[test]
fn a_flipped_bit_in_the_search_index_stops_nothing() {
    let (mut server, anna, group) = searched();
    let sound = fs::read(server.database()).expect("the database");
    let blocks = query(&server, "SELECT id FROM message_search_data ORDER BY id");
    let largest = *blocks.last().expect("a block");
    let mut noticed = 0;
    for (block, byte) in [
        (1, 0),
        (10, 0),
        (10, 4),
        (largest, 0),
        (largest, 40),
        (largest, 1500),
        (largest, 3900),
        (largest - 1, 2),
    ] {
        let what = format!("byte {byte} of block {block}");
        fs::write(server.database(), &sound).expect("restored");
        let conn = Connection::open(server.database()).expect("opens");
        let old: Option<Vec<u8>> = conn
            .query_row(
                "SELECT block FROM message_search_data WHERE id = ?1",
                [block],
                |row| row.get(0),
            )
            .ok();
        let Some(mut bytes) = old.filter(|it| it.len() > byte) else {
            continue;
        };
        bytes[byte] ^= 0x40;
        conn.execute(
            "UPDATE message_search_data SET block = ?2 WHERE id = ?1",
            (block, bytes),
        )
        .expect(&what);
        drop(conn);
        document(
            &server,
            ["backup", "--to", &format!("kept{block}-{byte}.db")],
            0,
        );
        server.serve();
        let mut anna = anna.on(server.connect());
        assert_eq!(anna.history(&group).len(), 300, "{what}");
        let sent = anna.send(&group, "ёлка и ещё одна");
        is_found_in_the_end(&mut anna, &what);
        anna.delete(&sent).is(200);
        let (code, errors) = server.stop();
        assert_eq!(code, Some(0), "{what}: {errors}");
        noticed += usize::from(errors.contains("the search index is damaged"));
        let found = server.command(["db", "check"]).run();
        if found.code != Some(0) {
            // Damage that nobody can notice who does not compare everything.
            assert_eq!(found.code, Some(5), "{what}: {found:?}");
            assert!(found.stdout.contains("db repair"), "{what}: {found:?}");
            server.command(["db", "repair"]).run().exits(0);
            server.command(["db", "check"]).run().exits(0);
        }
    }
    assert!(noticed >= 2, "{noticed} were noticed");
}

#[test]
fn a_search_index_damaged_while_it_is_used_is_made_anew() {
    let (mut server, anna, group) = searched();
    server.serve();
    let mut anna = anna.on(server.connect());
    let conn = Connection::open(server.database()).expect("opens");
    conn.execute(
        "UPDATE message_search_data SET block = zeroblob(length(block))",
        [],
    )
    .expect("damaged");
    drop(conn);
    let old = anna.page(&group, Some((5, 5))).messages()[0]["uuid"].clone();
    anna.edit(old.as_str().expect("an id"), "no tree in this")
        .is(200);
    anna.send(&group, "ёлка, новая");
    let codes = is_found_in_the_end(&mut anna, "all of it");
    assert_eq!(codes[0], 503, "{codes:?}");
    assert_eq!(document(&server, ["status"], 0)["search"], "ok");
    assert_eq!(search(&mut anna, "tree"), (200, 1));
    let (code, errors) = server.stop();
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("search index is damaged"), "{errors}");
    server.command(["db", "check"]).run().exits(0);
}

/// Overwrites the beginning of the first page of a table or index.
fn spoil(server: &Server, name: &str) {
    let sql = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{name}'");
    let root = usize::try_from(query(server, &sql)[0]).expect("a page");
    change(&server.database(), |bytes| {
        bytes[(root - 1) * PAGE..][..64].fill(0xd5);
    });
}

#[test]
fn damaged_pages_of_indexes_are_cut_off_and_others_made() {
    let (mut server, anna, group) = searched();
    for name in [
        "message_search_data",
        "message_search_idx",
        "message_search_config",
        "message_search_outdated",
        "messages_by_number",
        "users_by_name",
    ] {
        spoil(&server, name);
        let checked = server.command(["check", "database"]).run().exits(0);
        assert!(
            checked.stdout.contains("no data is affected"),
            "{name}: {checked:?}"
        );
        server.serve();
        let mut anna = anna.on(server.connect());
        assert!(anna.history(&group).len() >= 300, "{name}");
        let sent = anna.send(&group, "ёлка");
        is_found_in_the_end(&mut anna, name);
        anna.delete(&sent).is(200);
        anna.ask("find_user", &json!({"meta": {"query": "an"}}))
            .is(200);
        let (code, errors) = server.stop();
        assert_eq!(code, Some(0), "{name}: {errors}");
        server.command(["db", "check"]).run().exits(0);
        server.command(["db", "compact"]).run().exits(0);
        assert_eq!(
            document(&server, ["db", "check"], 0)["lost_pages"],
            0,
            "{name}"
        );
    }
    spoil(&server, "messages_by_number");
    let repaired = document(&server, ["db", "repair"], 0);
    assert!(
        repaired["problems"]
            .to_string()
            .contains("messages_by_number"),
        "{repaired}"
    );
    assert_eq!(document(&server, ["db", "check"], 0)["lost_pages"], 0);
}

#[test]
fn a_table_is_never_taken_for_an_index() {
    for name in [
        "messages",
        "flows",
        "changes",
        "members",
        "sqlite_autoindex_users_1",
    ] {
        let (server, _, _) = searched();
        spoil(&server, name);
        let refused = server
            .command(["serve", "--host", "127.0.0.1", "--port", "0"])
            .run();
        assert_eq!(refused.code, Some(74), "{name}: {refused:?}");
        let refused = server.command(["db", "repair"]).run();
        assert_eq!(refused.code, Some(74), "{name}: {refused:?}");
        let before = fs::read(server.database()).expect("the database");
        // Rows are whole where only what stands behind a UNIQUE is damaged.
        let is_whole = name.starts_with("sqlite_");
        let code = if is_whole { 0 } else { 5 };
        let saved = document(&server, ["db", "repair", "--to", "saved.db"], code);
        assert_eq!(saved["whole"], is_whole, "{name}: {saved}");
        assert!(fs::read(server.database()).expect("the database") == before);
        server
            .command(["backup", "verify", "saved.db"])
            .run()
            .exits(0);
    }
}

#[test]
fn what_can_be_read_of_a_damaged_database_is_saved() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let other = boris.group("H", &[]);
    for round in 0..20 {
        let text = |n| format!("needle{n} {}", "words ".repeat(40));
        anna.send_many(&group, (0..20).map(|n| text(round * 20 + n)));
        boris.send(&other, &format!("other {round}"));
    }
    let (code, errors) = server.stop();
    assert_eq!(code, Some(0), "{errors}");
    // Pages of messages, somewhere in the middle of them.
    let bytes = fs::read(server.database()).expect("the database");
    let of_messages: Vec<usize> = (0..bytes.len() / PAGE)
        .filter(|page| {
            let page = &bytes[page * PAGE..][..PAGE];
            page[0] == 13 && page.windows(13).any(|it| it == b"words words w")
        })
        .collect();
    assert!(of_messages.len() > 20, "{of_messages:?}");
    for page in [of_messages[5], of_messages[11]] {
        change(&server.database(), |bytes| {
            bytes[page * PAGE..][..200].fill(0xd5);
        });
    }
    server.command(["serve", "--port", "0"]).run().exits(74);
    let saved = document(&server, ["db", "repair", "--to", "saved.db"], 5);
    let table = |name: &str| {
        let tables = saved["tables"].as_array().expect("tables").iter();
        tables
            .clone()
            .find(|table| table["name"] == name)
            .cloned()
            .expect("a table")
    };
    let messages = &table("messages");
    assert_eq!(messages["gaps"], 2, "{saved}");
    assert!(messages["saved"].as_u64() > Some(300), "{saved}");
    assert_eq!(table("users")["gaps"], 0, "{saved}");
    server
        .command(["db", "repair", "--to", "saved.db"])
        .run()
        .exits(4);
    server
        .command(["restore", "saved.db", "--yes"])
        .run()
        .exits(0);
    assert_eq!(document(&server, ["db", "check"], 0)["sound"], true);
    server.serve();
    let mut anna = anna.on(server.connect());
    let texts = anna.texts(&group);
    assert_eq!(texts.len(), 400, "each message has its place");
    let gone = texts
        .iter()
        .filter(|text| *text == "Message deleted")
        .count();
    assert!((1..60).contains(&gone), "{gone} are gone");
    assert!(texts[399].starts_with("needle399"), "{}", texts[399]);
    assert_eq!(boris.on(server.connect()).texts(&other).len(), 20);
    assert_eq!(search(&mut anna, "needle399"), (200, 1));
    anna.send(&group, "life goes on");
    assert_eq!(anna.texts(&group).len(), 401);
}
