//! The forms in which clients get frames.

/// A form of frames: which facts stand in a frame, whatever happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// What every client knows.
    #[default]
    Plain,
    /// What is given to clients that ask for it.
    Rich,
}

impl Form {
    /// Tells whether the client asked for more than every client knows.
    #[must_use]
    pub fn is_rich(self) -> bool {
        self == Self::Rich
    }
}
