//! Pictures without metadata about where, when and with what device they were made.
//!
//! Nothing is decoded: the parts of a picture are read one by one, and those that are not needed to show
//! it are dropped. Parts of unknown formats are kept.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;

use sha2::{Digest, Sha256};

/// A part of the cleaned picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// These bytes of the original.
    Copy(Range<u64>),
    /// These bytes instead of bytes of the original.
    Bytes(Vec<u8>),
}

/// Maximum number of parts: more than any picture has that was made by a camera or a program.
const MAX_PARTS: usize = 4096;

/// Returns the parts of a cleaned picture; `None`: there is nothing to remove, or the format is not
/// understood.
///
/// # Errors
/// Fails if the picture cannot be read.
pub(super) fn parts(
    picture: impl Read + Seek,
    media_type: &str,
    size: u64,
) -> io::Result<Option<Vec<Part>>> {
    let mut walk = Walk {
        reader: BufReader::with_capacity(64 * 1024, picture),
        at: 0,
        size,
        parts: Vec::new(),
        has_left_out: false,
    };
    let walked = match media_type {
        "image/jpeg" => walk.jpeg(),
        "image/png" => walk.png(),
        "image/webp" => walk.webp(),
        _ => return Ok(None),
    };
    match walked {
        Ok(()) => Ok(Some(walk.parts).filter(|_| walk.has_left_out)),
        Err(Trouble::Strange) => Ok(None),
        Err(Trouble::Unreadable(err)) => Err(err),
    }
}

/// The reason why a walk through the parts stops early.
enum Trouble {
    /// The data is not such a picture, or is unusual.
    Strange,
    /// The data cannot be read.
    Unreadable(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(err: io::Error) -> Self {
        if err.kind() == io::ErrorKind::UnexpectedEof {
            Self::Strange
        } else {
            Self::Unreadable(err)
        }
    }
}

type Walked<T = ()> = Result<T, Trouble>;

struct Walk<R> {
    reader: BufReader<R>,
    at: u64,
    size: u64,
    parts: Vec<Part>,
    has_left_out: bool,
}

impl<R: Read + Seek> Walk<R> {
    fn take<const N: usize>(&mut self) -> Walked<[u8; N]> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        self.at += N as u64;
        Ok(bytes)
    }

    fn skip(&mut self, count: u64) -> Walked {
        let end = self.at.checked_add(count).ok_or(Trouble::Strange)?;
        if end > self.size {
            return Err(Trouble::Strange);
        }
        // Short seeks stay inside the buffer.
        match i64::try_from(count) {
            Ok(count) => self.reader.seek_relative(count)?,
            Err(_) => return Err(Trouble::Strange),
        }
        self.at = end;
        Ok(())
    }

    fn copy(&mut self, range: Range<u64>) -> Walked {
        if let Some(Part::Copy(last)) = self.parts.last_mut()
            && last.end == range.start
        {
            last.end = range.end;
            return Ok(());
        }
        self.push(Part::Copy(range))
    }

    fn push(&mut self, part: Part) -> Walked {
        if self.parts.len() >= MAX_PARTS {
            return Err(Trouble::Strange);
        }
        self.parts.push(part);
        Ok(())
    }

    /// Data after the end of a picture does not belong to it: more pictures, videos.
    fn end(&mut self) {
        self.has_left_out |= self.at < self.size;
    }

    /// Source: ISO 10918-1 annex B; Exif 2.3, 4.5 and 4.6.
    fn jpeg(&mut self) -> Walked {
        const START: u8 = 0xd8;
        const END: u8 = 0xd9;
        const SCAN: u8 = 0xda;
        if self.take::<2>()? != [0xff, START] {
            return Err(Trouble::Strange);
        }
        self.copy(0..2)?;
        let mut is_scanned = false;
        let mut is_turned = false;
        loop {
            let start = self.at;
            let marker = if is_scanned {
                self.next_marker()?
            } else {
                self.marker()?
            };
            is_scanned = false;
            // The image data before the marker, and the marker itself.
            let marker_at = self.at - 2;
            self.copy(start..marker_at)?;
            if marker == END {
                self.copy(marker_at..self.at)?;
                self.end();
                return Ok(());
            }
            let length = u16::from_be_bytes(self.take()?);
            let rest = u64::from(length).checked_sub(2).ok_or(Trouble::Strange)?;
            let end = self.at + rest;
            match marker {
                // Application 1: Exif, XMP.
                0xe1 => {
                    let turned = self.orientation(rest)?;
                    if turned.is_some() && !is_turned && rest < EXIF_BYTES {
                        // Shorter than the segment that would replace it: it contains nothing else.
                        is_turned = true;
                        self.copy(marker_at..end)?;
                        continue;
                    }
                    if let Some(turned) = turned.filter(|_| !is_turned) {
                        is_turned = true;
                        self.push(Part::Bytes(exif(turned)))?;
                    }
                    self.has_left_out |= turned.is_none() || rest != EXIF_BYTES;
                    let left = end.checked_sub(self.at).ok_or(Trouble::Strange)?;
                    self.skip(left)?;
                }
                // Application 2: colour profile, or additional pictures after this one.
                0xe2 => {
                    let name = self.peek::<12>(rest)?;
                    let left = end.checked_sub(self.at).ok_or(Trouble::Strange)?;
                    self.skip(left)?;
                    if name.as_ref() == Some(b"ICC_PROFILE\0") {
                        self.copy(marker_at..self.at)?;
                    } else {
                        self.has_left_out = true;
                    }
                }
                // Application 3 to 13 and 15, of which 13 is IPTC; comments.
                0xe3..=0xed | 0xef | 0xfe => {
                    self.skip(rest)?;
                    self.has_left_out = true;
                }
                _ => {
                    self.skip(rest)?;
                    self.copy(marker_at..self.at)?;
                    is_scanned = marker == SCAN;
                }
            }
        }
    }

