//! The page itself, in the language of the reader, with the part for the reader's device open.

use warp::http::HeaderMap;
use warp::http::header::{ACCEPT_LANGUAGE, HeaderName, USER_AGENT};

use super::Authority;
use super::profile::escaped;

const ENGLISH: &str = include_str!("en.html");
const RUSSIAN: &str = include_str!("ru.html");

/// The systems for which the page has a part.
const SYSTEMS: [&str; 5] = ["ios", "android", "windows", "macos", "linux"];

/// Returns the page; `secure` is the address that it links to.
pub(super) fn html(
    authority: &Authority,
    secure: &str,
    headers: &HeaderMap,
    query: &str,
) -> String {
    let page = if is_russian(headers, query) {
        RUSSIAN
    } else {
        ENGLISH
    };
    let system = system(text(headers, &USER_AGENT));
    let mut page = page
        .replace("{name}", &escaped(&authority.name))
        .replace("{fingerprint}", &grouped(&authority.fingerprint))
        .replace("{secure}", &escaped(secure));
    for known in SYSTEMS {
        let open = if Some(known) == system { " open" } else { "" };
        page = page.replace(&format!("{{open-{known}}}"), open);
    }
    page
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// Returns the system that a browser says that it runs on.
fn system(agent: &str) -> Option<&'static str> {
    let has = |word: &str| agent.contains(word);
    if has("iPhone") || has("iPad") || has("iPod") {
        Some("ios")
    } else if has("Android") {
        Some("android")
    } else if has("Windows") {
        Some("windows")
    } else if has("Macintosh") {
        Some("macos")
    } else if has("Linux") || has("X11") || has("CrOS") {
        Some("linux")
    } else {
        None
    }
}

/// Returns whether the page is in Russian: the chosen language, or else the first supported one of
/// the browser's.
fn is_russian(headers: &HeaderMap, query: &str) -> bool {
    for part in query.split('&') {
        match part {
            "lang=ru" => return true,
            "lang=en" => return false,
            _ => {}
        }
    }
    let languages = text(headers, &ACCEPT_LANGUAGE).split(',');
    let known = languages
        .map(|language| language.trim().to_ascii_lowercase())
        .find(|language| language.starts_with("ru") || language.starts_with("en"));
    known.is_some_and(|language| language.starts_with("ru"))
}

/// Returns the fingerprint in groups of four, four groups a line.
fn grouped(fingerprint: &str) -> String {
    let mut text = String::new();
    for (place, sign) in fingerprint.chars().enumerate() {
        match place {
            0 => {}
            _ if place % 16 == 0 => text.push('\n'),
            _ if place % 4 == 0 => text.push(' '),
            _ => {}
        }
        text.push(sign);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> Authority {
        Authority {
            name: "Morelia pi 2026-11-27".to_owned(),
            der: Vec::new(),
            pem: String::new(),
            fingerprint: "0123456789ABCDEF".repeat(4),
            names: vec!["pi.local".to_owned()],
        }
    }

    fn page(agent: &str, languages: &str, query: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, agent.parse().unwrap());
        headers.insert(ACCEPT_LANGUAGE, languages.parse().unwrap());
        html(&authority(), "https://pi.local:8000", &headers, query)
    }

    #[test]
    fn the_part_for_the_device_is_open_and_no_other() {
        let agents = [
            (
                "ios",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Safari/604.1",
            ),
            (
                "android",
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/148.0 Mobile",
            ),
            (
                "windows",
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/140.0",
            ),
            (
                "macos",
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1",
            ),
            ("linux", "Mozilla/5.0 (X11; Linux x86_64) Chrome/148.0"),
        ];
        for (system, agent) in agents {
            for languages in ["en", "ru"] {
                let page = page(agent, languages, "");
                assert_eq!(page.matches("<details open").count(), 1, "{system}");
                assert!(
                    page.contains(&format!("<details open id=\"{system}\">")),
                    "{system}: {page}"
                );
            }
        }
        assert_eq!(page("curl/8", "en", "").matches("<details open").count(), 0);
    }

    #[test]
    fn the_language_is_the_browsers_or_the_chosen_one() {
        for (languages, query, language) in [
            ("ru-RU,ru;q=0.9,en;q=0.8", "", "ru"),
            ("de,en;q=0.5,ru;q=0.3", "", "en"),
            ("de", "", "en"),
            ("ru", "lang=en", "en"),
            ("en", "lang=ru", "ru"),
        ] {
            let page = page("", languages, query);
            assert!(
                page.contains(&format!("<html lang=\"{language}\"")),
                "{languages}"
            );
        }
    }

    #[test]
    fn nothing_is_left_open_and_both_languages_say_the_same() {
        for languages in ["en", "ru"] {
            let page = page("", languages, "");
            assert!(!page.contains('{'), "{page}");
            assert!(page.contains("0123 4567 89AB CDEF\n0123"));
            assert!(page.contains("src=\"https://pi.local:8000/trust/ok.png\""));
        }
        let marks = |page: &str| {
            let count = |mark: &str| page.matches(mark).count();
            ["<details", "<li>", "<h2", "href=", "<p"].map(count)
        };
        assert_eq!(marks(ENGLISH), marks(RUSSIAN));
    }
}
