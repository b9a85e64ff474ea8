//! Messages: sending, history by ranges, editing, files.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::common::Server;

/// The sizes of a flow at which paging can go wrong.
const SIZES: [usize; 6] = [0, 1, 99, 100, 101, 256];

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

#[test]
fn a_message_is_answered_with_its_id_and_kept_as_sent() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let text = "Привет, \u{1f44b}\n\t\"quoted\" \\ \u{0}\u{202e}";
    let sent = json!({"client_id": 123, "text": text, "emoji": "c21pbGU=", "file_document": "not base64 ✓"});
    let reply = anna
        .ask(
            "send_message",
            &json!({"flow": [{"uuid": group}], "message": [sent]}),
        )
        .is(200);
    let answer = &reply.messages()[0];
    assert_eq!(answer["client_id"], 123);
    assert_eq!(answer["from_user"], json!(anna.id));
    assert_eq!(answer["from_flow"], json!(group));
    let page = anna.page(&group, None).is(200);
    let kept = &page.messages()[0];
    assert_eq!(kept["uuid"], answer["uuid"]);
    assert_eq!(kept["text"], text);
    assert_eq!(kept["emoji"], "c21pbGU=");
    assert_eq!(
        kept["file_document"], "not base64 ✓",
        "opaque text comes back exactly"
    );
    assert_eq!(kept["from_user"], json!(anna.id));
    assert_eq!(kept["from_flow"], json!(group));
    assert!(
        kept["time"]
            .as_u64()
            .is_some_and(|time| time <= page.time()),
        "{page}"
    );
    assert!(
        !matches!(kept["edited_status"], Value::Bool(true)),
        "{page}"
    );
}

#[test]
fn client_ids_are_echoed_and_are_no_keys() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let mut ids = Vec::new();
    for client_id in [
        json!(1),
        json!(1),
        json!(null),
        json!(0),
        json!(-5),
        json!(i64::from(u32::MAX)),
    ] {
        let data =
            json!({"flow": [{"uuid": group}], "message": [{"client_id": client_id, "text": "x"}]});
        let reply = anna.ask("send_message", &data).is(200);
        assert_eq!(reply.messages()[0]["client_id"], client_id);
        ids.push(reply.messages()[0]["uuid"].clone());
    }
    ids.sort_by_key(ToString::to_string);
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

#[test]
fn a_message_has_text_or_a_file() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let mut send = |message: Value| {
        anna.ask(
            "send_message",
            &json!({"flow": [{"uuid": group}], "message": [message]}),
        )
        .code()
    };
    assert_eq!(send(json!({"client_id": 1})), 400);
    assert_eq!(send(json!({"client_id": 1, "text": ""})), 400);
    for file in ["file_picture", "file_video", "file_audio", "file_document"] {
        assert_eq!(send(json!({file: "eA=="})), 200, "{file}");
    }
}

#[test]
fn bytes_come_back_as_base64() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let bytes: Vec<u8> = (0..=255).collect();
    let data = json!({"flow": [{"uuid": group}], "message": [{"file_picture": bytes, "file_audio": [], "text": "x"}]});
    anna.ask("send_message", &data).is(200);
    let page = anna.page(&group, None).is(200);
    let picture = page.messages()[0]["file_picture"]
        .as_str()
        .expect("text")
        .to_owned();
    assert!(
        picture.starts_with("AAECAwQF") && picture.len() == 344,
        "{picture}"
    );
}

#[test]
fn history_pages_at_every_size() {
    let server = Server::start();
    let mut anna = server.register("anna");
    for size in SIZES {
        let group = anna.group("G", &[]);
        anna.send_many(&group, numbers(0..size));
        let page = anna.page(&group, None);
        assert_eq!(page.code(), if size > 100 { 206 } else { 200 }, "{size}");
        assert_eq!(page.texts(), numbers(0..size.min(100)), "{size}");
        let flow = &page.flows()[0];
        assert_eq!(flow["uuid"], json!(group));
        if size > 100 {
            assert_eq!(flow["message_end"], json!(size), "the total");
            assert!(flow["message_start"].is_u64(), "{flow}");
        } else {
            assert!(
                flow["message_start"].is_null() && flow["message_end"].is_null(),
                "{flow}"
            );
        }
        assert_eq!(anna.texts(&group), numbers(0..size), "page by page");
    }
}

