//! The settings of the transport.
//!
//! Plain values with their units; where they come from (a file, a flag, a default) is not known here.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::challenge::Challenges;
use super::trust::Trust;

/// The largest message that needs no share of the budget, in bytes.
pub(super) const FREE_BYTES: usize = 64 * 1024;

/// All settings of the transport.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names or addresses to listen on; a name may stand for several addresses.
    pub hosts: Vec<String>,
    /// TCP port; 0 lets the system choose one.
    pub port: u16,
    /// The port for plain HTTP beside one with TLS, which redirects there.
    pub gate_port: Option<u16>,
    /// The port on which everything is served without encryption beside one with TLS.
    pub plain_port: Option<u16>,
    /// The address at which metrics are served to any client; `None`: on the usual port, for this
    /// machine only.
    pub metrics: Option<SocketAddr>,
    /// The most connections that the kernel queues until they are accepted.
    pub backlog: u32,
    /// How long a peer may take for its TLS handshake and for its request headers: a phone on a bad
    /// connection needs a second or two, an attacker would like minutes.
    pub header_timeout: Duration,
    /// How long an idle HTTP connection is kept open for another request.
    pub keep_alive: Duration,
    /// The time between two WebSocket pings; a peer that is silent for two of them is disconnected.
    pub ping_interval: Duration,
    /// How long a stop waits for answers and closing handshakes before it cuts them off.
    pub shutdown_timeout: Duration,
    /// The most TCP connections at the same time.
    pub connections: usize,
    /// The most connections at the same time from one IPv4 address or one IPv6 /64.
    pub connections_per_ip: usize,
    /// How long a WebSocket may stay open without sign-in. A quarter of all connections may be
    /// without sign-in, and 16 of one address.
    pub sign_in: Duration,
    /// The largest WebSocket message that is accepted, in bytes.
    pub frame_max_bytes: usize,
    /// How long one message may take to arrive.
    pub frame_timeout: Duration,
    /// The most memory that all messages over 64 KiB in transit may take together, in bytes.
    pub budget_bytes: usize,
    /// The part of it that peers who have not signed in may use, in bytes.
    pub budget_strangers_bytes: usize,
    /// The most memory that all frames over 64 KiB that peers have not read yet may take together, in bytes.
    pub unread_bytes: usize,
    /// How long a write may make no progress before the connection is closed.
    pub write_timeout: Duration,
    /// Certificate and key, for `https` and `wss`.
    pub tls: Option<Tls>,
    /// Whether browsers are told to use only TLS from then on: only if everyone trusts the
    /// certificate, and will continue to.
    pub strict: bool,
    /// Answers to certificate authorities.
    pub challenges: Challenges,
    /// The local authority, which devices can be made to trust.
    pub trust: Trust,
    /// The proxies whose statements about a peer's address are trusted.
    pub proxy: Proxy,
    /// The public address: scheme, host and perhaps a port.
    pub public_url: Option<String>,
    /// Host names that the server answers for, besides that one, addresses, and names that only a
    /// local network uses. Without a public address it answers a trusted proxy for any name.
    pub names: Vec<String>,
    /// The web pages that may open a WebSocket.
    pub allowed_origins: Origins,
    /// The number of requests after which the server stops.
    pub max_requests: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hosts: vec!["0.0.0.0".to_owned()],
            port: 8000,
            gate_port: None,
            plain_port: None,
            metrics: None,
            backlog: 2048,
            header_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(5),
            ping_interval: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(5),
            connections: 1024,
            connections_per_ip: 128,
            sign_in: Duration::from_mins(5),
            frame_max_bytes: 16 << 20,
            frame_timeout: Duration::from_mins(1),
            budget_bytes: 64 << 20,
            budget_strangers_bytes: 16 << 20,
            // Enough for thirty phones at once on a slow connection, and still less than a small board has.
            unread_bytes: 256 << 20,
            write_timeout: Duration::from_secs(30),
            tls: None,
            strict: true,
            challenges: Challenges::default(),
            trust: Trust::default(),
            proxy: Proxy::default(),
            public_url: None,
            names: Vec::new(),
            allowed_origins: Origins::Same,
            max_requests: None,
        }
    }
}

