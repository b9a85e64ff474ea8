//! Instructions of the processor that requests take: about the same number on any machine, however
//! busy, where a time is not.
//!
//! The server runs under callgrind, once with some requests and once with twice as many; the
//! difference is what those take. What they consist of is left beside the report, for
//! `callgrind_annotate`.

use std::{ffi::OsStr, fs, path::Path, process::Command};

use serde_json::json;

use crate::{
    Effort,
    client::{self, Client},
    drive, folder,
    idle::Reading,
    report::{Row, Target},
    requests,
    seed::{self, PEOPLE, Rows},
    server::{self, Home, Process},
};

const GROUP: &str = "instructions";

/// Messages in the file.
const MESSAGES: u64 = 1000;

/// Something that is done again and again.
struct Work {
    name: &'static str,
    what: &'static str,
    /// Thousands of instructions at most.
    most: f64,
    /// How often, at first.
    count: usize,
    /// What the file has besides what is always there.
    rows: fn(&mut Rows<'_>),
    /// Does it so often.
    run: fn(&Process, usize),
    /// What comes before it each time, and is taken off: done alone so often.
    before: Option<fn(&Process, usize)>,
}

/// Whether there is callgrind; where there is none, this is said.
fn has_callgrind() -> bool {
    let found = Command::new("valgrind").arg("--version").output();
    let found = found.is_ok_and(|it| it.status.success());
    if !found {
        println!("(no valgrind: no instructions are counted)");
    }
    found
}

/// Instructions of sending, reading, catching up and subscribing.
pub(crate) fn instructions(effort: &Effort) -> Vec<Row> {
    if !has_callgrind() {
        return Vec::new();
    }
    let before = server::program_before(!effort.quick);
    let wanted = std::env::var("BENCH_WORK").ok();
    WORKS
        .iter()
        .filter(|work| wanted.as_deref().is_none_or(|it| it == work.name))
        .map(|work| {
            let row = Row::new(
                GROUP,
                work.what,
                work.each(&server::program(), effort.quick) / 1000.0,
                "thousand",
            );
            let row = row.target(Target::AtMost(work.most));
            match &before {
                Some(before) => row.note(format!(
                    "before {:.0}",
                    work.each(before.as_os_str(), effort.quick) / 1000.0
                )),
                None => row,
            }
        })
        .collect()
}

impl Work {
    /// Instructions that it takes once.
    fn each(&self, program: &OsStr, quick: bool) -> f64 {
        let count = if quick { self.count / 4 } else { self.count };
        let one = |run| {
            let [some, twice] = [count, 2 * count].map(|count| self.all(program, run, count));
            (twice - some) / count as f64
        };
        self.before
            .map_or(one(self.run), |before| one(self.run) - one(before))
    }

