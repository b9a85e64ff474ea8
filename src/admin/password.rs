//! The sources of passwords for commands; never an argument, which every user of the machine can see.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
};

use rand::seq::IndexedRandom;

use super::terminal::Terminal;
use crate::{
    auth::{self, Weakness},
    cli::PasswordSource,
    exit::Exit,
};

/// The characters of a generated password: none that look like another on paper.
const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Four groups of five characters of 32: 100 random bits.
const GROUPS: usize = 4;
const GROUP_CHARS: usize = 5;
/// The longest password read from a file; a longer file is not a password file.
const MAX_BYTES: u64 = 4096;
/// How often a new password is requested before the command gives up.
const ATTEMPTS: u32 = 3;

/// A password, and whether it was generated here and has to be shown to the user once.
pub struct Password {
    /// The password.
    pub text: String,
    /// Whether it was generated here.
    pub generated: bool,
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(***)")
    }
}

/// The reason why there is no password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// There is no terminal to ask on.
    #[error(
        "no terminal to ask for the password: give --password-file FILE, --password-stdin or --generate"
    )]
    NoTerminal,
    /// The two entries differ.
    #[error("the two passwords differ: run the command again")]
    Differ,
    /// It is empty.
    #[error("the password is empty: give at least one character")]
    Empty,
    /// It is too easy to guess.
    #[error("{0}")]
    Weak(Weakness),
    /// It could not be read.
    #[error("cannot read the password from {place}: {cause}")]
    Unreadable {
        /// The file, or a description of the source.
        place: String,
        /// The error of the system.
        cause: io::Error,
    },
}

impl PasswordError {
    /// Returns the exit code of a command that fails with this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::NoTerminal => Exit::Usage,
            Self::Differ | Self::Empty | Self::Weak(_) => Exit::Failed,
            Self::Unreadable { cause, .. } => match cause.kind() {
                io::ErrorKind::NotFound => Exit::NotFound,
                io::ErrorKind::PermissionDenied => Exit::PermissionDenied,
                _ => Exit::Disk,
            },
        }
    }
}

/// How often a terminal asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Once: the server refuses a wrong one.
    Once,
    /// Twice, because a typing mistake in a new password locks its user out. A new one that is easy
    /// to guess is refused, whatever its source.
    Twice,
}

/// Reads or generates a password.
///
/// # Errors
/// There is no terminal, the two entries differ, it is empty or a new one that is easy to guess, or
/// it cannot be read.
pub fn read(source: &PasswordSource, ask: Ask, whose: &str) -> Result<Password, PasswordError> {
    let text = match source {
        PasswordSource::Terminal => terminal(ask, whose)?,
        PasswordSource::File(path) => first_line(File::open(path), || path.display().to_string())?,
        PasswordSource::Stdin => first_line(Ok(io::stdin()), || "standard input".to_owned())?,
        PasswordSource::Generate => {
            return Ok(Password {
                text: generate(),
                generated: true,
            });
        }
    };
    if text.is_empty() {
        return Err(PasswordError::Empty);
    }
    if ask == Ask::Twice
        && let Some(weakness) = auth::weakness(&text)
    {
        return Err(PasswordError::Weak(weakness));
    }
    Ok(Password {
        text,
        generated: false,
    })
}

/// Reads the first line without its end, otherwise unchanged.
fn first_line(
    source: io::Result<impl Read>,
    place: impl Fn() -> String,
) -> Result<String, PasswordError> {
    let read = || -> io::Result<String> {
        let mut line = String::new();
        BufReader::new(source?.take(MAX_BYTES)).read_line(&mut line)?;
        Ok(line)
    };
    let mut line = read().map_err(|cause| PasswordError::Unreadable {
        place: place(),
        cause,
    })?;
    for end in ['\n', '\r'] {
        if line.ends_with(end) {
            line.pop();
        }
    }
    Ok(line)
}

