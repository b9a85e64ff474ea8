//! `config backup` and `config restore`: copies of the configuration file, beside it.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use serde_json::json;

use super::confirm::confirm;
use super::error::CliError;
use super::print::Output;
use super::{document, text};
use crate::app::backups;
use crate::cli::Confirmation;
use crate::config::{ConfigError, Sources};
use crate::exit::Exit;

/// Copies the configuration file.
///
/// # Errors
/// There is none, or the copy exists or cannot be written.
pub fn backup(name: Option<&str>, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    let file = present(sources)?;
    let copy = match name {
        Some(name) => {
            let mut parts = Path::new(name).components();
            let is_plain = matches!(parts.next(), Some(Component::Normal(_)));
            if !is_plain || parts.next().is_some() {
                return Err(CliError::Usage(format!(
                    "--backup-name {name:?}: a name without folders is needed, the copy lies beside the \
                     configuration"
                )));
            }
            file.with_file_name(name)
        }
        None => {
            backups::free_name(|stamp| file.with_file_name(format!("{}.{stamp}", file_name(&file))))
        }
    };
    write_new(&copy, &read(&file)?)?;
    if output.is_json() {
        let value =
            json!({"config": file.display().to_string(), "copy": copy.display().to_string()});
        return document(output, &value);
    }
    text(&format!("copied  {}", copy.display()))
}

/// Restores a copy, if it is a valid configuration.
///
/// # Errors
/// There is no such copy, it is invalid, or a file cannot be written.
pub fn restore(
    source: Option<&Path>,
    confirmation: Confirmation,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    let file = place(sources)?;
    let copy = match source {
        Some(source) => named(source, &file)?,
        None => newest(&file)?,
    };
    // A copy with which no server would start is worse than the present file.
    Sources {
        named: Some(copy.clone()),
        ..sources.clone()
    }
    .load()?;
    confirm(
        confirmation,
        &format!(
            "{} will replace {}; the current file is kept beside it",
            copy.display(),
            file.display()
        ),
    )?;
    let bytes = read(&copy)?;
    let kept = if file.exists() {
        let kept = backups::free_name(|stamp| {
            file.with_file_name(format!("{}.before-restore-{stamp}", file_name(&file)))
        });
        write_new(&kept, &read(&file)?)?;
        Some(kept)
    } else {
        None
    };
    replace(&file, &bytes)?;
    if output.is_json() {
        let value = json!({
            "config": file.display().to_string(),
            "restored_from": copy.display().to_string(),
            "kept": kept.map(|kept| kept.display().to_string()),
        });
        return document(output, &value);
    }
    let mut lines = vec![format!(
        "restored  {} from {}",
        file.display(),
        copy.display()
    )];
    if let Some(kept) = kept {
        lines.push(format!("kept      {}", kept.display()));
    }
    lines.push("A running server uses it after `morelia reload` or a restart.".to_owned());
    text(&lines.join("\n"))
}

/// Writes a configuration from a backup, if there is none.
///
/// # Errors
/// A file cannot be read or written.
pub(super) fn put(copy: &Path, file: &Path) -> Result<(), CliError> {
    write_new(file, &read(copy)?)
}

/// Returns the configuration file in use.
fn present(sources: &Sources) -> Result<PathBuf, CliError> {
    // An invalid file may be copied too; only its path has to be known.
    place(sources).and_then(|path| {
        if path.exists() {
            Ok(path)
        } else {
            Err(CliError::NotFound(
                "there is no configuration file to copy; make one with `morelia init`".to_owned(),
            ))
        }
    })
}

/// Returns the path of the configuration file, whether it exists or not.
pub(super) fn place(sources: &Sources) -> Result<PathBuf, CliError> {
    if let Some((path, _)) = sources.asked_for() {
        return Ok(path);
    }
    match sources.load() {
        Ok(loaded) => Ok(loaded.file.unwrap_or_else(|| "morelia.ini".into())),
        Err(ConfigError::Missing { path, .. }) => Ok(path),
        Err(_) if Path::new("morelia.ini").exists() => Ok("morelia.ini".into()),
        Err(err) => Err(err.into()),
    }
}

/// Returns the named copy: a path, or a name beside the configuration.
fn named(source: &Path, file: &Path) -> Result<PathBuf, CliError> {
    let beside = file.with_file_name(source);
    for candidate in [source.to_owned(), beside] {
        if candidate.is_file() {
            return Ok(candidate);
        }
    }
    Err(CliError::NotFound(format!(
        "there is no copy {}",
        source.display()
    )))
}

/// Returns the newest copy that `config backup` has named: names increase with time.
fn newest(file: &Path) -> Result<PathBuf, CliError> {
    let prefix = format!("{}.", file_name(file));
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let failed = |source| CliError::File {
        path: folder.to_owned(),
        source,
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry
            .map_err(failed)?
            .file_name()
            .to_string_lossy()
            .into_owned();
        let is_ours = name
            .strip_prefix(&prefix)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if is_ours {
            names.push(name);
        }
    }
    names
        .into_iter()
        .max()
        .map(|name| file.with_file_name(name))
        .ok_or_else(|| {
            CliError::NotFound(format!(
                "there is no copy of {}; name one with --source FILE",
                file.display()
            ))
        })
}

fn file_name(file: &Path) -> String {
    file.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|source| CliError::File {
        path: path.to_owned(),
        source,
    })
}

/// Writes a new file that only its owner and group may read.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o640)
        .open(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .map_err(|source| CliError::File {
            path: path.to_owned(),
            source,
        })
}

/// Replaces a file atomically, so that one of the two survives a power cut.
fn replace(file: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let staged = file.with_added_extension("new");
    if staged.exists() {
        std::fs::remove_file(&staged).map_err(|source| CliError::File {
            path: staged.clone(),
            source,
        })?;
    }
    write_new(&staged, bytes)?;
    std::fs::rename(&staged, file).map_err(|source| CliError::File {
        path: file.to_owned(),
        source,
    })
}
