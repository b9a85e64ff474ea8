//! A subscriber who keeps a copy ends with exactly what the server has.
//!
//! Several people send, edit, delete, rename, bring in, take out and leave at random and at the same
//! time, while one subscriber loses the connection again and again and resumes. In the end the copy
//! made of the backlog and the pushes is compared with `all_flow` and `all_messages`.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::common::{Person, Reply, Server, connection::End};

/// How many people act besides the subscriber.
const ACTORS: usize = 4;
/// How many things each of them does.
const ACTS: usize = 120;
/// The last message; when it has come, everything before it has.
const LAST: &str = "the last message";

/// A flow as a client keeps it.
#[derive(Debug, Default, PartialEq)]
struct Copy {
    title: Value,
    owner: Value,
    users: BTreeSet<String>,
    /// By number in the flow: id, text, whether edited.
    messages: BTreeMap<u64, (String, String, bool)>,
}

impl Copy {
    fn describe(&mut self, flow: &Value) {
        self.title = flow["title"].clone();
        self.owner = flow["owner"].clone();
        let users = flow["users"].as_array().expect("members");
        self.users = users
            .iter()
            .map(|id| id.as_str().expect("an id").to_owned())
            .collect();
    }

    fn put(&mut self, number: u64, message: &Value) {
        let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
        let edited = message["edited_status"] == json!(true);
        self.messages
            .insert(number, (text("uuid"), text("text"), edited));
    }
}

/// A client with a copy of everything, made from the backlog and the pushes only.
struct Subscriber<'a> {
    server: &'a Server,
    person: Person,
    /// Asks for the history of flows that appear.
    asking: Person,
    position: u64,
    flows: BTreeMap<String, Copy>,
    ended: bool,
}

impl<'a> Subscriber<'a> {
    fn new(server: &'a Server, mut person: Person) -> Self {
        let reply = person.ask("subscribe", &Value::Null).is(200);
        let position = reply.data()["meta"]["position"]
            .as_u64()
            .expect("a position");
        let asking = person.on(server.connect());
        let mut subscriber = Self {
            server,
            person,
            asking,
            position,
            flows: BTreeMap::new(),
            ended: false,
        };
        let all = subscriber.asking.ask("all_flow", &Value::Null);
        for flow in all.flows() {
            subscriber.learn(flow);
        }
        subscriber
    }

    /// Takes note of a flow; one that was not known is loaded with its history.
    fn learn(&mut self, flow: &Value) {
        let id = flow["uuid"].as_str().expect("an id").to_owned();
        if !self.flows.contains_key(&id) {
            let mut copy = Copy::default();
            let mut number = 0;
            loop {
                let page = self.asking.page(&id, Some((number, number + 99)));
                // Taken out again in the meantime: a push will say so.
                if page.code() == 404 {
                    break;
                }
                for message in page.messages() {
                    copy.put(u64::try_from(number).expect("positive"), message);
                    number += 1;
                }
                if page.messages().is_empty() {
                    break;
                }
            }
            self.ended |= copy.messages.values().any(|(_, text, _)| text == LAST);
            self.flows.insert(id.clone(), copy);
        }
        self.flows.get_mut(&id).expect("there").describe(flow);
    }

    fn apply(&mut self, push: &Reply) {
        let Some(position) = push.meta()["position"].as_u64() else {
            return;
        };
        assert!(position >= self.position, "pushes come in order: {push}");
        self.position = position;
        for flow in push.flows() {
            self.learn(flow);
        }
        let meta = &push.data()["meta"];
        for message in push.messages() {
            let id = message["uuid"].as_str().expect("an id");
            let flow = message["from_flow"].as_str().expect("its flow");
            let number = meta["numbers"][id]
                .as_u64()
                .unwrap_or_else(|| panic!("a number: {push}"));
            // A flow that is not known is one that was left; its messages are history then.
            if let Some(copy) = self.flows.get_mut(flow) {
                copy.put(number, message);
            }
            self.ended |= message["text"] == LAST;
        }
        for left in meta["left"].as_array().into_iter().flatten() {
            self.flows.remove(left.as_str().expect("an id"));
        }
    }

    fn reconnect(&mut self) {
        self.person = self.person.on(self.server.connect());
        let resume = json!({"meta": {"after": self.position}});
        self.person.ask("subscribe", &resume).is(200);
    }

