//! Tests of frames: invalid ones from clients, and valid ones from the server.

use proptest::prelude::*;

use super::*;

const MASK: [u8; 4] = [0x11, 0x82, 0xf3, 0x64];

/// Returns a frame as a client sends it.
fn client(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    head(first & 0x0f, payload.len(), &mut frame);
    frame[0] = first;
    frame[1] |= 0x80;
    frame.extend_from_slice(&MASK);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// Decodes bytes that arrive in pieces of a size.
fn decode(bytes: &[u8], piece: usize, max: usize) -> Result<Vec<Event>, Violation> {
    let mut decoder = Decoder::new(max);
    let mut events = Vec::new();
    for mut input in bytes.chunks(piece) {
        while let Some(event) = decoder.next(&mut input)? {
            events.push(event);
        }
    }
    Ok(events)
}

fn text(text: &str) -> Event {
    Event::Message(Frame::Text(Bytes::copy_from_slice(text.as_bytes())))
}

#[test]
fn fragments_with_a_ping_between_them_are_one_message() {
    let parts = [
        client(0x01, "при".as_bytes()),
        client(0x89, b"are you there"),
        client(0x00, &"в".as_bytes()[..1]),
        client(0x80, &"в".as_bytes()[1..]),
        client(0x82, b"\xff"),
    ];
    for piece in 1..40 {
        let events = decode(&parts.concat(), piece, 100).unwrap();
        let binary = Event::Message(Frame::Binary(Bytes::from_static(b"\xff")));
        let ping = Event::Ping(b"are you there".to_vec());
        assert_eq!(events, [ping, text("прив"), binary], "in pieces of {piece}");
    }
}

#[test]
fn violations_have_their_close_codes() {
    let mut unmasked = client(0x81, b"");
    unmasked[1] &= 0x7f;
    let huge = [0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4].to_vec();
    let cases = [
        ("reserved bit", client(0xc1, b"x"), 1002),
        ("unknown data opcode", client(0x83, b"x"), 1002),
        ("unknown control opcode", client(0x8b, b"x"), 1002),
        ("unmasked", unmasked, 1002),
        ("fragmented ping", client(0x09, b"x"), 1002),
        ("long ping", client(0x89, &[b'x'; 126]), 1002),
        ("nothing to continue", client(0x80, b"x"), 1002),
        (
            "second message",
            [client(0x01, b"x"), client(0x81, b"y")].concat(),
            1002,
        ),
        ("length of 64 bits", huge, 1002),
        (
            "five in 16 bits",
            [&[0x81, 0xfe, 0, 5, 0, 0, 0, 0][..], b"hello"].concat(),
            1002,
        ),
        (
            "200 in 64 bits",
            [
                &[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, 0][..],
                &[b'x'; 200],
            ]
            .concat(),
            1002,
        ),
        ("close code of one byte", client(0x88, b"x"), 1002),
        (
            "close code 1005",
            client(0x88, &1005_u16.to_be_bytes()),
            1002,
        ),
        (
            "close code 2999",
            client(0x88, &2999_u16.to_be_bytes()),
            1002,
        ),
        ("close reason", client(0x88, b"\x03\xe8\xff"), 1007),
        ("text", client(0x81, b"\xc3\x28"), 1007),
        ("too large", client(0x81, &[b'x'; 201]), 1009),
        (
            "too large in parts",
            [client(0x01, &[b'x'; 150]), client(0x80, &[b'x'; 51])].concat(),
            1009,
        ),
    ];
    for (name, bytes, code) in cases {
        for piece in [1, 3, bytes.len()] {
            let err = decode(&bytes, piece, 200).expect_err(name);
            assert_eq!(err.code, code, "{name}: {}", err.reason);
        }
    }
}

#[test]
fn oversize_is_refused_at_its_header() {
    let announced = [0x82, 0xff, 0, 0, 0, 0, 0x03, 0x94, 0, 0, 1, 2, 3, 4];
    assert_eq!(decode(&announced, 14, 16 << 20).unwrap_err().code, 1009);
}

#[test]
fn announced_length_allocates_nothing() {
    let mut decoder = Decoder::new(16 << 20);
    let announced = [0x82, 0xff, 0, 0, 0, 0, 0x01, 0, 0, 0, 1, 2, 3, 4, b'x'];
    assert_eq!(decoder.next(&mut &announced[..]).unwrap(), None);
    assert!(decoder.message.capacity() <= 2 * FIRST_BYTES);
    assert!(decoder.is_unfinished());
    assert_eq!(decoder.large(0), Some(16 << 20));
    assert_eq!(decoder.large(1), None);
}

#[test]
fn buffer_goes_with_its_message() {
    let mut decoder = Decoder::new(16 << 20);
    let bytes = client(0x81, &vec![b'x'; 1 << 20]);
    let event = decoder.next(&mut &bytes[..]).unwrap();
    assert_eq!(event, Some(text(&"x".repeat(1 << 20))));
    assert_eq!(decoder.message.capacity(), 0);
    assert!(!decoder.is_unfinished());
}

#[test]
fn fragmented_message_may_become_as_large_as_any() {
    let mut decoder = Decoder::new(1000);
    decoder.next(&mut &client(0x01, &[b'x'; 100])[..]).unwrap();
    assert_eq!(decoder.large(99), Some(1000));
    let last = client(0x80, &[b'x'; 50]);
    decoder.next(&mut &last[..10]).unwrap();
    assert_eq!(decoder.large(99), Some(150));
}

#[test]
fn headers_have_the_shortest_length() {
    for (len, expected) in [(0, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)] {
        let mut out = Vec::new();
        let payload = data(Frame::Binary(vec![0; len].into()), &mut out);
        assert_eq!((out.len(), payload.len()), (expected, len));
    }
}

#[test]
fn close_reason_is_cut_where_a_character_ends() {
    let mut out = Vec::new();
    close(Some(1008), &"ж".repeat(100), &mut out);
    assert_eq!(out[1], 2 + 122);
    assert!(std::str::from_utf8(&out[4..]).is_ok());
}

/// Frames as clients send them, and the ways in which they can be damaged.
fn spoilt_frames() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![
        Just(0x80),
        Just(0x00),
        Just(0x81),
        Just(0x01),
        Just(0x82),
        Just(0x02),
        Just(0x88),
        Just(0x89),
        Just(0x8a),
        any::<u8>()
    ];
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..140),
        ".{0,60}".prop_map(String::into_bytes),
        Just(b"\x03\xe8bye".to_vec()),
    ];
    let frames = prop::collection::vec((opcode, payload), 1..12);
    let spoils = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..3);
    (frames, spoils).prop_map(|(frames, spoils)| {
        let mut bytes: Vec<u8> = frames
            .iter()
            .flat_map(|(first, payload)| client(*first, payload))
            .collect();
        for (at, byte, how) in spoils {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at + 1),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn spoilt_frames_mean_the_same_however_they_are_cut(bytes in spoilt_frames(), piece in 1..50_usize) {
        decode_any(&bytes, piece);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), piece in 1..50_usize) {
        let whole = decode(&bytes, bytes.len().max(1), 100);
        prop_assert_eq!(decode(&bytes, piece, 100).is_err(), whole.is_err());
    }

    #[test]
    fn messages_come_through_however_they_are_cut(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6),
        piece in 1..200_usize,
    ) {
        let bytes: Vec<u8> = messages.iter().flat_map(|message| client(0x82, message)).collect();
        let events = decode(&bytes, piece, 300).unwrap();
        let sent: Vec<_> = messages.into_iter()
            .map(|message| Event::Message(Frame::Binary(message.into())))
            .collect();
        prop_assert_eq!(events, sent);
    }
}
