//! Search terms: the terms under which a text is indexed, and those of a query.
//!
//! Texts are split where Unicode has neither a letter nor a digit. Scripts that are written without
//! spaces (Chinese, Japanese, Thai, …), and Korean, whose endings are attached to words, are indexed as
//! pairs of characters, so that any part of a sentence is found. Emoji are words of their own.

use super::fold;

/// Version of the way in which words are split and folded. An index with another version is rebuilt,
/// because a removed text must be split in the same way as when it was added.
pub const TERMS_VERSION: i64 = 1;

/// Number of characters of a word that are indexed; a longer word is found by its beginning.
const MAX_WORD_CHARS: usize = 64;

/// Maximum number of characters of a query that are read: more than any user types.
const MAX_QUERY_CHARS: usize = 1000;

/// Maximum number of terms of a query. More terms do not narrow the result much; this bounds the work.
const MAX_QUERY_TERMS: usize = 16;

/// Returns the terms under which a text is indexed, sorted and without duplicates.
#[must_use]
pub fn terms(text: &str) -> Vec<String> {
    let folded = fold(text);
    let mut found = Vec::new();
    for piece in pieces(&folded) {
        match piece {
            Piece::Word(word) => found.push(beginning(word).to_owned()),
            Piece::Sign(sign) => found.push(sign.to_owned()),
            Piece::Run(run) => {
                found.extend(pairs(run).map(str::to_owned));
                // A single character is the beginning of a pair, except the last one.
                found.extend(run.chars().next_back().map(String::from));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Returns whether each typed word is the beginning of a word of a name, or, in a script without spaces,
/// part of it; both texts are folded. `None`: the typed text has no word.
#[must_use]
pub fn fits_name(name: &str, typed: &str) -> Option<bool> {
    let mut wanted = pieces(typed).peekable();
    wanted.peek()?;
    Some(wanted.all(|wanted| {
        pieces(name).any(|piece| match (piece, wanted) {
            (Piece::Run(run), Piece::Run(part)) => run.contains(part),
            (Piece::Word(word), Piece::Word(begin)) => word.starts_with(begin),
            (piece, wanted) => piece == wanted,
        })
    }))
}

/// A search query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    terms: Vec<Term>,
    sequences: Vec<Vec<String>>,
}

/// A term that every matching text contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The folded text: only letters, digits and signs.
    pub text: String,
    /// Whether the term is a complete word; one that is not quoted may be the beginning of a word.
    pub is_whole: bool,
}

impl Query {
    /// Parses what a user typed. Any text is text to search for: there are no operators, except a pair of
    /// double quotes around complete words that must appear in this order.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let text: String = text.chars().take(MAX_QUERY_CHARS).collect();
        // Phones replace plain quotes by these automatically.
        let parts: Vec<&str> = text.split(['"', '\u{201c}', '\u{201d}']).collect();
        let mut query = Self::default();
        for (n, part) in parts.iter().enumerate() {
            let is_closed = n % 2 == 1 && n + 1 < parts.len();
            query.take(&fold(part), is_closed);
        }
        query.terms.truncate(MAX_QUERY_TERMS);
        query
    }

    /// Returns whether there is nothing to search for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns the terms that every match contains, at most `MAX_QUERY_TERMS`.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Returns whether the terms are not sufficient: a text with all of them may still not match.
    #[must_use]
    pub fn has_sequences(&self) -> bool {
        !self.sequences.is_empty()
    }

    /// Returns whether each sequence of the query occurs within one of several texts that belong together.
    #[must_use]
    pub fn fits<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        if self.sequences.is_empty() {
            return true;
        }
        let folded: Vec<String> = texts.into_iter().map(fold).collect();
        let atoms: Vec<Vec<&str>> = folded.iter().map(|text| atoms(text)).collect();
        self.sequences.iter().all(|wanted| {
            let found = |atoms: &Vec<&str>| atoms.windows(wanted.len()).any(|it| it == wanted);
            atoms.iter().any(found)
        })
    }

    fn take(&mut self, folded: &str, is_exact: bool) {
        for piece in pieces(folded) {
            match piece {
                Piece::Sign(sign) => self.add(sign, is_exact),
                Piece::Word(word) => {
                    let begins = beginning(word);
                    self.add(begins, is_exact && begins.len() == word.len());
                }
                Piece::Run(run) => self.take_run(run, is_exact),
            }
        }
        let atoms = if is_exact { atoms(folded) } else { Vec::new() };
        if atoms.len() > 1 {
            self.sequences
                .push(atoms.into_iter().map(str::to_owned).collect());
        }
    }

    fn take_run(&mut self, run: &str, is_exact: bool) {
        let pairs: Vec<&str> = pairs(run).collect();
        if pairs.is_empty() {
            return self.add(run, false);
        }
        // Every second pair covers the run; the order is checked against the text.
        for (n, pair) in pairs.iter().enumerate() {
            if n % 2 == 0 || n + 1 == pairs.len() {
                self.add(pair, false);
            }
        }
        if pairs.len() > 1 && !is_exact {
            self.sequences
                .push(atoms(run).into_iter().map(str::to_owned).collect());
        }
    }

    fn add(&mut self, text: &str, is_whole: bool) {
        let term = Term {
            text: text.to_owned(),
            is_whole,
        };
        if !self.terms.contains(&term) {
            self.terms.push(term);
        }
    }
}

