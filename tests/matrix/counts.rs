//! How much is unread: the same in every face, whatever became of the messages.

use serde_json::{Value, json};

use super::{Client, room_of, server};
use crate::{
    about::rich,
    common::{Person, Server, eventually, http},
    expiry::{let_time_pass, timer},
    roles::change,
};

/// What MTP, scripts and Matrix say; null: there is no such conversation.
fn unread(server: &Server, person: &mut Person, flow: &str) -> [Value; 3] {
    let flows = rich(person, "all_flow", &Value::Null).is(200);
    let by_mtp = flows.data()["meta"]["unread"][flow].clone();
    let answer = http::ask(server, "GET", "/api/v1/flows", &http::bearer(person)).is(200);
    let told: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let all = told["flows"].as_array().expect("a list");
    let by_rest = all.iter().find(|it| it["id"] == flow);
    let by_rest = by_rest.map_or(Value::Null, |it| it["unread"].clone());
    let client = Client::sign_in(server, &person.login);
    let told = client.get("sync");
    let by_matrix =
        told["rooms"]["join"][room_of(flow)]["unread_notifications"]["notification_count"].clone();
    [by_mtp, by_rest, by_matrix]
}

#[track_caller]
fn all_say(server: &Server, person: &mut Person, flow: &str, count: &Value) {
    let expected = [count.clone(), count.clone(), count.clone()];
    let said = eventually(|| unread(server, person, flow), |said| *said == expected);
    assert_eq!(said, expected, "MTP, REST, Matrix");
}

#[test]
fn every_face_counts_the_same_unread_messages() {
    let mut server = server();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let flow = anna.group("Family", &[&boris]);
    let sent: Vec<String> = (0..4).map(|n| anna.send(&flow, &n.to_string())).collect();
    all_say(&server, &mut boris, &flow, &json!(4));
    all_say(&server, &mut anna, &flow, &json!(0));
    // What is deleted is not unread.
    anna.delete(&sent[1]).is(200);
    all_say(&server, &mut boris, &flow, &json!(3));
    anna.delete(&sent[3]).is(200);
    all_say(&server, &mut boris, &flow, &json!(2));
    // Neither is what has disappeared.
    timer(&mut anna, &flow, 60);
    anna.send(&flow, "for a minute");
    all_say(&server, &mut boris, &flow, &json!(3));
    server.kill();
    let_time_pass(&server);
    server.serve();
    let (mut anna, mut boris) = (anna.on(server.connect()), boris.on(server.connect()));
    all_say(&server, &mut boris, &flow, &json!(2));
    // Who leaves has nothing of it; who comes back begins anew.
    boris
        .ask("leave_flow", &json!({"flow": [{"uuid": flow}]}))
        .is(200);
    all_say(&server, &mut boris, &flow, &Value::Null);
    timer(&mut anna, &flow, 0);
    anna.send(&flow, "Boris is away");
    change(&mut anna, &flow, &json!({"add": [boris.id]})).is(200);
    all_say(&server, &mut boris, &flow, &json!(0));
    anna.send(&flow, "Welcome back");
    all_say(&server, &mut boris, &flow, &json!(1));
    // What programs write is unread as well, and gone with its deletion.
    boris.send(&flow, "Thanks");
    all_say(&server, &mut boris, &flow, &json!(0));
}
