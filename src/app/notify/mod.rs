//! Delivery of notifications: from the service to the push services, and the results back.

mod queue;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::metrics::PushCounts;
use super::{AppError, outward};
use crate::config::{self, Config};
use crate::model::{PushAddress, PushContent, Timestamp};
use crate::outbound::Url;
use crate::outbound::push::{Push, PushError, PushKeys, Sender, Urgency, Vapid};
use crate::protocol::notice;
use crate::service::{Courier, Ring, Service, Tried};
use queue::{Job, Queue};

/// The most notifications that are sent at the same time.
const AT_A_TIME: usize = 8;

/// The most notifications that may wait to be put into the queue.
const RINGING: usize = 256;

/// How long to wait before each retry; the last value repeats.
const AGAIN: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(8),
    Duration::from_secs(30),
    Duration::from_mins(2),
];

/// The longest that a service can make this server wait.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// How long to wait for a host that asks to wait without saying how long.
const USUAL_WAIT: Duration = Duration::from_mins(1);

/// While the clock is wrong, services refuse everything: how long until it is checked again.
const CLOCK_WAIT: Duration = Duration::from_secs(10);

/// A clock that shows an earlier time has not been set yet: 1 January 2025.
const PLAUSIBLE: i64 = 1_735_689_600;

/// How many characters of a service's answer are logged.
const WORDS_CHARS: usize = 200;

/// How often the same problem is logged.
const LOGGED_EVERY: Duration = Duration::from_hours(24);

/// How often dropped notifications are logged.
const DROPS_LOGGED_EVERY: Duration = Duration::from_mins(1);

/// Starts to notify devices. Returns the task that does so.
///
/// # Errors
/// The key cannot be generated or read, or the client cannot be created.
pub(super) async fn begin(
    config: &Config,
    service: &Arc<Service>,
    counts: Arc<PushCounts>,
) -> Result<Option<tokio::task::JoinHandle<()>>, AppError> {
    if !config.push.enabled {
        return Ok(None);
    }
    let fresh = Vapid::generate().map_err(AppError::Failed)?;
    let key = service.push_secret(move || fresh).await?;
    let vapid = Vapid::new(&key, &contact(config)).map_err(AppError::Failed)?;
    let sender = Sender::new(outward::client(config)?, vapid);
    let (rings, bell) = mpsc::channel(RINGING);
    let (checking, testing) = (sender.clone(), sender.clone());
    let ttl = config.push.ttl;
    service.attach_courier(Courier {
        key: sender.vapid().public_key(),
        check: Box::new(move |address| {
            let sender = checking.clone();
            async move { check(&sender, &address).await }.boxed()
        }),
        test: Box::new(move |address| {
            let sender = testing.clone();
            async move { test(&sender, &address, ttl).await }.boxed()
        }),
        rings,
        content: match config.push.content {
            config::PushContent::Full => PushContent::Full,
            config::PushContent::Names => PushContent::Names,
            config::PushContent::None => PushContent::None,
        },
    });
    let notifier = Notifier {
        service: Arc::clone(service),
        sender,
        ttl,
        queue: Queue::new(config.push.queue),
        sending: JoinSet::new(),
        logged: None,
        dropped: (0, None),
        counts,
    };
    let task = tokio::spawn(notifier.run(bell));
    // Notifications that were pending at the last stop.
    if let Err(err) = service.resume_notifying().await {
        log::warn!("nobody is notified of what came before the last stop: {err}");
    }
    Ok(Some(task))
}

/// Returns the contact for push services.
fn contact(config: &Config) -> String {
    // A reserved domain: services require an address, wherever it leads.
    super::outward::push_contact(config)
        .unwrap_or_else(|| "mailto:admin@morelia.invalid".to_owned())
}

async fn check(sender: &Sender, address: &PushAddress) -> Result<(), &'static str> {
    let url: Url = address
        .endpoint
        .parse()
        .map_err(|_| "the address is not valid")?;
    let keys = PushKeys::new(&address.p256dh, &address.auth)
        .map_err(|_| "p256dh or auth has the wrong length")?;
    sender.check(&url, &keys).await.map_err(|err| match err {
        PushError::BadKeys | PushError::TooLong => "p256dh is no key of the curve P-256",
        PushError::Outbound(err) if err.is_refusal() => {
            "the address is not public, and [outbound] allow_private does not list it"
        }
        PushError::Outbound(_) => "the name of the push service cannot be resolved",
    })
}

async fn test(sender: &Sender, address: &PushAddress, ttl: Duration) -> Tried {
    let sent = send(sender, address, &notice::test(), ttl, Urgency::High, None).await;
    match sent {
        Ok(answer) => match answer.status {
            200..=202 => Tried::Taken,
            404 | 410 => Tried::Gone,
            status => Tried::Refused(status),
        },
        Err(err) => {
            log::info!("a test notification was not sent: {err}");
            Tried::Unreachable
        }
    }
}

