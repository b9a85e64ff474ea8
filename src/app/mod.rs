//! The only place that wires parts: configuration → store → service → listen → serve → drain.

mod alerts;
pub mod backups;
mod banner;
pub mod callouts;
pub mod certificates;
mod error;
mod expiry;
mod health;
pub mod links;
mod machine;
mod matrix;
mod metrics;
mod notify;
pub mod outward;
mod pages;
mod reload;
mod renewal;
mod retention;
mod settings;
mod space;
mod upkeep;
mod worst_case;

use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::config::{Config, Loaded, Registration, Sources};
use crate::exit::Exit;
use crate::logging;
use crate::model::Timestamp;
use crate::protocol::Peer;
use crate::protocol::mtp::{Meter, Session};
use crate::server::{self, systemd};
use crate::service::Service;
use crate::store::folder::Folder;
use crate::store::{self, Damage, Options, ServerLock, Store, StoreError, backup};
use reload::Reload;

/// A file up to this size is checked before it is served; a larger one while it is served, since
/// reading it all would make users wait.
const EXAMINED_FIRST_BYTES: u64 = 32 * 1024 * 1024;

/// A database that takes longer than this to count its rows hangs, so the watchdog may restart the server.
const HANGING: Duration = Duration::from_secs(15);

pub use crate::service::WriteArchive;
pub use error::AppError;
pub use health::{clock_trouble, search_state, version};
pub use machine::Examine;
pub use worst_case::WorstCase;

/// Checks the certificate and key, if there are any, as the server will.
#[must_use]
pub fn check_tls(config: &Config) -> Option<Result<(), server::TlsError>> {
    let files = settings::transport(config, None).tls?;
    Some(server::check_tls(&files))
}

/// Runs a function with the service on a database, whether a server runs on it or not.
///
/// # Errors
/// The database cannot be opened, or `work` fails.
pub fn with_service<T, E: From<AppError>>(
    database: &Path,
    config: &Config,
    work: impl AsyncFnOnce(Arc<Service>) -> Result<T, E>,
) -> Result<T, E> {
    runtime()?.block_on(async {
        let options = Options {
            path: database.to_owned(),
            durability: settings::durability(config),
        };
        let service =
            Service::start(&options, settings::service(config)).map_err(AppError::from)?;
        let result = work(Arc::clone(&service)).await;
        close(&service).await;
        result
    })
}

/// The options of a server besides its configuration.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// The number of requests after which it stops.
    pub max_requests: Option<u64>,
    /// Whether it was asked to reload on changes of its program, which it does not do.
    pub reload: bool,
    /// Whether it logs more about itself.
    pub verbose: bool,
    /// Checks everything when an administrator requests it.
    pub examine: Examine,
    /// Writes an archive of a user's own data.
    pub archive: WriteArchive,
}

/// Runs the server until it receives the stop signal. Blocks. `ready` is called once with the line
/// that says where it listens.
///
/// # Errors
/// The reason why it cannot start, or had to stop.
pub fn serve(
    start: Start,
    sources: &Sources,
    ready: impl FnOnce(&str) -> io::Result<()>,
) -> Result<Exit, AppError> {
    let sockets = systemd::sockets().map_err(AppError::Failed)?;
    let loaded = sources.load()?;
    let config = &loaded.config;
    let log = logging::start(&config.logging)?;
    let database = &config.database.path;
    store::require(database)?;
    let mut damage = Store::examine(database, false)?;
    let lock = ServerLock::acquire_soon(database)?;
    backup::remove_leftovers(database, &lock)?;
    Store::examine_log(&Options {
        path: database.clone(),
        durability: settings::durability(config),
    })?;
    let size = std::fs::metadata(database).map_or(0, |file| file.len());
    if size <= EXAMINED_FIRST_BYTES {
        damage = Store::examine(database, true)?;
    }
    Store::prepare(database)?;
    Folder::of(database).prepare(config.files.dir.as_deref())?;
    mend(database, &damage)?;
    if start.reload {
        log::info!("--reload is not needed: SIGHUP takes up a changed configuration");
    }
    let opened = Opened {
        size,
        lock: &lock,
        sockets,
    };
    runtime()?.block_on(run(start, sources, &loaded, &log, ready, opened))
}

/// What is opened before anything is served.
struct Opened<'a> {
    /// The size of the database in bytes.
    size: u64,
    lock: &'a ServerLock,
    /// The sockets on which systemd listens for this server.
    sockets: Vec<systemd::Socket>,
}

