//! Requests as nobody should send them: the recorded ones, mutated, through the real parser and
//! dispatcher on a real database, without sockets in between.
//!
//! `seeds` reads the recorded requests, `cast` puts ids and tokens into them that exist, so that
//! the code behind the checks is reached, `mutate` spoils them, and `oracle` says what an answer has
//! to look like. A run prints its seed; `MORELIA_FUZZ_SEED` repeats it, `MORELIA_FUZZ_REQUESTS`
//! makes it longer or shorter.

mod cast;
mod frames;
mod http;
mod mutate;
mod oracle;
mod seeds;

use std::{env, net::IpAddr, path::Path, sync::Arc, thread, time::Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use morelia::{
    admin::error::CliError,
    app,
    config::{Config, Durability, Registration},
    model::Neighbourhood,
    protocol::{Conversation as _, Frame, Pushed, mtp},
    service::{Client, Service},
    store::Store,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;

use cast::Cast;
use seeds::Seeds;

/// Requests of a run, in all.
const REQUESTS: u64 = 100_000;

/// A database grows with what is sent to it, and everything with the database: each part of a run
/// begins with an empty one.
const PARTS: u64 = 10;

/// Connections that take turns.
const CONNECTIONS: usize = 3;

/// One in so many requests is one that hashes a password or ends a session.
const RARE: u32 = 1000;

/// Returns an address of a network, another one for each of the first numbers.
fn neighbour([a, b, c]: [u8; 3], number: u32) -> Neighbourhood {
    let last = u8::try_from(number % 250).unwrap_or_default();
    IpAddr::from([a, b, c, last]).into()
}

#[test]
fn mutated_requests_are_answered_as_the_protocol_says() {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse().ok());
    let seed: u64 = number("MORELIA_FUZZ_SEED").unwrap_or_else(rand::random);
    let requests = number("MORELIA_FUZZ_REQUESTS").unwrap_or(REQUESTS);
    println!("MORELIA_FUZZ_SEED={seed} repeats this run");
    let seeds = seeds::load();
    let start = Instant::now();
    let codes = thread::scope(|scope| {
        let run = |first: u64| {
            let seeds = &seeds;
            let part = move |part: u64| play(seeds, seed.wrapping_add(part), requests / PARTS);
            scope.spawn(move || (first..PARTS).step_by(2).map(part).collect::<Vec<_>>())
        };
        let halves = [run(0), run(1)];
        let joined = halves.map(|half| half.join().expect("the messages above say why"));
        joined.into_iter().flatten().flatten().collect::<Vec<_>>()
    });
    let mut counts = std::collections::BTreeMap::<u16, usize>::new();
    for code in codes {
        *counts.entry(code).or_default() += 1;
    }
    println!("in {:?}: {counts:?}", start.elapsed());
    // A driver that is always refused at the door tests the door only.
    for code in [200, 201, 206, 400, 401, 403, 404, 405, 409, 415, 505] {
        assert!(counts.contains_key(&code), "never {code}: {counts:?}");
    }
    let done = counts[&200];
    assert!(done as u64 > requests / 10, "too few were done: {counts:?}");
}

/// Plays one part on a database of its own. Returns the codes of all answers.
fn play(seeds: &Seeds, seed: u64, requests: u64) -> Vec<u16> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("morelia.db");
    Store::prepare(&database).expect("a database");
    let mut config = Config::default();
    config.database.durability = Durability::Normal;
    config.auth.registration = Registration::Open;
    config.limits.requests_per_second = 1_000_000;
    config.limits.burst = 1_000_000;
    // Small, so that both its sides are met.
    config.limits.messages = 10;
    let codes = app::with_service(&database, &config, async |service| {
        let mut run = Run::begin(service, StdRng::seed_from_u64(seed)).await;
        let mut codes = Vec::new();
        for number in 0..requests {
            let (frame, code) = run.step(seeds, number).await;
            let code = code.unwrap_or_else(|what| {
                panic!("request {number} of the part with seed {seed}: {what}\n{frame}")
            });
            codes.push(code);
        }
        Ok::<_, CliError>(codes)
    })
    .expect("a service");
    require_sound(&database, seed);
    codes
}

struct Run {
    service: Arc<Service>,
    rng: StdRng,
    cast: Cast,
    sessions: Vec<mtp::Session>,
    opened: u32,
}

impl Run {
    async fn begin(service: Arc<Service>, rng: StdRng) -> Self {
        let cast = Cast::assemble(&service).await;
        let mut run = Self {
            service,
            rng,
            cast,
            sessions: Vec::new(),
            opened: 0,
        };
        for _ in 0..CONNECTIONS {
            let session = run.open();
            run.sessions.push(session);
        }
        run
    }

    fn open(&mut self) -> mtp::Session {
        self.opened += 1;
        let api = Config::default().api;
        let settings = mtp::Settings {
            min_version: api.min_version,
            max_version: api.max_version,
        };
        let client = Client {
            neighbourhood: neighbour([192, 0, 2], self.opened),
            ..Client::default()
        };
        mtp::Session::new(Arc::clone(&self.service), settings, client)
    }

