//! HTTP as nobody should speak it: answered or closed, and nothing in the program panics.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use crate::common::{PATIENCE, Server};

const REQUESTS: u32 = 400;

const METHODS: [&str; 9] = [
    "GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "CONNECT", "TRACE", "BREW",
];
const TARGETS: [&str; 20] = [
    "/",
    "/ws",
    "/health",
    "/health/live",
    "/version",
    "/metrics",
    "/invite/ABCD",
    "/main.js",
    "/sw.js",
    "/../../etc/passwd",
    "/%2e%2e/morelia.ini",
    "//",
    "/%00",
    "/?",
    "/ws?x=1#y",
    "*",
    "evil.example:443",
    "http://evil.example",
    "http://[::1]:1/ws",
    "https:///",
];
const HEADERS: [&str; 22] = [
    "Host: x",
    "Host: a; script-src *",
    "Host: \u{44f}",
    "Connection: Upgrade",
    "Connection: close, upgrade, keep-alive",
    "Upgrade: websocket",
    "Upgrade: h2c",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Version: 8",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Key: x",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99",
    "Origin: null",
    "Origin: http://x",
    "Content-Length: 5",
    "Content-Length: 99999999999999999999",
    "Transfer-Encoding: chunked",
    "Accept-Encoding: gzip;q=2, *;q=x",
    "If-None-Match: W/\"",
    "X-Forwarded-For: 1.1.1.1, \"[::",
    "Forwarded: for=\"[::1]:\";;for",
    "Expect: 100-continue",
];

#[test]
fn odd_http_is_answered_or_closed() {
    let mut server = Server::with(&[("web.metrics", "on"), ("proxy.trusted", "127.0.0.1")]);
    let seed = std::env::var("MORELIA_FUZZ_SEED").ok();
    let seed = seed
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(rand::random);
    println!("MORELIA_FUZZ_SEED={seed} repeats this run");
    let mut rng = StdRng::seed_from_u64(seed);
    // Found by hand: a tunnel is asked for without a path.
    let answer = send(
        &server,
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        PATIENCE,
    );
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    let mut answered = 0;
    for _ in 0..REQUESTS {
        let request = request(&mut rng);
        // Half a request is not answered, and not waited for.
        let answer = send(&server, &request, Duration::from_millis(200));
        let sound = answer.is_empty()
            || answer.starts_with("HTTP/1.1 ") && !answer.starts_with("HTTP/1.1 5");
        assert!(sound, "{}\n{answer}", String::from_utf8_lossy(&request));
        answered += u32::from(!answer.is_empty());
    }
    assert!(answered > REQUESTS / 5, "{answered} were answered");
    server.register("anna");
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

fn request(rng: &mut StdRng) -> Vec<u8> {
    let pick = |from: &[&str], rng: &mut StdRng| (*from.choose(rng).unwrap_or(&"")).to_owned();
    let mut text = format!(
        "{} {} HTTP/1.1\r\n",
        pick(&METHODS, rng),
        pick(&TARGETS, rng)
    );
    for _ in 0..rng.random_range(0..8) {
        text += &pick(&HEADERS, rng);
        text += "\r\n";
    }
    text += "\r\n";
    text += &pick(
        &[
            "",
            "",
            "hello",
            "5\r\nhello\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
        ],
        rng,
    );
    let mut bytes = text.into_bytes();
    if rng.random_ratio(1, 3) {
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..3) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes.insert(at, rng.random()),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

/// Sends what there is, and returns what comes at first, or nothing when nothing does for a while.
fn send(server: &Server, bytes: &[u8], patience: Duration) -> String {
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.set_read_timeout(Some(patience)).expect("a timeout");
    // The server may have closed before all is sent.
    let _ = stream.write_all(bytes);
    let mut answer = vec![0; 4096];
    let len = stream.read(&mut answer).unwrap_or(0);
    String::from_utf8_lossy(&answer[..len]).into_owned()
}
