//! The state of the certificate in a line, for `status`.

use std::fmt::Write as _;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::print::{self, count};
use crate::app::certificates;
use crate::certificates::{Facts, State};
use crate::config::{Config, Encryption};

/// Returns the state of the certificate, as JSON and in a line. `None` without encryption.
pub(super) fn summary(config: &Config) -> Option<(Value, String)> {
    let (path, _) = config.certificate_files()?;
    let is_missing = config.encryption() != Encryption::Files && path.ends_with("placeholder.pem");
    let pem = std::fs::read_to_string(&path).unwrap_or_default();
    let facts = Facts::of_pem(&pem).filter(|_| !is_missing);
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let days = facts.map(|facts| (facts.not_after - now).div_euclid(86_400));
    let mut text = match days {
        Some(..0) => "expired".to_owned(),
        Some(days) => format!("valid for {}", count(days, "day")),
        None if is_missing => "none yet".to_owned(),
        None => "cannot be read".to_owned(),
    };
    let state = match config.encryption() {
        Encryption::Acme => State::load(&certificates::folder(config)).ok().flatten(),
        _ => None,
    };
    let error = state.as_ref().and_then(|state| state.error.clone());
    if let Some(error) = &error {
        let remedy = state.and_then(|state| state.remedy).unwrap_or_default();
        let _ = write!(
            text,
            "; WARNING: the last attempt to get one failed: {}: {remedy}",
            print::safe(error)
        );
    }
    Some((json!({"days": days, "error": error}), text))
}
