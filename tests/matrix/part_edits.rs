//! Edits by the other protocol that change the files of a message: what goes is taken back, what comes stands
//! where the edit does, and what stays is known by the id that it had.

use serde_json::{Value, json};

use super::{Client, address, document, events, media::uploaded, room_of, server};
use crate::{
    common::{
        Person, Server,
        http::{content, upload},
    },
    deletion::gone,
    roles::ask,
    sent_files::send,
};

/// A message in a flow, as its author with either protocol and a reader see it.
struct Story<'a> {
    server: &'a Server,
    boris: Person,
    author: Client<'a>,
    reader: Client<'a>,
    flow: String,
    room: String,
    since: String,
    /// The id in the other protocol.
    message: String,
}

impl<'a> Story<'a> {
    fn begin(server: &'a Server) -> Self {
        let (mut boris, anna) = (server.register("boris"), server.register("anna"));
        let flow = boris.group("G", &[&anna]);
        let [author, reader] = ["boris", "anna"].map(|login| Client::sign_in(server, login));
        let room = address(&room_of(&flow));
        let mut story = Self {
            server,
            boris,
            author,
            reader,
            flow,
            room,
            since: String::new(),
            message: String::new(),
        };
        story.news();
        story
    }

    fn upload(&self, name: &str) -> Value {
        let first = u32::from(name.as_bytes()[0]);
        let id = upload(self.server, &self.boris, &content(300, first));
        json!({"upload": id, "kind": "document", "name": name})
    }

    fn send(&mut self, text: &str, names: &[&str]) {
        let sent: Vec<_> = names.iter().map(|name| self.upload(name)).collect();
        let reply = send(&mut self.boris, &self.flow, text, &json!(sent)).is(200);
        let id = reply.messages()[0]["uuid"].as_str().expect("an id");
        id.clone_into(&mut self.message);
    }

    /// What the message is now, to the other protocol.
    fn present(&mut self) -> (String, Vec<Value>) {
        let data = json!({"flow": [{"uuid": self.flow}]});
        let page = ask(&mut self.boris, "all_messages", &data).is(200);
        let mut found = page.messages().iter().rev();
        let found = found.find(|message| message["uuid"] == self.message);
        let text = found.expect("the message")["text"].as_str();
        let files = &page.data()["meta"]["about"][&self.message]["files"];
        let files = files.as_array().cloned().unwrap_or_default();
        (text.unwrap_or_default().to_owned(), files)
    }

    fn edit(&mut self, words: &Value, about: &Value) {
        let mut message = words.clone();
        message["uuid"] = json!(self.message);
        let data = json!({"message": [message], "meta": {"about": about}});
        ask(&mut self.boris, "edited_message", &data).is(200);
    }

    /// The end of the id of an event of the message: nothing, or the number of a file.
    fn part<'b>(&self, id: &'b str) -> Option<&'b str> {
        let number: u128 = self.message.parse().ok()?;
        id.strip_prefix(&format!("${number:032x}"))
    }

    /// What the reader is told anew: redactions with a minus, messages, edits with what they make of it.
    fn news(&mut self) -> Vec<String> {
        let since = match self.since.as_str() {
            "" => String::new(),
            since => format!("?since={since}"),
        };
        let told = self.reader.get(&format!("sync{since}"));
        told["next_batch"]
            .as_str()
            .expect("a token")
            .clone_into(&mut self.since);
        let rooms = told["rooms"]["join"].as_object().expect("rooms");
        let Some(room) = rooms.values().next() else {
            return Vec::new();
        };
        let words = |event: &Value| {
            let relates = &event["content"]["m.relates_to"];
            if event["type"] == "m.room.redaction" {
                return Some(format!("-{}", self.part(event["redacts"].as_str()?)?));
            }
            if relates["rel_type"] == "m.replace" {
                let target = self.part(relates["event_id"].as_str()?)?;
                let new = &event["content"]["m.new_content"];
                let kind = new["msgtype"].as_str()?;
                return Some(format!("{target}={kind} {}", new["body"].as_str()?));
            }
            let part = self.part(event["event_id"].as_str()?)?;
            Some(format!("{part} {}", event["content"]["body"].as_str()?))
        };
        events(&room["timeline"]["events"])
            .filter_map(words)
            .collect()
    }

    /// What a reader is told who knows nothing: what was taken back says nothing, and has a minus.
    fn all(&self) -> Vec<String> {
        let page = self
            .reader
            .get(&format!("{}/messages?dir=f&limit=100", self.room));
        let words = |event: &Value| {
            if event["content"]["m.relates_to"]["rel_type"] == "m.replace" {
                return None;
            }
            let id = event["event_id"].as_str()?;
            let part = self.part(id)?;
            let alone = self.reader.get(&format!("{}/event/{id}", self.room));
            assert_eq!(alone["content"], event["content"], "{event:#}");
            if event["unsigned"]["redacted_because"].is_object() {
                assert_eq!(event["content"], json!({}));
                return Some(format!("-{part}"));
            }
            Some(format!("{part} {}", event["content"]["body"].as_str()?))
        };
        events(&page["chunk"]).filter_map(words).collect()
    }

    fn redact(&self, part: &str) -> Value {
        let number: u128 = self.message.parse().expect("an id");
        let path = format!("{}/redact/%24{number:032x}{part}/r{part}", self.room);
        document(&self.author.call("PUT", &path, &json!({})).is(200))
    }
}

