//! What sitting still costs: memory of the process and of each connection, and starting up.

use std::{net::Ipv4Addr, time::Duration};

use serde_json::json;

use crate::{
    Effort,
    client::{self, Client},
    drive,
    report::{Row, Target},
    seed,
    server::{Home, Process, raise_files},
};

/// Messages of a file that is called large.
const LARGE: u64 = 10_000_000;

/// What the process may take after its start, whatever the size of the file.
const RESIDENT_MIB: f64 = 12.0;

/// Starts of which the median is taken.
const STARTS: usize = 5;

/// One address of this machine has too few ports for all connections, and a server may count them.
const ADDRESSES: usize = 8;

/// Memory of idle connections, 1,000 and 10,000 of them.
pub(crate) fn connections(effort: &Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    let files = raise_files();
    for count in [1000, 10_000] {
        if files < count as u64 + 200 {
            println!("(only {files} open files are allowed: no {count} connections)");
            continue;
        }
        for subscribed in [false, true] {
            // A thousand people coming online are half a million frames of presence.
            if subscribed && effort.quick {
                continue;
            }
            let runs = (0..effort.repetitions).map(|_| per_connection(count, subscribed) / 1024.0);
            let what = if subscribed {
                "subscribed"
            } else {
                "authenticated"
            };
            let what = format!("{count} {what} connections");
            let row = Row::median("idle", what, "KiB a connection", runs);
            rows.push(match (count, subscribed) {
                (10_000, false) => row.target(Target::AtMost(12.0)),
                _ => row,
            });
        }
    }
    rows
}

/// Bytes that the process grows by with each of this many connections.
fn per_connection(count: usize, subscribed: bool) -> f64 {
    let home = Home::new(1000);
    let server = home.serve();
    let runtime = drive::runtime();
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        // What the first connections set up is not for each of them.
        let first: Vec<_> = open(&server, 8, subscribed).await;
        rest(&server).await;
        let before = server.resident();
        let all = open(&server, count, subscribed).await;
        rest(&server).await;
        let after = server.resident();
        drop((first, all));
        (after - before) / count as f64
    })
}

/// Opens connections of different people, each with a task that reads what is pushed.
async fn open(server: &Process, count: usize, subscribed: bool) -> Vec<Reading> {
    let method = if subscribed { "subscribe" } else { "ping_pong" };
    let mut all = Vec::with_capacity(count);
    for number in 0..count {
        let from = Ipv4Addr::new(127, 0, 0, 2 + (number % ADDRESSES) as u8);
        let mut client = Client::open(server.address, Some(from)).await;
        let person = seed::person(number % seed::PEOPLE);
        let answer = client
            .ask(&client::request(method, &person.signed(json!({}))))
            .await;
        assert_eq!(answer["errors"]["code"], 200, "{answer}");
        all.push(Reading::of(client));
    }
    all
}

/// A connection that is read until it is dropped.
pub(crate) struct Reading(tokio::task::JoinHandle<()>);

impl Reading {
    /// Reads what comes, in a task of the present `LocalSet`.
    pub(crate) fn of(mut client: Client) -> Self {
        Self(tokio::task::spawn_local(async move {
            while client.try_frame().await.is_some() {}
        }))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Waits until the server has nothing to do, while what it pushed is read.
async fn rest(server: &Process) {
    let pid = server.watch();
    let settled = tokio::task::spawn_blocking(move || pid.settle());
    settled.await.expect("at rest");
}

/// How often threads wake up while nobody is there.
pub(crate) fn rest_of_nobody(effort: &Effort) -> Vec<Row> {
    let home = Home::new(1000);
    let server = home.serve();
    server.settle();
    // Threads that the start needed wait a minute for more to do, and end; those are no wake-ups of a server at rest.
    let (settled, seconds) = if effort.quick { (15, 10) } else { (90, 240) };
    std::thread::sleep(Duration::from_secs(settled));
    let before = server.waits();
    std::thread::sleep(Duration::from_secs(seconds));
    let each = (server.waits() - before) / seconds as f64;
    vec![Row::new("idle", "nobody there, wake-ups", each, "/s").target(Target::AtMost(0.2))]
}

/// Starting, and memory after it, with an empty file and with a large one.
pub(crate) fn start(effort: &Effort) -> Vec<Row> {
    let mut rows = starts(&Home::new(0), "empty file", 50.0);
    if let Some(home) = Home::kept(LARGE, !effort.quick) {
        rows.extend(starts(&home, "10 million messages", 150.0));
    }
    rows
}

fn starts(home: &Home, what: &str, most_ms: f64) -> Vec<Row> {
    let mut ready = Vec::new();
    let mut early = Vec::new();
    let mut late = Vec::new();
    for nth in 0..STARTS {
        let server = home.serve();
        ready.push(server.ready.as_secs_f64() * 1000.0);
        early.push(server.resident() / 1024.0 / 1024.0);
        // A large file is examined while it is served; once is enough.
        if nth + 1 == STARTS {
            server.settle();
            late.push(server.resident() / 1024.0 / 1024.0);
        } else {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let time = Row::median("start", format!("{what}, to the ready line"), "ms", ready);
    let memory = Row::median(
        "start",
        format!("{what}, resident when ready"),
        "MiB",
        early,
    );
    let later = Row::median("start", format!("{what}, resident at rest"), "MiB", late);
    vec![
        time.target(Target::AtMost(most_ms)),
        memory,
        later.target(Target::AtMost(RESIDENT_MIB)),
    ]
}
