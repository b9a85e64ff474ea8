//! Decodes the bytes of a page: UTF-8, and two older encodings that are still used.

/// The bytes at the beginning of a page in which it may name its encoding.
const BEGINNING: usize = 1024;

/// The upper half of windows-1251, from 0x80 on.
const CYRILLIC: &str = "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{98}™љ›њќћџ\u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕїАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя";

/// Decodes a body of a media type, which is in lower case. Invalid bytes are omitted.
pub(super) fn decoded(kind: &str, body: &[u8]) -> String {
    let own = String::from_utf8_lossy(body.get(..BEGINNING).unwrap_or(body)).to_ascii_lowercase();
    match named(kind).or_else(|| named(&own)).unwrap_or_default() {
        "windows-1251" | "cp1251" => body.iter().map(|byte| upper(*byte)).collect(),
        "iso-8859-1" | "latin1" | "windows-1252" => body.iter().copied().map(char::from).collect(),
        _ => String::from_utf8_lossy(body).replace(char::REPLACEMENT_CHARACTER, ""),
    }
}

fn upper(byte: u8) -> char {
    match byte.checked_sub(0x80) {
        None => char::from(byte),
        Some(at) => CYRILLIC.chars().nth(at.into()).unwrap_or(' '),
    }
}

/// Returns the word after `charset=`.
fn named(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("charset=")?;
    let rest = rest.trim_start_matches(['"', '\'', ' ']);
    let end = rest.find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '-' && sign != '_');
    Some(&rest[..end.unwrap_or(rest.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_half_is_whole() {
        assert_eq!(CYRILLIC.chars().count(), 128);
        assert_eq!(upper(0xa8), 'Ё');
        assert_eq!(upper(0xff), 'я');
    }
}
