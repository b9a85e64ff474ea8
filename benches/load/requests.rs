//! Requests answered from memory or by one write: send and ping, against the echo.

use std::sync::Arc;

use serde_json::json;

use crate::{
    Effort, client,
    disk::Bare,
    drive::{self, Outcome, Part, Script},
    report::{self, Row, Target},
    seed::{self, Person},
    server::{Home, Process},
};

const SEND: &str = "send, durable";
const PING: &str = "ping";

/// What the Python server did of this a second, at best (measured before, on such a machine).
const PYTHON_SENDS: f64 = 202.0;

/// Requests of everybody to a family of one's own, with eight texts in turn.
pub(crate) fn sends() -> Script {
    let frames = |number: usize| {
        let person = seed::person(number);
        let flow = seed::family(number);
        let send = |nth: usize| {
            let text = seed::text((number * 8 + nth) as u64);
            let data = json!({
                "flow": [{"uuid": flow}],
                "message": [{"client_id": nth, "text": text}],
            });
            client::request("send_message", &person.signed(data))
        };
        (0..8).map(send).collect()
    };
    Script {
        part: Arc::new(move |number| Part {
            first: ping(&seed::person(number)),
            frames: frames(number),
        }),
        checked: true,
        pause: None,
    }
}

fn pings() -> Script {
    Script {
        part: Arc::new(|number| {
            let first = ping(&seed::person(number));
            let frames = vec![first.clone()];
            Part { first, frames }
        }),
        checked: true,
        pause: None,
    }
}

/// A request that does nothing but to sign in.
pub(crate) fn ping(person: &Person) -> Vec<u8> {
    client::request("ping_pong", &person.signed(json!({})))
}

/// What product and echo came to, one after the other.
struct Pair {
    product: Outcome,
    echo: Outcome,
}

/// Measures product and echo in turn, each time with a file of its own: what one run has left to
/// be done, such as the index of its messages, would be done during the next.
fn versus(effort: &Effort, connections: usize, script: &Script) -> Vec<Pair> {
    let echoed = Script {
        checked: false,
        pause: None,
        ..script.clone()
    };
    let product = || {
        let home = Home::new(1000);
        let server = home.serve();
        server.settle();
        drive::run(&server, connections, effort.time, script)
    };
    let echo = || drive::run(&Process::echo(&[]), connections, effort.time, &echoed);
    let pair = |_| Pair {
        product: product(),
        echo: echo(),
    };
    (0..effort.repetitions).map(pair).collect()
}

/// The row of product against echo.
fn row(group: &'static str, connections: usize, pairs: &[Pair]) -> Row {
    let mut latency = drive::new_histogram();
    for pair in pairs {
        let one = &pair.product.latency;
        latency.add(one).expect("the same bounds");
    }
    let ms = |share| latency.value_at_quantile(share) as f64 / 1000.0;
    let cpu = |of: &dyn Fn(&Pair) -> f64| report::median(pairs.iter().map(of));
    let note = format!(
        "p50 {:.2} ms, p99 {:.2} ms; server {:.1} µs of CPU each, echo {:.1}",
        ms(0.5),
        ms(0.99),
        cpu(&|pair| pair.product.cpu_us),
        cpu(&|pair| pair.echo.cpu_us),
    );
    let rates = pairs.iter().map(|pair| (pair.product.rate, pair.echo.rate));
    Row::against(group, people(connections), "/s", "echo", rates.collect()).note(note)
}

fn people(connections: usize) -> String {
    match connections {
        1 => "1 connection".to_owned(),
        more => format!("{more} connections"),
    }
}

fn rates(pairs: &[Pair]) -> impl Iterator<Item = f64> {
    pairs.iter().map(|pair| pair.product.rate)
}

/// Sends by 1, 8, 64 and 256 connections.
pub(crate) fn send(effort: &Effort) -> Vec<Row> {
    let script = sends();
    let one = versus(effort, 1, &script);
    // One after the other, a message takes the way there and back and a commit.
    let alone = one.iter().map(|pair| {
        let commits = Bare::new().rate(1, effort.time / 2);
        let way = 1.0 / pair.echo.rate;
        (pair.product.rate, 1.0 / (way + 1.0 / commits))
    });
    let alone = alone.collect();
    let eight = versus(effort, 8, &script);
    let sixty_four = versus(effort, 64, &script);
    let many = versus(effort, 256, &script);
    let python = rates(&sixty_four)
        .map(|rate| (rate, PYTHON_SENDS))
        .collect();
    let more = rates(&many).zip(rates(&sixty_four)).collect();
    vec![
        row(SEND, 1, &one),
        Row::against(SEND, people(1), "/s", "1/(echo + bare commit)", alone)
            .target(Target::AtLeast(0.6)),
        row(SEND, 8, &eight),
        row(SEND, 64, &sixty_four).target(Target::AtLeast(0.25)),
        Row::against(SEND, people(64), "/s", "Python server", python).target(Target::AtLeast(75.0)),
        row(SEND, 256, &many),
        Row::against(SEND, people(256), "/s", "at 64", more).target(Target::AtLeast(1.0)),
    ]
}

/// Pings by 1 and 64 connections.
pub(crate) fn pong(effort: &Effort) -> Vec<Row> {
    let script = pings();
    vec![
        row(PING, 1, &versus(effort, 1, &script)),
        row(PING, 64, &versus(effort, 64, &script)).target(Target::AtLeast(0.75)),
    ]
}