/// A part of a folded text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    /// A word, delimited by characters other than letters and digits.
    Word(&'a str),
    /// Text without spaces; any part of it can be searched for.
    Run(&'a str),
    /// One emoji.
    Sign(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Run,
    Sign,
    Gap,
}

fn pieces(folded: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = folded;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c| class(c) == Class::Gap);
        let kind = class(rest.chars().next()?);
        let mut ends = rest.char_indices().skip(1);
        let end = match kind {
            Class::Sign => ends.next(),
            _ => ends.find(|(_, c)| class(*c) != kind),
        };
        let (piece, after) = rest.split_at(end.map_or(rest.len(), |(end, _)| end));
        rest = after;
        Some(match kind {
            Class::Sign => Piece::Sign(piece),
            Class::Run => Piece::Run(piece),
            Class::Word | Class::Gap => Piece::Word(piece),
        })
    })
}

/// Returns the parts of a text whose order matters: words, characters of runs, signs.
fn atoms(folded: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for piece in pieces(folded) {
        match piece {
            Piece::Word(text) | Piece::Sign(text) => found.push(text),
            Piece::Run(run) => found.extend(
                run.char_indices()
                    .map(|(at, c)| &run[at..at + c.len_utf8()]),
            ),
        }
    }
    found
}

/// Returns each character of a run together with the next one.
fn pairs(run: &str) -> impl Iterator<Item = &str> {
    let starts = run.char_indices().map(|(at, _)| at);
    let ends = run.char_indices().map(|(at, c)| at + c.len_utf8());
    starts
        .zip(ends.skip(1))
        .map(|(start, end)| &run[start..end])
}

fn beginning(word: &str) -> &str {
    let end = word.char_indices().nth(MAX_WORD_CHARS);
    &word[..end.map_or(word.len(), |(end, _)| end)]
}

fn class(c: char) -> Class {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() {
            Class::Word
        } else {
            Class::Gap
        };
    }
    if is_unbroken(c) {
        return Class::Run;
    }
    if c.is_alphanumeric() {
        return Class::Word;
    }
    if is_sign(c) { Class::Sign } else { Class::Gap }
}

/// Returns whether a character belongs to a script without spaces, to Korean, or to the letters of flags.
fn is_unbroken(c: char) -> bool {
    matches!(c,
        // Thai, Lao, Myanmar, Khmer, Tai Le to New Tai Lue, Tai Tham.
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{1950}'..='\u{19df}' | '\u{1a20}'..='\u{1aaf}' | '\u{a9e0}'..='\u{a9ff}'
        | '\u{aa60}'..='\u{aadf}'
        // Korean.
        | '\u{1100}'..='\u{11ff}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}'
        // Ideographs with their iteration marks, kana, bopomofo.
        | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}'
        | '\u{3031}'..='\u{3035}' | '\u{303b}'..='\u{303c}' | '\u{3041}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}'
        | '\u{16fe0}'..='\u{18dff}' | '\u{1aff0}'..='\u{1b2ff}' | '\u{20000}'..='\u{3ffff}')
        && c.is_alphanumeric()
        || matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// Returns whether a character is an emoji, or an arrow or figure that people use like one.