fn terminal(ask: Ask, whose: &str) -> Result<String, PasswordError> {
    let mut terminal = Terminal::open().ok_or(PasswordError::NoTerminal)?;
    let failed = |cause| PasswordError::Unreadable {
        place: "the terminal".to_owned(),
        cause,
    };
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        let first = terminal
            .ask(&format!("Password for {whose}: "))
            .map_err(failed)?
            .ok_or(PasswordError::Empty)?;
        if ask == Ask::Once {
            return Ok(first);
        }
        let wrong = if first.is_empty() {
            PasswordError::Empty
        } else if let Some(weakness) = auth::weakness(&first) {
            PasswordError::Weak(weakness)
        } else if terminal.ask("The same again: ").map_err(failed)?.as_ref() == Some(&first) {
            return Ok(first);
        } else {
            PasswordError::Differ
        };
        if left == 0 {
            return Err(wrong);
        }
        let why = match wrong {
            PasswordError::Empty => "Please type at least one character.".to_owned(),
            PasswordError::Weak(Weakness::Short) => {
                "That is too short: use at least 8 characters.".to_owned()
            }
            PasswordError::Weak(Weakness::Common) => {
                "That is one of the most common passwords. Please choose another.".to_owned()
            }
            _ => "The two differ. Please try again.".to_owned(),
        };
        terminal.say(&why).map_err(failed)?;
    }
}

fn generate() -> String {
    // ThreadRng is a cryptographically secure generator seeded by the system.
    let mut random = rand::rng();
    let mut group = || -> String {
        (0..GROUP_CHARS)
            .filter_map(|_| ALPHABET.choose(&mut random).copied())
            .map(char::from)
            .collect()
    };
    (0..GROUPS).map(|_| group()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::PathBuf};

    use super::*;

    fn from_file(bytes: &[u8]) -> Result<String, PasswordError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("password");
        fs::write(&path, bytes).expect("written");
        read(&PasswordSource::File(path), Ask::Twice, "anna").map(|password| password.text)
    }

    #[test]
    fn the_first_line_is_the_password_and_blanks_belong_to_it() {
        for (bytes, password) in [
            ("a secret", "a secret"),
            ("a secret\n", "a secret"),
            ("a secret\r\nmore\n", "a secret"),
            ("  пароль \n", "  пароль "),
        ] {
            assert_eq!(from_file(bytes.as_bytes()).expect("a password"), password);
        }
    }

    #[test]
    fn what_is_no_password_is_said() {
        assert!(matches!(
            from_file(b"\nsecond\n"),
            Err(PasswordError::Empty)
        ));
        assert!(matches!(
            from_file(b"\xff\n"),
            Err(PasswordError::Unreadable { .. })
        ));
        for (weak, why) in [
            ("secret\n", Weakness::Short),
            ("Password123\n", Weakness::Common),
        ] {
            let refused = from_file(weak.as_bytes());
            assert!(matches!(refused, Err(PasswordError::Weak(is)) if is == why));
        }
        // The strength of an existing password is not checked.
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("password");
        fs::write(&path, "secret\n").expect("written");
        assert!(read(&PasswordSource::File(path), Ask::Once, "anna").is_ok());
        let missing = PasswordSource::File(PathBuf::from("/nonexistent/password"));
        let error = read(&missing, Ask::Once, "anna").expect_err("not there");
        assert_eq!(error.exit(), Exit::NotFound);
    }

    #[test]
    fn generated_passwords_are_long_and_differ() {
        let made: BTreeSet<String> = (0..100).map(|_| generate()).collect();
        assert_eq!(made.len(), 100);
        assert!(made.iter().all(|password| password.len() == 23), "{made:?}");
    }

    #[test]
    fn a_password_is_not_printed_by_accident() {
        let password = Password {
            text: "secret".to_owned(),
            generated: false,
        };
        assert!(!format!("{password:?}").contains("secret"));
    }
}
