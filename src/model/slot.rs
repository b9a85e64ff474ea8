//! The places of files in messages that contain their files.

/// How a message shows a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// A picture.
    Picture,
    /// A video.
    Video,
    /// A sound recording.
    Audio,
    /// Any other file.
    Document,
    /// A small picture that expresses a feeling.
    Emoji,
}

impl Slot {
    /// All slots, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Picture,
        Self::Video,
        Self::Audio,
        Self::Document,
        Self::Emoji,
    ];

    /// Returns the number of this slot in tables.
    #[must_use]
    pub fn number(self) -> i64 {
        self as i64
    }

    /// Returns the slot with a number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number)
            .ok()
            .and_then(|n| Self::ALL.get(n))
            .copied()
    }

    /// Returns the bit of this slot in the set of slots that a message has.
    #[must_use]
    pub fn bit(self) -> i64 {
        1 << self.number()
    }
}
