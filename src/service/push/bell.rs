//! Who is told of what happens, and when: after it is committed, and not while they are looking.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::{Service, ServiceError};
use super::unsettled::{Pending, Unsettled};
use crate::model::{
    Audience, Event, FlowId, FlowKind, Happening, MessageId, News, PublicId, PushContent,
    SubscriptionId, UserId,
};
use crate::store::push::Candidate;
use crate::store::{flows, properties, push, users};

/// How long somebody who is looking has to read a message before the devices are told.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// How often somebody is looked after again; who has had the message before their eyes for five
/// minutes needs no telephone to ring.
const LOOKS: u8 = 15;

/// Things that wait to be looked at; more are dropped, as everything that is only a notification.
const WAITING: usize = 1024;

/// How often it is tried whether somebody listens after the start.
const SOON: u32 = 500;

/// Older messages are not told of after a start: people have found them by themselves.
const OLDEST: Duration = Duration::from_mins(5);

/// Messages that are looked up after a start.
const MOST: i64 = 1000;

/// People whose devices wait for them to look away.
const PATIENT: usize = 10_000;

/// Something that a device is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// Which device.
    pub subscription: SubscriptionId,
    /// Whose it is.
    pub user: UserId,
    /// Where it is told.
    pub endpoint: String,
    /// About which flow.
    pub flow: FlowId,
    /// What.
    pub what: What,
    /// Whether at once.
    pub is_urgent: bool,
    /// The most that may be said.
    pub most: PushContent,
    /// What keeps its message among those that somebody has to be told of.
    pub pending: Option<Arc<Pending>>,
}

/// What a device is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A message came.
    Message(MessageId),
    /// Its owner was brought into the flow, or invited.
    Added,
}

/// What may have to be told.
#[derive(Debug)]
pub(in crate::service) enum Heard {
    Message(MessageId, Arc<Pending>),
    Added {
        flow: PublicId,
        user: PublicId,
        by: Option<PublicId>,
    },
    Invited {
        flow: PublicId,
        users: Vec<UserId>,
        by: Option<PublicId>,
    },
}

/// The way from what is committed to who is told.
#[derive(Default)]
pub(in crate::service) struct Bell {
    /// Whether a device may have asked to be told; while none has, nothing is looked up.
    devices: AtomicBool,
    pub(in crate::service) unsettled: Arc<Unsettled>,
    sender: std::sync::OnceLock<mpsc::Sender<Heard>>,
}

impl Bell {
    /// Says that a device has asked to be told.
    pub(super) fn has_devices(&self) {
        self.devices.store(true, Ordering::Relaxed);
    }

    /// Has something looked at. Never waits.
    pub(in crate::service) fn ring(&self, event: &Event) {
        if !self.devices.load(Ordering::Relaxed) {
            return;
        }
        let Some(sender) = self.sender.get() else {
            return;
        };
        for it in heard(event, &self.unsettled) {
            if sender.try_send(it).is_err() {
                log::debug!("too much happens at once for every device to be told of it");
            }
        }
    }

