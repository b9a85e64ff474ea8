//! One TCP connection: TLS handshake, HTTP/1.1 requests, and the handover to a WebSocket.

use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{Either, ready};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::server::TlsStream;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use warp::reply::Response;

use super::asked;
use super::bind::Role;
use super::challenge;
use super::filters::user_agent;
use super::host::Hosts;
use super::limits::{Limits, Place};
use super::origin::Reached;
use super::protect::protect;
use super::proxy::Proxies;
use super::settings::Settings;
use super::socket::Socket;
use super::stop::Stop;
use super::stream::Stream;
use super::tls::Certificate;
use super::{origin, recover, upgrade, ws};
use crate::protocol::{Conversation, Peer};

/// The most bytes of a request's headers; hyper's default of 400 KiB invites abuse.
const HEADERS_MAX_BYTES: usize = 16 * 1024;

/// State that all connections share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) limits: Limits,
    pub(super) certificate: Option<Certificate>,
    pub(super) proxies: Arc<Proxies>,
    pub(super) hosts: Hosts,
    pub(super) stop: Stop,
    pub(super) requests: AtomicU64,
    /// Signalled when the last allowed request has arrived.
    pub(super) enough: Stop,
}

/// What a request knows of the connection that it arrived on.
#[derive(Clone)]
pub(super) struct Arrival {
    /// The address at the other end of the TCP connection.
    pub(super) remote: IpAddr,
    /// Whether it is encrypted.
    pub(super) tls: bool,
    /// Its place among the connections, which a WebSocket keeps.
    pub(super) place: Arc<Place>,
    /// The trusted proxies.
    pub(super) proxies: Arc<Proxies>,
}

/// The routes of each kind of connection.
#[derive(Clone)]
pub(super) struct Routes {
    /// For a connection that should be encrypted but is not.
    pub(super) gate: BoxedFilter<(Response,)>,
    /// For a connection to the metrics port.
    pub(super) metrics: BoxedFilter<(Response,)>,
    /// For the others.
    pub(super) all: BoxedFilter<(Response,)>,
}

/// Serves one accepted connection until it ends or becomes a WebSocket, which has its own task.
pub(super) async fn serve(
    stream: TcpStream,
    remote: IpAddr,
    place: Place,
    role: Role,
    shared: Arc<Shared>,
    routes: Routes,
) {
    let Settings {
        write_timeout,
        header_timeout,
        ..
    } = shared.settings;
    let certificate = shared.certificate.as_ref().filter(|_| role == Role::Main);
    let mut gate = role == Role::Gate;
    let stream = match certificate {
        None => Stream::plain(stream, write_timeout),
        Some(certificate) => {
            let began = Instant::now();
            match timeout(header_timeout, is_handshake(&stream)).await {
                Ok(Ok(true)) => {
                    let rest = header_timeout.saturating_sub(began.elapsed());
                    let handshake = certificate.acceptor().accept(stream);
                    match timeout(rest, handshake).await {
                        Ok(Ok(stream)) if is_challenge(&stream) => return,
                        Ok(Ok(stream)) => Stream::tls(stream, write_timeout),
                        Ok(Err(err)) => return log::debug!("TLS handshake failed: {err}"),
                        Err(_) => return log::debug!("TLS handshake took too long"),
                    }
                }
                // A peer that sends no handshake is a browser that was given the address with http.
                Ok(Ok(false)) => {
                    gate = true;
                    Stream::plain(stream, write_timeout)
                }
                Ok(Err(err)) => return log::debug!("connection ended: {err}"),
                Err(_) => return log::debug!("TLS handshake took too long"),
            }
        }
    };
    let arrival = Arrival {
        remote,
        tls: certificate.is_some() && !gate,
        place: Arc::new(place),
        proxies: Arc::clone(&shared.proxies),
    };
    let any_host = role == Role::Metrics;
    let routes = match role {
        Role::Metrics => routes.metrics,
        _ if gate => routes.gate,
        _ => routes.all,
    };
    http(stream, arrival, &shared, routes, any_host).await;
}

/// Returns, by the first byte, whether a peer begins a TLS handshake.
async fn is_handshake(stream: &TcpStream) -> std::io::Result<bool> {
    /// The type of a handshake record. Source: RFC 8446, 5.1.
    const HANDSHAKE: u8 = 22;
    let mut first = [0];
    match stream.peek(&mut first).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(first[0] == HANDSHAKE),
    }
}

/// Returns whether the peer only wanted the handshake: it has seen the answer to a challenge.
fn is_challenge(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(challenge::PROTOCOL)
}

/// Tracks the requests of a connection, so that an idle one can be closed.
#[derive(Debug, Default)]
struct Progress {
    began: AtomicU64,
    done: AtomicU64,
    upgraded: AtomicBool,
}

