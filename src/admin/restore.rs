//! `restore`: replaces the present state with a backup, and keeps the old state beside it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::confirm::confirm;
use super::copies::{
    contents_json, contents_text, examine, files_json, files_text, missing_lines, shown,
};
use super::error::CliError;
use super::owner::Owner;
use super::print::Output;
use super::sealed::{self, Opened};
use super::{document, program, text};
use crate::app::backups::keys::{self, Returned};
use crate::app::{backups, certificates};
use crate::cli::Confirmation;
use crate::config::{ConfigError, Loaded, Sources};
use crate::exit::Exit;
use crate::store::folder::Folder;
use crate::store::{ServerLock, Store, StoreError, audit, backup, backup_files};

/// Runs the command.
///
/// # Errors
/// The backup cannot be read or is damaged, a server is running, or a file cannot be written.
#[expect(
    clippy::too_many_lines,
    reason = "one step after the other, each told of"
)]
pub(super) fn run(
    given: &Path,
    identity: Option<&Path>,
    confirmation: Confirmation,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    if !given.exists() {
        return Err(CliError::NotFound(format!(
            "there is no file {}; see `morelia backup list`",
            given.display()
        )));
    }
    let loaded = match sources.load() {
        Ok(loaded) if loaded.file.is_some() => Some(loaded),
        Ok(_) | Err(ConfigError::Missing { .. }) => None,
        Err(err) => return Err(err.into()),
    };
    let place = sources
        .asked_for()
        .map_or_else(|| PathBuf::from("morelia.ini"), |(path, _)| path);
    // An encrypted copy is decrypted onto the disk on which its content will stay.
    let beside = loaded
        .as_ref()
        .map_or(&place, |it| &it.config.database.path);
    let opened = sealed::open(given, identity, beside, true)?;
    let file = opened.as_ref().map_or(given, Opened::database);
    let (contents, _) = examine(file)?;
    let configuration = backups::configuration_of(file);
    let new_configuration = loaded.is_none() && configuration.exists();
    let staged = if new_configuration {
        Some(Staged::new(&configuration, &place)?)
    } else {
        None
    };
    // The database that the configuration will name once it is in its place.
    let database = match (&loaded, &staged) {
        (Some(loaded), _) => loaded.config.database.path.clone(),
        (None, Some(staged)) => staged.load(sources)?.config.database.path,
        (None, None) => sources.load()?.config.database.path,
    };
    // Errors are reported before the operator is asked anything.
    if ServerLock::is_held(&database) {
        return Err(StoreError::InUse(database).into());
    }
    confirm(
        confirmation,
        &format!(
            "{} ({}) will replace {}; the current file is kept beside it",
            given.display(),
            contents_text(&contents),
            database.display()
        ),
    )?;
    if let Some(staged) = staged {
        staged.settle(&place)?;
    }
    let kept =
        backups::free_name(|stamp| database.with_extension(format!("before-restore-{stamp}.db")));
    let owner = Owner::of(&database);
    if new_configuration {
        Owner::give(owner, [place.as_path()]);
    }
    let kept = backup::restore(file, &database, &kept)?;
    let live = Folder::of(&database);
    if let Some(kept) = &kept {
        let beside = Folder::of(kept);
        backup_files::keep(&live, &beside)?;
        Owner::give_folder(owner, beside.path());
    }
    let files = backup_files::put_back(file, &live)?;
    let migrated = Store::prepare(&database)?;
    audit::note_restored(&database, &shown(given))?;
    let tls = certificates::folder(&sources.load()?.config);
    let returned = keys::put_back(file, &tls)?;
    Owner::give_database(owner, &database);
    Owner::give_folder(owner, live.path());
    Owner::give_folder(owner, tls.folder());
    // Everything else is restored: the exit code also tells an operator who does not read to the
    // end that something is missing.
    let exit = if files.missing.is_empty() {
        Exit::Ok
    } else {
        Exit::ProblemsFound
    };
    if output.is_json() {
        let mut value = contents_json(&contents);
        files_json(&files, &mut value);
        value["database"] = shown(&database).into();
        value["restored_from"] = shown(given).into();
        value["keys"] = match returned {
            Returned::None => Value::Null,
            Returned::Kept => 0.into(),
            Returned::Files(count) => count.into(),
        };
        value["kept"] = kept.as_deref().map(shown).into();
        value["configuration_restored"] = new_configuration.into();
        document(output, &value)?;
        return Ok(exit);
    }
    let mut lines = vec![format!(
        "restored  {}: {}",
        database.display(),
        contents_text(&contents)
    )];
    if files.files > 0 {
        let back = files.files - files.missing.len();
        lines.push(format!("files     {back} of {}", files_text(&files)));
        lines.extend(missing_lines(&files));
    }
    match returned {
        Returned::None => {}
        Returned::Kept => lines.push(format!(
            "keys      those in {} stay; to have those of the backup, move that folder away and restore again",
            tls.folder().display()
        )),
        Returned::Files(_) => lines.push(format!("keys      {}", tls.folder().display())),
    }
    if let Some(kept) = kept {
        lines.push(format!("kept      {}", kept.display()));
    }
    if let Some(before) = migrated {
        lines.push(format!(
            "migrated  its schema was older; the state before is {}",
            before.display()
        ));
    }
    if new_configuration {
        lines.push(format!("made      {}", place.display()));
    } else if differs(&configuration, loaded.as_ref()) {
        let configuration = match opened {
            // The original will be removed in a moment.
            Some(_) => aside(&configuration, &place)?,
            None => configuration,
        };
        lines.push(format!(
            "\nThe configuration of the backup differs from the present one, which was left alone.\n\
             To put it back: morelia config restore --source {}",
            configuration.display()
        ));
    }
    if !files.missing.is_empty() {
        lines.push(
            "\nWhoever opens one of the missing files is told that it is gone. They lie in the folder\n\
             `files` beside the backup where that was copied whole: copy it again, and restore once more."
                .to_owned(),
        );
    }
    lines.push(format!("\nStart the server:  {} serve", program(sources)));
    text(&lines.join("\n"))?;
    Ok(exit)
}

/// Writes the configuration of an encrypted copy beside the present one. Returns its path.
fn aside(configuration: &Path, place: &Path) -> Result<PathBuf, CliError> {
    let aside = backups::free_name(|stamp| place.with_extension(format!("of-backup-{stamp}.ini")));
    super::config_copies::put(configuration, &aside)?;
    Ok(aside)
}

/// A configuration beside its final place, which is removed again if it is not used.
struct Staged(PathBuf);

impl Staged {
    fn new(copy: &Path, place: &Path) -> Result<Self, CliError> {
        let staged = Self(place.with_extension("restoring"));
        // Left over from a run that was killed.
        let _ = std::fs::remove_file(&staged.0);
        super::config_copies::put(copy, &staged.0)?;
        Ok(staged)
    }

    fn load(&self, sources: &Sources) -> Result<Loaded, CliError> {
        let staged = Sources {
            named: Some(self.0.clone()),
            ..sources.clone()
        };
        Ok(staged.load()?)
    }

    fn settle(self, place: &Path) -> Result<(), CliError> {
        std::fs::rename(&self.0, place).map_err(|source| CliError::File {
            path: place.to_owned(),
            source,
        })
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // It no longer exists once it is in its place.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn differs(configuration: &Path, loaded: Option<&Loaded>) -> bool {
    let present = loaded.and_then(|loaded| loaded.file.as_deref());
    match (std::fs::read(configuration), present.map(std::fs::read)) {
        (Ok(copy), Some(Ok(present))) => copy != present,
        _ => false,
    }
}
