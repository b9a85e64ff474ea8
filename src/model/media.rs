//! The kind of media content, detected by its first bytes and never by what a sender says.

/// The number of bytes within which the header of EBML says which kind of container it begins.
const EBML_HEADER: usize = 64;

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
        return match content.get(8..12) {
            Some(b"avif" | b"avis") => Some("image/avif"),
            Some(b"qt  ") => Some("video/quicktime"),
            Some(b"M4A " | b"M4B ") => Some("audio/mp4"),
            Some(brand) if is_other_picture(brand) => compatible_picture(content),
            _ => Some("video/mp4"),
        };
    }
    if at(0, b"\x1a\x45\xdf\xa3") {
        // Its sibling Matroska, which few browsers play, differs by the name in the header alone.
        let header = content.get(..EBML_HEADER).unwrap_or(content);
        let is_webm = header.windows(7).any(|it| it == b"\x42\x82\x84webm");
        return is_webm.then_some("video/webm");
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

/// Returns whether a brand of ISO 14496-12 is of pictures that browsers do not show (HEIC, JPEG 2000,
/// a camera's own format), or does not say which kind of picture it is.
fn is_other_picture(brand: &[u8]) -> bool {
    matches!(
        brand,
        b"heic"
            | b"heix"
            | b"heim"
            | b"heis"
            | b"hevc"
            | b"hevx"
            | b"mif1"
            | b"msf1"
            | b"jp2 "
            | b"jpx "
            | b"jxl "
            | b"crx "
    )
}

/// Returns the media type of pictures whose brand does not say it: AVIF if one of the other brands is.
fn compatible_picture(content: &[u8]) -> Option<&'static str> {
    let length = content
        .first_chunk::<4>()
        .map(|it| u32::from_be_bytes(*it))?;
    let end = usize::try_from(length).ok()?.min(content.len());
    let brands = content.get(16..end).unwrap_or_default();
    brands
        .chunks_exact(4)
        .any(|brand| matches!(brand, b"avif" | b"avis"))
        .then_some("image/avif")
}

/// Returns the media type of this name if it is one of the types that are detected.
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
        let cases: [(&[u8], Option<&str>); 20] = [
            (b"\x89PNG\r\n\x1a\n...", Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a", Some("image/gif")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"RIFF\0\0\0\0WAVEfmt ", Some("audio/wav")),
            (b"\0\0\0\x1cftypavif", Some("image/avif")),
            (b"\0\0\0\x1cftypisom", Some("video/mp4")),
            (b"\0\0\0\x14ftypqt  ", Some("video/quicktime")),
            (
                b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm\x42\x87",
                Some("video/webm"),
            ),
            (
                b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska",
                None,
            ),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", None),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", None),
            (
                b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf",
                Some("image/avif"),
            ),
            (b"\0\0\0\x14ftypcrx \0\0\0\x01", None),
            (b"\x1a\x45\xdf\xa3", None),
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
