//! `completions`: what a shell needs to complete command lines, from the list of commands.

use crate::cli::Shell;
use crate::cli::table::{self, Flag, GLOBAL, Spec};
use std::fmt::Write as _;

/// Returns the script for a shell.
#[must_use]
pub fn script(shell: Shell) -> String {
    match shell {
        Shell::Bash => BASH
            .replace("@CASES@", &cases())
            .replace("@OPTIONS@", &options()),
        Shell::Zsh => ZSH
            .replace("@CASES@", &cases())
            .replace("@OPTIONS@", &options()),
        Shell::Fish => fish(),
    }
}

const BASH: &str = r#"# Completions of morelia for bash.
_morelia() {
    local word="${COMP_WORDS[COMP_CWORD]}" said="" choices="" files="" i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "${COMP_WORDS[i]}" in
            @OPTIONS@) ((i++)); [ "$i" -lt "$COMP_CWORD" ] || files=yes ;;
            -*) ;;
            *) said="${said:+$said }${COMP_WORDS[i]}" ;;
        esac
    done
    if [ -z "$files" ]; then
        case "$said" in
@CASES@        esac
    fi
    COMPREPLY=($(compgen -W "$choices" -- "$word"))
    [ -z "$files" ] || COMPREPLY+=($(compgen -f -- "$word"))
}
complete -o filenames -F _morelia morelia
"#;

const ZSH: &str = r#"#compdef morelia
# Completions of morelia for zsh.
_morelia() {
    local said="" choices="" files="" i
    for ((i = 2; i < CURRENT; i++)); do
        case "${words[i]}" in
            @OPTIONS@) ((i++)); [ "$i" -lt "$CURRENT" ] || files=yes ;;
            -*) ;;
            *) said="${said:+$said }${words[i]}" ;;
        esac
    done
    if [ -z "$files" ]; then
        case "$said" in
@CASES@        esac
    fi
    compadd -- ${=choices}
    [ -z "$files" ] || _files
}
# Read from a folder of $fpath this file is the function itself; sourced, it says what it is for.
if [ "$funcstack[1]" = _morelia ]; then _morelia "$@"; else compdef _morelia morelia; fi
"#;

