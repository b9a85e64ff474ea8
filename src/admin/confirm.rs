//! Asks for confirmation before destructive actions.

use std::io::{self, IsTerminal, Write};

use super::error::CliError;
use crate::cli::Confirmation;

/// Asks whether to continue, unless `--yes` was given.
///
/// # Errors
/// Exit code 2 without a terminal; 1 if the answer is not yes.
pub fn ask(confirmation: Confirmation, question: &str) -> Result<(), CliError> {
    if confirmation == Confirmation::Given {
        return Ok(());
    }
    let mut terminal = io::stderr();
    if !io::stdin().is_terminal() || !terminal.is_terminal() {
        return Err(CliError::Usage(format!(
            "{question} There is no terminal to ask: use --yes"
        )));
    }
    let failed = |source| CliError::File {
        path: "the terminal".into(),
        source,
    };
    write!(terminal, "{question} [y/N] ").map_err(failed)?;
    terminal.flush().map_err(failed)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(failed)?;
    if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        Ok(())
    } else {
        Err(CliError::Failed("nothing was changed".to_owned()))
    }
}

/// Says what will happen and asks whether to continue, unless `--yes` was given.
///
/// # Errors
/// As [`ask`].
pub fn confirm(confirmation: Confirmation, what: &str) -> Result<(), CliError> {
    ask(confirmation, &format!("{what}. Go on?"))
}
