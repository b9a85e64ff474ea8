//! `backup`, `backup list`, `backup verify`, `restore`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::confirm::confirm;
use super::error::CliError;
use super::owner::Owner;
use super::print::{Output, count};
use super::{document, program, text};
use crate::app::{AppError, backups};
use crate::cli::{BackupCommand, Confirmation};
use crate::config::{ConfigError, Loaded, Sources};
use crate::exit::Exit;
use crate::store::backup::{self, Contents};
use crate::store::backup_files::{self, Tally};
use crate::store::folder::Folder;
use crate::store::{ServerLock, Store, StoreError};

/// Runs the command.
///
/// # Errors
/// What failed.
pub fn run(command: &BackupCommand, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    match command {
        BackupCommand::Make { to } => make(to.as_deref(), &sources.load()?, output),
        BackupCommand::List => list(&sources.load()?, output),
        BackupCommand::Verify { file, deep } => verify(file, *deep, output),
        BackupCommand::Restore { file, confirmation } => {
            restore(file, *confirmation, sources, output)
        }
    }
}

fn make(to: Option<&Path>, loaded: &Loaded, output: &Output) -> Result<Exit, CliError> {
    let config = &loaded.config;
    let database = &config.database.path;
    let folder = config.backup_dir();
    let owner = Owner::of(database);
    let is_new = to.is_none() && !folder.exists();
    let file = loaded.file.as_deref();
    let made = match to {
        Some(to) => backups::place(to).and_then(|target| backups::make(database, file, &target)),
        None => backups::make_in_folder(database, file, &folder, config.backup.keep),
    };
    let made = match made {
        Ok(made) => made,
        Err(err) => {
            note(loaded, output, Err(&err));
            return Err(err.into());
        }
    };
    let sums = backups::checksums_of(&made.path);
    Owner::give(owner, [made.path.as_path(), sums.as_path()]);
    Owner::give(owner, made.configuration.as_deref());
    Owner::give(owner, is_new.then_some(folder.as_path()));
    Owner::give_folder(owner, backup_files::pool_of(&made.path).path());
    Owner::give_folder(owner, Folder::of(database).path());
    note(loaded, output, Ok(&made.path));
    if output.is_json() {
        let mut value = contents_json(&made.contents);
        value["file"] = shown(&made.path).into();
        value["configuration"] = made.configuration.as_deref().map(shown).into();
        files_json(&made.files, &mut value);
        value["removed"] = made.removed.iter().map(|path| shown(path)).collect();
        return document(output, &value);
    }
    let mut lines = vec![
        format!("backup         {}", made.path.display()),
        match &made.configuration {
            Some(path) => format!("configuration  {}", path.display()),
            None => "configuration  there is no file to copy".to_owned(),
        },
        format!("examined       sound; {}", contents_text(&made.contents)),
    ];
    if made.files.files > 0 {
        lines.push(format!("files          {}", files_text(&made.files)));
        lines.extend(missing_lines(&made.files));
    }
    for path in &made.removed {
        lines.push(format!("removed        {}", path.display()));
    }
    text(&lines.join("\n"))
}

/// Has the database remember how it went. A database that is too damaged for that is no reason to
/// call a good copy bad.
fn note(loaded: &Loaded, output: &Output, result: Result<&Path, &AppError>) {
    let database = &loaded.config.database.path;
    if !database.exists() {
        return;
    }
    let noted = super::on_database(database, &loaded.config, async |service| {
        match result {
            Ok(path) => service.note_backup(backups::absolute(path)).await?,
            Err(err) => service.note_backup_failure(err.to_string()).await?,
        }
        Ok(())
    });
    if let Err(err) = noted {
        output.note(&format!("this could not be noted in the database: {err}"));
    }
}

fn list(loaded: &Loaded, output: &Output) -> Result<Exit, CliError> {
    let folder = loaded.config.backup_dir();
    let found = backups::list(&folder)?;
    if output.is_json() {
        let value: Vec<Value> = found
            .iter()
            .map(|copy| {
                json!({
                    "file": shown(&copy.path),
                    "made_at": copy.made_at.seconds(),
                    "size_bytes": copy.size_bytes,
                    "configuration": copy.has_configuration,
                })
            })
            .collect();
        return document(output, &json!({"folder": shown(&folder), "backups": value}));
    }
    if found.is_empty() {
        return text(&format!(
            "There are no backups in {}. Make one with `morelia backup`.",
            folder.display()
        ));
    }
    let lines: Vec<String> = found
        .iter()
        .map(|copy| {
            let size = size(copy.size_bytes);
            format!(
                "{}  {size:>9}  {}",
                copy.made_at.date_time(),
                copy.path.display()
            )
        })
        .collect();
    text(&lines.join("\n"))
}

