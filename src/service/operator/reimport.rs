//! Import of an export of this program, from this server or another one.
//!
//! Everything keeps its id, so a second run imports only what is new. A user is the account here with the same
//! id, or with the same login.

mod content;
mod people;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::exported::{ExportedEvent, ExportedFlow, ExportedMessage, OwnChoices};
use super::refill;
use super::takeover::Takeover;
use crate::model::{FlowId, FlowKind, PublicId, Timestamp, UserId};
use crate::service::{Service, ServiceError};
use crate::store::imports::{self, Ending, Item};
use crate::store::{StoreError, flows};

/// The maximum number of logins that one note lists.
const LISTED: usize = 20;

/// What a dry run has instead of the row number of a user who would be created.
const NOBODY: UserId = UserId(0);

/// A running import of an export.
pub struct Reimport<'a> {
    service: &'a Service,
    dry_run: bool,
    report: Takeover,
    people: HashMap<PublicId, UserId>,
    /// Accounts that this run has created.
    created: HashSet<UserId>,
    /// The folded logins of a dry run.
    logins: HashSet<String>,
    /// Flows that this run has created.
    flows: HashMap<PublicId, FlowId>,
    without_password: Vec<String>,
    admins: Vec<String>,
    choices: Vec<(UserId, OwnChoices)>,
    lost_votes: usize,
    /// The flow whose messages are next.
    current: Option<Current>,
}

/// The flow that is being imported.
struct Current {
    /// `None` in a dry run that would create it.
    id: Option<FlowId>,
    name: String,
    /// Whether it did not exist before this import.
    is_new: bool,
    /// Events that are still to come.
    events: VecDeque<ExportedEvent>,
    /// How far members have read, by number, until the message with that number has come.
    reads: Vec<(UserId, i64)>,
    ending: Ending,
    /// Older messages have been removed here.
    oldest: Option<Timestamp>,
    left_out: BTreeMap<&'static str, usize>,
}

impl Service {
    /// Begins to import an export, or to count what would be imported. For the operator. Accounts come first, then each
    /// flow, followed by its messages.
    #[must_use]
    pub fn reimport(&self, dry_run: bool) -> Reimport<'_> {
        Reimport {
            service: self,
            dry_run,
            report: Takeover::default(),
            people: HashMap::new(),
            created: HashSet::new(),
            logins: HashSet::new(),
            flows: HashMap::new(),
            without_password: Vec::new(),
            admins: Vec::new(),
            choices: Vec::new(),
            lost_votes: 0,
            current: None,
        }
    }
}