fn is_sign(c: char) -> bool {
    matches!(c,
        '©' | '®' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{25a0}'..='\u{27bf}'
        | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    use super::*;

    /// Does what the index does: every term of the query is a term of the text, or the beginning of one.
    fn finds(text: &str, query: &str) -> bool {
        let known = terms(text);
        let query = Query::new(query);
        let has = |term: &Term| {
            known.iter().any(|it| {
                if term.is_whole {
                    *it == term.text
                } else {
                    it.starts_with(&term.text)
                }
            })
        };
        !query.is_empty() && query.terms().iter().all(has) && query.fits([text])
    }

    #[test]
    fn what_people_type_is_found() {
        let cases = include_str!("../../tests/data/search_cases.tsv");
        let mut count = 0;
        for line in cases.lines().filter(|line| !line.starts_with('#')) {
            let (text, query) = line.split_once('\t').unwrap();
            assert!(finds(text, query), "{text:?} by {query:?}");
            for query in [
                query.nfd().collect::<String>(),
                query.nfc().collect(),
                query.to_uppercase(),
            ] {
                assert!(finds(text, &query), "{text:?} by {query:?}");
            }
            count += 1;
        }
        assert!(count >= 15);
    }

    #[test]
    fn beginnings_are_found_and_other_parts_of_words_are_not() {
        assert!(finds("the cherry tree", "che TR"));
        assert!(!finds("the cherry tree", "herry"));
        assert!(!finds("the cherry tree", "cherries"));
        assert!(finds("report_2024.final.PDF", "2024 pdf"));
        assert!(!finds("anything", "…—!"));
        assert!(!finds("anything", ""));
        let long = "x".repeat(5000);
        assert!(finds(&long, &long[..900]) && finds(&long, &format!("\"{}\"", &long[..900])));
    }

    #[test]
    fn quoted_words_stand_as_they_are_quoted() {
        assert!(finds("see the cherry tree", "\"cherry tree\""));
        assert!(finds(
            "see the Cherry, tree",
            "\u{201c}cherry tree\u{201d} se"
        ));
        assert!(!finds("tree of the cherry", "\"cherry tree\""));
        assert!(!finds("cherry trees", "\"cherry tree\""));
        assert!(
            finds("cherry trees", "\"cherry tree"),
            "an open quote is none yet"
        );
        assert!(!finds("cherries", "\"cherr\""));
        assert!(finds("cherry", "\"\" cherry \"\""));
        assert!(finds("我们在火车站见面", "\"火车站\"") && !finds("车站火", "\"火车站\""));
    }

    #[test]
    fn pairs_alone_do_not_make_a_run() {
        assert!(finds("東京都に行く", "東京都"));
        assert!(!finds("京都から東京", "東京都"), "both pairs, another word");
        assert!(finds("車", "車") && finds("火車", "車") && finds("車站", "車"));
        assert!(finds("iPhoneを買う", "iphoneを") && finds("2024年5月", "5月"));
        assert!(!Query::new("東京都").terms().iter().any(|it| it.is_whole));
    }

    #[test]
    fn names_are_found_by_the_beginnings_of_their_words() {
        let fits = |name: &str, typed: &str| fits_name(&fold(name), &fold(typed));
        for typed in ["ёл", "ЕЛКИН бор", "b", "boris-1985"] {
            assert_eq!(
                fits("boris_1985\nБорис Ёлкин", typed),
                Some(true),
                "{typed}"
            );
        }
        for typed in ["лкин", "борис анна", "985"] {
            assert_eq!(
                fits("boris_1985\nБорис Ёлкин", typed),
                Some(false),
                "{typed}"
            );
        }
        assert_eq!(fits("王小明", "小明"), Some(true));
        assert_eq!(fits("Anna 🎉", "🎉"), Some(true));
        assert_eq!(fits("_x_", "_"), None);
    }

    #[test]
    fn emoji_are_words() {
        assert!(finds("ok👍🏽 done", "👍") && finds("ok👍", "ok👍🏿") && !finds("ok", "👍"));
        assert!(finds("🇷🇺🇯🇵", "🇯🇵") && !finds("🇷🇺", "🇯🇵"));
        assert!(finds("👨‍👩‍👧 и ❤️", "👨‍👩‍👧") && finds("❤", "❤️"));
    }

    #[test]
    fn a_query_is_bounded() {
        let long: Vec<String> = (0..3000).map(|n| format!("w{n}")).collect();
        assert_eq!(Query::new(&long.join(" ")).terms().len(), MAX_QUERY_TERMS);
        let run: String = ('\u{4e00}'..'\u{5e00}').collect();
        assert_eq!(Query::new(&run).terms().len(), MAX_QUERY_TERMS);
        assert!(finds(&run, &run));
    }

    proptest! {
        #[test]
        fn any_part_of_unbroken_text_is_found(
            text in "[一-十火車站東京ァ-ヶぁ-ん가-기ก-ฮ\u{e30}-\u{e39}ក-ឃ]{2,40}", from in 0_usize..40, count in 2_usize..40,
        ) {
            let part: String = text.chars().skip(from).take(count).collect();
            prop_assume!(part.chars().count() >= 2 && !fold(&part).is_empty());
            prop_assert!(finds(&text, &part), "{text:?} by {part:?}");
        }

        #[test]
        fn a_text_is_found_by_what_its_words_begin_with(text in "\\PC{0,60}", chars in 1_usize..5) {
            let folded = fold(&text);
            for piece in pieces(&folded) {
                let (Piece::Word(word) | Piece::Run(word) | Piece::Sign(word)) = piece;
                let typed: String = word.chars().take(chars).collect();
                prop_assert!(finds(&text, &typed), "{text:?} by {typed:?}");
            }
        }

        #[test]
        fn any_text_can_be_asked_for(text in "\\PC*") {
            for term in Query::new(&text).terms() {
                prop_assert!(!term.text.contains(|c: char| class(c) == Class::Gap));
            }
        }
    }
}
