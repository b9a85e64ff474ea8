//! What requests cost in allocations and instructions, so that a change that makes them dearer is
//! noticed on any machine, however busy: a count is the same where a time is not.
//!
//! For the allocations, everything runs in this process, through the very conversations that the sockets carry, and all
//! threads are counted: the one that answers, the readers, the writer. SQLite's own memory is not
//! Rust's and is not counted.
#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking and is read by its output"
)]

mod instructions;

use std::alloc::System;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use morelia::app;
use morelia::config::{Config, Registration};
use morelia::protocol::mtp::{Session, Settings};
use morelia::protocol::{Conversation as _, Frame, Pushed};
use morelia::service::{Client, Service};
use morelia::store::Store;
use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tempfile::TempDir;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How much more than what was measured is let pass: compilers differ, and a growing table now and
/// then falls into what is counted. A clone of each message or a copy of each frame is more.
const MARGIN: f64 = 1.25;

/// Rounds of which the cheapest counts: the writer's idle work falls into some.
const ROUNDS: usize = 5;

/// Requests in a round.
const REQUESTS: usize = 50;

/// Messages in an answer of history and of catching up.
const PAGE: usize = 100;

/// Connections that hear of a message.
const RECEIVERS: usize = 100;

/// What was measured when this was written; to be lowered by who makes it cheaper.
const EXPECTED: [(&str, Cost); 5] = [
    // What a method waits with is an allocation of its own; the one that a socket makes for the whole
    // answer, which is not in here, is smaller instead.
    ("ping", Cost::new(6.0, 2_420.0)),
    ("send", Cost::new(28.0, 13_850.0)),
    // A message is written into a buffer of its own, which takes fewer instructions.
    ("history", Cost::new(228.0, 131_800.0)),
    ("catch-up", Cost::new(353.0, 235_700.0)),
    ("fan-out to one receiver", Cost::new(0.33, 156.0)),
];

/// What one request, or one delivery, takes from the allocator.
#[derive(Debug, Clone, Copy)]
struct Cost {
    allocations: f64,
    bytes: f64,
}

impl Cost {
    const fn new(allocations: f64, bytes: f64) -> Self {
        Self { allocations, bytes }
    }
}

/// Counts what `work` takes, each of `parts` on average; the cheapest of some rounds.
async fn cost_of(parts: usize, mut work: impl AsyncFnMut()) -> Cost {
    let mut least = Cost::new(f64::MAX, f64::MAX);
    // The first round fills caches and pools.
    for round in 0..=ROUNDS {
        let region = Region::new(ALLOCATOR);
        work().await;
        let change = region.change();
        if round > 0 {
            let count = change.allocations + change.reallocations;
            least.allocations = least.allocations.min(count as f64 / parts as f64);
            least.bytes = least
                .bytes
                .min(change.bytes_allocated as f64 / parts as f64);
        }
    }
    least
}

/// A server without sockets.
struct House {
    service: Arc<Service>,
    settings: Settings,
}

impl House {
    fn enter(&self) -> Session {
        Session::new(Arc::clone(&self.service), self.settings, Client::default())
    }
}

fn request(method: &str, data: &Value) -> Bytes {
    let envelope = json!({
        "type": method,
        "data": data,
        "errors": null,
        "jsonapi": {"version": "1.0", "revision": "17"},
        "meta": null,
    });
    envelope.to_string().into()
}

async fn answer(session: &mut Session, frame: &Bytes) -> Bytes {
    let answer = session.answer(Frame::Text(frame.clone())).await;
    match answer.frame {
        Some(Frame::Text(text)) => text,
        other => panic!("no text: {other:?}"),
    }
}

async fn ask(session: &mut Session, method: &str, data: &Value) -> Value {
    let answer = answer(session, &request(method, data)).await;
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    let code = answer["errors"]["code"].as_u64();
    assert!(matches!(code, Some(200 | 201 | 206)), "{answer}");
    answer
}

/// Requests of somebody in a group.
struct Requests {
    user: Value,
    ping: Bytes,
    send: Bytes,
    history: Bytes,
    catch_up: Bytes,
}

/// Registers somebody and makes a group.
async fn move_in(session: &mut Session) -> Requests {
    let account = json!({"user": [{"login": "anna", "password": "a long password"}]});
    let registered = ask(session, "register_user", &account).await;
    let user = &registered["data"]["user"][0];
    let user = json!([{"uuid": user["uuid"], "auth_id": user["auth_id"]}]);
    let group = json!({"user": user, "flow": [{"type": "group", "title": "Family"}]});
    let made = ask(session, "add_flow", &group).await;
    let flow = &made["data"]["flow"][0]["uuid"];

    let ping = request("ping_pong", &json!({"user": user}));
    let text = "A message of some length, as people write them to each other.";
    let message = json!([{"client_id": 1, "text": text}]);
    let send = json!({"user": user, "flow": [{"uuid": flow}], "message": message});
    let send = request("send_message", &send);
    let page = json!([{"uuid": flow, "message_start": 0, "message_end": PAGE - 1}]);
    let history = request("all_messages", &json!({"user": user, "flow": page}));
    let after = json!({"user": user, "meta": {"after": made_at(session, &user).await}});
    let catch_up = request("get_update", &after);
    Requests {
        user,
        ping,
        send,
        history,
        catch_up,
    }
}