impl Reimport<'_> {
    /// Imports a flow. Its messages come next.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn flow(&mut self, flow: ExportedFlow) -> Result<(), ServiceError> {
        self.end_flow().await?;
        let name = match flow.title.as_deref() {
            Some(title) if !title.is_empty() => format!("flow {title:?}"),
            _ => format!("flow {}", flow.uuid),
        };
        let uuid = flow.uuid;
        let store = &self.service.store;
        let (was_here, here, is_unfinished, oldest) = store
            .read(move |view| {
                let here = flows::id_of(view, uuid)?;
                let (is_unfinished, oldest) = match here {
                    Some(id) => (
                        imports::is_unfinished(view, id)?,
                        imports::oldest_kept(view, id)?,
                    ),
                    None => (false, None),
                };
                Ok::<_, ServiceError>((imports::has_flow(view, uuid)?, here, is_unfinished, oldest))
            })
            .await?;
        if was_here && here.is_none() {
            self.report.flows.left_out += 1;
            let why = "it was removed here";
            self.report.notes.push(format!("{name} is left out: {why}"));
            return Ok(());
        }
        let mut members = Vec::with_capacity(flow.members.len());
        for member in &flow.members {
            let id = self.known(&member.person).await?;
            members.push(id);
        }
        let mut current = Current {
            id: here,
            name,
            is_new: here.is_none() || is_unfinished,
            events: VecDeque::new(),
            reads: Vec::new(),
            ending: Ending::default(),
            oldest,
            left_out: BTreeMap::new(),
        };
        if current.is_new {
            self.plan_ending(&flow, &members, &mut current).await?;
        }
        if here.is_some() {
            self.report.flows.present += 1;
        } else {
            self.report.flows.taken += 1;
            if !self.dry_run {
                self.create(flow, members, &mut current).await?;
            }
        }
        if let Some(id) = current.id.filter(|_| current.is_new) {
            self.flows.insert(uuid, id);
        }
        self.current = Some(current);
        Ok(())
    }

    /// Determines the events of a new flow, how far its members have read, and what is pinned.
    async fn plan_ending(
        &mut self,
        flow: &ExportedFlow,
        members: &[UserId],
        current: &mut Current,
    ) -> Result<(), ServiceError> {
        let known: HashSet<PublicId> = match current.id {
            Some(id) => {
                let store = &self.service.store;
                store
                    .read(move |view| Ok::<_, ServiceError>(imports::event_ids(view, id)?))
                    .await?
                    .into_iter()
                    .collect()
            }
            None => HashSet::new(),
        };
        current.events = flow
            .events
            .iter()
            .filter(|event| !known.contains(&event.uuid))
            .cloned()
            .collect();
        for (member, id) in flow.members.iter().zip(members) {
            match member.read {
                Some(Some(number)) => current.reads.push((*id, number)),
                Some(None) => current.ending.read.push((*id, None)),
                None => {}
            }
        }
        for (message, by, at) in flow.pins.iter().rev() {
            if let Some(by) = self.people.get(by) {
                current.ending.pins.push((*message, *by, *at));
            }
        }
        Ok(())
    }

    async fn create(
        &mut self,
        flow: ExportedFlow,
        mut members: Vec<UserId>,
        current: &mut Current,
    ) -> Result<(), ServiceError> {
        let mut seen = HashSet::new();
        members.retain(|id| seen.insert(*id));
        let owner = flow.owner.and_then(|uuid| self.people.get(&uuid).copied());
        let owner = owner.filter(|id| members.contains(id));
        let mut levels = Vec::new();
        for member in &flow.members {
            if let Some(id) = self.people.get(&member.person.uuid)
                && member.level.moderates()
                && owner != Some(*id)
            {
                levels.push((*id, member.level));
            }
        }
        let place = current.events.iter().position(|event| event.kind == "made");
        let made = match place.and_then(|place| current.events.remove(place)) {
            Some(event) => self.event(event).await?,
            None => None,
        };
        let mut terms = imports::Terms {
            expire: flow.expire,
            is_protected: flow.is_protected,
            pins_are_restricted: flow.pins_are_restricted,
            saved_by: owner.filter(|_| flow.is_saved),
            levels,
            picture: flow.picture,
            made,
        };
        let is_pair = flow.kind != FlowKind::Chat || members.len() == 2;
        let mut new = imports::Flow {
            uuid: flow.uuid,
            kind: if is_pair { flow.kind } else { FlowKind::Group },
            title: flow.title,
            info: flow.info,
            owner,
            members,
            created_at: flow.created_at,
        };
        let store = &self.service.store;
        let (id, as_group) = store
            .write(move |tx| {
                let (id, as_group) = match imports::flow(tx, &new) {
                    // The two users already have a chat here.
                    Err(StoreError::Conflict(_)) if new.kind == FlowKind::Chat => {
                        new.kind = FlowKind::Group;
                        (imports::flow(tx, &new)?, true)
                    }
                    other => (other?, false),
                };
                if let Some(made) = &mut terms.made {
                    made.at = made.at.min(tx.now());
                }
                imports::furnish(tx, id, &terms)?;
                Ok::<_, ServiceError>((id, as_group))
            })
            .await?;
        if as_group || !is_pair {
            let why = if as_group {
                "its two members have a chat here already"
            } else {
                "it has not two members"
            };
            let name = &current.name;
            self.report
                .notes
                .push(format!("{name} is a group from now on: {why}"));
        }
        current.id = Some(id);
        Ok(())
    }

    /// Returns an event as it is stored here; `None`: a kind that is unknown.
    async fn event(
        &mut self,
        event: ExportedEvent,
    ) -> Result<Option<imports::Event>, ServiceError> {
        let by = match &event.by {
            Some(person) => Some(self.known(person).await?),
            None => None,
        };
        let user = match &event.user {
            Some(person) => Some(self.known(person).await?),
            None => None,
        };
        Ok(refill::kind(&event.kind).map(|kind| imports::Event {
            uuid: event.uuid,
            at: event.at,
            by,
            kind,
            user,
            message: event.message,
            body: event.body,
        }))
    }

    /// Imports messages of the flow that came last, in order.
    ///
    /// # Errors
    /// The database, or a file in its folder, cannot be written.
    pub async fn messages(&mut self, batch: Vec<ExportedMessage>) -> Result<(), ServiceError> {
        let Some(mut current) = self.current.take() else {
            return Ok(());
        };
        let ids: Vec<PublicId> = batch.iter().map(|message| message.uuid).collect();
        let store = &self.service.store;
        let present: HashSet<PublicId> = store
            .read(move |view| Ok::<_, ServiceError>(imports::present(view, &ids)?))
            .await?
            .into_iter()
            .collect();
        let mut items = Vec::with_capacity(batch.len());
        for message in batch {
            while current
                .events
                .front()
                .is_some_and(|it| it.after < message.number)
                && let Some(event) = current.events.pop_front()
            {
                items.extend(self.event(event).await?.map(Item::Event));
            }
            let here = &mut current.reads;
            for (user, _) in here.extract_if(.., |(_, number)| *number == message.number) {
                current.ending.read.push((user, Some(message.uuid)));
            }
            if present.contains(&message.uuid) {
                self.report.messages.present += 1;
            } else if current
                .oldest
                .is_some_and(|oldest| message.sent_at < oldest)
            {
                let why = "older than what is kept here";
                *current.left_out.entry(why).or_default() += 1;
            } else {
                self.report.messages.taken += 1;
                let message = self
                    .message(message, current.id.unwrap_or(FlowId(0)))
                    .await?;
                items.push(Item::Message(message));
            }
        }
        self.write(current.id, items).await?;
        self.current = Some(current);
        Ok(())
    }

    async fn write(&self, flow: Option<FlowId>, items: Vec<Item>) -> Result<(), ServiceError> {
        let Some(flow) = flow.filter(|_| !self.dry_run && !items.is_empty()) else {
            return Ok(());
        };
        let store = &self.service.store;
        store
            .write(move |tx| Ok::<_, ServiceError>(imports::items(tx, flow, &items)?))
            .await?;
        Ok(())
    }

    /// Completes the flow whose messages have all come.
    async fn end_flow(&mut self) -> Result<(), ServiceError> {
        let Some(mut current) = self.current.take() else {
            return Ok(());
        };
        let mut items = Vec::new();
        while let Some(event) = current.events.pop_front() {
            items.extend(self.event(event).await?.map(Item::Event));
        }
        self.write(current.id, items).await?;
        for (why, count) in std::mem::take(&mut current.left_out) {
            self.report.messages.left_out += count;
            let name = &current.name;
            self.report
                .notes
                .push(format!("{name}: {count} messages left out: {why}"));
        }
        let Some(id) = current.id.filter(|_| current.is_new && !self.dry_run) else {
            return Ok(());
        };
        let ending = current.ending;
        let store = &self.service.store;
        store
            .write(move |tx| {
                imports::end(tx, id, &ending)?;
                Ok::<_, ServiceError>(imports::finish(tx, id)?)
            })
            .await
    }

    /// Completes the import. Returns what was imported.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn finish(mut self) -> Result<Takeover, ServiceError> {
        self.end_flow().await?;
        for (user, own) in std::mem::take(&mut self.choices) {
            if !self.dry_run {
                self.choose(user, own).await?;
            }
        }
        let listed = |logins: &[String]| {
            let more = logins.len().saturating_sub(LISTED);
            let shown = logins.iter().take(LISTED).cloned().collect::<Vec<_>>();
            let mut text = shown.join(", ");
            if more > 0 {
                text = format!("{text} and {more} more");
            }
            text
        };
        if !self.without_password.is_empty() {
            let logins = listed(&self.without_password);
            self.report.notes.push(format!(
                "without a password, since an export contains none: {logins}. \
                 `morelia user reset LOGIN` makes a link for a new one"
            ));
        }
        if !self.admins.is_empty() {
            let logins = listed(&self.admins);
            self.report.notes.push(format!(
                "administrators of the exported server, and not of this one: {logins}. \
                 `morelia user set LOGIN --admin on` makes them that"
            ));
        }
        if self.lost_votes > 0 {
            self.report.notes.push(format!(
                "{} anonymous polls have lost their votes: an export does not tell who voted",
                self.lost_votes
            ));
        }
        Ok(self.report)
    }
}