#[expect(clippy::too_many_lines, reason = "parts are wired one after the other")]
async fn run(
    start: Start,
    sources: &Sources,
    loaded: &Loaded,
    log: &logging::Handle,
    ready: impl FnOnce(&str) -> io::Result<()>,
    opened: Opened<'_>,
) -> Result<Exit, AppError> {
    let config = &loaded.config;
    let Opened {
        size,
        lock,
        sockets,
    } = opened;
    // Signals are caught from here on, so that none of them interrupts the start.
    let (stop, hangup) = Stop::install()?;
    let options = Options {
        path: config.database.path.clone(),
        durability: settings::durability(config),
    };
    let service = Service::start(&options, settings::service(config))?;
    let mut transport = settings::transport(config, start.max_requests);
    let keeper = Arc::new(certificates::Keeper::new(config, &transport));
    let prepared = keeper.prepare();
    transport.tls = settings::transport(config, None).tls;
    let bound = match prepared {
        Ok(()) => server::bind(transport, sockets)
            .await
            .map_err(AppError::from),
        Err(err) => Err(err),
    };
    let bound = match bound {
        Ok(bound) => bound,
        Err(err) => {
            close(&service).await;
            return Err(err);
        }
    };
    let server_name = match matrix::settle(config, &service).await {
        Ok(name) => name,
        Err(err) => {
            close(&service).await;
            return Err(err);
        }
    };
    let registration = registration(&service, config).await;
    banner::log(
        loaded,
        &service,
        registration,
        bound.addresses(),
        start.verbose,
    );
    let line = banner::ready_line(config, bound.addresses());
    let address = banner::local_url(config, bound.addresses());
    if let Err(err) = lock.announce(&address) {
        log::warn!("commands will not find this server: its address cannot be written down: {err}");
    }
    ready(&line).map_err(|source| AppError::File {
        path: "standard output".into(),
        source,
    })?;
    systemd::ready(&line);
    let (named, files) = watch::channel(settings::tls(config));
    pages::attach(config, &service)?;
    let (told, reloads) = watch::channel(server::Reloads {
        read_at: Timestamp::by_the_clock().0,
        ..server::Reloads::default()
    });
    let reload = Reload {
        sources: sources.clone(),
        started_with: config.clone(),
        log: log.clone(),
        service: Arc::clone(&service),
        limits: bound.limits(),
        certificate: bound.certificate(),
        named,
        told,
    };
    let reloading = tokio::spawn(reload.on_hangup(hangup));
    let watched = Arc::clone(&service);
    let feeding = tokio::spawn(systemd::feed_watchdog(move || {
        let service = Arc::clone(&watched);
        // Any answer will do: `/health` reports a database that fails; only one that hangs matters here.
        async move { tokio::time::timeout(HANGING, service.count()).await.is_ok() }
    }));
    let mut beside = upkeep::look_after(loaded, &service);
    let counters = metrics::Counters::new(config);
    let push = Arc::clone(&counters.push);
    beside.extend(upkeep::reach_out(config, &service, &keeper, bound.certificate(), push).await);
    let renewing = renewal::keep_reading(bound.certificate(), files);
    beside.push(tokio::spawn(renewing));
    if size > EXAMINED_FIRST_BYTES {
        tokio::spawn(examine_meanwhile(
            config.database.path.clone(),
            stop.sender.clone(),
        ));
    }
    let failed = service.store().failed();
    let ending = stop.wait(failed);
    let conversation = conversations(config, &service, counters.requests.clone());
    let given = (start.examine, start.archive);
    let reloads = (reloads, bound.certificate());
    let shown = |statistics: server::Statistics| {
        let (file, open) = (loaded.file.clone(), statistics.clone());
        service.attach(machine::of(config, file, sources, given, open));
        health::site(config, &service, statistics, counters, reloads, server_name)
    };
    let mut why = None;
    let summary = bound
        .serve(shown, conversation, async {
            why = Some(ending.await);
            systemd::stopping();
        })
        .await;
    service.keep_push_position().await;
    reloading.abort();
    feeding.abort();
    for task in beside {
        task.abort();
    }
    tell_summary(&summary);
    close(&service).await;
    match why {
        Some(Ending::Failed(reason)) => Err(AppError::Store(StoreError::Stopped(reason))),
        _ => Ok(Exit::Ok),
    }
}

