//! The routes for administrators' scripts, which exist if `[api] admin` says so.

use std::sync::Arc;

use serde_json::{Value, json};

use super::input::{Body, Trouble};
use super::table::Action;
use super::{Asked, objects};
use crate::auth::Password;
use crate::config::Word;
use crate::model::{InvitationId, PublicId, Timestamp};
use crate::service::{Account, Ends, Invite, Service};

/// Answers one of these routes.
pub(super) async fn answer(
    service: &Arc<Service>,
    action: Action,
    asked: &Asked,
    body: &[u8],
) -> Result<Value, Trouble> {
    let user = &asked.user;
    Ok(match action {
        Action::AdminUsers => {
            let after = asked.parameter("after");
            let after = after.map(|text| PublicId::parse(&text).unwrap_or(PublicId::NOTHING));
            let page = service
                .list_users(user, asked.parameter("q"), after)
                .await?;
            let users: Vec<Value> = page.rows.iter().map(objects::account).collect();
            json!({"users": users, "more": !page.is_last})
        }
        Action::AdminUser => {
            let body = Body::read(body)?;
            let needed = |name: &str| {
                let missing = || Trouble::bad(format!("{name} is missing"));
                body.text(name)?.ok_or_else(missing)
            };
            let account = Account {
                login: needed("login")?,
                password: Password::new(needed("password")?),
                username: body.text("username")?,
                email: body.text("email")?,
                is_admin: false,
                is_bot: false,
            };
            let made = service.make_account(user, account, &asked.client).await?;
            objects::user(&made)
        }
        Action::AdminInvites => {
            let after = asked.number("after")?.map(InvitationId);
            let page = service.list_invitations(user, after).await?;
            let invites: Vec<Value> = page.rows.iter().map(objects::invitation).collect();
            json!({"invites": invites, "more": !page.is_last})
        }
        Action::AdminInvite => {
            let body = Body::read(body)?;
            let usual = Invite::default();
            let ends = body.number("expires")?.map(|second| match second {
                0 => Ends::Never,
                second => Ends::At(Timestamp(second.saturating_mul(1000))),
            });
            let wanted = Invite {
                uses: body.number("uses")?.unwrap_or(usual.uses),
                ends: ends.unwrap_or(usual.ends),
                flow: body.id("flow")?,
                note: body.text("note")?,
            };
            let new = service.make_invitation(wanted, Some(user)).await?;
            json!({"code": new.code.as_str(), "expires": new.expires_at.map(Timestamp::seconds)})
        }
        Action::AdminBackup => {
            let made = service.make_backup(user).await?;
            json!({"id": made.name, "made": made.made_at.seconds(), "size": made.size_bytes})
        }
        _ => {
            let status = service.server_status(user).await?;
            json!({
                "version": status.program.version,
                "uptime": status.uptime.as_secs(),
                "connections": status.program.connections,
                "online": status.users_online,
                "users": status.counts.users,
                "messages": status.counts.messages,
                "size": status.sizes.0,
                "free": status.program.free_bytes,
                "backup": status.backup_at.map(Timestamp::seconds),
                "registration": status.registration.word(),
            })
        }
    })
}
