//! `import`: imports the database of the Python server.

use serde_json::{Value, json};

use super::error::CliError;
use super::print::Output;
use super::{result, with_service};
use crate::cli::Import;
use crate::config::Sources;
use crate::exit::Exit;
use crate::model::Act;
use crate::service::{Takeover, Tally};

/// Runs the command.
///
/// # Errors
/// The file does not exist, it is not a database of the Python server, or this server's cannot be written.
pub fn run(command: &Import, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    let path = &command.python_db;
    if !path.exists() {
        return Err(CliError::NotFound(format!(
            "there is no file {}: give the database of the Python server, usually db_sqlite.db",
            path.display()
        )));
    }
    let done = with_service(sources, async |service, _| {
        if !command.dry_run {
            service.note_act(Act::ArchiveTaken, None, None).await?;
        }
        Ok(service.take_over(path, command.dry_run).await?)
    })?;
    let document = json!({
        "dry_run": command.dry_run,
        "users": counts(done.users),
        "flows": counts(done.flows),
        "messages": counts(done.messages),
        "files": done.files,
        "notes": done.notes,
    });
    result(output, &document, &text(&done, command.dry_run))
}

fn counts(tally: Tally) -> Value {
    json!({"taken": tally.taken, "present": tally.present, "left_out": tally.left_out})
}

fn text(done: &Takeover, dry_run: bool) -> String {
    let verb = if dry_run { "would be taken" } else { "taken" };
    let line = |name: &str, tally: Tally| {
        format!(
            "{name:<10}{} {verb}, {} there already, {} left out\n",
            tally.taken, tally.present, tally.left_out
        )
    };
    let mut text = [
        line("users", done.users),
        line("flows", done.flows),
        line("messages", done.messages),
        format!("{:<10}{} {verb}\n", "files", done.files),
    ]
    .concat();
    for note in &done.notes {
        text = format!("{text}\n- {note}");
    }
    if !done.notes.is_empty() {
        text.push('\n');
    }
    if !dry_run {
        text.push_str(
            "\nEverybody logs in with the old password. Administrators of the old server are none here:\n\
             make one with `morelia user set LOGIN --admin on`.",
        );
    }
    text
}
