//! One sends, many receive: how many frames a second arrive, and how long each is on its way.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::{
    Effort,
    client::{self, Client},
    drive,
    report::{self, Row, Target},
    seed,
    server::{Home, Process},
};

const GROUP: &str = "fan-out";

/// Messages under way when frames a second are measured: delivering one and committing the next
/// may overlap, and nobody's queue of 256 comes near its end.
const WINDOW: usize = 4;

/// Messages whose times of sending are remembered; more than can be under way.
const REMEMBERED: usize = 64;

/// What sender and receivers share.
struct Shared {
    receivers: usize,
    epoch: Instant,
    /// When each message was sent, in nanoseconds since the epoch.
    sent: [AtomicU64; REMEMBERED],
    delivered: AtomicUsize,
    /// One permit a message that may be sent.
    window: Semaphore,
    measuring: AtomicBool,
    latency: Mutex<Histogram<u64>>,
    /// Length of what was pushed last.
    payload_bytes: AtomicUsize,
}

impl Shared {
    fn new(receivers: usize) -> Arc<Self> {
        Arc::new(Self {
            receivers,
            epoch: Instant::now(),
            sent: [const { AtomicU64::new(0) }; REMEMBERED],
            delivered: AtomicUsize::new(0),
            window: Semaphore::new(0),
            measuring: AtomicBool::new(false),
            latency: Mutex::new(drive::new_histogram()),
            payload_bytes: AtomicUsize::new(0),
        })
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Notes that a receiver has its message of this number. Frames come in order, so counting
    /// them tells which message one is, without reading it.
    fn arrived(&self, number: usize, latency: &mut Histogram<u64>) {
        let sent = self.sent[number % REMEMBERED].load(Ordering::Relaxed);
        if self.measuring.load(Ordering::Relaxed) {
            latency.saturating_record(self.nanos().saturating_sub(sent) / 1000);
        }
        let delivered = self.delivered.fetch_add(1, Ordering::Relaxed) + 1;
        if delivered.is_multiple_of(self.receivers) {
            self.window.add_permits(1);
        }
    }
}

/// What a server needs to be measured: how to take part in it.
trait Party: Copy + Send + 'static {
    /// Connects a receiver.
    fn receiver(self, number: usize) -> impl Future<Output = Client>;
    /// Waits for the next message, past anything else that is pushed, and returns its length;
    /// nothing when the server is gone.
    fn receive(self, client: &mut Client) -> impl Future<Output = Option<usize>>;
    /// Connects the sender.
    fn sender(self) -> impl Future<Output = Client>;
    /// The frame that is sent.
    fn message(self) -> Vec<u8>;
    /// Waits for the answer to the sender.
    fn answered(self, client: &mut Client) -> impl Future<Output = ()>;
}

/// The product.
#[derive(Clone, Copy)]
struct Product {
    address: SocketAddr,
    circle: usize,
}

impl Party for Product {
    async fn receiver(self, number: usize) -> Client {
        let mut client = Client::open(self.address, None).await;
        let person = seed::person(number + 1);
        let answer = client
            .ask(&client::request("subscribe", &person.signed(json!({}))))
            .await;
        assert_eq!(answer["errors"]["code"], 200, "{answer}");
        client
    }

    async fn receive(self, client: &mut Client) -> Option<usize> {
        loop {
            let frame = client.try_frame().await?;
            // Who comes online is told in frames without data.
            if !frame.starts_with(br#"{"type":"get_update","data":null"#) {
                return Some(frame.len());
            }
        }
    }

    async fn sender(self) -> Client {
        Client::open(self.address, None).await
    }

    fn message(self) -> Vec<u8> {
        let text = "A message of some length, as people write them to each other.";
        let data = json!({
            "flow": [{"uuid": seed::circle(self.circle)}],
            "message": [{"client_id": 1, "text": text}],
        });
        client::request("send_message", &seed::person(0).signed(data))
    }

    async fn answered(self, client: &mut Client) {
        assert!(client::is_done(client.frame().await), "a refused message");
    }
}

/// The bare loop, with frames as long as the product's.
#[derive(Clone, Copy)]
struct Bare {
    address: SocketAddr,
    payload_bytes: usize,
}

impl Party for Bare {
    async fn receiver(self, _number: usize) -> Client {
        Client::plain(self.address, None).await
    }

    async fn receive(self, client: &mut Client) -> Option<usize> {
        client.try_frame().await.map(<[u8]>::len)
    }

    async fn sender(self) -> Client {
        Client::plain(self.address, None).await
    }

    fn message(self) -> Vec<u8> {
        client::unmasked(&vec![b'x'; self.payload_bytes])
    }

    async fn answered(self, client: &mut Client) {
        client.frame().await;
    }
}

/// What a run came to.
struct Outcome {
    /// Frames that arrived a second, with several messages under way.
    frames: f64,
    /// Microseconds of the server's processor time a frame, meanwhile.
    cpu_us: f64,
    /// Microseconds from sending to arriving, with one message under way.
    latency: Histogram<u64>,
    /// Length of what was pushed.
    payload_bytes: usize,
}

/// Measures one server.
fn run<P: Party>(party: P, receivers: usize, time: Duration, server: &Process) -> Outcome {
    let shared = Shared::new(receivers);
    let ready = Arc::new(AtomicUsize::new(0));
    // The receivers' threads end with the process that they hear from, or with this one.
    for worker in 0..2 {
        let (shared, ready) = (Arc::clone(&shared), Arc::clone(&ready));
        thread::spawn(move || {
            let runtime = drive::runtime();
            let tasks = tokio::task::LocalSet::new();
            tasks.block_on(&runtime, async {
                let mut all = Vec::new();
                for number in (worker..receivers).step_by(2) {
                    let client = party.receiver(number).await;
                    let hears = hear(party, client, Arc::clone(&shared));
                    all.push(tokio::task::spawn_local(hears));
                    ready.fetch_add(1, Ordering::Relaxed);
                }
                for one in all {
                    let _ = one.await;
                }
            });
        });
    }
    while ready.load(Ordering::Relaxed) < receivers {
        thread::sleep(Duration::from_millis(5));
    }
    server.settle();
    drive::runtime().block_on(send(party, &shared, time, server))
}

