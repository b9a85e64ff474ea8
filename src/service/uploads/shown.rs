//! Uploads as files of a message, if the request does not say how to show them.

use super::super::sent_files::{SentFile, Source};
use super::super::{Service, ServiceError, SignedIn};
use crate::model::{Kind, Look, PublicId};
use crate::store::{files, uploads};

impl Service {
    /// Returns the caller's uploads as files of a message, each with the kind of its detected media type.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn as_what_they_are(
        &self,
        user: &SignedIn,
        sent: Vec<PublicId>,
    ) -> Result<Vec<SentFile>, ServiceError> {
        let (user, now) = (user.user(), self.store.now());
        // One more than a message may have is refused later.
        let most = sent.len().min(self.limits().message_files + 1);
        self.store
            .read(move |view| {
                let mut files = Vec::with_capacity(most);
                for upload in sent.into_iter().take(most) {
                    let found = uploads::find(view, upload, user, now)?;
                    let found = match found.and_then(|it| it.file) {
                        Some(file) => files::size_and_type(view, file)?.1,
                        None => None,
                    };
                    files.push(SentFile {
                        source: Source::Upload(upload),
                        kind: Kind::of_media_type(found.as_deref()),
                        look: Look::default(),
                        thumbnail: None,
                    });
                }
                Ok::<_, ServiceError>(files)
            })
            .await
    }
}
