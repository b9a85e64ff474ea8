//! Matrix, a second protocol over the same conversations: its client-server API over HTTP.
//!
//! What belongs here: JSON, ids and terms of Matrix. What does not: permissions and storage (see
//! [`crate::service`]). Nothing of this is mounted unless the configuration says so.
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
mod polls;
mod push_rules;
mod reading;
mod registering;
mod sending;
mod sync;
mod table;
mod trouble;
mod well_known;

use std::future::ready;
use std::pin::Pin;
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

/// The most events on a page.
const MOST_EVENTS: usize = 100;

/// The cost of a request in addition to finding its user.
const WEIGHT: f64 = 2.0;

/// Returns how the service identifies a peer.
pub type Introduce = Box<dyn Fn(&Peer) -> Client + Send + Sync>;

/// The face of Matrix.
pub struct Matrix {
    service: Arc<Service>,
    names: Names,
    introduce: Introduce,
    /// Whether files are also served without a token.
    has_legacy_media: bool,
    /// Requests that wait for news.
    parked: parked::Parked,
    /// Authentication sessions of clients that register (`registering`), and of users who change their
    /// account (`stages`): neither can push out the other.
    registering: Stages,
    stages: Stages,
}

/// The future of an action of a user who has signed in.
type Acting<'a> = Pin<Box<dyn Future<Output = Result<Value, Trouble>> + Send + 'a>>;

/// A request without its body.
struct Asked {
    user: SignedIn,
    client: Client,
    ids: Vec<String>,
    query: String,
}

/// Returns the first parameter with a name in a query.
fn parameter(query: &str, name: &str) -> Option<String> {
    let mut all = form_urlencoded::parse(query.as_bytes());
    all.find(|(found, _)| found == name)
        .map(|(_, value)| value.into_owned())
}

impl Asked {
    /// Returns a parameter of the query.
    fn parameter(&self, name: &str) -> Option<String> {
        parameter(&self.query, name)
    }

    /// Returns how many events the client wants.
    fn limit(&self, otherwise: usize) -> Result<usize, Trouble> {
        let Some(text) = self.parameter("limit").filter(|text| !text.is_empty()) else {
            return Ok(otherwise);
        };
        let limit: usize = text
            .parse()
            .map_err(|_| Trouble::invalid("limit is no number"))?;
        Ok(limit.clamp(1, MOST_EVENTS))
    }

    /// Returns a part of the path.
    fn part(&self, place: usize) -> &str {
        self.ids.get(place).map(String::as_str).unwrap_or_default()
    }
}

