//! `docs/security.md` names a test for each promise; here it is made sure that they exist.

use std::{fs, path::Path};

#[test]
fn every_promise_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/security.md")).expect("the page");
    let named: Vec<_> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|word| word.rsplit_once("::"))
        .filter(|(file, _)| *file != "file")
        .collect();
    assert!(named.len() > 30, "only {} tests are named", named.len());
    for (file, name) in named {
        let places = ["tests", "src"].map(|folder| root.join(folder).join(format!("{file}.rs")));
        let source = places.iter().find_map(|path| fs::read_to_string(path).ok());
        let source = source.unwrap_or_else(|| panic!("there is no {file}.rs"));
        assert!(
            source.contains(&format!("fn {name}(")),
            "{file}.rs has no {name}"
        );
    }
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let shown_by = line
            .trim_end_matches(" |")
            .rsplit(" | ")
            .next()
            .unwrap_or_default();
        let known = ["---", "shown by", "the compiler"].contains(&shown_by);
        assert!(
            known || shown_by.contains("::"),
            "a promise without a test: {line}"
        );
    }
}
