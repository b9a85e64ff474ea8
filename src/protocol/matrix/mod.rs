//! Matrix, a second protocol over the same conversations: its client-server API over HTTP.
//!
//! What belongs here: JSON, ids and words of Matrix. What does not: who may do what, and what is stored
//! (see [`crate::service`]). Nothing of this is mounted unless the configuration says so.
//!
//! Source: Matrix 1.19, Client-Server API.

mod account;
mod attached;
mod changing;
mod devices;
mod directory;
mod door;
mod events;
mod filter;
mod finding;
mod input;
mod judging;
mod kept;
mod marks;
mod markup;
mod media;
mod names;
mod notified;
mod parked;
mod push_rules;
mod reading;
mod registering;
mod sending;
mod sync;
mod table;
mod trouble;
mod well_known;

use std::sync::Arc;

use serde_json::{Value, json};

use super::Peer;
use super::web::{Method, Request, Response, Route, Takes, Web};
use crate::service::{Client, Service, SignedIn};
use input::Body;
pub use media::Act as MediaAct;
use names::Names;
use registering::Stages;
pub use table::{Action, Signed};
use trouble::Trouble;
pub use well_known::WellKnown;

/// The most bytes of a body.
const MAX_BYTES: usize = 64 * 1024;

/// The most events of a page.
const MOST_EVENTS: usize = 100;

/// What a request weighs beside that of finding out who asks.
const WEIGHT: f64 = 2.0;

/// How a peer is known to the service.
pub type Introduce = Box<dyn Fn(&Peer) -> Client + Send + Sync>;

/// The face of Matrix.
pub struct Matrix {
    service: Arc<Service>,
    names: Names,
    introduce: Introduce,
    /// Whether files are given without a token too.
    has_legacy_media: bool,
    /// Who waits for news.
    parked: parked::Parked,
    /// Who is making an account.
    /// Of people who register, and of those who change their account: the one cannot push out the other.
    registering: Stages,
    stages: Stages,
}

/// What came besides the body.
struct Asked {
    user: SignedIn,
    client: Client,
    ids: Vec<String>,
    query: String,
}

/// The first parameter of a name in an address.
fn parameter(query: &str, name: &str) -> Option<String> {
    let mut all = form_urlencoded::parse(query.as_bytes());
    all.find(|(found, _)| found == name)
        .map(|(_, value)| value.into_owned())
}

impl Asked {
    /// A parameter of the address.
    fn parameter(&self, name: &str) -> Option<String> {
        parameter(&self.query, name)
    }

    /// How many events are wanted.
    fn limit(&self, otherwise: usize) -> Result<usize, Trouble> {
        let Some(text) = self.parameter("limit").filter(|text| !text.is_empty()) else {
            return Ok(otherwise);
        };
        let limit: usize = text
            .parse()
            .map_err(|_| Trouble::invalid("limit is no number"))?;
        Ok(limit.clamp(1, MOST_EVENTS))
    }

    /// A part of the path.
    fn part(&self, place: usize) -> &str {
        self.ids.get(place).map(String::as_str).unwrap_or_default()
    }
}

impl Matrix {
    /// Makes the face of a server of that name; `has_legacy_media`: files are given without a token too.
    #[must_use]
    pub fn new(
        service: Arc<Service>,
        server_name: String,
        has_legacy_media: bool,
        introduce: Introduce,
    ) -> Self {
        Self {
            service,
            names: Names::new(server_name),
            introduce,
            has_legacy_media,
            parked: parked::Parked::default(),
            registering: Stages::default(),
            stages: Stages::default(),
        }
    }

