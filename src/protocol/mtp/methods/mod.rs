//! One file per method. A method reads what it needs from the request (400), and then, for those
//! who have signed in (401), does its work and returns the answer's frame.

#![allow(
    clippy::needless_pass_by_value,
    reason = "every method takes its request's data the same way"
)]

mod add_flow;
mod all_flow;
mod all_messages;
mod authentication;
mod block_user;
mod blocked;
mod delete_message;
mod delete_user;
mod edit_flow;
mod edit_user;
mod edited_message;
mod end_session;
mod find_message;
mod find_user;
mod get_update;
mod invite;
mod join_flow;
mod leave_flow;
mod link_device;
mod list_backups;
mod list_flows;
mod list_invitations;
mod list_members;
mod list_sessions;
mod list_users;
mod logout;
mod make_backup;
mod moderate;
mod ping_pong;
mod read_flow;
mod register_user;
mod registration;
mod remove_flow;
mod remove_user;
mod reset_password;
mod revoke_invitation;
mod run_check;
mod send_message;
mod server_status;
mod set_user;
mod subscribe;
mod typing;
mod use_invitation;
mod use_link;
mod use_reset;
mod user_info;

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::codes::{self, Code};
use super::error::MtpError;
use super::reply::{self, Reply};
use super::request::Data;
use super::session::State;
use crate::model::{Form, Timestamp};
use crate::service::{Client, Service};

/// What a method works with.
pub(super) struct Context<'s> {
    pub(super) service: &'s Arc<Service>,
    pub(super) client: &'s Client,
    pub(super) state: &'s mut State,
    /// The method's name as the client wrote it.
    pub(super) method: &'s str,
    /// The form in which the client wants the answer.
    pub(super) form: Form,
    /// Tells a repetition from a new request.
    pub(super) txn: Option<String>,
}

/// What a client shows to be recognised: `user[0].uuid` and `user[0].auth_id`.
pub(super) struct Credentials {
    pub(super) uuid: String,
    pub(super) token: String,
}

/// Finds the method and runs it. `gate` is what keeps any method from being run.
pub(super) async fn dispatch(
    cx: &mut Context<'_>,
    gate: Result<(), MtpError>,
    data: Data<'_>,
) -> Result<Bytes, MtpError> {
    /// Runs a method for anybody.
    macro_rules! anybody {
        ($method:ident) => {{
            gate?;
            $method::handle(cx, $method::read(data)?).await
        }};
    }
    /// Runs a method for who has signed in.
    macro_rules! signed_in {
        ($method:ident) => {{
            gate?;
            let credentials = credentials(&data);
            let input = $method::read(data)?;
            let user = cx.state.sign_in(cx.service, credentials.as_ref()).await?;
            $method::handle(cx, &user, input).await
        }};
    }
    match cx.method {
        // Strangers.
        "register_user" => anybody!(register_user),
        "authentication" | "auth" => anybody!(authentication),
        "use_reset" => anybody!(use_reset),
        "use_link" => anybody!(use_link),
        // Everybody who has signed in.
        "ping_pong" => signed_in!(ping_pong),
        "get_update" => signed_in!(get_update),
        "subscribe" => signed_in!(subscribe),
        "all_flow" => signed_in!(all_flow),
        "add_flow" => signed_in!(add_flow),
        "user_info" => signed_in!(user_info),
        "find_user" => signed_in!(find_user),
        "find_message" => signed_in!(find_message),
        "edit_user" => signed_in!(edit_user),
        "block_user" => signed_in!(block_user),
        "blocked" => signed_in!(blocked),
        "delete_user" => signed_in!(delete_user),
        "logout" => signed_in!(logout),
        "list_sessions" => signed_in!(list_sessions),
        "end_session" => signed_in!(end_session),
        "link_device" => signed_in!(link_device),
        // Administrators, members where that is configured, who cares for a flow.
        "invite" => signed_in!(invite),
        "use_invitation" => signed_in!(use_invitation),
        // Administrators.
        "list_users" => signed_in!(list_users),
        "set_user" => signed_in!(set_user),
        "remove_user" => signed_in!(remove_user),
        "reset_password" => signed_in!(reset_password),
        "list_invitations" => signed_in!(list_invitations),
        "revoke_invitation" => signed_in!(revoke_invitation),
        "registration" => signed_in!(registration),
        "list_flows" => signed_in!(list_flows),
        "moderate" => signed_in!(moderate),
        "list_backups" => signed_in!(list_backups),
        "make_backup" => signed_in!(make_backup),
        "run_check" => signed_in!(run_check),
        "server_status" => signed_in!(server_status),
        // Members of the flow.
        "all_messages" => signed_in!(all_messages),
        "list_members" => signed_in!(list_members),
        "read_flow" => signed_in!(read_flow),
        "leave_flow" => signed_in!(leave_flow),
        // Who is invited to the flow.
        "join_flow" => signed_in!(join_flow),
        // Who writes in the flow.
        "send_message" => signed_in!(send_message),
        "typing" => signed_in!(typing),
        // The message's author, or whoever may remove it.
        "edited_message" => signed_in!(edited_message),
        "delete_message" => signed_in!(delete_message),
        // The flow's owner.
        "edit_flow" => signed_in!(edit_flow),
        "remove_flow" => signed_in!(remove_flow),
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
    // No token of ours is empty or long; what is neither is not looked up.
    let plausible = !token.is_empty() && token.len() <= 256 && uuid.len() <= 64;
    plausible.then(|| Credentials {
        uuid: uuid.to_owned(),
        token: token.to_owned(),
    })
}

impl Context<'_> {
    /// The answer of a method that was done. `data.time` is set to the present where it is 0.
    fn reply(&self, code: Code, data: Option<reply::Data<'_>>) -> Bytes {
        self.frame(code, data)
    }

    /// The answer of a method that was done and has something of its own to tell in `data.meta`.
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

    /// The answer of a method that is done with one user in it.
    fn reply_user(&self, user: reply::User<'_>) -> Bytes {
        let user = Some(vec![user]);
        let data = reply::Data {
            user,
            ..reply::Data::default()
        };
        self.reply(codes::OK, Some(data))
    }

    /// The answer of a method that has nothing to tell but that it was done.
    fn done(&self) -> Bytes {
        self.reply(codes::OK, None)
    }
}