    /// Instructions of a server's whole life in which something is done so often.
    fn all(&self, program: &OsStr, run: fn(&Process, usize), count: usize) -> f64 {
        let home = Home::of(program, MESSAGES);
        seed::add(&home.database(), self.rows);
        let counted = folder::disk().join(format!("{}.callgrind", self.name));
        let mut option = std::ffi::OsString::from("--callgrind-out-file=");
        option.push(&counted);
        let server = home.serve_under(&[
            "valgrind".as_ref(),
            "--quiet".as_ref(),
            "--tool=callgrind".as_ref(),
            &option,
        ]);
        server.settle();
        run(&server, count);
        server.settle();
        server.end();
        total(&counted)
    }
}

/// The number of instructions that callgrind has written down.
fn total(file: &Path) -> f64 {
    let text = fs::read_to_string(file).expect("what callgrind counted");
    let line = text.lines().rev().find_map(|it| it.strip_prefix("totals:"));
    let number = line.and_then(|it| it.split_whitespace().next());
    number.and_then(|it| it.parse().ok()).expect("a total")
}

const WORKS: &[Work] = &[
    Work {
        name: "send",
        what: "send, 1 connection",
        most: 125.0,
        count: 400,
        rows: |_| {},
        run: |server, count| {
            let script = requests::sends();
            let part = (script.part)(0);
            ask(server, &part.first, &part.frames, count);
        },
        before: None,
    },
    Work {
        name: "history",
        what: "history, a page of 100",
        most: 800.0,
        count: 80,
        rows: |_| {},
        run: |server, count| {
            let person = seed::person(1);
            let page =
                json!([{"uuid": seed::circle(seed::CLUB), "message_start": 0, "message_end": 99}]);
            let frame = client::request("all_messages", &person.signed(json!({"flow": page})));
            ask(server, &requests::ping(&person), &[frame], count);
        },
        before: None,
    },
    Work {
        name: "catch-up",
        what: "catch-up of 100",
        most: 1200.0,
        count: 80,
        rows: |_| {},
        run: |server, count| {
            let person = seed::person(1);
            let data = json!({"meta": {"after": seed::set_up()}});
            let frame = client::request("get_update", &person.signed(data));
            ask(server, &requests::ping(&person), &[frame], count);
        },
        before: None,
    },
    Work {
        name: "subscribe-100",
        what: "subscribe, 100 of the group online",
        most: 250.0,
        count: 20,
        rows: |rows| newcomers(rows, 100),
        run: |server, count| come(server, 100, count, "subscribe"),
        before: Some(|server, count| come(server, 100, count, "ping_pong")),
    },
    Work {
        name: "subscribe-400",
        what: "subscribe, 400 of the group online",
        most: 250.0,
        count: 20,
        rows: |rows| newcomers(rows, 400),
        run: |server, count| come(server, 400, count, "subscribe"),
        before: Some(|server, count| come(server, 400, count, "ping_pong")),
    },
    Work {
        name: "all-flow",
        what: "all_flow, 160 flows of 1,000, rich",
        most: 6000.0,
        count: 12,
        rows: many_flows,
        run: |server, count| {
            let person = seed::person(PEOPLE);
            ask(server, &requests::ping(&person), &[all_flow()], count);
        },
        before: None,
    },
];

/// People who are online at first and those who come, in one group.
fn newcomers(rows: &mut Rows<'_>, online: usize) {
    let people = PEOPLE..PEOPLE + online + 2 * 20;
    people.clone().for_each(|number| rows.person(number));
    rows.group(seed::EXTRA, people);
}

/// A thousand people in a hundred and sixty groups.
pub(crate) fn many_flows(rows: &mut Rows<'_>) {
    let people = PEOPLE..PEOPLE + 1000;
    people.clone().for_each(|number| rows.person(number));
    for nth in 0..160 {
        rows.group(seed::EXTRA + nth, people.clone());
    }
}

/// What one of those people asks for.
pub(crate) fn all_flow() -> Vec<u8> {
    client::rich_request("all_flow", &seed::person(PEOPLE).signed(json!({})))
}

/// Sends one frame, and then others round and round, each when the one before is answered.
fn ask(server: &Process, first: &[u8], frames: &[Vec<u8>], count: usize) {
    drive::runtime().block_on(async {
        let mut client = Client::open(server.address, None).await;
        for frame in
            std::iter::once(first).chain(frames.iter().map(Vec::as_slice).cycle().take(count))
        {
            client.write(frame).await;
            let answer = client.frame().await;
            let seen = String::from_utf8_lossy(answer);
            assert!(client::is_done(answer), "refused: {seen}");
        }
    });
}

/// Has people subscribe, and then others come with a request of theirs, one after the other; all stay.
fn come(server: &Process, online: usize, count: usize, request: &str) {
    let runtime = drive::runtime();
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let mut all = Vec::new();
        for number in 0..online {
            all.push(connect(server, PEOPLE + number, "subscribe").await);
        }
        let watch = server.watch();
        let settled = tokio::task::spawn_blocking(move || watch.settle());
        settled.await.expect("at rest");
        for number in 0..count {
            all.push(connect(server, PEOPLE + online + number, request).await);
        }
        let watch = server.watch();
        let settled = tokio::task::spawn_blocking(move || watch.settle());
        settled.await.expect("at rest");
    });
}

/// Connects somebody who asks for one thing, and reads what comes.
async fn connect(server: &Process, number: usize, request: &str) -> Reading {
    let mut client = Client::open(server.address, None).await;
    let person = seed::person(number);
    let frame = client::request(request, &person.signed(json!({})));
    let answer = client.ask(&frame).await;
    assert_eq!(answer["errors"]["code"], 200, "{answer}");
    Reading::of(client)
}