    /// Reads a marker that has to be at this position.
    fn marker(&mut self) -> Walked<u8> {
        let [fill, mut marker] = self.take()?;
        if fill != 0xff {
            return Err(Trouble::Strange);
        }
        while marker == 0xff {
            [marker] = self.take()?;
        }
        Ok(marker)
    }

    /// Finds the first marker after image data, which contains markers of its own.
    fn next_marker(&mut self) -> Walked<u8> {
        let mut last = 0;
        loop {
            let [byte] = self.take()?;
            if last == 0xff && !matches!(byte, 0x00 | 0xff | 0xd0..=0xd7) {
                return Ok(byte);
            }
            last = byte;
        }
    }

    fn peek<const N: usize>(&mut self, rest: u64) -> Walked<Option<[u8; N]>> {
        if rest < N as u64 {
            return Ok(None);
        }
        self.take().map(Some)
    }

    /// Returns the orientation from the segment at the present position; `None`: it is not Exif, or has
    /// no orientation.
    fn orientation(&mut self, rest: u64) -> Walked<Option<u8>> {
        /// The first directory is always near the beginning.
        const ENOUGH: usize = 4096;
        let count = usize::try_from(rest).unwrap_or(ENOUGH).min(ENOUGH);
        let mut bytes = vec![0; count];
        self.reader.read_exact(&mut bytes)?;
        self.at += count as u64;
        Ok(bytes.strip_prefix(b"Exif\0\0").and_then(turned))
    }

    /// Source: PNG (third edition), 5 and 11.
    fn png(&mut self) -> Walked {
        const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";
        if &self.take::<8>()? != SIGNATURE {
            return Err(Trouble::Strange);
        }
        self.copy(0..8)?;
        loop {
            let start = self.at;
            let length = u32::from_be_bytes(self.take()?);
            let kind = self.take::<4>()?;
            self.skip(u64::from(length) + 4)?;
            if matches!(&kind, b"eXIf" | b"tEXt" | b"zTXt" | b"iTXt" | b"tIME") {
                self.has_left_out = true;
            } else {
                self.copy(start..self.at)?;
            }
            if &kind == b"IEND" {
                self.end();
                return Ok(());
            }
        }
    }

    /// Source: the container of `WebP`, RFC 9649, 2.
    fn webp(&mut self) -> Walked {
        /// Bits of the features that are removed.
        const EXIF_AND_XMP: u8 = 0x0c;
        let header = self.take::<12>()?;
        let (Some(b"RIFF"), Some(b"WEBP")) = (header.get(..4), header.get(8..)) else {
            return Err(Trouble::Strange);
        };
        let [_, _, _, _, a, b, c, d, ..] = header;
        let end = u64::from(u32::from_le_bytes([a, b, c, d])) + 8;
        if end > self.size {
            return Err(Trouble::Strange);
        }
        self.push(Part::Bytes(header.to_vec()))?;
        while self.at < end {
            let start = self.at;
            let kind = self.take::<4>()?;
            let length = u32::from_le_bytes(self.take()?);
            let padded = u64::from(length) + u64::from(length % 2);
            if &kind == b"VP8X" {
                let flags = self.peek::<1>(padded)?.ok_or(Trouble::Strange)?;
                let mut head = kind.to_vec();
                head.extend_from_slice(&length.to_le_bytes());
                head.extend(flags.map(|flags| flags & !EXIF_AND_XMP));
                self.has_left_out |= flags.iter().any(|flags| flags & EXIF_AND_XMP != 0);
                self.push(Part::Bytes(head))?;
                let rest = self.at;
                self.skip(padded - 1)?;
                self.copy(rest..self.at)?;
                continue;
            }
            self.skip(padded)?;
            if matches!(&kind, b"EXIF" | b"XMP ") {
                self.has_left_out = true;
            } else {
                self.copy(start..self.at)?;
            }
        }
        self.end();
        let size: u64 = self.parts.iter().map(Part::size).sum();
        let size = u32::try_from(size.saturating_sub(8)).map_err(|_| Trouble::Strange)?;
        if let Some(Part::Bytes(header)) = self.parts.first_mut() {
            for (to, from) in header.iter_mut().skip(4).zip(size.to_le_bytes()) {
                *to = from;
            }
        }
        Ok(())
    }
}

