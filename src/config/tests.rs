//! The configuration as a whole: search, overrides, mistakes with their places, the example.

mod other_values;

use super::*;
use other_values::OTHER_VALUES;
use proptest::prelude::*;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

fn sources(folder: &Path) -> Sources {
    Sources {
        named: None,
        environment: Vec::new(),
        overrides: Vec::new(),
        folder: folder.to_owned(),
        system: folder.join("etc/morelia.ini"),
    }
}

/// Loads `text` as `morelia.ini` of an empty folder, with the environment given.
fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("morelia.ini"), text).unwrap();
    let pair = |(name, value): &(&str, &str)| (OsString::from(name), OsString::from(value));
    let pairs = environment.iter().map(pair);
    let sources = Sources {
        environment: pairs.collect(),
        ..sources(folder.path())
    };
    let prefix = format!("{}/", folder.path().display());
    sources
        .load()
        .map(|loaded| loaded.config)
        .map_err(|error| error.to_string().replace(&prefix, ""))
}

#[test]
fn example_is_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("morelia.ini");
    fs::write(&path, include_str!("../../morelia.ini.example")).unwrap();
    let loaded = sources(folder.path()).load().unwrap();
    let mut expected = Config::default();
    expected.database.path = folder.path().join("morelia.db");
    expected.tls.folder = folder.path().join("tls");
    assert_eq!(loaded.config, expected);
    assert_eq!(loaded.file, Some(path));
}

#[test]
fn example_and_reference_are_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, current) in [
        ("morelia.ini.example", describe::example()),
        ("docs/configuration.md", describe::reference()),
    ] {
        let path = folder.join(name);
        if std::env::var_os("MORELIA_GOLDEN_REWRITE").is_some() {
            fs::write(&path, &current).unwrap();
        }
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            current,
            "{name} is stale: this test rewrites it with MORELIA_GOLDEN_REWRITE=1"
        );
    }
}

#[test]
fn example_names_every_key_and_its_examples_are_valid() {
    let uncommented: String = describe::example()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = load(&uncommented, &[]).unwrap();
    assert!(keys::all().all(|(_, key)| !key.show(&config).is_empty()));
    let public_url = config.server.public_url.as_deref();
    assert_eq!(public_url, Some("https://chat.example.org"));
}

#[test]
fn every_value_shown_reads_back() {
    let text = describe::with_values(&Config::default());
    let mut config = load(&text, &[]).unwrap();
    config.database.path = "morelia.db".into();
    for (section, key) in keys::all() {
        let value = key.show(&Config::default());
        assert_eq!(
            keys::check(section, key.name, &value),
            Ok(()),
            "{section}.{}",
            key.name
        );
    }
    config.logging.file = Some("/var/log/a ;b#c.log".into());
    assert_eq!(
        load(&describe::with_values(&config), &[]).unwrap().logging,
        config.logging
    );
}

#[test]
fn every_key_is_set_by_its_own_field() {
    // A row whose `set` and `show` disagree on the field would leave the shown value as it was.
    assert_eq!(OTHER_VALUES.len(), keys::all().count());
    let mut config = Config::default();
    for ((section, key), value) in keys::all().zip(OTHER_VALUES.iter().copied()) {
        assert_ne!(key.show(&config), value, "{section}.{}", key.name);
        (key.set)(&mut config, value, Path::new("")).unwrap();
    }
    for ((section, key), value) in keys::all().zip(OTHER_VALUES.iter().copied()) {
        assert_eq!(key.show(&config), value, "{section}.{}", key.name);
    }
}

#[test]
fn mistakes_are_all_told_with_line_and_nearest_name() {
    let text = "port = 1\n[server]\nprot = 80\nport = 80a\nhost = a\nhost = b\nnonsense\n[sever]\nx = 1\n\
                [limits]\nframe = 16 MX\nregistration = open\n[server]\nbacklog = 0\n";
    assert_eq!(
        load(text, &[]).unwrap_err().lines().collect::<Vec<_>>(),
        [
            "morelia.ini:1: `port` stands before the first [section]",
            "morelia.ini:3: there is no key `prot` in [server]: did you mean `port`?",
            "morelia.ini:4: [server] port: `80a` is not a whole number from 0 to 65535",
            "morelia.ini:6: [server] host is already set at morelia.ini:5",
            "morelia.ini:7: `nonsense` is neither `key = value` nor [section] nor # comment",
            "morelia.ini:8: there is no section [sever]: did you mean [server]?",
            "morelia.ini:11: [limits] frame: `16 MX` is not a size such as 64KB, 16MB or 4096 (bytes)",
            "morelia.ini:12: there is no key `registration` in [limits]: it belongs into [auth]",
            "morelia.ini:13: section [server] is already at line 2: join the two",
            "morelia.ini:14: [server] backlog: `0` is not a whole number from 1 to 65535",
        ]
    );
}

