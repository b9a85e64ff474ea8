//! The queue of notifications: the newest one for each device and conversation.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{FlowId, SubscriptionId};
use crate::service::Ring;

/// The number of notifications that a device may get at once.
const BURST: u32 = 3;

/// After them, one per this time: a lively conversation is one buzz, not forty.
const BETWEEN: Duration = Duration::from_secs(3);

/// A notification in the queue.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) ring: Ring,
    /// When it was created.
    pub(super) born: Instant,
    /// When it may be sent.
    pub(super) at: Instant,
    /// How often sending has failed.
    pub(super) tries: u8,
}

impl Job {
    pub(super) fn new(ring: Ring, now: Instant) -> Self {
        Self {
            ring,
            born: now,
            at: now,
            tries: 0,
        }
    }

    fn key(&self) -> Key {
        (self.ring.subscription, self.ring.flow)
    }

    /// Returns the host of its endpoint, without the rest of the address, which is a secret.
    pub(super) fn host(&self) -> &str {
        let rest = self.ring.endpoint.split("://").nth(1).unwrap_or_default();
        rest.split('/').next().unwrap_or_default()
    }
}

type Key = (SubscriptionId, FlowId);

/// How much of its burst a device has left.
struct Allowance {
    left: u32,
    since: Instant,
}

/// Notifications that wait.
pub(super) struct Queue {
    most: usize,
    waiting: HashMap<Key, Job>,
    /// Devices to which a notification is being sent.
    flying: HashSet<SubscriptionId>,
    allowances: HashMap<SubscriptionId, Allowance>,
    /// Hosts that asked to wait, and until when.
    paused: HashMap<String, Instant>,
}

