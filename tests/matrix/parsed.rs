//! Answers as clients in Rust read them: by the types of ruma for each route.
//!
//! What belongs here: which type an answer is read as. Every request of the tests of Matrix comes by here.

use http::{Response, header};
use ruma::{
    api::{
        IncomingResponse, IncomingResponseExt as _,
        client::{
            account, alias, authenticated_media, config, context, device, directory, discovery,
            filter, keys, media, membership, message, presence, profile, push, read_marker,
            receipt, redact, relations, reporting, room, search, session, state, sync, tag,
            threads, typing, user_directory,
        },
        error::FromHttpResponseError,
    },
    events::{
        AnyStrippedStateEvent, AnySyncTimelineEvent, AnyTimelineEvent, presence::PresenceEvent,
    },
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::common::http::Answer;

/// Reads an answer as a type.
type Read = fn(&Answer) -> Result<(), String>;

fn read<R: IncomingResponse>(answer: &Answer) -> Result<(), String> {
    let mut made = Response::builder().status(answer.status);
    for name in [
        header::CONTENT_TYPE,
        header::CONTENT_DISPOSITION,
        header::RETRY_AFTER,
    ] {
        if let Some(value) = answer.header(name.as_str()) {
            made = made.header(name, value);
        }
    }
    let made = made.body(answer.body.as_slice());
    match R::try_from_http_response(made.map_err(|err| err.to_string())?) {
        Ok(_) | Err(FromHttpResponseError::Server(_)) => Ok(()),
        Err(err) => Err(err.to_string()),
    }
}

macro_rules! routes {
    ($($method:ident $path:literal $($type:ident)::+;)*) => {
        &[$((stringify!($method), $path, read::<$($type)::+::Response>)),*]
    };
}

/// Routes, and the types of what they answer. Where a route is not here, ruma has no type for it.
const ROUTES: &[(&str, &str, Read)] = routes! {
    GET "versions" discovery::get_supported_versions;
    GET "v3/login" session::get_login_types::v3;
    POST "v3/login" session::login::v3;
    POST "v3/logout" session::logout::v3;
    POST "v3/logout/all" session::logout_all::v3;
    POST "v3/refresh" session::refresh_token::v3;
    POST "v3/register" account::register::v3;
    GET "v3/register/available" account::get_username_availability::v3;
    GET "v1/register/m.login.registration_token/validity" account::check_registration_token_validity::v1;
    GET "v3/account/whoami" account::whoami::v3;
    GET "v3/account/3pid" account::get_3pids::v3;
    POST "v3/account/password" account::change_password::v3;
    POST "v3/account/deactivate" account::deactivate::v3;
    GET "v3/capabilities" discovery::get_capabilities::v3;
    GET "v3/pushrules/" push::get_pushrules_all::v3;
    GET "v3/pushrules" push::get_pushrules_all::v3;
    GET "v3/pushrules/global/" push::get_pushrules_global_scope::v3;
    GET "v3/pushrules/global/*/*" push::get_pushrule::v3;
    GET "v3/pushrules/global/*/*/enabled" push::get_pushrule_enabled::v3;
    GET "v3/pushrules/global/*/*/actions" push::get_pushrule_actions::v3;
    PUT "v3/pushrules/global/*/*" push::set_pushrule::v3;
    PUT "v3/pushrules/global/*/*/enabled" push::set_pushrule_enabled::v3;
    PUT "v3/pushrules/global/*/*/actions" push::set_pushrule_actions::v3;
    DELETE "v3/pushrules/global/*/*" push::delete_pushrule::v3;
    GET "v3/notifications" push::get_notifications::v3;
    GET "v3/pushers" push::get_pushers::v3;
    POST "v3/pushers/set" push::set_pusher::v3;
    POST "v3/rooms/*/report" room::report_room::v3;
    POST "v3/rooms/*/report/*" room::report_content::v3;
    POST "v3/users/*/report" reporting::report_user::v3;
    POST "v3/keys/upload" keys::upload_keys::v3;
    POST "v3/keys/query" keys::get_keys::v3;
    GET "v3/joined_rooms" membership::joined_rooms::v3;
    GET "v3/rooms/*/messages" message::get_message_events::v3;
    GET "v3/rooms/*/event/*" room::get_room_event::v3;
    GET "v3/rooms/*/context/*" context::get_context::v3;
    GET "v3/rooms/*/state" state::get_state_events::v3;
    GET "v3/rooms/*/state/*" state::get_state_event_for_key::v3;
    GET "v3/rooms/*/state/*/*" state::get_state_event_for_key::v3;
    PUT "v3/rooms/*/state/*" state::send_state_event::v3;
    PUT "v3/rooms/*/state/*/*" state::send_state_event::v3;
    GET "v3/rooms/*/members" membership::get_member_events::v3;
    GET "v3/rooms/*/joined_members" membership::joined_members::v3;
    PUT "v3/rooms/*/send/*/*" message::send_message_event::v3;
    PUT "v3/rooms/*/redact/*/*" redact::redact_event::v3;
    GET "v3/sync" sync::sync_events::v3;
    POST "v3/user/*/filter" filter::create_filter::v3;
    GET "v3/user/*/filter/*" filter::get_filter::v3;
    POST "v3/createRoom" room::create_room::v3;
    POST "v3/join/*" membership::join_room_by_id_or_alias::v3;
    POST "v3/rooms/*/join" membership::join_room_by_id::v3;
    POST "v3/rooms/*/leave" membership::leave_room::v3;
    POST "v3/rooms/*/forget" membership::forget_room::v3;
    POST "v3/rooms/*/invite" membership::invite_user::v3;
    POST "v3/rooms/*/kick" membership::kick_user::v3;
    POST "v3/rooms/*/ban" membership::ban_user::v3;
    POST "v3/rooms/*/unban" membership::unban_user::v3;
    GET "v3/profile/*" profile::get_profile::v3;
    GET "v3/profile/*/displayname" profile::get_display_name::v3;
    GET "v3/profile/*/avatar_url" profile::get_avatar_url::v3;
    PUT "v3/profile/*/displayname" profile::set_display_name::v3;
    PUT "v3/profile/*/avatar_url" profile::set_avatar_url::v3;
    POST "v3/rooms/*/receipt/*/*" receipt::create_receipt::v3;
    POST "v3/rooms/*/read_markers" read_marker::set_read_marker::v3;
    PUT "v3/rooms/*/typing/*" typing::create_typing_event::v3;
    GET "v3/devices" device::get_devices::v3;
    GET "v3/devices/*" device::get_device::v3;
    PUT "v3/devices/*" device::update_device::v3;
    DELETE "v3/devices/*" device::delete_device::v3;
    POST "v3/delete_devices" device::delete_devices::v3;
    GET "v3/directory/room/*" alias::get_alias::v3;
    PUT "v3/directory/room/*" alias::create_alias::v3;
    DELETE "v3/directory/room/*" alias::delete_alias::v3;
    GET "v3/rooms/*/aliases" room::aliases::v3;
    GET "v3/directory/list/room/*" directory::get_room_visibility::v3;
    PUT "v3/directory/list/room/*" directory::set_room_visibility::v3;
    GET "v3/publicRooms" directory::get_public_rooms::v3;
    POST "v3/publicRooms" directory::get_public_rooms_filtered::v3;
    POST "v3/user_directory/search" user_directory::search_users::v3;
    POST "v3/search" search::search_events::v3;
    GET "v3/user/*/account_data/*" config::get_global_account_data::v3;
    PUT "v3/user/*/account_data/*" config::set_global_account_data::v3;
    GET "v3/user/*/rooms/*/account_data/*" config::get_room_account_data::v3;
    PUT "v3/user/*/rooms/*/account_data/*" config::set_room_account_data::v3;
    GET "v3/user/*/rooms/*/tags" tag::get_tags::v3;
    PUT "v3/user/*/rooms/*/tags/*" tag::create_tag::v3;
    DELETE "v3/user/*/rooms/*/tags/*" tag::delete_tag::v3;
    GET "v3/presence/*/status" presence::get_presence::v3;
    PUT "v3/presence/*/status" presence::set_presence::v3;
    GET "v1/rooms/*/relations/*" relations::get_relating_events::v1;
    GET "v1/rooms/*/relations/*/*" relations::get_relating_events_with_rel_type::v1;
    GET "v1/rooms/*/relations/*/*/*" relations::get_relating_events_with_rel_type_and_event_type::v1;
    GET "v1/rooms/*/threads" threads::get_threads::v1;
    GET "v1/rooms/*/timestamp_to_event" room::get_event_by_timestamp::v1;
    GET "v1/media/config" authenticated_media::get_media_config::v1;
    GET "v1/media/download/*/*" authenticated_media::get_content::v1;
    GET "v1/media/download/*/*/*" authenticated_media::get_content_as_filename::v1;
    GET "v1/media/thumbnail/*/*" authenticated_media::get_content_thumbnail::v1;
    POST "media/v3/upload" media::create_content::v3;
    PUT "media/v3/upload/*/*" media::create_content_async::v3;
    POST "media/v1/create" media::create_mxc_uri::v1;
};

fn is_at(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(wanted), Some(part)) if wanted == "*" || wanted == part => {}
            _ => return false,
        }
    }
}

