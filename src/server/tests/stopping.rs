//! Stopping: answers in progress, closing handshakes, and peers that do not complete them.

use super::*;

#[tokio::test]
async fn answers_in_flight_leave_before_the_close() {
    let server = Server::start(|_| {}).await;
    let mut client = server.open().await;
    let mut idle = server.open().await;
    client
        .send(&[frame(0x81, b"slow"), frame(0x81, b"second")].concat())
        .await;
    // Until the server has the frames no answer is in progress.
    sleep(Duration::from_millis(100)).await;
    let stopping = tokio::spawn(server.stop());
    idle.is_closed(1001).await;
    client.hears("slowly").await;
    client.hears("second").await;
    client.is_closed(1001).await;
    let summary = stopping.await.unwrap();
    assert_eq!((summary.cut_off, summary.limit_reached), (0, false));
}

#[tokio::test]
async fn idle_http_connection_does_not_hold_the_stop() {
    let server = Server::start(|_| {}).await;
    let mut tcp = server.tcp().await;
    tcp.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    tcp.read_u8().await.unwrap();
    let start = std::time::Instant::now();
    assert_eq!(server.stop().await.cut_off, 0);
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn peer_without_a_goodbye_is_cut_off_in_time() {
    let server =
        Server::start(|settings| settings.shutdown_timeout = Duration::from_millis(300)).await;
    let mut mute = server.open().await;
    // Its answer is being sent, and it will not answer the close.
    mute.say("x").await;
    mute.hears("x").await;
    let start = std::time::Instant::now();
    let summary = server.stop().await;
    assert_eq!(summary.cut_off, 1);
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn nobody_is_let_in_any_more() {
    let server = Server::start(|settings| settings.shutdown_timeout = Duration::from_secs(1)).await;
    let (address, _mute) = (server.address, server.open().await);
    let stopping = tokio::spawn(server.stop());
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, refused).await.unwrap();
    stopping.await.unwrap();
}

#[tokio::test]
async fn limit_of_requests_ends_it_gracefully() {
    let server = Server::start(|settings| settings.max_requests = Some(3)).await;
    let mut client = server.open().await;
    for _ in 0..2 {
        let answer = server.get("/health/live", "").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    client.is_closed(1001).await;
    let summary = server.end().await;
    assert_eq!((summary.requests, summary.limit_reached), (3, true));
}
