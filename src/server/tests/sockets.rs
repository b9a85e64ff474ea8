//! Sockets: order, close codes, pings, timeouts and large messages.

use super::*;

#[tokio::test]
async fn pipelined_frames_are_answered_in_order() {
    let server = Server::start(|_| {}).await;
    let mut client = server.open().await;
    let words: Vec<String> = (0..500).map(|n| n.to_string()).collect();
    let all: Vec<u8> = words
        .iter()
        .flat_map(|word| frame(0x81, word.as_bytes()))
        .collect();
    client.send(&all).await;
    for word in &words {
        client.hears(word).await;
    }
}

#[tokio::test]
async fn frames_sent_with_the_handshake_are_answered() {
    let server = Server::start(|_| {}).await;
    let mut tcp = server.tcp().await;
    let request = "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let both = [request.as_bytes(), &frame(0x81, b"early")].concat();
    tcp.write_all(&both).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tcp.read_u8().await.unwrap());
    }
    Client { io: tcp }.hears("early").await;
}

#[tokio::test]
async fn answer_leaves_before_a_slow_one_is_ready() {
    let server = Server::start(|_| {}).await;
    let mut client = server.open().await;
    client
        .send(&[frame(0x81, b"quick"), frame(0x81, b"slow")].concat())
        .await;
    let start = std::time::Instant::now();
    client.hears("quick").await;
    assert!(
        start.elapsed() < Duration::from_millis(250),
        "{:?}",
        start.elapsed()
    );
    client.hears("slowly").await;
}

#[tokio::test]
async fn pushes_come_between_answers() {
    let server = Server::start(|_| {}).await;
    let mut client = server.open().await;
    client.say("push").await;
    client.hears("pushing").await;
    for _ in 0..3 {
        client.hears("....").await;
    }
    client.say("still here").await;
    client.hears("still here").await;
}

#[tokio::test]
async fn peer_that_keeps_asking_still_gets_its_pushes() {
    let server = Server::start(|_| {}).await;
    let mut client = server.open().await;
    let asked = 2000;
    let all: Vec<u8> = std::iter::once(frame(0x81, b"push"))
        .chain((0..asked).map(|_| frame(0x81, b"?")))
        .flatten()
        .collect();
    client.send(&all).await;
    let mut before = 0;
    while let Some((_, payload)) = client.next().await {
        if payload == b"...." {
            break;
        }
        before += 1;
    }
    assert!(before < asked, "the push came after all {asked} answers");
}

#[tokio::test]
async fn broken_frames_are_closed_with_their_codes() {
    let server = Server::start(|settings| settings.frame_max_bytes = 100_000).await;
    let cases = [
        (1002, "reserved bits", frame(0xf1, b"x")),
        (1002, "unknown opcode", frame(0x83, b"x")),
        (1002, "not masked", vec![0x81, 1, b'x']),
        (1007, "not UTF-8", frame(0x81, b"\xff\xfe")),
        (1007, "not UTF-8, first of two", frame(0x01, b"\xff\xfe")),
        (1009, "too large", announce(0x81, 100_001)),
        (1009, "much too large", announce(0x82, 60 << 20)),
    ];
    for (code, name, bytes) in cases {
        println!("{name}");
        let mut client = server.open().await;
        // Earlier messages are answered first.
        client.send(&[frame(0x81, b"before"), bytes].concat()).await;
        client.hears("before").await;
        client.is_closed(code).await;
    }
}

#[tokio::test]
async fn oversize_sender_sees_its_close_code_while_still_sending() {
    let server = Server::start(|settings| settings.frame_max_bytes = 100_000).await;
    let client = server.open().await;
    let (read, mut write) = client.io.into_split();
    let sending = tokio::spawn(async move {
        let _ = write.write_all(&announce(0x82, 60 << 20)).await;
        let block = vec![0; 1 << 20];
        while write.write_all(&block).await.is_ok() {}
    });
    let mut client = Client {
        io: tokio::io::join(read, tokio::io::sink()),
    };
    client.is_closed(1009).await;
    timeout(PATIENCE, sending).await.unwrap().unwrap();
}

