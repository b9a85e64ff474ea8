//! Challenges with which certificate authorities check that a name leads to this server. Answers
//! come from memory only. Source: RFC 8555, 8.3, and RFC 8737.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use warp::reply::Response;

use super::filters::reading;
use super::recover;

/// The ALPN protocol of challenges in a handshake.
pub(super) const PROTOCOL: &[u8] = b"acme-tls/1";

/// The most answers that are stored at the same time: five names in two orders, and some spare.
const MOST: usize = 32;

/// The answers to challenges; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Challenges(Arc<RwLock<Answers>>);

#[derive(Debug, Default)]
struct Answers {
    /// By token.
    http: HashMap<String, String>,
    /// By host name.
    handshakes: HashMap<String, Arc<CertifiedKey>>,
}

impl Challenges {
    /// Sets the answer for a token over HTTP.
    pub fn answer_http(&self, token: &str, answer: &str) {
        let mut answers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if answers.http.len() < MOST {
            answers.http.insert(token.to_owned(), answer.to_owned());
        }
    }

    /// Sets the certificate that is shown for a name in a handshake with the authorities' protocol.
    ///
    /// # Errors
    /// The certificate or the key cannot be read.
    pub fn answer_handshake(&self, name: &str, certificate: &str, key: &str) -> Result<(), String> {
        let key = certified(certificate.as_bytes(), key.as_bytes())?;
        let mut answers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if answers.handshakes.len() < MOST {
            answers.handshakes.insert(name.to_ascii_lowercase(), key);
        }
        Ok(())
    }

    /// Removes all answers.
    pub fn forget(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Answers::default();
    }

    pub(super) fn handshake(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let answers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        answers.handshakes.get(&name.to_ascii_lowercase()).cloned()
    }

    fn http(&self, token: &str) -> Option<String> {
        let answers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        answers.http.get(token).cloned()
    }
}

/// Reads a certificate and its key. Whether they match is not checked: the function for this does
/// not know the extension that an authority looks for.
fn certified(certificate: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>, String> {
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|err| err.to_string())?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|err| err.to_string())?;
    let key = rustls::crypto::ring::default_provider()
        .key_provider
        .load_private_key(key)
        .map_err(|err| err.to_string())?;
    Ok(Arc::new(CertifiedKey::new(chain, key)))
}

/// Returns the route of challenges over HTTP.
pub(super) fn route(challenges: &Challenges) -> BoxedFilter<(Response,)> {
    let challenges = challenges.clone();
    warp::path!(".well-known" / "acme-challenge" / String)
        .and(reading())
        .map(move |token: String| match challenges.http(&token) {
            Some(answer) => {
                let mut response = Response::new(answer.into());
                let headers = response.headers_mut();
                let kind = HeaderValue::from_static("application/octet-stream");
                headers.insert(CONTENT_TYPE, kind);
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            None => recover::refusal(StatusCode::NOT_FOUND, recover::NOT_FOUND),
        })
        .boxed()
}
