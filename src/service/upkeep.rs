//! Maintenance of the server: the state of backups, old messages, statistics, and messages from the
//! server to its administrators.

use std::time::Duration;

use super::{Refusal, Service, ServiceError, backup_disk, names};
use crate::model::{By, FlowId, FlowKind, Login, PublicId, Timestamp, User, UserId};
use crate::store::details::NewDetails;
use crate::store::properties::{self, BACKUP_AT, BACKUP_FAILED_AT, BACKUP_FAILURE, BACKUP_PATH};
use crate::store::retention::{self, Removed};
use crate::store::statistics::{self, Statistics};
use crate::store::{
    StoreError, Tx, View, blocks, flow_edits, flows, members, messages, push, users,
};

/// Number of messages that are removed in one write, so that other writes do not wait for long.
const PRUNED_AT_ONCE: i64 = 200;

/// Possible logins of the account with which the server writes; the first free one is used.
const SYSTEM_LOGINS: [&str; 3] = [names::OF_SERVER, "morelia-server", "morelia-system"];

/// The state of backups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupRecord {
    /// When the last one was made.
    pub made_at: Option<Timestamp>,
    /// Where it was stored.
    pub path: Option<String>,
    /// When and why a later one failed.
    pub failure: Option<(Timestamp, String)>,
    /// When the administrators were last told of the failure.
    pub told_at: Option<Timestamp>,
}

impl Service {
    /// Returns the state of backups.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn backup_record(&self) -> Result<BackupRecord, ServiceError> {
        self.store.read(|view| Ok(record(view)?)).await
    }

    /// Records that a backup was made. Administrators who were told of a failure are told that backups
    /// work again.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn note_backup(&self, path: String) -> Result<(), ServiceError> {
        self.note_backup_at(Timestamp::now(), path).await
    }

    /// Does the same for a backup that was made at another time.
    pub(crate) async fn note_backup_at(
        &self,
        at: Timestamp,
        path: String,
    ) -> Result<(), ServiceError> {
        let database = self.store.path().to_owned();
        self.store
            .write(move |tx| {
                backup_disk::note(tx, &database, &path)?;
                if properties::number(tx, properties::BACKUP_TOLD_AT)?.is_some() {
                    tell_administrators(tx, &format!("Backups work again: {path} was made."))?;
                }
                properties::set_number(tx, BACKUP_AT, at.0)?;
                properties::set_text(tx, BACKUP_PATH, &path)?;
                for name in [BACKUP_FAILED_AT, BACKUP_FAILURE, properties::BACKUP_TOLD_AT] {
                    properties::forget(tx, name)?;
                }
                Ok(())
            })
            .await
    }

    /// Records that a backup failed.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn note_backup_failure(&self, why: String) -> Result<(), ServiceError> {
        self.store
            .write(move |tx| {
                properties::set_number(tx, BACKUP_FAILED_AT, tx.now().0)?;
                Ok(properties::set_text(tx, BACKUP_FAILURE, &why)?)
            })
            .await
    }

    /// Tells every administrator of a problem with backups, each in a chat with the server's own account,
    /// and records that.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn warn_of_backup(&self, text: String) -> Result<(), ServiceError> {
        self.store
            .write(move |tx| {
                tell_administrators(tx, &text)?;
                let now = tx.now().0;
                Ok(properties::set_number(tx, properties::BACKUP_TOLD_AT, now)?)
            })
            .await
    }

    /// Tells every administrator of a problem with the certificate, at most once a day.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn warn_of_certificate(&self, text: String) -> Result<(), ServiceError> {
        const DAY_MS: i64 = 86_400_000;
        self.store
            .write(move |tx| {
                let now = tx.now().0;
                let told = properties::number(tx, properties::CERTIFICATE_TOLD_AT)?;
                if told.is_some_and(|told| told <= now && now - told < DAY_MS) {
                    return Ok(());
                }
                tell_administrators(tx, &text)?;
                Ok(properties::set_number(
                    tx,
                    properties::CERTIFICATE_TOLD_AT,
                    now,
                )?)
            })
            .await
    }

    /// Returns whether the operator should be told of a kind of problem, because that was not done recently.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn is_alert_due(&self, kind: &str, every: Duration) -> Result<bool, ServiceError> {
        let (name, now) = (alert(kind), self.store.now());
        let told = self
            .store
            .read(move |view| properties::number(view, &name).map_err(ServiceError::from))
            .await?;
        let told = told.map(Timestamp);
        // A clock that was set back must not suppress anything.
        Ok(told.is_none_or(|told| told > now || told.after(every) <= now))
    }

    /// Records that the operator was told of a kind of problem.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn note_alert(&self, kind: &str) -> Result<(), ServiceError> {
        let name = alert(kind);
        self.store
            .write(move |tx| Ok(properties::set_number(tx, &name, tx.now().0)?))
            .await
    }

    /// Returns the number of devices that have subscribed to notifications.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn count_notified(&self) -> Result<i64, ServiceError> {
        self.store
            .read(|view| push::count(view).map_err(ServiceError::from))
            .await
    }

    /// Counts messages from before a time.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn count_old_messages(&self, before: Timestamp) -> Result<Removed, ServiceError> {
        self.store
            .read(move |view| Ok(retention::count(view, before)?))
            .await
    }

    /// Permanently removes messages from before a time, a few at a time.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn remove_old_messages(&self, before: Timestamp) -> Result<Removed, ServiceError> {
        let mut all = Removed::default();
        loop {
            let some: Removed = self
                .store
                .write(move |tx| {
                    Ok::<_, ServiceError>(retention::remove(tx, before, PRUNED_AT_ONCE)?)
                })
                .await?;
            if some.messages == 0 {
                return Ok(all);
            }
            all.messages += some.messages;
            all.size_bytes += some.size_bytes;
        }
    }

    /// Collects all statistics.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn statistics(&self) -> Result<Statistics, ServiceError> {
        self.store.read(|view| Ok(statistics::collect(view)?)).await
    }

    /// Returns up to `most` accounts whose names would not be permitted now.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn deceiving_names(
        &self,
        most: usize,
    ) -> Result<Vec<(String, crate::store::names::Deceit)>, ServiceError> {
        self.store
            .read(move |view| Ok(crate::store::names::deceiving(view, most)?))
            .await
    }

    /// Returns when the last change was made, according to the log.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn last_change(&self) -> Result<Timestamp, ServiceError> {
        self.store
            .read(|view| Ok(crate::store::log::last(view)?.1))
            .await
    }
}

