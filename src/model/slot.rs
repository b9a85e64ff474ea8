//! Where files stand in messages that bring them along.

/// As what a message shows a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// A picture.
    Picture,
    /// A film.
    Video,
    /// A sound.
    Audio,
    /// Anything else.
    Document,
    /// A small picture that stands for a feeling.
    Emoji,
}

impl Slot {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Picture,
        Self::Video,
        Self::Audio,
        Self::Document,
        Self::Emoji,
    ];

    /// The number that stands for it in tables.
    #[must_use]
    pub fn number(self) -> i64 {
        self as i64
    }

    /// The slot that a number stands for.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number)
            .ok()
            .and_then(|n| Self::ALL.get(n))
            .copied()
    }

    /// Its bit in the set of slots that a message has.
    #[must_use]
    pub fn bit(self) -> i64 {
        1 << self.number()
    }
}
