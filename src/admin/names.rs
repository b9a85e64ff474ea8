//! Finds what the operator names: users by login, flows by id or title.

use super::error::CliError;
use crate::model::{Flow, User};
use crate::service::{Refusal, Service, ServiceError};

/// Finds the user with a login.
pub(super) async fn user(service: &Service, login: &str) -> Result<User, CliError> {
    match service.user(login).await {
        Err(ServiceError::Refused(Refusal::NotFound(_))) => Err(no_user(login)),
        other => Ok(other?),
    }
}

/// Returns the error for an unknown login.
pub(super) fn no_user(login: &str) -> CliError {
    CliError::NotFound(format!(
        "there is no user {login:?}; `morelia user list` lists all"
    ))
}

/// Finds a flow by its id, or by its title if only one has it.
pub(super) async fn flow(service: &Service, named: &str) -> Result<Flow, CliError> {
    let mut found = service.flows_named(named).await?;
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(CliError::NotFound(format!(
            "there is no flow {named:?}; `morelia flow list` lists all"
        ))),
        (Some(flow), true) => Ok(flow),
        (Some(_), false) => Err(CliError::Failed(format!(
            "{} flows are called {named:?}: name one by its id, from `morelia flow list`",
            found.len() + 1
        ))),
    }
}
