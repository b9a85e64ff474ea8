//! `export`: writes users, flows and messages as JSON, for whoever wants them elsewhere.
//!
//! A file per flow, written message by message: a history of any length takes no more memory than a
//! page of it. Passwords and tokens are in none.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::error::CliError;
use super::print::{Output, count};
use super::{about, event, flow, message, names, own, result, session, user, with_service};
use crate::cli::{Export, ExportWhat};
use crate::config::Sources;
use crate::exit::Exit;
use crate::model::{
    self, Content, Encoding, FlowId, Message, MessageId, Position, Timestamp, User, UserId,
};
use crate::service::{MemberStanding, MessagesOf, Service};
use crate::store::files::Opened;

/// Runs the command.
///
/// # Errors
/// What was named is not there, a file is there already, or cannot be written.
pub fn run(command: &Export, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    let (files, messages) = with_service(sources, async |service, _| {
        let mut export = Folder {
            path: command.to.clone(),
            files: Vec::new(),
            messages: 0,
        };
        match &command.what {
            ExportWhat::User(login) => {
                let user = names::user(service, login).await?;
                let standing = service.standing_of(&user.login).await?;
                export.make()?;
                let mut whole = account(service, standing.user.clone()).await?;
                whole["sessions"] = standing.sessions.iter().map(session::document).collect();
                export.document("user.json", &json!({"user": whole}))?;
                let chosen = service.own_of(standing.user.id).await?;
                export.document("own.json", &own::document(&chosen))?;
                let of = MessagesOf::Author(standing.user.id);
                let (mut file, path) = export.begin("written.json")?;
                file.write_all(b"{").map_err(failed(&path))?;
                export.messages(service, file, &path, of).await?;
                for summary in standing.flows {
                    let reader = Some(standing.user.id);
                    export.flow(service, summary.flow.id, reader).await?;
                }
            }
            ExportWhat::Flow(name) => {
                let flow = names::flow(service, name).await?;
                export.make()?;
                export.flow(service, flow.id, None).await?;
            }
            ExportWhat::All => {
                export.make()?;
                let mut users = Vec::new();
                for user in service.users().await? {
                    users.push(account(service, user).await?);
                }
                export.document("users.json", &json!({"users": users}))?;
                for (flow, _) in service.all_flows(None).await? {
                    export.flow(service, flow.id, None).await?;
                }
            }
        }
        Ok((export.files, export.messages))
    })?;
    let text = format!(
        "wrote {} with {} to {}",
        count(files.len(), "file"),
        count(messages, "message"),
        command.to.display()
    );
    let document = json!({
        "to": command.to.display().to_string(),
        "files": files,
        "messages": messages,
    });
    result(output, &document, &text)
}

/// The folder that is written to.
struct Folder {
    path: PathBuf,
    files: Vec<String>,
    messages: usize,
}

impl Folder {
    /// Makes the folder, for its owner alone, where there is none.
    fn make(&self) -> Result<(), CliError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
            .map_err(failed(&self.path))
    }

    /// Begins a file, for its owner alone. What is there is never overwritten.
    fn begin(&mut self, name: &str) -> Result<(BufWriter<File>, PathBuf), CliError> {
        let path = self.path.join(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        let file = file.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => CliError::AlreadyExists(format!(
                "{} is there already: give --to an empty folder",
                path.display()
            )),
            _ => failed(&path)(source),
        })?;
        self.files.push(name.to_owned());
        Ok((BufWriter::new(file), path))
    }

    fn document(&mut self, name: &str, document: &Value) -> Result<(), CliError> {
        let (mut file, path) = self.begin(name)?;
        writeln!(file, "{document:#}")
            .and_then(|()| end(file))
            .map_err(failed(&path))
    }

    /// Writes a flow: to a reader who is a member with that member's own read mark only, to the
    /// operator with everybody's.
    async fn flow(
        &mut self,
        service: &Service,
        id: FlowId,
        reader: Option<UserId>,
    ) -> Result<(), CliError> {
        let standing = service.flow_standing(id).await?;
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
        let (mut file, path) = self.begin(&format!("flow-{}.json", standing.flow.uuid))?;
        write!(file, "{{\"flow\": {whole:#},\n\"events\": [").map_err(failed(&path))?;
        write_events(service, &mut file, &path, id).await?;
        file.write_all(b"\n],\n").map_err(failed(&path))?;
        self.messages(service, file, &path, MessagesOf::Flow(id))
            .await
    }

    /// Ends a document, whose beginning is written, with messages.
    async fn messages(
        &mut self,
        service: &Service,
        mut file: BufWriter<File>,
        path: &Path,
        of: MessagesOf,
    ) -> Result<(), CliError> {
        let failed = failed(path);
        file.write_all(b"\"messages\": [").map_err(&failed)?;
        let mut after = MessageId(0);
        let mut separator = "\n";
        loop {
            let page = service.archive(of, after).await?;
            let Some((last, _)) = page.last() else { break };
            after = last.id;
            for (message, login) in &page {
                let mut document = written(message, login);
                if !message.shown.is_empty() {
                    let files = self.contents(service, message).await?;
                    document["about"] = json!({"files": files});
                }
                write!(file, "{separator}{document}").map_err(&failed)?;
                separator = ",\n";
            }
            self.messages += page.len();
        }
        file.write_all(b"\n]}\n")
            .and_then(|()| end(file))
            .map_err(&failed)
    }
}

