//! Errors of uploads.

use super::super::ServiceError;
use crate::store::StoreError;

/// The reason why an upload fails.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The user has no such upload, or it has expired.
    #[error("there is no such upload, or it has expired")]
    NotFound,
    /// The upload is being sent at this moment.
    #[error("this upload is being sent at this moment; try again in a few seconds")]
    Locked,
    /// This number of bytes has been received, which is not the offset in the request.
    #[error("{0} bytes of this upload have been received; go on from there")]
    Offset(u64),
    /// The file is larger than the server accepts.
    #[error("a file may have {limit} bytes here")]
    TooLarge {
        /// The maximum size, in bytes.
        limit: u64,
    },
    /// More bytes came than were announced.
    #[error("more bytes came than the {length} that were announced; the rest was not read")]
    Surplus {
        /// The announced number of bytes.
        length: u64,
    },
    /// The files of the account would exceed its limit.
    #[error(
        "your files would take more than the {limit} bytes that an account may use here; {used} are used"
    )]
    Quota {
        /// The limit, in bytes.
        limit: u64,
        /// The bytes that are used.
        used: u64,
    },
    /// The file would leave too little free space on the disk.
    #[error("there is not enough room on this server's disk for this file")]
    NoRoom,
    /// The disk became full.
    #[error("this server's disk is full; what was received is kept, try again later")]
    DiskFull,
    /// The user has the maximum number of unfinished uploads.
    #[error("there are {limit} unfinished uploads of yours; finish or remove one of them")]
    TooMany {
        /// The maximum number.
        limit: usize,
    },
    /// The user is sending the maximum number of files at once.
    #[error("you are sending {limit} files at once; wait until one of them is there")]
    TooManyAtOnce {
        /// The maximum number.
        limit: usize,
    },
    /// The server is receiving the maximum number of files at once.
    #[error("this server is receiving as many files as it can; try again in a few seconds")]
    Crowded,
    /// A message shows the file.
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
