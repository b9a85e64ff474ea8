//! Reading a hundred messages: history, catching up, searching; in a small file and a large one.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    Effort,
    client::{self, Client},
    drive::{self, Outcome, Part, Script},
    report::{self, Row, Target},
    seed::{self, Person},
    server::{Home, Process},
};

/// Messages of the two files.
const SMALL: u64 = 1000;
const LARGE: u64 = 10_000_000;

/// What the Python server did a second (measured before, on such a machine, in a small file).
const PYTHON_HISTORY: f64 = 41.0;
const PYTHON_UPDATES: f64 = 39.0;

/// Connections when the rate is measured; the time is measured with one.
const CONNECTIONS: usize = 8;

/// A request for a hundred messages.
struct Page {
    name: &'static str,
    python: Option<f64>,
    /// Whether its time must not depend on the size of the file.
    flat: bool,
    small: Vec<u8>,
    large: Option<Vec<u8>>,
}

/// A file with its server.
struct Side {
    _home: Home,
    server: Process,
}

impl Side {
    fn new(home: Home) -> Self {
        let server = home.serve();
        server.settle();
        Self {
            _home: home,
            server,
        }
    }

    fn run(&self, effort: &Effort, connections: usize, frame: &[u8]) -> Outcome {
        let frame = frame.to_vec();
        let script = Script {
            part: Arc::new(move |_| Part {
                first: frame.clone(),
                frames: vec![frame.clone()],
            }),
            checked: true,
            pause: None,
        };
        drive::run(&self.server, connections, effort.time / 2, &script)
    }

    fn ask(&self, frame: &[u8]) -> Value {
        drive::runtime().block_on(async {
            let mut client = Client::open(self.server.address, None).await;
            let answer = client.ask(frame).await;
            let code = &answer["errors"]["code"];
            assert!(code == 200 || code == 206, "{answer}");
            answer
        })
    }
}

/// History, catch-up and search.
pub(crate) fn read(effort: &Effort) -> Vec<Row> {
    let small = Side::new(Home::new(SMALL));
    let large = Home::kept(LARGE, !effort.quick).map(Side::new);
    let mut rows = Vec::new();
    for page in pages(&small, large.as_ref()) {
        rows.extend(measure(effort, &page, &small, large.as_ref()));
    }
    rows
}

/// Measures one request: its time in both files, and its rate in the larger one.
fn measure(effort: &Effort, page: &Page, small: &Side, large: Option<&Side>) -> Vec<Row> {
    let large = large.zip(page.large.as_deref());
    let (side, frame) = large.unwrap_or((small, &page.small));
    let mut alone = Vec::new();
    let mut times = Vec::new();
    let mut rates = Vec::new();
    let mut cpu = Vec::new();
    for _ in 0..effort.repetitions {
        let time = small.run(effort, 1, &page.small).quantile_ms(0.5);
        alone.push(time);
        if let Some((side, frame)) = large {
            times.push((side.run(effort, 1, frame).quantile_ms(0.5), time));
        }
        if let Some(python) = page.python {
            let outcome = side.run(effort, CONNECTIONS, frame);
            rates.push((outcome.rate, python));
            cpu.push(outcome.cpu_us);
        }
    }
    let mut rows = Vec::new();
    if page.python.is_some() {
        let what = format!("{CONNECTIONS} connections, {}", size(large.is_some()));
        let cpu = format!("server {:.0} µs of CPU each", report::median(cpu));
        let row = Row::against(page.name, what, "/s", "Python server", rates).note(cpu);
        rows.push(row.target(Target::AtLeast(100.0)));
    }
    let what = format!("1 connection, {}", size(large.is_some()));
    rows.push(if large.is_none() {
        Row::median(page.name, what, "ms (p50)", alone)
    } else {
        let row = Row::against(page.name, what, "ms (p50)", "at 1,000", times);
        if page.flat {
            row.target(Target::AtMost(1.3))
        } else {
            row
        }
    });
    rows
}

fn size(large: bool) -> &'static str {
    if large {
        "10 million messages"
    } else {
        "1,000 messages"
    }
}

/// The requests, for the flow of a hundred and one members.
fn pages(small: &Side, large: Option<&Side>) -> Vec<Page> {
    let person = seed::person(1);
    let flow = seed::circle(seed::CLUB);
    let both = |name, python, flat, make: &dyn Fn(&Side) -> Vec<u8>| Page {
        name,
        python,
        flat,
        small: make(small),
        large: large.map(make),
    };
    let history = |from: i64| {
        let page = json!({"uuid": flow, "message_start": from, "message_end": from + 99});
        client::request("all_messages", &person.signed(json!({"flow": [page]})))
    };
    let last_page = |side: &Side| {
        let total = side.ask(&history(0))["data"]["flow"][0]["message_end"].as_i64();
        history(total.expect("more than a page") - 100)
    };
    let search = |words: &str| {
        let data = json!({"meta": {"query": words}});
        client::request("find_message", &person.signed(data))
    };
    vec![
        both("history, first page", Some(PYTHON_HISTORY), true, &|_| {
            history(0)
        }),
        both("history, last page", Some(PYTHON_HISTORY), true, &last_page),
        both("catch-up, first page", Some(PYTHON_UPDATES), true, &|_| {
            after(&person, seed::set_up())
        }),
        both("catch-up, last page", Some(PYTHON_UPDATES), true, &|side| {
            last_updates(side, &person)
        }),
        both("catch-up by time, last page", None, true, &|side| {
            last_updates_by_time(side, &person)
        }),
        both("search, a common word", None, false, &|_| search("завтра")),
        both("search, a rare word", None, false, &|_| search("777")),
    ]
}

fn after(person: &Person, position: i64) -> Vec<u8> {
    let data = json!({"meta": {"after": position}});
    client::request("get_update", &person.signed(data))
}

/// Catch-up from where a hundred messages are missing.
fn last_updates(side: &Side, person: &Person) -> Vec<u8> {
    let answer = side.ask(&client::request("all_flow", &person.signed(json!({}))));
    let end = answer["data"]["meta"]["position"]
        .as_i64()
        .expect("a position");
    // Of all messages three in ten are the club's, and few the family's.
    let mut back = 300;
    loop {
        let request = after(person, end - back);
        let answer = side.ask(&request);
        let messages = answer["data"]["message"].as_array().map_or(0, Vec::len);
        if messages >= 95 {
            return request;
        }
        back += 1;
    }
}

fn last_updates_by_time(side: &Side, person: &Person) -> Vec<u8> {
    let answer = side.ask(&last_updates(side, person));
    let time = &answer["data"]["message"][0]["time"];
    client::request("get_update", &person.signed(json!({"time": time})))
}
