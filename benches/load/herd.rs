//! Many people at once: all of them reconnect, or groups of a thousand are emptied and filled.

use std::{
    ffi::OsStr,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::{
    Effort,
    client::{self, Client},
    drive,
    idle::Reading,
    report::{self, Row, Target},
    requests,
    seed::{self, EXTRA, PEOPLE, Rows},
    server::{self, Home, Process, raise_files},
};

/// Members of a large group.
const GROUP: usize = 1000;

/// Messages in the file.
const MESSAGES: u64 = 1000;

/// People who come back.
const ALL: usize = 2 * GROUP;

/// Of them, how many are compared with all, to see whether the work grows with their number alone.
const SOME: usize = 250;

/// Connections that are opened at the same time.
const AT_A_TIME: usize = 64;

/// One address of this machine has too few ports for all connections.
const ADDRESSES: usize = 8;

/// The members of two groups of a thousand reconnect at once.
pub(crate) fn herd(effort: &Effort) -> Vec<Row> {
    if raise_files() < ALL as u64 + 200 {
        println!("(too few open files are allowed)");
        return Vec::new();
    }
    let run = |program: &OsStr, people| {
        let runs = (0..effort.repetitions).map(|_| reconnect(program, people));
        runs.collect::<Vec<f64>>()
    };
    let now = server::program();
    let (all, some) = (run(&now, ALL), run(&now, SOME));
    let what = |people| format!("{people} members of two groups of 1,000 reconnect, server CPU");
    let row = Row::median("herd", what(ALL), "s", all.iter().copied()).target(Target::AtMost(1.5));
    let pairs = all.iter().zip(&some);
    let each = pairs.map(|(all, some)| (all / ALL as f64 * 1e6, some / SOME as f64 * 1e6));
    let mut rows = vec![
        row,
        Row::against(
            "herd",
            format!("{ALL} reconnect, server CPU"),
            "µs each",
            "with 250",
            each.collect(),
        )
        .target(Target::AtMost(1.3)),
    ];
    // It takes the better part of a minute.
    if let Some(before) = server::program_before(!effort.quick).filter(|_| !effort.quick) {
        let old = run(before.as_os_str(), ALL);
        let pairs = all.iter().copied().zip(old).collect();
        rows.push(
            Row::against("herd", what(ALL), "s", "before", pairs).target(Target::AtMost(0.1)),
        );
    }
    rows
}

/// Adds two groups of a thousand, of different people.
fn two_groups(rows: &mut Rows<'_>) {
    (PEOPLE..PEOPLE + ALL).for_each(|number| rows.person(number));
    for nth in 0..2 {
        let first = PEOPLE + nth * GROUP;
        rows.group(EXTRA + nth, first..first + GROUP);
    }
}

/// Seconds of the server's processor time until all that follows from so many people's coming is
/// done.
fn reconnect(program: &OsStr, people: usize) -> f64 {
    let home = Home::of(program, MESSAGES);
    seed::add(&home.database(), two_groups);
    let server = home.serve();
    server.settle();
    let before = server.cpu_us();
    let runtime = drive::runtime();
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let mut coming = tokio::task::JoinSet::new();
        for worker in 0..AT_A_TIME {
            let address = server.address;
            coming.spawn_local(async move {
                let mut all = Vec::new();
                for nth in (worker..people).step_by(AT_A_TIME) {
                    // Half of them are in one group, half in the other.
                    let number = PEOPLE + nth % 2 * GROUP + nth / 2;
                    let from = Ipv4Addr::new(127, 0, 0, 2 + (nth % ADDRESSES) as u8);
                    let mut client = Client::open(address, Some(from)).await;
                    // They were away for a moment, and nothing has happened meanwhile.
                    let after = seed::set_up() + MESSAGES as i64 + (ALL + 2) as i64;
                    let data = json!({"meta": {"after": after}});
                    let frame = client::request("subscribe", &seed::person(number).signed(data));
                    client.write(&frame).await;
                    all.push(Reading::of(client));
                }
                all
            });
        }
        let mut all = Vec::new();
        while let Some(some) = coming.join_next().await {
            all.extend(some.expect("connected"));
        }
        let watch = server.watch();
        let settled = tokio::task::spawn_blocking(move || watch.settle());
        settled.await.expect("at rest");
    });
    (server.cpu_us() - before) / 1e6
}

/// Sockets that empty and fill groups.
const CHURNERS: usize = 8;

/// Others, who write to their families meanwhile.
const WRITERS: usize = 8;

