//! Binds the addresses to listen on.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, lookup_host};

use super::limits::Limits;
use super::settings::Settings;
use super::systemd::Socket;
use super::tls::{Certificate, TlsError};

/// The most that the kernel may buffer for a connection in each direction. By default a peer that is not read
/// from, or does not read, could fill up to six megabytes of kernel memory each way; with this limit a
/// connection with a round trip of 100 ms still carries several megabytes a second.
const SOCKET_BUFFER_BYTES: u32 = 256 * 1024;

/// The reason why the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another program listens on this address.
    #[error("port {} of {} is taken by another program; stop it or choose another port", .0.port(), .0.ip())]
    Taken(SocketAddr),
    /// This user may not listen on this address.
    #[error(
        "no permission to listen on {0}; choose a port from 1024 up, or give the program the right: \
         the unit that `morelia service unit` prints has it, `morelia service unit --sockets` has \
         systemd listen in its place, and by hand it is `sudo setcap cap_net_bind_service=+ep \
         {program}`", program = program()
    )]
    Forbidden(SocketAddr),
    /// systemd passes a socket whose name is not known.
    #[error(
        "systemd hands over a socket by the name {0:?}; name it {expected} by FileDescriptorName= in its \
         unit, as `morelia service unit --sockets` does",
        expected = "http or https"
    )]
    Nameless(String),
    /// This machine has no such address.
    #[error("this machine has no address {}; choose 0.0.0.0 for all that it has", .0.ip())]
    NotOurs(SocketAddr),
    /// A name cannot be resolved.
    #[error(
        "{host} is no address and no known name ({cause}); choose 0.0.0.0 for all addresses of this machine"
    )]
    Unknown {
        /// The host to listen on.
        host: String,
        /// The error of the resolver.
        cause: io::Error,
    },
    /// The system refused for another reason.
    #[error("cannot listen on {address}: {cause}")]
    System {
        /// The address to listen on.
        address: SocketAddr,
        /// The error of the system.
        cause: io::Error,
    },
    /// A socket passed by systemd cannot be used.
    #[error("the socket {name} that systemd hands over cannot be used: {cause}")]
    Handed {
        /// Its name.
        name: String,
        /// The error of the system.
        cause: io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Returns the path of this program, for a sentence.
fn program() -> String {
    std::env::current_exe().map_or_else(
        |_| "/usr/bin/morelia".to_owned(),
        |path| path.display().to_string(),
    )
}

/// What a port serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Everything, with TLS if there is a certificate. Clients that connect there without TLS get
    /// what the gate serves.
    Main,
    /// Everything without encryption.
    Plain,
    /// Redirects to the port with TLS.
    Gate,
    /// Metrics.
    Metrics,
}

/// Addresses that are bound, so that no other program can take them, but not served yet.
#[derive(Debug)]
pub struct Bound {
    pub(super) listeners: Vec<(TcpListener, Role)>,
    /// The addresses of the main port.
    pub(super) addresses: Vec<SocketAddr>,
    /// The addresses of the other ports.
    pub(super) others: Vec<SocketAddr>,
    pub(super) certificate: Option<Certificate>,
    pub(super) settings: Settings,
    pub(super) limits: Limits,
}

impl Bound {
    /// Returns the addresses, with the ports that the system has chosen.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns the addresses of the ports without encryption beside the port with TLS.
    #[must_use]
    pub fn other_addresses(&self) -> &[SocketAddr] {
        &self.others
    }

    /// Returns the limits that can be changed while the server runs.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits.clone()
    }

    /// Returns the certificate, which can be reloaded when its files have changed.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate> {
        self.certificate.clone()
    }
}

/// Binds the addresses and reads the certificate. `handed` are sockets that are already open: they
/// replace the ports of their kind.
///
/// # Errors
/// A sentence that says what to do.
pub async fn bind(settings: Settings, handed: Vec<Socket>) -> Result<Bound, BindError> {
    let load = |files| Certificate::load(files, &settings.challenges);
    let certificate = settings.tls.as_ref().map(load).transpose()?;
    let mut bound = Bound {
        listeners: Vec::new(),
        addresses: Vec::new(),
        others: Vec::new(),
        certificate,
        limits: Limits::new(&settings),
        settings,
    };
    let handed = bound.take_handed(handed)?;
    if !handed.contains(&Role::Main) {
        bound.addresses = bound.take(bound.settings.port, Role::Main).await?;
    }
    if let Some(first) = bound.addresses.first() {
        bound.settings.trust.set_port(first.port());
    }
    let beside = [
        (bound.settings.gate_port, Role::Gate),
        (bound.settings.plain_port, Role::Plain),
    ];
    for (port, role) in beside {
        if let Some(port) = port.filter(|_| !handed.contains(&role)) {
            let taken = bound.take(port, role).await?;
            bound.others.extend(taken);
        }
    }
    if let Some(address) = bound.settings.metrics {
        let listener = listen(address, bound.settings.backlog)?;
        bound.others.push(listener.local_addr().unwrap_or(address));
        bound.listeners.push((listener, Role::Metrics));
    }
    Ok(bound)
}

