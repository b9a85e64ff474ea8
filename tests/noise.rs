//! Plain clients see revision 17 whatever rich clients do around them: every plain transcript again,
//! while somebody else acts in the same flows between its lines.
//!
//! The noise is what plain frames have no words for: levels, timers, protection, pictures of flows,
//! saved messages of somebody who is in none of these flows. What plain clients are told of as well
//! (titles, members, messages, read marks, profiles) would rightly change their frames and is no
//! noise. Levels go back before the next line, since a moderator may do more. Coming and going of
//! the noisy connections is passed over, and positions grow with the noise, so that only their
//! places are compared.

use std::{collections::BTreeMap, fs, path::Path, sync::Mutex, thread};

use serde_json::{Value, json};

use crate::{
    common::{Connection, Person, Server, connection::envelope},
    golden::{Names, speaker, transcripts},
};

/// How often each kind of noise was made in all transcripts together, at least.
const LEAST: usize = 20;

/// How often each kind of noise was made.
type Tally = BTreeMap<&'static str, usize>;

/// Methods that came after revision 17 and list or change what the whole server has.
const NEWER: [&str; 29] = [
    "server_status",
    "list_users",
    "set_user",
    "remove_user",
    "reset_password",
    "use_reset",
    "list_invitations",
    "revoke_invitation",
    "use_invitation",
    "list_sessions",
    "end_session",
    "make_token",
    "list_tokens",
    "revoke_token",
    "make_outgoing",
    "list_outgoing",
    "remove_outgoing",
    "test_outgoing",
    "list_flows",
    "remove_flow",
    "moderate",
    "list_audit",
    "list_backups",
    "make_backup",
    "run_check",
    "registration",
    "link_device",
    "use_link",
    "invite",
];

