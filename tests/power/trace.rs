//! The record of a server at work: what its files were told, and what left by sockets, in order.

use std::{collections::HashMap, fs, ops::Range, path::Path};

use serde_json::Value;

/// Bytes before the data of each record; see `tests/faults/shim.c`.
const HEADER: usize = 32;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A file was opened, and made where there was none.
    Opened {
        inode: u64,
        name: String,
        is_new: bool,
    },
    /// Bytes were written to a file.
    Written {
        inode: u64,
        offset: usize,
        data: Range<usize>,
    },
    /// A file was given a size.
    Sized { inode: u64, size: usize },
    /// A file was synced, or that failed.
    Synced { inode: u64, failed: bool },
    /// A folder was synced: that of the database, whose name is empty, or one in it.
    FolderSynced { name: String },
    /// A folder was made.
    FolderMade { name: String },
    /// A name became another.
    Renamed { from: String, to: String },
    /// A name was removed.
    Unlinked { name: String },
    /// Something was sent to a port.
    Sent { port: u16 },
}

/// An answer that left the server.
#[derive(Debug)]
pub(super) struct Answer {
    /// The event with which its first byte left.
    pub(super) at: usize,
    pub(super) frame: Value,
}

/// Bytes sent to a port, and at which event each piece of them left.
type Stream = (Vec<u8>, Vec<(usize, usize)>);

/// The whole record.
pub(super) struct Trace {
    pub(super) events: Vec<Event>,
    /// What was sent to each port: the answers, in order.
    pub(super) answers: HashMap<u16, Vec<Answer>>,
    bytes: Vec<u8>,
    /// Name of each file, by inode: what the name was last.
    names: HashMap<u64, String>,
}

/// Takes off a record that was not written to its end when the program was killed, so that the next
/// program's records follow a whole one.
pub(super) fn trim(journal: &Path) {
    let bytes = fs::read(journal).expect("the record");
    let mut whole = 0;
    while let Some(length) = bytes.get(whole + 24..whole + HEADER) {
        let length = u64::from_le_bytes(length.try_into().expect("eight bytes"));
        let end = whole + HEADER + usize::try_from(length).expect("a size");
        if end > bytes.len() {
            break;
        }
        whole = end;
    }
    let file = fs::File::options().write(true).open(journal);
    let file = file.expect("the record can be written");
    file.set_len(whole as u64).expect("the record is cut");
}

impl Trace {
    pub(super) fn read(journal: &Path) -> Self {
        let bytes = fs::read(journal).expect("the record");
        let mut events = Vec::new();
        let mut names = HashMap::new();
        let mut streams: HashMap<u16, Stream> = HashMap::new();
        let mut at = 0;
        while at + HEADER <= bytes.len() {
            let number = |from: usize| {
                let part = &bytes[at + from..at + from + 8];
                u64::from_le_bytes(part.try_into().expect("eight bytes"))
            };
            let size = |from: usize| usize::try_from(number(from)).expect("a size");
            let (inode, offset, length) = (number(8), size(16), size(24));
            let failed = bytes[at + 4..at + 8] != [0; 4];
            let data = at + HEADER..at + HEADER + length;
            if data.end > bytes.len() {
                // Killed while this was written down, before it happened.
                break;
            }
            let text = || String::from_utf8(bytes[data.clone()].to_vec()).expect("UTF-8");
            let port = || u16::try_from(inode).expect("a port");
            match bytes[at] {
                b'O' => {
                    names.insert(inode, text());
                    events.push(Event::Opened {
                        inode,
                        name: text(),
                        is_new: offset != 0,
                    });
                }
                b'W' => events.push(Event::Written {
                    inode,
                    offset,
                    data: data.clone(),
                }),
                b'T' => events.push(Event::Sized {
                    inode,
                    size: offset,
                }),
                b'S' => events.push(Event::Synced { inode, failed }),
                b'D' => events.push(Event::FolderSynced { name: text() }),
                b'M' => events.push(Event::FolderMade { name: text() }),
                b'V' => {
                    let names = text();
                    let (from, to) = names.split_once('\n').expect("two names");
                    events.push(Event::Renamed {
                        from: from.to_owned(),
                        to: to.to_owned(),
                    });
                }
                b'U' => events.push(Event::Unlinked { name: text() }),
                b'N' => {
                    let (stream, pieces) = streams.entry(port()).or_default();
                    pieces.push((stream.len(), events.len()));
                    stream.extend(&bytes[data.clone()]);
                    events.push(Event::Sent { port: port() });
                }
                b'R' => {
                    // The rest was not taken, and comes again.
                    let (stream, pieces) = streams.get_mut(&port()).expect("sent before");
                    let begin = pieces.last().expect("sent before").0;
                    stream.truncate(begin + offset);
                }
                other => panic!("a record of kind {other}"),
            }
            at = data.end;
        }
        let answers = streams
            .into_iter()
            .map(|(port, (stream, pieces))| (port, answers(&stream, &pieces)))
            .collect();
        Self {
            events,
            answers,
            bytes,
            names,
        }
    }

