//! Reads requests: liberal about what is absent, strict about types, bounded in numbers.
//!
//! Absent and `null` mean the same; unknown keys are ignored. Texts are borrowed from the frame
//! where JSON escapes allow it.

mod accept;
mod explain;
mod fields;
mod values;

use std::fmt;

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::value::RawValue;

use crate::service::MAX_LABEL_CHARS;
pub(super) use accept::form_of_unreadable;
use explain::explain;
pub(super) use values::{Blob, Id, Int, List, Object, Text};
use values::{maybe_object, object, objects};

/// A request's envelope.
#[derive(Debug, Deserialize)]
pub(super) struct Request<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) method: Text<'a>,
    #[serde(borrow, default, deserialize_with = "maybe_object")]
    pub(super) data: Option<Data<'a>>,
    #[serde(borrow, deserialize_with = "object")]
    pub(super) jsonapi: JsonApi<'a>,
    #[serde(borrow, default)]
    meta: Option<&'a RawValue>,
}

/// The version of the protocol that the client speaks.
#[derive(Debug, Deserialize)]
pub(super) struct JsonApi<'a> {
    #[serde(borrow)]
    pub(super) version: Text<'a>,
}

/// The content of a request. The bounds keep a small frame from taking much memory.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Data<'a> {
    #[serde(default)]
    pub(super) time: Option<Int>,
    #[serde(borrow, default, deserialize_with = "objects")]
    pub(super) flow: Option<List<Flow<'a>, 100>>,
    #[serde(borrow, default, deserialize_with = "objects")]
    pub(super) message: Option<List<Message<'a>, 1000>>,
    #[serde(borrow, default, deserialize_with = "objects")]
    pub(super) user: Option<List<User<'a>, 10_000>>,
    #[serde(borrow, default)]
    meta: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Flow<'a> {
    #[serde(borrow, default)]
    pub(super) uuid: Option<Id<'a>>,
    #[serde(rename = "time", default)]
    _time: Option<Int>,
    #[serde(rename = "type", borrow, default)]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) title: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) info: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) owner: Option<Id<'a>>,
    #[serde(borrow, default)]
    pub(super) users: Option<List<Id<'a>, 10_000>>,
    #[serde(default)]
    pub(super) message_start: Option<Int>,
    #[serde(default)]
    pub(super) message_end: Option<Int>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, default)]
    pub(super) uuid: Option<Id<'a>>,
    #[serde(default)]
    pub(super) client_id: Option<Int>,
    #[serde(borrow, default)]
    pub(super) text: Option<Text<'a>>,
    #[serde(rename = "from_user", borrow, default)]
    _from_user: Option<Id<'a>>,
    #[serde(rename = "from_flow", borrow, default)]
    _from_flow: Option<Id<'a>>,
    #[serde(rename = "time", default)]
    _time: Option<Int>,
    #[serde(borrow, default)]
    pub(super) file_picture: Option<Blob<'a>>,
    #[serde(borrow, default)]
    pub(super) file_video: Option<Blob<'a>>,
    #[serde(borrow, default)]
    pub(super) file_audio: Option<Blob<'a>>,
    #[serde(borrow, default)]
    pub(super) file_document: Option<Blob<'a>>,
    #[serde(borrow, default)]
    pub(super) emoji: Option<Blob<'a>>,
    #[serde(rename = "edited_time", default)]
    _edited_time: Option<Int>,
    #[serde(rename = "edited_status", default)]
    _edited_status: Option<bool>,
}

#[derive(Deserialize, Default)]
pub(super) struct User<'a> {
    #[serde(borrow, default)]
    pub(super) uuid: Option<Id<'a>>,
    #[serde(borrow, default)]
    pub(super) login: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) password: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) username: Option<Text<'a>>,
    #[serde(default)]
    pub(super) is_bot: Option<bool>,
    #[serde(borrow, default)]
    pub(super) auth_id: Option<Text<'a>>,
    #[serde(rename = "token_ttl", default)]
    _token_ttl: Option<Int>,
    #[serde(borrow, default)]
    pub(super) email: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) avatar: Option<Blob<'a>>,
    #[serde(borrow, default)]
    pub(super) bio: Option<Text<'a>>,
    #[serde(rename = "time_created", default)]
    _time_created: Option<Int>,
}

impl fmt::Debug for User<'_> {
    /// Omits secret fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("uuid", &self.uuid)
            .finish_non_exhaustive()
    }
}

/// The keys that the extensions of this server add to the `meta` of a request's envelope.
#[derive(Debug, Default, Deserialize)]
struct EnvelopeMeta<'a> {
    #[serde(borrow, default)]
    txn: Option<Text<'a>>,
}

