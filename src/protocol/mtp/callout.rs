//! What outgoing hooks post, and what their receivers answer.
//! Source: extensions of this server, outgoing hooks.

use serde::{Deserialize, Serialize};

use super::reply::{Id, Message};
use super::rich::{self, About};
use super::wire::Frames;
use crate::model::{Callout, Form};
use crate::service::Service;

#[derive(Serialize)]
struct Post<'a> {
    #[serde(rename = "type")]
    what: &'static str,
    flow: Flow<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<About>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<From<'a>>,
}

#[derive(Serialize)]
struct Flow<'a> {
    uuid: Id,
    title: Option<&'a str>,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct From<'a> {
    uuid: Id,
    login: &'a str,
    username: Option<&'a str>,
    is_bot: bool,
}

/// Returns the body that an outgoing hook posts.
#[must_use]
pub fn text_of(callout: &Callout, service: &Service) -> Vec<u8> {
    let message = callout.message.as_deref();
    let about = message.and_then(|it| rich::about([it])?.into_values().next());
    let post = Post {
        what: callout.what.as_str(),
        flow: Flow {
            uuid: Id(callout.flow),
            title: callout.title.as_deref(),
            kind: callout.flow_kind,
        },
        message: message.map(|it| super::convert::message(Form::Rich, it, service)),
        about,
        from: callout.from.as_deref().map(|user| From {
            uuid: Id(user.uuid),
            login: &user.login,
            username: user.username.as_deref(),
            is_bot: user.is_bot,
        }),
    };
    let mut text = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut text, Frames::default());
    if let Err(err) = post.serialize(&mut writer) {
        // Writing to memory does not fail.
        log::error!("a post could not be written: {err}");
    }
    text
}

/// Returns the text that a receiver wants to have posted in answer, if there is one.
#[must_use]
pub fn answer_of(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer {
        text: Option<String>,
    }
    serde_json::from_slice::<Answer>(body).ok()?.text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_text_is_an_answer() {
        assert_eq!(
            answer_of(br#"{"text": "Hi", "x": 1}"#).as_deref(),
            Some("Hi")
        );
        for other in [&b""[..], b"ok", b"[]", b"{}", br#"{"text": 7}"#, b"\xff"] {
            assert_eq!(answer_of(other), None);
        }
    }
}
