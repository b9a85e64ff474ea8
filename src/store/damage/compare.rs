//! Comparing tables with their indexes.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, named_params};

use super::{Damage, Depth, Object, is_damage, quoted};
use crate::store::error::StoreError;
use crate::store::search;

/// Compares how many rows a table has with how many its indexes know: valid pages may be those of another
/// table. At [`Depth::Pages`] only whether there are any. Rows that an index has beyond those of its table
/// are lost data, of which a rebuilt index would know nothing.
pub(super) fn rows(
    conn: &Connection,
    depth: Depth,
    roots: &HashMap<u32, Object>,
    damage: &mut Damage,
) -> Result<(), StoreError> {
    for object in roots.values().filter(|it| it.is_index) {
        let (table, index) = (&object.table, &object.name);
        // The engine has counted already, and does not say which of the two has more.
        let is_counted = damage.indexes.contains_key(index);
        if search::owns(table) || !is_counted && depth == Depth::Content {
            continue;
        }
        let known_rows = condition(conn, index)?;
        let count = |how: &str| -> Result<i64, StoreError> {
            let rows = format!("FROM {} {how} {known_rows}", quoted(table));
            let sql = if is_counted {
                format!("SELECT COUNT(*) {rows}")
            } else {
                format!("SELECT EXISTS (SELECT 1 {rows})")
            };
            Ok(conn.query_row(&sql, [], |row| row.get(0))?)
        };
        // What cannot be read has been told already.
        let counts = count("NOT INDEXED").and_then(|rows| {
            let known = count(&format!("INDEXED BY {}", quoted(index)))?;
            Ok((rows, known))
        });
        match counts {
            Ok((rows, known)) if known > rows => damage.data.push(format!(
                "rows of the table {table} are lost that its index {index} knows"
            )),
            Ok((rows, known)) if known < rows => {
                damage.fault(index, "it does not know all rows of its table", false);
            }
            Ok(_) => {}
            Err(err) if is_damage(&err) => {}
            Err(err) => return Err(err),
        }
    }
    Ok(())
}

/// Returns which rows of its table an index knows, as a part of a statement.
fn condition(conn: &Connection, index: &str) -> Result<String, StoreError> {
    let sql: Option<String> = conn
        .query_row(
            "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = :name",
            named_params! {":name": index},
            |row| row.get(0),
        )
        .optional()?
        .flatten();
    let condition = sql.as_deref().and_then(|sql| sql.split_once(" WHERE "));
    Ok(condition.map_or_else(String::new, |(_, condition)| format!("WHERE {condition}")))
}

#[cfg(test)]
mod tests {
    use super::super::roots;
    use super::*;
    use crate::store::{Store, connection};

    #[test]
    fn every_index_can_be_compared_with_its_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        Store::prepare(&path).unwrap();
        let conn = connection::open_reader(&path).unwrap();
        let roots = roots(&conn).unwrap();
        let indexes = roots
            .values()
            .filter(|it| it.is_index && !search::owns(&it.table));
        let mut compared = 0;
        for object in indexes {
            let known_rows = condition(&conn, &object.name).unwrap();
            for what in ["COUNT(*)", "1"] {
                let sql = format!(
                    "SELECT {what} FROM {} INDEXED BY {} {known_rows}",
                    quoted(&object.table),
                    quoted(&object.name)
                );
                conn.prepare(&sql)
                    .unwrap_or_else(|err| panic!("{sql}: {err}"));
            }
            compared += 1;
        }
        assert!(compared > 50, "{compared}");
    }
}