fn record(view: &View<'_>) -> Result<BackupRecord, StoreError> {
    let time = |name| Ok::<_, StoreError>(properties::number(view, name)?.map(Timestamp));
    Ok(BackupRecord {
        made_at: time(BACKUP_AT)?,
        path: properties::text(view, BACKUP_PATH)?,
        failure: time(BACKUP_FAILED_AT)?.zip(properties::text(view, BACKUP_FAILURE)?),
        told_at: time(properties::BACKUP_TOLD_AT)?,
    })
}

/// Returns the name of the property that records when the operator was told of a kind of problem.
fn alert(kind: &str) -> String {
    format!("alert_{kind}_at")
}

/// Writes to every administrator, each in a chat with the server's own account.
fn tell_administrators(tx: &Tx<'_>, text: &str) -> Result<(), ServiceError> {
    let sender = system_user(tx)?;
    for admin in users::all(tx)? {
        if !admin.is_admin || admin.is_suspended || admin.id == sender.id {
            continue;
        }
        write_to(tx, &sender, &admin, text)?;
    }
    Ok(())
}

/// Writes to a user, in a chat with the server's own account, unless the user is deleted, is a program or
/// blocks that account.
pub(super) fn tell_person(tx: &Tx<'_>, person: UserId, text: &str) -> Result<(), ServiceError> {
    let Some(person) = users::by_id(tx, person)? else {
        return Ok(());
    };
    if person.is_deleted || person.is_bot {
        return Ok(());
    }
    let sender = system_user(tx)?;
    if blocks::has(tx, person.id, sender.id)? {
        return Ok(());
    }
    write_to(tx, &sender, &person, text)
}

fn write_to(tx: &Tx<'_>, sender: &User, person: &User, text: &str) -> Result<(), ServiceError> {
    let (flow, flow_uuid) = match chat(tx, sender, person) {
        // A user who has left that chat does not want to be told.
        Err(ServiceError::Store(StoreError::Conflict(_))) => return Ok(()),
        found => found?,
    };
    let new = messages::NewMessage {
        flow,
        flow_uuid,
        author: sender.id,
        author_uuid: sender.uuid,
        text: Some(text.to_owned()),
        files: Vec::new(),
        stored: Vec::new(),
        details: NewDetails::default(),
        state: None,
    };
    messages::insert(tx, new, None)?;
    Ok(())
}

/// Returns the account with which the server writes. Nobody can log in to it.
fn system_user(tx: &Tx<'_>) -> Result<User, ServiceError> {
    if let Some(id) = properties::number(tx, properties::SYSTEM_USER)? {
        let known = users::by_id(tx, UserId(id))?;
        if let Some(known) = known.filter(|user| !user.is_deleted) {
            return Ok(known);
        }
    }
    let mut free = None;
    for login in SYSTEM_LOGINS {
        if users::by_login(tx, login)?.is_none() {
            free = Some(login);
            break;
        }
    }
    let new = users::NewUser {
        login: Login::new(free.ok_or(Refusal::LoginTaken)?)?,
        password_hash: None,
        username: Some("Morelia".to_owned()),
        email: None,
        is_admin: false,
        is_bot: true,
    };
    let user = users::insert(tx, &new, None)?;
    properties::set_number(tx, properties::SYSTEM_USER, user.id.0)?;
    Ok(user)
}

/// Returns the chat of two accounts, which is created if it does not exist.
fn chat(tx: &Tx<'_>, one: &User, other: &User) -> Result<(FlowId, PublicId), ServiceError> {
    for flow in members::flows_of(tx, one.id)? {
        let Some(flow) = flows::by_id(tx, flow)? else {
            continue;
        };
        if flow.kind == FlowKind::Chat && members::is_member(tx, flow.id, other.id)? {
            return Ok((flow.id, flow.uuid));
        }
    }
    let new = flow_edits::NewFlow {
        kind: FlowKind::Chat,
        title: None,
        info: None,
        owner: one.id,
        members: vec![one.id, other.id],
        is_saved: false,
        room: crate::store::flow_edits::RoomTerms::default(),
    };
    let flow = flow_edits::insert(tx, &new, By::OPERATOR)?;
    Ok((flow.id, flow.uuid))
}
