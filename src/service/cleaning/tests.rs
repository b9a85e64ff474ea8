//! Tests of the cleaning of pictures.

use std::io::{Cursor, Read};

use proptest::prelude::*;

use super::{Cleaned, parts};

/// Returns the cleaned picture; `None`: it is kept unchanged.
fn cleaned(picture: &[u8], media_type: &str) -> Option<Vec<u8>> {
    let parts = parts(Cursor::new(picture), media_type, picture.len() as u64).unwrap()?;
    let size: u64 = parts.iter().map(super::Part::size).sum();
    let mut bytes = Vec::new();
    Cleaned::new(Cursor::new(picture), parts)
        .read_to_end(&mut bytes)
        .unwrap();
    assert_eq!(bytes.len() as u64, size);
    Some(bytes)
}

fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff, marker];
    bytes.extend(u16::try_from(data.len() + 2).unwrap().to_be_bytes());
    bytes.extend(data);
    bytes
}

/// Returns Exif data in either byte order, with a position and an orientation.
fn exif_data(is_little: bool, orientation: u16) -> Vec<u8> {
    let short = |n: u16| {
        if is_little {
            n.to_le_bytes()
        } else {
            n.to_be_bytes()
        }
    };
    let long = |n: u32| {
        if is_little {
            n.to_le_bytes()
        } else {
            n.to_be_bytes()
        }
    };
    let mut data = b"Exif\0\0".to_vec();
    data.extend(if is_little { b"II*\0" } else { b"MM\0*" });
    data.extend(long(8));
    data.extend(short(2));
    for (tag, kind, value) in [(0x0112, 3, orientation), (0x8825, 4, 38)] {
        data.extend(short(tag));
        data.extend(short(kind));
        data.extend(long(1));
        data.extend(short(value));
        data.extend(short(0));
    }
    data.extend(long(0));
    data.extend(b"GPS: 52.5200 N, 13.4050 E");
    data
}

