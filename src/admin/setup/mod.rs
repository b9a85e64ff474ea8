//! `setup`: the whole installation. It first asks everything, then creates everything; existing files
//! are kept.

mod answers;
mod system;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::error::CliError;
use super::owner::Owner;
use super::print::Output;
use super::{document, init, invite, names, on_database, print, text, unit};
use crate::app::links;
use crate::cli;
use crate::config::{Config, Encryption, Sources, describe, edit};
use crate::exit::Exit;
use crate::model::FlowKind;
use crate::service::{Ends, Invite, NewFlow};
use crate::store::Store;
use answers::{Answers, Way};

/// The number of uses and the lifetime of the first group's invitation.
const INVITED: (i64, std::time::Duration) = (50, std::time::Duration::from_hours(7 * 24));

/// Runs the command.
///
/// # Errors
/// An answer is missing or invalid; something cannot be created. Running it again continues from there.
pub(super) fn run(
    command: &cli::Setup,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    let mut answers = answers::collect(command, sources)?;
    let mut done = Done::new(output);
    let owner = system::user(&answers.user, &mut done)?;
    let sources = Sources {
        named: Some(answers.config.clone()),
        ..sources.clone()
    };
    configure(&answers, owner, &mut done)?;
    let loaded = sources.load()?;
    let config = &loaded.config;
    system::folders(config, owner)?;
    let database = &config.database.path;
    let is_new = !database.exists();
    Store::prepare(database)?;
    if is_new {
        done.say("database", &database.display().to_string());
    }
    let mut made = Value::Null;
    if let Some((login, password)) = answers.admin.take() {
        init::add_administrator(database, &login, &password)?;
        done.say("administrator", &login);
        if password.generated {
            done.secret("password", &password.text);
        }
    }
    if let Some(title) = &answers.group {
        made = group(title, config, &mut done)?;
    }
    Owner::give_database(owner, database);
    if let Some(path) = &answers.unit {
        let setup = unit::Setup::of(&loaded, None).map_err(|source| CliError::File {
            path: "the program".into(),
            source,
        })?;
        system::unit(path, &unit::unit(&setup), &mut done)?;
    }
    if answers.start {
        system::start(&mut done)?;
    }
    let checked = check(&answers.config, output)?;
    finish(&answers, config, &done, &made, &checked, output)
}

/// The steps that were done, reported to people at once and to programs at the end.
struct Done {
    quiet: bool,
    lines: Vec<(String, String)>,
    password: Option<String>,
}

impl Done {
    fn new(output: &Output) -> Self {
        Self {
            quiet: output.is_json(),
            lines: Vec::new(),
            password: None,
        }
    }

    fn say(&mut self, what: &str, how: &str) {
        if !self.quiet {
            let _ = print::line(&format!("{what:<14} {how}"));
        }
        self.lines.push((what.to_owned(), how.to_owned()));
    }

    fn secret(&mut self, what: &str, value: &str) {
        if !self.quiet {
            let _ = print::secret(&format!("{what:<14} {value} (shown this once)"), value);
        }
        self.password = Some(value.to_owned());
    }
}

/// Writes the configuration, or changes the answers that differ.
fn configure(answers: &Answers, owner: Option<Owner>, done: &mut Done) -> Result<(), CliError> {
    let path = &answers.config;
    let failed = |source| CliError::File {
        path: path.clone(),
        source,
    };
    if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let changes = answers.changes();
    if answers.present.is_none() {
        let mut text = describe::example();
        for (section, key, value) in &changes {
            text = edit::set(&text, section, key, value);
        }
        init::write_config(path, &text)?;
        done.say("configuration", &path.display().to_string());
    } else {
        let before = std::fs::read_to_string(path).map_err(failed)?;
        let mut text = before.clone();
        for (section, key, value) in &changes {
            text = edit::set(&text, section, key, value);
        }
        if text != before {
            // To a new file first: one of the two survives a power cut.
            let part = path.with_extension("ini.part");
            let _ = std::fs::remove_file(&part);
            init::write_config(&part, &text)?;
            std::fs::rename(&part, path).map_err(failed)?;
            done.say("configuration", &format!("{} (changed)", path.display()));
        }
    }
    Owner::give(owner, [path.as_path()]);
    Ok(())
}

