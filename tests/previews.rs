//! Previews of links: what the server asks pages for, and whom it tells.

use serde_json::{Value, json};

use crate::common::pages::Pages;
use crate::common::{Person, Reply, Server};

/// A server that asks pages by this proxy.
fn server(pages: &Pages) -> Server {
    Server::with(&[("web.previews", "on"), ("outbound.proxy", &pages.proxy())])
}

fn rich(person: &mut Person, method: &str, data: &Value) -> Reply {
    person.ask_with_meta(method, data, &json!({"accept": ["rich"]}))
}

fn preview(person: &mut Person, url: &str) -> Reply {
    rich(person, "preview", &json!({"meta": {"url": url}}))
}

#[test]
fn page_is_asked_once_and_goes_with_the_message() {
    let pages = Pages::start();
    let server = server(&pages);
    let mut boris = server.register("boris");
    let mut anna = server.register("anna");
    let family = anna.group("Family", &[&boris]);
    let url = "http://8.8.8.8/lake";
    let found = preview(&mut anna, url).is(200);
    let meta = &found.data()["meta"];
    assert_eq!(meta["title"], "Lake Ladoga");
    assert_eq!(meta["text"], "The largest lake of Europe");
    assert_eq!(meta["site"], "Lakes");
    let asked = pages.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].contains(" preview\r\n"), "{}", asked[0]);
    assert!(!asked[0].to_lowercase().contains("cookie"), "{}", asked[0]);
    // Asked again, it is known; to somebody else it is not.
    assert_eq!(
        preview(&mut anna, url).is(200).data()["meta"]["id"],
        meta["id"]
    );
    assert!(pages.asked().is_empty());

    let message = |id: &Value| {
        json!({"flow": [{"uuid": family}], "message": [{"text": format!("Look: {url}")}],
               "meta": {"about": {"preview": {"id": id, "title": "forged"}}}})
    };
    let sent = rich(&mut anna, "send_message", &message(&meta["id"])).is(200);
    let uuid = sent.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    let expected = json!({"url": url, "title": "Lake Ladoga", "text": "The largest lake of Europe", "site": "Lakes"});
    assert_eq!(sent.data()["meta"]["about"][&uuid]["preview"], expected);
    let page = json!({"flow": [{"uuid": family, "message_start": 0, "message_end": 9}]});
    let read = rich(&mut boris, "all_messages", &page).is(200);
    assert_eq!(read.data()["meta"]["about"][&uuid]["preview"], expected);
    // Plain clients see what was written, and nothing else.
    let plain = boris.ask("all_messages", &page).is(200);
    assert!(!plain.frame().to_string().contains("Ladoga"), "{plain:?}");
    // Forwarded, it goes along, beside what it answers.
    let forward = json!({"flow": [{"uuid": family}], "message": [{}],
        "meta": {"about": {"forward": {"uuid": uuid}, "reply": {"uuid": uuid}}}});
    let forwarded = rich(&mut boris, "send_message", &forward).is(200);
    let copy = forwarded.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    let about = &forwarded.data()["meta"]["about"][&copy];
    assert_eq!(about["preview"], expected);
    assert_eq!(about["reply"]["uuid"], json!(uuid));
    // Another's id, or one that never was, keeps no message back.
    let theirs = rich(&mut boris, "send_message", &message(&meta["id"])).is(200);
    assert!(!theirs.frame().to_string().contains("Ladoga"), "{theirs:?}");
    // Nothing is left of it once the message is deleted.
    let gone = json!({"flow": [{"uuid": family}], "message": [{"uuid": uuid}]});
    anna.ask("delete_message", &gone).is(200);
    let read = rich(&mut boris, "all_messages", &page).is(200);
    assert_eq!(read.data()["meta"]["about"][&uuid]["preview"], Value::Null);
    assert!(pages.asked().is_empty(), "whoever reads asks nothing");
}

#[test]
fn only_the_web_is_asked() {
    let pages = Pages::start();
    let server = server(&pages);
    let mut anna = server.register("anna");
    preview(&mut anna, "http://8.8.8.8/moved").is(200);
    assert_eq!(pages.asked().len(), 2);
    for refused in [
        "http://127.0.0.1/lake",
        "http://10.0.0.1/lake",
        "http://[::1]/lake",
        "http://169.254.169.254/latest/meta-data/",
        "http://8.8.8.8:8080/lake",
        "http://anna:secret@8.8.8.8/lake",
        "ftp://8.8.8.8/lake",
        "file:///etc/passwd",
        "lake",
        "",
    ] {
        let reply = preview(&mut anna, refused);
        assert!([404, 415].contains(&reply.code()), "{refused}: {reply:?}");
    }
    assert!(pages.asked().is_empty());
    for nothing in ["inside", "port", "picture", "none", "gone"] {
        preview(&mut anna, &format!("http://8.8.8.8/{nothing}")).is(404);
        assert_eq!(pages.asked().len(), 1, "{nothing}");
        // That nothing was found is known as well.
        preview(&mut anna, &format!("http://8.8.8.8/{nothing}")).is(404);
        assert!(pages.asked().is_empty(), "{nothing}");
    }
}

#[test]
fn pages_are_asked_so_often_and_no_more() {
    let pages = Pages::start();
    let server = server(&pages);
    let mut anna = server.register("anna");
    for n in 0..60 {
        preview(&mut anna, &format!("http://8.8.8.8/lake?{n}")).is(200);
    }
    let refused = preview(&mut anna, "http://8.8.8.8/lake?one").is(429);
    assert_eq!(refused.refusal()["key"], "too_soon");
    // What is known can still be had.
    preview(&mut anna, "http://8.8.8.8/lake?3").is(200);
    let mut boris = server.register("boris");
    preview(&mut boris, "http://8.8.8.8/lake?one").is(200);
}

#[test]
fn no_page_is_asked_unless_that_is_switched_on() {
    let pages = Pages::start();
    let server = Server::with(&[("outbound.proxy", &pages.proxy())]);
    let mut anna = server.register("anna");
    let refused = preview(&mut anna, "http://8.8.8.8/lake").is(403);
    assert_eq!(refused.refusal()["key"], "previews_off");
    // The method is there for every client.
    anna.ask("preview", &json!({"meta": {"url": "https://example.org"}}))
        .is(403);
    let can = rich(&mut anna, "subscribe", &json!({})).is(200).data()["meta"]["me"]["can"].clone();
    assert!(!can.to_string().contains("preview"), "{can}");
    assert!(pages.asked().is_empty());
}