async fn measure(house: House) -> Vec<(&'static str, Cost)> {
    let mut session = house.enter();
    let Requests {
        user,
        ping,
        send,
        history,
        catch_up,
    } = move_in(&mut session).await;
    let mut costs = Vec::new();
    let mut repeat = async |name, frame: &Bytes| {
        let cost = cost_of(REQUESTS, async || {
            for _ in 0..REQUESTS {
                let answer = answer(&mut session, frame).await;
                assert!(is_done(&answer), "{name} is refused");
            }
        });
        costs.push((name, cost.await));
    };
    repeat("ping", &ping).await;
    // Enough of them for the pages that follow.
    repeat("send", &send).await;
    repeat("history", &history).await;
    repeat("catch-up", &catch_up).await;
    let messages = ask_page(&mut session, &history).await;
    assert_eq!(messages, PAGE, "a whole page was read");

    let mut receivers = Vec::new();
    for _ in 0..RECEIVERS {
        let mut receiver = house.enter();
        ask(&mut receiver, "subscribe", &json!({"user": user})).await;
        receivers.push(receiver);
    }
    let fan_out = cost_of(RECEIVERS, async || {
        answer(&mut session, &send).await;
        for receiver in &mut receivers {
            match receiver.pushed().await {
                Pushed::Frame(Frame::Text(frame)) => assert!(frame.len() > 100, "a message"),
                other => panic!("{other:?}"),
            }
        }
    });
    costs.push(("fan-out to one receiver", fan_out.await));
    costs
}

/// The position before the messages.
async fn made_at(session: &mut Session, user: &Value) -> Value {
    let flows = ask(session, "all_flow", &json!({"user": user})).await;
    flows["data"]["meta"]["position"].clone()
}

async fn ask_page(session: &mut Session, history: &Bytes) -> usize {
    let answer: Value = serde_json::from_slice(&answer(session, history).await).expect("JSON");
    answer["data"]["message"].as_array().map_or(0, Vec::len)
}

fn is_done(answer: &[u8]) -> bool {
    let text = std::str::from_utf8(answer).expect("UTF-8");
    text.contains("\"code\":200,") || text.contains("\"code\":206,")
}

/// One test at a time: what is allocated is counted in the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// Works with a server without sockets, on a file of its own in a folder.
fn in_house<T>(folder: &Path, work: impl AsyncFnOnce(House) -> T) -> T {
    let database = folder.join("morelia.db");
    Store::prepare(&database).expect("a database");
    let mut config = Config::default();
    config.auth.registration = Registration::Open;
    config.limits.requests_per_second = 1_000_000;
    config.limits.burst = 1_000_000;
    config.limits.messages_per_minute = 0;
    let settings = Settings {
        min_version: config.api.min_version,
        max_version: config.api.max_version,
    };
    app::with_service(&database, &config, async |service| {
        Ok::<_, app::AppError>(work(House { service, settings }).await)
    })
    .expect("a server")
}

/// A file for the program itself, with a page of messages and a little more in it.
struct Prepared {
    folder: TempDir,
    requests: Requests,
}

impl Prepared {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let requests = in_house(folder.path(), async |house| {
            let mut session = house.enter();
            let requests = move_in(&mut session).await;
            for _ in 0..PAGE + 10 {
                answer(&mut session, &requests.send).await;
            }
            requests
        });
        Self { folder, requests }
    }

    /// A request, by the name of what is measured.
    fn request(&self, name: &str) -> &Bytes {
        match name {
            "ping" => &self.requests.ping,
            "send" => &self.requests.send,
            "history" => &self.requests.history,
            "catch-up" => &self.requests.catch_up,
            other => panic!("no request is called {other}"),
        }
    }
}

#[test]
fn requests_take_no_more_instructions_than_they_did() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let excesses = instructions::excesses(&Prepared::new());
    assert!(
        excesses.is_empty(),
        "dearer than before:\n{}",
        excesses.join("\n")
    );
}

#[test]
fn requests_allocate_no_more_than_they_did() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().expect("a folder");
    let measured = in_house(folder.path(), measure);
    let mut excesses = Vec::new();
    for ((name, cost), (expected_name, expected)) in measured.iter().zip(EXPECTED) {
        assert_eq!(*name, expected_name, "the same order");
        println!(
            "{name}: {:.1} allocations, {:.0} bytes; expected {:.1}, {:.0}",
            cost.allocations, cost.bytes, expected.allocations, expected.bytes
        );
        if cost.allocations > expected.allocations * MARGIN || cost.bytes > expected.bytes * MARGIN
        {
            excesses.push(format!("{name}: {cost:?}, expected {expected:?}"));
        }
    }
    assert_eq!(measured.len(), EXPECTED.len(), "all were measured");
    assert!(
        excesses.is_empty(),
        "dearer than before:\n{}",
        excesses.join("\n")
    );
}
