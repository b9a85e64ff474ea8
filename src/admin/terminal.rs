//! Asking for a line that is not shown while it is typed, on the terminal of the process.
//!
//! The terminal hands over each key as it is pressed and makes no signals of them, so that Ctrl-C
//! finds it as it was before: a shell must not be left without echo.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcsetattr,
};

/// The longest line that is kept; more is no password of a person's.
const MAX_BYTES: usize = 4096;

/// The terminal of the process, whatever its standard input and output are.
pub(super) struct Terminal {
    file: File,
}

impl Terminal {
    /// Opens it. `None`: there is none.
    pub(super) fn open() -> Option<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).open("/dev/tty").ok()?;
        isatty(&file).then_some(Self { file })
    }

    /// Says something, on a line of its own.
    pub(super) fn say(&mut self, sentence: &str) -> io::Result<()> {
        writeln!(self.file, "{sentence}")
    }

    /// Asks for a line that is not shown. `None`: there is nobody to answer. On Ctrl-C the process
    /// ends as it would have done anywhere else.
    pub(super) fn ask(&mut self, prompt: &str) -> io::Result<Option<String>> {
        match self.type_hidden(prompt)? {
            Typed::Line(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidData, "what was typed is not UTF-8")
            }),
            Typed::Ended => Ok(None),
            Typed::Interrupted => {
                kill_process(getpid(), Signal::INT)?;
                // The process ignores that signal, or has not noticed yet.
                Err(io::ErrorKind::Interrupted.into())
            }
        }
    }

    fn type_hidden(&self, prompt: &str) -> io::Result<Typed> {
        let mut file = &self.file;
        // Before the question: whoever answers at once must not see it either.
        let hidden = Hidden::new(file)?;
        write!(file, "{prompt}")?;
        let mut line = Line::new(Keys::of(&hidden.before));
        let mut byte = [0];
        let typed = loop {
            match file.read(&mut byte) {
                Ok(0) => break Typed::Ended,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            if let Some(typed) = line.press(byte[0]) {
                break typed;
            }
        };
        writeln!(file)?;
        Ok(typed)
    }
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Hidden<'a> {
    file: &'a File,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn new(file: &'a File) -> io::Result<Self> {
        let before = tcgetattr(file)?;
        let mut modes = before.clone();
        modes.local_modes -=
            LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(file, OptionalActions::Now, &modes)?;
        Ok(Self { file, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing restored.
        let _ = tcsetattr(self.file, OptionalActions::Now, &self.before);
    }
}

/// What came of typing.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    /// A line, without its end.
    Line(Vec<u8>),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D with nothing typed, or the terminal is gone.
    Ended,
}

/// The keys that mean something, as this terminal has them.
#[derive(Debug, Clone, Copy)]
struct Keys {
    interrupt: u8,
    end: u8,
    erase: u8,
    kill: u8,
}

impl Keys {
    fn of(terminal: &Termios) -> Self {
        let codes = &terminal.special_codes;
        Self {
            interrupt: codes[SpecialCodeIndex::VINTR],
            end: codes[SpecialCodeIndex::VEOF],
            erase: codes[SpecialCodeIndex::VERASE],
            kill: codes[SpecialCodeIndex::VKILL],
        }
    }
}

/// A line while it is typed.
struct Line {
    keys: Keys,
    bytes: Vec<u8>,
}

impl Line {
    fn new(keys: Keys) -> Self {
        let bytes = Vec::new();
        Self { keys, bytes }
    }

    /// Takes a key; says what came of the line when that ends it.
    fn press(&mut self, byte: u8) -> Option<Typed> {
        match byte {
            b'\n' | b'\r' => return Some(Typed::Line(std::mem::take(&mut self.bytes))),
            // A key that is switched off has the code 0.
            0 => {}
            key if key == self.keys.interrupt => return Some(Typed::Interrupted),
            key if key == self.keys.end => return self.bytes.is_empty().then_some(Typed::Ended),
            key if key == self.keys.kill => self.bytes.clear(),
            // Terminals differ in which of the two their backspace is.
            key if key == self.keys.erase || matches!(key, 0x08 | 0x7f) => self.erase(),
            // Ctrl-Z and the like are no part of a password.
            key if key.is_ascii_control() && key != b'\t' => {}
            key if self.bytes.len() < MAX_BYTES => self.bytes.push(key),
            _ => {}
        }
        None
    }

    /// Takes the last character back, all its bytes.
    fn erase(&mut self) {
        while let Some(byte) = self.bytes.pop() {
            if byte & 0b1100_0000 != 0b1000_0000 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: Keys = Keys {
        interrupt: 3,
        end: 4,
        erase: 0x7f,
        kill: 0x15,
    };

    fn typed(text: &str) -> Option<Typed> {
        let mut line = Line::new(KEYS);
        text.bytes().find_map(|byte| line.press(byte))
    }

    fn line(text: &str) -> Typed {
        Typed::Line(text.as_bytes().to_vec())
    }

    #[test]
    fn keys_do_what_they_do_elsewhere() {
        for (keys, expected) in [
            ("a b\tü\n", "a b\tü"),
            ("wrong\x15right\r", "right"),
            ("aü\x7f\u{8}b\n", "b"),
            ("\x7f\x7fx\n", "x"),
            ("a\x1a\x1b\0b\n", "ab"),
            ("a\x04b\n", "ab"),
        ] {
            assert_eq!(typed(keys), Some(line(expected)));
        }
        assert_eq!(typed("secret\x03"), Some(Typed::Interrupted));
        assert_eq!(typed("\x04"), Some(Typed::Ended));
        assert_eq!(typed("no end"), None);
    }
}
