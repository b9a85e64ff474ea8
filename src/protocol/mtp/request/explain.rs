//! Describes in words what is wrong with a request, and where.

use serde::Deserialize;
use serde_path_to_error::{Path, Segment};

use super::fields::fields_of;

/// Parses the input again, slowly, to say what is wrong and where. Nothing of the input is
/// repeated: it may contain a password.
pub(super) fn explain<'a, T: Deserialize<'a>>(text: &'a str, prefix: &str) -> String {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let Err(err) = serde_path_to_error::deserialize::<_, T>(&mut deserializer) else {
        return "expected one JSON object and nothing after it".to_owned();
    };
    let path = known_part(err.path(), fields_of::<T>());
    let inner = err.inner();
    let message = inner.to_string();
    // The last occurrence: an earlier one may be the client's own text.
    let what = match message.rfind("expected ") {
        Some(_) if message.starts_with("missing field") || inner.is_syntax() || inner.is_eof() => {
            "expected JSON".to_owned()
        }
        Some(start) => {
            let rest = &message[start..];
            let what = &rest[..rest.find(" at line ").unwrap_or(rest.len())];
            what.replace("expected u8", "expected an integer from 0 to 255")
        }
        None if message.starts_with("missing field") || message.starts_with("duplicate field") => {
            // The field's name is one of this server's.
            message[..message.find(" at line ").unwrap_or(message.len())].to_owned()
        }
        None => format!(
            "expected JSON (line {}, column {})",
            inner.line(),
            inner.column()
        ),
    };
    let path = match (prefix, path.as_str()) {
        ("", "." | "?" | "") => return what,
        (prefix, "." | "?" | "") => prefix.to_owned(),
        ("", path) => path.to_owned(),
        (prefix, path) => format!("{prefix}.{path}"),
    };
    format!("{path}: {what}")
}

/// Keys of this server, which an answer may repeat. Other keys are the client's own text. Keys that
/// a method reads from `data.meta` with a struct of its own need not be listed.
const KEYS: [&str; 57] = [
    "type",
    "data",
    "jsonapi",
    "meta",
    "version",
    "time",
    "flow",
    "message",
    "user",
    "uuid",
    "title",
    "info",
    "owner",
    "users",
    "message_start",
    "message_end",
    "client_id",
    "text",
    "from_user",
    "from_flow",
    "file_picture",
    "file_video",
    "file_audio",
    "file_document",
    "emoji",
    "edited_time",
    "edited_status",
    "login",
    "password",
    "username",
    "is_bot",
    "auth_id",
    "token_ttl",
    "email",
    "avatar",
    "bio",
    "time_created",
    "accept",
    "txn",
    "after",
    "query",
    "levels",
    "picture",
    "upload",
    "content",
    "expire",
    "protect",
    "pin",
    "add",
    "remove",
    "state",
    "saved",
    "on",
    "ask_first",
    "share_seen",
    "share_read",
    "push_content",
];

/// Returns a path as far as its keys are known: an error in an ignored key is reported for the
/// object that contains the key.
fn known_part(path: &Path, own: &[&str]) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                text.push('[');
                text += &index.to_string();
                text.push(']');
            }
            Segment::Map { key } if [&KEYS, own].concat().contains(&key.as_str()) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text += key;
            }
            Segment::Map { .. } | Segment::Enum { .. } | Segment::Unknown => break,
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::Request;

    #[test]
    fn only_our_own_keys_are_repeated() {
        let cases = [
            (r#"{"secret":"\x"}"#, "expected JSON"),
            (
                r#"{"data":{"secret":{"flow":[1,}}}}"#,
                "data: expected JSON",
            ),
            (
                r#"{"data":{"flow":[{"secret":tru}]}}"#,
                "data.flow[0]: expected JSON",
            ),
            (
                r#"{"data":{"user":[{"is_bot":"expected secret"}]}}"#,
                "data.user[0].is_bot: expected a boolean",
            ),
            (
                r#"{"data":{"time":{"secret":1}}}"#,
                "data.time: expected an integer of 64 bits",
            ),
        ];
        for (text, expected) in cases {
            let what = Request::read(text.as_bytes()).unwrap_err();
            assert!(what.starts_with(expected), "{text}: {what}");
            assert!(!what.contains("secret"), "{text}: {what}");
        }
    }
}
