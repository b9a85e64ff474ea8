//! A reader who keeps a copy ends with exactly what the server has.
//!
//! Several people send, edit, delete, rename, make moderators, bring in, take out, leave and come back
//! at random and at the same time. Four readers keep a copy each, made only of what they are told:
//! two subscribe and lose the connection again and again, two ask by position; of each two, one
//! accepts the rich form. In the end every copy is compared with `all_flow` and `all_messages`, and
//! what is unread with what the messages and the marks say.

mod act;
pub(crate) mod copy;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::common::{Connection, Person, Reply, Server, connection::End};
use act::act;
use copy::{Copy, Form, LAST, list};

/// How much goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Readers of each of the four kinds.
    pub(crate) readers: usize,
    /// How many people act besides them.
    pub(crate) actors: usize,
    /// How many things each of them does.
    pub(crate) acts: usize,
    /// How long they go on nevertheless.
    pub(crate) lasts: Duration,
    /// How long each rests after doing something, on average.
    pub(crate) rest: Duration,
}

/// What is done at every run of the tests.
const USUAL: Scale = Scale {
    readers: 1,
    actors: 4,
    acts: 120,
    lasts: Duration::ZERO,
    rest: Duration::ZERO,
};

/// How a reader learns what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is told.
    Subscribes,
    /// It asks, by position.
    Asks,
}

/// A client with a copy of everything, made from what it is told only.
pub(crate) struct Reader {
    pub(crate) port: u16,
    pub(crate) way: Way,
    pub(crate) form: Form,
    person: Person,
    /// Asks for the history of flows that appear.
    asking: Person,
    position: u64,
    pub(crate) flows: BTreeMap<String, Copy>,
    /// The text that it waits for.
    last: String,
    ended: bool,
}

impl Reader {
    pub(crate) fn new(port: u16, mut person: Person, way: Way, form: Form) -> Self {
        let mut asking = person.on(Connection::open(port));
        let position = match way {
            Way::Subscribes => form.ask(&mut person, "subscribe", &Value::Null).is(200),
            Way::Asks => form.ask(&mut asking, "all_flow", &Value::Null).is(200),
        };
        let position = position.data()["meta"]["position"]
            .as_u64()
            .expect("a position");
        let mut reader = Self {
            port,
            way,
            form,
            person,
            asking,
            position,
            flows: BTreeMap::new(),
            last: LAST.to_owned(),
            ended: false,
        };
        let all = form.ask(&mut reader.asking, "all_flow", &Value::Null);
        reader.learn(&all);
        reader
    }

    /// Takes note of the flows in a frame; one that was not known is loaded with its history.
    fn learn(&mut self, told: &Reply) {
        for flow in told.flows() {
            let id = flow["uuid"].as_str().expect("an id").to_owned();
            if !self.flows.contains_key(&id) {
                let mut copy = Copy::default();
                copy.load(&mut self.asking, self.form, &id);
                self.ended |= copy.has(&self.last);
                self.flows.insert(id.clone(), copy);
            }
            self.flows.get_mut(&id).expect("there").describe(flow);
        }
        let about = told.data()["meta"]["flows"].as_object();
        for (id, about) in about.into_iter().flatten() {
            if let Some(copy) = self.flows.get_mut(id) {
                copy.about = about.clone();
            }
        }
    }

    /// Takes note of what a frame tells; the place that it reaches stands where its kind has it.
    fn apply(&mut self, told: &Reply, position: &Value) {
        let Some(position) = position.as_u64() else {
            return;
        };
        assert!(position >= self.position, "it comes in order: {told}");
        self.position = position;
        self.learn(told);
        let meta = &told.data()["meta"];
        for message in told.messages() {
            let id = message["uuid"].as_str().expect("an id");
            let flow = message["from_flow"].as_str().expect("its flow");
            let number = meta["numbers"][id]
                .as_u64()
                .unwrap_or_else(|| panic!("a number: {told}"));
            // A flow that is not known is one that was left; its messages are history then.
            if let Some(copy) = self.flows.get_mut(flow) {
                copy.put(number, message);
                copy.know(id, &meta["about"][id]);
            }
            self.ended |= message["text"] == self.last;
        }
        for event in list(&meta["events"]) {
            assert_eq!(self.form, Form::Rich, "{told}");
            let flow = event["flow"].as_str().expect("its flow");
            if let Some(copy) = self.flows.get_mut(flow) {
                copy.happened(event);
            }
        }
        for (key, word) in [("reactions", "reactions"), ("polls", "poll")] {
            for (id, state) in meta[key].as_object().into_iter().flatten() {
                assert_eq!(self.form, Form::Rich, "{told}");
                let knows = |copy: &&mut Copy| copy.messages.values().any(|(uuid, ..)| uuid == id);
                if let Some(copy) = self.flows.values_mut().find(knows) {
                    copy.gather(id, word, state);
                }
            }
        }
        for (flow, pinned) in meta["pinned"].as_object().into_iter().flatten() {
            if let Some(copy) = self.flows.get_mut(flow) {
                let ids = list(pinned)
                    .iter()
                    .map(|id| id.as_str().expect("an id").to_owned());
                copy.pinned = ids.collect();
            }
        }
        for (flow, settings) in meta["settings"].as_object().into_iter().flatten() {
            if let Some(copy) = self.flows.get_mut(flow) {
                copy.settings = settings.clone();
            }
        }
        for left in list(&meta["left"]) {
            self.flows.remove(left.as_str().expect("an id"));
        }
    }