    async fn act(&self, action: Action, request: Request) -> Result<Value, Trouble> {
        let client = (self.introduce)(&request.peer);
        let Action::Signed(what) = action else {
            self.service.admit(None, &client, WEIGHT)?;
            let query = request.query.clone();
            let body = request.body.gather(false).await.map_err(Trouble::Body)?;
            let body = Body::read(&body.bytes);
            return match action {
                Action::Login => self.login(&body?, &client).await,
                Action::Refresh => self.refresh(&body?).await,
                Action::LoginFlows => Ok(json!({"flows": [{"type": "m.login.password"}]})),
                Action::Register => {
                    let kind = parameter(&query, "kind");
                    self.register(&body?, kind, &client).await
                }
                Action::Available => self.available(parameter(&query, "username")).await,
                Action::Validity => self.validity(parameter(&query, "token"), &client).await,
                Action::Versions | Action::Media(_) | Action::Signed(_) => Ok(versions()),
            };
        };
        let Some(token) = request.bearer() else {
            let words = "a token is needed here: Authorization: Bearer";
            return Err(Trouble::said(401, "M_MISSING_TOKEN", words));
        };
        let user = self.admit(token, &client).await?;
        let asked = Asked {
            user,
            client,
            ids: request.captured,
            query: request.query,
        };
        let body = request.body.gather(true).await.map_err(Trouble::Body)?;
        let body = Body::read(&body.bytes)?;
        self.signed(what, &asked, &body).await
    }

    async fn signed(&self, what: Signed, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        match what {
            Signed::Logout => self.logout(asked, false).await,
            Signed::LogoutAll => self.logout(asked, true).await,
            Signed::Whoami => self.whoami(asked).await,
            Signed::PushRules => self.push_rules(asked).await,
            Signed::PushRulesGlobal => {
                let mut rules = self.push_rules(asked).await?;
                Ok(rules["global"].take())
            }
            Signed::PushRule => self.push_rule(asked).await,
            Signed::PutPushRule => self.put_push_rule(asked, body).await,
            Signed::RemovePushRule => self.remove_push_rule(asked).await,
            Signed::JoinedRooms => self.joined_rooms(asked).await,
            Signed::Messages => self.messages(asked).await,
            Signed::Event => self.event(asked).await,
            Signed::Context => self.context(asked).await,
            Signed::State => self.state(asked).await,
            Signed::OneState => self.one_state(asked).await,
            Signed::PutState => self.put_state(asked, body).await,
            Signed::Members => self.members(asked).await,
            Signed::JoinedMembers => self.joined_members(asked).await,
            Signed::Send => self.send(asked, body).await,
            Signed::Redact => self.send_redaction(asked, body).await,
            Signed::Sync => self.sync(asked).await,
            Signed::AddFilter => self.add_filter(asked, body).await,
            Signed::GetFilter => self.get_filter(asked).await,
            Signed::CreateRoom => self.create_room(asked, body).await,
            Signed::Join => self.join(asked).await,
            Signed::Leave => self.leave(asked).await,
            Signed::Forget => self.forget(asked).await,
            Signed::Profile => self.profile(asked).await,
            Signed::PutDisplayName => self.put_display_name(asked, body).await,
            Signed::PutAvatar => self.put_avatar(asked, body).await,
            Signed::Receipt => self.receipt(asked, body).await,
            Signed::ReadMarkers => self.read_markers(asked, body).await,
            Signed::Typing => self.typing(asked, body).await,
            Signed::Devices => self.devices(asked).await,
            Signed::Device => self.device(asked).await,
            Signed::PutDevice => self.put_device(asked, body).await,
            Signed::RemoveDevices(is_one) => self.remove_devices(asked, body, is_one).await,
            Signed::PutPassword => self.put_password(asked, body).await,
            Signed::Deactivate => self.deactivate(asked, body).await,
            Signed::FindAlias => self.find_alias(asked).await,
            Signed::PutAlias => self.put_alias(asked, body).await,
            Signed::RemoveAlias => self.remove_alias(asked).await,
            Signed::Aliases => self.aliases(asked).await,
            Signed::Visibility => self.visibility(asked).await,
            Signed::PutVisibility => self.put_visibility(asked, body).await,
            Signed::PublicRooms => self.public_rooms(asked, body).await,
            Signed::FindPeople => self.find_people(asked, body).await,
            Signed::Relations => self.relations(asked).await,
            Signed::Threads => self.threads(asked).await,
            Signed::EventAt => self.event_at(asked).await,
            Signed::Search => self.search(asked, body).await,
            Signed::Notifications => self.notifications(asked).await,
            Signed::AccountData(in_room) => self.account_data(asked, in_room).await,
            Signed::PutAccountData(in_room) => self.put_account_data(asked, body, in_room).await,
            Signed::Tags => self.tags(asked).await,
            Signed::PutTag => self.put_tag(asked, Some(body)).await,
            Signed::RemoveTag => self.put_tag(asked, None).await,
            Signed::Presence => self.presence(asked).await,
            Signed::PutPresence => self.put_presence(asked, body).await,
            Signed::To(deed) => self.deed(asked, deed, body).await,
            Signed::Report => {
                log::warn!("a user reports {}", asked.ids.join(" "));
                Ok(json!({}))
            }
            Signed::ChangeThreepids => {
                let words = "this server knows no addresses outside of it";
                Err(Trouble::said(403, "M_THREEPID_DENIED", words))
            }
            Signed::Threepids => Ok(json!({"threepids": []})),
            Signed::Capabilities => Ok(account::capabilities()),
            Signed::Nothing => Ok(json!({})),
            Signed::KeysUpload => Ok(json!({"one_time_key_counts": {"signed_curve25519": 50}})),
            Signed::KeysQuery => Ok(json!({"device_keys": {}, "failures": {}})),
        }
    }
}

