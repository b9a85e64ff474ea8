//! `user …`: accounts.

use serde_json::{Value, json};

use super::copies::size;
use super::error::CliError;
use super::names::no_user;
use super::password::{self, Ask};
use super::print::{self, Output};
use super::{confirm, invite, names, result, secret, session, with_service};
use crate::auth;
use crate::cli::{PasswordSource, UserChanges, UserCommand};
use crate::config::Sources;
use crate::exit::Exit;
use crate::model::{FlowSummary, User, is_of_localpart};
use crate::service::{Account, Refusal, Renamed, ServiceError, UserChange, UserStanding};

/// The longest name in Matrix: a whole id has at most 255 bytes.
const LOCALPART: usize = 64;

/// Runs the command.
///
/// # Errors
/// The named user does not exist, exists already, or the database cannot be used.
pub fn run(command: &UserCommand, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    match command {
        UserCommand::Add {
            login,
            username,
            email,
            admin,
            bot,
            password: source,
        } => {
            let password = password::read(source, Ask::Twice, login)?;
            let account = Account {
                login: login.clone(),
                password: auth::Password::new(password.text.clone()),
                username: username.clone(),
                email: email.clone(),
                is_admin: *admin,
                is_bot: *bot,
            };
            let user = with_service(sources, async |service, _| {
                match service.add_account(account).await {
                    Err(ServiceError::Refused(Refusal::LoginTaken)) => {
                        Err(CliError::AlreadyExists(format!(
                            "the user {login:?} already exists; see `morelia user show`"
                        )))
                    }
                    other => Ok(other?),
                }
            })?;
            let kind = if user.is_admin {
                "administrator"
            } else {
                "user"
            };
            let made = format!("made the {kind} {}", print::cell(Some(&user.login)));
            with_password(output, &user, password, &made)
        }
        UserCommand::List => {
            let users = with_service(sources, async |service, _| Ok(service.users().await?))?;
            let documents: Vec<Value> = users.iter().map(document).collect();
            result(output, &json!({"users": documents}), &table(&users))
        }
        UserCommand::Show { login } => show(login, sources, output),
        UserCommand::Set { login, changes } => {
            let user = with_service(sources, async |service, _| {
                let user = names::user(service, login).await?;
                Ok(service.change_user(user.id, change(changes)).await?)
            })?;
            let text = format!(
                "changed {}\n{}",
                print::cell(Some(&user.login)),
                sheet(&user)
            );
            result(output, &json!({"user": document(&user)}), &text)
        }
        UserCommand::Passwd { login, password } => passwd(login, password, sources, output),
        UserCommand::Reset { login } => reset(login, sources, output),
        UserCommand::Localpart { login, name } => localpart(login, name, sources, output),
        UserCommand::Suspend { login } => {
            let (user, ended) = with_service(sources, async |service, _| {
                let user = names::user(service, login).await?;
                let ended = service.suspend_user(user.id).await?;
                Ok((service.user(login).await?, ended))
            })?;
            let text = format!(
                "{} is suspended; {} ended. `morelia user resume` ends the suspension",
                print::cell(Some(&user.login)),
                print::count(ended, "session")
            );
            let document = json!({"user": document(&user), "sessions_ended": ended});
            result(output, &document, &text)
        }
        UserCommand::Resume { login } => {
            let user = with_service(sources, async |service, _| {
                let user = names::user(service, login).await?;
                service.resume_user(user.id).await?;
                Ok(service.user(login).await?)
            })?;
            let text = format!("{} may log in again", print::cell(Some(&user.login)));
            result(output, &json!({"user": document(&user)}), &text)
        }
        UserCommand::Remove {
            login,
            confirmation,
        } => {
            let user = with_service(sources, async |service, _| {
                let user = names::user(service, login).await?;
                let question = format!(
                    "Remove {}? The messages stay, under \"User deleted\".",
                    print::cell(Some(&user.login))
                );
                confirm::ask(*confirmation, &question)?;
                service.remove_user(user.id).await?;
                Ok(user)
            })?;
            let text = format!("removed {}", print::cell(Some(&user.login)));
            let document = json!({"removed": {"uuid": user.uuid.to_string(), "login": user.login}});
            result(output, &document, &text)
        }
    }
}