#[tokio::test]
async fn peers_close_is_answered_with_its_code() {
    let server = Server::start(|_| {}).await;
    for (payload, code) in [
        (&b"\x03\xe8done"[..], Some(1000)),
        (b"\x0f\xa0", Some(4000)),
        (b"", None),
    ] {
        let mut client = server.open().await;
        client.send(&frame(0x88, payload)).await;
        let (opcode, answer) = client.next().await.unwrap();
        let answered = (!answer.is_empty()).then(|| u16::from_be_bytes([answer[0], answer[1]]));
        assert_eq!((opcode, answered), (8, code));
        assert_eq!(client.next().await, None);
    }
}

#[tokio::test]
async fn conversation_closes_after_its_last_answer() {
    let server = Server::start(|_| {}).await;
    let mut client = server.open().await;
    client.say("close").await;
    client.hears("bye").await;
    client.is_closed(1008).await;
}

#[tokio::test]
async fn panic_ends_its_own_connection_only() {
    let server = Server::start(|_| {}).await;
    let (mut unlucky, mut other) = (server.open().await, server.open().await);
    unlucky.say("panic").await;
    unlucky.is_closed(1011).await;
    other.say("unharmed").await;
    other.hears("unharmed").await;
}

#[tokio::test]
async fn pings_are_answered_in_the_midst_of_a_message() {
    let server = Server::start(|_| {}).await;
    let mut client = server.open().await;
    client
        .send(&[frame(0x01, b"one "), frame(0x89, b"ping")].concat())
        .await;
    assert_eq!(client.next().await, Some((10, b"ping".to_vec())));
    client.send(&frame(0x80, b"message")).await;
    client.hears("one message").await;
}

#[tokio::test]
async fn silent_peer_is_dropped_and_a_ponging_one_stays() {
    let server =
        Server::start(|settings| settings.ping_interval = Duration::from_millis(150)).await;
    let (mut silent, mut lively) = (server.open().await, server.open().await);
    for _ in 0..5 {
        assert_eq!(lively.next().await, Some((9, Vec::new())));
        lively.send(&frame(0x8a, b"")).await;
    }
    assert_eq!(silent.next().await, Some((9, Vec::new())));
    assert_eq!(
        silent.next().await,
        None,
        "dropped after one ping without a pong"
    );
    lively.say("alive").await;
    lively.hears("alive").await;
}

#[tokio::test]
async fn slow_upload_counts_as_life() {
    let server =
        Server::start(|settings| settings.ping_interval = Duration::from_millis(100)).await;
    let mut client = server.open().await;
    let whole = frame(0x81, &[b'x'; 5000]);
    for part in whole.chunks(500) {
        client.send(part).await;
        sleep(Duration::from_millis(60)).await;
    }
    while let Some((9, _)) = client.next().await {}
    client.say("still here").await;
    while let Some((opcode, payload)) = client.next().await {
        if opcode == 1 {
            assert_eq!(payload, b"still here");
            return;
        }
    }
    panic!("the connection was dropped");
}

#[tokio::test]
async fn message_that_never_ends_is_closed() {
    let server =
        Server::start(|settings| settings.frame_timeout = Duration::from_millis(200)).await;
    for start in [vec![0x81], announce(0x81, 1000), frame(0x01, b"a fragment")] {
        let mut client = server.open().await;
        client.send(&start).await;
        client.is_closed(1008).await;
    }
    let mut idle = server.open().await;
    sleep(Duration::from_millis(400)).await;
    idle.say("nothing was unfinished").await;
    idle.hears("nothing was unfinished").await;
}

