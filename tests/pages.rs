//! The pages of documentation: both languages say the same, every page can be found, links lead somewhere.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|err| panic!("{name}: {err}"))
}

/// How deep each heading is, in order.
fn headings(text: &str) -> Vec<usize> {
    let mut in_code = false;
    text.lines()
        .filter(|line| {
            in_code ^= line.starts_with("```");
            !in_code && line.starts_with('#')
        })
        .map(|line| line.chars().take_while(|c| *c == '#').count())
        .collect()
}

/// The lines of code, without what is explained behind them.
fn code(text: &str) -> Vec<String> {
    let mut in_code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        } else if in_code || line.starts_with("    ") {
            let command = line.split(" # ").next().unwrap_or_default();
            lines.push(command.trim().to_owned());
        }
    }
    lines
}

/// The commands in running text.
fn commands(text: &str) -> BTreeSet<String> {
    let prose: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("    "))
        .map(str::trim)
        .collect();
    let whole = prose.join(" ").replace("```", "");
    let spans = whole.split('`').skip(1).step_by(2);
    let is_command = |span: &&str| {
        let first = span.split(' ').next().unwrap_or_default();
        span.contains(' ') && ["morelia", "make", "sudo", "systemctl"].contains(&first)
    };
    spans.filter(is_command).map(str::to_owned).collect()
}

#[test]
fn both_languages_have_the_same_sections_and_commands() {
    for (english, russian) in [
        ("README.md", "README.ru.md"),
        ("docs/operating.md", "docs/ru/operating.md"),
    ] {
        let (one, other) = (page(english), page(russian));
        assert_eq!(headings(&one), headings(&other), "{russian}");
        assert_eq!(code(&one), code(&other), "{russian}");
        let (one, other) = (commands(&one), commands(&other));
        let differ: Vec<_> = one.symmetric_difference(&other).collect();
        assert!(differ.is_empty(), "{russian}: {differ:?}");
    }
}

#[test]
fn a_first_page_is_short() {
    for name in ["README.md", "README.ru.md"] {
        let lines = page(name).lines().count();
        assert!(lines <= 70, "{name}: {lines}");
    }
}

/// Every page, by its path from the root.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/ru"] {
        for entry in fs::read_dir(root().join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|it| it == "md") {
                found.push(path.strip_prefix(root()).expect("inside").to_owned());
            }
        }
    }
    found
}

/// The name by which a heading is linked to.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn links_lead_somewhere() {
    for name in pages() {
        let text = page(name.to_str().expect("UTF-8"));
        let folder = name.parent().unwrap_or(Path::new(""));
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap_or_default();
            if target.contains("://") || target.contains(' ') {
                continue;
            }
            let (file, section) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() {
                root().join(&name)
            } else {
                root().join(folder).join(file)
            };
            assert!(path.exists(), "{}: {target}", name.display());
            if section.is_empty() || path.is_dir() {
                continue;
            }
            let there = fs::read_to_string(&path).expect("a page");
            let known = there
                .lines()
                .filter(|line| line.starts_with('#'))
                .any(|line| anchor(line.trim_start_matches('#')) == section);
            assert!(known, "{}: {target}", name.display());
        }
    }
}

#[test]
fn the_table_leads_to_what_operators_read() {
    let table = page("docs/README.md");
    for name in [
        "operating",
        "ru/operating",
        "configuration",
        "web",
        "security",
    ] {
        assert!(table.contains(&format!("({name}.md")), "{name}");
    }
}
