//! HTTP: routes, headers, and slow peers.

use super::*;

#[tokio::test]
async fn details_of_health_are_for_this_machine_only() {
    let server = Server::start(|_| {}).await;
    let local = server.get("/health", "").await;
    assert!(local.contains("\"uptime_seconds\":7") && local.contains("\"database\":\"ok\""));
    for header in [
        "x-forwarded-for: 1.2.3.4",
        "forwarded: for=1.2.3.4",
        "x-real-ip: 1.2.3.4",
    ] {
        let proxied = server.get("/health", &format!("{header}\r\n")).await;
        assert!(
            proxied.ends_with("\r\n\r\n{\"status\":\"ok\"}"),
            "{proxied}"
        );
    }
}

#[tokio::test]
async fn answers_have_their_codes_and_headers() {
    let server = Server::start(|_| {}).await;
    let cases = [
        ("GET /health", "200 OK"),
        ("HEAD /health", "200 OK"),
        ("POST /health", "405 Method Not Allowed"),
        ("GET /health/live", "200 OK"),
        ("GET /version", "200 OK"),
        ("GET /metrics", "200 OK"),
        ("GET /nothing", "404 Not Found"),
        ("GET /ws", "426 Upgrade Required"),
        ("POST /ws", "405 Method Not Allowed"),
        ("GET /ws/more", "404 Not Found"),
        ("GET /health/", "404 Not Found"),
        ("CONNECT evil.example:443", "421 Misdirected Request"),
        ("CONNECT x:443", "405 Method Not Allowed"),
        ("GET /", "200 OK"),
        ("GET /reset/x", "404 Not Found"),
        ("DELETE /", "405 Method Not Allowed"),
    ];
    for (request, status) in cases {
        let answer = server
            .ask(&format!(
                "{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
            ))
            .await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{request}: {answer}"
        );
        for header in [
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "content-security-policy: default-src 'none'; frame-ancestors 'none'",
        ] {
            assert!(
                answer.contains(&format!("\r\n{header}\r\n")),
                "{request}: {answer}"
            );
        }
        assert!(
            !answer.contains("strict-transport-security"),
            "only under TLS"
        );
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        if request.starts_with("HEAD") {
            assert_eq!(body, "");
        } else if !request.ends_with("/metrics") && !request.ends_with(" /") {
            serde_json::from_str::<serde_json::Value>(body).expect(request);
        }
    }
}

#[tokio::test]
async fn foreign_page_gets_no_socket() {
    let server = Server::start(|_| {}).await;
    let mut tcp = server.tcp().await;
    let answer = Client::handshake(&mut tcp, "origin: https://evil.example\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    Client::open(server.tcp().await, "origin: http://x\r\n").await;
}

#[tokio::test]
async fn slow_headers_are_cut_off() {
    let server =
        Server::start(|settings| settings.header_timeout = Duration::from_millis(300)).await;
    for start in ["", "GET /hea", "GET /health HTTP/1.1\r\nhost: x\r\nx: "] {
        let mut tcp = server.tcp().await;
        tcp.write_all(start.as_bytes()).await.unwrap();
        if start.is_empty() {
            assert_eq!(rest(&mut tcp).await, "");
            continue;
        }
        let drip = async {
            // Sending a byte now and then does not help.
            while tcp.write_all(b"a").await.is_ok() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, drip).await.expect("cut off");
    }
}

#[tokio::test]
async fn headers_larger_than_their_limit_are_refused() {
    let server = Server::start(|_| {}).await;
    let answer = server
        .get("/health", &format!("x: {}\r\n", "y".repeat(40_000)))
        .await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
}

#[tokio::test]
async fn connection_is_kept_for_another_request_but_not_for_ever() {
    let server = Server::start(|settings| settings.keep_alive = Duration::from_millis(400)).await;
    let mut tcp = server.tcp().await;
    for _ in 0..3 {
        tcp.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            answer.push(timeout(PATIENCE, tcp.read_u8()).await.unwrap().unwrap());
        }
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(rest(&mut tcp).await, "");
}

#[tokio::test]
async fn body_that_never_comes_holds_nothing() {
    let server = Server::start(|settings| {
        settings.keep_alive = Duration::from_millis(200);
        settings.header_timeout = Duration::from_millis(200);
    })
    .await;
    let answer = server
        .ask("POST /health HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhalf of it")
        .await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
}
