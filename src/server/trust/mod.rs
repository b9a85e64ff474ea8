//! `/trust`: how a device is made to trust this server's own certificate authority.
//!
//! The page works without scripts and without encryption, since it is used before the device trusts the
//! server. It never claims that a fingerprint is right: an attacker on the way could have written the page.

mod page;
mod profile;

use std::sync::{Arc, PoisonError, RwLock};

use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
};
use warp::http::{HeaderMap, StatusCode};
use warp::reply::Response;

use super::filters::{query, reading};
use super::{asked, recover};

/// The local certificate authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Its name.
    pub name: String,
    /// Its certificate, DER.
    pub der: Vec<u8>,
    /// Its certificate, PEM.
    pub pem: String,
    /// SHA-256 of the certificate in hexadecimal.
    pub fingerprint: String,
    /// The names that it certifies, the best known one first.
    pub names: Vec<String>,
}

/// The authority that devices are shown; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Trust(Arc<RwLock<Shown>>);

#[derive(Debug, Default)]
struct Shown {
    authority: Option<Arc<Authority>>,
    port: u16,
}

impl Trust {
    /// Sets the authority that is shown, or none.
    pub fn set(&self, authority: Option<Authority>) {
        self.write(|shown| shown.authority = authority.map(Arc::new));
    }

    /// Sets the port with TLS.
    pub(super) fn set_port(&self, port: u16) {
        self.write(|shown| shown.port = port);
    }

    /// Returns the address of a host with encryption.
    pub(super) fn secure(&self, host: &str) -> String {
        let port = self.0.read().unwrap_or_else(PoisonError::into_inner).port;
        if port == 443 {
            format!("https://{host}")
        } else {
            format!("https://{host}:{port}")
        }
    }

    fn write(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn authority(&self) -> Option<Arc<Authority>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        shown.authority.clone()
    }
}

/// Returns the page and its files.
pub(super) fn pages(trust: &Trust) -> BoxedFilter<(Response,)> {
    let (page, files) = (trust.clone(), trust.clone());
    let page = warp::path!("trust")
        .and(reading())
        .and(warp::header::headers_cloned())
        .and(query())
        .map(move |headers: HeaderMap, query: String| shown(&page, &headers, &query));
    let files = warp::path!("trust" / String)
        .and(reading())
        .map(move |name: String| match files.authority() {
            Some(authority) => file(&authority, &name),
            None => missing(),
        });
    page.or(files).unify().boxed()
}

fn missing() -> Response {
    recover::refusal(StatusCode::NOT_FOUND, recover::NOT_FOUND)
}

fn shown(trust: &Trust, headers: &HeaderMap, query: &str) -> Response {
    let Some(authority) = trust.authority() else {
        return missing();
    };
    // A host that the certificate is for: the requested one, unless that is some other name.
    let asked = asked::host(headers).map(str::to_ascii_lowercase);
    let is_own = |host: &String| {
        host.starts_with('[')
            || host.parse::<std::net::IpAddr>().is_ok()
            || authority.names.contains(host)
    };
    let host = asked
        .filter(is_own)
        .or_else(|| authority.names.first().cloned())
        .unwrap_or_else(|| "localhost".to_owned());
    let secure = trust.secure(&host);
    let text = page::html(&authority, &secure, headers, query);
    let mut response = answer(text.into_bytes(), "text/html; charset=utf-8");
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' {secure}; base-uri \
         'none'; form-action 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn file(authority: &Authority, name: &str) -> Response {
    match name {
        // The two extensions are the same format: Windows and Android look for one, Apple's systems
        // for the other.
        "morelia.crt" | "morelia.cer" => {
            download(authority.der.clone(), "application/x-x509-ca-cert", name)
        }
        "morelia.pem" => download(
            authority.pem.clone().into_bytes(),
            "application/x-pem-file",
            name,
        ),
        "morelia.mobileconfig" => download(
            profile::of(authority).into_bytes(),
            "application/x-apple-aspen-config",
            name,
        ),
        "style.css" => answer(
            include_bytes!("style.css").to_vec(),
            "text/css; charset=utf-8",
        ),
        "page.js" => answer(
            include_bytes!("page.js").to_vec(),
            "text/javascript; charset=utf-8",
        ),
        "ok.png" => answer(include_bytes!("ok.png").to_vec(), "image/png"),
        _ => missing(),
    }
}

fn download(body: Vec<u8>, kind: &'static str, name: &str) -> Response {
    let mut response = answer(body, kind);
    let disposition = format!("attachment; filename=\"{name}\"");
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        let headers = response.headers_mut();
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

fn answer(body: Vec<u8>, kind: &'static str) -> Response {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
