//! Checks that the command lines in the documentation are valid.

use super::run;
use crate::cli::table;
use crate::exit::Exit;

/// Returns the command lines that a text for people shows, in its blocks and in its sentences.
fn shown_in(text: &str) -> Vec<String> {
    let blocks = text.lines().filter_map(|line| {
        let is_block = line.starts_with("    ") || line.starts_with("morelia ");
        is_block.then(|| line.trim().to_owned())
    });
    let inline = text.split('`').skip(1).step_by(2);
    let inline = inline.map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut shown = Vec::new();
    for line in blocks.chain(inline) {
        let line = line.split(" # ").next().unwrap().trim();
        let line = line.strip_prefix("sudo -u morelia ").unwrap_or(line);
        // Environment variables precede the program.
        let is_variable = |word: &&str| word.starts_with("MORELIA_") && word.contains('=');
        let words: Vec<&str> = line.split_whitespace().skip_while(is_variable).collect();
        // `morelia …` stands for any command, `list|show` for several.
        let is_whole = !line.contains('…') && !line.contains('|');
        if is_whole && words.len() > 1 && words[0] == "morelia" {
            shown.push(words[1..].join(" "));
        }
    }
    shown
}

#[test]
fn every_command_of_the_documentation_is_understood() {
    let mut count = 0;
    for file in [
        "README.md",
        "CHANGELOG.md",
        "docs/operating.md",
        "docs/security.md",
        "docs/web.md",
    ] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        for line in shown_in(&std::fs::read_to_string(path).unwrap()) {
            count += 1;
            let is_group = table::first_words().contains(&line.as_str());
            if let Err(error) = run(&line)
                && !is_group
                && !error.contains("missing ")
            {
                panic!("{file}: morelia {line}: {error}");
            }
        }
    }
    assert!(count > 50, "{count} command lines were found");
}

#[test]
fn every_exit_code_is_in_the_manual() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operating.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, codes) = text.split_once("\n## Exit codes\n").unwrap();
    let words: Vec<&str> = codes.split_whitespace().collect();
    for exit in Exit::ALL {
        assert!(
            words.contains(&exit.code().to_string().as_str()),
            "{exit:?}"
        );
    }
}
