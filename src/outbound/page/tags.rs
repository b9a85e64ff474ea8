//! Finds the title, description and picture of a page without parsing it as a browser does: tags are skipped
//! one by one until the head ends.

/// The longest title, description and name of a site, in characters.
const TITLE_CHARS: usize = 200;
const TEXT_CHARS: usize = 400;
const SITE_CHARS: usize = 100;

/// What a page says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The title.
    pub title: String,
    /// The description.
    pub text: Option<String>,
    /// The name of the site.
    pub site: Option<String>,
    /// The address of its picture, as the page gives it: often relative to the page's own.
    pub picture: Option<String>,
}

/// The values found in a head so far.
#[derive(Default)]
struct Found {
    title: Option<String>,
    og_title: Option<String>,
    description: Option<String>,
    og_description: Option<String>,
    site: Option<String>,
    picture: Option<String>,
}

/// Elements whose content is not markup, or not the page's own.
const OPAQUE: [&str; 4] = ["script", "style", "noscript", "template"];

/// Returns what the head of a page says; `None` without a title.
pub(super) fn summary(html: &str) -> Option<Summary> {
    let mut found = Found::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let (name, after) = tag_name(rest);
        match name.as_str() {
            "/head" | "body" => break,
            "title" => {
                let (inside, after) = content(after, "title");
                found.title.get_or_insert_with(|| inside.to_owned());
                rest = after;
            }
            "meta" => {
                let (attributes, after) = attributes(after);
                found.note(&attributes);
                rest = after;
            }
            opaque if OPAQUE.contains(&opaque) => rest = content(after, opaque).1,
            _ => rest = after,
        }
    }
    found.summary()
}

impl Found {
    fn note(&mut self, attributes: &[(String, &str)]) {
        let value = |wanted: &str| {
            let found = attributes.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| *value)
        };
        let Some(content) = value("content") else {
            return;
        };
        let named = value("property")
            .or_else(|| value("name"))
            .unwrap_or_default();
        let place = match named.to_ascii_lowercase().as_str() {
            "og:title" => &mut self.og_title,
            "og:description" => &mut self.og_description,
            "og:site_name" => &mut self.site,
            "og:image" | "og:image:url" | "og:image:secure_url" => &mut self.picture,
            "description" => &mut self.description,
            _ => return,
        };
        place.get_or_insert_with(|| content.to_owned());
    }

    fn summary(self) -> Option<Summary> {
        let clean = |text: Option<String>, most: usize| {
            let text = plain(&text?, most);
            (!text.is_empty()).then_some(text)
        };
        let title = clean(self.og_title, TITLE_CHARS).or_else(|| clean(self.title, TITLE_CHARS))?;
        let text =
            clean(self.og_description, TEXT_CHARS).or_else(|| clean(self.description, TEXT_CHARS));
        let picture = self
            .picture
            .map(|picture| entities(&picture).trim().to_owned());
        Some(Summary {
            picture: picture.filter(|picture| !picture.is_empty()),
            text: text.filter(|text| *text != title),
            site: clean(self.site, SITE_CHARS),
            title,
        })
    }
}

/// Returns the name of a tag, in lower case, and the text after it.
fn tag_name(text: &str) -> (String, &str) {
    let is_part =
        |(at, sign): (usize, char)| sign.is_ascii_alphanumeric() || (at == 0 && sign == '/');
    let end = text
        .char_indices()
        .find(|part| !is_part(*part))
        .map_or(text.len(), |(at, _)| at);
    (text[..end].to_ascii_lowercase(), &text[end..])
}

/// Returns the text between a tag and the end of its element, and the text after that.
fn content<'a>(text: &'a str, name: &str) -> (&'a str, &'a str) {
    let inside = text.split_once('>').map_or("", |(_, inside)| inside);
    let mut at = 0;
    while let Some(found) = inside[at..].find("</") {
        let end = at + found;
        let tag = &inside[end + 2..];
        if tag
            .get(..name.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(name))
        {
            return (&inside[..end], &tag[name.len()..]);
        }
        at = end + 2;
    }
    (inside, "")
}

/// Returns the attributes of a tag, with names in lower case, and the text after it.
fn attributes(mut text: &str) -> (Vec<(String, &str)>, &str) {
    let mut found = Vec::new();
    loop {
        text = text.trim_start_matches(|sign: char| sign.is_ascii_whitespace() || sign == '/');
        if text.is_empty() {
            return (found, text);
        }
        if let Some(after) = text.strip_prefix('>') {
            return (found, after);
        }
        let end = text
            .find(|sign: char| sign.is_ascii_whitespace() || "=>/".contains(sign))
            .unwrap_or(text.len());
        // A character that begins nothing is skipped, otherwise this would not end.
        let end = if end == 0 { 1 } else { end };
        let (name, rest) = text.split_at(end);
        let (value, rest) = value(rest.trim_start());
        found.push((name.to_ascii_lowercase(), value));
        text = rest;
    }
}

