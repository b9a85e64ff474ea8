//! Tests of the index with files.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::super::messages::{self, Load};
use super::super::tests::{add_group, add_message, add_user};
use super::super::{Durability, Options, Store, flows};
use super::index::disagreement;
use super::*;
use crate::model::{By, Query, UserId};

fn open(path: &Path) -> Store {
    let options = Options {
        path: path.to_owned(),
        durability: Durability::Normal,
    };
    Store::open(&options, Box::new(drop)).unwrap()
}

async fn filled(path: &Path, count: usize) -> (Store, [(UserId, FlowId); 2]) {
    Store::prepare(path).unwrap();
    let store = open(path);
    let people = store
        .write(move |tx| {
            let mut people = Vec::new();
            for login in ["stranger", "anna"] {
                let user = add_user(tx, login)?;
                people.push((user, add_group(tx, user, &[user])?));
            }
            add_message(tx, &people[1].1, people[1].0, "the word")?;
            for _ in 0..count {
                add_message(tx, &people[0].1, people[0].0, "the word")?;
            }
            add_message(tx, &people[1].1, people[1].0, "the word")?;
            Ok::<_, StoreError>([(people[0].0, people[0].1.id), (people[1].0, people[1].1.id)])
        })
        .await
        .unwrap();
    store.index_all().await.unwrap();
    (store, people)
}

async fn search(
    store: &Store,
    user: UserId,
    text: &str,
    filter: Filter,
    budget: Duration,
) -> Result<Hits, StoreError> {
    let query = Query::new(text);
    store.index_all().await?;
    store
        .read(move |view| {
            let wanted = Wanted {
                scope: Scope::Of(user),
                query: &query,
                filter: &filter,
                limit: 100,
                budget,
            };
            find(view, &wanted)
        })
        .await
}

const LONG: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_search_ends_when_its_time_is_over_and_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (store, [(stranger, _), (anna, _)]) = filled(&folder.path().join("a.db"), 3000).await;
    let hits = search(&store, anna, "wo", Filter::default(), LONG)
        .await
        .unwrap();
    assert_eq!((hits.found.len(), hits.before), (2, None));
    let mut filter = Filter::default();
    let mut found = Vec::new();
    loop {
        let hits = search(&store, anna, "wo", filter.clone(), Duration::ZERO)
            .await
            .unwrap();
        found.extend(hits.found);
        filter.before = hits.before;
        assert_eq!(hits.is_out_of_time, hits.before.is_some());
        if hits.before.is_none() {
            break;
        }
    }
    assert_eq!(found.len(), 2);
    let hits = search(&store, stranger, "wo", Filter::default(), LONG)
        .await
        .unwrap();
    assert_eq!(hits.found.len(), 100);
    assert!(hits.found.is_sorted_by(|one, next| one > next));
    assert_eq!(
        hits.before,
        hits.found.last().map(|id| crate::model::Position(id.0))
    );
    store.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_grows_meanwhile_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (store, [(stranger, group), _]) = filled(&path, 300).await;
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            for _ in 0..50 {
                let conn = Connection::open(&path).unwrap();
                assert_eq!(disagreement(&conn).unwrap(), None);
            }
        });
        // A limit for the messages, in case the other task never finishes.
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for _ in 0..20_000 {
                    if looking.is_finished() {
                        break;
                    }
                    store
                        .write(move |tx| {
                            let flow = flows::by_id(tx, group)?.unwrap();
                            add_message(tx, &flow, stranger, "one more")
                        })
                        .await
                        .unwrap();
                    store.index_all().await.unwrap();
                }
            });
        });
        looking.join().unwrap();
    });
    store.close();
}

#[tokio::test]
async fn what_is_forgotten_leaves_the_file_and_what_stays_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (store, [_, (anna, _)]) = filled(&path, 10).await;
    let uuid = store
        .write(move |tx| {
            let flow = flows::by_id(tx, FlowId(2))?.unwrap();
            add_message(tx, &flow, anna, "zanzibar")?;
            let last = messages::by_number(tx, FlowId(2), (2, 2), Load::Facts, 1000)?;
            Ok::<_, StoreError>(last[0].uuid)
        })
        .await
        .unwrap();
    let count = async |text| {
        search(&store, anna, text, Filter::default(), LONG)
            .await
            .unwrap()
            .found
            .len()
    };
    assert_eq!(count("zanz").await, 1);
    store
        .write(move |tx| {
            let handle = messages::handle(tx, uuid, anna)?.unwrap();
            messages::delete(tx, &handle, By::OPERATOR)
        })
        .await
        .unwrap();
    // The words are removed from the index before the file is closed, even if no user searches.
    store.close();
    let bytes = std::fs::read(&path).unwrap();
    assert!(
        !bytes.windows(6).any(|it| it == b"anziba"),
        "it is in no index either"
    );
    let conn = Connection::open(&path).unwrap();
    assert_eq!(disagreement(&conn).unwrap(), None);
    conn.execute(
        "INSERT INTO message_search (rowid, terms) VALUES (3, 'b2ghost')",
        [],
    )
    .unwrap();
    assert!(disagreement(&conn).unwrap().is_some());
}

