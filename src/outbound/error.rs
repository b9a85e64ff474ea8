//! Errors of outbound requests.

/// The reason why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// The address is not an `http` or `https` address, or has more than host, port, path and query.
    #[error("the address is not valid: {0}")]
    BadUrl(&'static str),
    /// The connection would not be encrypted.
    #[error("{host} is reached without encryption, which is only permitted in the own network")]
    Plain {
        /// The host.
        host: String,
    },
    /// None of the addresses of the host may be connected to.
    #[error("{host} leads to a private address, which [outbound] allow_private does not list")]
    Private {
        /// The host.
        host: String,
    },
    /// The host has no address.
    #[error("the name {host} cannot be resolved: {cause}")]
    Unknown {
        /// The host.
        host: String,
        /// The error of the resolver.
        cause: String,
    },
    /// No connection could be opened.
    #[error("{host} cannot be connected to: {cause}")]
    Unreachable {
        /// The host.
        host: String,
        /// The error of the system.
        cause: String,
    },
    /// The certificate of the server is not accepted, or TLS failed otherwise.
    #[error("no encrypted connection to {host}: {cause}")]
    Tls {
        /// The host.
        host: String,
        /// What failed.
        cause: String,
    },
    /// The proxy does not open the connection.
    #[error("the proxy does not connect to {host}: {cause}")]
    Proxy {
        /// The host.
        host: String,
        /// What it answers.
        cause: String,
    },
    /// The answer is not HTTP, or was cut off.
    #[error("{host} gave no valid answer: {cause}")]
    Invalid {
        /// The host.
        host: String,
        /// What is wrong with it.
        cause: String,
    },
    /// It took too long.
    #[error("{host} did not answer in time")]
    TimedOut {
        /// The host.
        host: String,
    },
    /// The file of certificate authorities contains none.
    #[error("[outbound] ca_file holds no usable certificate")]
    Authorities,
}

impl OutboundError {
    /// Returns whether the address itself was refused, whatever the state of the network.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::BadUrl(_) | Self::Plain { .. } | Self::Private { .. }
        )
    }
}
