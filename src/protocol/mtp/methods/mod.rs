//! The methods, one file each. A method reads its input from the request (400), checks, unless it is open to
//! all, that the caller has signed in (401), does its work and returns the answer's frame.

#![allow(
    clippy::needless_pass_by_value,
    reason = "every method takes its request's data the same way"
)]

mod active;
mod add_flow;
mod all_flow;
mod all_messages;
mod authentication;
mod block_user;
mod blocked;
mod close_poll;
mod delete_message;
mod delete_user;
mod edit_flow;
mod edit_hook;
mod edit_user;
mod edited_message;
mod end_session;
mod export_me;
mod file_ticket;
mod find_message;
mod find_user;
mod flow_commands;
mod flow_settings;
mod get_update;
mod invite;
mod join_flow;
mod leave_flow;
mod link_device;
mod list_audit;
mod list_backups;
mod list_bots;
mod list_files;
mod list_flows;
mod list_hooks;
mod list_invitations;
mod list_members;
mod list_outgoing;
mod list_sessions;
mod list_tokens;
mod list_users;
mod logout;
mod make_backup;
mod make_bot;
mod make_hook;
mod make_outgoing;
mod make_token;
mod message_info;
mod moderate;
mod pin_message;
mod ping_pong;
mod pins;
mod preview;
mod push_key;
mod push_subscribe;
mod push_test;
mod push_unsubscribe;
mod react;
mod read_flow;
mod register_user;
mod registration;
mod remove_bot;
mod remove_flow;
mod remove_outgoing;
mod remove_user;
mod reset_password;
mod revoke_hook;
mod revoke_invitation;
mod revoke_token;
mod run_check;
mod seen_flow;
mod send_message;
mod server_status;
mod set_commands;
mod set_user;
mod subscribe;
mod test_outgoing;
mod typing;
mod use_invitation;
mod use_link;
mod use_reset;
mod user_info;
mod vote;

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::codes::{self, Code};
use super::error::MtpError;
use super::reply::{self, Reply};
use super::request::Data;
use super::session::State;
use crate::model::{Form, Timestamp};
use crate::service::{Client, Service, SignedIn};

/// What a method works with.
pub(super) struct Context<'s> {
    pub(super) service: &'s Arc<Service>,
    pub(super) client: &'s Client,
    pub(super) state: &'s mut State,
    /// The method's name as the client wrote it.
    pub(super) method: &'s str,
    /// The form in which the client wants the answer.
    pub(super) form: Form,
    /// Distinguishes a retry from a new request.
    pub(super) txn: Option<String>,
}

/// The credentials that a client sends: `user[0].uuid` and `user[0].auth_id`.
pub(super) struct Credentials {
    pub(super) uuid: String,
    pub(super) token: String,
}

