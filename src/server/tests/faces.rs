//! Faces over HTTP: routes, what they require, and bodies in both directions.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::*;
use crate::protocol::web::{Content, Method, Request, Response, Route, Takes, Web};

/// The length of a file that no client reads to its end.
const ENDLESS: u64 = 1 << 40;

/// Endless answers that are being streamed: one test checks the number.
static STREAMS: AtomicUsize = AtomicUsize::new(0);

/// A face with a route of each kind.
pub(super) struct Desk;

#[derive(Clone, Copy)]
pub(super) enum Action {
    Me,
    Count,
    Upload,
    File,
    Shared,
    Panic,
    Root,
}

impl Web for Desk {
    type Action = Action;

    fn routes(&self) -> Vec<(Route, Action)> {
        let route = Route::new;
        vec![
            (route(Method::Get, "/api/v1/me").with_bearer(), Action::Me),
            (
                route(Method::Post, "/api/v1/count")
                    .with_bearer()
                    .takes(Takes::Whole(200_000)),
                Action::Count,
            ),
            (
                route(Method::Put, "/up/{id}").takes(Takes::Pieces(1 << 20)),
                Action::Upload,
            ),
            (route(Method::Get, "/down/{id}/{name}"), Action::File),
            (
                route(Method::Get, "/api/v1/shared").with_origins(["*".to_owned()].into()),
                Action::Shared,
            ),
            (route(Method::Get, "/api/v1/panic"), Action::Panic),
            (route(Method::Post, "/"), Action::Root),
        ]
    }

    async fn answer(&self, action: Action, mut request: Request) -> Response {
        match action {
            Action::Me => Response::json(
                200,
                &json!({
                    "token": request.bearer(),
                    "lang": request.parameter("lang"),
                    "agent": request.headers.get("user-agent"),
                    "secret": request.headers.get("authorization"),
                    "address": request.peer.address.to_string(),
                }),
            ),
            Action::Count => match request.body.gather(true).await {
                Ok(body) => Response::json(200, &json!({"bytes": body.bytes.len()})),
                Err(err) => refused(err),
            },
            Action::Upload => {
                let (mut bytes, mut pieces) = (0, 0);
                while let Some(piece) = request.body.next().await {
                    match piece {
                        Ok(piece) => bytes += piece.len(),
                        Err(err) => return refused(err),
                    }
                    pieces += 1;
                }
                let value = json!({"id": request.captured, "bytes": bytes, "many": pieces > 1});
                Response::json(200, &value)
            }
            Action::File => file(&request),
            Action::Shared => Response::json(200, &json!("for all")),
            Action::Panic => panic!("a bug in a handler"),
            Action::Root => Response::new(204),
        }
    }
}

/// A face that every page may use, with refusals in its own words.
pub(super) struct Outside;

impl Web for Outside {
    type Action = ();

    fn routes(&self) -> Vec<(Route, ())> {
        let route = Route::new(Method::Get, "/outside/{name}").with_bearer();
        vec![(route.with_origins(["*".to_owned()].into()), ())]
    }

    async fn answer(&self, (): (), request: Request) -> Response {
        Response::json(200, &json!(request.captured))
    }

    fn refuse(&self, status: u16, _detail: &str) -> Option<Response> {
        Some(Response::json(status, &json!({"errcode": status})))
    }
}

fn refused(err: crate::protocol::web::BodyError) -> Response {
    Response::json(err.status(), &json!(err.to_string()))
}

fn file(request: &Request) -> Response {
    let length = match &request.captured[1][..] {
        "endless" => ENDLESS,
        text => text.parse().unwrap(),
    };
    let Ok(part) = request
        .range
        .map_or(Ok(0..length), |range| range.of(length))
    else {
        return Response::new(416).with("content-range", format!("bytes */{length}"));
    };
    let guard = (length == ENDLESS).then(Streaming::start);
    let pieces = stream::unfold((part.clone(), guard), |(mut part, guard)| async move {
        let len = 4096.min(part.end - part.start);
        part.start += len;
        let piece = vec![b'x'; usize::try_from(len).unwrap()];
        (len > 0).then_some((Ok(piece.into()), (part, guard)))
    });
    let status = if request.range.is_some() { 206 } else { 200 };
    Response::new(status)
        .with("content-security-policy", "sandbox")
        .with("cache-control", "private")
        .with_content(Content::Stream {
            length: Some(part.end - part.start),
            pieces: pieces.boxed(),
        })
}