#[tokio::test]
async fn large_messages_wait_for_room_and_all_arrive() {
    const SIZE: usize = 1 << 20;
    let server = Server::start(|settings| {
        settings.frame_max_bytes = SIZE;
        settings.budget_bytes = 2 * SIZE;
        settings.budget_strangers_bytes = SIZE;
    })
    .await;
    let mut holder = server.open().await;
    holder
        .send(&frame(0x81, &vec![b'x'; SIZE])[..SIZE / 2])
        .await;
    // The strangers' memory is taken, so another stranger waits, while a user gets memory.
    sleep(Duration::from_millis(100)).await;
    let mut user = server.open().await;
    user.say("sign in").await;
    user.hears("signed in").await;
    let (mut stranger, large) = (server.open().await, frame(0x81, &vec![b'y'; SIZE]));
    let waiting = tokio::spawn({
        let large = large.clone();
        async move {
            stranger.send(&large).await;
            stranger.hears(&format!("{SIZE} bytes")).await;
        }
    });
    user.send(&large).await;
    user.hears(&format!("{SIZE} bytes")).await;
    assert!(!waiting.is_finished(), "there was no room for the stranger");
    holder
        .send(&frame(0x81, &vec![b'x'; SIZE])[SIZE / 2..])
        .await;
    holder.hears(&format!("{SIZE} bytes")).await;
    timeout(PATIENCE, waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn who_finds_no_room_for_too_long_is_told_to_come_back() {
    let server = Server::start(|settings| {
        settings.frame_max_bytes = 1 << 20;
        settings.budget_bytes = 1 << 20;
        settings.budget_strangers_bytes = 1 << 20;
        settings.frame_timeout = Duration::from_secs(1);
    })
    .await;
    let half = &frame(0x81, &vec![b'x'; 1 << 20])[..1 << 19];
    // The first holds the memory for a second, the second takes it over, the third waits too long.
    let mut peers = [
        server.open().await,
        server.open().await,
        server.open().await,
    ];
    for peer in &mut peers {
        peer.send(half).await;
        sleep(Duration::from_millis(200)).await;
    }
    for (peer, code) in peers.iter_mut().zip([1008, 1008, 1013]) {
        peer.is_closed(code).await;
    }
}

#[tokio::test]
async fn peer_that_stops_reading_is_dropped() {
    let server =
        Server::start(|settings| settings.write_timeout = Duration::from_millis(300)).await;
    let mut deaf = server.open().await;
    deaf.say("flood").await;
    let gone = async {
        // Until then this counts the flooded connection, and the one of the request itself.
        while !server
            .get("/metrics", "")
            .await
            .ends_with("connections 1\n")
        {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, gone)
        .await
        .expect("the deaf peer is dropped");
}

#[tokio::test]
async fn large_answers_that_nobody_reads_share_their_room() {
    const ANSWER: usize = 8 << 20;
    let server = Server::start(|settings| settings.unread_bytes = ANSWER).await;
    let large = frame(0x82, &vec![b'x'; ANSWER]);
    // Far more than the kernel buffers for a peer that does not read.
    let mut deaf = server.open().await;
    deaf.send(&large).await;
    let mut second = server.open().await;
    let dropped = async {
        loop {
            second.send(&large).await;
            // Complete while there was memory, cut off once the peer that does not read holds it.
            if second.next().await.is_none() {
                return;
            }
        }
    };
    timeout(PATIENCE, dropped)
        .await
        .expect("there is no room for a second");
    // Small messages are not affected, and the memory is freed with the peer that held it.
    let mut third = server.open().await;
    third.say("small").await;
    third.hears("small").await;
    drop(deaf);
    let answered = async {
        loop {
            let mut fourth = server.open().await;
            fourth.send(&large).await;
            if let Some((2, payload)) = fourth.next().await {
                assert_eq!(payload.len(), ANSWER);
                return;
            }
        }
    };
    timeout(PATIENCE, answered)
        .await
        .expect("there is room again");
}

#[tokio::test]
async fn a_picture_for_many_takes_the_room_of_none() {
    let server = Server::start(|settings| settings.unread_bytes = PICTURE_BYTES).await;
    let mut deaf = Vec::new();
    for _ in 0..3 {
        let mut one = server.open().await;
        one.say("picture").await;
        deaf.push(one);
    }
    let mut hearing = server.open().await;
    hearing.say("picture").await;
    let (opcode, payload) = timeout(PATIENCE, hearing.next())
        .await
        .expect("in time")
        .expect("it is not cut off");
    assert_eq!((opcode, payload.len()), (2, PICTURE_BYTES));
}
