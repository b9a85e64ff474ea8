//! Recognises texts that are one emoji.
//!
//! Source: Unicode 16, UTS #51: emoji sequences, and the property `Extended_Pictographic`.

/// Longest reaction, in code points.
const MAX_POINTS: usize = 8;

/// Longest reaction, in bytes.
const MAX_BYTES: usize = 32;

/// Joins several emoji into one.
const JOINER: u32 = 0x200d;

/// Encloses the preceding character as a key.
const KEYCAP: u32 = 0x20e3;

/// Requests the emoji as a picture instead of text.
const AS_PICTURE: u32 = 0xfe0f;

/// Requests the emoji as text.
const AS_TEXT: u32 = 0xfe0e;

/// Returns whether a text is one emoji, no longer than a reaction may be.
#[must_use]
pub fn is_emoji(text: &str) -> bool {
    if text.len() > MAX_BYTES {
        return false;
    }
    let points: Vec<u32> = text.chars().map(u32::from).collect();
    if points.is_empty() || points.len() > MAX_POINTS {
        return false;
    }
    let mut rest = points.as_slice();
    loop {
        let Some(after) = element(rest) else {
            return false;
        };
        match after {
            [] => return true,
            [JOINER, next @ ..] => rest = next,
            _ => return false,
        }
    }
}

/// Returns what follows the first emoji of a list, where a joiner ends the emoji.
fn element(points: &[u32]) -> Option<&[u32]> {
    match points {
        [first, second, rest @ ..] if is_regional(*first) && is_regional(*second) => Some(rest),
        [sign, AS_PICTURE, KEYCAP, rest @ ..] | [sign, KEYCAP, rest @ ..] if is_key(*sign) => {
            Some(rest)
        }
        [picture, rest @ ..] if is_pictographic(*picture) => Some(modifiers(rest)),
        // Characters that may follow a joiner although they are not pictographic by themselves.
        [0x2640 | 0x2642, rest @ ..] => Some(modifiers(rest)),
        _ => None,
    }
}

/// Returns what follows the modifiers of an emoji: presentation, skin tone, tags.
fn modifiers(mut points: &[u32]) -> &[u32] {
    while let [
        AS_PICTURE | AS_TEXT | 0x1f3fb..=0x1f3ff | 0xe0020..=0xe007f,
        rest @ ..,
    ] = points
    {
        points = rest;
    }
    points
}

fn is_regional(point: u32) -> bool {
    (0x1f1e6..=0x1f1ff).contains(&point)
}

fn is_key(point: u32) -> bool {
    matches!(point, 0x23 | 0x2a | 0x30..=0x39)
}

fn is_pictographic(point: u32) -> bool {
    let after = PICTOGRAPHIC.partition_point(|(first, _)| *first <= point);
    let range = after.checked_sub(1).and_then(|n| PICTOGRAPHIC.get(n));
    range.is_some_and(|(_, last)| point <= *last)
}

/// `Extended_Pictographic`: the first and last code point of each range.
const PICTOGRAPHIC: [(u32, u32); 76] = [
    (0x00a9, 0x00a9),
    (0x00ae, 0x00ae),
    (0x203c, 0x203c),
    (0x2049, 0x2049),
    (0x2122, 0x2122),
    (0x2139, 0x2139),
    (0x2194, 0x2199),
    (0x21a9, 0x21aa),
    (0x231a, 0x231b),
    (0x2328, 0x2328),
    (0x2388, 0x2388),
    (0x23cf, 0x23cf),
    (0x23e9, 0x23f3),
    (0x23f8, 0x23fa),
    (0x24c2, 0x24c2),
    (0x25aa, 0x25ab),
    (0x25b6, 0x25b6),
    (0x25c0, 0x25c0),
    (0x25fb, 0x25fe),
    (0x2600, 0x2605),
    (0x2607, 0x2612),
    (0x2614, 0x2685),
    (0x2690, 0x2705),
    (0x2708, 0x2712),
    (0x2714, 0x2714),
    (0x2716, 0x2716),
    (0x271d, 0x271d),
    (0x2721, 0x2721),
    (0x2728, 0x2728),
    (0x2733, 0x2734),
    (0x2744, 0x2744),
    (0x2747, 0x2747),
    (0x274c, 0x274c),
    (0x274e, 0x274e),
    (0x2753, 0x2755),
    (0x2757, 0x2757),
    (0x2763, 0x2767),
    (0x2795, 0x2797),
    (0x27a1, 0x27a1),
    (0x27b0, 0x27b0),
    (0x27bf, 0x27bf),
    (0x2934, 0x2935),
    (0x2b05, 0x2b07),
    (0x2b1b, 0x2b1c),
    (0x2b50, 0x2b50),
    (0x2b55, 0x2b55),
    (0x3030, 0x3030),
    (0x303d, 0x303d),
    (0x3297, 0x3297),
    (0x3299, 0x3299),
    (0x1f000, 0x1f0ff),
    (0x1f10d, 0x1f10f),
    (0x1f12f, 0x1f12f),
    (0x1f16c, 0x1f171),
    (0x1f17e, 0x1f17f),
    (0x1f18e, 0x1f18e),
    (0x1f191, 0x1f19a),
    (0x1f1ad, 0x1f1e5),
    (0x1f201, 0x1f20f),
    (0x1f21a, 0x1f21a),
    (0x1f22f, 0x1f22f),
    (0x1f232, 0x1f23a),
    (0x1f23c, 0x1f23f),
    (0x1f249, 0x1f3fa),
    (0x1f400, 0x1f53d),
    (0x1f546, 0x1f64f),
    (0x1f680, 0x1f6ff),
    (0x1f774, 0x1f77f),
    (0x1f7d5, 0x1f7ff),
    (0x1f80c, 0x1f80f),
    (0x1f848, 0x1f84f),
    (0x1f85a, 0x1f85f),
    (0x1f888, 0x1f88f),
    (0x1f8ae, 0x1f8ff),
    (0x1f90c, 0x1faff),
    (0x1fc00, 0x1fffd),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_emoji_is_a_reaction() {
        for emoji in [
            "👍",
            "❤",
            "❤️",
            "👍🏽",
            "👩‍🚀",
            "👨‍👩‍👧‍👦",
            "🇷🇸",
            "🏳️‍🌈",
            "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
            "1️⃣",
            "#⃣",
            "🤷‍♀️",
            "☺",
            "©️",
        ] {
            assert!(is_emoji(emoji), "{emoji}");
        }
    }

    #[test]
    fn letters_and_several_emoji_are_none() {
        let long = "👩‍🚀".repeat(3);
        for text in [
            "",
            "a",
            "ж",
            "1",
            "#",
            "👍👍",
            "👍a",
            "a👍",
            "👍 ",
            "\u{200d}",
            "\u{fe0f}",
            "👍\u{200d}",
            "🇷",
            "字",
            ":)",
            &long,
            "<b>",
        ] {
            assert!(!is_emoji(text), "{text}");
        }
    }

    #[test]
    fn ranges_are_in_order() {
        assert!(PICTOGRAPHIC.windows(2).all(|pair| pair[0].1 < pair[1].0));
        assert!(PICTOGRAPHIC.iter().all(|(first, last)| first <= last));
    }
}
