//! What members who talk have while programs post by hooks: ten thousand posts a minute.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    Effort,
    client::{self, Client},
    drive,
    report::Row,
    requests,
    seed::{self, Person},
    server::Home,
};

const GROUP: &str = "Posts by hooks";

/// Posts a minute.
const A_MINUTE: f64 = 10_000.0;

/// Conversations that programs write into, and the hooks of each, of which each may post once a second.
const FLOWS: usize = 10;
const HOOKS: usize = 20;

/// Threads that post.
const POSTERS: usize = 4;

/// Members who talk, and how often each writes.
const WRITERS: usize = 8;
const PAUSE: Duration = Duration::from_millis(100);

/// How long messages of members take, without posts and beside them.
pub(crate) fn posts(effort: &Effort) -> Vec<Row> {
    let time = effort.time * 4;
    let home = Home::new(1000);
    let server = home.serve();
    let runtime = drive::runtime();
    let owner = seed::person(0);
    let secrets = runtime.block_on(hooks(server.address, &owner));
    server.settle();
    let alone = runtime.block_on(talk(server.address, time));
    let (beside, taken) = thread::scope(|scope| {
        let posters: Vec<_> = (0..POSTERS)
            .map(|poster| {
                let (secrets, address) = (&secrets, server.address);
                scope.spawn(move || post(address, secrets, poster, time))
            })
            .collect();
        let beside = runtime.block_on(talk(server.address, time));
        let taken: usize = posters
            .into_iter()
            .map(|it| it.join().expect("posts"))
            .sum();
        (beside, taken)
    });
    let ms = |times: &Histogram<u64>, share| times.value_at_quantile(share) as f64 / 1000.0;
    let note = format!(
        "p50 {:.2} ms; without posts p50 {:.2} ms, p99 {:.2} ms; {:.0} posts a minute were taken",
        ms(&beside, 0.5),
        ms(&alone, 0.5),
        ms(&alone, 0.99),
        taken as f64 * 60.0 / time.as_secs_f64(),
    );
    let what = format!("p99 of {WRITERS} who write, beside {A_MINUTE:.0} posts a minute");
    vec![Row::new(GROUP, what, ms(&beside, 0.99), "ms").note(note)]
}

/// Makes conversations with hooks, and returns the secrets.
async fn hooks(address: SocketAddr, owner: &Person) -> Vec<String> {
    let mut client = Client::open(address, None).await;
    let mut secrets = Vec::new();
    for flow in 0..FLOWS {
        let new =
            json!({"flow": [{"type": "group", "title": format!("Programs {flow}"), "users": []}]});
        let request = client::request("add_flow", &owner.signed(new));
        let made = client.ask(&request).await;
        let flow = made["data"]["flow"][0]["uuid"].clone();
        for hook in 0..HOOKS {
            let order = json!({"meta": {"flow": flow, "name": format!("Program {hook}")}});
            let request = client::rich_request("make_hook", &owner.signed(order));
            let made = client.ask(&request).await;
            let secret = made["data"]["meta"]["secret"].as_str();
            secrets.push(secret.unwrap_or_else(|| panic!("{made}")).to_owned());
        }
    }
    secrets
}

/// Has members write now and then, and returns the microseconds to their answers.
async fn talk(address: SocketAddr, time: Duration) -> Histogram<u64> {
    let script = requests::sends();
    let until = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let part = (script.part)(writer);
        tasks.spawn(async move {
            let mut client = Client::open(address, None).await;
            client.write(&part.first).await;
            assert!(client::is_done(client.frame().await), "refused");
            let mut times = drive::new_histogram();
            for frame in part.frames.iter().cycle() {
                tokio::time::sleep(PAUSE).await;
                if Instant::now() > until {
                    break;
                }
                let sent = Instant::now();
                client.write(frame).await;
                assert!(client::is_done(client.frame().await), "refused");
                let micros = u64::try_from(sent.elapsed().as_micros());
                times.saturating_record(micros.unwrap_or(u64::MAX));
            }
            times
        });
    }
    let mut all = drive::new_histogram();
    while let Some(one) = tasks.join_next().await {
        all.add(one.expect("a member")).expect("the same bounds");
    }
    all
}

/// Posts at its share of the rate; returns how many posts were taken.
fn post(address: SocketAddr, secrets: &[String], poster: usize, time: Duration) -> usize {
    let start = Instant::now();
    let mut taken = 0;
    for number in (poster..).step_by(POSTERS) {
        let due = start + Duration::from_secs_f64(number as f64 * 60.0 / A_MINUTE);
        if due > start + time {
            return taken;
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let secret = &secrets[number % secrets.len()];
        let request = format!(
            "POST /hook/{secret} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 10\r\n\r\nit is warm"
        );
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.write_all(request.as_bytes()).expect("written");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        taken += usize::from(answer.starts_with(b"HTTP/1.1 200"));
    }
    taken
}
