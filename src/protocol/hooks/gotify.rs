//! The form of Gotify, which many programs send: a title and a message.
//!
//! Source: Gotify's documentation, Push messages and Message extras.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::markup;
use super::said::{Complaint, Echo, Said, link};
use crate::protocol::wording;

/// Reads JSON, or the fields of a form converted to JSON. The message may be missing if there are files.
pub(super) fn of_json(json: &Map<String, Value>, has_files: bool) -> Result<Said, Complaint> {
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    let message = &*markup::shortened(text("message").unwrap_or_default());
    let title = text("title").filter(|title| !title.trim().is_empty());
    let title = title.map(markup::shortened);
    if message.trim().is_empty() && !has_files {
        return Err(Complaint::bad("the field `message` is required"));
    }
    let number = match json.get("priority") {
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let extras = json.get("extras").cloned().filter(Value::is_object);
    let extra = |names: [&str; 3]| {
        let mut found = extras.as_ref()?;
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            found = found.get(name)?;
        }
        found.as_str()
    };
    let is_markdown = extra(["client::display", "contentType", ""]) == Some("text/markdown");
    let click = extra(["client::notification", "click", "url"]).and_then(link);
    let echo = Echo {
        title: title.as_deref().map(str::to_owned),
        message: message.to_owned(),
        priority: number.unwrap_or(0),
        extras: extras.clone(),
        ..Echo::default()
    };
    let body = if is_markdown {
        markup::from_markdown(message)
    } else {
        message.to_owned()
    };
    Ok(Said {
        title: title.map(Cow::into_owned),
        text: body,
        is_markup: is_markdown,
        priority: number.map(|number| match number {
            ..=3 => 2,
            4..=7 => 3,
            _ => 5,
        }),
        lines: click.into_iter().collect(),
        echo,
        ..Said::default()
    })
}

/// Returns an error in Gotify's format.
pub(super) fn error(status: u16, detail: &str) -> Value {
    json!({"error": wording::status(status), "errorCode": status, "errorDescription": detail})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &Value) -> Result<Said, Complaint> {
        of_json(json.as_object().unwrap(), false)
    }

    #[test]
    fn title_message_and_extras_are_read() {
        let said = read(
            &json!({"title": "T", "message": "*m*", "priority": 8, "extras": {
            "client::display": {"contentType": "text/markdown"},
            "client::notification": {"click": {"url": "https://a.b"}}}}),
        )
        .unwrap();
        assert_eq!(said.priority, Some(5));
        assert_eq!(said.into_post().whole(1000), "**T**\n_m_\nhttps://a.b");
        assert_eq!(read(&json!({"message": "m"})).unwrap().priority, None);
        assert_eq!(
            read(&json!({"message": "m", "priority": "5"}))
                .unwrap()
                .priority,
            Some(3)
        );
        assert_eq!(read(&json!({"title": "only"})).unwrap_err().0, 400);
    }
}