async fn hear<P: Party>(party: P, mut client: Client, shared: Arc<Shared>) {
    let mut latency = drive::new_histogram();
    let mut measured = false;
    for number in 0.. {
        let Some(payload_bytes) = party.receive(&mut client).await else {
            return;
        };
        shared.arrived(number, &mut latency);
        let measuring = shared.measuring.load(Ordering::Relaxed);
        if measured && !measuring {
            shared.payload_bytes.store(payload_bytes, Ordering::Relaxed);
            let mut all = shared.latency.lock().expect("a lock");
            all.add(&latency).expect("the same bounds");
            latency.reset();
        }
        measured = measuring;
    }
}

async fn send<P: Party>(party: P, shared: &Shared, time: Duration, server: &Process) -> Outcome {
    let mut sender = party.sender().await;
    let message = party.message();
    let mut number = 0;
    // One under way: what is measured is how long it takes, not how long it waits for others.
    shared.window.add_permits(1);
    let warm = Instant::now() + Duration::from_millis(200);
    let until = warm + time;
    while Instant::now() < until {
        shared
            .measuring
            .store(Instant::now() >= warm, Ordering::Relaxed);
        deliver(party, shared, &mut sender, &message, &mut number).await;
    }
    shared.measuring.store(false, Ordering::Relaxed);
    shared.window.add_permits(WINDOW - 1);
    for _ in 0..WINDOW {
        deliver(party, shared, &mut sender, &message, &mut number).await;
    }
    let (start, before) = (Instant::now(), shared.delivered.load(Ordering::Relaxed));
    let cpu_us = server.cpu_us();
    while start.elapsed() < time {
        deliver(party, shared, &mut sender, &message, &mut number).await;
    }
    let delivered = (shared.delivered.load(Ordering::Relaxed) - before) as f64;
    let frames = delivered / start.elapsed().as_secs_f64();
    let cpu_us = (server.cpu_us() - cpu_us) / delivered;
    // Until the last one has arrived everywhere.
    let _all = shared.window.acquire_many(WINDOW as u32).await;
    let latency = shared.latency.lock().expect("a lock").clone();
    Outcome {
        frames,
        cpu_us,
        latency,
        payload_bytes: shared.payload_bytes.load(Ordering::Relaxed),
    }
}

async fn deliver<P: Party>(
    party: P,
    shared: &Shared,
    sender: &mut Client,
    message: &[u8],
    number: &mut usize,
) {
    shared.window.acquire().await.expect("open").forget();
    shared.sent[*number % REMEMBERED].store(shared.nanos(), Ordering::Relaxed);
    sender.write(message).await;
    party.answered(sender).await;
    *number += 1;
}

/// Fan-out to 10, 100 and 1,000 receivers.
pub(crate) fn fan_out(effort: &Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    for (circle, members) in seed::CIRCLES.iter().enumerate() {
        let receivers = members - 1;
        let mut frames = Vec::new();
        let mut cpu = Vec::new();
        let mut latencies = Vec::new();
        let mut ours = drive::new_histogram();
        let mut bares = drive::new_histogram();
        for _ in 0..effort.repetitions {
            let product = product(circle, receivers, effort.time);
            let bare = bare(receivers, product.payload_bytes, effort.time);
            frames.push((product.frames, bare.frames));
            cpu.push((product.cpu_us, bare.cpu_us));
            latencies.push(product.latency.value_at_quantile(0.5) as f64 / 1000.0);
            ours.add(&product.latency).expect("the same bounds");
            bares.add(&bare.latency).expect("the same bounds");
        }
        let ms = |it: &Histogram<u64>, share| it.value_at_quantile(share) as f64 / 1000.0;
        let what = format!("{receivers} receivers");
        let cpu = format!(
            "server {:.1} µs of CPU a frame, bare loop {:.1}",
            report::median(cpu.iter().map(|it| it.0)),
            report::median(cpu.iter().map(|it| it.1)),
        );
        let row = Row::against(GROUP, what.clone(), "frames/s", "bare loop", frames).note(cpu);
        let median =
            Row::median(GROUP, format!("{what}, end to end"), "ms (p50)", latencies).note(format!(
                "p99 {:.2} ms; bare loop p50 {:.2} ms, p99 {:.2} ms",
                ms(&ours, 0.99),
                ms(&bares, 0.5),
                ms(&bares, 0.99)
            ));
        if receivers == 1000 {
            rows.push(row.target(Target::AtLeast(0.6)));
            rows.push(median.target(Target::AtMost(50.0)));
        } else {
            rows.extend([row, median]);
        }
    }
    rows
}

fn product(circle: usize, receivers: usize, time: Duration) -> Outcome {
    let home = Home::new(1000);
    let server = home.serve();
    let party = Product {
        address: server.address,
        circle,
    };
    run(party, receivers, time, &server)
}

fn bare(receivers: usize, payload_bytes: usize, time: Duration) -> Outcome {
    let frame_bytes = client::unmasked(&vec![b'x'; payload_bytes]).len();
    let server = Process::broadcast(receivers, frame_bytes);
    let party = Bare {
        address: server.address,
        payload_bytes,
    };
    run(party, receivers, time, &server)
}