async fn http(
    stream: Stream,
    arrival: Arrival,
    shared: &Arc<Shared>,
    routes: BoxedFilter<(Response,)>,
    any_host: bool,
) {
    let progress = Arc::new(Progress::default());
    let routes = TowerToHyperService::new(warp::service(routes));
    let service = service_fn({
        let progress = Arc::clone(&progress);
        let shared = Arc::clone(shared);
        move |mut request: Request<Incoming>| {
            progress.began.fetch_add(1, Ordering::Relaxed);
            detach(&mut request);
            shared.count_request();
            request.extensions_mut().insert(arrival.clone());
            let proxied = shared.proxies.trusts(arrival.remote);
            // Certificate authorities, and devices that do not trust this server yet, may use any name.
            let is_ours = if any_host || asked::is_open(request.uri().path()) {
                Ok(())
            } else {
                shared
                    .hosts
                    .check(request.uri(), request.headers(), proxied)
            };
            let strict =
                arrival.tls && shared.settings.strict && asked::has_name(request.headers());
            // A request for a tunnel (CONNECT) names a host and no path, on which warp panics.
            if request.uri().path_and_query().is_none() {
                *request.uri_mut() = Uri::from_static("/");
            }
            let answer = match is_ours {
                Ok(()) => Either::Left(routes.call(request)),
                Err(refusal) => Either::Right(ready(Ok(*refusal))),
            };
            let underway = Underway(Arc::clone(&progress));
            answer.map(move |answer| {
                answer.map(|mut response| {
                    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                        underway.0.upgraded.store(true, Ordering::Relaxed);
                    } else {
                        protect(response.headers_mut(), strict);
                    }
                    response.map(|body| Answered {
                        body,
                        _underway: underway,
                    })
                })
            })
        }
    });
    let Settings {
        keep_alive,
        header_timeout,
        ..
    } = shared.settings;
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Also the time between two requests, which is watched more closely below.
        .header_read_timeout(header_timeout.max(keep_alive))
        .max_buf_size(HEADERS_MAX_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let mut stopping = pin!(shared.stop.wait());
    let mut stopped = false;
    let mut watch = Watch::new(header_timeout, keep_alive);
    loop {
        tokio::select! {
            biased;
            end = connection.as_mut() => {
                if let Err(err) = end {
                    log::debug!("connection ended: {err}");
                }
                return;
            }
            () = stopping.as_mut(), if !stopped => {
                stopped = true;
                // An answer that is being sent is still delivered, as it is below.
                connection.as_mut().graceful_shutdown();
            }
            () = sleep_until(watch.next), if !stopped => match watch.look(&progress) {
                Look::Busy => {}
                Look::Idle => {
                    stopped = true;
                    connection.as_mut().graceful_shutdown();
                }
                Look::Mute => return,
            }
        }
    }
}

/// Copies what a request says out of the buffer that it was read into: one that waits for its answer
/// would hold all of that, and hyper would make another one to hear whether the client is still there.
fn detach(request: &mut Request<Incoming>) {
    for value in request.headers_mut().values_mut() {
        if let Ok(mut copy) = HeaderValue::from_bytes(value.as_bytes()) {
            copy.set_sensitive(value.is_sensitive());
            *value = copy;
        }
    }
    if let Ok(copy) = request.uri().to_string().parse() {
        *request.uri_mut() = copy;
    }
}

/// A request whose answer has not been sent yet.
struct Underway(Arc<Progress>);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// The body of an answer. The request is done when its last piece has been handed over.
struct Answered<B> {
    body: B,
    _underway: Underway,
}

impl<B: Body + Unpin> Body for Answered<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Watches for connections without a request.
struct Watch {
    next: Instant,
    step: Duration,
    first: Duration,
    keep_alive: Duration,
    requests: u64,
    since: Instant,
}

/// The state of a connection.
enum Look {
    /// A request is in progress, or was a short while ago.
    Busy,
    /// Its last request was answered a while ago.
    Idle,
    /// It has never sent a request.
    Mute,
}

impl Watch {
    fn new(first: Duration, keep_alive: Duration) -> Self {
        let now = Instant::now();
        // Four checks within the shorter time are precise enough.
        let step = (keep_alive.min(first) / 4).max(Duration::from_millis(10));
        Self {
            next: now + step,
            step,
            first,
            keep_alive,
            requests: 0,
            since: now,
        }
    }

    fn look(&mut self, progress: &Progress) -> Look {
        let now = Instant::now();
        self.next = now + self.step;
        let began = progress.began.load(Ordering::Relaxed);
        if began != self.requests || began != progress.done.load(Ordering::Relaxed) {
            self.requests = began;
            self.since = now;
        }
        let idle = now.duration_since(self.since);
        match began {
            0 if idle >= self.first => Look::Mute,
            0 => Look::Busy,
            _ if idle < self.keep_alive || progress.upgraded.load(Ordering::Relaxed) => Look::Busy,
            _ => Look::Idle,
        }
    }
}

