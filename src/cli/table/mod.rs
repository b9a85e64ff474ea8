//! The list of every command: name, arguments, flags, meaning, examples, and its builder.

mod bots;
mod client;
mod content;
mod data;
mod people;
mod server;
mod setup;

use super::command::Command;
use super::matches::{Matches, UsageError};
use pico_args::Keys;

/// The groups of commands, in the order of the help, with their headings.
pub const GROUPS: &[(&str, &[Spec])] = &[
    ("Installation", setup::COMMANDS),
    ("Server", server::COMMANDS),
    ("People", people::COMMANDS),
    ("Conversations", content::COMMANDS),
    ("Bots and hooks", bots::COMMANDS),
    ("Data", data::COMMANDS),
    ("Client", client::COMMANDS),
    ("This program", server::PROGRAM),
];

/// A command.
pub struct Spec {
    /// Its name, one word or two.
    pub path: &'static str,
    /// Its arguments, as shown in the usage line.
    pub arguments: &'static str,
    /// What it does: the first sentence for the overview, the rest for its own help.
    pub about: &'static str,
    /// Its flags, in lists that commands share.
    pub flags: &'static [&'static [Flag]],
    /// Command lines to copy.
    pub examples: &'static [&'static str],
    /// Builds the command from the given flags and arguments.
    pub(super) build: fn(&mut Matches) -> Result<Command, UsageError>,
}

impl Spec {
    /// Returns its flags, without the global ones.
    pub fn all_flags(&self) -> impl Iterator<Item = &'static Flag> + use<> {
        self.flags.iter().flat_map(|list| list.iter())
    }

    /// Returns its usage line.
    #[must_use]
    pub fn usage(&self) -> String {
        let mut usage = format!("morelia {}", self.path);
        if !self.arguments.is_empty() {
            usage = format!("{usage} {}", self.arguments);
        }
        for flag in self.all_flags() {
            let more = if flag.many { "…" } else { "" };
            usage = match flag.value {
                "" => format!("{usage} [{}]", flag.name),
                value => format!("{usage} [{} {value}]{more}", flag.name),
            };
        }
        usage
    }

    /// Returns what it does in one sentence.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        self.about
            .split_once(". ")
            .map_or(self.about.trim_end_matches('.'), |(first, _)| first)
    }
}

/// A flag of a command.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// The long name, with its dashes.
    pub name: &'static str,
    /// A short name with its dash, or empty.
    pub short: &'static str,
    /// The placeholder for its value in the help; empty for a switch.
    pub value: &'static str,
    /// Whether it may be given several times.
    pub many: bool,
    /// What it does.
    pub about: &'static str,
}

impl Flag {
    /// Returns its names for pico-args.
    pub(super) fn keys(&self) -> Keys {
        if self.short.is_empty() {
            Keys::from(self.name)
        } else {
            Keys::from([self.short, self.name])
        }
    }

    /// Returns whether `name` is one of its names.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        name == self.name || (!name.is_empty() && name == self.short)
    }
}

/// The flags that every command takes, before or after its name.
pub const GLOBAL: &[Flag] = &[
    option(
        "--config",
        "FILE",
        "use this configuration file instead of searching for one",
    ),
    switch("--json", "print the result as one JSON document"),
    short("-q", switch("--quiet", "print only errors")),
    short("-v", switch("--verbose", "print more details")),
    switch("--no-color", "do not use colour"),
    short("-h", switch("--help", "explain the command")),
    short("-V", switch("--version", "print the version")),
];

/// The source of a password; without any of these flags the terminal asks.
const PASSWORD: &[Flag] = &[
    option(
        "--password-file",
        "FILE",
        "read the password from the first line of a file",
    ),
    switch(
        "--password-stdin",
        "read the password from the first line of standard input",
    ),
    switch("--generate", "generate a password and print it once"),
];

/// Confirms a destructive command.
const YES: &[Flag] = &[switch("--yes", "do not ask for confirmation")];

const fn switch(name: &'static str, about: &'static str) -> Flag {
    Flag {
        name,
        short: "",
        value: "",
        many: false,
        about,
    }
}

const fn option(name: &'static str, value: &'static str, about: &'static str) -> Flag {
    Flag {
        name,
        short: "",
        value,
        many: false,
        about,
    }
}

const fn short(short: &'static str, flag: Flag) -> Flag {
    Flag { short, ..flag }
}

const fn many(flag: Flag) -> Flag {
    Flag { many: true, ..flag }
}

/// Flags of the Python server that have no meaning here, with the end of a sentence about each.
pub const RETIRED_FLAGS: &[(&str, &str)] = &[
    ("--http", PYTHON),
    ("--loop", PYTHON),
    ("--lifespan", PYTHON),
    ("--interface", PYTHON),
    ("--ws", PYTHON),
    (
        "--workers",
        "is not needed: one process uses every processor of the machine",
    ),
    (
        "--forwarded-allow-ips",
        "is `trusted` in section [proxy] of morelia.ini now",
    ),
    (
        "--proxy-headers",
        "is `trusted` in section [proxy] of morelia.ini now",
    ),
];

const PYTHON: &str = "belonged to the Python server and means nothing to this one: leave it out";

/// Commands of the Python server, and their replacements.
pub const RETIRED_COMMANDS: &[(&str, &str)] = &[
    (
        "run",
        "`morelia init`, `morelia serve`, `morelia devserver` and `morelia clean`",
    ),
    ("runserver", "`morelia devserver`"),
    ("superuser-create", "`morelia user add LOGIN --admin`"),
    ("create", "`morelia user add` and `morelia flow create`"),
    (
        "delete",
        "`morelia user remove`, `morelia flow remove` and `morelia db delete`",
    ),
    ("testclient", "`morelia client`"),
    ("conf_backup", "`morelia config backup`"),
    ("conf_restore", "`morelia config restore`"),
];

/// Returns every command.
pub fn all() -> impl Iterator<Item = &'static Spec> {
    GROUPS.iter().flat_map(|(_, commands)| commands.iter())
}

/// Finds a command by its whole name.
#[must_use]
pub fn find(path: &str) -> Option<&'static Spec> {
    all().find(|spec| spec.path == path)
}

/// Returns the second words of the commands whose first word is `group`.
#[must_use]
pub fn members(group: &str) -> Vec<&'static str> {
    let second = |spec: &Spec| {
        spec.path
            .split_once(' ')
            .filter(|(first, _)| *first == group)
            .map(|(_, second)| second)
    };
    all().filter_map(second).collect()
}

/// Returns the first word of every command, each once.
#[must_use]
pub fn first_words() -> Vec<&'static str> {
    let mut words: Vec<&str> = all()
        .filter_map(|spec| spec.path.split(' ').next())
        .collect();
    words.dedup();
    words
}
