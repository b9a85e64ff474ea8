//! Requests answered from memory or by one write: send and ping, against the echo.

use std::sync::Arc;

use serde_json::json;

use crate::{
    Effort, client,
    drive::{self, Outcome, Script},
    report::{Row, Target},
    seed,
    server::{Home, Process},
};

const SEND: &str = "send, durable";
const PING: &str = "ping";

/// What the Python server did of this a second, at best (measured before, on such a machine).
const PYTHON_SENDS: f64 = 202.0;

/// Requests of everybody to a family of one's own, with eight texts in turn.
pub(crate) fn sends() -> Script {
    Script {
        frames: Arc::new(|number| {
            let person = seed::person(number % seed::PEOPLE);
            let flow = seed::family(number % seed::PEOPLE);
            let send = |nth: usize| {
                let text = seed::text((number * 8 + nth) as u64);
                client::request(
                    "send_message",
                    &person.signed(json!({
                        "flow": [{"uuid": flow}],
                        "message": [{"client_id": nth, "text": text}],
                    })),
                )
            };
            (0..8).map(send).collect()
        }),
        checked: true,
    }
}

fn pings() -> Script {
    Script {
        frames: Arc::new(|number| {
            let person = seed::person(number % seed::PEOPLE);
            vec![client::request("ping_pong", &person.signed(json!({})))]
        }),
        checked: true,
    }
}

/// The same frames, to be given back as they are.
fn echoed(script: &Script) -> Script {
    Script {
        checked: false,
        ..script.clone()
    }
}

/// Measures product and echo in turn.
fn versus(
    effort: &Effort,
    server: &Process,
    echo: &Process,
    connections: usize,
    script: &Script,
) -> Vec<(Outcome, Outcome)> {
    let measure = || {
        server.settle();
        let product = drive::run(server.address, connections, effort.time, script);
        server.settle();
        let ceiling = drive::run(echo.address, connections, effort.time, &echoed(script));
        (product, ceiling)
    };
    (0..effort.repetitions).map(|_| measure()).collect()
}

fn rates(runs: &[(Outcome, Outcome)]) -> Vec<(f64, f64)> {
    runs.iter()
        .map(|(product, echo)| (product.rate, echo.rate))
        .collect()
}

fn latencies(runs: &[(Outcome, Outcome)]) -> String {
    let mut latency = drive::new_histogram();
    for (product, _) in runs {
        latency.add(&product.latency).expect("the same bounds");
    }
    let ms = |share| latency.value_at_quantile(share) as f64 / 1000.0;
    format!("p50 {:.2} ms, p99 {:.2} ms", ms(0.5), ms(0.99))
}

/// Sends by 1, 8, 64 and 256 connections.
pub(crate) fn send(effort: &Effort) -> Vec<Row> {
    let (home, echo) = (Home::new(1000), Process::echo(&[]));
    let server = home.serve();
    let script = sends();
    let mut rows = Vec::new();
    let mut sixty_four = Vec::new();
    for connections in [1, 8, 64, 256] {
        let runs = versus(effort, &server, &echo, connections, &script);
        let rates = rates(&runs);
        let what = format!("{connections} connections");
        let row = Row::against(SEND, what, "/s", "echo", rates.clone()).note(latencies(&runs));
        rows.push(match connections {
            64 => row.target(Target::AtLeast(0.25)),
            _ => row,
        });
        match connections {
            64 => {
                let python = rates
                    .iter()
                    .map(|(rate, _)| (*rate, PYTHON_SENDS))
                    .collect();
                rows.push(
                    Row::against(SEND, "64 connections", "/s", "Python server", python)
                        .target(Target::AtLeast(75.0)),
                );
                sixty_four = rates;
            }
            256 => {
                let pairs = rates.iter().zip(&sixty_four).map(|(a, b)| (a.0, b.0));
                rows.push(
                    Row::against(SEND, "256 connections", "/s", "at 64", pairs.collect())
                        .target(Target::AtLeast(1.0)),
                );
            }
            _ => {}
        }
    }
    rows
}

/// Pings by 1 and 64 connections.
pub(crate) fn ping(effort: &Effort) -> Vec<Row> {
    let (home, echo) = (Home::new(1000), Process::echo(&[]));
    let server = home.serve();
    let script = pings();
    let mut rows = Vec::new();
    for connections in [1, 64] {
        let runs = versus(effort, &server, &echo, connections, &script);
        let what = format!("{connections} connections");
        let row = Row::against(PING, what, "/s", "echo", rates(&runs)).note(latencies(&runs));
        rows.push(match connections {
            64 => row.target(Target::AtLeast(0.75)),
            _ => row,
        });
    }
    rows
}
