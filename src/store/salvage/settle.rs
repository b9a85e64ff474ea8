//! Repairing the references and counts of saved rows.

use rusqlite::{Connection, named_params};

use super::{places, quoted};
use crate::model::{DELETED_LOGIN, PublicId, Timestamp};
use crate::store::error::StoreError;

/// The number of rounds in which rows with missing references are removed; chains of references are shorter.
const ROUNDS: usize = 16;

/// Makes one consistent database from the saved rows. Returns what was done, one sentence each.
///
/// # Errors
/// The file cannot be written.
pub(super) fn settle(conn: &Connection) -> Result<Vec<String>, StoreError> {
    let mut done = Vec::new();
    let now = Timestamp::now().0;
    let mut note = |count: usize, what: &str| {
        if count > 0 {
            done.push(format!("{what}: {count}"));
        }
    };
    note(
        missing_users(conn, now)?,
        "accounts put back without their profile",
    );
    note(
        missing_flows(conn, now)?,
        "flows put back without their title",
    );
    // If two rows have one position, the message is kept.
    let twice = conn.execute(
        "DELETE FROM changes WHERE position IN (SELECT id FROM messages)",
        [],
    )?;
    note(twice, "changes removed whose position a message has");
    let numbers = places::settle(conn, now)?;
    note(numbers.renumbered, "messages numbered anew");
    note(
        numbers.removed,
        "messages removed for which there is no place",
    );
    note(numbers.replaced, "messages put back as deleted ones");
    note(
        dangling(conn)?,
        "rows removed or cut loose from what is gone",
    );
    conn.execute_batch(
        "UPDATE flows SET
             next_number = coalesce((SELECT MAX(number) + 1 FROM messages m WHERE m.flow_id = flows.id), max(next_number, 0)),
             first_number = coalesce((SELECT MIN(number) FROM messages m WHERE m.flow_id = flows.id), max(next_number, 0)),
             member_count = (SELECT COUNT(*) FROM members m WHERE m.flow_id = flows.id AND m.state = 'joined'),
             last_message_id = coalesce((SELECT MAX(id) FROM messages m WHERE m.flow_id = flows.id), last_message_id);
         UPDATE files SET reference_count =
             (SELECT COUNT(*) FROM attachments a WHERE a.file_id = files.id)
             + (SELECT COUNT(*) FROM attachments a WHERE a.thumb_file_id = files.id)
             + (SELECT COUNT(*) FROM preview_thumbnails v WHERE v.file_id = files.id)
             + (SELECT COUNT(*) FROM users u WHERE u.avatar_file_id = files.id)
             + (SELECT COUNT(*) FROM flows f WHERE f.picture_file_id = files.id)
             + (SELECT COUNT(*) FROM hooks h WHERE h.picture_file_id = files.id)
             + (SELECT COUNT(*) FROM uploads p WHERE p.file_id = files.id)
             + (SELECT COUNT(*) FROM exports e WHERE e.file_id = files.id);
         DELETE FROM files WHERE reference_count = 0;
         UPDATE users SET used = coalesce((
             SELECT SUM(f.size) FROM attachments a
             JOIN messages m ON m.id = a.message_id JOIN files f ON f.id = a.file_id
             WHERE m.author_id = users.id AND m.forward IS NULL), 0);",
    )?;
    Ok(done)
}

/// Adds the lost accounts to which messages and memberships refer, as deleted ones.
fn missing_users(conn: &Connection, now: i64) -> Result<usize, StoreError> {
    let missing = numbers(
        conn,
        "SELECT author_id FROM messages UNION SELECT user_id FROM members
         EXCEPT SELECT id FROM users",
    )?;
    for id in &missing {
        conn.prepare_cached(
            "INSERT INTO users (id, uuid, login, localpart, created_at, deleted_at)
             VALUES (:id, :uuid, :login, 'lost-' || :id, :now, :now)",
        )?
        .execute(named_params! {
            ":id": id,
            ":uuid": PublicId::generate().to_bytes(),
            ":login": DELETED_LOGIN,
            ":now": now,
        })?;
    }
    Ok(missing.len())
}

/// Adds the lost flows to which messages and members refer, as groups.
fn missing_flows(conn: &Connection, now: i64) -> Result<usize, StoreError> {
    let missing = numbers(
        conn,
        "SELECT flow_id FROM messages UNION SELECT flow_id FROM members EXCEPT SELECT id FROM flows",
    )?;
    for id in &missing {
        conn.prepare_cached(
            "INSERT INTO flows (id, uuid, kind, title, created_at, first_number, next_ordinal)
             VALUES (:id, :uuid, 'group', 'Recovered ' || :id, :now,
                     (SELECT coalesce(MIN(number), 0) FROM messages WHERE flow_id = :id),
                     (SELECT coalesce(MAX(ordinal), 0) + 1 FROM members WHERE flow_id = :id))",
        )?
        .execute(named_params! {
            ":id": id,
            ":uuid": PublicId::generate().to_bytes(),
            ":now": now,
        })?;
    }
    Ok(missing.len())
}

/// Repairs rows with missing references: clears the reference if it is optional, else removes the row.
fn dangling(conn: &Connection) -> Result<usize, StoreError> {
    let mut references = conn.prepare(
        "SELECT t.name AS child, f.\"table\" AS parent, f.\"from\" AS child_column,
                coalesce(f.\"to\", 'id') AS parent_column, c.\"notnull\" OR c.pk > 0 AS is_needed
         FROM sqlite_schema t, pragma_foreign_key_list(t.name) f, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND c.name = f.\"from\"",
    )?;
    let references: Vec<(String, String)> = references
        .query_map([], |row| {
            let child: String = row.get("child")?;
            let parent: String = row.get("parent")?;
            let column = quoted(&row.get::<_, String>("child_column")?);
            let key = quoted(&row.get::<_, String>("parent_column")?);
            let (child, parent) = (quoted(&child), quoted(&parent));
            let gone =
                format!("{column} IS NOT NULL AND {column} NOT IN (SELECT {key} FROM {parent})");
            let change = if row.get("is_needed")? {
                format!("DELETE FROM {child} WHERE {gone}")
            } else {
                format!("UPDATE {child} SET {column} = NULL WHERE {gone}")
            };
            Ok((child, change))
        })?
        .collect::<Result<_, _>>()?;
    let mut all = 0;
    for _ in 0..ROUNDS {
        let mut changed = 0;
        for (_, sql) in &references {
            changed += conn.execute(sql, [])?;
        }
        all += changed;
        if changed == 0 {
            break;
        }
    }
    Ok(all)
}

fn numbers(conn: &Connection, sql: &str) -> Result<Vec<i64>, StoreError> {
    let mut statement = conn.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}
