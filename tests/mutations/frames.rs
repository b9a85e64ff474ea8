//! Frames as nobody should send them, over a real socket: what comes back is frames, and in the end
//! a close with a code of the standard or the peer's own end.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::json;

use crate::{common::Server, hostile::raw_socket};

const SOCKETS: u32 = 300;

#[test]
fn spoilt_frames_are_answered_or_closed() {
    let server = Server::start();
    let mut witness = server.register("witness");
    let seed = std::env::var("MORELIA_FUZZ_SEED").ok();
    let seed: u64 = seed
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(rand::random);
    println!("MORELIA_FUZZ_SEED={seed} repeats this run");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut ends = std::collections::BTreeMap::<Option<u16>, u32>::new();
    for number in 0..SOCKETS {
        let sent = spoilt(&mut rng);
        let mut socket = raw_socket(&server.address());
        // The server may close in the middle of it.
        let _ = socket.write_all(&sent);
        let _ = socket.shutdown(Shutdown::Write);
        let heard = hear(&mut socket);
        let end = judge(&heard).unwrap_or_else(|what| panic!("socket {number}: {what}: {sent:x?}"));
        *ends.entry(end).or_default() += 1;
        if number % 20 == 0 {
            witness.ask("ping_pong", &json!({})).is(200);
        }
    }
    witness.ask("ping_pong", &json!({})).is(200);
    println!("closed with: {ends:?}");
    for code in [Some(1002), Some(1007), None] {
        assert!(ends.contains_key(&code), "never {code:?}: {ends:?}");
    }
}

/// Returns some frames, of which few are as they should be.
fn spoilt(rng: &mut StdRng) -> Vec<u8> {
    let payloads: [&[u8]; 7] = [
        b"",
        br#"{"type":"ping_pong","data":null,"jsonapi":{"version":"1.0"}}"#,
        b"not a request",
        "при".as_bytes(),
        b"\xc3\x28",
        b"\x03\xe8bye",
        &[b'x'; 126],
    ];
    let firsts = [
        0x81, 0x81, 0x81, 0x82, 0x01, 0x00, 0x80, 0x89, 0x8a, 0x88, 0x09, 0xc1, 0x83,
    ];
    let mut bytes = Vec::new();
    for _ in 0..rng.random_range(1..10) {
        let payload = payloads.choose(rng).copied().unwrap_or_default();
        bytes.push(*firsts.choose(rng).unwrap_or(&0x81));
        match u8::try_from(payload.len()) {
            Ok(short) if short < 126 => bytes.push(0x80 | short),
            _ => bytes.extend([0xfe, 0, u8::try_from(payload.len()).unwrap_or(0)]),
        }
        let mask: [u8; 4] = rng.random();
        bytes.extend(mask);
        bytes.extend(
            payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
    }
    for _ in 0..rng.random_range(0..3) {
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..4) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes.insert(at, rng.random()),
            2 => bytes.truncate(at + 1),
            _ => bytes.extend((0..rng.random_range(1..200)).map(|_| rng.random::<u8>())),
        }
    }
    bytes
}

fn hear(socket: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    if let Err(err) = socket.read_to_end(&mut heard) {
        assert_eq!(err.kind(), std::io::ErrorKind::ConnectionReset, "{err}");
    }
    heard
}

/// Reads what the server sent; returns the code that it closed with, if it did.
fn judge(mut heard: &[u8]) -> Result<Option<u16>, String> {
    while let [first, second, rest @ ..] = heard {
        let (len, rest) = match (second, rest) {
            (0..126, rest) => (usize::from(*second), rest),
            (126, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            _ => return Err(format!("no length: {heard:x?}")),
        };
        let payload = rest
            .get(..len)
            .ok_or_else(|| format!("cut short: {heard:x?}"))?;
        heard = &rest[len..];
        match first {
            0x81 => {
                super::oracle::judge_text(payload)?;
            }
            0x8a => {}
            0x88 if !heard.is_empty() => return Err("something came after the close".to_owned()),
            0x88 => {
                let [high, low, reason @ ..] = payload else {
                    return Ok(None);
                };
                std::str::from_utf8(reason).map_err(|err| err.to_string())?;
                let code = u16::from_be_bytes([*high, *low]);
                let allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
                return allowed
                    .then_some(Some(code))
                    .ok_or(format!("closed with {code}"));
            }
            _ => return Err(format!("a frame {first:x}")),
        }
    }
    if heard.is_empty() {
        Ok(None)
    } else {
        Err(format!("half a frame: {heard:x?}"))
    }
}
