//! People at work while the server is recorded: sending, editing, deleting, registering.

use std::{
    collections::{HashMap, VecDeque},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::common::{
    Connection, PASSWORD, Server,
    connection::{End, envelope},
};

/// How many people are at work at the same time.
const PEOPLE: usize = 4;
/// How many requests each keeps unanswered.
const WINDOW: usize = 6;
/// After so many answers the server is killed.
const ENOUGH: usize = 250;
/// Bytes of a picture: large enough that the log fills and is used again.
const PICTURE: usize = 24 << 10;

/// What somebody asked for.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    /// To send a message, whose text begins with this word and whose txn it is.
    Send { word: String, has_picture: bool },
    /// To change a message to this version.
    Edit { uuid: String, version: u32 },
    /// To delete a message.
    Delete { uuid: String },
    /// To register.
    Register { login: String },
    /// What is not examined.
    Other,
}

/// Everything that has been asked for, by port of who asked, in order.
pub(super) struct Load {
    pub(super) asked: HashMap<u16, Vec<Asked>>,
    people: Vec<(String, String)>,
    group: String,
    rounds: usize,
    /// What each has sent and not deleted.
    own: Vec<Vec<Own>>,
}

/// A message that somebody has sent and may still change.
struct Own {
    uuid: String,
    word: String,
    version: u32,
    has_picture: bool,
}

/// What somebody has done.
struct Done {
    port: u16,
    asked: Vec<Asked>,
    own: Vec<Own>,
}

/// Somebody at work on a connection.
struct Worker<'a> {
    connection: Connection,
    id: &'a str,
    token: &'a str,
    group: &'a str,
    /// Begins every word of this one's.
    name: String,
    random: StdRng,
    own: Vec<Own>,
    asked: Vec<Asked>,
    count: usize,
}

impl Load {
    /// Registers everybody and makes their group.
    pub(super) fn begin(server: &Server) -> Self {
        let mut people: Vec<_> = (0..PEOPLE)
            .map(|n| server.register(&format!("worker{n}")))
            .collect();
        let mut asked: HashMap<u16, Vec<Asked>> = HashMap::new();
        for person in &people {
            let login = person.login.clone();
            let port = person.connection.own_port();
            asked.insert(port, vec![Asked::Register { login }]);
        }
        let mut first = people.remove(0);
        let group = first.group("Work", &people.iter().collect::<Vec<_>>());
        let port = first.connection.own_port();
        asked.entry(port).or_default().push(Asked::Other);
        people.insert(0, first);
        let people = people.into_iter().map(|it| (it.id, it.token)).collect();
        Self {
            asked,
            people,
            group,
            rounds: 0,
            own: (0..PEOPLE).map(|_| Vec::new()).collect(),
        }
    }

    /// Has everybody make so many requests, and waits for all answers.
    pub(super) fn work(&mut self, server: &Server, requests: usize) {
        let answered = AtomicUsize::new(0);
        let workers = self.workers(server);
        let done: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = workers
                .into_iter()
                .map(|worker| scope.spawn(|| worker.work(requests, &answered)))
                .collect();
            threads
                .into_iter()
                .map(|it| it.join().expect("no panic"))
                .collect()
        });
        assert_eq!(
            answered.into_inner(),
            requests * PEOPLE,
            "all were answered"
        );
        self.take(done);
    }

    /// Has everybody work until the server ends by itself, for which `strike` sees once all are
    /// connected.
    pub(super) fn work_until_it_ends(&mut self, server: &Server, strike: impl FnOnce()) {
        let answered = AtomicUsize::new(0);
        let workers = self.workers(server);
        strike();
        let done: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = workers
                .into_iter()
                .map(|worker| scope.spawn(|| worker.work(usize::MAX, &answered)))
                .collect();
            threads
                .into_iter()
                .map(|it| it.join().expect("no panic"))
                .collect()
        });
        self.take(done);
    }

    /// Has everybody work until the server is killed in the middle of it.
    pub(super) fn work_until_killed(&mut self, server: &mut Server) {
        let answered = AtomicUsize::new(0);
        let workers = self.workers(server);
        let done: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = workers
                .into_iter()
                .map(|worker| scope.spawn(|| worker.work(usize::MAX, &answered)))
                .collect();
            while answered.load(Ordering::Relaxed) < ENOUGH {
                assert!(threads.iter().any(|it| !it.is_finished()), "they get on");
                thread::sleep(Duration::from_millis(1));
            }
            server.kill();
            threads
                .into_iter()
                .map(|it| it.join().expect("no panic"))
                .collect()
        });
        self.take(done);
    }

    fn take(&mut self, done: Vec<Done>) {
        for (own, done) in self.own.iter_mut().zip(done) {
            self.asked.insert(done.port, done.asked);
            *own = done.own;
        }
    }

    fn workers(&mut self, server: &Server) -> Vec<Worker<'_>> {
        self.rounds += 1;
        let round = self.rounds;
        let own = &mut self.own;
        let people = self.people.iter().enumerate();
        people
            .map(|(n, (id, token))| Worker {
                connection: server.connect(),
                id,
                token,
                group: &self.group,
                name: format!("w{n}r{round}"),
                random: StdRng::seed_from_u64((round * PEOPLE + n) as u64),
                own: std::mem::take(&mut own[n]),
                asked: Vec::new(),
                count: 0,
            })
            .collect()
    }
}

