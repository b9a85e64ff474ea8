//! What people do at random, by either protocol.

use rand::Rng;
use serde_json::{Value, json};

use super::{Thing, World};
use crate::{
    common::{
        Reply,
        http::{content, upload},
    },
    matrix::{address, document, media::uploaded, polled, room_of},
    roles::ask,
};

/// The beginning of a picture, in base64.
const PICTURE: &str = "iVBORw0KGgowMTIzNDU2Nzg5";
const EMOJI: [&str; 4] = ["👍", "🎉", "❤️", "😀"];

/// The ends of the ids of the events that a message of files is, with a text or not.
fn events_of_files(has_text: bool, files: usize) -> Vec<String> {
    let text = (files > 1 && has_text).then(String::new);
    let files = (0..files).map(|place| format!("_{place}"));
    text.into_iter().chain(files).collect()
}

impl World {
    /// Somebody does something. Refusals are part of life, failures of the server are not.
    pub(super) fn act(&mut self) {
        self.count += 1;
        let who = self.random.random_range(0..self.people.len());
        let by_matrix = match self.people[who].kind {
            "mtp" => false,
            "matrix" => true,
            _ => self.random.random(),
        };
        if by_matrix {
            self.act_by_matrix(who);
        } else {
            self.act_by_mtp(who);
        }
    }

    fn some_flow(&mut self) -> String {
        let place = self.random.random_range(0..self.flows.len());
        self.flows[place].clone()
    }

    fn somebody(&mut self) -> usize {
        self.random.random_range(0..self.people.len())
    }

    /// Some message, mostly a new one, and in half of the cases an own one.
    fn thing(&mut self, who: usize) -> Option<Thing> {
        let is_any: bool = self.random.random();
        let found = self.things.iter().filter(|it| is_any || it.author == who);
        let found: Vec<_> = found.collect();
        let least = if self.random.random_ratio(1, 5) {
            0
        } else {
            found.len().saturating_sub(12)
        };
        (!found.is_empty()).then(|| found[self.random.random_range(least..found.len())].clone())
    }

    /// Some poll.
    fn poll(&mut self) -> Option<Thing> {
        let all: Vec<_> = self.things.iter().filter(|it| it.is_poll).collect();
        let least = all.len().saturating_sub(4);
        (!all.is_empty()).then(|| all[self.random.random_range(least..all.len())].clone())
    }

    /// Sends a message by MTP that is more than a text, or does what is done with such.
    fn act_more_by_mtp(&mut self, who: usize) {
        let n = self.count;
        let flow = self.some_flow();
        let (thing, poll) = (self.thing(who), self.poll());
        let mut files = 0;
        let has_text = self.random.random();
        let sent = |message: Value, about: Value| {
            let data =
                json!({"flow": [{"uuid": flow}], "message": [message], "meta": {"about": about}});
            ("send_message", data)
        };
        let of = |thing: &Thing, meta: Value| json!({"message": [{"uuid": thing.message}], "meta": meta});
        let choice = self.random.random_range(0..12);
        let (method, data) = match (choice, thing, poll) {
            (0..3, Some(thing), _) => {
                let on = self.random.random_ratio(2, 3);
                ("pin_message", of(&thing, json!({"on": on})))
            }
            (3..6, _, Some(poll)) => {
                let option = self.random.random_range(0..2);
                let options = if self.random.random_ratio(1, 5) {
                    json!([])
                } else {
                    json!([option])
                };
                ("vote", of(&poll, json!({"options": options})))
            }
            (6, _, Some(poll)) if poll.author == who => ("close_poll", of(&poll, json!({}))),
            (6..9, _, _) => {
                let poll = json!({
                    "question": "?", "options": ["a", "b"], "anonymous": self.random.random_ratio(1, 4),
                });
                sent(json!({}), json!({"poll": poll}))
            }
            _ => {
                files = self.random.random_range(1..4);
                let of_message = (0..files).map(|place| {
                    let bytes = content(200, u32::try_from(n * 4 + place).unwrap_or_default());
                    let id = upload(&self.server, &self.people[who].person, &bytes);
                    json!({"upload": id, "kind": "document", "name": format!("{place}.bin")})
                });
                let of_message: Vec<_> = of_message.collect();
                let message = if has_text {
                    json!({"text": format!("files {n}")})
                } else {
                    json!({})
                };
                sent(message, json!({"files": of_message}))
            }
        };
        let reply = ask(&mut self.people[who].person, method, &data);
        println!("{n}: {who} {method} {data}: {}", reply.code());
        assert!(
            matches!(reply.code(), 200 | 400 | 403 | 404 | 409),
            "{method} {data}: {reply}"
        );
        self.tally(&format!("{method} (more)"), reply.code() == 200);
        if method == "send_message" {
            self.note(&reply, (who, flow), events_of_files(has_text, files));
        }
    }