impl Matrix {
    /// Returns the face of a server with that name; with `has_legacy_media`, files are also served
    /// without a token.
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
            return Box::pin(self.unsigned(action, client, request)).await;
        };
        // Boxed, and with nothing left of the request: a request may wait for long.
        let (asked, body) = Box::pin(self.asked(request, client)).await?;
        self.signed(what, &asked, &body).await
    }

    /// Returns who asks, and for what.
    async fn asked(&self, request: Request, client: Client) -> Result<(Asked, Body), Trouble> {
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
        Ok((asked, Body::read(&body.bytes)?))
    }

    async fn unsigned(
        &self,
        action: Action,
        client: Client,
        request: Request,
    ) -> Result<Value, Trouble> {
        self.service.admit(None, &client, WEIGHT)?;
        let query = request.query.clone();
        let body = request.body.gather(false).await.map_err(Trouble::Body)?;
        let body = Body::read(&body.bytes);
        match action {
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
        }
    }

    /// Each future has its own size: a single one for all would make a request that waits for news as
    /// large as the largest.
    fn signed<'a>(&'a self, what: Signed, asked: &'a Asked, body: &'a Body) -> Acting<'a> {
        match what {
            Signed::Logout => Box::pin(self.logout(asked, false)),
            Signed::LogoutAll => Box::pin(self.logout(asked, true)),
            Signed::Whoami => Box::pin(self.whoami(asked)),
            Signed::PushRules => Box::pin(self.push_rules(asked)),
            Signed::PushRulesGlobal => Box::pin(async {
                let mut rules = self.push_rules(asked).await?;
                Ok(rules["global"].take())
            }),
            Signed::PushRule => Box::pin(self.push_rule(asked)),
            Signed::PutPushRule => Box::pin(self.put_push_rule(asked, body)),
            Signed::RemovePushRule => Box::pin(self.remove_push_rule(asked)),
            Signed::JoinedRooms => Box::pin(self.joined_rooms(asked)),
            Signed::Messages => Box::pin(self.messages(asked)),
            Signed::Event => Box::pin(self.event(asked)),
            Signed::Context => Box::pin(self.context(asked)),
            Signed::State => Box::pin(self.state(asked)),
            Signed::OneState => Box::pin(self.one_state(asked)),
            Signed::PutState => Box::pin(self.put_state(asked, body)),
            Signed::Members => Box::pin(self.members(asked)),
            Signed::JoinedMembers => Box::pin(self.joined_members(asked)),
            Signed::Send => Box::pin(self.send(asked, body)),
            Signed::Redact => Box::pin(self.send_redaction(asked, body)),
            Signed::Sync => Box::pin(self.sync(asked)),
            Signed::AddFilter => Box::pin(self.add_filter(asked, body)),
            Signed::GetFilter => Box::pin(self.get_filter(asked)),
            Signed::CreateRoom => Box::pin(self.create_room(asked, body)),
            Signed::Join => Box::pin(self.join(asked)),
            Signed::Leave => Box::pin(self.leave(asked)),
            Signed::Forget => Box::pin(self.forget(asked)),
            Signed::Profile => Box::pin(self.profile(asked)),
            Signed::PutDisplayName => Box::pin(self.put_display_name(asked, body)),
            Signed::PutAvatar => Box::pin(self.put_avatar(asked, body)),
            Signed::Receipt => Box::pin(self.receipt(asked, body)),
            Signed::ReadMarkers => Box::pin(self.read_markers(asked, body)),
            Signed::Typing => Box::pin(self.typing(asked, body)),
            Signed::Devices => Box::pin(self.devices(asked)),
            Signed::Device => Box::pin(self.device(asked)),
            Signed::PutDevice => Box::pin(self.put_device(asked, body)),
            Signed::RemoveDevices(is_one) => Box::pin(self.remove_devices(asked, body, is_one)),
            Signed::PutPassword => Box::pin(self.put_password(asked, body)),
            Signed::Deactivate => Box::pin(self.deactivate(asked, body)),
            Signed::FindAlias => Box::pin(self.find_alias(asked)),
            Signed::PutAlias => Box::pin(self.put_alias(asked, body)),
            Signed::RemoveAlias => Box::pin(self.remove_alias(asked)),
            Signed::Aliases => Box::pin(self.aliases(asked)),
            Signed::Visibility => Box::pin(self.visibility(asked)),
            Signed::PutVisibility => Box::pin(self.put_visibility(asked, body)),
            Signed::PublicRooms => Box::pin(self.public_rooms(asked, body)),
            Signed::FindPeople => Box::pin(self.find_people(asked, body)),
            Signed::Relations => Box::pin(self.relations(asked)),
            Signed::Threads => Box::pin(self.threads(asked)),
            Signed::EventAt => Box::pin(self.event_at(asked)),
            Signed::Search => Box::pin(self.search(asked, body)),
            Signed::Notifications => Box::pin(self.notifications(asked)),
            Signed::AccountData(in_room) => Box::pin(self.account_data(asked, in_room)),
            Signed::PutAccountData(in_room) => {
                Box::pin(self.put_account_data(asked, body, in_room))
            }
            Signed::Tags => Box::pin(self.tags(asked)),
            Signed::PutTag => Box::pin(self.put_tag(asked, Some(body))),
            Signed::RemoveTag => Box::pin(self.put_tag(asked, None)),
            Signed::Presence => Box::pin(self.presence(asked)),
            Signed::PutPresence => Box::pin(self.put_presence(asked, body)),
            Signed::To(deed) => Box::pin(self.deed(asked, deed, body)),
            Signed::Report
            | Signed::ChangeThreepids
            | Signed::Threepids
            | Signed::Capabilities
            | Signed::KeysUpload
            | Signed::KeysQuery
            | Signed::Nothing => Box::pin(ready(said(what, asked))),
        }
    }
}

/// Answers routes that need nothing but the request.
fn said(what: Signed, asked: &Asked) -> Result<Value, Trouble> {
    match what {
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
        Signed::KeysUpload => Ok(json!({"one_time_key_counts": {"signed_curve25519": 50}})),
        Signed::KeysQuery => Ok(json!({"device_keys": {}, "failures": {}})),
        _ => Ok(json!({})),
    }
}

/// Returns the supported versions.
fn versions() -> Value {
    let versions: Vec<String> = (1..=11).map(|minor| format!("v1.{minor}")).collect();
    json!({
        "versions": versions,
        "unstable_features": {"org.matrix.msc3916.stable": true},
    })
}

/// Adds the headers that let programs in browsers read an answer.
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

/// Returns the answer for an unknown address or method.
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
                // The allowed length is checked before the body is read.
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
            Action::Media(act) => Box::pin(self.media(act, request)).await,
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
