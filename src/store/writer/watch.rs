//! Notices of writes to the write-ahead log by any process, so that nobody has to poll while nothing
//! happens.
//!
//! What belongs here: the notice of the system that the log was written to. What does not: what was
//! written, which the writer finds out by itself. A commit becomes visible only after its last write,
//! and nothing reports when; so the writer has to poll for a while.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// The stack size of the listening thread.
const STACK_BYTES: usize = 64 * 1024;

/// More room than the events of one file need: equal events are merged into one.
const BUFFER_BYTES: usize = 512;

/// A listener, which works until it is dropped.
pub(super) struct Watch {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    events: OwnedFd,
    /// The number of the file (its watch descriptor) in `events`.
    file: i32,
    ended: AtomicBool,
}

impl Watch {
    /// Calls `written` when the file is written to, and then not again for `pause`; and once more when
    /// no further notices can be received. `None`: the system has no notices.
    pub(super) fn start(
        file: &Path,
        pause: Duration,
        written: impl Fn() + Send + 'static,
    ) -> Option<Self> {
        let events = inotify::init(CreateFlags::CLOEXEC).ok()?;
        let file = inotify::add_watch(&events, file, WatchFlags::MODIFY).ok()?;
        let shared = Arc::new(Shared {
            events,
            file,
            ended: AtomicBool::new(false),
        });
        let listening = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("store-watch".into())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                listening.listen(pause, &written);
                listening.ended.store(true, Ordering::Release);
                written();
            })
            .ok()?;
        Some(Self {
            shared,
            thread: thread.thread().clone(),
        })
    }

    /// Returns whether no further notices can be received.
    pub(super) fn is_deaf(&self) -> bool {
        self.shared.ended.load(Ordering::Acquire)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        // The waiting thread gets an event for this removal.
        let _ = inotify::remove_watch(&self.shared.events, self.shared.file);
        self.thread.unpark();
    }
}

impl Shared {
    fn listen(&self, pause: Duration, written: &impl Fn()) {
        let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
        let mut events = Reader::new(&self.events, &mut buffer);
        while !self.ended.load(Ordering::Acquire) {
            match events.next().map(|event| event.events()) {
                Ok(what) if what.contains(ReadFlags::IGNORED) => return,
                Ok(_) if !events.is_buffer_empty() => {}
                Ok(_) => {
                    written();
                    std::thread::park_timeout(pause);
                }
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    fn tell(sender: &Sender<()>) {
        // The listener may be gone.
        let _ = sender.send(());
    }

    #[test]
    fn what_is_written_is_heard_of_and_the_end_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = std::fs::File::create(&path).unwrap();
        let (sender, heard) = channel();
        let watch = Watch::start(&path, Duration::ZERO, move || tell(&sender));
        let watch = watch.expect("a system that tells");
        assert!(heard.recv_timeout(Duration::from_millis(50)).is_err());
        file.write_all(b"something").unwrap();
        heard.recv_timeout(LONG).expect("told of the first");
        file.write_all(b"more").unwrap();
        heard.recv_timeout(LONG).expect("told of the second");
        assert!(!watch.is_deaf());
        std::fs::remove_file(&path).unwrap();
        drop(file);
        while heard.recv_timeout(LONG).is_ok() {}
        assert!(watch.is_deaf(), "the file is gone");
    }

    #[test]
    fn it_ends_when_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::File::create(&path).unwrap();
        let (sender, heard) = channel();
        let watch = Watch::start(&path, LONG, move || tell(&sender));
        drop(watch);
        // The end is reported once, and then there is no thread that could report.
        let told = std::iter::from_fn(|| heard.recv_timeout(LONG).ok()).count();
        assert!(told <= 1);
    }
}
