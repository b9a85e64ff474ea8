//! Notifications for devices on which no client runs: who asks for them, and what comes of a try.
//!
//! What belongs here: rights, and who is told what. What does not: how it reaches a device, which the
//! program around the service knows ([`Courier`]).

mod bell;
mod notice;
mod unsettled;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::{Refusal, Service, ServiceError, SignedIn};
use crate::model::{MessageId, PushAddress, PushContent, SubscriptionId};
use crate::store::{marks, properties, push};

pub(super) use bell::{Bell, listen};
pub use bell::{Ring, What};
pub use notice::Notice;
pub use unsettled::Pending;

/// Devices of one user that are told.
const MOST_DEVICES: i64 = 20;

/// Refusals in a row after which a device is forgotten.
const MOST_FAILURES: i64 = 50;

/// A device that could not be told for so long is forgotten.
const MOST_SILENCE: Duration = Duration::from_hours(7 * 24);

/// What came of telling a device at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// Its service has taken it.
    Taken,
    /// Its service does not know it any more.
    Gone,
    /// Its service refuses, with this status.
    Refused(u16),
    /// Its service does not answer.
    Unreachable,
}

/// Does something with the address of a device.
type Act<T> = Box<dyn Fn(PushAddress) -> BoxFuture<'static, T> + Send + Sync>;

/// What the program does for notifications.
pub struct Courier {
    /// The key by which push services know this server.
    pub key: String,
    /// Checks that a device can be told; else says what is wrong.
    pub check: Act<Result<(), &'static str>>,
    /// Tells a device at once that it works.
    pub test: Act<Tried>,
    /// Where what is to be told goes.
    pub rings: mpsc::Sender<Ring>,
    /// What notifications say where nobody chose.
    pub content: PushContent,
}

/// The courier, once there is one.
#[derive(Default)]
pub(super) struct Post(OnceLock<Arc<Courier>>);

impl Service {
    /// Up to where devices were told, when it is time to write it along with something else. Only the
    /// process that tells them knows.
    pub(super) fn push_position_due(&self) -> Option<i64> {
        self.courier().ok()?;
        self.bell.unsettled.due()
    }

    /// Says what the program does for notifications; once. From then on devices are told.
    pub fn attach_courier(self: &Arc<Self>, courier: Courier) {
        if self.post.0.set(Arc::new(courier)).is_err() {
            log::error!("the service was given two couriers");
        }
    }

    fn courier(&self) -> Result<&Arc<Courier>, ServiceError> {
        self.post.0.get().ok_or_else(|| Refusal::PushOff.into())
    }