    /// Has something looked at, when there is room for it.
    pub(super) async fn hear(&self, heard: Heard) {
        // Right after the start nobody listens yet.
        for _ in 0..SOON {
            if let Some(sender) = self.sender.get() {
                if sender.send(heard).await.is_err() {
                    log::debug!("nobody looks after notifications any more");
                }
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// What of an event may have to be told.
fn heard(event: &Event, unsettled: &Arc<Unsettled>) -> Vec<Heard> {
    match &event.news {
        News::Message(message) if message.edited_at.is_none() && !message.is_deleted => {
            vec![Heard::Message(message.id, unsettled.pend(message.id))]
        }
        News::Invited(invited) => match &event.audience {
            Audience::Users(users) => Vec::from([Heard::Invited {
                flow: invited.flow,
                users: users.to_vec(),
                by: invited.by,
            }]),
            Audience::Everyone => Vec::new(),
        },
        News::Flow(news) => {
            let mut all = Vec::new();
            for it in &news.events {
                // Whom a new group has from the start was added too; a new chat waits for its first
                // message.
                if it.what == Happening::Made
                    && news.flow.kind != FlowKind::Chat
                    && let Audience::Users(users) = &event.audience
                {
                    all.push(Heard::Invited {
                        flow: it.flow,
                        users: users.to_vec(),
                        by: it.by,
                    });
                }
                if let Happening::Added(user) = it.what
                    && it.by != Some(user)
                {
                    all.push(Heard::Added {
                        flow: it.flow,
                        user,
                        by: it.by,
                    });
                }
            }
            all
        }
        _ => Vec::new(),
    }
}

/// Somebody who is looking, and has not read yet.
struct Patient {
    rings: Vec<Ring>,
    at: Instant,
    looks: u8,
}

/// Looks after what happens until the service is gone.
pub(in crate::service) async fn listen(service: Weak<Service>) {
    let (sender, mut events) = mpsc::channel(WAITING);
    {
        let Some(service) = service.upgrade() else {
            return;
        };
        if service.bell.sender.set(sender).is_err() {
            return;
        }
        let any = service
            .store
            .read(|view| push::count(view).map_err(ServiceError::from))
            .await;
        if any.is_ok_and(|count| count > 0) {
            service.bell.has_devices();
        }
    }
    let mut patient: HashMap<(UserId, FlowId), Patient> = HashMap::new();
    loop {
        let next = patient.values().map(|it| it.at).min();
        let heard = tokio::select! {
            heard = events.recv() => match heard {
                Some(heard) => Some(heard),
                None => return,
            },
            () = until(next) => None,
        };
        let Some(service) = service.upgrade() else {
            return;
        };
        if let Some(heard) = heard {
            match service.candidates(heard).await {
                Ok(rings) => {
                    for ring in rings {
                        service.tell_or_wait(ring, &mut patient);
                    }
                }
                Err(err) => log::warn!("looking up who is to be notified failed: {err}"),
            }
        }
        service.look_again(&mut patient).await;
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

impl Service {
    /// Has devices told of messages that came shortly before the last stop and that nobody was told of.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub async fn resume_notifying(&self) -> Result<(), ServiceError> {
        let since = self.store.now().before(OLDEST);
        let left = self
            .store
            .read(move |view| {
                let Some(position) = properties::number(view, properties::PUSH_POSITION)? else {
                    return Ok(Vec::new());
                };
                Ok::<_, ServiceError>(push::sent_after(view, position, since, MOST)?)
            })
            .await?;
        let Some(newest) = left.last().map(|message| message.0) else {
            return Ok(());
        };
        // Once: a server that ends and starts again and again must not ring each time.
        self.store
            .write(move |tx| {
                properties::set_number(tx, properties::PUSH_POSITION, newest)?;
                Ok::<_, ServiceError>(())
            })
            .await?;
        for message in left {
            let pending = self.bell.unsettled.pend(message);
            self.bell.hear(Heard::Message(message, pending)).await;
        }
        Ok(())
    }

    /// The devices that something may be told to.
    async fn candidates(&self, heard: Heard) -> Result<Vec<Ring>, ServiceError> {
        let now = self.store.now();
        self.store
            .read(move |view| {
                let mut pending = None;
                let (flow, what, found) = match heard {
                    Heard::Message(message, held) => match push::for_message(view, message, now)? {
                        Some((flow, found)) => {
                            pending = Some(held);
                            (flow, What::Message(message), found)
                        }
                        None => return Ok(Vec::new()),
                    },
                    Heard::Added { flow, user, by } => match flows::id_of(view, flow)? {
                        Some(id) => (id, What::Added, push::for_users(view, &[user], by, now)?),
                        None => return Ok(Vec::new()),
                    },
                    Heard::Invited {
                        flow,
                        users: whom,
                        by,
                    } => match flows::id_of(view, flow)? {
                        Some(id) => {
                            let mut uuids = Vec::new();
                            for user in whom {
                                uuids.extend(users::uuid(view, user)?);
                            }
                            (id, What::Added, push::for_users(view, &uuids, by, now)?)
                        }
                        None => return Ok(Vec::new()),
                    },
                };
                let ring = |found: Candidate| Ring {
                    subscription: found.id,
                    user: found.user,
                    endpoint: found.endpoint,
                    flow,
                    what,
                    is_urgent: found.is_urgent,
                    most: PushContent::Full,
                    pending: pending.clone(),
                };
                Ok::<_, ServiceError>(found.into_iter().map(ring).collect())
            })
            .await
    }

    /// Tells a device, or waits while its owner looks at another one.
    fn tell_or_wait(&self, ring: Ring, patient: &mut HashMap<(UserId, FlowId), Patient>) {
        if !self.hub.is_active(ring.user) {
            self.pass_on(ring);
            return;
        }
        let key = (ring.user, ring.flow);
        if patient.len() >= PATIENT && !patient.contains_key(&key) {
            return;
        }
        let waiting = patient.entry(key).or_insert_with(|| Patient {
            rings: Vec::new(),
            at: Instant::now() + LOOK_AGAIN,
            looks: 0,
        });
        // Of one conversation the newest message is told.
        waiting
            .rings
            .retain(|other| other.subscription != ring.subscription);
        waiting.rings.push(ring);
    }

    /// Looks at who was looking: what is read meanwhile is not told.
    async fn look_again(&self, patient: &mut HashMap<(UserId, FlowId), Patient>) {
        let now = Instant::now();
        let due: Vec<_> = patient.extract_if(|_, it| it.at <= now).collect();
        for (key, mut waiting) in due {
            if self.hub.is_active(key.0) && waiting.looks < LOOKS {
                waiting.looks += 1;
                waiting.at = now + LOOK_AGAIN;
                let is_read = match waiting.rings.first() {
                    Some(ring) => self.has_been_read(ring).await,
                    None => true,
                };
                if !is_read {
                    patient.insert(key, waiting);
                }
                continue;
            }
            if waiting.looks >= LOOKS {
                continue;
            }
            for ring in waiting.rings {
                if !self.has_been_read(&ring).await {
                    self.pass_on(ring);
                }
            }
        }
    }

    async fn has_been_read(&self, ring: &Ring) -> bool {
        match ring.what {
            What::Message(message) => self.is_read(ring, message).await.unwrap_or(false),
            What::Added => false,
        }
    }

    fn pass_on(&self, ring: Ring) {
        let Ok(courier) = self.courier() else { return };
        if courier.rings.try_send(ring).is_err() {
            log::debug!("too many notifications at once");
        }
    }
}