async fn send(
    sender: &Sender,
    address: &PushAddress,
    text: &[u8],
    ttl: Duration,
    urgency: Urgency,
    topic: Option<&str>,
) -> Result<crate::outbound::Answer, PushError> {
    let endpoint: Url = address.endpoint.parse()?;
    let keys = PushKeys::new(&address.p256dh, &address.auth)?;
    let push = Push {
        endpoint: &endpoint,
        keys: &keys,
        text,
        ttl,
        urgency,
        topic,
        now: Timestamp::now().seconds(),
    };
    sender.send(&push).await
}

/// The result of sending.
enum Sent {
    /// There was nothing to send any more.
    Nothing,
    /// The service accepted it.
    Taken,
    /// The service does not know the device.
    Gone,
    /// The service does not accept this server.
    Refused(u16, String),
    /// It is too long for the service.
    TooLong,
    /// The service asks to wait.
    Wait(Duration),
    /// It failed for a reason that may pass.
    Failed(String),
    /// It failed for a reason that will not pass.
    Dropped(u16),
}

struct Notifier {
    service: Arc<Service>,
    sender: Sender,
    ttl: Duration,
    queue: Queue,
    sending: JoinSet<(Job, Sent)>,
    /// When a refusal was last logged.
    logged: Option<Instant>,
    /// The number of notifications dropped because the queue was full, and when that was last logged.
    dropped: (u64, Option<Instant>),
    counts: Arc<PushCounts>,
}

impl Notifier {
    async fn run(mut self, mut bell: mpsc::Receiver<Ring>) {
        loop {
            self.start();
            let waiting = u64::try_from(self.queue.len()).unwrap_or(u64::MAX);
            self.counts.waiting.store(waiting, Ordering::Relaxed);
            let next = if self.sending.len() < AT_A_TIME {
                self.queue.next_at()
            } else {
                None
            };
            tokio::select! {
                ring = bell.recv() => match ring {
                    Some(ring) => self.take(ring),
                    None => return,
                },
                Some(sent) = self.sending.join_next(), if !self.sending.is_empty() => match sent {
                    Ok((job, sent)) => self.settle(job, sent).await,
                    Err(err) => {
                        log::error!("sending a notification failed: {err}");
                        self.queue.forget_flights();
                    }
                },
                () = until(next) => {}
            }
        }
    }

    fn take(&mut self, ring: Ring) {
        if !self.queue.put(Job::new(ring, Instant::now())) {
            return;
        }
        self.dropped.0 += 1;
        PushCounts::add(&self.counts.dropped);
        let now = Instant::now();
        if self
            .dropped
            .1
            .is_none_or(|at| now.duration_since(at) >= DROPS_LOGGED_EVERY)
        {
            log::warn!(
                "too many notifications wait ([push] queue); dropped so far: {}",
                self.dropped.0
            );
            self.dropped.1 = Some(now);
        }
    }

    /// Starts to send what is due.
    fn start(&mut self) {
        while self.sending.len() < AT_A_TIME {
            let now = Instant::now();
            if Timestamp::now().seconds() < PLAUSIBLE {
                self.queue.pause_all(now + CLOCK_WAIT);
                return;
            }
            let Some(job) = self.queue.take_due(now) else {
                return;
            };
            let (service, sender) = (Arc::clone(&self.service), self.sender.clone());
            let ttl = self.ttl;
            self.sending.spawn(async move {
                let sent = deliver(&service, &sender, &job, ttl).await;
                (job, sent)
            });
        }
    }