/// Emptying and filling groups of a thousand while others write.
pub(crate) fn churn(effort: &Effort) -> Vec<Row> {
    let mut times = Vec::new();
    let mut rounds = Vec::new();
    for _ in 0..effort.repetitions {
        let outcome = churned(&server::program(), effort.time);
        times.push((outcome.busy_ms, outcome.quiet_ms));
        rounds.push(outcome.rounds);
    }
    let what = format!("{CHURNERS} sockets empty and fill groups of 1,000; others' messages");
    let note = format!(
        "{:.1} times emptied or filled a second",
        report::median(rounds)
    );
    let mut rows = vec![
        Row::against("churn", what.clone(), "ms (p95)", "quiet", times.clone())
            .target(Target::AtMost(3.0))
            .note(note),
    ];
    if let Some(before) = server::program_before(!effort.quick) {
        let old = (0..effort.repetitions).map(|_| churned(before.as_os_str(), effort.time).busy_ms);
        let pairs = times.iter().map(|it| it.0).zip(old).collect();
        rows.push(Row::against("churn", what, "ms (p95)", "before", pairs));
    }
    rows
}

/// What others had of it.
struct Churned {
    /// Within how many milliseconds 95 of 100 messages were answered.
    quiet_ms: f64,
    busy_ms: f64,
    /// How often a group was emptied or filled, a second.
    rounds: f64,
}

/// Adds a thousand people and a group of each churner's.
fn churned_groups(rows: &mut Rows<'_>) {
    (PEOPLE..PEOPLE + GROUP).for_each(|number| rows.person(number));
    for nth in 0..CHURNERS {
        // Each begins with its owner alone.
        rows.group(EXTRA + nth, PEOPLE + nth..PEOPLE + nth + 1);
    }
}

fn churned(program: &OsStr, time: Duration) -> Churned {
    let home = Home::of(program, MESSAGES);
    seed::add(&home.database(), churned_groups);
    let server = home.serve();
    server.settle();
    let quiet = write(&server, time, None);
    let busy = write(&server, time, Some(CHURNERS));
    let p95 = |it: &Histogram<u64>| it.value_at_quantile(0.95) as f64 / 1000.0;
    Churned {
        quiet_ms: p95(&quiet.0),
        busy_ms: p95(&busy.0),
        rounds: busy.1 as f64 / time.as_secs_f64(),
    }
}

/// Has others write for a time, while sockets empty and fill groups or nobody does. Returns how
/// long their answers took, and how often a group was emptied or filled.
fn write(server: &Process, time: Duration, churners: Option<usize>) -> (Histogram<u64>, usize) {
    let address = server.address;
    let until = Instant::now() + time;
    let runtime = drive::runtime();
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let mut churning = tokio::task::JoinSet::new();
        for nth in 0..churners.unwrap_or(0) {
            churning.spawn_local(async move {
                let mut client = Client::open(address, None).await;
                let frames = [PEOPLE + nth..PEOPLE + nth + 1, PEOPLE..PEOPLE + GROUP]
                    .map(|members| members_are(nth, members));
                let mut rounds = 0;
                for frame in frames.iter().rev().cycle() {
                    client.ask(frame).await;
                    rounds += 1;
                    if Instant::now() >= until {
                        break;
                    }
                }
                rounds
            });
        }
        let mut writing = tokio::task::JoinSet::new();
        for number in 0..WRITERS {
            writing.spawn_local(async move {
                let script = requests::sends();
                let part = (script.part)(number * seed::FAMILY);
                let mut client = Client::open(address, None).await;
                client.ask(&part.first).await;
                let mut latency = drive::new_histogram();
                for frame in part.frames.iter().cycle() {
                    let sent = Instant::now();
                    client.write(frame).await;
                    assert!(client::is_done(client.frame().await), "refused");
                    let micros = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
                    latency.saturating_record(micros);
                    if Instant::now() >= until {
                        break;
                    }
                    // Others write now and then; they don't compete with each other.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                latency
            });
        }
        let mut all = drive::new_histogram();
        while let Some(one) = writing.join_next().await {
            all.add(one.expect("a writer")).expect("the same bounds");
        }
        let mut rounds = 0;
        while let Some(one) = churning.join_next().await {
            rounds += one.expect("a churner");
        }
        (all, rounds)
    })
}

/// The request of a group's owner that says who its members are.
fn members_are(nth: usize, members: std::ops::Range<usize>) -> Vec<u8> {
    let users: Vec<Value> = members
        .map(|number| seed::person(number).uuid().into())
        .collect();
    let flow = json!([{"uuid": seed::extra(nth), "users": users}]);
    let owner = seed::person(PEOPLE + nth);
    client::request("edit_flow", &owner.signed(json!({"flow": flow})))
}
