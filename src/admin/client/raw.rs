//! `client raw`: sends a request as it is.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json, value::RawValue};

use super::{Failure, read_text};
use crate::client::Request;

/// Returns the frame.
///
/// A file that contains a JSON object with `jsonapi` is a whole request, in which `method` and `accept`
/// replace the method and the accepted words. Any other JSON object is the `data` of a request of the method.
/// Without `method` and `accept`, the file is sent as it is, whatever it contains.
pub(super) fn frame(
    method: Option<&str>,
    file: Option<&Path>,
    accept: &[String],
) -> Result<String, Failure> {
    let new = |method| {
        let request = Request::new(method, Value::Null).accepting(accept);
        request.to_frame().to_string()
    };
    let Some(text) = file.map(read_text).transpose()? else {
        return method
            .map(new)
            .ok_or_else(|| Failure::Request("give --type METHOD, --file FILE or both".to_owned()));
    };
    if method.is_none() && accept.is_empty() {
        return Ok(text);
    }
    // The values stay text: an id may be an integer of 39 digits, which no number type holds.
    let object: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_str(&text);
    let mut object = object.map_err(|error| {
        let hint = "it holds a whole request, or its data; without --type and --accept it is sent as it is";
        Failure::Request(format!("the file is no JSON object ({error}): {hint}"))
    })?;
    if !object.contains_key("jsonapi") {
        let method = method.ok_or_else(|| {
            Failure::Request("the file holds no whole request: give --type METHOD".to_owned())
        })?;
        return Ok(new(method).replacen(r#""data":null"#, &format!(r#""data":{text}"#), 1));
    }
    let kind = method.map(|method| json!(method).to_string());
    let meta = meta(object.get("meta").copied(), accept)?;
    let unwritable = |error: serde_json::Error| Failure::Request(error.to_string());
    let kind = kind.map(RawValue::from_string).transpose();
    let kind = kind.map_err(unwritable)?;
    let meta = meta.map(RawValue::from_string).transpose();
    let meta = meta.map_err(unwritable)?;
    for (key, value) in [("type", &kind), ("meta", &meta)] {
        if let Some(value) = value {
            object.insert(key.to_owned(), value);
        }
    }
    serde_json::to_string(&object).map_err(unwritable)
}

/// Returns the envelope's `meta` with the accepted words; `None` if it stays as it is.
fn meta(there: Option<&RawValue>, accept: &[String]) -> Result<Option<String>, Failure> {
    if accept.is_empty() {
        return Ok(None);
    }
    let text = there.map_or("null", RawValue::get);
    let object: Result<Option<BTreeMap<String, &RawValue>>, _> = serde_json::from_str(text);
    let mut object = object
        .map_err(|error| Failure::Request(format!("the request's meta is no object: {error}")))?
        .unwrap_or_default();
    let words = RawValue::from_string(json!(accept).to_string());
    let words = words.map_err(|error| Failure::Request(error.to_string()))?;
    object.insert("accept".to_owned(), &words);
    let text = serde_json::to_string(&object);
    text.map(Some)
        .map_err(|error| Failure::Request(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::exit::Exit;

    fn frame(method: Option<&str>, text: Option<&str>) -> Result<Value, Failure> {
        accepting(method, text, &[])
    }

    fn accepting(
        method: Option<&str>,
        text: Option<&str>,
        accept: &[String],
    ) -> Result<Value, Failure> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("request.json");
        if let Some(text) = text {
            fs::write(&path, text).expect("written");
        }
        let frame = super::frame(method, text.map(|_| path.as_path()), accept)?;
        Ok(serde_json::from_str(&frame).unwrap_or(Value::String(frame)))
    }

    #[test]
    fn a_file_holds_a_request_or_its_data() {
        let data = frame(Some("x"), Some(r#"{"time": 5}"#)).expect("made");
        assert_eq!(
            (&data["type"], &data["data"]),
            (&json!("x"), &json!({"time": 5}))
        );
        assert_eq!(data["jsonapi"]["version"], "1.0");
        let whole = r#"{"type": "y", "data": null, "jsonapi": {"version": "9"}, "more": 1}"#;
        let replaced = frame(Some("x"), Some(whole)).expect("made");
        assert_eq!(
            (&replaced["type"], &replaced["jsonapi"]["version"]),
            (&json!("x"), &json!("9"))
        );
        assert_eq!(replaced["more"], 1);
        assert_eq!(frame(None, Some(whole)).expect("made")["type"], "y");
        assert_eq!(frame(Some("x"), None).expect("made")["data"], Value::Null);
    }

    #[test]
    fn what_is_accepted_is_added_to_any_request() {
        let words = ["rich".to_owned()];
        let bare = accepting(Some("x"), None, &words).expect("made");
        assert_eq!(bare["meta"], json!({"accept": ["rich"]}));
        let data = accepting(Some("x"), Some(r#"{"time": 5}"#), &words).expect("made");
        assert_eq!(
            (&data["data"], &data["meta"]),
            (&json!({"time": 5}), &json!({"accept": ["rich"]}))
        );
        let whole = r#"{"type": "y", "jsonapi": {}, "meta": {"txn": "1", "accept": ["old"]}}"#;
        let replaced = accepting(None, Some(whole), &words).expect("made");
        assert_eq!(replaced["type"], "y");
        assert_eq!(replaced["meta"], json!({"txn": "1", "accept": ["rich"]}));
        for text in [
            "no JSON",
            r#"{"time": 5}"#,
            r#"{"jsonapi": {}, "meta": "text"}"#,
        ] {
            let failure = accepting(None, Some(text), &words).expect_err("refused");
            assert_eq!(failure.exit(), Exit::Usage, "{failure}");
        }
    }

    #[test]
    fn anything_can_be_sent_as_it_is() {
        assert_eq!(
            frame(None, Some("no JSON")).expect("made"),
            json!("no JSON")
        );
        for (method, text) in [
            (Some("x"), Some("no JSON")),
            (Some("x"), Some("[1]")),
            (None, None),
        ] {
            let failure = frame(method, text).expect_err("refused");
            assert_eq!(failure.exit(), Exit::Usage, "{failure}");
        }
    }
}
