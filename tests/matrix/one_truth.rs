//! One truth: whatever people do by either protocol, every client knows what the store has.
//!
//! People act at random in the same conversations, some by MTP, some by Matrix, one by both. Every client is away most
//! of the time, and keeps a copy of what it was told when it came back. Each time, its copy is compared with what
//! the server shows to somebody who knows nothing; those of Matrix clients also with what the other protocol shows to
//! the same person. In the end the server is restarted, put back from a copy and moved to another machine,
//! and the clients go on.

mod acts;
mod copy;
mod flow;

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::{Client, events};
use crate::{
    backup::document,
    common::{Person, Program, Server, eventually, health::until},
    model::{Reader, Way, copy::Form},
    roles::ask,
};
use copy::Follower;
use flow::{compare_flow, compare_messages, compare_pins, messages};

/// How many things are done before, and after the server was moved.
const ACTS: usize = 150;
const ACTS_AFTER: usize = 20;

/// A message that people may do something with.
#[derive(Debug, Clone)]
struct Thing {
    author: usize,
    flow: String,
    message: String,
    /// By which it is answered, edited and reacted to.
    event: String,
    /// All events that it is.
    parts: Vec<String>,
    is_poll: bool,
}

/// Somebody: with MTP for acting and for comparing, and a Matrix client where the kind is not `mtp`.
struct Someone {
    kind: &'static str,
    person: Person,
    follower: Option<Follower>,
    reader: Option<Reader>,
}

struct World {
    server: Server,
    random: StdRng,
    seed: u64,
    count: usize,
    marks: usize,
    people: Vec<Someone>,
    /// Says the words by which readers know that they have heard everything.
    host: Person,
    steady: String,
    flows: Vec<String>,
    things: Vec<Thing>,
    reactions: Vec<(String, String)>,
    /// How often each thing was done, and refused.
    done: BTreeMap<String, (usize, usize)>,
}

fn port(server: &Server) -> u16 {
    let address = server.address();
    let port = address.rsplit(':').next().and_then(|it| it.parse().ok());
    port.expect("a port")
}

impl World {
    fn new(seed: u64) -> Self {
        let server = super::server();
        let mut host = server.register("host");
        let kinds = [
            ("anna", "mtp"),
            ("boris", "mtp"),
            ("carol", "matrix"),
            ("dmitri", "matrix"),
            ("eva", "both"),
        ];
        let mut people: Vec<_> = kinds
            .iter()
            .zip([0, 0, 10, 1, 4])
            .map(|((login, kind), limit)| {
                let person = server.register(login);
                let follower = (*kind != "mtp")
                    .then(|| Follower::new(&Client::sign_in(&server, login), limit));
                Someone {
                    kind,
                    person,
                    follower,
                    reader: None,
                }
            })
            .collect();
        let everybody: Vec<_> = people
            .iter()
            .map(|it| it.person.on(server.connect()))
            .collect();
        let everybody: Vec<&Person> = everybody.iter().collect();
        let steady = host.group("Steady", &everybody);
        let mut flows = Vec::new();
        for (owner, kind) in ["group", "channel", "chat", "group"].iter().enumerate() {
            let mut owner = people[owner].person.on(server.connect());
            let others: Vec<_> = if *kind == "chat" {
                vec![everybody[4]]
            } else {
                everybody.clone()
            };
            flows.push(owner.add_flow(kind, "T", &others));
        }
        let forms = [
            (Way::Asks, Form::Plain),
            (Way::Subscribes, Form::Rich),
            (Way::Subscribes, Form::Plain),
        ];
        for (place, (way, form)) in [0, 1, 4].into_iter().zip(forms) {
            let person = people[place].person.on(server.connect());
            people[place].reader = Some(Reader::new(port(&server), person, way, form));
        }
        // One is asked before being brought in.
        let asks = json!({"meta": {"ask_first": true}});
        ask(&mut people[0].person, "edit_user", &asks).is(200);
        let room = people[3].follower.as_ref().expect("it has Matrix");
        let room = room.client(&server).create(&json!({
            "name": "By Matrix", "invite": ["@anna:example.org", "@carol:example.org"],
        }));
        let mut world = Self {
            server,
            random: StdRng::seed_from_u64(seed),
            seed,
            count: 0,
            marks: 0,
            people,
            host,
            steady,
            flows,
            things: Vec::new(),
            reactions: Vec::new(),
            done: BTreeMap::new(),
        };
        world.flows.push(flow_of(&room));
        world
    }

    fn tally(&mut self, what: &str, is_done: bool) {
        let (done, refused) = self.done.entry(what.to_owned()).or_default();
        *if is_done { done } else { refused } += 1;
    }

    fn live(&mut self, acts: usize) {
        for _ in 0..acts {
            self.act();
            if self.random.random_ratio(1, 15) {
                let who = self.random.random_range(0..self.people.len());
                self.come_back(who);
            }
            if self.random.random_ratio(1, 120) {
                self.let_time_pass();
            }
        }
    }

