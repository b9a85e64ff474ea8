//! Values that are words or versions, each read from text and shown as it.

use std::fmt;

/// A value that is one of a few words.
pub trait Word: Copy + PartialEq + 'static {
    /// Every word taken, with its value; the first word of a value is the one shown.
    const WORDS: &'static [(&'static str, Self)];

    /// Reads a word, without regard to case.
    ///
    /// # Errors
    /// A sentence's end naming the words, when `text` is none of them.
    fn read(text: &str) -> Result<Self, String> {
        let found = Self::WORDS
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text));
        found.map(|&(_, value)| value).ok_or_else(|| {
            let nearest = crate::nearest::nearest(text, Self::WORDS.iter().map(|(word, _)| *word));
            let hint = nearest.map_or(String::new(), |word| format!(" (did you mean `{word}`?)"));
            format!("`{text}` is not one of {}{hint}", Self::shown().join(", "))
        })
    }

    /// Returns the word of the value.
    fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, value)| *value == self)
            .map_or("", |(word, _)| word)
    }

    /// Returns one word for each value, in the order of the list.
    fn shown() -> Vec<&'static str> {
        Self::WORDS
            .iter()
            .filter(|(word, value)| value.word() == *word)
            .map(|&(word, _)| word)
            .collect()
    }
}

impl Word for bool {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("on", true),
        ("off", false),
        ("true", true),
        ("false", false),
        ("yes", true),
        ("no", false),
        ("1", true),
        ("0", false),
    ];
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Anybody who reaches the server.
    Open,
    /// Whoever has an unused invitation code.
    Invite,
    /// Nobody; the operator makes accounts.
    Closed,
}

impl Word for Registration {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("open", Self::Open),
        ("invite", Self::Invite),
        ("closed", Self::Closed),
    ];
}

/// Whom members see who look for people without a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directory {
    /// Everybody while there are few accounts, else as [`Directory::Search`].
    Auto,
    /// Everybody.
    All,
    /// Those with whom they share a flow; others are found by their names.
    Search,
}

impl Word for Directory {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("all", Self::All),
        ("search", Self::Search),
    ];
}

/// What an answer 200 to a change promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The change is on the disk (`synchronous=FULL`).
    Full,
    /// The change survives a crash of the program, not a power cut (`synchronous=NORMAL`).
    Normal,
}

impl Word for Durability {
    const WORDS: &'static [(&'static str, Self)] =
        &[("full", Self::Full), ("normal", Self::Normal)];
}

/// Whether a TLS client must show a certificate. The numbers are those of Python's `ssl` module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCert {
    /// It is not asked for one.
    None,
    /// It may show one, which is then verified.
    Optional,
    /// Without a valid one there is no connection.
    Required,
}

impl Word for ClientCert {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("none", Self::None),
        ("optional", Self::Optional),
        ("required", Self::Required),
        ("0", Self::None),
        ("1", Self::Optional),
        ("2", Self::Required),
    ];
}

/// Whether the log is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorMode {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Everywhere but in a file.
    Always,
    /// Nowhere.
    Never,
}

impl Word for ColorMode {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("always", Self::Always),
        ("never", Self::Never),
        ("on", Self::Always),
        ("off", Self::Never),
    ];
}

/// How much of a client's address the log and the list of sessions keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientIp {
    /// The network only: the first 24 bits of an IPv4 address, 48 of an IPv6 one.
    Masked,
    /// The whole address.
    Full,
    /// Nothing.
    Off,
}

impl Word for ClientIp {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("masked", Self::Masked),
        ("full", Self::Full),
        ("off", Self::Off),
        ("none", Self::Off),
    ];
}

/// What a notification says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushContent {
    /// Who wrote where, and the beginning of the text.
    Full,
    /// Who wrote, and where.
    Names,
    /// That there is something.
    None,
}

impl Word for PushContent {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("full", Self::Full),
        ("names", Self::Names),
        ("none", Self::None),
    ];
}

impl Word for log::LevelFilter {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
        ("off", Self::Off),
        // The words of the Python server's command line.
        ("critical", Self::Error),
        ("warning", Self::Warn),
    ];
}

/// A version of the protocol. Versions compare as numbers: 1.10 is above 1.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    /// The number before the dot.
    pub major: u16,
    /// The number after the dot.
    pub minor: u16,
}

impl ApiVersion {
    /// Reads `1.0`.
    ///
    /// # Errors
    /// A sentence's end, when `text` is not two numbers with a dot between.
    pub fn read(text: &str) -> Result<Self, String> {
        let part = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            if plain { digits.parse().ok() } else { None }
        };
        let parts = text
            .split_once('.')
            .and_then(|(major, minor)| Some((part(major)?, part(minor)?)));
        let (major, minor) =
            parts.ok_or_else(|| format!("`{text}` is not a version such as 1.0"))?;
        Ok(Self { major, minor })
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_taken_in_any_case_and_shown_in_one() {
        assert_eq!(Registration::read("Invite"), Ok(Registration::Invite));
        assert_eq!(ClientCert::read("2").map(ClientCert::word), Ok("required"));
        assert_eq!(
            log::LevelFilter::read("WARNING").map(Word::word),
            Ok("warn")
        );
        assert_eq!(bool::shown(), ["on", "off"]);
        let error = Registration::read("opne").unwrap_err();
        assert_eq!(
            error,
            "`opne` is not one of open, invite, closed (did you mean `open`?)"
        );
    }

    #[test]
    fn versions_compare_as_numbers() {
        let read = |text| ApiVersion::read(text).unwrap();
        assert!(read("1.10") > read("1.9"));
        assert!(read("2.0") > read("1.99"));
        for text in [
            "", "1", "1.", ".1", "1.0.0", "1.+1", "1.-1", "1.99999", "one.two",
        ] {
            assert!(ApiVersion::read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_an_error(text in "\\PC*") {
            let _ = (Registration::read(&text), bool::read(&text), ApiVersion::read(&text));
        }
    }
}
