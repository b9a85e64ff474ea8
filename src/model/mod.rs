//! The terms of the domain: users, flows, messages, sessions, events.
//!
//! What belongs here: plain values and the rules for a single value. What does not: storage, permissions
//! and wire formats; nothing here does I/O or knows serde.

pub mod about;
mod account;
mod audit;
mod bot;
mod confusable;
mod emoji;
mod event;
pub mod file;
mod flow;
mod fold;
mod form;
mod hook;
mod id;
mod invitation;
mod login;
mod media;
mod message;
mod neighbourhood;
mod outgoing;
mod page;
mod picture;
mod session;
mod setting;
mod shown;
mod slot;
mod terms;
mod time;
mod user;

pub use about::{
    About, Around, Forward, NewPoll, Original, Poll, Preview, Program, Quote, Reaction,
};
pub use account::{AccountEdit, OwnAccount, PushAddress, PushContent};
pub use audit::{Act, AuditEntry, Named};
pub use bot::{Bot, BotCommand, BotToken, Scopes};
pub use emoji::is_emoji;
pub use event::{
    Audience, By, Event, FlowEvent, FlowNews, Happening, InvitedTo, News, Origin, Presence,
    ReadMark,
};
pub use file::{File, Kind, Look, Thumbnail};
pub use flow::{Flow, FlowInfo, FlowKind, FlowSummary, FlowSwitches, Level, Power};
pub use fold::fold;
pub use form::Form;
pub use hook::{Hook, Loudness};
pub use id::{
    Digits, FileId, FlowId, HookId, InvitationId, MessageId, OutgoingId, Position, PublicId,
    SessionId, SubscriptionId, UserId,
};
pub use invitation::Invitation;
pub use login::{DELETED_LOGIN, InvalidLogin, Login, Looks, is_of_localpart};
pub use media::{known_media_type, media_type};
pub use message::{Attachment, Content, DELETED_TEXT, Encoding, KINDS, Message, kind_bit};
pub use neighbourhood::Neighbourhood;
pub use outgoing::{Callout, CalloutKind, Outgoing, Topics};
pub use page::Page;
pub use picture::Picture;
pub use session::{Session, SessionInfo, SessionKind};
pub use setting::{FlowSettings, FlowSettingsEdit};
pub use shown::clean_name;
pub use slot::Slot;
pub use terms::{Query, TERMS_VERSION, Term, fits_name, terms};
pub use time::Timestamp;
pub use user::{AccountInfo, User};
