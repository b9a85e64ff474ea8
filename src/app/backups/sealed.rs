//! Encrypted backups: `NAME.age` holds the database, configuration and keys as one archive, and `NAME.files`
//! lists the large files that it needs. These are in a folder of their own, each encrypted once, which all
//! backups for the same public keys share. They can all be made, compared and removed without a secret key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::seal::{Key, Seal, wanted};
use super::{
    Made, Origin, Staging, bundle, checksums_of, compare, file_error, keys, line_of_checksum,
    write_new,
};
use crate::app::AppError;
use crate::model::PublicId;
use crate::store::backup;
use crate::store::backup_files::{self, Tally};
use crate::store::folder::Folder;

/// The extension of an encrypted backup.
pub(super) const EXTENSION: &str = "age";

/// The entries of the archive, named like the files of an unencrypted backup.
const DATABASE: &str = "morelia.db";
const CONFIGURATION: &str = "morelia.ini";
const KEYS: &str = "morelia.keys";
const FILES: &str = "morelia.files";

/// The beginning of the name of the folder of encrypted files.
const POOL: &str = "files-";

/// Returns whether a backup is encrypted, by its name.
#[must_use]
pub fn is_sealed(copy: &Path) -> bool {
    copy.extension().is_some_and(|it| it == EXTENSION)
}

/// Returns the file beside an encrypted backup that lists its large files.
#[must_use]
pub fn manifest_of(copy: &Path) -> PathBuf {
    copy.with_extension("files")
}

/// What an encrypted backup needs besides itself. None of it is secret: names of files reveal nothing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Manifest {
    /// The folder beside the backup.
    pool: String,
    /// The public keys.
    owners: Vec<String>,
    /// The names of the files, and their sizes before encryption.
    files: Vec<(PublicId, u64)>,
}

impl Manifest {
    fn read(path: &Path) -> Result<Self, AppError> {
        let text = fs::read_to_string(path).map_err(|source| file_error(path, source))?;
        let mut manifest = Self::default();
        for line in text.lines() {
            match line.split_once(' ') {
                // Only a name: the pool has to be beside the backup.
                Some(("pool", name)) if is_pool(name) => name.clone_into(&mut manifest.pool),
                Some(("to", key)) => manifest.owners.push(key.to_owned()),
                Some((name, size)) => manifest
                    .files
                    .extend(PublicId::from_hex(name).zip(size.parse().ok())),
                None => {}
            }
        }
        Ok(manifest)
    }

    fn text(&self) -> String {
        // Writing to a string cannot fail.
        let mut text = format!("pool {}\n", self.pool);
        for key in &self.owners {
            let _ = writeln!(text, "to {key}");
        }
        for (name, size) in &self.files {
            let _ = writeln!(text, "{} {size}", name.hex());
        }
        text
    }
}