impl Folder {
    /// What is known of the files of a message. Those that do not come within it are written beside
    /// the documents, and named by where.
    async fn contents(
        &mut self,
        service: &Service,
        message: &Message,
    ) -> Result<Vec<Value>, CliError> {
        let mut files = Vec::with_capacity(message.shown.len());
        for file in &message.shown {
            let mut document = json!({
                "id": file.id.hex(),
                "kind": file.kind.as_str(),
                "name": file.look.name,
                "type": file.media_type,
                "size": file.size,
                "width": file.look.width,
                "height": file.look.height,
                "duration": file.look.duration,
                "blurhash": file.look.blurhash,
                "waveform": file.look.waveform.as_ref().map(|peaks| STANDARD.encode(peaks)),
            });
            if let Value::Object(fields) = &mut document {
                fields.retain(|_, value| !value.is_null());
            }
            if !file.is_given {
                match service.open_archived(file.id).await? {
                    Some(opened) => {
                        document["path"] = self.content(file, opened)?.into();
                    }
                    None => document["missing"] = true.into(),
                }
            }
            files.push(document);
        }
        Ok(files)
    }

    /// Writes the content of a file, once whatever shows it. Returns where, from this folder on.
    fn content(&mut self, file: &model::File, mut opened: Opened) -> Result<String, CliError> {
        let inner = self.path.join("files");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&inner)
            .map_err(failed(&inner))?;
        let name = file.look.name.as_deref().unwrap_or_default();
        // A name must lead nowhere else, and be no longer than file systems take.
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
        let relative = format!("files/{}-{end}", file.id.hex());
        if self.files.contains(&relative) {
            // What a user wrote is in a flow too.
            return Ok(relative);
        }
        let (mut to, path) = self.begin(&relative)?;
        io::copy(&mut opened.content, &mut to)
            .and_then(|_| self::end(to))
            .map_err(failed(&path))?;
        Ok(relative)
    }
}

/// Writes the events of a flow, in order.
async fn write_events(
    service: &Service,
    file: &mut BufWriter<File>,
    path: &Path,
    flow: FlowId,
) -> Result<(), CliError> {
    let mut after = Position(0);
    let mut separator = "\n";
    loop {
        let page = service.archived_events(flow, after).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.position;
        let logins = service.logins(event::people(&page)).await?;
        for happened in &page {
            let document = event::document(happened, &logins);
            write!(file, "{separator}{document}").map_err(failed(path))?;
            separator = ",\n";
        }
    }
}

/// Has a file on disk.
fn end(file: BufWriter<File>) -> io::Result<()> {
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()
}

fn failed(path: &Path) -> impl Fn(io::Error) -> CliError {
    let path = path.to_owned();
    move |source| CliError::File {
        path: path.clone(),
        source,
    }
}

async fn account(service: &Service, user: User) -> Result<Value, CliError> {
    let user = service.with_avatar(user).await?;
    let mut document = user::document(&user);
    document["avatar"] = user.avatar_content.as_ref().map(text_of).into();
    Ok(document)
}

/// A message with its files, in the protocol's words.
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
        document[message::slot_name(file.slot)] = text_of(&file.content).into();
    }
    document
}

/// Content as clients get it.
fn text_of(content: &Content) -> String {
    match content.encoding {
        Encoding::Text => String::from_utf8_lossy(&content.bytes).into_owned(),
        Encoding::Base64 => STANDARD.encode(&content.bytes),
    }
}