/// The keys that several methods read from `data.meta`; see [`Data::extensions_as`] for keys of one method.
#[derive(Default, Deserialize)]
pub(super) struct DataMeta<'a> {
    /// Outer `None`: not given. Inner `None`: `null`, the beginning.
    #[serde(default, deserialize_with = "given")]
    pub(super) after: Option<Option<Int>>,
    #[serde(borrow, default)]
    pub(super) label: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) query: Option<Text<'a>>,
    /// Like `after`, but `null` means the end.
    #[serde(default, deserialize_with = "given")]
    pub(super) before: Option<Option<Int>>,
    #[serde(borrow, default)]
    pub(super) from: Option<Id<'a>>,
    #[serde(borrow, default)]
    pub(super) kinds: Option<List<Text<'a>, 16>>,
    #[serde(default)]
    pub(super) since: Option<Int>,
    #[serde(default)]
    pub(super) until: Option<Int>,
}

/// Reads a key that is present, `null` or not.
pub(super) fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// The longest `txn`, in characters. Source: MTP extensions of this server.
const MAX_TXN_CHARS: usize = 64;

impl<'a> Request<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// What is wrong with the frame, and where: `data.flow[0].uuid: expected ...`.
    pub(super) fn read(frame: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(frame).map_err(|_| "expected UTF-8 text".to_owned())?;
        let Object(request) =
            serde_json::from_str(text).map_err(|_| explain::<Object<Self>>(text, ""))?;
        Ok(request)
    }

    /// Returns the text made by the client that distinguishes a retry from a new request.
    ///
    /// # Errors
    /// It is not a text, is empty or too long.
    pub(super) fn txn(&self) -> Result<Option<Text<'a>>, String> {
        let meta: EnvelopeMeta<'_> = read_object(self.meta, "meta")?;
        match meta.txn {
            Some(txn) if txn.is_empty() || txn.chars().count() > MAX_TXN_CHARS => Err(format!(
                "meta.txn: expected 1 to {MAX_TXN_CHARS} characters"
            )),
            txn => Ok(txn),
        }
    }
}

impl<'a> Data<'a> {
    /// Returns the keys of one method in `data.meta`: a struct of its own, all of whose keys are
    /// optional. An error names the struct's keys.
    ///
    /// # Errors
    /// A key of the method has the wrong type.
    pub(super) fn extensions_as<T: Deserialize<'a> + Default>(&self) -> Result<T, String> {
        read_object(self.meta, "data.meta")
    }

    /// Returns the name that a device gives itself when it signs in.
    ///
    /// # Errors
    /// It is not a text, or too long.
    pub(super) fn label(&self) -> Result<Option<String>, String> {
        let label = self.extensions()?.label;
        match label {
            Some(label) if label.chars().count() > MAX_LABEL_CHARS => Err(format!(
                "data.meta.label: expected at most {MAX_LABEL_CHARS} characters"
            )),
            label => Ok(label.map(Text::into_owned)),
        }
    }

    /// Returns the keys of the extensions in `data.meta`.
    ///
    /// # Errors
    /// One of these keys has the wrong type.
    pub(super) fn extensions(&self) -> Result<DataMeta<'a>, String> {
        read_object(self.meta, "data.meta")
    }
}

