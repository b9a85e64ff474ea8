//! Matrix, if it is enabled.

use std::sync::Arc;

use super::{AppError, settings};
use crate::config::Config;
use crate::protocol::matrix::{Matrix, WellKnown};
use crate::server::Face;
use crate::service::Service;

/// Creates the rooms of the flows, or stops maintaining them. Returns the name of the server if Matrix
/// is enabled.
///
/// # Errors
/// The database cannot be written.
pub(super) async fn settle(config: &Config, service: &Service) -> Result<Option<String>, AppError> {
    let wanted = config.matrix.name(config.server.public_url.as_deref());
    let wanted = wanted.filter(|_| config.matrix.enabled);
    let failed = |err| AppError::Failed(format!("Matrix cannot be switched: {err}"));
    let name = service.settle_rooms(wanted.clone()).await.map_err(failed)?;
    match (&name, &wanted) {
        (Some(name), Some(wanted)) if name != wanted => log::warn!(
            "Matrix goes on under the name {name}, by which clients know everybody; server_name in [matrix] is {wanted}"
        ),
        (Some(name), _) => log::info!("Matrix is on; users are known as @name:{name}"),
        (None, _) => {}
    }
    Ok(name)
}

/// Returns the faces of Matrix.
pub(super) fn faces(config: &Config, service: &Arc<Service>, server_name: String) -> [Face; 2] {
    let client_ip = config.logging.client_ip;
    let introduce = Box::new(move |peer: &crate::protocol::Peer| {
        settings::client(peer.address, client_ip, peer.user_agent.as_deref())
    });
    let base_url = config.server.public_url.clone();
    [
        Face::new(Matrix::new(
            Arc::clone(service),
            server_name,
            config.matrix.legacy_media,
            introduce,
        )),
        Face::new(WellKnown::new(base_url)),
    ]
}
