//! Sends events: converts their content into what the service takes.

use serde_json::{Value, json};

use super::events::BEFORE_TXN;
use super::input::{Body, require_plain_numbers, require_short};
use super::names::{self, Names};
use super::trouble::Trouble;
use super::{Asked, MAX_BYTES, Matrix, attached, polls};
use crate::model::PublicId;
use crate::service::RoomDraft;

/// The text that MTP clients see in place of an encrypted message.
const ENCRYPTED: &str = "🔒 encrypted message";

fn require_small(bytes: usize) -> Result<(), Trouble> {
    if bytes > MAX_BYTES {
        return Err(Trouble::said(413, "M_TOO_LARGE", "the event is too large"));
    }
    Ok(())
}

/// Returns an event as it is passed to the service.
fn draft(
    kind: &str,
    body: &Body,
    txn: Option<String>,
    (sender, names): (&str, &Names),
) -> Result<RoomDraft, Trouble> {
    require_short("the type", kind)?;
    let content = Value::Object(body.0.clone());
    require_plain_numbers(&content)?;
    let content = content.to_string();
    require_small(kind.len() + content.len())?;
    let relation = relation(body);
    let reply = body.0.get("m.relates_to");
    let reply = reply.and_then(|it| it["m.in_reply_to"]["event_id"].as_str());
    let edited = relation
        .as_ref()
        .is_some_and(|(_, how, _)| how == "m.replace");
    let shown = match body.0.get("m.new_content") {
        Some(Value::Object(new)) if edited => &Body(new.clone()),
        _ => body,
    };
    let text = match kind {
        "m.room.message" | "m.sticker" => Some(text(shown, reply.is_some(), sender)?),
        "m.room.encrypted" => Some(ENCRYPTED.to_owned()),
        _ => polls::fallback(kind, body)?,
    };
    let file = attached::read(kind, body, names).filter(|_| !edited);
    let (file, text) = match file {
        Some((file, caption)) => (Some(file), caption),
        None => (None, text),
    };
    Ok(RoomDraft {
        kind: kind.to_owned(),
        content,
        uuid: PublicId::generate(),
        txn,
        relation,
        text,
        reply: reply.and_then(names::parse_event).map(|(uuid, _)| uuid),
        mentions: mentions(body, names),
        calls_room: calls_room(body),
        file,
        poll: polls::read(kind, body),
    })
}

/// Returns a draft of a state event.
pub(super) fn state_draft(
    (kind, key): (&str, &str),
    body: &Body,
    names: &Names,
) -> Result<RoomDraft, Trouble> {
    let mut made = draft(kind, body, None, ("", names))?;
    require_small(kind.len() + key.len() + made.content.len())?;
    made.relation = None;
    made.text = match kind {
        "m.room.name" => Some(body.text("name")?.unwrap_or_default().to_owned()),
        "m.room.topic" => Some(body.text("topic")?.unwrap_or_default().to_owned()),
        "m.room.avatar" => {
            let url = body.text("url")?.unwrap_or_default();
            made.file = attached::picture(url, names);
            Some(url.to_owned())
        }
        _ => None,
    };
    Ok(made)
}

impl Matrix {
    pub(super) async fn send(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let (kind, txn) = (asked.part(1), asked.part(2));
        require_short("the transaction", txn)?;
        if kind == "m.room.redaction" {
            let target = body.needed("redacts")?.to_owned();
            return self.redact(asked, &target, txn, body).await;
        }
        let room = self.room(asked);
        // Checked first: a user who is not a member learns nothing about what is wrong.
        self.service.require_in_room(&asked.user, room).await?;
        let (_, own) = self.service.device_of(&asked.user).await?;
        let draft = draft(
            kind,
            body,
            Some(txn.to_owned()),
            (&own.display_name, &self.names),
        )?;
        let sent = self.service.send_to_room(&asked.user, room, draft).await?;
        Ok(json!({"event_id": names::event(sent)}))
    }

