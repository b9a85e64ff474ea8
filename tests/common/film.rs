//! Films without a codec: H.264 of blocks that are not compressed, in an MP4 whose index comes first.
//!
//! Sources: ISO 14496-10 (`I_PCM`), ISO 14496-12 (boxes), ISO 14496-15 (`avcC`).

/// Frames of a second.
const RATE: u32 = 25;
/// Pixels across and down.
const WIDTH: u16 = 128;
const HEIGHT: u16 = 96;
const SEQUENCE: &[u8] = &[0x67, 0x42, 0x00, 0x0a, 0xf8, 0x41, 0xa2];
const PICTURE: &[u8] = &[0x68, 0xce, 0x38, 0x80];

/// How bright a second of a film is, 0 to 255.
pub(crate) fn brightness(second: u32) -> u32 {
    (u32::from(luma(second)) - 16) * 255 / 219
}

fn luma(second: u32) -> u8 {
    u8::try_from(40 + second % 45 * 4).expect("bright")
}

/// A film of some seconds, 463,400 bytes each, of which every second is brighter than the last one.
pub(crate) fn film(seconds: u32) -> Vec<u8> {
    let count = seconds * RATE;
    let size = u32::try_from(frame(0).len()).expect("small");
    let kind = boxed(b"ftyp", &[b"isom", &[0, 0, 2, 0], b"isomavc1"]);
    // The index is as long whatever the place says that it tells.
    let place = kind.len() + index(count, size, 0).len() + 8;
    let mut film = kind;
    film.extend(index(count, size, u32::try_from(place).expect("small")));
    film.extend((count * size + 8).to_be_bytes());
    film.extend(b"mdat");
    for second in 0..seconds {
        let frame = frame(second);
        for _ in 0..RATE {
            film.extend(&frame);
        }
    }
    film
}

/// A picture of one brightness: a slice of blocks of 16 by 16 pixels, as they are.
fn frame(second: u32) -> Vec<u8> {
    let mut slice = vec![0x05, 0x88, 0x84, 0x21, 0xa0];
    for block in 0..(WIDTH / 16) * (HEIGHT / 16) {
        if block > 0 {
            slice.extend([0x0d, 0x00]);
        }
        slice.extend([luma(second); 256]);
        slice.extend([128; 128]);
    }
    slice.push(0x80);
    let mut frame = u32::try_from(slice.len())
        .expect("small")
        .to_be_bytes()
        .to_vec();
    frame.extend(slice);
    frame
}

fn boxed(kind: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u32::try_from(content.len() + 8).expect("small");
    [&length.to_be_bytes()[..], kind, &content].concat()
}

fn long(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|it| it.to_be_bytes()).collect()
}

fn short(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|it| it.to_be_bytes()).collect()
}

/// What a player has to know before it plays, and to find any second by.
fn index(count: u32, size: u32, place: u32) -> Vec<u8> {
    let matrix = long(&[0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]);
    let [width, height] = [WIDTH, HEIGHT].map(|pixels| u32::from(pixels) << 16);
    let movie = boxed(
        b"mvhd",
        &[
            &long(&[0, 0, 0, RATE, count, 0x1_0000, 0x0100_0000, 0, 0]),
            &matrix,
            &long(&[0, 0, 0, 0, 0, 0, 2]),
        ],
    );
    let track = boxed(
        b"tkhd",
        &[
            &long(&[7, 0, 0, 1, 0, count, 0, 0, 0, 0]),
            &matrix,
            &long(&[width, height]),
        ],
    );
    let media = boxed(b"mdhd", &[&long(&[0, 0, 0, RATE, count, 0x55c4_0000])]);
    let handler = boxed(b"hdlr", &[&long(&[0, 0]), b"vide", &[0; 13]]);
    let header = boxed(b"vmhd", &[&long(&[1, 0, 0])]);
    let here = boxed(b"url ", &[&long(&[1])]);
    let data = boxed(b"dinf", &[&boxed(b"dref", &[&long(&[0, 1]), &here])]);
    let decoder = boxed(
        b"avcC",
        &[
            &[1, 0x42, 0x00, 0x0a, 0xff, 0xe1, 0, 7],
            SEQUENCE,
            &[1, 0, 4],
            PICTURE,
        ],
    );
    let sample = boxed(
        b"avc1",
        &[
            &[0; 6],
            &short(&[1]),
            &[0; 16],
            &short(&[WIDTH, HEIGHT]),
            &long(&[0x48_0000, 0x48_0000, 0]),
            &short(&[1]),
            &[0; 32],
            &short(&[0x18, 0xffff]),
            &decoder,
        ],
    );
    let table = boxed(
        b"stbl",
        &[
            &boxed(b"stsd", &[&long(&[0, 1]), &sample]),
            &boxed(b"stts", &[&long(&[0, 1, count, 1])]),
            &boxed(b"stsc", &[&long(&[0, 1, 1, count, 1])]),
            &boxed(b"stsz", &[&long(&[0, size, count])]),
            &boxed(b"stco", &[&long(&[0, 1, place])]),
        ],
    );
    let information = boxed(b"minf", &[&header, &data, &table]);
    let content = boxed(b"mdia", &[&media, &handler, &information]);
    boxed(b"moov", &[&movie, &boxed(b"trak", &[&track, &content])])
}
