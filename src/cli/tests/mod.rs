//! The command line as a whole: every command and flag, mistakes, the help.

mod any;
mod documentation;

use super::matches::Matches;
use super::table::{self, Flag, GLOBAL, Spec};
use super::*;
use crate::config::{Override, Registration};
use std::ffi::OsString;
use std::time::Duration;

/// Splits a line like a shell, including double quotes, and omits a redirection.
fn words(line: &str) -> Vec<OsString> {
    let line = line.split(" > ").next().unwrap();
    let quoted = line.split('"').enumerate();
    let words = quoted.flat_map(|(index, part)| match index % 2 {
        0 => part
            .split_whitespace()
            .map(OsString::from)
            .collect::<Vec<_>>(),
        _ => vec![OsString::from(part)],
    });
    words.collect()
}

fn run(line: &str) -> Result<Invocation, String> {
    parse(words(line)).map_err(|error| error.to_string())
}

fn command(line: &str) -> Command {
    run(line).unwrap().command
}

fn error(line: &str) -> String {
    run(line).unwrap_err()
}

#[test]
fn every_example_of_the_help_is_understood() {
    for spec in table::all() {
        assert!(!spec.examples.is_empty(), "{}", spec.path);
        for example in spec.examples {
            let line = example.strip_prefix("morelia ").unwrap();
            assert!(
                line.replace("--json ", "").starts_with(spec.path),
                "{example}"
            );
            run(line).unwrap_or_else(|error| panic!("{example}: {error}"));
        }
    }
}

/// The commands that the operator relies on; each must have a row.
#[test]
fn every_command_of_the_contract_is_there() {
    let paths: Vec<&str> = table::all().map(|spec| spec.path).collect();
    for (group, members) in [
        (
            "",
            "init serve devserver check status backup restore import export proxy-config clean",
        ),
        ("", "completions help"),
        ("config", "show example backup restore"),
        (
            "user",
            "add list show set passwd localpart suspend resume remove",
        ),
        ("session", "list revoke"),
        ("invite", "create list revoke"),
        (
            "flow",
            "create list show add-member remove-member transfer remove",
        ),
        ("message", "list send delete search"),
        ("db", "create delete migrate check compact stats"),
        ("backup", "key list verify"),
        (
            "client",
            "ping register login send history watch raw conformance",
        ),
        ("service", "unit"),
    ] {
        for member in members.split(' ') {
            let path = format!("{group} {member}");
            assert!(paths.contains(&path.trim()), "{path}");
        }
    }
}

