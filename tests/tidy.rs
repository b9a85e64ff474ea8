//! The rules of the house, held by a machine: where words may stand, how files look.

mod circles;
mod uses;
mod writes;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use uses::{module_of, uses};

/// Words, and the only places under `src/` that may contain them.
///
/// A place is a folder or a file. Tests at the end of a file count as the file does.
const BOUNDARIES: &[(&[&str], &[&str])] = &[
    // SQL is known to the store only.
    (&["rusqlite", "refinery", "named_params!"], &["store"]),
    // The web framework is known to the transport only.
    (&["use warp", "warp::"], &["server"]),
    // HTTP: the transport, and those who ask other servers.
    (
        &["hyper::", "hyper_util"],
        &["server", "outbound", "client"],
    ),
    // WebSockets: the transport on one side, the built-in client on the other.
    (&["tungstenite"], &["server", "client"]),
    (
        &["rustls::", "tokio_rustls"],
        &["server", "client", "outbound"],
    ),
    // What goes over the wire: below the protocol nobody knows it. The client shares nothing.
    (
        &["serde::", "derive(Serialize", "derive(Deserialize"],
        &["protocol", "server", "admin", "client", "certificates"],
    ),
    (
        &["serde_json"],
        &[
            "protocol",
            "server",
            "admin",
            "client",
            "certificates",
            "outbound",
        ],
    ),
    // Certificates are made in one place.
    (&["rcgen"], &["certificates"]),
    // Who asks a certificate authority.
    (&["instant_acme"], &["outbound"]),
    // Hashing is pure and in one place.
    (&["argon2"], &["auth"]),
    // What looks like what is decided in one place.
    (&["unicode_security"], &["model"]),
    // Backups are encrypted in one place; the configuration reads the public keys.
    (
        &["age::x25519", "use age"],
        &["app/backups/seal.rs", "config/keys/storage.rs"],
    ),
    // Arguments are read in one place.
    (&["pico_args"], &["cli"]),
    (&["Ini::"], &["config"]),
    // Who prints: the commands, and whoever says what is wrong before there is a log.
    (&["println!", "print!("], &["admin", "logging"]),
];

/// What each folder and file of `src/` may use of the crate beside itself: dependencies point one way,
/// down.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("main.rs", &[]),
    ("lib.rs", &["admin", "cli", "exit"]),
    // Commands: what was asked for, how it is printed.
    (
        "admin",
        &[
            "app",
            "auth",
            "certificates",
            "cli",
            "client",
            "config",
            "exit",
            "logging",
            "model",
            "outbound",
            "server",
            "service",
            "store",
        ],
    ),
    // The only one who wires the parts of a server together. It knows no command.
    (
        "app",
        &[
            "auth",
            "certificates",
            "config",
            "exit",
            "hub",
            "logging",
            "model",
            "outbound",
            "protocol",
            "server",
            "service",
            "store",
        ],
    ),
    ("server", &["protocol", "model"]),
    // Strangers to the server: what they know is what everybody can know.
    ("client", &[]),
    ("outbound", &[]),
    ("certificates", &[]),
    ("protocol", &["service", "hub", "auth", "config", "model"]),
    ("service", &["store", "hub", "auth", "config", "model"]),
    ("store", &["auth", "model"]),
    ("hub.rs", &["auth", "model"]),
    ("hub", &["auth", "model"]),
    ("auth", &["model"]),
    ("model", &[]),
    // Beside them, for everybody who starts something.
    ("cli", &["config", "exit", "model", "nearest"]),
    ("config", &["exit", "nearest"]),
    ("logging", &["config", "exit"]),
    ("exit.rs", &[]),
    ("nearest.rs", &[]),
    // What a browser runs; no Rust.
    ("web", &[]),
];

/// Who sees the whole configuration. The types of its values are for all who may use `config`.
const WHOLE_CONFIGURATION: &[&str] = &["config", "app", "admin", "cli", "logging"];

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
    let product =
        |path: &Path| path.starts_with("src") && !module_of(path).iter().any(|it| it == "tests");
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
        let Some((place, allowed)) = DIRECTIONS.iter().find(|(place, _)| is_below(&path, place))
        else {
            if path.starts_with("src") {
                offences.push(format!("{} has no place in DIRECTIONS", path.display()));
            }
            continue;
        };
        let own = place.trim_end_matches(".rs");
        let module = module_of(&path);
        for used in uses(&module, &text) {
            let Some(name) = used.path.first().map(String::as_str) else {
                continue;
            };
            let mut refuse = |what: &str| {
                offences.push(format!(
                    "{}:{}: {place} uses {what}",
                    path.display(),
                    used.line
                ));
            };
            if name != own && !allowed.contains(&name) {
                refuse(name);
            }
            if used.path.starts_with(&["config".into(), "Config".into()])
                && !WHOLE_CONFIGURATION.contains(&own)
            {
                refuse("the whole configuration");
            }
            // Faces of the protocol stand side by side.
            if let ("protocol", Some(face), Some(other)) = (name, module.get(1), used.path.get(1))
                && own == "protocol"
                && face != other
                // What HTTP is to each of them.
                && other != "web"
                && root().join("src/protocol").join(other).is_dir()
            {
                refuse(&format!("{other} in {face}"));
            }
        }
    }
    none(&offences);
}

#[test]
fn every_folder_has_its_direction() {
    let mut offences = Vec::new();
    for entry in fs::read_dir(root().join("src")).expect("the sources") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_string_lossy();
        if !DIRECTIONS.iter().any(|(place, _)| *place == name) {
            offences.push(format!("src/{name} has no place in DIRECTIONS"));
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
        let tests = module_of(path).iter().any(|it| it == "tests");
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

#[test]
fn texts_name_pages_in_their_own_language() {
    let mut offences = Vec::new();
    let folder = root().join("src/web/js/locales");
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let language = name.split('.').next().unwrap_or_default();
        let text = fs::read_to_string(entry.path()).expect("text");
        for (at, _) in text.match_indices("docs/") {
            let is_part = |sign: char| sign.is_ascii_alphanumeric() || "/._-".contains(sign);
            let path = text[at..].split(|sign| !is_part(sign)).next();
            let path = path.unwrap_or_default().trim_end_matches('.');
            let page = path.rsplit('/').next().unwrap_or_default();
            let own = format!("docs/{language}/{page}");
            if !root().join(path).is_file() {
                offences.push(format!("{name}: {path} is no page"));
            } else if path != own && root().join(&own).is_file() {
                offences.push(format!("{name}: {path}, and {own} is there"));
            }
        }
    }
    assert!(offences.is_empty(), "{offences:#?}");
}