fn show(login: &str, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    let standing = with_service(sources, async |service, _| {
        match service.standing_of(login).await {
            Err(ServiceError::Refused(Refusal::NotFound(_))) => Err(no_user(login)),
            other => Ok(other?),
        }
    })?;
    let UserStanding {
        user,
        flows,
        sessions,
        quota,
        files,
        uploads,
        localpart,
    } = &standing;
    let mut whole = document(user);
    whole["localpart"] = localpart.as_str().into();
    whole["quota"] = json!(quota);
    whole["files"] = json!({"count": files.0, "bytes": files.1});
    whole["uploads"] = json!({"count": uploads.0, "bytes": uploads.1});
    whole["flows"] = flows.iter().map(flow_document).collect();
    whole["sessions"] = sessions.iter().map(session::document).collect();
    let rows: Vec<_> = flows.iter().map(flow_row).collect();
    let text = format!(
        "{}{:<10}@{localpart}\n{}\n{}\n{}",
        sheet(user),
        "Matrix",
        files_of(&standing),
        print::table(&["flow", "type", "title", "messages"], &rows),
        session::table(sessions),
    );
    result(output, &json!({"user": whole}), &text)
}

fn reset(login: &str, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    let (user, new) = with_service(sources, async |service, _| {
        let user = names::user(service, login).await?;
        match service.make_reset(user.id).await {
            Err(ServiceError::Refused(Refusal::NotForBots)) => Err(CliError::Failed(format!(
                "{} has no password and cannot sign in; set one with `morelia user passwd`",
                print::cell(Some(&user.login))
            ))),
            Err(ServiceError::Refused(Refusal::Suspended)) => Err(CliError::Failed(format!(
                "{} is suspended; `morelia user resume` ends the suspension",
                print::cell(Some(&user.login))
            ))),
            other => Ok((user, other?)),
        }
    })?;
    let document = json!({
        "login": user.login,
        "link": new.link,
        "expires": new.expires_at.seconds(),
    });
    if output.is_json() {
        return result(output, &document, "");
    }
    let text = format!(
        "link  {}\ngood  once, until {} UTC, for {}\n\n{}",
        new.link,
        print::time(new.expires_at),
        print::cell(Some(&user.login)),
        invite::qr(&new.link)?
    );
    secret(output, &Value::Null, &text, &new.link)
}

fn localpart(
    login: &str,
    name: &str,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    if name.is_empty() || name.len() > LOCALPART || !name.chars().all(is_of_localpart) {
        return Err(CliError::Usage(format!(
            "{name:?} is not a valid Matrix name: use up to {LOCALPART} of the characters a-z, 0-9 \
             and . _ = - / +"
        )));
    }
    let (user, renamed) = with_service(sources, async |service, _| {
        let user = names::user(service, login).await?;
        let renamed = service.rename_localpart(user.id, name.to_owned()).await?;
        Ok((user, renamed))
    })?;
    let shown = print::cell(Some(&user.login));
    match renamed {
        Renamed::Done => {
            let document = json!({"login": user.login, "localpart": name});
            result(output, &document, &format!("{shown} is @{name} in Matrix"))
        }
        Renamed::Taken => Err(CliError::AlreadyExists(format!(
            "{name:?} is, or was, the name of somebody else; choose another one"
        ))),
        Renamed::Settled => Err(CliError::Failed(format!(
            "{shown} has signed in with Matrix: others know the name, so it cannot change"
        ))),
    }
}

fn passwd(
    login: &str,
    source: &PasswordSource,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    let (user, password, ended) = with_service(sources, async |service, _| {
        // Looked up first, so that nobody types a password for a misspelt login.
        let user = names::user(service, login).await?;
        let password = password::read(source, Ask::Twice, &user.login)?;
        let new = auth::Password::new(password.text.clone());
        let ended = service.replace_password(user.id, new).await?;
        Ok((user, password, ended))
    })?;
    let text = format!(
        "{} has a new password; {} ended",
        print::cell(Some(&user.login)),
        print::count(ended, "session")
    );
    with_password(output, &user, password, &text)
}

