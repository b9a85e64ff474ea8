//! The rules of the house, held by a machine: where words may stand, how files look.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Words, and the only places under `src/` that may contain them.
///
/// A place is a folder or a file. Tests at the end of a file count as the file does.
const BOUNDARIES: &[(&[&str], &[&str])] = &[
    // SQL is known to the store only.
    (&["rusqlite", "refinery", "named_params!"], &["store"]),
    // The web framework is known to the transport only.
    (
        &["use warp", "warp::", "hyper::", "hyper_util"],
        &["server"],
    ),
    // WebSockets: the transport on one side, the built-in client on the other.
    (&["tungstenite"], &["server", "client"]),
    (&["rustls::", "tokio_rustls"], &["server", "client"]),
    // What goes over the wire: below the protocol nobody knows it. The client shares nothing.
    (
        &["serde::", "derive(Serialize", "derive(Deserialize"],
        &["protocol", "server", "admin", "client"],
    ),
    (&["serde_json"], &["protocol", "server", "admin", "client"]),
    (
        &["crate::protocol"],
        &["protocol", "server", "app.rs", "app", "lib.rs"],
    ),
    // Only those who wire the parts together know the transport.
    (
        &["crate::server"],
        &[
            "server",
            "app.rs",
            "app",
            "admin",
            "protocol/mod.rs",
            "lib.rs",
        ],
    ),
    // The built-in client is a stranger to the server.
    (
        &["crate::client"],
        &["client", "admin/client", "admin", "lib.rs"],
    ),
    // Hashing is pure and in one place.
    (&["argon2"], &["auth"]),
    // Arguments are read in one place.
    (&["pico_args"], &["cli"]),
    (&["Ini::"], &["config"]),
    // Only those who wire the parts together, and the commands, see the whole configuration.
    (
        &["config::Config", "config::{Config"],
        &[
            "config",
            "app",
            "app.rs",
            "admin",
            "cli",
            "logging",
            "logging.rs",
        ],
    ),
    // Who prints: the commands, the command line, and the ready line.
    (
        &["println!", "print!("],
        &[
            "admin",
            "cli",
            "cli.rs",
            "app",
            "app.rs",
            "lib.rs",
            "main.rs",
            "logging",
            "logging.rs",
        ],
    ),
];

/// What a module may use of the crate: dependencies point one way, down. The types of the
/// configuration's values are anybody's; the whole of it is not (see [`BOUNDARIES`]).
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("model", &["model"]),
    ("auth", &["auth", "model"]),
    ("store", &["store", "model", "auth"]),
    ("hub.rs", &["hub", "model", "auth"]),
    ("hub", &["hub", "model", "auth"]),
    (
        "service",
        &["service", "store", "hub", "auth", "config", "model"],
    ),
    (
        "protocol",
        &["protocol", "service", "hub", "auth", "config", "model"],
    ),
    ("server", &["server", "protocol"]),
    ("client", &["client"]),
];

/// Words that no source file may contain: what was left undone, and what is done elsewhere.
const FORBIDDEN: [&str; 6] = [
    "todo!(",
    "unimplemented!(",
    "dbg!(",
    "FIXME",
    "XXX:",
    "#[ignore",
];

/// The longest a source file may be.
const MAX_LINES: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every file below a folder whose name has one of the endings.
fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if endings
                .iter()
                .any(|ending| path.extension().is_some_and(|it| it == *ending))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("UTF-8");
        (
            path.strip_prefix(root())
                .expect("below the root")
                .to_owned(),
            text,
        )
    };
    let all: Vec<_> = ["src", "tests", "benches", "examples"]
        .iter()
        .flat_map(|folder| files(folder, &["rs"]))
        .map(read)
        .collect();
    assert!(all.len() > 20, "the sources are found");
    all
}

/// Returns the lines of a file that are code, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn is_below(path: &Path, place: &str) -> bool {
    path.starts_with(Path::new("src").join(place))
}

