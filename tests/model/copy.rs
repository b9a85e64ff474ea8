//! The copy of a flow that a client keeps.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::common::{Person, Reply};

/// The last message; when it has come, everything before it has.
pub(crate) const LAST: &str = "the last message";

/// A flow as a client keeps it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Copy {
    pub(crate) title: Value,
    pub(crate) owner: Value,
    pub(crate) users: BTreeSet<String>,
    /// What rich clients know besides: levels, timer and the like.
    pub(crate) about: Value,
    /// By number in the flow: id, text, whether edited.
    pub(crate) messages: BTreeMap<u64, (String, String, bool)>,
    /// What rich clients know of what happened, by id.
    pub(crate) events: BTreeMap<String, Value>,
    /// What rich clients know of each message besides, by id; of a quote only which message it is.
    pub(crate) details: BTreeMap<String, Value>,
    /// What is pinned, the last first.
    pub(crate) pinned: Vec<String>,
    /// How the person has set it up.
    pub(crate) settings: Value,
}

impl Copy {
    pub(crate) fn describe(&mut self, flow: &Value) {
        self.title = flow["title"].clone();
        self.owner = flow["owner"].clone();
        let users = flow["users"].as_array().expect("members");
        self.users = users
            .iter()
            .map(|id| id.as_str().expect("an id").to_owned())
            .collect();
    }

    pub(crate) fn put(&mut self, number: u64, message: &Value) {
        let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
        let edited = message["edited_status"] == json!(true);
        // Plain clients see a poll with the votes of the moment of reading.
        let said = text("text");
        let said = said
            .strip_suffix(')')
            .filter(|it| it.starts_with("?\n"))
            .map_or(said.clone(), |_| "?".to_owned());
        self.messages.insert(number, (text("uuid"), said, edited));
    }

    pub(crate) fn happened(&mut self, event: &Value) {
        assert!(event["more"].is_null(), "more events than a page shows");
        let id = event["id"].as_str().expect("an id").to_owned();
        self.events.insert(id, event.clone());
    }

    /// Takes note of all that there is to tell of a message.
    pub(crate) fn know(&mut self, id: &str, about: &Value) {
        let mut about = about.clone();
        if about["deleted"].is_string() {
            self.pinned.retain(|pinned| pinned != id);
        }
        if let Some(reply) = about.get_mut("reply") {
            // What it says is looked up when it is read.
            *reply = reply["uuid"].clone();
        }
        if about.is_null() {
            self.details.remove(id);
        } else {
            self.details.insert(id.to_owned(), about);
        }
    }

    /// Takes note of what gathers around a message.
    pub(crate) fn gather(&mut self, id: &str, key: &str, state: &Value) {
        let details = self.details.entry(id.to_owned()).or_insert(json!({}));
        let before = details[key].clone();
        let whole = details.as_object_mut().expect("an object");
        whole.remove(key);
        if state != &json!({}) {
            let mut state = state.clone();
            // Where it is absent in a push it has not changed.
            if key == "poll" && state["mine"].is_null() {
                state["mine"] = before["mine"].clone();
            }
            whole.insert(key.to_owned(), state);
        }
        if whole.is_empty() {
            self.details.remove(id);
        }
    }

    /// What can be compared: who has not voted is told so, or nothing.
    pub(crate) fn settle(&mut self) {
        for details in self.details.values_mut() {
            if let Some(poll) = details.get_mut("poll")
                && (poll["mine"].is_null() || poll["mine"] == json!([]))
            {
                poll["mine"] = Value::Null;
            }
        }
        let nothing = self.settings.as_object().is_none_or(|set| {
            set.values()
                .all(|it| *it == json!(false) || *it == json!(0))
        });
        if nothing {
            self.settings = Value::Null;
        }
    }

    /// Loads the history of a flow, as far as the person may read it.
    pub(crate) fn load(&mut self, person: &mut Person, form: Form, id: &str) {
        let mut number = 0;
        loop {
            let range = json!({"uuid": id, "message_start": number, "message_end": number + 99});
            let page = form.ask(person, "all_messages", &json!({"flow": [range]}));
            // Taken out again in the meantime: a push will say so.
            if page.code() == 404 {
                break;
            }
            for message in page.messages() {
                self.put(number, message);
                let id = message["uuid"].as_str().expect("an id");
                self.know(id, &page.data()["meta"]["about"][id]);
                number += 1;
            }
            for event in list(&page.data()["meta"]["events"]) {
                self.happened(event);
            }
            if page.messages().is_empty() {
                break;
            }
        }
        if form == Form::Rich {
            let pins = form.ask(person, "pins", &json!({"flow": [{"uuid": id}]}));
            let pinned = pins
                .messages()
                .iter()
                .map(|message| message["uuid"].as_str().expect("an id").to_owned());
            self.pinned = pinned.collect();
        }
    }

    pub(crate) fn has(&self, said: &str) -> bool {
        self.messages.values().any(|(_, text, _)| text == said)
    }
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The form of frames that somebody accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Rich,
}

impl Form {
    #[track_caller]
    pub(crate) fn ask(self, person: &mut Person, method: &str, data: &Value) -> Reply {
        match self {
            Self::Plain => person.ask(method, data),
            Self::Rich => person.ask_with_meta(method, data, &json!({"accept": ["rich"]})),
        }
    }
}