/// Builds a command from flags whose values are mostly invalid, and returns the flags left over.
fn left_over(spec: &'static Spec, flags: &[&Flag]) -> Vec<&'static str> {
    let word = |name: &str| {
        name.trim_matches(['[', ']'])
            .split('|')
            .next()
            .unwrap()
            .into()
    };
    let mut matches = Matches {
        spec,
        global: Global::default(),
        flags: flags
            .iter()
            .map(|flag| (flag.name, vec!["7d".into()]))
            .collect(),
        arguments: spec.arguments.split_whitespace().map(word).collect(),
    };
    // It does not matter whether the command can be built.
    let _ = (spec.build)(&mut matches);
    matches.flags.into_keys().collect()
}

#[test]
fn every_flag_of_a_command_is_used_by_it() {
    for spec in table::all() {
        let all: Vec<&Flag> = spec.all_flags().collect();
        let together = left_over(spec, &all);
        for flag in all {
            let used = !together.contains(&flag.name) || left_over(spec, &[flag]).is_empty();
            assert!(used, "{} ignores {}", spec.path, flag.name);
        }
    }
}

#[test]
fn help_names_every_command_and_flag() {
    let overview = help::about("").unwrap();
    for spec in table::all() {
        assert!(
            overview.contains(&format!("\n  {} ", spec.path)),
            "{}",
            spec.path
        );
        let text = help::about(spec.path).unwrap();
        for Flag {
            name, value, about, ..
        } in spec.all_flags()
        {
            assert!(
                text.contains(&format!("{name} {value}")),
                "{} {name}",
                spec.path
            );
            assert!(
                text.contains(about.split(' ').next().unwrap()),
                "{} {name}",
                spec.path
            );
        }
        for example in spec.examples {
            assert!(text.contains(example), "{}", spec.path);
        }
    }
    assert!(overview.contains("  MORELIA_CONFIG ") && overview.contains("  78  "));
    for flag in GLOBAL {
        assert!(overview.contains(flag.name), "{}", flag.name);
    }
    let group = help::about("user").unwrap();
    assert!(
        table::members("user")
            .iter()
            .all(|member| group.contains(&format!("user {member}")))
    );
    assert!(
        help::about("usr")
            .unwrap_err()
            .to_string()
            .contains("did you mean `user`?")
    );
}

#[test]
fn help_is_asked_for_in_every_way() {
    for (line, name) in [
        ("help", ""),
        ("--help", ""),
        ("-h", ""),
        ("help user", "user"),
        ("user --help", "user"),
        ("help user add", "user add"),
        ("user add --help", "user add"),
        ("--help user add boris --wrong", "user add"),
        ("backup --help", "backup"),
    ] {
        assert_eq!(command(line), Command::Help(name.to_owned()), "{line}");
        assert!(help::about(name).is_ok());
    }
    for line in ["--version", "-V", "serve --version"] {
        assert_eq!(command(line), Command::Version, "{line}");
    }
}

#[test]
fn global_flags_stand_anywhere() {
    let expected = Global {
        config: Some("a.ini".into()),
        json: true,
        no_color: true,
        verbosity: Verbosity::Verbose,
    };
    for line in [
        "--config a.ini --json -v --no-color user list",
        "user --config=a.ini list --json --verbose --no-color",
        "user list -v --no-color --json --config a.ini",
    ] {
        let invocation = run(line).unwrap();
        assert_eq!(invocation.global, expected, "{line}");
        assert_eq!(invocation.command, Command::User(UserCommand::List));
    }
    assert_eq!(run("-q status").unwrap().global.verbosity, Verbosity::Quiet);
}

#[test]
fn commands_are_built_from_their_flags() {
    assert_eq!(
        command("init --admin anna --registration open --if-needed --password-file pw"),
        Command::Init(Init {
            admin: Some("anna".to_owned()),
            registration: Some(Registration::Open),
            https: None,
            staging: false,
            local_ca: false,
            if_needed: true,
            password: PasswordSource::File("pw".into()),
        })
    );
    let plain = BackupCommand::Make {
        to: None,
        with_keys: false,
        encrypt_to: Vec::new(),
    };
    assert_eq!(command("backup"), Command::Backup(plain));
    assert_eq!(command("backup list"), Command::Backup(BackupCommand::List));
    let (topic, fix) = (Some(CheckTopic::Tls), None);
    assert_eq!(command("check tls"), Command::Check { topic, fix });
    assert_eq!(
        command("invite create --expires 36h"),
        Command::Invite(InviteCommand::Create {
            uses: 1,
            expires: Duration::from_hours(36),
            flow: None,
            note: None,
        })
    );
    assert_eq!(
        command("client raw --type ping_pong --file - ws://localhost:1"),
        Command::Client(ClientCommand {
            ca: None,
            url: "ws://localhost:1".to_owned(),
            action: ClientAction::Raw {
                method: Some("ping_pong".to_owned()),
                file: Some("-".into()),
                accept: Vec::new(),
            },
        })
    );
    let Command::Message(MessageCommand::Send { text, .. }) = command("message send F -- --json")
    else {
        panic!("another command");
    };
    assert_eq!(text.as_deref(), Some("--json"));
}

#[test]
fn flags_of_serve_override_keys() {
    let overrides = |line| match command(line) {
        Command::Serve(serve) => {
            let shown = |o: Override| format!("{} {}.{}={}", o.flag, o.section, o.key, o.value);
            serve.overrides.into_iter().map(shown).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(
        overrides(
            "serve --host :: --port 0 --log-level warning --use-colors --ssl-certfile c --ssl-keyfile k \
             --ssl-ca-certs a --ssl-cert-reqs 2 --limit-concurrency 9 --backlog 8 --timeout-keep-alive 7"
        ),
        [
            "--host server.host=::",
            "--port server.port=0",
            "--log-level logging.level=warning",
            "--ssl-certfile tls.certfile=c",
            "--ssl-keyfile tls.keyfile=k",
            "--ssl-ca-certs tls.ca_certs=a",
            "--ssl-cert-reqs tls.cert_reqs=2",
            "--limit-concurrency limits.connections=9",
            "--backlog server.backlog=8",
            "--timeout-keep-alive server.keep_alive=7",
            "--use-colors logging.colors=always",
        ]
    );
    assert_eq!(
        overrides("serve --no-color"),
        ["--no-color logging.colors=never"]
    );
    assert_eq!(
        overrides("devserver --host 127.0.0.2")
            .last()
            .map(String::as_str),
        Some("--host server.host=127.0.0.2")
    );
    let Command::Serve(serve) = command("serve --reload --limit-max-requests 5") else {
        panic!("another command");
    };
    assert_eq!((serve.reload, serve.max_requests), (true, Some(5)));
}

/// Checks that each line is refused by one sentence that contains the expected words.
fn assert_refused(lines: &[(&str, &str)]) {
    for (line, expected) in lines {
        let error = error(line);
        assert!(error.contains(expected), "{line}: {error}");
        assert!(
            !error.contains("secret") && !error.contains('\n'),
            "{line}: {error}"
        );
    }
}

#[test]
fn misspelt_commands_are_told_with_the_nearest_right_one() {
    assert_refused(&[
        ("", "missing command: start with `morelia init`"),
        ("--json", "missing command"),
        ("sevre", "did you mean `serve`?"),
        ("frobnicate", "`morelia help` lists all"),
        ("runserver", "use `morelia devserver` instead"),
        (
            "user",
            "`morelia user` needs one of these words: add, list,",
        ),
        ("user ad boris", "did you mean `morelia user add`?"),
        ("user frobnicate", "use one of add, list,"),
        ("backup lsit", "did you mean `morelia backup list`?"),
    ]);
}

#[test]
fn misspelt_flags_and_values_are_told_with_what_is_right() {
    assert_refused(&[
        (
            "user add boris --adnim",
            "unknown flag --adnim: did you mean --admin?",
        ),
        (
            "user add boris --frobnicate",
            "`user add` has no flag --frobnicate",
        ),
        (
            "user add boris --admin=yes",
            "--admin is a switch: it takes no value",
        ),
        ("user add", "missing LOGIN; usage: `morelia user add LOGIN"),
        (
            "user add boris clara",
            "unexpected argument `clara`; usage: `morelia user add",
        ),
        ("user set boris", "missing a flag that says what to change"),
        (
            "user set boris --admin maybe",
            "--admin: `maybe` is not one of on, off",
        ),
        (
            "user set boris --quota much",
            "--quota: `much` is not a size such as 64KB",
        ),
        (
            "user add boris --password secret",
            "can be read by every user of this machine",
        ),
        (
            "user add boris --password=secret",
            "can be read by every user of this machine",
        ),
        (
            "user add boris --generate --password-stdin",
            "exclude each other",
        ),
        ("--yes clean", "--yes must come after the command"),
        ("--jsno status", "unknown flag --jsno: did you mean --json?"),
        ("status --config", "--config needs a value: --config FILE"),
        (
            "serve --host --port 1",
            "--host needs a value: --host ADDRESS",
        ),
        ("serve --port 1 --port 2", "--port is given twice"),
        (
            "serve --port 80a",
            "--port: `80a` is not a whole number from 0 to 65535",
        ),
        (
            "serve --log-level loud",
            "--log-level: `loud` is not one of error, warn,",
        ),
        (
            "serve --limit-max-requests 0",
            "`0` is not a whole number from 1",
        ),
        (
            "check tsl",
            "check: `tsl` is not one of config, database, tls,",
        ),
        ("flow create gruop --owner anna", "(did you mean `group`?)"),
        ("flow create group", "missing --owner"),
        ("export --all", "missing --to DIR"),
        ("export --all --user anna --to x", "exclude each other"),
        ("session revoke", "missing ID or --user"),
        ("-q -v status", "--quiet and -v exclude each other"),
        ("help --frobnicate", "`help` has no flag --frobnicate"),
    ]);
}

#[test]
fn flags_of_the_python_server_are_refused_by_name() {
    for flag in ["--http", "--loop", "--lifespan", "--interface", "--ws"] {
        for line in [
            format!("serve {flag} auto"),
            format!("serve {flag}=auto"),
            format!("{flag} x serve"),
        ] {
            assert!(
                error(&line).contains("belonged to the Python server"),
                "{line}"
            );
        }
    }
}

#[test]
fn values_are_taken_as_they_are() {
    let bio = |line: &[&str]| {
        let line = ["user", "set", "anna"]
            .iter()
            .chain(line)
            .map(OsString::from);
        match parse(line.collect()).map(|invocation| invocation.command) {
            Ok(Command::User(UserCommand::Set { changes, .. })) => changes.bio.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(bio(&["--bio", "-v"]), "-v");
    assert_eq!(bio(&["--bio=\"quoted\""]), "\"quoted\"");
    assert_eq!(bio(&["--bio=a=b"]), "a=b");
    assert_eq!(bio(&["--bio="]), "");
    assert_eq!(bio(&["--bio", ""]), "");
}

#[cfg(unix)]
#[test]
fn arguments_need_not_be_utf_8() {
    use std::os::unix::ffi::OsStringExt;
    let odd = || OsString::from_vec(vec![b'a', 0xff]);
    let verify = parse(vec!["backup".into(), "verify".into(), odd()]).unwrap();
    let (deep, restores, file) = (false, false, odd().into());
    let expected = BackupCommand::Verify {
        file,
        deep,
        restores,
        identity: None,
    };
    assert_eq!(verify.command, Command::Backup(expected));
    for line in [vec!["user".into(), "show".into(), odd()], vec![odd()]] {
        assert!(
            parse(line)
                .unwrap_err()
                .to_string()
                .contains("not UTF-8 text")
        );
    }
}