    async fn settle(&mut self, mut job: Job, sent: Sent) {
        let now = Instant::now();
        self.queue.landed(&job);
        let (id, endpoint) = (job.ring.subscription, job.ring.endpoint.clone());
        match &sent {
            Sent::Nothing | Sent::TooLong => {}
            Sent::Taken => PushCounts::add(&self.counts.taken),
            Sent::Gone => PushCounts::add(&self.counts.gone),
            Sent::Refused(..) => PushCounts::add(&self.counts.refused),
            Sent::Wait(_) | Sent::Failed(_) => PushCounts::add(&self.counts.put_off),
            Sent::Dropped(_) => PushCounts::add(&self.counts.dropped),
        }
        match sent {
            Sent::Nothing => {}
            Sent::Taken => self.service.push_succeeded(id).await,
            Sent::Gone => {
                self.queue.drop_device(id);
                self.service.push_gone(id, endpoint).await;
            }
            Sent::Refused(status, words) => {
                self.service.push_failed(id, endpoint).await;
                if self
                    .logged
                    .is_none_or(|at| now.duration_since(at) >= LOGGED_EVERY)
                {
                    self.logged = Some(now);
                    log::error!(
                        "the push service {} refuses this server (HTTP {status}: {words}); look at the \
                         clock (`morelia check clock`) and at [push] contact",
                        job.host()
                    );
                }
            }
            Sent::TooLong => {
                job.ring.most = match job.ring.most {
                    PushContent::Full => PushContent::Names,
                    PushContent::Names => PushContent::None,
                    PushContent::None => return,
                };
                self.queue.put_back(job, now);
            }
            Sent::Wait(wait) => {
                self.queue.pause(job.host(), now + wait);
                self.queue.put_back(job, now + wait);
            }
            Sent::Failed(why) => {
                log::debug!("a notification was not sent: {why}");
                let last = AGAIN.len() - 1;
                let wait = AGAIN[usize::from(job.tries).min(last)];
                let jitter = rand::random_range(0.8..1.2);
                job.tries = job.tries.saturating_add(1);
                if job.tries == 1 {
                    self.service.push_failed(id, endpoint).await;
                }
                if job.born.elapsed() < self.ttl {
                    self.queue.put_back(job, now + wait.mul_f64(jitter));
                }
            }
            Sent::Dropped(status) => {
                log::debug!(
                    "the push service {} drops a notification: {status}",
                    job.host()
                );
            }
        }
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Sends what there is to say now.
async fn deliver(service: &Service, sender: &Sender, job: &Job, ttl: Duration) -> Sent {
    let found = match service.notice(&job.ring).await {
        Ok(Some(notice)) => notice,
        Ok(None) => return Sent::Nothing,
        Err(err) => return Sent::Failed(err.to_string()),
    };
    let urgency = if job.ring.is_urgent {
        Urgency::High
    } else {
        Urgency::Normal
    };
    let topic = sender.vapid().topic(&found.flow.to_bytes());
    let text = notice::text(&found);
    let sent = send(sender, &found.address, &text, ttl, urgency, Some(&topic)).await;
    match sent {
        Ok(answer) => outcome(&answer),
        Err(PushError::TooLong) => Sent::TooLong,
        // A request that is no longer allowed is not retried.
        Err(PushError::BadKeys) => Sent::Dropped(0),
        Err(PushError::Outbound(err)) if err.is_refusal() => Sent::Dropped(0),
        Err(err) => Sent::Failed(err.to_string()),
    }
}

/// Returns the meaning of an answer.
fn outcome(answer: &crate::outbound::Answer) -> Sent {
    match answer.status {
        200..=202 => Sent::Taken,
        404 | 410 => Sent::Gone,
        401 | 403 => {
            let words = String::from_utf8_lossy(&answer.body);
            let plain = words.chars().filter(|sign| !sign.is_control());
            Sent::Refused(answer.status, plain.take(WORDS_CHARS).collect())
        }
        413 => Sent::TooLong,
        429 | 503 => {
            let said = answer.header("retry-after").and_then(|it| it.parse().ok());
            let wait = said.map_or(USUAL_WAIT, Duration::from_secs);
            Sent::Wait(wait.clamp(Duration::from_secs(1), LONGEST_WAIT))
        }
        status @ 500.. => Sent::Failed(format!("HTTP {status}")),
        status => Sent::Dropped(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_can_be_written_to() {
        let mut config = Config::default();
        assert_eq!(contact(&config), "mailto:admin@morelia.invalid");
        config.server.public_url = Some("https://chat.example.org:8443".to_owned());
        assert_eq!(contact(&config), "mailto:admin@chat.example.org");
        config.server.public_url = Some("http://192.168.1.7:8000".to_owned());
        assert_eq!(contact(&config), "mailto:admin@morelia.invalid");
        config.push.contact = Some("https://example.org".to_owned());
        assert_eq!(contact(&config), "https://example.org");
    }

    #[test]
    fn every_answer_has_its_consequence() {
        let answer = |status: u16, wait: Option<&str>| crate::outbound::Answer {
            status,
            headers: wait
                .map(|wait| ("retry-after".to_owned(), wait.to_owned()))
                .into_iter()
                .collect(),
            body: "BadJwtToken\n".into(),
            is_cut: false,
        };
        assert!(matches!(outcome(&answer(201, None)), Sent::Taken));
        assert!(matches!(outcome(&answer(404, None)), Sent::Gone));
        assert!(matches!(outcome(&answer(410, None)), Sent::Gone));
        assert!(matches!(outcome(&answer(400, None)), Sent::Dropped(400)));
        assert!(matches!(outcome(&answer(413, None)), Sent::TooLong));
        assert!(matches!(outcome(&answer(502, None)), Sent::Failed(_)));
        let Sent::Refused(403, words) = outcome(&answer(403, None)) else {
            panic!("a refusal");
        };
        assert_eq!(words, "BadJwtToken");
        for (said, waited) in [
            (Some("7"), 7),
            (Some("90000"), 3600),
            (Some("soon"), 60),
            (None, 60),
        ] {
            let Sent::Wait(wait) = outcome(&answer(429, said)) else {
                panic!("a wait");
            };
            assert_eq!(wait.as_secs(), waited);
        }
    }
}
