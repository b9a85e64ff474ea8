//! A frame of the server, checked for the form that every frame must have.

use std::fmt;

use serde_json::Value;

/// The texts of the codes, as the protocol fixes them.
const STATUSES: [(u64, &str); 21] = [
    (200, "OK"),
    (201, "Created"),
    (202, "Accepted"),
    (206, "Partial Content"),
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (405, "Method Not Allowed"),
    (408, "Request Timeout"),
    (409, "Conflict"),
    (415, "Unsupported Media Type"),
    (417, "Expectation Failed"),
    (426, "Upgrade Required"),
    (429, "Too Many Requests"),
    (499, "Client Closed Request"),
    (500, "Internal Server Error"),
    (503, "Service Unavailable"),
    (505, "Version Not Supported"),
    (520, "Unknown Error"),
    (526, "Invalid SSL Certificate"),
];

/// The keys that each kind of object may carry, and no others.
const DATA: [&str; 5] = ["time", "flow", "message", "user", "meta"];
const FLOW: [&str; 9] = [
    "uuid",
    "time",
    "type",
    "title",
    "info",
    "owner",
    "users",
    "message_start",
    "message_end",
];
const MESSAGE: [&str; 13] = [
    "uuid",
    "client_id",
    "text",
    "from_user",
    "from_flow",
    "time",
    "file_picture",
    "file_video",
    "file_audio",
    "file_document",
    "emoji",
    "edited_time",
    "edited_status",
];
const USER: [&str; 11] = [
    "uuid",
    "login",
    "password",
    "username",
    "is_bot",
    "auth_id",
    "token_ttl",
    "email",
    "avatar",
    "bio",
    "time_created",
];

/// A frame of the server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    frame: Value,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.frame.to_string();
        let end = text
            .char_indices()
            .nth(2000)
            .map_or(text.len(), |(at, _)| at);
        f.write_str(&text[..end])
    }
}

impl Reply {
    /// Reads a frame, asserting the form that the protocol promises of each.
    #[track_caller]
    pub(crate) fn read(text: &str) -> Self {
        let frame: Value =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let reply = Self { frame };
        reply.check();
        reply
    }

    #[track_caller]
    fn check(&self) {
        let frame = &self.frame;
        keys(frame, &["type", "data", "errors", "jsonapi", "meta"], self);
        assert_eq!(
            frame.as_object().map(serde_json::Map::len),
            Some(5),
            "five keys: {self}"
        );
        assert!(frame["type"].is_string(), "type: {self}");
        keys(
            &frame["errors"],
            &["code", "status", "time", "detail"],
            self,
        );
        let code = frame["errors"]["code"].as_u64();
        let status = frame["errors"]["status"].as_str();
        assert!(
            STATUSES
                .iter()
                .any(|&(c, s)| Some(c) == code && Some(s) == status),
            "code and status belong together: {self}"
        );
        assert!(
            frame["errors"]["time"].as_u64().is_some(),
            "errors.time: {self}"
        );
        let detail = frame["errors"]["detail"]
            .as_str()
            .unwrap_or_else(|| panic!("detail: {self}"));
        assert!(!detail.is_empty(), "a detail says something: {self}");
        assert_eq!(
            frame["jsonapi"],
            serde_json::json!({"version": "1.0", "revision": "17"}),
            "{self}"
        );
        let data = &frame["data"];
        if code >= Some(400) {
            assert!(
                data.is_null() || !self.refusal().is_null(),
                "no data with an error but why: {self}"
            );
        }
        if data.is_null() {
            return;
        }
        keys(data, &DATA, self);
        assert!(
            data["time"].as_u64().is_some(),
            "data.time is the server's time: {self}"
        );
        for (name, allowed) in [("flow", &FLOW[..]), ("message", &MESSAGE), ("user", &USER)] {
            for object in self.list(name) {
                keys(object, allowed, self);
                for id in ["uuid", "owner", "from_user", "from_flow"] {
                    let id = &object[id];
                    let decimal = id.as_str().is_some_and(is_id);
                    assert!(id.is_null() || decimal, "ids are decimal text: {self}");
                }
            }
        }
    }

    pub(crate) fn code(&self) -> u64 {
        self.frame["errors"]["code"]
            .as_u64()
            .expect("checked when read")
    }

    pub(crate) fn method(&self) -> &str {
        self.frame["type"].as_str().expect("checked when read")
    }

    pub(crate) fn detail(&self) -> &str {
        self.frame["errors"]["detail"]
            .as_str()
            .expect("checked when read")
    }

    pub(crate) fn frame(&self) -> &Value {
        &self.frame
    }

    pub(crate) fn data(&self) -> &Value {
        &self.frame["data"]
    }

    /// Returns why it was refused, if the request accepted to be told.
    pub(crate) fn refusal(&self) -> &Value {
        &self.data()["meta"]["refusal"]
    }

    pub(crate) fn meta(&self) -> &Value {
        &self.frame["meta"]
    }

    /// Returns `data.time`.
    pub(crate) fn time(&self) -> u64 {
        self.data()["time"]
            .as_u64()
            .unwrap_or_else(|| panic!("no data.time: {self}"))
    }

    /// Returns a list of `data`, empty when it is absent.
    pub(crate) fn list(&self, name: &str) -> &[Value] {
        match &self.data()[name] {
            Value::Null => &[],
            Value::Array(list) => list,
            other => panic!("data.{name} is no list: {other}"),
        }
    }

    pub(crate) fn flows(&self) -> &[Value] {
        self.list("flow")
    }

    pub(crate) fn messages(&self) -> &[Value] {
        self.list("message")
    }

    pub(crate) fn users(&self) -> &[Value] {
        self.list("user")
    }

    /// Returns the texts of the messages.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.messages()
            .iter()
            .map(|message| message["text"].as_str().unwrap_or_default())
            .collect()
    }

    pub(crate) fn is_push(&self) -> bool {
        self.meta()["push"] == Value::Bool(true)
    }

    /// Asserts the code and returns the reply.
    #[track_caller]
    pub(crate) fn is(self, code: u64) -> Self {
        assert_eq!(self.code(), code, "{self}");
        self
    }
}

/// Returns whether a text is a 128-bit number in decimal digits.
pub(crate) fn is_id(text: &str) -> bool {
    text.parse::<u128>()
        .is_ok_and(|number| number.to_string() == text)
}

#[track_caller]
fn keys(object: &Value, allowed: &[&str], reply: &Reply) {
    let object = object
        .as_object()
        .unwrap_or_else(|| panic!("an object is missing: {reply}"));
    for key in object.keys() {
        assert!(
            allowed.contains(&key.as_str()),
            "the key {key:?} is not the protocol's: {reply}"
        );
    }
}
