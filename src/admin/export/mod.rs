//! `export`: writes users, flows and messages as JSON, for use elsewhere.

mod archive;
mod documents;
mod folder;
mod own;

use serde_json::json;

pub use archive::write as write_archive;

use super::error::CliError;
use super::print::{Output, count};
use super::{names, result, with_service};
use crate::cli::{self, ExportWhat};
use crate::config::Sources;
use crate::exit::Exit;
use documents::Export;
use folder::Folder;

/// Runs the command.
///
/// # Errors
/// The named object does not exist, a file already exists, or cannot be written.
pub fn run(command: &cli::Export, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    let (files, messages) = with_service(sources, async |service, _| {
        // Missing objects are reported before a folder is created.
        let (user, flow) = match &command.what {
            ExportWhat::User(login) => (Some(names::user(service, login).await?), None),
            ExportWhat::Flow(name) => (None, Some(names::flow(service, name).await?)),
            ExportWhat::All => (None, None),
        };
        let mut folder = Folder::make(&command.to)?;
        let mut export = Export::new(service, &mut folder, true);
        match (user, flow) {
            (Some(user), _) => export.user(&user.login).await?,
            (_, Some(flow)) => export.flow(flow.id, None).await?,
            _ => export.all().await?,
        }
        Ok((export.files, export.messages))
    })?;
    let text = format!(
        "wrote {} with {} to {}",
        count(files.len(), "file"),
        count(messages, "message"),
        command.to.display()
    );
    let document = json!({
        "to": command.to.display().to_string(),
        "files": files,
        "messages": messages,
    });
    result(output, &document, &text)
}
