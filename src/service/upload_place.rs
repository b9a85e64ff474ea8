//! The part of a request that names an upload, for refusals.

use std::fmt;

/// The part of a request that names an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadPlace {
    /// A user's picture.
    Avatar,
    /// A flow's picture.
    Picture,
    /// A file of a message, counted from 0.
    File(usize),
    /// The thumbnail of a file.
    Thumbnail(usize),
    /// The picture of a preview.
    Preview,
    /// A file that the message already shows.
    Shown(usize),
}

impl fmt::Display for UploadPlace {
    /// Writes the key of the request.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Avatar => f.write_str("data.meta.avatar.upload"),
            Self::Picture => f.write_str("data.meta.picture.upload"),
            Self::File(n) => write!(f, "data.meta.about.files[{n}].upload"),
            Self::Thumbnail(n) => write!(f, "data.meta.about.files[{n}].thumbnail.upload"),
            Self::Preview => f.write_str("data.meta.about.preview.thumbnail.upload"),
            Self::Shown(n) => write!(f, "data.meta.about.files[{n}].id"),
        }
    }
}
