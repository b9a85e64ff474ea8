//! The only HTTP client for servers of others: push services, hooks, certificate authorities.
//!
//! What belongs here: addresses, connections, proxies, limits. What does not: what is requested and
//! why; nothing of the domain is known here.
//!
//! An address from another person may lead to this machine or into its network, which trusts the
//! machine. A name is therefore looked up once, only public addresses are kept, and the connection
//! goes to one of these: a name that leads elsewhere a moment later does not help an attacker.

pub mod acme;
mod connect;
mod error;
mod exchange;
pub mod page;
mod pool;
pub mod push;
mod reach;
pub mod signed;
#[cfg(test)]
mod tests;
mod url;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

pub use connect::{Lookup, Resolver};
pub use error::OutboundError;
pub use reach::{Allowed, is_public};
pub use url::Url;

use connect::Dialer;
use pool::Pool;

/// The settings of the client.
#[derive(Clone, Default)]
pub struct Settings {
    /// Certificate authorities besides the usual ones, PEM.
    pub authorities: Option<Vec<u8>>,
    /// The proxy for all requests, `http://host:port`.
    pub proxy: Option<Url>,
    /// The private addresses that requests with [`Private::Listed`] may go to.
    pub allowed: Allowed,
    /// Looks up names; `None`: the system does.
    pub lookup: Option<Lookup>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("proxy", &self.proxy)
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

/// The addresses that are not public to which a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Private {
    /// None: anyone may have written the address.
    Refused,
    /// Those that the operator lists: a member wrote the address.
    Listed,
    /// All: the operator wrote the address.
    Any,
}

/// The limits of a request.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Which private addresses it may go to.
    pub private: Private,
    /// Whether it may go without encryption to public addresses.
    pub plain: bool,
    /// How many redirects are followed. Each is checked like the first address.
    pub redirects: u8,
    /// How much of a body is read, in bytes.
    pub body_bytes: usize,
    /// How long everything may take.
    pub time: Duration,
    /// Whether the connection is kept open for a while, for another request to the same host.
    pub reuse: bool,
}

impl Rules {
    /// Returns the rules for addresses of members: no redirect, 64 KiB, 20 seconds.
    #[must_use]
    pub fn new(private: Private) -> Self {
        Self {
            private,
            plain: true,
            redirects: 0,
            body_bytes: 64 * 1024,
            time: Duration::from_secs(20),
            reuse: false,
        }
    }
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method, in upper case.
    pub method: &'static str,
    /// The address.
    pub url: Url,
    /// Headers besides `Host`, `Content-Length` and `User-Agent`.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for none.
    pub body: Bytes,
}

impl Request {
    /// Returns a request for the content of an address.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self {
            method: "GET",
            url,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// Returns a request that sends a body to an address.
    #[must_use]
    pub fn post(url: Url, body: Bytes) -> Self {
        Self {
            method: "POST",
            body,
            ..Self::get(url)
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, with names in lower case; headers that are not text are omitted.
    pub headers: Vec<(String, String)>,
    /// Its body, as far as it was read.
    pub body: Bytes,
    /// Whether there was more than may be read.
    pub is_cut: bool,
}

impl Answer {
    /// Returns the first header with a name, which is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The client; clones share connections.
#[derive(Clone)]
pub struct Client {
    dialer: Arc<Dialer>,
    pool: Arc<Pool>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Returns a client.
    ///
    /// # Errors
    /// [`OutboundError::Authorities`] if a file of certificate authorities contains no certificate.
    pub fn new(settings: Settings) -> Result<Self, OutboundError> {
        Ok(Self {
            dialer: Arc::new(Dialer::new(settings)?),
            pool: Arc::default(),
        })
    }

    /// Sends a request and returns its answer.
    ///
    /// # Errors
    /// The reason why there is none. A refused request is refused before any connection is opened.
    pub async fn send(&self, request: Request, rules: Rules) -> Result<Answer, OutboundError> {
        let host = request.url.host().to_owned();
        let sending = self.follow(request, rules);
        timeout(rules.time, sending)
            .await
            .map_err(|_| OutboundError::TimedOut { host })?
    }

    /// Checks whether a request to an address would be refused, which it is if none of the addresses
    /// of its host may be connected to.
    ///
    /// # Errors
    /// The reason for the refusal.
    pub async fn check(&self, url: &Url, rules: Rules) -> Result<(), OutboundError> {
        self.dialer.addresses(url, rules).await.map(drop)
    }

    async fn follow(&self, mut request: Request, rules: Rules) -> Result<Answer, OutboundError> {
        let mut redirects = rules.redirects;
        loop {
            let answer = self.exchange(&request, rules).await?;
            let next = match (answer.status, answer.header("location")) {
                (301 | 302 | 303 | 307 | 308, Some(target)) if redirects > 0 => {
                    request.url.join(target)?
                }
                _ => return Ok(answer),
            };
            redirects -= 1;
            request = Request {
                url: next,
                method: "GET",
                body: Bytes::new(),
                ..request
            };
        }
    }

    async fn exchange(&self, request: &Request, rules: Rules) -> Result<Answer, OutboundError> {
        let url = &request.url;
        let key = pool::Key::new(url, rules);
        if rules.reuse {
            while let Some(mut kept) = self.pool.take(&key) {
                match exchange::send(&mut kept, request, rules).await {
                    Ok(answer) => return Ok(self.keep(key, kept, answer)),
                    // It was closed while it was unused; nothing was sent.
                    Err(exchange::Failure::Unsent) => {}
                    Err(exchange::Failure::Failed(err)) => return Err(err),
                }
            }
        }
        let mut connection = self.dialer.connect(url, rules).await?;
        match exchange::send(&mut connection, request, rules).await {
            Ok(answer) if rules.reuse => Ok(self.keep(key, connection, answer)),
            Ok(answer) => Ok(answer),
            Err(failure) => Err(failure.into_error(url)),
        }
    }

    fn keep(&self, key: pool::Key, connection: exchange::Connection, answer: Answer) -> Answer {
        if !answer.is_cut {
            Pool::put(&self.pool, key, connection);
        }
        answer
    }
}