impl Queue {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            waiting: HashMap::new(),
            flying: HashSet::new(),
            allowances: HashMap::new(),
            paused: HashMap::new(),
        }
    }

    /// Returns how many notifications wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Adds a notification, replacing the one of the same conversation. Returns whether another one
    /// was dropped for it: the oldest that is not urgent.
    pub(super) fn put(&mut self, job: Job) -> bool {
        let key = job.key();
        if let Some(other) = self.waiting.get_mut(&key) {
            // It keeps the waiting time and the urgency of the one before.
            other.ring = Ring {
                is_urgent: other.ring.is_urgent || job.ring.is_urgent,
                ..job.ring
            };
            other.born = job.born;
            return false;
        }
        let is_full = self.waiting.len() >= self.most;
        if is_full {
            let oldest = self
                .waiting
                .iter()
                .min_by_key(|(_, it)| (it.ring.is_urgent, it.born))
                .map(|(key, _)| *key);
            if let Some(oldest) = oldest {
                self.waiting.remove(&oldest);
            }
        }
        self.waiting.insert(key, job);
        is_full
    }

    /// Puts back a notification that was not sent, unless there is a newer one.
    pub(super) fn put_back(&mut self, job: Job, at: Instant) {
        let key = job.key();
        if self.waiting.len() < self.most || self.waiting.contains_key(&key) {
            let waiting = self.waiting.entry(key).or_insert(job);
            waiting.at = waiting.at.max(at);
        }
    }

    /// Sends nothing to a host until a time.
    pub(super) fn pause(&mut self, host: &str, until: Instant) {
        let now = Instant::now();
        self.paused.retain(|_, until| *until > now);
        self.paused.insert(host.to_owned(), until);
    }

    /// Sends nothing until a time.
    pub(super) fn pause_all(&mut self, until: Instant) {
        for job in self.waiting.values_mut() {
            job.at = job.at.max(until);
        }
    }

    /// Takes a notification that may be sent now, urgent ones first.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Job> {
        let key = self
            .waiting
            .iter()
            .filter(|(_, job)| self.may_go_at(job).is_some_and(|at| at <= now))
            .min_by_key(|(_, job)| (!job.ring.is_urgent, job.born))
            .map(|(key, _)| *key)?;
        let job = self.waiting.remove(&key)?;
        self.flying.insert(job.ring.subscription);
        self.spend(job.ring.subscription, now);
        Some(job)
    }

    /// Returns when the next one may be sent; `None` if nothing can be sent before the present ones
    /// have arrived.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.waiting
            .values()
            .filter_map(|job| self.may_go_at(job))
            .min()
    }

    /// Returns when a notification may be sent; `None` if another one has to arrive first.
    fn may_go_at(&self, job: &Job) -> Option<Instant> {
        let device = job.ring.subscription;
        if self.flying.contains(&device) {
            return None;
        }
        let paused = self.paused.get(job.host()).copied();
        let spent = self
            .allowances
            .get(&device)
            .filter(|it| it.left == 0)
            .map(|it| it.since + BETWEEN);
        [Some(job.at), paused, spent].into_iter().flatten().max()
    }

    fn spend(&mut self, device: SubscriptionId, now: Instant) {
        // A device that has its whole burst back need not be remembered.
        self.allowances
            .retain(|_, it| now.duration_since(it.since) < BETWEEN * BURST);
        let allowance = self.allowances.entry(device).or_insert(Allowance {
            left: BURST,
            since: now,
        });
        let back = now.duration_since(allowance.since).as_secs() / BETWEEN.as_secs();
        let back = u32::try_from(back).unwrap_or(BURST);
        if back > 0 {
            allowance.left = (allowance.left + back).min(BURST);
            allowance.since = now;
        }
        allowance.left = allowance.left.saturating_sub(1);
    }

    /// Records that nothing is being sent to the device any more.
    pub(super) fn landed(&mut self, job: &Job) {
        self.flying.remove(&job.ring.subscription);
    }

    /// Forgets which notifications are being sent.
    pub(super) fn forget_flights(&mut self) {
        self.flying.clear();
    }

    /// Removes everything for a device that is gone.
    pub(super) fn drop_device(&mut self, device: SubscriptionId) {
        self.waiting.retain(|(id, _), _| *id != device);
        self.allowances.remove(&device);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MessageId, PushContent, UserId};
    use crate::service::What;

    fn job(device: i64, flow: i64, message: i64, is_urgent: bool, now: Instant) -> Job {
        let ring = Ring {
            subscription: SubscriptionId(device),
            user: UserId(device),
            endpoint: format!("https://push{}.example/secret", device % 2),
            flow: FlowId(flow),
            what: What::Message(MessageId(message)),
            is_urgent,
            most: PushContent::Full,
            pending: None,
        };
        Job::new(ring, now)
    }

    #[test]
    fn of_one_conversation_the_newest_is_sent() {
        let mut queue = Queue::new(10);
        let now = Instant::now();
        for message in 0..200 {
            queue.put(job(1, 1, message, message == 3, now));
        }
        let sent = queue.take_due(now).unwrap();
        assert_eq!(sent.ring.what, What::Message(MessageId(199)));
        assert!(sent.ring.is_urgent);
        assert!(queue.take_due(now).is_none());
    }

    #[test]
    fn a_device_gets_three_at_once_and_then_one_in_a_while() {
        let mut queue = Queue::new(10);
        let now = Instant::now();
        for flow in 0..5 {
            queue.put(job(1, flow, flow, false, now));
        }
        for _ in 0..3 {
            let sent = queue.take_due(now).unwrap();
            // One is being sent.
            assert!(queue.take_due(now).is_none());
            queue.landed(&sent);
        }
        assert!(queue.take_due(now).is_none());
        assert_eq!(queue.next_at(), Some(now + BETWEEN));
        let sent = queue.take_due(now + BETWEEN).unwrap();
        queue.landed(&sent);
        assert!(queue.take_due(now + BETWEEN).is_none());
        // Other devices do not wait for it.
        queue.put(job(2, 1, 1, false, now));
        assert!(queue.take_due(now + BETWEEN).is_some());
    }

    #[test]
    fn a_full_queue_loses_what_is_old_and_not_urgent() {
        let mut queue = Queue::new(2);
        let now = Instant::now();
        assert!(!queue.put(job(1, 1, 1, true, now)));
        assert!(!queue.put(job(2, 2, 2, false, now + Duration::from_secs(1))));
        assert!(queue.put(job(3, 3, 3, false, now + Duration::from_secs(2))));
        let mut left: Vec<_> = queue.waiting.keys().map(|(device, _)| device.0).collect();
        left.sort_unstable();
        assert_eq!(left, [1, 3]);
    }

    #[test]
    fn hosts_are_left_alone_and_devices_forgotten() {
        let mut queue = Queue::new(10);
        let now = Instant::now();
        queue.put(job(1, 1, 1, false, now));
        queue.put(job(2, 1, 1, false, now));
        let until = now + Duration::from_mins(1);
        queue.pause("push1.example", until);
        let sent = queue.take_due(now).unwrap();
        assert_eq!(sent.ring.subscription, SubscriptionId(2));
        assert_eq!(queue.next_at(), Some(until));
        queue.put_back(sent.clone(), until);
        queue.landed(&sent);
        assert_eq!(queue.waiting.len(), 2);
        queue.drop_device(SubscriptionId(2));
        assert_eq!(queue.waiting.len(), 1);
        assert!(queue.take_due(until).is_some());
    }
}
