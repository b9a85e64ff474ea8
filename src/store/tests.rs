//! Tests of the store as a whole.

mod queries;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::follower::Follower;
use super::*;
use crate::model::{By, FlowKind, Login, Origin, Position, UserId};

/// A store in a temporary folder, and what it has reported.
struct Fixture {
    store: Store,
    told: Arc<Mutex<Vec<Committed>>>,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn open() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    Store::prepare(&path).unwrap();
    let told: Arc<Mutex<Vec<Committed>>> = Arc::default();
    let sink = Arc::clone(&told);
    let options = Options {
        path: path.clone(),
        durability: Durability::Normal,
    };
    let store = Store::open(
        &options,
        Box::new(move |batch| sink.lock().unwrap().push(batch)),
    )
    .unwrap();
    Fixture {
        store,
        told,
        path,
        _folder: folder,
    }
}

pub(super) fn add_user(tx: &Tx<'_>, login: &str) -> Result<UserId, StoreError> {
    let new = users::NewUser {
        login: Login::new(login).unwrap(),
        password_hash: None,
        username: None,
        email: None,
        is_admin: false,
        is_bot: false,
    };
    users::insert(tx, &new, None).map(|user| user.id)
}

pub(super) fn add_group(
    tx: &Tx<'_>,
    owner: UserId,
    members: &[UserId],
) -> Result<crate::model::Flow, StoreError> {
    let new = flow_edits::NewFlow {
        kind: FlowKind::Group,
        title: None,
        info: None,
        owner,
        members: members.to_vec(),
        is_saved: false,
        room: crate::store::flow_edits::RoomTerms::default(),
    };
    flow_edits::insert(tx, &new, By::OPERATOR)
}

pub(super) fn add_message(
    tx: &Tx<'_>,
    flow: &crate::model::Flow,
    author: UserId,
    text: &str,
) -> Result<(), StoreError> {
    let new = messages::NewMessage {
        flow: flow.id,
        flow_uuid: flow.uuid,
        author,
        author_uuid: users::by_id(tx, author)?.unwrap().uuid,
        text: Some(text.to_owned()),
        files: Vec::new(),
        stored: Vec::new(),
        details: super::details::NewDetails::default(),
        state: None,
    };
    messages::insert(tx, new, Some(Origin(1))).map(drop)
}

#[tokio::test]
async fn a_failing_write_fails_alone() {
    let fixture = open();
    let store = &fixture.store;
    let good = store.write(|tx| add_user(tx, "anna"));
    let bad = store.write(|tx| {
        add_user(tx, "boris")?;
        add_user(tx, "ANNA")
    });
    let panicking = store.write(|_| -> Result<(), StoreError> { panic!("a bug of one user") });
    let other = store.write(|tx| add_user(tx, "clara"));
    let (good, bad, panicking, other) = tokio::join!(good, bad, panicking, other);
    assert!(good.is_ok() && other.is_ok());
    assert!(matches!(bad, Err(StoreError::Conflict(_))), "{bad:?}");
    assert!(
        matches!(panicking, Err(StoreError::Panicked)),
        "{panicking:?}"
    );
    let logins: Vec<_> = store
        .read(users::all)
        .await
        .unwrap()
        .into_iter()
        .map(|user| user.login)
        .collect();
    assert_eq!(
        logins,
        ["anna", "clara"],
        "what the failed write had done is undone"
    );
    assert!(store.failed().borrow().is_none());
}

