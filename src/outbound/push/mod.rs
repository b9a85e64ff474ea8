//! Web Push: sends a message to a device through its push service, which cannot read it.
//!
//! Sources: RFC 8030 (delivery), RFC 8291 (encryption), RFC 8292 (identification of the sender).

mod encrypt;
mod vapid;

use std::sync::Arc;
use std::time::Duration;

use super::{Answer, Client, OutboundError, Private, Request, Rules, Url};

pub use encrypt::{MAX_BYTES, PushKeys};
pub use vapid::Vapid;

/// The reason why nothing can be sent to a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The keys of the device are invalid.
    #[error("p256dh is no point of the curve P-256, or auth is not 16 bytes")]
    BadKeys,
    /// The text is too long.
    #[error("the notification is too long")]
    TooLong,
    /// There was no answer.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
}

/// How soon a device is notified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// At once.
    High,
    /// When it costs the device little.
    Normal,
}

/// A notification on its way to one device.
#[derive(Debug, Clone)]
pub struct Push<'a> {
    /// The address at the device's push service.
    pub endpoint: &'a Url,
    /// The device's keys.
    pub keys: &'a PushKeys,
    /// Its text.
    pub text: &'a [u8],
    /// How long the service keeps it.
    pub ttl: Duration,
    /// How soon it is delivered.
    pub urgency: Urgency,
    /// A newer notification with this topic replaces it, if the service still has it; at most 32
    /// characters of base64url.
    pub topic: Option<&'a str>,
    /// The present in seconds since 1970.
    pub now: i64,
}

/// Sends notifications in the name of one server.
#[derive(Clone)]
pub struct Sender {
    client: Client,
    vapid: Arc<Vapid>,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl Sender {
    /// Returns a sender.
    #[must_use]
    pub fn new(client: Client, vapid: Vapid) -> Self {
        Self {
            client,
            vapid: Arc::new(vapid),
        }
    }

    /// Returns the key that identifies the sender.
    #[must_use]
    pub fn vapid(&self) -> &Vapid {
        &self.vapid
    }

    /// Checks that a device can be notified: its keys are valid, and its service may be connected to.
    ///
    /// # Errors
    /// The reason why it cannot.
    pub async fn check(&self, endpoint: &Url, keys: &PushKeys) -> Result<(), PushError> {
        keys.seal(b"")?;
        self.client.check(endpoint, rules()).await?;
        Ok(())
    }

    /// Sends a notification and returns the answer of the service.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn send(&self, push: &Push<'_>) -> Result<Answer, PushError> {
        let body = push.keys.seal(push.text)?;
        let urgency = match push.urgency {
            Urgency::High => "high",
            Urgency::Normal => "normal",
        };
        let authorization = self.vapid.authorization(&push.endpoint.origin(), push.now);
        let mut request = Request::post(push.endpoint.clone(), body.into())
            .header("authorization", authorization)
            .header("content-encoding", "aes128gcm")
            .header("content-type", "application/octet-stream")
            .header("ttl", push.ttl.as_secs().to_string())
            .header("urgency", urgency);
        if let Some(topic) = push.topic {
            request = request.header("topic", topic);
        }
        Ok(self.client.send(request, rules()).await?)
    }
}

/// A member wrote the address. Many devices have the same service.
fn rules() -> Rules {
    Rules {
        plain: false,
        reuse: true,
        ..Rules::new(Private::Listed)
    }
}