/// Creates the first group with an invitation to it.
fn group(title: &str, config: &Config, done: &mut Done) -> Result<Value, CliError> {
    let (code, link) = on_database(&config.database.path, config, async |service| {
        let admins = service.users().await?;
        let owner = admins.iter().find(|user| user.is_admin).ok_or_else(|| {
            CliError::NotFound("the group needs an owner: give --admin LOGIN".to_owned())
        })?;
        let flow = service
            .make_flow(NewFlow {
                kind: FlowKind::Group,
                title: Some(title.to_owned()),
                info: None,
                owner: owner.id,
                members: Vec::new(),
            })
            .await?;
        let flow = names::flow(&service, &flow.uuid.to_string()).await?;
        let invite = Invite {
            uses: INVITED.0,
            ends: Ends::After(INVITED.1),
            flow: Some(flow.uuid),
            note: Some("setup".to_owned()),
        };
        let new = service.make_invitation(invite, None).await?;
        let code = new.code.as_str().to_owned();
        let link = links::opening(config, &format!("/invite/{code}"));
        Ok((code, link))
    })?;
    done.say("group", title);
    done.say("invitation", &link);
    if !done.quiet {
        let _ = print::line(&invite::qr(&link)?);
    }
    Ok(json!({"title": title, "code": code, "link": link}))
}

/// The result of `check`, run as the user of the server in a process of its own.
struct Checked {
    exit: i32,
    document: Value,
}

fn check(config: &Path, output: &Output) -> Result<Checked, CliError> {
    let failed = |source| CliError::File {
        path: "the program".into(),
        source,
    };
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command.arg("--config").arg(config);
    if output.is_json() {
        command.arg("--json").stdout(Stdio::piped());
    } else {
        let _ = print::line("");
    }
    let ran = command
        .arg("check")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .map_err(failed)?;
    Ok(Checked {
        exit: ran.status.code().unwrap_or(1),
        document: serde_json::from_slice(&ran.stdout).unwrap_or_default(),
    })
}

fn finish(
    answers: &Answers,
    config: &Config,
    done: &Done,
    group: &Value,
    checked: &Checked,
    output: &Output,
) -> Result<Exit, CliError> {
    let exit = if checked.exit == 0 {
        Exit::Ok
    } else {
        Exit::ProblemsFound
    };
    let address = links::base(config);
    if output.is_json() {
        let steps: Vec<Value> = done
            .lines
            .iter()
            .map(|(what, how)| json!({"what": what, "how": how}))
            .collect();
        let document_ = json!({
            "config": answers.config.display().to_string(),
            "database": config.database.path.display().to_string(),
            "address": address,
            "done": steps,
            "password": done.password,
            "group": group,
            "check": checked.document["checks"],
        });
        document(output, &document_)?;
        return Ok(exit);
    }
    let mut lines = vec![String::new()];
    if done.lines.is_empty() {
        lines.push("Nothing had to be changed.".to_owned());
    }
    lines.push(format!("The server's address: {address}"));
    match config.encryption() {
        Encryption::Local => {
            lines.push(format!(
                "Each device trusts it after a visit to {}",
                links::opening(config, "/").trim_end_matches("#next=/")
            ));
            if let Some(fingerprint) = super::tls::fingerprint_of_house(config) {
                lines.push(format!("Fingerprint to compare:\n{fingerprint}"));
            }
        }
        Encryption::Acme => lines.push(
            "The certificate is fetched when the server runs: `morelia tls status` shows the result"
                .to_owned(),
        ),
        Encryption::Files | Encryption::None => {}
    }
    if matches!(answers.way, Way::Plain) {
        lines.push(
            "Nothing is encrypted here: browsers give no notifications and no microphone"
                .to_owned(),
        );
    }
    if !answers.start {
        lines.push(format!(
            "Start the server: morelia --config {} serve",
            answers.config.display()
        ));
    }
    text(&lines.join("\n"))?;
    Ok(exit)
}
