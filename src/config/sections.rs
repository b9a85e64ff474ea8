//! The sections of the configuration as types, and their defaults.

use super::addresses::{AllowedOrigins, IpNetwork};
use super::units::{DAY, GB, KB, MB};
use super::words::{
    ApiVersion, ClientCert, ClientIp, ColorMode, Directory, Durability, Registration,
};
use log::LevelFilter;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `[server]`: where to listen and how patiently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Address or name to listen on, an IPv6 address without brackets. Default: every IPv4 address,
    /// since phones on the same network are what a first client is.
    pub host: String,
    /// Port to listen on, 0 for any free one. Default 8000: the Android client knows no other.
    pub port: u16,
    /// Port for plain HTTP beside a port with TLS, 0 for none. Default none.
    pub http_port: u16,
    /// Port on which everything is served without encryption beside a port with TLS, 0 for none.
    /// Default none.
    pub plain_port: u16,
    /// Scheme, host and port that clients use, without a slash at the end.
    pub public_url: Option<String>,
    /// More host names that the server answers for, in lower case. Default: none.
    pub names: Vec<String>,
    /// Connections the kernel holds until they are accepted. Default 2048, as uvicorn's.
    pub backlog: u32,
    /// How long an HTTP connection without a request stays open. Default 5 s, as uvicorn's.
    pub keep_alive: Duration,
    /// How long a WebSocket may be silent before it is pinged. Default 30 s: nginx gives up on a
    /// silent connection after 60 s.
    pub ping_interval: Duration,
    /// How long a stopping server waits for answers under way. Default 5 s.
    pub shutdown_timeout: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            host: "0.0.0.0".to_owned(),
            port: 8000,
            http_port: 0,
            plain_port: 0,
            public_url: None,
            names: Vec::new(),
            backlog: 2048,
            keep_alive: Duration::from_secs(5),
            ping_interval: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(5),
        }
    }
}

/// `[database]`: where the data lies and what a 200 promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// The database file. Default: `morelia.db` in the folder of the configuration file.
    pub path: PathBuf,
    /// What a 200 promises. Default full: it is on the disk.
    pub durability: Durability,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            path: PathBuf::from("morelia.db"),
            durability: Durability::Full,
        }
    }
}

/// `[tls]`: the certificate; without one the server speaks plain HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of the certificate and its chain.
    pub certfile: Option<PathBuf>,
    /// PEM file of the private key; set whenever `certfile` is.
    pub keyfile: Option<PathBuf>,
    /// PEM file of the authorities whose client certificates are believed.
    pub ca_certs: Option<PathBuf>,
    /// Whether a client must show a certificate; `ca_certs` is set unless this is none.
    pub cert_reqs: ClientCert,
    /// Names for which a certificate is fetched from an authority (ACME), in lower case.
    pub acme: Vec<String>,
    /// Whom the authority may write to.
    pub acme_contact: Option<String>,
    /// The authority: `production` and `staging` are Let's Encrypt's, else an address.
    pub acme_directory: String,
    /// PEM file of the root of a private authority.
    pub acme_ca: Option<PathBuf>,
    /// Whether the operator agrees to the authority's terms.
    pub acme_terms: bool,
    /// Whether the server makes certificates of its own. Default: it does not.
    pub local_ca: bool,
    /// More names for these, in lower case.
    pub local_names: Vec<String>,
    /// The folder of what the server makes itself: `tls` beside the configuration file.
    pub folder: PathBuf,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            certfile: None,
            keyfile: None,
            ca_certs: None,
            cert_reqs: ClientCert::None,
            acme: Vec::new(),
            acme_contact: None,
            acme_directory: "production".to_owned(),
            acme_ca: None,
            acme_terms: false,
            local_ca: false,
            local_names: Vec::new(),
            folder: PathBuf::from("tls"),
        }
    }
}

/// `[proxy]`: which proxies to believe when they name the client's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// The proxies' addresses. Default: nobody, since anybody can send the header.
    pub trusted: Vec<IpNetwork>,
    /// The header in which they name it, in lower case.
    pub header: String,
}

impl Default for Proxy {
    fn default() -> Self {
        Self {
            trusted: Vec::new(),
            header: "x-forwarded-for".to_owned(),
        }
    }
}

/// `[auth]`: accounts, sessions, attempts to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Who may make an account. Default invite: private, and still no work for the operator.
    pub registration: Registration,
    /// Accounts that one address may make in an hour while registration is open; 0: any number.
    /// Default 200: a school behind one address, and still nothing to fill a disk with.
    pub registrations: u32,
    /// How long a session lasts after it was last used. Default 30 days.
    pub token_ttl: Duration,
    /// Failed logins allowed for an account or address within `login_window`. Default 10.
    pub login_attempts: u32,
    /// The time over which failed logins are counted. Default 60 s.
    pub login_window: Duration,
    /// Whether members, not only administrators, may make invitations. Default: they may not.
    pub members_invite: bool,
    /// Whom members see who look for people without a name. Default auto: a family finds itself, and
    /// a large server does not list its users.
    pub directory: Directory,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            registration: Registration::Invite,
            registrations: 200,
            token_ttl: 30 * DAY,
            login_attempts: 10,
            login_window: Duration::from_mins(1),
            members_invite: false,
            directory: Directory::Auto,
        }
    }
}