/// Logs a summary of the work that was done.
fn tell_summary(summary: &server::Summary) {
    log::info!("stopping; requests answered: {}", summary.requests);
    if summary.cut_off > 0 {
        log::warn!(
            "connections that did not end within server.shutdown_timeout and were cut off: {}",
            summary.cut_off
        );
    }
}

/// Returns who may register, by the configuration or a later change.
async fn registration(service: &Service, config: &Config) -> Registration {
    if let Err(err) = service.settle_registration().await {
        log::warn!("what was said of registration before is kept: {err}");
    }
    let said = service.registration().await;
    said.unwrap_or(config.auth.registration)
}

/// Returns the function that creates the conversation of each new socket.
fn conversations(
    config: &Config,
    service: &Arc<Service>,
    meter: Option<Arc<Meter>>,
) -> impl Fn(Peer) -> Session + Send + Sync + 'static {
    let (service, protocol) = (Arc::clone(service), settings::protocol(config));
    let client_ip = config.logging.client_ip;
    move |peer| {
        let client = settings::client(peer.address, client_ip, peer.user_agent.as_deref());
        Session::new(Arc::clone(&service), protocol, client).metered(meter.clone())
    }
}

/// The reason why a server ends.
#[derive(Debug, Clone)]
enum Ending {
    /// It received the stop signal.
    Told,
    /// It cannot continue.
    Failed(String),
}

/// Ends a server.
struct Stop {
    sender: watch::Sender<Option<Ending>>,
}

impl Stop {
    /// Catches SIGTERM and SIGINT, and returns SIGHUP, on which the configuration is reloaded.
    fn install() -> Result<(Self, Signal), AppError> {
        let sender = watch::Sender::new(None);
        for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
            let mut signal = signal(kind).map_err(|err| no_signals(&err))?;
            let sender = sender.clone();
            tokio::spawn(async move {
                if signal.recv().await.is_some() {
                    sender.send_replace(Some(Ending::Told));
                }
            });
        }
        let hangup = signal(SignalKind::hangup()).map_err(|err| no_signals(&err))?;
        Ok((Self { sender }, hangup))
    }

    /// Waits until the server has to end.
    fn wait(
        &self,
        mut failed: watch::Receiver<Option<String>>,
    ) -> impl Future<Output = Ending> + use<> {
        let mut told = self.sender.subscribe();
        async move {
            tokio::select! {
                Ok(ending) = told.wait_for(Option::is_some) => {
                    ending.clone().unwrap_or(Ending::Told)
                }
                Ok(reason) = failed.wait_for(Option::is_some) => {
                    Ending::Failed(reason.clone().unwrap_or_default())
                }
            }
        }
    }
}

fn no_signals(source: &io::Error) -> AppError {
    AppError::Failed(format!("signals cannot be caught: {source}"))
}

/// Rebuilds damaged parts that can be rebuilt; what is served meanwhile is unchanged.
fn mend(database: &Path, damage: &Damage) -> Result<(), StoreError> {
    let derived = damage.of_derived();
    for what in &derived {
        log::error!("{what}; no data is concerned, and it is rebuilt");
    }
    if damage.lost_pages() > 0 {
        log::warn!(
            "pages of the database that are in no use: {}; `morelia db compact` gives them back",
            damage.lost_pages()
        );
    }
    if derived.is_empty() {
        return Ok(());
    }
    Store::mend(database, damage)
}

/// Ends the server if the data in its file turns out to be damaged.
async fn examine_meanwhile(database: std::path::PathBuf, stop: watch::Sender<Option<Ending>>) {
    let examine = move || {
        let damage = Store::examine(&database, true)?;
        mend(&database, &damage)
    };
    let result = tokio::task::spawn_blocking(examine).await;
    if let Ok(Err(err)) = result {
        log::error!("{err}");
        stop.send_replace(Some(Ending::Failed(err.to_string())));
    }
}

async fn close(service: &Arc<Service>) {
    service.see_off().await;
    let service = Arc::clone(service);
    if tokio::task::spawn_blocking(move || service.close())
        .await
        .is_err()
    {
        log::error!("closing the database failed");
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, AppError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_keep_alive(Duration::from_mins(1))
        .build()
        .map_err(|err| AppError::Failed(format!("no threads: {err}")))
}