    /// Sends one mutated request, and asks whether the connection still lives. Returns what was
    /// sent, to be shown, and the code of its answer or what is wrong with it.
    async fn step(&mut self, seeds: &Seeds, number: u64) -> (String, Result<u16, String>) {
        let seed = if self.rng.random_ratio(1, RARE) {
            &seeds.rare
        } else {
            &seeds.usual
        };
        let seed = &seed[self.rng.random_range(0..seed.len())];
        let other = &seeds.usual[self.rng.random_range(0..seeds.usual.len())];
        let mut value = seed.clone();
        self.cast.bind(&mut value, &mut self.rng);
        let bytes = mutate::spoil(value, other, &mut self.rng);
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let at = self.rng.random_range(0..self.sessions.len());
        let mut result = self.ask(at, bytes).await;
        // Not after each, since bad frames in a row are counted.
        if result.is_ok() && number.is_multiple_of(4) {
            let ping = self.cast.ping(&mut self.rng).to_string().into_bytes();
            result = match self.ask(at, ping).await {
                Ok(401) => {
                    self.cast.replace_lost(&self.service).await;
                    result
                }
                Ok(200) => result,
                Ok(code) => Err(format!("and then a ping was answered with {code}")),
                Err(what) => Err(format!("and then a ping: {what}")),
            };
        }
        if let Err(what) = self.hear() {
            result = Err(what);
        }
        (shown, result)
    }

    async fn ask(&mut self, at: usize, bytes: Vec<u8>) -> Result<u16, String> {
        // The transport hands on as text only what is UTF-8.
        let frame = match String::from_utf8(bytes) {
            Ok(text) => Frame::Text(Bytes::from(text)),
            Err(err) => Frame::Binary(Bytes::from(err.into_bytes())),
        };
        let answer = self.sessions[at].answer(frame).await;
        let code = oracle::judge(&answer)?;
        if let (200 | 206, Some(Frame::Text(text))) = (code, &answer.frame) {
            self.cast.learn(text, &mut self.rng);
        }
        if answer.close.is_some() {
            self.sessions[at] = self.open();
        }
        Ok(code)
    }

    /// Takes what is pushed, and judges it as well.
    fn hear(&mut self) -> Result<(), String> {
        for at in 0..self.sessions.len() {
            while let Some(pushed) = self.sessions[at].pushed().now_or_never() {
                match pushed {
                    Pushed::Frame(frame) => oracle::judge_pushed(&frame)?,
                    Pushed::Close(close) if [4401, 1013].contains(&close.code) => {
                        self.sessions[at] = self.open();
                    }
                    Pushed::Close(close) => return Err(format!("closed with {close:?}")),
                }
            }
        }
        Ok(())
    }
}

/// Asserts that no request left the file other than the program expects it.
fn require_sound(database: &Path, seed: u64) {
    let conn = rusqlite::Connection::open(database).expect("opens");
    let ask = |sql: &str| -> Vec<String> {
        let mut statement = conn.prepare(sql).expect("prepared");
        let rows = statement.query_map([], |row| row.get::<_, rusqlite::types::Value>(0));
        rows.expect("rows")
            .map(|row| format!("{:?}", row.expect("a row")))
            .collect()
    };
    let sound = ask("PRAGMA integrity_check");
    assert_eq!(sound, ["Text(\"ok\")"], "the part with seed {seed}");
    conn.execute(
        "INSERT INTO message_search (message_search) VALUES ('integrity-check')",
        [],
    )
    .expect("the index agrees with itself");
    let empty = [
        "PRAGMA foreign_key_check",
        // Messages are numbered from 0 within their flow, without a gap.
        "SELECT flow_id FROM messages GROUP BY flow_id
         HAVING min(number) <> 0 OR max(number) <> count(*) - 1 OR count(DISTINCT number) <> count(*)",
        // The owner is a member, as long as there are any.
        "SELECT id FROM flows WHERE removed_at IS NULL
         AND id IN (SELECT flow_id FROM members WHERE state = 'joined')
         AND (id, owner_id) NOT IN (SELECT flow_id, user_id FROM members WHERE state = 'joined')",
    ];
    for sql in empty {
        let found = ask(sql);
        assert!(
            found.is_empty(),
            "the part with seed {seed}: {sql}: {found:?}"
        );
    }
}

#[test]
fn an_answer_that_breaks_the_protocol_is_noticed() {
    let good = json!({
        "type": "ping_pong", "data": null, "meta": null,
        "errors": {"code": 200, "status": "OK", "time": 1, "detail": "Done."},
        "jsonapi": {"version": "1.0", "revision": "17"},
    });
    assert_eq!(oracle::judge_text(good.to_string().as_bytes()), Ok(200));
    let spoilt: [(&str, serde_json::Value); 8] = [
        ("/type", json!("no_such")),
        ("/data", json!([])),
        ("/errors/code", json!(500)),
        ("/errors/code", json!(418)),
        ("/errors/status", json!("Fine")),
        ("/errors/detail", json!("")),
        ("/errors/time", json!("1")),
        ("/jsonapi/revision", json!("16")),
    ];
    for (place, value) in spoilt {
        let mut bad = good.clone();
        *bad.pointer_mut(place).expect("it is there") = value;
        let judged = oracle::judge_text(bad.to_string().as_bytes());
        assert!(judged.is_err(), "{place} is not looked at");
    }
    assert!(oracle::judge_text(b"{} {}").is_err());
}
