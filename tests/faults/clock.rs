//! The clock jumps: to 1970, as on a board without one, and forward. It is data, never order.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::backup::document;
use crate::common::{
    PASSWORD, Person, Server,
    health::{health, until},
    shim::Shim,
};

const DAY: i32 = 86_400;
pub(super) const YEAR: i32 = 365 * DAY;

/// What is to be added to the clock to make it 1970.
pub(super) fn to_1970() -> i32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = i32::try_from(now.expect("after 1970").as_secs()).expect("before 2038");
    60 - now
}

fn shimmed(keys: &[(&str, &str)]) -> (Server, Shim) {
    let mut server = Server::initialised("open", keys);
    let shim = Shim::before(&mut server);
    server.serve();
    shim.is_there();
    (server, shim)
}

/// All texts that catching up from a position brings, and the position after them.
#[track_caller]
fn after(person: &mut Person, position: &Value) -> (Vec<String>, Value) {
    let mut texts = Vec::new();
    let mut position = position.clone();
    loop {
        let reply = person.ask("get_update", &json!({"meta": {"after": position}}));
        texts.extend(reply.texts().into_iter().map(ToOwned::to_owned));
        position = reply.data()["meta"]["position"].clone();
        if reply.code() == 200 {
            return (texts, position);
        }
    }
}

#[test]
fn jumps_of_the_clock_change_no_order() {
    let (mut server, shim) = shimmed(&[]);
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let (_, mut position) = after(&mut boris, &Value::Null);
    boris.ask("subscribe", &Value::Null).is(200);
    let mut expected = Vec::new();
    let jumps = [0, to_1970(), 0, DAY, -DAY, YEAR / 20, to_1970(), 3];
    for (n, offset) in jumps.into_iter().enumerate() {
        shim.set_clock_by(offset);
        let before = anna.ask("get_update", &json!({"meta": {"after": null}}));
        assert!(matches!(before.code(), 200 | 206), "{offset}: {before}");
        for m in 0..3 {
            let text = format!("{n}/{m}");
            anna.send(&group, &text);
            // Between them comes who is online, after a restart.
            let heard = loop {
                let pushed = boris.connection.pushed();
                if !pushed.messages().is_empty() {
                    break pushed;
                }
            };
            assert_eq!(heard.texts(), [text.as_str()]);
            expected.push(text);
        }
        assert_eq!(anna.texts(&group), expected, "the clock is off by {offset}");
        let (fresh, next) = after(&mut boris, &position);
        assert_eq!(fresh, expected[3 * n..], "by position, off by {offset}");
        position = next;
        if n % 3 == 2 {
            server.restart();
            (anna, boris) = (anna.on(server.connect()), boris.on(server.connect()));
            boris.ask("subscribe", &Value::Null).is(200);
        }
    }
    server.stop();
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    let falls: i64 = database
        .query_row(
            "SELECT COUNT(*) FROM (SELECT position, at FROM changes UNION ALL SELECT id, coalesce(logged_at, sent_at) FROM messages) a
             JOIN (SELECT position, at FROM changes UNION ALL SELECT id, coalesce(logged_at, sent_at) FROM messages) b
             ON b.position = a.position + 1 WHERE b.at < a.at",
            [],
            |row| row.get(0),
        )
        .expect("reads");
    assert_eq!(falls, 0, "the log's time never falls");
    let years: i64 = database
        .query_row(
            "SELECT COUNT(*) FROM messages WHERE sent_at < 1.7e12",
            [],
            |row| row.get(0),
        )
        .expect("reads");
    assert_eq!(
        years, 0,
        "no message shows 1970 when an earlier one did not"
    );
    server.command(["db", "check"]).run().exits(0);
}

#[test]
fn a_wrong_clock_is_told_of() {
    let (server, shim) = shimmed(&[]);
    server.register("anna");
    shim.set_clock_by(to_1970());
    let (code, said) = health(&server);
    assert_eq!(code, 200, "{said}");
    let told = said["checks"]["clock"].as_str().unwrap_or_default();
    assert!(told.starts_with("wrong: it shows 1970"), "{said}");
    let checked = server.command(["check", "clock"]).run().exits(5);
    assert!(checked.stdout.contains("1970"), "{checked:?}");
    shim.set_clock_by(0);
    assert_eq!(health(&server).1["checks"]["clock"], "ok");
}

#[test]
fn sessions_outlive_a_clock_that_was_wrong() {
    let (server, shim) = shimmed(&[]);
    let anna = server.register("anna");
    let works = |person: &Person, code: u64| {
        let mut device = person.on(server.connect());
        device.ask("get_update", &Value::Null).is(code);
    };
    works(&anna, 200);
    // Far ahead the clock is not believed; ahead it is, and who needs to logs in again.
    shim.set_clock_by(5 * YEAR);
    works(&anna, 200);
    shim.set_clock_by(YEAR);
    works(&anna, 401);
    let ahead = server.sign_in("anna");
    works(&ahead, 200);
    shim.set_clock_by(0);
    works(&anna, 200);
    works(&ahead, 200);
    // What began ahead lasts no longer than others, once it is used in the right time.
    shim.set_clock_by(40 * DAY);
    works(&ahead, 401);
    works(&anna, 401);
    shim.set_clock_by(0);
    works(&anna, 200);
    // A session that begins before the clock is set is good when it is.
    shim.set_clock_by(to_1970());
    works(&anna, 200);
    let early = server.sign_in("anna");
    works(&early, 200);
    shim.set_clock_by(0);
    works(&early, 200);
    works(&anna, 200);
    let listed = document(&server, ["session", "list", "anna"], 0);
    let sessions = listed["sessions"].as_array().or(listed.as_array());
    assert_eq!(sessions.map(Vec::len), Some(3), "{listed}");
}

