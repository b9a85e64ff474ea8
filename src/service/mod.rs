//! What users may do, whatever the protocol.
//!
//! What belongs here: permissions, limits, the order of checks and writes. A protocol's handlers and the
//! operator's commands call nothing below this layer. What does not: SQL (see [`crate::store`]), wire
//! formats (see [`crate::protocol`]).
//!
//! Only [`Service::authenticate`] creates a [`SignedIn`], so a function that takes one cannot be called
//! for a stranger. Permissions are checked inside the transaction that they permit.

mod accounts;
mod administration;
mod archives;
mod around;
mod backup_disk;
mod bearer;
mod blocks;
mod bot_commands;
mod bots;
mod bucket;
mod cleaning;
mod companions;
mod company;
mod details;
mod devices;
mod directory;
mod entry;
mod error;
mod expiry;
mod feed;
mod fields;
mod file_care;
mod files;
mod flow_change;
mod flow_settings;
mod flows;
mod found;
mod gate;
mod guesses;
mod hashing;
mod hooks;
mod invitations;
mod invited;
mod labels;
mod links;
mod members;
mod messages;
mod names;
mod operator;
mod outgoing;
mod own_account;
mod passwords;
mod pins;
mod presence;
mod previews;
mod profiles;
mod push;
mod quotas;
mod receipts;
mod recently;
mod refusal;
mod refusal_value;
mod registrations;
mod resets;
mod rights;
mod rooms;
mod scopes;
mod search;
mod seen;
mod sent_files;
mod sessions;
mod settings;
mod thing;
mod thumbnails;
mod tickets;
mod updates;
mod upkeep;
mod upload_place;
mod uploads;
mod used_up;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use tokio::sync::{Notify, Semaphore, mpsc};

pub use accounts::{Account, ProfileChange, Registration};
pub use administration::{
    AccountChange, BackupCopy, CheckRow, Machine, ProgramState, ServerStatus, Task, WriteArchive,
};
pub use archives::{ArchiveFile, ArchiveOrder};
pub use bearer::Reader;
pub use bots::{NewBotToken, TokenOrder};
pub use bucket::{Bucket, Rate};
#[cfg(any(test, fuzzing))]
pub use cleaning::clean_any;
pub use details::DraftDetails;
pub use error::ServiceError;
pub use feed::{End, Feed, Told};
pub use files::{FetchError, Pieces};
pub use flow_change::{FlowChange, FlowDraft};
pub use flows::FlowList;
pub use found::Several;
pub use gate::{Shown, SignedIn};
pub use hooks::{
    AlertGroup, HookChange, HookFile, HookOrder, HookPicture, HookPost, NewSecret, PostedByHook,
};
pub use invitations::{Ends, Invite, NewCode};
pub use labels::{MAX_LABEL_CHARS, label_of_user_agent};
pub use links::NewLink;
pub use members::MemberQuery;
pub use messages::{Draft, HistoryPage, HistoryRange, Posted};
pub use operator::{
    Brought, ExportedContent, ExportedEvent, ExportedFile, ExportedFlow, ExportedMember,
    ExportedMessage, ExportedPoll, ExportedThumbnail, ExportedUser, FlowStanding, Line,
    MemberStanding, NewFlow, OwnChoices, Person, Reimport, Takeover, Tally, UserChange,
    UserStanding,
};
pub use outgoing::{
    CalloutEnd, Messenger, NewOutgoing, NextCallout, OutgoingOrder, Recipient, Sending, TestEnd,
};
pub use previews::{
    AT_A_TIME as PREVIEWS_AT_A_TIME, Ask, Asking, Fetched, KEPT_BYTES as PREVIEWS_KEPT_BYTES,
};
pub use profiles::Found;
pub use push::{Courier, Notice, Pending, Ring, Tried, What};
pub use refusal::Refusal;
pub use refusal_value::Value;
pub use resets::NewReset;
pub use rooms::{
    Beside, Device, Judge, Mood, NewLevels, NewRoom, Notified, ReadUpTo, Renamed, Renewed,
    RoomDraft, RoomFile, RoomNews, RoomPage, RoomPoll, RoomPresence, RoomQuery, RoomReading,
    RoomRefusal, SyncQuery, Synced, Unread, Wanted,
};
pub use search::{Search, SearchHits};
pub use sent_files::{SentFile, Source};
pub use sessions::{Client, Opened};
pub use settings::{Limits, Quotas, Settings};
pub use thing::{Field, Thing, Unit};
pub use thumbnails::SentThumbnail;
pub use tickets::NewTicket;
pub use updates::{Cursor, Standing, Updates, Within};
pub use upkeep::BackupRecord;
pub use upload_place::UploadPlace;
pub use uploads::{FileLimits, Intake, MAX_NAME_CHARS, NewUpload, Progress, Upload, UploadError};
pub use used_up::{Payer, Quota};