impl Settings {
    /// Returns the most memory that data from peers can take at the same time, in bytes: every
    /// connection with its buffers and a message of the free size, and the budget of the larger
    /// ones; and for each message the same again for what is made of it while it is answered.
    ///
    /// What waits to be sent to peers is bounded by its queues and comes on top.
    #[must_use]
    pub fn worst_case_bytes(&self) -> usize {
        let tls = if self.tls.is_some() {
            super::TLS_BYTES
        } else {
            0
        };
        let each = 2 * FREE_BYTES + super::CONNECTION_BYTES + tls;
        let budget = self.budget_bytes.max(self.frame_max_bytes);
        self.connections
            .saturating_mul(each)
            .saturating_add(budget.saturating_mul(2))
    }
}

/// The number of frames that are being created or handed over at the same time, before they are
/// counted: some for each core of a small machine.
const IN_THE_MAKING: usize = 8;

impl Settings {
    /// Returns the most memory that frames on their way to peers that do not read can take at the
    /// same time, in bytes, if none is larger than `frame_bytes`.
    #[must_use]
    pub fn worst_case_unread_bytes(&self, frame_bytes: usize) -> usize {
        let small = self.connections.saturating_mul(FREE_BYTES);
        let making = frame_bytes.saturating_mul(IN_THE_MAKING);
        self.unread_bytes
            .saturating_add(small)
            .saturating_add(making)
    }
}

/// The files for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate chain, PEM, with the server's own first.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
    /// The certificates of the authorities that sign clients' certificates, PEM.
    pub client_authorities: Option<PathBuf>,
    /// Whether clients show a certificate.
    pub client_certificates: ClientCertificates,
}

/// Whether clients show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientCertificates {
    /// They are not asked for one.
    #[default]
    None,
    /// They may; an invalid one is refused.
    Optional,
    /// They must.
    Required,
}

/// The proxies whose statements about a peer's address are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The networks of the proxies; if empty, none is trusted.
    pub trusted: Vec<Network>,
    /// The header in which they name it: `x-forwarded-for` or `forwarded`, in lower case.
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

/// A range of addresses: one address, or a prefix of some bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Any address inside.
    pub address: IpAddr,
    /// How many of its leading bits count: up to 32 or 128.
    pub prefix: u8,
}

impl Network {
    /// Returns whether an address is in the network.
    #[must_use]
    pub fn contains(&self, other: IpAddr) -> bool {
        match (self.address.to_canonical(), other.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.prefix.min(32));
                let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.prefix.min(128));
                let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// The web pages that may open a WebSocket. Programs that are not browsers send no origin and are
/// always accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origins {
    /// Only pages that this server itself served.
    #[default]
    Same,
    /// Those and the pages of these origins, such as `https://chat.example.org`; `*` is any.
    List(Vec<String>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str, prefix: u8) -> Network {
        Network {
            address: address.parse().unwrap(),
            prefix,
        }
    }

    #[test]
    fn network_contains_only_its_own_prefix() {
        let cases = [
            ("10.0.0.0", 8, "10.255.0.1", true),
            ("10.0.0.0", 8, "11.0.0.1", false),
            ("0.0.0.0", 0, "203.0.113.9", true),
            ("192.0.2.7", 32, "192.0.2.7", true),
            ("192.0.2.7", 32, "192.0.2.6", false),
            ("192.0.2.7", 32, "::ffff:192.0.2.7", true),
            ("2001:db8::", 32, "2001:db8:1::1", true),
            ("2001:db8::", 32, "2001:db9::1", false),
            ("::", 0, "192.0.2.7", false),
        ];
        for (base, prefix, other, inside) in cases {
            let found = network(base, prefix).contains(other.parse().unwrap());
            assert_eq!(found, inside, "{other} in {base}/{prefix}");
        }
    }

    #[test]
    fn worst_case_grows_with_the_limits_that_it_counts() {
        let few = Settings {
            connections: 10,
            ..Settings::default()
        };
        let many = Settings {
            connections: 1000,
            ..Settings::default()
        };
        let large = Settings {
            frame_max_bytes: 256 << 20,
            ..few.clone()
        };
        assert!(many.worst_case_bytes() > few.worst_case_bytes() + 990 * FREE_BYTES);
        assert!(large.worst_case_bytes() > few.worst_case_bytes());
        let encrypted = Settings {
            tls: Some(Tls {
                certificate: PathBuf::new(),
                key: PathBuf::new(),
                client_authorities: None,
                client_certificates: ClientCertificates::None,
            }),
            ..few.clone()
        };
        let tls = encrypted.worst_case_bytes() - few.worst_case_bytes();
        assert_eq!(tls, 10 * super::super::TLS_BYTES);
    }
}