#[test]
fn values_that_contradict_each_other_are_mistakes() {
    for (text, place) in [
        ("[tls]\ncertfile = a.pem\n", "morelia.ini:2: [tls] certfile"),
        ("[tls]\nkeyfile = a.pem\n", "morelia.ini:2: [tls] keyfile"),
        (
            "[tls]\ncert_reqs = required\n",
            "morelia.ini:2: [tls] cert_reqs",
        ),
        (
            "[api]\nmin_version = 1.10\n",
            "morelia.ini:2: [api] min_version",
        ),
    ] {
        let error = load(text, &[]).unwrap_err();
        assert!(error.starts_with(place), "{error}");
    }
}

#[test]
fn traps_are_refused() {
    for text in [
        "[history]\nkeep = 30\n",
        "[history]\nkeep = 0s\n",
        "[database]\npath = ~/morelia.db\n",
        "[database]\npath =\n",
        "[server]\nport =\n",
        "[server]\nport = 8000 # what clients expect\n",
        "[proxy]\nheader = forwarded\n",
        "[limits]\nsend_queue = 8MB 256\n",
        "[backup]\nkeep = 0\n",
    ] {
        let error = load(text, &[]).unwrap_err();
        assert!(error.starts_with("morelia.ini:2: "), "{text}: {error}");
    }
}

#[test]
fn text_that_is_not_utf_8_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("morelia.ini"),
        b"[server]\n# caf\xe9\nport = 1\n",
    )
    .unwrap();
    let error = sources(folder.path()).load().unwrap_err().to_string();
    assert!(
        error.contains("morelia.ini:2: ") && error.contains("UTF-8"),
        "{error}"
    );
}

#[test]
fn forms_of_values_that_people_write() {
    let config = load(
        "[Limits]\nSEND_QUEUE = 16 1MB\n[logging]\nexpiration_date = 5\nlevel = WARNING\n\
         [tls]\ncert_reqs = 0\n[history]\nkeep = 365 days\n[web]\nclient = no\n",
        &[],
    )
    .unwrap();
    assert_eq!(
        config.limits.send_queue,
        SendQueue {
            frames: 16,
            bytes: 1024 * 1024
        }
    );
    assert_eq!(config.logging.expiration_date, Duration::from_hours(5 * 24));
    assert_eq!(config.logging.level, log::LevelFilter::Warn);
    assert_eq!(config.tls.cert_reqs, ClientCert::None);
    assert_eq!(config.history.keep, Some(Duration::from_hours(365 * 24)));
    assert!(!config.web.client);
}

#[test]
fn files_are_searched_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut sources = sources(folder.path());
    sources.environment = vec![
        ("HOME".into(), at("home").into()),
        ("MORELIA_CONFIG".into(), "".into()),
    ];
    assert_eq!(sources.load().unwrap().file, None);
    assert_eq!(
        sources.load().unwrap().config.database.path,
        at("morelia.db")
    );
    let mut expect = |name: &str, change: &dyn Fn(&mut Sources)| {
        fs::create_dir_all(at(name).parent().unwrap()).unwrap();
        fs::write(at(name), "").unwrap();
        change(&mut sources);
        let loaded = sources.load().unwrap();
        assert_eq!(loaded.file, Some(at(name)));
        assert_eq!(
            loaded.config.database.path,
            at(name).with_file_name("morelia.db")
        );
    };
    expect("etc/morelia.ini", &|_| {});
    expect("home/.config/morelia/morelia.ini", &|_| {});
    expect("xdg/morelia/morelia.ini", &|sources| {
        sources
            .environment
            .push(("XDG_CONFIG_HOME".into(), at("xdg").into()));
    });
    expect("morelia.ini", &|_| {});
    expect("variable/a.ini", &|sources| {
        sources.environment[1].1 = at("variable/a.ini").into();
    });
    expect("named/b.ini", &|sources| {
        sources.named = Some(at("named/b.ini"));
    });
}