fn value(text: &str) -> (&str, &str) {
    let Some(text) = text.strip_prefix('=') else {
        return ("", text);
    };
    let text = text.trim_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    let end = text
        .find(|sign: char| sign.is_ascii_whitespace() || sign == '>')
        .unwrap_or(text.len());
    text.split_at(end)
}

/// Returns a text as it is shown: entities decoded once, one line, at most `most` characters.
fn plain(text: &str, most: usize) -> String {
    let text = entities(text);
    let shown = text.split(|sign: char| sign.is_whitespace() || sign.is_control());
    let words: Vec<_> = shown.filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    // Characters that change the direction of the text around them.
    let is_turning = |sign: char| matches!(sign, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let line: String = line.chars().filter(|sign| !is_turning(*sign)).collect();
    if line.chars().count() <= most {
        return line;
    }
    let mut short: String = line.chars().take(most - 1).collect();
    short.push('…');
    short
}

fn entities(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        let decoded = end.and_then(|end| Some((entity(rest.get(1..end)?)?, end)));
        let (sign, end) = decoded.unwrap_or(('&', 0));
        plain.push(sign);
        rest = &rest[end + 1..];
    }
    plain.push_str(rest);
    plain
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return code.ok().and_then(char::from_u32);
    }
    let sign = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "laquo" => '«',
        "raquo" => '»',
        "mdash" => '—',
        "ndash" => '–',
        "hellip" => '…',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "copy" => '©',
        _ => return None,
    };
    Some(sign)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn title(html: &str) -> Option<String> {
        summary(html).map(|summary| summary.title)
    }

    #[test]
    fn what_is_for_sharing_comes_first() {
        let found = summary(
            "<!doctype html><html><head><title>Lake — Wiki</title>
             <meta name='description' content=\"plain\">
             <META PROPERTY=og:title content=\"Lake Ladoga &amp; its &#x43e;&#1079;&#1077;ro\">
             <meta property=\"og:description\" content='The &quot;largest&quot;
                 lake'><meta property=\"og:site_name\" content=Wiki />
             <meta property=\"og:image\" content=\" /lake.png?a=1&amp;b=2 \">
             <meta property=\"og:image\" content=\"second.png\"></head>
             <body><meta property=\"og:title\" content=\"late\"></body>",
        );
        let expected = Summary {
            title: "Lake Ladoga & its озеro".to_owned(),
            text: Some("The \"largest\" lake".to_owned()),
            site: Some("Wiki".to_owned()),
            picture: Some("/lake.png?a=1&b=2".to_owned()),
        };
        assert_eq!(found, Some(expected));
    }

    #[test]
    fn titles_are_found_where_they_are() {
        assert_eq!(title("<title>  a\n b </title>").as_deref(), Some("a b"));
        assert_eq!(title("<TITLE lang=en>x</TITLE >").as_deref(), Some("x"));
        assert_eq!(
            title("<script>'<title>no</title>'</script><title>yes</title>").as_deref(),
            Some("yes")
        );
        assert_eq!(
            title("<!-- <title>no</title> --><title>yes</title>").as_deref(),
            Some("yes")
        );
        assert_eq!(
            title("<meta content='a > b' property='og:title'>").as_deref(),
            Some("a > b")
        );
        assert_eq!(title("<title>not closed").as_deref(), Some("not closed"));
        assert_eq!(
            title("<title>one</title><title>two</title>").as_deref(),
            Some("one")
        );
        assert_eq!(
            title("<title>&amp;lt;</title>").as_deref(),
            Some("&lt;"),
            "once"
        );
        assert_eq!(
            title("<title>a\u{202e}b\u{7}c</title>").as_deref(),
            Some("ab c")
        );
        for nothing in [
            "",
            "<",
            "<title></title>",
            "<body><title>x</title>",
            "<meta property=og:title>",
            "<!-- <title>x",
        ] {
            assert_eq!(title(nothing), None, "{nothing}");
        }
        let long = format!("<title>{}</title>", "д".repeat(500));
        let long = title(&long).expect("a title");
        assert_eq!(long.chars().count(), TITLE_CHARS);
        assert!(long.ends_with('…'));
    }

    proptest! {
        #[test]
        fn no_page_is_too_odd(html in r#"(<[a-z/!-]{0,8}|[ ="'>&;#x0-9a-z]{0,6}|\PC{0,3}|title|meta|content|og:title){0,60}"#) {
            if let Some(found) = summary(&html) {
                prop_assert!(!found.title.is_empty() && found.title.chars().count() <= TITLE_CHARS);
                prop_assert!(found.text.is_none_or(|text| text.chars().count() <= TEXT_CHARS));
            }
        }
    }
}
