//! The configuration described: the commented example file and the reference, both from the list
//! of keys.

use super::Config;
use super::keys::{Key, SECTIONS, Section};
use std::fmt::Write as _;

/// The width at which comments are wrapped.
const WIDTH: usize = 96;

/// Returns `morelia.ini.example`: every key with its meaning and its default, which `init` also
/// writes as the first `morelia.ini`.
#[must_use]
pub fn example() -> String {
    with_values(&Config::default())
}

/// Returns a commented configuration file that holds `config`.
#[must_use]
pub fn with_values(config: &Config) -> String {
    let mut text = String::new();
    comment(&mut text, INTRODUCTION);
    for section in SECTIONS {
        text.push('\n');
        comment(&mut text, section.about);
        let _ = writeln!(text, "[{}]", section.name);
        for key in section.keys {
            text.push('\n');
            comment(&mut text, key.about);
            comment(&mut text, &format!("Values: {}.", key.values));
            let _ = match key.show_quoted(config) {
                value if value.is_empty() => writeln!(text, "#{} = {}", key.name, key.example),
                value => writeln!(text, "{} = {value}", key.name),
            };
        }
    }
    text
}

const INTRODUCTION: &str = "Configuration of Morelia. Every key is here with its default; a key that \
    begins with # has none. A comment has a line of its own. Sizes: 4096 (bytes), 64KB, 16MB, 1GB, in \
    steps of 1024. Durations: 250ms, 5s (or 5), 2m, 24h, 30d. Paths start from this file's folder. \
    Any key can be overridden by the environment, [server] port by MORELIA__SERVER__PORT, or by the \
    content of a file that MORELIA__SERVER__PORT_FILE names; flags of the command line win over both. \
    `morelia check config` examines this file, `morelia config show --origin` tells which value holds \
    and why.";

/// Returns `docs/configuration.md`.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from(PREAMBLE);
    for section in SECTIONS {
        let _ = write!(text, "\n## [{}]\n\n", section.name);
        paragraph(&mut text, "", section.about);
        text.push_str("\n| key | default | values | at SIGHUP |\n| --- | --- | --- | --- |\n");
        for key in section.keys {
            let reload = if key.reload {
                "taken up"
            } else {
                "after a restart"
            };
            let default = default_of(section, key);
            let _ = writeln!(
                text,
                "| `{}` | {default} | {} | {reload} |",
                key.name, key.values
            );
        }
        for key in section.keys {
            text.push('\n');
            paragraph(&mut text, "", &format!("**{}**: {}", key.name, key.about));
        }
    }
    text
}

const PREAMBLE: &str = "# Configuration

<!-- Written from the list of keys in src/config/keys: change it there, then run
     MORELIA_GOLDEN_REWRITE=1 cargo test --lib config::tests::example_and_reference_are_current -->

The server reads one file, the first of these that exists: the one of `--config FILE`, the one of
`$MORELIA_CONFIG`, `./morelia.ini`, `$XDG_CONFIG_HOME/morelia/morelia.ini` (`~/.config/…`),
`/etc/morelia/morelia.ini`. Without any of them the defaults apply. `morelia config example` prints the
file with all keys and comments.

- A line is `[section]`, `key = value` or a comment, which begins with `#` or `;` and has a line of its
  own. A value with a `#` or `;` after a space stands in double quotes. Section and key may come once.
- A mistake is never passed over: a bad value, an unknown or repeated section or key is named with
  file, line and the nearest right name, all of them at once, and the exit code is 78.
- Sizes are in bytes (`4096`) or in steps of 1024: `64KB`, `16MB`, `1GB` (also `KiB`, `MiB`, `GiB`).
- Durations are `250ms`, `5s`, `2m` (minutes), `24h`, `30d`, `2w`; a plain number is seconds. Where
  people think in days (how long something is kept or holds), the unit must be written.
- A relative path in the file starts from the file's folder; in a variable or flag, from the current
  one.
- `MORELIA__SECTION__KEY` in the environment overrides a key (`MORELIA__SERVER__PORT=8080`);
  `MORELIA__SECTION__KEY_FILE` names a file whose content, without the space around it, is the value.
  A variable that begins with `MORELIA__` and names no key is a mistake too. Flags win over both.
- `morelia config show --origin` prints the values that hold and where each came from.
- At SIGHUP the server reads everything again. What is marked \"taken up\" holds from then on, for the
  rest the log names the keys that need a restart; a file with a mistake is refused and the old
  values stay.
";

fn default_of(section: &Section, key: &Key) -> String {
    match (section.name, key.name) {
        ("database", "path") => "`morelia.db` beside this file".to_owned(),
        _ => match key.show(&Config::default()) {
            value if value.is_empty() => "empty".to_owned(),
            value => format!("`{value}`"),
        },
    }
}

fn comment(text: &mut String, words: &str) {
    paragraph(text, "# ", words);
}

/// Appends `words` in lines of at most [`WIDTH`] letters that begin with `prefix`.
fn paragraph(text: &mut String, prefix: &str, words: &str) {
    let mut line = String::new();
    for word in words.split_whitespace() {
        let width = prefix.len() + line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && width > WIDTH {
            let _ = writeln!(text, "{prefix}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(text, "{prefix}{line}");
}
