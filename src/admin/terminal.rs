//! Asks for a line that is not shown while it is typed, on the terminal of the process.
//!
//! The terminal passes on each key as it is pressed and generates no signals from keys, so that it
//! is restored before Ctrl-C ends the process: a shell must not be left without echo.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcsetattr,
};

/// The longest line that is kept; no person's password is longer.
const MAX_BYTES: usize = 4096;

/// The terminal of the process, whatever its standard input and output are.
pub(super) struct Terminal {
    file: File,
}

impl Terminal {
    /// Opens the terminal. `None` if there is none.
    pub(super) fn open() -> Option<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).open("/dev/tty").ok()?;
        isatty(&file).then_some(Self { file })
    }

    /// Prints a sentence on a line of its own.
    pub(super) fn say(&mut self, sentence: &str) -> io::Result<()> {
        writeln!(self.file, "{sentence}")
    }

    /// Asks for a line that is not shown. `None` if the input has ended. On Ctrl-C the process ends
    /// as it would have done anywhere else.
    pub(super) fn ask(&mut self, prompt: &str) -> io::Result<Option<String>> {
        match self.type_hidden(prompt)? {
            Typed::Line(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidData, "what was typed is not UTF-8")
            }),
            Typed::Ended => Ok(None),
            Typed::Interrupted => {
                kill_process(getpid(), Signal::INT)?;
                // The process ignores that signal, or has not noticed it yet.
                Err(io::ErrorKind::Interrupted.into())
            }
        }
    }

    fn type_hidden(&self, prompt: &str) -> io::Result<Typed> {
        let mut file = &self.file;
        // Before the question: an answer that is typed at once must not be shown either.
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

/// A terminal that does not show what is typed, until this is dropped.
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
        // A terminal that is gone need not be restored.
        let _ = tcsetattr(self.file, OptionalActions::Now, &self.before);
    }
}

/// The result of typing.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    /// A line, without its end.
    Line(Vec<u8>),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D with nothing typed, or the terminal is gone.
    Ended,
}

/// The keys with a meaning, as set on this terminal.
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

/// A line that is being typed.
struct Line {
    keys: Keys,
    bytes: Vec<u8>,
}

impl Line {
    fn new(keys: Keys) -> Self {
        let bytes = Vec::new();
        Self { keys, bytes }
    }

    /// Handles a key; returns the result if the key ends the line.
    fn press(&mut self, byte: u8) -> Option<Typed> {
        match byte {
            b'\n' | b'\r' => return Some(Typed::Line(std::mem::take(&mut self.bytes))),
            // A disabled key has the code 0.
            0 => {}
            key if key == self.keys.interrupt => return Some(Typed::Interrupted),
            key if key == self.keys.end => return self.bytes.is_empty().then_some(Typed::Ended),
            key if key == self.keys.kill => self.bytes.clear(),
            // Terminals differ in which of the two their backspace sends.
            key if key == self.keys.erase || matches!(key, 0x08 | 0x7f) => self.erase(),
            // Ctrl-Z and similar keys are not part of a password.
            key if key.is_ascii_control() && key != b'\t' => {}
            key if self.bytes.len() < MAX_BYTES => self.bytes.push(key),
            _ => {}
        }
        None
    }

    /// Removes the last character, with all its bytes.
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