    /// Comes back, on a connection of its own.
    pub(crate) fn reconnect(&mut self) {
        self.asking = self.asking.on(Connection::open(self.port));
        self.person = self.person.on(Connection::open(self.port));
        if self.way == Way::Subscribes {
            let resume = json!({"meta": {"after": self.position}});
            self.form
                .ask(&mut self.person, "subscribe", &resume)
                .is(200);
        }
    }

    /// Follows until this text has come.
    pub(crate) fn catch_up(&mut self, text: &str) {
        text.clone_into(&mut self.last);
        self.ended = false;
        while !self.ended {
            self.step();
        }
    }

    /// Takes note of what comes next.
    pub(crate) fn step(&mut self) {
        match self.way {
            Way::Subscribes => match self.person.connection.try_pushed() {
                Ok(push) => self.apply(&push, &push.meta()["position"]),
                // Who was too slow is closed and comes back.
                Err(End::Closed(Some(1013))) => self.reconnect(),
                Err(end) => panic!("closed: {end:?}"),
            },
            Way::Asks => {
                let after = json!({"meta": {"after": self.position}});
                let answer = self.form.ask(&mut self.person, "get_update", &after);
                assert!(matches!(answer.code(), 200 | 206), "{answer}");
                self.apply(&answer, &answer.data()["meta"]["position"]);
            }
        }
    }

    /// Follows until the last message, cutting the connection at random.
    fn follow(&mut self, random: &mut StdRng) {
        while !self.ended {
            self.step();
            if random.random_ratio(1, 25) {
                self.reconnect();
            }
            if random.random_ratio(1, 10) {
                self.read_some(random);
            }
        }
    }

    /// Marks some messages of some flow as read.
    fn read_some(&mut self, random: &mut StdRng) {
        let known: Vec<_> = self.flows.keys().cloned().collect();
        if known.is_empty() {
            return;
        }
        let flow = &known[random.random_range(0..known.len())];
        let last = self.flows[flow].messages.len();
        let read = json!({"uuid": flow, "message_end": random.random_range(0..=last)});
        // Pings of a connection that waits are answered by nobody: in a long run it is closed.
        self.asking = self.asking.on(Connection::open(self.port));
        let reply = self.asking.ask("read_flow", &json!({"flow": [read]}));
        assert!(matches!(reply.code(), 200 | 404), "{reply}");
    }

    /// What the server has, for comparison.
    pub(crate) fn truth(&mut self) -> BTreeMap<String, Copy> {
        self.asking = self.asking.on(Connection::open(self.port));
        let all = self.form.ask(&mut self.asking, "all_flow", &Value::Null);
        let mut truth = BTreeMap::new();
        for flow in all.is(200).flows() {
            let id = flow["uuid"].as_str().expect("an id").to_owned();
            let mut copy = Copy::default();
            copy.describe(flow);
            copy.load(&mut self.asking, self.form, &id);
            truth.insert(id, copy);
        }
        let all = self.form.ask(&mut self.asking, "all_flow", &Value::Null);
        let about = all.data()["meta"]["flows"].as_object();
        for (id, about) in about.into_iter().flatten() {
            truth.get_mut(id).expect("a flow").about = about.clone();
        }
        for (id, copy) in &mut truth {
            copy.settings = all.data()["meta"]["settings"][id].clone();
            copy.settle();
        }
        truth
    }
}

