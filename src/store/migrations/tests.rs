//! Tests of migrations on files, with an additional migration.

use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::super::connection::{self, Durability};
use super::super::paths::with_suffix;
use super::super::schema::known;
use super::super::tests::{add_group, add_message, add_user};
use super::super::{Options, Store, upkeep};
use super::*;

/// The number of messages in the file that is migrated while its process is killed.
const MESSAGES: i64 = 100_000;

/// The number of moments at which it is killed.
const MOMENTS: usize = 20;

/// How often the test checks whether a moment has come.
const LOOK: Duration = Duration::from_micros(200);

/// The variable that makes this program, run as a child, migrate a file.
const FILE: &str = "MORELIA_TEST_MIGRATES";

#[test]
fn every_file_in_sql_is_embedded() {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/sql")).unwrap();
    assert_eq!(known().len(), files.count());
}

#[test]
fn schema_newer_than_the_program_is_refused() {
    let mut conn = Connection::open_in_memory().unwrap();
    migrate(&mut conn, Path::new("x.db"), &known()).unwrap();
    conn.execute(
        "UPDATE refinery_schema_history SET version = 900 WHERE version = 2",
        [],
    )
    .unwrap();
    let err = migrate(&mut conn, Path::new("x.db"), &known()).unwrap_err();
    assert!(
        matches!(err, StoreError::TooNew { found: 900, .. }),
        "{err}"
    );
}

#[test]
fn another_programs_file_is_refused() {
    let mut conn = Connection::open_in_memory().unwrap();
    conn.execute("CREATE TABLE notes (text TEXT)", []).unwrap();
    let err = migrate(&mut conn, Path::new("x.db"), &known()).unwrap_err();
    assert!(matches!(err, StoreError::Foreign(_)), "{err}");
}

#[test]
fn a_file_of_a_development_build_is_refused() {
    let place = Place::new();
    let conn = Connection::open(&place.path).unwrap();
    conn.execute(
        "UPDATE refinery_schema_history SET checksum = '12345' WHERE version = 1",
        [],
    )
    .unwrap();
    drop(conn);
    for result in [
        Store::prepare(&place.path).map(|_| ()),
        backup::examine(&place.path).map(|_| ()),
        upkeep::schema(&place.path).map(|_| ()),
    ] {
        let err = result.unwrap_err();
        assert!(matches!(err, StoreError::Development(_)), "{err}");
    }
    assert!(place.copies().is_empty());
}

#[test]
fn a_referenced_table_is_made_anew() {
    let place = Place::new();
    place.fill(500);
    let known = with_second(&place.rebuilding());
    let copy = place.migrate(&known).unwrap().unwrap();
    assert_eq!(copy, place.copy());
    assert_eq!(mode(&copy), 0o600);
    assert_eq!(place.version(), 3);
    place.is_whole(500);
    let contents = backup::examine(&copy).unwrap();
    assert_eq!((contents.schema, contents.messages), (2, 500));
    // Foreign keys are enforced again.
    let mut conn = connection::open_writer(&place.path, Durability::Full).unwrap();
    assert_eq!(migrate(&mut conn, &place.path, &known).unwrap(), None);
    let err = conn.execute("DELETE FROM flows", []).unwrap_err();
    assert!(err.to_string().contains("FOREIGN KEY"), "{err}");
}

#[test]
fn a_migration_that_breaks_a_reference_is_rolled_back() {
    let place = Place::new();
    place.fill(500);
    let known = with_second(&format!("{} DELETE FROM flows;", place.rebuilding()));
    for _ in 0..3 {
        let err = place.migrate(&known).unwrap_err();
        let said = err.to_string();
        assert!(
            said.contains("rows of table messages would refer to missing rows of table flows: 500"),
            "{said}"
        );
        assert_eq!(place.version(), 2);
        place.is_whole(500);
        // However often it is tried, there is one copy of one state.
        assert_eq!(place.copies(), [place.copy()]);
    }
    // Another state gets another copy.
    place.fill(1);
    place.migrate(&known).unwrap_err();
    let second = place.path.with_extension("schema-2-2.db");
    assert_eq!(place.copies(), [second.clone(), place.copy()]);
    assert_eq!(backup::examine(&place.copy()).unwrap().messages, 500);
    assert_eq!(backup::examine(&second).unwrap().messages, 501);
}

#[test]
fn a_migration_that_fails_half_way_changes_nothing() {
    let place = Place::new();
    place.fill(10);
    let known = with_second(&format!("{} DROP TABLE nowhere;", place.rebuilding()));
    let err = place.migrate(&known).unwrap_err();
    assert_eq!(
        err.to_string(),
        "migrating the database failed: no such table: nowhere"
    );
    assert_eq!(place.version(), 2);
    place.is_whole(10);
}

