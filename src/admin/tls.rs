//! `tls …`: the certificates that the server creates or fetches.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::confirm::confirm;
use super::error::CliError;
use super::owner::Owner;
use super::print::{self, Output, count};
use super::result;
use crate::app::certificates::{self, local};
use crate::certificates::{CertificateError, Facts, Root, State, der_of_pem, fingerprint, grouped};
use crate::cli::TlsCommand;
use crate::config::{Config, Encryption, Sources};
use crate::exit::Exit;
use crate::model::Timestamp;

/// Runs the command.
///
/// # Errors
/// There is no such certificate, or it cannot be created.
pub fn run(command: &TlsCommand, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    let config = sources.load()?.config;
    match command {
        TlsCommand::Status => status(&config, output),
        TlsCommand::Renew { force } => renew(&config, *force, output),
        TlsCommand::Fingerprint => show_fingerprint(&config, output),
        TlsCommand::LocalRoot {
            new: false,
            offline: None,
            ..
        } => show_root(&config, output),
        TlsCommand::LocalRoot {
            new: true,
            offline: Some(_),
            ..
        } => Err(CliError::Usage(
            "--new and --offline exclude each other: create the new authority first".to_owned(),
        )),
        TlsCommand::LocalRoot {
            new: true,
            confirmation,
            ..
        } => {
            confirm(
                *confirmation,
                "every device that trusts this server will have to trust it again",
            )?;
            new_root(&config, output)
        }
        TlsCommand::LocalRoot {
            offline: Some(file),
            ..
        } => take_offline(&config, file, output),
        TlsCommand::Forget(confirmation) => {
            confirm(
                *confirmation,
                "the account at the certificate authority and its certificates will be removed from \
                 this machine",
            )?;
            forget(&config, output)
        }
    }
}

fn failed(err: CertificateError) -> CliError {
    CliError::App(err.into())
}

/// Returns the root of the local authority.
fn root(config: &Config) -> Result<Root, CliError> {
    let found = Root::load(&certificates::folder(config)).map_err(failed)?;
    found.ok_or_else(|| {
        CliError::NotFound(
            "this server has no authority of its own yet; set local_ca = on in section [tls] and start \
             it"
                .to_owned(),
        )
    })
}

/// Returns the fingerprint that people compare, if the server has a local authority.
pub(super) fn fingerprint_of_house(config: &Config) -> Option<String> {
    if config.encryption() != Encryption::Local {
        return None;
    }
    let root = Root::load(&certificates::folder(config)).ok()??;
    Some(in_lines(&fingerprint(&root.der)))
}

/// Returns a fingerprint in groups of four, in two lines.
fn in_lines(fingerprint: &str) -> String {
    let (first, second) = fingerprint.split_at(fingerprint.len() / 2);
    format!("  {}\n  {}", grouped(first), grouped(second))
}

fn show_fingerprint(config: &Config, output: &Output) -> Result<Exit, CliError> {
    let root = root(config)?;
    let found = fingerprint(&root.der);
    let document = json!({"name": root.facts.subject, "sha256": found});
    let text = format!("{}\n{}", root.facts.subject, in_lines(&found));
    result(output, &document, &text)
}

fn show_root(config: &Config, output: &Output) -> Result<Exit, CliError> {
    let root = root(config)?;
    let folder = certificates::folder(config);
    let has_key = folder.path("local-root.key").exists();
    let missing = root.missing(&local::names(config));
    let permitted = root
        .facts
        .permitted
        .as_ref()
        .map(|(names, _)| names.clone())
        .unwrap_or_default();
    let document = json!({
        "name": root.facts.subject,
        "sha256": fingerprint(&root.der),
        "ends": root.facts.not_after,
        "names": permitted,
        "missing": missing,
        "key_here": has_key,
    });
    let mut text = format!(
        "name         {}\nends         {} UTC\nfor          {} and private addresses\nkey          {}\nfingerprint\n{}",
        root.facts.subject,
        print::time(Timestamp::from_seconds(root.facts.not_after)),
        permitted.join(", "),
        if has_key {
            "on this machine"
        } else {
            "kept elsewhere"
        },
        in_lines(&fingerprint(&root.der)),
    );
    if !missing.is_empty() {
        let _ = write!(
            text,
            "\nIt does not cover {}; `morelia tls local-root --new` creates one that does.",
            missing.join(", ")
        );
    }
    result(output, &document, &text)
}

fn new_root(config: &Config, output: &Output) -> Result<Exit, CliError> {
    let folder = certificates::folder(config);
    let names = local::names(config);
    let now = OffsetDateTime::now_utc();
    Root::make(&folder, &names, &local::machine(), now).map_err(failed)?;
    local::follow(&folder, config, now).map_err(failed)?;
    give(config);
    output.note("morelia: a running server uses it within a minute");
    show_fingerprint(config, output)
}

fn take_offline(config: &Config, file: &Path, output: &Output) -> Result<Exit, CliError> {
    let keep = |key: &str| {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)?;
        file.write_all(key.as_bytes())?;
        file.sync_all()
    };
    Root::take_key(&certificates::folder(config), keep).map_err(|err| match err {
        CertificateError::File { source, .. } => CliError::File {
            path: file.to_owned(),
            source,
        },
        other => failed(other),
    })?;
    let shown = file.display().to_string();
    result(
        output,
        &json!({"key": shown}),
        &format!(
            "key  {shown}\n\nIt is not on this machine any more. Before the present certificate ends, put \
             it back as {}.",
            config.tls.folder.join("local-root.key").display()
        ),
    )
}

