//! The content of an export: a document for each flow and user, and the content of files beside them.
//!
//! Written message by message: a history of any length takes no more memory than one page of it. No
//! document contains passwords or tokens.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::error::CliError;
use super::super::{about, event, flow, session, user};
use super::own;
use crate::model::{
    Content, Encoding, FlowId, Message, MessageId, Position, PublicId, Slot, Timestamp, User,
    UserId,
};
use crate::service::{MemberStanding, MessagesOf, Pin, Service};

/// The target of an export, written one file at a time.
pub(super) trait Target: Write {
    /// Starts a file. Existing files are never overwritten.
    fn begin(&mut self, name: &str) -> Result<(), CliError>;

    /// Completes the current file, on disk.
    fn end(&mut self) -> Result<(), CliError>;

    /// Returns the error for a failed write, with its place.
    fn failed(&self, source: io::Error) -> CliError;
}

/// An export in progress.
pub(super) struct Export<'a> {
    service: &'a Service,
    target: &'a mut dyn Target,
    /// Whether the content of files is included.
    has_files: bool,
    /// Content that is still to be written: path and file id.
    waiting: Vec<(String, PublicId)>,
    /// The names of the files that were written.
    pub(super) files: Vec<String>,
    /// The number of messages that were written.
    pub(super) messages: usize,
}

impl<'a> Export<'a> {
    pub(super) fn new(service: &'a Service, target: &'a mut dyn Target, has_files: bool) -> Self {
        Self {
            service,
            target,
            has_files,
            waiting: Vec::new(),
            files: Vec::new(),
            messages: 0,
        }
    }

    /// Writes what a user has written and may see.
    pub(super) async fn user(&mut self, login: &str) -> Result<(), CliError> {
        let standing = self.service.standing_of(login).await?;
        let mut whole = account(self.service, standing.user.clone()).await?;
        whole["sessions"] = standing.sessions.iter().map(session::document).collect();
        self.document("user.json", &json!({"user": whole}))?;
        let chosen = self.service.own_of(standing.user.id).await?;
        self.document("own.json", &own::document(&chosen))?;
        self.begin("written.json")?;
        self.write(b"{")?;
        self.messages(MessagesOf::Author(standing.user.id)).await?;
        for summary in standing.flows {
            let reader = Some(standing.user.id);
            self.flow(summary.flow.id, reader).await?;
        }
        Ok(())
    }

    /// Writes everything.
    pub(super) async fn all(&mut self) -> Result<(), CliError> {
        let mut users = Vec::new();
        for user in self.service.users().await? {
            let chosen = self.service.own_of(user.id).await?;
            let mut whole = account(self.service, user).await?;
            whole["own"] = own::choices(&chosen);
            users.push(whole);
        }
        self.document("users.json", &json!({"users": users}))?;
        for (flow, _) in self.service.all_flows(None).await? {
            self.flow(flow.id, None).await?;
        }
        Ok(())
    }

    /// Writes a flow: for a member with only that member's read mark, for the operator with those
    /// of all members.
    pub(super) async fn flow(
        &mut self,
        id: FlowId,
        reader: Option<UserId>,
    ) -> Result<(), CliError> {
        let standing = self.service.flow_standing(id).await?;
        let mut whole = flow::document(&standing.flow, standing.count);
        let told = |member: &MemberStanding| reader.is_none_or(|reader| reader == member.user.id);
        whole["members"] = standing
            .members
            .iter()
            .map(|member| {
                let mut document = flow::member(member);
                document["username"] = json!(member.user.username);
                if told(member) {
                    document["read"] = json!(member.read);
                }
                document
            })
            .collect();
        if let Some(picture) = standing.flow.picture.filter(|_| self.has_files)
            && let Some(path) = self.path_of(picture.id, "picture").await?
        {
            whole["picture"]["path"] = path.into();
        }
        let pins = self.service.archived_pins(id).await?;
        whole["pins"] = pins.iter().map(pin).collect();
        self.begin(&format!("flow-{}.json", standing.flow.uuid))?;
        self.write(format!("{{\"flow\": {whole:#},\n\"events\": [").as_bytes())?;
        self.events(id).await?;
        self.write(b"\n],\n")?;
        self.messages(MessagesOf::Flow(id)).await
    }

    /// Writes the events of a flow, in order.
    async fn events(&mut self, flow: FlowId) -> Result<(), CliError> {
        let mut after = Position(0);
        let mut separator = "\n";
        loop {
            let page = self.service.archived_events(flow, after).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.position;
            let logins = self.service.logins(event::people(&page)).await?;
            for happened in &page {
                let document = event::document(happened, &logins);
                self.write(format!("{separator}{document}").as_bytes())?;
                separator = ",\n";
            }
        }
    }

    /// Completes a document, whose beginning is already written, with messages; the content of their
    /// files follows.
    async fn messages(&mut self, of: MessagesOf) -> Result<(), CliError> {
        self.write(b"\"messages\": [")?;
        let mut after = MessageId(0);
        let mut separator = "\n";
        loop {
            let page = self.service.archive(of, after).await?;
            let Some((last, _)) = page.last() else { break };
            after = last.id;
            for (message, login) in &page {
                let mut document = written(message, login);
                if !message.shown.is_empty() {
                    let files = self.described(message).await?;
                    document["about"]["files"] = files.into();
                }
                let about = message.about.as_deref();
                let preview = about.and_then(|about| about.preview.as_ref());
                if let Some(picture) = preview.and_then(|it| it.thumbnail.as_deref())
                    && let Some(thumbnail) = self
                        .thumbnail(picture.id, picture.look.width, picture.look.height)
                        .await?
                {
                    document["about"]["preview"]["thumbnail"] = thumbnail;
                }
                self.write(format!("{separator}{document}").as_bytes())?;
                separator = ",\n";
            }
            self.messages += page.len();
        }
        self.write(b"\n]}\n")?;
        self.target.end()?;
        self.contents().await
    }

