//! Telling apart what is damaged: the users' data, or what can be rebuilt from it.
//!
//! The full-text index and the ordinary indexes are derived. If they are damaged, nothing is refused or
//! lost: they are rebuilt.

mod compare;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, named_params};

use super::connection::{self, Durability};
use super::error::StoreError;
use super::{Store, schema, search};

/// How thorough a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Checks that every page is valid.
    Pages,
    /// Checks also that every index matches its table.
    Content,
}

impl Depth {
    fn all(self) -> &'static str {
        match self {
            Self::Pages => "PRAGMA quick_check(1000)",
            Self::Content => "PRAGMA integrity_check(1000)",
        }
    }

    fn one(self) -> &'static str {
        match self {
            Self::Pages => "SELECT quick_check FROM pragma_quick_check(:table)",
            Self::Content => "SELECT integrity_check FROM pragma_integrity_check(:table)",
        }
    }
}

/// Messages of the engine that mean that the map of pages is wrong.
const MAP: [&str; 3] = [
    "Bad ptr map entry",
    "max rootpage",
    "pointer map referenced",
];

/// The damage found in a file.
#[derive(Debug, Default)]
pub struct Damage {
    data: Vec<String>,
    search: Option<String>,
    indexes: BTreeMap<String, Fault>,
    map: Option<String>,
    lost_pages: usize,
    pages: u32,
}

/// The fault of an index.
#[derive(Debug)]
struct Fault {
    what: String,
    /// Whether its pages must not be followed, not even to free them.
    is_in_pages: bool,
}

impl Damage {
    /// Returns the damage of table rows, which cannot be rebuilt; one sentence each.
    #[must_use]
    pub fn of_data(&self) -> &[String] {
        &self.data
    }

    /// Returns the damage of what can be rebuilt; one sentence each.
    #[must_use]
    pub fn of_derived(&self) -> Vec<String> {
        let search = self.search.iter();
        let mut found: Vec<String> = search
            .map(|what| format!("the search index is damaged: {what}"))
            .collect();
        for (name, fault) in &self.indexes {
            found.push(format!("the index {name} is damaged: {}", fault.what));
        }
        let map = self.map.iter();
        found.extend(map.map(|what| format!("the map of pages is damaged: {what}")));
        found
    }

    /// Returns whether the full-text index is damaged.
    #[must_use]
    pub fn is_of_search(&self) -> bool {
        self.search.is_some()
    }

    /// Returns the number of unused pages, which compacting frees: they are a loss, but no damage.
    #[must_use]
    pub fn lost_pages(&self) -> usize {
        self.lost_pages
    }

    fn is_none(&self) -> bool {
        self.data.is_empty()
            && self.search.is_none()
            && self.indexes.is_empty()
            && self.map.is_none()
    }

    /// Refuses damage of data that cannot be rebuilt.
    pub(super) fn require_data(self) -> Result<Self, StoreError> {
        match self.data.into_iter().next() {
            Some(what) => Err(StoreError::Damaged(what)),
            None => Ok(Self {
                data: Vec::new(),
                ..self
            }),
        }
    }

    fn take(&mut self, line: &str, roots: &HashMap<u32, Object>) {
        let line = line.trim();
        if line.is_empty() || line == "ok" || line.starts_with("***") {
            return;
        }
        if line.starts_with("Page ") && line.ends_with(": never used") {
            self.lost_pages += 1;
            return;
        }
        if self.is_of_map(line) {
            self.map.get_or_insert_with(|| line.to_owned());
            return;
        }
        if let Some(rest) = line.strip_prefix("Tree ") {
            let root = rest.split(' ').next().and_then(|word| word.parse().ok());
            match root.and_then(|root: u32| roots.get(&root)) {
                Some(object) if search::owns(&object.name) => self.search = Some(line.to_owned()),
                Some(object) if object.is_index => self.fault(&object.name, line, true),
                _ => self.data.push(line.to_owned()),
            }
            return;
        }
        if line.contains(search::TABLE) {
            self.search = Some(line.to_owned());
            return;
        }
        // "row 5 missing from index X", "wrong # of entries in index X", and the like.
        let index = line
            .rsplit_once("index ")
            .map(|(_, name)| name)
            .filter(|name| roots.values().any(|it| it.is_index && it.name == *name));
        match index {
            Some(name) => self.fault(name, line, false),
            None => self.data.push(line.to_owned()),
        }
    }

