//! Import of the database of the Python server.
//!
//! Everything is identified by its id, so a second run imports only what is new. Data that the Python
//! server permitted and this one does not (two users with one login, incomplete flows) is corrected and
//! reported.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZero;
use std::path::Path;

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::legacy::{self, Known, login_like};
use crate::auth::{Password, hash_password};
use crate::model::{DELETED_LOGIN, FlowId, FlowKind, Login, PublicId, Timestamp, UserId};
use crate::service::{Service, ServiceError};
use crate::store::imports::{self, Fate};
use crate::store::python::{OldFlow, OldMessage, OldUser, Source};
use crate::store::{StoreError, flows, users};

/// Number of messages that one write imports, and their approximate size in bytes: a server that runs at
/// the same time can write in between.
const AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 4 * 1024 * 1024;

/// Number of users whose passwords are hashed before the first of them is written: so much work is lost
/// when a run is interrupted.
const USERS_AT_ONCE: usize = 64;

/// Maximum number of passwords that are hashed at the same time: each takes 19 MiB of memory.
const MAX_HASHES: usize = 8;

/// The reason why a message that was imported before is not imported again.
const REMOVED: &str = "taken over before, and removed here since as too old";

/// Numbers of imported, existing and skipped items of a kind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Imported by this run.
    pub taken: usize,
    /// Existing from an earlier run.
    pub present: usize,
    /// Skipped; the notes say why.
    pub left_out: usize,
}

/// The result of an import, or of a dry run.
#[derive(Debug, Default)]
pub struct Takeover {
    /// Users, including deleted ones.
    pub users: Tally,
    /// Flows.
    pub flows: Tally,
    /// Messages.
    pub messages: Tally,
    /// Files of the imported messages.
    pub files: usize,
    /// What was skipped or changed, and why: one sentence each.
    pub notes: Vec<String>,
}

/// A running import.
struct Work<'a> {
    service: &'a Service,
    dry_run: bool,
    report: Takeover,
    users: HashMap<i64, Known>,
    by_uuid: HashMap<PublicId, i64>,
    logins: HashSet<String>,
    chats: HashSet<(i64, i64)>,
    /// By row number; the flow here is `None` in a dry run.
    flows: HashMap<i64, Option<FlowId>>,
    /// Flows that this run, or an interrupted one, has created.
    unfinished: Vec<FlowId>,
    last_time: Timestamp,
}

impl Service {
    /// Imports a database of the Python server, or counts what would be imported. For the operator.
    ///
    /// # Errors
    /// Fails if that database cannot be read or is not of the Python server, or if this one cannot be
    /// written.
    pub async fn take_over(&self, path: &Path, dry_run: bool) -> Result<Takeover, ServiceError> {
        let source = Source::open(path)?;
        let mut work = Work {
            service: self,
            dry_run,
            report: Takeover::default(),
            users: HashMap::new(),
            by_uuid: HashMap::new(),
            logins: HashSet::new(),
            chats: HashSet::new(),
            flows: HashMap::new(),
            unfinished: Vec::new(),
            last_time: Timestamp::now(),
        };
        let users = source.users()?;
        for some in users.chunks(USERS_AT_ONCE) {
            let mut hashes = work.hashes(some).await?;
            for user in some {
                let hash = hashes.remove(&user.row);
                work.user(user.clone(), hash).await?;
            }
        }
        for flow in source.flows()? {
            work.flow(flow).await?;
        }
        work.messages(&source).await?;
        work.finish().await?;
        Ok(work.report)
    }
}

