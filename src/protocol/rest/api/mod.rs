//! The API for scripts: `/api/v1`, JSON in and out, with a bearer token.
//!
//! The routes call the service like the methods of the protocol on a socket, with the same codes.

mod admin;
mod described;
mod input;
mod objects;
mod table;
mod updates;

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::web::{Method, Request, Response, Route, Takes, Web};
use super::super::wording;
use crate::model::{Form, PublicId};
use crate::service::{
    Client, Draft, DraftDetails, FlowChange, FlowDraft, HistoryRange, Refusal, Search, Service,
    ServiceError, SignedIn, Thing,
};
use input::{Body, Trouble};
pub use table::Action;

/// The bytes of a body around its text.
const AROUND: usize = 64 * 1024;

/// The cost of a request in addition to finding its user.
const WEIGHT: f64 = 2.0;

/// The face of scripts.
pub struct Api {
    service: Arc<Service>,
    max_bytes: usize,
    version: &'static str,
    /// Whether the routes for administrators exist.
    admin: bool,
    /// The foreign web pages that may use the other routes.
    origins: Arc<[String]>,
}

/// A request without its body.
struct Asked {
    user: SignedIn,
    client: Client,
    ids: Vec<String>,
    query: String,
    key: Option<String>,
    is_stream: bool,
    /// The position that an interrupted stream reached.
    resumed: Option<i64>,
}

