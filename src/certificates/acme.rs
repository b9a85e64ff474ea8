//! What a certificate authority is shown, and what is served until it has given something.

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use time::OffsetDateTime;

use super::error::CertificateError;
use super::local::{BEFORE, base};
use super::read::Facts;

/// How long something is good that is only served until there is better.
const SHORT_DAYS: i64 = 30;

/// A request to sign a new key for some names.
pub struct Request {
    /// The key, PEM.
    pub key: String,
    /// The request, DER.
    pub der: Vec<u8>,
}

impl Request {
    /// Makes a key and a request.
    ///
    /// # Errors
    /// A name is none that a certificate can have.
    pub fn make(names: &[String]) -> Result<Self, CertificateError> {
        let mut params = CertificateParams::new(names.to_vec())?;
        params.distinguished_name = DistinguishedName::new();
        let key = KeyPair::generate()?;
        let request = params.serialize_request(&key)?;
        Ok(Self {
            key: key.serialize_pem(),
            der: request.der().to_vec(),
        })
    }
}

/// Makes the certificate by which an authority recognises that a name is this server's: PEM of
/// certificate and key. Source: RFC 8737, 3.
///
/// # Errors
/// The name is none that a certificate can have.
pub fn alpn_challenge(name: &str, digest: &[u8]) -> Result<(String, String), CertificateError> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((pem, key.serialize_pem()))
}

/// The name of a certificate that stands in for one.
const PLACEHOLDER: &str = "Morelia, until there is a certificate";

/// Returns since when, in seconds since 1970, a certificate stands in for one; `None`: it is a real one.
#[must_use]
pub fn standing_in_since(facts: &Facts) -> Option<i64> {
    (facts.subject == PLACEHOLDER).then(|| facts.not_before + BEFORE.whole_seconds())
}

/// Makes a certificate that nobody trusts, so that the port answers until there is a better one: PEM
/// of certificate and key.
///
/// # Errors
/// A name is none that a certificate can have.
pub fn placeholder(
    names: &[String],
    now: OffsetDateTime,
) -> Result<(String, String), CertificateError> {
    let mut params = CertificateParams::new(names.to_vec())?;
    let common = base(PLACEHOLDER, now, SHORT_DAYS);
    params.distinguished_name = common.distinguished_name;
    params.serial_number = common.serial_number;
    params.not_before = common.not_before;
    params.not_after = common.not_after;
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((pem, key.serialize_pem()))
}