    fn everybody_comes_back(&mut self) {
        for who in 0..self.people.len() {
            self.come_back(who);
        }
    }

    /// Somebody's clients come back, stay for a while, and know what there is.
    fn come_back(&mut self, who: usize) {
        let which = format!("{}, seed {}", self.people[who].person.login, self.seed);
        self.near(who);
        let mut reader = self.people[who].reader.take();
        if let Some(reader) = &mut reader {
            reader.reconnect();
        }
        if let Some(follower) = &mut self.people[who].follower {
            follower.sync(&self.server);
        }
        for _ in 0..self.random.random_range(0..6) {
            self.act();
        }
        if let Some(follower) = &mut self.people[who].follower {
            follower.sync(&self.server);
        }
        self.near(who);
        self.compare_follower(who, &which);
        if let Some(mut reader) = reader {
            self.compare_reader(&mut reader, &which);
            self.people[who].reader = Some(reader);
        }
    }

    /// Compares the copy of a client of MTP with what the server shows to the same person.
    fn compare_reader(&mut self, reader: &mut Reader, which: &str) {
        // Reactions are told at most once a second.
        let compared = eventually(
            || {
                self.marks += 1;
                let mark = format!("mark {}", self.marks);
                self.host = self.host.on(self.server.connect());
                self.host.send(&self.steady, &mark);
                reader.catch_up(&mark);
                let truth = reader.truth();
                for copy in reader.flows.values_mut() {
                    copy.settle();
                }
                let is_same = reader.flows == truth;
                (is_same, truth)
            },
            |(is_same, _)| *is_same,
        );
        let truth = compared.1;
        let flows = |all: &BTreeMap<String, _>| all.keys().cloned().collect::<Vec<String>>();
        assert_eq!(flows(&reader.flows), flows(&truth), "{which}");
        for (id, whole) in &truth {
            assert_eq!(&reader.flows[id], whole, "flow {id}, {which}");
        }
    }

    /// Compares a Matrix client's copy with what both protocols show to the same person.
    fn compare_follower(&mut self, who: usize, which: &str) {
        let names = self.names(who);
        let someone = &mut self.people[who];
        let Some(follower) = &someone.follower else {
            return;
        };
        let client = follower.client(&self.server);
        let all = ask(&mut someone.person, "all_flow", &Value::Null).is(200);
        // A chat stays with who has left its room, and a client that came later knows nothing of that.
        let joined = client.get("joined_rooms")["joined_rooms"].clone();
        let is_in = |flow: &&Value| {
            let room = super::room_of(flow["uuid"].as_str().expect("an id"));
            let is_joined = || events(&joined).any(|it| *it == room);
            flow["type"] != "chat"
                || (follower.rooms.get(&room)).map_or_else(is_joined, |room| room.is_in)
        };
        let inside: Vec<_> = all.flows().iter().filter(is_in).collect();
        let ids = inside
            .iter()
            .map(|flow| flow["uuid"].as_str().expect("an id"));
        let mine = follower.rooms.iter().filter(|(_, room)| room.is_in);
        let mine: BTreeSet<String> = mine.map(|(id, _)| id.clone()).collect();
        assert_eq!(mine, copy::rooms(ids), "the rooms, {which}");
        let invited = all.data()["meta"]["invited"].as_array().cloned();
        let invited = invited.unwrap_or_default();
        let invited = invited.iter().map(|it| it["flow"].as_str().expect("an id"));
        assert_eq!(follower.invited, copy::rooms(invited), "invited, {which}");
        for flow in inside {
            let number = flow["uuid"].as_str().expect("an id");
            let id = super::room_of(number);
            let which = format!("{id}, {which}");
            let room = &follower.rooms[&id];
            copy::compare(room, &copy::read(&client, &id), &which);
            let about = &all.data()["meta"]["flows"][number];
            compare_flow(room, flow, about, &names, &which);
            let truth = messages(&mut someone.person, number, &names);
            compare_messages(room, &truth, &which);
            compare_pins(room, &mut someone.person, number, &truth, &which);
        }
    }

    /// The id in Matrix and the name of everybody, by their id in the other protocol.
    fn names(&mut self, who: usize) -> BTreeMap<String, (String, String)> {
        let everybody = self.people.iter().map(|it| &it.person).chain([&self.host]);
        let ids: Vec<_> = everybody.map(|it| json!({"uuid": it.id})).collect();
        let asked = [&[json!({})], ids.as_slice()].concat();
        let found = ask(
            &mut self.people[who].person,
            "user_info",
            &json!({"user": asked}),
        );
        let users = found.is(200);
        let users = users.users().iter().map(|user| {
            let text = |key: &str| user[key].as_str().unwrap_or_default().to_owned();
            let name = [text("username"), text("login")]
                .into_iter()
                .find(|name| !name.is_empty());
            let id = format!("@{}:example.org", text("login"));
            (text("uuid"), (id, name.unwrap_or_default()))
        });
        users.collect()
    }

