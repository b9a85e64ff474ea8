//! A service with people on it, on a thread of its own, which takes one input after the other. What
//! was done before stays in the database, so a crash may need the inputs before it as well.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use morelia::{
    admin::error::CliError,
    app,
    config::{Config, Durability, Registration},
    model::Neighbourhood,
    protocol::{Conversation as _, Frame, mtp},
    service::{Client, Service},
    store::Store,
};
use rand::{SeedableRng as _, rngs::StdRng};

#[path = "../../../tests/mutations/cast.rs"]
pub mod cast;
#[path = "../../../tests/mutations/oracle.rs"]
#[allow(
    dead_code,
    reason = "the driver in tests/ judges pushed frames as well"
)]
pub mod oracle;

use cast::Cast;

/// Returns an address of a network, another one for each of the first numbers.
fn neighbour([a, b, c]: [u8; 3], number: u32) -> Neighbourhood {
    let last = u8::try_from(number % 250).unwrap_or_default();
    IpAddr::from([a, b, c, last]).into()
}

/// What an input is tried on.
pub struct Scene {
    pub service: Arc<Service>,
    pub cast: Cast,
    pub rng: StdRng,
}

impl Scene {
    /// A conversation over a connection of its own.
    pub fn session(&self) -> mtp::Session {
        let api = Config::default().api;
        let settings = mtp::Settings {
            min_version: api.min_version,
            max_version: api.max_version,
        };
        mtp::Session::new(Arc::clone(&self.service), settings, Client::default())
    }

    /// Sends a request, judges the answer, and returns its code.
    pub async fn ask(&mut self, session: &mut mtp::Session, bytes: Vec<u8>) -> u16 {
        let frame = match String::from_utf8(bytes) {
            Ok(text) => Frame::Text(text.into()),
            Err(err) => Frame::Binary(err.into_bytes().into()),
        };
        let answer = session.answer(frame).await;
        let code = match oracle::judge(&answer) {
            Ok(code) => code,
            Err(what) => panic!("{what}"),
        };
        if let Some(Frame::Text(text)) = &answer.frame {
            self.cast.learn(text, &mut self.rng);
        }
        code
    }
}

/// The thread, as those see it who give it inputs.
pub struct Stage {
    ends: Mutex<(SyncSender<Vec<u8>>, Receiver<()>)>,
}

impl Stage {
    /// Sets the stage; `play` is called for each input.
    pub fn set(mut play: impl AsyncFnMut(&mut Scene, Vec<u8>) + Send + 'static) -> Self {
        let (give, inputs) = sync_channel::<Vec<u8>>(0);
        let (tell, done) = sync_channel(0);
        thread::spawn(move || {
            let folder = tempfile::tempdir().expect("a folder");
            let database = folder.path().join("morelia.db");
            Store::prepare(&database).expect("a database");
            let mut config = Config::default();
            config.database.durability = Durability::Normal;
            config.auth.registration = Registration::Open;
            config.limits.requests_per_second = 1_000_000;
            config.limits.burst = 1_000_000;
            config.limits.messages = 10;
            app::with_service(&database, &config, async |service| {
                let cast = Cast::assemble(&service).await;
                let rng = StdRng::seed_from_u64(0);
                let mut scene = Scene { service, cast, rng };
                while let Ok(input) = inputs.recv() {
                    play(&mut scene, input).await;
                    tell.send(()).expect("somebody waits");
                }
                Ok::<_, CliError>(())
            })
            .expect("a service");
        });
        Self {
            ends: Mutex::new((give, done)),
        }
    }

    /// Tries an input.
    pub fn take(&self, input: &[u8]) {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.0.send(input.to_vec()).expect("the stage is set");
        ends.1.recv().expect("it is done");
    }
}
