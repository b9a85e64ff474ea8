//! `import`: imports an export, or the database of the Python server.

mod convert;
mod documents;
mod export;

use serde_json::{Value, json};

use super::error::CliError;
use super::print::Output;
use super::{result, with_service};
use crate::cli::{Import, ImportSource};
use crate::config::Sources;
use crate::exit::Exit;
use crate::model::Act;
use crate::service::{Takeover, Tally};

/// Runs the command.
///
/// # Errors
/// What should be imported does not exist or cannot be read, or the database cannot be written.
pub fn run(command: &Import, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    let path = match &command.source {
        ImportSource::Export(path) | ImportSource::PythonDb(path) => path,
    };
    if !path.exists() {
        let (shown, what) = (path.display(), wanted(&command.source));
        return Err(CliError::NotFound(format!(
            "there is no {shown}: give {what}"
        )));
    }
    let done = with_service(sources, async |service, _| {
        if !command.dry_run {
            service.note_act(Act::ArchiveTaken, None, None).await?;
        }
        match &command.source {
            ImportSource::Export(folder) => export::take(service, folder, command.dry_run).await,
            ImportSource::PythonDb(file) => Ok(service.take_over(file, command.dry_run).await?),
        }
    })?;
    let document = json!({
        "dry_run": command.dry_run,
        "users": counts(done.users),
        "flows": counts(done.flows),
        "messages": counts(done.messages),
        "files": done.files,
        "notes": done.notes,
    });
    result(output, &document, &text(&done, command))
}

/// Returns what an option needs.
fn wanted(source: &ImportSource) -> &'static str {
    match source {
        ImportSource::Export(_) => "the folder that `morelia export` wrote",
        ImportSource::PythonDb(_) => "the database of the Python server, usually db_sqlite.db",
    }
}

fn counts(tally: Tally) -> Value {
    json!({"taken": tally.taken, "present": tally.present, "left_out": tally.left_out})
}

fn text(done: &Takeover, command: &Import) -> String {
    let dry_run = command.dry_run;
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
    if !dry_run && matches!(command.source, ImportSource::PythonDb(_)) {
        text.push_str(
            "\nEverybody logs in with the old password. Administrators of the old server are none here:\n\
             make one with `morelia user set LOGIN --admin on`.",
        );
    }
    text
}
