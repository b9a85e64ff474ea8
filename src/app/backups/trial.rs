//! A trial restore: checks whether a backup can be restored.

use std::path::Path;

use super::{Staging, compare};
use crate::app::AppError;
use crate::store::{Store, backup, backup_files};

/// Restores a backup into a temporary folder beside it, checks the result, and reads all large files.
/// The folder is removed afterwards. Blocks.
///
/// # Errors
/// What does not work, as a sentence.
pub fn restore(copy: &Path) -> Result<backup::Contents, AppError> {
    compare(copy)?;
    let staging = Staging::begin(copy.with_extension("trial"))?;
    let database = staging.join("morelia.db");
    backup::restore(copy, &database, &staging.join("before.db"))?;
    Store::prepare(&database)?;
    Store::examine(&database, true)?;
    let contents = backup::examine(&database)?;
    let files = backup_files::verify(copy, true)?;
    if let Some(first) = files.missing.first() {
        return Err(AppError::Failed(format!(
            "of {} large files {} are missing or changed, such as {}",
            files.files,
            files.missing.len(),
            first.display()
        )));
    }
    Ok(contents)
}
