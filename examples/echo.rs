//! Echoes frames over the server's own accept loop, upgrade, buffers and close codes.
//!
//! For tests of the transport alone (the Autobahn cases) and as the ceiling of benchmarks; it is
//! no part of the product. `echo [HOST:PORT]` prints its address in the product's ready line and
//! serves until SIGTERM or SIGINT. `ECHO_CONNECTIONS` raises both connection limits.

use std::process::ExitCode;
use std::sync::Arc;

use morelia::protocol::{Answer, Conversation, Frame, Pushed};
use morelia::server::{self, Checks, Health, Protocol, Settings, Site, Source, Version};
use tokio::signal::unix::{SignalKind, signal};

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

fn site() -> Site {
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
            }
        })
    });
    Site {
        version: Version {
            name: "echo",
            version: env!("CARGO_PKG_VERSION"),
            protocol: Protocol {
                name: "echo",
                version: "1.0",
                revision: "0",
            },
            features: &[],
        },
        health,
        metrics: None,
        faces: Vec::new(),
        client: false,
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the ready line is how its callers learn its address"
)]
async fn run(address: &str) -> Result<(), String> {
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
    let bound = server::bind(settings)
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
    bound.serve(|_| site(), |_| Echo, stop).await;
    Ok(())
}

#[expect(clippy::print_stderr, reason = "an example has no log")]
fn main() -> ExitCode {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let result = tokio::runtime::Runtime::new()
        .map_err(|err| err.to_string())
        .and_then(|runtime| runtime.block_on(run(&address)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("echo: {err}");
            ExitCode::FAILURE
        }
    }
}