/// Finds the method and runs it. If `gate` is an error, no method runs.
#[expect(clippy::too_many_lines, reason = "one line a method, all in one table")]
pub(super) async fn dispatch(
    cx: &mut Context<'_>,
    gate: Result<(), MtpError>,
    data: Data<'_>,
) -> Result<Bytes, MtpError> {
    /// Runs a method for any client.
    macro_rules! anybody {
        ($method:ident, $weight:expr) => {
            // Boxed, here and below: together, the state of the methods' futures is 12 KiB, which
            // every request would move several times.
            Box::pin(async {
                gate?;
                cx.admit_stranger($weight)?;
                $method::handle(cx, $method::read(data)?).await
            })
            .await
        };
    }
    /// Runs a method for a user who has signed in; it weighs as much as a ping, or more.
    macro_rules! signed_in {
        ($method:ident) => {
            signed_in!($method, 1.0)
        };
        ($method:ident, $weight:expr) => {
            Box::pin(async {
                gate?;
                let credentials = credentials(&data);
                let input = $method::read(data)?;
                let user = cx.sign_in(credentials.as_ref()).await?;
                cx.service.admit(Some(&user), cx.client, $weight)?;
                user.permit(cx.method)?;
                $method::handle(cx, &user, input).await
            })
            .await
        };
    }
    match cx.method {
        // Clients that have not signed in.
        "register_user" => anybody!(register_user, 5.0),
        "authentication" | "auth" => anybody!(authentication, 5.0),
        "use_reset" => anybody!(use_reset, 5.0),
        "use_link" => anybody!(use_link, 5.0),
        // All users who have signed in.
        "ping_pong" => signed_in!(ping_pong),
        "get_update" => signed_in!(get_update, 4.0),
        "subscribe" => signed_in!(subscribe, 10.0),
        "all_flow" => signed_in!(all_flow, 10.0),
        "add_flow" => signed_in!(add_flow, 10.0),
        "user_info" => signed_in!(user_info, 4.0),
        "find_user" => signed_in!(find_user, 10.0),
        "find_message" => signed_in!(find_message, 20.0),
        "edit_user" => signed_in!(edit_user, 4.0),
        "block_user" => signed_in!(block_user),
        "blocked" => signed_in!(blocked, 4.0),
        "delete_user" => signed_in!(delete_user),
        "logout" => signed_in!(logout),
        "list_sessions" => signed_in!(list_sessions, 4.0),
        "end_session" => signed_in!(end_session),
        "link_device" => signed_in!(link_device, 4.0),
        "file_ticket" => signed_in!(file_ticket),
        "export_me" => signed_in!(export_me, 50.0),
        "active" => signed_in!(active),
        "push_key" => signed_in!(push_key),
        "preview" => signed_in!(preview, 20.0),
        "push_subscribe" => signed_in!(push_subscribe, 10.0),
        "push_unsubscribe" => signed_in!(push_unsubscribe),
        "push_test" => signed_in!(push_test, 50.0),
        // Administrators, members where that is configured, users who manage a flow.
        "invite" => signed_in!(invite, 4.0),
        "use_invitation" => signed_in!(use_invitation, 4.0),
        // Administrators, members where that is configured, owners of bots.
        "make_bot" => signed_in!(make_bot, 10.0),
        "list_bots" => signed_in!(list_bots, 4.0),
        "remove_bot" => signed_in!(remove_bot, 4.0),
        "set_commands" => signed_in!(set_commands, 4.0),
        "make_token" => signed_in!(make_token, 4.0),
        "list_tokens" => signed_in!(list_tokens, 4.0),
        "revoke_token" => signed_in!(revoke_token, 2.0),
        // Administrators.
        "list_users" => signed_in!(list_users, 4.0),
        "set_user" => signed_in!(set_user, 4.0),
        "remove_user" => signed_in!(remove_user, 4.0),
        "reset_password" => signed_in!(reset_password, 4.0),
        "list_invitations" => signed_in!(list_invitations, 4.0),
        "revoke_invitation" => signed_in!(revoke_invitation, 2.0),
        "registration" => signed_in!(registration),
        "list_flows" => signed_in!(list_flows, 4.0),
        "moderate" => signed_in!(moderate, 4.0),
        "list_audit" => signed_in!(list_audit, 4.0),
        "list_backups" => signed_in!(list_backups, 4.0),
        "make_backup" => signed_in!(make_backup, 20.0),
        "run_check" => signed_in!(run_check, 20.0),
        "server_status" => signed_in!(server_status, 4.0),
        // Members of the flow.
        "all_messages" => signed_in!(all_messages, 4.0),
        "list_members" => signed_in!(list_members, 4.0),
        "read_flow" => signed_in!(read_flow),
        "leave_flow" => signed_in!(leave_flow),
        "flow_commands" => signed_in!(flow_commands, 4.0),
        "flow_settings" => signed_in!(flow_settings),
        "seen_flow" => signed_in!(seen_flow, 4.0),
        "message_info" => signed_in!(message_info, 4.0),
        "list_files" => signed_in!(list_files, 4.0),
        "pins" => signed_in!(pins, 4.0),
        "pin_message" => signed_in!(pin_message, 2.0),
        "react" => signed_in!(react, 2.0),
        "vote" => signed_in!(vote, 2.0),
        "close_poll" => signed_in!(close_poll, 2.0),
        // Users who are invited to the flow.
        "join_flow" => signed_in!(join_flow),
        // Users who may write in the flow.
        "send_message" => signed_in!(send_message, 2.0),
        "typing" => signed_in!(typing),
        // The message's author, or a user who may remove it.
        "edited_message" => signed_in!(edited_message, 2.0),
        "delete_message" => signed_in!(delete_message),
        // The flow's owner.
        "edit_flow" => signed_in!(edit_flow, 10.0),
        "remove_flow" => signed_in!(remove_flow, 10.0),
        "make_hook" => signed_in!(make_hook, 4.0),
        "edit_hook" => signed_in!(edit_hook, 4.0),
        "list_hooks" => signed_in!(list_hooks, 4.0),
        "revoke_hook" => signed_in!(revoke_hook, 2.0),
        "make_outgoing" => signed_in!(make_outgoing, 20.0),
        "list_outgoing" => signed_in!(list_outgoing, 4.0),
        "remove_outgoing" => signed_in!(remove_outgoing, 2.0),
        "test_outgoing" => signed_in!(test_outgoing, 50.0),
        _ => Err(match gate {
            Err(MtpError::Version { min, max, .. }) => MtpError::Version {
                min,
                max,
                known_method: false,
            },
            _ => MtpError::UnknownMethod,
        }),
    }
}

