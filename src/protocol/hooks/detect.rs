//! Detects the form of a request, and reads it.

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

pub(super) use super::markup::MAX_TEXT_BYTES;
use super::ntfy::{self, Beside};
use super::said::{Complaint, Said, SaidFile};
use super::{alerts, attached, form, gotify, markup, slack};

/// The most bytes of JSON that are read whole. Of longer JSON only files are read, with their title
/// and message; without files it is refused.
const MAX_JSON_BYTES: usize = 1024 * 1024;

/// The most characters of the key that distinguishes a retry from a new request.
const MAX_KEY_CHARS: usize = 64;

/// The forms that programs use, which determine how they are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tongue {
    Ours,
    Ntfy,
    Slack,
    Gotify,
    /// A title and a message.
    Titled,
    Alerts,
}

/// What an address says about the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing.
    Nothing,
    /// ntfy's form; the body is a text or a file.
    Text,
    /// ntfy's form; the body is JSON with a topic.
    Publish,
    Slack,
    Gotify,
    Alerts,
}

/// The part of a request on which the form depends.
pub(super) struct Sent<'a> {
    pub(super) told: Told,
    pub(super) topic: Option<String>,
    pub(super) content_type: Option<&'a str>,
    pub(super) beside: Beside<'a>,
    pub(super) body: &'a [u8],
}

/// Detects the form of a request, and reads it.
///
/// # Errors
/// The reason why it is invalid.
pub(super) fn read(sent: &Sent<'_>) -> Result<(Tongue, Said), Complaint> {
    let (tongue, mut said) = of_form(sent)?;
    if said.key.is_none() {
        said.key = (sent.beside.header)("idempotency-key").filter(|key| !key.is_empty());
    }
    if said
        .key
        .as_ref()
        .is_some_and(|key| key.chars().count() > MAX_KEY_CHARS)
    {
        let words = format!(
            "what tells a repetition from something new has at most {MAX_KEY_CHARS} characters"
        );
        return Err(Complaint::bad(words));
    }
    Ok((tongue, said))
}

fn of_form(sent: &Sent<'_>) -> Result<(Tongue, Said), Complaint> {
    let is_in_parts = sent.content_type.and_then(form::boundary).is_some();
    if sent.told == Told::Nothing && !is_in_parts && sent.beside.file_name().is_some() {
        // A file, whatever is in it: it may be JSON.
        let said = ntfy::of_body(&sent.beside, sent.topic.clone(), sent.body)?;
        return Ok((Tongue::Ntfy, said));
    }
    let json = object(sent);
    let needed = || Complaint::bad("the body is no JSON object");
    match sent.told {
        Told::Text => {
            let said = ntfy::of_body(&sent.beside, sent.topic.clone(), sent.body)?;
            return Ok((Tongue::Ntfy, said));
        }
        Told::Publish => {
            let json = json?.ok_or_else(needed)?;
            return Ok((Tongue::Ntfy, ntfy::of_json(&sent.beside, &json)?));
        }
        Told::Slack => {
            let json = match json? {
                Some(json) => json,
                None => payload(sent)?.ok_or_else(needed)?,
            };
            return Ok((Tongue::Slack, slack::of_json(&json)?));
        }
        Told::Gotify => {
            let form::Form { mut fields, files } = match json? {
                Some(fields) => form::Form {
                    fields,
                    files: Vec::new(),
                },
                None => fields(sent)?.ok_or_else(needed)?,
            };
            for name in ["message", "title", "priority"] {
                if let (None, Some(value)) = (fields.get(name), (sent.beside.parameter)(name)) {
                    fields.insert(name.to_owned(), Value::from(value));
                }
            }
            let said = gotify::of_json(&fields, !files.is_empty())?;
            return Ok((Tongue::Gotify, Said { files, ..said }));
        }
        Told::Alerts => {
            let json = json?.ok_or_else(needed)?;
            return Ok((Tongue::Alerts, alerts::of_json(&json)?));
        }
        Told::Nothing => {}
    }
    if let Some(json) = json? {
        return of_json(sent, json);
    }
    if let Some(json) = payload(sent)? {
        return Ok((Tongue::Slack, slack::of_json(&json)?));
    }
    if let Some(fields) = filled_in(sent) {
        return titled(&fields, Vec::new());
    }
    if let Some(boundary) = sent.content_type.and_then(form::boundary) {
        let form = form::of_parts(sent.body, boundary)?;
        return of_parts(sent, form);
    }
    let said = ntfy::of_body(&sent.beside, sent.topic.clone(), sent.body)?;
    Ok((Tongue::Ntfy, said))
}

