//! Whatever somebody writes is written by a session that stands at that moment, not only when the
//! request came: it may have waited for its turn, or for a step that takes long.

use super::{none, sources};

/// How something is written.
const WRITES: [&str; 4] = [
    ".write(",
    ".write_sized(",
    ".write_prepared(",
    ".write_upload(",
];

/// How the session is looked at in the transaction.
const LOOKS: [&str; 3] = [".require(tx)?", "require_administrator(tx,", "is_valid(tx,"];

/// The functions of a file, each with the number of its first line.
fn functions(text: &str) -> Vec<(usize, String)> {
    let mut functions: Vec<(usize, String)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let word = line.trim_start();
        let begins = ["fn ", "async fn ", "pub fn ", "pub async fn "]
            .iter()
            .any(|start| word.starts_with(start))
            || word.starts_with("pub(") && word.contains(" fn ");
        if begins {
            functions.push((number + 1, String::new()));
        }
        if let Some((_, body)) = functions.last_mut() {
            body.push_str(line);
            body.push('\n');
        }
    }
    functions
}

#[test]
fn whatever_somebody_writes_asks_for_the_session() {
    let mut offences = Vec::new();
    let mut found = 0;
    for (path, text) in sources() {
        // A command has no session.
        if !path.starts_with("src/service") || path.starts_with("src/service/operator") {
            continue;
        }
        for (number, body) in functions(&text) {
            let signature = body.split('{').next().unwrap_or_default();
            let is_asked = signature.contains("SignedIn");
            let writes: usize = WRITES.iter().map(|it| body.matches(it).count()).sum();
            if !is_asked || writes == 0 {
                continue;
            }
            found += 1;
            let looks: usize = LOOKS.iter().map(|it| body.matches(it).count()).sum();
            if looks < writes {
                offences.push(format!("{}:{number} writes without a look", path.display()));
            }
        }
    }
    assert!(found > 20, "only {found} were found");
    none(&offences);
}
