//! `completions`: scripts with which a shell completes command lines, generated from the list of commands.

use super::error::CliError;
use super::print::Output;
use super::{named, result, with_service};
use crate::cli::table::{self, Flag, GLOBAL, Spec};
use crate::cli::{Completion, Shell};
use crate::config::Sources;
use crate::exit::Exit;
use crate::model::PublicId;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Runs the command.
///
/// # Errors
/// The database cannot be read.
pub(super) fn run(
    wanted: Completion,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    let values = match wanted {
        Completion::Script(shell) => return named(output, "script", &script(shell)),
        Completion::Logins => with_service(sources, async |service, _| {
            let users = service.users().await?;
            Ok(users.into_iter().map(|user| user.login).collect())
        })?,
        Completion::Flows => with_service(sources, async |service, _| {
            let flows = service.all_flows(None).await?;
            let named = flows.into_iter().map(|(flow, _)| (flow.uuid, flow.title));
            Ok(flow_names(&named.collect::<Vec<_>>()))
        })?,
    };
    let values: Vec<String> = values;
    result(output, &json!({"values": values}), &values.join("\n"))
}

/// Returns the names of flows on a command line: a title that is one plain word and unique, or else the id.
fn flow_names(flows: &[(PublicId, Option<String>)]) -> Vec<String> {
    let plain = |title: &str| {
        let is_word = |sign: char| sign.is_alphanumeric() || "-_.".contains(sign);
        !title.is_empty() && !title.starts_with('-') && title.chars().all(is_word)
    };
    let times = |title: &str| {
        let same = |other: &&Option<String>| other.as_deref() == Some(title);
        flows.iter().map(|(_, title)| title).filter(same).count()
    };
    let name = |(uuid, title): &(PublicId, Option<String>)| match title {
        Some(title) if plain(title) && times(title) == 1 => title.clone(),
        _ => uuid.to_string(),
    };
    flows.iter().map(name).collect()
}

/// Returns the script for a shell.
#[must_use]
pub fn script(shell: Shell) -> String {
    let filled = |text: &str| {
        text.replace("@CASES@", &cases())
            .replace("@VALUES@", &values())
            .replace("@OPTIONS@", &options())
    };
    match shell {
        Shell::Bash => filled(BASH),
        Shell::Zsh => filled(ZSH),
        Shell::Fish => fish(),
    }
}

const BASH: &str = r#"# Completions of morelia for bash.
_morelia() {
    local word="${COMP_WORDS[COMP_CWORD]}" said="" choices="" files="" values="" option="" config=() i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "${COMP_WORDS[i]}" in
            @OPTIONS@)
                [ "${COMP_WORDS[i]}" != --config ] || config=(--config "${COMP_WORDS[i + 1]}")
                ((i++)); [ "$i" -lt "$COMP_CWORD" ] || option="${COMP_WORDS[i - 1]}" ;;
            -*) ;;
            *) said="${said:+$said }${COMP_WORDS[i]}" ;;
        esac
    done
    if [ -n "$option" ]; then
        case "$option" in
@VALUES@            *) files=yes ;;
        esac
    else
        case "$said" in
@CASES@        esac
    fi
    [ -z "$values" ] || choices+=" $("${COMP_WORDS[0]}" "${config[@]}" completions "$values" 2>/dev/null)"
    COMPREPLY=($(compgen -W "$choices" -- "$word"))
    [ -z "$files" ] || COMPREPLY+=($(compgen -f -- "$word"))
}
complete -o filenames -F _morelia morelia
"#;

const ZSH: &str = r#"#compdef morelia
# Completions of morelia for zsh.
_morelia() {
    local said="" choices="" files="" values="" option="" i
    local -a config
    for ((i = 2; i < CURRENT; i++)); do
        case "${words[i]}" in
            @OPTIONS@)
                [ "${words[i]}" != --config ] || config=(--config "${words[i + 1]}")
                ((i++)); [ "$i" -lt "$CURRENT" ] || option="${words[i - 1]}" ;;
            -*) ;;
            *) said="${said:+$said }${words[i]}" ;;
        esac
    done
    if [ -n "$option" ]; then
        case "$option" in
@VALUES@            *) files=yes ;;
        esac
    else
        case "$said" in
@CASES@        esac
    fi
    [ -z "$values" ] || choices+=" $("${words[1]}" "${config[@]}" completions "$values" 2>/dev/null)"
    compadd -- ${=choices}
    [ -z "$files" ] || _files
}
# Read from a folder of $fpath this file is the function itself; sourced, it says what it is for.
if [ "$funcstack[1]" = _morelia ]; then _morelia "$@"; else compdef _morelia morelia; fi
"#;