/// Detects the form of JSON by its fields.
fn of_json(sent: &Sent<'_>, mut json: Map<String, Value>) -> Result<(Tongue, Said), Complaint> {
    let has = |name: &str| json.get(name).is_some_and(|value| !value.is_null());
    if json.get("alerts").is_some_and(Value::is_array) {
        return Ok((Tongue::Alerts, alerts::of_json(&json)?));
    }
    if has("topic") && (has("message") || has("title")) {
        return Ok((Tongue::Ntfy, ntfy::of_json(&sent.beside, &json)?));
    }
    if has("message") {
        let files = attached::take(&mut json)?;
        return titled(&json, files);
    }
    let is_ours = |name: &String| ["text", "format", "txn"].contains(&name.as_str());
    if has("text") && json.keys().all(is_ours) {
        return Ok((Tongue::Ours, ours(&json)?));
    }
    if has("text") || has("blocks") || has("attachments") {
        return Ok((Tongue::Slack, slack::of_json(&json)?));
    }
    Err(Complaint::bad(
        "this JSON has none of the forms that are known here: text (and format, txn); title and message; \
         topic and message (ntfy); text, blocks or attachments (Slack); alerts (Alertmanager, Grafana)",
    ))
}

/// Reads a title, a message and perhaps files. The priority is read as in ntfy's form.
fn titled(json: &Map<String, Value>, files: Vec<SaidFile>) -> Result<(Tongue, Said), Complaint> {
    let said = gotify::of_json(json, !files.is_empty())?;
    let priority = match json.get("priority") {
        Some(Value::Number(number)) => number.as_i64().map(|it| it.clamp(1, 5).to_string()),
        Some(Value::String(word)) => Some(word.clone()),
        _ => None,
    };
    let priority = priority.and_then(|word| ntfy::priority(&word).ok());
    let said = Said {
        priority,
        files,
        ..said
    };
    Ok((Tongue::Titled, said))
}

/// Reads this server's own form.
fn ours(json: &Map<String, Value>) -> Result<Said, Complaint> {
    let text = json.get("text").and_then(Value::as_str);
    let text = text.ok_or_else(|| Complaint::bad("`text` is a text"))?;
    let is_markup = match json.get("format") {
        None | Some(Value::Null) => false,
        Some(format) if format.as_i64() == Some(0) => false,
        Some(format) if format.as_i64() == Some(1) => true,
        Some(_) => return Err(Complaint::bad("`format` is 1 for markup, or absent")),
    };
    let key = match json.get("txn") {
        None | Some(Value::Null) => None,
        Some(Value::String(key)) => Some(key.clone()),
        Some(_) => return Err(Complaint::bad("`txn` is a text")),
    };
    Ok(Said {
        text: text.to_owned(),
        is_markup,
        key,
        ..Said::default()
    })
}

/// Reads a form in parts: Slack's, or a title, a message and a file.
fn of_parts(sent: &Sent<'_>, form: form::Form) -> Result<(Tongue, Said), Complaint> {
    if let Some(json) = payload_of(&form)? {
        return Ok((Tongue::Slack, slack::of_json(&json)?));
    }
    if form.files.is_empty() {
        return titled(&form.fields, Vec::new());
    }
    let mut said = ntfy::of_body(&sent.beside, sent.topic.clone(), b"")?;
    let field = |name: &str| form.fields.get(name).and_then(Value::as_str);
    let text = |name: &str| field(name).map(|it| markup::shortened(it).into_owned());
    said.text = text("message").unwrap_or_default();
    said.title = text("title").or(said.title);
    said.echo.message.clone_from(&said.text);
    said.files = form.files;
    Ok((Tongue::Ntfy, said))
}

