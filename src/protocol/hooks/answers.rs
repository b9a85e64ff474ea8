//! The answer of each form.

use bytes::Bytes;
use serde_json::json;

use super::detect::Tongue;
use super::gotify;
use super::said::{Complaint, Echo};
use crate::model::clean_name;
use crate::protocol::web::{BodyError, Content, Response};
use crate::protocol::wording;
use crate::service::{MAX_NAME_CHARS, PostedByHook, Refusal, ServiceError};

/// The version of Gotify whose messages are understood.
const GOTIFY_VERSION: &str = "2.6.0";

/// A post that was written as a message.
pub(super) struct Answered {
    pub(super) tongue: Tongue,
    pub(super) echo: Echo,
    pub(super) posted: PostedByHook,
}

impl Answered {
    /// Returns the answer that the form expects.
    pub(super) fn response(self) -> Response {
        let message = &self.posted.message;
        let uuid = message.uuid.to_string();
        let echo = self.echo;
        let value = match self.tongue {
            // Grafana reports any other text as a failure.
            Tongue::Slack => {
                return Response::new(200)
                    .with("content-type", "text/html")
                    .with("cache-control", "no-store")
                    .with_content(Content::Bytes(Bytes::from_static(b"ok")));
            }
            Tongue::Alerts => json!({}),
            Tongue::Titled => json!({"message": uuid}),
            Tongue::Ours => json!({"message": uuid, "number": message.number}),
            Tongue::Ntfy => json!({
                "id": uuid,
                "time": message.sent_at.seconds(),
                "expires": 0,
                "event": "message",
                "topic": echo.topic,
                "title": echo.title.unwrap_or_default(),
                "message": echo.message,
                "priority": echo.priority,
                "tags": echo.tags,
            }),
            Tongue::Gotify => json!({
                "id": self.posted.id,
                "appid": 1,
                "message": echo.message,
                "title": echo.title.or(echo.topic),
                "priority": echo.priority,
                "extras": echo.extras.unwrap_or_else(|| json!({})),
                "date": date(message.sent_at.seconds()),
            }),
        };
        Response::json(200, &value)
    }
}

/// Returns a time in the format of RFC 3339.
fn date(seconds: i64) -> String {
    let time = crate::model::Timestamp(seconds.saturating_mul(1000));
    time.date_time().replace(' ', "T") + "Z"
}

/// Answers `/gotify/version`.
pub(super) fn version() -> Response {
    let value = json!({"version": GOTIFY_VERSION, "commit": "", "buildDate": ""});
    Response::json(200, &value)
}

/// Answers `/gotify/health`.
pub(super) fn health() -> Response {
    Response::json(200, &json!({"health": "green", "database": "green"}))
}

/// Returns the name of a file that a client sent.
pub(super) fn file_name(said: &str) -> Option<String> {
    let decoded = super::header::decode(said);
    let last = decoded.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = clean_name(last)?;
    Some(name.chars().take(MAX_NAME_CHARS).collect())
}

/// The reason why nothing was written.
pub(super) enum Trouble {
    /// The request has no secret.
    NoSecret,
    /// The request is invalid.
    Said(Complaint),
    /// The body ended too early.
    Body(BodyError),
    /// The service refused or failed.
    Service(ServiceError),
}

impl From<Complaint> for Trouble {
    fn from(complaint: Complaint) -> Self {
        Self::Said(complaint)
    }
}

impl From<BodyError> for Trouble {
    fn from(err: BodyError) -> Self {
        Self::Body(err)
    }
}

impl From<ServiceError> for Trouble {
    fn from(err: ServiceError) -> Self {
        Self::Service(err)
    }
}

impl Trouble {
    /// Returns the answer.
    pub(super) fn response(self, tongue: Option<Tongue>) -> Response {
        let wait = self.wait();
        let (status, detail) = self.told();
        let value = match tongue {
            Some(Tongue::Gotify) => gotify::error(status, &detail),
            _ => {
                json!({"error": {"code": status, "status": wording::status(status), "detail": detail}})
            }
        };
        with_wait(Response::json(status, &value), status, wait)
    }

    /// Returns the seconds to wait, if waiting helps.
    fn wait(&self) -> Option<u64> {
        match self {
            Self::Service(ServiceError::Refused(
                Refusal::TooManyRequests { wait, .. } | Refusal::Throttled(wait),
            )) => Some(wait.as_secs() + 1),
            Self::Service(ServiceError::Overloaded | ServiceError::Unavailable(_)) => Some(5),
            _ => None,
        }
    }

    fn told(self) -> (u16, String) {
        let err = match self {
            Self::NoSecret => {
                return (
                    401,
                    "the secret of a hook is needed here, as a bearer's token".to_owned(),
                );
            }
            Self::Said(Complaint(status, words)) => return (status, words),
            Self::Body(err) => return (err.status(), err.to_string()),
            Self::Service(err) => err,
        };
        let refusal = match err {
            ServiceError::Refused(refusal) => refusal,
            ServiceError::Overloaded | ServiceError::Unavailable(_) => {
                return (
                    503,
                    "the server cannot store anything at present; try again later".to_owned(),
                );
            }
            err => {
                log::error!("what came by a hook could not be written: {err}");
                return (500, "the server failed".to_owned());
            }
        };
        let (status, words) = match refusal {
            Refusal::NotFound(_) => (404, "there is no such hook".to_owned()),
            Refusal::Throttled(_) => (429, "too many failed attempts".to_owned()),
            Refusal::TooManyRequests { .. } => (429, "too many posts".to_owned()),
            Refusal::EmptyMessage => (400, "the message says nothing".to_owned()),
            Refusal::PartnerDeleted | Refusal::Blocked => (
                403,
                "nothing can be written in this chat at present".to_owned(),
            ),
            Refusal::TooManyFiles { limit } => (
                403,
                format!("a message shows at most {limit} files; send the others with another"),
            ),
            Refusal::TooLarge { limit, .. } => (403, format!("a text may have {limit} bytes here")),
            Refusal::QuotaExceeded { limit, .. } => (
                403,
                format!("the files of this hook's bot may take {limit} bytes"),
            ),
            other => (403, other.to_string()),
        };
        (status, words)
    }
}

fn with_wait(response: Response, status: u16, wait: Option<u64>) -> Response {
    let response = match wait {
        Some(seconds) => response.with("retry-after", seconds.to_string()),
        None => response,
    };
    match status {
        401 => response.with("www-authenticate", "Bearer"),
        // The rest of the body is not read.
        413 => response.with("connection", "close"),
        _ => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_lose_their_folders() {
        for (said, expected) in [
            ("photo.jpg", Some("photo.jpg")),
            ("/tmp/photo.jpg", Some("photo.jpg")),
            ("C:\\photo.jpg", Some("photo.jpg")),
            ("=?utf-8?q?=C3=A4.txt?=", Some("ä.txt")),
            ("a\nb", Some("a b")),
            ("/", None),
        ] {
            assert_eq!(file_name(said).as_deref(), expected, "{said}");
        }
    }

    #[test]
    fn times_are_those_of_rfc_3339() {
        assert_eq!(date(1_790_000_000), "2026-09-21T14:13:20Z");
    }
}