impl Work<'_> {
    fn note(&mut self, sentence: String) {
        self.report.notes.push(sentence);
    }

    /// Hashes the passwords of users who do not exist here, on all cores at the same time: one after the
    /// other, a thousand take a quarter of an hour on a small board. The result is by row number.
    async fn hashes(&self, users: &[OldUser]) -> Result<HashMap<i64, String>, ServiceError> {
        if self.dry_run {
            return Ok(HashMap::new());
        }
        let ids: Vec<PublicId> = users.iter().filter_map(|user| user.uuid).collect();
        let store = &self.service.store;
        let present: HashSet<PublicId> = store
            .read(move |view| {
                let mut present = HashSet::new();
                for id in ids {
                    if users::by_uuid(view, id)?.is_some() {
                        present.insert(id);
                    }
                }
                Ok::<_, ServiceError>(present)
            })
            .await?;
        let wanted = users.iter().filter(|user| {
            has_password(user) && user.uuid.is_some_and(|uuid| !present.contains(&uuid))
        });
        let wanted: Vec<_> = wanted
            .map(|user| (user.row, Password::new(user.password.clone())))
            .collect();
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        futures_util::stream::iter(wanted)
            .map(|(row, password)| async move {
                let hash = tokio::task::spawn_blocking(move || hash_password(&password));
                let hash = hash.await.map_err(|_| ServiceError::Overloaded)??;
                Ok((row, hash))
            })
            .buffer_unordered(cores.min(MAX_HASHES))
            .try_collect()
            .await
    }

    async fn user(
        &mut self,
        old: OldUser,
        password_hash: Option<String>,
    ) -> Result<(), ServiceError> {
        let Some(uuid) = old.uuid else {
            self.report.users.left_out += 1;
            self.note(format!(
                "user {:?} is left out: its id is no number of 128 bits",
                old.login
            ));
            return Ok(());
        };
        self.by_uuid.insert(uuid, old.row);
        let store = &self.service.store;
        let present = store
            .read(move |view| Ok::<_, ServiceError>(users::by_uuid(view, uuid)?))
            .await?;
        if let Some(user) = present {
            self.report.users.present += 1;
            let known = Known {
                id: Some(user.id),
                is_deleted: user.is_deleted,
            };
            self.users.insert(old.row, known);
            return Ok(());
        }
        let is_deleted = old.login == DELETED_LOGIN;
        let login = if is_deleted {
            None
        } else {
            Some(self.free_login(&old).await?)
        };
        let mut known = Known {
            id: None,
            is_deleted,
        };
        if !is_deleted && !has_password(&old) {
            self.note(format!(
                "user {:?} has no password: set one with `morelia user passwd`",
                old.login
            ));
        } else if !is_deleted && Password::new(old.password.clone()).weakness().is_some() {
            self.note(format!(
                "the password of user {:?} is easy to guess and still works: `morelia user reset` makes a link for a new one",
                old.login
            ));
        }
        if !self.dry_run {
            let new = legacy::user(old.clone(), uuid, login, password_hash);
            let id = self
                .service
                .store
                .write(move |tx| Ok::<_, ServiceError>(imports::user(tx, &new)?))
                .await?;
            known.id = Some(id);
        }
        self.users.insert(old.row, known);
        self.report.users.taken += 1;
        Ok(())
    }

    /// Returns the login of a user, changed as little as necessary to make it valid and unique.
    async fn free_login(&mut self, old: &OldUser) -> Result<Login, ServiceError> {
        let like = login_like(&old.login, old.row);
        let mut count = 1;
        loop {
            let login = legacy::numbered(&like, count)?;
            let key = login.key();
            let wanted = login.as_str().to_owned();
            let store = &self.service.store;
            let is_taken = self.logins.contains(&key)
                || store
                    .read(move |view| Ok::<_, ServiceError>(users::by_login(view, &wanted)?))
                    .await?
                    .is_some();
            if !is_taken {
                if login.as_str() != old.login {
                    let why = if count > 1 {
                        "that login is taken"
                    } else {
                        "that is no valid login here"
                    };
                    self.note(format!(
                        "user {:?} logs in as {:?} from now on: {why}",
                        old.login,
                        login.as_str()
                    ));
                }
                self.logins.insert(key);
                return Ok(login);
            }
            count += 1;
        }
    }

    async fn flow(&mut self, old: OldFlow) -> Result<(), ServiceError> {
        let name = legacy::flow_name(&old);
        let Some(uuid) = old.uuid else {
            self.report.flows.left_out += 1;
            self.note(format!(
                "{name} is left out: its id is no number of 128 bits"
            ));
            return Ok(());
        };
        let store = &self.service.store;
        let (was_here, here, is_unfinished) = store
            .read(move |view| {
                let was_here = imports::has_flow(view, uuid)?;
                let here = flows::id_of(view, uuid)?;
                let is_unfinished = match here {
                    Some(id) => imports::is_unfinished(view, id)?,
                    None => false,
                };
                Ok::<_, ServiceError>((was_here, here, is_unfinished))
            })
            .await?;
        if was_here {
            if let Some(id) = here {
                self.report.flows.present += 1;
                self.flows.insert(old.row, here);
                if is_unfinished {
                    self.unfinished.push(id);
                }
            } else {
                self.report.flows.left_out += 1;
                self.note(format!("{name} is left out: it was removed here"));
            }
            return Ok(());
        }
        let owner = old.owner.and_then(|uuid| self.by_uuid.get(&uuid).copied());
        let plan = match legacy::plan(&old, owner, &self.users, &mut self.chats) {
            Ok(plan) => plan,
            Err(why) => {
                self.report.flows.left_out += 1;
                self.note(format!("{name} is left out: {why}"));
                return Ok(());
            }
        };
        for change in &plan.changes {
            self.note(format!("{name}: {change}"));
        }
        self.report.flows.taken += 1;
        if self.dry_run {
            self.flows.insert(old.row, None);
            return Ok(());
        }
        let id_of = |row: &i64| self.users.get(row).and_then(|known| known.id);
        let mut new = imports::Flow {
            uuid,
            kind: plan.kind,
            title: old.title,
            info: old.info,
            owner: plan.owner.as_ref().and_then(id_of),
            members: plan.members.iter().filter_map(id_of).collect(),
            created_at: old
                .created
                .filter(|second| *second > 0)
                .map_or_else(Timestamp::now, Timestamp::from_seconds),
        };
        let (id, as_group) = self
            .service
            .store
            .write(move |tx| match imports::flow(tx, &new) {
                // The two users already have a chat here.
                Err(StoreError::Conflict(_)) if new.kind == FlowKind::Chat => {
                    new.kind = FlowKind::Group;
                    Ok((imports::flow(tx, &new)?, true))
                }
                other => Ok::<_, ServiceError>((other?, false)),
            })
            .await?;
        if as_group {
            self.note(format!(
                "{name} is a group from now on: its two members have a chat here already"
            ));
        }
        self.unfinished.push(id);
        self.flows.insert(old.row, Some(id));
        Ok(())
    }

    async fn messages(&mut self, source: &Source) -> Result<(), ServiceError> {
        let mut left_out: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut after = i64::MIN;
        loop {
            let batch = source.messages(after, AT_ONCE, BYTES_AT_ONCE)?;
            let Some(last) = batch.last() else { break };
            after = last.row;
            let mut sound = Vec::with_capacity(batch.len());
            for message in batch {
                match self.sort(message) {
                    Ok(message) => sound.push(message),
                    Err(why) => *left_out.entry(why).or_default() += 1,
                }
            }
            let files: Vec<usize> = sound.iter().map(|(_, it)| it.files.len()).collect();
            let store = &self.service.store;
            let fates = if self.dry_run {
                store
                    .read(move |view| Ok::<_, ServiceError>(imports::fates(view, &sound)?))
                    .await?
            } else {
                let sound: Vec<_> = sound.into_iter().map(|(_, message)| message).collect();
                store
                    .write(move |tx| Ok::<_, ServiceError>(imports::messages(tx, &sound)?))
                    .await?
            };
            for (fate, files) in fates.into_iter().zip(files) {
                match fate {
                    Fate::Taken => {
                        self.report.messages.taken += 1;
                        self.report.files += files;
                    }
                    Fate::Present => self.report.messages.present += 1,
                    Fate::Removed => *left_out.entry(REMOVED).or_default() += 1,
                }
            }
        }
        for (why, count) in left_out {
            self.report.messages.left_out += count;
            let messages = if count == 1 { "message" } else { "messages" };
            self.note(format!("{count} {messages} left out: {why}"));
        }
        Ok(())
    }

    /// Records that this run imports nothing more, so that later messages are new.
    async fn finish(&mut self) -> Result<(), ServiceError> {
        let unfinished = std::mem::take(&mut self.unfinished);
        if self.dry_run || unfinished.is_empty() {
            return Ok(());
        }
        self.service
            .store
            .write(move |tx| {
                for flow in unfinished {
                    imports::finish(tx, flow)?;
                }
                Ok(())
            })
            .await
    }

    /// Determines how a message is stored here, and in which flow, or why it cannot be.
    fn sort(
        &mut self,
        old: OldMessage,
    ) -> Result<(Option<FlowId>, imports::Message), &'static str> {
        /// A dry run writes nothing, so any number will do.
        const NOWHERE: i64 = 0;
        let uuid = old.uuid.ok_or("the id is no number of 128 bits")?;
        let flow = old.flow.and_then(|row| self.flows.get(&row).copied());
        let flow = flow.ok_or("the flow is unknown or left out")?;
        let author = old.author.and_then(|row| self.users.get(&row));
        let author = author.ok_or("the author is unknown or left out")?;
        let message = legacy::message(
            old,
            uuid,
            flow.unwrap_or(FlowId(NOWHERE)),
            author.id.unwrap_or(UserId(NOWHERE)),
            self.last_time,
        );
        self.last_time = message.sent_at;
        Ok((flow, message))
    }
}

/// Returns whether the stored password can be used to log in.
fn has_password(user: &OldUser) -> bool {
    user.login != DELETED_LOGIN && !user.password.is_empty()
}
