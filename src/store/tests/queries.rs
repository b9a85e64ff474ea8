//! Queries over what grows with use: each has its index.

use std::fs;
use std::path::Path;

use crate::store::{Store, connection};

/// Queries over what grows with use, and the parameters that they take. Each has to use an index.
const GROWING: &[&str] = &[
    "SELECT position, at FROM changes WHERE audience = :a AND position >= :b ORDER BY position LIMIT 5",
    "SELECT position, at FROM changes WHERE position >= :a ORDER BY position LIMIT 1",
    "SELECT position, at FROM changes ORDER BY position DESC LIMIT 1",
    "SELECT id FROM messages WHERE flow_id = :a AND number BETWEEN :b AND :c ORDER BY number",
    "SELECT id FROM messages WHERE flow_id = :a AND number = :b",
    "SELECT id FROM messages WHERE uuid = :a",
    "SELECT id FROM messages WHERE id > :a ORDER BY id LIMIT 5",
    "SELECT a.kind FROM attachments a JOIN files f ON f.id = a.file_id WHERE a.message_id = :a ORDER BY a.ordinal",
    "SELECT id FROM messages WHERE id >= :a ORDER BY id LIMIT 1",
    "SELECT id FROM messages ORDER BY id DESC LIMIT 1",
    "SELECT id FROM messages WHERE flow_id = :a AND number >= :b ORDER BY number LIMIT 1",
    "SELECT COUNT(*) FROM messages WHERE flow_id = :a AND number > :b AND number <= :c AND deleted_at IS NOT NULL",
    "SELECT position FROM changes WHERE flow_id = :a AND number = :b ORDER BY position LIMIT -1 OFFSET :c",
    "SELECT user_id, level FROM members WHERE flow_id = :a AND state = 'joined' AND level > 0 ORDER BY level DESC, ordinal",
    "SELECT (SELECT min(c.position) FROM changes c WHERE c.audience = m.flow_id AND c.position > :a) FROM members m WHERE m.user_id = :b AND m.state = 'joined' ORDER BY m.flow_id",
    "SELECT user_id FROM members WHERE flow_id = :a AND state = 'joined' ORDER BY level DESC, ordinal LIMIT 1",
    "SELECT id FROM files WHERE sha256 = :a",
    "SELECT file_id FROM attachments WHERE public_id = :a",
    "SELECT file_id FROM attachments WHERE thumb_public_id = :a",
    "SELECT file_id FROM preview_thumbnails WHERE public_id = :a",
    "SELECT 1 FROM preview_thumbnails WHERE file_id = :a",
    "SELECT SUM(length) FROM uploads WHERE user_id = :a AND expires_at > :b",
    "SELECT id FROM uploads WHERE expires_at <= :a ORDER BY expires_at LIMIT :b",
    "SELECT id FROM messages WHERE flow_id = :a AND slots & 255 <> 0 AND slots & :d <> 0 AND number < :b ORDER BY number DESC LIMIT :c",
    "SELECT user_id FROM members WHERE flow_id = :a AND state = 'joined' AND user_id = :b",
    "SELECT flow_id FROM members WHERE user_id = :a AND state = 'joined' ORDER BY flow_id",
    "SELECT id FROM flows WHERE uuid = :a",
    "SELECT id FROM users WHERE uuid = :a",
    "SELECT id FROM users WHERE login_key = :a",
    "SELECT id FROM sessions WHERE token_hash = :a",
    "SELECT id FROM sessions WHERE previous_hash = :a",
    "SELECT id FROM sessions WHERE user_id = :a",
    "DELETE FROM sessions WHERE user_id = :a AND expires_at < :b",
    "SELECT id FROM sessions WHERE user_id = :a AND expires_at < :b ORDER BY id DESC LIMIT 1 OFFSET 16",
    "SELECT 1 FROM txns WHERE user_id = :a AND scope = :c AND txn = :b",
    "SELECT user_id FROM txns WHERE expires_at < :a ORDER BY expires_at LIMIT 8",
    "SELECT 1 FROM invitations WHERE code_hash = :a",
    "SELECT 1 FROM invitations WHERE created_by = :a AND uses_left > 0 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :b) LIMIT :c",
    "SELECT created_at FROM flows WHERE created_by = :a AND created_at > :b AND created_at <= :c ORDER BY created_at DESC LIMIT 1 OFFSET :d",
    "SELECT 1 FROM flows WHERE owner_id = :a AND created_by = :a AND removed_at IS NULL AND kind <> 'chat' AND flags & 4 = 0 LIMIT :b",
    "SELECT 1 FROM flows WHERE owner_id = :a AND created_by IS NOT NULL AND removed_at IS NULL AND kind <> 'chat' AND flags & 4 = 0 LIMIT :b",
    "SELECT coalesce(max(position), 0) FROM changes WHERE audience = 0",
    "SELECT a.id FROM audit a LEFT JOIN users u ON u.id = a.by_id WHERE a.id < :a ORDER BY a.id DESC LIMIT :b",
    "DELETE FROM audit WHERE id <= :a",
    "DELETE FROM audit WHERE at < :a",
];

