//! The stop signal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A stop signal that reaches every task once; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    said: AtomicBool,
    notify: Notify,
}

impl Stop {
    /// Sends the signal.
    pub(super) fn say(&self) {
        self.0.said.store(true, Ordering::Release);
        self.0.notify.notify_waiters();
    }

    /// Returns whether the signal was sent. As cheap as a load, so that a busy socket can check
    /// each time it wakes instead of taking the lock that all waiters share.
    pub(super) fn is_said(&self) -> bool {
        self.0.said.load(Ordering::Acquire)
    }

    /// Waits for the signal.
    pub(super) async fn wait(&self) {
        let mut heard = std::pin::pin!(self.0.notify.notified());
        // Registered before the check, so that a signal in between is not missed.
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
