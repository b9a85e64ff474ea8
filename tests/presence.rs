//! Who is here, and when somebody was last here: told to whom it may be, and to nobody else.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::{
    common::{Person, Reply, Server},
    push::subscribe,
};

const NOTHING: Value = Value::Null;

/// Sends a request that accepts `rich`.
#[track_caller]
fn rich(person: &mut Person, method: &str, data: &Value) -> Reply {
    person.ask_with_meta(method, data, &json!({"accept": ["rich"]}))
}

/// When somebody was last here, as another is told.
#[track_caller]
fn seen(asker: &mut Person, other: &Person) -> Option<i64> {
    let names = json!({"user": [{}, {"uuid": other.id}]});
    let plain = asker.ask("user_info", &names).is(200);
    assert!(plain.data()["meta"].is_null(), "{plain}");
    let reply = rich(asker, "user_info", &names).is(200);
    let list = &reply.data()["meta"]["seen_at"];
    assert!(list.is_object(), "{reply}");
    list[&other.id].as_i64()
}

fn is_now(second: i64) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = i64::try_from(now.expect("after 1970").as_secs()).expect("before the end");
    second % 60 == 0 && (now - 120..=now).contains(&second)
}

fn share(person: &mut Person, on: bool) {
    let change = json!({"meta": {"share_seen": on}});
    person.ask("edit_user", &change).is(200);
}

#[test]
fn who_shares_a_flow_sees_to_the_minute_when_the_other_was_here() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut stranger = server.register("clara");
    anna.group("G", &[&boris]);
    assert!(seen(&mut boris, &anna).is_some_and(is_now), "here now");
    assert_eq!(seen(&mut stranger, &anna), None, "no flow in common");
    let itself = boris.on(server.connect());
    assert_eq!(seen(&mut boris, &itself), None, "oneself");

    // Both ways.
    share(&mut boris, false);
    assert_eq!(seen(&mut boris, &anna), None);
    assert_eq!(seen(&mut anna, &boris), None);
    share(&mut boris, true);
    assert!(seen(&mut anna, &boris).is_some_and(is_now));
    let block = |on: bool| json!({"user": [{}, {"uuid": boris.id}], "meta": {"on": on}});
    anna.ask("block_user", &block(true)).is(200);
    let mut asker = boris.on(server.connect());
    assert_eq!(seen(&mut asker, &anna), None, "blocked");
    assert!(seen(&mut anna, &boris).is_some(), "and not the other way");
    anna.ask("block_user", &block(false)).is(200);

    // Kept over a restart.
    let away = anna.on(server.connect());
    drop(anna);
    assert!(seen(&mut boris, &away).is_some_and(is_now), "just gone");
    server.restart();
    let mut boris = boris.on(server.connect());
    assert!(seen(&mut boris, &away).is_some_and(is_now), "written down");
}

/// The next push about somebody's coming or going, of one user or of several.
#[track_caller]
fn presences(person: &mut Person) -> Vec<Value> {
    loop {
        let push = person.connection.pushed();
        let meta = push.meta();
        if let Some(list) = meta["presences"].as_array() {
            return list.clone();
        }
        if meta["presence"].is_object() {
            return vec![meta["presence"].clone()];
        }
    }
}

#[test]
fn going_is_told_with_the_minute_to_who_accepts_more() {
    let server = Server::start();
    let mut anna = server.register("anna");
    anna.ask("ping_pong", &NOTHING).is(200);
    let mut boris = server.register("boris");
    let mut clara = server.register("clara");
    let mut dora = server.register("dora");
    boris.group("G", &[&anna, &clara, &dora]);
    share(&mut dora, false);
    rich(&mut boris, "subscribe", &NOTHING).is(200);
    rich(&mut dora, "subscribe", &NOTHING).is(200);
    subscribe(&mut clara);
    let id = anna.id.clone();
    drop(anna);
    let of_anna = |person: &mut Person| loop {
        let list = presences(person);
        let found = list
            .into_iter()
            .find(|it| it["user"] == json!(id) && it["online"] == json!(false));
        if let Some(found) = found {
            return found;
        }
    };
    let told = of_anna(&mut boris);
    assert!(told["seen_at"].as_i64().is_some_and(is_now), "{told}");
    assert_eq!(of_anna(&mut clara), json!({"user": id, "online": false}));
    assert_eq!(of_anna(&mut dora), json!({"user": id, "online": false}));
}

#[test]
fn many_who_come_at_once_are_each_told_once() {
    const MANY: usize = 20;
    let server = Server::start();
    let mut anna = server.register("anna");
    let come = |mut person: Person| {
        person.ask("ping_pong", &NOTHING).is(200);
        person
    };
    let people = (0..MANY).map(|n| server.register(&format!("user{n}")));
    let people: Vec<Person> = people.map(come).collect();
    let others: Vec<&Person> = people.iter().collect();
    // More than one flow in common.
    anna.group("One", &others);
    anna.group("Other", &others);
    let mut plain = anna.on(server.connect());
    rich(&mut anna, "subscribe", &NOTHING).is(200);
    subscribe(&mut plain);
    let ids: Vec<String> = people.iter().map(|person| person.id.clone()).collect();
    let away: Vec<Person> = people
        .into_iter()
        .map(|person| person.on(server.connect()))
        .collect();
    let mut changes = |online: bool| {
        for person in [&mut anna, &mut plain] {
            let mut told: BTreeMap<String, usize> = BTreeMap::new();
            while told.len() < MANY {
                for presence in presences(person) {
                    if presence["online"] == json!(online) {
                        let user = presence["user"].as_str().expect("an id").to_owned();
                        *told.entry(user).or_default() += 1;
                    }
                }
            }
            assert!(ids.iter().all(|id| told.get(id) == Some(&1)), "{told:?}");
        }
    };
    changes(false);
    std::thread::sleep(Duration::from_secs(5));
    let back: Vec<Person> = away.into_iter().map(come).collect();
    changes(true);
    drop(back);
}
