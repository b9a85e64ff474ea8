//! Requests and their answers as JSON values in the protocol's envelope.

use serde_json::{Value, json};

use super::{ClientError, Refusal, SignIn};

/// A request, which is built and then sent by [`Connection::request`](super::Connection::request).
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    data: Value,
    meta: Value,
}

impl Request {
    /// Returns a request of a method; `data` is an object or null.
    #[must_use]
    pub fn new(method: &str, data: Value) -> Self {
        Self {
            method: method.to_owned(),
            data,
            meta: Value::Null,
        }
    }

    /// Returns a request with the caller's id and token in its first user.
    #[must_use]
    pub fn signed(method: &str, caller: &SignIn, data: Value) -> Self {
        let mut data = match data {
            Value::Object(object) => object,
            _ => serde_json::Map::new(),
        };
        let users = data.entry("user").or_insert_with(|| json!([{}]));
        if let Some(first) = users.get_mut(0).and_then(Value::as_object_mut) {
            first.insert("uuid".to_owned(), json!(caller.uuid));
            first.insert("auth_id".to_owned(), json!(caller.auth_id));
        }
        Self::new(method, Value::Object(data))
    }

    /// Sets the envelope's `meta`, such as `{"txn": …}`.
    #[must_use]
    pub fn with_meta(mut self, meta: Value) -> Self {
        self.meta = meta;
        self
    }

    /// Adds the words of frames that the client understands beyond those of every server.
    #[must_use]
    pub fn accepting(mut self, words: &[String]) -> Self {
        if !words.is_empty() {
            let mut meta = self.meta.as_object().cloned().unwrap_or_default();
            meta.insert("accept".to_owned(), json!(words));
            self.meta = Value::Object(meta);
        }
        self
    }

    /// Returns the frame to send.
    #[must_use]
    pub fn to_frame(&self) -> Value {
        json!({
            "type": self.method,
            "data": self.data,
            "errors": null,
            "jsonapi": {"version": "1.0", "revision": "17"},
            "meta": self.meta,
        })
    }
}

/// A frame of the server, known to have the protocol's form.
#[derive(Debug, Clone)]
pub struct Reply {
    frame: Value,
    code: u16,
    text: Option<String>,
}

impl Reply {
    /// Reads a frame. `None` if it is not an MTP response.
    #[must_use]
    pub fn read(frame: Value) -> Option<Self> {
        let code = frame.get("errors")?.get("code")?.as_u64()?;
        frame.get("type")?.as_str()?;
        Some(Self {
            code: u16::try_from(code).ok()?,
            frame,
            text: None,
        })
    }

    /// Reads a frame's text, and keeps it. `None` if it is not an MTP response.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let reply = Self::read(serde_json::from_str(text).ok()?)?;
        Some(Self {
            text: Some(text.to_owned()),
            ..reply
        })
    }

    /// Returns the frame as it arrived, with its keys in the server's order.
    #[must_use]
    pub fn text(&self) -> String {
        self.text.clone().unwrap_or_else(|| self.frame.to_string())
    }

    /// Returns the error code; below 400 it means success.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Returns the whole frame.
    #[must_use]
    pub fn frame(&self) -> &Value {
        &self.frame
    }

    /// Returns the `data` object, or null.
    #[must_use]
    pub fn data(&self) -> &Value {
        &self.frame["data"]
    }

    /// Returns the envelope's `meta`, or null.
    #[must_use]
    pub fn meta(&self) -> &Value {
        &self.frame["meta"]
    }

    /// Returns whether this frame is unsolicited.
    #[must_use]
    pub fn is_push(&self) -> bool {
        self.meta()["push"] == json!(true)
    }

    /// Returns the reply if it is a success.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if the code is 400 or above.
    pub fn success(self) -> Result<Self, ClientError> {
        if self.code < 400 {
            return Ok(self);
        }
        let errors = &self.frame["errors"];
        let text = |key: &str| errors[key].as_str().unwrap_or_default().to_owned();
        let key = self.data()["meta"]["refusal"]["key"].as_str();
        Err(ClientError::Refused(Refusal {
            code: self.code,
            status: text("status"),
            detail: text("detail"),
            key: key.map(str::to_owned),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_request_keeps_what_the_first_user_says() {
        let caller = SignIn {
            login: "anna".to_owned(),
            uuid: "1".to_owned(),
            auth_id: "t".to_owned(),
        };
        let request = Request::signed("edit_user", &caller, json!({"user": [{"bio": "b"}]}));
        assert_eq!(
            request.to_frame()["data"]["user"],
            json!([{"bio": "b", "uuid": "1", "auth_id": "t"}])
        );
        let bare = Request::signed("all_flow", &caller, Value::Null);
        assert_eq!(bare.to_frame()["data"]["user"][0]["uuid"], "1");
    }

    #[test]
    fn only_frames_with_type_and_code_are_replies() {
        assert!(Reply::read(json!({"type": "x", "errors": {"code": 200}})).is_some());
        for frame in [
            json!(null),
            json!({"type": "x"}),
            json!({"errors": {"code": 200}}),
            json!({"type": "x", "errors": {"code": "200"}}),
            json!({"type": "x", "errors": {"code": 70000}}),
        ] {
            assert!(Reply::read(frame.clone()).is_none(), "{frame}");
        }
    }

    #[test]
    fn a_refusal_says_what_the_server_said() {
        let frame =
            json!({"type": "x", "errors": {"code": 404, "status": "Not Found", "detail": "no"}});
        let reply = Reply::read(frame).expect("a reply");
        let error = reply.success().expect_err("refused");
        assert_eq!(error.to_string(), "the server refused: 404 Not Found: no");
        let frame = json!({"type": "x", "data": {"meta": {"refusal": {"key": "not_found"}}},
                           "errors": {"code": 404, "status": "Not Found", "detail": "no"}});
        let reply = Reply::read(frame).expect("a reply");
        let error = reply.success().expect_err("refused");
        assert_eq!(
            error.to_string(),
            "the server refused: 404 Not Found: no (not_found)"
        );
    }

    #[test]
    fn what_is_accepted_stands_beside_other_metadata() {
        let request = Request::new("x", Value::Null).with_meta(json!({"txn": "1"}));
        let frame = request.accepting(&["rich".to_owned()]).to_frame();
        assert_eq!(frame["meta"], json!({"txn": "1", "accept": ["rich"]}));
        let plain = Request::new("x", Value::Null).accepting(&[]).to_frame();
        assert_eq!(plain["meta"], Value::Null);
    }
}
