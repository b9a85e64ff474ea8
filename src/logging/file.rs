//! A log file that begins anew every day and whose old days are removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

const DATE: StaticFormatDescription = format_description!("[year]-[month]-[day]");

/// A clock before this year was never set: a Pi begins in 1970 until the network answers.
const FIRST_YEAR: i32 = 2020;

/// A file of lines. Yesterday's is named `morelia.log.2026-11-21` when today's first line comes.
pub(super) struct LogFile {
    path: PathBuf,
    keep: Duration,
    file: File,
    /// The day (UTC) of the lines in the file.
    day: Date,
    /// What has come of a line that is not whole yet: a line is one write.
    line: Vec<u8>,
}

impl LogFile {
    pub(super) fn open(path: &Path, keep: Duration) -> io::Result<Self> {
        let (file, day) = open(path)?;
        Ok(Self {
            path: path.to_owned(),
            keep,
            file,
            day,
            line: Vec::new(),
        })
    }

    /// Opens the file again under its name; on failure the old one stays in use.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        (self.file, self.day) = open(&self.path)?;
        Ok(())
    }

    /// Begins a new file where a new day has come.
    pub(super) fn rotate(&mut self) {
        self.rotate_on(OffsetDateTime::now_utc().date());
    }

    fn rotate_on(&mut self, today: Date) {
        // A clock that goes back begins no new day.
        if today <= self.day {
            return;
        }
        let finished = std::mem::replace(&mut self.day, today);
        if finished.year() < FIRST_YEAR {
            return;
        }
        let Ok(date) = finished.format(&DATE) else {
            return;
        };
        let past = self.path.with_added_extension(&date);
        // Going on in the old file is better than losing lines, so failures change nothing.
        if !past.exists()
            && fs::rename(&self.path, &past).is_ok()
            && let Ok((file, _)) = open(&self.path)
        {
            self.file = file;
        }
        self.expire(today);
    }

    /// Removes the files of days that are too long ago.
    fn expire(&self, today: Date) {
        let (Some(folder), Some(name)) = (self.path.parent(), self.path.file_name()) else {
            return;
        };
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        for entry in entries.flatten() {
            let found = entry.file_name();
            let date = found
                .to_str()
                .zip(name.to_str())
                .and_then(|(found, name)| found.strip_prefix(name)?.strip_prefix('.'))
                .and_then(|date| Date::parse(date, &DATE).ok());
            if date.is_some_and(|date| (today - date).unsigned_abs() > self.keep && date < today) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if bytes.ends_with(b"\n") {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        if self.file.write_all(&line).is_err() {
            // A full disk is when the log matters most; somebody may see standard error.
            io::stderr().write_all(&line)?;
        }
        Ok(())
    }
}

/// Opens a log file for appending and returns the day of its last line, today for an empty one.
/// Others than its owner and group may not read it: it names who is here.
fn open(path: &Path) -> io::Result<(File, Date)> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)?;
    let metadata = file.metadata()?;
    let today = OffsetDateTime::now_utc().date();
    let day = match metadata.modified() {
        Ok(time) if metadata.len() > 0 => OffsetDateTime::from(time).date(),
        _ => today,
    };
    Ok((file, day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use time::macros::date;

    const THREE_DAYS: Duration = Duration::from_hours(72);

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn each_day_has_a_file_until_it_is_too_old() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "morelia.log.2026-11-18",
            "morelia.log.2026-11-19",
            "morelia.log.old",
            "x",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let mut file = LogFile::open(&folder.path().join("morelia.log"), THREE_DAYS).unwrap();
        file.day = date!(2026 - 11 - 21);
        file.write_all(b"a\n").unwrap();
        file.rotate_on(date!(2026 - 11 - 21));
        file.write_all(b"b\n").unwrap();
        file.rotate_on(date!(2026 - 11 - 22));
        file.write_all(b"c\n").unwrap();
        assert_eq!(
            names(folder.path()),
            [
                "morelia.log",
                "morelia.log.2026-11-19",
                "morelia.log.2026-11-21",
                "morelia.log.old",
                "x"
            ]
        );
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("morelia.log.2026-11-21"), "a\nb\n");
        assert_eq!(read("morelia.log"), "c\n");
    }

    #[test]
    fn a_clock_that_is_unset_or_goes_back_begins_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = LogFile::open(&folder.path().join("morelia.log"), THREE_DAYS).unwrap();
        file.day = date!(1970 - 01 - 01);
        file.write_all(b"boot\n").unwrap();
        file.rotate_on(date!(2026 - 11 - 22));
        file.rotate_on(date!(1970 - 01 - 01));
        assert_eq!(names(folder.path()), ["morelia.log"]);
        assert_eq!(file.day, date!(2026 - 11 - 22));
    }

    #[test]
    fn a_file_of_the_day_that_is_there_already_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("morelia.log.2026-11-21"), "first\n").unwrap();
        let mut file = LogFile::open(&folder.path().join("morelia.log"), THREE_DAYS).unwrap();
        file.day = date!(2026 - 11 - 21);
        file.write_all(b"second\n").unwrap();
        file.rotate_on(date!(2026 - 11 - 22));
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("morelia.log.2026-11-21"), "first\n");
        assert_eq!(read("morelia.log"), "second\n");
    }

    #[test]
    fn others_may_not_read_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("morelia.log");
        LogFile::open(&path, THREE_DAYS).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o007, 0);
    }
}
