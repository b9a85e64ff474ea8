//! What every answer has to be like. Source: MTP 1.0 revision 17, Envelope and Errors.

use morelia::protocol::{Answer, Frame};
use serde_json::Value;

/// The codes that a sound server has reason to answer with, alone on its machine: not 408, 500,
/// 503 or 520.
const CODES: [(u64, &str); 13] = [
    (200, "OK"),
    (201, "Created"),
    (202, "Accepted"),
    (206, "Partial Content"),
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (405, "Method Not Allowed"),
    (409, "Conflict"),
    (415, "Unsupported Media Type"),
    (429, "Too Many Requests"),
    (505, "Version Not Supported"),
];

/// The list of methods, as the program has it.
const LIST: &str = include_str!("../../src/protocol/mtp/methods/mod.rs");

/// Tells whether an answer may have a type: that of a method, or `error`.
fn is_type(name: &str) -> bool {
    name == "error" || LIST.contains(&format!("\n        \"{name}\"")) || name == "auth"
}

/// Methods that ask the program around the service.
const OF_THE_PROGRAM: [&str; 4] = ["server_status", "list_backups", "make_backup", "run_check"];

/// What would tell of the inside.
const INSIDE: [&str; 7] = [
    "SELECT", "sqlite", "SQLITE", "Error(", "panicked", ".rs", "None",
];

/// Returns the code of an answer; the error says what is wrong with it.
pub(crate) fn judge(answer: &Answer) -> Result<u16, String> {
    let Some(Frame::Text(text)) = &answer.frame else {
        return Err(format!("no text was answered: {answer:?}"));
    };
    let code = judge_text(text)?;
    match answer.close {
        Some(close) if (close.code, code) != (1008, 415) => Err(format!("closed: {close:?}")),
        _ => Ok(code),
    }
}

/// Judges an unasked frame.
pub(crate) fn judge_pushed(frame: &Frame) -> Result<(), String> {
    let Frame::Text(text) = frame else {
        return Err(format!("{frame:?} was pushed"));
    };
    let value = envelope(text)?;
    let is_push = value["meta"]["push"] == true && value["type"] == "get_update";
    if is_push && value["errors"]["code"] == 200 {
        Ok(())
    } else {
        Err(format!("pushed: {value}"))
    }
}

/// Judges the text of an answer.
pub(crate) fn judge_text(text: &[u8]) -> Result<u16, String> {
    let value = envelope(text)?;
    let wrong = |what: &str| Err(format!("{what}: {value}"));
    if !value["meta"].is_null() {
        return wrong("meta is not null");
    }
    let code = value["errors"]["code"].as_u64().unwrap_or_default();
    let refusal = &value["data"]["meta"]["refusal"]["key"];
    if code >= 400 && !value["data"].is_null() && !refusal.is_string() {
        return wrong("an error has data that does not say why");
    }
    if [405, 415].contains(&code) && value["type"] != "error" {
        return wrong("what was not recognised has a type");
    }
    u16::try_from(code).or_else(|_| wrong("no code"))
}

fn envelope(text: &[u8]) -> Result<Value, String> {
    let shown = || String::from_utf8_lossy(text);
    let value: Value = serde_json::from_slice(text).map_err(|err| format!("{err}: {}", shown()))?;
    let keys = |value: &Value| -> Vec<String> {
        let object = value.as_object().into_iter();
        object.flat_map(|object| object.keys().cloned()).collect()
    };
    let errors = &value["errors"];
    let known = (errors["code"].as_u64(), errors["status"].as_str());
    let detail = errors["detail"].as_str().unwrap_or_default();
    let time = |time: &Value| time.as_i64().is_some_and(|time| time > 0);
    let sound = keys(&value) == ["data", "errors", "jsonapi", "meta", "type"]
        && keys(errors) == ["code", "detail", "status", "time"]
        && value["type"].as_str().is_some_and(is_type)
        && (value["data"].is_null() || value["data"].is_object() && time(&value["data"]["time"]))
        && (CODES
            .iter()
            .any(|(code, status)| known == (Some(*code), Some(*status)))
            // No program is around the service that is asked here, so that nobody knows of it.
            || known == (Some(503), Some("Service Unavailable"))
                && value["type"]
                    .as_str()
                    .is_some_and(|kind| OF_THE_PROGRAM.contains(&kind)))
        && time(&errors["time"])
        && value["jsonapi"] == serde_json::json!({"version": "1.0", "revision": "17"})
        && !detail.is_empty()
        && !INSIDE.iter().any(|word| detail.contains(word));
    if sound {
        Ok(value)
    } else {
        Err(format!("not as the protocol says: {}", shown()))
    }
}