impl Bound {
    /// Takes the sockets that are already open, and returns their roles.
    fn take_handed(&mut self, handed: Vec<Socket>) -> Result<Vec<Role>, BindError> {
        let mut roles = Vec::new();
        for Socket { name, listener } in handed {
            // Without a certificate there is only one kind of port.
            let role = match (name.as_str(), &self.certificate) {
                ("https", Some(_)) | ("http", None) => Role::Main,
                ("http", Some(_)) => Role::Gate,
                _ => return Err(BindError::Nameless(name)),
            };
            let cause = |cause: io::Error| BindError::Handed {
                name: name.clone(),
                cause,
            };
            listener.set_nonblocking(true).map_err(cause)?;
            let address = listener.local_addr().map_err(cause)?;
            let listener = TcpListener::from_std(listener).map_err(cause)?;
            match role {
                Role::Main => self.addresses.push(address),
                _ => self.others.push(address),
            }
            self.listeners.push((listener, role));
            roles.push(role);
        }
        Ok(roles)
    }

    /// Binds a port on all addresses.
    async fn take(&mut self, port: u16, role: Role) -> Result<Vec<SocketAddr>, BindError> {
        let mut taken: Vec<SocketAddr> = Vec::new();
        for host in self.settings.hosts.clone() {
            let found = lookup_host((host.as_str(), port))
                .await
                .map(Iterator::collect::<Vec<_>>)
                .map_err(|cause| BindError::Unknown {
                    host: host.clone(),
                    cause,
                })?;
            let before = taken.len();
            let mut failed = None;
            for mut address in found {
                if let (0, Some(first)) = (port, taken.first()) {
                    // All addresses get the port that the system chose for the first.
                    address.set_port(first.port());
                }
                if taken.contains(&address) {
                    continue;
                }
                match listen(address, self.settings.backlog) {
                    Ok(listener) => {
                        taken.push(listener.local_addr().unwrap_or(address));
                        self.listeners.push((listener, role));
                    }
                    // A name such as localhost may resolve to an address that this machine lacks.
                    Err(err @ BindError::NotOurs(_)) => failed = Some(err),
                    Err(err) => return Err(err),
                }
            }
            if let Some(err) = failed
                && taken.len() == before
            {
                return Err(err);
            }
        }
        Ok(taken)
    }
}

fn listen(address: SocketAddr, backlog: u32) -> Result<TcpListener, BindError> {
    let open = || {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        // A restart must not wait until the connections of the last run have timed out.
        socket.set_reuseaddr(true)?;
        // Accepted connections inherit these.
        socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
        socket.set_send_buffer_size(SOCKET_BUFFER_BYTES)?;
        socket.bind(address)?;
        socket.listen(backlog)
    };
    open().map_err(|cause: io::Error| match cause.kind() {
        io::ErrorKind::AddrInUse => BindError::Taken(address),
        io::ErrorKind::PermissionDenied => BindError::Forbidden(address),
        // The second error is what the kernel returns if IPv6 is switched off.
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported => BindError::NotOurs(address),
        _ => BindError::System { address, cause },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(host: &str, port: u16) -> Settings {
        Settings {
            hosts: vec![host.to_owned()],
            port,
            ..Settings::default()
        }
    }

    #[tokio::test]
    async fn taken_port_is_a_sentence() {
        let first = bind(settings("127.0.0.1", 0), Vec::new()).await.unwrap();
        let port = first.addresses()[0].port();
        let err = bind(settings("127.0.0.1", port), Vec::new())
            .await
            .unwrap_err();
        assert!(matches!(err, BindError::Taken(_)));
        let expected = format!(
            "port {port} of 127.0.0.1 is taken by another program; stop it or choose another port"
        );
        assert_eq!(err.to_string(), expected);
    }

    #[tokio::test]
    async fn address_of_another_machine_is_a_sentence() {
        let err = bind(settings("192.0.2.1", 0), Vec::new())
            .await
            .unwrap_err();
        assert!(matches!(err, BindError::NotOurs(_)), "{err}");
    }

    #[tokio::test]
    async fn unknown_name_is_a_sentence() {
        let err = bind(settings("no such name", 0), Vec::new())
            .await
            .unwrap_err();
        assert!(matches!(err, BindError::Unknown { .. }), "{err}");
    }

    #[tokio::test]
    async fn localhost_shares_one_port() {
        let bound = bind(settings("localhost", 0), Vec::new()).await.unwrap();
        let ports: Vec<_> = bound.addresses().iter().map(SocketAddr::port).collect();
        assert!(!ports.is_empty() && ports.iter().all(|port| *port == ports[0] && *port != 0));
    }
}
