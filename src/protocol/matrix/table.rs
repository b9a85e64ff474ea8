//! The table of the routes.

use super::changing::Deed;
use super::media::Act;
use crate::protocol::web::Method;

/// The action of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Returns the supported versions.
    Versions,
    /// Returns the ways to sign in.
    LoginFlows,
    /// Signs in.
    Login,
    /// Renews a token.
    Refresh,
    /// Creates an account.
    Register,
    /// Returns whether a name is free.
    Available,
    /// Returns whether a registration token is valid.
    Validity,
    /// Acts on files.
    Media(Act),
    /// Needs a token.
    Signed(Signed),
}

/// An action of a user who has signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// Ends the session.
    Logout,
    /// Ends all sessions.
    LogoutAll,
    /// Returns the user of the token.
    Whoami,
    /// Returns the capabilities of the server.
    Capabilities,
    /// Returns the push rules.
    PushRules,
    /// Returns the same without the enclosing object.
    PushRulesGlobal,
    /// Returns the rules of one kind, one rule, or a part of it.
    PushRule,
    /// Sets a rule, or a part of one.
    PutPushRule,
    /// Removes a rule.
    RemovePushRule,
    /// Returns addresses outside this server: none.
    Threepids,
    /// Refuses to change such addresses.
    ChangeThreepids,
    /// Returns an object that is always empty on this server.
    Nothing,
    /// Reports a room, an event or a user.
    Report,
    /// Answers an upload of keys, which are not stored.
    KeysUpload,
    /// Answers a query for keys: there are none.
    KeysQuery,
    /// Returns the rooms that the user has joined.
    JoinedRooms,
    /// Returns events of a room.
    Messages,
    /// Returns one event.
    Event,
    /// Returns an event with the events around it.
    Context,
    /// Returns all state of a room.
    State,
    /// Returns one state event.
    OneState,
    /// Sets a state event.
    PutState,
    /// Returns the membership events of a room.
    Members,
    /// Returns the joined members of a room.
    JoinedMembers,
    /// Sends an event.
    Send,
    /// Redacts an event.
    Redact,
    /// Returns news.
    Sync,
    /// Stores a filter.
    AddFilter,
    /// Returns a stored filter.
    GetFilter,
    /// Creates a room.
    CreateRoom,
    /// Joins a room.
    Join,
    /// Leaves a room.
    Leave,
    /// Forgets a room.
    Forget,
    /// Returns the profile of a user.
    Profile,
    /// Changes the user's own name.
    PutDisplayName,
    /// Changes the user's own picture.
    PutAvatar,
    /// Records that an event was read.
    Receipt,
    /// Records that events were read.
    ReadMarkers,
    /// Reports that a user is typing.
    Typing,
    /// Returns the devices that are signed in.
    Devices,
    /// Returns one device.
    Device,
    /// Renames a device.
    PutDevice,
    /// Ends the sessions of one device, or of several.
    RemoveDevices(bool),
    /// Changes the password.
    PutPassword,
    /// Deactivates the account.
    Deactivate,
    /// Returns the room of an alias.
    FindAlias,
    /// Adds an alias of a room.
    PutAlias,
    /// Removes an alias.
    RemoveAlias,
    /// Returns the aliases of a room.
    Aliases,
    /// Returns whether a room is in the directory.
    Visibility,
    /// Adds a room to the directory, or removes it.
    PutVisibility,
    /// Returns the directory of rooms.
    PublicRooms,
    /// Finds people.
    FindPeople,
    /// Returns the events that relate to an event.
    Relations,
    /// Returns the threads of a room.
    Threads,
    /// Returns the event nearest to a time.
    EventAt,
    /// Finds messages by words.
    Search,
    /// Returns past notifications.
    Notifications,
    /// Returns account data, of a room or of none.
    AccountData(bool),
    /// Stores account data, of a room or of none.
    PutAccountData(bool),
    /// Returns the tags of a room.
    Tags,
    /// Sets a tag.
    PutTag,
    /// Removes a tag.
    RemoveTag,
    /// Returns the presence of a user.
    Presence,
    /// Sets the user's own presence.
    PutPresence,
    /// Changes another user's membership of a room.
    To(Deed),
}

