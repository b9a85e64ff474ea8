//! Why an upload does not go on.

use super::super::ServiceError;
use crate::store::StoreError;

/// What stands in the way of an upload.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The user has no such upload, or it has expired.
    #[error("there is no such upload, or it has expired")]
    NotFound,
    /// Somebody is sending it at this moment.
    #[error("this upload is being sent at this moment; try again in a few seconds")]
    Locked,
    /// So many bytes have been received, and not those that were said.
    #[error("{0} bytes of this upload have been received; go on from there")]
    Offset(u64),
    /// The file is larger than the server takes.
    #[error("a file may have {limit} bytes here")]
    TooLarge {
        /// How many bytes it takes.
        limit: u64,
    },
    /// More came than was announced.
    #[error("more bytes came than the {length} that were announced; the rest was not read")]
    Surplus {
        /// What was announced.
        length: u64,
    },
    /// The files of the account would be more than it may have.
    #[error(
        "your files would take more than the {limit} bytes that an account may use here; {used} are used"
    )]
    Quota {
        /// Bytes that it may have.
        limit: u64,
        /// Bytes that it has.
        used: u64,
    },
    /// The file would leave too little room on the disk.
    #[error("there is not enough room on this server's disk for this file")]
    NoRoom,
    /// The disk became full.
    #[error("this server's disk is full; what was received is kept, try again later")]
    DiskFull,
    /// The user has begun as many as one may.
    #[error("there are {limit} unfinished uploads of yours; finish or remove one of them")]
    TooMany {
        /// How many one may.
        limit: usize,
    },
    /// The user sends as many at once as one may.
    #[error("you are sending {limit} files at once; wait until one of them is there")]
    TooManyAtOnce {
        /// How many one may.
        limit: usize,
    },
    /// The server receives as many at once as it can.
    #[error("this server is receiving as many files as it can; try again in a few seconds")]
    Crowded,
    /// A message shows it.
    #[error("a message of yours shows this file; delete that message instead")]
    Shown,
    /// The server failed.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<StoreError> for UploadError {
    fn from(err: StoreError) -> Self {
        if err.is_full_disk() {
            Self::DiskFull
        } else {
            Self::Failed(err.into())
        }
    }
}
