//! Messages in answers.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::{Blob, Id};
use crate::model::Digits;

/// A message. Most answers consist of many messages, so [`fragment`] writes those without content by hand.
#[derive(Default, Serialize)]
#[serde(remote = "Self")]
pub(in crate::protocol::mtp) struct Message<'a> {
    pub(in crate::protocol::mtp) uuid: Id,
    /// Outer `None`: not part of this answer. Inner `None`: `null`, the client gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::protocol::mtp) client_id: Option<Option<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::protocol::mtp) text: Option<Cow<'a, str>>,
    pub(in crate::protocol::mtp) from_user: Id,
    pub(in crate::protocol::mtp) from_flow: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::protocol::mtp) time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::protocol::mtp) file_picture: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::protocol::mtp) file_video: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::protocol::mtp) file_audio: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::protocol::mtp) file_document: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::protocol::mtp) emoji: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::protocol::mtp) edited_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::protocol::mtp) edited_status: Option<bool>,
}

impl Serialize for Message<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match fragment(self) {
            Some(json) => serializer.serialize_bytes(&json),
            None => Self::serialize(self, serializer),
        }
    }
}

/// The bytes around the text of a message.
const AROUND: usize = 320;

/// Returns a message as JSON, in a quarter of the time that the derived `serde` code takes; `None`
/// for a message with the content of files, which is too large to be written twice.
fn fragment(message: &Message<'_>) -> Option<Vec<u8>> {
    // Destructured in full, so that a new field does not compile until it is added here.
    let Message {
        uuid,
        client_id,
        text,
        from_user,
        from_flow,
        time,
        file_picture,
        file_video,
        file_audio,
        file_document,
        emoji,
        edited_time,
        edited_status,
    } = message;
    let mut json = Vec::with_capacity(AROUND + text.as_ref().map_or(0, |text| text.len()));
    id(&mut json, b"{\"uuid\":", *uuid);
    match client_id {
        Some(Some(number)) => value(&mut json, b",\"client_id\":", number)?,
        Some(None) => json.extend_from_slice(b",\"client_id\":null"),
        None => {}
    }
    if let Some(text) = text.as_deref() {
        value(&mut json, b",\"text\":", text)?;
    }
    id(&mut json, b",\"from_user\":", *from_user);
    id(&mut json, b",\"from_flow\":", *from_flow);
    if let Some(time) = time {
        value(&mut json, b",\"time\":", time)?;
    }
    for (key, blob) in [
        (&b",\"file_picture\":\"\""[..], file_picture),
        (b",\"file_video\":\"\"", file_video),
        (b",\"file_audio\":\"\"", file_audio),
        (b",\"file_document\":\"\"", file_document),
        (b",\"emoji\":\"\"", emoji),
    ] {
        match blob {
            Some(Blob::Content(_)) => return None,
            Some(Blob::Emptied) => json.extend_from_slice(key),
            None => {}
        }
    }
    if let Some(time) = edited_time {
        value(&mut json, b",\"edited_time\":", time)?;
    }
    if let Some(edited) = edited_status {
        let words: &[u8] = if *edited {
            b",\"edited_status\":true"
        } else {
            b",\"edited_status\":false"
        };
        json.extend_from_slice(words);
    }
    json.push(b'}');
    Some(json)
}

fn id(json: &mut Vec<u8>, key: &[u8], id: Id) {
    json.extend_from_slice(key);
    json.extend_from_slice(Digits::of(id.0).quoted());
}

fn value<T: Serialize + ?Sized>(json: &mut Vec<u8>, key: &[u8], value: &T) -> Option<()> {
    json.extend_from_slice(key);
    serde_json::to_writer(json, value).ok()
}

#[cfg(test)]
mod tests {
    use super::super::super::wire::Frames;
    use super::*;
    use crate::model::{Content, Encoding, PublicId};

    /// Returns what the derived `serde` code writes.
    fn derived(message: &Message<'_>) -> String {
        let mut json = Vec::new();
        let mut writer = serde_json::Serializer::with_formatter(&mut json, Frames::default());
        Message::serialize(message, &mut writer).unwrap();
        String::from_utf8(json).unwrap()
    }

    #[test]
    fn it_is_what_serde_derives() {
        let id = |number| Id(PublicId(number));
        let sent = Message {
            uuid: id(7),
            client_id: Some(Some(-5)),
            from_user: id(u128::MAX),
            from_flow: id(12),
            ..Message::default()
        };
        let told = Message {
            text: Some("\"quoted\", \\ and \u{1} and \u{1f600}\n".into()),
            time: Some(1_700_000_000),
            edited_status: Some(false),
            ..Message::default()
        };
        let deleted = Message {
            client_id: Some(None),
            text: Some("".into()),
            file_picture: Some(Blob::Emptied),
            file_video: Some(Blob::Emptied),
            file_audio: Some(Blob::Emptied),
            file_document: Some(Blob::Emptied),
            emoji: Some(Blob::Emptied),
            edited_time: Some(5),
            edited_status: Some(true),
            ..Message::default()
        };
        for message in [&sent, &told, &deleted] {
            let written = String::from_utf8(fragment(message).unwrap()).unwrap();
            assert_eq!(written, derived(message));
        }
    }

    #[test]
    fn content_is_left_to_serde() {
        let content = Content {
            bytes: b"bytes".as_slice().into(),
            encoding: Encoding::Text,
        };
        let message = Message {
            emoji: Some(Blob::Content(&content)),
            ..Message::default()
        };
        assert!(fragment(&message).is_none());
    }
}