/// Returns the body as a JSON object; `None` if it is a text, which includes a JSON number or word.
fn object(sent: &Sent<'_>) -> Result<Option<Map<String, Value>>, Complaint> {
    if matches!(sent.told, Told::Text) {
        return Ok(None);
    }
    let begins = sent.body.iter().find(|byte| !byte.is_ascii_whitespace());
    if !begins.is_some_and(|byte| b"{[".contains(byte)) {
        return Ok(None);
    }
    if sent.body.len() > MAX_JSON_BYTES {
        let files = attached::of_long(sent.body);
        // What only begins like JSON is a text.
        let is_json = || serde_json::from_slice::<IgnoredAny>(sent.body).is_ok();
        if files.is_none() && is_json() {
            return Err(too_long());
        }
        return Ok(files);
    }
    match serde_json::from_slice(sent.body) {
        Ok(Value::Object(json)) => Ok(Some(json)),
        Ok(_) => Err(Complaint::bad(
            "a list says nothing here: the body is a text, or a JSON object",
        )),
        Err(_) => Ok(None),
    }
}

/// Returns the JSON of a form's field `payload`.
fn payload(sent: &Sent<'_>) -> Result<Option<Map<String, Value>>, Complaint> {
    let form = if sent.body.starts_with(b"payload=") {
        form::of_urlencoded(sent.body)
    } else {
        let Some(boundary) = sent.content_type.and_then(form::boundary) else {
            return Ok(None);
        };
        form::of_parts(sent.body, boundary)?
    };
    payload_of(&form)
}

/// Returns the JSON in the field `payload` of a form.
fn payload_of(form: &form::Form) -> Result<Option<Map<String, Value>>, Complaint> {
    let payload = form.fields.get("payload").and_then(Value::as_str);
    match payload {
        Some(long) if long.len() > MAX_JSON_BYTES => Err(too_long()),
        Some(payload) => Ok(serde_json::from_str(payload).ok()),
        None => Ok(None),
    }
}

fn too_long() -> Complaint {
    let words = format!("JSON without files may have {MAX_JSON_BYTES} bytes");
    Complaint(413, words)
}

/// Returns the fields of an urlencoded form with a message. The type alone does not tell it from a text: it is
/// curl's usual one.
fn filled_in(sent: &Sent<'_>) -> Option<Map<String, Value>> {
    let kind = sent.content_type?;
    let text = std::str::from_utf8(sent.body).ok()?.trim_end();
    let is_field = |pair: &str| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let name = pair.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| !name.is_empty() && name.chars().all(is_name))
    };
    let is_form = kind.starts_with("application/x-www-form-urlencoded")
        && !text.contains('\n')
        && text.split('&').all(is_field);
    let fields = is_form.then(|| form::of_urlencoded(text.as_bytes()).fields)?;
    let message = fields.get("message").and_then(Value::as_str);
    message
        .is_some_and(|it| !it.trim().is_empty())
        .then_some(fields)
}