#[tokio::test]
async fn a_write_that_is_alone_and_fails_leaves_nothing() {
    let fixture = open();
    let store = &fixture.store;
    let end = || store.read(|view| log::last(view).map(|(position, _)| position));
    let before = end().await.unwrap();
    let bad = store.write(|tx| {
        add_user(tx, "boris")?;
        add_user(tx, "BORIS")
    });
    assert!(matches!(bad.await, Err(StoreError::Conflict(_))));
    let panicking = store.write(|tx| -> Result<(), StoreError> {
        add_user(tx, "clara")?;
        panic!("a bug of one user")
    });
    assert!(matches!(panicking.await, Err(StoreError::Panicked)));
    assert_eq!(store.read(users::count).await.unwrap(), 0);
    assert_eq!(end().await.unwrap(), before);
    store.write(|tx| add_user(tx, "anna")).await.unwrap();
    assert_eq!(end().await.unwrap(), Position(before.0 + 1), "no gap");
    // What was committed has been reported when the next commit is answered.
    store.write(|_| Ok::<_, StoreError>(())).await.unwrap();
    let told = fixture.told.lock().unwrap();
    let events = told.iter().flat_map(|batch| &batch.events);
    let positions: Vec<_> = events.filter_map(|event| event.position).collect();
    assert_eq!(
        positions,
        [Position(before.0 + 1)],
        "what failed is not told"
    );
}

#[tokio::test]
async fn members_are_counted_however_they_come_and_go() {
    let fixture = open();
    let counted = fixture.store.write(|tx| {
        let people = ["a", "b", "c", "d"].map(|login| add_user(tx, login).unwrap());
        let flow = add_group(tx, people[0], &people[..2])?;
        let (id, by) = (flow.id, By::OPERATOR);
        let mut counts = vec![members::count(tx, id)?];
        membership::enter(tx, id, &people, membership::Entry::Added, by)?;
        counts.push(members::count(tx, id)?);
        membership::leave(tx, id, flow.uuid, &people[2..3], membership::Exit::Left, by)?;
        membership::leave(
            tx,
            id,
            flow.uuid,
            &people[3..],
            membership::Exit::Banned,
            by,
        )?;
        counts.push(members::count(tx, id)?);
        // Invited users are not members, nor are users who have left.
        membership::invite(tx, id, &people[2..3], by)?;
        counts.push(members::count(tx, id)?);
        membership::enter(tx, id, &people[2..3], membership::Entry::Joined, by)?;
        counts.push(members::count(tx, id)?);
        let listed = members::ids(tx, id)?.len();
        Ok::<_, StoreError>((counts, listed))
    });
    assert_eq!(counted.await.unwrap(), (vec![2, 4, 2, 2, 3], 3));
}

#[tokio::test]
async fn nobody_waits_for_a_long_reader() {
    let fixture = open();
    let store = &fixture.store;
    // A backup reads one state of the file for as long as it takes.
    let reader = connection::open_reader(&fixture.path).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    users::count(&View::new(&reader)).unwrap();
    let start = std::time::Instant::now();
    let mut longest = Duration::ZERO;
    let mut count = 0;
    // Long enough for emptying the log, or for an attempt.
    while start.elapsed() < 2 * Duration::from_secs(1) {
        let asked = std::time::Instant::now();
        let write = store.write(move |tx| {
            tx.scrub();
            add_user(tx, &format!("user {count}")).map(drop)
        });
        write.await.unwrap();
        longest = longest.max(asked.elapsed());
        count += 1;
    }
    // A connection that waits for readers would wait for BUSY_TIMEOUT.
    assert!(longest < connection::BUSY_TIMEOUT / 2, "{longest:?}");
    assert_eq!(users::count(&View::new(&reader)).unwrap(), 0);
}

#[tokio::test]
async fn a_caller_that_hangs_up_stops_nothing() {
    let fixture = open();
    drop(fixture.store.write(|tx| add_user(tx, "never polled")));
    let write = fixture.store.write(|tx| {
        std::thread::sleep(Duration::from_millis(50));
        add_user(tx, "anna")
    });
    assert!(
        tokio::time::timeout(Duration::from_millis(5), write)
            .await
            .is_err()
    );
    fixture
        .store
        .write(|tx| add_user(tx, "boris"))
        .await
        .unwrap();
    assert_eq!(
        fixture.store.read(users::count).await.unwrap(),
        2,
        "the write stands"
    );
}

