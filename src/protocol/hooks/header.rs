//! Words in headers that are not ASCII.
//!
//! Source: RFC 2047, encoded words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// Returns a header with its encoded words decoded. Other text stays as it is.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains("=?") {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    let mut was_word = false;
    while let Some(at) = rest.find("=?") {
        let (before, from) = rest.split_at(at);
        if let Some((word, length)) = word(from) {
            // White space between two encoded words only separates them.
            if !(was_word && before.trim().is_empty()) {
                decoded.push_str(before);
            }
            decoded.push_str(&word);
            was_word = true;
            rest = from.get(length..).unwrap_or_default();
        } else {
            decoded.push_str(before);
            decoded.push_str("=?");
            was_word = false;
            rest = from.get(2..).unwrap_or_default();
        }
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

/// Returns the encoded word at the beginning of a text, and its length.
fn word(text: &str) -> Option<(String, usize)> {
    let body = text.strip_prefix("=?")?;
    let (charset, after) = body.split_once('?')?;
    let (encoding, after) = after.split_once('?')?;
    let (content, _) = after.split_once("?=")?;
    if content.contains(' ') {
        return None;
    }
    let length = 2 + charset.len() + 1 + encoding.len() + 1 + content.len() + 2;
    // A language may follow the character set.
    let charset = charset.split('*').next().unwrap_or(charset);
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(content).ok()?,
        "Q" | "q" => quoted(content)?,
        _ => return None,
    };
    let text = if charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("us-ascii")
    {
        String::from_utf8_lossy(&bytes).into_owned()
    } else if charset.eq_ignore_ascii_case("iso-8859-1") {
        bytes.iter().map(|byte| char::from(*byte)).collect()
    } else {
        return None;
    };
    Some((text, length))
}

fn quoted(content: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(content.len());
    let mut rest = content.as_bytes().iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'_' => b' ',
            b'=' => {
                let mut digit = || char::from(*rest.next()?).to_digit(16);
                let value = digit()? * 16 + digit()?;
                u8::try_from(value).ok()?
            }
            other => *other,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn encoded_words_are_decoded() {
        for (text, expected) in [
            ("plain", "plain"),
            ("=?UTF-8?B?0JTQstC10YDRjA==?=", "Дверь"),
            ("=?utf-8?Q?caf=C3=A9_noir?= open", "café noir open"),
            ("=?utf-8?q?a?= =?utf-8?q?b?= c", "ab c"),
            ("=?iso-8859-1?q?f=FCr?=", "für"),
            ("=?koi8-r?B?AAAA?=", "=?koi8-r?B?AAAA?="),
            ("2 =? 3", "2 =? 3"),
            ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ] {
            assert_eq!(decode(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_taken(text in "[=?uUtTfF8QqBb_ A0-9=\u{436}-]{0,60}") {
            let _ = decode(&text);
        }
    }
}
