//! `move unpack`: unpacks a server from one file.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::copies::{contents_json, contents_text, files_json, files_text, shown};
use super::super::error::CliError;
use super::super::owner::Owner;
use super::super::print::Output;
use super::super::{config_copies, document, init, program, text};
use super::{CONFIGURATION, DATABASE, outside};
use crate::app::backups::keys::{self, Returned};
use crate::app::backups::{self, Staging, bundle::Bundle};
use crate::app::certificates;
use crate::config::{Loaded, Sources, edit};
use crate::exit::Exit;
use crate::store::folder::Folder;
use crate::store::{Store, backup, backup_files};

/// The space that is kept free on the disk besides what is unpacked.
const RESERVE: u64 = 16 << 20;

/// Runs the command.
///
/// # Errors
/// There is already a database here; the file has changed since it was packed; something cannot be written.
#[expect(
    clippy::too_many_lines,
    reason = "one step after the other, each told of"
)]
pub(super) fn run(file: &Path, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    if !file.exists() {
        return Err(CliError::NotFound(format!(
            "there is no file {}",
            file.display()
        )));
    }
    let mut bundle = Bundle::open(file)?;
    if !bundle.has(DATABASE) {
        return Err(CliError::Failed(format!(
            "{} holds no database: `morelia move pack` has not made it",
            file.display()
        )));
    }
    let place = config_copies::place(sources)?;
    // Existing files are reported before anything is written.
    let present = if place.exists() {
        let loaded = sources.load()?;
        refuse_taken(&loaded.config.database.path)?;
        Some(loaded)
    } else {
        None
    };
    let around = folder_of(&place);
    make_folder(&around)?;
    // Beside the database, if its place is known: files are then moved and not copied.
    let near = present.as_ref().map_or_else(
        || around.clone(),
        |loaded| folder_of(&loaded.config.database.path),
    );
    make_folder(&near)?;
    let needed = bundle.size()?.saturating_add(RESERVE);
    let free = Folder::at(near.clone()).free_bytes();
    if free.is_some_and(|free| free < needed) {
        return Err(CliError::File {
            path: near,
            source: std::io::ErrorKind::StorageFull.into(),
        });
    }
    let staging = Staging::begin(near.join("morelia.db.unpacking"))?;
    bundle.extract(staging.path())?;
    let copy = staging.join(DATABASE);
    let contents = backup::examine(&copy)?;
    let checked = backup_files::verify(&copy, true)?;
    let configuration = staging.join(CONFIGURATION);
    let written = Written::of(&configuration, present.as_ref(), &place, sources)?;
    let config = written.load(sources)?.config;
    let database = config.database.path.clone();
    refuse_taken(&database)?;
    make_folder(&folder_of(&database))?;
    let owner = Owner::of(&database);
    // The database comes last: until it exists, the command can be repeated.
    let live = Folder::of(&database);
    if checked.files > 0 || config.files.dir.is_some() {
        live.prepare(config.files.dir.as_deref())?;
    }
    backup_files::put_back(&copy, &live)?;
    let tls = certificates::folder(&config);
    let returned = keys::put_back(&copy, &tls)?;
    let kept = written.settle(&place)?;
    let before =
        backups::free_name(|stamp| database.with_extension(format!("before-unpack-{stamp}.db")));
    backup::restore(&copy, &database, &before)?;
    let migrated = Store::prepare(&database)?;
    Owner::give_database(owner, &database);
    Owner::give_folder(owner, live.path());
    Owner::give_folder(owner, tls.folder());
    Owner::give(
        owner,
        [place.as_path()].into_iter().filter(|path| path.exists()),
    );
    let absent: Vec<_> = outside(&config)
        .into_iter()
        .filter(|(_, path)| !path.exists())
        .collect();
    let exit = if checked.missing.is_empty() && absent.is_empty() {
        Exit::Ok
    } else {
        Exit::ProblemsFound
    };
    if output.is_json() {
        let mut value = contents_json(&contents);
        files_json(&checked, &mut value);
        value["unpacked_from"] = shown(file).into();
        value["database"] = shown(&database).into();
        value["config"] = place.exists().then(|| shown(&place)).into();
        value["kept"] = kept.as_deref().map(shown).into();
        value["keys"] = match returned {
            Returned::None => serde_json::Value::Null,
            Returned::Kept => 0.into(),
            Returned::Files(count) => count.into(),
        };
        value["absent"] = absent.iter().map(|(_, path)| shown(path)).collect();
        document(output, &value)?;
        return Ok(exit);
    }
    let mut lines = vec![
        format!("compared       {} is what was packed", file.display()),
        format!(
            "database       {}: {}",
            database.display(),
            contents_text(&contents)
        ),
        format!("files          {}", files_text(&checked)),
    ];
    if place.exists() {
        lines.push(format!("configuration  {}", place.display()));
    }
    if let Some(kept) = &kept {
        lines.push(format!("kept           {}", kept.display()));
    }
    match returned {
        Returned::None => {}
        Returned::Kept => lines.push(format!(
            "keys           those in {} stay",
            tls.folder().display()
        )),
        Returned::Files(_) => lines.push(format!("keys           {}", tls.folder().display())),
    }
    if let Some(copy) = migrated {
        lines.push(format!(
            "migrated       its schema was older; the state before is {}",
            copy.display()
        ));
    }
    for path in &checked.missing {
        let name = path.file_name().unwrap_or_default();
        lines.push(format!(
            "missing        the file {} was not packed",
            name.display()
        ));
    }
    for (key, path) in &absent {
        lines.push(format!(
            "absent         {} ({key}): copy it from the old machine",
            path.display()
        ));
    }
    let program = program(sources);
    lines.push(format!(
        "\nLook at it:        {program} check\nStart the server:  {program} serve"
    ));
    text(&lines.join("\n"))?;
    Ok(exit)
}