impl Shared {
    /// Returns whether the web page that sends a request, if there is one, may do so.
    pub(super) fn welcomes(&self, tls: bool, headers: &HeaderMap) -> bool {
        let reached = Reached {
            tls,
            public_url: self.settings.public_url.as_deref(),
        };
        origin::is_welcome(headers, &self.settings.allowed_origins, reached)
    }

    /// Returns the peer that sent a request.
    pub(super) fn peer(&self, arrival: &Arrival, headers: &HeaderMap) -> Peer {
        Peer {
            address: self.proxies.sender(arrival.remote, headers).address,
            tls: arrival.tls,
            user_agent: user_agent(headers),
        }
    }

    fn count_request(&self) {
        let count = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        if self.settings.max_requests.is_some_and(|max| count >= max) {
            self.enough.say();
        }
    }
}

/// Returns the route of `/ws`; each socket gets a conversation and a task of its own.
pub(super) fn socket<C, F>(shared: &Arc<Shared>, converse: F) -> BoxedFilter<(Response,)>
where
    C: Conversation,
    F: Fn(Peer) -> C + Send + Sync + 'static,
{
    let shared = Arc::clone(shared);
    let converse = Arc::new(converse);
    warp::path!("ws")
        .and(warp::method())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Arrival>())
        .and(warp::ext::optional::<OnUpgrade>())
        .map(move |method, headers, arrival, upgrade| {
            open(&shared, &converse, &method, &headers, &arrival, upgrade)
                .unwrap_or_else(|refusal| *refusal)
        })
        .boxed()
}

fn open<C, F>(
    shared: &Arc<Shared>,
    converse: &Arc<F>,
    method: &Method,
    headers: &HeaderMap,
    arrival: &Arrival,
    upgrade: Option<OnUpgrade>,
) -> Result<Response, Box<Response>>
where
    C: Conversation,
    F: Fn(Peer) -> C + Send + Sync + 'static,
{
    if method != Method::GET {
        return Err(Box::new(recover::method_not_allowed(&[Method::GET])));
    }
    let response = upgrade::handshake(headers, shared.welcomes(arrival.tls, headers))?;
    let Some(upgrade) = upgrade else {
        let detail = "a WebSocket needs HTTP/1.1; let a proxy in between speak it to this server";
        return Err(Box::new(recover::refusal(
            StatusCode::UPGRADE_REQUIRED,
            detail,
        )));
    };
    let peer = shared.peer(arrival, headers);
    // A proxy's own connection counts for the server; the peer behind it counts for its address.
    let named = if shared.proxies.trusts(arrival.remote) {
        Some(
            shared
                .limits
                .connections
                .name(peer.address)
                .map_err(|_| Box::new(busy()))?,
        )
    } else {
        None
    };
    let places = (Arc::clone(&arrival.place), named);
    let (shared, converse) = (Arc::clone(shared), Arc::clone(converse));
    tokio::spawn(async move {
        let Some((stream, ahead)) = take_over(upgrade).await else {
            return;
        };
        let settings = &shared.settings;
        let socket = Socket::new(
            stream,
            ahead,
            shared.limits.budget.clone(),
            shared.limits.unread.clone(),
            shared.limits.frame_max_bytes(),
            settings.frame_timeout,
        );
        // The address of a proxy or of this machine may stand for any number of peers.
        let is_one = !peer.address.is_loopback() && !shared.proxies.trusts(peer.address);
        let strangers = &shared.limits.strangers;
        let stranger = strangers.enter(is_one.then_some(peer.address));
        ws::run(
            socket,
            converse(peer),
            stranger,
            strangers,
            settings.ping_interval,
            shared.stop.clone(),
        )
        .await;
        drop(places);
    });
    Ok(response)
}

/// Takes the connection from hyper once the answer is written, without the box and the indirection
/// that hyper would keep around it.
async fn take_over(upgrade: OnUpgrade) -> Option<(Stream, Bytes)> {
    let upgraded = upgrade.await.ok()?;
    let parts = upgraded.downcast::<TokioIo<Stream>>().ok()?;
    // Copied, since the bytes that were read ahead are a slice of hyper's much larger buffer.
    let ahead = Bytes::copy_from_slice(&parts.read_buf);
    Some((parts.io.into_inner(), ahead))
}

/// Returns the answer of a server that has too many connections.
pub(super) fn busy() -> Response {
    let detail = "too many connections, try again later";
    let mut response = recover::refusal(StatusCode::SERVICE_UNAVAILABLE, detail);
    response
        .headers_mut()
        .insert("retry-after", HeaderValue::from_static("10"));
    response
}
