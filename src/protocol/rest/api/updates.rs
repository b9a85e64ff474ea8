//! Events for scripts: an answer that is held back until something happens, or a stream.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};

use super::input::Trouble;
use super::{Asked, objects};
use crate::hub::Listener;
use crate::model::{Form, Position};
use crate::protocol::web::{Content, Response};
use crate::service::{Cursor, Refusal, Service, SignedIn, Updates, Within};

/// The longest that an answer is held back, in seconds.
const MAX_WAIT: i64 = 60;

/// After this time without an event a stream sends a heartbeat.
const BEAT: Duration = Duration::from_secs(20);

/// Answers a request for what happened.
pub(super) async fn answer(service: &Arc<Service>, asked: &Asked) -> Result<Response, Trouble> {
    let wait = asked.number("wait")?.unwrap_or(0).clamp(0, MAX_WAIT);
    // A browser that reconnects uses the same address and says how far it got.
    let resumed = asked.resumed.filter(|_| asked.is_stream);
    let after = match resumed.or(asked.number("after")?) {
        Some(after) => Position(after),
        None => service.standing(&asked.user, Form::Rich).await?.position,
    };
    if asked.is_stream {
        return Ok(stream_of(Arc::clone(service), asked.user, after));
    }
    let mut updates = read(service, &asked.user, Cursor::after(after)).await?;
    if updates.is_wholly_empty() && !updates.reset && wait > 0 {
        let mut listener = listen(service, &asked.user)?;
        let time = Duration::from_secs(wait.unsigned_abs());
        let end = tokio::time::Instant::now() + time;
        loop {
            // Reads again for events that happened before the listener was set up.
            updates = read(service, &asked.user, Cursor::after(after)).await?;
            if !updates.is_wholly_empty() {
                break;
            }
            match tokio::time::timeout_at(end, listener.next()).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return Err(Refusal::NoSession.into()),
                Err(_) => break,
            }
        }
    }
    Ok(Response::json(200, &told(&updates)))
}

fn listen(service: &Service, user: &SignedIn) -> Result<Listener, Trouble> {
    let mut listener = service.connect();
    if !listener.sign_in(user.session(), user.epoch()) {
        return Err(Refusal::NoSession.into());
    }
    listener.listen(Form::Rich);
    Ok(listener)
}

async fn read(service: &Service, user: &SignedIn, from: Cursor) -> Result<Updates, Trouble> {
    let within = Within {
        form: Form::Rich,
        ..Within::default()
    };
    Ok(service.updates_within(user, from, within).await?)
}

/// Returns what happened, as JSON.
fn told(updates: &Updates) -> Value {
    let flows = updates.flows.iter().chain(&updates.details);
    json!({
        "position": updates.position.0,
        "more": !updates.complete,
        "reset": updates.reset,
        "messages": updates.messages.iter().map(objects::message).collect::<Vec<_>>(),
        "flows": flows.map(objects::flow).collect::<Vec<_>>(),
        "users": updates.users.iter().map(objects::user).collect::<Vec<_>>(),
        "left": updates.left.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// Returns a stream that lasts as long as the session.
fn stream_of(service: Arc<Service>, user: SignedIn, after: Position) -> Response {
    struct Following {
        service: Arc<Service>,
        user: SignedIn,
        cursor: Cursor,
        listener: Option<Listener>,
    }
    let begin = Following {
        service,
        user,
        cursor: Cursor::after(after),
        listener: None,
    };
    let next = async |mut it: Following| {
        if it.listener.is_none() {
            it.listener = listen(&it.service, &it.user).ok();
        }
        loop {
            let updates = read(&it.service, &it.user, it.cursor).await.ok()?;
            it.cursor = updates.cursor;
            if !updates.is_wholly_empty() || updates.reset {
                let text = format!("id: {}\ndata: {}\n\n", updates.position, told(&updates));
                return Some((Ok(Bytes::from(text)), it));
            }
            let listener = it.listener.as_mut()?;
            match tokio::time::timeout(BEAT, listener.next()).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some((Ok(Bytes::from_static(b": still here\n\n")), it)),
            }
        }
    };
    let pieces = stream::unfold(begin, next).boxed();
    Response::new(200)
        .with("content-type", "text/event-stream")
        .with("cache-control", "no-store")
        .with_content(Content::Stream {
            length: None,
            pieces,
        })
}