    /// Notes a message by MTP that people may do something with; without parts it is a poll.
    fn note(&mut self, reply: &Reply, (author, flow): (usize, String), ends: Vec<String>) {
        let Some(message) = reply.messages().first() else {
            return;
        };
        let message = message["uuid"].as_str().expect("an id").to_owned();
        let number: u128 = message.parse().expect("an id");
        let is_poll = ends.is_empty();
        let ends = if is_poll { vec![String::new()] } else { ends };
        let parts = ends.into_iter().map(|end| format!("${number:032x}{end}"));
        let parts: Vec<_> = parts.collect();
        self.things.push(Thing {
            author,
            flow,
            message,
            event: parts[0].clone(),
            parts,
            is_poll,
        });
    }

    /// Does by Matrix what is done with polls, pins and messages of several parts.
    fn act_more_by_matrix(&mut self, who: usize) {
        let n = self.count;
        let flow = self.some_flow();
        let (thing, poll) = (self.thing(who), self.poll());
        let client = self.people[who].follower.as_ref().expect("it has Matrix");
        let client = client.client(&self.server);
        let room = |flow: &str| address(&room_of(flow));
        let choice = self.random.random_range(0..12);
        let (name, path, body) = match (choice, thing, poll) {
            (0..3, Some(thing), _) => {
                let path = format!("{}/state/m.room.pinned_events", room(&thing.flow));
                let answer = client.call("GET", &path, &Value::Null);
                let mut body = document(&answer);
                if answer.status == 403 {
                    return;
                }
                let mut pinned = body["pinned"].as_array().cloned().unwrap_or_default();
                if self.random.random_ratio(2, 3) {
                    pinned.push(json!(thing.event));
                } else {
                    pinned.pop();
                }
                body = json!({"pinned": pinned});
                ("pin", path, body)
            }
            (3..6, _, Some(poll)) => {
                let answers = match self.random.random_range(0..5) {
                    0 => json!([]),
                    1 => json!(["unknown"]),
                    // Those of polls by MTP have other ids, and the vote is spoilt.
                    option => {
                        let id = ["x-1", "x-2", "0"][option - 2];
                        json!([id])
                    }
                };
                let kind = "org.matrix.msc3381.poll.response";
                let path = format!("{}/send/{kind}/{n}", room(&poll.flow));
                let mut body = polled::vote(&poll.event, &[]);
                body[kind]["answers"] = answers;
                ("vote", path, body)
            }
            (6, _, Some(poll)) if poll.author == who => {
                let path = format!("{}/send/org.matrix.msc3381.poll.end/{n}", room(&poll.flow));
                ("end", path, polled::end(&poll.event))
            }
            (9..12, Some(thing), _) => {
                let part = self.random.random_range(0..thing.parts.len());
                let event = thing.parts[part].replace('$', "%24");
                let path = format!("{}/redact/{event}/{n}", room(&thing.flow));
                ("redact part", path, json!({}))
            }
            _ => {
                let path = format!("{}/send/org.matrix.msc3381.poll.start/{n}", room(&flow));
                let is_disclosed = self.random.random_ratio(3, 4);
                ("poll", path, polled::poll("?", is_disclosed))
            }
        };
        let answer = client.call("PUT", &path, &body);
        let told = document(&answer);
        println!("{n}: {who} {name} {path} {body}: {}", answer.status);
        let is_known = matches!(answer.status, 200 | 403 | 404);
        assert!(is_known, "{name} {path} {body}: {} {told}", answer.status);
        self.tally(&format!("{name} (more)"), answer.status == 200);
        if let Some(event) = told["event_id"].as_str()
            && name == "poll"
        {
            self.things.push(Thing {
                author: who,
                flow,
                message: super::copy::number(event),
                event: event.to_owned(),
                parts: vec![event.to_owned()],
                is_poll: true,
            });
        }
    }

