//! `registration`: who may register.

use serde_json::json;

use super::error::CliError;
use super::print::Output;
use super::{result, with_service};
use crate::config::{Registration, Sources, Word};
use crate::exit::Exit;

/// Runs the command.
///
/// # Errors
/// The database cannot be used.
pub fn run(
    wanted: Option<Registration>,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    let (mode, configured) = with_service(sources, async |service, config| {
        if let Some(wanted) = wanted {
            service.set_registration(wanted).await?;
        }
        Ok((service.registration().await?, config.auth.registration))
    })?;
    let document = json!({"registration": mode.word(), "configured": configured.word()});
    let mut text = format!("registration is {}", mode.word());
    if mode != configured {
        text = format!(
            "{text}, until auth.registration, which is {}, is changed",
            configured.word()
        );
    }
    result(output, &document, &text)
}