/// Returns the flags that have a value, as a pattern: what follows them is no command.
fn options() -> String {
    let mut names: Vec<&str> = GLOBAL
        .iter()
        .chain(table::all().flat_map(Spec::all_flags))
        .filter(|flag| !flag.value.is_empty())
        .map(|flag| flag.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    names.join("|")
}

/// Returns the branches that choose what can follow the words said so far. A command comes before
/// the group of its name, `backup list` before `backup`.
fn cases() -> String {
    let mut text = String::new();
    let mut branch = |said: &str, choices: &[&str], has_files: bool| {
        let files = if has_files { " files=yes" } else { "" };
        let pattern = if said.is_empty() {
            "\"\"".to_owned()
        } else {
            format!("\"{said}\"|\"{said} \"*")
        };
        let choices = choices.join(" ");
        let _ = writeln!(
            text,
            "            {pattern}) choices=\"{choices}\"{files} ;;"
        );
    };
    branch("", &with_global(table::first_words()), false);
    let (pairs, singles): (Vec<&Spec>, Vec<&Spec>) =
        table::all().partition(|spec| spec.path.contains(' '));
    for spec in pairs.into_iter().chain(singles) {
        let mut choices = table::members(spec.path);
        choices.extend(words_of(spec.arguments));
        choices.extend(spec.all_flags().map(|flag| flag.name));
        if spec.path == "help" {
            choices.extend(table::first_words());
        }
        branch(
            spec.path,
            &with_global(choices),
            spec.arguments.contains("FILE"),
        );
    }
    for group in groups() {
        branch(group, &with_global(table::members(group)), false);
    }
    text
}

fn with_global(mut choices: Vec<&'static str>) -> Vec<&'static str> {
    choices.extend(GLOBAL.iter().map(|flag| flag.name));
    choices
}

/// Returns the first words that are no command by themselves.
fn groups() -> impl Iterator<Item = &'static str> {
    table::first_words()
        .into_iter()
        .filter(|word| table::find(word).is_none())
}

/// Returns the words that an argument or value offers: `nginx|caddy`, but not `FILE|DIR`.
fn words_of(form: &'static str) -> Vec<&'static str> {
    let form = form.trim_matches(['[', ']']);
    let offers = form.contains('|') && form.chars().all(|c| c.is_ascii_lowercase() || c == '|');
    if offers {
        form.split('|').collect()
    } else {
        Vec::new()
    }
}

fn fish() -> String {
    let mut text = FISH.replace("@OPTIONS@", &options().replace('|', " "));
    for flag in GLOBAL {
        fish_flag(&mut text, "", flag);
    }
    for group in groups() {
        let about = table::members(group).join(", ");
        fish_words(&mut text, "test (__morelia_said) = ''", &[group], &about);
    }
    for spec in table::all() {
        let (before, word) = spec.path.split_once(' ').unwrap_or(("", spec.path));
        let here = format!("test (__morelia_said) = '{before}'");
        fish_words(&mut text, &here, &[word], spec.summary());
        let after = format!("string match -q -- '{} *' (__morelia_said)' '", spec.path);
        let words = words_of(spec.arguments);
        if !words.is_empty() {
            fish_words(&mut text, &after, &words, "");
        }
        if spec.arguments.contains("FILE") {
            let _ = writeln!(text, "complete -c morelia -n {} -F", quoted(&after));
        }
        for flag in spec.all_flags() {
            fish_flag(&mut text, &after, flag);
        }
    }
    text
}

const FISH: &str = "# Completions of morelia for fish.
# Prints the words of the command line that are neither flags nor their values.
function __morelia_said
    set -l said
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $skip = yes
            set skip no
        else if contains -- $word @OPTIONS@
            set skip yes
        else if not string match -q -- '-*' $word
            set -a said $word
        end
    end
    echo \"$said\"
end
complete -c morelia -f
";

fn fish_words(text: &mut String, condition: &str, words: &[&str], about: &str) {
    let condition = quoted(condition);
    let words = quoted(&words.join(" "));
    let _ = write!(text, "complete -c morelia -n {condition} -a {words}");
    let about = if about.is_empty() {
        String::new()
    } else {
        format!(" -d {}", quoted(about))
    };
    let _ = writeln!(text, "{about}");
}

fn fish_flag(text: &mut String, condition: &str, flag: &Flag) {
    text.push_str("complete -c morelia");
    if !condition.is_empty() {
        let _ = write!(text, " -n {}", quoted(condition));
    }
    if let Some(short) = flag.short.strip_prefix('-') {
        let _ = write!(text, " -s {short}");
    }
    let _ = write!(text, " -l {}", flag.name.trim_start_matches('-'));
    if flag.value.contains("FILE") || flag.value.contains("DIR") {
        text.push_str(" -r -F");
    } else if !flag.value.is_empty() {
        text.push_str(" -x");
        let words = words_of(flag.value);
        if !words.is_empty() {
            let _ = write!(text, " -a {}", quoted(&words.join(" ")));
        }
    }
    let _ = writeln!(text, " -d {}", quoted(flag.about));
}

/// Puts a text in single quotes, as fish reads them.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Asks bash what follows `line`, whose last word is being written.
    fn bash(line: &[&str]) -> Vec<String> {
        let words: Vec<String> = line.iter().map(|word| format!("'{word}'")).collect();
        let ask = format!(
            "{}\nCOMP_WORDS=({})\nCOMP_CWORD={}\n_morelia\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            script(Shell::Bash),
            words.join(" "),
            line.len() - 1
        );
        let output = Command::new("bash").arg("-c").arg(ask).output().unwrap();
        assert!(
            output.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn bash_completes_commands_flags_and_words() {
        assert_eq!(bash(&["morelia", "se"]), ["serve", "service", "session"]);
        assert_eq!(bash(&["morelia", "user", "s"]), ["show", "set", "suspend"]);
        assert_eq!(bash(&["morelia", "--config", "x", "user", "ad"]), ["add"]);
        assert_eq!(
            bash(&["morelia", "user", "add", "anna", "--a"]),
            ["--admin"]
        );
        assert_eq!(bash(&["morelia", "backup", "l"]), ["list"]);
        assert_eq!(bash(&["morelia", "backup", "--t"]), ["--to"]);
        assert_eq!(
            bash(&["morelia", "proxy-config", ""])[..2],
            ["nginx", "caddy"]
        );
        assert_eq!(bash(&["morelia", "check", "t"]), ["tls"]);
    }

    #[test]
    fn bash_completes_files_where_one_is_meant() {
        assert_eq!(bash(&["morelia", "--config", "Cargo.t"]), ["Cargo.toml"]);
        assert_eq!(bash(&["morelia", "restore", "Cargo.t"]), ["Cargo.toml"]);
        assert_eq!(bash(&["morelia", "user", "Cargo.t"]), [""; 0]);
    }

    #[test]
    fn every_script_knows_every_command_and_flag() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell);
            assert!(!script.contains("S@"), "a place was not filled in");
            for spec in table::all() {
                let words = spec.path.split(' ').all(|word| script.contains(word));
                assert!(words, "{shell:?} {}", spec.path);
                for flag in spec.all_flags().chain(GLOBAL) {
                    let name = flag.name.trim_start_matches('-');
                    assert!(script.contains(name), "{shell:?} {name}");
                }
            }
        }
    }
}