    pub(super) fn bytes(&self, data: &Range<usize>) -> &[u8] {
        &self.bytes[data.clone()]
    }

    fn is(&self, inode: u64, suffix: &str) -> bool {
        self.names
            .get(&inode)
            .is_some_and(|name| name.ends_with(suffix))
    }

    /// Whether an event is a write into the database itself.
    pub(super) fn is_checkpointing(&self, event: &Event) -> bool {
        matches!(event, Event::Written { inode, .. } if self.is(*inode, ".db"))
    }

    /// The most that was sent between two syncs of the log.
    pub(super) fn largest_batch(&self) -> usize {
        let (mut most, mut sent) = (0, 0);
        for event in &self.events {
            match event {
                Event::Sent { .. } => sent += 1,
                Event::Synced { inode, .. } if self.is(*inode, "-wal") => sent = 0,
                _ => {}
            }
            most = most.max(sent);
        }
        most
    }

    /// Counts syncs of the log, syncs of the database, and how often the log began anew.
    pub(super) fn character(&self) -> (usize, usize, usize) {
        let count = |wanted: &dyn Fn(&Event) -> bool| {
            self.events.iter().filter(|event| wanted(event)).count()
        };
        let synced = |suffix: &'static str| {
            count(
                &move |event| matches!(event, Event::Synced { inode, .. } if self.is(*inode, suffix)),
            )
        };
        let restarts = count(
            &|event| matches!(event, Event::Written { inode, offset: 0, .. } if self.is(*inode, "-wal")),
        );
        (synced("-wal"), synced(".db"), restarts)
    }
}

/// Reads what was sent on one connection: the answer to the upgrade, then frames.
fn answers(stream: &[u8], pieces: &[(usize, usize)]) -> Vec<Answer> {
    let begins = stream.windows(4).position(|four| four == b"\r\n\r\n");
    let mut at = begins.map_or(stream.len(), |begin| begin + 4);
    let mut found = Vec::new();
    while let Some(&[first, second]) = stream.get(at..at + 2) {
        let (length, header) = match second {
            126 => (stream.get(at + 2..at + 4).map(big_endian), 4),
            127 => (stream.get(at + 2..at + 10).map(big_endian), 10),
            length => (Some(usize::from(length)), 2),
        };
        let Some(payload) = length.and_then(|length| stream.get(at + header..at + header + length))
        else {
            break;
        };
        if first == 0x81 {
            let piece = pieces.partition_point(|(begin, _)| *begin <= at) - 1;
            found.push(Answer {
                at: pieces[piece].1,
                frame: serde_json::from_slice(payload).expect("JSON"),
            });
        }
        at += header + payload.len();
    }
    found
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}
