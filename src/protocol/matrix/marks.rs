//! Read receipts and typing notifications.

use std::time::Duration;

use serde_json::{Value, json};

use super::input::{Body, require_short};
use super::trouble::Trouble;
use super::{Asked, Matrix, names};
use crate::model::PublicId;
use crate::service::ReadUpTo;

/// The kinds of receipts.
const KINDS: [&str; 3] = ["m.fully_read", "m.read", "m.read.private"];

/// How long a user is typing if the client does not say, in milliseconds.
const TYPING: u64 = 20_000;

/// The most parts of a message: its files.
const MOST_PARTS: usize = 64;

impl Matrix {
    pub(super) async fn receipt(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let kind = asked.part(1);
        if !KINDS.contains(&kind) {
            return Err(Trouble::invalid("this is no kind of receipt here"));
        }
        let thread = body.text("thread_id")?.unwrap_or_default();
        require_short("thread_id", thread)?;
        let is_thread = thread == "main" || names::parse_event(thread).is_some();
        if body.field("thread_id").is_some() && (!is_thread || kind == "m.fully_read") {
            return Err(Trouble::invalid("thread_id is main, or the id of an event"));
        }
        self.read_up_to(asked, (kind, thread), asked.part(2)).await
    }

    pub(super) async fn read_markers(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let room = self.room(asked);
        self.service.require_in_room(&asked.user, room).await?;
        for kind in KINDS {
            if let Some(id) = body.text(kind)? {
                self.read_up_to(asked, (kind, ""), id).await?;
            }
        }
        Ok(json!({}))
    }

    async fn read_up_to(
        &self,
        asked: &Asked,
        (kind, thread): (&str, &str),
        id: &str,
    ) -> Result<Value, Trouble> {
        let room = self.room(asked);
        let (event, part) = names::parse_event(id).unwrap_or((PublicId::NOTHING, None));
        let part = part.filter(|part| *part < MOST_PARTS);
        let begun_by = names::parse_event(thread).map(|(uuid, _)| uuid);
        let read = ReadUpTo {
            kind: kind.to_owned(),
            thread: begun_by.map_or_else(|| thread.to_owned(), names::event),
            root: begun_by,
            event,
            // The server's own spelling of the id, however the client spelled it.
            id: match part {
                Some(part) => format!("{}_{part}", names::event(event)),
                None => names::event(event),
            },
        };
        self.service.read_up_to(&asked.user, room, read).await?;
        Ok(json!({}))
    }

    pub(super) async fn typing(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let room = self.room(asked);
        let (_, own) = self.service.device_of(&asked.user).await?;
        self.service.require_in_room(&asked.user, room).await?;
        if asked.part(1) != self.names.user(&own.localpart) {
            return Err(Trouble::forbidden("nobody types for somebody else"));
        }
        let wait = body.field("timeout").map(|value| {
            let wrong = || Trouble::bad_json("timeout is no number of milliseconds");
            value.as_u64().ok_or_else(wrong)
        });
        let wait = wait.transpose()?.unwrap_or(TYPING);
        let wait = body.flag("typing")?.then_some(Duration::from_millis(wait));
        self.service.type_in_room(&asked.user, room, wait).await?;
        Ok(json!({}))
    }
}