#[test]
fn what_goes_is_taken_back_and_what_stays_keeps_its_id() {
    let server = server();
    let mut story = Story::begin(&server);
    story.send("look", &["a", "bb", "ccc"]);
    assert_eq!(story.news(), [" look", "_0 a", "_1 bb", "_2 ccc"]);
    let (_, files) = story.present();
    let new = story.upload("dddd.bin");
    let wanted = json!({"files": [{"id": files[0]["id"]}, new, {"id": files[2]["id"]}]});
    story.edit(&json!({}), &wanted);
    // The last one stands elsewhere, and is another to those who know where each was.
    assert_eq!(story.news(), ["-_1", "-_2", "_3 dddd.bin", "_4 ccc"]);
    let left = [" look", "_0 a", "-_1", "-_2", "_3 dddd.bin", "_4 ccc"];
    assert_eq!(story.all(), left);
    let (_, files) = story.present();
    assert_eq!(files.len(), 3);

    // What an edit has added is taken back as any other part, and its number is not given again.
    let id = story.redact("_4");
    assert_eq!(story.redact("_4"), id);
    assert_eq!(story.news(), ["-_4"]);
    let (_, files) = story.present();
    let new = story.upload("eeeee.bin");
    let wanted = json!({"files": [{"id": files[0]["id"]}, {"id": files[1]["id"]}, new]});
    story.edit(&json!({"text": "see"}), &wanted);
    assert_eq!(story.news(), ["_5 eeeee.bin", "=m.text see"]);
    let left = [
        " see",
        "_0 a",
        "-_1",
        "-_2",
        "_3 dddd.bin",
        "-_4",
        "_5 eeeee.bin",
    ];
    assert_eq!(story.all(), left);
    // Without a word it is its files.
    story.edit(&json!({"text": ""}), &json!({}));
    assert_eq!(story.news(), ["-"]);
    let message = story.message.clone();
    story.boris.delete(&message).is(200);
    assert_eq!(story.news(), ["-_0", "-_3", "-_5"]);
    assert!(story.all().iter().all(|told| told.starts_with('-')));
    gone(&server, &["dddd.bin", "eeeee.bin"]);
}

#[test]
fn the_one_file_of_a_text_is_another_event_once_it_is_another() {
    let server = server();
    let mut story = Story::begin(&server);
    story.send("look", &["a"]);
    assert_eq!(story.news(), ["_0 look"]);
    story.edit(&json!({"text": "see"}), &json!({}));
    // An edit of its words leaves the file where it is.
    assert_eq!(story.news(), ["_0=m.file see"]);
    assert_eq!(story.all(), ["_0 see"]);
    let new = story.upload("bb");
    story.edit(&json!({}), &json!({"files": [new]}));
    assert_eq!(story.news(), ["-_0", "_1 bb", " see"]);
    assert_eq!(story.all(), ["-_0", "_1 bb", " see"]);
    let (text, files) = story.present();
    assert_eq!((text.as_str(), files.len()), ("see", 1));
}

#[test]
fn a_file_comes_to_a_text_and_another_takes_the_place_of_one_by_matrix() {
    let server = server();
    let mut story = Story::begin(&server);
    story.send("words", &[]);
    story.news();
    let new = story.upload("a");
    story.edit(&json!({}), &json!({"files": [new]}));
    assert_eq!(story.news(), ["_0 a"]);
    assert_eq!(story.all(), [" words", "_0 a"]);

    let url = uploaded(&story.author, "image/png", b"\x89PNG picture");
    let picture = json!({"msgtype": "m.image", "body": "see", "filename": "p.png", "url": url});
    let event = story
        .author
        .send(&story.room, "m.room.message", "p", &picture);
    let number = u128::from_str_radix(&event[1..], 16).expect("an id");
    story.message = number.to_string();
    assert_eq!(story.news(), [" see"]);
    story.edit(&json!({"text": "look"}), &json!({}));
    assert_eq!(story.news(), ["=m.image look"]);
    let new = story.upload("bb");
    story.edit(&json!({}), &json!({"files": [new]}));
    assert_eq!(story.news(), ["_1 bb", "=m.text look"]);
    story.redact("_1");
    assert_eq!(story.news(), ["-_1"]);
    let (text, files) = story.present();
    assert_eq!((text.as_str(), files.len()), ("look", 0));
    story.redact("");
    assert_eq!(story.news(), ["-"]);
    assert_eq!(story.present().0, "Message deleted");
}