    fn act_by_mtp(&mut self, who: usize) {
        self.near(who);
        if self.random.random_ratio(1, 4) {
            return self.act_more_by_mtp(who);
        }
        let n = self.count;
        let flow = self.some_flow();
        let somebody = self.somebody();
        let somebody = self.people[somebody].person.id.clone();
        let thing = self.thing(who);
        let whole = |mut words: Value| {
            words["uuid"] = json!(flow);
            json!({"flow": [words]})
        };
        let meta = |meta: Value| json!({"flow": [{"uuid": flow}], "meta": meta});
        let emoji = EMOJI[self.random.random_range(0..4)];
        let (mut is_file, mut place) = (false, flow.clone());
        let (method, data) = match (self.random.random_range(0..40), thing) {
            (8..11, Some(thing)) => {
                place.clone_from(&thing.flow);
                let about = json!({"reply": {"uuid": thing.message}});
                let data = json!({
                    "flow": [{"uuid": thing.flow}], "message": [{"text": format!("answer {n}")}],
                    "meta": {"about": about},
                });
                ("send_message", data)
            }
            (11..15, Some(thing)) => {
                let edit = json!({"uuid": thing.message, "text": format!("edited {n}")});
                ("edited_message", json!({"message": [edit]}))
            }
            (15..17, Some(thing)) => (
                "delete_message",
                json!({"message": [{"uuid": thing.message}]}),
            ),
            (17..22, Some(thing)) => {
                let react = json!({"reaction": emoji, "on": self.random.random_ratio(2, 3)});
                let message = json!([{"uuid": thing.message}]);
                ("react", json!({"message": message, "meta": react}))
            }
            (0..6 | 8..22, _) => {
                let message = json!({"text": format!("words {n}")});
                (
                    "send_message",
                    json!({"flow": [{"uuid": flow}], "message": [message]}),
                )
            }
            (6..8, _) => {
                is_file = true;
                let picture = format!("{PICTURE}{}", "MDEy".repeat(n % 50));
                let mut message = json!({"file_picture": picture});
                if self.random.random() {
                    message["text"] = json!(format!("a picture {n}"));
                }
                (
                    "send_message",
                    json!({"flow": [{"uuid": flow}], "message": [message]}),
                )
            }
            (22, _) => ("edit_flow", whole(json!({"title": format!("title {n}")}))),
            (23, _) => ("edit_flow", whole(json!({"info": format!("info {n}")}))),
            (24..27, _) => ("edit_flow", meta(json!({"add": [somebody]}))),
            (27, _) => ("edit_flow", meta(json!({"remove": [somebody]}))),
            (28..30, _) => {
                let level = if self.random.random() { 50 } else { 0 };
                ("edit_flow", meta(json!({"levels": {somebody: level}})))
            }
            (30, _) => ("edit_flow", whole(json!({"owner": somebody}))),
            (31..33, _) => {
                let timer = self.random.random_range(0..2) * 3600;
                ("edit_flow", meta(json!({"expire": timer})))
            }
            (33, _) => ("leave_flow", whole(json!({}))),
            (34..36, _) => ("join_flow", whole(json!({}))),
            (36..38, _) => {
                let end = self.random.random_range(0..20);
                ("read_flow", whole(json!({"message_end": end})))
            }
            _ => {
                let name = format!("name {n}");
                ("edit_user", json!({"user": [{"username": name}]}))
            }
        };
        let reply = ask(&mut self.people[who].person, method, &data);
        println!("{n}: {who} {method} {data}: {}", reply.code());
        assert!(
            matches!(reply.code(), 200 | 400 | 403 | 404 | 409),
            "{method} {data}: {reply}"
        );
        self.tally(method, reply.code() == 200);
        if method == "send_message" {
            let end = if is_file { "_0" } else { "" };
            self.note(&reply, (who, place), vec![end.to_owned()]);
        }
    }

