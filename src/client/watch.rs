//! Watches events: a subscription that outlives its connections.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Address, ClientError, Connection, Reply, Request, SignIn, Trust};

/// The longest time between two attempts to reach the server again, in seconds.
const MAX_WAIT_S: u64 = 30;
/// The close code of a session that has ended.
const SESSION_ENDED: u16 = 4401;

/// A subscription that reconnects and continues where it stopped.
pub struct Watch {
    address: Address,
    trust: Trust,
    caller: SignIn,
    accept: Vec<String>,
    connection: Option<Connection>,
    position: Option<u64>,
    failures: u32,
    wait: Option<Duration>,
}

/// An event of a [`Watch`].
#[derive(Debug)]
pub enum Happening {
    /// The subscription is established; `resumed` says that it continues an earlier one without a gap.
    Subscribed {
        /// Whether there was an earlier one.
        resumed: bool,
        /// Whether the server has lost what it sent before: it was restored from a backup.
        reset: bool,
        /// The ids of the users who are online.
        online: Vec<String>,
        /// The server's features beyond the protocol; empty if they were not requested.
        features: Vec<String>,
    },
    /// The server sent a frame.
    Pushed(Reply),
    /// The connection is lost; the next call waits and then tries again.
    Lost {
        /// The error.
        cause: ClientError,
        /// How long the next call waits.
        wait: Duration,
    },
}

impl Watch {
    /// Prepares to watch from now on, or from after `position` if it is given.
    #[must_use]
    pub fn new(address: Address, trust: Trust, caller: SignIn, position: Option<u64>) -> Self {
        Self {
            address,
            trust,
            caller,
            accept: Vec::new(),
            connection: None,
            position,
            failures: 0,
            wait: None,
        }
    }

    /// Accepts frames that contain more than every server sends, like [`Request::accepting`].
    #[must_use]
    pub fn accepting(self, words: &[String]) -> Self {
        Self {
            accept: words.to_vec(),
            ..self
        }
    }

    /// Returns the position up to which everything has been returned.
    #[must_use]
    pub fn position(&self) -> Option<u64> {
        self.position
    }

    /// Waits for the next event. A lost connection is reported once and then opened again.
    ///
    /// # Errors
    /// An error that a retry cannot fix: the server refuses, the session has ended, the peer is not
    /// an MTP server, or a certificate file is unusable.
    pub async fn next(&mut self) -> Result<Happening, ClientError> {
        let outcome = match &mut self.connection {
            Some(connection) => connection.pushed().await.map(Happening::Pushed),
            None => self.subscribe().await,
        };
        match outcome {
            Ok(Happening::Pushed(reply)) => {
                if let Some(position) = reply.meta()["position"].as_u64() {
                    self.position = Some(position);
                }
                Ok(Happening::Pushed(reply))
            }
            Ok(happening) => Ok(happening),
            Err(cause) if passes(&cause) => {
                self.connection = None;
                let wait = back_off(self.failures, rand::random());
                self.failures = self.failures.saturating_add(1);
                self.wait = Some(wait);
                Ok(Happening::Lost { cause, wait })
            }
            Err(cause) => Err(cause),
        }
    }

    /// Sends a request over the watched connection, for example to learn a name.
    ///
    /// # Errors
    /// As for [`Connection::request`]; [`ClientError::Closed`] if there is no connection now.
    pub async fn request(&mut self, method: &str, data: Value) -> Result<Reply, ClientError> {
        let request = Request::signed(method, &self.caller, data).accepting(&self.accept);
        match &mut self.connection {
            Some(connection) => connection.request(&request).await,
            None => Err(ClientError::Closed {
                address: self.address.to_string(),
                code: None,
                reason: "there is no connection at present".to_owned(),
            }),
        }
    }

    async fn subscribe(&mut self) -> Result<Happening, ClientError> {
        if let Some(wait) = self.wait.take() {
            sleep(wait).await;
        }
        let mut connection = Connection::open(&self.address, &self.trust).await?;
        let data = match self.position {
            Some(position) => json!({"meta": {"after": position}}),
            None => Value::Null,
        };
        let request = Request::signed("subscribe", &self.caller, data).accepting(&self.accept);
        let reply = connection.request(&request).await?.success()?;
        let meta = &reply.data()["meta"];
        let reset = meta["reset"] == json!(true);
        let resumed = self.position.is_some() && !reset;
        // With a position from before, everything up to the server's position is still to come.
        if !resumed {
            self.position = meta["position"].as_u64();
        }
        let list = |name: &str| {
            let list = meta[name].as_array().into_iter().flatten();
            list.filter_map(|it| it.as_str().map(str::to_owned))
                .collect()
        };
        let (online, features) = (list("online"), list("features"));
        self.connection = Some(connection);
        self.failures = 0;
        Ok(Happening::Subscribed {
            resumed,
            reset,
            online,
            features,
        })
    }
}

/// Returns whether trying again may help.
fn passes(cause: &ClientError) -> bool {
    match cause {
        ClientError::Unreachable { .. } | ClientError::TimedOut { .. } => true,
        ClientError::Closed { code, .. } => *code != Some(SESSION_ENDED),
        ClientError::Refused(refusal) => matches!(refusal.code, 408 | 429 | 500 | 503),
        _ => false,
    }
}

/// Returns how long to wait after a number of failures: random, between one second and a limit that
/// doubles, so that the clients of a restarted server do not all connect at the same moment.
fn back_off(failures: u32, random: f64) -> Duration {
    let longest = 2u64
        .saturating_pow(failures.saturating_add(1))
        .min(MAX_WAIT_S);
    let spread = Duration::from_secs(longest - 1).mul_f64(random.clamp(0.0, 1.0));
    Duration::from_secs(1) + spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_between_one_and_thirty_seconds() {
        for failures in [0, 1, 2, 3, 4, 5, 63, 64, u32::MAX] {
            assert_eq!(back_off(failures, 0.0), Duration::from_secs(1));
        }
        let longest: Vec<u64> = (0..7).map(|n| back_off(n, 1.0).as_secs()).collect();
        assert_eq!(longest, [2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(back_off(u32::MAX, 1.0), Duration::from_secs(30));
    }

    #[test]
    fn an_ended_session_is_not_tried_again() {
        let closed = |code| ClientError::Closed {
            address: String::new(),
            code,
            reason: String::new(),
        };
        assert!(!passes(&closed(Some(4401))));
        for code in [None, Some(1001), Some(1013), Some(1006)] {
            assert!(passes(&closed(code)), "{code:?}");
        }
    }
}
