//! `bot …`: accounts of programs, and their tokens.

use serde_json::{Value, json};

use super::confirm::confirm;
use super::error::CliError;
use super::print::{self, Output};
use super::{names, result, secret, with_service};
use crate::cli::{BotCommand, TokenCommand};
use crate::config::Sources;
use crate::exit::Exit;
use crate::model::{Bot, BotToken, SessionId, Timestamp};
use crate::service::{Refusal, ServiceError, TokenOrder};

/// Runs the command.
///
/// # Errors
/// The named bot does not exist, or the database cannot be used.
pub fn run(command: &BotCommand, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    match command {
        BotCommand::Add { login, username } => {
            let bot = with_service(sources, async |service, _| {
                Ok(service.make_bot(login, username.clone(), None).await?)
            })?;
            let document = json!({"id": bot.uuid.to_string(), "login": bot.login});
            let text = format!(
                "the bot is made; `morelia bot token add {}` makes a token for it",
                print::safe(&bot.login)
            );
            result(output, &document, &text)
        }
        BotCommand::List => {
            let bots = with_service(sources, async |service, _| {
                Ok(service.list_bots(None).await?)
            })?;
            let documents: Vec<Value> = bots.iter().map(document).collect();
            result(output, &json!({"bots": documents}), &table(&bots))
        }
        BotCommand::Remove {
            login,
            confirmation,
        } => {
            confirm(*confirmation, &format!("remove the bot {login:?}"))?;
            with_service(sources, async |service, _| {
                let bot = names::user(service, login).await?;
                of_bot(login, service.remove_bot(bot.uuid, None).await)
            })?;
            result(output, &json!({"removed": 1}), "the bot is removed")
        }
        BotCommand::Token(command) => token(command, sources, output),
    }
}

/// Returns the result of an action on a bot; the login may belong to a user who is not a bot.
fn of_bot<T>(login: &str, done: Result<T, ServiceError>) -> Result<T, CliError> {
    match done {
        Err(ServiceError::Refused(Refusal::NotFound(_))) => Err(CliError::NotFound(format!(
            "there is no bot {login:?}; `morelia bot list` lists all"
        ))),
        other => Ok(other?),
    }
}

fn token(command: &TokenCommand, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    match command {
        TokenCommand::Add {
            login,
            label,
            scopes,
            expires,
        } => {
            let new = with_service(sources, async |service, _| {
                let order = TokenOrder {
                    bot: names::user(service, login).await?.uuid,
                    label: label.clone(),
                    scopes: *scopes,
                    expires_at: expires.map(|lifetime| Timestamp::now().after(lifetime)),
                };
                of_bot(login, service.make_token(order, None).await)
            })?;
            let token = new.token.as_str();
            let document = json!({"id": new.id.0, "token": token, "scopes": scopes.words()});
            if output.is_json() {
                return result(output, &document, "");
            }
            secret(output, &Value::Null, token, token)
        }
        TokenCommand::List { login } => {
            let tokens = with_service(sources, async |service, _| {
                let bot = names::user(service, login).await?;
                of_bot(login, service.list_tokens(bot.uuid, None).await)
            })?;
            let documents: Vec<Value> = tokens.iter().map(of_token).collect();
            result(
                output,
                &json!({"tokens": documents}),
                &tokens_table(&tokens),
            )
        }
        TokenCommand::Revoke { id } => {
            let missing = || {
                CliError::NotFound(format!(
                    "there is no token {id:?}; `morelia bot token list LOGIN` lists those of a bot"
                ))
            };
            let number = id.parse().map_err(|_| missing())?;
            with_service(sources, async |service, _| {
                match service.revoke_token(SessionId(number), None).await {
                    Err(ServiceError::Refused(Refusal::NotFound(_))) => Err(missing()),
                    other => Ok(other?),
                }
            })?;
            result(output, &json!({"revoked": 1}), "the token is revoked")
        }
    }
}

fn document(bot: &Bot) -> Value {
    json!({
        "id": bot.uuid.to_string(),
        "login": bot.login,
        "username": bot.username,
        "owner": bot.owner,
        "created": bot.created_at.seconds(),
        "tokens": bot.tokens,
    })
}

fn table(bots: &[Bot]) -> String {
    let row = |it: &Bot| {
        vec![
            print::safe(&it.login),
            print::cell(it.username.as_deref()),
            print::cell(it.owner.as_deref()),
            it.tokens.to_string(),
            print::time(it.created_at),
        ]
    };
    let rows: Vec<_> = bots.iter().map(row).collect();
    print::table(&["login", "name", "owner", "tokens", "made (UTC)"], &rows)
}

fn of_token(token: &BotToken) -> Value {
    json!({
        "id": token.id.0,
        "label": token.label,
        "scopes": token.scopes.words(),
        "created": token.created_at.seconds(),
        "used": token.used_at.map(Timestamp::seconds),
        "expires": token.expires_at.map(Timestamp::seconds),
    })
}

fn tokens_table(tokens: &[BotToken]) -> String {
    let time = |time: Option<Timestamp>| time.map_or_else(|| "never".to_owned(), print::time);
    let row = |it: &BotToken| {
        vec![
            it.id.0.to_string(),
            print::cell(it.label.as_deref()),
            it.scopes.words().join(","),
            time(it.used_at),
            time(it.expires_at),
        ]
    };
    let rows: Vec<_> = tokens.iter().map(row).collect();
    print::table(
        &["id", "label", "scopes", "used (UTC)", "ends (UTC)"],
        &rows,
    )
}
