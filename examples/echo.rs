//! Echoes frames over the server's own accept loop, upgrade, buffers and close codes.
//!
//! For tests of the transport alone (the Autobahn cases) and as the ceiling of benchmarks; it is
//! no part of the product. `echo [HOST:PORT [FILE]]` prints its address in the product's ready line and
//! serves until SIGTERM or SIGINT; `PUT /plain` writes the file, `GET /plain` reads it. `ECHO_CONNECTIONS` raises both connection limits.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use morelia::protocol::web::{Body, Content, Method, Request, Response, Route, Takes, Web};
use morelia::protocol::{Answer, Conversation, Frame, Pushed};
use morelia::server::{
    self, Checks, Face, Health, Protocol, Reloads, Settings, Site, Source, Version,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Says back what it hears.
struct Echo;

impl Conversation for Echo {
    async fn answer(&mut self, frame: Frame) -> Answer {
        Answer {
            frame: Some(frame),
            close: None,
        }
    }

    async fn pushed(&mut self) -> Pushed {
        std::future::pending().await
    }

    fn is_signed_in(&self) -> bool {
        true
    }
}

/// Takes a plain file and gives it back: what no server of files is faster than.
struct Plain(PathBuf);

#[derive(Clone, Copy)]
enum Action {
    Take,
    Give,
}

/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;

impl Plain {
    async fn take(&self, mut body: Body) -> std::io::Result<()> {
        let path = self.0.clone();
        let (sender, mut pieces) = mpsc::channel::<Bytes>(8);
        let writing = tokio::task::spawn_blocking(move || {
            let mut file = std::io::BufWriter::with_capacity(128 * 1024, File::create(path)?);
            while let Some(piece) = pieces.blocking_recv() {
                file.write_all(&piece)?;
            }
            file.into_inner()?.sync_all()
        });
        while let Some(Ok(piece)) = body.next().await {
            if sender.send(piece).await.is_err() {
                break;
            }
        }
        drop(sender);
        writing.await?
    }

    fn give(&self) -> std::io::Result<Content> {
        let mut file = File::open(&self.0)?;
        let length = Some(file.metadata()?.len());
        let (sender, pieces) = mpsc::channel(2);
        tokio::task::spawn_blocking(move || {
            loop {
                let mut piece = vec![0; PIECE];
                let read = file.read(&mut piece).map(|count| {
                    piece.truncate(count);
                    Bytes::from(piece)
                });
                let is_last = !matches!(&read, Ok(piece) if !piece.is_empty());
                if is_last || sender.blocking_send(read).is_err() {
                    return;
                }
            }
        });
        let next = async |mut pieces: mpsc::Receiver<_>| Some((pieces.recv().await?, pieces));
        let pieces = stream::unfold(pieces, next).boxed();
        Ok(Content::Stream { length, pieces })
    }
}

impl Web for Plain {
    type Action = Action;

    fn routes(&self) -> Vec<(Route, Action)> {
        vec![
            (
                Route::new(Method::Put, "/plain").takes(Takes::Pieces(u64::MAX)),
                Action::Take,
            ),
            (Route::new(Method::Get, "/plain"), Action::Give),
        ]
    }

    async fn answer(&self, action: Action, mut request: Request) -> Response {
        let body = std::mem::replace(&mut request.body, Body::empty());
        drop(request);
        match action {
            Action::Take => match self.take(body).await {
                Ok(()) => Response::new(204),
                Err(_) => Response::new(507),
            },
            Action::Give => match self.give() {
                Ok(content) => Response::new(200).with_content(content),
                Err(_) => Response::new(404),
            },
        }
    }
}

fn site(plain: Option<PathBuf>) -> Site {
    let health: Source<Health> = Arc::new(|| {
        Box::pin(async {
            let none = || "none".to_owned();
            let checks = Checks {
                database: none(),
                schema: none(),
                search: none(),
                disk_free_bytes: None,
                backup: none(),
                clock: none(),
                certificate: none(),
            };
            Health {
                ok: true,
                uptime_seconds: 0,
                connections: 0,
                users_online: 0,
                checks,
                configuration: Reloads::default(),
                certificate: None,
                attention: Vec::new(),
            }
        })
    });
    Site {
        instance: "echo".to_owned(),
        version: Version {
            name: "echo",
            version: env!("CARGO_PKG_VERSION"),
            protocol: Protocol {
                name: "echo",
                version: "1.0",
                revision: "0",
            },
            features: &[],
            title: None,
            contact: None,
        },
        health,
        metrics: None,
        faces: plain
            .map(|path| Face::new(Plain(path)))
            .into_iter()
            .collect(),
        client: false,
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the ready line is how its callers learn its address"
)]
async fn run(address: &str, plain: Option<PathBuf>) -> Result<(), String> {
    let (host, port) = address.rsplit_once(':').ok_or("usage: echo [HOST:PORT]")?;
    let mut settings = Settings {
        hosts: vec![host.to_owned()],
        port: port.parse().map_err(|_| "the port is not a number")?,
        ..Settings::default()
    };
    if let Ok(connections) = std::env::var("ECHO_CONNECTIONS") {
        settings.connections = connections
            .parse()
            .map_err(|_| "ECHO_CONNECTIONS is not a number")?;
        settings.connections_per_ip = settings.connections;
    }
    let bound = server::bind(settings, Vec::new())
        .await
        .map_err(|err| err.to_string())?;
    for address in bound.addresses() {
        println!("listening on http://{address}");
    }
    let mut terminate = signal(SignalKind::terminate()).map_err(|err| err.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|err| err.to_string())?;
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    bound.serve(|_| site(plain), |_| Echo, stop).await;
    Ok(())
}

#[expect(clippy::print_stderr, reason = "an example has no log")]
fn main() -> ExitCode {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let plain = std::env::args_os().nth(2).map(PathBuf::from);
    let result = tokio::runtime::Runtime::new()
        .map_err(|err| err.to_string())
        .and_then(|runtime| runtime.block_on(run(&address, plain)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("echo: {err}");
            ExitCode::FAILURE
        }
    }
}
