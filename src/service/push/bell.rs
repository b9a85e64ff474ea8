//! Decides who is notified of an event, and when: after it is committed, and not while the user is active.

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

/// How long an active user has to read a message before the other devices are notified.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// Maximum number of checks of an active user; if a message was visible for five minutes, no notification
/// is needed.
const LOOKS: u8 = 15;

/// Maximum number of events that wait to be processed; more are dropped, because they are only notifications.
const WAITING: usize = 1024;

/// Number of attempts to find the listener after a start.
const SOON: u32 = 500;

/// Older messages are not notified after a start: users have found them by themselves.
const OLDEST: Duration = Duration::from_mins(5);

/// Maximum number of messages that are looked up after a start.
const MOST: i64 = 1000;

/// Maximum number of users whose notifications wait until they are inactive.
const PATIENT: usize = 10_000;

/// A notification for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// The device.
    pub subscription: SubscriptionId,
    /// Its owner.
    pub user: UserId,
    /// Its address.
    pub endpoint: String,
    /// The flow in question.
    pub flow: FlowId,
    /// What happened.
    pub what: What,
    /// Whether it is urgent.
    pub is_urgent: bool,
    /// The maximum content of the notification.
    pub most: PushContent,
    /// Keeps its message marked as not yet notified.
    pub pending: Option<Arc<Pending>>,
}

/// What a device is notified of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A message came.
    Message(MessageId),
    /// Its owner was added to the flow, or invited.
    Added,
}

/// An event that devices may have to be notified of.
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

/// The channel from committed events to notifications.
#[derive(Default)]
pub(in crate::service) struct Bell {
    /// Whether a device may have subscribed; while none has, nothing is looked up.
    devices: AtomicBool,
    pub(in crate::service) unsettled: Arc<Unsettled>,
    sender: std::sync::OnceLock<mpsc::Sender<Heard>>,
}

impl Bell {
    /// Records that a device has subscribed.
    pub(super) fn has_devices(&self) {
        self.devices.store(true, Ordering::Relaxed);
    }

    /// Queues an event. Never waits.
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

    /// Queues an event, when there is room for it.
    pub(super) async fn hear(&self, heard: Heard) {
        // Right after the start, nobody listens yet.
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

/// Returns what devices may have to be notified of for an event.
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
                // The initial members of a new group were added too; a new chat waits for its first message.
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

/// An active user who has not read a message yet.
struct Patient {
    rings: Vec<Ring>,
    at: Instant,
    looks: u8,
}

/// Processes events until the service is gone.
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
    /// Notifies devices of messages that came shortly before the last stop and were not notified.
    ///
    /// # Errors
    /// Fails if the database cannot be read or written.
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
        // Only once: a server that restarts repeatedly must not notify each time.
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

    /// Returns the devices that may be notified of an event.
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

    /// Notifies a device, or waits while its owner uses another one.
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
        // Of each flow, only the newest message is notified.
        waiting
            .rings
            .retain(|other| other.subscription != ring.subscription);
        waiting.rings.push(ring);
    }

    /// Checks the active users again: messages that were read meanwhile are not notified.
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