#[test]
fn nothing_is_migrated_without_a_copy() {
    let place = Place::new();
    place.fill(10);
    // Something is in the way of the copy.
    std::fs::create_dir(with_suffix(&place.copy(), ".part")).unwrap();
    let known = with_second(&place.rebuilding());
    let err = place.migrate(&known).unwrap_err();
    assert!(err.to_string().contains("schema-2.db.part"), "{err}");
    assert_eq!(place.version(), 2);
    place.is_whole(10);
}

/// The child process of the test below.
#[test]
fn migrates_for_another_process() {
    if let Some(path) = std::env::var_os(FILE) {
        let place = PathBuf::from(path);
        let known = with_second(&rebuilding(&place));
        let mut conn = connection::open_writer(&place, Durability::Full).unwrap();
        migrate(&mut conn, &place, &known).unwrap();
    }
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_schema_or_the_new_one() {
    let origin = Place::new();
    origin.fill(MESSAGES);
    let known = with_second(&origin.rebuilding());
    let size = length(&origin.path);
    // Measures how long the log gets, and checks that an undisturbed child finishes.
    let place = origin.again();
    let mut child = place.child();
    let mut longest_log = 0;
    while child.try_wait().unwrap().is_none() {
        longest_log = longest_log.max(length(&place.log()));
        std::thread::sleep(LOOK);
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(place.version(), 3);
    assert!(longest_log > size / 4, "{longest_log} of {size}");

    let (mut old, mut new) = (0, 0);
    for moment in 0..MOMENTS {
        let place = origin.again();
        let mut child = place.child();
        let part = with_suffix(&place.copy(), ".part");
        let moment_ = u64::try_from(moment).unwrap();
        let reached = || match moment {
            0 => true,
            // While the file is copied, and when the copy has its name.
            1..6 => length(&part) >= size * moment_ / 6,
            6 => place.copy().exists(),
            // While the tables are rebuilt, and about when that is committed.
            7..19 => length(&place.log()) >= longest_log * (moment_ - 6) / 12,
            // While the log is copied into the file.
            _ => length(&place.path) > size,
        };
        let start = Instant::now();
        while !reached() && child.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < Duration::from_mins(2), "moment {moment}");
            std::thread::sleep(LOOK);
        }
        child.kill().unwrap();
        child.wait().unwrap();

        for file in place.copies().iter().chain(part.exists().then_some(&part)) {
            assert_eq!(mode(file), 0o600, "moment {moment}: {}", file.display());
        }
        for copy in place.copies() {
            assert_eq!(backup::examine(&copy).unwrap().messages, MESSAGES);
        }
        match place.version() {
            2 => old += 1,
            _ => new += 1,
        }
        place.is_whole(MESSAGES);
        let copy = place.migrate(&known).unwrap();
        assert_eq!(place.version(), 3, "moment {moment}");
        place.is_whole(MESSAGES);
        assert!(copy.is_none_or(|copy| copy == place.copy()));
        // A rollback to the state before is possible.
        assert_eq!(place.copies(), [place.copy()]);
        let contents = backup::examine(&place.copy()).unwrap();
        assert_eq!((contents.schema, contents.messages), (2, MESSAGES));
    }
    eprintln!("killed {MOMENTS} times: the old schema {old} times, the new one {new} times");
    // Most were killed before the commit, and the last after it.
    assert!(old >= MOMENTS / 2 && new >= 1, "{old} and {new}");
}

/// Returns the migrations of this program and one more.
fn with_second(sql: &str) -> Vec<Migration> {
    let second = Migration::unapplied("V3__rebuilt", sql).unwrap();
    known().into_iter().chain([second]).collect()
}