/// Which versions are spoken.
fn versions() -> Value {
    let versions: Vec<String> = (1..=11).map(|minor| format!("v1.{minor}")).collect();
    json!({
        "versions": versions,
        "unstable_features": {"org.matrix.msc3916.stable": true},
    })
}

/// What lets programs in browsers read an answer.
fn shared(response: Response) -> Response {
    response
        .with("access-control-allow-origin", "*")
        .with(
            "access-control-allow-methods",
            "GET, POST, PUT, DELETE, OPTIONS",
        )
        .with(
            "access-control-allow-headers",
            "X-Requested-With, Content-Type, Authorization",
        )
}

/// What is answered where there is no address, or no such method.
fn refused(status: u16, detail: &str) -> Response {
    let code = match status {
        401 => "M_MISSING_TOKEN",
        403 => "M_FORBIDDEN",
        404 | 405 => "M_UNRECOGNIZED",
        413 => "M_TOO_LARGE",
        _ => "M_UNKNOWN",
    };
    shared(trouble::error(status, code, detail))
}

impl Web for Matrix {
    type Action = Action;

    fn routes(&self) -> Vec<(Route, Action)> {
        let everybody: Arc<[String]> = Arc::new(["*".to_owned()]);
        let route = |(method, path, action): table::Entry| {
            let route = Route::new(method, path).with_origins(Arc::clone(&everybody));
            let route = match (method, action) {
                (Method::Get, _) => route,
                // How much there may be is found out before it is read.
                (_, Action::Media(MediaAct::Upload | MediaAct::Fill)) => {
                    route.takes(Takes::Pieces(u64::MAX))
                }
                _ => route.takes(Takes::Whole(MAX_BYTES)),
            };
            (route, action)
        };
        table::all().map(route).collect()
    }

    async fn answer(&self, action: Action, request: Request) -> Response {
        let answered = match action {
            Action::Media(act) => self.media(act, request).await,
            action => {
                let answered = self.act(action, request).await;
                answered.map(|value| Response::json(200, &value))
            }
        };
        shared(answered.unwrap_or_else(Trouble::response))
    }

    fn refuse(&self, status: u16, detail: &str) -> Option<Response> {
        Some(refused(status, detail))
    }

    fn describe(&self) -> Option<Response> {
        Some(shared(Response::new(204)))
    }
}
