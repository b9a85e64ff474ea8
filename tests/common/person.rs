//! Somebody with an account, a token and a connection.

use serde_json::{Value, json};

use super::{Connection, PASSWORD, Reply};

/// A signed-in user on a connection.
pub(crate) struct Person {
    pub(crate) login: String,
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) connection: Connection,
}

impl Person {
    /// Registers over a connection.
    #[track_caller]
    pub(crate) fn register(mut connection: Connection, login: &str) -> Self {
        let user = json!({"user": [{"login": login, "password": PASSWORD}]});
        let reply = connection.request("register_user", &user).is(201);
        Self::from_reply(connection, login, &reply)
    }

    /// Signs in over a connection.
    #[track_caller]
    pub(crate) fn sign_in(mut connection: Connection, login: &str) -> Self {
        let user = json!({"user": [{"login": login, "password": PASSWORD}]});
        let reply = connection.request("authentication", &user).is(200);
        Self::from_reply(connection, login, &reply)
    }

    /// Signs in over a connection, with a password other than everybody's.
    #[track_caller]
    pub(crate) fn sign_in_with(mut connection: Connection, login: &str, password: &str) -> Self {
        let user = json!({"user": [{"login": login, "password": password}]});
        let reply = connection.request("authentication", &user).is(200);
        Self::from_reply(connection, login, &reply)
    }

    #[track_caller]
    fn from_reply(connection: Connection, login: &str, reply: &Reply) -> Self {
        let text = |key: &str| reply.users()[0][key].as_str().expect("text").to_owned();
        Self {
            login: login.to_owned(),
            id: text("uuid"),
            token: text("auth_id"),
            connection,
        }
    }

    /// The same session on another connection.
    pub(crate) fn on(&self, connection: Connection) -> Self {
        Self {
            login: self.login.clone(),
            id: self.id.clone(),
            token: self.token.clone(),
            connection,
        }
    }

    /// Returns `data` with the caller's id and token put into its first user.
    pub(crate) fn signed(&self, data: &Value) -> Value {
        let mut data = if data.is_null() {
            json!({})
        } else {
            data.clone()
        };
        let mut users = data["user"].as_array().cloned().unwrap_or_default();
        if users.is_empty() {
            users.push(json!({}));
        }
        users[0]["uuid"] = json!(self.id);
        users[0]["auth_id"] = json!(self.token);
        data["user"] = Value::Array(users);
        data
    }

    /// Sends a request with the caller's token and returns the answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, data: &Value) -> Reply {
        let data = self.signed(data);
        self.connection.request(method, &data)
    }

    /// Sends a request with an envelope `meta` and returns the answer.
    #[track_caller]
    pub(crate) fn ask_with_meta(&mut self, method: &str, data: &Value, meta: &Value) -> Reply {
        let mut frame = super::connection::envelope(method, &self.signed(data));
        frame["meta"] = meta.clone();
        self.connection.ask(&frame)
    }

    /// Makes a flow with these members besides oneself, and returns its id.
    #[track_caller]
    pub(crate) fn add_flow(&mut self, kind: &str, title: &str, others: &[&Person]) -> String {
        let users: Vec<&str> = others.iter().map(|person| person.id.as_str()).collect();
        let flow = json!({"flow": [{"type": kind, "title": title, "users": users}]});
        let reply = self.ask("add_flow", &flow).is(200);
        reply.flows()[0]["uuid"].as_str().expect("an id").to_owned()
    }

    /// Makes a group.
    #[track_caller]
    pub(crate) fn group(&mut self, title: &str, others: &[&Person]) -> String {
        self.add_flow("group", title, others)
    }

    /// Sends a text to a flow and returns the message's id.
    #[track_caller]
    pub(crate) fn send(&mut self, flow: &str, text: &str) -> String {
        let reply = self.try_send(flow, text).is(200);
        reply.messages()[0]["uuid"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    /// Sends a text to a flow and returns the answer.
    #[track_caller]
    pub(crate) fn try_send(&mut self, flow: &str, text: &str) -> Reply {
        let data = json!({"flow": [{"uuid": flow}], "message": [{"client_id": 1, "text": text}]});
        self.ask("send_message", &data)
    }

    /// Sends many texts without waiting for each answer, and returns the messages' ids.
    #[track_caller]
    pub(crate) fn send_many(
        &mut self,
        flow: &str,
        texts: impl IntoIterator<Item = String>,
    ) -> Vec<String> {
        let mut ids = Vec::new();
        let texts: Vec<String> = texts.into_iter().collect();
        for batch in texts.chunks(50) {
            for text in batch {
                let data =
                    json!({"flow": [{"uuid": flow}], "message": [{"client_id": 1, "text": text}]});
                let frame = super::connection::envelope("send_message", &self.signed(&data));
                self.connection.send_text(frame.to_string()).expect("sent");
            }
            for _ in batch {
                let reply = self.connection.answer().is(200);
                ids.push(
                    reply.messages()[0]["uuid"]
                        .as_str()
                        .expect("an id")
                        .to_owned(),
                );
            }
        }
        ids
    }

    /// Edits a message.
    #[track_caller]
    pub(crate) fn edit(&mut self, message: &str, text: &str) -> Reply {
        self.ask(
            "edited_message",
            &json!({"message": [{"uuid": message, "text": text}]}),
        )
    }

    /// Deletes a message.
    #[track_caller]
    pub(crate) fn delete(&mut self, message: &str) -> Reply {
        self.ask("delete_message", &json!({"message": [{"uuid": message}]}))
    }

    /// Asks for a flow's messages, with or without a range.
    #[track_caller]
    pub(crate) fn page(&mut self, flow: &str, range: Option<(i64, i64)>) -> Reply {
        let mut asked = json!({"uuid": flow});
        if let Some((start, end)) = range {
            asked["message_start"] = json!(start);
            asked["message_end"] = json!(end);
        }
        self.ask("all_messages", &json!({"flow": [asked]}))
    }

    /// Returns all messages of a flow, page by page.
    #[track_caller]
    pub(crate) fn history(&mut self, flow: &str) -> Vec<Value> {
        self.history_by(100, flow)
    }

    /// Returns all messages of a flow, by pages of this many; no more than the server's limit.
    #[track_caller]
    pub(crate) fn history_by(&mut self, page: i64, flow: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let start = i64::try_from(all.len()).expect("few messages");
            let reply = self.page(flow, Some((start, start + page - 1)));
            assert!(matches!(reply.code(), 200 | 206), "{reply}");
            all.extend(reply.messages().iter().cloned());
            let total = reply.flows()[0]["message_end"].as_u64();
            if total.is_none_or(|total| all.len() as u64 >= total) {
                return all;
            }
            assert!(
                !reply.messages().is_empty(),
                "a page without messages: {reply}"
            );
        }
    }

    /// Returns the texts of all messages of a flow.
    #[track_caller]
    pub(crate) fn texts(&mut self, flow: &str) -> Vec<String> {
        let text = |message: &Value| message["text"].as_str().unwrap_or_default().to_owned();
        self.history(flow).iter().map(text).collect()
    }
}
