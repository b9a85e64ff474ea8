//! The word to stop, and who has heard it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A word to stop that reaches every task once; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    said: AtomicBool,
    notify: Notify,
}

impl Stop {
    /// Says it.
    pub(super) fn say(&self) {
        self.0.said.store(true, Ordering::Release);
        self.0.notify.notify_waiters();
    }

    /// Tells whether it has been said. As cheap as a load, so that a busy socket can ask each time
    /// it wakes instead of taking the lock that all waiters share.
    pub(super) fn is_said(&self) -> bool {
        self.0.said.load(Ordering::Acquire)
    }

    /// Waits until it is said.
    pub(super) async fn wait(&self) {
        let mut heard = std::pin::pin!(self.0.notify.notified());
        // Enlisted before looking: what is said in between is not missed.
        heard.as_mut().enable();
        if !self.is_said() {
            heard.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn word_said_before_and_after_waiting_is_heard() {
        let stop = Stop::default();
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { stop.wait().await }
        });
        tokio::task::yield_now().await;
        assert!(!stop.is_said());
        stop.say();
        waiting.await.unwrap();
        stop.wait().await;
        assert!(stop.is_said());
    }
}
