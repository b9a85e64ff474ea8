//! Notifications for devices on which no client runs: subscriptions, and the results of deliveries.
//!
//! What belongs here: permissions, and who is notified of what. What does not: how a notification reaches
//! a device, which the program around the service knows ([`Courier`]).

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

/// Maximum number of devices of one user that are notified.
const MOST_DEVICES: i64 = 20;

/// Number of consecutive failures after which a device is removed.
const MOST_FAILURES: i64 = 50;

/// A device that could not be notified for this time is removed.
const MOST_SILENCE: Duration = Duration::from_hours(7 * 24);

/// The result of a test notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// The push service has accepted it.
    Taken,
    /// The push service no longer knows the device.
    Gone,
    /// The push service refuses, with this status.
    Refused(u16),
    /// The push service does not respond.
    Unreachable,
}

/// A function on the address of a device.
type Act<T> = Box<dyn Fn(PushAddress) -> BoxFuture<'static, T> + Send + Sync>;

/// The functions that the program provides for notifications.
pub struct Courier {
    /// The key with which push services identify this server.
    pub key: String,
    /// Checks that a device can be notified; otherwise returns what is wrong.
    pub check: Act<Result<(), &'static str>>,
    /// Sends a test notification to a device.
    pub test: Act<Tried>,
    /// The channel for notifications.
    pub rings: mpsc::Sender<Ring>,
    /// The default content of notifications.
    pub content: PushContent,
}

/// The courier, once it is attached.
#[derive(Default)]
pub(super) struct Post(OnceLock<Arc<Courier>>);

impl Service {
    /// Returns the position up to which devices were notified, if it is time to write it along with
    /// something else. Only the process that notifies devices knows it.
    pub(super) fn push_position_due(&self) -> Option<i64> {
        self.courier().ok()?;
        self.bell.unsettled.due()
    }

    /// Attaches the functions of the program for notifications; may be called once. From then on devices
    /// are notified.
    pub fn attach_courier(self: &Arc<Self>, courier: Courier) {
        if self.post.0.set(Arc::new(courier)).is_err() {
            log::error!("the service was given two couriers");
        }
    }

    fn courier(&self) -> Result<&Arc<Courier>, ServiceError> {
        self.post.0.get().ok_or_else(|| Refusal::PushOff.into())
    }

    /// Returns the stored key of the server for notifications; if there is none, `make` creates one.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
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

    /// Returns the key with which push services identify this server, for browsers.
    ///
    /// # Errors
    /// [`Refusal::PushOff`], [`Refusal::NotForBots`].
    pub fn push_key(&self, user: &SignedIn) -> Result<String, ServiceError> {
        user.require_person()?;
        Ok(self.courier()?.key.clone())
    }

    /// Subscribes the caller's device to notifications; replaces an earlier subscription.
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
                // Looking up the host takes time, so the session is checked again.
                user.require(tx)?;
                push::set(tx, user.session.id, user.user(), &address, MOST_DEVICES)?;
                Ok::<_, ServiceError>(())
            })
            .await?;
        self.bell.has_devices();
        Ok(())
    }

    /// Ends the notifications of the caller's device.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
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

    /// Sends a test notification to the caller's device.
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

    /// Returns the address of a device that may be notified now.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
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

    /// Records that a device was notified.
    pub async fn push_succeeded(&self, id: SubscriptionId) {
        let noted: Result<(), ServiceError> = self
            .store
            .write(move |tx| Ok(push::succeeded(tx, id)?))
            .await;
        note(noted);
    }

    /// Removes a device that its push service no longer knows.
    pub async fn push_gone(&self, id: SubscriptionId, endpoint: String) {
        let noted: Result<(), ServiceError> = self
            .store
            .write(move |tx| Ok(push::remove(tx, id, &endpoint)?))
            .await;
        note(noted);
    }

    /// Records that a device could not be notified.
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

    /// Returns whether the recipient of a notification has read a message, or the message is gone.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
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