    pub(super) async fn send_redaction(
        &self,
        asked: &Asked,
        body: &Body,
    ) -> Result<Value, Trouble> {
        let (target, txn) = (asked.part(1).to_owned(), asked.part(2));
        require_short("the transaction", txn)?;
        self.redact(asked, &target, txn, body).await
    }

    async fn redact(
        &self,
        asked: &Asked,
        target: &str,
        txn: &str,
        body: &Body,
    ) -> Result<Value, Trouble> {
        let room = self.room(asked);
        self.service.require_in_room(&asked.user, room).await?;
        let (uuid, part) = names::parse_event(target).unwrap_or((PublicId::NOTHING, None));
        let mut content = json!({"redacts": target});
        if let Some(reason) = body.text("reason")? {
            content["reason"] = json!(reason);
        }
        let draft = RoomDraft {
            kind: "m.room.redaction".to_owned(),
            content: content.to_string(),
            uuid: PublicId::generate(),
            txn: Some(format!("{}{BEFORE_TXN}{txn}", uuid.hex())),
            relation: None,
            text: None,
            reply: None,
            file: None,
            poll: None,
            mentions: Vec::new(),
            calls_room: false,
        };
        let of = (uuid, part);
        let sent = self.service.redact(&asked.user, room, of, draft).await?;
        Ok(json!({"event_id": names::event(sent)}))
    }
}

/// Returns the event that another relates to, the type of relation, and its key.
fn relation(body: &Body) -> Option<(PublicId, String, Option<String>)> {
    let relates = body.0.get("m.relates_to")?;
    // Only a redaction redacts; a relation that claims to is ignored.
    let how = relates["rel_type"]
        .as_str()
        .filter(|how| *how != "redaction")?;
    let id = relates["event_id"].as_str()?;
    let (uuid, _) = names::parse_event(id)?;
    let key = relates["key"].as_str().map(str::to_owned);
    Some((uuid, how.to_owned(), key))
}

/// The most users whom a message mentions in MTP.
const MOST_MENTIONS: usize = 50;

/// Returns the names of the users whom a message mentions.
fn mentions(body: &Body, names: &Names) -> Vec<String> {
    let all = body
        .0
        .get("m.mentions")
        .and_then(|it| it["user_ids"].as_array());
    let ids = all
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter_map(Value::as_str);
    let found = ids.filter_map(|id| names.localpart(id));
    found.take(MOST_MENTIONS).map(str::to_owned).collect()
}

/// Returns whether a message mentions the whole room.
fn calls_room(body: &Body) -> bool {
    let said = body.0.get("m.mentions").map(|it| &it["room"]);
    said.and_then(Value::as_bool).unwrap_or(false)
}

/// Returns the text of a message as MTP clients see it.
fn text(body: &Body, is_reply: bool, sender: &str) -> Result<String, Trouble> {
    let text = body.needed("body")?;
    let text = if is_reply { without_quote(text) } else { text };
    Ok(match body.text("msgtype")? {
        Some("m.emote") => format!("* {sender} {text}"),
        _ => text.to_owned(),
    })
}

/// Returns a reply without the lines that repeat what it answers.
fn without_quote(text: &str) -> &str {
    let mut rest = text;
    while rest.starts_with("> ") || rest == ">" || rest.starts_with(">\n") {
        rest = rest.split_once('\n').map_or("", |(_, after)| after);
    }
    if rest.len() == text.len() {
        return text;
    }
    let rest = rest.strip_prefix('\n').unwrap_or(rest);
    if rest.is_empty() { text } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quote_before_a_reply_is_left_out() {
        for (text, left) in [
            ("> <@a:b> one\n> two\n\nanswer", "answer"),
            ("answer", "answer"),
            ("> only a quote", "> only a quote"),
            (">one\nmore", ">one\nmore"),
        ] {
            assert_eq!(without_quote(text), left);
        }
    }
}
