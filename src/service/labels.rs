//! The names of devices in the list of a user's sessions.

use std::borrow::Cow;

use super::Client;
use crate::model::clean_name;

/// Maximum length of a label, in characters. Source: MTP extensions of this server, authentication.
pub const MAX_LABEL_CHARS: usize = 64;

/// Number of bytes of a `User-Agent` that are read.
const MAX_AGENT_BYTES: usize = 512;

/// Browsers by the text in their `User-Agent`; those that also contain the name of another come before it.
const BROWSERS: [(&str, &str); 13] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Systems by the text in a `User-Agent`, in the same way.
const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("FreeBSD", "FreeBSD"),
    ("Linux", "Linux"),
];

impl Client {
    /// Returns the same client with the name that its device gives itself, if it is valid.
    #[must_use]
    pub fn called(&self, label: Option<&str>) -> Cow<'_, Self> {
        match label.and_then(clean) {
            Some(label) => Cow::Owned(Self {
                label: Some(label),
                ..self.clone()
            }),
            None => Cow::Borrowed(self),
        }
    }
}

/// Returns a name for a device based on its `User-Agent`: `Firefox on Android`. `None` if nothing is
/// recognised.
#[must_use]
pub fn label_of_user_agent(text: &str) -> Option<String> {
    let mut end = text.len().min(MAX_AGENT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default();
    let named = |names: &[(&str, &'static str)]| {
        let found = names.iter().find(|(word, _)| text.contains(word));
        found.map(|(_, name)| *name)
    };
    match (named(&BROWSERS), named(&SYSTEMS)) {
        (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
        (Some(browser), None) => Some(browser.to_owned()),
        // Programs that are not browsers begin with their own name.
        (None, _) => text
            .split(['/', ' ', ';', '('])
            .next()
            .and_then(clean)
            .filter(|name| name != "Mozilla"),
    }
}

/// Returns a label without invisible or misleading characters, truncated to the maximum length.
fn clean(text: &str) -> Option<String> {
    let short: String = clean_name(text)?.chars().take(MAX_LABEL_CHARS).collect();
    Some(short.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_from_one_another() {
        for (agent, label) in [
            (
                "Mozilla/5.0 (Android 14; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0",
                "Firefox on Android",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
                "Safari on macOS",
            ),
            ("okhttp/4.12.0", "okhttp"),
            ("python-websockets/15.0 (Linux)", "python-websockets"),
        ] {
            assert_eq!(
                label_of_user_agent(agent).as_deref(),
                Some(label),
                "{agent}"
            );
        }
        for agent in ["", "/", "  ", "Mozilla/5.0", "(x)"] {
            assert_eq!(label_of_user_agent(agent), None, "{agent}");
        }
        let long = label_of_user_agent(&"ж".repeat(10_000));
        assert_eq!(long.map(|it| it.chars().count()), Some(MAX_LABEL_CHARS));
    }

    #[test]
    fn what_a_device_calls_itself_comes_first() {
        let client = Client {
            label: Some("Firefox on Android".to_owned()),
            ..Client::default()
        };
        let label = |text| client.called(text).label.clone().unwrap_or_default();
        assert_eq!(label(Some("  Anna's\u{202e} phone\n")), "Anna's phone");
        assert_eq!(label(Some("\u{200b} ")), "Firefox on Android");
        assert_eq!(label(None), "Firefox on Android");
    }
}