fn is_pool(name: &str) -> bool {
    let mark = name.strip_prefix(POOL);
    mark.is_some_and(|mark| mark.len() == 16 && mark.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Returns the folder of large files that belongs to an encrypted backup.
pub(super) fn pool_of(copy: &Path) -> Option<Folder> {
    let manifest = Manifest::read(&manifest_of(copy)).ok()?;
    Some(pool(copy, &manifest))
}

fn pool(copy: &Path, manifest: &Manifest) -> Folder {
    Folder::at(copy.with_file_name(&manifest.pool))
}

/// Makes an encrypted backup. Meanwhile, unencrypted data is beside the database, on its disk, and never
/// where the backups are.
pub(super) fn make(origin: &Origin<'_>, seal: &Seal, target: &Path) -> Result<Made, AppError> {
    let staging = Staging::begin(origin.database.with_extension("sealing"))?;
    let live = Folder::of(origin.database);
    // Files that the copy refers to must not be removed until they are in the pool.
    let hold = live.hold()?;
    let copy = staging.join(DATABASE);
    let contents = backup::copy(origin.database, &copy)?;
    let named = backup_files::named(&copy)?;
    let manifest = Manifest {
        pool: format!("{POOL}{}", seal.mark()),
        owners: seal.keys().map(str::to_owned).collect(),
        files: named.iter().map(|file| (file.name, file.size)).collect(),
    };
    let listed = staging.join(FILES);
    write_new(&listed, manifest.text().as_bytes())?;
    let mut entries = vec![(DATABASE.to_owned(), copy), (FILES.to_owned(), listed)];
    if let Some(configuration) = origin.configuration {
        entries.push((CONFIGURATION.to_owned(), configuration.to_owned()));
    }
    let own = origin.keys.map(|folder| keys::files_in(folder.folder()));
    let own = own.transpose()?;
    for path in own.iter().flatten() {
        let name = path.file_name().unwrap_or_default();
        entries.push((format!("{KEYS}/{}", name.display()), path.clone()));
    }
    let part = Part::begin(target)?;
    part.write(seal, &entries)?;
    let pool = pool(target, &manifest);
    let files = take_in(&manifest, &live, &pool, seal)?;
    drop(hold);
    part.settle(target)?;
    write_new(&manifest_of(target), manifest.text().as_bytes())?;
    let mut sums = line_of_checksum(target)?;
    sums.push_str(&line_of_checksum(&manifest_of(target))?);
    write_new(&checksums_of(target), sums.as_bytes())?;
    Ok(Made {
        path: target.to_owned(),
        // It is in the archive.
        configuration: None,
        contents,
        files,
        keys: own.map(|own| own.len()),
        pool,
        removed: Vec::new(),
    })
}

/// An encrypted backup that is being written: locked, and removed unless it gets its final name.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn begin(target: &Path) -> Result<Self, AppError> {
        let mut name = target.as_os_str().to_owned();
        name.push(".part");
        let path = PathBuf::from(name);
        if !backup::remove_abandoned(&path)? {
            let source = io::Error::other("another process is writing it");
            return Err(file_error(&path, source));
        }
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(&path);
        let file = opened.map_err(|source| file_error(&path, source))?;
        // Some file systems have no locks; there, only one backup may be made at a time.
        let _ = file.try_lock();
        Ok(Self { path, file })
    }

    fn write(&self, seal: &Seal, entries: &[(String, PathBuf)]) -> Result<(), AppError> {
        let failed = |source| file_error(&self.path, source);
        let buffered = io::BufWriter::with_capacity(128 * 1024, &self.file);
        let mut writer = seal.writer(&self.path, buffered)?;
        bundle::write_into(&mut writer, &self.path, entries)?;
        let mut buffered = writer.finish().map_err(failed)?;
        buffered.flush().map_err(failed)?;
        self.file.sync_all().map_err(failed)
    }

    fn settle(&self, target: &Path) -> Result<(), AppError> {
        let failed = |source| file_error(target, source);
        fs::rename(&self.path, target).map_err(failed)?;
        let folder = target.parent().filter(|folder| *folder != Path::new(""));
        let folder = File::open(folder.unwrap_or(Path::new("."))).map_err(failed)?;
        folder.sync_all().map_err(failed)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It no longer exists once it has its final name.
        let _ = fs::remove_file(&self.path);
    }
}

/// Encrypts the files that the pool lacks. A file in the pool is complete: it gets its name last.
fn take_in(
    manifest: &Manifest,
    live: &Folder,
    pool: &Folder,
    seal: &Seal,
) -> Result<Tally, AppError> {
    let mut tally = Tally::default();
    for &(name, size) in &manifest.files {
        tally.files += 1;
        tally.bytes += size;
        if pool.place(name).exists() {
            continue;
        }
        if !live.has(name, size) {
            tally.missing.push(live.place(name));
            continue;
        }
        pool.prepare(None)?;
        put(pool, name, |path, file| {
            seal.encrypt(&live.place(name), path, file)
        })?;
    }
    Ok(tally)
}

/// Writes a file of a pool and moves it to its place.
fn put(
    pool: &Folder,
    name: PublicId,
    write: impl FnOnce(&Path, File) -> Result<(), AppError>,
) -> Result<(), AppError> {
    let part = pool.part(name);
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600);
    let file = opened
        .open(&part)
        .map_err(|source| file_error(&part, source))?;
    write(&part, file)
        .and_then(|()| Ok(pool.settle(name)?))
        .inspect_err(|_| drop(fs::remove_file(&part)))
}

