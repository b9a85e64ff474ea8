//! The commands that users can type after "/" to the bots of a flow.

use super::bots::owned;
use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{BotCommand, PublicId};
use crate::store::{bot_commands, flows, users};

/// Maximum number of commands of a bot.
const MAX_COMMANDS: usize = 50;

/// Maximum number of commands of a flow that are shown.
const SHOWN: i64 = 500;

impl Service {
    /// Replaces the commands of a bot: for the bot itself, its owner or an administrator. Each command is
    /// a name and a description.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::BadCommands`].
    pub async fn set_commands(
        &self,
        user: &SignedIn,
        bot: Option<PublicId>,
        commands: Vec<(String, String)>,
    ) -> Result<(), ServiceError> {
        let bad = Refusal::BadCommands {
            limit: MAX_COMMANDS,
        };
        if commands.len() > MAX_COMMANDS {
            return Err(bad.into());
        }
        let mut made: Vec<BotCommand> = Vec::with_capacity(commands.len());
        for (name, description) in &commands {
            let command = BotCommand::new(name, description).ok_or(bad)?;
            if made.iter().any(|it| it.name == command.name) {
                return Err(bad.into());
            }
            made.push(command);
        }
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let bot = bot.unwrap_or(user.uuid());
                let bot = if bot == user.uuid() {
                    let own = users::by_uuid(tx, bot)?.filter(|it| it.is_bot);
                    own.ok_or(Refusal::NotFound(Thing::User))?
                } else {
                    owned(tx, bot, Some(&user))?
                };
                bot_commands::set(tx, bot.id, &made)?;
                Ok(())
            })
            .await
    }

    /// Returns the commands of the bots in a flow, by name, each with its bot.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not a member of.
    pub async fn flow_commands(
        &self,
        user: &SignedIn,
        flow: PublicId,
    ) -> Result<Vec<(PublicId, BotCommand)>, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let access =
                    flows::access(view, flow, user)?.ok_or(Refusal::NotFound(Thing::Flow))?;
                Ok::<_, ServiceError>(bot_commands::of_flow(view, access.id, SHOWN)?)
            })
            .await
    }
}