    /// Returns whether only the map of pages is wrong, which says to which page each page belongs: it is
    /// only used to move pages, and is rebuilt with the file. An entry for an impossible page number comes
    /// from a damaged tree.
    fn is_of_map(&self, line: &str) -> bool {
        let key = line.split_once("Failed to read ptrmap key=");
        let key = key.and_then(|(_, key)| key.trim().parse().ok());
        key.is_some_and(|key: u32| key > 2 && key <= self.pages)
            || MAP.iter().any(|words| line.contains(words))
    }

    fn fault(&mut self, index: &str, what: &str, is_in_pages: bool) {
        // The index of a UNIQUE constraint has no statement of its own to rebuild it.
        if is_in_pages && index.starts_with("sqlite_autoindex_") {
            self.data.push(what.to_owned());
            return;
        }
        let fault = self.indexes.entry(index.to_owned()).or_insert(Fault {
            what: what.to_owned(),
            is_in_pages,
        });
        fault.is_in_pages |= is_in_pages;
    }
}

/// A table or an index.
struct Object {
    name: String,
    /// The table itself, or the table of the index.
    table: String,
    is_index: bool,
}

/// Checks an open file.
///
/// # Errors
/// The file cannot be read at all.
pub(super) fn look(conn: &Connection, path: &Path, depth: Depth) -> Result<Damage, StoreError> {
    let roots = roots(conn)?;
    let mut damage = Damage {
        pages: conn.query_row("PRAGMA page_count", [], |row| row.get(0))?,
        ..Damage::default()
    };
    // If a virtual table is the last of all tables, as it is after a VACUUM, the engine checks the list of
    // free pages only together with the schema table.
    let whole = check(conn, depth.all(), None, &roots, &mut damage).and_then(|()| {
        check(
            conn,
            depth.one(),
            Some("sqlite_schema"),
            &roots,
            &mut damage,
        )
    });
    let Err(err) = whole else {
        compare::rows(conn, depth, &roots, &mut damage)?;
        return Ok(damage);
    };
    if !is_damage(&err) {
        return Err(err);
    }
    let mut unexplained = Some(err);
    if damage.is_none() {
        // A connection that cannot open the full-text index at all checks nothing.
        match without_search(path, |conn| {
            check(conn, depth.all(), None, &roots, &mut damage)
        }) {
            Ok(()) => unexplained = None,
            Err(err) if is_damage(&err) => {}
            Err(err) => return Err(err),
        }
        damage
            .search
            .get_or_insert("it cannot be opened".to_owned());
    }
    if let Some(err) = unexplained {
        // The engine stops at a page that it cannot read.
        for object in roots.values().filter(|it| !it.is_index) {
            look_at_table(conn, &object.name, depth, &roots, &mut damage)?;
        }
        if damage.is_none() {
            damage.data.push(err.to_string());
        }
    }
    compare::rows(conn, depth, &roots, &mut damage)?;
    Ok(damage)
}

/// Runs `work` on a connection whose schema lacks the full-text index, and writes nothing.
fn without_search(
    path: &Path,
    work: impl FnOnce(&Connection) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(connection::BUSY_TIMEOUT)?;
    conn.pragma_update(None, "cache_spill", "OFF")?;
    conn.execute_batch("BEGIN")?;
    conn.pragma_update(None, "writable_schema", "ON")?;
    conn.execute(
        "DELETE FROM sqlite_schema WHERE name = :name",
        named_params! {":name": search::TABLE},
    )?;
    conn.pragma_update(None, "writable_schema", "RESET")?;
    let result = work(&conn);
    conn.execute_batch("ROLLBACK")?;
    result
}

/// Checks one table with its indexes.
fn look_at_table(
    conn: &Connection,
    table: &str,
    depth: Depth,
    roots: &HashMap<u32, Object>,
    damage: &mut Damage,
) -> Result<(), StoreError> {
    let Err(err) = check(conn, depth.one(), Some(table), roots, damage) else {
        return Ok(());
    };
    if !is_damage(&err) {
        return Err(err);
    }
    if search::owns(table) {
        damage.search.get_or_insert(err.to_string());
        return Ok(());
    }
    // The unreadable part may be an index; then every row can still be read.
    let mut indexes = roots.values().filter(|it| it.is_index && it.table == table);
    let is_explained = indexes.any(|it| {
        damage
            .indexes
            .get(&it.name)
            .is_some_and(|it| it.is_in_pages)
    });
    if !is_explained || read_all(conn, table).is_err() {
        damage.data.push(err.to_string());
    }
    Ok(())
}