/// What may be in one place of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Offer {
    /// Nothing known.
    Nothing,
    /// One of these words.
    Words(Vec<&'static str>),
    /// The values that `morelia completions` lists under this word.
    Values(&'static str),
    Files,
}

impl Offer {
    /// Returns the offer for the form of a value: `nginx|caddy`, `LOGIN`, `FILE|DIR`.
    fn of(form: &'static str) -> Self {
        let words = words_of(form);
        match form.trim_matches(['[', ']']) {
            _ if !words.is_empty() => Self::Words(words),
            "LOGIN" => Self::Values("logins"),
            "FLOW" => Self::Values("flows"),
            form if form.contains("FILE") || form.contains("DIR") => Self::Files,
            _ => Self::Nothing,
        }
    }

    /// Returns it as the scripts of bash and zsh need it, with further choices.
    fn shown(&self, mut choices: Vec<&'static str>) -> String {
        let rest = match self {
            Self::Nothing => String::new(),
            Self::Words(words) => {
                choices.splice(0..0, words.iter().copied());
                String::new()
            }
            Self::Values(name) => format!(" values={name}"),
            Self::Files => " files=yes".to_owned(),
        };
        format!("choices=\"{}\"{rest}", choices.join(" "))
    }
}

/// Returns the branches that choose the value of an option.
fn values() -> String {
    let mut offers: BTreeMap<&str, Option<Offer>> = BTreeMap::new();
    let flags = table::all().flat_map(|spec| spec.all_flags().map(move |flag| (spec.path, flag)));
    for (path, flag) in flags.filter(|(_, flag)| !flag.value.is_empty()) {
        // The first administrator does not exist yet.
        let offer = if path == "init" && flag.value == "LOGIN" {
            Offer::Nothing
        } else {
            Offer::of(flag.value)
        };
        offers
            .entry(flag.name)
            .and_modify(|other| {
                // A flag whose values differ between commands gets no offer.
                if other.as_ref() != Some(&offer) {
                    *other = None;
                }
            })
            .or_insert(Some(offer.clone()));
    }
    let mut text = String::new();
    for (name, offer) in offers {
        if let Some(offer) = offer.filter(|offer| *offer != Offer::Files) {
            let _ = writeln!(text, "            {name}) {} ;;", offer.shown(Vec::new()));
        }
    }
    text
}

/// Returns the flags that have a value, as a pattern: the word after them is not a command.
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

/// Returns the branches that choose what can follow the words typed so far. A command comes before
/// the group of its name, `backup list` before `backup`.
fn cases() -> String {
    let mut text = String::new();
    let mut branch = |pattern: &str, offer: &Offer, choices: Vec<&'static str>| {
        let shown = offer.shown(with_global(choices));
        let _ = writeln!(text, "            {pattern}) {shown} ;;");
    };
    branch("\"\"", &Offer::Nothing, table::first_words());
    let (pairs, singles): (Vec<&Spec>, Vec<&Spec>) =
        table::all().partition(|spec| spec.path.contains(' '));
    for spec in pairs.into_iter().chain(singles) {
        let path = spec.path;
        let flags: Vec<&str> = spec.all_flags().map(|flag| flag.name).collect();
        let mut first = table::members(path);
        first.extend(&flags);
        if path == "help" {
            first.extend(table::first_words());
        }
        let mut arguments = spec.arguments.split(' ').map(Offer::of);
        let mut next = || arguments.next().unwrap_or(Offer::Nothing);
        branch(&format!("\"{path}\""), &next(), first);
        branch(&format!("\"{path} \"*"), &next(), flags);
    }
    for group in groups() {
        let members = table::members(group);
        branch(
            &format!("\"{group}\"|\"{group} \"*"),
            &Offer::Nothing,
            members,
        );
    }
    text
}

fn with_global(mut choices: Vec<&'static str>) -> Vec<&'static str> {
    choices.extend(GLOBAL.iter().map(|flag| flag.name));
    choices
}

/// Returns the first words that are not commands by themselves.
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
        for argument in spec.arguments.split(' ') {
            match Offer::of(argument) {
                Offer::Nothing => {}
                Offer::Words(words) => fish_words(&mut text, &after, &words, ""),
                Offer::Values(name) => fish_words(&mut text, &after, &[&fish_values(name)], ""),
                Offer::Files => {
                    let _ = writeln!(text, "complete -c morelia -n {} -F", quoted(&after));
                }
            }
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

/// Returns the command with which fish requests values.
fn fish_values(name: &str) -> String {
    format!("(morelia completions {name} 2>/dev/null)")
}

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
    match Offer::of(flag.value) {
        _ if flag.value.is_empty() => {}
        Offer::Files => text.push_str(" -r -F"),
        Offer::Nothing => text.push_str(" -x"),
        Offer::Words(words) => {
            let _ = write!(text, " -x -a {}", quoted(&words.join(" ")));
        }
        Offer::Values(name) => {
            let _ = write!(text, " -x -a {}", quoted(&fish_values(name)));
        }
    }
    let _ = writeln!(text, " -d {}", quoted(flag.about));
}

/// Returns a text in single quotes, in the syntax of fish.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Returns bash's completions of `line`, whose last word is incomplete.
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
        assert_eq!(
            bash(&["morelia", "se"]),
            ["setup", "serve", "service", "session"]
        );
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
    fn bash_completes_values() {
        let modes = ["open", "invite", "closed"];
        assert_eq!(bash(&["morelia", "init", "--registration", ""]), modes);
        assert_eq!(bash(&["morelia", "serve", "--log-level", "d"]), ["debug"]);
        // The program supplies the logins.
        let of = |line: &str| {
            let found = cases()
                .lines()
                .find(|it| it.trim().starts_with(line))
                .map(str::to_owned);
            found.unwrap_or_else(|| panic!("no {line}"))
        };
        assert!(of("\"flow add-member\")").contains("values=flows"));
        assert!(of("\"flow add-member \"*)").contains("values=logins"));
        assert!(of("\"user show\")").contains("values=logins"));
        assert!(
            values().contains("            --flow) choices=\"\" values=flows ;;"),
            "{}",
            values()
        );
    }

    #[test]
    fn flows_are_named_so_that_a_shell_reads_it() {
        let flow = |uuid: u128, title: &str| (PublicId(uuid), Some(title.to_owned()));
        let flows = vec![
            flow(1, "Kitchen"),
            flow(2, "Two words"),
            flow(3, "Same"),
            flow(4, "Same"),
            (PublicId(5), None),
        ];
        assert_eq!(flow_names(&flows), ["Kitchen", "2", "3", "4", "5"]);
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
