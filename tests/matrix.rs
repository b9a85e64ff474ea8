//! Matrix: the client-server API over the conversations that MTP has.

mod door;
mod names;
mod transport;

use serde_json::{Value, json};

use crate::common::{
    PASSWORD, Server,
    http::{self, Answer},
};

/// A server on which Matrix is on, under this name.
pub(crate) fn server() -> Server {
    Server::with(&[
        ("matrix.enabled", "on"),
        ("matrix.server_name", "example.org"),
    ])
}

/// Somebody with a Matrix client.
pub(crate) struct Client<'a> {
    server: &'a Server,
    pub(crate) user: String,
    pub(crate) token: String,
    pub(crate) device: String,
}

/// Sends a request, with JSON unless that is null.
#[track_caller]
pub(crate) fn call(
    server: &Server,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: &Value,
) -> Answer {
    let mut headers = "Content-Type: application/json\r\n".to_owned();
    if let Some(token) = token {
        headers = format!("{headers}Authorization: Bearer {token}\r\n");
    }
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    http::send(
        server,
        method,
        &format!("/_matrix/client/{path}"),
        &headers,
        body.as_bytes(),
    )
}

/// The JSON of an answer.
#[track_caller]
pub(crate) fn document(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// Checks a refusal.
#[track_caller]
pub(crate) fn refused(answer: Answer, status: u16, code: &str) -> Value {
    let answer = answer.is(status);
    let told = document(&answer);
    assert_eq!(told["errcode"], code, "{told}");
    assert!(told["error"].is_string(), "{told}");
    told
}

impl<'a> Client<'a> {
    /// Signs in by a login that is registered.
    #[track_caller]
    pub(crate) fn sign_in(server: &'a Server, login: &str) -> Self {
        let body = json!({
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": login},
            "password": PASSWORD,
        });
        let told = document(&call(server, None, "POST", "v3/login", &body).is(200));
        let text = |key: &str| told[key].as_str().expect("text").to_owned();
        Self {
            server,
            user: text("user_id"),
            token: text("access_token"),
            device: text("device_id"),
        }
    }

    /// Sends a request below `v3`.
    #[track_caller]
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let path = format!("v3/{path}");
        call(self.server, Some(&self.token), method, &path, body)
    }

    /// Reads what is there.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        document(&self.call("GET", path, &Value::Null).is(200))
    }
}
