//! The messages that devices may still have to be notified of, so that a restarted server continues where
//! it stopped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::{Service, ServiceError};
use crate::model::MessageId;
use crate::store::properties;

/// How often the position is written along with messages.
const WRITTEN_EVERY: Duration = Duration::from_secs(1);

/// The messages that are not settled yet.
#[derive(Debug, Default)]
pub(in crate::service) struct Unsettled(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    /// Number of holders of each message.
    messages: BTreeMap<i64, u32>,
    /// The newest message so far.
    newest: i64,
    /// The position that was last written, and when.
    written: Option<(i64, Instant)>,
}

/// Keeps a message unsettled as long as it lives.
#[derive(Debug)]
pub struct Pending {
    message: MessageId,
    of: Arc<Unsettled>,
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        self.message == other.message
    }
}

impl Eq for Pending {}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut open = self.of.open();
        if let Some(count) = open.messages.get_mut(&self.message.0) {
            *count -= 1;
            if *count == 0 {
                open.messages.remove(&self.message.0);
            }
        }
    }
}

impl Unsettled {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks a message as unsettled until the returned value is dropped.
    pub(super) fn pend(self: &Arc<Self>, message: MessageId) -> Arc<Pending> {
        let mut open = self.open();
        *open.messages.entry(message.0).or_default() += 1;
        open.newest = open.newest.max(message.0);
        drop(open);
        Arc::new(Pending {
            message,
            of: Arc::clone(self),
        })
    }

    /// Returns the message up to which all are settled; `None`: there was none.
    fn position(&self) -> Option<i64> {
        let open = self.open();
        let first = open.messages.first_key_value().map(|(first, _)| first - 1);
        Some(first.unwrap_or(open.newest)).filter(|position| *position > 0)
    }

    /// Does the same, if it is time to write it again.
    pub(in crate::service) fn due(&self) -> Option<i64> {
        let position = self.position()?;
        let mut open = self.open();
        let is_due = open
            .written
            .is_none_or(|(last, at)| last != position && at.elapsed() >= WRITTEN_EVERY);
        if !is_due {
            return None;
        }
        open.written = Some((position, Instant::now()));
        Some(position)
    }
}

impl Service {
    /// Writes the position up to which devices were notified, before the server ends.
    pub async fn keep_push_position(&self) {
        let Some(position) = self.bell.unsettled.position() else {
            return;
        };
        let kept: Result<(), ServiceError> = self
            .store
            .write(move |tx| {
                properties::set_number(tx, properties::PUSH_POSITION, position)?;
                Ok(())
            })
            .await;
        if let Err(err) = kept {
            log::debug!("up to where devices were notified is not noted: {err}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_settled_has_no_gaps() {
        let unsettled = Arc::<Unsettled>::default();
        assert_eq!(unsettled.position(), None);
        let one = unsettled.pend(MessageId(7));
        let two = unsettled.pend(MessageId(9));
        let again = unsettled.pend(MessageId(9));
        assert_eq!(unsettled.position(), Some(6));
        drop(two);
        assert_eq!(unsettled.position(), Some(6));
        drop(one);
        assert_eq!(unsettled.position(), Some(8));
        drop(again);
        assert_eq!(unsettled.position(), Some(9));
        assert_eq!(unsettled.due(), Some(9));
        assert_eq!(unsettled.due(), None, "not again at once");
    }
}
