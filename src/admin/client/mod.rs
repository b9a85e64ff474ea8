//! `morelia client …`: the built-in client at the command line.
//!
//! What belongs here: what its commands print and how they end. What does not: talking to servers
//! (see [`crate::client`]).

mod about;
mod cases;
mod conformance;
mod people;
mod raw;
mod rich_cases;
mod talk;
mod watch;

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use serde_json::{Value, json};

use super::password::{self, Ask, PasswordError};
use super::print::{self, Output, line};
use crate::{
    cli::{ClientAction, ClientCommand, Global, PasswordSource},
    client::{Address, ClientError, Connection, Reply, Request, SignIn, Trust},
    exit::Exit,
};

/// The word for frames that contain more than every server sends.
const RICH: &str = "rich";

/// The reason why a command of the client failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The client failed.
    #[error("{0}")]
    Client(#[from] ClientError),
    /// There was no password.
    #[error("{0}")]
    Password(#[from] PasswordError),
    /// A file or standard input could not be read.
    #[error("cannot read {place}: {cause}")]
    Unreadable {
        /// The file, or a description of the source.
        place: String,
        /// The error of the system.
        cause: io::Error,
    },
    /// The request of `raw` is invalid.
    #[error("{0}")]
    Request(String),
    /// There is no such flow.
    #[error("no flow {0:?} among yours: give its id or its whole title")]
    NoFlow(String),
    /// Several flows have the title.
    #[error("{0:?} is the title of several flows: give the id of one")]
    ManyFlows(String),
    /// Standard output is closed.
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

impl Failure {
    fn exit(&self) -> Exit {
        match self {
            Self::Client(error) => match error {
                ClientError::BadAddress(_) => Exit::Usage,
                ClientError::Unreachable { .. }
                | ClientError::Closed { .. }
                | ClientError::TimedOut { .. } => Exit::Unreachable,
                ClientError::NotMtp { .. } => Exit::Protocol,
                ClientError::Refused(_)
                | ClientError::NotSignedIn { .. }
                | ClientError::NoStateFolder
                | ClientError::Certificates { .. } => Exit::Failed,
                ClientError::State { cause, .. } => of_io(cause),
            },
            Self::Password(error) => error.exit(),
            Self::Unreadable { cause, .. } => of_io(cause),
            Self::Request(_) => Exit::Usage,
            Self::NoFlow(_) => Exit::NotFound,
            Self::ManyFlows(_) | Self::Print(_) => Exit::Failed,
        }
    }
}

fn of_io(cause: &io::Error) -> Exit {
    match cause.kind() {
        io::ErrorKind::NotFound => Exit::NotFound,
        io::ErrorKind::PermissionDenied => Exit::PermissionDenied,
        _ => Exit::Disk,
    }
}

/// Runs a command of the client to its end and returns its exit code; errors are printed.
#[must_use]
pub fn run(command: &ClientCommand, global: &Global) -> Exit {
    let output = Output::new(global);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(dispatch(command, &output)),
        Err(error) => Err(Failure::Print(error)),
    };
    match result {
        Ok(exit) => exit,
        // `morelia client history … | head` is not a failure.
        Err(Failure::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
        Err(failure) => {
            print::error(&failure.to_string(), failure.exit());
            failure.exit()
        }
    }
}

async fn dispatch(command: &ClientCommand, output: &Output) -> Result<Exit, Failure> {
    let server = Server {
        address: command.url.parse()?,
        trust: command.ca.clone().map_or(Trust::System, Trust::File),
        accept: Vec::new(),
    };
    match &command.action {
        ClientAction::Ping => ping(&server, output).await,
        ClientAction::Register {
            login,
            code,
            password,
        } => {
            let mut user = json!({"login": login});
            if let Some(code) = code {
                user["auth_id"] = json!(code);
            }
            sign_in(&server, output, "register_user", user, password).await
        }
        ClientAction::Login { login, password } => {
            let user = json!({"login": login});
            sign_in(&server, output, "authentication", user, password).await
        }
        ClientAction::Send {
            flow,
            text,
            login,
            reply,
            rich,
        } => {
            let text = match text {
                Some(text) => text.clone(),
                None => read_text(Path::new("-"))?.trim_end_matches('\n').to_owned(),
            };
            let server = server.accepting(*rich);
            let said = talk::Said {
                text: &text,
                reply: reply.as_deref(),
            };
            talk::send(&server, output, login.as_deref(), flow, said).await
        }
        ClientAction::React {
            message,
            emoji,
            off,
            login,
            rich,
        } => {
            let server = server.accepting(*rich);
            let reaction = json!({"reaction": emoji, "on": !off});
            talk::react(&server, output, login.as_deref(), message, reaction).await
        }
        ClientAction::History { flow, login, rich } => {
            let server = server.accepting(*rich);
            talk::history(&server, output, login.as_deref(), flow).await
        }
        ClientAction::Watch { login, rich } => {
            watch::watch(&server.accepting(*rich), output, login.as_deref()).await
        }
        ClientAction::Raw {
            method,
            file,
            accept,
        } => {
            let frame = raw::frame(method.as_deref(), file.as_deref(), accept)?;
            let reply = server.open().await?.exchange(frame).await?;
            if output.is_pretty() {
                output.document(reply.frame())?;
            } else {
                line(&reply.text())?;
            }
            Ok(if reply.code() < 400 {
                Exit::Ok
            } else {
                Exit::Failed
            })
        }
        ClientAction::Conformance { code } => {
            conformance::run(&server, output, code.as_deref()).await
        }
    }
}

/// A server, the certificates that are trusted there, and the frames that are accepted from it.
struct Server {
    address: Address,
    trust: Trust,
    accept: Vec<String>,
}

impl Server {
    /// Sets whether frames beyond the protocol are accepted.
    fn accepting(self, rich: bool) -> Self {
        let accept = rich.then(|| RICH.to_owned()).into_iter().collect();
        Self { accept, ..self }
    }

    async fn open(&self) -> Result<Connection, ClientError> {
        Connection::open(&self.address, &self.trust).await
    }

    /// Connects as a user with a stored sign-in.
    async fn open_as(&self, login: Option<&str>) -> Result<(Connection, SignIn), ClientError> {
        let caller = SignIn::load(&self.address, login)?;
        Ok((self.open().await?, caller))
    }
}

/// Sends a request without a token, to which every MTP server answers 401.
async fn ping(server: &Server, output: &Output) -> Result<Exit, Failure> {
    let start = std::time::Instant::now();
    let reply = server
        .open()
        .await?
        .request(&Request::new("ping_pong", Value::Null))
        .await?;
    let took_ms = start.elapsed().as_secs_f64() * 1000.0;
    let jsonapi = &reply.frame()["jsonapi"];
    let version = jsonapi["version"].as_str().unwrap_or("?");
    let revision = jsonapi["revision"].as_str().unwrap_or("?");
    if output.is_json() {
        let url = server.address.to_string();
        output.document(
            &json!({"url": url, "version": version, "revision": revision, "ms": took_ms}),
        )?;
    } else {
        let spoken = format!(
            "{} speaks MTP {version} revision {revision} ({took_ms:.1} ms)",
            server.address
        );
        line(&spoken)?;
    }
    Ok(Exit::Ok)
}

async fn sign_in(
    server: &Server,
    output: &Output,
    method: &str,
    mut user: Value,
    source: &PasswordSource,
) -> Result<Exit, Failure> {
    let login = user["login"].as_str().unwrap_or_default().to_owned();
    let ask = if method == "register_user" {
        Ask::Twice
    } else {
        Ask::Once
    };
    let password = password::read(source, ask, &login)?;
    user["password"] = json!(password.text);
    let request = Request::new(method, json!({"user": [user]}));
    let reply = server.open().await?.request(&request).await?.success()?;
    let caller = SignIn::from_data(&login, reply.data()).ok_or_else(|| not_mtp(server, &reply))?;
    let kept = caller.keep(&server.address)?;
    let registered = method == "register_user";
    if output.is_json() {
        let mut result = json!({"login": login, "uuid": caller.uuid, "kept": kept});
        if password.generated {
            result["password"] = json!(password.text);
        }
        output.document(&result)?;
    } else {
        let what = if registered {
            "registered and signed in"
        } else {
            "signed in"
        };
        line(&format!(
            "{login} is {what} (user {}); the token is in {}",
            caller.uuid,
            kept.display()
        ))?;
        if password.generated {
            line(&format!("password: {}", password.text))?;
        }
    }
    Ok(Exit::Ok)
}

fn not_mtp(server: &Server, reply: &Reply) -> ClientError {
    ClientError::NotMtp {
        address: server.address.to_string(),
        cause: format!("its answer {} lacks what it must hold", reply.code()),
    }
}

/// Reads a file as text; `-` is standard input.
fn read_text(path: &Path) -> Result<String, Failure> {
    let (read, place) = if path == Path::new("-") {
        let mut text = String::new();
        (
            io::stdin().read_to_string(&mut text).map(|_| text),
            "standard input".to_owned(),
        )
    } else {
        (fs::read_to_string(path), path.display().to_string())
    };
    read.map_err(|cause| Failure::Unreadable { place, cause })
}
