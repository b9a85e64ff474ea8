//! Files in JSON as base64: `attachments` of a title and a message.
//!
//! Source: Apprise, Custom JSON Notifications.

use std::fmt;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::said::{Complaint, Held, SaidFile};

/// The most files that are read from one body; a message shows fewer.
const MAX_FILES: usize = 128;

/// Base64 with its padding or without it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Takes the files out of JSON. An attachment without base64 is not a file.
///
/// # Errors
/// An attachment that is meant as a file but is not valid.
pub(super) fn take(json: &mut Map<String, Value>) -> Result<Vec<SaidFile>, Complaint> {
    let Some(Value::Array(all)) = json.remove("attachments") else {
        return Ok(Vec::new());
    };
    let mut files = Vec::new();
    for (n, mut one) in all.into_iter().enumerate() {
        let Some(text) = one.get_mut("base64").map(Value::take) else {
            continue;
        };
        let bytes = match text {
            Value::String(text) => BASE64.decode(text).ok(),
            _ => None,
        };
        let wrong = || Complaint::bad(format!("`attachments[{n}].base64` is no file in base64"));
        let name = one.get("filename").and_then(Value::as_str);
        files.push(SaidFile {
            name: name.filter(|it| !it.is_empty()).map(str::to_owned),
            held: Held::Bytes(bytes.filter(|it| !it.is_empty()).ok_or_else(wrong)?),
        });
    }
    Ok(files)
}

/// Reads JSON that is too long for anything but files: the files, the title, the message and the priority,
/// and nothing else, so that it takes no more memory than the body does. `None` if it is not such JSON.
pub(super) fn of_long(body: &[u8]) -> Option<Map<String, Value>> {
    let Long {
        title,
        message,
        priority,
        attachments,
    } = serde_json::from_slice(body).ok()?;
    let all: Vec<Value> = attachments.0.into_iter().map(Value::from).collect();
    let text = |text: Option<String>| text.map_or(Value::Null, Value::from);
    let priority = priority.and_then(|it| match it {
        Priority::Number(number) => Some(Value::from(number)),
        Priority::Word(word) => Some(Value::from(word)),
        Priority::Other(_) => None,
    });
    let fields = [
        ("title", text(title)),
        ("message", text(message)),
        ("priority", priority.unwrap_or_default()),
        ("attachments", Value::from(all)),
    ];
    Some(
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

#[derive(Deserialize)]
struct Long {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    priority: Option<Priority>,
    attachments: Attachments,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Priority {
    Number(i64),
    Word(String),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Attachment {
    #[serde(default)]
    filename: Option<String>,
    base64: String,
}

impl From<Attachment> for Value {
    fn from(attachment: Attachment) -> Self {
        let mut fields = Map::new();
        fields.insert("filename".to_owned(), attachment.filename.into());
        fields.insert("base64".to_owned(), attachment.base64.into());
        Self::Object(fields)
    }
}

/// At most as many attachments as are read.
struct Attachments(Vec<Attachment>);

impl<'de> Deserialize<'de> for Attachments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Attachments;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MAX_FILES} files")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = seq.next_element()? {
                    if all.len() == MAX_FILES {
                        return Err(A::Error::invalid_length(MAX_FILES + 1, &self));
                    }
                    all.push(one);
                }
                Ok(Attachments(all))
            }
        }
        deserializer.deserialize_seq(All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn files(json: &Value) -> Result<Vec<SaidFile>, Complaint> {
        take(&mut json.as_object().unwrap().clone())
    }

    #[test]
    fn what_is_base64_is_a_file() {
        let found = files(&json!({"attachments": [
            {"filename": "a.txt", "base64": "YWI=", "mimetype": "text/plain"},
            {"base64": "YWI"}, {"text": "of Slack"},
        ]}));
        let file = |name: Option<&str>| SaidFile {
            name: name.map(str::to_owned),
            held: Held::Bytes(b"ab".to_vec()),
        };
        assert_eq!(found.unwrap(), [file(Some("a.txt")), file(None)]);
        assert!(files(&json!({"attachments": "text"})).unwrap().is_empty());
        for wrong in [json!("?"), json!(7), json!(""), json!(null)] {
            let refused = files(&json!({"attachments": [{}, {"base64": wrong}]})).unwrap_err();
            assert!(refused.1.contains("attachments[1]"), "{}", refused.1);
        }
    }

    #[test]
    fn long_json_is_files_and_what_stands_beside_them() {
        let body = json!({"title": "T", "message": "m", "priority": 4, "other": [[], [[]]],
            "attachments": [{"filename": "a", "base64": "YWI=", "x": 1}]});
        let mut read = of_long(body.to_string().as_bytes()).unwrap();
        assert_eq!(
            (&read["title"], &read["priority"]),
            (&json!("T"), &json!(4))
        );
        assert_eq!(read.get("other"), None);
        assert_eq!(take(&mut read).unwrap().len(), 1);
        let many = vec![json!({"base64": "YQ=="}); MAX_FILES + 1];
        for body in [
            json!({"attachments": many}),
            json!({"message": "m"}),
            json!(7),
        ] {
            assert!(of_long(body.to_string().as_bytes()).is_none());
        }
    }

    proptest! {
        #[test]
        fn any_body_is_taken(body in "[{}\\[\\]\":,a-zA-Z0-9=]{0,80}") {
            let _ = of_long(body.as_bytes());
        }
    }
}
