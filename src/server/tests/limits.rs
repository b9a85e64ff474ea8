//! Limits on connections, and who counts as one peer.

use super::*;
use crate::server::{Network, Proxy};

#[tokio::test]
async fn peers_beyond_the_limit_are_told_when_to_come_back() {
    let server = Server::start(|settings| settings.connections = 2).await;
    let (first, _second) = (server.open().await, server.open().await);
    let answer = server.get("/health", "").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(
        answer.to_lowercase().contains("\r\nretry-after: 10\r\n"),
        "{answer}"
    );
    drop(first);
    let free = async {
        while !server.get("/health", "").await.starts_with("HTTP/1.1 200") {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, free)
        .await
        .expect("the place is free again");
}

#[tokio::test]
async fn address_has_a_limit_of_its_own() {
    let server = Server::start(|settings| settings.connections_per_ip = 3).await;
    let _open = [
        server.open().await,
        server.open().await,
        server.open().await,
    ];
    let answer = server.get("/health", "").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
}

#[tokio::test]
async fn peers_behind_a_trusted_proxy_count_by_their_own_addresses() {
    let server = Server::start(|settings| {
        settings.connections_per_ip = 1;
        let address = "127.0.0.1".parse().unwrap();
        settings.proxy = Proxy {
            trusted: vec![Network {
                address,
                prefix: 32,
            }],
            ..Proxy::default()
        };
    })
    .await;
    let header = |n: u8| format!("x-forwarded-for: 9.9.9.9, 203.0.113.{n}\r\n");
    let mut first = Client::open(server.tcp().await, &header(1)).await;
    let _second = Client::open(server.tcp().await, &header(2)).await;
    first.say("who").await;
    first.hears("203.0.113.1 false").await;
    let mut tcp = server.tcp().await;
    let answer = Client::handshake(&mut tcp, &header(1)).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("\r\nretry-after: "), "{answer}");
    drop(first);
    let free = async {
        while !Client::handshake(&mut server.tcp().await, &header(1))
            .await
            .contains(" 101 ")
        {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, free)
        .await
        .expect("the place is free again");
}

#[tokio::test]
async fn header_of_an_untrusted_peer_changes_nothing() {
    let server = Server::start(|_| {}).await;
    let mut client = Client::open(server.tcp().await, "x-forwarded-for: 203.0.113.1\r\n").await;
    client.say("who").await;
    client.hears("127.0.0.1 false").await;
}
