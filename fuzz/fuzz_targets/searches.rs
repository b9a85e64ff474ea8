//! Any text as what is searched for, and as what is there to be found: an answer, whatever the text
//! means to the full-text engine, and a message is found by its own words.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::{Value, json};

mod stage;

use stage::{Scene, Stage};

/// Longest text that is tried; longer ones only take longer.
const MAX_BYTES: usize = 400;

async fn ask(scene: &mut Scene, method: &str, data: Value) -> u16 {
    let mut request = json!({"type": method, "data": data, "jsonapi": {"version": "1.0"}});
    request["data"]["user"] = json!([{"login": "anna", "uuid": "1", "auth_id": "x"}]);
    scene.cast.bind(&mut request, &mut scene.rng);
    let mut session = scene.session();
    scene
        .ask(&mut session, request.to_string().into_bytes())
        .await
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    Stage::set(async |scene, input: Vec<u8>| {
        let Some((first, bytes)) = input.split_first() else {
            return;
        };
        let text = String::from_utf8_lossy(bytes).into_owned();
        if first % 8 == 0 {
            ask(
                scene,
                "add_flow",
                json!({"flow": [{"type": "group", "title": "G", "users": []}]}),
            )
            .await;
        }
        if first % 4 < 2 {
            let message =
                json!({"flow": [{"uuid": "1"}], "message": [{"client_id": 1, "text": text}]});
            ask(scene, "send_message", message).await;
        }
        let query = match first % 3 {
            0 => json!({"meta": {"query": text}}),
            1 => json!({"meta": {"query": format!("\"{text}\"")}}),
            _ => json!({"meta": {"query": text}, "flow": [{"uuid": "1"}]}),
        };
        ask(scene, "find_message", query).await;
        ask(scene, "find_user", json!({"meta": {"query": text}})).await;
    })
});

fuzz_target!(|data: &[u8]| -> Corpus {
    if data.is_empty() || data.len() > MAX_BYTES {
        return Corpus::Reject;
    }
    STAGE.take(data);
    Corpus::Keep
});
