//! Reading the folder of an export, document by document.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, DeserializeSeed as _};
use tokio::sync::mpsc;

use super::super::error::CliError;
use super::convert;
use super::documents::{OneUser, Own, Part, Users, Whole};
use crate::model::PublicId;
use crate::service::{Reimport, Service, Takeover};

/// Imports the export in a folder, or counts what would be imported.
///
/// # Errors
/// There is no export in the folder, a document cannot be read, or the database cannot be written.
pub(super) async fn take(
    service: &Service,
    folder: &Path,
    dry_run: bool,
) -> Result<Takeover, CliError> {
    let failed = |source| CliError::File {
        path: folder.to_owned(),
        source,
    };
    let folder = folder.canonicalize().map_err(failed)?;
    let flows = flows(&folder).map_err(failed)?;
    let (all, one) = (folder.join("users.json"), folder.join("user.json"));
    if flows.is_empty() && !all.exists() && !one.exists() {
        return Err(CliError::NotFound(format!(
            "there is no export in {}: it would have users.json, user.json or flow-….json",
            folder.display()
        )));
    }
    let mut import = service.reimport(dry_run);
    if all.exists() {
        for user in document::<Users>(&all)?.users {
            import.user(convert::user(user)).await?;
        }
    }
    let mut whose: Option<PublicId> = None;
    if one.exists() {
        let user = document::<OneUser>(&one)?.user;
        whose = Some(user.uuid.0);
        import.user(convert::user(user)).await?;
    }
    for path in &flows {
        flow(&mut import, &folder, path).await?;
    }
    let own = folder.join("own.json");
    if let Some(user) = whose
        && own.exists()
    {
        import.own(user, convert::own(document::<Own>(&own)?));
    }
    Ok(import.finish().await?)
}

/// Returns the documents about flows, in order.
fn flows(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|it| it.to_str())
            .unwrap_or_default();
        if name
            .strip_prefix("flow-")
            .and_then(|it| it.strip_suffix(".json"))
            .is_some()
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn open(path: &Path) -> Result<BufReader<File>, CliError> {
    let file = File::open(path);
    file.map(BufReader::new).map_err(|source| CliError::File {
        path: path.to_owned(),
        source,
    })
}

fn document<T: DeserializeOwned>(path: &Path) -> Result<T, CliError> {
    serde_json::from_reader(open(path)?).map_err(|err| unreadable(path, &err))
}

fn unreadable(path: &Path, err: &serde_json::Error) -> CliError {
    CliError::Failed(format!(
        "{} is no document of an export: {err}; what was imported before it stays, and another run goes on from there",
        path.display()
    ))
}

/// Imports a flow with its messages. Another thread reads them, a few ahead.
async fn flow(import: &mut Reimport<'_>, folder: &Path, path: &Path) -> Result<(), CliError> {
    let (sender, mut parts) = mpsc::channel(1);
    let reader = open(path)?;
    let reading = std::thread::spawn(move || {
        let mut reader = serde_json::Deserializer::from_reader(reader);
        Whole(|part| sender.blocking_send(part).is_ok())
            .deserialize(&mut reader)
            .and_then(|()| reader.end())
    });
    while let Some(part) = parts.recv().await {
        match part {
            Part::Flow(flow, events) => {
                import.flow(convert::flow(*flow, events, folder)).await?;
            }
            Part::Messages(batch) => {
                let batch = batch.into_iter().map(|it| convert::message(it, folder));
                import.messages(batch.collect()).await?;
            }
        }
    }
    match reading.join() {
        Ok(read) => read.map_err(|err| unreadable(path, &err)),
        Err(_) => Err(CliError::Failed(format!(
            "{} could not be read",
            path.display()
        ))),
    }
}
