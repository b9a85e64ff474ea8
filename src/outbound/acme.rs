//! Certificates of an authority that checks by itself whether a name is this server's.
//! Source: RFC 8555.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, BodyWrapper, BytesResponse,
    CertificateIdentifier, ChallengeType, HttpClient, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RetryPolicy,
};

use super::{Client, OutboundError, Private, Request, Rules};

/// How long an authority may take to check, and to sign.
const PATIENCE: Duration = Duration::from_mins(2);

/// The longest answer of an authority, in bytes: a chain of certificates.
const ANSWER_BYTES: usize = 256 * 1024;

/// The reason why there is no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcmeError {
    /// The authority has had too many requests.
    #[error("the authority has had too many requests: {detail}")]
    Limited {
        /// How long it asks to wait, if it says so.
        wait: Option<Duration>,
        /// The authority's own words.
        detail: String,
    },
    /// The authority no longer knows the account.
    #[error("the authority does not know this server's account any more")]
    NoAccount,
    /// The authority asked for a name and did not find this server.
    #[error("{name}: {detail}")]
    Unproved {
        /// The name.
        name: String,
        /// The authority's own words.
        detail: String,
        /// Whether the name could not be resolved.
        is_unknown: bool,
    },
    /// The authority refuses, in its own words.
    #[error("{0}")]
    Refused(String),
    /// The authority cannot be reached.
    #[error("the authority cannot be reached: {0}")]
    Unreachable(String),
}

/// Publishes the answer to a challenge, for a name or a token.
type Show<T> = Box<dyn Fn(&str, T) -> Result<(), String> + Send + Sync>;

/// The way in which this server proves that a name is its own.
pub enum Door {
    /// Over plain HTTP, on port 80: a text, by token.
    Http(Show<String>),
    /// In a TLS handshake, on port 443: a digest, by name.
    Handshake(Show<Vec<u8>>),
}

/// A certificate to order.
pub struct Wanted<'a> {
    /// The names.
    pub names: &'a [String],
    /// The signing request for them, DER.
    pub request: &'a [u8],
    /// How they are proved to be this server's.
    pub door: &'a Door,
}

/// A certificate authority.
#[derive(Clone)]
pub struct Authority {
    client: Client,
    directory: String,
    /// The last waiting time that it asked for.
    wait: Arc<Mutex<Option<Duration>>>,
}

impl Authority {
    /// Returns the authority with this directory address.
    #[must_use]
    pub fn new(client: Client, directory: &str) -> Self {
        Self {
            client,
            directory: directory.to_owned(),
            wait: Arc::default(),
        }
    }

    /// Opens an account, or uses an existing one. Returns the credentials of a new one, to be stored.
    ///
    /// # Errors
    /// The reason why there is none.
    pub async fn account(
        &self,
        kept: Option<&str>,
        contact: Option<&str>,
    ) -> Result<(Account, Option<String>), AcmeError> {
        let http = || Box::new(self.clone());
        let kept = kept.and_then(|kept| self.credentials(kept));
        if let Some(kept) = kept {
            let opening = Account::builder_with_http(http()).from_credentials(kept);
            let account = opening.await.map_err(|err| self.error(err))?;
            return Ok((account, None));
        }
        let contact: Vec<&str> = contact.into_iter().collect();
        let new = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let making = Account::builder_with_http(http()).create(&new, self.directory.clone(), None);
        let (account, credentials) = making.await.map_err(|err| self.error(err))?;
        let text = serde_json::to_string(&credentials)
            .map_err(|err| AcmeError::Refused(err.to_string()))?;
        Ok((account, Some(text)))
    }

    /// Returns the stored credentials, if they are for this authority.
    fn credentials(&self, text: &str) -> Option<AccountCredentials> {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        if value["directory"] != self.directory.as_str() {
            return None;
        }
        serde_json::from_value(value).ok()
    }

    /// Orders a certificate. Returns it with its chain, PEM.
    ///
    /// # Errors
    /// The reason why there is none, in the authority's own words if it has some.
    pub async fn order(&self, account: &Account, wanted: &Wanted<'_>) -> Result<String, AcmeError> {
        let names: Vec<_> = wanted.names.iter().cloned().map(Identifier::Dns).collect();
        let new = NewOrder::new(&names);
        let ordering = account.new_order(&new).await;
        let mut order = ordering.map_err(|err| self.error(err))?;
        self.show(&mut order, wanted.door).await?;
        let patience = RetryPolicy::new()
            .initial_delay(Duration::from_millis(250))
            .timeout(PATIENCE);
        let ready = order.poll_ready(&patience).await;
        if !matches!(ready, Ok(OrderStatus::Ready)) {
            let found = ready.err().map(|err| self.error(err));
            return Err(self.cause(&mut order).await.or(found).unwrap_or_else(|| {
                AcmeError::Refused("the authority did not accept the names".to_owned())
            }));
        }
        let signing = order.finalize_csr(wanted.request).await;
        signing.map_err(|err| self.error(err))?;
        let chain = order.poll_certificate(&patience).await;
        chain.map_err(|err| self.error(err))
    }