impl Worker<'_> {
    /// Asks so often, or until the connection breaks. Returns what was asked from which port.
    fn work(mut self, requests: usize, answered: &AtomicUsize) -> Done {
        let port = self.connection.own_port();
        let mut waiting: VecDeque<Asked> = VecDeque::new();
        let broken = loop {
            let mut broken = None;
            while waiting.len() < WINDOW && self.asked.len() < requests && broken.is_none() {
                let (frame, asked) = self.think();
                waiting.push_back(asked.clone());
                self.asked.push(asked);
                broken = self.connection.send_text(frame.to_string()).err();
            }
            let Some(asked) = waiting.pop_front().filter(|_| broken.is_none()) else {
                break broken;
            };
            match self.connection.try_answer() {
                // Only a server that is about to end refuses.
                Ok(reply) if reply.code() == 503 && requests == usize::MAX => {}
                Ok(reply) => {
                    assert!(matches!(reply.code(), 200 | 201), "{asked:?}: {reply}");
                    if let Asked::Send { word, has_picture } = asked {
                        let uuid = reply.messages()[0]["uuid"].as_str().expect("an id");
                        self.own.push(Own {
                            uuid: uuid.to_owned(),
                            word,
                            version: 0,
                            has_picture,
                        });
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                Err(end) => break Some(end),
            }
        };
        assert!(
            requests == usize::MAX || broken.is_none_or(|end| end != End::Broken),
            "the connection broke"
        );
        Done {
            port,
            asked: self.asked,
            own: self.own,
        }
    }

    /// Decides what to ask for next.
    fn think(&mut self) -> (Value, Asked) {
        self.count += 1;
        let dice = self.random.random_range(0..100);
        if dice < 2 {
            let login = format!("{}n{}", self.name, self.count);
            let data = json!({"user": [{"login": login, "password": PASSWORD}]});
            return (envelope("register_user", &data), Asked::Register { login });
        }
        if dice < 30 && !self.own.is_empty() {
            let which = self.random.random_range(0..self.own.len());
            self.own[which].version += 1;
            let own = &self.own[which];
            let message = message(&own.word, own.version, own.has_picture);
            let asked = Asked::Edit {
                uuid: own.uuid.clone(),
                version: own.version,
            };
            let mut message = message;
            message["uuid"] = json!(own.uuid);
            return (
                self.frame("edited_message", &json!({"message": [message]})),
                asked,
            );
        }
        if dice < 40 && !self.own.is_empty() {
            let which = self.random.random_range(0..self.own.len());
            let uuid = self.own.swap_remove(which).uuid;
            let data = json!({"message": [{"uuid": uuid}]});
            return (self.frame("delete_message", &data), Asked::Delete { uuid });
        }
        let word = format!("{}n{}", self.name, self.count);
        let has_picture = dice > 88;
        let data =
            json!({"flow": [{"uuid": self.group}], "message": [message(&word, 0, has_picture)]});
        let mut frame = self.frame("send_message", &data);
        frame["meta"] = json!({"txn": word});
        (frame, Asked::Send { word, has_picture })
    }

    fn frame(&self, method: &str, data: &Value) -> Value {
        let mut data = data.clone();
        data["user"] = json!([{"uuid": self.id, "auth_id": self.token}]);
        envelope(method, &data)
    }
}

/// A version of a message: its first word is nowhere else.
fn message(word: &str, version: u32, has_picture: bool) -> Value {
    let mut message = json!({"client_id": 1, "text": format!("{word}v{version} and more to say")});
    if has_picture {
        let picture = format!("{word}v{version}!").repeat(PICTURE / 10);
        message["file_picture"] = json!(picture);
    }
    message
}