    /// Everything that disappears by itself does so, over a power cut.
    fn let_time_pass(&mut self) {
        self.server.kill();
        let file = rusqlite::Connection::open(self.server.database()).expect("the file");
        file.execute(
            "UPDATE messages SET expires_at = 1 WHERE expires_at IS NOT NULL",
            [],
        )
        .expect("changed");
        drop(file);
        self.server.serve();
        self.reach();
        until("what has expired goes", || {
            let file = rusqlite::Connection::open(self.server.database()).expect("the file");
            let left = "SELECT count(*) FROM messages WHERE expires_at = 1 AND deleted_at IS NULL";
            let left = file.query_row(left, [], |row| row.get::<_, i64>(0));
            (left == Ok(0)).then_some(())
        });
    }

    /// Somebody connects anew: who only waits answers no pings, and is taken for gone.
    fn near(&mut self, who: usize) {
        let person = &mut self.people[who].person;
        *person = person.on(self.server.connect());
    }

    /// Everybody connects anew.
    fn reach(&mut self) {
        self.host = self.host.on(self.server.connect());
        for someone in &mut self.people {
            someone.person = someone.person.on(self.server.connect());
            if let Some(reader) = &mut someone.reader {
                reader.port = port(&self.server);
            }
        }
    }

    /// What each Matrix client is shown: the ids of its rooms and of their events, and what they say.
    fn snapshot(&self) -> Snapshot {
        let followers = self.people.iter().filter_map(|it| it.follower.as_ref());
        followers
            .map(|follower| {
                let client = follower.client(&self.server);
                let rooms = client.get("joined_rooms")["joined_rooms"].clone();
                let rooms = rooms.as_array().cloned().unwrap_or_default();
                rooms
                    .iter()
                    .map(|room| room.as_str().expect("an id"))
                    .map(|room| {
                        let whole = copy::read(&client, room);
                        let events = whole.log.iter().chain(whole.state.values());
                        let told =
                            |event: &Value| (event["event_id"].clone(), event["content"].clone());
                        (room.to_owned(), events.map(told).collect())
                    })
                    .collect()
            })
            .collect()
    }

    /// Everything is called what it was, and says what it said.
    fn compare_snapshot(&self, before: &Snapshot, when: &str) {
        for (before, now) in before.iter().zip(self.snapshot()) {
            let rooms = |all: &BTreeMap<String, _>| all.keys().cloned().collect::<Vec<String>>();
            assert_eq!(rooms(before), rooms(&now), "{when}, seed {}", self.seed);
            for (room, events) in before {
                for (before, now) in events.iter().zip(&now[room]) {
                    assert_eq!(before, now, "{room} {when}, seed {}", self.seed);
                }
                assert_eq!(events.len(), now[room].len(), "{room} {when}");
            }
        }
    }
}

/// Of each client and room, the ids of the events and what they say.
type Snapshot = Vec<BTreeMap<String, Vec<(Value, Value)>>>;

/// The flow of a room, by the beginning of its addresses.
fn flow_of(room: &str) -> String {
    let hex = room.trim_start_matches("rooms/%21").get(..32);
    u128::from_str_radix(hex.expect("an id"), 16)
        .expect("an id")
        .to_string()
}

#[test]
fn every_client_knows_what_the_store_has() {
    let seed = std::env::var("MORELIA_SEED").ok();
    let seed = seed
        .and_then(|it| it.parse().ok())
        .unwrap_or_else(rand::random);
    println!("seed {seed}: MORELIA_SEED={seed} does the same again");
    let mut world = World::new(seed);
    world.live(ACTS);
    world.everybody_comes_back();

    // Over a restart, and when a copy is put back, everything is called what it was.
    let told = world.snapshot();
    world.server.restart();
    world.reach();
    world.compare_snapshot(&told, "after a restart");
    let made = document(&world.server, ["backup", "--to", "copy.db"], 0);
    world.server.stop();
    let copy = made["file"].as_str().expect("a file");
    document(&world.server, ["restore", copy, "--yes"], 0);
    world.server.serve();
    world.reach();
    world.compare_snapshot(&told, "after a restore");

    // The same on another machine.
    world.server.stop();
    document(&world.server, ["move", "pack", "chat.morelia"], 0);
    let packed = world.server.folder().join("chat.morelia");
    let place = tempfile::tempdir().expect("a folder");
    Program::new(place.path())
        .arg("--config")
        .arg(place.path().join("morelia.ini"))
        .args(["move", "unpack"])
        .arg(&packed)
        .run()
        .exits(0);
    let mut moved = Server::adopted(place);
    moved.set("matrix.enabled", "on");
    moved.set("matrix.server_name", "example.org");
    moved.serve();
    world.server = moved;
    world.reach();
    world.compare_snapshot(&told, "after moving");
    world.live(ACTS_AFTER);
    world.everybody_comes_back();
    // What is refused to everybody tries nothing.
    println!("done, and refused: {:?}", world.done);
    let done: usize = world.done.values().map(|(done, _)| done).sum();
    assert!(done > 20, "seed {seed}");
}