/// Returns the fields of a form, if the content type says that it is one.
fn fields(sent: &Sent<'_>) -> Result<Option<form::Form>, Complaint> {
    let kind = sent.content_type.unwrap_or_default();
    if let Some(boundary) = form::boundary(kind) {
        return form::of_parts(sent.body, boundary).map(Some);
    }
    let is_form = kind.starts_with("application/x-www-form-urlencoded") || sent.body.is_empty();
    Ok(is_form.then(|| form::of_urlencoded(sent.body)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sent<'a>(told: Told, content_type: Option<&'a str>, body: &'a [u8]) -> Sent<'a> {
        let beside = Beside {
            header: &|_| None,
            parameter: &|_| None,
        };
        Sent {
            told,
            topic: None,
            content_type,
            beside,
            body,
        }
    }

    fn tongue(body: &str) -> Result<Tongue, Complaint> {
        read(&sent(
            Told::Nothing,
            Some("application/x-www-form-urlencoded"),
            body.as_bytes(),
        ))
        .map(|it| it.0)
    }

    #[test]
    fn forms_are_told_apart() {
        for (body, expected) in [
            ("the washing machine is done", Tongue::Ntfy),
            ("12", Tongue::Ntfy),
            ("\"word\"", Tongue::Ntfy),
            ("{broken", Tongue::Ntfy),
            ("[backup] done", Tongue::Ntfy),
            ("payload", Tongue::Ntfy),
            ("payload=no+json", Tongue::Ntfy),
            ("title=Door&message=a+b&type=info", Tongue::Titled),
            ("message=a b", Tongue::Titled),
            ("message=", Tongue::Ntfy),
            ("a message=b", Tongue::Ntfy),
            ("title=Door & message=b", Tongue::Ntfy),
            ("message=a\nb=c", Tongue::Ntfy),
            ("load=9&free=3", Tongue::Ntfy),
            (r#"{"topic": "a", "message": "b"}"#, Tongue::Ntfy),
            (r#"{"topic": "a", "title": "b"}"#, Tongue::Ntfy),
            (r#"{"message": "b"}"#, Tongue::Titled),
            (
                r#"{"version": "1.0", "title": "a", "message": "b", "attachments": [], "type": "info"}"#,
                Tongue::Titled,
            ),
            (r#"{"text": "a"}"#, Tongue::Ours),
            (r#"{"text": "a", "format": 1, "txn": "x"}"#, Tongue::Ours),
            (r#"{"text": "a", "username": "b"}"#, Tongue::Slack),
            (r#"{"attachments": [{"text": "a"}]}"#, Tongue::Slack),
            ("payload=%7B%22text%22%3A%22a%22%7D", Tongue::Slack),
            (
                r#"{"version": "4", "status": "firing", "alerts": []}"#,
                Tongue::Alerts,
            ),
            (
                r#"{"version": "1", "message": "m", "title": "t", "alerts": [], "status": "firing"}"#,
                Tongue::Alerts,
            ),
        ] {
            assert_eq!(tongue(body), Ok(expected), "{body}");
        }
        for body in [
            "{}",
            "[]",
            r#"{"a": 1}"#,
            r#"{"topic": "a"}"#,
            r#"{"text": 1}"#,
            r#"{"text": "a", "format": 7}"#,
        ] {
            assert_eq!(tongue(body).unwrap_err().0, 400, "{body}");
        }
    }

    #[test]
    fn an_address_says_the_form() {
        let json = br#"{"text": "*a*"}"#;
        let read = |told, kind, body| {
            read(&sent(told, kind, body)).map(|(tongue, said)| (tongue, said.text))
        };
        assert_eq!(
            read(Told::Slack, None, json),
            Ok((Tongue::Slack, "**a**".to_owned()))
        );
        assert_eq!(
            read(Told::Text, None, json),
            Ok((Tongue::Ntfy, r#"{"text": "*a*"}"#.to_owned()))
        );
        let form = Some("application/x-www-form-urlencoded");
        assert_eq!(
            read(Told::Gotify, form, b"message=a+b"),
            Ok((Tongue::Gotify, "a b".to_owned()))
        );
        assert!(
            read(Told::Alerts, None, b"text").is_err()
                && read(Told::Publish, None, b"text").is_err()
        );
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let long = "a".repeat(MAX_JSON_BYTES);
        for body in [
            format!(r#"{{"message": "{long}"}}"#),
            format!(r#"payload={{"text": "{long}"}}"#),
        ] {
            assert_eq!(tongue(&body).unwrap_err().0, 413);
        }
        // A text that begins like JSON is a text.
        assert_eq!(tongue(&format!("[1] {long}")), Ok(Tongue::Ntfy));
        let key = "k".repeat(65);
        assert_eq!(
            tongue(&format!(r#"{{"text": "a", "txn": "{key}"}}"#))
                .unwrap_err()
                .0,
            400
        );
    }

    proptest! {
        #[test]
        fn any_body_is_taken(
            body in proptest::collection::vec(any::<u8>(), 0..120),
            words in "[{}\\[\\]\":,a-z0-9 ]{0,80}",
            which in 0..6_usize,
        ) {
            let told = [Told::Nothing, Told::Text, Told::Publish, Told::Slack, Told::Gotify, Told::Alerts][which];
            for body in [body.as_slice(), words.as_bytes()] {
                for kind in [None, Some("multipart/form-data; boundary=a"), Some("application/json")] {
                    if let Ok((_, said)) = read(&sent(told, kind, body)) {
                        let _ = said.into_post();
                    }
                }
            }
        }

        #[test]
        fn any_object_is_taken(
            name in "text|blocks|attachments|message|title|topic|alerts|payload|format|priority|tags|extras",
            other in "text|blocks|attachments|message|title|topic|alerts|username",
            value in "\"[a-z*<]{0,9}\"|-?[0-9]{1,5}|null|true|\\[(1|\"a\"|\\{\\}|\\{\"type\":\"section\"\\})\\]|\\{\"a\":1\\}",
        ) {
            let body = format!(r#"{{"{name}": {value}, "{other}": {value}}}"#);
            if let Ok((_, said)) = read(&sent(Told::Nothing, None, body.as_bytes())) {
                let _ = said.into_post();
            }
        }
    }
}