impl Part {
    /// Returns its size in bytes.
    #[must_use]
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Copy(range) => range.end - range.start,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

/// Reads a cleaned picture from the original.
pub(super) struct Cleaned<R> {
    original: R,
    parts: std::vec::IntoIter<Part>,
    now: Option<Now>,
}

enum Now {
    Copying(u64),
    Bytes(io::Cursor<Vec<u8>>),
}

impl<R: Read + Seek> Cleaned<R> {
    /// Creates a reader from the parts of a picture.
    pub(super) fn new(original: R, parts: Vec<Part>) -> Self {
        Self {
            original,
            parts: parts.into_iter(),
            now: None,
        }
    }
}

impl<R: Read + Seek> Read for Cleaned<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match &mut self.now {
                Some(Now::Copying(left)) if *left > 0 => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(buf.len());
                    let part = buf.get_mut(..count).unwrap_or_default();
                    let read = self.original.read(part)?;
                    if read == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    *left -= read as u64;
                    return Ok(read);
                }
                Some(Now::Bytes(bytes)) => {
                    let read = bytes.read(buf)?;
                    if read > 0 {
                        return Ok(read);
                    }
                }
                _ => {}
            }
            self.now = match self.parts.next() {
                None => return Ok(0),
                Some(Part::Bytes(bytes)) => Some(Now::Bytes(io::Cursor::new(bytes))),
                Some(Part::Copy(range)) => {
                    self.original.seek(SeekFrom::Start(range.start))?;
                    Some(Now::Copying(range.end - range.start))
                }
            };
        }
    }
}

/// Returns a cleaned copy of a picture in memory; `None`: it is kept unchanged.
#[must_use]
pub(super) fn whole(picture: &[u8], media_type: &str) -> Option<std::sync::Arc<[u8]>> {
    // Reading from memory does not fail.
    let found = parts(io::Cursor::new(picture), media_type, picture.len() as u64);
    let parts = found.ok().flatten()?;
    let mut bytes = Vec::new();
    let mut reader = Cleaned::new(io::Cursor::new(picture), parts);
    reader.read_to_end(&mut bytes).ok()?;
    Some(bytes.into())
}

/// Cleans any bytes as a picture of each kind, for tests and the fuzzer: the result is never larger, and
/// a clean picture is not changed.
///
/// # Panics
/// If one of these properties does not hold.
#[cfg(any(test, fuzzing))]
pub fn clean_any(bytes: &[u8]) {
    for kind in ["image/jpeg", "image/png", "image/webp"] {
        let Some(found) = whole(bytes, kind) else {
            continue;
        };
        assert!(found.len() <= bytes.len(), "{kind} has grown");
        if let Some(again) = whole(&found, kind) {
            assert_eq!(again, found, "{kind} was not clean");
        }
    }
}

/// A reader that computes the SHA-256 of the data that was read.
pub(super) struct Summed<R> {
    reader: R,
    sum: Sha256,
}

impl<R> Summed<R> {
    pub(super) fn new(reader: R) -> Self {
        let sum = Sha256::new();
        Self { reader, sum }
    }

    /// Returns the hash of the data that was read.
    pub(super) fn sum(self) -> [u8; 32] {
        self.sum.finalize().into()
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buf)?;
        self.sum.update(buf.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// Returns the orientation of a picture, 2 to 8, from Exif data without its name; `None` if it is upright.
///
/// Source: TIFF 6.0, 2; Exif 2.3, 4.6.4.
fn turned(tiff: &[u8]) -> Option<u8> {
    const ORIENTATION: u16 = 0x0112;
    const SHORT: u16 = 3;
    let is_little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    };
    let first: [u8; 4] = tiff.get(4..8)?.try_into().ok()?;
    let first = if is_little {
        u32::from_le_bytes(first)
    } else {
        u32::from_be_bytes(first)
    };
    let first = usize::try_from(first).ok()?;
    let count = short(first)?;
    for n in 0..usize::from(count) {
        let entry = first.checked_add(2 + n * 12)?;
        if short(entry)? == ORIENTATION && short(entry.checked_add(2)?)? == SHORT {
            let value = u8::try_from(short(entry.checked_add(8)?)?).ok()?;
            return (2..=8).contains(&value).then_some(value);
        }
    }
    None
}

/// Number of bytes of Exif data that contains only an orientation.
const EXIF_BYTES: u64 = 32;

/// Returns a JPEG segment that contains only an orientation.
fn exif(turned: u8) -> Vec<u8> {
    let mut segment =
        b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    segment.push(turned);
    segment.extend_from_slice(&[0; 6]);
    segment
}

#[cfg(test)]
mod tests;