/// `[bots]`: accounts of programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bots {
    /// Whether members, not only administrators, may make bots. Default: they may not.
    pub members: bool,
}

/// `[limits]`: what one client may ask of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all. Default 1024.
    pub connections: usize,
    /// Connections from one address (IPv6: one /64). Default 128: a household behind one address,
    /// of which each browser opens up to six for files.
    pub connections_per_ip: usize,
    /// How long a WebSocket may stay open without anybody signing in on it. Default 5 minutes.
    pub sign_in: Duration,
    /// Requests a second that a connection may keep up. Default 50.
    pub requests_per_second: u32,
    /// Requests a connection may send at once before that rate holds. Default 200.
    pub burst: u32,
    /// Flows that an account may make within a day. Default 100.
    pub flows_per_day: u32,
    /// Groups and channels that an account may own. Default 500.
    pub flows_owned: u32,
    /// Messages that an account may send within a minute. Default 300.
    pub messages_per_minute: u32,
    /// The same, of a bot. Default 60.
    pub bot_messages_per_minute: u32,
    /// Invitations of an account that somebody can still use. Default 20.
    pub invitations: u32,
    /// Edits of one message. Default 100.
    pub edits_per_message: u32,
    /// Changes of its profile that an account may make within an hour. Default 30.
    pub profile_changes_per_hour: u32,
    /// Members that an account may add within a minute. Default 500.
    pub members_per_minute: u32,
    /// Messages in an answer. Default 100, the protocol's number.
    pub messages: usize,
    /// Users asked for in one request. Default 100, the protocol's number.
    pub users: usize,
    /// Devices that one account is signed in on. Default 50.
    pub sessions_per_user: usize,
    /// One message of a client on the wire, in bytes. Default 16 MB.
    pub frame_bytes: usize,
    /// Files that one message shows, of those that are sent over HTTP. Default 20.
    pub message_files: usize,
    /// The text of a message, in bytes of UTF-8. Default 64 KB.
    pub text_bytes: usize,
    /// All files of a message together, in bytes. Default 10 MB.
    pub files_bytes: usize,
    /// About how large an answer gets before it is cut (206), in bytes. Default 8 MB.
    pub answer_bytes: usize,
    /// Different emoji of the reactions to a message. Default 20.
    pub reactions: usize,
    /// People whom a message mentions by name. Default 50.
    pub mentions: usize,
    /// Messages pinned in a flow. Default 50.
    pub pins: usize,
    /// Options of a poll. Default 12.
    pub polls: usize,
    /// What may wait for a client that reads slowly. Default 256 frames or 8 MB.
    pub send_queue: SendQueue,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_ip: 128,
            sign_in: Duration::from_mins(5),
            requests_per_second: 50,
            burst: 200,
            flows_per_day: 100,
            flows_owned: 500,
            messages_per_minute: 300,
            bot_messages_per_minute: 60,
            edits_per_message: 100,
            profile_changes_per_hour: 30,
            members_per_minute: 500,
            messages: 100,
            users: 100,
            sessions_per_user: 50,
            invitations: 20,
            frame_bytes: 16 * MB,
            message_files: 20,
            text_bytes: 64 * KB,
            files_bytes: 10 * MB,
            answer_bytes: 8 * MB,
            reactions: 20,
            mentions: 50,
            pins: 50,
            polls: 12,
            send_queue: SendQueue::default(),
        }
    }
}

/// What may wait for a client that reads slowly: past either bound its connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendQueue {
    /// Frames.
    pub frames: usize,
    /// Bytes of these frames.
    pub bytes: usize,
}

impl Default for SendQueue {
    fn default() -> Self {
        Self {
            frames: 256,
            bytes: 8 * MB,
        }
    }
}