fn jpeg(extra: &[Vec<u8>], tail: &[u8]) -> Vec<u8> {
    let mut bytes = b"\xff\xd8".to_vec();
    bytes.extend(segment(0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0"));
    bytes.extend(extra.concat());
    bytes.extend(segment(0xdb, &[1; 65]));
    bytes.extend(segment(0xda, &[2; 10]));
    // With a zero after 0xff, and a restart marker: neither is an end.
    bytes.extend(b"scan \xff\0 data \xff\xd3 more");
    bytes.extend(segment(0xc4, b"table"));
    bytes.extend(segment(0xda, &[3; 10]));
    bytes.extend(b"scan again\xff\xd9");
    bytes.extend(tail);
    bytes
}

#[test]
fn a_photo_loses_its_place_and_keeps_its_turn() {
    for (is_little, orientation) in [(true, 6), (false, 8), (true, 1), (false, 3)] {
        let icc = segment(0xe2, b"ICC_PROFILE\0\x01\x01colours");
        let adobe = segment(0xee, b"Adobe\0d\0\0\0\0\0");
        let photo = jpeg(
            &[
                segment(0xe1, &exif_data(is_little, orientation)),
                segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"),
                segment(0xe2, b"MPF\0more"),
                segment(0xed, b"Photoshop 3.0\0"),
                segment(0xfe, b"made by somebody"),
                icc.clone(),
                adobe.clone(),
            ],
            b"\xff\xd8 another picture with GPS",
        );
        let turned = if orientation == 1 {
            Vec::new()
        } else {
            super::exif(u8::try_from(orientation).unwrap())
        };
        let expected = jpeg(&[turned, icc, adobe], b"");
        let found = cleaned(&photo, "image/jpeg").unwrap();
        assert_eq!(found, expected);
        // A clean picture is not changed by a single byte.
        assert_eq!(cleaned(&expected, "image/jpeg"), None);
    }
}

#[test]
fn the_shortest_exif_that_turns_a_picture_stays() {
    let mut data = exif_data(false, 6);
    data.truncate(6 + 8 + 2 + 12);
    data[15] = 1;
    let photo = jpeg(&[segment(0xe1, &data), segment(0xfe, b"")], b"");
    let expected = jpeg(&[segment(0xe1, &data)], b"");
    assert_eq!(cleaned(&photo, "image/jpeg").unwrap(), expected);
    super::clean_any(&photo);
}

fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(data.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(kind);
    bytes.extend(data);
    bytes.extend(b"crc!");
    bytes
}

#[test]
fn a_png_loses_its_words() {
    let png = |extra: &[Vec<u8>], tail: &[u8]| {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        bytes.extend(chunk(*b"IHDR", &[0; 13]));
        bytes.extend(extra.concat());
        bytes.extend(chunk(*b"IDAT", b"pixels"));
        bytes.extend(chunk(*b"IEND", b""));
        bytes.extend(tail);
        bytes
    };
    let kinds = [b"tEXt", b"eXIf", b"zTXt", b"iTXt", b"tIME"];
    let mut extra: Vec<_> = kinds.iter().map(|kind| chunk(**kind, b"GPS")).collect();
    let kept = [chunk(*b"iCCP", b"colours"), chunk(*b"acTL", &[0; 8])];
    extra.extend(kept.clone());
    let found = cleaned(&png(&extra, b"tail"), "image/png").unwrap();
    assert_eq!(found, png(&kept, b""));
    assert_eq!(cleaned(&found, "image/png"), None);
}

#[test]
fn a_webp_says_no_more_that_it_has_exif() {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let mut bytes = kind.to_vec();
        bytes.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        bytes.extend(data);
        bytes.extend(vec![0; data.len() % 2]);
        bytes
    };
    let webp = |chunks: &[Vec<u8>]| {
        let chunks = chunks.concat();
        let mut bytes = b"RIFF".to_vec();
        bytes.extend(u32::try_from(chunks.len() + 4).unwrap().to_le_bytes());
        bytes.extend(b"WEBP");
        bytes.extend(chunks);
        bytes
    };
    let features = |flags: u8| chunk(b"VP8X", &[flags, 0, 0, 0, 9, 0, 0, 9, 0, 0]);
    let (pixels, colours) = (chunk(b"VP8 ", b"pixels!"), chunk(b"ICCP", b"colours"));
    let whole = webp(&[
        features(0x3c),
        colours.clone(),
        pixels.clone(),
        chunk(b"EXIF", b"GPS"),
        chunk(b"XMP ", b"<x:xmpmeta/>"),
    ]);
    let found = cleaned(&whole, "image/webp").unwrap();
    assert_eq!(found, webp(&[features(0x30), colours, pixels.clone()]));
    assert_eq!(cleaned(&found, "image/webp"), None);
    assert_eq!(cleaned(&webp(&[pixels]), "image/webp"), None);
}

#[test]
fn what_is_not_understood_stays_as_it_is() {
    let whole = jpeg(&[segment(0xfe, b"words")], b"");
    for length in 0..whole.len() - 1 {
        assert_eq!(cleaned(&whole[..length], "image/jpeg"), None, "{length}");
    }
    for (bytes, kind) in [
        (&b"\xff\xd8\xff\xe1\0\0"[..], "image/jpeg"),
        (b"\xff\xd8\xff\xe1\0\x01", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXt", "image/png"),
        (b"RIFF\xff\xff\xff\xffWEBPEXIF", "image/webp"),
        (b"GIF89a", "image/gif"),
        (b"", "image/png"),
    ] {
        assert_eq!(cleaned(bytes, kind), None, "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn no_picture_is_too_strange(
        kind in prop::sample::select(vec!["image/jpeg", "image/png", "image/webp"]),
        noise in prop::collection::vec(any::<u8>(), 0..300),
        place in 0..400_usize,
        orientation in any::<u16>(),
    ) {
        let mut bytes = match kind {
            "image/jpeg" => jpeg(&[segment(0xe1, &exif_data(true, orientation))], &noise),
            "image/png" => [&b"\x89PNG\r\n\x1a\n"[..], &chunk(*b"tEXt", &noise)].concat(),
            _ => [&b"RIFF\x40\0\0\0WEBPVP8X"[..], &noise].concat(),
        };
        let length = bytes.len();
        for (to, from) in bytes.iter_mut().skip(place % length.max(1)).zip(&noise) {
            *to ^= from;
        }
        super::clean_any(&bytes);
        super::clean_any(&noise);
    }
}
