//! `move pack`: packs everything into one file.

use std::path::{Path, PathBuf};

use super::super::confirm::confirm;
use super::super::copies::{contents_json, contents_text, shown, size};
use super::super::error::CliError;
use super::super::owner::Owner;
use super::super::print::{Output, count};
use super::super::{document, text};
use super::{CONFIGURATION, DATABASE, FILES, KEYS, outside};
use crate::app::backups::{self, Staging, bundle, keys};
use crate::app::certificates;
use crate::cli::Confirmation;
use crate::config::Sources;
use crate::exit::Exit;
use crate::store::folder::Folder;
use crate::store::{ServerLock, backup, backup_files};

/// Runs the command.
///
/// # Errors
/// Something cannot be read or written; a file is missing and the operator did not agree to
/// continue without it.
#[expect(
    clippy::too_many_lines,
    reason = "one step after the other, each told of"
)]
pub(super) fn run(
    file: &Path,
    with_keys: bool,
    confirmation: Confirmation,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    let loaded = sources.load()?;
    let (config, database) = (&loaded.config, &loaded.config.database.path);
    let target = if file.is_dir() {
        backups::free_name(|stamp| file.join(format!("morelia-{stamp}.morelia")))
    } else {
        file.to_owned()
    };
    if target.exists() {
        return Err(CliError::AlreadyExists(format!(
            "{} is there already; name another file",
            target.display()
        )));
    }
    let owner = Owner::of(database);
    let serves = ServerLock::is_held(database);
    let staging = Staging::begin(beside(&target))?;
    let live = Folder::of(database);
    // Files that the copy refers to must not be removed until they are in the file.
    let hold = live.exists().then(|| live.hold()).transpose()?;
    let copy = staging.join(DATABASE);
    let contents = backup::copy(database, &copy)?;
    let mut entries = vec![(DATABASE.to_owned(), copy.clone())];
    if let Some(configuration) = &loaded.file {
        entries.push((CONFIGURATION.to_owned(), configuration.clone()));
    }
    let tls = certificates::folder(config);
    let own = keys::files_in(tls.folder())?;
    if with_keys {
        for path in &own {
            let name = path.file_name().unwrap_or_default();
            entries.push((format!("{KEYS}/{}", name.display()), path.clone()));
        }
    }
    let pool = Folder::at(PathBuf::from(FILES));
    let (mut files, mut bytes, mut missing) = (0_i64, 0, Vec::new());
    for kept in backup_files::named(&copy)? {
        let place = live.place(kept.name);
        if live.has(kept.name, kept.size) {
            files += 1;
            bytes += kept.size;
            entries.push((shown(&pool.place(kept.name)), place));
        } else {
            missing.push(place);
        }
    }
    if let Some(first) = missing.first() {
        confirm(
            confirmation,
            &format!(
                "{} that messages name {} not there, such as {}; they would be missing on the other machine too",
                count(i64::try_from(missing.len()).unwrap_or(i64::MAX), "file"),
                if missing.len() == 1 { "is" } else { "are" },
                first.display()
            ),
        )?;
    }
    let packed = staging.join("packed");
    bundle::write(&packed, &entries)?;
    drop(hold);
    bundle::Bundle::open(&packed)?.verify()?;
    bundle::settle(&packed, &target)?;
    Owner::give(owner, [target.as_path()]);
    let packed_bytes = std::fs::metadata(&target).map_or(0, |found| found.len());
    let elsewhere = outside(config);
    if output.is_json() {
        let mut value = contents_json(&contents);
        value["file"] = shown(&target).into();
        value["packed_bytes"] = packed_bytes.into();
        value["configuration"] = loaded.file.is_some().into();
        value["files"] = files.into();
        value["files_bytes"] = bytes.into();
        value["missing"] = missing.iter().map(|path| shown(path)).collect();
        value["keys"] = if with_keys { own.len() } else { 0 }.into();
        value["not_packed"] = elsewhere.iter().map(|(_, path)| shown(path)).collect();
        value["server_runs"] = serves.into();
        return document(output, &value);
    }
    let mut lines = vec![
        format!(
            "packed         {} ({})",
            target.display(),
            size(packed_bytes)
        ),
        format!("database       {}", contents_text(&contents)),
        format!(
            "files          {} of {}",
            count(files, "large file"),
            size(bytes)
        ),
        match &loaded.file {
            Some(path) => format!("configuration  {}", path.display()),
            None => "configuration  there is no file to pack".to_owned(),
        },
    ];
    match (with_keys, own.len()) {
        (_, 0) => {}
        (true, _) => lines.push(
            "keys           packed; anybody who has this file can impersonate the server".to_owned(),
        ),
        (false, _) => lines.push(format!(
            "keys           not packed; the other machine makes or fetches its own. To take them along: --with-keys ({})",
            tls.folder().display()
        )),
    }
    for path in &missing {
        lines.push(format!("missing        {}", path.display()));
    }
    for (key, path) in &elsewhere {
        lines.push(format!(
            "not packed     {} ({key}): copy it to the other machine",
            path.display()
        ));
    }
    lines.push("compared       every byte of the file was read back".to_owned());
    if serves {
        lines.push(
            "\nThe server runs: what people write from now on is not in the file. To move without loss, stop it \
             and pack again."
                .to_owned(),
        );
    }
    lines.push(format!(
        "\nOn the other machine:  morelia move unpack {}\nDo not start this server again afterwards.",
        target.file_name().unwrap_or_default().display()
    ));
    text(&lines.join("\n"))
}

/// Returns the path at which the file is written: beside its final place, so that it is on the same disk.
fn beside(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default();
    target.with_file_name(format!("{}.part", name.display()))
}