#[test]
fn ranges_are_inclusive_and_cut_at_the_limit() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send_many(&group, numbers(0..256));
    for (start, end, expected) in [
        (0, 0, 0..1),
        (0, 99, 0..100),
        (0, 100, 0..100),
        (1, 100, 1..101),
        (100, 199, 100..200),
        (100, 200, 100..200),
        (200, 255, 200..256),
        (200, 300, 200..256),
        (255, 255, 255..256),
        (256, 300, 0..0),
        (1_000_000, 1_000_000, 0..0),
    ] {
        let page = anna.page(&group, Some((start, end)));
        assert_eq!(page.texts(), numbers(expected), "{start}-{end}");
        assert_eq!(
            page.code(),
            206,
            "{start}-{end}: the flow has more than one answer holds"
        );
        assert_eq!(page.flows()[0]["message_end"], 256, "{start}-{end}");
    }
    for (start, end) in [
        (-1, 5),
        (0, -1),
        (-5, -1),
        (5, 4),
        (0, 101),
        (100, 201),
        (i64::MIN, 0),
        (0, i64::MAX),
    ] {
        anna.page(&group, Some((start, end))).is(403);
    }
    let only = |key: &str, n: i64| json!({"flow": [{"uuid": group, key: n}]});
    let reply = anna.ask("all_messages", &only("message_start", 250));
    assert_eq!(reply.texts(), numbers(250..256));
    let reply = anna.ask("all_messages", &only("message_end", 3));
    assert_eq!(reply.texts(), numbers(0..4));
}

#[test]
fn a_small_flow_answers_ranges_with_200() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send_many(&group, numbers(0..5));
    for (start, end, expected) in [(0, 99, 0..5), (3, 3, 3..4), (4, 100, 4..5), (5, 9, 0..0)] {
        let page = anna.page(&group, Some((start, end))).is(200);
        assert_eq!(page.texts(), numbers(expected), "{start}-{end}");
    }
}

#[test]
fn the_limit_of_messages_is_configurable() {
    let server = Server::with(&[("limits.messages", "10")]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send_many(&group, numbers(0..25));
    assert_eq!(anna.page(&group, None).is(206).texts(), numbers(0..10));
    assert_eq!(
        anna.page(&group, Some((20, 30))).is(206).texts(),
        numbers(20..25)
    );
    anna.page(&group, Some((0, 11))).is(403);
}

#[test]
fn walking_in_random_steps_meets_every_message_once() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send_many(&group, numbers(0..256));
    let anna = std::cell::RefCell::new(anna);
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    });
    let steps = proptest::collection::vec(0..=100i64, 1..40);
    let walk = |steps: Vec<i64>| {
        let mut met = Vec::new();
        let mut steps = steps.into_iter().chain(std::iter::repeat(99));
        for _ in 0..300 {
            let start = i64::try_from(met.len()).expect("few");
            let page = anna.borrow_mut().page(
                &group,
                Some((start, start + steps.next().expect("endless"))),
            );
            if page.messages().is_empty() {
                break;
            }
            met.extend(page.texts().iter().map(|text| (*text).to_owned()));
        }
        prop_assert_eq!(met, numbers(0..256));
        Ok(())
    };
    runner
        .run(&steps, walk)
        .expect("every walk meets everything");
}

#[test]
fn an_answer_stops_at_its_bytes() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    // Three messages of 3 MiB are more than the 8 MiB of an answer.
    let file = "x".repeat(3 << 20);
    for n in 0..6 {
        let data = json!({"flow": [{"uuid": group}], "message": [{"text": n.to_string(), "file_document": file}]});
        anna.ask("send_message", &data).is(200);
    }
    let page = anna.page(&group, None).is(206);
    assert!(
        (1..=3).contains(&page.messages().len()),
        "{}",
        page.messages().len()
    );
    assert_eq!(
        page.flows()[0]["message_end"],
        6,
        "the total, so that the client goes on"
    );
    assert_eq!(anna.texts(&group), numbers(0..6));
    let update = anna
        .ask("get_update", &json!({"meta": {"after": null}}))
        .is(206);
    assert!(update.frame().to_string().len() < 12 << 20);
}