struct Streaming;

impl Streaming {
    fn start() -> Self {
        STREAMS.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        STREAMS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns the status of an answer, its head and its body.
fn parts(answer: &str) -> (u16, &str, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    (head[9..12].parse().unwrap(), head, body)
}

fn body(answer: &str) -> Value {
    serde_json::from_str(parts(answer).2).expect(answer)
}

async fn put(server: &Server, headers: &str, body: &[u8]) -> String {
    let mut tcp = server.tcp().await;
    let head =
        format!("PUT /up/a%2Fb HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n\r\n");
    tcp.write_all(head.as_bytes()).await.unwrap();
    tcp.write_all(body).await.unwrap();
    rest(&mut tcp).await
}

#[tokio::test]
async fn request_reaches_its_route_with_what_it_brings() {
    let server = Server::start(|_| {}).await;
    let answer = server
        .get(
            "/api/v1/me?lang=ru%21&x=1",
            "authorization: Bearer abc\r\nuser-agent: test\r\n",
        )
        .await;
    assert_eq!(parts(&answer).0, 200, "{answer}");
    assert_eq!(
        body(&answer),
        json!({
            "token": "abc",
            "lang": "ru!",
            "agent": "test",
            "secret": null,
            "address": "127.0.0.1",
        })
    );
    for header in ["x-content-type-options: nosniff", "cache-control: no-store"] {
        assert!(answer.contains(&format!("\r\n{header}\r\n")), "{answer}");
    }
}

#[tokio::test]
async fn what_no_route_takes_is_refused_as_everywhere() {
    let server = Server::start(|_| {}).await;
    let cases = [
        ("GET /api/v1/me", 401, ""),
        ("GET /api/v1/nothing", 404, ""),
        ("GET /api/v1/me/", 404, ""),
        ("DELETE /api/v1/me", 405, "GET, HEAD"),
        ("TRACE /api/v1/me", 405, "GET, HEAD"),
        ("GET /up/x", 405, "PUT"),
        ("GET /up/", 404, ""),
        ("POST /", 204, ""),
        // The face of the page accepts it.
        ("GET /", 200, ""),
        ("DELETE /", 405, "POST, GET, HEAD"),
    ];
    for (request, status, allow) in cases {
        let answer = server
            .ask(&format!(
                "{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
            ))
            .await;
        let (found, head, _) = parts(&answer);
        assert_eq!(found, status, "{request}: {answer}");
        assert!(head.contains("nosniff"), "{request}: {answer}");
        assert_eq!(
            head.contains(&format!("\r\nallow: {allow}\r\n")),
            status == 405,
            "{request}: {answer}"
        );
        if status > 400 {
            assert_eq!(body(&answer)["error"]["code"], status, "{request}");
        }
    }
    let answer = server
        .get("/api/v1/me", "authorization: Basic YTpi\r\n")
        .await;
    assert!(
        answer.contains("\r\nwww-authenticate: Bearer\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn part_of_a_stream_has_its_length_also_without_the_bytes() {
    let server = Server::start(|_| {}).await;
    for (range, status, length) in [
        ("", 200, 10_000),
        ("range: bytes=1-5000\r\n", 206, 5000),
        ("range: bytes=-1\r\n", 206, 1),
        ("range: bytes=10000-\r\n", 416, 0),
    ] {
        let answer = server.get("/down/a/10000", range).await;
        let (found, head, body) = parts(&answer);
        assert_eq!((found, body.len()), (status, length), "{head}");
        let head_only = server
            .ask(&format!(
                "HEAD /down/a/10000 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{range}\r\n"
            ))
            .await;
        assert!(head_only.ends_with("\r\n\r\n"), "{head_only}");
        for answer in [head, &head_only] {
            assert!(
                answer.contains(&format!("\r\ncontent-length: {length}\r\n")),
                "{answer}"
            );
            assert!(!answer.contains("chunked"), "{answer}");
        }
        if status < 300 {
            assert!(
                head.contains("\r\ncontent-security-policy: sandbox\r\n"),
                "{head}"
            );
        }
    }
}

#[tokio::test]
async fn reader_that_stops_reading_is_given_up() {
    let server = Server::start(|settings| {
        settings.write_timeout = Duration::from_secs(2);
        settings.keep_alive = Duration::from_millis(100);
    })
    .await;
    let mut tcp = server.tcp().await;
    tcp.write_all(b"GET /down/a/endless HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    // The keep-alive time does not end an answer.
    for _ in 0..20 {
        tcp.read_exact(&mut vec![0; 20_000]).await.unwrap();
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(STREAMS.load(Ordering::Relaxed), 1);
    let gone = async {
        while STREAMS.load(Ordering::Relaxed) > 0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, gone)
        .await
        .expect("the stream is dropped");
    // Data in the kernel's buffers still arrives, then the end.
    let _ = timeout(PATIENCE, tcp.read_to_end(&mut Vec::new()))
        .await
        .expect("the end");
}

#[tokio::test]
async fn connection_is_kept_after_an_answer_that_took_longer() {
    let server = Server::start(|settings| settings.keep_alive = Duration::from_millis(200)).await;
    let mut tcp = server.tcp().await;
    for _ in 0..2 {
        tcp.write_all(b"GET /down/a/30000000 HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(PATIENCE, tcp.read_u8()).await.unwrap().unwrap());
        }
        let mut left = 30_000_000;
        while left > 0 {
            let len = left.min(1 << 20);
            tcp.read_exact(&mut vec![0; len]).await.unwrap();
            left -= len;
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn bodies_come_whole_or_in_pieces() {
    let server = Server::start(|_| {}).await;
    let large = vec![b'x'; 1 << 20];
    let answer = put(&server, "content-length: 1048576", &large).await;
    assert_eq!(
        body(&answer),
        json!({"id": ["a/b"], "bytes": 1 << 20, "many": true})
    );
    for len in [0, 5, 70_000, 200_000] {
        let request = format!(
            "POST /api/v1/count HTTP/1.1\r\nhost: x\r\nauthorization: Bearer a\r\n\
             connection: close\r\ncontent-length: {len}\r\n\r\n{}",
            "x".repeat(len)
        );
        assert_eq!(body(&server.ask(&request).await), json!({"bytes": len}));
    }
    let chunked = "POST /api/v1/count HTTP/1.1\r\nhost: x\r\nauthorization: Bearer a\r\n\
                   connection: close\r\ntransfer-encoding: chunked\r\n\r\n\
                   3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    assert_eq!(body(&server.ask(chunked).await), json!({"bytes": 7}));
}

#[tokio::test]
async fn peer_that_sends_too_much_sees_why_it_is_refused() {
    let server = Server::start(|_| {}).await;
    let chunk = [&b"40000\r\n"[..], &vec![b'x'; 0x40000], b"\r\n"].concat();
    // More than the kernel buffers for a peer that does not read: the server has to read it before
    // it can be sent.
    let chunks = [&chunk.repeat(48)[..], b"0\r\n\r\n"].concat();
    let large = vec![b'x'; 12 << 20];
    let cases = [
        ("content-length: 12582912", &large),
        ("transfer-encoding: chunked", &chunks),
    ];
    for (header, bytes) in cases {
        let answer = put(&server, header, bytes).await;
        assert_eq!(parts(&answer).0, 413, "{answer}");
    }
    // A client that asks before it sends gets the answer before it sends.
    let answer = put(
        &server,
        "expect: 100-continue\r\ncontent-length: 3145728",
        b"",
    )
    .await;
    assert_eq!(parts(&answer).0, 413, "{answer}");
    let refused = "POST /api/v1/count HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\
                   content-length: 5\r\nconnection: close\r\n\r\n";
    assert_eq!(parts(&server.ask(refused).await).0, 401);
}

#[tokio::test]
async fn body_that_stops_coming_is_not_waited_for() {
    let server = Server::start(|settings| {
        settings.frame_timeout = Duration::from_millis(300);
        settings.keep_alive = Duration::from_millis(100);
    })
    .await;
    let answer = put(&server, "content-length: 100", b"half of it").await;
    assert_eq!(parts(&answer).0, 408, "{answer}");

    let drip = async |head: &str| {
        let mut tcp = server.tcp().await;
        tcp.write_all(head.as_bytes()).await.unwrap();
        let start = std::time::Instant::now();
        for _ in 0..10 {
            let _ = tcp.write_all(b"x").await;
            sleep(Duration::from_millis(60)).await;
        }
        (parts(&rest(&mut tcp).await).0, start.elapsed())
    };
    let pieces = "PUT /up/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 10\r\n\r\n";
    let (status, elapsed) = drip(pieces).await;
    assert_eq!(status, 200, "an upload may take as long as it goes on");
    assert!(elapsed > Duration::from_millis(500));
    let whole = "POST /api/v1/count HTTP/1.1\r\nhost: x\r\nauthorization: Bearer a\r\n\
                 connection: close\r\ncontent-length: 10\r\n\r\n";
    assert_eq!(drip(whole).await.0, 408, "other bodies are short");
}

#[tokio::test]
async fn panic_ends_one_request_and_nothing_else() {
    let server = Server::start(|_| {}).await;
    let both = "GET /api/v1/panic HTTP/1.1\r\nhost: x\r\n\r\n\
                GET /api/v1/shared HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = server.ask(both).await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(answer.ends_with("\"for all\""), "{answer}");
}

#[tokio::test]
async fn foreign_pages_use_only_what_is_open_to_them() {
    let server = Server::start(|_| {}).await;
    let foreign = "origin: https://evil.example\r\nauthorization: Bearer a\r\n";
    assert_eq!(parts(&server.get("/api/v1/me", foreign).await).0, 403);
    let own = "origin: http://x\r\nauthorization: Bearer a\r\n";
    let answer = server.get("/api/v1/me", own).await;
    assert_eq!(parts(&answer).0, 200, "{answer}");
    assert!(!answer.contains("access-control"), "{answer}");

    let answer = server.get("/api/v1/shared", foreign).await;
    assert!(
        answer.contains("\r\naccess-control-allow-origin: *\r\n"),
        "{answer}"
    );
    let ask = async |path: &str| {
        let request = format!(
            "OPTIONS {path} HTTP/1.1\r\nhost: x\r\norigin: https://a.example\r\nconnection: close\r\n\
             access-control-request-method: GET\r\n\r\n"
        );
        server.ask(&request).await
    };
    let answer = ask("/api/v1/shared").await;
    assert_eq!(parts(&answer).0, 204, "{answer}");
    assert!(
        answer.contains("\r\naccess-control-allow-methods: GET, HEAD\r\n"),
        "{answer}"
    );
    assert_eq!(parts(&ask("/api/v1/me").await).0, 405);
}

#[tokio::test]
async fn face_that_is_open_to_all_says_so_wherever_it_is_asked() {
    let server = Server::start(|_| {}).await;
    let cases = [
        ("GET /outside/a", 401),
        ("GET /outside/a/b", 404),
        ("GET /outside", 404),
        ("DELETE /outside/a", 405),
        ("OPTIONS /outside/a", 204),
        ("OPTIONS /outside/a/b", 204),
    ];
    for (request, status) in cases {
        let answer = server
            .ask(&format!(
                "{request} HTTP/1.1\r\nhost: x\r\norigin: https://a.example\r\nconnection: close\r\n\r\n"
            ))
            .await;
        let (found, head, _) = parts(&answer);
        assert_eq!(found, status, "{request}: {answer}");
        let shared = "\r\naccess-control-allow-origin: *\r\n";
        assert!(head.contains(shared), "{request}: {answer}");
        if status > 400 {
            assert_eq!(body(&answer), json!({"errcode": status}), "{request}");
        }
    }
    let elsewhere = server.get("/outsides", "").await;
    assert_eq!(body(&elsewhere)["error"]["code"], 404);
}