    /// Follows until the last message, cutting the connection at random.
    fn follow(&mut self, random: &mut StdRng) {
        while !self.ended {
            match self.person.connection.try_pushed() {
                Ok(push) => self.apply(&push),
                // Who was too slow is closed and comes back.
                Err(End::Closed(Some(1013))) => self.reconnect(),
                Err(end) => panic!("closed: {end:?}"),
            }
            if random.random_ratio(1, 25) {
                self.reconnect();
            }
        }
    }
}

/// Does random things; refusals are part of life, failures of the server are not.
fn act(mut actor: Person, flows: &[String], people: &[String], seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut sent = Vec::new();
    for n in 0..ACTS {
        let flow = &flows[random.random_range(0..flows.len())];
        let reply = match random.random_range(0..20) {
            0..10 => {
                let reply = actor.try_send(flow, &format!("{}: {n}", actor.login));
                if let Some(message) = reply.messages().first() {
                    sent.push(message["uuid"].as_str().expect("an id").to_owned());
                }
                reply
            }
            10..13 if !sent.is_empty() => {
                let message = &sent[random.random_range(0..sent.len())];
                actor.edit(message, &format!("edited {n}"))
            }
            13 if !sent.is_empty() => {
                let message = &sent[random.random_range(0..sent.len())];
                actor.delete(message)
            }
            14 => actor.ask(
                "edit_flow",
                &json!({"flow": [{"uuid": flow, "title": format!("title {n}")}]}),
            ),
            15..18 => {
                let users: Vec<&String> = people
                    .iter()
                    .filter(|_| random.random_ratio(2, 3))
                    .collect();
                actor.ask(
                    "edit_flow",
                    &json!({"flow": [{"uuid": flow, "users": users}]}),
                )
            }
            18 => actor.ask("leave_flow", &json!({"flow": [{"uuid": flow}]})),
            _ => actor.ask(
                "edit_user",
                &json!({"user": [{"username": format!("name {n}")}]}),
            ),
        };
        assert!(matches!(reply.code(), 200 | 403 | 404), "{reply}");
    }
}

fn live(seed: u64) {
    println!("seed {seed}");
    let server = Server::start();
    let mut host = server.register("host");
    let reader = server.register("reader");
    let mut actors: Vec<Person> = (0..ACTORS)
        .map(|n| server.register(&format!("actor {n}")))
        .collect();
    let mut people: Vec<String> = actors.iter().map(|actor| actor.id.clone()).collect();
    people.push(reader.id.clone());
    let steady = host.group("Steady", &[&reader]);
    let flows: Vec<String> = (0..6)
        .map(|n| {
            let others: Vec<&Person> = std::iter::once(&reader).chain(&actors).collect();
            let mut owner = actors[n % ACTORS].on(server.connect());
            owner.add_flow(if n == 5 { "channel" } else { "group" }, "T", &others)
        })
        .collect();
    let mut random = StdRng::seed_from_u64(seed);
    let mut subscriber = Subscriber::new(&server, reader);
    thread::scope(|scope| {
        let acting: Vec<_> = actors
            .drain(..)
            .map(|actor| {
                let seed = random.random();
                let (flows, people) = (&flows, &people);
                scope.spawn(move || act(actor, flows, people, seed))
            })
            .collect();
        scope.spawn(move || {
            // Whatever became of the actors, the subscriber is not to wait for ever.
            let _: Vec<_> = acting
                .into_iter()
                .map(thread::ScopedJoinHandle::join)
                .collect();
            host.send(&steady, LAST);
        });
        subscriber.follow(&mut random);
    });
    let Subscriber {
        mut asking,
        flows: copy,
        ..
    } = subscriber;
    let mut truth = BTreeMap::new();
    for flow in asking.ask("all_flow", &Value::Null).is(200).flows() {
        let id = flow["uuid"].as_str().expect("an id").to_owned();
        let mut whole = Copy::default();
        whole.describe(flow);
        for (number, message) in asking.history(&id).iter().enumerate() {
            whole.put(u64::try_from(number).expect("few"), message);
        }
        truth.insert(id, whole);
    }
    assert_eq!(
        copy.keys().collect::<Vec<_>>(),
        truth.keys().collect::<Vec<_>>(),
        "the flows, seed {seed}"
    );
    for (id, whole) in &truth {
        assert_eq!(&copy[id], whole, "flow {id}, seed {seed}");
    }
}

#[test]
fn a_copy_kept_by_pushes_is_what_the_server_has() {
    for _ in 0..3 {
        live(rand::random());
    }
}