pub use crate::store::downloads::Found as FoundFile;
pub use crate::store::exports::MessagesOf;
pub use crate::store::hooks::Living as LivingHook;
pub use crate::store::localparts::Named as RoomUser;
pub use crate::store::members::State as MemberState;
pub use crate::store::pins::Pin;
pub use crate::store::room_account::AccountData;
pub use crate::store::room_devices::RoomDevice;
pub use crate::store::room_log::{RoomEvent, Stored, Way, What as RoomContent};
pub use crate::store::room_media::Media;
pub use crate::store::room_names::PublicRoom;
pub use crate::store::room_relations::{DEPTH as RELATION_DEPTH, Relations};
pub use crate::store::rooms::Room;

use crate::hub::{Hub, Listener, QueueLimits};
use crate::store::{
    Committed, Options, Size, Store, StoreError, messages as stored_messages, users,
};
use hashing::Hasher;

/// Maximum number of commits that wait to be announced; beyond that, the writer waits too.
const MAX_UNTOLD: usize = 256;

/// The service: one per process, shared by all connections.
pub struct Service {
    store: Store,
    hub: Arc<Hub>,
    gate: gate::Gate,
    tickets: bearer::Tickets,
    settings: Settings,
    limits: RwLock<Arc<Limits>>,
    hasher: Hasher,
    guesses: guesses::Guesses,
    registrations: registrations::Brake,
    counts: Arc<quotas::Counts>,
    directory: Arc<directory::Directory>,
    companions: Arc<companions::Companions>,
    seen: seen::Seen,
    recently: Arc<around::Recent>,
    read_marks: Arc<receipts::Moved>,
    expiring: Arc<Notify>,
    searches: Semaphore,
    desk: administration::Desk,
    links: links::Links,
    fetching: files::Fetching,
    running: Arc<uploads::Running>,
    care: Arc<file_care::Care>,
    archiving: Notify,
    bell: push::Bell,
    post: push::Post,
    previews: previews::Previews,
    outgoing: outgoing::Desk,
    hook_rates: hooks::HookRates,
    moods: rooms::Moods,
    started: Instant,
}