    /// Returns the server's key for notifications, as it is kept; makes one by `make` where there is
    /// none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn push_secret(
        &self,
        make: impl FnOnce() -> Vec<u8> + Send + 'static,
    ) -> Result<Vec<u8>, ServiceError> {
        self.store
            .write(move |tx| {
                if let Some(key) = properties::some_bytes(tx, properties::VAPID_KEY)? {
                    return Ok(key);
                }
                let key = make();
                properties::set_bytes(tx, properties::VAPID_KEY, &key)?;
                Ok(key)
            })
            .await
    }

    /// The key by which push services know this server, for browsers.
    ///
    /// # Errors
    /// [`Refusal::PushOff`], [`Refusal::NotForBots`].
    pub fn push_key(&self, user: &SignedIn) -> Result<String, ServiceError> {
        user.require_person()?;
        Ok(self.courier()?.key.clone())
    }

    /// Has the caller's device told of what happens, in place of how it was told before.
    ///
    /// # Errors
    /// [`Refusal::PushOff`], [`Refusal::NotForBots`], [`Refusal::BadSubscription`].
    pub async fn subscribe_push(
        &self,
        user: &SignedIn,
        address: PushAddress,
    ) -> Result<(), ServiceError> {
        user.require_person()?;
        let check = (self.courier()?.check)(address.clone());
        check
            .await
            .map_err(|what| Refusal::BadSubscription { what })?;
        let user = *user;
        self.store
            .write(move |tx| {
                // Looking the host up takes its time.
                user.require(tx)?;
                push::set(tx, user.session.id, user.user(), &address, MOST_DEVICES)?;
                Ok::<_, ServiceError>(())
            })
            .await?;
        self.bell.has_devices();
        Ok(())
    }

    /// Has the caller's device not told any more.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn unsubscribe_push(&self, user: &SignedIn) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                push::remove_of_session(tx, user.session.id)?;
                Ok(())
            })
            .await
    }

    /// Tells the caller's device at once that it works.
    ///
    /// # Errors
    /// [`Refusal::PushOff`]; [`Refusal::PushMissing`] for a device that has not subscribed,
    /// [`Refusal::PushGone`], [`Refusal::PushRefused`], [`Refusal::PushUnreachable`].
    pub async fn test_push(&self, user: &SignedIn) -> Result<(), ServiceError> {
        user.require_person()?;
        let courier = Arc::clone(self.courier()?);
        let session = user.session.id;
        let found = self
            .store
            .read(move |view| push::of_session(view, session).map_err(ServiceError::from))
            .await?;
        let (id, address) = found.ok_or(Refusal::PushMissing)?;
        let endpoint = address.endpoint.clone();
        match (courier.test)(address).await {
            Tried::Taken => {
                self.push_succeeded(id).await;
                Ok(())
            }
            Tried::Gone => {
                self.push_gone(id, endpoint).await;
                Err(Refusal::PushGone.into())
            }
            Tried::Refused(status) => Err(Refusal::PushRefused { status }.into()),
            Tried::Unreachable => Err(Refusal::PushUnreachable.into()),
        }
    }

    /// Where a device is told that may be told now.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn push_address(
        &self,
        id: SubscriptionId,
    ) -> Result<Option<PushAddress>, ServiceError> {
        let now = self.store.now();
        let found = self
            .store
            .read(move |view| push::address_of(view, id, now).map_err(ServiceError::from))
            .await?;
        Ok(found.map(|(address, _)| address))
    }

    /// Notes that a device was told.
    pub async fn push_succeeded(&self, id: SubscriptionId) {
        let noted: Result<(), ServiceError> = self
            .store
            .write(move |tx| Ok(push::succeeded(tx, id)?))
            .await;
        note(noted);
    }

    /// Forgets a device whose service does not know it any more.
    pub async fn push_gone(&self, id: SubscriptionId, endpoint: String) {
        let noted: Result<(), ServiceError> = self
            .store
            .write(move |tx| Ok(push::remove(tx, id, &endpoint)?))
            .await;
        note(noted);
    }

    /// Notes that a device could not be told.
    pub async fn push_failed(&self, id: SubscriptionId, endpoint: String) {
        let noted: Result<(), ServiceError> = self
            .store
            .write(move |tx| {
                let silent_since = tx.now().before(MOST_SILENCE);
                push::failed(tx, id, &endpoint, MOST_FAILURES, silent_since)?;
                Ok(())
            })
            .await;
        note(noted);
    }

    /// Tells whether whom a ring is for has read a message, or it is gone.
    ///
    /// # Errors
    /// The file cannot be read.
    async fn is_read(&self, ring: &Ring, message: MessageId) -> Result<bool, ServiceError> {
        let (flow, user) = (ring.flow, ring.user);
        self.store
            .read(move |view| {
                let Some(told) = push::message(view, message)? else {
                    return Ok(true);
                };
                let mark = marks::read_number(view, flow, user)?;
                Ok::<_, ServiceError>(mark.is_some_and(|mark| mark >= told.number))
            })
            .await
    }
}

fn note(noted: Result<(), ServiceError>) {
    if let Err(err) = noted {
        log::debug!("what came of a notification is not noted: {err}");
    }
}
