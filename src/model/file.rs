//! What is known about a message's file without reading its bytes, and which files are sent within
//! messages to clients that get files that way.

use super::{PublicId, Slot};

/// How a message shows a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A picture.
    Picture,
    /// A video.
    Video,
    /// A sound recording.
    Audio,
    /// Any other file.
    Document,
    /// A small picture that expresses a feeling.
    Sticker,
    /// A voice message.
    Voice,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    const ALL: [(Self, &'static str); 6] = [
        (Self::Picture, "picture"),
        (Self::Video, "video"),
        (Self::Audio, "audio"),
        (Self::Document, "document"),
        (Self::Sticker, "sticker"),
        (Self::Voice, "voice"),
    ];

    /// Returns the number of this kind in tables.
    #[must_use]
    pub fn number(self) -> i64 {
        self as i64
    }

    /// Returns the kind with a number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        let all = Self::ALL.iter();
        all.map(|(kind, _)| *kind)
            .find(|kind| kind.number() == number)
    }

    /// Returns the bit of this kind in the set of kinds that a message has.
    #[must_use]
    pub fn bit(self) -> i64 {
        1 << self.number()
    }

    /// Returns the word for this kind on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(kind, _)| *kind == self)
            .map_or("document", |(_, word)| word)
    }

    /// Parses a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let mut all = Self::ALL.iter();
        all.find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }

    /// Returns how to show a file of which only the media type is known.
    #[must_use]
    pub fn of_media_type(found: Option<&str>) -> Self {
        match found.and_then(|found| found.split('/').next()) {
            Some("image") => Self::Picture,
            Some("video") => Self::Video,
            Some("audio") => Self::Audio,
            _ => Self::Document,
        }
    }

    /// Returns the slot of this kind in messages that contain their files.
    #[must_use]
    pub fn slot(self) -> Slot {
        match self {
            Self::Picture => Slot::Picture,
            Self::Video => Slot::Video,
            Self::Audio | Self::Voice => Slot::Audio,
            Self::Document => Slot::Document,
            Self::Sticker => Slot::Emoji,
        }
    }

    /// Returns the media type with which content is served: audio is not served as video, whatever its
    /// container.
    #[must_use]
    pub fn served_as(self, found: &str) -> &str {
        match (self, found) {
            (Self::Audio | Self::Voice, "video/mp4" | "video/quicktime") => "audio/mp4",
            (Self::Audio | Self::Voice, "video/webm") => "audio/webm",
            _ => found,
        }
    }
}

impl From<Slot> for Kind {
    fn from(slot: Slot) -> Self {
        match slot {
            Slot::Picture => Self::Picture,
            Slot::Video => Self::Video,
            Slot::Audio => Self::Audio,
            Slot::Document => Self::Document,
            Slot::Emoji => Self::Sticker,
        }
    }
}

/// What its sender says about a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// Its name.
    pub name: Option<String>,
    /// Width in pixels.
    pub width: Option<i64>,
    /// Height in pixels.
    pub height: Option<i64>,
    /// Duration in milliseconds.
    pub duration: Option<i64>,
    /// A blurred preview of the picture.
    pub blurhash: Option<String>,
    /// A preview of the sound: one byte for each peak.
    pub waveform: Option<Vec<u8>>,
}

/// What is known about the thumbnail of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thumbnail {
    /// The id with which it is fetched.
    pub id: PublicId,
    /// Width in pixels.
    pub width: Option<i64>,
    /// Height in pixels.
    pub height: Option<i64>,
    /// Size in bytes.
    pub size: i64,
}

/// What is known about a message's file without reading its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The id with which it is fetched; it says nothing about the content.
    pub id: PublicId,
    /// How it is shown.
    pub kind: Kind,
    /// Size in bytes.
    pub size: i64,
    /// The detected media type; `None`: nothing that browsers show.
    pub media_type: Option<String>,
    /// What its sender says about it.
    pub look: Look,
    /// Its thumbnail.
    pub thumbnail: Option<Thumbnail>,
    /// The whole content, if the file is a short text that expresses a feeling.
    pub text: Option<String>,
    /// Whether its bytes are sent with the message.
    pub is_given: bool,
}