#[test]
fn every_query_that_can_grow_has_its_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    Store::prepare(&path).unwrap();
    let conn = connection::open_reader(&path).unwrap();
    for sql in GROWING {
        let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get("detail").unwrap();
            let searched =
                step.starts_with("SEARCH") || step.starts_with("CORRELATED SCALAR SUBQUERY");
            let end_of_table = step.starts_with("SCAN ")
                && sql.ends_with("DESC LIMIT 1")
                && !sql.contains("WHERE");
            assert!(searched || end_of_table, "{sql}: {step}");
            assert!(!step.contains("TEMP B-TREE"), "{sql}: {step}");
        }
    }
}

#[test]
fn the_queries_that_are_examined_are_those_of_the_source() {
    // What is listed above is shortened; each shape still has to be somewhere in the source.
    let source: String = [
        include_str!("../log.rs"),
        include_str!("../follower.rs"),
        include_str!("../history.rs"),
        include_str!("../messages.rs"),
        include_str!("../attachments.rs"),
        include_str!("../shelf.rs"),
        include_str!("../uploads.rs"),
        include_str!("../picked.rs"),
        include_str!("../members.rs"),
        include_str!("../flows.rs"),
        include_str!("../users.rs"),
        include_str!("../sessions.rs"),
        include_str!("../txns.rs"),
        include_str!("../search/index.rs"),
        include_str!("../invitations.rs"),
        include_str!("../audit.rs"),
    ]
    .concat();
    for shape in [
        "WHERE a.id < :after ORDER BY a.id DESC LIMIT :limit",
        "DELETE FROM audit WHERE id <= :oldest",
        "DELETE FROM audit WHERE at < :oldest",
        "WHERE c.audience = m.flow_id AND c.position > :after",
        "WHERE audience = :audience AND position >= :from ORDER BY position LIMIT :limit",
        "WHERE position >= :from ORDER BY position LIMIT 1",
        "FROM changes ORDER BY position DESC LIMIT 1",
        "WHERE flow_id = :flow AND number BETWEEN :first AND :last ORDER BY number",
        "WHERE flow_id = :flow AND number >= :from ORDER BY number LIMIT :limit",
        "WHERE flow_id = :flow AND number >= :number ORDER BY number LIMIT 1",
        "WHERE m.uuid = :uuid",
        "WHERE a.message_id = :message ORDER BY a.ordinal",
        "WHERE sha256 = :sha256",
        "WHERE user_id = :user AND expires_at > :now",
        "WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit",
        "WHERE flow_id = :flow AND slots & 255 <> 0 AND slots & :kinds <> 0 AND number < :before",
        "FROM sessions WHERE token_hash = :token_hash",
        "FROM sessions WHERE previous_hash = :token_hash",
        "WHERE user_id = :user AND expires_at < :now",
        "WHERE expires_at < :now",
        "WHERE user_id = :user AND scope = :scope AND txn = :txn",
        "WHERE code_hash = :code_hash",
        "SELECT coalesce(max(position), 0) FROM changes WHERE audience = 0",
    ] {
        assert!(
            source.contains(shape),
            "no query reads `{shape}` any more: mend the lists of this test"
        );
    }
}

