//! The nearest right name for a misspelt one: commands, flags, sections, keys.

/// Returns the candidate that a person most likely meant by `word`, if any is close enough.
///
/// Close enough is a third of the letters wrong (at least one), which finds `prot` for `port` and
/// leaves alone what is another word altogether.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    if word.len() > MAX_LETTERS {
        return None;
    }
    candidates
        .into_iter()
        .map(|name| {
            let letters: Vec<char> = name.to_lowercase().chars().collect();
            let allowed = (word.len().max(letters.len()) / 3).max(1);
            (distance(&word, &letters), allowed, name)
        })
        .filter(|&(steps, allowed, _)| steps <= allowed)
        .min_by_key(|&(steps, _, _)| steps)
        .map(|(_, _, name)| name)
}

/// No name of ours is longer; a longer word would only cost time to compare.
const MAX_LETTERS: usize = 64;

/// Counts the letters to insert, remove, replace or swap with their neighbour to get from `a` to
/// `b` (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const NAMES: [&str; 5] = [
        "port",
        "host",
        "public_url",
        "connections",
        "connections_per_ip",
    ];

    #[test]
    fn typing_mistakes_find_their_name() {
        for (word, name) in [
            ("prot", "port"),
            ("PORT", "port"),
            ("hosts", "host"),
            ("publik_ulr", "public_url"),
            ("conections", "connections"),
            ("connections_per_addr", "connections_per_ip"),
        ] {
            assert_eq!(nearest(word, NAMES), Some(name), "{word}");
        }
    }

    #[test]
    fn another_word_finds_nothing() {
        for word in ["", "certificate", "x", &"a".repeat(100_000)] {
            assert_eq!(nearest(word, NAMES), None, "{word}");
        }
    }
}