#[test]
fn a_single_message_larger_than_an_answer_still_comes() {
    let server = Server::with(&[("limits.answer", "1MB")]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    for n in 0..3 {
        let file = "y".repeat(2 << 20);
        let data = json!({"flow": [{"uuid": group}], "message": [{"text": n.to_string(), "file_video": file}]});
        anna.ask("send_message", &data).is(200);
    }
    assert_eq!(anna.page(&group, None).is(206).messages().len(), 1);
    assert_eq!(anna.texts(&group), numbers(0..3));
}

#[test]
fn time_leaves_out_what_is_older() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send(&group, "x");
    let time = anna.page(&group, None).messages()[0]["time"]
        .as_u64()
        .expect("a time");
    let mut since = |time: u64| {
        anna.ask(
            "all_messages",
            &json!({"time": time, "flow": [{"uuid": group}]}),
        )
        .texts()
        .len()
    };
    assert_eq!(since(0), 1);
    assert_eq!(since(time), 1, "at or after");
    assert_eq!(since(time + 1), 0);
}

#[test]
fn an_edit_changes_what_it_names_and_is_marked() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let data =
        json!({"flow": [{"uuid": group}], "message": [{"text": "old", "file_picture": "b2xk"}]});
    let id = anna.ask("send_message", &data).messages()[0]["uuid"]
        .as_str()
        .expect("id")
        .to_owned();
    let reply = anna.edit(&id, "new").is(200);
    assert!(reply.data().is_null(), "{reply}");
    let page = anna.page(&group, None);
    let message = &page.messages()[0];
    assert_eq!(message["text"], "new");
    assert_eq!(message["file_picture"], "b2xk", "what is absent stays");
    assert_eq!(message["edited_status"], true);
    assert!(
        message["edited_time"].as_u64() >= message["time"].as_u64(),
        "{page}"
    );
    anna.ask(
        "edited_message",
        &json!({"message": [{"uuid": id, "file_picture": "bmV3"}]}),
    )
    .is(200);
    let page = anna.page(&group, None);
    assert_eq!(page.messages()[0]["file_picture"], "bmV3");
    assert_eq!(page.messages()[0]["text"], "new");
}

#[test]
fn a_deleted_message_stays_a_deleted_message() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let data = json!({"flow": [{"uuid": group}], "message": [{"text": "secret", "file_picture": "c2VjcmV0", "emoji": "eA=="}]});
    let id = anna.ask("send_message", &data).messages()[0]["uuid"]
        .as_str()
        .expect("id")
        .to_owned();
    anna.send(&group, "next");
    anna.delete(&id).is(200);
    anna.delete(&id).is(200);
    anna.edit(&id, "back").is(404);
    let page = anna.page(&group, None);
    assert_eq!(
        page.texts(),
        ["Message deleted", "next"],
        "its number stays"
    );
    let message = &page.messages()[0];
    assert!(
        matches!(message["file_picture"].as_str(), None | Some("")),
        "{page}"
    );
    assert_eq!(message["edited_status"], true);
    assert!(message["edited_time"].as_u64().is_some(), "{page}");
}

#[test]
fn messages_that_are_not_there_are_404() {
    let server = Server::start();
    let mut anna = server.register("anna");
    for id in ["1", "0", "340282366920938463463374607431768211455"] {
        anna.edit(id, "x").is(404);
        anna.delete(id).is(404);
    }
    for data in [json!({}), json!({"message": []}), json!({"message": [{}]})] {
        anna.ask("edited_message", &data).is(400);
        anna.ask("delete_message", &data).is(400);
    }
}

#[test]
fn a_user_may_send_the_words_of_a_deleted_message() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let id = anna.send(&group, "Message deleted");
    anna.edit(&id, "it was only text").is(200);
    assert_eq!(anna.texts(&group), ["it was only text"]);
}