/// An existing database may be in use.
fn refuse_taken(database: &Path) -> Result<(), CliError> {
    if database.exists() {
        return Err(CliError::AlreadyExists(format!(
            "{} is there already, and nothing was changed; to put a copy in its place use `morelia restore`, to \
             begin with the other server's data move it away",
            database.display()
        )));
    }
    Ok(())
}

/// The configuration for this machine.
enum Written {
    /// None was packed, or the present one is the same.
    Same,
    /// This file, which is not in its final place yet.
    New(PathBuf),
}

impl Written {
    /// Returns the packed configuration. If there is one here, it determines the path of the database.
    fn of(
        packed: &Path,
        present: Option<&Loaded>,
        place: &Path,
        sources: &Sources,
    ) -> Result<Self, CliError> {
        if !packed.exists() {
            return Ok(Self::Same);
        }
        let failed = |source| CliError::File {
            path: packed.to_owned(),
            source,
        };
        let mut text = fs::read_to_string(packed).map_err(failed)?;
        if let Some(present) = present {
            if fs::read_to_string(place).is_ok_and(|here| here == text) {
                return Ok(Self::Same);
            }
            let path = backups::absolute(&present.config.database.path);
            text = edit::set(&text, "database", "path", &path);
        }
        // Relative paths in it are relative to its final place.
        let part = place.with_extension("unpacking");
        let _ = fs::remove_file(&part);
        init::write_config(&part, &text)?;
        let written = Self::New(part);
        written.load(sources)?;
        Ok(written)
    }

    fn load(&self, sources: &Sources) -> Result<Loaded, CliError> {
        let sources = match self {
            Self::Same => sources.clone(),
            Self::New(path) => Sources {
                named: Some(path.clone()),
                ..sources.clone()
            },
        };
        Ok(sources.load()?)
    }

    /// Moves it to its place. Returns the path of the previous one.
    fn settle(mut self, place: &Path) -> Result<Option<PathBuf>, CliError> {
        let Self::New(part) = &mut self else {
            return Ok(None);
        };
        let failed = |source| CliError::File {
            path: place.to_owned(),
            source,
        };
        let kept = place.exists().then(|| {
            let name = place.file_name().unwrap_or_default();
            backups::free_name(|stamp| {
                place.with_file_name(format!("{}.before-unpack-{stamp}", name.display()))
            })
        });
        if let Some(kept) = &kept {
            fs::rename(place, kept).map_err(failed)?;
        }
        fs::rename(&*part, place).map_err(failed)?;
        Ok(kept)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if let Self::New(part) = self {
            // It no longer exists once it is in its place.
            let _ = fs::remove_file(part);
        }
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Creates a missing folder, one level only: a disk that is not mounted must not be mistaken for the
/// folder on it.
fn make_folder(path: &Path) -> Result<(), CliError> {
    use std::os::unix::fs::DirBuilderExt as _;
    if path.is_dir() {
        return Ok(());
    }
    let made = fs::DirBuilder::new().mode(0o700).create(path);
    made.map_err(|source| CliError::File {
        path: path.to_owned(),
        source,
    })
}