#[tokio::test]
async fn a_message_is_found_by_the_names_of_its_files_and_by_its_poll() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (store, [_, (anna, flow)]) = filled(&path, 1).await;
    store
        .write(move |tx| {
            let [message] = messages::by_number(tx, flow, (1, 1), Load::Facts, 1000)?
                .try_into()
                .unwrap();
            outdate(tx, message.id)?;
            let id = message.id.0;
            for sql in [
                "INSERT INTO files (id, sha256, size, content) VALUES (1, x'01', 1, x'01')",
                "UPDATE messages SET slots = 32768 + 8 WHERE id = :id",
                "INSERT INTO attachments (message_id, ordinal, kind, file_id, encoding, name)
                 VALUES (:id, 0, 3, 1, 1, 'Договор_Ёлкин.pdf')",
                "INSERT INTO polls (message_id, question, options, flags)
                 VALUES (:id, 'Wohin fahren wir?', '[\"ans Meer\", \"in die Straße\"]', 0)",
            ] {
                let mut statement = tx.prepare(sql)?;
                if sql.contains(":id") {
                    statement.raw_bind_parameter(":id", id)?;
                }
                statement.raw_execute()?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    let count = async |text, kinds| {
        let filter = Filter {
            kinds,
            ..Filter::default()
        };
        let hits = search(&store, anna, text, filter, LONG).await.unwrap();
        hits.found.len()
    };
    for text in [
        "елкин",
        "договор pdf",
        "meer word",
        "\"in die strasse\"",
        "\"fahren wir\"",
    ] {
        assert_eq!(count(text, 0).await, 1, "{text}");
    }
    assert_eq!(count("\"meer in\"", 0).await, 0, "each option is by itself");
    assert_eq!((count("word", 8).await, count("word", 1).await), (1, 0));
    assert_eq!((count("word", 9).await, count("", 8).await), (1, 1));
    store.close();
    let conn = Connection::open(&path).unwrap();
    assert_eq!(disagreement(&conn).unwrap(), None);
}

/// Damages the index in a way that the engine notices, as another process.
fn damage(path: &Path) {
    let conn = Connection::open(path).unwrap();
    let changed = conn.execute(
        "UPDATE message_search_data SET block = zeroblob(length(block)) WHERE id > 10",
        [],
    );
    assert!(changed.unwrap() > 0);
}

/// Deletes the first message of the second flow, and sends another one.
async fn delete_first_and_add_one(store: &Store, anna: UserId) {
    store
        .write(move |tx| {
            let flow = flows::by_id(tx, FlowId(2))?.unwrap();
            let old = messages::by_number(tx, FlowId(2), (0, 0), Load::Facts, 1000)?;
            let handle = messages::handle(tx, old[0].uuid, anna)?.unwrap();
            messages::delete(tx, &handle, By::OPERATOR)?;
            add_message(tx, &flow, anna, "another word")
        })
        .await
        .unwrap();
}

/// Returns how many messages a word finds once there are `count`, or after a timeout.
async fn found_in_the_end(store: &Store, user: UserId, count: usize) -> usize {
    let begun = std::time::Instant::now();
    loop {
        let found = match search(store, user, "word", Filter::default(), LONG).await {
            Ok(hits) => hits.found.len(),
            Err(StoreError::SearchUnready(_)) => 0,
            Err(StoreError::SearchDamaged(_)) => {
                store.write(give_up).await.unwrap();
                0
            }
            Err(err) => panic!("{err}"),
        };
        if found == count || begun.elapsed() > LONG {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_damaged_index_fails_no_commit_and_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (store, [_, (anna, _)]) = filled(&path, 10).await;
    damage(&path);
    delete_first_and_add_one(&store, anna).await;
    assert_eq!(found_in_the_end(&store, anna, 2).await, 2);
    store.close();
    assert_eq!(
        disagreement(&Connection::open(&path).unwrap()).unwrap(),
        None
    );
}

#[tokio::test]
async fn an_index_with_a_damaged_page_is_cut_off_and_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (store, [_, (anna, _)]) = filled(&path, 3000).await;
    store.close();
    let conn = Connection::open(&path).unwrap();
    let root: i64 = conn
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'message_search_data'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    drop(conn);
    let mut bytes = std::fs::read(&path).unwrap();
    let start = usize::try_from((root - 1) * 4096).unwrap();
    bytes[start..start + 100].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let store = open(&path);
    delete_first_and_add_one(&store, anna).await;
    assert_eq!(found_in_the_end(&store, anna, 2).await, 2);
    store.close();
    let conn = Connection::open(&path).unwrap();
    assert_eq!(disagreement(&conn).unwrap(), None);
    conn.execute_batch("VACUUM").unwrap();
    let sound: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
}

#[test]
fn no_flow_begins_like_another() {
    let code = |number| {
        let mut code = String::new();
        push_flow(&mut code, FlowId(number));
        code
    };
    assert_eq!(code(0), "b0");
    assert_eq!(code(31), "bv");
    assert_eq!(code(32), "c10");
    let mut codes: Vec<_> = (0..40_000).chain([i64::MAX]).map(code).collect();
    assert!(codes.is_sorted());
    codes.dedup();
    assert_eq!(codes.len(), 40_001);
    for pair in codes.windows(2) {
        assert!(!pair[1].starts_with(&pair[0]), "{pair:?}");
    }
}

#[test]
fn every_query_of_the_search_has_its_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    Store::prepare(&path).unwrap();
    let conn = Connection::open(&path).unwrap();
    for sql in [
        find::FIND,
        find::FOUND,
        index::ONE,
        index::PRESENT,
        index::AFTER,
    ] {
        let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get("detail").unwrap();
            // FTS5 gets the words (M) and a bound of the rowid, and returns rows by descending rowid.
            let is_searched = step.starts_with("SEARCH ")
                || step.starts_with("CORRELATED SCALAR SUBQUERY")
                || step == "SCAN message_search VIRTUAL TABLE INDEX 192:M1<"
                // The options of one poll.
                || step.starts_with("SCAN json_each VIRTUAL TABLE");
            assert!(is_searched, "{sql}: {step}");
        }
    }
}
