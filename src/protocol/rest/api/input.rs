//! Reads the bodies of requests, and reports invalid ones.

use serde_json::{Map, Value, json};

use super::super::super::web::{BodyError, Response};
use super::super::super::wording;
use crate::model::{FlowKind, PublicId};
use crate::service::{Refusal, ServiceError};

/// The reason why a request was not carried out.
pub(super) enum Trouble {
    /// The request is invalid.
    Bad(String),
    /// The request came over the network without encryption.
    Insecure,
    /// The body ended too early.
    Body(BodyError),
    /// The service refused or failed.
    Service(ServiceError),
}

impl Trouble {
    /// Returns the error for an invalid request.
    pub(super) fn bad(words: impl Into<String>) -> Self {
        Self::Bad(words.into())
    }

    /// Returns the answer.
    pub(super) fn response(self) -> Response {
        let (code, status, detail) = match &self {
            Self::Bad(words) => (400, wording::status(400), words.clone()),
            Self::Insecure => {
                let words = "the administration answers over TLS, or on the server itself";
                (403, wording::status(403), words.to_owned())
            }
            Self::Body(err) => (err.status(), wording::status(err.status()), err.to_string()),
            Self::Service(err) => {
                if !matches!(err, ServiceError::Refused(_)) {
                    log::error!("a request could not be answered: {err}");
                }
                let ((code, status), words) = wording::of_service(err);
                (code, status, words.into_owned())
            }
        };
        let response = problem(code, status, &detail);
        let wait = match &self {
            Self::Service(ServiceError::Refused(
                Refusal::TooManyRequests { wait, .. }
                | Refusal::Throttled(wait)
                | Refusal::UsedUp {
                    wait: Some(wait), ..
                },
            )) => Some(wait.as_secs() + 1),
            _ => None,
        };
        match (code, wait) {
            (401, _) => response.with("www-authenticate", "Bearer"),
            (_, Some(seconds)) => response.with("retry-after", seconds.to_string()),
            _ => response,
        }
    }
}

/// Returns an answer that says what is wrong.
pub(super) fn problem(code: u16, status: &str, detail: &str) -> Response {
    let error = json!({"error": {"code": code, "status": status, "detail": detail}});
    Response::json(code, &error)
}

/// Returns the kind of flow that a word stands for.
pub(super) fn kind(word: &str) -> Result<FlowKind, Trouble> {
    [FlowKind::Chat, FlowKind::Channel, FlowKind::Group]
        .into_iter()
        .find(|kind| kind.as_str() == word)
        .ok_or_else(|| Trouble::bad("type is chat, group or channel"))
}

/// The fields of a body.
pub(super) struct Body(Map<String, Value>);

impl Body {
    /// Reads JSON.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Trouble> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Trouble::bad("the body is no JSON object")),
            Err(err) => Err(Trouble::bad(format!("the body is no JSON: {err}"))),
        }
    }

    fn field(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Returns a text field.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Trouble> {
        let read = |value: &Value| value.as_str().map(str::to_owned);
        let found = self.field(name);
        found
            .map(|value| read(value).ok_or_else(|| Trouble::bad(format!("{name} is no text"))))
            .transpose()
    }

    /// Returns a number field that is not below 0.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Trouble> {
        let read = |value: &Value| value.as_i64().filter(|it| *it >= 0);
        let found = self.field(name);
        found
            .map(|value| read(value).ok_or_else(|| Trouble::bad(format!("{name} is no number"))))
            .transpose()
    }

    /// Returns an id field.
    pub(super) fn id(&self, name: &str) -> Result<Option<PublicId>, Trouble> {
        let text = self.text(name)?;
        Ok(text.map(|text| PublicId::parse(&text).unwrap_or(PublicId::NOTHING)))
    }

    /// Returns a field with a list of texts.
    fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Trouble> {
        let Some(value) = self.field(name) else {
            return Ok(None);
        };
        let list = value.as_array().into_iter().flatten();
        let texts: Option<Vec<_>> = list.map(|it| it.as_str().map(str::to_owned)).collect();
        match texts.filter(|_| value.is_array()) {
            Some(texts) => Ok(Some(texts)),
            None => Err(Trouble::bad(format!("{name} is no list of texts"))),
        }
    }

    /// Returns a field with a list of ids.
    pub(super) fn ids(&self, name: &str) -> Result<Option<Vec<PublicId>>, Trouble> {
        let parse = |text: String| PublicId::parse(&text).unwrap_or(PublicId::NOTHING);
        Ok(self
            .texts(name)?
            .map(|texts| texts.into_iter().map(parse).collect()))
    }

    /// Returns a required field with a list of ids.
    pub(super) fn needed_ids(&self, name: &str) -> Result<Vec<PublicId>, Trouble> {
        let ids = self.ids(name)?;
        ids.ok_or_else(|| Trouble::bad(format!("{name} is missing")))
    }

    /// Returns a field with ids of uploads.
    pub(super) fn uploads(&self, name: &str) -> Result<Option<Vec<PublicId>>, Trouble> {
        let parse = |text: String| PublicId::from_hex(&text).unwrap_or(PublicId::NOTHING);
        Ok(self
            .texts(name)?
            .map(|texts| texts.into_iter().map(parse).collect()))
    }

    /// Returns whether a text is markup.
    pub(super) fn format(&self) -> Result<Option<bool>, Trouble> {
        match self.field("format").map(Value::as_i64) {
            None => Ok(None),
            Some(Some(0)) => Ok(Some(false)),
            Some(Some(1)) => Ok(Some(true)),
            Some(_) => Err(Trouble::bad("format is 0 or 1")),
        }
    }
}