    /// Returns the descriptions of a message's files. Files that are not part of the message are
    /// written beside the documents, and named by their path.
    async fn described(&mut self, message: &Message) -> Result<Vec<Value>, CliError> {
        let mut files = Vec::with_capacity(message.shown.len());
        for file in &message.shown {
            let mut document = about::file(file);
            if !file.is_given && self.has_files {
                let name = file.look.name.as_deref().unwrap_or_default();
                match self.path_of(file.id, name).await? {
                    Some(path) => document["path"] = path.into(),
                    None => document["missing"] = true.into(),
                }
            }
            if let Some(small) = file.thumbnail
                && let Some(thumbnail) = self.thumbnail(small.id, small.width, small.height).await?
            {
                document["thumbnail"] = thumbnail;
            }
            files.push(document);
        }
        Ok(files)
    }

    /// Returns what is known of a thumbnail, which is written beside the documents.
    async fn thumbnail(
        &mut self,
        id: PublicId,
        width: Option<i64>,
        height: Option<i64>,
    ) -> Result<Option<Value>, CliError> {
        if !self.has_files {
            return Ok(None);
        }
        let path = self.path_of(id, "thumbnail").await?;
        Ok(path.map(|path| json!({"path": path, "width": width, "height": height})))
    }

    /// Returns the path at which content will be written; `None`: it is missing.
    async fn path_of(&mut self, id: PublicId, name: &str) -> Result<Option<String>, CliError> {
        if self.service.open_archived(id).await?.is_none() {
            return Ok(None);
        }
        let path = place(id, name);
        self.waiting.push((path.clone(), id));
        Ok(Some(path))
    }

    /// Writes the content of files that were described, each once, however many messages show it.
    async fn contents(&mut self) -> Result<(), CliError> {
        for (path, id) in std::mem::take(&mut self.waiting) {
            // A user's messages are also in a flow.
            if self.files.contains(&path) {
                continue;
            }
            // It was removed since it was described: its message was deleted.
            let Some(mut opened) = self.service.open_archived(id).await? else {
                continue;
            };
            self.begin(&path)?;
            io::copy(&mut opened.content, &mut self.target)
                .map_err(|source| self.target.failed(source))?;
            self.target.end()?;
        }
        Ok(())
    }

    fn document(&mut self, name: &str, document: &Value) -> Result<(), CliError> {
        self.begin(name)?;
        self.write(format!("{document:#}\n").as_bytes())?;
        self.target.end()
    }

    fn begin(&mut self, name: &str) -> Result<(), CliError> {
        self.target.begin(name)?;
        self.files.push(name.to_owned());
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        let written = self.target.write_all(bytes);
        written.map_err(|source| self.target.failed(source))
    }
}

/// Returns the path for the content of a file. Its name cannot lead outside the folder, and is no
/// longer than file systems allow.
fn place(id: PublicId, name: &str) -> String {
    let plain = |c: char| {
        if c.is_alphanumeric() || "._- ()".contains(c) {
            c
        } else {
            '_'
        }
    };
    let mut end: Vec<char> = name.chars().rev().take(40).map(plain).collect();
    end.reverse();
    let end: String = end.into_iter().collect();
    format!("files/{}-{end}", id.hex())
}

/// Returns a pinned message, in the terms of the protocol.
fn pin(pin: &Pin) -> Value {
    json!({
        "message": pin.message.to_string(), "by": pin.by.to_string(), "time": pin.at.seconds(),
    })
}

async fn account(service: &Service, user: User) -> Result<Value, CliError> {
    let user = service.with_avatar(user).await?;
    let mut document = user::document(&user);
    document["avatar"] = user.avatar_content.as_ref().map(text_of).into();
    Ok(document)
}

/// Returns a message with its files, in the terms of the protocol.
fn written(message: &Message, login: &str) -> Value {
    let mut document = json!({
        "uuid": message.uuid.to_string(),
        "from_flow": message.flow.to_string(),
        "number": message.number,
        "from_user": message.author.to_string(),
        "login": login,
        "time": message.sent_at.seconds(),
        "text": message.text,
        "edited_time": message.edited_at.map(Timestamp::seconds),
        "edited_status": message.edited_at.is_some(),
        "deleted": message.is_deleted,
    });
    if let Some(about) = message.about.as_deref() {
        document["about"] = about::document(about);
    }
    for file in &message.files {
        document[slot_name(file.slot)] = text_of(&file.content).into();
    }
    document
}

/// Returns content as clients get it.
fn text_of(content: &Content) -> String {
    match content.encoding {
        Encoding::Text => String::from_utf8_lossy(&content.bytes).into_owned(),
        Encoding::Base64 => STANDARD.encode(&content.bytes),
    }
}

/// As what a message shows a file, in the protocol's words.
fn slot_name(slot: Slot) -> &'static str {
    match slot {
        Slot::Picture => "file_picture",
        Slot::Video => "file_video",
        Slot::Audio => "file_audio",
        Slot::Document => "file_document",
        Slot::Emoji => "emoji",
    }
}