impl Service {
    /// Opens the database and starts to announce events. Needs a tokio runtime.
    ///
    /// # Errors
    /// Fails if the database cannot be opened.
    pub fn start(options: &Options, settings: Settings) -> Result<Arc<Self>, StoreError> {
        let (sender, committed) = mpsc::channel::<Committed>(MAX_UNTOLD);
        let hub = Hub::new(settings.queue);
        let revoking = Arc::clone(&hub);
        let companions: Arc<companions::Companions> = Arc::default();
        let moving = Arc::clone(&companions);
        let sink = Box::new(move |batch: Committed| {
            // Immediately, so that a token is refused as soon as its end is acknowledged.
            revoking.revoke(&batch.ended);
            if batch.outside {
                moving.forget_all();
            } else if !batch.moved.is_empty() {
                moving.forget(&batch.moved);
            }
            // When the service has been dropped, there is no receiver any more.
            let _ = sender.blocking_send(batch);
        });
        let store = Store::open(options, sink)?;
        let service = Arc::new(Self {
            hub,
            moods: rooms::Moods::default(),
            gate: gate::Gate::default(),
            tickets: bearer::Tickets::default(),
            hasher: Hasher::new(),
            guesses: guesses::Guesses::new(settings.login_attempts, settings.login_window),
            registrations: registrations::Brake::new(settings.registrations),
            counts: Arc::default(),
            directory: Arc::default(),
            companions: Arc::clone(&companions),
            seen: seen::Seen::default(),
            recently: Arc::default(),
            read_marks: Arc::default(),
            expiring: Arc::default(),
            searches: Semaphore::new(search::AT_A_TIME),
            desk: administration::Desk::default(),
            links: links::Links::default(),
            fetching: files::Fetching::default(),
            running: Arc::default(),
            care: Arc::default(),
            archiving: Notify::default(),
            bell: push::Bell::default(),
            post: push::Post::default(),
            previews: previews::Previews::default(),
            outgoing: outgoing::Desk::default(),
            hook_rates: hooks::HookRates::default(),
            started: Instant::now(),
            store,
            limits: RwLock::new(Arc::new(settings.limits.clone())),
            settings,
        });
        tokio::spawn(tell(Arc::downgrade(&service), committed));
        tokio::spawn(presence::announce(Arc::downgrade(&service)));
        tokio::spawn(gate::watch(Arc::downgrade(&service)));
        tokio::spawn(seen::keep(Arc::downgrade(&service)));
        tokio::spawn(file_care::keep(
            Arc::downgrade(&service),
            Arc::clone(&service.care),
        ));
        tokio::spawn(push::listen(Arc::downgrade(&service)));
        tokio::spawn(around::keep(Arc::downgrade(&service)));
        tokio::spawn(receipts::keep(Arc::downgrade(&service)));
        Ok(service)
    }

    /// Creates a listener in the hub for a new connection.
    #[must_use]
    pub fn connect(&self) -> Listener {
        self.hub.connect()
    }

    /// Returns the current limits.
    #[must_use]
    pub fn limits(&self) -> Arc<Limits> {
        Arc::clone(&self.limits.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a request by its cost, for its account and its address.
    ///
    /// # Errors
    /// [`Refusal::TooManyRequests`] if one of them has used up its limit.
    pub fn admit(
        &self,
        user: Option<&SignedIn>,
        client: &Client,
        weight: f64,
    ) -> Result<(), ServiceError> {
        let user = user.map(SignedIn::user);
        self.counts
            .request(user, client.neighbourhood, weight, &self.limits())
    }

    /// Returns the size of a write that affects `count` members or flows.
    fn size_of(user: &SignedIn, count: usize) -> Size {
        if count > settings::LARGE {
            Size::Large(user.user())
        } else {
            Size::Usual
        }
    }

    /// Replaces the limits, for all requests from now on.
    pub fn set_limits(&self, limits: Limits) {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(limits);
    }

    /// Replaces the limits of what may be queued for one connection.
    pub fn set_queue(&self, limits: QueueLimits) {
        self.hub.set_limits(limits);
    }

    /// Returns the store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns when this service started.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Returns the number of users who are connected now.
    #[must_use]
    pub fn online_count(&self) -> usize {
        self.hub.online_count()
    }

    /// Returns the numbers of users and messages; reading them also proves that the database responds.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn count(&self) -> Result<(i64, i64), ServiceError> {
        self.store
            .read(|view| Ok((users::count(view)?, stored_messages::count(view)?)))
            .await
    }

    /// Commits queued writes and closes the database. Blocks.
    pub fn close(&self) {
        self.store.close();
    }
}

/// Announces committed changes, in order, until the service is gone.
async fn tell(service: std::sync::Weak<Service>, mut committed: mpsc::Receiver<Committed>) {
    while let Some(batch) = committed.recv().await {
        let Some(service) = service.upgrade() else {
            return;
        };
        service.outgoing.news.notify_one();
        for mut event in batch.events {
            service.complete_account(&mut event);
            service.note_removals(&event);
            service.bell.ring(&event);
            if service.load_avatar(&mut event).await && service.load_files(&mut event).await {
                service.hub.publish(event);
            } else {
                service.hub.lag_all();
            }
        }
        if batch.missed {
            service.hub.lag_all();
        }
        if batch.outside {
            service.recheck_sessions().await;
        }
    }
}