/// Compares an encrypted backup with its checksums, and checks whether its large files exist. Their
/// content is not decrypted.
///
/// # Errors
/// A file cannot be read, or has changed.
pub fn examine(copy: &Path) -> Result<Tally, AppError> {
    fs::metadata(copy).map_err(|source| file_error(copy, source))?;
    compare(copy)?;
    let manifest = Manifest::read(&manifest_of(copy))?;
    let pool = pool(copy, &manifest);
    let mut tally = Tally::default();
    for (name, size) in manifest.files {
        tally.files += 1;
        tally.bytes += size;
        let place = pool.place(name);
        // An encrypted file is a little larger.
        if !fs::metadata(&place).is_ok_and(|found| found.len() > size) {
            tally.missing.push(place);
        }
    }
    Ok(tally)
}

/// Returns the reason why a backup cannot be opened without a secret key.
#[must_use]
pub fn closed(copy: &Path) -> String {
    let owners = Manifest::read(&manifest_of(copy)).map_or_else(|_| Vec::new(), |it| it.owners);
    format!(
        "{} is encrypted; give the file of the secret key with --identity: {}",
        copy.display(),
        wanted(&owners)
    )
}

/// Decrypts a backup into a folder, where it becomes an unencrypted one; its large files only if
/// requested. Returns the path of its database. Blocks.
///
/// # Errors
/// No key opens it, it has changed, or something cannot be written.
pub fn open(copy: &Path, key: &Key, into: &Staging, with_files: bool) -> Result<PathBuf, AppError> {
    compare(copy)?;
    let owners = Manifest::read(&manifest_of(copy)).map_or_else(|_| Vec::new(), |it| it.owners);
    let file = File::open(copy).map_err(|source| file_error(copy, source))?;
    let reader = key.reader(copy, io::BufReader::new(file), &owners)?;
    bundle::Bundle::read(copy, Box::new(reader))?.extract(into.path())?;
    let database = into.join(DATABASE);
    if !with_files {
        return Ok(database);
    }
    let manifest = Manifest::read(&into.join(FILES))?;
    let (sealed, plain) = (pool(copy, &manifest), backup_files::pool_of(&database));
    for (name, _) in manifest.files {
        let place = sealed.place(name);
        let Ok(file) = File::open(&place) else {
            // Reported as missing.
            continue;
        };
        plain.prepare(None)?;
        let opened = put(&plain, name, |path, mut to| {
            let mut from = key.reader(&place, io::BufReader::new(file), &manifest.owners)?;
            io::copy(&mut from, &mut to).map_err(|source| match source.kind() {
                io::ErrorKind::StorageFull => file_error(path, source),
                _ => file_error(&place, source),
            })?;
            to.sync_all().map_err(|source| file_error(path, source))
        });
        match opened {
            Err(err) if err.is_full_disk() => return Err(err),
            Err(err) => log::error!("a file of the backup cannot be opened: {err}"),
            Ok(()) => {}
        }
    }
    Ok(database)
}

/// Removes from the pools of a folder the files to which no encrypted backup there refers.
pub(super) fn prune(folder: &Path) -> Result<usize, AppError> {
    let failed = |source| file_error(folder, source);
    let (mut needed, mut pools) = (BTreeMap::<String, BTreeSet<PublicId>>::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // A backup in progress has files in the pool to which nothing refers yet.
        if name.ends_with(".part") {
            return Ok(0);
        }
        if is_pool(&name) && path.is_dir() {
            pools.push(name.into_owned());
        } else if is_sealed(&path) {
            let manifest = match Manifest::read(&manifest_of(&path)) {
                Ok(manifest) => manifest,
                Err(err) => {
                    log::warn!("files of older backups stay, since one cannot be read: {err}");
                    return Ok(0);
                }
            };
            let files = manifest.files.into_iter().map(|(name, _)| name);
            needed.entry(manifest.pool).or_default().extend(files);
        }
    }
    let mut removed = 0;
    for name in pools {
        let path = folder.join(&name);
        let Some(needed) = needed.get(&name) else {
            fs::remove_dir_all(&path).map_err(|source| file_error(&path, source))?;
            continue;
        };
        for entry in Folder::at(path).entries(Duration::ZERO)? {
            if entry.is_part || !needed.contains(&entry.name) {
                let gone = fs::remove_file(&entry.path);
                gone.map_err(|source| file_error(&entry.path, source))?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}
