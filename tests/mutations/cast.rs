//! Who there is in a run: people with good tokens, and flows and messages of theirs.

use morelia::{
    auth::Password,
    service::{Account, Client, Refusal, Service, ServiceError},
};
use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};

use super::neighbour;

/// The password of the transcripts.
const PASSWORD: &str = "correct horse battery";

/// Ids of each kind that are remembered; a new one then takes the place of another.
const MAX_KNOWN: usize = 40;

struct Person {
    login: String,
    id: String,
    token: String,
}

/// What exists, as far as a client would know.
pub(crate) struct Cast {
    people: Vec<Person>,
    flows: Vec<String>,
    messages: Vec<String>,
    /// Who was tried last, to be replaced when that failed.
    tried: usize,
    made: u32,
}

impl Cast {
    /// Makes the people that the transcripts name, the first of them an administrator.
    pub(crate) async fn assemble(service: &Service) -> Self {
        let mut cast = Self {
            people: Vec::new(),
            flows: Vec::new(),
            messages: Vec::new(),
            tried: 0,
            made: 0,
        };
        for login in ["anna", "boris", "clara"] {
            let person = cast.make(service, login).await;
            cast.people.push(person);
        }
        cast
    }

    async fn make(&mut self, service: &Service, login: &str) -> Person {
        let mut login = login.to_owned();
        loop {
            let account = Account {
                login: login.clone(),
                password: Password::new(PASSWORD.to_owned()),
                username: None,
                email: None,
                is_admin: self.made == 0,
                is_bot: false,
            };
            self.made += 1;
            match service.add_account(account).await {
                Ok(_) => break,
                Err(ServiceError::Refused(Refusal::LoginTaken)) => {
                    login = format!("anna {}", self.made);
                }
                Err(err) => panic!("no account: {err}"),
            }
        }
        let client = Client {
            neighbourhood: neighbour([198, 51, 100], self.made),
            ..Client::default()
        };
        let password = Password::new(PASSWORD.to_owned());
        let opened = service.log_in(&login, password, &client).await;
        let opened = opened.expect("a session");
        Person {
            login,
            id: opened.uuid.to_string(),
            token: opened.token.as_str().to_owned(),
        }
    }

    /// Returns a ping of somebody.
    pub(crate) fn ping(&mut self, rng: &mut StdRng) -> Value {
        self.tried = rng.random_range(0..self.people.len());
        let person = &self.people[self.tried];
        json!({
            "type": "ping_pong", "jsonapi": {"version": "1.0"},
            "data": {"user": [{"uuid": person.id, "auth_id": person.token}]},
        })
    }

    /// Puts somebody new in the place of who was logged out or deleted.
    pub(crate) async fn replace_lost(&mut self, service: &Service) {
        let login = self.people[self.tried].login.clone();
        self.people[self.tried] = self.make(service, &login).await;
    }

    /// Puts into a request what exists, mostly where it belongs.
    pub(crate) fn bind(&self, request: &mut Value, rng: &mut StdRng) {
        let mut caller = rng.random_range(0..self.people.len());
        let kind = request.get("type").and_then(Value::as_str);
        let registers = kind == Some("register_user");
        for (index, user) in each(request.pointer_mut("/data/user")).enumerate() {
            if registers && rng.random() {
                put(user, "login", &format!("guest {}", rng.random::<u32>()));
            }
            if let Some(login) = user.get("login").and_then(Value::as_str) {
                let known = self.people.iter().position(|person| person.login == login);
                caller = known.unwrap_or(caller);
            }
            if index > 0 {
                caller = rng.random_range(0..self.people.len());
            }
            let person = &self.people[caller];
            put(user, "uuid", &person.id);
            if rng.random_ratio(49, 50) {
                put(user, "auth_id", &person.token);
            }
        }
        let person = |rng: &mut StdRng| self.people.choose(rng).map(|person| json!(person.id));
        for flow in each(request.pointer_mut("/data/flow")) {
            if let Some(id) = self.any(&self.flows, rng) {
                put(flow, "uuid", id);
            }
            if let Some(id) = person(rng) {
                put(flow, "owner", id.as_str().unwrap_or_default());
            }
            for member in each(flow.get_mut("users")) {
                *member = person(rng).unwrap_or_default();
            }
        }
        for message in each(request.pointer_mut("/data/message")) {
            if let Some(id) = self.any(&self.messages, rng) {
                put(message, "uuid", id);
            }
        }
    }

    /// Chooses an id of a kind, seldom of another.
    fn any<'a>(&'a self, kind: &'a [String], rng: &mut StdRng) -> Option<&'a String> {
        match rng.random_range(0..20) {
            0 => self.messages.choose(rng),
            1 => self.flows.choose(rng),
            2 => self.people.choose(rng).map(|person| &person.id),
            _ => kind.choose(rng),
        }
    }

    /// Remembers the ids in an answer.
    pub(crate) fn learn(&mut self, answer: &[u8], rng: &mut StdRng) {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        for (kind, known) in [("flow", &mut self.flows), ("message", &mut self.messages)] {
            for object in answer["data"][kind].as_array().into_iter().flatten() {
                let Some(id) = object["uuid"].as_str() else {
                    continue;
                };
                if known.iter().any(|known| known == id) {
                    continue;
                }
                if known.len() < MAX_KNOWN {
                    known.push(id.to_owned());
                } else {
                    id.clone_into(&mut known[rng.random_range(0..MAX_KNOWN)]);
                }
            }
        }
    }
}

/// The entries of what may be a list.
fn each(list: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    list.and_then(Value::as_array_mut).into_iter().flatten()
}

/// Sets a key that is there.
fn put(object: &mut Value, key: &str, text: &str) {
    if let Some(value) = object.get_mut(key).filter(|value| !value.is_null()) {
        *value = json!(text);
    }
}
