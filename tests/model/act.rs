//! What people do at random.

use std::{thread, time::Instant};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::Scale;
use crate::common::{Connection, Person};

/// A picture, in base64.
const PICTURE: &str = "iVBORw0KGgowMTIzNDU2Nzg5";

/// Does random things; refusals are part of life, failures of the server are not.
pub(super) fn act(
    mut actor: Person,
    port: u16,
    scale: &Scale,
    flows: &[String],
    people: &[String],
    seed: u64,
) -> Person {
    let mut random = StdRng::seed_from_u64(seed);
    let mut sent = Vec::new();
    let begun = Instant::now();
    for n in 0.. {
        if n >= scale.acts && begun.elapsed() >= scale.lasts {
            break;
        }
        thread::sleep(scale.rest.mul_f64(random.random_range(0.0..2.0)));
        if random.random_ratio(1, 50) {
            actor = actor.on(Connection::open(port));
        }
        let flow = &flows[random.random_range(0..flows.len())];
        let somebody = &people[random.random_range(0..people.len())];
        let whole = |words: Value| {
            let mut flow = json!({"uuid": flow});
            for (key, value) in words.as_object().into_iter().flatten() {
                flow[key] = value.clone();
            }
            json!({"flow": [flow]})
        };
        let meta = |meta: Value| json!({"flow": [{"uuid": flow}], "meta": meta});
        let message = sent.get(random.random_range(0..=sent.len()));
        let (method, data) = match (random.random_range(0..28), message) {
            (0..10, _) | (_, None) => {
                let text = format!("{}: {n}", actor.login);
                let mut message = json!({"text": text});
                if random.random_ratio(1, 10) {
                    message["file_picture"] =
                        json!(format!("{PICTURE}{}", "MDEy".repeat(n % 2000)));
                }
                (
                    "send_message",
                    json!({"flow": [{"uuid": flow}], "message": [message]}),
                )
            }
            (10..13, Some(message)) => {
                let edit = json!({"message": [{"uuid": message, "text": format!("edited {n}")}]});
                ("edited_message", edit)
            }
            (13, Some(message)) => ("delete_message", json!({"message": [{"uuid": message}]})),
            (14, _) => ("edit_flow", whole(json!({"title": format!("title {n}")}))),
            (15, _) => ("edit_flow", whole(json!({"info": format!("info {n}")}))),
            (16, _) => {
                let users = people.iter().filter(|_| random.random_ratio(2, 3));
                let users: Vec<_> = users.collect();
                ("edit_flow", whole(json!({"users": users})))
            }
            (17..20, _) => ("edit_flow", meta(json!({"add": [somebody]}))),
            (20..22, _) => ("edit_flow", meta(json!({"remove": [somebody]}))),
            (22, _) => {
                let level = if random.random_ratio(2, 3) { 50 } else { 0 };
                ("edit_flow", meta(json!({"levels": {somebody: level}})))
            }
            (23, _) => {
                let timer = random.random_range(0..3) * 86_400;
                ("edit_flow", meta(json!({"expire": timer})))
            }
            (24, _) => {
                let on: bool = random.random();
                let pin = if on { "owner" } else { "members" };
                ("edit_flow", meta(json!({"protect": on, "pin": pin})))
            }
            (25, _) => ("leave_flow", whole(json!({}))),
            (26, _) => {
                let end = random.random_range(0..20);
                ("read_flow", whole(json!({"message_end": end})))
            }
            _ => (
                "edit_user",
                json!({"user": [{"username": format!("name {n}")}]}),
            ),
        };
        let reply = actor.ask(method, &data);
        assert!(matches!(reply.code(), 200 | 403 | 404), "{reply}");
        if method == "send_message"
            && let Some(message) = reply.messages().first()
        {
            sent.push(message["uuid"].as_str().expect("an id").to_owned());
        }
    }
    actor
}
