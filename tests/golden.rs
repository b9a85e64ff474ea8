//! Recorded conversations: what every method answers, word for word.
//!
//! A transcript is a file `golden/<method>/<case>.txt` of lines: `> ` is sent, `< ` is what came,
//! `# ` is a remark. A digit before the sign names one of several connections. What differs from
//! run to run is written `<uuid 1>`, `<token 1>`, `<code 1>`, `<file 1>`, `<ticket 1>`, `<position 1>`, numbered by first
//! appearance, and `<time>`. `make golden` writes the answers anew; the difference is then reviewed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
    thread,
};

use serde_json::Value;

use super::common::connection::End;
use super::common::pages::Pages;
use super::common::push_service::PushService;
use super::common::{Connection, Server};

/// Set to write the transcripts anew.
const REWRITE: &str = "MORELIA_GOLDEN_REWRITE";

#[test]
fn every_method_answers_as_recorded() {
    let files = Mutex::new(transcripts());
    let failures = Mutex::new(Vec::new());
    let work = || {
        while let Some(path) = files.lock().expect("alive").pop() {
            if let Err(failure) = thread::spawn(move || replay(&path))
                .join()
                .unwrap_or_else(|_| Err("the replay failed; its message is above".to_owned()))
            {
                failures.lock().expect("alive").push(failure);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().expect("alive");
    assert!(
        failures.is_empty(),
        "{}\n`make golden` records what is so now",
        failures.join("\n\n")
    );
}

#[test]
fn volatile_values_are_numbered() {
    let mut names = Names::default();
    let id = "2094112098478341837583209384923841";
    let token = "a".repeat(64);
    let text = format!(
        r#"{{"time":5,"uuid":"{id}","auth_id":"{token}","text":"\"time\":5 {id}","position":9,"code":"A-B","x":{{"code":200}}}}"#
    );
    let hidden = names.hide(&text);
    assert_eq!(
        hidden,
        format!(
            r#"{{"time":<time>,"uuid":"<uuid 1>","auth_id":"<token 1>","text":"\"time\":5 {id}","position":<position 1>,"code":"<code 1>","x":{{"code":200}}}}"#
        )
    );
    assert_eq!(
        names.show(r#"["<uuid 1>",<position 1>]"#),
        format!(r#"["{id}",9]"#)
    );
}

pub(crate) fn transcripts() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files = Vec::new();
    for folder in fs::read_dir(root).expect("the folder of transcripts") {
        for file in fs::read_dir(folder.expect("an entry").path()).expect("a method's folder") {
            files.push(file.expect("an entry").path());
        }
    }
    files.sort();
    files.reverse();
    assert!(!files.is_empty(), "there are transcripts");
    files
}

/// Replays a transcript against a fresh server; the error says where it differs.
fn replay(path: &Path) -> Result<(), String> {
    let rewrite = std::env::var_os(REWRITE).is_some();
    let recorded = fs::read_to_string(path).expect("a transcript");
    // A push service where the transcript has one.
    let service = recorded.contains("<push service>").then(PushService::start);
    let place = service
        .as_ref()
        .map_or("off".to_owned(), PushService::address);
    // The internet, where the transcript asks it for something.
    let pages = recorded.contains("http://8.8.8.8/").then(Pages::start);
    let server = match (&service, &pages) {
        (Some(_), _) => Server::with(&[("outbound.allow_private", &place)]),
        (None, Some(pages)) => {
            let proxy = pages.proxy();
            Server::with(&[("web.previews", "on"), ("outbound.proxy", &proxy)])
        }
        (None, None) => Server::start(),
    };
    let mut names = Names::default();
    let mut connections: BTreeMap<char, Connection> = BTreeMap::new();
    let mut seen = String::new();
    let lines: Vec<&str> = recorded.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let (who, sign) = speaker(line);
        if sign.is_none() {
            seen.push_str(line);
        }
        let connection = connections.entry(who).or_insert_with(|| server.connect());
        match sign {
            Some(('>', request)) => {
                seen.push_str(line);
                let request = names.show(request).replace("<push service>", &place);
                connection.send_text(request).expect("sent");
                // A request that has no answer in the file yet has one.
                let answered = lines[number + 1..]
                    .iter()
                    .find(|line| speaker(line).1.is_some());
                let answered =
                    answered.is_some_and(|line| matches!(speaker(line).1, Some(('<', _))));
                if rewrite && !answered {
                    let mark = if line.starts_with('>') {
                        ""
                    } else {
                        &line[..1]
                    };
                    seen.extend(["\n", mark, "< "]);
                    seen.push_str(&names.hide(&frame(connection, "").expect("an answer")));
                }
            }
            Some((_, _)) => {
                let answer = frame(connection, line);
                let answer =
                    answer.map_err(|end| format!("{}:{}: {end:?}", path.display(), number + 1))?;
                let mark = if line.starts_with('<') {
                    String::new()
                } else {
                    who.to_string()
                };
                seen.extend([mark.as_str(), "< ", &names.hide(&answer)]);
            }
            None => {}
        }
        seen.push('\n');
    }
    if rewrite {
        fs::write(path, seen).expect("written");
        return Ok(());
    }
    for (number, (was, is)) in recorded.lines().zip(seen.lines()).enumerate() {
        if was != is {
            let place = format!("{}:{}", path.display(), number + 1);
            return Err(format!("{place}\n  recorded {was}\n  answered {is}"));
        }
    }
    Ok(())
}

/// The next frame. Who is here is told once a tick, between any two frames: where the recorded line is
/// not about that, it is passed over.
fn frame(connection: &mut Connection, recorded: &str) -> Result<String, End> {
    let is_presence =
        |text: &str| text.contains("\"presence\":") || text.contains("\"presences\":");
    loop {
        let text = connection.text()?;
        if is_presence(recorded) || !is_presence(&text) {
            return Ok(text);
        }
    }
}

/// Splits a line into the connection, the sign and the frame; a remark has no sign.
pub(crate) fn speaker(line: &str) -> (char, Option<(char, &str)>) {
    let (who, rest) = match line.chars().next() {
        Some(digit @ '1'..='9') => (digit, &line[1..]),
        _ => ('1', line),
    };
    for sign in ['>', '<'] {
        if let Some(rest) = rest.strip_prefix(sign) {
            return (who, Some((sign, rest.trim_start())));
        }
    }
    ('1', None)
}

/// The names of the values that differ from run to run.
#[derive(Default)]
pub(crate) struct Names {
    values: BTreeMap<&'static str, Vec<String>>,
}

impl Names {
    /// Puts values where the names are.
    pub(crate) fn show(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (kind, values) in &self.values {
            for (index, value) in values.iter().enumerate() {
                text = text.replace(&format!("<{kind} {}>", index + 1), value);
            }
        }
        text
    }

    /// Puts names where the values are. Works on the text, so that the order of keys and what is
    /// left out stay visible.
    pub(crate) fn hide(&mut self, text: &str) -> String {
        let mut hidden = String::new();
        let mut rest = text;
        let mut key = "";
        while let Some(first) = rest.chars().next() {
            if first == '"' {
                let end = string_end(rest);
                let content = &rest[1..end - 1];
                let is_key = rest[end..].starts_with(':');
                match kind(content, if is_key { "" } else { key }) {
                    // What its code is good for is worth more than where the server is.
                    _ if key == "link" && !is_key => {
                        let (place, code) = content.rsplit_once('/').expect("a link");
                        let page = place.rsplit('/').next().expect("a page");
                        let code = self.name("token", code);
                        hidden.extend(["\"<server>/", page, "/", &code, "\""]);
                    }
                    _ if key == "url" && content.contains("/hook/") => {
                        let (_, secret) = content.rsplit_once('/').expect("an address");
                        let secret = self.name("secret", secret);
                        hidden.extend(["\"<server>/hook/", &secret, "\""]);
                    }
                    Some(kind) => hidden.extend(["\"", &self.name(kind, content), "\""]),
                    None => hidden += &rest[..end],
                }
                key = if is_key { content } else { "" };
                rest = &rest[end..];
            } else if first.is_ascii_digit() {
                let end = rest
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len());
                let number = &rest[..end];
                match key {
                    "time" | "time_created" | "edited_time" | "expires" | "seen_at" | "created"
                    | "seen" | "made" | "backup" => hidden += "<time>",
                    // Of a session; bytes of files are few here.
                    "used" if number.len() > 9 => hidden += "<time>",
                    "uptime" | "log" | "free" => hidden += "<size>",
                    // That of a database; files here are small.
                    "size" if number.len() > 4 => hidden += "<size>",
                    "position" => hidden += &self.name("position", number),
                    _ => hidden += number,
                }
                rest = &rest[end..];
            } else if first == '[' && key == "rows" {
                // What a check finds is the machine's own.
                let mut list = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
                list.next().expect("a list").expect("JSON");
                rest = &rest[list.byte_offset()..];
                hidden += "<rows>";
            } else {
                if first != ':' {
                    key = "";
                }
                hidden.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        hidden
    }

    fn name(&mut self, kind: &'static str, value: &str) -> String {
        let values = self.values.entry(kind).or_default();
        let known = values.iter().position(|known| known == value);
        let index = known.unwrap_or_else(|| {
            values.push(value.to_owned());
            values.len() - 1
        });
        format!("<{kind} {}>", index + 1)
    }
}

/// Returns the index after the closing quote of the string that the text begins with.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    panic!("an unfinished string: {text}");
}

/// Tells which kind of volatile value a string is, if any.
fn kind(content: &str, key: &str) -> Option<&'static str> {
    let digits = content.bytes().all(|b| b.is_ascii_digit());
    let hex = content.bytes().all(|b| b.is_ascii_hexdigit());
    match content.len() {
        25..=39 if digits => Some("uuid"),
        64 if hex => Some("token"),
        32 if hex => Some("file"),
        87 if key == "key" => Some("key"),
        _ if key == "token" && content.starts_with("mb_") => Some("secret"),
        _ if key == "code" => Some("code"),
        _ if key == "ticket" => Some("ticket"),
        _ if key == "secret" => Some("secret"),
        _ if key == "hint" => Some("hint"),
        _ if key == "id" && content.starts_with("morelia-") => Some("backup"),
        _ => None,
    }
}
