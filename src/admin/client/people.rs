//! The names of users and flows, for lines that people read.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::admin::print::safe;

/// The most users that one `user_info` requests, not counting the caller.
pub(super) const USERS_A_REQUEST: usize = 99;

/// The names of ids.
#[derive(Default)]
pub(super) struct Names {
    users: HashMap<String, String>,
    flows: HashMap<String, String>,
}

impl Names {
    /// Stores the names in an answer's `data`.
    pub(super) fn learn(&mut self, data: &Value) {
        for user in data["user"].as_array().into_iter().flatten() {
            let text = |key: &str| user[key].as_str().filter(|text| !text.is_empty());
            if let (Some(id), Some(name)) = (text("uuid"), text("username").or(text("login"))) {
                self.users.insert(id.to_owned(), safe(name));
            }
        }
        for flow in data["flow"].as_array().into_iter().flatten() {
            let text = |key: &str| flow[key].as_str().filter(|text| !text.is_empty());
            if let (Some(id), Some(name)) = (text("uuid"), text("title").or(text("type"))) {
                self.flows.insert(id.to_owned(), safe(name));
            }
        }
    }

    /// Returns the ids of users in an answer's `data` whose names are not known yet.
    pub(super) fn unknown(&self, data: &Value) -> Vec<String> {
        let list = |data: &Value, name: &str| data[name].as_array().cloned().unwrap_or_default();
        let authors = list(data, "message");
        let authors = authors.iter().map(|message| &message["from_user"]);
        let (events, invited) = (
            list(&data["meta"], "events"),
            list(&data["meta"], "invited"),
        );
        let told = events
            .iter()
            .chain(&invited)
            .flat_map(|event| [&event["by"], &event["user"]]);
        let mut ids: Vec<String> = authors
            .chain(told)
            .filter_map(Value::as_str)
            .filter(|id| !self.users.contains_key(*id))
            .map(str::to_owned)
            .collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// Records that the names of these cannot be found; they are not requested again.
    pub(super) fn give_up(&mut self, ids: &[String]) {
        for id in ids {
            self.users
                .entry(id.clone())
                .or_insert_with(|| format!("user {id}"));
        }
    }

    /// Returns the name of a user.
    pub(super) fn user(&self, id: &Value) -> String {
        let id = id.as_str().unwrap_or("?");
        self.users
            .get(id)
            .cloned()
            .unwrap_or_else(|| format!("user {id}"))
    }

    /// Returns the name of a flow.
    pub(super) fn flow(&self, id: &Value) -> String {
        let id = id.as_str().unwrap_or("?");
        self.flows
            .get(id)
            .cloned()
            .unwrap_or_else(|| format!("flow {id}"))
    }
}

/// Returns the data of a `user_info` about these; the caller's place is filled in later.
pub(super) fn question(ids: &[String]) -> Value {
    let mut users = vec![json!({})];
    users.extend(ids.iter().map(|id| json!({"uuid": id})));
    json!({"user": users})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_learnt_and_fall_back_to_ids() {
        let mut names = Names::default();
        names.learn(&json!({
            "user": [{"uuid": "1", "login": "anna", "username": ""}, {"uuid": "2", "login": "b", "username": "Boris"}],
            "flow": [{"uuid": "9", "type": "chat", "title": null}, {"uuid": "8", "type": "group", "title": "Family"}],
        }));
        let said = json!({"message": [{"from_user": "1"}, {"from_user": "3"}, {"from_user": "3"}]});
        assert_eq!(names.unknown(&said), ["3"]);
        let told =
            json!({"meta": {"events": [{"by": "1", "user": "4"}], "invited": [{"by": "5"}]}});
        assert_eq!(names.unknown(&told), ["4", "5"]);
        assert_eq!(names.user(&json!("1")), "anna");
        assert_eq!(names.user(&json!("2")), "Boris");
        assert_eq!(names.user(&json!("3")), "user 3");
        assert_eq!(names.flow(&json!("9")), "chat");
        assert_eq!(names.flow(&json!("8")), "Family");
        names.give_up(&["3".to_owned()]);
        assert!(names.unknown(&said).is_empty());
    }
}
