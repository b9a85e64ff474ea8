//! Closed loops: each connection sends its next request when the last one is answered.

use std::{
    net::SocketAddr,
    sync::{Arc, Barrier},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::{
    client::{self, Client},
    server::Process,
};

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
    /// All requests, those of the warm-up too.
    pub(crate) requests: f64,
    /// Microseconds of the server's processor time a request.
    pub(crate) cpu_us: f64,
    /// Microseconds from a request to its answer.
    pub(crate) latency: Histogram<u64>,
}

impl Outcome {
    /// Milliseconds within which this share of the requests was answered.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        self.latency.value_at_quantile(share) as f64 / 1000.0
    }
}

/// What a connection sends: once at first, which signs it in, and then its frames round and round.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) first: Vec<u8>,
    pub(crate) frames: Vec<Vec<u8>>,
}

/// What the connections of a run send, by their numbers.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) part: Arc<dyn Fn(usize) -> Part + Send + Sync>,
    /// Whether answers are those of the product, and must be of success.
    pub(crate) checked: bool,
    /// How long a connection waits between an answer and its next request.
    pub(crate) pause: Option<Duration>,
}

impl Script {
    /// The same requests, with a pause before each.
    pub(crate) fn with_pause(self, pause: Duration) -> Self {
        Self {
            pause: Some(pause),
            ..self
        }
    }
}

/// Connects this many to a server and has them send for this long.
pub(crate) fn run(
    server: &Process,
    connections: usize,
    time: Duration,
    script: &Script,
) -> Outcome {
    Crowd::gather(server, connections, time, script).go()
}

/// Connections that wait to begin.
pub(crate) struct Crowd<'a> {
    server: &'a Process,
    barrier: Arc<Barrier>,
    time: Duration,
    workers: Vec<JoinHandle<(u64, Histogram<u64>)>>,
}

impl<'a> Crowd<'a> {
    /// Opens this many connections, to send for this long once they are told to.
    pub(crate) fn gather(
        server: &'a Process,
        connections: usize,
        time: Duration,
        script: &Script,
    ) -> Self {
        let address = server.address;
        let threads = THREADS.min(connections);
        let barrier = Arc::new(Barrier::new(threads + 1));
        let worker = |worker| {
            let (barrier, script) = (Arc::clone(&barrier), script.clone());
            let mine: Vec<usize> = (worker..connections).step_by(threads).collect();
            thread::spawn(move || work(address, &mine, time, &script, &barrier))
        };
        let workers = (0..threads).map(worker).collect();
        // All are connected.
        barrier.wait();
        Self {
            server,
            barrier,
            time,
            workers,
        }
    }

    /// Has them send.
    pub(crate) fn go(self) -> Outcome {
        let cpu_us = self.server.cpu_us();
        self.barrier.wait();
        let mut requests = 0;
        let mut latency = new_histogram();
        for worker in self.workers {
            let (count, one) = worker.join().expect("a worker");
            requests += count;
            latency.add(&one).expect("the same bounds");
        }
        Outcome {
            rate: latency.len() as f64 / self.time.as_secs_f64(),
            requests: requests as f64,
            cpu_us: (self.server.cpu_us() - cpu_us) / requests as f64,
            latency,
        }
    }
}

fn work(
    address: SocketAddr,
    mine: &[usize],
    time: Duration,
    script: &Script,
    barrier: &Barrier,
) -> (u64, Histogram<u64>) {
    let runtime = runtime();
    let clients: Vec<_> = runtime.block_on(async {
        let mut clients = Vec::new();
        for number in mine {
            let mut client = Client::open(address, None).await;
            let part = (script.part)(*number);
            client.write(&part.first).await;
            let answer = client.frame().await;
            if script.checked {
                let seen = String::from_utf8_lossy(answer);
                assert!(client::is_done(answer), "refused: {seen}");
            }
            clients.push((client, part.frames));
        }
        clients
    });
    barrier.wait();
    barrier.wait();
    let from = Instant::now() + WARM_UP;
    let until = from + time;
    let (checked, pause) = (script.checked, script.pause);
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for (client, frames) in clients {
            let talk = talk(client, frames, from, until, checked, pause);
            tasks.spawn(talk);
        }
        let mut requests = 0;
        let mut all = new_histogram();
        while let Some(one) = tasks.join_next().await {
            let (count, latency) = one.expect("a connection");
            requests += count;
            all.add(latency).expect("the same bounds");
        }
        (requests, all)
    })
}

async fn talk(
    mut client: Client,
    frames: Vec<Vec<u8>>,
    from: Instant,
    until: Instant,
    checked: bool,
    pause: Option<Duration>,
) -> (u64, Histogram<u64>) {
    let mut requests = 0;
    let mut latency = new_histogram();
    let mut sent = Instant::now();
    for frame in frames.iter().cycle() {
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
            sent = Instant::now();
        }
        client.write(frame).await;
        let answer = client.frame().await;
        assert!(!checked || client::is_done(answer), "refused while sending");
        requests += 1;
        let now = Instant::now();
        let counts = sent >= from && now < until;
        // Where one takes longer than the whole time, it is still one that was measured.
        if counts || now >= until && latency.is_empty() {
            let micros = u64::try_from((now - sent).as_micros()).unwrap_or(u64::MAX);
            latency.saturating_record(micros);
        }
        if now >= until {
            break;
        }
        sent = now;
    }
    (requests, latency)
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