/// Returns which files a message contains for clients that know no other way to get them: the first of
/// each slot that fits, together at most `max_bytes`. The result is in the order of the files.
pub fn given(files: impl IntoIterator<Item = (Slot, i64)>, max_bytes: usize) -> Vec<bool> {
    let mut left = i64::try_from(max_bytes).unwrap_or(i64::MAX);
    let mut taken = 0;
    let fits = |(slot, size): (Slot, i64)| {
        let fits = taken & slot.bit() == 0 && size <= left;
        if fits {
            taken |= slot.bit();
            left -= size;
        }
        fits
    };
    files.into_iter().map(fits).collect()
}

/// Returns a line about the files that a message does not contain: the name and size of the first, the
/// number of other files, and the page that shows them, if there is one. `None`: it contains all.
#[must_use]
pub fn told(files: &[File], page: Option<&str>) -> Option<String> {
    let mut missing = files.iter().filter(|file| !file.is_given);
    let first = missing.next()?;
    let name = first.look.name.as_deref().unwrap_or(first.kind.as_str());
    // A name must not look like additional lines of the message.
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let name: String = name.chars().map(plain).collect();
    let rest = match missing.count() {
        0 => String::new(),
        1 => ", +1 file".to_owned(),
        count => format!(", +{count} files"),
    };
    let page = page.map_or_else(String::new, |page| format!(": {page}"));
    Some(format!("{name} ({}){rest}{page}", size(first.size)))
}

/// Formats a number of bytes for people, in steps of 1,000 as phones do.
fn size(bytes: i64) -> String {
    const UNITS: [&str; 3] = ["KB", "MB", "GB"];
    let bytes = bytes.max(0).unsigned_abs();
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut tenths, mut unit) = (bytes / 100, 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    let word = UNITS.get(unit).unwrap_or(&"GB");
    if tenths < 100 {
        format!("{}.{} {word}", tenths / 10, tenths % 10)
    } else {
        format!("{} {word}", tenths / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: Option<&str>, size: i64) -> File {
        File {
            id: PublicId(1),
            kind: Kind::Video,
            size,
            media_type: None,
            look: Look {
                name: name.map(str::to_owned),
                ..Look::default()
            },
            thumbnail: None,
            text: None,
            is_given: false,
        }
    }

    #[test]
    fn kinds_have_numbers_and_words() {
        for (number, (kind, word)) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind.number(), i64::try_from(number).unwrap());
            assert_eq!(Kind::from_number(kind.number()), Some(kind));
            assert_eq!((kind.as_str(), Kind::parse(word)), (word, Some(kind)));
        }
        assert_eq!((Kind::parse("emoji"), Kind::from_number(6)), (None, None));
        assert!(
            Slot::ALL
                .iter()
                .all(|slot| Kind::from(*slot).slot() == *slot)
        );
    }

    #[test]
    fn the_first_of_each_slot_that_fits_comes_along() {
        use Slot::{Picture, Video};
        type Case<'a> = (&'a [(Slot, i64)], &'a [bool]);
        let cases: [Case<'_>; 5] = [
            (&[(Picture, 5), (Picture, 5)], &[true, false]),
            (&[(Video, 50), (Video, 5)], &[false, true]),
            (&[(Picture, 6), (Video, 6)], &[true, false]),
            (&[(Picture, 6), (Video, 4)], &[true, true]),
            (&[], &[]),
        ];
        for (files, expected) in cases {
            assert_eq!(given(files.iter().copied(), 10), expected, "{files:?}");
        }
    }

    #[test]
    fn what_does_not_come_along_is_told_in_a_line() {
        let page = Some("https://chat.example/#/m/7");
        assert_eq!(told(&[], page), None);
        let one = [file(Some("clip.mov"), 84_000_000)];
        assert_eq!(
            told(&one, page).as_deref(),
            Some("clip.mov (84 MB): https://chat.example/#/m/7")
        );
        let many: Vec<_> = (1..6).map(|n| file(Some("a\nb"), n * 1_234_567)).collect();
        let told_of = |count| told(&many[..count], None);
        assert_eq!(told_of(5).as_deref(), Some("a b (1.2 MB), +4 files"));
        assert_eq!(told_of(2).as_deref(), Some("a b (1.2 MB), +1 file"));
        assert_eq!(
            told(&[file(None, 999)], None).as_deref(),
            Some("video (999 B)")
        );
        assert_eq!(size(1_000), "1.0 KB");
        assert_eq!(size(9_999), "9.9 KB");
        assert_eq!(size(84_600), "84 KB");
        assert_eq!(size(2_100_000_000), "2.1 GB");
    }
}
