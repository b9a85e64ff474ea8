//! Delivery of outgoing hooks: from the log to their receivers, and the results back.
//!
//! Each hook has one post at a time, in the order of the log. What is pending is in the database, so a
//! server that was killed continues where it was.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::{AppError, outward};
use crate::config::Config;
use crate::model::{Callout, OutgoingId, Position, Timestamp};
use crate::outbound::{Answer, Client, OutboundError, Private, Rules, Url, signed};
use crate::protocol::mtp::{answer_of, text_of};
use crate::service::{CalloutEnd, Messenger, NextCallout, Recipient, Service, TestEnd};

/// The most posts that are sent at the same time.
const AT_A_TIME: usize = 8;

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The shortest time between two reads of the list of hooks.
const LIST_EVERY: Duration = Duration::from_secs(1);

/// After this time a hook that had nothing to send is checked again, however much happens.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The status with which a receiver says that it wants no more posts.
const STATUS_GONE: u16 = 410;

/// Lets a service check and test addresses.
///
/// # Errors
/// The client cannot be created.
pub fn attach(config: &Config, service: &Arc<Service>) -> Result<Client, AppError> {
    let client = outward::client(config)?;
    let (checking, testing) = (client.clone(), client.clone());
    let weak = Arc::downgrade(service);
    service.attach_messenger(Messenger {
        check: Box::new(move |recipient| {
            let client = checking.clone();
            async move { check(&client, &recipient).await }.boxed()
        }),
        test: Box::new(move |recipient, callout| {
            let (client, service) = (testing.clone(), weak.upgrade());
            async move {
                let id = format!("test-{}-{}", callout.hook.0, Timestamp::now().0);
                match service {
                    Some(service) => tried(
                        send(&service, &client, &recipient, &callout, &id).await,
                        &recipient,
                    ),
                    None => tried(Err(OutboundError::BadUrl("the server ends")), &recipient),
                }
            }
            .boxed()
        }),
    });
    Ok(client)
}

/// Starts to post. Returns the task that does so.
///
/// # Errors
/// The client cannot be created.
pub(super) fn begin(config: &Config, service: &Arc<Service>) -> Result<JoinHandle<()>, AppError> {
    let client = attach(config, service)?;
    let caller = Caller {
        service: Arc::clone(service),
        client,
        news: 1,
        hooks: HashMap::new(),
        listed: None,
        working: JoinSet::new(),
    };
    Ok(tokio::spawn(caller.run()))
}

async fn check(client: &Client, recipient: &Recipient) -> Result<(), &'static str> {
    let url: Url = recipient
        .url
        .parse()
        .map_err(|_| "the address is not one of http or https")?;
    let checked = client.check(&url, rules(recipient)).await;
    checked.map_err(|err| match err {
        OutboundError::Private { .. } if recipient.is_trusted => {
            "the address is private, and [outbound] allow_private does not list it"
        }
        OutboundError::Private { .. } => {
            "the address is private; only hooks of administrators may post there"
        }
        err if err.is_refusal() => "the address is not allowed",
        _ => "the name of the receiver cannot be resolved",
    })
}

fn rules(recipient: &Recipient) -> Rules {
    let private = if recipient.is_trusted {
        Private::Listed
    } else {
        Private::Refused
    };
    Rules {
        time: PATIENCE,
        ..Rules::new(private)
    }
}

async fn send(
    service: &Service,
    client: &Client,
    recipient: &Recipient,
    callout: &Callout,
    id: &str,
) -> Result<Answer, OutboundError> {
    let url: Url = recipient.url.parse()?;
    let body = text_of(callout, service);
    let now = Timestamp::now().seconds();
    let request = signed::post(url, body, id, now, recipient.secret.as_bytes());
    client.send(request, rules(recipient)).await
}

/// Returns the result of a post, for the user who tests the hook.
fn tried(sent: Result<Answer, OutboundError>, recipient: &Recipient) -> TestEnd {
    match sent {
        Ok(answer) => {
            let is_taken = (200..300).contains(&answer.status);
            let detail = if is_taken {
                "the receiver has taken the post".to_owned()
            } else {
                format!("the receiver answers HTTP {}", answer.status)
            };
            TestEnd {
                status: Some(answer.status),
                is_taken,
                detail,
            }
        }
        Err(OutboundError::Private { host }) if !recipient.is_trusted => TestEnd {
            status: None,
            is_taken: false,
            detail: format!("{host} is private; only hooks of administrators may post there"),
        },
        Err(err) => TestEnd {
            status: None,
            is_taken: false,
            detail: err.to_string(),
        },
    }
}

/// Returns the result of a post, for the queue.
fn outcome(sent: Result<Answer, OutboundError>) -> CalloutEnd {
    match sent {
        Ok(answer) => match answer.status {
            200..300 if answer.is_cut => CalloutEnd::Taken(None),
            200..300 => CalloutEnd::Taken(answer_of(&answer.body)),
            STATUS_GONE => CalloutEnd::Gone,
            status => CalloutEnd::Failed(format!("its receiver answers HTTP {status}")),
        },
        Err(err) => CalloutEnd::Failed(err.to_string()),
    }
}

/// The state of a hook.
#[derive(Debug, Clone, Copy)]
struct Care {
    /// The position up to which everything was checked.
    passed: Position,
    /// The value of `news` when it was last checked.
    seen: u64,
    /// The time from which it may be tried.
    next_at: Timestamp,
    /// The time when it is checked again.
    rests_until: Instant,
    is_working: bool,
}

/// The result of work on a hook.
#[derive(Debug, Clone, Copy)]
enum Worked {
    /// There is nothing to post up to this position.
    Idle(Position),
    /// There may be more to post after this position.
    Again(Position),
}

