//! Any bytes as a request: one answer, as the protocol says.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};

mod stage;

use stage::Stage;

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    Stage::set(async |scene, input: Vec<u8>| {
        let Some((first, bytes)) = input.split_first() else {
            return;
        };
        let bytes = match serde_json::from_slice(bytes) {
            // Ids and tokens that exist lead behind the checks; without them the text stays as
            // odd as it is.
            Ok(mut value) if first % 2 == 0 => {
                scene.cast.bind(&mut value, &mut scene.rng);
                value.to_string().into_bytes()
            }
            _ => bytes.to_vec(),
        };
        let mut session = scene.session();
        scene.ask(&mut session, bytes).await;
        // Who was logged out comes back.
        let ping = scene.cast.ping(&mut scene.rng).to_string().into_bytes();
        match scene.ask(&mut session, ping).await {
            200 => {}
            401 => scene.cast.replace_lost(&scene.service).await,
            other => panic!("a ping: {other}"),
        }
    })
});

fuzz_target!(|data: &[u8]| -> Corpus {
    // Passwords take tens of milliseconds each; the driver in tests/ covers them.
    if data.is_empty() || data.windows(8).any(|word| word == b"password") {
        return Corpus::Reject;
    }
    STAGE.take(data);
    Corpus::Keep
});
