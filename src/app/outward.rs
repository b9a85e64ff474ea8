//! The configured client for requests to other servers.

use super::AppError;
use crate::config::{AllowPrivate, Config, Destination};
use crate::outbound::{Allowed, Client, Settings};

/// Creates the client.
///
/// # Errors
/// The file of certificate authorities cannot be read, or contains none.
pub fn client(config: &Config) -> Result<Client, AppError> {
    let authorities = match &config.outbound.ca_file {
        Some(path) => Some(std::fs::read(path).map_err(|source| AppError::File {
            path: path.clone(),
            source,
        })?),
        None => None,
    };
    with_authorities(config, authorities)
}

/// Creates the client with other certificate authorities than the configured ones.
///
/// # Errors
/// They contain no certificate.
pub(super) fn with_authorities(
    config: &Config,
    authorities: Option<Vec<u8>>,
) -> Result<Client, AppError> {
    let failed = |err: crate::outbound::OutboundError| AppError::Failed(err.to_string());
    let proxy = config.outbound.proxy.as_deref().map(str::parse);
    Client::new(Settings {
        authorities,
        proxy: proxy.transpose().map_err(failed)?,
        allowed: allowed(&config.outbound.allow_private),
        lookup: None,
    })
    .map_err(failed)
}

fn allowed(configured: &AllowPrivate) -> Allowed {
    let mut allowed = Allowed::default();
    match configured {
        AllowPrivate::Off => {}
        AllowPrivate::On => allowed.all = true,
        AllowPrivate::List(list) => {
            for destination in list {
                match destination {
                    Destination::Network(network) => {
                        let network = (network.address(), network.prefix());
                        allowed.networks.push(network);
                    }
                    Destination::Port(address) => allowed.addresses.push(*address),
                }
            }
        }
    }
    allowed
}

/// Whom a push service may write to: as configured, else at the host by which people reach this
/// server; `None`: it has no name that anybody could write to.
#[must_use]
pub fn push_contact(config: &Config) -> Option<String> {
    if let Some(contact) = &config.push.contact {
        return Some(contact.clone());
    }
    let url = config.server.public_url.as_deref()?;
    let (_, host) = url.split_once("://")?;
    let host = host.split(':').next().unwrap_or_default();
    let is_name = host.contains('.') && host.parse::<std::net::IpAddr>().is_err();
    is_name.then(|| format!("mailto:admin@{host}"))
}
