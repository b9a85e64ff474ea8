//! Files as they are fetched.

use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::PublicId;
use crate::store::downloads::{self, Found};

/// Bytes that are read at a time: a reader of the database is held no longer than that takes.
const PIECE: usize = 64 * 1024;

impl Service {
    /// Finds a file that the caller may fetch.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for what is not there and for what is not the caller's alike.
    pub async fn find_file(&self, user: &SignedIn, id: PublicId) -> Result<Found, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let found = downloads::find(view, id, user)?;
                Ok(found.ok_or(Refusal::NotFound(Thing::File))?)
            })
            .await
    }

    /// Reads the next piece of a file, from one byte up to another, the last excluded. Empty at the
    /// end.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]: the file was removed meanwhile.
    pub async fn read_file(
        &self,
        file: &Found,
        from: u64,
        until: u64,
    ) -> Result<Vec<u8>, ServiceError> {
        let length = usize::try_from(until.saturating_sub(from)).unwrap_or(usize::MAX);
        let (id, length) = (file.file, length.min(PIECE));
        self.store
            .read(move |view| {
                let piece = downloads::piece(view, id, from, length)?;
                Ok(piece.ok_or(Refusal::NotFound(Thing::File))?)
            })
            .await
    }
}
