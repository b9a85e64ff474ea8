//! The most memory that clients can make the server use, so that the operator can set suitable limits.

use std::fmt;

use super::{pages, settings};
use crate::config::Config;

/// Upper bounds in bytes, each reached only if every possible connection does its worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorstCase {
    /// Data from clients, with the buffers of their connections.
    pub received: usize,
    /// Answers that are being created, or that clients do not read.
    pub answers: usize,
    /// Frames that wait for subscribers that do not read them. Each frame is counted for each of
    /// them, although they share it.
    pub queued: usize,
    /// Files that are received or sent over HTTP, of which a few pieces each are in memory.
    pub files: usize,
    /// Previews of links: what is kept of pages, and what is being fetched.
    pub previews: usize,
}

/// The pieces of one upload, and of one file that is sent.
const UPLOAD_BYTES: usize = 512 * 1024;
const FETCH_BYTES: usize = 4 * 64 * 1024;

/// The most files that are sent at the same time.
const FETCHES: usize = 64;

impl WorstCase {
    /// Computes the bounds for a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let limits = &config.limits;
        // One message always fits, with its files as base64; other answers end at the budget.
        let message = (limits.files_bytes / 3).saturating_mul(4) + limits.text_bytes;
        let mut answer = limits.answer_bytes.max(message);
        if config.web.previews {
            answer = answer.max(pages::ANSWER_BYTES);
        }
        let transport = settings::transport(config, None);
        Self {
            received: transport.worst_case_bytes(),
            answers: transport.worst_case_unread_bytes(answer),
            queued: limits.connections.saturating_mul(limits.send_queue.bytes),
            files: config.files.uploads.saturating_mul(UPLOAD_BYTES) + FETCHES * FETCH_BYTES,
            previews: if config.web.previews {
                pages::WORST_BYTES
            } else {
                0
            },
        }
    }
}

impl fmt::Display for WorstCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} MiB for requests, {} MiB for answers, {} MiB for files and {} MiB for queued messages \
             (each counted once per receiver, although they share it)",
            self.received >> 20,
            self.answers >> 20,
            self.files >> 20,
            self.queued >> 20
        )?;
        if self.previews > 0 {
            write!(f, ", {} MiB for previews of links", self.previews >> 20)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_counts() {
        let usual = WorstCase::of(&Config::default());
        let mut config = Config::default();
        config.limits.connections = 64;
        config.limits.send_queue.bytes = 1 << 20;
        config.limits.answer_bytes = 1 << 20;
        config.limits.files_bytes = 3 << 20;
        config.limits.text_bytes = 0;
        let small = WorstCase::of(&config);
        assert_eq!(small.queued, 64 << 20);
        assert_eq!(small.files, 24 << 20);
        assert_eq!(small.answers, (256 << 20) + 64 * (64 << 10) + 8 * (4 << 20));
        assert!(small.received < usual.received && small.queued < usual.queued);
        assert_eq!((usual.previews, small.previews), (0, 0));
        config.web.previews = true;
        config.limits.files_bytes = 0;
        let with = WorstCase::of(&config);
        assert!(with.previews > 8 << 20, "what is kept of pictures");
        let each = with.answers - (256 << 20) - 64 * (64 << 10);
        assert!(
            each > 8 * (2 << 20),
            "a picture is larger than other answers"
        );
        assert!(with.to_string().ends_with(" MiB for previews of links"));
        config.web.previews = false;
        config.limits.files_bytes = 3 << 20;
        config.limits.answer_bytes = 8 << 20;
        let larger = WorstCase::of(&config).answers;
        assert_eq!(larger - small.answers, 8 * (4 << 20));
        config.tls.certfile = Some("c".into());
        config.tls.keyfile = Some("k".into());
        assert!(WorstCase::of(&config).received > small.received);
    }
}
