//! Files of one folder that need each other in a circle cannot be read, tested or changed one by one.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    none, sources,
    uses::{Use, module_of, uses},
};

/// The folders whose files form no circle, those of folders inside them among them. Between a module
/// and its own parts nothing is looked at: it names them, and they may name it.
const FOLDERS: &[&str] = &[
    "admin",
    "app",
    "auth",
    "certificates",
    "cli",
    "client",
    "config",
    "logging",
    "model",
    "outbound",
    "protocol",
    "server",
    "service",
    "store",
];

/// The files that may form a circle still, with the reason. A line goes with its circle.
const KNOWN: &[(&str, &[&str])] = &[
    // Messages are indexed by `search`, which finds them.
    ("store", &["messages", "removal", "search"]),
    // A method works on the state of the session that calls it.
    ("protocol", &["mtp/methods", "mtp/session"]),
    // The code of an error stands with the codes, which errors and their words are made of.
    ("protocol", &["mtp/codes", "mtp/error"]),
    // The table is made of what it matches.
    ("cli", &["matches", "table"]),
];

/// Which file needs which, and the first place that says so.
type Graph = BTreeMap<String, BTreeMap<String, String>>;

/// Files as modules, and what they use.
struct Files<'a>(BTreeMap<Vec<String>, (&'a Path, Vec<Use>)>);

impl<'a> Files<'a> {
    fn new(files: impl Iterator<Item = (&'a Path, &'a str)>) -> Self {
        let read = |(path, text)| {
            let module = module_of(path);
            let used = uses(&module, text);
            (module, (path, used))
        };
        Self(files.map(read).collect())
    }

    /// The file that something is from: what a module only passes on is not its own.
    fn origin(&self, path: &[String]) -> Option<&[String]> {
        let (module, (_, used)) = (1..=path.len())
            .rev()
            .find_map(|length| self.0.get_key_value(&path[..length]))?;
        let name = path.get(module.len())?;
        let passed_on = used.iter().find(|it| {
            let is_part = it.path.starts_with(module) && it.path.len() > module.len() + 1;
            it.is_import && is_part && it.path.last() == Some(name)
        });
        match passed_on {
            Some(it) => self.origin(&it.path),
            None => Some(module),
        }
    }

    /// Which file of a folder needs which.
    fn graph(&self, folder: &str) -> Graph {
        let mut graph = Graph::new();
        let inside = |module: &[String]| module.len() > 1 && module[0] == folder;
        let name = |module: &[String]| module[1..].join("/");
        for (module, (path, used)) in &self.0 {
            if !inside(module) || module.iter().any(|it| it == "tests") {
                continue;
            }
            for it in used.iter().filter(|it| !it.in_tests) {
                // A module may be named itself, and not something in it.
                let to = if self.0.contains_key(&it.path) {
                    Some(it.path.as_slice())
                } else {
                    self.origin(&it.path)
                };
                let Some(to) = to.filter(|to| inside(to)) else {
                    continue;
                };
                if !to.starts_with(module) && !module.starts_with(to) {
                    let place = format!("{}:{}", path.display(), it.line);
                    let needed = graph.entry(name(module)).or_default();
                    needed.entry(name(to)).or_insert(place);
                }
            }
        }
        graph
    }
}

/// Everything that a file needs, directly or through others.
fn reach(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        for to in graph.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(to.clone()) {
                next.push(to);
            }
        }
    }
    reached
}

/// The sets of files of which each needs each.
fn circles(graph: &Graph) -> BTreeSet<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<String>> = graph
        .keys()
        .map(|file| (file, reach(graph, file)))
        .collect();
    let with = |file: &String| -> BTreeSet<String> {
        let mutual = |other: &&String| reached.get(other).is_some_and(|it| it.contains(file));
        reached[file].iter().filter(mutual).cloned().collect()
    };
    graph
        .keys()
        .map(with)
        .filter(|circle| !circle.is_empty())
        .collect()
}

#[test]
fn files_of_a_folder_form_no_circle() {
    let sources = sources();
    let files = sources
        .iter()
        .filter(|(path, _)| path.starts_with("src"))
        .map(|(path, text)| (path.as_path(), text.as_str()));
    let files = Files::new(files);
    let mut offences = Vec::new();
    for folder in FOLDERS {
        let graph = files.graph(folder);
        for circle in circles(&graph) {
            let members: Vec<&str> = circle.iter().map(String::as_str).collect();
            let is_known = |(place, known): &(&str, &[&str])| {
                place == folder && members.iter().all(|it| known.contains(it))
            };
            if KNOWN.iter().any(is_known) {
                continue;
            }
            offences.push(format!(
                "src/{folder}: {} form a circle:",
                members.join(", ")
            ));
            for (from, needed) in graph.iter().filter(|(from, _)| circle.contains(*from)) {
                for (to, place) in needed.iter().filter(|(to, _)| circle.contains(*to)) {
                    offences.push(format!("    {from} → {to}  ({place})"));
                }
            }
        }
    }
    none(&offences);
}

#[test]
fn a_circle_is_found_whatever_way_it_is_written() {
    let files = [
        (
            "src/x/mod.rs",
            "mod a; mod b; mod c; mod d; pub use c::Name; use a::A;",
        ),
        (
            "src/x/a.rs",
            "use crate::{\n    model, x::{b::{self, B}},\n}; fn f() { super::root() }",
        ),
        ("src/x/b.rs", "fn f() { super::Name::new() }"),
        (
            "src/x/c.rs",
            "use super::a;\nmod tests { use crate::x::d; }",
        ),
        ("src/x/d/mod.rs", "mod e; pub use e::E; use super::c::Name;"),
        ("src/x/d/e.rs", "use super::super::f;\nuse super::D;"),
        ("src/x/f.rs", "use super::d::E;"),
    ];
    let files = Files::new(files.iter().map(|(path, text)| (Path::new(path), *text)));
    let graph = files.graph("x");
    assert_eq!(graph["a"]["b"], "src/x/a.rs:2");
    let found: Vec<Vec<String>> = circles(&graph)
        .into_iter()
        .map(|circle| circle.into_iter().collect())
        .collect();
    assert_eq!(found, [vec!["a", "b", "c"], vec!["d/e", "f"]]);
}