/// Fails where a client in Rust would not understand an answer. The path is the one below `_matrix/client`.
#[track_caller]
pub(super) fn check(method: &str, path: &str, answer: &Answer) {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let path = path.replacen("r0/", "v3/", 1);
    let found = (ROUTES.iter()).find(|(its, pattern, _)| *its == method && is_at(pattern, &path));
    let body = || String::from_utf8_lossy(&answer.body[..answer.body.len().min(3000)]);
    if let Some((_, _, read)) = found
        && let Err(err) = read(answer)
    {
        panic!("{method} {path}: {err}\n{}", body());
    }
    if let Ok(told) = serde_json::from_slice::<Value>(&answer.body) {
        check_events(&told);
    }
}

/// Fails where something that an answer tells is no event.
#[track_caller]
fn check_events(told: &Value) {
    let fail = |err: String| panic!("{err}: {told:#}");
    match told {
        Value::Array(list) => list.iter().for_each(check_events),
        Value::Object(fields) => {
            let has = |key: &str| fields.contains_key(key);
            // The first message of a thread that an ignored user began is told as if it were redacted, which
            // nobody did.
            let is_hidden =
                told["type"] == "m.room.message" && told["content"] == serde_json::json!({});
            if has("type") && has("sender") && has("content") && !is_hidden {
                let read = if told["type"] == "m.presence" {
                    as_event::<PresenceEvent>(told)
                } else if !has("event_id") {
                    as_event::<AnyStrippedStateEvent>(told)
                } else if has("room_id") {
                    as_event::<AnyTimelineEvent>(told)
                } else {
                    as_event::<AnySyncTimelineEvent>(told)
                };
                read.unwrap_or_else(fail);
            }
            fields.values().for_each(check_events);
        }
        _ => {}
    }
}

fn as_event<E: DeserializeOwned>(told: &Value) -> Result<(), String> {
    let read = serde_json::from_str::<E>(&told.to_string());
    read.map(drop).map_err(|err| err.to_string())
}
