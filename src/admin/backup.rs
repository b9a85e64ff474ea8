//! `backup`, `backup list`, `backup verify`; `restore` has a file of its own.

use std::path::Path;

use serde_json::{Value, json};

use super::copies::{
    contents_json, contents_text, examine, files_json, files_text, missing_lines, shown, size,
};
use super::error::CliError;
use super::owner::Owner;
use super::print::Output;
use super::{document, restore, sealed, text};
use crate::app::backups::keys;
use crate::app::backups::seal::Seal;
use crate::app::backups::sealed::manifest_of;
use crate::app::backups::{self, Origin};
use crate::app::{AppError, certificates};
use crate::cli::BackupCommand;
use crate::config::{Loaded, Sources};
use crate::exit::Exit;
use crate::model::Act;
use crate::store::StoreError;
use crate::store::backup_files;
use crate::store::folder::Folder;

/// Runs the command.
///
/// # Errors
/// What failed.
pub fn run(command: &BackupCommand, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    match command {
        BackupCommand::Make {
            to,
            with_keys,
            encrypt_to,
        } => make(
            to.as_deref(),
            *with_keys,
            encrypt_to,
            &sources.load()?,
            output,
        ),
        BackupCommand::Key { file } => sealed::make_key(file, output),
        BackupCommand::List => list(&sources.load()?, output),
        BackupCommand::Verify {
            file,
            deep,
            restores,
            identity,
        } => match sealed::verify(file, *deep, *restores, identity.as_deref(), sources, output)? {
            Some(exit) => Ok(exit),
            None => verify(file, *deep, *restores, output),
        },
        BackupCommand::Restore {
            file,
            identity,
            confirmation,
        } => restore::run(file, identity.as_deref(), *confirmation, sources, output),
    }
}

fn make(
    to: Option<&Path>,
    with_keys: bool,
    encrypt_to: &[String],
    loaded: &Loaded,
    output: &Output,
) -> Result<Exit, CliError> {
    let config = &loaded.config;
    let database = &config.database.path;
    let folder = config.backup_dir();
    let owner = Owner::of(database);
    let is_new = to.is_none() && !folder.exists();
    let file = loaded.file.as_deref();
    let lost = match to {
        None if database.exists() => super::on_database(database, config, async |service| {
            Ok(service.lost_backup_disk().await?)
        })?,
        _ => None,
    };
    let lost = lost.filter(|lost| *lost == backups::absolute(&folder));
    let tls = certificates::folder(config);
    let encrypt_to = if encrypt_to.is_empty() {
        &config.backup.encrypt_to
    } else {
        encrypt_to
    };
    let seal = Seal::to(encrypt_to)?;
    let origin = Origin {
        database,
        configuration: file,
        keys: with_keys.then_some(&tls),
        seal: seal.as_ref(),
    };
    let made = match to {
        None if lost.is_some() => Err(backups::not_mounted(&lost.unwrap_or_default())),
        Some(to) => backups::place(to, origin.seal).and_then(|to| backups::make(&origin, &to)),
        None => backups::make_in_folder(&origin, &folder, config.backup.keep),
    };
    let made = made.and_then(|made| {
        // As the server does after its own backups.
        if let Some(command) = config.backup.after.as_deref().filter(|_| to.is_none()) {
            backups::after::run(command, &made.path)?;
        }
        Ok(made)
    });
    let made = match made {
        Ok(made) => made,
        Err(err) => {
            note(loaded, output, Err(&err));
            return Err(err.into());
        }
    };
    let sums = backups::checksums_of(&made.path);
    Owner::give(owner, [made.path.as_path(), sums.as_path()]);
    let manifest = seal.as_ref().map(|_| manifest_of(&made.path));
    Owner::give(owner, manifest.as_deref());
    Owner::give(owner, made.configuration.as_deref());
    Owner::give(owner, is_new.then_some(folder.as_path()));
    Owner::give_folder(owner, made.pool.path());
    Owner::give_folder(owner, &keys::folder_of(&made.path));
    Owner::give_folder(owner, Folder::of(database).path());
    note(loaded, output, Ok(&made.path));
    if output.is_json() {
        let mut value = contents_json(&made.contents);
        value["file"] = shown(&made.path).into();
        value["configuration"] = made.configuration.as_deref().map(shown).into();
        files_json(&made.files, &mut value);
        value["keys"] = made.keys.into();
        value["encrypted_to"] = seal.iter().flat_map(Seal::keys).collect();
        value["removed"] = made.removed.iter().map(|path| shown(path)).collect();
        return document(output, &value);
    }
    let mut lines = vec![
        format!("backup         {}", made.path.display()),
        match &made.configuration {
            Some(path) => format!("configuration  {}", path.display()),
            None if seal.is_some() && file.is_some() => "configuration  in it".to_owned(),
            None => "configuration  there is no file to copy".to_owned(),
        },
        format!("examined       sound; {}", contents_text(&made.contents)),
    ];
    if made.files.files > 0 {
        lines.push(format!("files          {}", files_text(&made.files)));
        lines.extend(missing_lines(&made.files));
    }
    for key in seal.iter().flat_map(Seal::keys) {
        lines.push(format!("encrypted to   {key}"));
    }
    match made.keys {
        None => {}
        Some(0) => lines.push(format!(
            "keys           there are none in {}",
            tls.folder().display()
        )),
        Some(_) if seal.is_some() => lines.push("keys           in it".to_owned()),
        Some(_) => lines.push(format!(
            "keys           {}; keep this copy where nobody else can read it",
            keys::folder_of(&made.path).display()
        )),
    }
    for path in &made.removed {
        lines.push(format!("removed        {}", path.display()));
    }
    text(&lines.join("\n"))
}

/// Records the result in the database. If the database is too damaged for that, a valid copy is still valid.
fn note(loaded: &Loaded, output: &Output, result: Result<&Path, &AppError>) {
    let database = &loaded.config.database.path;
    if !database.exists() {
        return;
    }
    let noted = super::on_database(database, &loaded.config, async |service| {
        match result {
            Ok(path) => {
                service.note_backup(backups::absolute(path)).await?;
                let name = path.file_name();
                let name = name.map(|name| name.to_string_lossy().into_owned());
                service.note_act(Act::BackupMade, name, None).await?;
            }
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
                    "encrypted": copy.is_encrypted,
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

fn verify(file: &Path, deep: bool, restores: bool, output: &Output) -> Result<Exit, CliError> {
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
    if restores && is_whole {
        backups::trial::restore(file)?;
    }
    let exit = if is_whole {
        Exit::Ok
    } else {
        Exit::ProblemsFound
    };
    if output.is_json() {
        let mut value = contents_json(&contents);
        value["file"] = shown(file).into();
        value["sound"] = is_whole.into();
        value["restored"] = (restores && is_whole).into();
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
    let tried = if restores {
        "; restored into a temporary folder"
    } else {
        ""
    };
    text(&format!(
        "ok  {}: {}; {}; {sums}{tried}",
        file.display(),
        contents_text(&contents),
        files_text(&files)
    ))
}

/// Returns what is wrong, without advice about the database in use.
fn problem(err: &CliError) -> String {
    match err {
        CliError::App(AppError::Store(err)) => err.to_string(),
        other => other.to_string(),
    }
}
