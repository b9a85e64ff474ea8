//! The form of the rows of a table, by which a row without a table is assigned to one.

use rusqlite::types::Value;
use rusqlite::{Connection, named_params};

use crate::store::error::StoreError;

/// The form of the rows of a table or index.
#[derive(Debug)]
pub(super) struct Shape {
    /// The name of the table or index.
    pub(super) name: String,
    /// The table: of an index the one that it belongs to.
    pub(super) table: String,
    pub(super) is_index: bool,
    /// Whether rows have a number besides their values.
    pub(super) has_numbers: bool,
    /// The columns, in the order of the file.
    pub(super) columns: Vec<Column>,
}

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    kind: String,
    is_needed: bool,
    /// Whether the row number is its value.
    is_number: bool,
}

impl Shape {
    /// Returns whether values can be a row of it.
    pub(super) fn fits(&self, values: &[Value]) -> bool {
        let mut pairs = self.columns.iter().zip(values);
        self.columns.len() == values.len() && pairs.all(|(column, value)| column.fits(value))
    }

    /// Returns the values in the order of the columns, with the row number where it is the value.
    pub(super) fn whole(&self, number: i64, values: Vec<Value>) -> Vec<Value> {
        let pairs = self.columns.iter().zip(values);
        pairs
            .map(|(column, value)| {
                if column.is_number {
                    Value::Integer(number)
                } else {
                    value
                }
            })
            .collect()
    }
}

impl Column {
    fn fits(&self, value: &Value) -> bool {
        if self.is_number {
            return *value == Value::Null;
        }
        match (value, self.kind.as_str()) {
            (Value::Null, _) => !self.is_needed,
            (_, "" | "ANY")
            | (Value::Integer(_), "INTEGER" | "INT")
            | (Value::Real(_), "REAL")
            | (Value::Text(_), "TEXT")
            | (Value::Blob(_), "BLOB") => true,
            _ => false,
        }
    }
}

/// Returns every table and index of a valid file.
///
/// # Errors
/// The file cannot be read.
pub(super) fn all(conn: &Connection) -> Result<Vec<Shape>, StoreError> {
    let mut objects = conn.prepare(
        "SELECT s.name, s.tbl_name, s.type = 'index' AS is_index, coalesce(l.wr, 0) AS is_without_numbers
         FROM sqlite_schema s LEFT JOIN pragma_table_list l ON l.name = s.name AND l.schema = 'main'
         WHERE s.rootpage > 0 AND s.type IN ('table', 'index')
             AND s.name NOT LIKE 'refinery_%' ORDER BY s.rowid",
    )?;
    let objects: Vec<(String, String, bool, bool)> = objects
        .query_map([], |row| {
            Ok((
                row.get("name")?,
                row.get("tbl_name")?,
                row.get("is_index")?,
                row.get("is_without_numbers")?,
            ))
        })?
        .collect::<Result<_, _>>()?;
    let mut shapes = Vec::new();
    for (name, table, is_index, is_without_numbers) in objects {
        let columns = if is_index {
            stored(conn, &table, &name)?
        } else if is_without_numbers {
            let key = conn.query_row(
                "SELECT name FROM pragma_index_list(:table) WHERE origin = 'pk'",
                named_params! {":table": name},
                |row| row.get::<_, String>("name"),
            )?;
            stored(conn, &name, &key)?
        } else {
            declared(conn, &name)?
        };
        shapes.push(Shape {
            name,
            table,
            is_index,
            has_numbers: !is_index && !is_without_numbers,
            columns,
        });
    }
    Ok(shapes)
}

/// Returns the columns of a table with row numbers.
fn declared(conn: &Connection, table: &str) -> Result<Vec<Column>, StoreError> {
    let mut statement = conn.prepare(
        "SELECT name, type, \"notnull\", pk > 0 AND type = 'INTEGER'
             AND (SELECT COUNT(*) FROM pragma_table_info(:table) WHERE pk > 0) = 1 AS is_number
         FROM pragma_table_info(:table) ORDER BY cid",
    )?;
    let rows = statement.query_map(named_params! {":table": table}, |row| {
        Ok(Column {
            name: row.get("name")?,
            kind: row.get("type")?,
            is_needed: row.get("notnull")?,
            is_number: row.get("is_number")?,
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns the columns of an index, in its order; the key of a table without row numbers has all columns.
fn stored(conn: &Connection, table: &str, index: &str) -> Result<Vec<Column>, StoreError> {
    let mut statement = conn.prepare(
        "SELECT coalesce(x.name, '') AS name, coalesce(c.type, 'INTEGER') AS type,
                coalesce(c.\"notnull\" OR (c.pk > 0 AND l.wr), 1) AS is_needed
         FROM pragma_index_xinfo(:index) x
         LEFT JOIN pragma_table_info(:table) c ON c.name = x.name
         LEFT JOIN pragma_table_list l ON l.name = :table AND l.schema = 'main'
         ORDER BY x.seqno",
    )?;
    let rows = statement.query_map(named_params! {":table": table, ":index": index}, |row| {
        Ok(Column {
            name: row.get("name")?,
            kind: row.get("type")?,
            is_needed: row.get("is_needed")?,
            is_number: false,
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}
