//! Names that are shown to people: without characters that are invisible, reorder a line or break it.

use unicode_normalization::char::is_combining_mark;

use super::login::is_invisible;

/// Returns a name as it may be shown: one line, trimmed, without control characters, text direction and
/// zero-width characters. `None` if nothing visible remains.
///
/// Characters that join or separate letters or emoji stay where they have an effect: a family of emoji is
/// one character, and Persian needs them.
#[must_use]
pub fn clean_name(text: &str) -> Option<String> {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        let c = if c.is_whitespace() || is_blank(c) {
            ' '
        } else {
            c
        };
        if is_invisible(c) && !joins(before, c, next) {
            continue;
        }
        clean.push(c);
        before = c;
    }
    let trimmed = clean.trim();
    let is_seen = |c: char| !c.is_whitespace() && !is_invisible(c) && !is_combining_mark(c);
    trimmed.contains(is_seen).then(|| trimmed.to_owned())
}

/// Returns whether a character is drawn as nothing but is not white space.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        // Braille without dots, Hangul fillers.
        '\u{2800}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
    )
}

/// Returns whether an invisible character has an effect here, between two characters.
fn joins(before: char, c: char, next: char) -> bool {
    match c {
        // Joiner and non-joiner inside words of scripts that need them; joiner inside emoji.
        '\u{200c}' => is_joining(before) && is_joining(next),
        '\u{200d}' => {
            let emoji = is_emoji(before) || before == '\u{fe0f}';
            is_joining(before) && is_joining(next) || emoji && is_emoji(next)
        }
        // Characters that select emoji or text style; keycaps.
        '\u{fe0e}' | '\u{fe0f}' => {
            let key = before.is_ascii_digit() || matches!(before, '#' | '*');
            is_emoji(before) || key && next == '\u{20e3}'
        }
        // The letters of a region, after a black flag.
        '\u{e0020}'..='\u{e007f}' => {
            before == '\u{1f3f4}' || matches!(before, '\u{e0020}'..='\u{e007e}')
        }
        _ => false,
    }
}

/// Returns whether a character is of a script in which letters take their shape from their neighbours.
fn is_joining(c: char) -> bool {
    matches!(c,
        // Arabic, Syriac, Thaana, N'Ko, Mandaic and their extensions.
        '\u{0600}'..='\u{08ff}'
        // Indic scripts, Sinhala, Tibetan, Myanmar; Khmer and Mongolian.
        | '\u{0900}'..='\u{0dff}' | '\u{0f00}'..='\u{109f}' | '\u{1780}'..='\u{18af}'
        | '\u{a840}'..='\u{a87f}' | '\u{a8e0}'..='\u{a8ff}' | '\u{fb50}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefe}' | '\u{11000}'..='\u{11fff}')
        && !is_invisible(c)
}

fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
        | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{24c2}' | '\u{25a0}'..='\u{27bf}'
        | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_as_people_write_them_stay() {
        for name in [
            "Anna Karenina",
            "Лёва  Аннин",
            "محمد رضا",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "👨\u{200d}👩\u{200d}👧",
            "❤\u{fe0f}\u{200d}🔥",
            "1\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "火车站",
            "O'Neill <x> & Söhne",
            "!",
        ] {
            assert_eq!(clean_name(name).as_deref(), Some(name), "{name:?}");
        }
    }

    #[test]
    fn what_deceives_goes() {
        for (name, clean) in [
            ("  Anna\t", Some("Anna")),
            ("An\nna\r\nB", Some("An na  B")),
            ("\u{202e}annA\u{2066}", Some("annA")),
            ("an\u{200b}na\u{200d}", Some("anna")),
            ("a\u{feff}\u{ad}\u{34f}b", Some("ab")),
            ("an\u{200c}na", Some("anna")),
            ("\u{1b}[31mroot", Some("[31mroot")),
            ("root\u{e0041}", Some("root")),
            ("Anna\u{a0}\u{3000}B", Some("Anna  B")),
            ("", None),
            (" \u{a0}\u{2003}", None),
            ("\u{200b}\u{2800}\u{3164}", None),
            ("\u{301}\u{fe0f}", None),
            ("\u{7}\u{0}", None),
        ] {
            assert_eq!(clean_name(name).as_deref(), clean, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn a_clean_name_is_one_line_and_stays_as_it_is(text in "[\\s\u{0}-\u{10ffff}\u{200b}-\u{2069}\u{1f468}]{0,12}") {
            if let Some(clean) = clean_name(&text) {
                prop_assert!(!clean.chars().any(char::is_control));
                let misleads = |c| matches!(c,
                    '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
                prop_assert!(!clean.contains(misleads), "{:?}", clean);
                prop_assert_eq!(clean.trim(), clean.as_str());
                prop_assert_eq!(clean_name(&clean), Some(clean.clone()));
                prop_assert!(clean.chars().count() <= text.chars().count());
            }
        }
    }
}
