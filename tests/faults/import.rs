//! Moving from the Python server while the clock jumps, or has never been set.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::clock::{YEAR, to_1970};
use crate::{
    common::{Server, shim::Shim},
    import::{FAMILY, ROWS, import, log_in, python_db},
};

/// Messages that are taken over besides those of the small club.
const MANY: i64 = 3000;

/// When the first of them was sent, in seconds.
const FIRST: i64 = 1_600_001_000;

fn shimmed() -> (Server, Shim) {
    let mut server = Server::initialised("open", &[]);
    let shim = Shim::before(&mut server);
    (server, shim)
}

fn many() -> String {
    let message = |number: i64| {
        format!(
            "INSERT INTO message (uuid, text, time, edited_status, user_id, flow_id) VALUES
             ('{}', 'm {number}', {}, 0, 1, 1);",
            10_000 + number,
            FIRST + number
        )
    };
    let rows: String = (0..MANY).map(message).collect();
    format!("{ROWS} BEGIN; {rows} COMMIT;")
}

/// How many accounts there are; 0 while that cannot be read.
fn people(path: &Path) -> i64 {
    let count = |database: rusqlite::Connection| {
        database.query_row("SELECT COUNT(*) FROM users", [], |row| row.get(0))
    };
    let opened = rusqlite::Connection::open(path);
    opened.and_then(count).unwrap_or(0)
}

#[test]
fn a_clock_that_jumps_while_messages_are_taken_over_changes_none() {
    let (mut server, shim) = shimmed();
    let path = python_db(&server, &many());
    let over = AtomicBool::new(false);
    let (database, clock) = (server.database(), &shim);
    let there = people(&database);
    assert!(there > 0, "the administrator at least");
    let done = thread::scope(|scope| {
        let jumping = scope.spawn(|| {
            // The program believes whatever clock it starts with.
            while people(&database) <= there && !over.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(1));
            }
            let mut jumps = 0;
            for offset in [14 * YEAR, to_1970(), 0, -YEAR].into_iter().cycle() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                clock.set_clock_by(offset);
                jumps += 1;
                thread::sleep(Duration::from_millis(3));
            }
            jumps
        });
        let done = import(&server, &path);
        over.store(true, Ordering::Relaxed);
        let jumps = jumping.join().expect("jumped");
        assert!(jumps > 8, "the clock jumped {jumps} times only");
        done
    });
    shim.set_clock_by(0);
    assert_eq!(done["messages"]["taken"], 7 + MANY, "{done:#}");
    // Once more finds all of it there.
    let again = import(&server, &path);
    assert_eq!(again["messages"]["taken"], 0, "{again:#}");
    server.command(["db", "check"]).run().exits(0);
    server.serve();
    shim.is_there();
    let mut anna = log_in(&server, "anna", "anna's old password");
    let history = anna.history(FAMILY);
    let texts = history
        .iter()
        .skip(5)
        .map(|it| it["text"].as_str().expect("text"));
    let expected: Vec<String> = (0..MANY).map(|number| format!("m {number}")).collect();
    assert!(
        texts.eq(expected.iter().map(String::as_str)),
        "all, in their order"
    );
    let times = history
        .iter()
        .skip(5)
        .map(|it| it["time"].as_i64().expect("a time"));
    assert!(times.eq(FIRST..FIRST + MANY), "each with its time");
    // What is new is told by time once, and not again and again.
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let sent = anna.try_send(FAMILY, "new").is(200).time();
    assert!(sent.abs_diff(now.as_secs()) < 60, "{sent}");
    let checked = server.command(["check", "clock"]).run().exits(0);
    assert!(!checked.stdout.contains("ahead"), "{checked:?}");
}

#[test]
fn a_board_whose_clock_was_never_set_keeps_the_times_of_messages() {
    let (mut server, shim) = shimmed();
    shim.set_clock_by(to_1970());
    for name in ["morelia.db", "morelia.db-wal", "morelia.db-shm"] {
        // Made anew, as on a first day without a network.
        let _ = fs::remove_file(server.folder().join(name));
    }
    server.command(["db", "create"]).run().exits(0);
    let path = python_db(&server, ROWS);
    assert_eq!(import(&server, &path)["messages"]["taken"], 7);
    shim.set_clock_by(0);
    server.serve();
    shim.is_there();
    let mut anna = log_in(&server, "anna", "anna's old password");
    let history = anna.history(FAMILY);
    assert_eq!(history[0]["time"], 1_600_000_010);
    assert_eq!(history[0]["edited_time"], 1_600_000_020);
}