/// A route.
pub(super) type Entry = (Method, &'static str, Action);

/// Defines a route below both names of the third version.
macro_rules! stable {
    ($method:ident $path:literal $action:expr) => {
        [
            (
                Method::$method,
                concat!("/_matrix/client/v3/", $path),
                $action,
            ),
            (
                Method::$method,
                concat!("/_matrix/client/r0/", $path),
                $action,
            ),
        ]
    };
}

/// Routes below `v3` and `r0`.
const STABLE: &[[Entry; 2]] = &[
    stable!(Get "login" Action::LoginFlows),
    stable!(Post "login" Action::Login),
    stable!(Post "refresh" Action::Refresh),
    stable!(Post "logout" Action::Signed(Signed::Logout)),
    stable!(Post "logout/all" Action::Signed(Signed::LogoutAll)),
    stable!(Get "account/whoami" Action::Signed(Signed::Whoami)),
    stable!(Get "capabilities" Action::Signed(Signed::Capabilities)),
    stable!(Get "pushrules/" Action::Signed(Signed::PushRules)),
    stable!(Get "pushrules" Action::Signed(Signed::PushRules)),
    stable!(Get "pushrules/global/" Action::Signed(Signed::PushRulesGlobal)),
    stable!(Get "pushrules/global/{kind}" Action::Signed(Signed::PushRule)),
    stable!(Get "pushrules/global/{kind}/{rule}" Action::Signed(Signed::PushRule)),
    stable!(Get "pushrules/global/{kind}/{rule}/{part}" Action::Signed(Signed::PushRule)),
    stable!(Put "pushrules/global/{kind}/{rule}" Action::Signed(Signed::PutPushRule)),
    stable!(Put "pushrules/global/{kind}/{rule}/{part}" Action::Signed(Signed::PutPushRule)),
    stable!(Delete "pushrules/global/{kind}/{rule}" Action::Signed(Signed::RemovePushRule)),
    stable!(Get "account/3pid" Action::Signed(Signed::Threepids)),
    stable!(Post "account/3pid" Action::Signed(Signed::ChangeThreepids)),
    stable!(Post "account/3pid/add" Action::Signed(Signed::ChangeThreepids)),
    stable!(Post "account/3pid/bind" Action::Signed(Signed::ChangeThreepids)),
    stable!(Post "account/3pid/unbind" Action::Signed(Signed::ChangeThreepids)),
    stable!(Post "account/3pid/delete" Action::Signed(Signed::ChangeThreepids)),
    stable!(Post "account/3pid/email/requestToken" Action::Signed(Signed::ChangeThreepids)),
    stable!(Post "account/3pid/msisdn/requestToken" Action::Signed(Signed::ChangeThreepids)),
    stable!(Get "voip/turnServer" Action::Signed(Signed::Nothing)),
    stable!(Get "thirdparty/protocols" Action::Signed(Signed::Nothing)),
    stable!(Post "rooms/{room}/report" Action::Signed(Signed::Report)),
    stable!(Post "rooms/{room}/report/{event}" Action::Signed(Signed::Report)),
    stable!(Post "users/{user}/report" Action::Signed(Signed::Report)),
    stable!(Post "keys/upload" Action::Signed(Signed::KeysUpload)),
    stable!(Post "keys/query" Action::Signed(Signed::KeysQuery)),
    stable!(Get "joined_rooms" Action::Signed(Signed::JoinedRooms)),
    stable!(Get "rooms/{room}/messages" Action::Signed(Signed::Messages)),
    stable!(Get "rooms/{room}/event/{event}" Action::Signed(Signed::Event)),
    stable!(Get "rooms/{room}/context/{event}" Action::Signed(Signed::Context)),
    stable!(Get "rooms/{room}/state" Action::Signed(Signed::State)),
    stable!(Get "rooms/{room}/state/{type}" Action::Signed(Signed::OneState)),
    stable!(Get "rooms/{room}/state/{type}/" Action::Signed(Signed::OneState)),
    stable!(Get "rooms/{room}/state/{type}/{key}" Action::Signed(Signed::OneState)),
    stable!(Put "rooms/{room}/state/{type}" Action::Signed(Signed::PutState)),
    stable!(Put "rooms/{room}/state/{type}/" Action::Signed(Signed::PutState)),
    stable!(Put "rooms/{room}/state/{type}/{key}" Action::Signed(Signed::PutState)),
    stable!(Get "rooms/{room}/members" Action::Signed(Signed::Members)),
    stable!(Get "rooms/{room}/joined_members" Action::Signed(Signed::JoinedMembers)),
    stable!(Put "rooms/{room}/send/{type}/{txn}" Action::Signed(Signed::Send)),
    stable!(Put "rooms/{room}/redact/{event}/{txn}" Action::Signed(Signed::Redact)),
    stable!(Get "sync" Action::Signed(Signed::Sync)),
    stable!(Post "user/{user}/filter" Action::Signed(Signed::AddFilter)),
    stable!(Get "user/{user}/filter/{filter}" Action::Signed(Signed::GetFilter)),
    stable!(Post "createRoom" Action::Signed(Signed::CreateRoom)),
    stable!(Post "join/{room}" Action::Signed(Signed::Join)),
    stable!(Post "rooms/{room}/join" Action::Signed(Signed::Join)),
    stable!(Post "rooms/{room}/leave" Action::Signed(Signed::Leave)),
    stable!(Post "rooms/{room}/forget" Action::Signed(Signed::Forget)),
    stable!(Get "profile/{user}" Action::Signed(Signed::Profile)),
    stable!(Get "profile/{user}/{field}" Action::Signed(Signed::Profile)),
    stable!(Put "profile/{user}/displayname" Action::Signed(Signed::PutDisplayName)),
    stable!(Put "profile/{user}/avatar_url" Action::Signed(Signed::PutAvatar)),
    stable!(Post "rooms/{room}/receipt/{kind}/{event}" Action::Signed(Signed::Receipt)),
    stable!(Post "rooms/{room}/read_markers" Action::Signed(Signed::ReadMarkers)),
    stable!(Put "rooms/{room}/typing/{user}" Action::Signed(Signed::Typing)),
    stable!(Get "devices" Action::Signed(Signed::Devices)),
    stable!(Get "devices/{device}" Action::Signed(Signed::Device)),
    stable!(Put "devices/{device}" Action::Signed(Signed::PutDevice)),
    stable!(Delete "devices/{device}" Action::Signed(Signed::RemoveDevices(true))),
    stable!(Post "delete_devices" Action::Signed(Signed::RemoveDevices(false))),
    stable!(Post "account/password" Action::Signed(Signed::PutPassword)),
    stable!(Post "account/deactivate" Action::Signed(Signed::Deactivate)),
    stable!(Get "directory/room/{alias}" Action::Signed(Signed::FindAlias)),
    stable!(Put "directory/room/{alias}" Action::Signed(Signed::PutAlias)),
    stable!(Delete "directory/room/{alias}" Action::Signed(Signed::RemoveAlias)),
    stable!(Get "rooms/{room}/aliases" Action::Signed(Signed::Aliases)),
    stable!(Get "directory/list/room/{room}" Action::Signed(Signed::Visibility)),
    stable!(Put "directory/list/room/{room}" Action::Signed(Signed::PutVisibility)),
    stable!(Get "publicRooms" Action::Signed(Signed::PublicRooms)),
    stable!(Post "publicRooms" Action::Signed(Signed::PublicRooms)),
    stable!(Post "user_directory/search" Action::Signed(Signed::FindPeople)),
    stable!(Post "search" Action::Signed(Signed::Search)),
    stable!(Get "notifications" Action::Signed(Signed::Notifications)),
    stable!(Get "user/{user}/account_data/{type}" Action::Signed(Signed::AccountData(false))),
    stable!(Put "user/{user}/account_data/{type}" Action::Signed(Signed::PutAccountData(false))),
    stable!(Get "user/{user}/rooms/{room}/account_data/{type}" Action::Signed(Signed::AccountData(true))),
    stable!(Put "user/{user}/rooms/{room}/account_data/{type}" Action::Signed(Signed::PutAccountData(true))),
    stable!(Get "user/{user}/rooms/{room}/tags" Action::Signed(Signed::Tags)),
    stable!(Put "user/{user}/rooms/{room}/tags/{tag}" Action::Signed(Signed::PutTag)),
    stable!(Delete "user/{user}/rooms/{room}/tags/{tag}" Action::Signed(Signed::RemoveTag)),
    stable!(Get "presence/{user}/status" Action::Signed(Signed::Presence)),
    stable!(Put "presence/{user}/status" Action::Signed(Signed::PutPresence)),
    stable!(Post "rooms/{room}/invite" Action::Signed(Signed::To(Deed::Invite))),
    stable!(Post "rooms/{room}/kick" Action::Signed(Signed::To(Deed::Kick))),
    stable!(Post "rooms/{room}/ban" Action::Signed(Signed::To(Deed::Ban))),
    stable!(Post "rooms/{room}/unban" Action::Signed(Signed::To(Deed::Unban))),
    stable!(Post "register" Action::Register),
    stable!(Get "register/available" Action::Available),
];

/// The other routes.
const OTHERS: &[Entry] = &[
    (Method::Get, "/_matrix/client/versions", Action::Versions),
    (
        Method::Get,
        "/_matrix/client/v1/register/m.login.registration_token/validity",
        Action::Validity,
    ),
    (
        Method::Get,
        "/_matrix/client/v1/rooms/{room}/relations/{event}",
        Action::Signed(Signed::Relations),
    ),
    (
        Method::Get,
        "/_matrix/client/v1/rooms/{room}/relations/{event}/{relation}",
        Action::Signed(Signed::Relations),
    ),
    (
        Method::Get,
        "/_matrix/client/v1/rooms/{room}/relations/{event}/{relation}/{type}",
        Action::Signed(Signed::Relations),
    ),
    (
        Method::Get,
        "/_matrix/client/v1/rooms/{room}/threads",
        Action::Signed(Signed::Threads),
    ),
    (
        Method::Get,
        "/_matrix/client/v1/rooms/{room}/timestamp_to_event",
        Action::Signed(Signed::EventAt),
    ),
    (
        Method::Get,
        "/_matrix/client/v1/media/preview_url",
        Action::Signed(Signed::Nothing),
    ),
    (
        Method::Get,
        "/_matrix/media/v3/preview_url",
        Action::Signed(Signed::Nothing),
    ),
];

/// The routes of files.
const MEDIA: &[(Method, &str, Act)] = &[
    (Method::Post, "/_matrix/media/v3/upload", Act::Upload),
    (Method::Post, "/_matrix/media/r0/upload", Act::Upload),
    (Method::Post, "/_matrix/media/v1/create", Act::Create),
    (
        Method::Put,
        "/_matrix/media/v3/upload/{server}/{media}",
        Act::Fill,
    ),
    (
        Method::Get,
        "/_matrix/client/v1/media/download/{server}/{media}",
        Act::Download,
    ),
    (
        Method::Get,
        "/_matrix/client/v1/media/download/{server}/{media}/{name}",
        Act::Download,
    ),
    (
        Method::Get,
        "/_matrix/client/v1/media/thumbnail/{server}/{media}",
        Act::Thumbnail,
    ),
    (Method::Get, "/_matrix/client/v1/media/config", Act::Limits),
    (Method::Get, "/_matrix/media/v3/config", Act::Limits),
    (Method::Get, "/_matrix/media/r0/config", Act::Limits),
    (
        Method::Get,
        "/_matrix/media/v3/download/{server}/{media}",
        Act::OldDownload,
    ),
    (
        Method::Get,
        "/_matrix/media/r0/download/{server}/{media}",
        Act::OldDownload,
    ),
    (
        Method::Get,
        "/_matrix/media/v3/download/{server}/{media}/{name}",
        Act::OldDownload,
    ),
    (
        Method::Get,
        "/_matrix/media/r0/download/{server}/{media}/{name}",
        Act::OldDownload,
    ),
    (
        Method::Get,
        "/_matrix/media/v3/thumbnail/{server}/{media}",
        Act::OldThumbnail,
    ),
    (
        Method::Get,
        "/_matrix/media/r0/thumbnail/{server}/{media}",
        Act::OldThumbnail,
    ),
];

/// Returns all routes.
pub(super) fn all() -> impl Iterator<Item = Entry> {
    let media = MEDIA
        .iter()
        .map(|(method, path, act)| (*method, *path, Action::Media(*act)));
    STABLE.iter().flatten().chain(OTHERS).copied().chain(media)
}
