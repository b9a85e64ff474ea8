//! Names that look alike although they are written differently: `rооt` with Cyrillic letters.
//!
//! Source: Unicode Technical Standard 39, Unicode Security Mechanisms.

use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;
use unicode_security::mixed_script::AugmentedScriptSet;

/// Returns what a text looks like: texts with the same skeleton look the same to a reader.
pub(super) fn skeleton_of(text: &str) -> String {
    skeleton(text).collect()
}

/// Returns whether each word of a text uses one script, or a mixture that is usual in a language:
/// Japanese, Korean or Chinese, with or without Latin letters.
pub(super) fn has_one_script_a_word(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c))
        .all(is_of_one_script)
}

fn is_of_one_script(word: &str) -> bool {
    let mut all = AugmentedScriptSet::default();
    let mut but_latin = AugmentedScriptSet::default();
    for c in word.chars() {
        let scripts = AugmentedScriptSet::from(c);
        all.intersect_with(scripts);
        let mut latin = AugmentedScriptSet::from('a');
        latin.intersect_with(scripts);
        if latin.is_empty() {
            but_latin.intersect_with(scripts);
        }
    }
    !all.is_empty() || but_latin.hanb || but_latin.jpan || but_latin.kore
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_one_script_are_told_from_mixed_ones() {
        for good in [
            "anna",
            "Анна",
            "Anna Иванова",
            "Мария-Луиза 2",
            "anna.анна_2",
            "محمد",
            "日本",
            "ひらがなカタカナ漢字",
            "LINEの人",
            "한국어abc",
            "漢字ㄅㄆ",
            "Müller",
            "e\u{301}te\u{301}",
            "naïve🙂",
            "٢٣",
            "हिन्दी",
            "",
        ] {
            assert!(has_one_script_a_word(good), "{good}");
        }
        for mixed in [
            "r\u{43e}ot",
            "аnna",
            "αlpha",
            "Anna\u{430}",
            "日本я",
            "ab한я",
            "ſоо",
            "к0мpot",
        ] {
            assert!(!has_one_script_a_word(mixed), "{mixed}");
        }
    }

    #[test]
    fn what_looks_alike_has_one_skeleton() {
        for (one, other) in [
            ("root", "rооt"),
            ("сосо", "coco"),
            ("paypal", "раураl"),
            ("lI1", "I1l"),
        ] {
            assert_eq!(skeleton_of(one), skeleton_of(other), "{one}");
        }
        assert_ne!(skeleton_of("anna"), skeleton_of("anne"));
    }
}
