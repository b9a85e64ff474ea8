//! The form in which texts are compared in a search: messages, file names, people, titles. Both the
//! stored text and the query go through the same function.
//!
//! What does not belong here: splitting a text into words (see [`super::terms()`]), and the form in which
//! logins are unique (see [`super::Login`]), which keeps marks.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

/// Folds a text: differences of compatibility forms, case, marks and invisible characters are removed.
///
/// `é` and `e`, `ё` and `е`, `ß` and `ss`, `ﬁ` and `fi`, vocalised and plain Hebrew or Arabic, and the
/// composed and decomposed forms of any text give the same result. The result is in NFKC, and folding it
/// again does not change it.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let plain = text.nfkd().filter(|c| !is_dropped(*c)).flat_map(letter);
    // Changing the case creates new marks (`İ` is `i` with a dot) and new forms.
    plain
        .nfkd()
        .filter(|c| !is_dropped(*c))
        .collect::<String>()
        .nfkc()
        .collect()
}

/// Returns whether a character makes no difference in a search: marks, invisible characters and skin tones.
///
/// Vowel signs of Indic and Southeast Asian scripts have the category of marks but are letters of their
/// words. Unicode calls them alphabetic, and normalisation does not reorder them.
fn is_dropped(c: char) -> bool {
    if c.is_ascii() {
        return false;
    }
    if is_combining_mark(c) {
        return canonical_combining_class(c) != 0 || !c.is_alphabetic();
    }
    matches!(c,
        // The Arabic letter that only stretches a word.
        '\u{640}'
        | '\u{ad}' | '\u{61c}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns a letter without case, and without a stroke that Unicode does not count as a mark.
fn letter(c: char) -> impl Iterator<Item = char> {
    // Through upper case: only then do `ß` and `ẞ` become `ss`, and `ς` becomes `σ`.
    c.to_lowercase()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'đ' => 'd',
            'ħ' => 'h',
            'ł' => 'l',
            'ø' => 'o',
            'ŧ' => 't',
            other => other,
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_type_differently_is_one() {
        for (one, other) in [
            ("Ёлка", "елка"),
            ("йогурт", "и\u{306}огурт"),
            ("Müller", "MULLER"),
            ("Straße", "STRASSE"),
            ("ﬁn", "FIN"),
            ("ΟΔΥΣΣΕΎΣ", "οδυσσευς"),
            ("İstanbul", "istanbul"),
            ("שַׁבָּת", "שבת"),
            ("مَرْحَبًا", "مرحبا"),
            ("أحمد", "احمد"),
            ("محمـــد", "محمد"),
            ("ｶﾀｶﾅ", "カタカナ"),
            ("ガ", "カ\u{3099}"),
            ("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
            ("Łódź", "lodz"),
            ("Đà Nẵng", "da nang"),
            ("smørrebrød", "SMORREBROD"),
            ("soft\u{ad}hyphen\u{200b}s", "softhyphens"),
            ("❤\u{fe0f}", "❤"),
            ("👍🏽", "👍"),
            ("ｷﾛ①", "キロ1"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} and {other}");
        }
    }

    #[test]
    fn vowels_of_abugidas_are_letters() {
        assert_ne!(fold("दिन"), fold("दान"));
        assert_eq!(fold("ज़रूर"), fold("जरूर"), "a nukta is a mark");
        assert_eq!(fold("พรุ่งนี้"), fold("พรุงนี"), "tones are marks");
        assert_eq!(fold("สถานี"), "สถานี");
    }

    fn check(text: &str) {
        let folded = fold(text);
        assert_eq!(fold(&folded), folded, "{text:?}: folding again");
        assert_eq!(fold(&text.nfc().collect::<String>()), folded, "{text:?}");
        assert_eq!(fold(&text.nfd().collect::<String>()), folded, "{text:?}");
        assert_eq!(fold(&text.to_lowercase()), folded, "{text:?}");
    }

    #[test]
    fn folding_every_character_again_changes_nothing() {
        for c in '\0'..='\u{1ffff}' {
            check(&c.to_string());
        }
    }

    proptest! {
        #[test]
        fn folding_again_changes_nothing(text in "\\PC*") {
            check(&text);
        }

        #[test]
        fn marks_in_any_order_change_nothing(text in "[a-zё\u{300}-\u{36f}אא-ת\u{591}-\u{5bd}ا-ي\u{64b}-\u{655}が-ご\u{3099}]{0,12}") {
            check(&text);
        }
    }
}
