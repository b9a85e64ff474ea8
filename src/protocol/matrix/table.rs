//! The table of the routes.

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
    /// Makes an account.
    Register,
    /// Whether a name is free.
    Available,
    /// Whether a code is good.
    Validity,
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
    stable!(Post "logout" Action::Signed(Signed::Logout)),
    stable!(Post "logout/all" Action::Signed(Signed::LogoutAll)),
    stable!(Get "account/whoami" Action::Signed(Signed::Whoami)),
    stable!(Get "capabilities" Action::Signed(Signed::Capabilities)),
    stable!(Get "pushrules/" Action::Signed(Signed::PushRules)),
    stable!(Get "pushrules" Action::Signed(Signed::PushRules)),
    stable!(Get "pushrules/global/" Action::Signed(Signed::PushRulesGlobal)),
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
];

/// The other routes.
const OTHERS: &[Entry] = &[
    (Method::Get, "/_matrix/client/versions", Action::Versions),
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

/// All routes.
pub(super) fn all() -> impl Iterator<Item = Entry> {
    STABLE.iter().flatten().chain(OTHERS).copied()
}