#[test]
fn plain_transcripts_stay_as_recorded_among_rich_clients() {
    let files = Mutex::new(transcripts());
    let (failures, tally) = (Mutex::new(Vec::new()), Mutex::new(Tally::new()));
    let work = || {
        while let Some(path) = files.lock().expect("alive").pop() {
            let recorded = fs::read_to_string(&path).expect("a transcript");
            // What revision 17 knows nothing of: who accepts more, and who cares for the server, whose
            // lists name everybody.
            let is_new = NEWER
                .iter()
                .any(|method| recorded.contains(&format!("\"type\":\"{method}\"")));
            if is_new || recorded.contains("\"accept\"") {
                continue;
            }
            let replayed = thread::scope(|scope| scope.spawn(|| replay(&path, &recorded)).join());
            match replayed.unwrap_or_else(|_| Err(format!("{}: see above", path.display()))) {
                Ok(made) => {
                    let mut tally = tally.lock().expect("alive");
                    for (kind, count) in made {
                        *tally.entry(kind).or_default() += count;
                    }
                }
                Err(failure) => failures.lock().expect("alive").push(failure),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().expect("alive");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    let tally = tally.into_inner().expect("alive");
    for kind in Noise::KINDS {
        let count = tally.get(kind).copied().unwrap_or_default();
        assert!(count >= LEAST, "{kind} was tried {count} times: {tally:?}");
    }
}

/// Replays a transcript with noise before each of its requests and before its end.
fn replay(path: &Path, recorded: &str) -> Result<Tally, String> {
    let server = Server::start();
    let mut noise = Noise::new(&server);
    let mut names = Names::default();
    let mut connections: BTreeMap<char, Connection> = BTreeMap::new();
    // What the recorded positions stand for here.
    let mut positions: BTreeMap<String, String> = BTreeMap::new();
    for (number, line) in recorded.lines().enumerate() {
        let place = format!("{}:{}", path.display(), number + 1);
        let (who, Some((sign, frame))) = speaker(line) else {
            continue;
        };
        let connection = connections.entry(who).or_insert_with(|| server.connect());
        if sign == '>' {
            noise.make();
            let mut request = frame.to_owned();
            for (name, value) in &positions {
                request = request.replace(name, value);
            }
            let request = names.show(&request);
            if who == '1' {
                noise.heard(&request);
            }
            connection.send_text(request).expect("sent");
            continue;
        }
        let is_presence = |text: &str| text.contains("\"presence\":");
        let answer = loop {
            let text = connection.text();
            let text = text.map_err(|end| format!("{place}: {end:?}"))?;
            if is_presence(frame) || !is_presence(&text) {
                break text;
            }
        };
        let answer = names.hide(&answer);
        for (recorded, here) in marks(frame).zip(marks(&answer)) {
            positions.insert(recorded.to_owned(), names.show(here));
        }
        let (was, is) = (without_positions(frame), without_positions(&answer));
        if was != is {
            return Err(format!("{place}\n  recorded {was}\n  answered {is}"));
        }
    }
    noise.make();
    Ok(noise.made)
}

/// The names of positions in a frame, in order.
fn marks(frame: &str) -> impl Iterator<Item = &str> {
    let starts = frame.match_indices("<position ").map(|(start, _)| start);
    starts.filter_map(|start| {
        let end = frame[start..].find('>')?;
        Some(&frame[start..=start + end])
    })
}

/// The frame with the same name for every position.
fn without_positions(frame: &str) -> String {
    let mut plain = frame.to_owned();
    for name in marks(frame) {
        plain = plain.replace(name, "<position>");
    }
    plain
}

/// Rich clients who act around the transcript.
struct Noise<'a> {
    server: &'a Server,
    /// Is in none of the transcript's flows.
    stranger: Person,
    saved: String,
    /// Who spoke last in the transcript: id and token.
    member: Option<(String, String)>,
    connection: Connection,
    turn: usize,
    made: Tally,
}

impl<'a> Noise<'a> {
    const KINDS: [&'static str; 9] = [
        "subscribe",
        "moderator",
        "member",
        "expire",
        "protect",
        "pin",
        "picture",
        "read",
        "saved",
    ];

    fn new(server: &'a Server) -> Self {
        let mut stranger = server.sign_in("admin");
        let data = json!({"meta": {"saved": true}});
        let reply = stranger.ask("add_flow", &data).is(200);
        let saved = reply.flows()[0]["uuid"].as_str().expect("an id").to_owned();
        Self {
            server,
            stranger,
            saved,
            member: None,
            connection: server.connect(),
            turn: 0,
            made: Tally::new(),
        }
    }

    /// Takes note of who speaks.
    fn heard(&mut self, request: &str) {
        let Ok(request) = serde_json::from_str::<Value>(request) else {
            return;
        };
        let user = &request["data"]["user"][0];
        if let (Some(id), Some(token)) = (user["uuid"].as_str(), user["auth_id"].as_str()) {
            self.member = Some((id.to_owned(), token.to_owned()));
        }
    }

    /// Asks as who spoke last, accepting everything; `None`: that session has ended.
    fn ask(&mut self, method: &str, data: &Value) -> Option<Value> {
        let (id, token) = self.member.as_ref()?;
        let mut data = data.clone();
        data["user"] = json!([{"uuid": id, "auth_id": token}]);
        let mut frame = envelope(method, &data);
        frame["meta"] = json!({"accept": ["rich"]});
        let sent = self.connection.send_text(frame.to_string());
        let Ok(reply) = sent.and_then(|()| self.connection.try_answer()) else {
            self.connection = self.server.connect();
            return None;
        };
        (reply.code() < 400).then(|| reply.data().clone())
    }

    fn note(&mut self, kind: &'static str, is_done: bool) {
        if is_done {
            *self.made.entry(kind).or_default() += 1;
        }
    }

    /// Does some of everything.
    fn make(&mut self) {
        self.turn += 1;
        if self.turn.is_multiple_of(4) {
            let note = self.stranger.send(&self.saved, "a note");
            self.stranger.edit(&note, "another note").is(200);
            self.stranger.delete(&note).is(200);
            self.note("saved", true);
        }
        let subscribed = self.ask("subscribe", &json!({}));
        self.note("subscribe", subscribed.is_some());
        let Some(mine) = self.ask("all_flow", &json!({})) else {
            return;
        };
        let flows = mine["flow"].as_array().cloned().unwrap_or_default();
        for flow in flows.iter().take(2) {
            self.change(flow);
        }
    }

    fn change(&mut self, flow: &Value) {
        let id = flow["uuid"].clone();
        let change = |meta: Value| json!({"flow": [{"uuid": id}], "meta": meta});
        let (switch, set) = (self.turn % 4, (self.turn / 4).is_multiple_of(2));
        let content = json!({"content": "iVBORw0KGgo="});
        let (kind, value) = match switch {
            0 => ("expire", json!(if set { 86_400 } else { 0 })),
            1 => ("protect", json!(set)),
            2 => ("pin", json!(if set { "owner" } else { "members" })),
            _ => ("picture", if set { content } else { Value::Null }),
        };
        let done = self.ask("edit_flow", &change(json!({kind: value})));
        self.note(kind, done.is_some());
        let users = flow["users"].as_array().cloned().unwrap_or_default();
        for user in users.iter().filter(|user| **user != flow["owner"]).take(1) {
            let user = user.as_str().expect("an id");
            for (kind, level) in [("moderator", 50), ("member", 0)] {
                let done = self.ask("edit_flow", &change(json!({"levels": {user: level}})));
                self.note(kind, done.is_some());
            }
        }
        let history = self.ask("all_messages", &json!({"flow": [{"uuid": id}]}));
        self.note("read", history.is_some());
        self.ask("list_members", &json!({"flow": [{"uuid": id}]}));
        self.ask("get_update", &json!({"meta": {"after": null}}));
    }
}
