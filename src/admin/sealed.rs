//! Encrypted backups in commands: generating the key, opening and verifying copies.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::copies::{
    contents_json, contents_text, examine, files_json, files_text, missing_lines, shown,
};
use super::error::CliError;
use super::print::Output;
use super::{document, text};
use crate::app::AppError;
use crate::app::backups::seal::{self, Key};
use crate::app::backups::{Staging, sealed, trial};
use crate::config::Sources;
use crate::exit::Exit;
use crate::store::backup_files;

/// `backup key`: generates a key, and says what to do with it.
pub(super) fn make_key(file: &Path, output: &Output) -> Result<Exit, CliError> {
    let public = seal::make_key(file)?;
    if output.is_json() {
        return document(output, &json!({"file": shown(file), "public_key": public}));
    }
    text(&format!(
        "secret key  {}\n\
         public key  {public}\n\n\
         Move the file to another machine and keep it in two places: without it nobody can open the backups,\n\
         and whoever has it can. On the server, in section [backup] of morelia.ini:\n\n    \
         encrypt_to = {public}",
        file.display()
    ))
}

/// An encrypted backup that was decrypted into a temporary folder, which is removed afterwards.
pub(super) struct Opened {
    database: PathBuf,
    _staging: Staging,
}

impl Opened {
    /// Returns the path of its database; the other files are beside it.
    pub(super) fn database(&self) -> &Path {
        &self.database
    }
}

/// Decrypts a backup into a folder beside a file. `None` if it is not encrypted.
pub(super) fn open(
    copy: &Path,
    identity: Option<&Path>,
    beside: &Path,
    with_files: bool,
) -> Result<Option<Opened>, CliError> {
    if !sealed::is_sealed(copy) {
        return match identity {
            None => Ok(None),
            Some(_) => Err(CliError::Usage(format!(
                "{} is not encrypted; leave --identity out",
                copy.display()
            ))),
        };
    }
    let Some(identity) = identity else {
        return Err(AppError::Failed(sealed::closed(copy)).into());
    };
    let key = Key::read(identity)?;
    let mut place = OsString::from(beside);
    place.push(".opened");
    let staging = Staging::begin(PathBuf::from(place))?;
    let database = sealed::open(copy, &key, &staging, with_files)?;
    Ok(Some(Opened {
        database,
        _staging: staging,
    }))
}

/// `backup verify` for an encrypted copy: checks its content with a secret key, and without one whether
/// it is unchanged. `None` if it is not encrypted.
pub(super) fn verify(
    copy: &Path,
    deep: bool,
    restores: bool,
    identity: Option<&Path>,
    sources: &Sources,
    output: &Output,
) -> Result<Option<Exit>, CliError> {
    if sealed::is_sealed(copy) && !copy.exists() {
        return Err(CliError::NotFound(format!(
            "there is no file {}",
            copy.display()
        )));
    }
    if sealed::is_sealed(copy) && identity.is_none() {
        if deep || restores {
            return Err(AppError::Failed(sealed::closed(copy)).into());
        }
        return verify_closed(copy, output).map(Some);
    }
    // The disk of the database if there is one: decrypted data must not be on the disk of the backups.
    let database = sources.load().ok().map(|it| it.config.database.path);
    let beside = database
        .filter(|path| path.exists())
        .unwrap_or_else(|| std::env::temp_dir().join("morelia.db"));
    let Some(opened) = open(copy, identity, &beside, deep || restores)? else {
        return Ok(None);
    };
    let (contents, _) = examine(opened.database())?;
    let mut files = sealed::examine(copy)?;
    if deep || restores {
        files = backup_files::verify(opened.database(), true)?;
    }
    let is_whole = files.missing.is_empty();
    if restores && is_whole {
        trial::restore(opened.database())?;
    }
    if output.is_json() {
        let mut value = contents_json(&contents);
        value["file"] = shown(copy).into();
        value["sound"] = is_whole.into();
        value["encrypted"] = true.into();
        value["restored"] = (restores && is_whole).into();
        files_json(&files, &mut value);
        document(output, &value)?;
        return Ok(Some(exit(is_whole)));
    }
    let mut lines = vec![format!(
        "{}  {}: {}; {}; this key opens it{}",
        if is_whole { "ok" } else { "FAIL" },
        copy.display(),
        contents_text(&contents),
        files_text(&files),
        if restores && is_whole {
            "; restored into a temporary folder"
        } else {
            ""
        }
    )];
    lines.extend(missing_lines(&files));
    text(&lines.join("\n"))?;
    Ok(Some(exit(is_whole)))
}

fn verify_closed(copy: &Path, output: &Output) -> Result<Exit, CliError> {
    let (files, problem) = match sealed::examine(copy) {
        Ok(files) => (files, None),
        Err(err) => (backup_files::Tally::default(), Some(err.to_string())),
    };
    let is_whole = problem.is_none() && files.missing.is_empty();
    if output.is_json() {
        let mut value = json!({
            "file": shown(copy),
            "sound": is_whole,
            "encrypted": true,
            "problem": problem,
        });
        files_json(&files, &mut value);
        document(output, &value)?;
        return Ok(exit(is_whole));
    }
    let mut lines = vec![match (&problem, is_whole) {
        (Some(problem), _) => format!("FAIL  {}: {problem}", copy.display()),
        (None, false) => format!("FAIL  {}: {}", copy.display(), files_text(&files)),
        (None, true) => format!(
            "ok  {}: encrypted; {}; unchanged since it was made. To see what is in it: --identity FILE",
            copy.display(),
            files_text(&files)
        ),
    }];
    lines.extend(missing_lines(&files));
    text(&lines.join("\n"))?;
    Ok(exit(is_whole))
}

fn exit(is_whole: bool) -> Exit {
    if is_whole {
        Exit::Ok
    } else {
        Exit::ProblemsFound
    }
}
