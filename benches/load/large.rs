//! What is large: the list of many large flows, a large file that is edited often, a word that many
//! messages have.

use std::{sync::Arc, time::Instant};

use serde_json::{Value, json};

use crate::{
    Effort,
    client::{self, Client},
    drive::{self, Part, Script},
    instructions,
    report::{Row, Target},
    requests,
    seed::{self, EXTRA, PEOPLE},
    server::{Home, Process},
};

/// `all_flow` of somebody in 160 groups of a thousand, in the rich form.
pub(crate) fn all_flow(effort: &Effort) -> Vec<Row> {
    let home = Home::new(1000);
    seed::add(&home.database(), instructions::many_flows);
    let server = home.serve();
    server.settle();
    let frame = instructions::all_flow();
    let bytes = drive::runtime().block_on(async {
        let mut client = Client::open(server.address, None).await;
        client.write(&frame).await;
        client.frame().await.len()
    });
    let script = Script {
        part: Arc::new(move |_| Part {
            first: frame.clone(),
            frames: vec![frame.clone()],
        }),
        checked: true,
        pause: None,
    };
    let times = (0..effort.repetitions).map(|_| {
        let outcome = drive::run(&server, 1, effort.time / 2, &script);
        outcome.quantile_ms(0.5)
    });
    let what = "160 flows of 1,000, rich";
    vec![
        Row::median("all_flow", what, "ms (p50)", times).target(Target::AtMost(5.0)),
        Row::new("all_flow", what, bytes as f64 / 1000.0, "KB").target(Target::AtMost(150.0)),
    ]
}

/// Edits of the message.
const EDITS: usize = 300;

/// Bytes of its file.
const FILE: usize = 10_000_000;

/// Edits of one message with a large file, caught up by position.
pub(crate) fn edits(_effort: &Effort) -> Vec<Row> {
    let home = Home::new(1000);
    let server = home.serve_with(&[
        ("MORELIA__LIMITS__FRAME", "64M"),
        ("MORELIA__LIMITS__FILES", "40M"),
        ("MORELIA__LIMITS__ANSWER", "16M"),
    ]);
    server.settle();
    let (bytes, messages) = drive::runtime().block_on(edit_and_catch_up(&server));
    let seconds = messages.1;
    vec![
        Row::new(
            "edits",
            "300 edits of a message with a file of 10 MB, caught up by position",
            messages.0 as f64,
            "messages told",
        )
        .target(Target::AtMost(1.0)),
        Row::new("edits", "read from files for it", bytes / 1e6, "MB")
            .target(Target::AtMost(30.0))
            .note(format!("{:.0} ms", seconds * 1000.0)),
    ]
}

/// Returns how much was read from files, how many messages were told, and within how many seconds.
async fn edit_and_catch_up(server: &Process) -> (f64, (usize, f64)) {
    let (writer, reader) = (seed::person(0), seed::person(1));
    let mut client = Client::open(server.address, None).await;
    let all = client
        .ask(&client::request("all_flow", &reader.signed(json!({}))))
        .await;
    let mut position = all["data"]["meta"]["position"].clone();
    let message = json!([{"client_id": 1, "text": "0", "file_document": "x".repeat(FILE)}]);
    let flow = json!([{"uuid": seed::family(0)}]);
    let data = writer.signed(json!({"flow": flow, "message": message}));
    let sent = client.ask(&client::request("send_message", &data)).await;
    let uuid = &sent["data"]["message"][0]["uuid"];
    assert!(uuid.is_string(), "{}", sent["errors"]);
    for nth in 1..=EDITS {
        let message = json!([{"uuid": uuid, "text": nth.to_string()}]);
        let data = writer.signed(json!({"message": message}));
        let edited = client.ask(&client::request("edited_message", &data)).await;
        assert_eq!(edited["errors"]["code"], 200, "{edited}");
    }
    let (before, start) = (server.read(), Instant::now());
    let mut told = 0;
    loop {
        let data = reader.signed(json!({"meta": {"after": position}}));
        let answer: Value = client.ask(&client::request("get_update", &data)).await;
        told += answer["data"]["message"].as_array().map_or(0, Vec::len);
        position = answer["data"]["meta"]["position"].clone();
        if answer["errors"]["code"] == 200 {
            break;
        }
    }
    (
        server.read() - before,
        (told, start.elapsed().as_secs_f64()),
    )
}

/// Messages of others.
const OTHERS: u64 = 400_000;

/// A word that many messages have, looked for by somebody who has none of them.
pub(crate) fn search(effort: &Effort) -> Vec<Row> {
    let Some(home) = Home::kept(OTHERS, true) else {
        return Vec::new();
    };
    let stranger = PEOPLE;
    if !home.has_person(stranger) {
        seed::add(&home.database(), |rows| {
            (stranger..stranger + 2).for_each(|number| rows.person(number));
            rows.group(EXTRA, stranger..stranger + 2);
        });
    }
    let server = home.serve();
    server.settle();
    let person = seed::person(stranger);
    let data = json!({"meta": {"query": "завтра"}});
    let frame = client::request("find_message", &person.signed(data));
    let script = Script {
        part: Arc::new(move |_| Part {
            first: requests::ping(&person),
            frames: vec![frame.clone()],
        }),
        checked: true,
        pause: None,
    };
    let times = (0..effort.repetitions)
        .map(|_| drive::run(&server, 1, effort.time / 2, &script).quantile_ms(0.5));
    let what = "a common word by who has none of it, 400,000 messages";
    vec![Row::median("search", what, "ms (p50)", times).target(Target::AtMost(2.0))]
}
