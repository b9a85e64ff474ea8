//! The messages of an export and their files.

use super::super::exported::{ExportedContent, ExportedFile, ExportedMessage, ExportedThumbnail};
use super::super::refill::{self, Content};
use super::Reimport;
use crate::model::{DELETED_TEXT, Encoding, FlowId};
use crate::service::ServiceError;
use crate::store::imports;
use crate::store::shelf::Ready;

impl Reimport<'_> {
    pub(super) async fn message(
        &mut self,
        mut message: ExportedMessage,
        flow: FlowId,
    ) -> Result<imports::Message, ServiceError> {
        let author = self.known(&message.author).await?;
        let mut details = imports::Details {
            is_expired: message.is_expired,
            ..imports::Details::default()
        };
        if !message.is_deleted {
            if let Some(poll) = &message.poll
                && poll.voters.is_none()
                && poll.has_votes
            {
                self.lost_votes += 1;
            }
            let contents = std::mem::take(&mut message.files);
            details = refill::details(&mut message, &self.people);
            if !self.dry_run {
                let picture = message.preview_thumbnail.take();
                details.preview_thumbnail = match picture {
                    Some(picture) => self.thumbnail(picture).await,
                    None => None,
                };
            }
            for file in contents {
                self.file(file, &mut details).await?;
            }
        }
        Ok(imports::Message {
            uuid: message.uuid,
            row: message.sent_at.seconds(),
            flow,
            author,
            sent_at: message.sent_at,
            text: if message.is_deleted {
                Some(DELETED_TEXT.to_owned())
            } else {
                message.text
            },
            files: Vec::new(),
            edited_at: message
                .edited_at
                .or(message.is_deleted.then_some(message.sent_at)),
            is_deleted: message.is_deleted,
            details: Some(Box::new(details)),
        })
    }

    async fn thumbnail(
        &mut self,
        small: ExportedThumbnail,
    ) -> Option<(Ready, Option<i64>, Option<i64>)> {
        let folder = self.service.store.folder().clone();
        let content = Content::Beside(small.path);
        match refill::keep(folder, content).await {
            Ok(ready) => Some((ready, small.width, small.height)),
            Err(why) => {
                self.report.notes.push(why);
                None
            }
        }
    }

    /// Stores the content of a file. One that cannot be read is left out and noted.
    async fn file(
        &mut self,
        file: ExportedFile,
        details: &mut imports::Details,
    ) -> Result<(), ServiceError> {
        let name = file.look.name.clone().unwrap_or_default();
        let (content, encoding) = match file.content {
            ExportedContent::Within(content) => {
                let encoding = content.encoding;
                (Content::Within(content), encoding)
            }
            ExportedContent::Beside(path) => (Content::Beside(path), Encoding::Base64),
            ExportedContent::Missing => {
                self.report
                    .notes
                    .push(format!("file {name:?} is not in the export"));
                return Ok(());
            }
        };
        if self.dry_run {
            self.report.files += 1;
            return Ok(());
        }
        let folder = self.service.store.folder().clone();
        let ready = match refill::keep(folder, content).await {
            Ok(ready) => ready,
            Err(why) => {
                self.report.notes.push(why);
                return Ok(());
            }
        };
        let thumbnail = match file.thumbnail {
            Some(small) => self.thumbnail(small).await,
            None => None,
        };
        self.report.files += 1;
        details.files.push(imports::File {
            id: file.id,
            kind: file.kind,
            ready,
            encoding,
            look: file.look,
            thumbnail,
        });
        Ok(())
    }
}
