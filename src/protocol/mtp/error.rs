//! The errors that an MTP answer can report.

use super::super::wording;
use crate::service::{Refusal, ServiceError, Value};

/// The reason why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum MtpError {
    /// The request did not parse or validate; the text says where, and what was expected.
    #[error("this is no valid request: {0}")]
    Malformed(String),
    /// The client speaks another version.
    #[error("this server speaks MTP {min} to {max}; update the client or the server")]
    Version {
        /// The lowest version that the server accepts.
        min: String,
        /// The highest version that the server accepts.
        max: String,
        /// Whether this server at least has the method.
        known_method: bool,
    },
    /// This server has no such method.
    #[error("this server has no such method; see its list of methods")]
    UnknownMethod,
    /// The request lacks something that the method needs.
    #[error("{0}")]
    Missing(&'static str),
    /// The request has no token.
    #[error("this method needs user[0].uuid and user[0].auth_id; log in first")]
    NoToken,
    /// The server gave up on the request.
    #[error("the server gave up on this request; ask whether it was done before trying again")]
    TimedOut,
    /// The handler panicked.
    #[error("the server failed")]
    Panicked,
    /// The requested messages are not a valid page.
    #[error("{0}")]
    BadRange(&'static str),
    /// The service refused or failed.
    #[error("{}", wording::of_service(.0).1)]
    Service(#[source] ServiceError),
}

impl From<ServiceError> for MtpError {
    fn from(err: ServiceError) -> Self {
        Self::Service(err)
    }
}

impl From<Refusal> for MtpError {
    fn from(refusal: Refusal) -> Self {
        Self::Service(refusal.into())
    }
}

impl MtpError {
    /// Returns the stable key by which programs know this error, and the values of its sentence.
    pub(super) fn described(&self) -> (&'static str, Vec<(&'static str, Value)>) {
        match self {
            Self::Malformed(_) => ("malformed", vec![]),
            Self::Version { min, max, .. } => (
                "unsupported_version",
                vec![("min", text(min)), ("max", text(max))],
            ),
            Self::UnknownMethod => ("unknown_method", vec![]),
            Self::Missing(_) => ("missing_field", vec![]),
            Self::NoToken => ("no_token", vec![]),
            Self::TimedOut => ("timed_out", vec![]),
            Self::BadRange(_) => ("bad_range", vec![]),
            Self::Service(ServiceError::Refused(refusal)) => (refusal.key(), refusal.values()),
            Self::Service(ServiceError::Overloaded) => ("overloaded", vec![]),
            Self::Service(ServiceError::Unavailable(_)) => ("unavailable", vec![]),
            Self::Panicked | Self::Service(ServiceError::Store(_) | ServiceError::Hash(_)) => {
                ("failed", vec![])
            }
        }
    }

    /// Returns whether the answer's type is `error`, because the request was not recognised.
    pub(super) fn is_unrecognised(&self) -> bool {
        matches!(
            self,
            Self::Malformed(_)
                | Self::UnknownMethod
                | Self::Version {
                    known_method: false,
                    ..
                }
        ) || matches!(
            self,
            Self::Service(ServiceError::Refused(
                Refusal::BadLogin(_) | Refusal::BadEmail
            ))
        )
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned().into())
}
