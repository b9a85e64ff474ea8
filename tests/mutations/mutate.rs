//! Spoiling a request: as a tree, as a text, and as bytes.

use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Map, Value, json};

/// What JSON values cannot hold but texts can; a character of the private use area with the number
/// of the entry holds its place in the tree.
const RAW: [&str; 16] = [
    "1e999",
    "-1e999",
    "NaN",
    "-0",
    "007",
    "1.5",
    "18446744073709551616",
    "-9223372036854775809",
    "9223372036854775807",
    "123456789012345678901234567890123456789012",
    r#""\ud800""#,
    r#""\udc00\ud800""#,
    r#""\u0000""#,
    "'single'",
    "",
    "{\"a\":1,}",
];

/// The first of the characters that stand for them.
const RAW_MARK: u32 = 0xE100;

const KEYS: [&str; 24] = [
    "type",
    "data",
    "errors",
    "jsonapi",
    "meta",
    "version",
    "time",
    "flow",
    "message",
    "user",
    "uuid",
    "auth_id",
    "title",
    "info",
    "owner",
    "users",
    "message_start",
    "message_end",
    "text",
    "client_id",
    "after",
    "query",
    "txn",
    "file_picture",
];

/// Returns the request as it is sent.
pub(super) fn spoil(mut value: Value, other: &Value, rng: &mut StdRng) -> Vec<u8> {
    let spoils = [0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 6];
    for _ in 0..*spoils.choose(rng).unwrap_or(&1) {
        tree(&mut value, other, rng);
    }
    let mut text = value.to_string();
    for (mark, raw) in (RAW_MARK..).filter_map(char::from_u32).zip(RAW) {
        // Where it became a part of something else it stays a character.
        if text.contains(mark) {
            text = text.replace(&format!("\"{mark}\""), raw);
        }
    }
    if rng.random_ratio(1, 12) {
        duplicate_key(&mut text, rng);
    }
    if rng.random_ratio(1, 60) {
        let depth = [20, 126, 127, 128, 129, 5000];
        let depth = *depth.choose(rng).unwrap_or(&1);
        let (open, close) = if rng.random() {
            ("[", "]")
        } else {
            ("{\"a\":", "}")
        };
        let deep = format!("{}0{}", open.repeat(depth), close.repeat(depth));
        text = text.replacen("null", &deep, 1);
        text = text.replacen("[]", &deep, 1);
    }
    let mut bytes = text.into_bytes();
    if rng.random_ratio(1, 8) {
        for _ in 0..rng.random_range(1..4) {
            spoil_bytes(&mut bytes, other, rng);
        }
    }
    bytes
}

/// Changes one place of the tree.
fn tree(value: &mut Value, other: &Value, rng: &mut StdRng) {
    let path = any_path(value, rng);
    let Some(place) = value.pointer_mut(&path) else {
        return;
    };
    match rng.random_range(0..9) {
        0..=1 => *place = alike(place, rng),
        2..=3 => *place = odd(rng),
        // The same place of another request, or any of it.
        4 => {
            let found = other.pointer(&path).cloned();
            let elsewhere = other.pointer(&any_path(other, rng)).cloned();
            *place = found.or(elsewhere).unwrap_or_default();
        }
        5 => *place = convert(place.take()),
        6 => {
            if let Value::Object(map) = place {
                let known: Vec<_> = map.keys().cloned().collect();
                if let Some(key) = known.choose(rng) {
                    map.remove(key);
                }
            } else {
                *place = Value::Null;
            }
        }
        7 => {
            if let (Value::Object(map), Some(key)) = (&mut *place, KEYS.choose(rng)) {
                map.insert((*key).to_owned(), odd(rng));
            } else {
                *place = json!([place.take()]);
            }
        }
        _ => {
            if let Value::Array(list) = place {
                let times = *[1, 2, 101].choose(rng).unwrap_or(&1);
                let copies = list.first().cloned();
                list.extend(copies.into_iter().cycle().take(times));
            } else {
                *place = odd(rng);
            }
        }
    }
}

/// Returns the same in another type: digits as a number, a number as text, one as a list.
fn convert(value: Value) -> Value {
    match value {
        Value::String(text) => {
            serde_json::from_str(&text).unwrap_or_else(|_| json!(text.bytes().collect::<Vec<_>>()))
        }
        Value::Number(number) => json!(number.to_string()),
        Value::Bool(truth) => json!(u8::from(truth)),
        Value::Array(mut list) => list.pop().unwrap_or_default(),
        Value::Object(map) => json!(map.values().collect::<Vec<_>>()),
        Value::Null => json!({}),
    }
}

