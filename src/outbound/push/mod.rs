//! Web Push: telling a device something by way of its push service, which cannot read it.
//!
//! Sources: RFC 8030 (delivery), RFC 8291 (encryption), RFC 8292 (who sends).

mod encrypt;
mod vapid;

use std::sync::Arc;
use std::time::Duration;

use super::{Answer, Client, OutboundError, Private, Request, Rules, Url};

pub use encrypt::{MAX_BYTES, PushKeys};
pub use vapid::Vapid;

/// Why nothing can be sent to a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The keys of the device are none.
    #[error("p256dh is no point of the curve P-256, or auth is not 16 bytes")]
    BadKeys,
    /// There is more to say than fits.
    #[error("the notification is too long")]
    TooLong,
    /// No answer came.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
}

/// How soon a device is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// At once.
    High,
    /// When it costs little.
    Normal,
}

/// A notification on its way to one device.
#[derive(Debug, Clone)]
pub struct Push<'a> {
    /// Where the device's service takes it.
    pub endpoint: &'a Url,
    /// The device's keys.
    pub keys: &'a PushKeys,
    /// What it says.
    pub text: &'a [u8],
    /// How long the service keeps it.
    pub ttl: Duration,
    /// How soon it is to be told.
    pub urgency: Urgency,
    /// What a newer one replaces, if the service still has it; at most 32 signs of base64url.
    pub topic: Option<&'a str>,
    /// Seconds since 1970.
    pub now: i64,
}

/// Sends notifications as one server.
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
    /// Makes a sender.
    #[must_use]
    pub fn new(client: Client, vapid: Vapid) -> Self {
        Self {
            client,
            vapid: Arc::new(vapid),
        }
    }

    /// What says who sends.
    #[must_use]
    pub fn vapid(&self) -> &Vapid {
        &self.vapid
    }

    /// Checks that a device can be told something: its keys are keys, and its service is one that
    /// may be connected to.
    ///
    /// # Errors
    /// Why it cannot.
    pub async fn check(&self, endpoint: &Url, keys: &PushKeys) -> Result<(), PushError> {
        keys.seal(b"")?;
        self.client.check(endpoint, rules()).await?;
        Ok(())
    }

    /// Sends a notification and returns what the service says.
    ///
    /// # Errors
    /// Why it says nothing.
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

/// The address is a member's. Many devices have the same service.
fn rules() -> Rules {
    Rules {
        plain: false,
        reuse: true,
        ..Rules::new(Private::Listed)
    }
}