    #[expect(clippy::too_many_lines, reason = "one list, in its order")]
    fn act_by_matrix(&mut self, who: usize) {
        if self.random.random_ratio(1, 4) {
            return self.act_more_by_matrix(who);
        }
        let n = self.count;
        let flow = self.some_flow();
        let somebody = self.somebody();
        let somebody = format!("@{}:example.org", self.people[somebody].person.login);
        let thing = self.thing(who);
        let room = address(&room_of(&flow));
        let emoji = EMOJI[self.random.random_range(0..4)];
        let choice = self.random.random_range(0..40);
        let client = self.people[who].follower.as_ref().expect("it has Matrix");
        let client = client.client(&self.server);
        let send = |kind: &str| format!("/send/{kind}/{n}");
        let words = |text: String| json!({"msgtype": "m.text", "body": text});
        let mut place = flow.clone();
        let mut of_thing = |thing: &Thing, path: &str| {
            place.clone_from(&thing.flow);
            format!("{}{path}", address(&room_of(&thing.flow)))
        };
        let (name, path, body) = match (choice, thing) {
            (8..11, Some(thing)) => {
                let mut body = words(format!("answer {n}"));
                body["m.relates_to"] = json!({"m.in_reply_to": {"event_id": thing.event}});
                let path = of_thing(&thing, &send("m.room.message"));
                ("reply", path, body)
            }
            (11..15, Some(thing)) => {
                let mut body = words(format!("* edited {n}"));
                body["m.new_content"] = words(format!("edited {n}"));
                body["m.relates_to"] = json!({"rel_type": "m.replace", "event_id": thing.event});
                let path = of_thing(&thing, &send("m.room.message"));
                ("replace", path, body)
            }
            (15..17, Some(thing)) => {
                let event = thing.event.replace('$', "%24");
                let path = of_thing(&thing, &format!("/redact/{event}/{n}"));
                ("redact", path, json!({"reason": "wrong"}))
            }
            (17..20, Some(thing)) => {
                let about =
                    json!({"rel_type": "m.annotation", "event_id": thing.event, "key": emoji});
                let path = of_thing(&thing, &send("m.reaction"));
                ("annotate", path, json!({"m.relates_to": about}))
            }
            (20..22, Some(_)) if !self.reactions.is_empty() => {
                let which = self.random.random_range(0..self.reactions.len());
                let (flow, event) = self.reactions.swap_remove(which);
                let event = event.replace('$', "%24");
                let path = format!("{}/redact/{event}/{n}", address(&room_of(&flow)));
                ("take back", path, json!({}))
            }
            (0..6 | 8..22, _) => (
                "send",
                format!("{room}{}", send("m.room.message")),
                words(format!("words {n}")),
            ),
            (6..8, _) => {
                let picture = format!("\u{89}PNG picture {n}");
                let url = uploaded(&client, "image/png", picture.as_bytes());
                let mut body = json!({"msgtype": "m.image", "body": "a.png", "url": url});
                if self.random.random() {
                    body["filename"] = json!("a.png");
                    body["body"] = json!(format!("a picture {n}"));
                }
                ("picture", format!("{room}{}", send("m.room.message")), body)
            }
            (22, _) => {
                let path = format!("{room}/state/m.room.name");
                ("name", path, json!({"name": format!("title {n}")}))
            }
            (23, _) => {
                let path = format!("{room}/state/m.room.topic");
                ("topic", path, json!({"topic": format!("info {n}")}))
            }
            (24, _) => {
                let path = format!("{room}/state/org.example.{}/{}", n % 2, n % 3);
                ("custom", path, json!({"n": n}))
            }
            (25..28, _) => (
                "invite",
                format!("{room}/invite"),
                json!({"user_id": somebody}),
            ),
            (28, _) => ("kick", format!("{room}/kick"), json!({"user_id": somebody})),
            (29, _) => ("ban", format!("{room}/ban"), json!({"user_id": somebody})),
            (30, _) => (
                "unban",
                format!("{room}/unban"),
                json!({"user_id": somebody}),
            ),
            (31, _) => ("leave", format!("{room}/leave"), json!({})),
            (32..35, _) => ("join", format!("{room}/join"), json!({})),
            (35..37, _) => {
                let path = format!("{room}/state/m.room.power_levels");
                let answer = client.call("GET", &path, &Value::Null);
                let mut body = document(&answer);
                if answer.status != 200 {
                    return;
                }
                let level = [0, 50, 100][self.random.random_range(0..3)];
                body["users"][&somebody] = json!(level);
                ("levels", path, body)
            }
            (37, _) => {
                let path = format!("{room}{}", send("org.example.thing"));
                ("thing", path, json!({"n": [n, null]}))
            }
            _ => {
                let path = format!("profile/{}/displayname", client.user);
                ("profile", path, json!({"displayname": format!("name {n}")}))
            }
        };
        let method = match name {
            "invite" | "kick" | "ban" | "unban" | "leave" | "join" => "POST",
            _ => "PUT",
        };
        let answer = client.call(method, &path, &body);
        let told = document(&answer);
        println!("{n}: {who} {name} {path} {body}: {}", answer.status);
        let is_known = matches!(answer.status, 200 | 403 | 404)
            || (answer.status == 400 && told["errcode"] == "M_DUPLICATE_ANNOTATION");
        assert!(is_known, "{name} {path} {body}: {} {told}", answer.status);
        self.tally(name, answer.status == 200);
        if let Some(event) = told["event_id"].as_str() {
            let event = event.to_owned();
            match name {
                "annotate" => self.reactions.push((place, event)),
                "send" | "reply" | "picture" => self.things.push(Thing {
                    author: who,
                    flow: place,
                    message: super::copy::number(&event),
                    parts: vec![event.clone()],
                    event,
                    is_poll: false,
                }),
                _ => {}
            }
        }
    }
}