/// Prints a result, and the password if it was generated here.
fn with_password(
    output: &Output,
    user: &User,
    password: password::Password,
    said: &str,
) -> Result<Exit, CliError> {
    let mut whole = json!({"user": document(user)});
    let mut text = said.to_owned();
    if !password.generated {
        return result(output, &whole, &text);
    }
    let password = password.text;
    text = format!("{text}\npassword  {password} (shown this once)");
    whole["password"] = password.as_str().into();
    secret(output, &whole, &text, &password)
}

fn change(changes: &UserChanges) -> UserChange {
    UserChange {
        username: changes.username.clone(),
        email: changes.email.clone(),
        bio: changes.bio.clone(),
        is_admin: changes.admin,
        is_bot: changes.bot,
        quota: changes
            .quota
            .map(|quota| quota.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX))),
    }
}

/// Returns the line about a user's files and quota.
fn files_of(standing: &UserStanding) -> String {
    let bytes = |count: i64| size(count.max(0).unsigned_abs());
    let limit = match standing.quota {
        None => "limited as configured".to_owned(),
        Some(0) => "not limited".to_owned(),
        Some(quota) => format!("at most {}", bytes(quota)),
    };
    let part = |(number, used): (i64, i64), noun: &str| {
        format!("{} ({})", print::count(number, noun), bytes(used))
    };
    format!(
        "{:<10}{}, {}; {limit}\n",
        "files",
        part(standing.files, "file"),
        part(standing.uploads, "waiting upload")
    )
}

/// Returns an account for programs.
pub(super) fn document(user: &User) -> Value {
    json!({
        "uuid": user.uuid.to_string(),
        "login": user.login,
        "username": user.username,
        "email": user.email,
        "bio": user.bio,
        "admin": user.is_admin,
        "bot": user.is_bot,
        "suspended": user.is_suspended,
        "created": user.created_at.seconds(),
    })
}

fn flow_document(summary: &FlowSummary) -> Value {
    json!({
        "uuid": summary.flow.uuid.to_string(),
        "type": summary.flow.kind.as_str(),
        "title": summary.flow.title,
        "messages": summary.count,
    })
}

fn flow_row(summary: &FlowSummary) -> Vec<String> {
    vec![
        summary.flow.uuid.to_string(),
        summary.flow.kind.as_str().to_owned(),
        print::cell(summary.flow.title.as_deref()),
        summary.count.to_string(),
    ]
}

/// Returns in words whether a user is an administrator, a bot or suspended.
fn marks(user: &User) -> String {
    let marks = [
        (user.is_admin, "administrator"),
        (user.is_bot, "bot"),
        (user.is_suspended, "suspended"),
    ];
    let set: Vec<_> = marks
        .iter()
        .filter_map(|(set, word)| set.then_some(*word))
        .collect();
    set.join(", ")
}

fn table(users: &[User]) -> String {
    let rows: Vec<_> = users
        .iter()
        .map(|user| {
            vec![
                print::cell(Some(&user.login)),
                print::cell(user.username.as_deref()),
                print::time(user.created_at),
                marks(user),
            ]
        })
        .collect();
    print::table(&["login", "name", "since (UTC)", ""], &rows)
}

fn sheet(user: &User) -> String {
    let line = |name: &str, value: String| format!("{name:<10}{value}\n");
    [
        line("login", print::cell(Some(&user.login))),
        line("id", user.uuid.to_string()),
        line("name", print::cell(user.username.as_deref())),
        line("e-mail", print::cell(user.email.as_deref())),
        line("bio", print::cell(user.bio.as_deref())),
        line("since", format!("{} UTC", print::time(user.created_at))),
        line("is", print::cell(Some(&marks(user)))),
    ]
    .concat()
}
