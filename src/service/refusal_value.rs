//! The values in the sentence of a refusal.

use std::borrow::Cow;
use std::time::Duration;

use super::upload_place::UploadPlace;

/// A value of a refusal, for the face that puts it into words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(Cow<'static, str>),
    /// A number.
    Number(u64),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<UploadPlace> for Value {
    fn from(place: UploadPlace) -> Self {
        Self::Text(place.to_string().into())
    }
}

impl From<Duration> for Value {
    /// Converts to whole seconds, at least one.
    fn from(wait: Duration) -> Self {
        Self::Number(wait.as_secs().max(1))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number.unsigned_abs())
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(u64::try_from(number).unwrap_or(u64::MAX))
    }
}
