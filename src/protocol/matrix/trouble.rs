//! Errors: a status and a Matrix error code for each.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::web::{BodyError, Response};
use super::super::wording;
use crate::service::{Refusal, RoomRefusal, ServiceError, Thing};

/// The reason why a request was not carried out.
pub(super) enum Trouble {
    /// The request is invalid, or asks for something that does not exist.
    Said(u16, &'static str, String),
    /// The body ended too early.
    Body(BodyError),
    /// The service refused or failed.
    Service(ServiceError),
    /// The token is invalid; `soft`: it was valid until it expired.
    NoToken {
        /// Whether the client may keep its data.
        soft: bool,
    },
    /// The client may send the same request again in a second.
    Wait(String),
    /// The client has to complete an authentication stage first.
    Stage(Value),
}

impl Trouble {
    /// Returns an error with a status, a code and a sentence.
    pub(super) fn said(status: u16, code: &'static str, words: impl Into<String>) -> Self {
        Self::Said(status, code, words.into())
    }

    /// Returns the error for a field with the wrong type.
    pub(super) fn bad_json(words: impl Into<String>) -> Self {
        Self::said(400, "M_BAD_JSON", words)
    }

    /// Returns the error for a missing field or parameter.
    pub(super) fn missing(name: &str) -> Self {
        Self::said(400, "M_MISSING_PARAM", format!("{name} is missing"))
    }

    /// Returns the error for an invalid field or parameter.
    pub(super) fn invalid(words: impl Into<String>) -> Self {
        Self::said(400, "M_INVALID_PARAM", words)
    }

    /// Returns the error for a forbidden action.
    pub(super) fn forbidden(words: impl Into<String>) -> Self {
        Self::said(403, "M_FORBIDDEN", words)
    }

    /// Returns the error for something that does not exist.
    pub(super) fn not_found(words: impl Into<String>) -> Self {
        Self::said(404, "M_NOT_FOUND", words)
    }

    /// Returns the answer.
    pub(super) fn response(self) -> Response {
        match self {
            Self::Said(status, code, words) => error(status, code, &words),
            Self::Body(err) => of_body(err),
            Self::Service(err) => of_service(&err),
            Self::NoToken { soft } => no_token(soft),
            Self::Wait(words) => {
                let limited = json!({
                    "errcode": "M_LIMIT_EXCEEDED", "error": words, "retry_after_ms": 1000,
                });
                Response::json(429, &limited).with("retry-after", "1")
            }
            Self::Stage(stage) => Response::json(401, &stage),
        }
    }
}

impl From<ServiceError> for Trouble {
    fn from(err: ServiceError) -> Self {
        Self::Service(err)
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Service(refusal.into())
    }
}

/// Returns an answer that says what is wrong.
pub(super) fn error(status: u16, code: &str, words: &str) -> Response {
    Response::json(status, &json!({"errcode": code, "error": words}))
}

fn no_token(soft: bool) -> Response {
    let unknown = json!({
        "errcode": "M_UNKNOWN_TOKEN",
        "error": "this token is unknown or has ended; sign in again",
        "soft_logout": soft,
    });
    Response::json(401, &unknown)
}

fn of_body(err: BodyError) -> Response {
    let code = match err {
        BodyError::TooLarge(_) => "M_TOO_LARGE",
        BodyError::Broken => "M_NOT_JSON",
        BodyError::Silent | BodyError::NoRoom => "M_UNKNOWN",
    };
    error(err.status(), code, &err.to_string())
}

fn of_service(err: &ServiceError) -> Response {
    let ServiceError::Refused(refusal) = err else {
        let ((status, _), words) = wording::of_service(err);
        if status != 500 {
            return error(status, "M_UNKNOWN", &words);
        }
        let id = format!("{:08x}", rand::random::<u32>());
        log::error!("a request could not be answered ({id}): {err}");
        return error(
            500,
            "M_UNKNOWN",
            &format!("the server failed; its log says why at {id}"),
        );
    };
    let ((status, _), words) = wording::of_service(err);
    if let Some(wait) = wait(refusal) {
        let seconds = wait.as_secs() + 1;
        let limited = json!({
            "errcode": "M_LIMIT_EXCEEDED",
            "error": words,
            "retry_after_ms": u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1),
        });
        return Response::json(429, &limited).with("retry-after", seconds.to_string());
    }
    let (status, code) = match refusal {
        Refusal::NoSession => {
            let unknown =
                json!({"errcode": "M_UNKNOWN_TOKEN", "error": words, "soft_logout": false});
            return Response::json(401, &unknown);
        }
        Refusal::NotFound(Thing::Flow) => {
            return error(403, "M_FORBIDDEN", "you are not in this room");
        }
        Refusal::BadCredentials => (403, "M_FORBIDDEN"),
        Refusal::TooLarge { .. } => (413, "M_TOO_LARGE"),
        Refusal::LoginTaken | Refusal::NameTaken => (400, "M_USER_IN_USE"),
        Refusal::BadLogin(_) => (400, "M_INVALID_USERNAME"),
        Refusal::WeakPassword(_) => (400, "M_WEAK_PASSWORD"),
        Refusal::EmptyMessage => (400, "M_BAD_JSON"),
        Refusal::Room(RoomRefusal::SameReaction) => (400, "M_DUPLICATE_ANNOTATION"),
        Refusal::Room(RoomRefusal::NameTaken) => (409, "M_UNKNOWN"),
        Refusal::Room(RoomRefusal::NotKept) => (404, "M_NOT_FOUND"),
        Refusal::Room(RoomRefusal::StillMember) => (400, "M_UNKNOWN"),
        _ => match status {
            400 | 409 | 415 => (400, "M_INVALID_PARAM"),
            404 => (404, "M_NOT_FOUND"),
            503 => (503, "M_UNKNOWN"),
            429 => (429, "M_LIMIT_EXCEEDED"),
            _ => (403, "M_FORBIDDEN"),
        },
    };
    error(status, code, &words)
}

/// Returns how long to wait before the same request may be sent again.
fn wait(refusal: &Refusal) -> Option<Duration> {
    match refusal {
        Refusal::TooManyRequests { wait, .. }
        | Refusal::Throttled(wait)
        | Refusal::TooManyAccounts(wait)
        | Refusal::TooSoon(wait)
        | Refusal::UsedUp {
            wait: Some(wait), ..
        } => Some(*wait),
        _ => None,
    }
}