/// What may read all events of a room: its state, its threads and what is about no message, by their index, and
/// whether there are any.
const WHOLE_ROOMS: &[&str] = &[
    "USING INDEX room_state (flow_id=?)",
    "USING INDEX room_threads (flow_id=?)",
    "USING INDEX room_events_alone_by_flow (flow_id=?)",
];

/// Questions that are answered by the first row which is found.
const FIRST_ROWS: &[&str] = &[
    "SELECT max(position) FROM room_events WHERE flow_id = :flow",
    "NOT EXISTS (SELECT 1 FROM room_events e WHERE e.flow_id = flows.id)",
];

/// Returns the literal that begins at a quotation mark, without the marks.
fn literal(source: &str) -> Option<&str> {
    let rest = source.strip_prefix('"')?;
    let mut is_escaped = false;
    let end = rest.find(|c| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    })?;
    Some(&rest[..end])
}

/// Returns the queries in a source file: those in one piece, and those that a macro completes.
fn queries(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices('"') {
        let begins = ["SELECT ", "WITH ", "UPDATE ", "DELETE FROM "];
        if begins.iter().any(|it| source[at + 1..].starts_with(it)) {
            found.extend(literal(&source[at..]).map(str::to_owned));
        }
    }
    for (at, _) in source.match_indices("macro_rules! ") {
        let body = &source[at + "macro_rules! ".len()..];
        let name = body.split([' ', '{']).next().unwrap_or_default();
        let begin = body.find("concat!(").and_then(|at| {
            let rest = &body[at..];
            literal(&rest[rest.find('"')?..])
        });
        for (at, _) in source.match_indices(&format!("{name}!(")) {
            let rest = source[at..].find('"').map(|quote| &source[at + quote..]);
            let pair = begin.zip(rest.and_then(literal));
            found.extend(pair.map(|(begin, rest)| format!("{begin}{rest}")));
        }
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.extend(queries(&fs::read_to_string(path).unwrap()));
        }
    }
}

#[test]
fn no_query_looks_through_the_events_of_a_room() {
    // Without statistics SQLite takes a room for ten events and the order of its log for the cheapest way to
    // one of them.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    Store::prepare(&path).unwrap();
    let conn = connection::open_reader(&path).unwrap();
    let mut all = Vec::new();
    sources(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/store")),
        &mut all,
    );
    let mut examined = 0;
    for sql in all.iter().filter(|sql| sql.contains("room_events")) {
        // Pieces of queries cannot be prepared.
        let Ok(mut statement) = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")) else {
            continue;
        };
        if !sql.contains(" WHERE ") {
            continue;
        }
        examined += 1;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get("detail").unwrap();
            let mut words = step.split(' ');
            let (how, what) = (words.next().unwrap(), words.next().unwrap_or_default());
            let is_room = what == "room_events" || sql.contains(&format!("room_events {what} "));
            if !is_room || !["SEARCH", "SCAN"].contains(&how) {
                continue;
            }
            let is_whole = how == "SCAN"
                || step.contains("(flow_id=?)")
                || step.contains("PRIMARY KEY (flow_id=? AND position<?)")
                || step.contains("PRIMARY KEY (flow_id=? AND position>?)");
            let is_meant = WHOLE_ROOMS.iter().any(|it| step.ends_with(it))
                || FIRST_ROWS.iter().any(|it| sql.contains(it));
            assert!(!is_whole || is_meant, "{sql}: {step}");
        }
    }
    assert!(examined > 40, "{examined} queries were found");
}