/// `[files]`: files that are sent over HTTP, and where large ones lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Folder for large files; none, the default: beside the database.
    pub dir: Option<PathBuf>,
    /// Largest file, in bytes. Default 2 GB.
    pub max_size: u64,
    /// Bytes of files that one account may attach; 0, the default: any number.
    pub user_quota: u64,
    /// Bytes of the disk that uploads leave free. Default 1 GB.
    pub reserve: u64,
    /// Files up to this many bytes stand in the database. Default 256 KB.
    pub inline: usize,
    /// How long an upload is kept that no message shows. Default 24 h.
    pub unfinished: Duration,
    /// Uploads that are received at the same time. Default 16.
    pub uploads: usize,
    /// The same, of one account. Default 3.
    pub user_uploads: usize,
    /// Whether large files are overwritten before they are removed. Default: they are not.
    pub overwrite: bool,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            dir: None,
            max_size: 2 * GB as u64,
            user_quota: 0,
            reserve: GB as u64,
            inline: 256 * KB,
            unfinished: DAY,
            uploads: 16,
            user_uploads: 3,
            overwrite: false,
        }
    }
}

/// `[history]`: how long messages are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The age at which messages are removed for good; none keeps them forever, the default.
    pub keep: Option<Duration>,
}

/// `[backup]`: scheduled copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Time between copies; zero, the default, makes none.
    pub interval: Duration,
    /// Folder for the copies; see [`Config::backup_dir`](super::Config::backup_dir).
    pub dir: Option<PathBuf>,
    /// Copies kept; older ones are removed. Default 7.
    pub keep: u32,
    /// How often the newest copy is restored into a temporary folder; zero is never. Default 30 days.
    pub verify: Duration,
    /// The public keys to which copies are encrypted. Default: none, and they are not.
    pub encrypt_to: Vec<String>,
    /// What the shell runs after each copy. Default: nothing.
    pub after: Option<String>,
}

impl Default for Backup {
    fn default() -> Self {
        Self {
            interval: Duration::ZERO,
            dir: None,
            keep: 7,
            verify: 30 * DAY,
            encrypt_to: Vec::new(),
            after: None,
        }
    }
}

/// `[logging]`: what is logged, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// The least important kind of line that is logged. Default info.
    pub level: LevelFilter,
    /// The log file; none, the default, is standard error.
    pub file: Option<PathBuf>,
    /// How long the log files of past days are kept. Default 3 days.
    pub expiration_date: Duration,
    /// Whether the log on standard error is coloured. Default auto.
    pub colors: ColorMode,
    /// How much of a client's address is kept. Default masked.
    pub client_ip: ClientIp,
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            level: LevelFilter::Info,
            file: None,
            expiration_date: 3 * DAY,
            colors: ColorMode::Auto,
            client_ip: ClientIp::Masked,
        }
    }
}

/// `[web]`: what browsers get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// Whether `/` is the web client. Default: it is.
    pub client: bool,
    /// What the sign-in page calls this server. Default: nothing but the program's name.
    pub title: Option<String>,
    /// How people who cannot sign in reach whoever runs this server. Default: not told.
    pub contact: Option<String>,
    /// Whether this server asks pages what they say of themselves. Default: it does not.
    pub previews: bool,
    /// Whether `/metrics` answers. Default: it does not.
    pub metrics: bool,
    /// Where it answers, to whoever reaches that; none, the default: on the main address, to this machine.
    pub metrics_listen: Option<SocketAddr>,
    /// Which web pages may connect. Default: those of this server.
    pub allowed_origins: AllowedOrigins,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            client: true,
            title: None,
            contact: None,
            previews: false,
            metrics: false,
            metrics_listen: None,
            allowed_origins: AllowedOrigins::Same,
        }
    }
}

/// `[matrix]`: the second protocol over the same conversations.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Matrix {
    /// Whether Matrix clients are answered. Default: they are not.
    pub enabled: bool,
    /// Whether rooms may be encrypted between the clients. Default: they may not.
    pub encryption: bool,
    /// Whether files are given without a token. Default: they are not.
    pub legacy_media: bool,
    /// What comes after the colon of every user's name. Default: the host of `public_url`.
    pub server_name: Option<String>,
}

impl Matrix {
    /// The name of the server: the one that is set, else the host of an address.
    #[must_use]
    pub fn name(&self, public_url: Option<&str>) -> Option<String> {
        let host = || {
            let (_, place) = public_url?.split_once("://")?;
            let port = place
                .rsplit_once(':')
                .filter(|(_, port)| port.parse::<u16>().is_ok());
            Some(port.map_or(place, |(host, _)| host).to_owned())
        };
        self.server_name.clone().or_else(host)
    }
}

/// `[api]`: protocol versions taken, and what scripts may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// The lowest `jsonapi.version` that is answered. Default 1.0.
    pub min_version: ApiVersion,
    /// The highest. Default 1.9.
    pub max_version: ApiVersion,
    /// Whether scripts of administrators administrate. Default: they do not.
    pub admin: bool,
    /// Which web pages may use it. Default: those of this server.
    pub origins: AllowedOrigins,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            min_version: ApiVersion { major: 1, minor: 0 },
            max_version: ApiVersion { major: 1, minor: 9 },
            admin: false,
            origins: AllowedOrigins::Same,
        }
    }
}
