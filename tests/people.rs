//! What people are to each other: pictures, privacy, blocking, being asked, being seen.

use serde_json::{Value, json};

use crate::{
    common::{Person, Reply, Server},
    push::{subscribe, told},
};

const NOTHING: Value = Value::Null;

/// A picture that is one by its first bytes, in base64.
const PNG: &str = "iVBORw0KGgoAAAAA";

/// Sends a request that accepts `rich`.
#[track_caller]
fn rich(person: &mut Person, method: &str, data: &Value) -> Reply {
    person.ask_with_meta(method, data, &json!({"accept": ["rich"]}))
}

#[test]
fn avatars_are_named_beside_users_and_by_another_id_after_each_change() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    rich(&mut boris, "subscribe", &NOTHING).is(200);
    let mut plain = boris.on(server.connect());
    subscribe(&mut plain);
    let (a, b) = (anna.id.clone(), boris.id.clone());
    let both = json!({"user": [{}, {"uuid": a}, {"uuid": b}]});
    let reply = rich(&mut anna, "user_info", &both).is(200);
    assert_eq!(reply.data()["meta"]["avatars"], json!({&a: null, &b: null}));

    let mut ids = Vec::new();
    for avatar in [PNG, PNG, "bm8gcGljdHVyZQ=="] {
        let change = json!({"user": [{"avatar": avatar}]});
        let reply = rich(&mut anna, "edit_user", &change).is(200);
        let file = &reply.data()["meta"]["avatars"][&a];
        assert_eq!(file["kind"], "picture", "{reply}");
        let is_png = avatar == PNG;
        assert_eq!(file["size"], if is_png { 12 } else { 10 }, "{reply}");
        assert_eq!(file["type"].as_str(), is_png.then_some("image/png"));
        let id = file["id"].as_str().expect("an id").to_owned();
        assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()));
        let push = told(&mut boris);
        assert_eq!(push.data()["meta"]["avatars"], json!({&a: file}), "{push}");
        assert!(push.users()[0].get("avatar").is_none(), "{push}");
        assert_eq!(told(&mut plain).users()[0]["avatar"], json!(avatar));
        assert!(!ids.contains(&id), "another id: {id}");
        ids.push(id);
    }
    let last = ids.last().expect("three");
    for (method, data) in [
        ("find_user", json!({"meta": {"query": "anna"}})),
        ("get_update", json!({"meta": {"after": null}})),
        ("get_update", json!({"time": 0})),
    ] {
        let reply = rich(&mut boris, method, &data).is(200);
        assert_eq!(reply.data()["meta"]["avatars"][&a]["id"], json!(last));
        assert!(
            reply
                .users()
                .iter()
                .all(|user| user.get("avatar").is_none())
        );
        let reply = boris.ask(method, &data).is(200);
        assert!(reply.data()["meta"]["avatars"].is_null(), "{reply}");
        let of_anna = reply.users().iter().find(|user| user["uuid"] == json!(a));
        assert_eq!(of_anna.expect("anna")["avatar"], "bm8gcGljdHVyZQ==");
    }
    let reply = rich(&mut anna, "edit_user", &json!({"user": [{"avatar": ""}]})).is(200);
    assert_eq!(reply.data()["meta"]["avatars"], json!({&a: null}));
}