/// Compares what a person is told to be unread with what the messages and the mark say.
fn check_unread(person: &mut Person) {
    let all = Form::Rich.ask(person, "all_flow", &Value::Null).is(200);
    let meta = all.data()["meta"].clone();
    for flow in all.flows() {
        let id = flow["uuid"].as_str().expect("an id");
        let mark = meta["read"][id].as_i64().unwrap_or(-1);
        let unread = person
            .history(id)
            .iter()
            .zip(0..)
            .fold(0, |unread, (message, number)| {
                let is_own = message["from_user"] == json!(person.id);
                assert!(!is_own || number <= mark, "own ones are read: {message}");
                // Nobody writes this here.
                let is_deleted = message["text"] == "Message deleted";
                unread + i64::from(number > mark && !is_deleted)
            });
        assert_eq!(
            meta["unread"][id], unread,
            "{} in {id}, read up to {mark}",
            person.login
        );
    }
}

/// Lets everybody live on a server, and compares in the end. `watch` is told of the server's state
/// meanwhile, until it is over.
pub(crate) fn live(server: &Server, scale: &Scale, seed: u64, watch: impl Fn(&AtomicBool) + Send) {
    println!("seed {seed}");
    let mut host = server.register("host");
    let kinds = [
        (Way::Subscribes, Form::Plain),
        (Way::Subscribes, Form::Rich),
        (Way::Asks, Form::Plain),
        (Way::Asks, Form::Rich),
    ];
    let kinds: Vec<_> = kinds.repeat(scale.readers);
    let readers: Vec<Person> = (0..kinds.len())
        .map(|n| server.register(&format!("reader {n}")))
        .collect();
    let actors: Vec<Person> = (0..scale.actors)
        .map(|n| server.register(&format!("actor {n}")))
        .collect();
    let everybody: Vec<&Person> = readers.iter().chain(&actors).collect();
    let people: Vec<String> = everybody.iter().map(|person| person.id.clone()).collect();
    let steady = host.group("Steady", &readers.iter().collect::<Vec<_>>());
    let flows: Vec<String> = (0..6)
        .map(|n| {
            let mut owner = actors[n % scale.actors].on(server.connect());
            owner.add_flow(if n == 5 { "channel" } else { "group" }, "T", &everybody)
        })
        .collect();
    let mut random = StdRng::seed_from_u64(seed);
    let port = server
        .address()
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok());
    let port = port.expect("a port");
    let mut readers: Vec<Reader> = readers
        .into_iter()
        .zip(kinds.iter().copied())
        .map(|(person, (way, form))| Reader::new(port, person, way, form))
        .collect();
    let over = AtomicBool::new(false);
    let actors = thread::scope(|scope| {
        let acting: Vec<_> = actors
            .into_iter()
            .map(|actor| {
                let seed = random.random();
                let (flows, people) = (&flows, &people);
                scope.spawn(move || act(actor, port, scale, flows, people, seed))
            })
            .collect();
        let over = &over;
        scope.spawn(move || watch(over));
        for reader in &mut readers {
            let seed = random.random();
            scope.spawn(move || reader.follow(&mut StdRng::seed_from_u64(seed)));
        }
        // Whatever became of the actors, the readers are not to wait for ever.
        let actors: Vec<_> = acting
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        // Reactions are told at most once a second.
        thread::sleep(Duration::from_millis(1500));
        // Who only waits does not answer pings, and is taken for gone.
        host.on(server.connect()).send(&steady, LAST);
        over.store(true, Ordering::Relaxed);
        actors
    });
    for mut reader in readers {
        let truth = reader.truth();
        let which = format!("{:?} {:?}, seed {seed}", reader.way, reader.form);
        assert_eq!(
            reader.flows.keys().collect::<Vec<_>>(),
            truth.keys().collect::<Vec<_>>(),
            "the flows, {which}"
        );
        for (id, whole) in &truth {
            reader.flows.get_mut(id).expect("there").settle();
            assert_eq!(&reader.flows[id], whole, "flow {id}, {which}");
            assert_eq!(whole.events.is_empty(), reader.form == Form::Plain);
        }
        check_unread(&mut reader.asking);
    }
    for actor in actors.into_iter().flatten() {
        check_unread(&mut actor.on(server.connect()));
    }
}

#[test]
fn a_copy_kept_by_pushes_or_by_asking_is_what_the_server_has() {
    for _ in 0..3 {
        live(&Server::start(), &USUAL, rand::random(), |_| ());
    }
}