/// Returns an odd value of the same type, which gets further than others.
fn alike(value: &Value, rng: &mut StdRng) -> Value {
    let same = |odd: &Value| std::mem::discriminant(odd) == std::mem::discriminant(value);
    let mut tries = std::iter::repeat_with(|| odd(rng)).take(50);
    tries.find(same).unwrap_or_default()
}

fn odd(rng: &mut StdRng) -> Value {
    let raw = |rng: &mut StdRng| {
        let index = u32::try_from(rng.random_range(0..RAW.len())).unwrap_or(0);
        let mark = char::from_u32(RAW_MARK + index).unwrap_or_default();
        json!(mark.to_string())
    };
    match rng.random_range(0..20) {
        0 => Value::Null,
        1 => json!(rng.random::<bool>()),
        2 => json!([-1, 0, 1, 99, 100, 101][rng.random_range(0..6)]),
        3 => json!(rng.random::<i64>()),
        4 => json!(i64::MAX),
        5 => json!(i64::MIN),
        6 => json!(rng.random::<f64>() * 1e300),
        7 => json!(""),
        8 => json!("0"),
        9 => json!("9".repeat(rng.random_range(1..50))),
        10 => json!(["\u{0}", "\u{202e}", "\u{feff}a", " a ", "e\u{301}"][rng.random_range(0..5)]),
        11 => {
            json!(["' OR 1=1 --", "\" OR \"", "%", "*", "NEAR(", "a*b^c:d"][rng.random_range(0..6)])
        }
        12 => json!(["chat", "group", "channel", "User deleted"][rng.random_range(0..4)]),
        13 => json!("ж".repeat(*[255, 257, 4097, 40_000].choose(rng).unwrap_or(&1))),
        14 => json!([]),
        15 => json!({}),
        16 => json!([[], {}, null, 0, "x"]),
        17 => json!(vec![rng.random_range(0..300); rng.random_range(0..200)]),
        18 => Value::Object(
            KEYS.iter()
                .map(|key| ((*key).to_owned(), json!(0)))
                .collect::<Map<_, _>>(),
        ),
        _ => raw(rng),
    }
}

/// Returns the JSON pointer of a place chosen by chance, the deep ones as likely as the others.
fn any_path(value: &Value, rng: &mut StdRng) -> String {
    let mut all = vec![String::new()];
    let mut next = 0;
    while let Some(path) = all.get(next).cloned() {
        match value.pointer(&path) {
            Some(Value::Object(map)) => {
                let keys = map.keys().filter(|key| !key.contains(['/', '~']));
                all.extend(keys.map(|key| format!("{path}/{key}")));
            }
            Some(Value::Array(list)) => {
                all.extend((0..list.len().min(5)).map(|index| format!("{path}/{index}")));
            }
            _ => {}
        }
        next += 1;
    }
    all.choose(rng).cloned().unwrap_or_default()
}

/// Gives an object a key a second time.
fn duplicate_key(text: &mut String, rng: &mut StdRng) {
    let places: Vec<_> = text.match_indices("{\"").map(|(at, _)| at + 1).collect();
    if let (Some(at), Some(key)) = (places.choose(rng), KEYS.choose(rng)) {
        let value = odd(rng);
        text.insert_str(*at, &format!("\"{key}\":{value},"));
    }
}

fn spoil_bytes(bytes: &mut Vec<u8>, other: &Value, rng: &mut StdRng) {
    if bytes.is_empty() {
        return;
    }
    let at = rng.random_range(0..bytes.len());
    match rng.random_range(0..7) {
        0 => bytes[at] ^= 1 << rng.random_range(0..8),
        1 => bytes[at] = rng.random(),
        2 => bytes.insert(at, rng.random()),
        3 => bytes.truncate(at),
        4 => {
            let end = (at + rng.random_range(0..20)).min(bytes.len());
            bytes.drain(at..end);
        }
        5 => {
            let other = other.to_string().into_bytes();
            let from = rng.random_range(0..other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        _ => {
            let end = (at + rng.random_range(0..40)).min(bytes.len());
            let again = bytes[at..end].to_vec();
            bytes.splice(at..at, again);
        }
    }
}