fn check(
    conn: &Connection,
    sql: &str,
    table: Option<&str>,
    roots: &HashMap<u32, Object>,
    damage: &mut Damage,
) -> Result<(), StoreError> {
    let mut statement = conn.prepare(sql)?;
    if let Some(table) = table {
        statement.raw_bind_parameter(":table", table)?;
    }
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        for line in row.get_ref(0)?.as_str().unwrap_or_default().lines() {
            damage.take(line, roots);
        }
    }
    Ok(())
}

/// Reads every column of every row, without using an index.
fn read_all(conn: &Connection, table: &str) -> Result<(), StoreError> {
    // A name cannot be a parameter; this one comes from the file's own schema.
    let mut statement = conn.prepare(&format!("SELECT * FROM {} NOT INDEXED", quoted(table)))?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            row.get_ref(column)?;
        }
    }
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns whether an error reports damage.
fn is_damage(err: &StoreError) -> bool {
    matches!(err, StoreError::Damaged(_) | StoreError::Engine(_))
}

fn roots(conn: &Connection) -> Result<HashMap<u32, Object>, StoreError> {
    let mut statement = conn.prepare(
        "SELECT rootpage, name, tbl_name, type = 'index' AS is_index FROM sqlite_schema WHERE rootpage > 0",
    )?;
    let rows = statement.query_map([], |row| {
        Ok((
            row.get("rootpage")?,
            Object {
                name: row.get("name")?,
                table: row.get("tbl_name")?,
                is_index: row.get("is_index")?,
            },
        ))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Rebuilds what is damaged and can be rebuilt: ordinary indexes at once; the full-text index is only
/// started, and the next writer fills it.
///
/// # Errors
/// The file cannot be written, or the rows violate a constraint of an index.
pub(super) fn mend(conn: &Connection, damage: &Damage) -> Result<(), StoreError> {
    for (name, fault) in &damage.indexes {
        let rebuilt = if fault.is_in_pages {
            make_anew(conn, name)
        } else {
            Ok(conn.execute_batch(&format!("REINDEX {}", quoted(name)))?)
        };
        rebuilt.map_err(|err| contradiction(&format!("the index {name}"), err))?;
    }
    if damage.search.is_some() {
        search::recreate(conn)?;
    }
    Ok(())
}

/// Explains the error if an index cannot be rebuilt.
pub(super) fn contradiction(index: &str, err: StoreError) -> StoreError {
    match err {
        StoreError::Conflict(what) => StoreError::Damaged(format!(
            "rows contradict {index}, which cannot be rebuilt: {what}"
        )),
        other => other,
    }
}

/// Rebuilds an index without following its pages: they are lost until the file is compacted.
fn make_anew(conn: &Connection, name: &str) -> Result<(), StoreError> {
    let sql: Option<String> = conn
        .query_row(
            "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = :name",
            named_params! {":name": name},
            |row| row.get("sql"),
        )
        .optional()?
        .flatten();
    let sql =
        sql.ok_or_else(|| StoreError::Damaged(format!("the index {name} has no statement")))?;
    search::cut_off(conn, name)?;
    Ok(conn.execute_batch(&sql)?)
}

impl Store {
    /// Looks for damage, page by page, and writes nothing.
    ///
    /// # Errors
    /// The file cannot be read at all.
    pub fn damage(path: &Path) -> Result<Damage, StoreError> {
        connection::open_reader(path)
            .and_then(|conn| look(&conn, path, Depth::Pages))
            .map_err(|err| err.of(path))
    }

    /// Rebuilds what is damaged and can be rebuilt. Writers wait meanwhile.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn mend(path: &Path, damage: &Damage) -> Result<(), StoreError> {
        let work = || {
            let conn = connection::open_writer(path, Durability::Full)?;
            schema::require_current(&conn, path)?;
            mend(&conn, damage)
        };
        work().map_err(|err: StoreError| err.of(path))
    }
}
