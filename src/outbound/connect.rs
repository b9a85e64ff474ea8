//! From a name to a connection: the lookup, the choice of an address, the proxy, TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{future::Future, io, pin::Pin};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use super::exchange::{self, Connection};
use super::reach::may;
use super::{OutboundError, Private, Rules, Settings, Url};

/// How long the lookup of a name may take.
const LOOKUP_TIME: Duration = Duration::from_secs(5);

/// How long connecting may take, for all addresses of a host together.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// How long one address is tried before the next one is tried in parallel.
const HEAD_START: Duration = Duration::from_millis(250);

/// The most addresses of a host that are tried.
const ADDRESSES: usize = 6;

/// The longest answer of a proxy before it opens a connection, in bytes.
const PROXY_HEAD_BYTES: usize = 4096;

/// The future of a lookup.
pub type Resolver = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Looks up the addresses of a name for a port.
pub type Lookup = Arc<dyn Fn(&str, u16) -> Resolver + Send + Sync>;

/// Opens connections.
pub(super) struct Dialer {
    settings: Settings,
    tls: TlsConnector,
}

/// The route of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To one of these addresses.
    Direct(Vec<SocketAddr>),
    /// To the proxy, which connects to the host.
    Proxy,
}

impl Dialer {
    pub(super) fn new(settings: Settings) -> Result<Self, OutboundError> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        if let Some(pem) = &settings.authorities {
            let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
            let found = found.map_err(|_| OutboundError::Authorities)?;
            let (added, _) = roots.add_parsable_certificates(found);
            if added == 0 {
                return Err(OutboundError::Authorities);
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| OutboundError::Authorities)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            settings,
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Returns the route of a request, and refuses it if none is allowed.
    pub(super) async fn addresses(&self, url: &Url, rules: Rules) -> Result<Way, OutboundError> {
        let found = match url.address() {
            Some(address) => Ok(vec![SocketAddr::new(address, url.port())]),
            None => self.look_up(url).await,
        };
        let has_proxy = self.settings.proxy.is_some();
        let found = match found {
            Ok(found) => found,
            // In a network whose names only the proxy knows, the proxy decides what is allowed.
            Err(_) if has_proxy && (url.is_secure() || rules.plain) => return Ok(Way::Proxy),
            Err(err) => return Err(err),
        };
        let allowed = &self.settings.allowed;
        let kept: Vec<_> = found
            .into_iter()
            .filter(|address| may(*address, rules.private, allowed))
            .collect();
        if kept.is_empty() {
            return Err(OutboundError::Private {
                host: url.host().to_owned(),
            });
        }
        let is_public = |address: &SocketAddr| super::is_public(address.ip());
        if !url.is_secure() && !rules.plain && kept.iter().any(is_public) {
            return Err(OutboundError::Plain {
                host: url.host().to_owned(),
            });
        }
        // Addresses in the server's own network are not reached through a proxy to the outside.
        if has_proxy && kept.iter().any(is_public) {
            return Ok(Way::Proxy);
        }
        Ok(Way::Direct(in_order(kept)))
    }

    async fn look_up(&self, url: &Url) -> Result<Vec<SocketAddr>, OutboundError> {
        let unknown = |cause: String| OutboundError::Unknown {
            host: url.host().to_owned(),
            cause,
        };
        let looking = async {
            match &self.settings.lookup {
                Some(lookup) => lookup(url.host(), url.port()).await,
                None => lookup_host((url.host(), url.port()))
                    .await
                    .map(Iterator::collect),
            }
        };
        let found: Vec<_> = timeout(LOOKUP_TIME, looking)
            .await
            .map_err(|_| unknown("the resolver did not answer in time".to_owned()))?
            .map_err(|err| unknown(err.to_string()))?;
        if found.is_empty() {
            return Err(unknown("it has no address".to_owned()));
        }
        Ok(found)
    }

    /// Connects to the host of an address.
    pub(super) async fn connect(
        &self,
        url: &Url,
        rules: Rules,
    ) -> Result<Connection, OutboundError> {
        let way = self.addresses(url, rules).await?;
        let (stream, by_proxy) = match (way, &self.settings.proxy) {
            (Way::Proxy, Some(proxy)) => {
                let stream = self.dial_proxy(proxy, url).await?;
                if url.is_secure() {
                    (tunnel(stream, url).await?, false)
                } else {
                    (stream, true)
                }
            }
            (Way::Direct(addresses), _) => (dial(addresses, url).await?, false),
            (Way::Proxy, None) => (dial(Vec::new(), url).await?, false),
        };
        if !url.is_secure() {
            return exchange::begin(stream, url, by_proxy).await;
        }
        let failed = |cause: String| OutboundError::Tls {
            host: url.host().to_owned(),
            cause,
        };
        let name = url.host().trim_end_matches('.').to_owned();
        let name = ServerName::try_from(name).map_err(|err| failed(err.to_string()))?;
        let stream = self
            .tls
            .connect(name, stream)
            .await
            .map_err(|err| failed(err.to_string()))?;
        exchange::begin(stream, url, false).await
    }

    async fn dial_proxy(&self, proxy: &Url, url: &Url) -> Result<TcpStream, OutboundError> {
        let rules = Rules::new(Private::Any);
        let addresses = match proxy.address() {
            Some(address) => vec![SocketAddr::new(address, proxy.port())],
            None => self.look_up(proxy).await?,
        };
        let reached = timeout(rules.time, dial(in_order(addresses), proxy)).await;
        let failed = |cause: String| OutboundError::Proxy {
            host: url.host().to_owned(),
            cause,
        };
        reached
            .map_err(|_| failed("it did not answer in time".to_owned()))?
            .map_err(|err| failed(err.to_string()))
    }
}

/// Returns IPv6 addresses first, but with one of each kind among the first two.
fn in_order(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let (mut six, mut four): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(SocketAddr::is_ipv6);
    six.truncate(ADDRESSES);
    four.truncate(ADDRESSES);
    let mut ordered = Vec::with_capacity(ADDRESSES);
    let (mut six, mut four) = (six.into_iter(), four.into_iter());
    while ordered.len() < ADDRESSES {
        let before = ordered.len();
        ordered.extend(six.next());
        ordered.extend(four.next());
        if ordered.len() == before {
            break;
        }
    }
    ordered.truncate(ADDRESSES);
    ordered
}

/// Connects to the first address that answers; each gets a head start on the next one.
async fn dial(addresses: Vec<SocketAddr>, url: &Url) -> Result<TcpStream, OutboundError> {
    let unreachable = |cause: String| OutboundError::Unreachable {
        host: url.host().to_owned(),
        cause,
    };
    let dialing = async {
        let mut waiting = addresses.into_iter();
        let mut trying = FuturesUnordered::new();
        let mut failed = "it has no address".to_owned();
        loop {
            if let Some(address) = waiting.next() {
                trying.push(TcpStream::connect(address));
            } else if trying.is_empty() {
                return Err(failed);
            }
            tokio::select! {
                Some(tried) = trying.next() => match tried {
                    Ok(stream) => return Ok(stream),
                    Err(err) => failed = err.to_string(),
                },
                () = sleep(HEAD_START), if waiting.len() > 0 => {}
            }
        }
    };
    let stream = timeout(CONNECT_TIME, dialing)
        .await
        .map_err(|_| unreachable("nobody answers".to_owned()))?
        .map_err(unreachable)?;
    if let Err(err) = stream.set_nodelay(true) {
        log::debug!("no TCP_NODELAY: {err}");
    }
    Ok(stream)
}

/// Asks a proxy to connect to a host.
async fn tunnel(mut stream: TcpStream, url: &Url) -> Result<TcpStream, OutboundError> {
    let failed = |cause: String| OutboundError::Proxy {
        host: url.host().to_owned(),
        cause,
    };
    let authority = url.authority_with_port();
    let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let written = stream.write_all(request.as_bytes()).await;
    written.map_err(|err| failed(err.to_string()))?;
    let mut head = Vec::new();
    // One byte at a time, so that nothing after the answer is consumed.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= PROXY_HEAD_BYTES {
            return Err(failed("its answer does not end".to_owned()));
        }
        let byte = stream.read_u8().await;
        head.push(byte.map_err(|err| failed(err.to_string()))?);
    }
    let head = String::from_utf8_lossy(&head);
    let line = head.lines().next().unwrap_or_default();
    let status = line.split(' ').nth(1).unwrap_or_default();
    if line.starts_with("HTTP/1.") && status.len() == 3 && status.starts_with('2') {
        Ok(stream)
    } else {
        Err(failed(format!("it answers {status}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_addresses_are_tried_early() {
        let read = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let found = in_order(read(&[
            "1.1.1.1:1",
            "1.1.1.2:1",
            "[2a00::1]:1",
            "[2a00::2]:1",
        ]));
        let expected: Vec<SocketAddr> =
            read(&["[2a00::1]:1", "1.1.1.1:1", "[2a00::2]:1", "1.1.1.2:1"]);
        assert_eq!(found, expected);
        let many: Vec<SocketAddr> = (1..=20).map(|port| ([1, 1, 1, 1], port).into()).collect();
        assert_eq!(in_order(many).len(), ADDRESSES);
    }
}
