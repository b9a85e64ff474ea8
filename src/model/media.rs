//! The kind of media content, detected by its first bytes and never by what a sender says.

/// Returns the media type of content if browsers show or play it; `None`: it is of no such type.
///
/// Sources: RFC 2083 (PNG), ISO 10918-1 (JPEG), `GIF89a`, the RIFF containers of `WebP` and WAV,
/// ISO 14496-12 (`ftyp`), RFC 3533 (Ogg), RFC 9639 (FLAC), the EBML header of `WebM`, MPEG audio frames
/// and `ID3v2`.
#[must_use]
pub fn media_type(content: &[u8]) -> Option<&'static str> {
    let at =
        |place: usize, bytes: &[u8]| content.get(place..).is_some_and(|it| it.starts_with(bytes));
    if at(0, b"\x89PNG\r\n\x1a\n") {
        return Some("image/png");
    }
    if at(0, b"\xff\xd8\xff") {
        return Some("image/jpeg");
    }
    if at(0, b"GIF87a") || at(0, b"GIF89a") {
        return Some("image/gif");
    }
    if at(0, b"RIFF") && at(8, b"WEBP") {
        return Some("image/webp");
    }
    if at(0, b"RIFF") && at(8, b"WAVE") {
        return Some("audio/wav");
    }
    if at(4, b"ftyp") {
        return Some(match content.get(8..12) {
            Some(b"avif" | b"avis") => "image/avif",
            Some(b"qt  ") => "video/quicktime",
            Some(b"M4A " | b"M4B ") => "audio/mp4",
            _ => "video/mp4",
        });
    }
    if at(0, b"\x1a\x45\xdf\xa3") {
        return Some("video/webm");
    }
    if at(0, b"OggS") {
        return Some("audio/ogg");
    }
    if at(0, b"fLaC") {
        return Some("audio/flac");
    }
    if at(0, b"ID3") || matches!(content, [0xff, second, ..] if second & 0xe6 == 0xe2) {
        return Some("audio/mpeg");
    }
    None
}

/// Returns the media type of this name if it is one of the picture types that are detected.
#[must_use]
pub fn known_media_type(name: &str) -> Option<&'static str> {
    const PICTURES: [&str; 5] = [
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/avif",
    ];
    PICTURES.into_iter().find(|known| *known == name)
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn content_is_known_by_its_first_bytes() {
        let cases: [(&[u8], Option<&str>); 14] = [
            (b"\x89PNG\r\n\x1a\n...", Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a", Some("image/gif")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"RIFF\0\0\0\0WAVEfmt ", Some("audio/wav")),
            (b"\0\0\0\x1cftypavif", Some("image/avif")),
            (b"\0\0\0\x1cftypisom", Some("video/mp4")),
            (b"\0\0\0\x14ftypqt  ", Some("video/quicktime")),
            (b"\x1a\x45\xdf\xa3", Some("video/webm")),
            (b"\xff\xfb\x90\x00", Some("audio/mpeg")),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
            (b"<!doctype html><script>", None),
            (b"%PDF-1.7", None),
            (b"", None),
        ];
        for (content, expected) in cases {
            assert_eq!(media_type(content), expected, "{content:?}");
        }
    }
}
