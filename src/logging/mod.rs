//! The log: simplelog set up from `[logging]`, to standard error or to a file.
//!
//! Lines of other crates are taken from warnings up only: at `debug` and `trace` they would hold
//! what clients send. Control characters are written out, so that no text of a client can forge a
//! line of the log or drive a terminal.

mod file;
mod journal;

use crate::config::{ClientIp, ColorMode, Logging};
use crate::exit::Exit;
use file::LogFile;
use journal::Journal;
use log::{Level, LevelFilter, Log, Metadata, Record};
use simplelog::{
    ColorChoice, ConfigBuilder, SharedLogger, TermLogger, TerminalMode, WriteLogger,
    format_description,
};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The log file cannot be written.
    #[error("the log file {} cannot be opened: {source}", path.display())]
    File {
        /// The file, as configured.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The log was started before; a process has one.
    #[error("the log is started already")]
    Started(#[from] log::SetLoggerError),
}

impl LoggingError {
    /// Returns the exit code that tells this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::File { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Exit::PermissionDenied
            }
            Self::File { .. } => Exit::Disk,
            Self::Started(_) => Exit::Failed,
        }
    }
}

/// The log of this process, for what changes while it runs.
#[derive(Clone)]
pub struct Handle {
    file: Option<SharedFile>,
}

impl Handle {
    /// Opens the log file again under its name, which somebody else may have given to a new file.
    ///
    /// # Errors
    /// The file cannot be opened; the log then goes on in the old one.
    pub fn reopen(&self) -> io::Result<()> {
        self.file
            .as_ref()
            .map_or(Ok(()), |file| file.lock().reopen())
    }

    /// Changes the least important level that is logged.
    pub fn set_level(&self, level: LevelFilter) {
        log::set_max_level(level);
    }
}

/// Starts the log of this process.
///
/// # Errors
/// The log file cannot be opened, or the log was started before.
pub fn start(logging: &Logging) -> Result<Handle, LoggingError> {
    let (sink, file): (Box<dyn SharedLogger>, _) = match &logging.file {
        None => (to_stderr(logging.colors), None),
        Some(path) => {
            let file = LogFile::open(path, logging.expiration_date).map_err(|source| {
                LoggingError::File {
                    path: path.clone(),
                    source,
                }
            })?;
            let file = SharedFile(Arc::new(Mutex::new(file)));
            (
                WriteLogger::new(LevelFilter::Trace, format(true), file.clone()),
                Some(file),
            )
        }
    };
    log::set_boxed_logger(Box::new(Logger {
        sink,
        file: file.clone(),
    }))?;
    log::set_max_level(logging.level);
    Ok(Handle { file })
}

fn to_stderr(mode: ColorMode) -> Box<dyn SharedLogger> {
    // The journal has a time and a colour for every line.
    if is_journaled() {
        return WriteLogger::new(LevelFilter::Trace, format(false), Journal::default());
    }
    let no_color = std::env::var_os("NO_COLOR");
    let colored = is_colored(mode, io::stderr().is_terminal(), no_color.as_deref());
    let choice = if colored {
        ColorChoice::Always
    } else {
        ColorChoice::Never
    };
    TermLogger::new(
        LevelFilter::Trace,
        format(true),
        TerminalMode::Stderr,
        choice,
    )
}

/// Decides about colour; `NO_COLOR` counts unless it is empty (no-color.org).
fn is_colored(mode: ColorMode, is_terminal: bool, no_color: Option<&OsStr>) -> bool {
    match mode {
        ColorMode::Always => true,
        ColorMode::Never => false,
        ColorMode::Auto => is_terminal && no_color.is_none_or(OsStr::is_empty),
    }
}

/// Tells whether standard error of this process is systemd's journal.
#[must_use]
pub fn is_journaled() -> bool {
    is_journal(std::env::var_os("JOURNAL_STREAM").as_deref())
}

/// Tells whether standard error is the journal: `JOURNAL_STREAM` is inherited, so only the device
/// and inode in it prove that it means our own.
fn is_journal(stream: Option<&OsStr>) -> bool {
    let stderr = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    let Ok(metadata) = stderr.and_then(|file| file.metadata()) else {
        return false;
    };
    let ours = format!("{}:{}", metadata.dev(), metadata.ino());
    stream.is_some_and(|stream| stream == OsStr::new(&ours))
}

fn format(with_time: bool) -> simplelog::Config {
    let time = if with_time {
        LevelFilter::Error
    } else {
        LevelFilter::Off
    };
    ConfigBuilder::new()
        .set_time_level(time)
        .set_time_format_custom(format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        ))
        .set_thread_level(LevelFilter::Off)
        .set_location_level(LevelFilter::Off)
        .set_target_level(LevelFilter::Error)
        .build()
}

/// What stands between `log` and simplelog.
struct Logger {
    sink: Box<dyn SharedLogger>,
    file: Option<SharedFile>,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata) -> bool {
        let target = metadata.target();
        let is_ours = target == "morelia" || target.starts_with("morelia::");
        metadata.level() <= log::max_level() && (is_ours || metadata.level() <= Level::Warn)
    }

    fn log(&self, record: &Record) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // Between two lines, so that none is torn apart.
        if let Some(file) = &self.file {
            file.lock().rotate();
        }
        let message = record.args().to_string();
        let message = printable(&message);
        let metadata = record.metadata().clone();
        let mut line = Record::builder();
        self.sink.log(
            &line
                .metadata(metadata)
                .args(format_args!("{message}"))
                .build(),
        );
    }

    fn flush(&self) {
        self.sink.flush();
    }
}