#[track_caller]
fn none(offences: &[String]) {
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn words_stand_only_where_they_belong() {
    let mut offences = Vec::new();
    // What tests print is read by people only.
    let product = |path: &Path| {
        path.starts_with("src") && !path.components().any(|it| it.as_os_str() == "tests")
    };
    for (path, text) in sources().iter().filter(|(path, _)| product(path)) {
        for (words, places) in BOUNDARIES {
            if places.iter().any(|place| is_below(path, place)) {
                continue;
            }
            for (number, line) in code(text) {
                if let Some(word) = words.iter().find(|word| line.contains(*word)) {
                    offences.push(format!(
                        "{}:{number}: {word:?} belongs to {places:?}",
                        path.display()
                    ));
                }
            }
        }
    }
    none(&offences);
}

#[test]
fn dependencies_point_one_way() {
    let mut offences = Vec::new();
    for (path, text) in sources() {
        for (place, allowed) in DIRECTIONS
            .iter()
            .filter(|(place, _)| is_below(&path, place))
        {
            for (number, line) in code(&text) {
                for used in line.split("crate::").skip(1) {
                    let module: String = used
                        .chars()
                        .take_while(|c| c.is_alphanumeric() || *c == '_')
                        .collect();
                    if !module.is_empty() && !allowed.contains(&module.as_str()) {
                        offences.push(format!(
                            "{}:{number}: {place} uses {module}",
                            path.display()
                        ));
                    }
                }
            }
        }
    }
    none(&offences);
}

#[test]
fn every_module_says_what_it_is() {
    let mut offences = Vec::new();
    for (path, text) in sources() {
        if !text.starts_with("//!") {
            offences.push(format!("{} does not open with //!", path.display()));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            offences.push(format!(
                "{} has {lines} lines, more than {MAX_LINES}",
                path.display()
            ));
        }
    }
    none(&offences);
}

#[test]
fn nothing_is_left_undone() {
    let mut offences = Vec::new();
    for (path, text) in sources()
        .iter()
        .filter(|(path, _)| !path.ends_with("tidy.rs"))
    {
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = FORBIDDEN.iter().find(|word| line.contains(*word)) {
                offences.push(format!("{}:{}: {word}", path.display(), number + 1));
            }
        }
    }
    none(&offences);
}

#[test]
fn every_method_has_its_transcripts() {
    let list = root().join("src/protocol/mtp/methods/mod.rs");
    let text = fs::read_to_string(&list).expect("the list of methods");
    let mut methods = BTreeSet::new();
    for (_, line) in code(&text) {
        // An arm begins with a name, or with several of which the first is the method's own.
        let line = line.trim_start();
        if let Some((name, rest)) = line.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
            let rest = rest.trim_start();
            if rest.starts_with("=>") || rest.starts_with('|') {
                methods.insert(name.to_owned());
            }
        }
    }
    assert!(methods.len() >= 12, "the arms are found: {methods:?}");
    let mut offences = Vec::new();
    for method in &methods {
        // The older clients' name of a method is recorded with the method.
        if method == "auth" {
            continue;
        }
        for case in ["good", "refused"] {
            let file = format!("tests/golden/{method}/{case}.txt");
            let text = fs::read_to_string(root().join(&file)).unwrap_or_default();
            if !text.lines().any(|line| line.starts_with("< ")) {
                offences.push(format!("{file} is missing or not recorded"));
            }
        }
        if !root()
            .join(format!("src/protocol/mtp/methods/{method}.rs"))
            .exists()
        {
            offences.push(format!("src/protocol/mtp/methods/{method}.rs is missing"));
        }
        let docs = fs::read_to_string(root().join("docs/protocol.md")).unwrap_or_default();
        if !docs.contains(&format!("### {method}")) {
            offences.push(format!("docs/protocol.md has no section {method}"));
        }
    }
    none(&offences);
}

#[test]
fn every_close_code_is_in_the_protocol_text() {
    let mut sent = BTreeSet::new();
    let product = |path: &Path| {
        let tests = path.components().any(|it| it.as_os_str() == "tests")
            || path.file_stem().is_some_and(|stem| stem == "tests");
        (is_below(path, "server") || is_below(path, "protocol")) && !tests
    };
    for (path, text) in sources().iter().filter(|(path, _)| product(path)) {
        let text = text.split("mod tests {").next().unwrap_or_default();
        for (_, line) in code(text) {
            for before in ["code: ", "broken("] {
                for part in line.split(before).skip(1) {
                    let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
                    if digits.len() == 4 {
                        println!("{}: {digits}", path.display());
                        sent.insert(digits);
                    }
                }
            }
        }
    }
    let text = fs::read_to_string(root().join("docs/protocol.md")).expect("the protocol text");
    let documented: BTreeSet<String> = text
        .split("| close code |")
        .nth(1)
        .expect("the table of close codes")
        .lines()
        .skip(2)
        .map_while(|line| line.strip_prefix("| "))
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect();
    assert_eq!(sent, documented);
}

#[test]
fn every_file_of_tests_is_in_the_contents() {
    let contents = fs::read_to_string(root().join("tests/tests.rs")).expect("the contents page");
    let mut offences = Vec::new();
    for entry in fs::read_dir(root().join("tests")).expect("the tests") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("a name");
        let is_module = path.extension().is_some_and(|it| it == "rs") && name != "tests";
        if is_module && !contents.contains(&format!("mod {name};")) {
            offences.push(format!("tests/{name}.rs is not in tests/tests.rs"));
        }
    }
    none(&offences);
}
