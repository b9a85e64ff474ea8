//! `db rollback`: replaces the database with the copy from before the last migration.

use std::path::Path;

use super::confirm::confirm;
use super::copies::{contents_json, contents_text, examine, shown};
use super::error::CliError;
use super::owner::Owner;
use super::print::Output;
use super::{document, text};
use crate::app::backups;
use crate::cli::Confirmation;
use crate::exit::Exit;
use crate::store::{ServerLock, StoreError, backup, copy_to_go_back_to};

/// Runs the command.
///
/// # Errors
/// There is no such copy or it is damaged, a server is running, or a file cannot be written.
pub(super) fn run(
    database: &Path,
    confirmation: Confirmation,
    program: &str,
    output: &Output,
) -> Result<Exit, CliError> {
    let Some(copy) = copy_to_go_back_to(database)? else {
        return Err(CliError::NotFound(format!(
            "there is no copy from before a migration beside {}; restore a backup with `morelia restore`",
            database.display()
        )));
    };
    let (contents, _) = examine(&copy)?;
    if ServerLock::is_held(database) {
        return Err(StoreError::InUse(database.to_owned()).into());
    }
    confirm(
        confirmation,
        &format!(
            "{} ({}) will replace {}; what was written since then is only in the current one, which \
             is kept beside it",
            copy.display(),
            contents_text(&contents),
            database.display()
        ),
    )?;
    let kept =
        backups::free_name(|stamp| database.with_extension(format!("before-rollback-{stamp}.db")));
    let owner = Owner::of(database);
    let kept = backup::restore(&copy, database, &kept)?;
    Owner::give_database(owner, database);
    if output.is_json() {
        let mut value = contents_json(&contents);
        value["database"] = shown(database).into();
        value["restored_from"] = shown(&copy).into();
        value["kept"] = kept.as_deref().map(shown).into();
        return document(output, &value);
    }
    let mut lines = vec![format!(
        "back      {}: {}",
        database.display(),
        contents_text(&contents)
    )];
    if let Some(kept) = kept {
        lines.push(format!("kept      {}", kept.display()));
    }
    lines.push(format!(
        "\nInstall the older program before you start the server: a newer one changes the tables again.\n\
         Start the server:  {program} serve"
    ));
    text(&lines.join("\n"))
}
