//! The forms of the frames that clients get.

/// A form of frames, which decides what facts a frame contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// The form that every client understands.
    #[default]
    Plain,
    /// The form for clients that request it.
    Rich,
}

impl Form {
    /// Returns whether the client requested more than every client understands.
    #[must_use]
    pub fn is_rich(self) -> bool {
        self == Self::Rich
    }
}