fn credentials(data: &Data<'_>) -> Option<Credentials> {
    let user = data.user.as_ref()?.first()?;
    let (uuid, token) = (user.uuid.as_deref()?, user.auth_id.as_deref()?);
    // No valid token is empty or long; implausible ones are not looked up.
    let plausible = !token.is_empty() && token.len() <= 256 && uuid.len() <= 64;
    plausible.then(|| Credentials {
        uuid: uuid.to_owned(),
        token: token.to_owned(),
    })
}

impl Context<'_> {
    /// Finds the user of a token. Until a user is known, and for an invalid token, the request
    /// counts against the address.
    async fn sign_in(&mut self, shown: Option<&Credentials>) -> Result<SignedIn, MtpError> {
        let is_known = self.state.listener.is_signed_in();
        if !is_known {
            self.admit_stranger(1.0)?;
        }
        let found = self.state.sign_in(self.service, shown).await;
        if found.is_err() && is_known {
            self.admit_stranger(1.0)?;
        }
        found
    }

    /// Admits a request whose sender is not known yet. The first ones of a connection are admitted
    /// even when others have used up the rate limit of their common address.
    fn admit_stranger(&mut self, weight: f64) -> Result<(), MtpError> {
        match self.service.admit(None, self.client, weight) {
            Err(_) if self.state.take_free() => Ok(()),
            admitted => admitted.map_err(MtpError::from),
        }
    }

    /// Returns the answer of a successful method. `data.time` is set to the present if it is 0.
    fn reply(&self, code: Code, data: Option<reply::Data<'_>>) -> Bytes {
        self.frame(code, data)
    }

    /// Returns the answer of a successful method that has a `data.meta` of its own.
    pub(super) fn reply_with<M: Serialize>(&self, code: Code, meta: M) -> Bytes {
        let meta = Some(meta);
        let data = reply::Data {
            meta,
            ..reply::Data::default()
        };
        self.frame(code, Some(data))
    }

    fn frame<M: Serialize>(&self, code: Code, data: Option<reply::Data<'_, M>>) -> Bytes {
        let detail = match code {
            codes::CREATED => "Created.",
            codes::ACCEPTED => "Begun.",
            codes::PARTIAL => "Done in part; ask again for the rest.",
            _ => "Done.",
        };
        let now = Timestamp::now().seconds();
        let mut reply = Reply::new(self.method, code, detail, now);
        reply.data = data.map(|data| reply::Data {
            time: if data.time == 0 { now } else { data.time },
            ..data
        });
        reply.to_frame()
    }

    /// Fails for clients that do not accept the rich form: to them the method does not exist. Only
    /// notifications have this: they are extensions for rich clients alone, and all that they answer stands
    /// in `data.meta`. Other methods are there for every request, and the form decides their answer only.
    fn require_rich(&self) -> Result<(), MtpError> {
        if self.form.is_rich() {
            Ok(())
        } else {
            Err(MtpError::UnknownMethod)
        }
    }

    /// Returns the answer of a successful method with one user in it.
    fn reply_user(&self, user: reply::User<'_>) -> Bytes {
        let user = Some(vec![user]);
        let data = reply::Data {
            user,
            ..reply::Data::default()
        };
        self.reply(codes::OK, Some(data))
    }

    /// Returns the answer of a successful method that has no data.
    fn done(&self) -> Bytes {
        self.reply(codes::OK, None)
    }
}