fn verify(file: &Path, deep: bool, output: &Output) -> Result<Exit, CliError> {
    let examined = examine(file);
    let (contents, has_checksums) = match examined {
        Ok(examined) => examined,
        Err(
            err @ CliError::App(AppError::Store(
                StoreError::Damaged(_) | StoreError::DamagedFile { .. } | StoreError::Foreign(_),
            )),
        ) => {
            if output.is_json() {
                document(
                    output,
                    &json!({"file": shown(file), "sound": false, "problem": problem(&err)}),
                )?;
            } else {
                text(&format!("FAIL  {}: {}", file.display(), problem(&err)))?;
            }
            return Ok(Exit::ProblemsFound);
        }
        Err(CliError::App(AppError::Store(StoreError::Missing(path)))) => {
            return Err(CliError::NotFound(format!(
                "there is no file {}",
                path.display()
            )));
        }
        Err(err) => return Err(err),
    };
    let files = backup_files::verify(file, deep)?;
    let is_whole = files.missing.is_empty();
    let exit = if is_whole {
        Exit::Ok
    } else {
        Exit::ProblemsFound
    };
    if output.is_json() {
        let mut value = contents_json(&contents);
        value["file"] = shown(file).into();
        value["sound"] = is_whole.into();
        value["checksums"] = has_checksums.into();
        value["configuration"] = backups::configuration_of(file).exists().into();
        files_json(&files, &mut value);
        document(output, &value)?;
        return Ok(exit);
    }
    if !is_whole {
        let mut lines = vec![format!(
            "FAIL  {}: {}; of {} are missing or not what they were: {}",
            file.display(),
            contents_text(&contents),
            files_text(&files),
            files.missing.len()
        )];
        lines.extend(missing_lines(&files));
        text(&lines.join("\n"))?;
        return Ok(exit);
    }
    let sums = if has_checksums {
        "unchanged since it was made"
    } else {
        "there are no checksums beside it"
    };
    text(&format!(
        "ok  {}: {}; {}; {sums}",
        file.display(),
        contents_text(&contents),
        files_text(&files)
    ))
}

/// Files of a copy that are named one by one.
const NAMED: usize = 20;

fn files_text(files: &Tally) -> String {
    let number = i64::try_from(files.files).unwrap_or(i64::MAX);
    format!(
        "{} of {} beside it",
        count(number, "large file"),
        size(files.bytes)
    )
}

fn files_json(files: &Tally, value: &mut Value) {
    value["files"] = files.files.into();
    value["files_bytes"] = files.bytes.into();
    value["missing"] = files.missing.iter().map(|path| shown(path)).collect();
}

fn missing_lines(files: &Tally) -> Vec<String> {
    let named = files.missing.iter().take(NAMED);
    let mut lines: Vec<_> = named
        .map(|path| format!("missing   {}", path.display()))
        .collect();
    if files.missing.len() > NAMED {
        lines.push(format!(
            "missing   and {} more",
            files.missing.len() - NAMED
        ));
    }
    lines
}

/// What is wrong, without advice that is about the database in use.
fn problem(err: &CliError) -> String {
    match err {
        CliError::App(AppError::Store(err)) => err.to_string(),
        other => other.to_string(),
    }
}

/// Reads a copy whole, and compares it with its checksums.
fn examine(file: &Path) -> Result<(Contents, bool), CliError> {
    let contents = backup::examine(file)?;
    Ok((contents, backups::compare(file)?.is_some()))
}

#[expect(
    clippy::too_many_lines,
    reason = "one step after the other, each told of"
)]
fn restore(
    file: &Path,
    confirmation: Confirmation,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    if !file.exists() {
        return Err(CliError::NotFound(format!(
            "there is no file {}; see `morelia backup list`",
            file.display()
        )));
    }
    let loaded = match sources.load() {
        Ok(loaded) if loaded.file.is_some() => Some(loaded),
        Ok(_) | Err(ConfigError::Missing { .. }) => None,
        Err(err) => return Err(err.into()),
    };
    let (contents, _) = examine(file)?;
    let configuration = backups::configuration_of(file);
    let place = sources
        .asked_for()
        .map_or_else(|| PathBuf::from("morelia.ini"), |(path, _)| path);
    let new_configuration = loaded.is_none() && configuration.exists();
    let staged = if new_configuration {
        Some(Staged::new(&configuration, &place)?)
    } else {
        None
    };
    // Where the configuration will lead once it is in its place.
    let database = match (&loaded, &staged) {
        (Some(loaded), _) => loaded.config.database.path.clone(),
        (None, Some(staged)) => staged.load(sources)?.config.database.path,
        (None, None) => sources.load()?.config.database.path,
    };
    // What cannot be done is said before anything is asked.
    if ServerLock::is_held(&database) {
        return Err(StoreError::InUse(database).into());
    }
    confirm(
        confirmation,
        &format!(
            "{} ({}) comes to {}; what is there now is kept beside it",
            file.display(),
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
    Owner::give_database(owner, &database);
    Owner::give_folder(owner, live.path());
    // All the rest is back: who does not read to the end still learns that something is missing.
    let exit = if files.missing.is_empty() {
        Exit::Ok
    } else {
        Exit::ProblemsFound
    };
    if output.is_json() {
        let mut value = contents_json(&contents);
        files_json(&files, &mut value);
        value["database"] = shown(&database).into();
        value["restored_from"] = shown(file).into();
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

/// A configuration beside the place that it will take, removed again if it does not come to that.
struct Staged(PathBuf);

impl Staged {
    fn new(copy: &Path, place: &Path) -> Result<Self, CliError> {
        let staged = Self(place.with_extension("restoring"));
        // Of a run that was killed.
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
        // Gone already once it has taken its place.
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

fn contents_text(contents: &Contents) -> String {
    format!(
        "{}, {}, {}, {}, schema {}",
        count(contents.users, "user"),
        count(contents.flows, "flow"),
        count(contents.messages, "message"),
        size(contents.size_bytes),
        contents.schema
    )
}

fn contents_json(contents: &Contents) -> Value {
    json!({
        "users": contents.users,
        "flows": contents.flows,
        "messages": contents.messages,
        "size_bytes": contents.size_bytes,
        "schema": contents.schema,
    })
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Bytes as people read them.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}