#[tokio::test]
async fn what_is_told_is_in_the_order_of_the_log() {
    let fixture = open();
    let store = fixture.store.clone();
    let (anna, flow) = store
        .write(|tx| {
            let anna = add_user(tx, "anna")?;
            Ok::<_, StoreError>((anna, add_group(tx, anna, &[anna])?))
        })
        .await
        .unwrap();
    let writes = (0..40).map(|number| {
        let (store, flow) = (store.clone(), flow.clone());
        tokio::spawn(async move {
            store
                .write(move |tx| add_message(tx, &flow, anna, &number.to_string()))
                .await
        })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap().unwrap();
    }
    store.close();
    let told = fixture.told.lock().unwrap();
    let positions: Vec<_> = told
        .iter()
        .flat_map(|batch| &batch.events)
        .filter_map(|event| event.position)
        .collect();
    assert_eq!(positions.len(), 42);
    assert!(positions.is_sorted());
}

#[tokio::test]
async fn changes_by_another_process_are_told() {
    let fixture = open();
    let options = Options {
        path: fixture.path.clone(),
        durability: Durability::Normal,
    };
    let other = Store::open(&options, Box::new(drop)).unwrap();
    other.write(|tx| add_user(tx, "anna")).await.unwrap();
    for _ in 0..200 {
        let outside = |batch: &Committed| batch.outside && batch.events.len() == 1;
        if fixture.told.lock().unwrap().iter().any(outside) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing was told: {:?}", fixture.told.lock().unwrap());
}

#[test]
fn a_second_server_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let first = ServerLock::acquire(&path).unwrap();
    assert!(matches!(
        ServerLock::acquire(&path),
        Err(StoreError::InUse(_))
    ));
    assert!(ServerLock::is_held(&path));
    drop(first);
    std::fs::write(&path, "").unwrap();
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let first = ServerLock::acquire(&link).unwrap();
    assert!(ServerLock::is_held(&path), "a link is no second database");
    drop(first);
    assert!(!ServerLock::is_held(&path));
}

#[test]
fn the_file_is_private_and_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    Store::prepare(&path).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let header = std::fs::read(&path).unwrap();
    assert_eq!(&header[68..72], b"MRLA", "application_id");
    let damage = Store::damage(&path).unwrap();
    assert!(damage.of_data().is_empty() && damage.of_derived().is_empty());
    assert_eq!(damage.lost_pages(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever happens in any flow, a follower sees each change of its audiences once, in order, from any
    /// position on, and no other changes.
    #[test]
    fn a_follower_sees_its_own_changes_once_and_in_order(
        steps in prop::collection::vec((0usize..3, 0usize..4), 1..60),
        from in 0i64..80,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = open();
            let (seen, expected) = fixture.store.write(move |tx| {
                let people = [add_user(tx, "a")?, add_user(tx, "b")?, add_user(tx, "c")?];
                let mut groups = Vec::new();
                for group in [vec![0, 1], vec![1, 2], vec![0, 2], vec![0, 1, 2]] {
                    let members: Vec<_> = group.iter().map(|person| people[*person]).collect();
                    groups.push((add_group(tx, members[0], &members)?, members));
                }
                for (person, group) in steps {
                    let (flow, members) = &groups[group];
                    if members.contains(&people[person]) {
                        add_message(tx, flow, people[person], "x")?;
                    }
                }
                let reader = people[0];
                let mut seen = Vec::new();
                let from = Position(from);
                let mut follower = Follower::new(tx, reader, &members::followed(tx, reader, from)?, from)?;
                while let Some(change) = follower.peek().copied() {
                    seen.push(change.position);
                    follower.advance(usize::MAX)?;
                }
                let own: BTreeSet<_> = members::flows_of(tx, reader)?.into_iter().collect();
                let (end, _) = log::last(tx)?;
                let all = log::between(tx, from, end, usize::MAX >> 1)?;
                let concerns = |change: &&log::Change| match change.reach {
                    log::Reach::Everyone => true,
                    log::Reach::Members(flow) => own.contains(&flow),
                    log::Reach::Private(user) => user == reader,
                };
                let expected: Vec<_> = all.iter().filter(concerns).map(|change| change.position).collect();
                Ok::<_, StoreError>((seen, expected))
            }).await.unwrap();
            prop_assert_eq!(seen, expected);
            Ok(())
        })?;
    }
}