fn status(config: &Config, output: &Output) -> Result<Exit, CliError> {
    let way = match config.encryption() {
        Encryption::Files => "files",
        Encryption::Acme => "acme",
        Encryption::Local => "local",
        Encryption::None => "none",
    };
    let Some((path, _)) = config.certificate_files() else {
        let text = "no encryption: [tls] sets none of certfile, acme and local_ca";
        return result(output, &json!({"way": way}), text);
    };
    let pem = std::fs::read_to_string(&path).unwrap_or_default();
    let facts = Facts::of_pem(&pem);
    let state = State::load(&certificates::folder(config)).map_err(failed)?;
    let mut document = json!({
        "way": way,
        "certificate": path.display().to_string(),
        "state": state,
    });
    let served = super::status::ask(config).and_then(|running| running.health.ok());
    let served = served.map_or(Value::Null, |health| health["certificate"].clone());
    document["served"] = served.clone();
    let mut text = format!("way          {way}\ncertificate  {}\n", path.display());
    if let Some(facts) = &facts {
        let days =
            (facts.not_after - OffsetDateTime::now_utc().unix_timestamp()).div_euclid(86_400);
        let addresses = facts.addresses.iter().map(ToString::to_string);
        let names: Vec<String> = facts.names.iter().cloned().chain(addresses).collect();
        document["issuer"] = facts.issuer.clone().into();
        document["names"] = names.clone().into();
        document["ends"] = facts.not_after.into();
        document["days"] = days.into();
        let _ = write!(
            text,
            "issuer       {}\nnames        {}\nends         {} UTC, in {}\n",
            facts.issuer,
            names.join(", "),
            print::time(Timestamp::from_seconds(facts.not_after)),
            count(days, "day"),
        );
    } else {
        document["issuer"] = Value::Null;
        text.push_str("there is none yet: the server creates or fetches it when it runs\n");
    }
    let on_disk = der_of_pem(&pem).map(|der| fingerprint(&der));
    if let Some(ends) = served["ends"].as_i64()
        && served["sha256"].as_str() != on_disk.as_deref()
    {
        let _ = writeln!(
            text,
            "in use       another one, which expires at {} UTC; `morelia reload` makes the server \
             read this one",
            print::time(Timestamp::from_seconds(ends)),
        );
    }
    if let Some(state) = state.filter(|_| config.encryption() == Encryption::Acme) {
        let at = |second: i64| print::time(Timestamp::from_seconds(second));
        if let Some(tried) = state.tried_at {
            let _ = writeln!(text, "last try     {} UTC", at(tried));
        }
        if let Some(error) = &state.error {
            let _ = writeln!(text, "last error   {}", print::safe(error));
        }
        if let Some(remedy) = &state.remedy {
            let _ = writeln!(text, "to do        {remedy}");
        }
        if let Some(next) = state.next_at {
            let _ = writeln!(text, "next try     {} UTC", at(next));
        }
        if let Some(suggested) = state.suggested_at {
            let _ = writeln!(text, "suggested    {} UTC, by the authority", at(suggested));
        }
    }
    result(output, &document, &text)
}

fn renew(config: &Config, force: bool, output: &Output) -> Result<Exit, CliError> {
    let folder = certificates::folder(config);
    match config.encryption() {
        Encryption::Local => {
            if force {
                folder.remove("local.pem").map_err(failed)?;
            }
            local::follow(&folder, config, OffsetDateTime::now_utc()).map_err(failed)?;
            give(config);
        }
        Encryption::Acme => {
            State::ask_for(&folder, force).map_err(failed)?;
            give(config);
            if crate::store::ServerLock::address(&config.database.path).is_none() {
                output.note("morelia: no server runs; it fetches the certificate when it starts");
            } else {
                output.note(
                    "morelia: the running server fetches it within a minute; `morelia tls \
                             status` shows the result",
                );
            }
        }
        Encryption::Files => {
            return Err(CliError::Usage(
                "the certificate of tls.certfile is renewed by the program that made it (`certbot \
                 renew`); the server then reads it by itself"
                    .to_owned(),
            ));
        }
        Encryption::None => {
            return Err(CliError::Usage(
                "there is no certificate: set acme or local_ca in section [tls]".to_owned(),
            ));
        }
    }
    status(config, output)
}

fn forget(config: &Config, output: &Output) -> Result<Exit, CliError> {
    let folder = certificates::folder(config);
    let mut removed = Vec::new();
    let mut names = vec!["account.json".to_owned(), "state.json".to_owned()];
    for name in &config.tls.acme {
        names.push(format!("{name}.pem"));
        names.push(format!("{name}.key"));
    }
    for name in names {
        if folder.remove(&name).map_err(failed)? {
            removed.push(folder.path(&name).display().to_string());
        }
    }
    if removed.is_empty() {
        return Err(CliError::NotFound(
            "there is no account at an authority and no certificate of one here".to_owned(),
        ));
    }
    let text = format!("removed  {}", count(removed.len(), "file"));
    result(output, &json!({"removed": removed}), &text)
}

/// Gives new files to the user of the server.
fn give(config: &Config) {
    let owner = Owner::of(&config.database.path);
    let folder = certificates::folder(config);
    let files = std::fs::read_dir(folder.folder()).into_iter().flatten();
    let paths: Vec<_> = files.flatten().map(|entry| entry.path()).collect();
    Owner::give(owner, paths.iter().map(std::path::PathBuf::as_path));
    Owner::give(owner, [folder.folder()]);
}