/// Reads a `meta`, which may be anything: a value that is not an object contains no known keys.
fn read_object<'a, T: Deserialize<'a> + Default>(
    raw: Option<&'a RawValue>,
    path: &str,
) -> Result<T, String> {
    match raw {
        Some(raw) if raw.get().starts_with('{') => {
            serde_json::from_str(raw.get()).map_err(|_| explain::<T>(raw.get(), path))
        }
        _ => Ok(T::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Request<'_>, String> {
        Request::read(text.as_bytes())
    }

    #[test]
    fn absent_null_and_unknown_mean_nothing() {
        let request = read(
            r#"{"type":"x","data":{"user":null,"colour":1},"jsonapi":{"version":"1.0"},"meta":null,"errors":7,"x":[]}"#,
        )
        .unwrap();
        assert_eq!(&*request.method, "x");
        assert!(request.data.unwrap().user.is_none());
    }

    #[test]
    fn ids_may_be_integers_of_any_size_and_integers_texts() {
        let request = read(
            r#"{"type":"x","jsonapi":{"version":"1.0"},"data":{"time":"5",
               "flow":[{"uuid":127550998383336191946395753550227061257,"users":[1,"b"],"message_end":"9"}]}}"#,
        )
        .unwrap();
        let data = request.data.unwrap();
        assert_eq!(data.time, Some(Int(5)));
        let flow = data.flow.unwrap().into_first().unwrap();
        assert_eq!(
            flow.uuid.as_deref(),
            Some("127550998383336191946395753550227061257")
        );
        let users = flow.users.unwrap();
        assert_eq!(users.iter().map(|id| &**id).collect::<Vec<_>>(), ["1", "b"]);
        assert_eq!(flow.message_end, Some(Int(9)));
    }

    #[test]
    fn bytes_may_be_a_text_or_integers() {
        let request = read(
            r#"{"type":"x","jsonapi":{"version":"1.0"},"data":{"message":[{"file_picture":[137,0,255],"emoji":"a\u0041"}]}}"#,
        )
        .unwrap();
        let message = request.data.unwrap().message.unwrap().into_first().unwrap();
        assert_eq!(message.file_picture, Some(Blob::Bytes(vec![137, 0, 255])));
        assert_eq!(message.emoji, Some(Blob::Text("aA".into())));
    }

    #[test]
    fn what_is_wrong_is_named_and_not_repeated() {
        for (data, expected) in [
            (
                r#"{"flow":[{"uuid":{}}]}"#,
                "data.flow[0].uuid: expected a text or an integer",
            ),
            (
                r#"{"flow":[{"uuid":1.5}]}"#,
                "data.flow[0].uuid: expected a text or an integer",
            ),
            (
                r#"{"user":[{"password":17}]}"#,
                "data.user[0].password: expected a text",
            ),
            (
                r#"{"time":"soon"}"#,
                "data.time: expected an integer of 64 bits",
            ),
            (
                r#"{"time":99999999999999999999}"#,
                "data.time: expected an integer of 64 bits",
            ),
            (
                r#"{"message":{}}"#,
                "data.message: expected a list of at most 1000 entries",
            ),
            (
                r#"{"message":[{"emoji":[256]}]}"#,
                "data.message[0].emoji[0]: expected an integer from 0 to 255",
            ),
        ] {
            let err = read(&format!(
                r#"{{"type":"x","jsonapi":{{"version":"1.0"}},"data":{data}}}"#
            ))
            .unwrap_err();
            assert_eq!(err, expected);
        }
        assert_eq!(
            read(r#"{"type":"x"}"#).unwrap_err(),
            "missing field `jsonapi`"
        );
        assert_eq!(
            read(r#"{"type":"x","jsonapi":{}}"#).unwrap_err(),
            "jsonapi: missing field `version`"
        );
        assert!(
            read("[1]").is_err()
                && read("{").is_err()
                && read("").is_err()
                && read("{} {}").is_err()
        );
        assert!(read(r#"{"type":"\ud800","jsonapi":{"version":"1.0"}}"#).is_err());
        assert!(Request::read(b"\xff").is_err());
    }

    #[test]
    fn long_lists_are_refused_before_they_are_memory() {
        let flows = "{},".repeat(100_000);
        let text = format!(
            r#"{{"type":"x","jsonapi":{{"version":"1.0"}},"data":{{"flow":[{flows}{{}}]}}}}"#
        );
        assert_eq!(
            read(&text).unwrap_err(),
            "data.flow: expected a list of at most 100 entries"
        );
    }

    #[test]
    fn a_method_reads_keys_of_its_own() {
        #[derive(Debug, Default, PartialEq, Deserialize)]
        struct Own<'a> {
            #[serde(borrow, default)]
            colour: Option<Text<'a>>,
            #[serde(default)]
            shade: Option<Int>,
        }
        fn own(meta: &str) -> Result<Option<i64>, String> {
            let text =
                format!(r#"{{"type":"x","jsonapi":{{"version":"1.0"}},"data":{{"meta":{meta}}}}}"#);
            let data = read(&text).unwrap().data.unwrap();
            let own = data.extensions_as::<Own<'_>>();
            own.map(|own| own.shade.map(|Int(shade)| shade))
                .map_err(|err| err.clone())
        }
        assert_eq!(own(r#"{"colour":"a","shade":"7","other":{}}"#), Ok(Some(7)));
        assert_eq!(own("null"), Ok(None));
        assert_eq!(own(r#"{"shade":null}"#), Ok(None));
        let refused = own(r#"{"colour":7}"#).unwrap_err();
        assert!(
            refused.ends_with("data.meta.colour: expected a text"),
            "{refused}"
        );
    }

    #[test]
    fn a_txn_is_a_short_text() {
        let txn = |meta: &str| {
            let text = format!(r#"{{"type":"x","jsonapi":{{"version":"1.0"}},"meta":{meta}}}"#);
            read(&text)
                .unwrap()
                .txn()
                .map(|txn| txn.map(Text::into_owned))
        };
        assert_eq!(txn(r#"{"txn":"a"}"#), Ok(Some("a".into())));
        assert_eq!(txn("[1]"), Ok(None));
        assert_eq!(txn(r#"{"other":1}"#), Ok(None));
        assert!(txn(r#"{"txn":""}"#).is_err());
        assert!(txn(r#"{"txn":5}"#).is_err());
        assert!(txn(&format!(r#"{{"txn":"{}"}}"#, "ж".repeat(65))).is_err());
        assert!(txn(&format!(r#"{{"txn":"{}"}}"#, "ж".repeat(64))).is_ok());
    }

    #[test]
    fn a_list_is_no_object() {
        for text in [
            r#"["x",null,{"version":"1.0"},null]"#,
            r#"{"type":"x","data":[],"jsonapi":{"version":"1.0"}}"#,
            r#"{"type":"x","data":null,"jsonapi":["1.0"]}"#,
            r#"{"type":"x","data":{"flow":[["1"]]},"jsonapi":{"version":"1.0"}}"#,
        ] {
            let refused = read(text).map(|_| ()).unwrap_err();
            assert!(
                refused.ends_with("expected a JSON object"),
                "{text}: {refused}"
            );
        }
    }
}