impl Asked {
    fn parameter(&self, name: &str) -> Option<String> {
        let mut all = form_urlencoded::parse(self.query.as_bytes());
        all.find(|(found, _)| found == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Returns a parameter that is a number.
    fn number(&self, name: &str) -> Result<Option<i64>, Trouble> {
        let text = self.parameter(name).filter(|text| !text.is_empty());
        let read = |text: String| text.parse::<i64>().ok().filter(|it| *it >= -1);
        text.map(|text| read(text).ok_or_else(|| Trouble::bad(format!("{name} is no number"))))
            .transpose()
    }

    /// Returns the id in the path. Any other text names nothing, like an unknown id.
    fn id(&self) -> PublicId {
        let text = self.ids.first().map(String::as_str).unwrap_or_default();
        PublicId::parse(text).unwrap_or(PublicId::NOTHING)
    }
}

impl Api {
    /// Returns the face, for texts of at most `max_text_bytes` bytes, with or without the routes for
    /// administrators. Web pages of these origins may use the other routes too; `*` is any origin.
    #[must_use]
    pub fn new(
        service: Arc<Service>,
        max_text_bytes: usize,
        version: &'static str,
        admin: bool,
        origins: Vec<String>,
    ) -> Self {
        Self {
            service,
            // Each character of a text may take six in JSON.
            max_bytes: max_text_bytes.saturating_mul(6).saturating_add(AROUND),
            version,
            admin,
            origins: origins.into(),
        }
    }

    async fn act(&self, action: Action, request: Request) -> Result<Response, Trouble> {
        let is_near = request.peer.tls || request.peer.address.is_loopback();
        if action.is_administration() && !is_near {
            return Err(Trouble::Insecure);
        }
        let client = Client {
            neighbourhood: request.peer.address.into(),
            ..Client::default()
        };
        let token = request.bearer().unwrap_or_default();
        let user = self.service.admit_bearer(token, &client).await?;
        self.service.admit(Some(&user), &client, WEIGHT)?;
        let stands_for = table::TABLE.iter().find(|it| it.action == action);
        user.permit(stands_for.map_or("", |it| it.stands_for))?;
        let header = |name| request.headers.get(name).map(str::to_owned);
        let asked = Asked {
            user,
            client,
            key: header("idempotency-key").filter(|key| !key.is_empty()),
            is_stream: header("accept").is_some_and(|kind| kind.contains("text/event-stream")),
            resumed: header("last-event-id").and_then(|text| text.trim().parse().ok()),
            ids: request.captured,
            query: request.query,
        };
        if asked
            .key
            .as_ref()
            .is_some_and(|key| key.chars().count() > 64)
        {
            return Err(Trouble::bad("Idempotency-Key has at most 64 characters"));
        }
        let body = request.body.gather(true).await.map_err(Trouble::Body)?;
        // Boxed separately: a request that waits for news is not as large as the largest of the others.
        if action == Action::Updates {
            return Box::pin(updates::answer(&self.service, &asked)).await;
        }
        let done = Box::pin(self.done(action, &asked, &body.bytes)).await?;
        Ok(Response::json(200, &done))
    }

    async fn done(&self, action: Action, asked: &Asked, body: &[u8]) -> Result<Value, Trouble> {
        let done = match action {
            Action::Describe | Action::Updates => described::document(self.version, self.admin),
            Action::Me => self.me(asked).await?,
            Action::Flows => self.flows(asked).await?,
            Action::AddFlow => self.add_flow(asked, &Body::read(body)?).await?,
            Action::Flow => self.flow(asked).await?,
            Action::EditFlow | Action::AddMembers | Action::RemoveMembers => {
                self.edit_flow(action, asked, &Body::read(body)?).await?
            }
            Action::Messages => self.messages(asked).await?,
            Action::Send => self.send(asked, &Body::read(body)?).await?,
            Action::Edit => self.edit(asked, &Body::read(body)?).await?,
            Action::Delete => {
                self.service
                    .delete_message(&asked.user, asked.id(), None)
                    .await?;
                json!({})
            }
            Action::React | Action::Unreact => {
                let emoji = asked.ids.get(1).cloned().unwrap_or_default();
                let on = action == Action::React;
                self.service
                    .react(&asked.user, asked.id(), emoji, on)
                    .await?;
                json!({})
            }
            Action::Pin | Action::Unpin => {
                self.service
                    .pin(&asked.user, asked.id(), action == Action::Pin)
                    .await?;
                json!({})
            }
            Action::Search => self.search(asked).await?,
            Action::Users => {
                let text = asked.parameter("q").unwrap_or_default();
                let found = self
                    .service
                    .find_users(&asked.user, text, Form::Rich)
                    .await?;
                json!({"users": found.iter().map(objects::user).collect::<Vec<_>>()})
            }
            Action::AdminUsers
            | Action::AdminUser
            | Action::AdminInvites
            | Action::AdminInvite
            | Action::AdminBackup
            | Action::AdminStatus => admin::answer(&self.service, action, asked, body).await?,
        };
        Ok(done)
    }

    async fn me(&self, asked: &Asked) -> Result<Value, Trouble> {
        let ids = vec![asked.user.uuid()];
        let found = self.service.profiles(&asked.user, ids, Form::Rich).await?;
        let me = found.users.first().ok_or(Refusal::NoSession)?;
        Ok(objects::user(me))
    }

    async fn flows(&self, asked: &Asked) -> Result<Value, Trouble> {
        let after = asked.parameter("after");
        let after = after.map(|text| PublicId::parse(&text).unwrap_or(PublicId::NOTHING));
        let list = self.service.flows(&asked.user, Form::Rich, after).await?;
        let flows = list.flows.iter().map(|entry| {
            let mut told = objects::flow(&entry.flow);
            told["unread"] = Value::from(entry.unread);
            told
        });
        Ok(json!({
            "flows": flows.collect::<Vec<_>>(),
            "position": list.position.0,
            "more": list.incomplete,
        }))
    }

    async fn flow(&self, asked: &Asked) -> Result<Value, Trouble> {
        let mut after = None;
        loop {
            let list = self.service.flows(&asked.user, Form::Rich, after).await?;
            if let Some(found) = list.flows.iter().find(|it| it.flow.uuid == asked.id()) {
                return Ok(objects::flow(&found.flow));
            }
            after = list.flows.last().map(|it| it.flow.uuid);
            if !list.incomplete || after.is_none() {
                return Err(Refusal::NotFound(Thing::Flow).into());
            }
        }
    }

    async fn add_flow(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let kind = input::kind(&body.text("type")?.unwrap_or_default())?;
        let draft = FlowDraft {
            title: body.text("title")?,
            info: body.text("info")?,
            owner: None,
            users: body.ids("users")?,
        };
        let made = self
            .service
            .add_flow(&asked.user, kind, draft, asked.key.clone());
        Ok(objects::flow(&made.await?))
    }

    async fn edit_flow(
        &self,
        action: Action,
        asked: &Asked,
        body: &Body,
    ) -> Result<Value, Trouble> {
        let mut change = FlowChange::default();
        match action {
            Action::EditFlow => {
                change.words.title = body.text("title")?;
                change.words.info = body.text("info")?;
            }
            Action::AddMembers => change.add = body.needed_ids("users")?,
            _ => change.remove = body.needed_ids("users")?,
        }
        if change.is_empty() {
            return Err(Trouble::bad("nothing is to change"));
        }
        let changed = self
            .service
            .edit_flow(&asked.user, asked.id(), change)
            .await?;
        Ok(objects::flow(&changed))
    }

    async fn messages(&self, asked: &Asked) -> Result<Value, Trouble> {
        let most = i64::try_from(self.service.limits().messages).unwrap_or(i64::MAX);
        let limit = asked.number("limit")?.unwrap_or(most).clamp(1, most);
        let read = async |start: i64, count: i64| {
            let range = HistoryRange {
                since: crate::model::Timestamp::EPOCH,
                start,
                count,
                form: Form::Rich,
            };
            self.service.history(&asked.user, asked.id(), range).await
        };
        let page = match (asked.number("after")?, asked.number("before")?) {
            (Some(after), _) => read(after.saturating_add(1), limit).await?,
            (None, before) => {
                let end = match before {
                    Some(before) => before.max(0),
                    None => read(0, 1).await?.total,
                };
                let start = (end - limit).max(0);
                if end == start {
                    let mut page = read(start, 1).await?;
                    page.messages.clear();
                    page
                } else {
                    read(start, end - start).await?
                }
            }
        };
        Ok(json!({
            "messages": page.messages.iter().map(objects::message).collect::<Vec<_>>(),
            "total": page.total,
        }))
    }

    async fn send(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let draft = Draft {
            text: body.text("text")?,
            sent: match body.uploads("files")? {
                Some(uploads) => Some(self.service.as_what_they_are(&asked.user, uploads).await?),
                None => None,
            },
            details: DraftDetails {
                reply: body.id("reply")?,
                is_markup: body.format()?,
                ..DraftDetails::default()
            },
            ..Draft::default()
        };
        let is_empty = draft.text.as_deref().is_none_or(str::is_empty)
            && draft.sent.as_ref().is_none_or(Vec::is_empty);
        if is_empty {
            return Err(Refusal::EmptyMessage.into());
        }
        let key = asked.key.clone();
        let posted = self
            .service
            .post_message(&asked.user, asked.id(), draft, None, key);
        Ok(objects::message(&posted.await?.message))
    }

    async fn edit(&self, asked: &Asked, body: &Body) -> Result<Value, Trouble> {
        let draft = Draft {
            text: Some(
                body.text("text")?
                    .ok_or_else(|| Trouble::bad("text is missing"))?,
            ),
            details: DraftDetails {
                is_markup: body.format()?,
                ..DraftDetails::default()
            },
            ..Draft::default()
        };
        self.service
            .edit_message(&asked.user, asked.id(), draft)
            .await?;
        Ok(json!({}))
    }

    async fn search(&self, asked: &Asked) -> Result<Value, Trouble> {
        let flow = asked.parameter("flow");
        let wanted = Search {
            text: asked.parameter("q").unwrap_or_default(),
            flow: flow.map(|text| PublicId::parse(&text).unwrap_or(PublicId::NOTHING)),
            before: asked.number("before")?.map(crate::model::Position),
            form: Form::Rich,
            ..Search::default()
        };
        let hits = self.service.find_messages(&asked.user, wanted).await?;
        Ok(json!({
            "messages": hits.messages.iter().map(objects::message).collect::<Vec<_>>(),
            "before": hits.before.map(|position| position.0),
        }))
    }
}

impl Web for Api {
    type Action = Action;

    fn routes(&self) -> Vec<(Route, Action)> {
        let route = |entry: &table::Entry| {
            let route = Route::new(entry.method, entry.path);
            let route = if entry.action == Action::Describe {
                route
            } else {
                route.with_bearer()
            };
            let route = if entry.action.is_administration() {
                route
            } else {
                route.with_origins(Arc::clone(&self.origins))
            };
            let has_body = !matches!(entry.method, Method::Get | Method::Put);
            let route = if has_body {
                route.takes(Takes::Whole(self.max_bytes))
            } else {
                route
            };
            (route, entry.action)
        };
        table::routes(self.admin).map(route).collect()
    }

    async fn answer(&self, action: Action, request: Request) -> Response {
        if action == Action::Describe {
            return Response::json(200, &described::document(self.version, self.admin));
        }
        let answered = self.act(action, request).await;
        answered.unwrap_or_else(Trouble::response)
    }

    fn refuse(&self, status: u16, detail: &str) -> Option<Response> {
        Some(input::problem(status, wording::status(status), detail))
    }
}

impl From<ServiceError> for Trouble {
    fn from(err: ServiceError) -> Self {
        Self::Service(err)
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Service(refusal.into())
    }
}
