//! What is known of a file of a message without its bytes, and which of them those see who get files
//! within messages.

use super::{PublicId, Slot};

/// As what a message shows a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A picture.
    Picture,
    /// A film.
    Video,
    /// A sound.
    Audio,
    /// Anything else, as it is.
    Document,
    /// A small picture that stands for a feeling.
    Sticker,
    /// Words that somebody has spoken.
    Voice,
}

impl Kind {
    /// All of them, in the order of their numbers.
    const ALL: [(Self, &'static str); 6] = [
        (Self::Picture, "picture"),
        (Self::Video, "video"),
        (Self::Audio, "audio"),
        (Self::Document, "document"),
        (Self::Sticker, "sticker"),
        (Self::Voice, "voice"),
    ];

    /// The number that stands for it in tables.
    #[must_use]
    pub fn number(self) -> i64 {
        self as i64
    }

    /// The kind that a number stands for.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        let all = Self::ALL.iter();
        all.map(|(kind, _)| *kind)
            .find(|kind| kind.number() == number)
    }

    /// Its bit in the set of kinds that a message has.
    #[must_use]
    pub fn bit(self) -> i64 {
        1 << self.number()
    }

    /// The word for it on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(kind, _)| *kind == self)
            .map_or("document", |(_, word)| word)
    }

    /// What a word means.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let mut all = Self::ALL.iter();
        all.find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }

    /// As what a file is shown that says only what it is.
    #[must_use]
    pub fn of_media_type(found: Option<&str>) -> Self {
        match found.and_then(|found| found.split('/').next()) {
            Some("image") => Self::Picture,
            Some("video") => Self::Video,
            Some("audio") => Self::Audio,
            _ => Self::Document,
        }
    }

    /// Where it stands in messages that bring their files along.
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

    /// The media type that content is served as: what is only heard is no film, whatever holds it.
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

/// What its sender says of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// What it is called.
    pub name: Option<String>,
    /// Pixels across.
    pub width: Option<i64>,
    /// Pixels down.
    pub height: Option<i64>,
    /// Milliseconds.
    pub duration: Option<i64>,
    /// What it looks like from far.
    pub blurhash: Option<String>,
    /// What it sounds like from far: a byte for each peak.
    pub waveform: Option<Vec<u8>>,
}

/// What is known of a small picture that stands for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thumbnail {
    /// By which it is fetched.
    pub id: PublicId,
    /// Pixels across.
    pub width: Option<i64>,
    /// Pixels down.
    pub height: Option<i64>,
    /// Bytes.
    pub size: i64,
}

/// What is known of a file of a message without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// By which it is fetched; says nothing of the content.
    pub id: PublicId,
    /// As what it is shown.
    pub kind: Kind,
    /// Bytes.
    pub size: i64,
    /// What it was found to be; `None`: nothing that browsers show.
    pub media_type: Option<String>,
    /// What its sender says of it.
    pub look: Look,
    /// A small picture that stands for it.
    pub thumbnail: Option<Thumbnail>,
    /// All of it, where it is a short text that stands for a feeling.
    pub text: Option<String>,
    /// Whether its bytes are among the message's files.
    pub is_given: bool,
}

/// Which files a message brings along to those who know no other way: of each slot the first that
/// fits, together no more than so many bytes. In the order of the files.
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

/// The line that tells of files which a message does not bring along: the name and size of the first,
/// how many more there are, and the page that shows them, if there is one. `None`: it brings all.
#[must_use]
pub fn told(files: &[File], page: Option<&str>) -> Option<String> {
    let mut missing = files.iter().filter(|file| !file.is_given);
    let first = missing.next()?;
    let name = first.look.name.as_deref().unwrap_or(first.kind.as_str());
    // A name must not look like more lines of the message.
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

/// Bytes as people read them, in steps of 1,000 as phones show them.
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
