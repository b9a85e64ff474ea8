//! Closed loops: each connection sends its next request when the last one is answered.

use std::{
    net::SocketAddr,
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::client::{self, Client};

/// Threads that send: as many as there are processors where this is to be compared. Each has a
/// runtime of its own, so that no request of the generator's moves between threads.
const THREADS: usize = 2;

/// Requests before this are not counted.
const WARM_UP: Duration = Duration::from_millis(200);

/// What a run came to.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// Answers a second.
    pub(crate) rate: f64,
    /// Microseconds from a request to its answer.
    pub(crate) latency: Histogram<u64>,
}

impl Outcome {
    /// Milliseconds within which this share of the requests was answered.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        self.latency.value_at_quantile(share) as f64 / 1000.0
    }
}

/// What the connections of a run send.
#[derive(Clone)]
pub(crate) struct Script {
    /// Frames, by connection; each sends its own round and round.
    pub(crate) frames: Arc<dyn Fn(usize) -> Vec<Vec<u8>> + Send + Sync>,
    /// Whether answers are those of the product, and must be of success.
    pub(crate) checked: bool,
}

/// Sends by this many connections for this long.
pub(crate) fn run(
    address: SocketAddr,
    connections: usize,
    time: Duration,
    script: &Script,
) -> Outcome {
    let threads = THREADS.min(connections);
    let barrier = Arc::new(Barrier::new(threads));
    let workers: Vec<_> = (0..threads)
        .map(|worker| {
            let (barrier, script) = (Arc::clone(&barrier), script.clone());
            let mine: Vec<usize> = (worker..connections).step_by(threads).collect();
            thread::spawn(move || work(address, &mine, time, &script, &barrier))
        })
        .collect();
    let mut latency = new_histogram();
    for worker in workers {
        latency
            .add(worker.join().expect("a worker"))
            .expect("the same bounds");
    }
    Outcome {
        rate: latency.len() as f64 / time.as_secs_f64(),
        latency,
    }
}

fn work(
    address: SocketAddr,
    mine: &[usize],
    time: Duration,
    script: &Script,
    barrier: &Barrier,
) -> Histogram<u64> {
    let runtime = runtime();
    let clients: Vec<(Client, Vec<Vec<u8>>)> = runtime.block_on(async {
        let mut clients = Vec::new();
        for number in mine {
            let mut client = Client::open(address, None).await;
            let frames = (script.frames)(*number);
            // The first request signs in, which is not what is measured.
            client.write(&frames[0]).await;
            let answer = client.frame().await;
            if script.checked {
                let seen = String::from_utf8_lossy(answer);
                assert!(client::is_done(answer), "refused: {seen}");
            }
            clients.push((client, frames));
        }
        clients
    });
    barrier.wait();
    let from = Instant::now() + WARM_UP;
    let until = from + time;
    let checked = script.checked;
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for (client, frames) in clients {
            tasks.spawn(talk(client, frames, from, until, checked));
        }
        let mut all = new_histogram();
        while let Some(one) = tasks.join_next().await {
            all.add(one.expect("a connection"))
                .expect("the same bounds");
        }
        all
    })
}

async fn talk(
    mut client: Client,
    frames: Vec<Vec<u8>>,
    from: Instant,
    until: Instant,
    checked: bool,
) -> Histogram<u64> {
    let mut latency = new_histogram();
    let mut sent = Instant::now();
    for frame in frames.iter().cycle() {
        client.write(frame).await;
        let answer = client.frame().await;
        assert!(!checked || client::is_done(answer), "refused while sending");
        let now = Instant::now();
        if now >= until {
            break;
        }
        if sent >= from {
            let micros = u64::try_from((now - sent).as_micros()).unwrap_or(u64::MAX);
            latency.saturating_record(micros);
        }
        sent = now;
    }
    latency
}

/// A runtime on the thread that calls.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Microseconds up to a minute, to three digits.
pub(crate) fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("sound bounds")
}