/// Returns SQL that rebuilds two tables, one of which others refer to, whatever their columns are.
fn rebuilding(path: &Path) -> String {
    let conn = connection::open_reader(path).unwrap();
    let text = |sql: &str, table: &str| -> Vec<String> {
        let mut statement = conn.prepare(sql).unwrap();
        let rows = statement.query_map([table], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    // The references of other tables must lead to the name, not to the table that had it.
    let mut sql = "PRAGMA legacy_alter_table = ON;".to_owned();
    for table in ["flows", "messages"] {
        let made = text("SELECT sql FROM sqlite_schema WHERE name = ?1", table).remove(0);
        let made = made.replacen(table, &format!("{table}_rebuilt"), 1);
        let rest = text(
            "SELECT sql FROM sqlite_schema WHERE tbl_name = ?1 AND type <> 'table' AND sql IS NOT NULL",
            table,
        );
        write!(
            sql,
            "{made};
             INSERT INTO {table}_rebuilt SELECT * FROM {table};
             DROP TABLE {table};
             ALTER TABLE {table}_rebuilt RENAME TO {table};
             ALTER TABLE {table} ADD COLUMN rebuilt INTEGER;
             {};",
            rest.join(";\n")
        )
        .unwrap();
    }
    sql.push_str("PRAGMA legacy_alter_table = OFF;");
    sql
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A database in a folder of its own.
struct Place {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Place {
    /// Creates one with the schema of this program.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        Store::prepare(&path).unwrap();
        Self { folder, path }
    }

    /// Returns a copy of this one.
    fn again(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        std::fs::copy(&self.path, &path).unwrap();
        Self { folder, path }
    }

    /// Adds messages to a group.
    fn fill(&self, count: i64) {
        let options = Options {
            path: self.path.clone(),
            durability: Durability::Full,
        };
        let store = Store::open(&options, Box::new(|_| {})).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let first = store.write(|tx| {
            let anna = add_user(tx, "anna")?;
            let group = add_group(tx, anna, &[anna])?;
            add_message(tx, &group, anna, "first")
        });
        // When it is filled again, these exist already.
        let added = i64::from(runtime.block_on(first).is_ok());
        store.close();
        let conn = connection::open_writer(&self.path, Durability::Full).unwrap();
        let columns: Vec<String> = conn
            .prepare("SELECT name FROM pragma_table_info('messages')")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let values: Vec<&str> = columns
            .iter()
            .map(|name| match name.as_str() {
                "id" => "m.id + n",
                "number" => "m.number + n",
                "uuid" => "randomblob(16)",
                "text" => "'message ' || n",
                name => name,
            })
            .collect();
        let sql = format!(
            "WITH RECURSIVE more (n) AS (SELECT 1 WHERE :count > 0 UNION ALL SELECT n + 1 FROM more WHERE n < :count)
             INSERT INTO messages ({}) SELECT {} FROM more,
             (SELECT * FROM messages ORDER BY id DESC LIMIT 1) m",
            columns.join(", "),
            values.join(", ")
        );
        conn.execute(&sql, rusqlite::named_params! {":count": count - added})
            .unwrap();
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
    }

    fn rebuilding(&self) -> String {
        rebuilding(&self.path)
    }

    fn migrate(&self, known: &[Migration]) -> Result<Option<PathBuf>, StoreError> {
        let mut conn = connection::open_writer(&self.path, Durability::Full)?;
        migrate(&mut conn, &self.path, known)
    }

    /// Starts a process that migrates.
    fn child(&self) -> Child {
        let test = "store::migrations::tests::migrates_for_another_process";
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test])
            .env(FILE, &self.path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn copy(&self) -> PathBuf {
        self.path.with_extension("schema-2.db")
    }

    fn log(&self) -> PathBuf {
        with_suffix(&self.path, "-wal")
    }

    /// Returns the copies beside it, in the order of their names.
    fn copies(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut copies: Vec<_> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                let name = path.file_name().unwrap().to_string_lossy();
                name.contains("schema-") && name.ends_with(".db")
            })
            .collect();
        copies.sort();
        copies
    }

    fn version(&self) -> i32 {
        let conn = connection::open_reader(&self.path).unwrap();
        match examine(&conn, &self.path).unwrap() {
            Found::Version(version) => version,
            Found::Empty => panic!("nothing is in it"),
        }
    }

    /// Asserts that nothing is damaged or missing, and that the file has exactly one schema.
    fn is_whole(&self, count: i64) {
        let conn = connection::open_reader(&self.path).unwrap();
        let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let sound: String = conn
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sound, "ok");
        assert_eq!(number("SELECT COUNT(*) FROM pragma_foreign_key_check"), 0);
        assert_eq!(number("SELECT COUNT(*) FROM messages"), count);
        assert_eq!(number("SELECT COUNT(DISTINCT uuid) FROM messages"), count);
        assert_eq!(number("SELECT MAX(number) FROM messages"), count - 1);
        let rebuilt = |table: &str| {
            number(&format!(
                "SELECT COUNT(*) FROM pragma_table_info('{table}') WHERE name = 'rebuilt'"
            ))
        };
        let expected = i64::from(self.version() - 2);
        assert_eq!(
            (rebuilt("flows"), rebuilt("messages")),
            (expected, expected)
        );
        assert_eq!(
            number("SELECT COUNT(*) FROM sqlite_schema WHERE name LIKE '%_rebuilt'"),
            0
        );
    }
}