#[test]
fn a_named_file_must_exist_and_be_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let sources = Sources {
        named: Some(folder.path().join("none.ini")),
        ..sources(folder.path())
    };
    let error = sources.load().unwrap_err();
    assert!(
        matches!(error, ConfigError::Missing { by: "--config", .. }),
        "{error}"
    );
    assert_eq!(error.exit().code(), 78);
    let sources = Sources {
        named: Some(folder.path().to_owned()),
        ..sources
    };
    assert!(matches!(
        sources.load(),
        Err(ConfigError::Unreadable { .. })
    ));
    let sources = Sources {
        named: Some("/dev/zero".into()),
        ..sources
    };
    assert!(
        sources
            .load()
            .unwrap_err()
            .to_string()
            .contains("larger than 1 MB")
    );
}

#[test]
fn environment_wins_over_the_file_and_flags_over_both() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("morelia.ini"),
        "[server]\nport = 1\nhost = pi\nbacklog = 9\n",
    )
    .unwrap();
    fs::write(folder.path().join("level"), "\n debug \n").unwrap();
    let mut sources = sources(folder.path());
    sources.environment = vec![
        ("MORELIA__SERVER__PORT".into(), "2".into()),
        ("MORELIA__SERVER__BACKLOG".into(), "10".into()),
        ("MORELIA__LOGGING__LEVEL_FILE".into(), "level".into()),
        ("MORELIA__LOGGING__FILE".into(), "a.log".into()),
    ];
    sources.overrides = vec![Override {
        section: "server",
        key: "port",
        value: "3".to_owned(),
        flag: "--port",
    }];
    let loaded = sources.load().unwrap();
    assert_eq!(loaded.config.server.port, 3);
    assert_eq!(loaded.config.server.backlog, 10);
    assert_eq!(loaded.config.logging.level, log::LevelFilter::Debug);
    assert_eq!(
        loaded.config.logging.file,
        Some(folder.path().join("a.log"))
    );
    let origin = |section, key| loaded.origin(section, key).to_string();
    assert_eq!(origin("server", "port"), "--port");
    assert_eq!(
        origin("server", "host"),
        format!("{}:3", loaded.file.as_ref().unwrap().display())
    );
    assert_eq!(
        origin("server", "backlog"),
        "environment MORELIA__SERVER__BACKLOG"
    );
    assert_eq!(
        origin("logging", "level"),
        "environment MORELIA__LOGGING__LEVEL_FILE"
    );
    assert_eq!(origin("web", "client"), "default");
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    for (name, value, expected) in [
        ("MORELIA__SERVER__PORT", "x", "[server] port: `x` is not"),
        (
            "MORELIA__SERVER__PROT",
            "1",
            "did you mean MORELIA__SERVER__PORT?",
        ),
        (
            "MORELIA__SEVER__PORT_FIEL",
            "1",
            "names are MORELIA__SECTION__KEY",
        ),
        (
            "MORELIA__SEVER__PROT_FILE",
            "1",
            "did you mean MORELIA__SERVER__PORT_FILE?",
        ),
        ("MORELIA__PORT", "1", "names are MORELIA__SECTION__KEY"),
        (
            "MORELIA__SERVER__PORT_FILE",
            "none",
            "the file none does not exist",
        ),
    ] {
        let error = load("", &[(name, value)]).unwrap_err();
        assert!(
            error.starts_with(&format!("environment {name}: ")),
            "{error}"
        );
        assert!(error.contains(expected), "{error}");
    }
    let both = [
        ("MORELIA__SERVER__PORT", "1"),
        ("MORELIA__SERVER__PORT_FILE", "x"),
    ];
    assert!(load("", &both).unwrap_err().contains("sets the same key"));
}

#[test]
fn a_changed_key_needs_a_restart_unless_it_is_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = sources(folder.path()).load().unwrap();
    let mut other = loaded.config.clone();
    other.logging.level = log::LevelFilter::Debug;
    assert_eq!(loaded.needs_restart(&other), [""; 0]);
    other.server.port = 1;
    assert_eq!(loaded.needs_restart(&other), ["server.port"]);
}

proptest! {
    #[test]
    fn any_file_and_variable_is_a_configuration_or_a_list_of_mistakes(
        text in "(\\[(server|limits|x)\\]\n|(port|frame|host|y) ?= ?\\PC*\n|\\PC*\n)*",
        name in "MORELIA__\\PC*",
        value in "\\PC*",
    ) {
        let _ = load(&text, &[(&name, &value)]);
    }
}