#[test]
fn a_jump_of_the_clock_lifts_no_brake() {
    let (server, shim) = shimmed(&[("auth.login_attempts", "3"), ("auth.login_window", "10m")]);
    server.register("anna");
    let guess = |password: &str| {
        let user = json!({"user": [{"login": "anna", "password": password}]});
        server.connect().request("authentication", &user)
    };
    for _ in 0..3 {
        guess("wrong").is(401);
    }
    for offset in [0, YEAR, to_1970()] {
        shim.set_clock_by(offset);
        let refused = guess(PASSWORD).is(429);
        assert!(refused.detail().contains("seconds"), "{refused}");
    }
}

#[test]
fn old_messages_do_not_go_because_the_clock_jumped() {
    let (server, shim) = shimmed(&[("history.keep", "2s"), ("auth.token_ttl", "3650d")]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send(&group, "first");
    until("it goes in its time", || {
        anna.texts(&group).is_empty().then_some(())
    });
    shim.set_clock_by(YEAR);
    anna.send(&group, "second");
    shim.set_clock_by(2 * YEAR);
    // Several looks later.
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(anna.texts(&group), ["second"]);
}

/// The texts that polling by time tells, the way old clients do.
fn polled(person: &mut Person, since: u64) -> Vec<String> {
    let reply = person.ask("get_update", &json!({"time": since}));
    assert!(matches!(reply.code(), 200 | 206 | 404), "{reply}");
    reply.texts().into_iter().map(ToOwned::to_owned).collect()
}

#[test]
fn a_clock_that_jumps_far_ahead_stamps_nothing() {
    let (server, shim) = shimmed(&[]);
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let right = anna.try_send(&group, "right").is(200).time();
    for offset in [14 * YEAR, to_1970(), 14 * YEAR, 2 * YEAR] {
        shim.set_clock_by(offset);
        let time = anna.try_send(&group, "while it is wrong").is(200).time();
        assert!(time < right + 1000, "{offset}: {time} after {right}");
        assert!(!polled(&mut boris, right).is_empty(), "{offset}");
        let (_, said) = health(&server);
        let told = said["checks"]["clock"].as_str().unwrap_or_default();
        assert!(told.starts_with("wrong: it "), "{offset}: {said}");
    }
    shim.set_clock_by(0);
    let time = anna.try_send(&group, "set right").is(200).time();
    assert!(time >= right);
    until("nothing is told again", || {
        polled(&mut boris, time + 1).is_empty().then_some(())
    });
    assert_eq!(health(&server).1["checks"]["clock"], "ok");
}

#[test]
fn what_a_run_in_the_future_has_written_is_put_right() {
    let (mut server, shim) = shimmed(&[("history.keep", "1d")]);
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    anna.send(&group, "before");
    server.stop();
    shim.set_clock_by(14 * YEAR);
    server.serve();
    let mut ahead = server.sign_in("anna");
    let invited = ahead.group("H", &[&boris]);
    let wrong = ahead.send(&group, "in the future");
    ahead.edit(&wrong, "still in the future").is(200);
    server.stop();
    shim.set_clock_by(0);
    server.serve();
    anna = anna.on(server.connect());
    anna.send(&group, "right again");
    let (_, said) = health(&server);
    let told = said["checks"]["clock"].as_str().unwrap_or_default();
    assert!(told.contains("was ahead once"), "{said}");
    let checked = server.command(["check", "clock"]).run().exits(5);
    assert!(checked.stdout.contains("db repair --times"), "{checked:?}");
    // A server on it is not disturbed.
    server.command(["db", "repair", "--times"]).run().exits(75);
    server.stop();
    let told = document(&server, ["db", "repair", "--times"], 0);
    assert_eq!(told["messages"], 1, "{told}");
    assert_eq!(document(&server, ["db", "repair", "--times"], 0)["rows"], 0);
    server.command(["db", "check"]).run().exits(0);
    server.serve();
    (anna, boris) = (anna.on(server.connect()), boris.on(server.connect()));
    assert_eq!(
        anna.texts(&group),
        ["before", "still in the future", "right again"]
    );
    assert!(anna.history(&invited).is_empty());
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    for message in anna.history(&group) {
        assert!(message["time"].as_u64() <= Some(now.as_secs()), "{message}");
    }
    let time = anna.try_send(&group, "and on").is(200).time();
    until("nothing is told again", || {
        polled(&mut boris, time + 1).is_empty().then_some(())
    });
    assert_eq!(health(&server).1["checks"]["clock"], "ok");
    // Retention goes on behind what was dated in the future.
    server.stop();
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    database
        .execute_batch(
            "UPDATE messages SET sent_at = sent_at - 10 * 86400000;
             UPDATE messages SET sent_at = 2400000000000 WHERE number IN (0, 2);",
        )
        .expect("dated");
    drop(database);
    let pruned = document(&server, ["db", "prune", "--older", "1d", "--yes"], 0);
    assert_eq!(pruned["messages"], 4, "{pruned}");
}