    /// Publishes the answers to the authority's challenges, for each name.
    async fn show(&self, order: &mut Order, door: &Door) -> Result<(), AcmeError> {
        let mut authorizations = order.authorizations();
        while let Some(found) = authorizations.next().await {
            let mut found = found.map_err(|err| self.error(err))?;
            if found.status == AuthorizationStatus::Valid {
                continue;
            }
            let kind = match door {
                Door::Http(_) => ChallengeType::Http01,
                Door::Handshake(_) => ChallengeType::TlsAlpn01,
            };
            let name = found.identifier().to_string();
            let mut challenge = found.challenge(kind).ok_or_else(|| {
                AcmeError::Refused(format!(
                    "the authority offers no way to show that {name} is ours"
                ))
            })?;
            let answer = challenge.key_authorization();
            let shown = match door {
                Door::Http(show) => show(&challenge.token, answer.as_str().to_owned()),
                Door::Handshake(show) => show(&name, answer.digest().as_ref().to_vec()),
            };
            shown.map_err(AcmeError::Refused)?;
            challenge.set_ready().await.map_err(|err| self.error(err))?;
        }
        Ok(())
    }

    /// Returns the reason why an order was not accepted: what the authority found for a name.
    async fn cause(&self, order: &mut Order) -> Option<AcmeError> {
        let mut authorizations = order.authorizations();
        while let Some(Ok(mut found)) = authorizations.next().await {
            let Ok(state) = found.refresh().await else {
                continue;
            };
            let name = state.identifier().to_string();
            let failed = state.challenges.iter().find_map(|it| it.error.as_ref());
            if let Some(problem) = failed {
                let detail = problem.detail.clone().unwrap_or_default();
                let kind = problem.r#type.as_deref().unwrap_or_default();
                return Some(AcmeError::Unproved {
                    name,
                    detail,
                    is_unknown: kind.ends_with(":dns"),
                });
            }
        }
        None
    }

    /// Returns when the authority suggests renewing a certificate, in seconds since 1970, and after
    /// how long to ask again. `None` if it suggests nothing.
    pub async fn suggested(
        &self,
        account: &Account,
        authority_key: &[u8],
        serial: &[u8],
    ) -> Option<(i64, Duration)> {
        let id = CertificateIdentifier::new(authority_key.into(), serial.into());
        let (info, again) = account.renewal_info(&id).await.ok()?;
        let window = info.suggested_window;
        let (start, end) = (window.start.unix_timestamp(), window.end.unix_timestamp());
        // A random time in between, so that not all servers renew at once.
        let at = rand::random_range(start..=end.max(start));
        Some((at, again))
    }

    fn error(&self, err: instant_acme::Error) -> AcmeError {
        let problem = match err {
            instant_acme::Error::Api(problem) => problem,
            other => return AcmeError::Unreachable(chain(&other)),
        };
        let kind = problem.r#type.clone().unwrap_or_default();
        let detail = problem.to_string();
        match kind.rsplit(':').next().unwrap_or_default() {
            "rateLimited" => AcmeError::Limited {
                wait: *self.wait.lock().unwrap_or_else(PoisonError::into_inner),
                detail,
            },
            "accountDoesNotExist" => AcmeError::NoAccount,
            _ => AcmeError::Refused(detail),
        }
    }
}

/// Returns an error with its causes.
fn chain(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        text = format!("{text}: {err}");
        cause = err.source();
    }
    text
}

impl HttpClient for Authority {
    fn request(
        &self,
        request: hyper::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let authority = self.clone();
        Box::pin(async move {
            authority
                .exchange(request)
                .await
                .map_err(|err| instant_acme::Error::Other(Box::new(err)))
        })
    }
}

impl Authority {
    async fn exchange(
        &self,
        request: hyper::Request<BodyWrapper<Bytes>>,
    ) -> Result<BytesResponse, OutboundError> {
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        let body = body.unwrap_or_default();
        let method = match head.method.as_str() {
            "POST" => "POST",
            "HEAD" => "HEAD",
            _ => "GET",
        };
        let mut ours = Request {
            method,
            url: head.uri.to_string().parse()?,
            headers: Vec::new(),
            body,
        };
        for name in ["content-type", "accept"] {
            let value = head.headers.get(name).and_then(|value| value.to_str().ok());
            if let Some(value) = value {
                ours = ours.header(name, value);
            }
        }
        // The operator configured the address, so it may be anywhere.
        let rules = Rules {
            body_bytes: ANSWER_BYTES,
            reuse: true,
            ..Rules::new(Private::Any)
        };
        let host = ours.url.host().to_owned();
        let answer = self.client.send(ours, rules).await?;
        let wait = answer
            .header("retry-after")
            .and_then(|text| text.trim().parse().ok())
            .map(Duration::from_secs);
        *self.wait.lock().unwrap_or_else(PoisonError::into_inner) = wait;
        let mut response = hyper::Response::builder().status(answer.status);
        for (name, value) in &answer.headers {
            response = response.header(name, value);
        }
        let response = response.body(Full::new(answer.body));
        response
            .map(BytesResponse::from)
            .map_err(|err| OutboundError::Invalid {
                host,
                cause: err.to_string(),
            })
    }
}
