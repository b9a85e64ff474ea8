//! The form of an alert to the operator, as its receiver understands it.

use serde_json::json;

/// The heading of every alert.
pub const TITLE: &str = "Morelia";

/// Returns the media type and body of an alert for an address: plain text for hooks of this kind of
/// server and for ntfy, Slack's form if the address is one of Slack's or Mattermost's, otherwise JSON.
#[must_use]
pub fn message(url: &str, text: &str) -> (&'static str, String) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = format!("/{path}");
    if host == "hooks.slack.com" || path.contains("/hooks/") {
        let body = json!({"text": format!("{TITLE}: {text}")});
        return ("application/json", body.to_string());
    }
    let is_topic = host.starts_with("ntfy.") || path.starts_with("/ntfy/");
    if is_topic || path.starts_with("/hook/") {
        return ("text/plain; charset=utf-8", text.to_owned());
    }
    let body = json!({"title": TITLE, "message": text, "text": text});
    ("application/json", body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_receiver_gets_its_form() {
        for (url, kind, body) in [
            ("https://ntfy.sh/topic", "text/plain; charset=utf-8", "x"),
            (
                "https://chat.example/hook/tk_a",
                "text/plain; charset=utf-8",
                "x",
            ),
            (
                "https://hooks.slack.com/services/T/B/X",
                "application/json",
                r#"{"text":"Morelia: x"}"#,
            ),
            (
                "https://mattermost.example/hooks/abc",
                "application/json",
                r#"{"text":"Morelia: x"}"#,
            ),
            (
                "http://127.0.0.1:9000/alerts",
                "application/json",
                r#"{"message":"x","text":"x","title":"Morelia"}"#,
            ),
        ] {
            assert_eq!(message(url, "x"), (kind, body.to_owned()), "{url}");
        }
    }
}