/// Writes out what would not stay on its line, or would change how the line reads.
fn printable(message: &str) -> Cow<'_, str> {
    let is_tricky = |c: char| {
        (c.is_control() && c != '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !message.contains(is_tricky) {
        return Cow::Borrowed(message);
    }
    let mut text = String::with_capacity(message.len() + 8);
    for c in message.chars() {
        if is_tricky(c) {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    Cow::Owned(text)
}

/// A log file that simplelog writes to and [`Handle`] opens again.
#[derive(Clone)]
struct SharedFile(Arc<Mutex<LogFile>>);

impl SharedFile {
    fn lock(&self) -> MutexGuard<'_, LogFile> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl io::Write for SharedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().flush()
    }
}

/// Returns what is kept of a client's address: all, its network (IPv4 /24, IPv6 /48), or nothing.
#[must_use]
pub fn mask(address: IpAddr, mode: ClientIp) -> Option<IpAddr> {
    match (mode, address.to_canonical()) {
        (ClientIp::Off, _) => None,
        (ClientIp::Full, address) => Some(address),
        (ClientIp::Masked, IpAddr::V4(address)) => {
            Some(Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << 8)).into())
        }
        (ClientIp::Masked, IpAddr::V6(address)) => {
            Some(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 80)).into())
        }
    }
}

/// Returns what is kept of a client's address for a line of text; `-` for nothing.
#[must_use]
pub fn client(address: IpAddr, mode: ClientIp) -> String {
    mask(address, mode).map_or_else(|| "-".to_owned(), |address| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn addresses_are_masked_to_their_network() {
        for (address, masked) in [
            ("203.0.113.77", "203.0.113.0"),
            ("::ffff:203.0.113.77", "203.0.113.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(client(address, ClientIp::Masked), masked);
            assert_eq!(
                client(address, ClientIp::Full),
                address.to_canonical().to_string()
            );
            assert_eq!(client(address, ClientIp::Off), "-");
        }
    }

    #[test]
    fn colours_need_a_terminal_unless_asked_for() {
        let set = Some(OsStr::new("1"));
        for (mode, is_terminal, no_color, expected) in [
            (ColorMode::Auto, true, None, true),
            (ColorMode::Auto, true, Some(OsStr::new("")), true),
            (ColorMode::Auto, true, set, false),
            (ColorMode::Auto, false, None, false),
            (ColorMode::Always, false, set, true),
            (ColorMode::Never, true, None, false),
        ] {
            assert_eq!(
                is_colored(mode, is_terminal, no_color),
                expected,
                "{mode:?}"
            );
        }
    }

    #[test]
    fn the_journal_is_recognised_by_its_inode() {
        let stderr = io::stderr()
            .as_fd()
            .try_clone_to_owned()
            .map(File::from)
            .unwrap();
        let metadata = stderr.metadata().unwrap();
        let stream = format!("{}:{}", metadata.dev(), metadata.ino());
        assert!(is_journal(Some(OsStr::new(&stream))));
        assert!(!is_journal(Some(OsStr::new("8:1"))));
        assert!(!is_journal(None));
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(printable("login `анна` ok\tyes"), "login `анна` ok\tyes");
        assert_eq!(
            printable("a\nERROR b\r\u{1b}[2J\u{202e}c"),
            "a\\nERROR b\\r\\u{1b}[2J\\u{202e}c"
        );
    }

    /// The one test that starts the log of this process.
    #[test]
    fn lines_go_to_the_file_by_level_and_target() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("morelia.log");
        let logging = Logging {
            level: LevelFilter::Info,
            file: Some(path.clone()),
            ..Logging::default()
        };
        let handle = start(&logging).unwrap();
        assert!(matches!(start(&logging), Err(LoggingError::Started(_))));
        let emit = |target: &str, level: Level, text: &str| {
            log::log!(target: target, level, "test: {text}");
        };
        emit("morelia::server", Level::Info, "one\ntwo");
        emit("morelia::server", Level::Debug, "too fine");
        emit("rustls", Level::Info, "of others");
        emit("rustls", Level::Warn, "a warning of others");
        handle.set_level(LevelFilter::Debug);
        emit("morelia::server", Level::Debug, "fine");
        emit("moreliar", Level::Debug, "of others again");
        fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        handle.reopen().unwrap();
        emit("morelia", Level::Error, "in the new file");
        let lines = |name: &str| -> Vec<String> {
            let text = fs::read_to_string(folder.path().join(name)).unwrap();
            // Other tests of this process may log at the same time.
            let ours = text.lines().filter(|line| line.contains("test: "));
            ours.map(|line| line.split_once(' ').unwrap().1.to_owned())
                .collect()
        };
        assert_eq!(
            lines("elsewhere"),
            [
                "[INFO] morelia::server: test: one\\ntwo",
                "[WARN] rustls: test: a warning of others",
                "[DEBUG] morelia::server: test: fine",
            ]
        );
        assert_eq!(
            lines("morelia.log"),
            ["[ERROR] morelia: test: in the new file"]
        );
        let time = fs::read_to_string(&path).unwrap();
        let time = time.split(' ').next().unwrap().as_bytes();
        assert_eq!((time.len(), time[10], time[23]), (24, b'T', b'Z'));
        log::set_max_level(LevelFilter::Off);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_an_error() {
        let path = PathBuf::from("/dev/null/morelia.log");
        let logging = Logging {
            file: Some(path),
            ..Logging::default()
        };
        let error = start(&logging).err().unwrap();
        assert!(
            error
                .to_string()
                .starts_with("the log file /dev/null/morelia.log cannot be opened")
        );
        assert_eq!(error.exit(), Exit::Disk);
    }
}
