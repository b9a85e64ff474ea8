//! `session …`: devices that are signed in.

use serde_json::{Value, json};

use super::error::CliError;
use super::print::{self, Output};
use super::{names, result, with_service};
use crate::cli::SessionCommand;
use crate::config::Sources;
use crate::exit::Exit;
use crate::model::{SessionId, SessionInfo};
use crate::service::{Refusal, ServiceError};

/// Runs the command.
///
/// # Errors
/// There is no such user or session, or the database cannot be used.
pub fn run(command: &SessionCommand, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    match command {
        SessionCommand::List { login } => {
            let sessions = with_service(sources, async |service, _| {
                match (service.sessions(login.clone()).await, login) {
                    (Err(ServiceError::Refused(Refusal::NotFound(_))), Some(login)) => {
                        Err(names::no_user(login))
                    }
                    (other, _) => Ok(other?),
                }
            })?;
            let documents: Vec<Value> = sessions.iter().map(document).collect();
            result(output, &json!({"sessions": documents}), &table(&sessions))
        }
        SessionCommand::Revoke { id } => {
            let missing = || {
                CliError::NotFound(format!(
                    "there is no session {id:?}; `morelia session list` lists them with their ids"
                ))
            };
            let number = SessionId(id.parse().map_err(|_| missing())?);
            with_service(sources, async |service, _| {
                Ok(service.revoke_session(number).await?)
            })?
            .then_some(())
            .ok_or_else(missing)?;
            result(output, &json!({"sessions_ended": 1}), "1 session ended")
        }
        SessionCommand::RevokeAll { login } => {
            let ended = with_service(sources, async |service, _| {
                let user = names::user(service, login).await?;
                Ok(service.end_sessions(user.id).await?)
            })?;
            let text = format!("{} ended", print::count(ended, "session"));
            result(output, &json!({"sessions_ended": ended}), &text)
        }
    }
}

/// Returns a session for programs.
pub(super) fn document(session: &SessionInfo) -> Value {
    json!({
        "id": session.id.0,
        "login": session.login,
        "created": session.created_at.seconds(),
        "last_seen": session.last_used_at.seconds(),
        "expires": session.expires_at.seconds(),
        "address": session.address,
        "label": session.label,
    })
}

/// Returns sessions for people.
pub(super) fn table(sessions: &[SessionInfo]) -> String {
    let rows: Vec<_> = sessions
        .iter()
        .map(|session| {
            vec![
                session.id.0.to_string(),
                print::cell(Some(&session.login)),
                print::time(session.created_at),
                print::time(session.last_used_at),
                print::cell(session.address.as_deref()),
                print::cell(session.label.as_deref()),
            ]
        })
        .collect();
    let head = [
        "session",
        "login",
        "since (UTC)",
        "last seen (UTC)",
        "from",
        "device",
    ];
    print::table(&head, &rows)
}
