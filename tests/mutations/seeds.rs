//! The requests that a run begins with: those of the golden transcripts, and those that the known
//! clients send.

use std::{fs, path::Path};

use serde_json::Value;

/// Requests whose ids and tokens are still names such as `<uuid 1>`.
pub(super) struct Seeds {
    /// What costs little and can be repeated.
    pub(super) usual: Vec<Value>,
    /// What hashes a password, or ends the session that it is sent with.
    pub(super) rare: Vec<Value>,
}

/// Reads them all.
pub(super) fn load() -> Seeds {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut requests = Vec::new();
    for folder in fs::read_dir(root.join("golden")).expect("the transcripts") {
        for file in fs::read_dir(folder.expect("an entry").path()).expect("a method's folder") {
            let text = fs::read_to_string(file.expect("an entry").path()).expect("a transcript");
            let lines = text
                .lines()
                .map(|line| line.trim_start_matches(|c: char| c.is_ascii_digit()));
            let sent = lines.filter_map(|line| line.strip_prefix("> "));
            // Some are no JSON, which is what the mutations make by themselves.
            requests.extend(sent.filter_map(|line| serde_json::from_str(&named(line)).ok()));
        }
    }
    let clients = fs::read_to_string(root.join("data/client_requests.jsonl")).expect("requests");
    for line in clients.lines() {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        requests.push(line["request"].take());
    }
    let rare = |request: &Value| {
        let kind = request["type"].as_str().unwrap_or_default();
        [
            "register_user",
            "authentication",
            "auth",
            "delete_user",
            "logout",
        ]
        .contains(&kind)
            || request.to_string().contains("password")
    };
    let (rare, usual): (Vec<_>, Vec<_>) = requests.into_iter().partition(rare);
    assert!(usual.len() > 100 && rare.len() > 20, "there are seeds");
    Seeds { usual, rare }
}

/// Puts names that stand where a number is expected into quotes.
fn named(line: &str) -> String {
    let mut text = String::new();
    for (index, part) in line.split('<').enumerate() {
        if index == 0 {
            text.push_str(part);
        } else if let (false, Some((name, rest))) = (text.ends_with('"'), part.split_once('>')) {
            text.extend(["\"<", name, ">\"", rest]);
        } else {
            text.extend(["<", part]);
        }
    }
    text
}
