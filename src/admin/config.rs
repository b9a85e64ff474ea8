//! `config show` and `config example`.
//!
//! No key contains a secret: `tls.keyfile` names a file, and an address with a password in it is
//! refused when it is read. A future secret key would have to be shown as `***` here.

use crate::config::keys::{self, Key, Kind, SECTIONS};
use crate::config::{Config, Loaded, describe};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Returns the commented default file.
#[must_use]
pub fn example() -> String {
    describe::example()
}

/// Returns the values in effect, as a configuration file; with `origin`, each with its origin.
#[must_use]
pub fn show(loaded: &Loaded, origin: bool) -> String {
    let mut text = match &loaded.file {
        Some(file) => format!("# {}\n", file.display()),
        None => "# there is no configuration file\n".to_owned(),
    };
    for section in SECTIONS {
        let _ = writeln!(text, "\n[{}]", section.name);
        for key in section.keys {
            let line = format!("{} = {}", key.name, key.show_quoted(&loaded.config));
            let _ = if origin {
                let from = loaded.origin(section.name, key.name);
                writeln!(text, "{line:<40} ({from})")
            } else {
                writeln!(text, "{}", line.trim_end())
            };
        }
    }
    text
}

/// Returns the values in effect as JSON: `file`, `values` by section and key, and with `origin`
/// also `origins` by section and key.
#[must_use]
pub fn show_json(loaded: &Loaded, origin: bool) -> Value {
    let tree = |leaf: &dyn Fn(&'static str, &'static Key) -> Value| {
        let mut sections = Map::new();
        for (section, key) in keys::all() {
            let keys = sections.entry(section).or_insert_with(|| json!({}));
            keys[key.name] = leaf(section, key);
        }
        Value::Object(sections)
    };
    let mut document = json!({
        "file": loaded.file.as_ref().map(|file| file.display().to_string()),
        "values": tree(&|_, key| value(key, &loaded.config)),
    });
    if origin {
        let origins = tree(&|section, key| loaded.origin(section, key.name).to_string().into());
        document["origins"] = origins;
    }
    document
}

/// Returns a value in its JSON type: null if nothing is set.
fn value(key: &Key, config: &Config) -> Value {
    let text = key.show(config);
    match key.kind {
        Kind::Number => text
            .parse::<u64>()
            .map_or_else(|_| Value::from(text), Value::from),
        Kind::Switch => matches!(text.as_str(), "on" | "true").into(),
        Kind::Text if text.is_empty() => Value::Null,
        Kind::Text => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;
    use std::fs;

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Loaded, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("morelia.ini"), text).unwrap();
        let pairs = environment
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        let sources = Sources {
            named: None,
            environment: pairs.collect(),
            overrides: Vec::new(),
            folder: folder.path().to_owned(),
            system: "/nonexistent".into(),
        };
        sources.load().map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_shown_is_a_configuration_again() {
        let text = "[server]\nport = 81\n[tls]\ncertfile = \"/a #b\"\nkeyfile = /c\n[database]\npath = /x.db\n";
        let loaded = load(text, &[]).unwrap();
        let mut again = load(&show(&loaded, false), &[]).unwrap();
        // Relative to the file, which is another one.
        again
            .config
            .tls
            .folder
            .clone_from(&loaded.config.tls.folder);
        assert_eq!(again.config, loaded.config);
        assert_eq!(again.config.server.port, 81);
    }

    #[test]
    fn origins_stand_behind_the_values() {
        let loaded = load("[server]\nport = 81\n", &[("MORELIA__WEB__CLIENT", "off")]).unwrap();
        let text = show(&loaded, true);
        let line = |start: &str| {
            let found = text.lines().find(|line| line.starts_with(start)).unwrap();
            found.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert!(line("port =").starts_with("port = 81 (/") && line("port =").ends_with(":2)"));
        assert_eq!(
            line("client ="),
            "client = off (environment MORELIA__WEB__CLIENT)"
        );
        assert_eq!(line("host ="), "host = 0.0.0.0 (default)");
        let json = show_json(&loaded, true);
        assert_eq!(
            json["origins"]["web"]["client"],
            "environment MORELIA__WEB__CLIENT"
        );
    }

    #[test]
    fn json_has_types() {
        let loaded = load("", &[]).unwrap();
        let json = show_json(&loaded, false);
        let values = &json["values"];
        assert_eq!(values["server"]["port"], 8000);
        assert_eq!(values["server"]["public_url"], Value::Null);
        assert_eq!(values["auth"]["members_invite"], false);
        assert_eq!(values["web"]["client"], true);
        assert_eq!(values["limits"]["frame"], "16MB");
        assert_eq!(values["api"]["min_version"], "1.0");
        assert!(json.get("origins").is_none());
        for (section, key) in keys::all().filter(|(_, key)| key.kind == Kind::Number) {
            assert!(values[section][key.name].is_u64(), "{section}.{}", key.name);
        }
    }

    #[test]
    fn no_address_with_a_password_is_ever_shown() {
        for text in [
            "[server]\npublic_url = https://anna:secret@chat.example.org\n",
            "[web]\nallowed_origins = https://anna:secret@chat.example.org\n",
        ] {
            assert!(load(text, &[]).is_err());
        }
    }
}
