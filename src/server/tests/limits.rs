//! Limits on connections, and which connections count as one peer.

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

#[tokio::test]
async fn socket_on_which_nobody_signs_in_is_closed() {
    // Long enough to exchange a few messages on a busy machine.
    let limit = Duration::from_secs(2);
    let server = Server::start(|settings| settings.sign_in = limit).await;
    let mut known = server.open().await;
    known.say("sign in").await;
    known.hears("signed in").await;
    for is_busy in [false, true] {
        let mut client = server.open().await;
        let start = std::time::Instant::now();
        // Messages do not count as a sign-in.
        while is_busy && start.elapsed() < Duration::from_millis(300) {
            client.say("hello").await;
            client.hears("hello").await;
            sleep(Duration::from_millis(20)).await;
        }
        client.is_closed(1008).await;
        assert!(start.elapsed() >= limit);
    }
    known.say("still here").await;
    known.hears("still here").await;
}

#[tokio::test]
async fn strangers_leave_room_for_those_who_sign_in() {
    let server = Server::start(|settings| settings.connections = 40).await;
    let mut known = server.open().await;
    known.say("sign in").await;
    known.hears("signed in").await;
    let mut strangers = Vec::new();
    for number in 0..60 {
        let mut stranger = server.open().await;
        stranger.say("hello").await;
        stranger.hears("hello").await;
        strangers.push(stranger);
        if number >= 10 {
            strangers.remove(0).is_closed(1008).await;
        }
    }
    for stranger in &mut strangers {
        stranger.say("hello").await;
        stranger.hears("hello").await;
    }
    known.say("still here").await;
    known.hears("still here").await;
}

#[tokio::test]
async fn strangers_of_one_address_leave_room_for_others() {
    let server = Server::start(|settings| {
        let address = "127.0.0.1".parse().unwrap();
        settings.proxy.trusted = vec![Network {
            address,
            prefix: 32,
        }];
    })
    .await;
    let open = async |address: &str| {
        let header = format!("x-forwarded-for: {address}\r\n");
        let mut client = Client::open(server.tcp().await, &header).await;
        client.say("hello").await;
        client.hears("hello").await;
        client
    };
    let mut other = open("203.0.113.2").await;
    let mut oldest = open("203.0.113.1").await;
    let mut first = open("203.0.113.1").await;
    let mut known = open("203.0.113.1").await;
    known.say("sign in").await;
    known.hears("signed in").await;
    let mut rest = Vec::new();
    for _ in 0..14 {
        rest.push(open("203.0.113.1").await);
    }
    oldest.say("still here").await;
    oldest.hears("still here").await;
    rest.push(open("203.0.113.1").await);
    oldest.is_closed(1008).await;
    rest.push(open("203.0.113.1").await);
    first.is_closed(1008).await;
    for client in rest.iter_mut().chain([&mut other, &mut known]) {
        client.say("still here").await;
        client.hears("still here").await;
    }
}
