//! The configuration as each part gets it: only here is the whole known.

use std::net::IpAddr;

use super::links;
use crate::config::{self, AllowedOrigins, ClientCert, ClientIp, Config, Encryption};
use crate::hub::QueueLimits;
use crate::logging;
use crate::protocol::mtp;
use crate::server;
use crate::service;
use crate::store::Durability;

pub(super) fn durability(config: &Config) -> Durability {
    match config.database.durability {
        config::Durability::Full => Durability::Full,
        config::Durability::Normal => Durability::Normal,
    }
}

pub(super) fn service(config: &Config) -> service::Settings {
    service::Settings {
        public_url: links::base(config),
        page_url: config.server.public_url.clone(),
        registration: config.auth.registration,
        registrations: config.auth.registrations,
        token_ttl: config.auth.token_ttl,
        login_attempts: config.auth.login_attempts,
        login_window: config.auth.login_window,
        members_invite: config.auth.members_invite,
        members_make_bots: config.bots.members,
        directory: config.auth.directory,
        limits: limits(config),
        queue: queue(config),
    }
}

pub(super) fn queue(config: &Config) -> QueueLimits {
    QueueLimits {
        frames: config.limits.send_queue.frames,
        bytes: config.limits.send_queue.bytes,
    }
}

pub(super) fn limits(config: &Config) -> service::Limits {
    service::Limits {
        messages: config.limits.messages,
        users: config.limits.users,
        sessions_per_user: config.limits.sessions_per_user,
        message_files: config.limits.message_files,
        text_bytes: config.limits.text_bytes,
        files_bytes: config.limits.files_bytes,
        answer_bytes: config.limits.answer_bytes,
        requests_per_second: config.limits.requests_per_second,
        burst: config.limits.burst,
        reactions: config.limits.reactions,
        mentions: config.limits.mentions,
        pins: config.limits.pins,
        poll_options: config.limits.polls,
        quotas: service::Quotas {
            flows_per_day: config.limits.flows_per_day,
            flows_owned: config.limits.flows_owned,
            messages_per_minute: config.limits.messages_per_minute,
            bot_messages_per_minute: config.limits.bot_messages_per_minute,
            invitations: config.limits.invitations,
            edits_per_message: config.limits.edits_per_message,
            profile_changes_per_hour: config.limits.profile_changes_per_hour,
            members_per_minute: config.limits.members_per_minute,
        },
        files: service::FileLimits {
            max_size: config.files.max_size,
            user_quota: config.files.user_quota,
            reserve: config.files.reserve,
            inline: config.files.inline,
            unfinished: config.files.unfinished,
            uploads: config.files.uploads,
            user_uploads: config.files.user_uploads,
            overwrite: config.files.overwrite,
        },
    }
}

pub(super) fn protocol(config: &Config) -> mtp::Settings {
    mtp::Settings {
        min_version: config.api.min_version,
        max_version: config.api.max_version,
    }
}

/// Returns the files for TLS, if there are any.
pub(super) fn tls(config: &Config) -> Option<server::Tls> {
    let (certificate, key) = config.certificate_files()?;
    Some(server::Tls {
        certificate,
        key,
        client_authorities: config.tls.ca_certs.clone(),
        client_certificates: match config.tls.cert_reqs {
            ClientCert::None => server::ClientCertificates::None,
            ClientCert::Optional => server::ClientCertificates::Optional,
            ClientCert::Required => server::ClientCertificates::Required,
        },
    })
}

pub(super) fn transport(config: &Config, max_requests: Option<u64>) -> server::Settings {
    let encrypted = config.encryption() != Encryption::None;
    let beside = |port: u16| (encrypted && port != 0).then_some(port);
    server::Settings {
        hosts: vec![config.server.host.clone()],
        port: config.server.port,
        backlog: config.server.backlog,
        keep_alive: config.server.keep_alive,
        ping_interval: config.server.ping_interval,
        shutdown_timeout: config.server.shutdown_timeout,
        connections: config.limits.connections,
        connections_per_ip: config.limits.connections_per_ip,
        sign_in: config.limits.sign_in,
        frame_max_bytes: config.limits.frame_bytes,
        gate_port: beside(config.server.http_port),
        plain_port: beside(config.server.plain_port),
        metrics: config.web.metrics_listen.filter(|_| config.web.metrics),
        // A lost root must not lock users out.
        strict: matches!(config.encryption(), Encryption::Files | Encryption::Acme),
        tls: tls(config),
        proxy: server::Proxy {
            trusted: config
                .proxy
                .trusted
                .iter()
                .map(|network| server::Network {
                    address: network.address(),
                    prefix: network.prefix(),
                })
                .collect(),
            header: config.proxy.header.clone(),
        },
        public_url: config.server.public_url.clone(),
        names: names(config),
        allowed_origins: match &config.web.allowed_origins {
            AllowedOrigins::Same => server::Origins::Same,
            others => server::Origins::List(origins(others)),
        },
        max_requests,
        ..server::Settings::default()
    }
}

/// Returns the origins of allowed foreign pages; `*` is any.
pub(super) fn origins(allowed: &AllowedOrigins) -> Vec<String> {
    match allowed {
        AllowedOrigins::Same => Vec::new(),
        AllowedOrigins::Any => vec!["*".to_owned()],
        AllowedOrigins::List(origins) => origins.clone(),
    }
}

/// Returns this server's names besides the public one: those that are listed, the one it listens
/// on, and the machine's.
fn names(config: &Config) -> Vec<String> {
    let mut names = config.server.names.clone();
    names.push(config.server.host.clone());
    names.extend(config.tls.acme.iter().cloned());
    names.extend(config.tls.local_names.iter().cloned());
    let machine = rustix::system::uname();
    names.extend(machine.nodename().to_str().ok().map(str::to_owned));
    names
}

/// Returns the client of a request.
pub(super) fn client(
    address: IpAddr,
    client_ip: ClientIp,
    user_agent: Option<&str>,
) -> service::Client {
    let neighbourhood = address.into();
    let address = logging::mask(address, client_ip).map(|address| address.to_string());
    service::Client {
        neighbourhood,
        address,
        label: user_agent.and_then(service::label_of_user_agent),
    }
}
