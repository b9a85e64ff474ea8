//! Any bytes as a request: one answer, as the protocol says. What was done before stays in the
//! database, so a crash may need the inputs before it as well.
#![no_main]

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use libfuzzer_sys::{Corpus, fuzz_target};
use morelia::{
    config::{ApiVersion, Registration},
    hub::QueueLimits,
    protocol::{Conversation as _, Frame, mtp},
    service::{Client, Limits, Service, Settings},
    store::{Durability, Options, Store},
};
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::runtime::Runtime;

#[path = "../../tests/mutations/cast.rs"]
mod cast;
#[path = "../../tests/mutations/oracle.rs"]
#[allow(dead_code, reason = "the driver in tests/ judges pushed frames as well")]
mod oracle;

use cast::Cast;

struct Stage {
    _folder: tempfile::TempDir,
    runtime: Runtime,
    service: Arc<Service>,
    cast: std::sync::Mutex<(Cast, StdRng)>,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let options = Options {
        path: folder.path().join("morelia.db"),
        durability: Durability::Normal,
    };
    Store::prepare(&options.path).expect("a database");
    let settings = Settings {
        registration: Registration::Open,
        registrations: 0,
        token_ttl: std::time::Duration::from_secs(1 << 20),
        login_attempts: 10,
        login_window: std::time::Duration::from_secs(60),
        members_invite: true,
        limits: Limits {
            messages: 10,
            users: 100,
            text_bytes: 1 << 16,
            files_bytes: 1 << 20,
            answer_bytes: 1 << 20,
            requests_per_second: 0,
            burst: 1,
        },
        queue: QueueLimits {
            frames: 16,
            bytes: 1 << 20,
        },
    };
    let (service, cast) = runtime.block_on(async {
        let service = Service::start(&options, settings).expect("a service");
        let cast = Cast::assemble(&service).await;
        (service, cast)
    });
    let rng = StdRng::seed_from_u64(0);
    Stage {
        _folder: folder,
        runtime,
        service,
        cast: std::sync::Mutex::new((cast, rng)),
    }
});

fuzz_target!(|data: &[u8]| -> Corpus {
    // Passwords take tens of milliseconds each; the driver in tests/ covers them.
    if data.windows(8).any(|word| word == b"password") {
        return Corpus::Reject;
    }
    let Some((first, bytes)) = data.split_first() else {
        return Corpus::Reject;
    };
    let stage = &*STAGE;
    let mut guard = stage.cast.lock().expect("alive");
    let (cast, rng) = &mut *guard;
    stage.runtime.block_on(async {
        let version = |text: &str| ApiVersion::read(text).expect("a version");
        let settings = mtp::Settings {
            min_version: version("1.0"),
            max_version: version("1.9"),
        };
        let mut session =
            mtp::Session::new(Arc::clone(&stage.service), settings, Client::default());
        let bytes = match serde_json::from_slice(bytes) {
            // Ids and tokens that exist lead behind the checks; without them the text stays as
            // odd as it is.
            Ok(mut value) if first % 2 == 0 => {
                cast.bind(&mut value, rng);
                value.to_string().into_bytes()
            }
            _ => bytes.to_vec(),
        };
        let frame = match String::from_utf8(bytes) {
            Ok(text) => Frame::Text(Bytes::from(text)),
            Err(err) => Frame::Binary(Bytes::from(err.into_bytes())),
        };
        let answer = session.answer(frame).await;
        if let Err(what) = oracle::judge(&answer) {
            panic!("{what}");
        }
        if let Some(Frame::Text(text)) = &answer.frame {
            cast.learn(text, rng);
        }
        // Who was logged out comes back.
        let ping = Bytes::from(cast.ping(rng).to_string());
        let answer = session.answer(Frame::Text(ping)).await;
        match oracle::judge(&answer) {
            Ok(200) => {}
            Ok(401) => cast.replace_lost(&stage.service).await,
            other => panic!("a ping: {other:?}"),
        }
    });
    Corpus::Keep
});