struct Caller {
    service: Arc<Service>,
    client: Client,
    /// Increases with each event.
    news: u64,
    hooks: HashMap<OutgoingId, Care>,
    /// When the list of hooks was last read, and the value of `news` then.
    listed: Option<(Instant, u64)>,
    working: JoinSet<(OutgoingId, u64, Worked)>,
}

impl Caller {
    async fn run(mut self) {
        self.list().await;
        if !self.hooks.is_empty() {
            let count = self.hooks.len();
            log::info!("may leave this server by itself: what {count} outgoing hooks post");
        }
        loop {
            let is_due = match self.listed {
                None => true,
                Some((at, news)) => news != self.news && at.elapsed() >= LIST_EVERY,
            };
            if is_due {
                self.list().await;
            }
            self.start();
            let next = self.next_at();
            tokio::select! {
                () = self.service.outgoing_news() => self.news += 1,
                Some(done) = self.working.join_next(), if !self.working.is_empty() => self.settle(done).await,
                () = until(next) => {}
            }
        }
    }

    /// Reads the list of hooks.
    async fn list(&mut self) {
        self.listed = Some((Instant::now(), self.news));
        let living = match self.service.living_outgoing().await {
            Ok(living) => living,
            Err(err) => {
                log::warn!("the outgoing hooks cannot be read: {err}");
                return;
            }
        };
        let mut hooks = HashMap::with_capacity(living.len());
        for (id, next_at) in living {
            let known = self.hooks.get(&id).copied();
            let care = known.unwrap_or(Care {
                passed: Position(0),
                seen: 0,
                next_at,
                rests_until: Instant::now(),
                is_working: false,
            });
            hooks.insert(id, Care { next_at, ..care });
        }
        // A post in progress is awaited, whatever has become of its hook.
        for (id, care) in &self.hooks {
            if care.is_working {
                hooks.entry(*id).or_insert(*care);
            }
        }
        self.hooks = hooks;
    }

    /// Starts the posts that are due.
    fn start(&mut self) {
        let (now, instant) = (Timestamp::now(), Instant::now());
        for (id, care) in &mut self.hooks {
            if self.working.len() >= AT_A_TIME {
                return;
            }
            if care.is_working || care.seen >= self.news {
                continue;
            }
            if care.next_at > now || care.rests_until > instant {
                continue;
            }
            care.is_working = true;
            let (service, client) = (Arc::clone(&self.service), self.client.clone());
            let (id, passed, news) = (*id, care.passed, self.news);
            self.working.spawn(async move {
                let worked = work(&service, &client, id, passed).await;
                (id, news, worked)
            });
        }
    }

    /// Returns when there is work to do without an event.
    fn next_at(&self) -> Option<Instant> {
        let listing = self
            .listed
            .filter(|(_, news)| *news != self.news)
            .map(|(at, _)| at + LIST_EVERY);
        if self.working.len() >= AT_A_TIME {
            return listing;
        }
        let (now, instant) = (Timestamp::now(), Instant::now());
        let waiting = self
            .hooks
            .values()
            .filter(|care| !care.is_working && care.seen < self.news);
        let first = waiting.map(|care| {
            let wait = u64::try_from(care.next_at.0.saturating_sub(now.0)).unwrap_or(0);
            care.rests_until.max(instant + Duration::from_millis(wait))
        });
        first.chain(listing).min()
    }

    async fn settle(&mut self, done: Result<(OutgoingId, u64, Worked), tokio::task::JoinError>) {
        match done {
            Ok((id, news, worked)) => {
                if let Some(care) = self.hooks.get_mut(&id) {
                    care.is_working = false;
                    if matches!(worked, Worked::Idle(_)) {
                        care.rests_until = Instant::now() + LOOK_EVERY;
                    }
                    (care.passed, care.seen) = match worked {
                        Worked::Idle(passed) => (passed, news),
                        Worked::Again(passed) => (passed, 0),
                    };
                }
                if matches!(worked, Worked::Again(_)) {
                    // It may have failed and have to wait.
                    self.list().await;
                }
            }
            Err(err) => {
                log::error!("posting for a hook failed: {err}");
                self.working.abort_all();
                self.hooks.clear();
                self.listed = None;
            }
        }
    }
}

/// Makes the next post of a hook.
async fn work(service: &Service, client: &Client, id: OutgoingId, passed: Position) -> Worked {
    let next = match service.next_callout(id, passed).await {
        Ok(next) => next,
        Err(err) => {
            log::warn!(
                "what the outgoing hook {} is to be told cannot be read: {err}",
                id.0
            );
            return Worked::Idle(passed);
        }
    };
    let sending = match next {
        NextCallout::Send(sending) => sending,
        NextCallout::Nothing(position) => return Worked::Idle(position),
        NextCallout::More(position) => return Worked::Again(position),
        NextCallout::Off => return Worked::Idle(passed),
    };
    let callout = sending.callout;
    // A repeated post has the same id, by which the receiver recognises it.
    let name = format!("{}-{}", callout.position.0, id.0);
    let sent = send(service, client, &sending.recipient, &callout, &name).await;
    let end = outcome(sent);
    if let CalloutEnd::Failed(why) = &end {
        log::info!("the outgoing hook {} is tried again later: {why}", id.0);
    }
    if let Err(err) = service.settle_callout(callout, end).await {
        log::warn!(
            "what came of the outgoing hook {} is not noted: {err}",
            id.0
        );
        // The post is repeated with the same id, but not at once.
        tokio::time::sleep(LIST_EVERY).await;
    }
    Worked::Again(passed)
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
