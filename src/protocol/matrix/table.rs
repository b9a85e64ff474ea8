//! The table of the routes.

use super::changing::Deed;
use super::media::Act;
use crate::protocol::web::Method;

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Which versions are spoken.
    Versions,
    /// How to sign in.
    LoginFlows,
    /// Signs in.
    Login,
    /// Renews a token.
    Refresh,
    /// Makes an account.
    Register,
    /// Whether a name is free.
    Available,
    /// Whether a code is good.
    Validity,
    /// Files.
    Media(Act),
    /// What needs a token.
    Signed(Signed),
}

/// What somebody does who is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// Ends the session.
    Logout,
    /// Ends all sessions.
    LogoutAll,
    /// Who asks.
    Whoami,
    /// What the server can do.
    Capabilities,
    /// When there is a notification.
    PushRules,
    /// The same without the word around.
    PushRulesGlobal,
    /// Rules of one kind, one of them, a part of it.
    PushRule,
    /// Sets a rule, or a part of one.
    PutPushRule,
    /// Takes a rule away.
    RemovePushRule,
    /// Addresses outside of this server: none.
    Threepids,
    /// The same, changed.
    ChangeThreepids,
    /// What this server has nothing of.
    Nothing,
    /// Something is reported.
    Report,
    /// Keys are uploaded.
    KeysUpload,
    /// Keys are asked for.
    KeysQuery,
    /// The rooms that one is in.
    JoinedRooms,
    /// Events of a room.
    Messages,
    /// One event.
    Event,
    /// An event with what is around it.
    Context,
    /// All state of a room.
    State,
    /// A piece of state.
    OneState,
    /// Sets a piece of state.
    PutState,
    /// The members of a room.
    Members,
    /// Who is in a room.
    JoinedMembers,
    /// Sends an event.
    Send,
    /// Takes an event back.
    Redact,
    /// What is new.
    Sync,
    /// Stores a filter.
    AddFilter,
    /// A stored filter.
    GetFilter,
    /// Makes a room.
    CreateRoom,
    /// Comes into a room.
    Join,
    /// Leaves a room.
    Leave,
    /// Hears nothing more of a room.
    Forget,
    /// What is known of somebody.
    Profile,
    /// Changes the own name.
    PutDisplayName,
    /// Changes the own picture.
    PutAvatar,
    /// An event was read.
    Receipt,
    /// Events were read.
    ReadMarkers,
    /// Somebody writes.
    Typing,
    /// The devices that are signed in.
    Devices,
    /// One of them.
    Device,
    /// Calls one something else.
    PutDevice,
    /// Ends one, or several.
    RemoveDevices(bool),
    /// Sets another password.
    PutPassword,
    /// Ends the account.
    Deactivate,
    /// The room of a name.
    FindAlias,
    /// Names a room.
    PutAlias,
    /// Takes a name away.
    RemoveAlias,
    /// The names of a room.
    Aliases,
    /// Whether a room is in the directory.
    Visibility,
    /// Puts a room there, or takes it out.
    PutVisibility,
    /// The directory of rooms.
    PublicRooms,
    /// Finds people.
    FindPeople,
    /// Events about another.
    Relations,
    /// The threads of a room.
    Threads,
    /// The event next to a time.
    EventAt,
    /// Finds messages by words.
    Search,
    /// What has notified.
    Notifications,
    /// What is kept for somebody, of a room or of none.
    AccountData(bool),
    /// Keeps something, of a room or of none.
    PutAccountData(bool),
    /// The tags of a room.
    Tags,
    /// Sets a tag.
    PutTag,
    /// Takes a tag away.
    RemoveTag,
    /// Whether somebody is there.
    Presence,
    /// Says that one is there.
    PutPresence,
    /// Does something to somebody in a room.
    To(Deed),
}

/// A route.
pub(super) type Entry = (Method, &'static str, Action);

/// A route below both names of the third version.
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

/// Routes of files.
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

/// All routes.
pub(super) fn all() -> impl Iterator<Item = Entry> {
    let media = MEDIA
        .iter()
        .map(|(method, path, act)| (*method, *path, Action::Media(*act)));
    STABLE.iter().flatten().chain(OTHERS).copied().chain(media)
}
