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
